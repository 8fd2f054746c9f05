"""One worker at a time on each line of work: a lease with an epoch, taken and renewed by conditional updates.

The bell of a lane is rung at most once in five seconds; a rung that was swallowed is found by looking again after the
lease is given back, or by the one-minute sweep.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import F, Q

from ledger_sync.models import Connection, Hint, Lane, Link
from ledger_sync.ports import LedgerError
from practice.core import clock, wake

LEASE = timedelta(seconds=90)
BELL_EVERY = timedelta(seconds=5)
#: The longest a lane waits before it tries a ledger again that did not answer, in seconds. Reading is the cheap probe.
BREAKER = {"push": 240, "pull": 60, "verify": 240}


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
        """Let the next worker in at once, and every bell ring again.

        Who rang before this finds the holder looking once more; who rings after it is heard. A bell that stayed silent
        because a worker had found the lane taken would leave the next record to the sweep.
        """
        Lane.objects.filter(
            connection_id=self.connection_id, name=self.name, holder=self.holder, epoch=self.epoch
        ).update(until=None, holder="", bell_at=None)


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


def slow(connection_id: int, name: str, *, until: datetime, people_too: bool) -> None:
    """A window of the ledger is full until a moment: nobody sends, or only people do, from the reserve."""
    lane = Lane.objects.filter(connection_id=connection_id, name=name)
    if people_too:
        block(connection_id, name, until=until, reason="slowed")
    else:
        lane.update(people_until=until, reason="slowed")


def ring_due() -> int:
    """Ring for lanes that waited for a moment that has come. Returns how many; each moment is rung for once.

    Asked every second by whoever supervises the workers; without it the one-minute sweep would find them.
    """
    now = clock.now()
    over = Q(blocked_until__lte=now) | Q(people_until__lte=now)
    rung = 0
    for pk, connection_id, name in Lane.objects.filter(over).values_list("pk", "connection_id", "name"):
        ended = {"blocked_until": Lane.objects.filter(pk=pk, blocked_until__lte=now)}
        ended["people_until"] = Lane.objects.filter(pk=pk, people_until__lte=now)
        if sum(rows.update(**{field: None}) for field, rows in ended.items()):
            wake.wake(f"ledger_sync.tasks.{name}", connection_id=connection_id)
            rung += 1
    return rung + _ring_for_hints(now)


def _ring_for_hints(now: datetime) -> int:
    """Ring for connections with something to be fetched whose lane is free, at most once in five seconds each."""
    if not Hint.objects.filter(ready_at__lte=now).exists():
        return 0
    reading = Connection.objects.filter(state__in=(Connection.State.LIVE, Connection.State.MATCHING))
    told = Hint.objects.filter(ready_at__lte=now, connection__in=reading).values("connection")
    busy = Q(until__gte=now) | Q(blocked_until__gt=now) | Q(bell_at__gte=now - BELL_EVERY)
    free = Lane.objects.filter(connection__in=told, name=Lane.Name.PULL).exclude(busy)
    ids = free.values_list("connection_id", flat=True)
    for connection_id in ids:
        _ring(connection_id, Lane.Name.PULL)
    return len(ids)


def open_up(connection_id: int) -> None:
    """Lift every block of a connection; a bell that was answered while nothing might be sent is rung again."""
    Lane.objects.filter(connection_id=connection_id).update(
        blocked_until=None, people_until=None, reason="", failures=0, silent_since=None, bell_at=None
    )


def try_now(connection_id: int) -> None:
    """Do not wait any longer for a ledger that did not answer: somebody pressed. What it asked us to wait stands."""
    Lane.objects.filter(connection_id=connection_id, silent_since__isnull=False).update(blocked_until=None)
    _release(connection_id)


def failed(connection_id: int, name: str, error: LedgerError, retry_after: int | None = None) -> datetime:
    """Count a call that has to wait. Five in a row trip the breaker: 30 seconds, doubling to a few minutes.

    Returns the moment until which the lane is blocked now.
    """
    now = clock.now()
    lane = Lane.objects.get(connection_id=connection_id, name=name)
    lane.failures += 1
    wait = retry_after or 0
    if lane.failures >= 5:
        wait = max(wait, min(BREAKER[name], 30 * 2 ** min(lane.failures - 5, 10)))
    until = now + timedelta(seconds=max(wait, 1))
    Lane.objects.filter(pk=lane.pk).update(
        failures=lane.failures,
        blocked_until=until,
        reason=error.text[:200],
        silent_since=(lane.silent_since or now) if error.is_silence else None,
    )
    return until


def succeeded(connection_id: int, name: str) -> None:
    """Forget earlier failures of a lane. A silence that ends here has ended for the others too: they go on at once.

    Who can send can read. Who can read cannot always send, so a good read lifts the block on sending only when
    reading had failed as well.
    """
    lanes = Lane.objects.filter(connection_id=connection_id)
    if not lanes.filter(Q(failures__gt=0) | Q(silent_since__isnull=False)).exists():
        return  # As nearly always: a question costs less than four writes, which wait for each other on SQLite.
    ended = lanes.filter(name=name, silent_since__isnull=False).update(failures=0, reason="", silent_since=None)
    lanes.filter(name=name, failures__gt=0).update(failures=0, reason="")
    others = lanes.filter(silent_since__isnull=False).exclude(name=name)
    if name != Lane.Name.PUSH and not ended:
        others = others.exclude(name=Lane.Name.PUSH)
    lifted = others.update(blocked_until=None, failures=0, reason="", silent_since=None)
    if ended or lifted:
        _release(connection_id)
        wake.wake("ledger_sync.tasks.push", connection_id=connection_id)


def is_silent(connection_id: int, name: str) -> bool:
    """Whether a lane's last call was not answered."""
    return Lane.objects.filter(connection_id=connection_id, name=name, silent_since__isnull=False).exists()


def silent_since(connection_id: int) -> datetime | None:
    """Since when a ledger has not answered; None while it does."""
    rows = Lane.objects.filter(connection_id=connection_id, silent_since__isnull=False)
    return rows.order_by("silent_since").values_list("silent_since", flat=True).first()


def _release(connection_id: int) -> None:
    """Let go at once what was put off for a later try."""
    now = clock.now()
    Link.objects.filter(connection_id=connection_id, ready_at__gt=now, tries__gt=0).update(ready_at=now)


def ring(connection: Connection, name: str) -> None:
    """Ask a worker to work a lane once this transaction has committed, unless somebody just did.

    The bell is written down after the commit as well: a transaction that waits for a link while it holds a lane would
    stand in the way of the worker who holds the link and asks for the lane.
    """
    transaction.on_commit(partial(_ring, connection.pk, name), robust=True)


def _ring(connection_id: int, name: str) -> None:
    now = clock.now()
    Lane.objects.get_or_create(connection_id=connection_id, name=name)
    quiet = Q(bell_at__isnull=True) | Q(bell_at__lt=now - BELL_EVERY)
    if Lane.objects.filter(quiet, connection_id=connection_id, name=name).update(bell_at=now):
        wake.wake(f"ledger_sync.tasks.{name}", connection_id=connection_id)
