"""A child of the demo ends when its runner does, even when that was killed: standard input reaches its end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable


def end_with_parent(end: Callable[[], object]) -> None:
    """Call ``end`` once standard input closes."""

    def watch() -> None:
        while sys.stdin.buffer.read(4096):
            continue
        end()

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()
