"""Links and what they need: a record owes the ledger, and may be sent once what it needs is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet

from ledger_sync.kinds import MAIN, SHAPES
from ledger_sync.limits import lanes
from ledger_sync.models import Connection, Link, LinkNeed
from ledger_sync.models.links import SUBJECTS, Kind
from practice.core import audit, clock, owed
from practice.core.owed import Urgency
from practice.firm.models import Client

How = LinkNeed.How
_NEVER = datetime.max.replace(tzinfo=UTC)


def connection_for(entity_id: int) -> Connection | None:
    """The connection that records of an entity are owed to, or None when there never was one."""
    return chosen(Connection.objects.filter(entity_id=entity_id))


def chosen(rows: Iterable[Connection]) -> Connection | None:
    """Of the connections of one entity, the one its records are owed to: not one that was left on purpose."""
    left = Connection.State.DISCONNECTED
    open_ones = [row for row in rows if not (row.state == left and row.disconnect_reason == Connection.BY_US)]
    return max(open_ones, key=lambda row: (row.disconnected_at or _NEVER, row.pk), default=None)


def link_for(connection: Connection, kind: str, subject: Any, role: str = MAIN) -> Link:
    """The living link of one of our rows, made if it is not there yet."""
    known: dict[str, Any] = {"connection": connection, "kind": kind, "role": role, SUBJECTS[kind]: subject}

    def generation() -> int:
        return 1 + max(Link.objects.filter(**known).values_list("generation", flat=True), default=0)

    row, _ = Link.objects.get_or_create(**known, gone_at=None, defaults={"generation": generation})  # type: ignore[misc]
    return row


def find_link(connection: Connection, kind: str, subject_id: int, role: str = MAIN) -> Link | None:
    """The living link of one of our rows, if there is one."""
    lookup = {f"{SUBJECTS[kind]}_id": subject_id}
    return Link.objects.filter(connection=connection, kind=kind, role=role, gone_at__isnull=True, **lookup).first()


@transaction.atomic(savepoint=False)
def owe(link: Link, *, urgency: int = Urgency.NORMAL, needs: tuple[tuple[Link, str], ...] = ()) -> None:
    """Let a link owe its ledger the present state of our row, once what it needs is met; rings the push bell."""
    for other, how in needs:
        LinkNeed.objects.update_or_create(link=link, needs=other, defaults={"how": how})
    _wait_for_settling(link)
    rows = Link.objects.filter(pk=link.pk)
    owed.owe(rows, urgency=urgency, ready=not unmet(link).exists(), owed_by=whose())
    _hold_dependants(link)
    lanes.ring(link.connection, "push")


def owe_now(rows: QuerySet[Link]) -> None:
    """Let links owe the present state of our rows because a person asked for it; whoever asks rings the bell."""
    owed.owe(rows, urgency=Urgency.PERSON, owed_by=whose())


def whose() -> dict[str, Any]:
    """Whose doing a debt is, as its record tells it later: the system, who acted there, and the reason given."""
    cause = audit.current()
    facts = {"system": cause.system, "actor": cause.actor, "user": cause.user_id, "reason": cause.reason[:100]}
    return {name: value for name, value in facts.items() if value}


def _wait_for_settling(link: Link) -> None:
    """Lock what a link needs, so that whoever settles that just now has either let this link go, or is seen by it.

    Two transactions that do not see each other would both pass the other by, and the link wait for a sweep.
    """
    needed = Link.objects.filter(pk__in=LinkNeed.objects.filter(link=link).values("needs"))
    list(needed.select_for_update().order_by("pk").values_list("pk"))


def renew(link: Link, *, urgency: int | None = None) -> Link:
    """The next generation of a link whose document was taken away to be made anew; it owes, and is needed as before."""
    subject = {SUBJECTS[link.kind]: link.subject}
    fresh = Link.objects.create(
        connection=link.connection, kind=link.kind, role=link.role, generation=link.generation + 1, **subject
    )
    LinkNeed.objects.filter(needs=link).update(needs=fresh)
    Link.objects.filter(pk=link.pk).update(**owed.CLEAR)
    owe(
        fresh,
        urgency=link.urgency if urgency is None else urgency,
        needs=tuple((need.needs, need.how) for need in link.needs.all()),
    )
    return fresh


def being_undone(connection: Connection, invoice_id: int) -> list[Link]:
    """Money on an invoice that was taken off here and still stands in the ledger, or may."""
    rows = Link.objects.filter(
        connection=connection, kind=Kind.ALLOCATION, allocation__invoice=invoice_id, owed_since__isnull=False
    )
    return list(rows.filter(allocation__reversed_at__isnull=False))


def owe_client(connection: Connection, client: Client, urgency: int = Urgency.NORMAL) -> Link:
    """The client's link; owed when the ledger does not have the client yet."""
    link = merged_away(connection, client.pk) or link_for(connection, Kind.CLIENT, client)
    if not link.exists_there and not link.owes:
        owe(link, urgency=urgency)
    return link


def unmet(link: Link) -> QuerySet[LinkNeed]:
    """The needs of a link that are not met now."""
    return LinkNeed.objects.filter(_not_met(), link=link)


def needs_of(link: Link) -> QuerySet[LinkNeed]:
    """Everything a link needs, each with whether that is ``unmet`` now."""
    return LinkNeed.objects.filter(link=link).annotate(unmet=ExpressionWrapper(_not_met(), output_field=BooleanField()))


def _not_met() -> Q:
    """Clear is what owes nothing and is there, and money taken off or not given back after all before it got there."""
    missing = Q(how=How.EXISTS, needs__remote_id__isnull=True)
    absent = Q(needs__remote_id__isnull=True) & ~Q(needs__kind__in=(Kind.ALLOCATION, Kind.REFUND))
    return missing | (Q(how=How.CLEAR) & (Q(needs__owed_since__isnull=False) | absent))


def release_dependants(link_ids: Sequence[int]) -> int:
    """Let links go that needed these and need nothing else. Runs when they first exist there, or are settled."""
    if not LinkNeed.objects.filter(needs__in=link_ids).exists():
        return 0
    waiting = Link.objects.filter(
        owed_since__isnull=False, ready_at__isnull=True, parked_at__isnull=True, needs__needs__in=link_ids
    )
    return _release(waiting)


def _release(waiting: QuerySet[Link]) -> int:
    """Let go which of these links need nothing any more."""
    still = LinkNeed.objects.filter(_not_met(), link=OuterRef("pk"))
    ids = list(waiting.filter(~Exists(still)).values_list("pk", flat=True))
    return owed.release(Link.objects.filter(pk__in=ids)) if ids else 0


def recompute_needs(connection: Connection) -> int:
    """Let every link go that waits for nothing any more: what a sweep does in case a release was missed."""
    return _release(
        Link.objects.filter(
            connection=connection, owed_since__isnull=False, ready_at__isnull=True, parked_at__isnull=True
        )
    )


def survivor(link: Link) -> Link:
    """The link this one was merged into in the ledger, or itself."""
    seen = {link.pk}
    while link.merged_into_id is not None and link.merged_into_id not in seen:
        seen.add(link.merged_into_id)
        link = Link.objects.get(pk=link.merged_into_id)
    return link


def merged_away(connection: Connection, client_id: int) -> Link | None:
    """The link that stands for a client whose contact was merged into another's; None where it has one of its own."""
    rows = Link.objects.filter(connection=connection, kind=Kind.CLIENT, client=client_id)
    if rows.filter(gone_at__isnull=True).exists():
        return None
    merged = rows.filter(merged_into__isnull=False).order_by("-generation").first()
    return survivor(merged) if merged else None


def remote_of(connection: Connection, kind: str, subject_id: int) -> str:
    """The ledger's id of one of our rows, following merges; "" while it has none."""
    column = f"{SUBJECTS[kind]}_id"
    rows = Link.objects.filter(connection=connection, kind=kind, role=MAIN, **{column: subject_id})
    link = rows.filter(gone_at__isnull=True).first() or rows.filter(merged_into__isnull=False).first()
    return (survivor(link).remote_id or "") if link else ""


def remotes_of(connection: Connection, kind: str, subject_ids: set[int]) -> dict[int, str]:
    """The ledger's ids of many of our rows, "" for those without a link. Ask for those left out one by one."""
    if not subject_ids:
        return {}
    column = f"{SUBJECTS[kind]}_id"
    rows = Link.objects.filter(connection=connection, kind=kind, role=MAIN, **{f"{column}__in": subject_ids})
    found = dict.fromkeys(subject_ids, "")
    merged = set()
    for subject_id, remote_id, gone_at, into in rows.values_list(column, "remote_id", "gone_at", "merged_into"):
        if into is not None:
            merged.add(subject_id)
        elif gone_at is None:
            found[subject_id] = remote_id or ""
    return {subject_id: remote_id for subject_id, remote_id in found.items() if subject_id not in merged}


def wants_allocations(connection: Connection) -> bool:
    """Whether this ledger books each allocation as a payment of its own."""
    return SHAPES[connection.provider].links_allocations


def oldest_owed(connection: Connection) -> datetime | None:
    """Since when the ledger has been owed something."""
    row = Link.objects.filter(connection=connection, owed_since__isnull=False).order_by("owed_since").first()
    return row.owed_since if row else None


def _hold_dependants(link: Link) -> None:
    """A link that owes again holds back those that need it clear."""
    ids = LinkNeed.objects.filter(needs=link, how=How.CLEAR).values("link_id")
    Link.objects.filter(pk__in=ids, ready_at__isnull=False, ready_at__gt=clock.now()).update(ready_at=None)
