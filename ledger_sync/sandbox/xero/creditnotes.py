"""Credit notes: made like invoices, then allocated to invoices or refunded in cash."""

from __future__ import annotations

from ledger_sync.sandbox.xero import contacts, crediting, documents, invoices, lines
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.documents import CREDIT_NOTE
from ledger_sync.sandbox.xero.errors import Invalid
from ledger_sync.sandbox.xero.wire import Row


def find(books: Books, data: Row) -> Row | None:
    """The credit note that ``CreditNoteID`` names, or a sales ``CreditNoteNumber``."""
    if data.get("CreditNoteID"):
        return books.get("CreditNotes", data["CreditNoteID"])
    return documents.by_number(books, CREDIT_NOTE, str(data.get("CreditNoteNumber") or ""))


def save(books: Books, data: Row, method: str) -> Row:
    """Create a credit note; with POST, change the one named. Raises Invalid (text for an unknown id: SPEC)."""
    existing = find(books, data) if data.get("CreditNoteID") or method == "POST" else None
    if data.get("CreditNoteID") and existing is None:
        raise Invalid("An existing Credit Note with the specified CreditNoteID could not be found")
    if existing is None:
        return _create(books, data)
    if method == "PUT":
        raise Invalid("The credit note already exists.")
    return update(books, existing, data)


def _create(books: Books, data: Row) -> Row:
    row = documents.create(books, CREDIT_NOTE, data, "CreditNoteID")
    row.update(crediting.left_on(books, "CreditNotes", row))
    saved = books.touch("CreditNotes", row)
    words = f"{saved['CreditNoteNumber']} to {contacts.short(books, saved['_contact'])['Name']} for {saved['Total']}."
    books.note("CreditNotes", saved["CreditNoteID"], "Created", words)
    books.notify("CREDITNOTE", "CreditNotes", saved, created=True)
    return saved


def update(books: Books, existing: Row, data: Row) -> Row:
    """Change a credit note, void it or delete it. Raises Invalid."""
    row = documents.update(books, CREDIT_NOTE, existing, data)
    row.update(crediting.left_on(books, "CreditNotes", row))
    row = {key: value for key, value in row.items() if value is not None}
    saved = documents.store_update(books, CREDIT_NOTE, existing, row)
    changes = saved["Status"].capitalize() if saved["Status"] != existing["Status"] else "Edited"
    books.note("CreditNotes", saved["CreditNoteID"], changes, documents.difference(existing, saved))
    books.notify("CREDITNOTE", "CreditNotes", saved, created=False)
    return saved


def show(books: Books, row: Row, form: str) -> Row:
    """A credit note on the wire; without a page, no lines."""
    shown = {key: value for key, value in row.items() if key != "LineItems"}
    shown["ID"] = row["CreditNoteID"]
    shown["DateString"] = row["Date"] + "T00:00:00"
    shown["UpdatedDateUTCString"] = row["UpdatedDateUTC"][:19] + "Z"
    full = form == "one"
    shown["Contact"] = books.table("Contacts")[row["_contact"]] if full else contacts.short(books, row["_contact"])
    shown["HasErrors"] = False
    shown["Payments"] = [invoices.payment_on(books.table("Payments")[key]) for key in row["_payments"]]
    shown["Allocations"] = [crediting.allocation_on(books, key) for key in row["_allocations"]]
    shown["LineItems"] = [] if form in ("list", "summary") else [lines.show(books, line) for line in row["LineItems"]]
    return shown


def short(books: Books, row: Row) -> Row:
    """A credit note as it stands inside a payment."""
    return {
        "CreditNoteID": row["CreditNoteID"],
        "CreditNoteNumber": row["CreditNoteNumber"],
        "ID": row["CreditNoteID"],
        "Type": row["Type"],
        "Contact": contacts.short(books, row["_contact"]),
        "CurrencyCode": row["CurrencyCode"],
        "RemainingCredit": row["RemainingCredit"],
        "Total": row["Total"],
        "HasErrors": False,
        "LineItems": [],
    }
