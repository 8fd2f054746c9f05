"""The kinds of object that have no rules of their own here: all of the accounting API is kept and found.

What all objects share holds for them too: ids, SyncToken, sparse and full updates, references that must lead somewhere,
the closing date. Their amounts are added up, and post nothing to the ledger. Operations and required properties are
those of each kind's page in Intuit's API reference.
"""

from __future__ import annotations

from decimal import Decimal

from ledger_sync.sandbox.quickbooks import errors, saving, wire
from ledger_sync.sandbox.quickbooks.books import REFERENCES, Books
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.saving import LIST, PAPER, READ, TRANSACTION, Entity, Options
from ledger_sync.sandbox.quickbooks.wire import ZERO, Row

_WORKED_OUT = frozenset("TotalAmt Balance HomeTotalAmt HomeBalance LinkedTxn".split())
#: Transactions whose total is the sum of their lines, and what their pages require.
_ADDED_UP = {
    "Bill": ("VendorRef", "Line"),
    "CreditCardPayment": ("BankAccountRef", "CreditCardAccountRef", "Amount"),
    "Estimate": ("CustomerRef", "Line"),
    "InventoryAdjustment": ("AdjustAccountRef", "Line"),
    "PurchaseOrder": ("VendorRef", "Line"),
    "VendorCredit": ("VendorRef", "Line"),
}
_OWED = ("Bill", "VendorCredit")
_DATED = frozenset({"TxnDate"})
_LINKED = frozenset({"LinkedTxn"})


def check_references(books: Books, row: Row) -> None:
    """Raise Invalid for a reference anywhere in a row that leads nowhere."""
    for name, value in row.items():
        if isinstance(value, dict):
            kind = REFERENCES.get(name)
            if kind and wire.ref(row, name) and books.get(kind, wire.ref(row, name)) is None:
                raise Invalid(errors.bad_reference(kind, wire.ref(row, name)))
            check_references(books, value)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    check_references(books, item)


def _need(row: Row, *names: str) -> None:
    for name in names:
        if not row.get(name):
            raise Invalid(errors.missing(name))


def added_up(books: Books, kind: str, row: Row) -> Row:
    """A transaction of lines: its day, its lines' ids and its total. Raises Invalid."""
    _need(row, *_ADDED_UP[kind])
    check_references(books, row)
    row["TxnDate"] = wire.as_date(row.get("TxnDate")) or books.today()
    saving.limit(row, DocNumber=21, PrivateNote=4_000)
    total = ZERO
    for place, line in enumerate(row.get("Line", []), start=1):
        if "DetailType" not in line:
            raise Invalid(errors.missing("DetailType"))
        line.setdefault("Id", str(place))
        line["LineNum"] = place
        total += wire.money(line, "Amount")
    if "Line" in row:
        row["TotalAmt"] = wire.plain(total)
    if kind in _OWED:
        row["Balance"] = row["TotalAmt"]
    return row


def _transaction(kind: str, *, verbs: frozenset[str] = TRANSACTION, shown_as: str = "") -> Entity:
    def settle(books: Books, before: Row | None, row: Row, options: Options) -> Row:
        return added_up(books, kind, row)

    return Entity(
        kind,
        _DATED,
        settle,
        _WORKED_OUT,
        verbs=verbs,
        generic=True,
        shown_as=shown_as,
        unfilterable=saving.SPENT_HIDDEN,
    )


def _bill_payment(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    _need(row, "VendorRef", "PayType", "TotalAmt")
    if row["PayType"] not in ("Check", "CreditCard"):
        raise Invalid(errors.bad_choice("PayType", row["PayType"]))
    check_references(books, row)
    row["TxnDate"] = wire.as_date(row.get("TxnDate")) or books.today()
    return row


def _blank_bill_payment(books: Books, row: Row) -> Row:
    return {"TotalAmt": wire.plain(Decimal(0)), "Line": []}


def _time(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    if row.get("NameOf") not in ("Employee", "Vendor"):
        raise Invalid(errors.bad_choice("NameOf", row.get("NameOf")) if row.get("NameOf") else errors.missing("NameOf"))
    _need(row, f"{row['NameOf']}Ref")
    check_references(books, row)
    row["TxnDate"] = wire.as_date(row.get("TxnDate")) or books.today()
    return row


def _budget(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    _need(row, "Name", "StartDate", "EndDate")
    row.setdefault("Active", True)
    row.setdefault("BudgetType", "ProfitAndLoss")
    check_references(books, row)
    return row


def _journal_code(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    _need(row, "Name", "Type")
    row.setdefault("Active", True)
    saving.limit(row, Name=20)
    return row


def _as_given(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    return row


GENERIC = (
    _transaction("Bill"),
    Entity("BillPayment", _DATED, _bill_payment, _LINKED, blank=_blank_bill_payment,
           verbs=TRANSACTION | {"void"}, generic=True),
    Entity("Budget", frozenset({"Name"}), _budget, verbs=TRANSACTION, generic=True),
    _transaction("CreditCardPayment", shown_as="CreditCardPaymentTxn"),
    Entity("CustomerType", frozenset({"Name"}), _as_given, verbs=READ, generic=True),
    _transaction("Estimate", verbs=TRANSACTION | PAPER),
    _transaction("InventoryAdjustment"),
    Entity("JournalCode", frozenset({"Name"}), _journal_code, verbs=LIST, generic=True),
    _transaction("PurchaseOrder", verbs=TRANSACTION | PAPER),
    Entity("ReimburseCharge", _DATED, _as_given, verbs=READ, generic=True),
    Entity("TaxPayment", frozenset({"PaymentDate"}), _as_given, verbs=READ, generic=True),
    Entity("TimeActivity", _DATED, _time, _LINKED, verbs=TRANSACTION, generic=True),
    _transaction("VendorCredit"),
)  # fmt: skip
