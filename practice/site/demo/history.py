"""Six months of true history for one firm, day by day: proposals signed, months billed, money collected and booked.

Nothing is written into tables by hand: every row comes from the action a person, a client, the worker or a vendor would
have caused, at the moment the clock shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

import billing.tasks
import ledger_sync.tasks
from billing import attempts, collecting, methods
from billing.methods import Presence
from billing.models import Invoice
from billing.standing import standing_of
from billing.stripe_accounts import account_of
from ledger_sync.models import Connection, Link
from practice.core import audit, clock, dates
from practice.firm.models import Client, Entity, Service, User
from practice.site.demo import founding, stripe_js
from practice.site.demo.cast import FirmCast
from practice.site.demo.world import World
from proposals import documents, drafting, sending, signing
from proposals.models import Proposal

MONTHS = 6
#: Days of a month on which something is billed, due or tried again: bills of the 1st are due on the 15th.
BUSY_DAYS = frozenset({1, 2, 4, 6, 8, 11, 13, 15, 16, 18, 20, 22, 24, 26, 28})
#: The last months' invoices of these clients are left unpaid, so that something is overdue.
LATE = (3, 11, 19)
_NO_METHOD = (2, 3, 7, 11, 15, 19, 24, 31)
_DEBIT = (5, 9, 13, 17, 22, 27, 33)
_FAILING_DEBIT = 36
_WITH_DEPOSIT = (1, 6, 12, 18, 25, 30)


@dataclass
class History:
    """One firm on its way through six months."""

    cast: FirmCast
    entity: Entity
    partner: User
    world: World
    connection: Connection
    stop_paying_on: date

    def live(self, until: date, tell: Callable[[str], None]) -> None:
        """Live from the first of the month six months ago to the day before ``until``."""
        first = dates.nth(until.replace(day=1), dates.Unit.MONTH, 1, 0)
        for _ in range(MONTHS):
            first = (first - timedelta(days=1)).replace(day=1)
        plan = self._signing_days(first, until)
        day, month, months = first, 0, 0
        while day < until:
            if day.month != month:
                month = day.month
                months += 1
                tell(f"{self.cast.name}: {day:%B %Y}, {months} of {MONTHS + 1}")
            self._morning(day)
            for number in plan.get(day, ()):
                self._engage(number)
            self._bookkeeper(day)
            self._evening(day)
            day += timedelta(days=1)

    def _signing_days(self, first: date, until: date) -> dict[date, list[int]]:
        """Most sign in the first weeks; the one whose debit comes back signs lately."""
        plan: dict[date, list[int]] = {}
        for number in range(1, len(self.cast.clients) + 1):
            day = (
                until - timedelta(days=12)
                if number == _FAILING_DEBIT
                else first + timedelta(days=1 + (number * 37) % 52)
            )
            plan.setdefault(day, []).append(number)
        return plan

    def _at(self, day: date, hour: int, minute: int = 0) -> None:
        local = datetime.combine(day, time(hour, minute), ZoneInfo(self.cast.zone))
        clock.move(local.astimezone(UTC))

    def _morning(self, day: date) -> None:
        """The day's billing run, collection, and what the vendors have done overnight.

        On days when nothing can be due the minute sweeps are left out: they would find nothing.
        """
        self._at(day, 6, 10)
        self.world.work()
        if day.day not in BUSY_DAYS:
            return
        billing.tasks.sweep()
        self.world.work()
        self.world.pass_time(minutes=2)

    def _evening(self, day: date) -> None:
        self._at(day, 18)
        self.world.work()
        if day.weekday() == 4 or day.day == 1:
            ledger_sync.tasks.sweep()
            self.world.work()

    def _engage(self, number: int) -> None:
        """A proposal written, sent, signed and its first bill paid, in one morning."""
        name = self.cast.clients[number - 1][0]
        client = Client.objects.get(practice=self.entity.practice, name__startswith=name)
        with audit.cause(system="web", actor=self.partner.email, user_id=self.partner.pk):
            proposal = self.write(client, number)
            sending.send_proposal(proposal_id=proposal.pk, anyway="agreed by phone")
        self.world.work()
        self.world.pass_time(hours=2)
        self.sign(proposal)
        self.world.work()
        if number not in _NO_METHOD:
            self._pay(proposal, number)
        self.world.pass_time(seconds=5)
        clock.advance(hours=1)

    def write(self, client: Client, number: int) -> Proposal:
        """A proposal as this firm would write it."""
        proposal = drafting.start_draft(
            entity=self.entity, client=client, partner=self.partner, title=f"Accounting {clock.now().year}"
        )
        today = clock.today(self.cast.zone)
        drafting.change_draft(
            proposal_id=proposal.pk,
            message="{{signatory.first_name}}, thank you for your time. This covers what we talked about. Ask me anything.",
            starts_on=dates.nth(today.replace(day=1), dates.Unit.MONTH, 1, 1),
            expires_on=today + timedelta(days=28),
        )
        self._services(proposal, number)
        return proposal

    def _services(self, proposal: Proposal, number: int) -> None:
        offers = {s.code: s for s in Service.objects.filter(practice=self.entity.practice)}
        work = next(s for s in offers.values() if s.cadence == "completion")
        drafting.add_service(proposal_id=proposal.pk, service=offers["BK"], unit_price=Decimal(320 + 20 * (number % 9)))
        if number % 3 == 0:
            drafting.add_service(proposal_id=proposal.pk, service=offers["PAY"], quantity=Decimal(2 + number % 7))
        quarterly = next((s for s in offers.values() if s.cadence == "quarter"), None)
        if number % 4 == 0 and quarterly is not None:
            drafting.add_service(proposal_id=proposal.pk, service=quarterly)
        if number % 5 == 1:
            drafting.add_service(proposal_id=proposal.pk, service=offers["SET"])
        if number in _WITH_DEPOSIT:
            drafting.add_service(proposal_id=proposal.pk, service=work)
            done = clock.today(self.cast.zone) + timedelta(days=60 + 20 * (number % 4))
            drafting.change_draft(
                proposal_id=proposal.pk, deposit="percent", deposit_value=Decimal(30), expected_completion_on=done
            )

    def sign(self, proposal: Proposal) -> None:
        """The client reads and signs."""
        proposal.refresh_from_db()
        person = proposal.signatory
        assert person is not None, "every client of the demo has somebody who signs"
        signing.note_view(proposal_id=proposal.pk, address="203.0.113.7", agent="Mobile Safari")
        option = proposal.options.get(recommended=True)
        shown = documents.document_of(proposal, option, clock.today(self.cast.zone))
        signer = signing.Signer(name=person.name, role=person.role, address="203.0.113.7", agent="Mobile Safari")
        signing.sign_proposal(proposal_id=proposal.pk, option_id=option.pk, signer=signer, shown_digest=shown.digest)
        proposal.refresh_from_db()

    def _pay(self, proposal: Proposal, number: int) -> None:
        """Pay what is due on signing, or save a method for the first bill."""
        assert proposal.engagement is not None
        today = clock.today(self.cast.zone)
        invoices = signing.first_invoices(proposal.engagement)
        shares = [(i, collecting.due_now(i, standing_of(i, today), today)) for i in invoices]
        shares = [(i, amount) for i, amount in shares if amount > 0]
        presence = Presence(address="203.0.113.7", agent="Mobile Safari")
        if shares:
            started = attempts.start_on_session(
                entity=self.entity, client=proposal.client, shares=shares, presence=presence
            )
            secret, key = started.client_secret, started.publishable_key
        else:
            intent = methods.start_setup(entity=self.entity, client=proposal.client, presence=presence)
            secret, key = intent.client_secret, account_of(self.entity.pk).publishable_key
        person = proposal.signatory
        assert person is not None
        stripe_js.pay(
            base=settings.STRIPE_API_BASE, key=key, secret=secret, method=self._method(number), name=person.name,
            email=person.email,
        )  # fmt: skip
        self.world.pass_time(seconds=3)

    def _method(self, number: int) -> dict[str, str]:
        debit, failing = (stripe_js.BECS, stripe_js.BECS_FAILS) if self.cast.country == "AU" else (
            stripe_js.ACH, stripe_js.ACH_FAILS,
        )  # fmt: skip
        if number == _FAILING_DEBIT:
            return failing
        return debit if number in _DEBIT else stripe_js.CARD

    def _bookkeeper(self, day: date) -> None:
        """Clients without a saved method pay at the bank; the bookkeeper records it some days later."""
        if day.day not in (9, 16, 23):
            return
        self._at(day, 15)
        for number in _NO_METHOD:
            name = self.cast.clients[number - 1][0]
            for invoice in Invoice.objects.filter(
                entity=self.entity, client__name__startswith=name, status=Invoice.Status.ISSUED
            ):
                due = standing_of(invoice, day).due
                keep = number in LATE and invoice.issued_on and invoice.issued_on >= self.stop_paying_on
                if due > 0 and not keep and invoice.issued_on and (day - invoice.issued_on).days >= 5:
                    self._record_at_bank(invoice, due)
        ledger_sync.tasks.sweep_connection(self.connection.pk)
        self.world.work()

    def _record_at_bank(self, invoice: Invoice, amount: Decimal) -> None:
        link = Link.objects.filter(invoice=invoice, remote_id__isnull=False).first()
        if link is None:
            return
        self.books().record_payment(str(link.remote_id), amount)

    def books(self) -> Any:
        """The bookkeeper of this firm's sandbox ledger."""
        return self.world.sandboxes[self.cast.provider].bookkeeper


def make(cast: FirmCast, people: dict[str, User], world: World, today: date, tell: Callable[[str], None]) -> History:
    """Found one firm and let it live until today, then leave the open ends the demo shows."""
    first = today.replace(day=1)
    for _ in range(MONTHS):
        first = (first - timedelta(days=1)).replace(day=1)
    zone = ZoneInfo(cast.zone)
    clock.move(datetime.combine(first, time(9), zone).astimezone(UTC))
    entity = founding.found_firm(cast, people)
    keys = world.sandboxes[cast.provider].credentials()
    connection = founding.connect_ledger(cast, entity, keys)
    founding.connect_stripe(cast, entity, world.sandboxes["stripe"].credentials()["accounts"][cast.stripe_account])
    partner = next(m.user for m in entity.practice.memberships.filter(role="partner"))
    last_month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    stop_paying_on = (last_month - timedelta(days=1)).replace(day=1)
    history = History(cast, entity, partner, world, connection, stop_paying_on)
    history.live(today, tell)
    _open_ends(history, today)
    return history


def _open_ends(history: History, today: date) -> None:
    """Two proposals out, one invoice edited in the ledger, one cause of another kind."""
    history._at(today - timedelta(days=1), 20)
    for number in (4, 8):
        name = history.cast.clients[number - 1][0]
        client = Client.objects.get(practice=history.entity.practice, name__startswith=name)
        with audit.cause(system="web", actor=history.partner.email, user_id=history.partner.pk):
            proposal = history.write(client, number + 1)
            drafting.change_draft(proposal_id=proposal.pk, title="More help next year")
            sending.send_proposal(proposal_id=proposal.pk, anyway="agreed by phone")
        history.world.work()
    signing.note_view(proposal_id=proposal.pk, address="203.0.113.9", agent="Chrome")
    unpaid = Invoice.objects.filter(entity=history.entity, status="issued").order_by("-issued_on", "pk")
    troubled_already = history.cast.clients[_FAILING_DEBIT - 1][0]
    for invoice in unpaid.exclude(client__name__startswith=troubled_already):
        link = Link.objects.filter(invoice=invoice, remote_id__isnull=False).first()
        if link is not None and standing_of(invoice, today).state in ("open", "overdue"):
            line = (link.base_theirs or {})["lines"][0]
            history.books().edit_line(
                str(link.remote_id), line["remote_line"], {"UnitAmount": Decimal(line["unit_price"]) - 50}
            )
            break
    history.world.pass_time(seconds=30)
    ledger_sync.tasks.sweep_connection(history.connection.pk)
    history.world.work()
