"""Reads for the ledger pages: how a connection does, which of its records do not agree, and all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Q, QuerySet

from billing.figures import Billed, Month, billed_in
from ledger_sync.connection.pulse import Pulse
from ledger_sync.limits import budgets
from ledger_sync.models import Connection, LastNotice, Link
from ledger_sync.proof import agreeing
from ledger_sync.proof.agreeing import Record
from practice.core.money import ZERO

#: The rows a record is described by.
SUBJECTS = (
    "client", "service", "invoice__client", "credit__client", "payment__client", "allocation__invoice__client",
    "allocation__payment", "refund__payment__client", "dispute__payment__client", "fee_day", "payout", "connection",
)  # fmt: skip


@dataclass(frozen=True)
class Health:
    """One connection at a glance. Each known record agrees, waits to be sent, or is undecided; ``odd`` names some."""

    state: str
    agree: int
    known: int
    waiting: int
    undecided: int
    odd: list[Record]
    checked_at: datetime | None
    blocked_until: datetime | None
    silent_since: datetime | None


@dataclass(frozen=True)
class Traffic:
    """What went over the wire lately: the last notice, and the calls of each window with its cap."""

    notice_at: datetime | None
    windows: list[tuple[str, int, int]]


_WINDOWS = {"minute": "Calls this minute", "day": "Calls this day", "app minute": "Calls this minute, all firms"}
#: The states the list of records can be asked for, with their words.
STATES = {
    "undecided": "Need a decision", "differs": "Differ", "refused": "Refused", "waiting": "Waiting", "agrees": "Agree",
    "gone": "Removed there",
}  # fmt: skip


def health_of(connection: Connection, pulse: Pulse) -> Health:
    """How a connection does now."""
    owes, undecided = Q(owed_since__isnull=False), Q(parked_at__isnull=False) | agreeing.doubtful(connection)
    facts = agreeing.known(connection).aggregate(
        known=Count("pk"),
        undecided=Count("pk", filter=undecided),
        waiting=Count("pk", filter=owes & ~undecided),
    )
    return Health(
        state="silent" if pulse.silent_since and connection.state == Connection.State.LIVE else connection.state,
        agree=facts["known"] - facts["waiting"] - facts["undecided"],
        known=facts["known"],
        waiting=facts["waiting"],
        undecided=facts["undecided"],
        odd=odd_ones(connection, pulse) if facts["waiting"] + facts["undecided"] else [],
        checked_at=pulse.checked_at,
        blocked_until=pulse.blocked_until,
        silent_since=pulse.silent_since,
    )


def traffic_of(connection: Connection) -> Traffic:
    """What went over the wire of a connection lately."""
    return Traffic(
        LastNotice.objects.filter(connection=connection).values_list("at", flat=True).first(),
        [(_WINDOWS[name], spent, cap) for name, spent, cap in budgets.used(connection)],
    )


def odd_ones(connection: Connection, pulse: Pulse, most: int = 3) -> list[Record]:
    """Some of the records that do not agree, those that wait for a decision first."""
    rows = agreeing.not_agreed(connection).select_related(*SUBJECTS)
    stuck = pulse.is_stuck or not connection.may_send
    return [agreeing.record_of(link, stuck=stuck) for link in rows[:most]]


@dataclass(frozen=True)
class Booked:
    """What became of a month's invoices in the ledger, less their credits: agreed, undecided, and not there yet.

    ``first`` is an invoice that a person must decide about.
    """

    agreed: Decimal
    undecided: Decimal
    missing: Decimal
    count: int
    first: Billed | None


def booked(connection: Connection, month: Month) -> Booked:
    """How much of what was billed in a month both books agree on, and what keeps the rest apart; one question."""
    states = agreeing.invoice_states(connection, billed_in(month.entity, month.first))
    sums = {"agrees": ZERO, "undecided": ZERO, "waiting": ZERO}
    for bill in month.bills:
        sums[states.get(bill.pk, "waiting")] += bill.worth
    odd = [bill for bill in month.bills if states.get(bill.pk) == "undecided"]
    return Booked(sums["agrees"], sums["undecided"], sums["waiting"], len(odd), odd[0] if odd else None)


def records_of(connection: Connection, *, state: str = "", words: str = "") -> QuerySet[Link]:
    """Links of a connection, those that owe first, then the newest. ``state`` is a key of :data:`STATES`."""
    rows = agreeing.with_doubt(Link.objects.filter(connection=connection)).select_related(*SUBJECTS)
    here, doubt = Q(gone_at__isnull=True), Q(doubted=True)
    filters = {
        "undecided": here & (Q(parked_at__isnull=False) | doubt),
        "differs": here & Q(parked_at__isnull=True) & doubt,
        "refused": Q(parked_at__isnull=False),
        "waiting": here & Q(owed_since__isnull=False, parked_at__isnull=True) & ~doubt,
        "agrees": here & Q(owed_since__isnull=True, remote_id__isnull=False) & ~doubt,
        "gone": Q(gone_at__isnull=False),
    }
    if state in filters:
        rows = rows.filter(filters[state])
    if words:
        found = Q(invoice__number__icontains=words) | Q(client__name__icontains=words)
        found |= Q(invoice__client__name__icontains=words) | Q(payment__reference__icontains=words)
        found |= Q(allocation__invoice__number__icontains=words)
        rows = rows.filter(found)
    return rows.order_by("owed_since", "-id")
