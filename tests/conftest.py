"""What every test may use: a fixed cause, an empty bell, and a database whose append-only tables can be emptied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import TransactionTestCase

from practice.core import clock, wake
from tests.chromium import chromium  # noqa: F401
from tests.emptying import empty

TransactionTestCase._fixture_teardown = empty  # type: ignore[method-assign]


class Bell:
    """The bell without a worker: what was rung, and a way to answer it."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, task: str, **arguments: Any) -> None:
        self.rung.append((task, arguments))

    def answer(self) -> int:
        """Run everything that was rung, and what that rings, until it is quiet. Returns how many tasks ran."""
        from django.utils.module_loading import import_string

        ran = 0
        while self.rung:
            task, arguments = self.rung.pop(0)
            import_string(task)(**arguments)
            ran += 1
        return ran


@pytest.fixture(autouse=True)
def bell(monkeypatch: pytest.MonkeyPatch) -> Bell:
    """Rings go into a list; ``bell.answer()`` is the worker."""
    fresh = Bell()
    monkeypatch.setattr(wake, "ring", fresh)
    return fresh


@pytest.fixture(autouse=True)
def _clock_runs_again() -> Iterator[None]:
    """A test that moved the clock leaves it running for the next."""
    yield
    clock.move(None)
    clock._hand.shift = clock.timedelta()
    cache.clear()
