"""Credit that waits to be used: credit notes, overpayments and prepayments, and their allocations to invoices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ledger_sync.sandbox.xero import contacts, invoices, lines, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Invalid
from ledger_sync.sandbox.xero.wire import Row


@dataclass(frozen=True)
class Credit:
    """One kind of credit."""

    kind: str
    key: str
    word: str
    receivable: tuple[str, ...]
    category: str


CREDITS = {
    "CreditNotes": Credit("CreditNotes", "CreditNoteID", "Credit Note", ("ACCRECCREDIT",), "CREDITNOTE"),
    "Overpayments": Credit("Overpayments", "OverpaymentID", "Overpayment", ("RECEIVE-OVERPAYMENT",), "OVERPAYMENT"),
    "Prepayments": Credit("Prepayments", "PrepaymentID", "Prepayment", ("RECEIVE-PREPAYMENT",), "PREPAYMENT"),
}


def left_on(books: Books, kind: str, row: Row) -> Row:
    """What is left of a credit, and PAID when nothing is."""
    used = sum((Decimal(books.table("Allocations")[key]["Amount"]) for key in row["_allocations"]), wire.ZERO)
    refunded = sum((Decimal(books.table("Payments")[key]["Amount"]) for key in row["_payments"]), wire.ZERO)
    left = wire.money(row, "Total") - used - refunded
    fields: Row = {"RemainingCredit": str(left), "AppliedAmount": str(used), "FullyPaidOnDate": None}
    if row["Status"] in ("AUTHORISED", "PAID"):
        fields["Status"] = "PAID" if left == 0 else "AUTHORISED"
        if left == 0 and kind == "CreditNotes":
            fields["FullyPaidOnDate"] = row.get("FullyPaidOnDate") or books.today()
    elif row["Status"] in ("VOIDED", "DELETED"):
        fields["RemainingCredit"] = "0.00"
    return fields


def settle(books: Books, kind: str, row: Row, **changes: object) -> Row:
    """Store a credit whose allocations or refunds have changed."""
    credit = CREDITS[kind]
    row = {**row, **changes}
    saved = books.touch(kind, row, **left_on(books, kind, row))
    if credit.category == "CREDITNOTE" or books.switches.credit_events:
        books.notify(credit.category, kind, saved, created=False)
    return saved


def allocate(books: Books, kind: str, source_id: str, data: Row) -> Row:
    """Put some of a credit on an invoice. Raises Invalid; the credit note texts were seen by users of the API.

    The date is the later of the two documents', whatever was sent (reported).
    """
    credit = CREDITS[kind]
    source = books.table(kind)[source_id.lower()]
    invoice = invoices.find(books, data.get("Invoice") or {})
    amount = wire.as_number(data.get("Amount"))
    if amount is None or amount <= 0 or wire.cents(amount) != amount:
        raise Invalid("The allocation amount must be greater than zero and have at most two decimal places.")
    if source["Status"] == "PAID":
        raise Invalid(f"{credit.word} cannot be allocated as amount is greater than amount outstanding")
    if source["Status"] != "AUTHORISED":
        raise Invalid(f"{credit.word} must be authorised to be allocated.")
    if invoice is None:
        raise Invalid("The invoice could not be found.")
    _refuse_pair(credit, source, invoice, amount)
    day = max(source["Date"], invoice["Date"])
    if books.switches.lock_allocations:
        books.refuse_locked(day)
    row = books.put(
        "Allocations",
        {
            "AllocationID": books.ids.new(),
            "Amount": str(wire.cents(amount)),
            "Date": day,
            "_kind": kind,
            "_source": source_id.lower(),
            "_invoice": invoice["InvoiceID"],
        },
    )
    settle(books, kind, source, _allocations=[*source["_allocations"], row["AllocationID"]])
    invoices.settle(books, invoice, _allocations=[*invoice["_allocations"], row["AllocationID"]])
    books.note("Invoices", invoice["InvoiceID"], "Credit Applied", f"{credit.word} of {row['Amount']} applied.")
    return row


def _refuse_pair(credit: Credit, source: Row, invoice: Row, amount: Decimal) -> None:
    receivable = source["Type"] in credit.receivable
    if (invoice["Type"] == "ACCREC") != receivable:
        raise Invalid(f"{credit.word} cannot be allocated to an incorrect invoice type")
    if invoice["Status"] == "PAID":
        raise Invalid("The invoice you are trying to allocate to has already been paid off")
    if invoice["Status"] != "AUTHORISED":
        raise Invalid("Credit can only be allocated to authorised documents.")
    if invoice["_contact"] != source["_contact"]:
        raise Invalid(f"{credit.word} cannot be allocated to an invoice of another contact.")
    if invoice["CurrencyCode"] != source["CurrencyCode"]:
        raise Invalid(f"{credit.word} cannot be allocated to an invoice in another currency.")
    if amount > wire.money(source, "RemainingCredit") or amount > wire.money(invoice, "AmountDue"):
        raise Invalid(f"{credit.word} cannot be allocated as amount is greater than amount outstanding")


def remove_allocation(books: Books, row: Row) -> None:
    """Take an allocation back: the invoice is due again, the credit is there again. Raises Invalid when locked."""
    if books.switches.lock_allocations:
        books.refuse_locked(row["Date"])
    source, invoice = books.table(row["_kind"])[row["_source"]], books.table("Invoices")[row["_invoice"]]
    key = row["AllocationID"]
    books.drop("Allocations", key)
    settle(books, row["_kind"], source, _allocations=[k for k in source["_allocations"] if k != key])
    invoices.settle(books, invoice, _allocations=[k for k in invoice["_allocations"] if k != key])
    books.note("Invoices", invoice["InvoiceID"], "Credit Removed", f"{row['Amount']} removed.")


def allocation_on(books: Books, key: str) -> Row:
    """An allocation as it stands inside a credit."""
    row = books.table("Allocations")[key]
    invoice = books.table("Invoices")[row["_invoice"]]
    return {
        "AllocationID": key,
        "Amount": row["Amount"],
        "Date": row["Date"],
        "Invoice": {
            "InvoiceID": invoice["InvoiceID"],
            "InvoiceNumber": invoice["InvoiceNumber"],
            "Payments": [],
            "CreditNotes": [],
            "Prepayments": [],
            "Overpayments": [],
            "HasErrors": False,
            "IsDiscounted": False,
            "LineItems": [],
            "ValidationErrors": [],
        },
    }


def show(books: Books, kind: str, row: Row, form: str) -> Row:
    """An overpayment or a prepayment on the wire."""
    shown = {key: value for key, value in row.items() if key not in ("LineItems", "FullyPaidOnDate")}
    shown["ID"] = row[CREDITS[kind].key]
    shown["DateString"] = row["Date"] + "T00:00:00"
    shown["UpdatedDateUTCString"] = row["UpdatedDateUTC"][:19] + "Z"
    shown["Contact"] = contacts.short(books, row["_contact"])
    shown["Payments"] = [invoices.payment_on(books.table("Payments")[key]) for key in row["_payments"]]
    shown["Allocations"] = [allocation_on(books, key) for key in row["_allocations"]]
    shown["LineItems"] = [] if form == "list" else [lines.show(books, line) for line in row["LineItems"]]
    return shown


def from_receipt(books: Books, kind: str, transaction: Row) -> Row:
    """The credit that a receive or spend money transaction of that type makes."""
    credit = CREDITS[kind]
    names = "Type Date LineAmountTypes LineItems SubTotal TotalTax Total CurrencyCode CurrencyRate Reference".split()
    row: Row = {
        credit.key: books.ids.new(),
        **{name: transaction[name] for name in names if name in transaction},
        "_contact": transaction["_contact"],
        "Status": "AUTHORISED",
        "HasAttachments": False,
        "_payments": [],
        "_allocations": [],
        "_transaction": transaction["BankTransactionID"],
    }
    saved = books.touch(kind, row, **left_on(books, kind, row))
    books.note(kind, saved[credit.key], "Created")
    if books.switches.credit_events:
        books.notify(credit.category, kind, saved, created=True)
    return saved
