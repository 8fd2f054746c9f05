"""Long lists, one page at a time: fifty rows and an honest count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db.models import Model, QuerySet

from practice.core.fields import whole_number

M = TypeVar("M", bound=Model)
SIZE = 50
COUNTED = 10_000


@dataclass(frozen=True)
class Paged(Generic[M]):
    """One page of a list: its rows, its number, and how many rows there are in all (counted up to 10,000)."""

    rows: list[M]
    number: int
    total: int
    size: int = SIZE

    @property
    def before(self) -> int | None:
        """The number of the page before."""
        return self.number - 1 if self.number > 1 else None

    @property
    def after(self) -> int | None:
        """The number of the page after."""
        return self.number + 1 if self.number * self.size < self.total else None

    @property
    def is_split(self) -> bool:
        """Whether there is more than this page."""
        return bool(self.before or self.after)

    @property
    def count(self) -> str:
        """How many rows in all: "412", "10,000+"."""
        return f"{COUNTED:,}+" if self.total > COUNTED else f"{self.total:,}"

    @property
    def words(self) -> str:
        """Which rows these are: "51 to 100 of 412"."""
        first = (self.number - 1) * self.size
        return f"{first + 1:,} to {first + len(self.rows):,} of {self.count}"


def paginate(rows: QuerySet[M, Any], number: str | None, size: int = SIZE) -> Paged[M]:
    """The page of an ordered list that ``?page=`` asks for; anything that is no page number is the first page."""
    asked = whole_number(number) or 1
    total = rows.order_by()[: COUNTED + 1].count()
    last = max(1, -(-total // size))
    at = min(max(1, asked), last)
    return Paged(list(rows[(at - 1) * size : at * size]), at, total, size)
