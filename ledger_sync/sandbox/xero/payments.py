"""Payments on invoices, refunds of credits, and batches of payments. Payments are never edited, only deleted."""

from __future__ import annotations

from decimal import Decimal

from ledger_sync.sandbox.xero import accounts, contacts, crediting, creditnotes, documents, invoices, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Invalid, malformed
from ledger_sync.sandbox.xero.wire import Row

#: What a payment is called by the document it is on (SPEC, Payment.PaymentType).
TYPES = {
    "ACCREC": "ACCRECPAYMENT",
    "ACCPAY": "ACCPAYPAYMENT",
    "ACCRECCREDIT": "ARCREDITPAYMENT",
    "ACCPAYCREDIT": "APCREDITPAYMENT",
    "RECEIVE-OVERPAYMENT": "AROVERPAYMENTPAYMENT",
    "SPEND-OVERPAYMENT": "APOVERPAYMENTPAYMENT",
    "RECEIVE-PREPAYMENT": "ARPREPAYMENTPAYMENT",
    "SPEND-PREPAYMENT": "APPREPAYMENTPAYMENT",
}
#: The ones that bring money in.
INCOMING = ("ACCRECPAYMENT", "APCREDITPAYMENT", "APOVERPAYMENTPAYMENT", "APPREPAYMENTPAYMENT")
EXCEEDS = "Payment amount exceeds the amount outstanding on this document"


def save(books: Books, data: Row, method: str) -> Row:
    """Record a payment, or delete one when its id comes with Status DELETED. Raises Invalid."""
    existing = books.get("Payments", data.get("PaymentID"))
    if existing is not None and data.get("Status") == "DELETED":
        return delete(books, existing)
    if data.get("PaymentID"):
        raise Invalid("Payments cannot be edited.")
    return create(books, data)


def create(books: Books, data: Row, *, batch: str = "") -> Row:
    """Record a payment. Raises Invalid; the texts marked so below are unsure.

    Known: "Payment amount exceeds …" (SPEC), "Payments can only be made against authorised documents" and "Account
    could not be found." (seen by users of the API).
    """
    kind, document = _document(books, data)
    amount = wire.as_number(data.get("Amount"))
    if amount is None or amount <= 0:
        raise Invalid("The payment amount must be greater than zero.")  # unsure
    if wire.cents(amount) != amount:
        raise Invalid("The payment amount can have at most two decimal places.")  # unsure
    account = _account(books, data, document)
    if document["Status"] not in documents.POSTED:
        raise Invalid("Payments can only be made against authorised documents")
    if amount > wire.money(document, "AmountDue" if kind == "Invoices" else "RemainingCredit"):
        raise Invalid(EXCEEDS)
    day = wire.as_date(data["Date"]) if data.get("Date") else books.today()
    if day is None:
        raise malformed("Date")
    books.refuse_locked(day)
    key = books.ids.new()
    rate = documents.currency(books, data, document)["CurrencyRate"]
    row: Row = {
        "PaymentID": key,
        "Date": day,
        "BankAmount": str(wire.cents(amount)),
        "Amount": str(wire.cents(amount)),
        "Reference": str(data.get("Reference") or ""),
        "CurrencyRate": rate,
        "PaymentType": TYPES[document["Type"]],
        "Status": "AUTHORISED",
        "HasAccount": True,
        "IsReconciled": data.get("IsReconciled") is True,
        "_account": account["AccountID"],
        "_kind": kind,
        "_document": document[f"{kind[:-1]}ID"],
        "_contact": document["_contact"],
    }
    if batch:
        row["BatchPaymentID"] = batch
    saved = books.touch("Payments", row)
    _settle(books, kind, document, [*document["_payments"], key])
    words = f"Payment of {saved['Amount']} on {day} to {account['Name']}. {saved['Reference']}".strip()
    books.note(kind, saved["_document"], "Payment Received" if _is_incoming(saved) else "Payment Made", words)
    books.note("Payments", key, "Created", words)
    return saved


def _is_incoming(row: Row) -> bool:
    return row["PaymentType"] in INCOMING


def signed(row: Row) -> Decimal:
    """A payment's effect on its bank account."""
    amount = Decimal(row["Amount"])
    return amount if _is_incoming(row) else -amount


def _settle(books: Books, kind: str, document: Row, keys: list[str]) -> None:
    if kind == "Invoices":
        invoices.settle(books, document, _payments=keys)
    else:
        crediting.settle(books, kind, document, _payments=keys)


def _document(books: Books, data: Row) -> tuple[str, Row]:
    """What is paid: an invoice by id or number, or the credit that is refunded."""
    number = {"InvoiceNumber": data["InvoiceNumber"]} if data.get("InvoiceNumber") else {}
    note = {"CreditNoteNumber": data["CreditNoteNumber"]} if data.get("CreditNoteNumber") else {}
    if data.get("Invoice") or number:
        kind, found = "Invoices", invoices.find(books, {**number, **(data.get("Invoice") or {})})
    elif data.get("CreditNote") or note:
        kind, found = "CreditNotes", creditnotes.find(books, {**note, **(data.get("CreditNote") or {})})
    elif data.get("Overpayment"):
        kind, found = "Overpayments", books.get("Overpayments", data["Overpayment"].get("OverpaymentID"))
    elif data.get("Prepayment"):
        kind, found = "Prepayments", books.get("Prepayments", data["Prepayment"].get("PrepaymentID"))
    else:
        raise Invalid("A payment needs an Invoice, CreditNote, Prepayment or Overpayment.")  # unsure
    if found is None:
        raise Invalid(f"{kind[:-1]} could not be found.")  # unsure
    return kind, found


def _account(books: Books, data: Row, document: Row) -> Row:
    reference = data.get("Account") or ({"Code": data["Code"]} if data.get("Code") else None)
    account = accounts.find(books, reference)
    if account is None:
        raise Invalid("Account could not be found.")
    if not accounts.takes_payments(account):
        raise Invalid(
            "The account type is invalid, the account type must be either a bank account or have enable payments "
            "to this account."
        )  # unsure
    base = books.organisation["BaseCurrency"]
    if account.get("CurrencyCode", base) not in (base, document["CurrencyCode"]):
        raise Invalid("The currency of the account does not fit the currency of the document.")  # unsure
    rateless = document["CurrencyCode"] != base and not data.get("CurrencyRate")
    if rateless and books.switches.payment_rate_required:
        raise Invalid("A payment in a foreign currency needs a CurrencyRate.")  # unsure
    return account


def delete(books: Books, row: Row) -> Row:
    """Delete a payment: its document is due again. Raises Invalid; the first text was seen, the others are unsure."""
    if row["Status"] == "DELETED":
        raise Invalid("Payment not of valid status for modification")
    if row.get("BatchPaymentID") and books.table("BatchPayments")[row["BatchPaymentID"]]["Status"] != "DELETED":
        raise Invalid("Payments within a batch cannot be deleted.")
    if row["IsReconciled"] and books.by_app and not books.switches.delete_reconciled:
        raise Invalid("This payment has been reconciled and cannot be deleted")
    books.refuse_locked(row["Date"])
    saved = books.touch("Payments", row, Status="DELETED")
    document = books.table(row["_kind"])[row["_document"]]
    _settle(books, row["_kind"], document, [key for key in document["_payments"] if key != row["PaymentID"]])
    words = f"Payment of {row['Amount']} on {row['Date']} deleted."
    books.note(row["_kind"], row["_document"], "Payment Deleted", words)
    books.note("Payments", row["PaymentID"], "Deleted", words)
    return saved


def show(books: Books, row: Row, form: str) -> Row:
    """A payment on the wire."""
    shown = dict(row)
    shown["UpdatedDateUTCString"] = row["UpdatedDateUTC"][:19] + "Z"
    shown["Account"] = accounts.short(books.table("Accounts")[row["_account"]])
    document = books.table(row["_kind"])[row["_document"]]
    if row["_kind"] == "Invoices":
        shown["Invoice"] = invoices.short(books, document)
    elif row["_kind"] == "CreditNotes":
        shown["CreditNote"] = creditnotes.short(books, document)
    else:
        key = crediting.CREDITS[row["_kind"]].key
        shown[row["_kind"][:-1]] = {
            key: document[key],
            "ID": document[key],
            "Type": document["Type"],
            "Contact": contacts.short(books, document["_contact"]),
            "CurrencyCode": document["CurrencyCode"],
            "RemainingCredit": document["RemainingCredit"],
            "LineItems": [],
        }
    if row.get("BatchPaymentID") and form != "list":
        batch = books.table("BatchPayments")[row["BatchPaymentID"]]
        keys = ("BatchPaymentID", "Date", "Type", "Status", "TotalAmount", "UpdatedDateUTC", "IsReconciled")
        shown["BatchPayment"] = {"Account": {"AccountID": batch["_account"]}, **{key: batch[key] for key in keys}}
    shown["HasValidationErrors"] = False
    return shown


# Batches


def save_batch(books: Books, data: Row, method: str) -> Row:
    """Record many payments as one bank line, or delete them together. Raises Invalid."""
    existing = books.get("BatchPayments", data.get("BatchPaymentID"))
    if existing is not None and data.get("Status") == "DELETED":
        return _delete_batch(books, existing)
    account = accounts.find(books, data.get("Account"))
    if account is None:
        raise Invalid("Account could not be found.")
    members = data.get("Payments")
    if not isinstance(members, list) or not members:
        raise Invalid("A batch payment needs at least one payment.")
    key = books.ids.new()
    row: Row = {
        "BatchPaymentID": key,
        "Date": wire.as_date(data.get("Date")) or books.today(),
        "Reference": str(data.get("Reference") or ""),
        "Type": "RECBATCH",
        "Status": "AUTHORISED",
        "TotalAmount": "0.00",
        "IsReconciled": False,
        "_account": account["AccountID"],
        "_members": [],
    }
    books.touch("BatchPayments", row)
    shared = {"Account": {"AccountID": account["AccountID"]}, "Date": row["Date"], "Reference": row["Reference"]}
    made = [create(books, {**member, **shared}, batch=key) for member in members]
    kinds = {payment["PaymentType"] in INCOMING for payment in made}
    if len(kinds) > 1:
        raise Invalid("A batch payment cannot mix receivable and payable documents.")
    total = sum((Decimal(payment["Amount"]) for payment in made), wire.ZERO)
    row.update(Type="RECBATCH" if kinds == {True} else "PAYBATCH", TotalAmount=str(total))
    return books.touch("BatchPayments", row, _members=[payment["PaymentID"] for payment in made])


def _delete_batch(books: Books, row: Row) -> Row:
    if row["Status"] == "DELETED":
        raise Invalid("BatchPayment not of valid status for modification")
    saved = books.touch("BatchPayments", row, Status="DELETED")
    for key in row["_members"]:
        delete(books, books.table("Payments")[key])
    return saved


def show_batch(books: Books, row: Row, form: str) -> Row:
    """A batch on the wire, with its payments in short."""
    account = books.table("Accounts")[row["_account"]]
    shown = {**row, "Account": {"AccountID": account["AccountID"], "CurrencyCode": account.get("CurrencyCode")}}
    shown["DateString"] = row["Date"] + "T00:00:00"
    shown["Payments"] = []
    for key in row["_members"]:
        payment = books.table("Payments")[key]
        invoice = books.table("Invoices")[payment["_document"]]
        short = {"InvoiceID": invoice["InvoiceID"], "InvoiceNumber": invoice["InvoiceNumber"], "LineItems": []}
        amounts = {"PaymentID": key, "Amount": payment["Amount"], "BankAmount": payment["BankAmount"]}
        shown["Payments"].append({"Invoice": short, **amounts})
    return shown
