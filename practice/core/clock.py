"""The one place that knows what time it is, so that tests, the demo's history and the sandboxes can move it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


class _Hand:
    """Where the clock stands: the real time, the real time shifted, or a fixed instant."""

    fixed: datetime | None = None
    shift: timedelta = timedelta()


_hand = _Hand()


def now() -> datetime:
    """The present moment, aware, in UTC."""
    if _hand.fixed is not None:
        return _hand.fixed
    return datetime.now(UTC) + _hand.shift


def today(zone: str) -> date:
    """The date it is now in an IANA time zone."""
    return now().astimezone(ZoneInfo(zone)).date()


def hour(zone: str) -> int:
    """The hour of the day it is now in an IANA time zone."""
    return now().astimezone(ZoneInfo(zone)).hour


def sleep(seconds: float) -> None:
    """Wait. A fixed clock moves on by itself instead."""
    if _hand.fixed is not None:
        _hand.fixed += timedelta(seconds=seconds)
        return
    time.sleep(seconds)


def move(instant: datetime | None) -> None:
    """Fix the clock at an aware instant; None lets it run again."""
    if instant is not None and instant.tzinfo is None:
        raise ValueError("the clock needs an aware instant")
    _hand.fixed = instant


def standing() -> tuple[datetime | None, timedelta]:
    """The instant the clock is fixed at, if it is, and how far a running one is ahead of real time."""
    return _hand.fixed, _hand.shift


def advance(**amount: float) -> datetime:
    """Move a fixed clock on, or shift a running one (``advance(days=3, hours=1)``)."""
    delta = timedelta(**amount)
    if _hand.fixed is not None:
        _hand.fixed += delta
    else:
        _hand.shift += delta
    return now()


@contextmanager
def at(instant: datetime) -> Iterator[None]:
    """Fix the clock for a while, then put it back as it was."""
    before = _hand.fixed, _hand.shift
    move(instant)
    try:
        yield
    finally:
        _hand.fixed, _hand.shift = before
