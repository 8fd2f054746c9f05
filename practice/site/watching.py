"""A child ends when its runner does, even when that was killed: standard input reaches its end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

#: How long a child may take to end by itself before its whole process group is killed.
GRACE_SECONDS = 10.0


def end_with_parent(end: Callable[[], object]) -> None:
    """Call ``end`` once standard input closes, and kill whatever of the process group is still there after that."""

    def watch() -> None:
        # Unbuffered: a reader waiting inside a buffer would break the interpreter's own ending.
        while os.read(sys.stdin.fileno(), 4096):
            continue
        end()
        time.sleep(GRACE_SECONDS)  # noqa: TID251 (processes end in real time)
        if os.getpgrp() == os.getpid():
            os.killpg(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()
