"""Long runs take turns: at most two drains send bulk at once, over all connections and processes.

Workers are few. Were each busy with somebody's billing run, a person's change on another connection and every notice
would wait for one to end. A turn is a row taken like a lane, by a conditional update; one whose holder died comes free
when it runs out. What people do, and ordinary work, needs none.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from ledger_sync.models import Connection, Link, Turn
from practice.core import clock, wake
from practice.core.owed import Urgency

#: As many drains as may send bulk at once; two of the four workers stay free (docs/reliability.md).
AT_ONCE = 2
LASTS, RENEWED = timedelta(seconds=90), timedelta(seconds=15)


class MyTurn:
    """One drain's turn: asked for when it first has bulk to send, held until the drain ends."""

    def __init__(self, connection_id: int) -> None:
        self.connection_id = connection_id
        self.holder = secrets.token_hex(8)
        self.renewed_at: datetime | None = None
        #: Whether there was bulk to send and no turn for it.
        self.was_refused = False

    def is_mine(self) -> bool:
        """Whether bulk may be sent now: holds on to the turn, or takes one that is free."""
        now = clock.now()
        if self.renewed_at is not None and now < self.renewed_at + RENEWED:
            return True
        mine = Turn.objects.filter(holder=self.holder)
        if (self.renewed_at is not None and mine.update(until=now + LASTS)) or self._take(now):
            self.renewed_at, self.was_refused = now, False
            return True
        self.renewed_at, self.was_refused = None, True
        return False

    def _take(self, now: datetime) -> bool:
        free = Q(until__isnull=True) | Q(until__lt=now)
        for place in range(1, AT_ONCE + 1):
            Turn.objects.get_or_create(place=place)
            if Turn.objects.filter(free, place=place).update(holder=self.holder, until=now + LASTS):
                return True
        return False

    def give_back(self) -> None:
        """Let the next one in at once: whoever has bulk waiting is rung for, before this drain rings for itself."""
        if self.renewed_at is None or not Turn.objects.filter(holder=self.holder).update(holder="", until=None):
            return
        self.renewed_at = None
        for connection_id in _waiting():
            if connection_id != self.connection_id:
                wake.wake("ledger_sync.tasks.push", connection_id=connection_id)


def _waiting() -> list[int]:
    """Connections with bulk that is ready."""
    bulk = Link.objects.filter(connection=OuterRef("pk"), urgency=Urgency.BULK, ready_at__lte=clock.now())
    live = Connection.objects.filter(Exists(bulk), state=Connection.State.LIVE, sending_allowed=True)
    return list(live.order_by("pk").values_list("pk", flat=True))
