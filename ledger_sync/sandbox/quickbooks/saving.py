"""How every object is created, changed, deleted and voided: the same steps whatever it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ledger_sync.sandbox.quickbooks import errors, shapes, wire
from ledger_sync.sandbox.quickbooks.books import LISTS, VOIDED, Books
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.wire import Row

#: What every object may carry besides its own fields.
COMMON = frozenset("Id SyncToken MetaData domain sparse status time Active AttachableRef".split())
#: What QuickBooks alone writes.
_SYSTEM = frozenset("Id SyncToken MetaData domain sparse".split())
_UNTOUCHED = _SYSTEM | {"time", "status"}
#: What Intuit's reference documents for most lists, and for most transactions.
LIST = frozenset({"create", "read", "query", "update"})
TRANSACTION = LIST | {"delete"}
PAPER = frozenset({"pdf", "send"})
READ = frozenset({"read", "query"})


#: What a query may not name of documents of spending (reported: laf-rge/quickbooks-mcp#8; lines never, says Intuit).
SPENT_HIDDEN = frozenset({"Line", "PrivateNote", "AccountRef", "DepartmentRef"})
#: Sent as numbers by some, kept as text.
_TEXTS = frozenset(
    "value Id SyncToken TxnId TxnLineId TxnType DocNumber Name DisplayName Title GivenName MiddleName FamilyName "
    "Suffix CompanyName PrintOnCheckName Address FreeFormNumber Description PrivateNote Note FileName ResaleNum "
    "PrimaryTaxIdentifier Code SourceCurrencyCode TaxCode TaxRateName type Type PaymentRefNum".split()
)


def _nothing(books: Books, before: Row | None, after: Row | None) -> None:
    """Most objects change nothing but themselves."""


def _as_it_is(books: Books, row: Row) -> Row:
    """Most objects are shown as they are stored."""
    return row


@dataclass(frozen=True)
class Options:
    """What the query string adds to a change."""

    include: frozenset[str] = frozenset()

    @property
    def allows_duplicate_numbers(self) -> bool:
        """Whether a number used before may be used again."""
        return "allowduplicatedocnum" in self.include


@dataclass(frozen=True)
class Entity:
    """One kind of object: which fields a caller may set, and its own rules.

    ``settle(books, before, row, options)`` completes and checks a row; ``after(books, before, after)`` changes what
    hangs on it; ``blank(row)`` is what a void leaves of it.
    """

    name: str
    writable: frozenset[str]
    settle: Callable[[Books, Row | None, Row, Options], Row]
    ignored: frozenset[str] = frozenset()
    after: Callable[[Books, Row | None, Row | None], None] = _nothing
    before_delete: Callable[[Books, Row | None, Row | None], None] = _nothing
    blank: Callable[[Books, Row], Row] | None = None
    show: Callable[[Books, Row], Row] = _as_it_is
    #: The operations Intuit's reference has for it: create, read, query, update, delete, void, pdf, send.
    verbs: frozenset[str] = LIST
    #: Nothing but the rules of all objects: any property may be set and asked for, none is worked out.
    generic: bool = False
    #: Fields a query may not name; the rest of an object's plain fields may (Intuit marks each as filterable or not).
    unfilterable: frozenset[str] = field(default_factory=lambda: frozenset({"Line", "PrivateNote", "CustomerMemo"}))

    #: What it is called on the wire, where that is not its name (the Python library's CreditCardPayment).
    shown_as: str = ""

    @property
    def title(self) -> str:
        """Its key in answers."""
        return self.shown_as or self.name

    @property
    def is_list(self) -> bool:
        """Whether rows are deactivated instead of deleted."""
        return self.name in LISTS

    @property
    def is_dated(self) -> bool:
        """Whether the closing date of the books applies."""
        return "TxnDate" in self.writable

    def survives(self, name: str) -> bool:
        """Whether a property stays in a full update that leaves it out."""
        return name in _SYSTEM or name[0] == "_" or not (self.generic or name in self.writable)


def create(books: Books, entity: Entity, body: Row, options: Options) -> Row:
    """Make a new object. Raises Invalid."""
    _changeable(entity, "create")
    fields = _fields(books, entity, body)
    row = {"Id": books.next_id(entity.name), **{k: v for k, v in fields.items() if v is not None}}
    row = entity.settle(books, None, row, options)
    if entity.is_dated:
        books.refuse_closed(row.get("TxnDate"))
    saved = books.add(entity.name, row)
    entity.after(books, None, saved)
    books.notify(entity.name, saved["Id"], "created")
    return books.table(entity.name)[saved["Id"]]


def update(books: Books, entity: Entity, body: Row, options: Options) -> Row:
    """Change an object: a full update blanks what it leaves out, a sparse one leaves it alone. Raises Invalid."""
    _changeable(entity, "update")
    existing = current(books, entity, body)
    fields = _fields(books, entity, body)
    sparse = str(body.get("sparse", "")).lower() == "true"
    base = existing if sparse else {k: v for k, v in existing.items() if entity.survives(k)}
    anew = books.switches.us_taxed_anew or not books.is_us
    if anew and "Line" in fields and "TxnTaxDetail" not in fields:
        base = {k: v for k, v in base.items() if k != "TxnTaxDetail"}  # other lines, other tax, unless it is told
    row = {k: v for k, v in {**base, **fields}.items() if v is not None}
    row = entity.settle(books, existing, row, options)
    if entity.is_dated:
        books.refuse_closed(existing.get("TxnDate"), row.get("TxnDate"))
    saved = books.touch(entity.name, row)
    entity.after(books, existing, saved)
    books.notify(entity.name, saved["Id"], "updated")
    return books.table(entity.name)[saved["Id"]]


def delete(books: Books, entity: Entity, body: Row) -> Row:
    """Delete a transaction or an attachment. Raises Invalid; list objects are deactivated instead."""
    _changeable(entity, "delete")
    existing = current(books, entity, body)
    if entity.is_dated:
        books.refuse_closed(existing.get("TxnDate"))
    entity.before_delete(books, existing, None)
    entity.after(books, existing, None)
    books.drop(entity.name, books.table(entity.name)[existing["Id"]])
    books.notify(entity.name, existing["Id"], "deleted")
    return {"status": "Deleted", "domain": "QBO", "Id": existing["Id"]}


def void(books: Books, entity: Entity, body: Row) -> Row:
    """Void a transaction: it stays, with nothing in it. Raises Invalid."""
    _changeable(entity, "void")
    assert entity.blank is not None, "what can be voided says what is left of it"
    existing = current(books, entity, body)
    books.refuse_closed(existing.get("TxnDate"))
    _refuse_void(books, entity, existing)
    note = str(existing.get("PrivateNote", ""))
    blank = entity.blank(books, existing)
    blank["PrivateNote"] = f"{VOIDED} {note}".strip() if not note.startswith(VOIDED) else note
    saved = books.touch(entity.name, existing, **blank)
    entity.after(books, existing, saved)
    books.notify(entity.name, saved["Id"], "voided")
    return books.table(entity.name)[saved["Id"]]


def _refuse_void(books: Books, entity: Entity, existing: Row) -> None:
    """Raise Invalid for what is void already, and for an invoice with money on it (codes and words unsure)."""
    if is_void(existing) and not books.switches.void_again:
        raise Invalid(errors.business("This transaction has already been voided."))
    # LanternOps/breeze#5180, in production; Intuit's page on linked transactions says the money is unapplied.
    if entity.name == "Invoice" and books.by_app and existing.get("_applied") and not books.switches.void_settled:
        raise Invalid(errors.business("You can't void an invoice that has payments applied to it."))


def is_void(row: Row) -> bool:
    """Whether a transaction was voided: nothing is left in it, and its note says so."""
    empty = not wire.money(row, "TotalAmt") and not wire.money(row, "Amount")
    return empty and str(row.get("PrivateNote", "")).startswith(VOIDED)


def current(books: Books, entity: Entity, body: Row) -> Row:
    """The object a change is about. Raises Invalid unless Id and SyncToken are given, there, and up to date."""
    shapes.check(body)
    key = str(body.get("Id") or "")
    token = body.get("SyncToken")
    if not key:
        raise Invalid(errors.missing("Id"))
    existing = books.get(entity.name, key)
    if existing is None:
        raise Invalid(errors.not_found())
    if token is None or token == "":
        raise Invalid(errors.missing("SyncToken"))
    if str(token) != existing["SyncToken"]:
        raise Invalid(errors.stale())
    return existing


def _changeable(entity: Entity, operation: str) -> None:
    if operation not in entity.verbs:
        raise Invalid(errors.unsupported(operation))


def _fields(books: Books, entity: Entity, body: Row) -> Row:
    """What a caller may set, cleaned: numbers as text, nothing empty; a field given empty is None."""
    shapes.check(body)
    fields: Row = {}
    for name, value in body.items():
        if name in entity.writable or (entity.generic and name not in _UNTOUCHED and name not in entity.ignored):
            fields[name] = clean(name, value)
        elif books.switches.refuse_unknown_properties and name not in COMMON and name not in entity.ignored:
            raise Invalid(errors.unknown_property(name))
    return fields


def fields_of(books: Books, name: str, writable: frozenset[str], body: Row) -> Row:
    """What a caller may set of something that is not an object of its own. Raises Invalid."""
    return _fields(books, Entity(name, writable, _kept), body)


def _kept(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    return row


def clean(name: str, value: Any) -> Any:
    """A value as it is stored; None for what is empty. Raises Invalid for a number that is none."""
    if value is None or value == "":
        return None
    if isinstance(value, dict):
        inner = ((key, clean(key, item)) for key, item in value.items())
        return {key: item for key, item in inner if item is not None and item != []} or None
    if isinstance(value, list):
        items = [clean(name, item) for item in value]
        return [item for item in items if item is not None]
    if name in wire.NUMBERS:
        number = wire.as_number(value)
        if number is None:
            raise Invalid(errors.bad_number())
        return wire.plain(number)
    if name in shapes.YES_OR_NO:
        return str(value).lower() == "true"
    if isinstance(value, Decimal):
        if not shapes.fits(value):
            raise Invalid(errors.bad_number())
        return format(value, "f")
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if name in _TEXTS else value


def limit(row: Row, **lengths: int) -> None:
    """Raise Invalid for a text that is longer than its field."""
    for name, most in lengths.items():
        given = len(str(row.get(name) or ""))
        if given > most:
            raise Invalid(errors.too_long(name, most, given))
