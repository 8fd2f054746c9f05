"""``manage.py sandbox xero|quickbooks|stripe``: one sandbox on loopback."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from practice.core.sandbox import hand
from practice.core.sandbox.server import Server, post
from practice.core.sandbox.store import Row, Store
from practice.site.sandboxes import BUILDERS, COMPANIES
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
        parser.add_argument("--company", default="vendor", help="vendor, empty, demo or a JSON file that describes one")
        parser.add_argument("--delay", type=float, default=0.15, help="seconds before each answer")
        parser.add_argument("--webhook", default="", help="address that notices go to from the start")
        parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until a signal comes. Raises CommandError, with what to do, for whatever keeps it from starting."""
        if settings.PRODUCTION and not settings.SANDBOX:
            raise CommandError("PRODUCTION=1: a sandbox starts only with SANDBOX=1")
        if not 0 <= options["delay"] <= 60:
            raise CommandError("--delay is from 0 to 60 seconds")
        vendor, company = options["vendor"], _company(options["company"])
        try:
            server = Server(_Waiting(), port=options["port"], delay=options["delay"])
        except (OSError, OverflowError) as error:
            raise CommandError(f"port {options['port']} cannot be used ({error}): give another --port") from error
        store = _open(vendor, options["state"], fresh=options["fresh"])
        hand.resume(store)
        try:
            application = BUILDERS[vendor](
                store=store,
                base_url=f"http://127.0.0.1:{server.port}",
                send=post,
                company=company,
                webhook=options["webhook"],
            )
        except Exception as error:
            if isinstance(company, dict):
                raise CommandError(f"{options['company']} describes no company: {error}") from error
            raise
        server.application = application
        self._serve(server, {"vendor": vendor, **application.credentials()}, with_parent=options["with_parent"])

    def _serve(self, server: Server, line: dict[str, Any], *, with_parent: bool) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: server.stop())
        if with_parent:
            end_with_parent(server.stop)
        self.stdout.write(json.dumps(line))
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


def _company(given: str) -> str | Row:
    """A company by name, or the description in a file. Raises CommandError for neither."""
    if given in COMPANIES:
        return given
    try:
        described = json.loads(Path(given).read_text())
    except (OSError, ValueError) as error:
        known = ", ".join(COMPANIES)
        raise CommandError(f"--company {given}: neither {known} nor a JSON file that can be read ({error})") from error
    if not isinstance(described, dict):
        raise CommandError(f"--company {given}: the file must hold one JSON object")
    return described


def _open(vendor: str, path: Path | None, *, fresh: bool) -> Store:
    """The books in a file, which belongs to one vendor and one process. Raises CommandError otherwise."""
    try:
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            if fresh:
                _clear(path)
        store = Store(path)
    except (OSError, sqlite3.Error) as error:
        raise CommandError(
            f"{path} cannot be used ({error}): end the sandbox that has it open, or give another --state"
        ) from error
    kept = store.get("_store", "vendor")
    if kept and kept["name"] != vendor:
        raise CommandError(f"{path} holds the books of {kept['name']}, not {vendor}: give another --state, or --fresh")
    with store.transaction():
        store.put("_store", "vendor", {"name": vendor})
    return store


def _clear(path: Path) -> None:
    """Take away old books. Raises sqlite3.OperationalError while a process still writes them: it would go on unseen."""
    try:
        Store(path).close()
    except sqlite3.OperationalError:
        raise
    except (sqlite3.Error, ValueError):
        pass  # no books at all, which is what --fresh is for
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        name.unlink(missing_ok=True)
