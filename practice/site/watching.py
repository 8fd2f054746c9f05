"""A child of the demo ends when its runner does, even when that was killed: standard input reaches its end."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable


def end_with_parent(end: Callable[[], object]) -> None:
    """Call ``end`` once standard input closes."""

    def watch() -> None:
        # Unbuffered: a reader waiting inside a buffer would break the interpreter's own ending.
        while os.read(sys.stdin.fileno(), 4096):
            continue
        end()

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()
