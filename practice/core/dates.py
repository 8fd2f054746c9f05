"""Business days: the nth date of a rhythm counted from its anchor, and dates as people write them."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from enum import StrEnum


class Unit(StrEnum):
    """How often something comes back."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_MONTHS = {Unit.MONTH: 1, Unit.QUARTER: 3, Unit.YEAR: 12}


def nth(anchor: date, unit: Unit, every: int, n: int) -> date:
    """The nth date (0 is the anchor) of "every ``every`` ``unit``", counted from the anchor.

    Counting from the anchor and not from the date before keeps the 31st: 31 January, 28 February, 31 March.
    """
    if every < 1 or n < 0:
        raise ValueError("a rhythm counts forward in steps of at least one")
    if unit is Unit.WEEK:
        return anchor + timedelta(weeks=every * n)
    months = anchor.month - 1 + _MONTHS[unit] * every * n
    year, month = anchor.year + months // 12, months % 12 + 1
    return date(year, month, min(anchor.day, calendar.monthrange(year, month)[1]))


def in_words(day: date) -> str:
    """A date in full: "18 December 2026"."""
    return f"{day.day} {day:%B %Y}"


def short(day: date) -> str:
    """A date without its year: "18 Dec"."""
    return f"{day.day} {day:%b}"
