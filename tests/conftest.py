"""What every test may use: a fixed cause, an empty bell, and a database whose append-only tables can be emptied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
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


#: Fixtures that mean a test uses the database.
DATABASE = {"db", "transactional_db", "live_server", "django_db_serialized_rollback"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what uses the database runs: the rest was just run, and would say the same again."""
    if connection.vendor != "postgresql":
        return
    fit = [item for item in items if item.get_closest_marker("django_db") or DATABASE & set(_fixtures(item))]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(fit)])
    items[:] = fit


def _fixtures(item: pytest.Item) -> list[str]:
    return getattr(item, "fixturenames", [])


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
