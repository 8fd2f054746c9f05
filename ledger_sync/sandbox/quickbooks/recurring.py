"""Templates of transactions that QuickBooks makes by schedule; on the wire each is wrapped in the name of its kind."""

from __future__ import annotations

from ledger_sync.sandbox.quickbooks import errors, saving
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.saving import Entity, Options
from ledger_sync.sandbox.quickbooks.wire import Row

#: What can recur (Intuit's reference, RecurringTransaction.Type).
KINDS = (
    "Bill Purchase CreditMemo Deposit Estimate Invoice JournalEntry RefundReceipt SalesReceipt Transfer VendorCredit "
    "PurchaseOrder"
).split()
#: The reference says Reminder and Unscheduled, its samples and other pages Reminded and UnScheduled (unsure): all pass.
_TYPES = ("automated", "reminder", "reminded", "unscheduled")
_DESCRIBED = ("Automated", "Reminder", "Unscheduled")
_INTERVALS = ("Daily", "Weekly", "Monthly", "Yearly")


class _Enough(Exception):
    """Ends the trial of a template before anything of it is kept."""


def unwrapped(body: Row) -> tuple[str, Row]:
    """The kind of a template and its content. Raises Invalid for none, or one that cannot recur."""
    inner = body.get("RecurringTransaction", body)
    kinds = [name for name in inner if isinstance(inner[name], dict) and name not in ("MetaData", "RecurDataRef")]
    if len(kinds) != 1:
        raise Invalid(errors.missing("RecurringInfo"))
    if kinds[0] not in KINDS:
        raise Invalid(errors.bad_choice("Type", kinds[0]))
    return kinds[0], inner[kinds[0]]


def settle(books: Books, entity: Entity, row: Row, options: Options) -> Row:
    """Complete and check a template by the rules of its kind, which is then forgotten again. Raises Invalid."""
    info = row.get("RecurringInfo") or {}
    if not info:
        raise Invalid(errors.missing("RecurringInfo"))
    for name in ("Name", "RecurType"):
        if not info.get(name):
            raise Invalid(errors.missing(name))
    given = str(info["RecurType"])
    if given.lower() not in _TYPES or not (books.switches.any_recur_spelling or given in _DESCRIBED):
        raise Invalid(errors.bad_choice("RecurType", info["RecurType"]))
    interval = (info.get("ScheduleInfo") or {}).get("IntervalType")
    if interval is not None and interval not in _INTERVALS:
        raise Invalid(errors.bad_choice("IntervalType", interval))
    tried = _tried(books, entity, {k: v for k, v in row.items() if k not in ("RecurringInfo", "DocNumber")}, options)
    head = {"RecurringInfo": {"Active": True, **info}, "RecurDataRef": {"value": row["Id"]}, "_type": entity.name}
    return {**tried, **head}


def _tried(books: Books, entity: Entity, row: Row, options: Options) -> Row:
    """A row as its kind's rules complete it; whatever they wrote elsewhere is taken back."""
    found: Row = {}
    try:
        with books.store.transaction():
            found = entity.settle(books, None, row, options)
            raise _Enough
    except _Enough:
        return {key: value for key, value in found.items() if key != "DocNumber"}


def show(books: Books, row: Row) -> Row:
    """A template in the wrapper of its kind."""
    return {row["_type"]: {key: value for key, value in row.items() if key[0] != "_"}}


def change(books: Books, operation: str, body: Row, options: Options) -> Row:
    """Make, change or delete a template. Raises Invalid."""
    kind, inner = unwrapped(body)
    template = entity_for(kind)
    if operation == "delete":
        return saving.delete(books, template, inner)
    if operation not in ("", "create", "update"):
        raise Invalid(errors.unsupported(operation))
    work = saving.update if inner.get("Id") or operation == "update" else saving.create
    return work(books, template, inner, options)


def entity_for(kind: str) -> Entity:
    """The templates of one kind, as an entity: its fields and rules, with a schedule beside them."""
    from ledger_sync.sandbox.quickbooks.entities import ENTITIES

    inner = ENTITIES[kind.lower()]

    def settled(books: Books, before: Row | None, row: Row, options: Options) -> Row:
        return settle(books, inner, row, options)

    writable = (inner.writable | {"RecurringInfo"}) - {"TxnDate", "DueDate"}
    ignored = inner.ignored | {"RecurDataRef", "TxnDate", "DueDate"}
    return Entity(
        "RecurringTransaction", writable, settled, ignored, verbs=saving.TRANSACTION, generic=inner.generic, show=show
    )
