"""Calls left in the vendor's fixed windows: rows shared by every process, spent in the commit that writes the call."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from ledger_sync.kinds import SHAPES
from ledger_sync.models import Budget, Connection
from practice.core import clock
from practice.core.owed import Urgency


def _key(connection: Connection, window: str) -> str:
    return f"{connection.provider}:{connection.remote_org}:{window}"


def spend(connection: Connection, urgency: int, *, pushing: bool = False) -> datetime | None:
    """Take one call from every window. Returns None when it was granted, else the moment the full window ends.

    People may use the reserve of each window; everything else leaves it alone. Calls with changes also count in the
    windows that are only for them.
    """
    shape = SHAPES[connection.provider]
    now = clock.now()
    with transaction.atomic():
        for name, seconds, cap, reserve in (*shape.windows, *(shape.push_windows if pushing else ())):
            row = _open_window(_key(connection, name), seconds, cap, reserve, now)
            limit = row.cap if urgency == Urgency.PERSON else row.cap - row.reserve
            if Budget.objects.filter(pk=row.pk, spent__lt=limit).update(spent=F("spent") + 1) == 0:
                transaction.set_rollback(True)
                return row.starts_at + timedelta(seconds=row.seconds)
    return None


def read_back(connection: Connection, left: dict[str, int]) -> None:
    """Believe the vendor's own count where it says that less is left than we thought."""
    for name, _, cap, _ in SHAPES[connection.provider].windows:
        if name in left:
            Budget.objects.filter(pk=_key(connection, name), spent__lt=cap - left[name]).update(spent=cap - left[name])


def used(connection: Connection) -> list[tuple[str, int, int]]:
    """Each window's name, calls spent in it now, and its cap."""
    rows = []
    now = clock.now()
    for name, seconds, cap, _ in SHAPES[connection.provider].windows:
        row = Budget.objects.filter(pk=_key(connection, name)).first()
        live = row is not None and now < row.starts_at + timedelta(seconds=seconds)
        rows.append((name, row.spent if row is not None and live else 0, cap))
    return rows


def _open_window(key: str, seconds: int, cap: int, reserve: int, now: datetime) -> Budget:
    fresh = {"starts_at": now, "seconds": seconds, "cap": cap, "spent": 0, "reserve": reserve}
    row, _ = Budget.objects.select_for_update().get_or_create(pk=key, defaults=fresh)
    if now >= row.starts_at + timedelta(seconds=row.seconds):
        row.starts_at, row.spent = now, 0
        row.save(update_fields=["starts_at", "spent"])
    return row
