"""What happened, told upward: recorders of higher packages run inside the same transaction.

A recorder only writes rows of its own package (a link now owed to the ledger, a mail to send). It never calls out and
never decides. Those rows are the outbox.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from django.db import transaction

Recorder = Callable[..., None]
_recorders: dict[str, list[Recorder]] = defaultdict(list)


class RecordedOutsideTransaction(RuntimeError):
    """An event was recorded outside a transaction, so its rows could have been lost or left behind."""


def recorder(*topics: str) -> Callable[[Recorder], Recorder]:
    """Register a function ``(subject, **facts)`` for topics named ``package.thing.happened``."""

    def register(function: Recorder) -> Recorder:
        for topic in topics:
            _recorders[topic].append(function)
        return function

    return register


def record(topic: str, subject: Any, **facts: Any) -> None:
    """Tell every recorder of a topic, in this transaction. Raises RecordedOutsideTransaction outside one."""
    if not transaction.get_connection().in_atomic_block:
        raise RecordedOutsideTransaction(topic)
    for function in _recorders[topic]:
        function(subject, **facts)
