"""What a bookkeeper does in QuickBooks' own screens, with each deed written down for the oracle."""

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
Doing = Callable[[Books, Act, Random], None]


def tidy_up(books: Books) -> None:
    """Open the books again and make the account active, so that what waited for that can be sent."""
    books.sandbox.bookkeeper.close_books(None)
    for row in _table(books, "Account"):
        if not row["Active"]:
            books.sandbox.bookkeeper.restore_account(row["Id"])


def _table(books: Books, kind: str) -> list[Row]:
    return list(books.sandbox.dump()[f"{books.sandbox.realm_id}:{kind}"].values())


def _customer(books: Books, chance: Random) -> Row | None:
    rows = [row for row in _table(books, "Customer") if "CS-C" in str(row.get("Notes", ""))]
    return chance.choice(rows) if rows else None


def _invoice(books: Books, chance: Random) -> Row | None:
    """One of our invoices on which something is still due."""
    rows = [
        row
        for row in _table(books, "Invoice")
        if str(row.get("DocNumber", "")).startswith("CS-") and Decimal(str(row["Balance"])) > 0
    ]
    return chance.choice(rows) if rows else None


def _edit_customer(books: Books, chance: Random, what: str, fields: Row, value: str) -> None:
    row = _customer(books, chance)
    if row is not None:
        books.sandbox.bookkeeper.edit_customer(row["Id"], fields)
        books.deeds.add(what, row["Id"], value)


def _email(books: Books, act: Act, chance: Random) -> None:
    value = f"books{act.nth}@client.example"
    _edit_customer(books, chance, "email", {"PrimaryEmailAddr": {"Address": value}}, value)


def _phone(books: Books, act: Act, chance: Random) -> None:
    value = f"02 5559 {act.nth:04}"
    _edit_customer(books, chance, "phone", {"PrimaryPhone": {"FreeFormNumber": value}}, value)


def _rename(books: Books, act: Act, chance: Random) -> None:
    value = f"Renamed {act.nth:02} LLC"
    _edit_customer(books, chance, "name", {"DisplayName": value}, value)


def _record_payment(books: Books, act: Act, chance: Random) -> None:
    row = _invoice(books, chance)
    if row is not None:
        amount = share_of(Decimal(str(row["Balance"])), chance)
        paid = books.sandbox.bookkeeper.record_payment(row["Id"], amount, reference=f"Bank {act.nth:02}")
        books.deeds.pay(row["Id"], paid["Id"])


def _delete_payment(books: Books, act: Act, chance: Random) -> None:
    rows = [row for row in _table(books, "Payment") if row["Line"]]
    if rows:
        row = chance.choice(rows)
        books.sandbox.bookkeeper.delete_payment(row["Id"])
        # A payment of nothing is what ties a credit memo to an invoice.
        what = "unpay" if Decimal(row["TotalAmt"]) else "uncredited"
        for line in row["Line"]:
            books.deeds.add(what, line["LinkedTxn"][0]["TxnId"], row["Id"])
        books.deeds.add("delete", row["Id"])


def _edit_line(books: Books, act: Act, chance: Random) -> None:
    row = _invoice(books, chance)
    if row is not None:
        line = next(line for line in row["Line"] if "SalesItemLineDetail" in line)
        amount = (Decimal(str(line["Amount"])) - 10).quantize(Decimal("0.01"))
        books.sandbox.bookkeeper.edit_line(row["Id"], line["Id"], {"Amount": amount})
        books.deeds.add("edit", row["Id"], str(amount))


def _move_due_date(books: Books, act: Act, chance: Random) -> None:
    row = _invoice(books, chance)
    if row is not None:
        day = (date.fromisoformat(row["DueDate"]) + timedelta(days=chance.randint(3, 20))).isoformat()
        books.sandbox.bookkeeper.edit_invoice(row["Id"], {"DueDate": day})
        books.deeds.add("due", row["Id"], day)


def _void(books: Books, act: Act, chance: Random) -> None:
    row = _invoice(books, chance)
    if row is not None:
        books.sandbox.bookkeeper.void_invoice(row["Id"])
        books.deeds.add("void", row["Id"])


def _close(books: Books, act: Act, chance: Random) -> None:
    """Close the books up to today."""
    today = str(books.sandbox.books(books.sandbox.realm_id).today())
    books.sandbox.bookkeeper.close_books(today)
    books.deeds.add("lock", "books", today)


DOINGS: dict[str, Doing] = {
    "books_edit_email": _email,
    "books_edit_phone": _phone,
    "books_rename": _rename,
    "books_record_payment": _record_payment,
    "books_delete_payment": _delete_payment,
    "books_edit_line": _edit_line,
    "books_move_due_date": _move_due_date,
    "books_void": _void,
    "books_lock": _close,
}
