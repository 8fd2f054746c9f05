"""How old a look into the ledger is: what may have been overtaken is not taken in, but looked at again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger_sync.limits.lanes import LEASE, Fenced, Lease
from ledger_sync.models import CallItem, Connection, Hint, Link
from ledger_sync.ports import Remote
from practice.core import clock

#: An object of a call nobody has answered yet is read again after this long.
UNANSWERED_WAITS = timedelta(seconds=30)


@dataclass(frozen=True)
class Reading:
    """A look into the ledger: when it was begun, and under which lease; what is asked for one charge has none."""

    begun_at: datetime
    lease: Lease | None = None

    @property
    def is_late(self) -> bool:
        """Whether it was begun too long ago to be news."""
        return clock.now() - self.begun_at > LEASE

    def check(self) -> None:
        """Raises Fenced once somebody else reads: they may have seen, and taken in, what came after."""
        if self.lease is not None and not self.lease.is_held():
            raise Fenced("the reader lost its lease before it could take in what it read")


def is_being_sent(connection: Connection, remote: Remote) -> bool:
    """Whether a call about this object is unanswered: what it shows may be our own change, not the bookkeeper's."""
    return CallItem.objects.filter(
        open_call__isnull=False, link__connection=connection, link__kind=remote.kind, link__remote_id=remote.remote_id
    ).exists()


def is_outdated(connection: Connection, remote: Remote, reading: Reading) -> bool:
    """Whether both books have agreed since the look was begun, or it was too long ago to be news: what it shows may be
    what our own change has replaced, and would be taken for the bookkeeper's.
    """
    if reading.is_late:
        return True
    return Link.objects.filter(
        connection=connection, kind=remote.kind, remote_id=remote.remote_id, verified_at__gt=reading.begun_at
    ).exists()


def read_later(connection: Connection, remote: Remote) -> None:
    """Leave a hint to read an object again, newer than the one that may have led here."""
    now = clock.now()
    row, made = Hint.objects.get_or_create(
        connection=connection, kind=remote.kind, remote_id=remote.remote_id,
        defaults={"first_at": now, "last_event_at": now, "ready_at": now + UNANSWERED_WAITS},
    )  # fmt: skip
    if not made:
        row.last_event_at = max(now, row.last_event_at + timedelta(microseconds=1))
        row.ready_at = now + UNANSWERED_WAITS
        row.save(update_fields=["last_event_at", "ready_at"])
