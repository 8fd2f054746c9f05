"""What needs a person: each package lends its rows to the slot ``firm.dashboard.needs``, here they become one list.

A panel of that slot answers ``("firm/needs.html", {"needs": [Need(...), ...]})`` with only what the member may act on,
in at most two queries: the list is counted on every page.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest

from practice.core import panels
from practice.core.templatetags.words import in_money
from practice.firm.permissions import Member

_LATEST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Need:
    """One thing to do: what is wrong, why, how much money waits on it, since when, and the one button."""

    title: str
    detail: str
    verb: str
    href: str
    icon: str = "alert"
    tone: str = "wait"
    amount: Decimal | None = None
    currency: str = ""
    since: datetime | None = None

    @property
    def mark(self) -> str:
        """The class of its round mark: red for what was refused, grey for what is only worth knowing."""
        return {"bad": "x", "wait": ""}.get(self.tone, "o")


@dataclass(frozen=True)
class Needs:
    """All that needs a member now, most money first, then oldest first."""

    rows: list[Need] = field(default_factory=list)
    failed: int = 0

    @property
    def first(self) -> list[Need]:
        """The rows shown at once."""
        return self.rows[:4]

    @property
    def more(self) -> list[Need]:
        """The rows behind "Show more"."""
        return self.rows[4:]

    @property
    def waiting(self) -> str:
        """The money that waits, per currency: "$6,809.20 and £120.00"; empty when none does."""
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.rows:
            if row.amount:
                sums[row.currency] += row.amount
        return " and ".join(in_money(amount, currency) for currency, amount in sorted(sums.items()))


def gather(request: HttpRequest, member: Member) -> Needs:
    """Ask every panel of the slot, once per request."""
    known: Needs | None = getattr(request, "needs", None)
    if known is None:
        found, failed = panels.contexts("firm.dashboard.needs", request, member)
        rows: list[Need] = [row for context in found for row in _rows(context)]
        rows.sort(key=lambda row: (-(row.amount or Decimal(0)), row.since or _LATEST))
        known = Needs(rows, failed)
        request.needs = known  # type: ignore[attr-defined]
    return known


def _rows(context: dict[str, Any]) -> list[Need]:
    rows: list[Need] = context["needs"]
    return rows
