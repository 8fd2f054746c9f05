"""Accounts with a past: three practices, their clients, and ten weeks of payments with all that can happen to them.

The past is made by the same handlers that answer requests, at the moment each thing happened; nothing is written past
their rules. All names are invented.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from billing.sandbox.stripe import (
    customers,
    disputes,
    jobs,
    payment_intents,
    payouts,
    refunds,
    setup_intents,
)
from billing.sandbox.stripe.books import Books
from billing.sandbox.stripe.wire import Refused, Row

if TYPE_CHECKING:
    from billing.sandbox.stripe.sandbox import StripeSandbox

_WEEKS = 10
_DEBITS = {"aud": "pm_auBecsDebit_{}", "usd": "pm_usBankAccount_{}", "eur": "pm_sepaDebit_{}_de"}
_FAILING = {"aud": "referToCustomer", "usd": "insufficientFunds", "eur": "insufficientFunds"}
_DISPUTED = {"aud": "dispute", "usd": "dispute", "eur": "disputed"}
_MANDATE = {"customer_acceptance": {"type": "offline"}}
_CLIENTS = {
    "acct_harbour": (
        "Wattle Bakery, Banksia Dental, Rivergum Builders, Coolabah Cycles, Larkspur Floristry, Ironbark Joinery, "
        "Saltbush Catering, Currawong Books, Kestrel Couriers, Pelican Boats, Lantern Theatre, Quokka Toys, "
        "Tallow Candles, Bluegum Physiotherapy, Magpie Media, Stonefruit Orchards, Fernleaf Landscapes, Harrow Farm "
        "Supplies, Copperline Plumbing, Driftwood Cafe, Emberly Ceramics, Gullwing Motors, Hazelwood Kindergarten, "
        "Inkwell Printing, Jarrah Furniture, Kingfisher Pools, Lyrebird Audio, Mallee Solar"
    ),
    "acct_larkin": (
        "Maple Dental, Prairie Hardware, Juniper Yoga, Bluestem Realty, Cottonwood Diner, Sycamore Optics, Redbud "
        "Nursery, Heron Roofing, Mesa Pottery, Timberline Outfitters, Foxglove Bridal, Cinder Block Gym, Lakeside "
        "Laundry, Oriole Music School, Pecan Street Deli, Quarry Stone Works, Ridgeway Trucking, Sagebrush Vets, "
        "Thistle Tea House, Umber Paints, Vireo Birding, Willow Bend Spa, Yarrow Herbs, Zephyr Kites, Alder Brewing, "
        "Birchbark Canoes, Cedar Roofline, Dogwood Studios"
    ),
    "acct_rhein": (
        "Ahorn Apotheke, Birkenhof Gaertnerei, Drossel Verlag, Eibe Tischlerei, Falke Logistik, Ginster Floristik, "
        "Hasel Kindergarten, Igel Spielwaren, Kranich Reisen, Lerche Musikschule, Moewe Bootsbau, Nussbaum Moebel, "
        "Otter Wasserbau, Pirol Optik, Quelle Sprudel, Reiher Architekten, Schlehe Feinkost, Tanne Holzbau, Ulme "
        "Immobilien, Veilchen Drogerie, Weide Korbwaren, Zeisig Druckerei, Amsel Cafe, Buche Bau, Distel Keramik, "
        "Erle Elektro, Fink Fahrrad, Linde Baeckerei"
    ),
}


def fill(sandbox: StripeSandbox, now: datetime) -> None:
    """Give the vendor's three accounts their past, unless they have one."""
    if sandbox.store.get("_account", "acct_rhein") is None:
        sandbox.open_account("acct_rhein", country="DE", business="Rhein Kanzlei GmbH")
    if any(True for _ in sandbox.books("acct_harbour").rows("customer")):
        return
    start = (now - timedelta(weeks=_WEEKS)).replace(hour=1, minute=0, second=0, microsecond=0)
    practices = [_Practice(sandbox, name) for name in _CLIENTS]
    for day in range(_WEEKS * 7 + 1):
        at = min(start + timedelta(days=day), now)
        jobs.run_due(sandbox.agenda, at, sandbox.books)
        with sandbox.store.transaction():
            for practice in practices:
                practice.live(day, at)
    jobs.run_due(sandbox.agenda, now, sandbox.books)
    with sandbox.store.transaction():
        for practice in practices:
            practice.leave_open(now)


class _Practice:
    """One account, living day by day."""

    def __init__(self, sandbox: StripeSandbox, name: str) -> None:
        self.sandbox = sandbox
        self.name = name
        self.chance = random.Random(name)
        self.clients: list[Row] = []
        self.methods: dict[str, str] = {}
        self.books: Books = sandbox.books(name)
        self.currency: str = self.books.account["currency"]

    def live(self, day: int, at: datetime) -> None:
        """What happens on one day: clients arrive for four weeks, and each pays in the same week of every month."""
        self.books = self.sandbox.books(self.name, at)
        for number, name in enumerate(_CLIENTS[self.name].split(", ")):
            if day == number:
                self._arrive(number, name)
            elif day > number and (day - number) % 28 == 3:
                self._bill(number)
        if extra := _EXTRAS.get(day):
            extra(self)

    def leave_open(self, now: datetime) -> None:
        """What is still under way on the last day."""
        self.books = self.sandbox.books(self.name, now)
        self._try(self._charge, 0, self._debit("success"), 42_000, "Bookkeeping", saving=True)
        hold: Row = {"capture_method": "manual", "confirm": True, "payment_method": "pm_card_mastercard"}
        self._intent(4, 25_000, "Deposit", **hold)
        self._intent(5, 33_000, "Tax return", confirm=True, payment_method="pm_card_threeDSecure2Required")
        self._intent(6, 18_000, "Payroll", payment_method="pm_card_visa")
        self._intent(7, 12_500, "Advice")
        self._intent(8, 9_900, "Entered twice", cancel=True)
        self._try(self._card, 9, "pm_card_visa_chargeDeclinedInsufficientFunds", 15_000)
        setup_intents.create(self.books, {"customer": self.clients[10]["id"], "usage": "off_session"})

    def _arrive(self, number: int, name: str) -> None:
        email = f"accounts@{name.lower().replace(' ', '-')}.example"
        client = customers.create(self.books, {"name": name, "email": email, "metadata": {"client": str(number + 1)}})
        self.clients.append(client)
        cards = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_visa_debit")
        method = self._debit("success") if number % 3 == 1 else cards[number % 4]
        wanted: Row = {"customer": client["id"], "payment_method": method, "confirm": True}
        wanted |= {"return_url": "https://pay.example/", "mandate_data": _MANDATE}
        self.methods[client["id"]] = setup_intents.create(self.books, wanted)["payment_method"]

    def _bill(self, number: int) -> None:
        amount = self.chance.randrange(11_000, 99_000, 550)
        self._charge(number, self.methods[self.clients[number]["id"]], amount, "Monthly fee", off_session=True)

    def _debit(self, kind: str) -> str:
        return _DEBITS[self.currency].format(kind)

    def _charge(self, number: int, method: str, amount: int, words: str, **more: Any) -> Row:
        if more.pop("saving", False):
            more |= {"setup_future_usage": "off_session", "mandate_data": _MANDATE}
        return self._intent(number, amount, words, payment_method=method, confirm=True, **more)

    def _card(self, number: int, name: str, amount: int) -> Row:
        return self._charge(number, name, amount, "Extra work")

    def _intent(self, number: int, amount: int, words: str, *, cancel: bool = False, **more: Any) -> Row:
        wanted = {"amount": amount, "currency": self.currency, "customer": self.clients[number]["id"]}
        back = {"return_url": "https://pay.example/"} if more.get("confirm") else {}
        row = payment_intents.create(self.books, {**wanted, "description": words, **back, **more})
        return payment_intents.cancel(self.books, {}, row["id"]) if cancel else row

    def _try(self, work: Callable[..., Row], *given: Any, **more: Any) -> None:
        """Do what a bank may refuse: the refusal is part of the past, anything else is a mistake here."""
        try:
            work(*given, **more)
        except Refused as refused:
            if not refused.keeps:
                raise

    def payments_go_wrong(self) -> None:
        """Cards that are declined, blocked or given back, and accounts that bounce."""
        for number, name in enumerate(("chargeCustomerFail", "radarBlock", "visa_chargeDeclinedVelocityLimitExceeded")):
            self._try(self._card, number, f"pm_card_{name}", 21_000)
        for number, kind in enumerate((_FAILING[self.currency], _DISPUTED[self.currency])):
            self._try(self._charge, number + 3, self._debit(kind), 30_800, "Extra work", saving=True)

    def clients_complain(self) -> None:
        """Disputes of each kind, and payments that will be refunded."""
        for number, name in enumerate(("createDispute",) * 4 + ("createDisputeInquiry",) * 2):
            self._card(number + 6, f"pm_card_{name}", 26_400)
        for number, name in enumerate(("visa", "visa", "pendingRefund", "refundFail")):
            self._card(number + 12, f"pm_card_{name}", 19_800)

    def disputes_are_answered(self) -> None:
        """One won, one lost, one given in, one inquiry closed; the others wait."""
        chargebacks = [row for row in self.books.rows("dispute") if row["status"] == "needs_response"]
        inquiries = [row for row in self.books.rows("dispute") if row["status"] == "warning_needs_response"]
        for row, text in zip(chargebacks, ("winning_evidence", "losing_evidence", "Still looking"), strict=False):
            wanted = {"evidence": {"uncategorized_text": text}, "submit": True}
            disputes.update(self.books, wanted, row["id"])
        for row in inquiries[:1]:
            disputes.close(self.books, {}, row["id"])

    def money_goes_back(self) -> None:
        """Refunds in whole and in part."""
        extra = [row for row in self.books.rows("charge") if row["description"] == "Extra work"]
        whole = [row for row in extra if row["status"] == "succeeded" and not row["disputed"] and not row["refunded"]]
        for number, row in enumerate(whole[-4:]):
            part = {"amount": 5_000} if number % 2 else {}
            refunds.create(self.books, {"charge": row["id"], "reason": "requested_by_customer", **part})

    def a_payout_comes_back(self) -> None:
        """The bank returns one payout."""
        sent = [row for row in self.books.rows("payout") if row["amount"] > 0 and row["status"] == "paid"]
        payouts.fail(self.books, sent[-1]["id"], "account_closed")


#: What happens beside the monthly fees, by day.
_EXTRAS: dict[int, Callable[[_Practice], None]] = {
    30: _Practice.payments_go_wrong,
    36: _Practice.clients_complain,
    40: _Practice.disputes_are_answered,
    44: _Practice.money_goes_back,
    50: _Practice.a_payout_comes_back,
    66: _Practice.clients_complain,
    69: _Practice.money_goes_back,
}
