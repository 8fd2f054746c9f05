"""``manage.py sandbox xero|quickbooks|stripe``: one sandbox on loopback."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from practice.core.sandbox.server import Server, post
from practice.core.sandbox.store import Store
from practice.site.sandboxes import BUILDERS
from practice.site.watching import end_with_parent


class Command(BaseCommand):
    """Start one sandbox and print, as one JSON line, all that an outside client needs."""

    help = "Run a sandbox of Xero, QuickBooks or Stripe on 127.0.0.1."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        """Which sandbox, where, and whose books."""
        parser.add_argument("vendor", choices=sorted(BUILDERS))
        parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
        parser.add_argument("--state", type=Path, help="file that keeps the books over a restart")
        parser.add_argument("--fresh", action="store_true", help="begin with new books")
        parser.add_argument("--company", default="vendor", help="vendor, empty or demo")
        parser.add_argument("--delay", type=float, default=0.15, help="seconds before each answer")
        parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until a signal comes. Raises CommandError under PRODUCTION=1 without SANDBOX=1."""
        if settings.PRODUCTION and not settings.SANDBOX:
            raise CommandError("PRODUCTION=1: a sandbox starts only with SANDBOX=1")
        path: Path | None = options["state"]
        if path and options["fresh"]:
            for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                name.unlink(missing_ok=True)
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
        server = Server(_Waiting(), port=options["port"], delay=options["delay"])
        base_url = f"http://127.0.0.1:{server.port}"
        application = BUILDERS[options["vendor"]](
            store=Store(path), base_url=base_url, send=post, company=options["company"]
        )
        server.application = application
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: server.stop())
        if options["with_parent"]:
            end_with_parent(server.stop)
        self.stdout.write(json.dumps({"vendor": options["vendor"], **application.credentials()}))
        self.stdout.flush()
        thread = threading.Thread(target=server.run, name="sandbox")
        thread.start()
        while thread.is_alive():
            thread.join(0.5)
        server.server_close()


class _Waiting:
    """Holds the port until the sandbox, which needs to know it, is built."""

    def handle(self, request: Any) -> Any:
        """Nobody knows the port yet."""
        raise ConnectionResetError

    def tick(self) -> None:
        """Nothing happens yet."""
