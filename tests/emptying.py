"""Emptying a test database quickly: only tables that hold rows, and nothing is made anew afterwards.

Django's own flush truncates every table and runs the whole of what follows a migration: a second and a half a test on
PostgreSQL.
"""

from __future__ import annotations

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.test import TransactionTestCase

from practice.core import triggers

#: What migrations put there, and no test changes.
KEPT = frozenset({"django_migrations", "django_content_type", "auth_permission"})


def empty(_: TransactionTestCase) -> None:
    """Delete every row a test left behind, in append-only tables too."""
    connection = connections[DEFAULT_DB_ALIAS]
    tables = [name for name in connection.introspection.django_table_names(only_existing=True) if name not in KEPT]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _empty_postgres(cursor, tables)
        else:
            _empty_sqlite(cursor, tables)


def _empty_postgres(cursor: Any, tables: list[str]) -> None:
    """One round trip. Neither triggers nor foreign keys are looked at."""
    one_by_one = " ".join(f'IF EXISTS (SELECT 1 FROM "{name}") THEN DELETE FROM "{name}"; END IF;' for name in tables)
    cursor.execute("SET session_replication_role = replica")
    cursor.execute(f"DO $$ BEGIN {one_by_one} END $$")
    cursor.execute("SET session_replication_role = DEFAULT")


def _empty_sqlite(cursor: Any, tables: list[str]) -> None:
    cursor.execute("PRAGMA foreign_keys = OFF")
    with transaction.atomic(), triggers.unlocked("a test is over"):
        for name in tables:
            if name != "core_auditunlock" and cursor.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone():
                cursor.execute(f'DELETE FROM "{name}"')
    cursor.execute("PRAGMA foreign_keys = ON")
