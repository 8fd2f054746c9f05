"""``make chaos``: ``manage.py chaos`` on SQLite with one cluster, then on a PostgreSQL of its own with two.

``run.py chaos sqlite`` or ``postgres`` plays on one of them alone; other arguments go to the command.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests import postgres

ROOT = Path(__file__).resolve().parent.parent
DATABASES = ("sqlite", "postgres")


def play(*arguments: str) -> int:
    """Play one run; returns its exit status."""
    return subprocess.call([sys.executable, "manage.py", "chaos", *arguments], cwd=ROOT)


def main() -> int:
    """Play what was asked for; returns the exit status."""
    # A run that is ended from outside takes its PostgreSQL with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    arguments = sys.argv[1:]
    wanted = [name for name in arguments if name in DATABASES] or list(DATABASES)
    others = [name for name in arguments if name not in DATABASES]
    status = play(*others) if "sqlite" in wanted else 0
    if "postgres" not in wanted:
        return status
    with postgres.running() as url:
        if url is None:
            print("NOT RUN: chaos on PostgreSQL: no server. pip install -r tests/requirements.txt", flush=True)
            return status or int("postgres" in os.environ.get("REQUIRE", "").split())
        return play("--database", url, *others) or status


if __name__ == "__main__":
    raise SystemExit(main())
