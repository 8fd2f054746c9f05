"""``manage.py demo``: everything in one terminal, on SQLite, without an account, a key or a service."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from practice.site.demo import building, wiring
from practice.site.demo.cast import PLAYERS
from practice.site.demo.processes import SANDBOXES, Processes, answers, free_port

FOLDER = settings.BASE_DIR / "var" / "demo"
#: What a real ledger takes to answer, roughly; the sandboxes wait this long.
DELAY = 0.15


class Command(BaseCommand):
    """Set up what is missing, start sandboxes, web and worker, play one engagement, and wait."""

    help = "Run the demo: web, worker and sandboxes in this terminal. Ctrl-C stops everything."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        """Begin anew, or leave the story out."""
        parser.add_argument("--fresh", action="store_true", help="throw the earlier demo away")
        parser.add_argument("--no-story", action="store_true", help="do not play an engagement")
        parser.add_argument("--until-story-ends", action="store_true", help="stop once the story is told")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until Ctrl-C, TERM, a closed terminal, or a child that ends by itself."""
        if not settings.DEMO:
            _start_again_as_demo()
        self.started = time.monotonic()
        if self._already_running():
            return
        if options["fresh"]:
            building.clear(FOLDER)
        FOLDER.mkdir(parents=True, exist_ok=True)
        try:
            self._set_up()
        except KeyboardInterrupt as stop:
            raise CommandError("Stopped before the demo was ready. make demo starts it again.") from stop
        self.stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        pid_file = FOLDER / "running"
        self.processes = Processes(FOLDER)
        try:
            address = self._start()
            pid_file.write_text(f"{os.getpid()} {address}")
            self._welcome(address)
            if not options["no_story"]:
                self._play(address)
            if not options["until_story_ends"]:
                self._wait()
        finally:
            self._say("Stopping")
            self.processes.stop()
            pid_file.unlink(missing_ok=True)
        self._say("Stopped. Everything is kept: make demo goes on from here, make demo-reset starts over.")

    def _say(self, words: str) -> None:
        self.stdout.write(f"{time.monotonic() - self.started:6.1f} s  {words}")
        self.stdout.flush()

    def _already_running(self) -> bool:
        try:
            pid, address = (FOLDER / "running").read_text().split()
            os.kill(int(pid), 0)
        except (OSError, ValueError):
            return False
        if not answers(f"{address}/healthz", 2):
            return False
        self.stdout.write(f"The demo is running already: {address}/demo/")
        return True

    def _set_up(self) -> None:
        static = Path(settings.STATIC_ROOT)
        self._say("Collecting the site's files")
        call_command("collectstatic", interactive=False, verbosity=0)
        if not any(static.iterdir()):
            raise CommandError("no static files were collected")
        if building.is_built():
            call_command("migrate", verbosity=0)
            self._say("The firms of the last demo are kept")
            return
        self._say("Making the database, and six months of history in two firms (two or three minutes, once)")
        building.clear(FOLDER)
        building.build(FOLDER, self._say)
        connection.close()

    def _start(self) -> str:
        self._say("Starting the sandboxes of Xero, QuickBooks and Stripe")
        books = {vendor: self.processes.sandbox(vendor, DELAY) for vendor in SANDBOXES}
        port = free_port(settings.PORT)
        address = f"http://localhost:{port}"
        environment = wiring.environment(books, address, port)
        os.environ.update(environment)
        self._say(f"Starting the site on port {port} and the worker")
        self.processes.start(
            "web",
            [sys.executable, "manage.py", "web", "--port", str(port), "--with-parent"],
            environment,
        )  # fmt: skip
        self.processes.start("worker", [sys.executable, "manage.py", "work", "--with-parent"], environment)
        if not answers(f"http://127.0.0.1:{port}/healthz", 30):
            raise CommandError(f"the site did not start: see {FOLDER / 'web.log'}")
        wiring.listen(books, f"http://127.0.0.1:{port}")
        self.books = books
        return address

    def _welcome(self, address: str) -> None:
        self.stdout.write("")
        self.stdout.write(f"    Countersign is running:  {address}/demo/")
        self.stdout.write("    Sign in with one press as:")
        for player in PLAYERS:
            self.stdout.write(f"      {player.name:<15} {player.what}")
        self.stdout.write(f"    The clients' mail:       {address}/demo/mail/")
        self.stdout.write(f"    Harbour & Vale's books:  {self.books['xero']['base_url']}/books/")
        self.stdout.write(f"    Larkin CPA's books:      {self.books['quickbooks']['base_url']}/books/")
        self.stdout.write(f"    The sandbox of Stripe:   {self.books['stripe']['base_url']}/dashboard/acct_harbour/")
        self.stdout.write("    Ctrl-C stops everything.")
        self.stdout.write("")

    def _play(self, address: str) -> None:
        self._say("One engagement, as it really happens:")
        command = [sys.executable, "manage.py", "play_story", address]
        story = subprocess.Popen(command, cwd=settings.BASE_DIR, start_new_session=True)  # noqa: S603
        while story.poll() is None and not self.stopping.is_set() and self.processes.died() is None:
            self.stopping.wait(0.2)
        if story.poll() is None:
            story.kill()
        story.wait()
        self.story_failed = story.returncode != 0

    def _wait(self) -> None:
        while not self.stopping.wait(0.5):
            dead = self.processes.died()
            if dead:
                self._say(f"{dead} ended by itself: see {FOLDER / (dead + '.log')}")
                raise CommandError(f"{dead} ended")


def _start_again_as_demo() -> None:
    """Replace this process by one whose settings are the demo's. Raises CommandError for a database of one's own."""
    if os.environ.get("DATABASE_URL"):
        raise CommandError("The demo makes a database of its own: unset DATABASE_URL")
    environment = {
        **os.environ, "DEMO": "1", "DATABASE_URL": f"sqlite:///{FOLDER / 'demo.sqlite3'}",
        "STATIC_ROOT": str(FOLDER.parent / "demo-static"), "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    FOLDER.mkdir(parents=True, exist_ok=True)
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606
