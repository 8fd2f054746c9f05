"""What a bookkeeper does in Xero's own screens about credit and contacts, each deed written down for the oracle."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from ledger_sync.faultmachine import picking
from ledger_sync.faultmachine.deeds import share_of
from ledger_sync.faultmachine.plans import Act
from ledger_sync.faultmachine.world import Books
from ledger_sync.faultmachine.xero_bookkeeping import INCOME, Doing, Row

BAD_DEBTS = "480"


def _rows(books: Books, kind: str) -> list[Row]:
    return list(books.sandbox.books(books.sandbox.tenant_id).table(kind).values())


def _merge(books: Books, act: Act, chance: Random) -> None:
    """A client's contact is merged into another client's, or into one that the bookkeeper had."""
    keeper = books.sandbox.bookkeeper
    contacts = [row for row in _rows(books, "Contacts") if row["ContactStatus"] == "ACTIVE"]
    ours = [row for row in contacts if str(row.get("ContactNumber", "")).startswith("CS-C")]
    found = picking.merged(
        ours, act.nth, chance, lambda name, email: keeper.add_contact({"Name": name, "EmailAddress": email})
    )
    if found is not None:
        loser, survivor, says = found
        keeper.merge_contacts(loser["ContactID"], survivor["ContactID"])
        books.deeds.merge(loser["ContactID"], survivor["ContactID"], loser["ContactNumber"], says)


def _due(books: Books, chance: Random, contact: str = "") -> Row | None:
    """One of our invoices on which something is due; of one contact where it is named."""
    return picking.some(
        [
            row
            for row in _rows(books, "Invoices")
            if row["Status"] == "AUTHORISED"
            and row["InvoiceNumber"].startswith("CS-")
            and contact in ("", row["_contact"])
        ],
        chance,
    )


def _give_credit(books: Books, chance: Random, account: str) -> None:
    row = _due(books, chance)
    if row is not None:
        amount = share_of(Decimal(row["AmountDue"]), chance)
        note = books.sandbox.bookkeeper.credit(row["InvoiceID"], amount, account_code=account, reason="Goodwill")
        books.deeds.credit(row["InvoiceID"], note["CreditNoteID"])


def _credit(books: Books, act: Act, chance: Random) -> None:
    _give_credit(books, chance, INCOME)


def _write_off(books: Books, act: Act, chance: Random) -> None:
    _give_credit(books, chance, BAD_DEBTS)


def _take_off(books: Books, act: Act, chance: Random) -> None:
    """Some credit is taken off its invoice, whosever it was."""
    row = picking.some(_rows(books, "Allocations"), chance)
    if row is not None:
        books.sandbox.bookkeeper.take_credit_off(row["AllocationID"])
        books.deeds.add("uncredited", row["_invoice"], row["_source"])


def _void_credit(books: Books, act: Act, chance: Random) -> None:
    """A credit note is taken off whatever it is on, and voided."""
    note = picking.some([row for row in _rows(books, "CreditNotes") if row["Status"] in ("AUTHORISED", "PAID")], chance)
    if note is None:
        return
    for row in [row for row in _rows(books, "Allocations") if row["_source"] == note["CreditNoteID"]]:
        books.sandbox.bookkeeper.take_credit_off(row["AllocationID"])
        books.deeds.add("uncredited", row["_invoice"], row["_source"])
    books.sandbox.bookkeeper.void_credit(note["CreditNoteID"])
    books.deeds.add("voided", note["CreditNoteID"])


def _move_credit(books: Books, act: Act, chance: Random) -> None:
    """What a client has paid too much is put on an invoice of theirs."""
    left = [row for row in _rows(books, "Overpayments") if row["Status"] == "AUTHORISED"]
    over = picking.some(left, chance)
    invoice = _due(books, chance, over["_contact"]) if over is not None else None
    if over is not None and invoice is not None:
        amount = min(Decimal(over["RemainingCredit"]), Decimal(invoice["AmountDue"]))
        books.sandbox.bookkeeper.put_credit_on("Overpayments", over["OverpaymentID"], invoice["InvoiceID"], amount)
        books.deeds.add("moved", invoice["InvoiceID"], over["OverpaymentID"])


DOINGS: dict[str, Doing] = {
    "books_credit": _credit,
    "books_write_off": _write_off,
    "books_take_off_credit": _take_off,
    "books_void_credit": _void_credit,
    "books_move_credit": _move_credit,
    "books_merge": _merge,
}
