"""The hand on a sandbox's clock: it may be moved or fixed, and stands where it stood after a restart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from practice.core import clock
from practice.core.sandbox.store import Store

#: The years a sandbox lives in: its terms, tokens and time zones still have a date on either side.
YEARS = range(1970, 2200)
#: The table and the key under which a store keeps how its clock stands.
PLACE = ("_clock", "hand")


def turn(store: Store, body: dict[str, Any]) -> dict[str, str]:
    """Fix this process's clock ``at`` a moment (null lets it run), or move it on by ``advance_seconds``; tell the time.

    Raises ValueError, and moves nothing, for a moment without a time zone or beyond the years a sandbox lives in.
    """
    at = datetime.fromisoformat(str(body["at"])) if body.get("at") else None
    try:
        ahead = timedelta(seconds=float(body.get("advance_seconds", 0)))
        _refuse_far(at, ahead, let_run="at" in body)
    except OverflowError as error:
        raise ValueError("no calendar has that moment") from error
    if "at" in body:
        clock.move(at)
    clock.advance(seconds=ahead.total_seconds())
    if body:
        fixed, shift = clock.standing()
        with store.transaction():
            store.put(*PLACE, {"fixed": fixed.isoformat() if fixed else "", "shift": shift.total_seconds()})
    return {"now": clock.now().isoformat()}


def resume(store: Store) -> None:
    """Put this process's clock where it stood when the store was last in use."""
    kept = store.get(*PLACE)
    if kept:
        clock.move(datetime.fromisoformat(kept["fixed"]) if kept["fixed"] else None)
        clock.advance(seconds=float(kept["shift"]))


def _refuse_far(at: datetime | None, ahead: timedelta, *, let_run: bool) -> None:
    if at is not None and at.tzinfo is None:
        raise ValueError("the clock needs an aware instant")
    fixed, shift = clock.standing()
    running = datetime.now(UTC) + shift if let_run or fixed is None else fixed
    # Where it would stand, and where it would run on from if it were let go.
    for moment in ((at or running) + ahead, running):
        if moment.year not in YEARS:
            raise ValueError(f"a sandbox lives from {YEARS[0]} to {YEARS[-1]}, not in {moment.year}")
