"""What was measured on SQLite is measured once more on a PostgreSQL of its own."""

from __future__ import annotations

import os
import subprocess
import sys

from django.conf import settings
from django.db import connection as database

from tests import postgres


def again(part: str) -> None:
    """Run a part of the bench in another process on PostgreSQL; says so where this machine has no server."""
    if database.vendor == "postgresql":
        return
    with postgres.running() as url:
        if url is None:
            print(f"NOT RUN: {part} on PostgreSQL: no server. pip install -r tests/requirements.txt", flush=True)
            return
        command = [sys.executable, "-m", "tests.benchmarks", part]
        subprocess.run(command, env={**os.environ, "BENCH_DATABASE": url}, cwd=settings.BASE_DIR, check=True)
