"""A database connection whose process may die between COMMIT and what was to follow it."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper as Base
else:
    Base = object

#: How often it does, of all commits that something was to follow; the first one of a run comes sooner.
CHANCE, FIRST = 0.02, 0.2
#: The file that names each process that died so, one line each; no file, no death.
RECORD = "CHAOS_DEATHS"


def end(record: Path) -> None:
    """From now on nobody dies so."""
    _over(record).touch()


def _over(record: Path | str) -> Path:
    return Path(f"{record}.over")


def _dies(record: str) -> bool:
    # From the system's own source: children of one fork would all draw the same.
    chance = CHANCE if Path(record).exists() else FIRST
    return random.SystemRandom().random() < chance and not _over(record).exists()


class Mortal(Base):
    """Put before Django's own wrapper of a database."""

    def run_and_clear_commit_hooks(self) -> None:
        """Follow up a commit, or die with what was to follow it undone."""
        record = os.environ.get(RECORD)
        if record and self.run_on_commit and _dies(record):
            with open(record, "a") as handle:
                handle.write(f"{os.getpid()}\n")
            os.kill(os.getpid(), signal.SIGKILL)
        super().run_and_clear_commit_hooks()
