"""Comparing both books in full, page by page: every document both should have, every difference with its cause.

It changes neither side. What was changed in the ledger and not read yet is asked for, so that the engine takes it in.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, QuerySet

from ledger_sync.kinds import PUSH_ORDER, SHAPES
from ledger_sync.limits import lanes
from ledger_sync.limits.lanes import Fenced, Lease
from ledger_sync.models import Comparison, Connection, Difference, Hint, Link
from ledger_sync.models.links import SUBJECTS, Kind
from ledger_sync.ports import Disconnected, Doc, Ledger, LedgerError, Remote
from ledger_sync.proof import agreeing, comparing, unsent
from ledger_sync.providers import ledger_for
from ledger_sync.pull import inbound
from ledger_sync.rendering import documents
from practice.core import clock

log = logging.getLogger(__name__)
What, Cause = Difference.What, Difference.Cause
#: Before any ledger on line began.
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
#: Objects asked for again in one question, when they seemed to differ or not to be there.
_AGAIN = 40
_GONE = ("void", "deleted")
#: What hangs on documents and is none itself.
_PAPERS = (Kind.ATTACHMENT, Kind.NOTE)
#: How often a connection is compared by itself, at which hour of its entity's day, and when again after a failure.
EVERY, HOUR, AGAIN_AFTER = timedelta(hours=20), 3, timedelta(minutes=10)


def compare(connection_id: int) -> Comparison | None:
    """Compare one connection's books in full. None while another comparison of it is going on, or nothing may be read.

    A ledger that stops answering breaks the comparison off; what had been found until then is kept.
    """
    connection = Connection.objects.select_related("tokens", "entity").get(pk=connection_id)
    lease = lanes.take(connection_id, "verify") if connection.state == Connection.State.LIVE else None
    if lease is None:
        return None
    comparison = Comparison.objects.create(connection=connection, started_at=clock.now())
    try:
        _Reading(comparison, lease, ledger_for(connection)).run()
        comparison.ended_at = clock.now()
    except Fenced:
        comparison.broken_off = "another comparison took over"
    except (LedgerError, Disconnected) as error:
        log.info("comparison of connection %s broken off: %s", connection_id, error)
        comparison.broken_off = error.text[:300]
    finally:
        comparison.save(update_fields=["ended_at", "compared", "broken_off"])
        lease.give_back()
    return comparison


def due(now: datetime) -> list[int]:
    """Live connections whose nightly comparison is due."""
    live = Connection.objects.filter(state=Connection.State.LIVE).select_related("entity")
    done = Q(ended_at__gt=now - EVERY) | Q(started_at__gt=now - AGAIN_AFTER)
    lately = Comparison.objects.filter(done).values_list("connection_id", flat=True)
    return [row.pk for row in live.exclude(pk__in=lately) if clock.hour(row.entity.time_zone) == HOUR]


class _Reading:
    """One comparison while it is being made."""

    def __init__(self, comparison: Comparison, lease: Lease, ledger: Ledger) -> None:
        self.comparison, self.lease, self.ledger = comparison, lease, ledger
        self.connection = comparison.connection

    def run(self) -> None:
        there = self._links().exclude(kind__in=_PAPERS).order_by().values_list("kind", flat=True).distinct()
        for kind in sorted(there, key=PUSH_ORDER.index):
            self._compare_kind(kind)
        self._never_sent()

    def _links(self) -> QuerySet[Link]:
        """Links of documents that should be there, as they were when the comparison began."""
        return Link.objects.filter(connection=self.connection, gone_at__isnull=True, remote_id__isnull=False)

    def _compare_kind(self, kind: str) -> None:
        """Compare every document of a kind: page by page, then by id what the pages did not show or show to agree."""
        apart = {role for other, role in SHAPES[self.connection.provider].apart if other == kind}
        rows = self._links().filter(kind=kind)
        seen: set[str] = set()
        doubted: set[str] = set()
        for remotes in self._pages(kind):
            found = {remote.remote_id: remote for remote in remotes}
            links = comparing.with_records(rows.filter(remote_id__in=found).exclude(role__in=apart))
            agreed = [link.pk for link in links if not comparing.differences(link, found[str(link.remote_id)])]
            Link.objects.filter(pk__in=agreed).update(verified_at=clock.now())
            mine = {str(link.remote_id) for link in links}
            doubted |= {str(link.remote_id) for link in links if link.pk not in set(agreed)}
            seen |= mine
            self._twice(kind, [remote for key, remote in found.items() if key not in mine])
            self._count(len(links))
        began = self.comparison.started_at
        older = rows.filter(Q(verified_at__isnull=True) | Q(verified_at__lt=began) | Q(role__in=apart))
        doubted |= {str(key) for key in older.values_list("remote_id", flat=True)} - seen
        by_role: dict[str, list[str]] = {}
        for role, key in rows.filter(remote_id__in=doubted).order_by("pk").values_list("role", "remote_id"):
            by_role.setdefault(role, []).append(str(key))
        for role, ids in by_role.items():
            self._look_again(kind, role, ids)
            self._count(len(ids) if role in apart else 0)

    def _count(self, compared: int) -> None:
        self.comparison.compared += compared
        self.comparison.save(update_fields=["compared"])

    def _pages(self, kind: str) -> Iterator[Sequence[Remote]]:
        page, until = 1, clock.now()
        while True:
            self.lease.renew()
            found = self.ledger.changed(kind, _EVER, until, page)
            yield found.remotes
            if not found.more:
                return
            page += 1

    def _look_again(self, kind: str, role: str, remote_ids: list[str]) -> None:
        """Ask once more for what seemed to differ: it may have changed on either side while the pages were read."""
        for start in range(0, len(remote_ids), _AGAIN):
            some = remote_ids[start : start + _AGAIN]
            self.lease.renew()
            found = {remote.remote_id: remote for remote in self.ledger.fetch(kind, some, role)}
            for link in comparing.with_records(self._links().filter(kind=kind, role=role, remote_id__in=some)):
                remote = found.get(str(link.remote_id)) or Remote(kind, str(link.remote_id), "", {}, gone=True)
                self._keep(link, remote, comparing.differences(link, remote))

    @transaction.atomic
    def _keep(self, link: Link, remote: Remote, found: list[Difference]) -> None:
        if not found:
            Link.objects.filter(pk=link.pk).update(verified_at=clock.now())
            return
        cause = _cause(link, remote)
        if cause == Cause.NOT_READ:
            inbound.hint(self.connection, link.kind, remote.remote_id, clock.now())
            lanes.ring(self.connection, "pull")
        for row in found:
            row.comparison, row.link, row.kind, row.cause = self.comparison, link, link.kind, cause
            row.record = documents.describe(link)[:200]
        Difference.objects.bulk_create(found)

    def _twice(self, kind: str, others: Iterable[Remote]) -> None:
        """Documents there that we do not know, with a number of ours, or the reference, day and amount of our money."""
        standing = [remote for remote in others if remote.theirs.get("status") not in _GONE]
        name = "number" if kind in (Kind.INVOICE, Kind.CREDIT) else "reference"
        named = {value: remote for remote in standing if (value := str(remote.theirs.get(name) or ""))}
        if not named or kind in (Kind.CLIENT, Kind.ITEM):
            return
        ours = self._links().filter(kind=kind, **{f"base_ours__{name}__in": list(named)})
        for link in comparing.with_records(ours):
            remote = named[(link.base_ours or {})[name]]
            if name == "number" or _is_twin(link.base_ours or {}, remote.theirs):
                Difference.objects.create(
                    comparison=self.comparison, kind=kind, link=link, record=documents.describe(link)[:200],
                    what=What.TWICE_THERE, cause=Cause.UNEXPLAINED, there=remote.remote_id,
                )  # fmt: skip

    def _never_sent(self) -> None:
        """Records that the ledger should have and has not been given."""
        for kind, row, link in unsent.unsent(self.connection):
            named = link or Link(connection=self.connection, kind=kind, **{SUBJECTS[kind]: row})
            Difference.objects.create(
                comparison=self.comparison, kind=kind, link=link, record=documents.describe(named)[:200],
                what=What.NEVER_SENT, cause=_cause(link, None) if link else Cause.UNEXPLAINED,
            )  # fmt: skip


def _is_twin(ours: Doc, theirs: Doc) -> bool:
    """Whether money there is of the same day and amount as ours: a reference alone may be anything people wrote."""
    amounts = [Decimal(str(doc.get("amount") or doc.get("total") or 0)) for doc in (ours, theirs)]
    return amounts[0] == amounts[1] and ours.get("date") == theirs.get("date")


def _cause(link: Link, remote: Remote | None) -> str:
    """Why the books differ about a document, by what is waiting."""
    fresh = agreeing.with_doubt(Link.objects.filter(pk=link.pk)).get()
    if fresh.parked_at is not None or fresh.doubted:  # type: ignore[attr-defined]
        return Cause.DECISION
    money = Q(allocation__invoice=link.invoice_id) | Q(payment__allocations__invoice=link.invoice_id)
    waiting = Link.objects.filter(connection=link.connection_id, owed_since__isnull=False)
    if fresh.owed_since is not None or (link.invoice_id and waiting.filter(money).exists()):
        return Cause.ON_ITS_WAY
    hinted = Hint.objects.filter(connection=link.connection_id, kind=link.kind, remote_id=link.remote_id).exists()
    if remote is not None and (hinted or fresh.base_theirs != remote.theirs):
        return Cause.NOT_READ
    return Cause.UNEXPLAINED


def unexplained(comparison: Comparison) -> int:
    """How many differences of a comparison nothing explains."""
    return comparison.differences.filter(cause=Cause.UNEXPLAINED).count()
