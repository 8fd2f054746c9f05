"""``manage.py demo``: everything in one terminal, on SQLite, without an account, a key or a service."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from practice.core import clock
from practice.core.models import Heartbeat
from practice.site.demo import building, wiring
from practice.site.demo.cast import PLAYERS
from practice.site.demo.lock import Lock
from practice.site.demo.processes import DidNotStart, Processes, answers, free_port

FOLDER = settings.BASE_DIR / "var" / "demo"
#: Beside the folder, which a reset throws away.
LOCK = FOLDER.with_suffix(".lock")
#: What a real ledger takes to answer, roughly; the sandboxes wait this long.
DELAY = 0.15
#: How long the site and the worker may take to get up, on a machine that is busy with something else.
PATIENCE = 90


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
        self.leaving = False
        with _writing():
            LOCK.parent.mkdir(parents=True, exist_ok=True)
            self.lock = Lock(LOCK)
        holder = self.lock.take()
        if holder is not None:
            self._leave_to(holder, fresh=options["fresh"])
            return
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, self._stop_asked)
        self.processes = Processes(FOLDER)
        ready = False
        try:
            with _writing():
                self._set_up(fresh=options["fresh"])
            address = self._start()
            ready = True
            self._welcome(address)
            self._run(address, options)
        except KeyboardInterrupt:
            if not ready:
                raise CommandError("Stopped before the demo was ready. make demo starts it again.") from None
        except DidNotStart as error:
            raise CommandError(str(error)) from error
        finally:
            # From here on a second Ctrl-C changes nothing, and a terminal that is gone does not keep us from stopping.
            self.leaving = True
            signal.alarm(0)
            self._say("Stopping")
            self.processes.stop()
        self._say("Stopped. Everything is kept: make demo goes on from here, make demo-reset starts over.")

    def _stop_asked(self, *_: Any) -> None:
        """Leave, from wherever we are. Raises KeyboardInterrupt, and again in a second while nobody has heard it:
        what is raised while Python tidies up behind itself is swallowed.
        """
        if not self.leaving:
            signal.alarm(1)
            raise KeyboardInterrupt

    def _say(self, words: str) -> None:
        with contextlib.suppress(OSError):
            self.stdout.write(f"{time.monotonic() - self.started:6.1f} s  {words}")
            self.stdout.flush()

    def _leave_to(self, holder: str, *, fresh: bool) -> None:
        """Say who runs the demo already. Raises CommandError where that is not what was asked for."""
        if not holder:
            raise CommandError(
                "Another make demo is setting it up: wait for it, or stop it with Ctrl-C in its terminal"
            )
        if fresh:
            raise CommandError(
                f"The demo is running: {holder}/demo/\n"
                "Stop it with Ctrl-C in its terminal, then run make demo-reset again"
            )
        self.stdout.write(f"The demo is running already: {holder}/demo/")

    def _set_up(self, *, fresh: bool) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        if fresh:
            building.clear(FOLDER)
        self._say("Collecting the site's files")
        call_command("collectstatic", interactive=False, verbosity=0)
        if not any(Path(settings.STATIC_ROOT).iterdir()):
            raise CommandError("no static files were collected")
        if building.is_built():
            call_command("migrate", verbosity=0)
            self._say("The firms of the last demo are kept")
            return
        self._say("Making the database, and six months of history in two firms. Done once; a line for each month:")
        building.clear(FOLDER)
        building.build(FOLDER, self._say)
        connection.close()

    def _start(self) -> str:
        self._say("Starting the sandboxes of Xero, QuickBooks and Stripe")
        books = self.processes.sandboxes(DELAY)
        port = free_port(settings.PORT)
        if port != settings.PORT:
            self._say(f"Port {settings.PORT} is taken by another program")
        address = f"http://localhost:{port}"
        environment = wiring.environment(books, address, port)
        os.environ.update(environment)
        self._say(f"Starting the site on port {port} and the worker")
        since = clock.now()
        web = [sys.executable, "manage.py", "web", "--port", str(port), "--with-parent"]
        self.processes.start("web", web, environment)
        self.processes.start("worker", [sys.executable, "manage.py", "work", "--with-parent"], environment)
        if not answers(f"http://127.0.0.1:{port}/healthz", PATIENCE):
            raise DidNotStart(f"The site did not start: see {self.processes.log('web')}")
        wiring.listen(books, f"http://127.0.0.1:{port}")
        self._wait_for_worker(since)
        self.books = books
        self.lock.write(address)
        return address

    def _wait_for_worker(self, since: datetime) -> None:
        """Wait until a worker has done its first task: until then nothing would be sent."""
        deadline = time.monotonic() + PATIENCE
        while not Heartbeat.objects.filter(name="worker", at__gte=since).exists():
            self._look_after_children()
            if time.monotonic() > deadline:
                raise DidNotStart(f"The worker did not start: see {self.processes.log('worker')}")
            clock.sleep(0.1)
        connection.close()

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

    def _run(self, address: str, options: dict[str, Any]) -> None:
        told = options["no_story"] or self._play(address)
        if not options["until_story_ends"]:
            while True:
                self._look_after_children()
                clock.sleep(0.5)
        if not told:
            raise CommandError("The story was not told to its end")

    def _play(self, address: str) -> bool:
        """Play the story in a process of its own. Returns whether it came to its end."""
        self._say("One engagement, as it really happens:")
        command = [sys.executable, "manage.py", "play_story", address, "--with-parent"]
        story = subprocess.Popen(command, cwd=settings.BASE_DIR, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603
        try:
            while story.poll() is None:
                self._look_after_children()
                clock.sleep(0.2)
        finally:
            story.kill()
            story.wait()
        return story.returncode == 0

    def _look_after_children(self) -> None:
        """Raises CommandError once a child has ended by itself; stopping the others is up to whoever started them."""
        dead = self.processes.died()
        if dead is not None:
            name, how = dead
            raise CommandError(
                f"{name} ended by itself ({how}), so everything else is stopped too. Its last words are in "
                f"{self.processes.log(name)}. make demo goes on from here."
            )


@contextlib.contextmanager
def _writing() -> Any:
    """Say in words that the demo's folder cannot be written. Raises CommandError."""
    try:
        yield
    except OSError as error:
        where = error.filename or FOLDER
        raise CommandError(f"The demo keeps everything in {FOLDER}, and {where}: {error.strerror}") from error


def _start_again_as_demo() -> None:
    """Replace this process by one whose settings are the demo's. Raises CommandError for a database of one's own."""
    if os.environ.get("DATABASE_URL"):
        raise CommandError("The demo makes a database of its own: unset DATABASE_URL")
    environment = {
        **os.environ, "DEMO": "1", "DATABASE_URL": f"sqlite:///{FOLDER / 'demo.sqlite3'}",
        "STATIC_ROOT": str(FOLDER.parent / "demo-static"), "PYTHONUNBUFFERED": "1",
    }  # fmt: skip
    os.execve(sys.executable, [sys.executable, *sys.argv], environment)  # noqa: S606
