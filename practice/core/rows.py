"""Many rows changed at once, each to values of its own, quicker than ``update()`` and ``bulk_update()`` do it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models, transaction


def update_each(model: type[models.Model], fields: Sequence[str], rows: Iterable[tuple[int, Sequence[Any]]]) -> None:
    """Write each row's own values of these fields, by primary key, in one prepared statement.

    Writes no history and compares nothing: lock the rows first, in this transaction. Raises RuntimeError outside one.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("lock the rows and change them in one transaction")
    columns = [field for name in fields for field in model._meta.concrete_fields if field.name == name]
    quote = connection.ops.quote_name
    assigned = ", ".join(f"{quote(str(field.column))} = %s" for field in columns)
    key = quote(str(model._meta.pk.column)) if model._meta.pk else ""
    ready = [
        (*(field.get_db_prep_save(value, connection) for field, value in zip(columns, values, strict=True)), pk)
        for pk, values in rows
    ]
    if ready:
        with transaction.mark_for_rollback_on_error(), connection.cursor() as cursor:
            # Names of our own tables and columns; the values are parameters.
            cursor.executemany(f"UPDATE {quote(model._meta.db_table)} SET {assigned} WHERE {key} = %s", ready)  # noqa: S608
