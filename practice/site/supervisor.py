"""Keeping a django-q2 cluster alive: it is killed and started again when it falls silent.

A worker of django-q2 that dies while it waits for the queue wedges its whole cluster for good, and a cluster whose
guard dies exits with status 0. So the sign of life is a row that a *worker* writes, once a minute, in the sweep.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from practice.core import clock
from practice.core.models import Heartbeat

log = logging.getLogger(__name__)
SILENT_AFTER = timedelta(seconds=180)
#: How long a cluster may finish what it has started before its whole process group is killed.
GRACE_SECONDS = 8.0


@dataclass
class Cluster:
    """One cluster as a process group of its own."""

    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: datetime = field(default_factory=clock.now)

    def start(self) -> None:
        """Start it in a session of its own, so that the whole group can be ended; it ends with us by its input."""
        self.started_at = clock.now()
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603

    def stop(self) -> None:
        """Ask the leader to finish, wait, then end the group. Workers leave no orphans behind."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        waited = 0.0
        while self.process.poll() is None and waited < GRACE_SECONDS:
            clock.sleep(0.1)
            waited += 0.1
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=2)
        self.process = None

    def is_silent(self) -> bool:
        """Whether it has exited, or no worker of it has given a sign of life for three minutes."""
        if self.process is None or self.process.poll() is not None:
            return True
        beat = Heartbeat.objects.filter(name="worker").values_list("at", flat=True).first()
        last = max(self.started_at, beat) if beat else self.started_at
        return clock.now() - last > SILENT_AFTER


def cluster_command() -> list[str]:
    """How a cluster is started."""
    return [sys.executable, "manage.py", "cluster"]
