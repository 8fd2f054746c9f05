"""Many rows changed at once, each to values of its own, quicker than ``update()`` and ``bulk_update()`` do it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from django.db import connection, models, transaction


def update_each(
    model: type[models.Model],
    fields: Sequence[str],
    rows: Iterable[tuple[int, Sequence[Any]]],
    same: Mapping[str, Any] | None = None,
) -> None:
    """Write each row's own values of these fields, by primary key, and the ``same`` values for all of them.

    Writes no history and compares nothing: lock the rows first, in this transaction. Raises RuntimeError outside one.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("lock the rows and change them in one transaction")
    shared = same or {}
    by_name = {field.name: field for field in model._meta.concrete_fields}
    prepare = [partial(by_name[name].get_db_prep_save, connection=connection) for name in fields]
    alike = [by_name[name].get_db_prep_save(value, connection) for name, value in shared.items()]
    quote = connection.ops.quote_name
    assigned = ", ".join(f"{quote(str(by_name[name].column))} = %s" for name in (*fields, *shared))
    key = quote(str(model._meta.pk.column)) if model._meta.pk else ""
    ready = [
        (*(ready_for(value) for ready_for, value in zip(prepare, values, strict=True)), *alike, pk)
        for pk, values in rows
    ]
    if ready:
        with transaction.mark_for_rollback_on_error(), connection.cursor() as cursor:
            # Names of our own tables and columns; the values are parameters.
            cursor.executemany(f"UPDATE {quote(model._meta.db_table)} SET {assigned} WHERE {key} = %s", ready)  # noqa: S608
