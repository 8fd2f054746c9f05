"""Reads for the ledger pages: how a connection does, which of its records do not agree, and all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Max, Min, Q, QuerySet

from billing.figures import Month, billed_in
from billing.models import Invoice
from billing.standing import standing_of, with_standing
from ledger_sync import agreeing, budgets
from ledger_sync.agreeing import Record
from ledger_sync.models import Connection, Delivery, Lane, Link
from ledger_sync.models.links import Kind
from practice.core import clock
from practice.core.money import ZERO

#: The rows a record is described by.
SUBJECTS = (
    "client", "service", "invoice__client", "credit__client", "payment__client", "allocation__invoice__client",
    "allocation__payment", "fee_day", "payout", "connection",
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
    notice_at: datetime | None
    access_until: datetime
    windows: list[tuple[str, int, int]]
    blocked_until: datetime | None
    blocked_why: str
    silent_since: datetime | None
    owed_since: datetime | None


#: The states the list of records can be asked for, with their words.
STATES = {
    "undecided": "Need a decision", "differs": "Differ", "refused": "Refused", "waiting": "Waiting", "agrees": "Agree",
    "gone": "Removed there",
}  # fmt: skip


def health_of(connection: Connection) -> Health:
    """How a connection does now."""
    owes, undecided = Q(owed_since__isnull=False), Q(parked_at__isnull=False) | agreeing.doubtful(connection)
    facts = agreeing.known(connection).aggregate(
        known=Count("pk"),
        undecided=Count("pk", filter=undecided),
        waiting=Count("pk", filter=owes & ~undecided),
        owed_since=Min("owed_since"),
    )
    lanes = {lane.name: lane for lane in Lane.objects.filter(connection=connection)}
    push, pull = lanes.get("push"), lanes.get("pull")
    blocked = push.blocked_until if push and push.blocked_until and push.blocked_until > clock.now() else None
    notice = Delivery.objects.filter(provider=connection.provider).order_by("-id").values_list("received_at", flat=True)
    silent = min((lane.silent_since for lane in lanes.values() if lane.silent_since), default=None)
    return Health(
        state="silent" if silent and connection.state == Connection.State.LIVE else connection.state,
        agree=facts["known"] - facts["waiting"] - facts["undecided"],
        known=facts["known"],
        waiting=facts["waiting"],
        undecided=facts["undecided"],
        odd=odd_ones(connection) if facts["waiting"] + facts["undecided"] else [],
        checked_at=pull.swept_at if pull else None,
        notice_at=notice.first(),
        access_until=connection.tokens.expires_at,
        windows=budgets.used(connection),
        blocked_until=blocked,
        blocked_why=push.reason if push and blocked else "",
        silent_since=silent,
        owed_since=facts["owed_since"],
    )


def last_heard(connection: Connection) -> tuple[datetime | None, datetime | None]:
    """When all that changed in the ledger was last read, which pages call "checked", and since when it is silent."""
    lanes = Lane.objects.filter(connection=connection)
    heard = lanes.aggregate(checked=Max("swept_at", filter=Q(name=Lane.Name.PULL)), silent=Min("silent_since"))
    return heard["checked"], heard["silent"]


def odd_ones(connection: Connection, most: int = 3) -> list[Record]:
    """Some of the records that do not agree, those that wait for a decision first."""
    rows = agreeing.not_agreed(connection).select_related(*SUBJECTS)
    stuck = not connection.may_send
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
    first: Invoice | None


def booked(connection: Connection, month: Month) -> Booked:
    """How much of what was billed in a month both books agree on, and what keeps the rest apart."""
    links = Link.objects.filter(connection=connection, kind=Kind.INVOICE, gone_at__isnull=True)
    odd = set(agreeing.open_ones(connection).filter(kind=Kind.INVOICE).values_list("invoice", flat=True))
    agreed = links.filter(remote_id__isnull=False, owed_since__isnull=True).exclude(agreeing.doubtful(connection))
    apart = list(
        with_standing(billed_in(month.entity, month.first).exclude(pk__in=agreed.values("invoice")).order_by("pk"))
    )
    today = clock.today(connection.entity.time_zone)
    worth = {invoice.pk: invoice.total - standing_of(invoice, today).credited for invoice in apart}
    undecided = [invoice for invoice in apart if invoice.pk in odd]
    held = sum((worth[invoice.pk] for invoice in undecided), ZERO)
    rest = sum(worth.values(), ZERO)
    return Booked(month.billed - rest, held, rest - held, len(undecided), undecided[0] if undecided else None)


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
