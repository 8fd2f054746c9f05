"""Append-only in the database itself: triggers refuse to change or delete evidence.

A change passes only with a row in ``core_auditunlock``, which :func:`unlocked` makes and removes inside one
transaction; the emptying of test databases uses it. The triggers go in after every migration, because
SQLite drops them silently when Django rebuilds a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connections, transaction

from practice.core import audit, clock


@dataclass(frozen=True)
class Guard:
    """One protected table: which operations are refused, and under which condition on the old row ("" is always)."""

    name: str
    table: str
    operations: tuple[str, ...] = ("UPDATE", "DELETE")
    condition: str = ""


_guards: dict[str, Guard] = {}


def protect(guard: Guard) -> None:
    """Protect one more table, beside the history tables, which always are."""
    _guards[guard.name] = guard


def guards() -> list[Guard]:
    """Everything that is protected."""
    history = [
        Guard(f"keep_{model._meta.model_name}", model.history.model._meta.db_table)  # type: ignore[attr-defined]
        for model in audit.audited_models()
    ]
    return [*history, Guard("keep_auditentry", "core_auditentry"), *_guards.values()]


def install_after_migrate(using: str, **_: Any) -> None:
    """Install every trigger whose table exists by now."""
    if not apps.ready:
        return
    connection = connections[using]
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        if "core_auditunlock" not in present:
            return
        for guard in guards():
            if guard.table in present:
                for operation in guard.operations:
                    _install(cursor, connection.vendor, guard, operation)


def _install(cursor: Any, vendor: str, guard: Guard, operation: str) -> None:
    name = f"{guard.name}_{operation.lower()}"
    words = f"{guard.table} is append-only"
    condition = "NOT EXISTS (SELECT 1 FROM core_auditunlock)"
    if guard.condition:
        condition += f" AND ({guard.condition})"
    cursor.execute(f"DROP TRIGGER IF EXISTS {name}" + (f" ON {guard.table}" if vendor == "postgresql" else ""))
    if vendor == "sqlite":
        cursor.execute(
            f"CREATE TRIGGER {name} BEFORE {operation} ON {guard.table} WHEN {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
        return
    cursor.execute(
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {condition} THEN RAISE EXCEPTION '{words}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        f"IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
    )
    cursor.execute(f"CREATE TRIGGER {name} BEFORE {operation} ON {guard.table} FOR EACH ROW EXECUTE FUNCTION {name}()")


@contextmanager
def unlocked(reason: str) -> Iterator[None]:
    """Open the append-only tables inside one transaction, for a reason that the caller must also write down."""
    from practice.core.models import AuditUnlock

    with transaction.atomic():
        key = AuditUnlock.objects.create(reason=reason, at=clock.now())
        yield
        key.delete()
