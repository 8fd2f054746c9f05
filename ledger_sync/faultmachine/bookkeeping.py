"""What the bookkeeper does in the ledger's own screens, with each deed written down for the oracle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from ledger_sync.faultmachine.plans import Act
from ledger_sync.faultmachine.world import Stage
from ledger_sync.sandbox.xero import Invalid

Row = dict[str, Any]
#: The account that invoices are booked to, and the one a bookkeeper moves lines to.
INCOME, OTHER_INCOME = "200", "210"
Doing = Callable[[Stage, Act, Random], None]


def do(stage: Stage, act: Act) -> None:
    """Do one thing; what the ledger's screens refuse is not done."""
    try:
        DOINGS[act.name](stage, act, Random(f"act {act.nth} {act.name}"))
    except Invalid:
        return


def tidy_up(stage: Stage) -> None:
    """Unlock the books and bring back the archived account, so that what waited for that can be sent."""
    stage.sandbox.bookkeeper.set_lock_dates()
    for row in _table(stage, "Accounts"):
        if row["Status"] == "ARCHIVED":
            stage.sandbox.bookkeeper.restore_account(row["Code"])


def _table(stage: Stage, kind: str) -> list[Row]:
    return list(stage.sandbox.books(stage.sandbox.tenant_id).table(kind).values())


def _contact(stage: Stage, chance: Random) -> Row | None:
    rows = [row for row in _table(stage, "Contacts") if str(row.get("ContactNumber", "")).startswith("CS-C")]
    return chance.choice(rows) if rows else None


def _invoice(stage: Stage, chance: Random, *, status: str = "AUTHORISED") -> Row | None:
    rows = [
        row
        for row in _table(stage, "Invoices")
        if row["Status"] == status and str(row.get("InvoiceNumber", "")).startswith("CS-")
    ]
    return chance.choice(rows) if rows else None


def _edit_contact(stage: Stage, chance: Random, what: str, fields: Row, value: str) -> None:
    row = _contact(stage, chance)
    if row is not None:
        stage.sandbox.bookkeeper.edit_contact(row["ContactID"], fields)
        stage.deeds.add(what, row["ContactID"], value)


def _email(stage: Stage, act: Act, chance: Random) -> None:
    value = f"books{act.nth}@client.example"
    _edit_contact(stage, chance, "email", {"EmailAddress": value}, value)


def _phone(stage: Stage, act: Act, chance: Random) -> None:
    value = f"02 5559 {act.nth:04}"
    _edit_contact(stage, chance, "phone", {"Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": value}]}, value)


def _rename(stage: Stage, act: Act, chance: Random) -> None:
    value = f"Renamed {act.nth:02} Pty Ltd"
    _edit_contact(stage, chance, "name", {"Name": value}, value)


def _record_payment(stage: Stage, act: Act, chance: Random) -> None:
    row = _invoice(stage, chance)
    if row is not None:
        due = Decimal(row["AmountDue"])
        amount = due if chance.random() < 0.6 else (due / 2).quantize(Decimal("0.01"))
        paid = stage.sandbox.bookkeeper.record_payment(row["InvoiceID"], amount, reference=f"Bank {act.nth:02}")
        stage.deeds.add("pay", row["InvoiceID"], paid["PaymentID"])
        stage.deeds.add("paid", paid["PaymentID"], row["InvoiceID"])


def _delete_payment(stage: Stage, act: Act, chance: Random) -> None:
    rows = [row for row in _table(stage, "Payments") if row["Status"] == "AUTHORISED"]
    if rows:
        row = chance.choice(rows)
        stage.sandbox.bookkeeper.delete_payment(row["PaymentID"])
        stage.deeds.add("unpay", row["_document"], row["PaymentID"])
        stage.deeds.add("delete", row["PaymentID"])


def _edit_line(stage: Stage, act: Act, chance: Random) -> None:
    row = _invoice(stage, chance)
    if row is not None:
        line = row["LineItems"][0]
        price = (Decimal(line["UnitAmount"]) - 10).quantize(Decimal("0.01"))
        stage.sandbox.bookkeeper.edit_line(row["InvoiceID"], line["LineItemID"], {"UnitAmount": price})
        stage.deeds.add("edit", row["InvoiceID"], str(price))


def _move_due_date(stage: Stage, act: Act, chance: Random) -> None:
    row = _invoice(stage, chance)
    if row is not None:
        day = (date.fromisoformat(row["DueDate"]) + timedelta(days=chance.randint(3, 20))).isoformat()
        stage.sandbox.bookkeeper.edit_invoice(row["InvoiceID"], {"DueDate": day})
        stage.deeds.add("due", row["InvoiceID"], day)


def _recode(stage: Stage, act: Act, chance: Random) -> None:
    row = _invoice(stage, chance)
    if row is not None:
        line = row["LineItems"][0]
        stage.sandbox.bookkeeper.edit_line(row["InvoiceID"], line["LineItemID"], {"AccountCode": OTHER_INCOME})
        stage.deeds.add("recode", row["InvoiceID"], OTHER_INCOME)


def _void(stage: Stage, act: Act, chance: Random) -> None:
    row = _invoice(stage, chance)
    if row is not None:
        stage.sandbox.bookkeeper.void_invoice(row["InvoiceID"])
        stage.deeds.add("void", row["InvoiceID"])


def _archive_account(stage: Stage, act: Act, chance: Random) -> None:
    stage.sandbox.bookkeeper.archive_account(INCOME)


def _lock(stage: Stage, act: Act, chance: Random) -> None:
    """Lock the books up to today."""
    books = stage.sandbox.books(stage.sandbox.tenant_id)
    stage.sandbox.bookkeeper.set_lock_dates(period=books.today())


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
