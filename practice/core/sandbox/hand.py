"""The hand on a sandbox's clock: it may be moved or fixed, and stands where it stood after a restart."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from practice.core import clock
from practice.core.sandbox.store import Store

#: The table and the key under which a store keeps how its clock stands.
PLACE = ("_clock", "hand")


def turn(store: Store, body: dict[str, Any]) -> dict[str, str]:
    """Fix this process's clock ``at`` a moment (null lets it run), or move it on by ``advance_seconds``; tell the time.

    Raises ValueError for a moment without a time zone, or one that no calendar has.
    """
    at = datetime.fromisoformat(str(body["at"])) if body.get("at") else None
    try:
        ahead = timedelta(seconds=float(body.get("advance_seconds", 0)))
        if "at" in body:
            clock.move(at)
        clock.advance(seconds=ahead.total_seconds())
    except OverflowError as error:
        raise ValueError("no calendar has that moment") from error
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
