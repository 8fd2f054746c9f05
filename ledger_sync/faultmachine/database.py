"""One process's own database connection: it tells the machine of every commit, and dies with its process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3.base import DatabaseWrapper

#: ``boundary(place, detail)``; raises Killed where the process dies.
Boundary = Callable[[str, str], object]


#: What a transaction that wrote a new call says at its commit.
NEW_CALL = 'INSERT INTO "ledger_sync_call"'


class Killed(BaseException):
    """A process died here. Nothing of it runs on: no handler catches this, and its ``finally`` blocks write nothing."""


def nowhere(place: str, detail: str) -> None:
    """The boundary of a connection nobody watches."""


class Watched(DatabaseWrapper):
    """A connection to one SQLite file that stops at its commits."""

    def __init__(self, path: Path, boundary: Boundary = nowhere) -> None:
        options = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 1,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=OFF;",
        }
        settings: dict[str, Any] = {
            "ENGINE": "django.db.backends.sqlite3", "NAME": str(path), "OPTIONS": options, "ATOMIC_REQUESTS": False,
            "AUTOCOMMIT": True, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False, "TIME_ZONE": None,
            "USER": "", "PASSWORD": "", "HOST": "", "PORT": "", "TEST": {"NAME": None, "MIGRATE": True},
        }  # fmt: skip
        super().__init__(settings, "default")
        self.boundary = boundary
        self._wrote_call = ""
        self.execute_wrappers.append(self._watch)

    def _start_transaction_under_autocommit(self) -> None:
        self._wrote_call = ""
        self.boundary("begin", "")
        super()._start_transaction_under_autocommit()  # type: ignore[misc]

    def _commit(self) -> None:
        self._or_perish("commit", "")
        super()._commit()  # type: ignore[misc]
        self._or_perish("committed", self._wrote_call)

    def _watch(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """A single write outside a transaction is its own commit. Execute-wrappers never see COMMIT itself."""
        if self.in_atomic_block and sql.startswith(NEW_CALL):
            self._wrote_call = NEW_CALL
        if self.in_atomic_block or sql[:6].upper() not in ("INSERT", "UPDATE", "DELETE"):
            return execute(sql, params, many, context)
        what = " ".join(sql.split(maxsplit=3)[:3])
        self.boundary("begin", what)
        self.boundary("commit", what)
        result = execute(sql, params, many, context)
        self.boundary("committed", what)
        return result

    def _or_perish(self, place: str, what: str) -> None:
        """Roll back at once when the process dies: Python's driver would commit when autocommit is set again."""
        try:
            self.boundary(place, what)
        except Killed:
            if self.connection is not None:
                self.connection.rollback()
            self.run_on_commit = []
            raise
