"""Comparing both books in full, page by page: every document both should have, every difference with its cause.

It changes neither side. What was changed in the ledger and not read yet is asked for, so that the engine takes it in.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet

from billing.models import Allocation, Invoice, Payment
from ledger_sync import agreeing, carrying, documents, inbound, lanes
from ledger_sync.kinds import MAIN, SHAPES
from ledger_sync.lanes import Fenced, Lease
from ledger_sync.models import Comparison, Connection, Difference, Hint, Link
from ledger_sync.models.links import Kind
from ledger_sync.ports import Disconnected, Ledger, LedgerError, Remote
from ledger_sync.providers import ledger_for
from practice.core import clock
from practice.core.money import ZERO

log = logging.getLogger(__name__)
What, Cause = Difference.What, Difference.Cause
#: Before any ledger on line began.
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
#: Objects asked for again in one question, when they seemed to differ or not to be there.
_AGAIN = 40
#: Documents that are compared besides those a sweep reads.
_ALSO = (Kind.CREDIT, Kind.FEE, Kind.PAYOUT)
_GONE = ("void", "deleted")
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
        for kind in dict.fromkeys((*SHAPES[self.connection.provider].swept, *_ALSO)):
            if self._links(kind).exists():
                self._compare_kind(kind)
        self._never_sent()

    def _links(self, kind: str) -> QuerySet[Link]:
        """Links of documents that should be there, as they were when the comparison began."""
        rows = Link.objects.filter(connection=self.connection, kind=kind, role=MAIN, gone_at__isnull=True)
        return rows.filter(remote_id__isnull=False)

    def _compare_kind(self, kind: str) -> None:
        seen: set[str] = set()
        doubted: set[str] = set()
        for remotes in self._pages(kind):
            found = {remote.remote_id: remote for remote in remotes}
            links = _with_records(self._links(kind).filter(remote_id__in=found))
            agreed = [link.pk for link in links if not _differences(link, found[str(link.remote_id)])]
            Link.objects.filter(pk__in=agreed).update(verified_at=clock.now())
            mine = {str(link.remote_id) for link in links}
            doubted |= {str(link.remote_id) for link in links if link.pk not in set(agreed)}
            seen |= mine
            self._twice(kind, [remote for key, remote in found.items() if key not in mine])
            self.comparison.compared += len(links)
            self.comparison.save(update_fields=["compared"])
        began = self.comparison.started_at
        older = self._links(kind).filter(Q(verified_at__isnull=True) | Q(verified_at__lt=began))
        doubted |= {str(key) for key in older.values_list("remote_id", flat=True)} - seen
        self._look_again(kind, sorted(doubted))

    def _pages(self, kind: str) -> Iterator[Sequence[Remote]]:
        page, until = 1, clock.now()
        while True:
            self.lease.renew()
            found = self.ledger.changed(kind, _EVER, until, page)
            yield found.remotes
            if not found.more:
                return
            page += 1

    def _look_again(self, kind: str, remote_ids: list[str]) -> None:
        """Ask once more for what seemed to differ: it may have changed on either side while the pages were read."""
        for start in range(0, len(remote_ids), _AGAIN):
            some = remote_ids[start : start + _AGAIN]
            self.lease.renew()
            found = {remote.remote_id: remote for remote in self.ledger.fetch(kind, some)}
            for link in _with_records(self._links(kind).filter(remote_id__in=some)):
                remote = found.get(str(link.remote_id)) or Remote(kind, str(link.remote_id), "", {}, gone=True)
                self._keep(link, remote, _differences(link, remote))

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
        """Documents there that carry a number of ours and are none that we know."""
        if kind != Kind.INVOICE:
            return
        standing = {str(r.theirs.get("number", "")): r for r in others if r.theirs.get("status") not in _GONE}
        ours = self._links(kind).filter(invoice__number__in=standing, invoice__status=Invoice.Status.ISSUED)
        Difference.objects.bulk_create(
            Difference(
                comparison=self.comparison, kind=kind, link=link, record=documents.describe(link)[:200],
                what=What.TWICE_THERE, cause=Cause.UNEXPLAINED, there=standing[link.invoice.number].remote_id,
            )
            for link in ours.select_related("invoice__client")
            if link.invoice is not None
        )  # fmt: skip

    def _never_sent(self) -> None:
        """Invoices issued since the connection was made that the ledger has not been given."""
        rows = Invoice.objects.filter(entity_id=self.connection.entity_id, status=Invoice.Status.ISSUED)
        links = Link.objects.filter(connection=self.connection, kind=Kind.INVOICE, gone_at__isnull=True)
        missing = rows.filter(issued_at__gte=self.connection.connected_at).exclude(
            pk__in=links.filter(remote_id__isnull=False).values("invoice")
        )
        known = {link.invoice_id: link for link in links.filter(invoice__in=missing)}
        for invoice in missing.select_related("client").order_by("pk"):
            link = known.get(invoice.pk)
            Difference.objects.create(
                comparison=self.comparison, kind=Kind.INVOICE, link=link,
                record=f"{invoice.number} to {invoice.client.name}"[:200], what=What.NEVER_SENT,
                cause=_cause(link, None) if link else Cause.UNEXPLAINED,
            )  # fmt: skip


def _with_records(links: QuerySet[Link]) -> list[Link]:
    """Links with everything that is compared, in a few questions."""
    live = Allocation.objects.filter(reversed_at__isnull=True).select_related("payment")
    covered = Prefetch("invoice__allocations", queryset=live, to_attr="live_allocations")
    rows = links.select_related(
        "connection__entity", "client", "invoice__client", "allocation__invoice", "allocation__payment",
        "payment__client", "credit__client", "fee_day", "payout",
    )  # fmt: skip
    return list(rows.prefetch_related(covered).order_by("pk"))


def _differences(link: Link, remote: Remote) -> list[Difference]:
    """What the books do not agree on about one document."""
    here, there = _stands(link), not remote.gone and remote.theirs.get("status") not in _GONE
    if not there:
        return [Difference(what=What.MISSING_THERE)] if here else []
    if not here:
        return [Difference(what=What.DIFFERS, field="status", here="taken back", there="stands")]
    link.base_theirs = remote.theirs
    return [
        Difference(what=What.DIFFERS, field=field.name, here=field.here[:200], there=field.there[:200])
        for field in agreeing.fields_of(link)
        if field.differs
    ]


def _stands(link: Link) -> bool:
    """Whether our record is in force, so that the ledger should have it."""
    if link.invoice is not None:
        return link.invoice.status == Invoice.Status.ISSUED
    if link.allocation is not None:
        return carrying.carried(link.allocation) > ZERO
    if link.payment is not None:
        # What Stripe took back stays in the ledger, and beside it what shows that it went.
        is_ours = link.payment.source == Payment.Source.STRIPE
        return is_ours or link.payment.state not in (Payment.State.FAILED, Payment.State.RETURNED)
    return True


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
