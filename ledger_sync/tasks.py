"""What workers are woken for: a name, ids, one call. Safe to run twice, late, or never."""

from __future__ import annotations

from contextlib import suppress

from ledger_sync import purging
from ledger_sync.connection import connecting, connections
from ledger_sync.kinds import SHAPES
from ledger_sync.limits import lanes
from ledger_sync.models import Connection, Delivery, Hint
from ledger_sync.ports import TryLater
from ledger_sync.proof import reconciling
from ledger_sync.pull import inbound, pulling
from ledger_sync.push import pushing
from practice.core import clock, wake


def push(connection_id: int) -> None:
    """Send what a connection's ledger is owed."""
    pushing.push(connection_id)


def pull(connection_id: int) -> None:
    """Fetch what was hinted at."""
    pulling.pull(connection_id)


def sweep_connection(connection_id: int) -> None:
    """Find what no notice told: "sync now"."""
    pulling.pull(connection_id, sweep=True, references=True)


def work_delivery(delivery_id: int) -> None:
    """Turn a stored notice into hints, and follow them. Of several connections the others are rung for."""
    first, *others = inbound.work(delivery_id) or [0]
    for connection in Connection.objects.filter(pk__in=others):
        lanes.ring(connection, "pull")
    if first:
        pulling.pull(first)


def compare(connection_id: int) -> None:
    """Compare both books in full: nightly."""
    reconciling.compare(connection_id)


def give_back(connection_id: int) -> None:
    """Give a ledger that was left its access back; one that does not answer is asked again by the sweep."""
    with suppress(TryLater):
        connecting.give_back(connection_id)


def sweep() -> None:
    """Once a minute: ring for everything due, work forgotten notices, sweep connections whose turn it is."""
    now = clock.now()
    for delivery_id in Delivery.objects.filter(worked_at__isnull=True).values_list("pk", flat=True)[:500]:
        inbound.work(delivery_id)
    pushing.ring_all()
    for connection_id in Connection.objects.filter(connections.LEFT).values_list("pk", flat=True):
        give_back(connection_id)
    purging.purge_daily()
    for connection_id in reconciling.due(now):
        wake.wake("ledger_sync.tasks.compare", connection_id=connection_id)
    for connection in Connection.objects.filter(state=Connection.State.LIVE).select_related("entity"):
        hinted = Hint.objects.filter(connection=connection, ready_at__lte=now).exists()
        due = pulling.sweeps_due(connection, now)
        if hinted or due:
            noticed = SHAPES[connection.provider].noticed.intersection(due)
            pulling.pull(connection.pk, kinds=due, references=bool(noticed))
