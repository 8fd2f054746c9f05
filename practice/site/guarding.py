"""django-q2's guard with manners of ours: it gives up where a death may have left a lock, and ends work early.

A worker that is killed while it waits for its next task, or a monitor or pusher that is killed at any time, may take
the lock of a queue along: whoever is started in its place waits for ever, and the cluster looks alive (django-q2 issue
23). So the guard ends itself, and the supervisor starts the whole cluster anew within seconds. A worker killed while it
works holds no lock and is replaced as ever. Whoever is left without the process that started it ends as well: guard and
supervisor may die in the same moment, and nobody else would end their workers.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

from django_q import cluster

from practice.core import stopping

log = logging.getLogger(__name__)
#: What django-q2 leaves in a worker's timer: it waits for a task; anything else is busy, timed out or recycled.
IDLE = -1
#: How long an orphan may take to finish what it has begun.
ORPHANS_MAY = 10.0


class Guard(cluster.Sentinel):  # type: ignore[misc]
    """The process that starts and watches workers, monitor and pusher."""

    def reincarnate(self, process: Any) -> None:
        """Replace a process that ended, or give the cluster up."""
        if process in self.pool and process.timer.value != IDLE:
            super().reincarnate(process)
            return
        log.error("process %s of the cluster died and may have left a queue locked: all of it starts anew", process.pid)
        # Not by an exception: django-q2's own ending would wait for the very lock.
        os._exit(1)

    def stop(self) -> None:
        """End the cluster; whoever works stops at the next place where nothing is half done."""
        stopping.ask()
        super().stop()


def install() -> None:
    """Let clusters of this process be guarded so, and every fork of it end with the process that made it."""
    cluster.Sentinel = Guard
    os.register_at_fork(after_in_child=_watch_parent)


def _watch_parent() -> None:
    threading.Thread(target=_end_without, args=(os.getppid(),), name="watch-parent", daemon=True).start()


def _end_without(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)  # noqa: TID251 (processes live in real time)
    stopping.ask()
    time.sleep(ORPHANS_MAY)  # noqa: TID251
    os._exit(1)
