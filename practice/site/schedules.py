"""What django-q2 starts by the clock: one schedule, made in code by name so that it can never be malformed."""

from __future__ import annotations

from typing import Any

from django.conf import settings


def install_after_migrate(**_: Any) -> None:
    """Make the minute sweep's schedule, or put it right."""
    if settings.TESTING:
        return
    from django_q.models import Schedule

    Schedule.objects.update_or_create(
        name="minute sweep",
        defaults={"func": "practice.site.tasks.sweep", "schedule_type": Schedule.MINUTES, "minutes": 1, "repeats": -1},
    )
