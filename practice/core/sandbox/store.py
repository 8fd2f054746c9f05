"""What a sandbox remembers: tables of JSON rows in memory, written through to one SQLite file when it has one."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Store:
    """Tables of rows by key.

    Rows are changed only through :meth:`put` and :meth:`drop`, inside :meth:`transaction`: an exception puts back
    everything that had been changed, so that a refused request changes nothing. Raises sqlite3.Error for a file that
    is no store, or that another process has open.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._tables: dict[str, dict[str, Row]] = {}
        self._undo: list[tuple[str, str, Row | None]] | None = None
        self._file: sqlite3.Connection | None = None
        self._seq = 0
        if path is not None:
            self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=1)
            # One process at a time: what it remembers is in memory, and a second one would write over it.
            self._file.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute("PRAGMA synchronous=NORMAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS rows (kind TEXT, key TEXT, body TEXT, seq INTEGER, PRIMARY KEY (kind, key))"
            )
            for kind, key, body, seq in self._file.execute("SELECT kind, key, body, seq FROM rows ORDER BY seq, rowid"):
                self._tables.setdefault(kind, {})[key] = json.loads(body)
                self._seq = seq

    def table(self, kind: str) -> dict[str, Row]:
        """One table, to read; rows are in the order they were first put."""
        found = self._tables.get(kind)
        return self._tables.setdefault(kind, {}) if found is None else found

    def get(self, kind: str, key: str) -> Row | None:
        """One row, or None. Change a copy and :meth:`put` it; never the row itself."""
        return self.table(kind).get(key)

    def put(self, kind: str, key: str, row: Row) -> Row:
        """Write one row."""
        table = self.table(kind)
        self._remember(kind, key, table.get(key))
        table[key] = row
        return row

    def drop(self, kind: str, key: str) -> None:
        """Delete one row, if it is there."""
        table = self.table(kind)
        if key in table:
            self._remember(kind, key, table[key])
            del table[key]

    def next_id(self, name: str, start: int = 1) -> int:
        """The next number of a named counter."""
        row = self.get("_counter", name) or {"next": start}
        self.put("_counter", name, {"next": row["next"] + 1})
        return int(row["next"])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One change of several rows: all of it or none; durable when the outermost one ends.

        Inside another transaction it is a savepoint: an exception puts back what changed since, and no more.
        """
        with self.lock:
            if self._undo is not None:
                mark = len(self._undo)
                try:
                    yield
                except BaseException:
                    self._roll_back(mark)
                    raise
                return
            self._undo = []
            try:
                yield
                self._flush()
            except BaseException:
                self._roll_back(0)
                raise
            finally:
                self._undo = None

    def copy(self) -> Store:
        """Another store with the same rows, in memory."""
        other = Store()
        with self.lock:
            other._tables = {kind: dict(rows) for kind, rows in self._tables.items()}
        return other

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _remember(self, kind: str, key: str, before: Row | None) -> None:
        if self._undo is None:
            raise RuntimeError("a sandbox row may only change inside Store.transaction()")
        self._undo.append((kind, key, before))

    def _roll_back(self, mark: int) -> None:
        changes = self._undo or []
        for kind, key, before in reversed(changes[mark:]):
            if before is None:
                self.table(kind).pop(key, None)
            else:
                self.table(kind)[key] = before
        del changes[mark:]

    def _flush(self) -> None:
        if self._file is None or not self._undo:
            return
        changed = dict.fromkeys((kind, key) for kind, key, _ in self._undo)
        self._file.execute("BEGIN")
        try:
            for kind, key in changed:
                self._write(self._file, kind, key)
            self._file.execute("COMMIT")
        except BaseException:
            self._file.execute("ROLLBACK")
            raise

    def _write(self, file: sqlite3.Connection, kind: str, key: str) -> None:
        row = self.table(kind).get(key)
        if row is None:
            file.execute("DELETE FROM rows WHERE kind = ? AND key = ?", (kind, key))
            return
        self._seq += 1
        file.execute(
            "INSERT INTO rows (kind, key, body, seq) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
            (kind, key, json.dumps(row), self._seq),
        )
