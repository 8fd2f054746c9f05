"""How a connection's lines of work do now: when the ledger was last read, and what keeps anything from going out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from ledger_sync.models import Connection, Lane
from practice.core import clock
from practice.firm.models import Practice


@dataclass(frozen=True)
class Pulse:
    """When everything that changed there was last read (pages call it "checked"), and until when nothing goes out."""

    checked_at: datetime | None
    blocked_until: datetime | None
    silent_since: datetime | None

    @property
    def is_stuck(self) -> bool:
        """Whether nothing goes out now."""
        return self.blocked_until is not None or self.silent_since is not None


def pulse_of(connection: Connection) -> Pulse:
    """How one connection's lanes do."""
    return _read(connection.lanes.all())


def pulses_of(practice: Practice) -> list[tuple[Connection, Pulse]]:
    """Every connection of a practice with how its lanes do, in one question: each has lanes since it was made."""
    rows = Lane.objects.filter(connection__practice=practice).select_related("connection__entity")
    ordered = rows.order_by("connection_id", "pk")
    return [(first.connection, _read([first, *rest])) for _, (first, *rest) in groupby(ordered, _connection_id)]


def _connection_id(lane: Lane) -> int:
    return lane.connection_id


def _read(lanes: Iterable[Lane]) -> Pulse:
    by_name = {lane.name: lane for lane in lanes}
    push, pull = by_name.get(Lane.Name.PUSH), by_name.get(Lane.Name.PULL)
    blocked = push.blocked_until if push is not None else None
    return Pulse(
        checked_at=pull.swept_at if pull is not None else None,
        blocked_until=blocked if blocked is not None and blocked > clock.now() else None,
        silent_since=min((lane.silent_since for lane in by_name.values() if lane.silent_since), default=None),
    )
