"""The bell: the one place that knows django-q2. A lost, doubled or late ring changes nothing but the time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction

log = logging.getLogger(__name__)
Ring = Callable[..., None]


def _ring(task: str, **arguments: Any) -> None:
    from django_q.tasks import async_task

    async_task(task, **arguments)


#: How a ring reaches a worker; tests and the in-process demo history put their own here.
ring: Ring = _ring


def wake(task: str, **arguments: Any) -> None:
    """Ask a worker to run a task (dotted name, keyword arguments) once this transaction has committed.

    A ring that fails is logged and forgotten: the row is owed all the same and the one-minute sweep finds it.
    """
    transaction.on_commit(lambda: ring(task, **arguments), robust=True)


def forget(before: datetime) -> int:
    """Remove what the queue remembers of tasks that ended before a moment. Returns how many."""
    from django_q.models import Task

    return int(Task.objects.filter(stopped__lt=before).delete()[0])
