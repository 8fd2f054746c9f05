"""``manage.py work``: the worker, under its supervisor."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand
from django.db import InterfaceError, OperationalError, close_old_connections

from ledger_sync.limits import lanes
from practice.core import wake
from practice.site import tasks
from practice.site.supervisor import Cluster, cluster_command
from practice.site.watching import end_with_parent


class Command(BaseCommand):
    """Run the worker: the cluster, and whatever was left undone; it is started again whenever it falls silent."""

    help = "Run the worker under a supervisor; stops cleanly on SIGTERM."

    def add_arguments(self, parser: Any) -> None:
        """The runner of the demo asks its children to end with it."""
        parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Supervise until a signal comes."""
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: stopping.set())
        if options["with_parent"]:
            end_with_parent(stopping.set)
        cluster = Cluster(cluster_command())
        self._start(cluster)
        try:
            while not stopping.wait(1.0):
                close_old_connections()
                try:
                    self._look_after(cluster)
                except (OperationalError, InterfaceError) as error:
                    # The database is busy, or away for a moment: asked again in a second.
                    self.stderr.write(f"worker: looked after a second later ({error})")
        finally:
            cluster.stop()
            with contextlib.suppress(OperationalError, InterfaceError):
                cluster.forget()

    def _look_after(self, cluster: Cluster) -> None:
        """Ring for lanes whose moment has come and for a sign of life; start a cluster anew that gives none."""
        lanes.ring_due()
        cluster.ring()
        if cluster.is_silent():
            self.stderr.write("worker: the cluster fell silent and is started again")
            cluster.stop()
            self._start(cluster)

    def _start(self, cluster: Cluster) -> None:
        """Start the cluster; while it gets up, what was left undone is made up for here.

        The sign of life is rung for, not given here: only a worker that works can give it.
        """
        wake.wake("practice.site.tasks.beat")
        cluster.start()
        tasks.make_up()
