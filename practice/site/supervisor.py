"""Keeping a django-q2 cluster alive: it is killed and started again when it falls silent.

A cluster of django-q2 can look alive and do nothing for ever, and one whose guard dies exits with status 0. So the sign
of life is a row that a *worker* of it writes. Several clusters, on as many machines as there are, share one queue: each
supervisor rings until a worker of its own has answered. The minute sweep must be done as well, by whichever.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from practice.core import clock, wake
from practice.core.models import Heartbeat

log = logging.getLogger(__name__)
SILENT_AFTER = timedelta(seconds=180)
#: How old the sign of life of our own cluster may be before its supervisor rings for another, and how often it rings: a
#: bell may be answered by another cluster.
RING_AFTER, RING_EVERY = timedelta(seconds=30), timedelta(seconds=5)
#: The environment variable by which a worker knows whose cluster it belongs to.
CLUSTER = "COUNTERSIGN_CLUSTER"
#: How long a cluster may finish what it has started before its whole process group is killed.
GRACE_SECONDS = 8.0


@dataclass
class Cluster:
    """One cluster as a process group of its own."""

    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started_at: datetime = field(default_factory=clock.now)
    rung_at: datetime = field(default_factory=clock.now)
    #: Who it is among all clusters: machine, supervisor, and a few letters in case both come again.
    name: str = field(default_factory=lambda: f"{socket.gethostname()[:30]} {os.getpid()} {secrets.token_hex(3)}")

    def start(self) -> None:
        """Start it in a session of its own, so that the whole group can be ended; it ends with us by its input."""
        self.started_at = clock.now()
        environment = {**os.environ, CLUSTER: self.name}
        self.process = subprocess.Popen(  # noqa: S603 (our own command)
            self.command, stdin=subprocess.PIPE, start_new_session=True, env=environment
        )

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
        """Whether it has exited, no worker of it has given a sign of life for three minutes, or nobody sweeps."""
        if self.process is None or self.process.poll() is not None:
            return True
        oldest = min(self._last(SWEEP), self._last(sign_of(self.name)))
        return clock.now() - oldest > SILENT_AFTER

    def ring(self) -> bool:
        """Ring for a sign of life where the last one gets old. Returns whether it rang."""
        now = clock.now()
        if now - self._last(sign_of(self.name)) < RING_AFTER or now - self.rung_at < RING_EVERY:
            return False
        self.rung_at = now
        wake.wake("practice.site.tasks.beat")
        return True

    def _last(self, name: str) -> datetime:
        beat = Heartbeat.objects.filter(name=name).values_list("at", flat=True).first()
        return max(self.started_at, beat) if beat else self.started_at

    def forget(self) -> None:
        """Leave no sign of life behind."""
        Heartbeat.objects.filter(name=sign_of(self.name)).delete()


#: The sign that any worker lives, and the one that the minute sweep was done.
WORKER, SWEEP = "worker", "sweep"


def sign_of(cluster: str) -> str:
    """The name of one cluster's sign of life."""
    return f"{WORKER} {cluster}"


def give_sign(*, swept: bool = False) -> None:
    """Write the sign of life, from within a worker; ``swept`` when it is doing the minute sweep."""
    names = [WORKER, *([SWEEP] if swept else ()), *(sign_of(name) for name in [os.environ.get(CLUSTER, "")] if name)]
    for name in names:
        Heartbeat.objects.update_or_create(name=name, defaults={"at": clock.now()})
    if swept:
        Heartbeat.objects.filter(name__startswith=f"{WORKER} ", at__lt=clock.now() - timedelta(days=1)).delete()


def cluster_command() -> list[str]:
    """How a cluster is started."""
    return [sys.executable, "manage.py", "cluster"]
