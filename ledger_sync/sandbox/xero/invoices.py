"""Invoices (ACCREC) and bills (ACCPAY): the life of one, and what is still due on it."""

from __future__ import annotations

from decimal import Decimal

from ledger_sync.sandbox.xero import contacts, documents, lines, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.documents import INVOICE
from ledger_sync.sandbox.xero.errors import Invalid
from ledger_sync.sandbox.xero.wire import Row

_HISTORY = {
    "AUTHORISED": "Approved",
    "DELETED": "Deleted",
    "SUBMITTED": "Submitted",
    "VOIDED": "Voided",
}


def find(books: Books, data: Row) -> Row | None:
    """The invoice that ``InvoiceID`` names, or a sales ``InvoiceNumber``."""
    if data.get("InvoiceID"):
        return books.get("Invoices", data["InvoiceID"])
    return documents.by_number(books, INVOICE, str(data.get("InvoiceNumber") or ""))


def save(books: Books, data: Row, method: str) -> Row:
    """Create an invoice; with POST, change the one that the id or the number names (reported). Raises Invalid."""
    by_number = method == "POST" and books.switches.number_edits
    existing = find(books, data) if data.get("InvoiceID") or by_number else None
    if data.get("InvoiceID") and existing is None:
        raise Invalid("The invoice could not be found.")
    if existing is None:
        return _create(books, data)
    if method == "PUT":
        raise Invalid("The invoice already exists.")
    return update(books, existing, data)


def _create(books: Books, data: Row) -> Row:
    row = documents.create(books, INVOICE, data, "InvoiceID")
    row.update(due_of(books, row))
    row["_by_app"] = books.by_app
    saved = books.touch("Invoices", row)
    words = f"{saved['InvoiceNumber']} to {contacts.short(books, saved['_contact'])['Name']} for {saved['Total']}."
    books.note("Invoices", saved["InvoiceID"], "Created", words)
    if saved["Status"] in documents.POSTED:
        books.note("Invoices", saved["InvoiceID"], "Approved", words)
    books.notify("INVOICE", "Invoices", saved, created=True)
    return saved


def update(books: Books, existing: Row, data: Row) -> Row:
    """Change an invoice, void it or delete it. Raises Invalid."""
    row = documents.update(books, INVOICE, existing, data)
    row.update(due_of(books, row))
    row = {key: value for key, value in row.items() if value is not None}
    saved = documents.store_update(books, INVOICE, existing, row)
    moved = saved["Status"] != existing["Status"]
    changes = _HISTORY.get(saved["Status"], "Edited") if moved else "Edited"
    books.note("Invoices", saved["InvoiceID"], changes, documents.difference(existing, saved))
    books.notify("INVOICE", "Invoices", saved, created=False)
    return saved


def due_of(books: Books, row: Row) -> Row:
    """An invoice's amounts and, when nothing is due any more, its PAID state.

    A void or deleted one shows nothing due (recorded for void); a draft shows its total.
    """
    payments = books.table("Payments")
    allocations = books.table("Allocations")
    paid = sum((Decimal(payments[key]["Amount"]) for key in row["_payments"]), wire.ZERO)
    credited = sum((Decimal(allocations[key]["Amount"]) for key in row["_allocations"]), wire.ZERO)
    due = wire.money(row, "Total") - paid - credited
    fields: Row = {"AmountPaid": str(paid), "AmountCredited": str(credited), "FullyPaidOnDate": None}
    if row["Status"] in ("VOIDED", "DELETED"):
        return {**fields, "AmountDue": "0.00"}
    if row["Status"] in documents.POSTED:
        fields["Status"] = "PAID" if due == 0 else "AUTHORISED"
        if due == 0:
            days = [payments[key]["Date"] for key in row["_payments"]]
            days += [allocations[key]["Date"] for key in row["_allocations"]]
            fields["FullyPaidOnDate"] = max(days, default=row["Date"])
    return {**fields, "AmountDue": str(due)}


def settle(books: Books, row: Row, **fields: object) -> Row:
    """Store an invoice whose payments or allocations have changed, with its new amounts."""
    row = {**row, **fields}
    saved = books.touch("Invoices", row, **due_of(books, row))
    if books.switches.payment_events:
        books.notify("INVOICE", "Invoices", saved, created=False)
    return saved


# On the wire


def show(books: Books, row: Row, form: str) -> Row:
    """An invoice on the wire.

    ``form``: "one" (by id), "page" (in a paged list), "list" (without a page: no lines) or "summary"
    (``summaryOnly``: no lines, no payments, no credits).
    """
    shown = {key: value for key, value in row.items() if key != "LineItems"}
    shown["DateString"] = row["Date"] + "T00:00:00"
    if row.get("DueDate"):
        shown["DueDateString"] = row["DueDate"] + "T00:00:00"
    shown["UpdatedDateUTCString"] = row["UpdatedDateUTC"][:19] + "Z"
    full = form == "one"
    shown["Contact"] = books.table("Contacts")[row["_contact"]] if full else contacts.short(books, row["_contact"])
    shown["HasErrors"] = False
    if form != "summary":
        shown.update(_money_on(books, row))
        shown["LineItems"] = [] if form == "list" else [lines.show(books, line) for line in row["LineItems"]]
    return shown


def _money_on(books: Books, row: Row) -> Row:
    shown: Row = {"Payments": [], "CreditNotes": [], "Prepayments": [], "Overpayments": []}
    for key in row["_payments"]:
        shown["Payments"].append(payment_on(books.table("Payments")[key]))
    for key in row["_allocations"]:
        allocation = books.table("Allocations")[key]
        shown[allocation["_kind"]].append(_credit_on(books, allocation))
    return shown


def payment_on(payment: Row) -> Row:
    """A payment as it stands inside a document (recorded)."""
    keys = ("PaymentID", "Date", "Amount", "Reference", "CurrencyRate")
    return {**{key: payment[key] for key in keys if key in payment}, "HasAccount": False, "HasValidationErrors": False}


def _credit_on(books: Books, allocation: Row) -> Row:
    credit = books.table(allocation["_kind"])[allocation["_source"]]
    key = f"{allocation['_kind'][:-1]}ID"
    shown: Row = {key: credit[key]}
    if "CreditNoteNumber" in credit:
        shown["CreditNoteNumber"] = credit["CreditNoteNumber"]
    return {
        **shown,
        "ID": credit[key],
        "AppliedAmount": allocation["Amount"],
        "DateString": allocation["Date"] + "T00:00:00",
        "Date": allocation["Date"],
        "LineItems": [],
        "Total": credit["Total"],
        **({"HasErrors": False} if allocation["_kind"] == "CreditNotes" else {}),
    }


def short(books: Books, row: Row) -> Row:
    """An invoice as it stands inside a payment or an allocation."""
    return {
        "Type": row["Type"],
        "InvoiceID": row["InvoiceID"],
        "InvoiceNumber": row["InvoiceNumber"],
        "Payments": [],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "AmountDue": row["AmountDue"],
        "AmountPaid": row["AmountPaid"],
        "Total": row["Total"],
        "Status": row["Status"],
        "HasErrors": False,
        "IsDiscounted": False,
        "Contact": contacts.short(books, row["_contact"]),
        "LineItems": [],
        "CurrencyCode": row["CurrencyCode"],
    }
