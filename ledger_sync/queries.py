"""Reads for the ledger pages: how a connection does, what each record's state is, what waits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Max, Min, Q, QuerySet

from billing.standing import standing_of
from ledger_sync import budgets, documents, snags
from ledger_sync.models import Call, Connection, Delivery, Lane, Link, Snag
from ledger_sync.models.links import Kind
from practice.core import clock, dates
from practice.core.money import ZERO

_SUBJECTS = (
    "client", "service", "invoice__client", "credit__client", "payment__client", "allocation__invoice__client",
    "allocation__payment", "fee_day", "payout", "connection",
)  # fmt: skip


@dataclass(frozen=True)
class Health:
    """One connection at a glance."""

    agree: int
    known: int
    waiting: int
    checked_at: datetime | None
    notice_at: datetime | None
    swept_at: datetime | None
    access_until: datetime
    windows: list[tuple[str, int, int]]
    blocked_until: datetime | None
    blocked_why: str
    owed_since: datetime | None


@dataclass(frozen=True)
class Cause:
    """One open cause as the desk shows it."""

    snag: Snag
    sentence: str
    more: str
    remedies: tuple[snags.Remedy, ...]
    said: str


#: What each action did to a document, in words.
_DONE = {"create": "created", "update": "changed", "void": "voided", "delete": "removed"}


@dataclass(frozen=True)
class Record:
    """One link as a page shows it."""

    link: Link
    what: str
    state: str


def health_of(connection: Connection) -> Health:
    """How a connection does now."""
    links = Link.objects.filter(connection=connection, gone_at__isnull=True)
    owes = Q(owed_since__isnull=False)
    facts = links.aggregate(
        known=Count("pk", filter=Q(remote_id__isnull=False) | owes),
        waiting=Count("pk", filter=owes),
        checked=Max("verified_at"),
        owed_since=Min("owed_since"),
    )
    known, waiting, checked = facts["known"], facts["waiting"], facts["checked"]
    differing = Snag.objects.filter(connection=connection, closed_at__isnull=True, link__owed_since__isnull=True)
    differ = differing.filter(link__gone_at__isnull=True).aggregate(n=Count("link", distinct=True))["n"]
    lanes = {lane.name: lane for lane in Lane.objects.filter(connection=connection)}
    push, pull = lanes.get("push"), lanes.get("pull")
    blocked = push.blocked_until if push and push.blocked_until and push.blocked_until > clock.now() else None
    notice = Delivery.objects.filter(provider=connection.provider).order_by("-id").values_list("received_at", flat=True)
    swept = pull.swept_at if pull else None
    return Health(
        agree=known - waiting - differ,
        known=known,
        waiting=waiting,
        checked_at=max((t for t in (checked, swept) if t), default=None),
        notice_at=notice.first(),
        swept_at=swept,
        access_until=connection.tokens.expires_at,
        windows=budgets.used(connection),
        blocked_until=blocked,
        blocked_why=push.reason if push and blocked else "",
        owed_since=facts["owed_since"],
    )


def causes_of(connection: Connection) -> list[Cause]:
    """Open causes, most money first."""
    rows = snags.open_ones(connection).select_related("link", "connection")
    return [Cause(s, snags.sentence(s), snags.more(s), snags.remedies(s), str(s.facts.get("said", ""))) for s in rows]


def held_up(causes: Iterable[Cause]) -> Decimal:
    """The money that waits on causes."""
    return sum((cause.snag.money for cause in causes), ZERO)


def records_of(connection: Connection, *, state: str = "", words: str = "") -> QuerySet[Link]:
    """Links of a connection, those that owe first, then the newest."""
    rows = Link.objects.filter(connection=connection).select_related(*_SUBJECTS)
    filters = {
        "waiting": Q(owed_since__isnull=False, parked_at__isnull=True),
        "refused": Q(parked_at__isnull=False),
        "agrees": Q(owed_since__isnull=True, remote_id__isnull=False, gone_at__isnull=True),
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


def record_of(link: Link) -> Record:
    """A link with its record in words and its state."""
    return Record(link, documents.describe(link), state_of(link))


def state_of(link: Link) -> str:
    """The state of one record, by the name of its look."""
    if link.parked_at is not None:
        return "refused"
    if link.gone_at is not None:
        return "gone"
    if link.owed_since is not None:
        return "waiting" if link.ready_at is None or link.ready_at > clock.now() + timedelta(seconds=5) else "sending"
    return "agrees" if link.remote_id else "off"


def fields_of(link: Link) -> list[tuple[str, str, str, bool]]:
    """Each field both sides hold: name, here, there, and whether they differ. Before it was sent there is only ours."""
    ours, theirs = link.base_ours or {}, link.base_theirs or {}
    rows = []
    for name in ("number", "name", "email", "date", "due_on", "reference", "net", "tax", "total", "amount"):
        if name in ours and (name in theirs or not theirs):
            here, there = _as_read(name, ours[name]), _as_read(name, theirs.get(name, ""))
            rows.append((name.removesuffix("_on"), here, there, bool(here and there and here != there)))
    if link.kind == Kind.INVOICE and link.invoice is not None and theirs:
        paid = standing_of(link.invoice, clock.today(link.invoice.entity.time_zone)).paid
        rows.append(("paid", str(paid), str(theirs.get("paid", "")), False))
    return rows


def _as_read(name: str, value: object) -> str:
    """A date as people read it; anything else as it is."""
    if not value or name not in ("date", "due_on"):
        return str(value)
    day = date.fromisoformat(str(value))
    return f"{dates.short(day)} {day.year}"


def calls_of(connection: Connection) -> QuerySet[Call]:
    """Calls that changed the ledger, newest first."""
    return Call.objects.filter(connection=connection).prefetch_related("items__link").order_by("-id")


@dataclass(frozen=True)
class Sent:
    """One call as a page shows it: what it did to how many records, and the record if it was one."""

    call: Call
    what: str
    count: int
    only: Link | None


def sent_of(call: Call) -> Sent:
    """A call in words: "Invoice created", "Stripe fees of a day removed"."""
    items = list(call.items.all())
    what = f"{items[0].link.get_kind_display()} {_DONE[items[0].ours['action']]}" if items else call.operation
    return Sent(call, what, len(items), items[0].link if len(items) == 1 else None)
