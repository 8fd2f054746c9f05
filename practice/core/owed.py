"""Owed rows: what must leave the building is first written down, in the commit of the change that caused it.

There is no state column. A row owes while ``owed_since`` is set; ``owed_rev`` counts what was owed, so that settling
clears only what was sent and an edit made meanwhile stays owed. ``ready_at`` is the next moment it may be tried.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from practice.core import clock

MAX_TRIES = 12
#: Chance for jitter and keys. The system's own: a generator with state would be copied into every forked worker, and
#: two workers would draw the same key. Replayable runs put a seeded one here.
chance: random.Random = random.SystemRandom()


class Urgency(models.IntegerChoices):
    """Who waits."""

    PERSON = 0, "A person waits"
    NORMAL = 1, "Normal"
    BULK = 2, "Bulk"


class Owed(models.Model):
    """A row that owes something to somebody outside."""

    owed_since = models.DateTimeField(null=True, blank=True)
    owed_rev = models.BigIntegerField(default=0)
    ready_at = models.DateTimeField(null=True, blank=True)
    tries = models.IntegerField(default=0)
    urgency = models.SmallIntegerField(choices=Urgency.choices, default=Urgency.NORMAL)
    parked_at = models.DateTimeField(null=True, blank=True)
    parked_code = models.CharField(max_length=40, blank=True, default="")

    class Meta:
        abstract = True
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(owed_rev__gte=0), name="%(class)s_rev_not_negative"),
            models.CheckConstraint(
                condition=Q(parked_at__isnull=True, parked_code="") | (Q(parked_at__isnull=False) & ~Q(parked_code="")),
                name="%(class)s_parked_whole",
            ),
            models.CheckConstraint(
                condition=Q(ready_at__isnull=True) | Q(owed_since__isnull=False, parked_at__isnull=True),
                name="%(class)s_ready_owes",
            ),
        ]

    @property
    def owes(self) -> bool:
        """Whether something is still to be sent."""
        return self.owed_since is not None

    @property
    def is_parked(self) -> bool:
        """Whether it waits for a person."""
        return self.parked_at is not None


def owe(rows: models.QuerySet[Any], *, urgency: int = Urgency.NORMAL, ready: bool = True, **also: Any) -> int:
    """Let rows owe one revision more, from now unless they already did. Un-parks them. Returns how many.

    ``also`` are columns of the rows' own that are written in the same breath.
    """
    now = clock.now()
    return rows.update(
        owed_since=Coalesce(F("owed_since"), now),
        owed_rev=F("owed_rev") + 1,
        ready_at=now if ready else None,
        urgency=urgency,
        tries=0,
        parked_at=None,
        parked_code="",
        **also,
    )


#: What is true of a row that owes nothing.
CLEAR: dict[str, Any] = {"owed_since": None, "ready_at": None, "tries": 0}


def settle(rows: models.QuerySet[Any], *, sent_rev: int) -> bool:
    """Clear the debt that was sent, and only that one; an edit made meanwhile stays owed."""
    return rows.filter(owed_rev=sent_rev).update(**CLEAR) == 1


def postpone(rows: models.QuerySet[Any], *, until: datetime) -> int:
    """Try rows that still owe again at a later moment."""
    return rows.filter(owed_since__isnull=False, parked_at__isnull=True).update(ready_at=until)


def park(rows: models.QuerySet[Any], *, code: str) -> int:
    """Set rows aside for a person, with the reason's code."""
    return rows.filter(owed_since__isnull=False).update(parked_at=clock.now(), parked_code=code, ready_at=None)


def release(rows: models.QuerySet[Any]) -> int:
    """Let parked rows, and rows whose needs are met, be tried now."""
    return rows.filter(owed_since__isnull=False).update(ready_at=clock.now(), parked_at=None, parked_code="")


def backoff(tries: int) -> timedelta:
    """How long to wait after so many tries: anywhere up to a limit that doubles from two seconds to an hour."""
    return timedelta(seconds=chance.uniform(0, min(3600, 2 * 2**tries)))


class Single(Owed):
    """An owed row that is delivered by itself: claimed by one worker with a conditional update."""

    claimed_until = models.DateTimeField(null=True, blank=True)

    class Meta(Owed.Meta):
        abstract = True


def claim(rows: models.QuerySet[Any], *, seconds: int = 120) -> bool:
    """Take one row for this worker for a while. False when somebody else holds it or it is not ready."""
    now = clock.now()
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    ready = rows.filter(free, ready_at__lte=now)
    return ready.update(claimed_until=now + timedelta(seconds=seconds), tries=F("tries") + 1) == 1
