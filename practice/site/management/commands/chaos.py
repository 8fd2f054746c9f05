"""``manage.py chaos``: real processes, killed and stopped at random, on a database of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    """Play one run, in a process whose database is a fresh file or the empty one that was named."""

    help = "Kill and stop web, workers and people at random while they work; both books must agree after that."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: Any) -> None:
        """How long, on what, and how hard."""
        parser.add_argument("--minutes", type=float, default=10, help="how long there is trouble")
        parser.add_argument("--database", default="", help="an empty database; a fresh SQLite file when left out")
        parser.add_argument("--clusters", type=int, default=0, help="1 on SQLite, 2 elsewhere, when left out")
        parser.add_argument("--seed", type=int, default=1, help="of choices; what processes do is never the same twice")
        parser.add_argument("--every", type=float, default=0.9, help="seconds between two faults of processes")
        parser.add_argument("--port", type=int, default=8340, help="of the site; the next free one is taken")
        parser.add_argument("--keep", action="store_true", help="leave the folder with logs and database behind")
        parser.add_argument("--inside", default="", help="the folder of a run; chaos starts itself with this")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run and print; raises CommandError when anything was found."""
        if options["inside"]:
            self._inside(Path(options["inside"]), options)
            return
        folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        database = options["database"] or f"sqlite:///{folder / 'chaos.sqlite3'}"
        environment = {
            **os.environ, "DATABASE_URL": database, "STATIC_ROOT": str(folder / "static"), "DEMO": "1",
            "LOG_LEVEL": "ERROR",
        }  # fmt: skip
        environment.pop("REDIS_URL", None)
        command = [sys.executable, "manage.py", *sys.argv[1:], "--inside", str(folder)]
        status = subprocess.call(command, env=environment, cwd=settings.BASE_DIR)  # noqa: S603 (this very command)
        if options["keep"] or status:
            self.stdout.write(f"logs and database: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        if status:
            raise CommandError("chaos found something: see above")

    def _inside(self, folder: Path, options: dict[str, Any]) -> None:
        from django.db import connection

        from practice.site.chaos import runs

        if connection.introspection.table_names():
            raise CommandError("chaos plays on an empty database only")
        terms = runs.Terms(
            minutes=options["minutes"],
            seed=options["seed"],
            every=options["every"],
            clusters=options["clusters"] or (1 if connection.vendor == "sqlite" else 2),
            port=options["port"],
        )
        if not runs.run(folder, terms, self._say):
            raise SystemExit(1)

    def _say(self, text: str) -> None:
        """Write one line at once: a run takes long."""
        self.stdout.write(text)
        self.stdout.flush()
