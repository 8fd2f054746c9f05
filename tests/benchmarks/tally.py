"""Where the processor's time goes, step by step; what one step spends inside another counts once, with the inner one."""

from __future__ import annotations

import functools
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ledger_sync.pull import inbound
from ledger_sync.push import flight, planning, settling

#: The steps of a drain by the function that does each: what is named later runs inside what is named before it.
STEPS: tuple[tuple[Any, str, str], ...] = (
    (planning, "plan", "find what is ready and read its documents"),
    (planning, "_write", "render the body, write Call and CallItems"),
    (flight, "send", "SDK, and reading the answer"),
    (settling, "settle", "settle"),
    (inbound, "work", "echoes among the notices"),
)
REST = "lease, bells, sweeps"


class Tally:
    """Seconds of processor by step."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._inside = [REST]
        self._since = time.process_time()

    def clear(self) -> None:
        """Begin at nothing."""
        self._charge()
        self.spent.clear()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Count what the block takes for one step."""
        self._charge()
        self._inside.append(name)
        try:
            yield
        finally:
            self._charge()
            self._inside.pop()

    def stop(self) -> dict[str, float]:
        """What each step took so far."""
        self._charge()
        return dict(self.spent)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Count the steps of the engine while the block lasts."""
        before = [(module, name, getattr(module, name)) for module, name, _ in STEPS]
        for module, name, step in STEPS:
            setattr(module, name, self._counted(getattr(module, name), step))
        try:
            yield
        finally:
            for module, name, function in before:
                setattr(module, name, function)

    def _counted(self, function: Callable[..., Any], step: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def counted(*args: Any, **kwargs: Any) -> Any:
            with self.step(step):
                return function(*args, **kwargs)

        return counted

    def _charge(self) -> None:
        now = time.process_time()
        self.spent[self._inside[-1]] += now - self._since
        self._since = now
