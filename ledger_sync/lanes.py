"""One worker at a time on each line of work: a lease with an epoch, taken and renewed by conditional updates.

The bell of a lane is rung at most once in five seconds; a rung that was swallowed is found by looking again after the
lease is given back, or by the one-minute sweep.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q

from ledger_sync.models import Connection, Lane
from practice.core import clock, wake

LEASE = timedelta(seconds=90)
BELL_EVERY = timedelta(seconds=5)


class Fenced(Exception):
    """The lease ran out and somebody else has the lane: stop at once, clear nothing."""


@dataclass(frozen=True)
class Lease:
    """The right to work one lane, until it runs out."""

    connection_id: int
    name: str
    holder: str
    epoch: int

    def renew(self) -> None:
        """Hold on for another while. Raises Fenced when somebody else has taken over."""
        rows = Lane.objects.filter(
            connection_id=self.connection_id, name=self.name, holder=self.holder, epoch=self.epoch
        )
        if rows.update(until=clock.now() + LEASE) == 0:
            raise Fenced(f"{self.name} of connection {self.connection_id}")

    def is_held(self) -> bool:
        """Whether this lease still stands; asked inside the transaction that settles."""
        return (
            Lane.objects.select_for_update()
            .filter(connection_id=self.connection_id, name=self.name, holder=self.holder, epoch=self.epoch)
            .exists()
        )

    def give_back(self) -> None:
        """Let the next worker in at once."""
        Lane.objects.filter(
            connection_id=self.connection_id, name=self.name, holder=self.holder, epoch=self.epoch
        ).update(until=None, holder="")


def take(connection_id: int, name: str) -> Lease | None:
    """Take a lane. None while somebody holds it or it is blocked. Clears its bell."""
    now = clock.now()
    Lane.objects.get_or_create(connection_id=connection_id, name=name)
    holder = secrets.token_hex(8)
    free = Q(until__isnull=True) | Q(until__lt=now)
    open_ = Q(blocked_until__isnull=True) | Q(blocked_until__lte=now)
    rows = Lane.objects.filter(free, open_, connection_id=connection_id, name=name)
    if rows.update(holder=holder, until=now + LEASE, epoch=F("epoch") + 1, bell_at=None) == 0:
        return None
    epoch = Lane.objects.values_list("epoch", flat=True).get(connection_id=connection_id, name=name)
    return Lease(connection_id, name, holder, epoch)


def block(connection_id: int, name: str, *, until: datetime, reason: str) -> None:
    """Let nobody work a lane until a moment; the reason is shown."""
    Lane.objects.filter(connection_id=connection_id, name=name).update(blocked_until=until, reason=reason[:200])


def open_up(connection_id: int) -> None:
    """Lift every block of a connection; a bell that was answered while nothing might be sent is rung again."""
    Lane.objects.filter(connection_id=connection_id).update(blocked_until=None, reason="", failures=0, bell_at=None)


def failed(connection_id: int, name: str, reason: str, retry_after: int | None) -> datetime:
    """Count a try-later answer. Five in a row trip the breaker: 30 seconds, doubling to 15 minutes.

    Returns the moment until which the lane is blocked now.
    """
    lane = Lane.objects.get(connection_id=connection_id, name=name)
    lane.failures += 1
    wait = retry_after or 0
    if lane.failures >= 5:
        wait = max(wait, min(900, 30 * 2 ** (lane.failures - 5)))
    until = clock.now() + timedelta(seconds=max(wait, 1))
    Lane.objects.filter(pk=lane.pk).update(failures=lane.failures, blocked_until=until, reason=reason[:200])
    return until


def succeeded(connection_id: int, name: str) -> None:
    """Forget earlier failures: the ledger answers."""
    Lane.objects.filter(connection_id=connection_id, name=name, failures__gt=0).update(failures=0, reason="")


def ring(connection: Connection, name: str) -> None:
    """Ask a worker to work a lane once this transaction has committed, unless somebody just did."""
    now = clock.now()
    Lane.objects.get_or_create(connection=connection, name=name)
    quiet = Q(bell_at__isnull=True) | Q(bell_at__lt=now - BELL_EVERY)
    if Lane.objects.filter(quiet, connection=connection, name=name).update(bell_at=now):
        wake.wake(f"ledger_sync.tasks.{name}", connection_id=connection.pk)
