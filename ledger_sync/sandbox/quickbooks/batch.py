"""Batches of up to thirty independent changes and queries, and the log of what changed."""

from __future__ import annotations

from datetime import timedelta

from ledger_sync.sandbox.quickbooks import currencies, errors, query, recurring, saving, wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.entities import ENTITIES, changed_since, shown
from ledger_sync.sandbox.quickbooks.errors import Invalid, Problem
from ledger_sync.sandbox.quickbooks.saving import Entity, Options
from ledger_sync.sandbox.quickbooks.wire import Row
from practice.core import clock

#: Without a log of changes (Intuit docs, Change data capture).
_UNLOGGED = (
    "journalcode", "taxagency", "timeactivity", "taxcode", "taxrate", "companyinfo", "preferences", "exchangerate",
    "taxclassification", "taxpayment",
)  # fmt: skip


def run(books: Books, body: Row, *, with_request_id: bool) -> Row:
    """Work a batch: each item by itself, its own fault in its place. Raises Invalid for a batch as a whole."""
    items = body.get("BatchItemRequest")
    if not isinstance(items, list) or not items:
        raise Invalid(Problem("400", "MalformedRequest", "Batch Request is Empty"))
    if not all(isinstance(item, dict) for item in items):
        raise Invalid(errors.unreadable())
    if len(items) > books.limits.batch_items:
        raise Invalid(errors.too_many_items(books.limits.batch_items))
    if with_request_id and any(len(str(item.get("bId", ""))) > 10 for item in items):
        raise Invalid(Problem("2130", "Invalid Request Id Format", "bId is at most 10 characters with a requestid"))
    if books.switches.batch_ids_unique:
        _refuse_unnamed([item.get("bId") for item in items])
    return {"BatchItemResponse": [_item(books, item) for item in items]}


def _refuse_unnamed(names: list[object]) -> None:
    """Answers are told apart by their bId alone, so each must have its own (unsure, code and words too)."""
    told = [str(name) for name in names if name not in (None, "")]
    if len(told) < len(names):
        raise Invalid(errors.missing("bId"))
    if len(set(told)) < len(told):
        raise Invalid(Problem("2130", "Invalid Request Id Format", "Each item of a batch needs a bId of its own"))


def _item(books: Books, item: Row) -> Row:
    tag = {"bId": str(item.get("bId", ""))}
    try:
        with books.store.transaction():
            return {**_work(books, item), **tag}
    except Invalid as invalid:
        return {"Fault": errors.fault(invalid.problems), **tag}


def _work(books: Books, item: Row) -> Row:
    if "Query" in item:
        return {"QueryResponse": query.run(books, str(item["Query"]))}
    if isinstance(item.get("CDCQuery"), dict):
        asked = item["CDCQuery"]
        return changes(books, str(asked.get("Entities", "")), str(asked.get("ChangedSince", "")))
    name = next((key for key in item if key.lower().removesuffix("txn") in ENTITIES), None)
    if name is None:
        raise Invalid(errors.unsupported(str(item.get("operation", ""))))
    entity = ENTITIES[name.lower().removesuffix("txn")]
    if not isinstance(item[name], dict):
        raise Invalid(errors.wrong_shape())
    extra = {part for part in str(item.get("optionsData", "")).replace("include=", "").split(",") if part}
    return change(books, entity, str(item.get("operation", "create")), item[name], Options(frozenset(extra)))


def change(books: Books, entity: Entity, operation: str, body: Row, options: Options) -> Row:
    """Make one change and show what became of it, under its name. Raises Invalid."""
    if books.read_only:
        raise Invalid(errors.expired())
    if entity.name == "RecurringTransaction":
        kind = recurring.unwrapped(body)[0]
        row = recurring.change(books, operation, body, options)
        return {entity.name: {kind: row} if operation == "delete" else shown(books, entity, row)}
    if entity.name == "ExchangeRate" and operation in ("", "update"):
        return {entity.name: currencies.set_rate(books, body)}
    if operation == "delete":
        return {entity.title: saving.delete(books, entity, body)}
    if operation == "void" or "void" in options.include:
        return {entity.title: shown(books, entity, saving.void(books, entity, body))}
    if operation not in ("", "create", "update"):
        raise Invalid(errors.unsupported(operation))
    work = saving.update if body.get("Id") or operation == "update" else saving.create
    return {entity.title: shown(books, entity, work(books, entity, body, options))}


def changes(books: Books, names: str, since: str) -> Row:
    """What changed of some kinds since a moment, deletions included, at most a thousand objects. Raises Invalid.

    Whether the thousand are of all kinds together is unsure.
    """
    moment = books.instant(since)
    if moment is None:
        raise Invalid(errors.missing("changedSince"))
    if moment.timestamp() < (clock.now() - timedelta(days=books.limits.change_days)).timestamp():
        words = f"changedSince is more than {books.limits.change_days} days ago"
        raise Invalid(Problem(books.switches.too_far_back, "Invalid date", words))
    room = books.limits.changes
    groups = []
    for name in [part.strip().lower() for part in names.split(",") if part.strip()]:
        entity = ENTITIES.get(name)
        if entity is None or name in _UNLOGGED:
            raise Invalid(errors.query("4001", f"Change data capture does not support {name}"))
        rows = [shown(books, entity, row) for row in books.table(entity.name).values() if changed_since(row, moment)]
        rows += [row for row in books.tombstones(entity.name) if changed_since(row, moment)]
        rows = sorted(rows, key=_changed_at)[:room]
        room -= 0 if books.switches.changes_each_kind else len(rows)
        groups.append({entity.title: rows, "startPosition": 1, "maxResults": len(rows)} if rows else {})
    return {"CDCResponse": [{"QueryResponse": groups}]}


def _changed_at(row: Row) -> float:
    at = wire.as_instant(row["MetaData"]["LastUpdatedTime"])
    return at.timestamp() if at else 0.0
