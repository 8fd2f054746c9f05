"""Try breaking it: what bookkeepers, banks and ledgers do on bad days, each with one press, in either firm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from django.conf import settings
from django.core.cache import cache

from billing import attempts, invoicing
from billing.attempts import NothingDue, PaymentUnderWay
from billing.models import Invoice, PaymentMethod
from billing.standing import standing_of, unsettled
from billing.stripe_accounts import account_of
from ledger_sync.models import Connection, Link, Mapping, RefItem
from ledger_sync.sandbox.quickbooks.pages import COOKIE as QUICKBOOKS_NOTICE
from ledger_sync.sandbox.xero.pages import COOKIE as XERO_NOTICE
from practice.core import clock, money, wake
from practice.firm.models import Client, Service
from practice.site.demo import wiring

#: An invoice that was broken a moment ago is left alone meanwhile, so that pressing again takes another one.
LEFT_ALONE_SECONDS = 300
#: The calls of each ledger's API, as the faults of its sandbox match them.
_API = {"xero": "/api.xro/", "quickbooks": "/v3/"}
#: For how long a ledger is taken down, in seconds.
OUTAGE = 60
_NOTICES = {"xero": XERO_NOTICE, "quickbooks": QUICKBOOKS_NOTICE}


class CannotBreak(Exception):
    """There is nothing to break that way now; the text says why."""


@dataclass(frozen=True)
class Done:
    """What was broken, in words, and the invoice it shows on."""

    words: str
    invoice: Invoice


@dataclass(frozen=True)
class Break:
    """One thing to break; ``in_ledger`` when it is done there, so that the ledger must be read to learn of it."""

    key: str
    words: str
    more: str
    icon: str
    act: Callable[[Connection], Done]
    in_ledger: bool = False


def connection_of(slug: str) -> Connection:
    """The connected ledger of one of the demo's firms. Raises CannotBreak when it was disconnected."""
    found = Connection.objects.select_related("entity", "practice").filter(practice__slug=slug, state="live").first()
    if found is None:
        raise CannotBreak("The ledger of this firm is not connected: connect it again under Ledger")
    return found


def sandbox_of(connection: Connection) -> str:
    """The address of the sandbox that plays a connection's ledger."""
    return str({"xero": settings.XERO_BASE, "quickbooks": settings.QBO_BASE}[connection.provider])


def _books(connection: Connection, path: str, **form: str) -> None:
    """Press a button in the sandbox ledger, as the bookkeeper does. Raises CannotBreak with the ledger's own words."""
    door = HTTPConnection(urlsplit(sandbox_of(connection)).netloc, timeout=10)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        door.request("POST", f"/books/{connection.remote_org}/{path}", urlencode(form), kind)
        answer = door.getresponse()
        answer.read()
    except OSError as error:
        raise CannotBreak(f"The sandbox ledger did not answer: {error}") from error
    finally:
        door.close()
    said = SimpleCookie(answer.headers.get("Set-Cookie", "")) if answer.status == 303 else {}
    words = unquote(said[_NOTICES[connection.provider]].value) if said else "!"
    if words.startswith("!"):
        raise CannotBreak(f"The sandbox ledger refused it. {words[1:]}".strip())


def read_soon(connection: Connection) -> None:
    """Let the worker read the ledger now instead of at the next sweep."""
    wake.ring("ledger_sync.tasks.sweep_connection", connection_id=connection.pk)


def _untouched(connection: Connection) -> Iterator[tuple[Invoice, Link]]:
    """Invoices both books agree on, with no money on them in either: the bookkeeper may pay or edit them."""
    rows = unsettled(Invoice.objects.filter(entity=connection.entity, hold_code="", allocations__isnull=True))
    for invoice in rows.select_related("client").order_by("-issued_on", "pk")[:200]:
        link = Link.objects.filter(
            connection=connection, invoice=invoice, remote_id__isnull=False, gone_at__isnull=True, owed_since__isnull=True
        ).first()  # fmt: skip
        if link is not None and cache.add(f"demo.broken.{invoice.pk}", True, LEFT_ALONE_SECONDS):
            yield invoice, link


def _on_one(connection: Connection, act: Callable[[Invoice, Link], str]) -> Done:
    """Do something in the ledger to the first invoice it lets us. Raises CannotBreak when there is none."""
    refused = "No unpaid invoice is left as it was: let a client sign a proposal, or clear what waits at the desk"
    for invoice, link in _untouched(connection):
        try:
            words = act(invoice, link)
        except CannotBreak as error:
            # The ledger knows of something that has not come back yet; the next invoice will do.
            refused = str(error)
            continue
        read_soon(connection)
        return Done(words, invoice)
    raise CannotBreak(refused)


def _in_words(amount: Decimal, connection: Connection) -> str:
    return money.in_words(amount, connection.entity.currency, connection.entity.locale)


def pay_at_bank(connection: Connection) -> Done:
    """The client pays by bank transfer; the bookkeeper records it in the ledger."""

    def pay(invoice: Invoice, link: Link) -> str:
        due = standing_of(invoice, clock.today(connection.entity.time_zone)).due
        _books(connection, f"invoices/{link.remote_id}/", action="pay", amount=str(due))
        return (
            f"{invoice.client.name} paid {invoice.number} at the bank, and the bookkeeper recorded "
            f"{_in_words(due, connection)} in {connection.get_provider_display()}."
        )

    return _on_one(connection, pay)


def edit_invoice(connection: Connection) -> Done:
    """The bookkeeper changes an invoice the client already has."""

    def edit(invoice: Invoice, link: Link) -> str:
        line: dict[str, Any] = max((link.base_theirs or {})["lines"], key=lambda one: Decimal(one["unit_price"]))
        was = Decimal(line["unit_price"])
        price = money.to_cents(was * Decimal("0.9"))
        _books(
            connection, f"invoices/{link.remote_id}/", action="line", line=line["remote_line"], UnitAmount=str(price),
            Amount=str(money.to_cents(price * Decimal(line.get("quantity") or 1))),
            AccountCode=_usable(connection, line.get("account", "")), Description=line["description"],
        )  # fmt: skip
        return (
            f"The bookkeeper changed {invoice.number} of {invoice.client.name} in {connection.get_provider_display()}: "
            f"a price of {_in_words(was, connection)} is {_in_words(price, connection)} there now."
        )

    return _on_one(connection, edit)


def _usable(connection: Connection, code: str) -> str:
    """The line's account, or the first income account that can still be posted to, as a bookkeeper would choose."""
    income = RefItem.objects.filter(
        connection=connection, kind="account", active=True, data__Type__in=["REVENUE", "SALES"]
    )
    codes = list(income.order_by("code").values_list("code", flat=True))
    return code if code in codes or not codes else codes[0]


def archive_account(connection: Connection) -> Done:
    """The bookkeeper archives the income account; the next invoice cannot be posted."""
    service = _service(connection)
    places = Mapping.objects.filter(connection=connection).select_related("target")
    place = places.filter(service=service).first() or places.get(purpose=Mapping.Purpose.SALES)
    account = f"{place.target.code} “{place.target.name}”".strip()
    ledger = connection.get_provider_display()
    if place.target.active:
        _books(connection, f"accounts/{quote(place.target.code or place.target.name)}/", action="archive")
        words = f"The bookkeeper archived account {account} in {ledger}."
    else:
        words = f"Account {account} is archived in {ledger} already."
    read_soon(connection)
    invoice = _bill(connection, _somebody(connection), Decimal(180))
    return Done(f"{words} {invoice.number} over {_in_words(invoice.total, connection)} is to be posted to it.", invoice)


def bounce_debit(connection: Connection) -> Done:
    """A bank debit comes back."""
    entity = connection.entity
    methods = PaymentMethod.objects.filter(entity=entity, removed_at__isnull=True).exclude(kind="card")
    method = methods.select_related("client").order_by("pk").first()
    if method is None:
        raise CannotBreak("Nobody pays by bank debit")
    invoice = _bill(connection, method.client, Decimal(150))
    try:
        attempt = attempts.charge_saved(invoice=invoice, amount=invoice.total, method=method, asked_at=clock.now())
    except (NothingDue, PaymentUnderWay) as error:
        raise CannotBreak(str(error)) from error
    if attempt.payment is None:
        raise CannotBreak(f"The debit did not start: {attempt.failure or attempt.get_state_display()}")
    wiring.post(
        f"{settings.STRIPE_API_BASE}/_sandbox/debits/settle",
        {
            "account": account_of(entity.pk).account_ref,
            "charge": attempt.payment.charge_ref,
            "failure": "insufficient_funds",
        },
    )
    words = f"{_in_words(invoice.total, connection)} for {invoice.number} was debited from {method.client.name}; the bank sends it back."
    return Done(words, invoice)


def ledger_down(connection: Connection) -> Done:
    """The ledger stops answering for a while; everything queues and drains by itself."""
    client = _somebody(connection)
    fault = {"kind": "down", "match": _API[connection.provider], "seconds": OUTAGE}
    wiring.post(f"{sandbox_of(connection)}/_sandbox/faults", fault)
    invoice = _bill(connection, client, Decimal(120))
    return Done(
        f"{connection.get_provider_display()} answers nobody for {OUTAGE} seconds, just as {invoice.number} is to be posted.",
        invoice,
    )


def _somebody(connection: Connection) -> Client:
    """A client the ledger knows, so that an invoice needs nothing else first."""
    known = Link.objects.filter(
        connection=connection, client__isnull=False, remote_id__isnull=False, gone_at__isnull=True
    )
    link = known.select_related("client").order_by("pk").first()
    if link is None or link.client is None:
        raise CannotBreak("The ledger knows no client yet: let one sign a proposal first")
    return link.client


def _service(connection: Connection) -> Service:
    return Service.objects.filter(practice=connection.practice, archived_at__isnull=True).order_by("pk")[0]


def _bill(connection: Connection, client: Client, price: Decimal) -> Invoice:
    draft = invoicing.Draft("Extra work", Decimal(1), price, "standard", _service(connection).pk)
    today = clock.today(connection.entity.time_zone)
    return invoicing.bill_once(entity=connection.entity, client=client, drafts=[draft], on=today, now=clock.now())


BREAKS = (
    Break(
        "pay-at-bank",
        "Pay at the bank",
        "A client pays by transfer; the bookkeeper records it.",
        "bank",
        pay_at_bank,
        True,
    ),
    Break("edit-invoice", "Edit an invoice", "The bookkeeper changes one the client has.", "pen", edit_invoice, True),
    Break(
        "archive-account", "Archive an account", "The next invoice has nowhere to go.", "archive", archive_account, True
    ),
    Break("bounce-debit", "Bounce a debit", "A bank debit comes back for lack of money.", "undo", bounce_debit),
    Break(
        "ledger-down",
        "Take the ledger down",
        "It answers nobody for a minute, while an invoice waits.",
        "pause",
        ledger_down,
    ),
)
