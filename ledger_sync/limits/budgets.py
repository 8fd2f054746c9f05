"""Calls left in the vendor's fixed windows: rows shared by every process, spent in the commit that writes the call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from ledger_sync.kinds import SHAPES
from ledger_sync.models import Budget, Connection
from ledger_sync.ports import TryLater
from practice.core import clock
from practice.core.owed import Urgency


def _key(connection: Connection, window: str) -> str:
    """One row for an organisation's window; one for all of them where the vendor counts what our app does."""
    return f"{connection.provider}:{'' if window.startswith('app') else connection.remote_org}:{window}"


@dataclass(frozen=True)
class Grant:
    """How many calls may be made, and until when there are no more, if there are fewer than were asked for."""

    calls: int
    full_until: datetime | None = None


def spend(connection: Connection, urgency: int, *, pushing: bool = False) -> datetime | None:
    """Take one call from every window. Returns None when it was granted, else the moment the full window ends.

    People may use the reserve of each window; everything else leaves it alone. Calls with changes also count in the
    windows that are only for them.
    """
    return grant(connection, urgency, 1, pushing=pushing).full_until


def grant(connection: Connection, urgency: int, calls: int, *, pushing: bool = False) -> Grant:
    """Take up to so many calls from every window, like :func:`spend`."""
    with transaction.atomic(savepoint=False):
        rows = _open_windows(connection, pushing=pushing)
        left = {row: row.cap - row.spent - (0 if urgency == Urgency.PERSON else row.reserve) for row in rows}
        granted = max(0, min(calls, *left.values()))
        if granted:
            Budget.objects.filter(pk__in=[row.pk for row in rows]).update(spent=F("spent") + granted)
        full = [row.starts_at + timedelta(seconds=row.seconds) for row, there in left.items() if there < calls]
    return Grant(granted, max(full, default=None))


@dataclass(frozen=True)
class Meter:
    """Counts an adapter's reads one by one as they go out. A write was counted in the commit that wrote its call."""

    connection: Connection
    urgency: int = Urgency.NORMAL

    def read(self) -> None:
        """Take one call. Raises TryLater when a window has none left."""
        full_until = spend(self.connection, self.urgency)
        if full_until is not None:
            wait = max(1, int((full_until - clock.now()).total_seconds()) + 1)
            raise TryLater("no call is left in this window", retry_after=wait, scope="budget")

    def heard(self, left: Mapping[str, int]) -> None:
        """Take in what the vendor says is left."""
        read_back(self.connection, left)


def read_back(connection: Connection, left: Mapping[str, int]) -> None:
    """Believe the vendor's own count where it says that less is left than we thought.

    Its windows need not begin when ours do. Only a count that runs low is written down, so that reading costs no write.
    """
    for name, _, cap, _ in SHAPES[connection.provider].windows:
        if name in left and left[name] * 4 <= cap:
            Budget.objects.filter(pk=_key(connection, name), spent__lt=cap - left[name]).update(spent=cap - left[name])


def used(connection: Connection) -> list[tuple[str, int, int]]:
    """Each window's name, calls spent in it now, and its cap."""
    rows = []
    now = clock.now()
    windows = SHAPES[connection.provider].windows
    known = Budget.objects.in_bulk([_key(connection, name) for name, *_ in windows])
    for name, seconds, cap, _ in windows:
        row = known.get(_key(connection, name))
        live = row is not None and now < row.starts_at + timedelta(seconds=seconds)
        rows.append((name, row.spent if row is not None and live else 0, cap))
    return rows


def is_half_spent(connection: Connection) -> bool:
    """Whether half of what one of its windows takes is used up."""
    return any(spent * 2 >= cap for _, spent, cap in used(connection))


def _open_windows(connection: Connection, *, pushing: bool) -> list[Budget]:
    """The rows of the windows a call counts in, locked in one order; those that have ended begin anew."""
    shape, now = SHAPES[connection.provider], clock.now()
    windows = {
        _key(connection, name): {"seconds": seconds, "cap": cap, "reserve": reserve, "starts_at": now, "spent": 0}
        for name, seconds, cap, reserve in (*shape.windows, *(shape.push_windows if pushing else ()))
    }
    rows = {row.pk: row for row in Budget.objects.select_for_update().filter(pk__in=windows).order_by("pk")}
    for key, fresh in windows.items():
        row = rows.get(key)
        if row is None:
            rows[key], _ = Budget.objects.select_for_update().get_or_create(pk=key, defaults=fresh)
        elif now >= row.starts_at + timedelta(seconds=row.seconds):
            for name, value in fresh.items():
                setattr(row, name, value)
            row.save(update_fields=list(fresh))
    return list(rows.values())
