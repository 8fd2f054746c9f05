"""What a bookkeeper does in Xero's own screens, with each deed written down for the oracle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from ledger_sync.faultmachine.deeds import share_of
from ledger_sync.faultmachine.plans import Act
from ledger_sync.faultmachine.world import Books

Row = dict[str, Any]
#: The account that invoices are booked to, and the one a bookkeeper moves lines to.
INCOME, OTHER_INCOME = "200", "210"
Doing = Callable[[Books, Act, Random], None]


def tidy_up(books: Books) -> None:
    """Unlock the books and bring back the archived account, so that what waited for that can be sent."""
    books.sandbox.bookkeeper.set_lock_dates()
    for row in _table(books, "Accounts"):
        if row["Status"] == "ARCHIVED":
            books.sandbox.bookkeeper.restore_account(row["Code"])


def _table(books: Books, kind: str) -> list[Row]:
    return list(books.sandbox.books(books.sandbox.tenant_id).table(kind).values())


def _contact(books: Books, chance: Random) -> Row | None:
    rows = [row for row in _table(books, "Contacts") if str(row.get("ContactNumber", "")).startswith("CS-C")]
    return chance.choice(rows) if rows else None


def _invoice(books: Books, chance: Random, *, status: str = "AUTHORISED") -> Row | None:
    rows = [
        row
        for row in _table(books, "Invoices")
        if row["Status"] == status and str(row.get("InvoiceNumber", "")).startswith("CS-")
    ]
    return chance.choice(rows) if rows else None


def _edit_contact(books: Books, chance: Random, what: str, fields: Row, value: str) -> None:
    row = _contact(books, chance)
    if row is not None:
        books.sandbox.bookkeeper.edit_contact(row["ContactID"], fields)
        books.deeds.add(what, row["ContactID"], value)


def _email(books: Books, act: Act, chance: Random) -> None:
    value = f"books{act.nth}@client.example"
    _edit_contact(books, chance, "email", {"EmailAddress": value}, value)


def _phone(books: Books, act: Act, chance: Random) -> None:
    value = f"02 5559 {act.nth:04}"
    _edit_contact(books, chance, "phone", {"Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": value}]}, value)


def _rename(books: Books, act: Act, chance: Random) -> None:
    value = f"Renamed {act.nth:02} Pty Ltd"
    _edit_contact(books, chance, "name", {"Name": value}, value)


def _record_payment(books: Books, act: Act, chance: Random) -> None:
    row = _invoice(books, chance)
    if row is not None:
        amount = share_of(Decimal(row["AmountDue"]), chance)
        paid = books.sandbox.bookkeeper.record_payment(row["InvoiceID"], amount, reference=f"Bank {act.nth:02}")
        books.deeds.pay(row["InvoiceID"], paid["PaymentID"])


def _delete_payment(books: Books, act: Act, chance: Random) -> None:
    rows = [row for row in _table(books, "Payments") if row["Status"] == "AUTHORISED"]
    if rows:
        row = chance.choice(rows)
        books.sandbox.bookkeeper.delete_payment(row["PaymentID"])
        books.deeds.add("unpay", row["_document"], row["PaymentID"])
        books.deeds.add("delete", row["PaymentID"])


def _edit_line(books: Books, act: Act, chance: Random) -> None:
    row = _invoice(books, chance)
    if row is not None:
        line = row["LineItems"][0]
        price = (Decimal(line["UnitAmount"]) - 10).quantize(Decimal("0.01"))
        books.sandbox.bookkeeper.edit_line(row["InvoiceID"], line["LineItemID"], {"UnitAmount": price})
        books.deeds.add("edit", row["InvoiceID"], str(price))


def _move_due_date(books: Books, act: Act, chance: Random) -> None:
    row = _invoice(books, chance)
    if row is not None:
        day = (date.fromisoformat(row["DueDate"]) + timedelta(days=chance.randint(3, 20))).isoformat()
        books.sandbox.bookkeeper.edit_invoice(row["InvoiceID"], {"DueDate": day})
        books.deeds.add("due", row["InvoiceID"], day)


def _recode(books: Books, act: Act, chance: Random) -> None:
    row = _invoice(books, chance)
    if row is not None:
        line = row["LineItems"][0]
        books.sandbox.bookkeeper.edit_line(row["InvoiceID"], line["LineItemID"], {"AccountCode": OTHER_INCOME})
        books.deeds.add("recode", row["InvoiceID"], OTHER_INCOME)


def _void(books: Books, act: Act, chance: Random) -> None:
    row = _invoice(books, chance)
    if row is not None:
        books.sandbox.bookkeeper.void_invoice(row["InvoiceID"])
        books.deeds.add("void", row["InvoiceID"])


def _archive_account(books: Books, act: Act, chance: Random) -> None:
    books.sandbox.bookkeeper.archive_account(INCOME)


def _lock(books: Books, act: Act, chance: Random) -> None:
    """Lock the books up to today."""
    today = books.sandbox.books(books.sandbox.tenant_id).today()
    books.sandbox.bookkeeper.set_lock_dates(period=today)
    books.deeds.add("lock", "books", today)


DOINGS: dict[str, Doing] = {
    "books_edit_email": _email,
    "books_edit_phone": _phone,
    "books_rename": _rename,
    "books_record_payment": _record_payment,
    "books_delete_payment": _delete_payment,
    "books_edit_line": _edit_line,
    "books_move_due_date": _move_due_date,
    "books_recode": _recode,
    "books_void": _void,
    "books_archive_account": _archive_account,
    "books_lock": _lock,
}
