"""Receive and spend money, transfers between bank accounts, and the lines of a bank account with its balance."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ledger_sync.sandbox.xero import accounts, contacts, crediting, documents, lines, payments, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Invalid, malformed
from ledger_sync.sandbox.xero.wire import Row

CREATABLE = (
    "RECEIVE",
    "RECEIVE-OVERPAYMENT",
    "RECEIVE-PREPAYMENT",
    "SPEND",
    "SPEND-OVERPAYMENT",
    "SPEND-PREPAYMENT",
)


def save(books: Books, data: Row, method: str) -> Row:
    """Record money received or spent, change it, or delete it. Raises Invalid; texts not seen elsewhere are unsure."""
    existing = books.get("BankTransactions", data.get("BankTransactionID"))
    if data.get("BankTransactionID") and existing is None:
        raise Invalid("The bank transaction could not be found.")
    if existing is not None and method == "PUT":
        raise Invalid("The bank transaction already exists.")
    if existing is None:
        return _create(books, data)
    _refuse_change(books, existing)
    if data.get("Status") == "DELETED":
        return delete(books, existing)
    row = {**existing, **_fields(books, data, existing)}
    books.note("BankTransactions", row["BankTransactionID"], "Edited", documents.difference(existing, row))
    return books.touch("BankTransactions", row)


def _create(books: Books, data: Row) -> Row:
    if data.get("Type") not in CREATABLE:
        raise Invalid("The bank transaction Type is not valid.")
    if data.get("Status") not in (None, "AUTHORISED"):
        raise Invalid("Bank transaction not of valid status for creation")
    row: Row = {
        "BankTransactionID": books.ids.new(),
        "Type": data["Type"],
        "Date": books.today(),
        "Reference": "",
        "LineItems": [],
        "LineAmountTypes": "NoTax" if "OVERPAYMENT" in data["Type"] else "Exclusive",
        "CurrencyCode": books.organisation["BaseCurrency"],
        "Status": "AUTHORISED",
        "HasAttachments": False,
        "IsReconciled": data.get("IsReconciled") is True,
    }
    row.update(_fields(books, data, row))
    for kind in ("Overpayments", "Prepayments"):
        if kind[:-1].upper() in row["Type"]:
            key = crediting.CREDITS[kind].key
            row[key] = crediting.from_receipt(books, kind, row)[key]
    contacts.used(books, row["_contact"], selling=row["Type"].startswith("RECEIVE"))
    books.note(
        "BankTransactions",
        row["BankTransactionID"],
        "Created",
        f"{row['Type']} {row['Total']} {row['Reference']}".strip(),
    )
    return books.touch("BankTransactions", row)


def _fields(books: Books, data: Row, row: Row) -> Row:
    account = (
        accounts.find(books, data.get("BankAccount"))
        if data.get("BankAccount")
        else books.get("Accounts", row.get("_bank"))
    )
    if account is None or account["Type"] != "BANK" or account["Status"] != "ACTIVE":
        raise Invalid("A valid bank account must be specified.")
    fields: Row = {"_bank": account["AccountID"], "_contact": row.get("_contact")}
    if data.get("Contact") or not row.get("_contact"):
        fields["_contact"] = contacts.for_document(books, data.get("Contact"))["ContactID"]
    day = wire.as_date(data["Date"]) if data.get("Date") else row["Date"]
    if day is None:
        raise malformed("Date")
    books.refuse_locked(day, row["Date"] if "_bank" in row else None)
    fields["Date"] = day
    if data.get("Reference") is not None and row["Type"] in CREATABLE:
        fields["Reference"] = str(data["Reference"])
    if data.get("Url"):
        fields["Url"] = str(data["Url"])
    fields["CurrencyCode"] = account.get("CurrencyCode", row["CurrencyCode"])
    fields.update(documents.currency(books, {**data, "CurrencyCode": fields["CurrencyCode"]}, {**row, **fields}))
    fields.update(_lines(books, data, row))
    return fields


def _lines(books: Books, data: Row, row: Row) -> Row:
    overpayment = "OVERPAYMENT" in row["Type"]
    kinds = "NoTax" if overpayment else str(data.get("LineAmountTypes") or row["LineAmountTypes"])
    if kinds not in ("Exclusive", "Inclusive", "NoTax"):
        raise malformed("LineAmountTypes")
    receiving = row["Type"].startswith("RECEIVE")
    control = ("DEBTORS" if receiving else "CREDITORS") if overpayment else ""
    terms = lines.Terms(selling=receiving, amount_types=kinds, complete=True, control=control)
    given = data.get("LineItems")
    if given == [] or (given is None and "_bank" not in row):
        raise Invalid("One or more line items must be specified")
    if overpayment and given is not None and len(given) != 1:
        raise Invalid("An overpayment has exactly one line item.")
    built = row["LineItems"] if given is None else lines.build(books, terms, given, row["LineItems"])
    sums = lines.totals(built, kinds)
    if sums.total <= 0:
        raise Invalid("The total of a bank transaction must be greater than zero.")
    return {"LineItems": built, "LineAmountTypes": kinds, **sums.fields()}


def _refuse_change(books: Books, row: Row) -> None:
    if row["Status"] != "AUTHORISED":
        raise Invalid("Bank transaction not of valid status for modification")
    if row["IsReconciled"] and books.by_app:
        raise Invalid("This bank transaction has been reconciled and cannot be edited or deleted.")
    if "TRANSFER" in row["Type"]:
        raise Invalid("A bank transfer cannot be edited here.")
    for kind, credit in crediting.CREDITS.items():
        source = books.get(kind, row.get(credit.key))
        if source is not None and (source["_allocations"] or source["_payments"]):
            raise Invalid("This document cannot be edited as it has a payment or credit note allocated to it.")


def delete(books: Books, row: Row) -> Row:
    """Delete a bank transaction, and the unused credit it made. Raises Invalid when its date is locked."""
    books.refuse_locked(row["Date"])
    for kind, credit in crediting.CREDITS.items():
        source = books.get(kind, row.get(credit.key))
        if source is not None:
            books.touch(kind, source, Status="VOIDED", RemainingCredit="0.00")
    books.note("BankTransactions", row["BankTransactionID"], "Deleted")
    return books.touch("BankTransactions", row, Status="DELETED")


def show(books: Books, row: Row, form: str) -> Row:
    """A bank transaction on the wire."""
    shown = {key: value for key, value in row.items() if key != "LineItems"}
    shown["DateString"] = row["Date"] + "T00:00:00"
    shown["BankAccount"] = accounts.short(books.table("Accounts")[row["_bank"]])
    if row.get("_contact"):
        full = form == "one"
        shown["Contact"] = books.table("Contacts")[row["_contact"]] if full else contacts.short(books, row["_contact"])
    shown["LineItems"] = [] if form == "list" else [lines.show(books, line) for line in row["LineItems"]]
    return shown


# Transfers


def save_transfer(books: Books, data: Row, method: str) -> Row:
    """Move money between two bank accounts, or delete a transfer. Raises Invalid; texts unsure."""
    existing = books.get("BankTransfers", data.get("BankTransferID"))
    if data.get("BankTransferID") or method == "POST":
        if existing is None or data.get("Status") != "DELETED":
            raise Invalid("Bank transfers can only be created or deleted.")
        return _delete_transfer(books, existing)
    source, target = accounts.find(books, data.get("FromBankAccount")), accounts.find(books, data.get("ToBankAccount"))
    if source is None or target is None:
        raise Invalid("A valid bank account must be specified.")
    if any(account["Type"] != "BANK" or account["Status"] != "ACTIVE" for account in (source, target)):
        raise Invalid("A valid bank account must be specified.")
    if source["AccountID"] == target["AccountID"]:
        raise Invalid("The bank accounts of a transfer must be different.")
    if source.get("CurrencyCode") != target.get("CurrencyCode"):
        raise Invalid("Bank accounts must be of the same currency.")
    amount = wire.as_number(data.get("Amount"))
    if amount is None or amount <= 0 or wire.cents(amount) != amount:
        raise Invalid("The transfer amount must be greater than zero and have at most two decimal places.")
    day = wire.as_date(data["Date"]) if data.get("Date") else books.today()
    if day is None:
        raise malformed("Date")
    books.refuse_locked(day)
    return _transfer(books, data, (source, target), str(wire.cents(amount)), day)


def _transfer(books: Books, data: Row, pair: tuple[Row, Row], amount: str, day: str) -> Row:
    row: Row = {
        "BankTransferID": books.ids.new(),
        "Date": day,
        "Amount": amount,
        "Reference": str(data.get("Reference") or ""),
        "CurrencyRate": "1.000000",
        "Status": "AUTHORISED",
        "FromIsReconciled": data.get("FromIsReconciled") is True,
        "ToIsReconciled": data.get("ToIsReconciled") is True,
        "HasAttachments": False,
        "CreatedDateUTC": books.stamp(),
        "_from": pair[0]["AccountID"],
        "_to": pair[1]["AccountID"],
    }
    for side, kind, account in (("From", "SPEND-TRANSFER", pair[0]), ("To", "RECEIVE-TRANSFER", pair[1])):
        half = books.touch(
            "BankTransactions",
            {
                "BankTransactionID": books.ids.new(),
                "Type": kind,
                "Date": day,
                "Reference": row["Reference"],
                "LineItems": [],
                "LineAmountTypes": "NoTax",
                "SubTotal": amount,
                "TotalTax": "0.00",
                "Total": amount,
                "CurrencyCode": account["CurrencyCode"],
                "CurrencyRate": "1.000000",
                "Status": "AUTHORISED",
                "HasAttachments": False,
                "IsReconciled": row[f"{side}IsReconciled"],
                "_bank": account["AccountID"],
            },
        )
        row[f"{side}BankTransactionID"] = half["BankTransactionID"]
    books.note("BankTransfers", row["BankTransferID"], "Created", f"Transfer of {amount}. {row['Reference']}".strip())
    return books.put("BankTransfers", row)


def _delete_transfer(books: Books, row: Row) -> Row:
    if row["Status"] == "DELETED":
        raise Invalid("Bank transfer not of valid status for modification")
    if books.by_app and (row["FromIsReconciled"] or row["ToIsReconciled"]):
        raise Invalid("This bank transfer has been reconciled and cannot be deleted.")
    books.refuse_locked(row["Date"])
    for side in ("From", "To"):
        half = books.table("BankTransactions")[row[f"{side}BankTransactionID"]]
        books.touch("BankTransactions", half, Status="DELETED")
    books.note("BankTransfers", row["BankTransferID"], "Deleted")
    return books.put("BankTransfers", {**row, "Status": "DELETED"})


def show_transfer(books: Books, row: Row, form: str) -> Row:
    """A transfer on the wire; it has no UpdatedDateUTC (SPEC)."""
    shown = dict(row)
    shown["DateString"] = row["Date"] + "T00:00:00"
    shown["CreatedDateUTCString"] = row["CreatedDateUTC"][:19]
    shown["FromBankAccount"] = accounts.short(books.table("Accounts")[row["_from"]])
    shown["ToBankAccount"] = accounts.short(books.table("Accounts")[row["_to"]])
    return shown


# A bank account's own view


@dataclass(frozen=True)
class BankLine:
    """One movement on a bank account, with the balance after it."""

    date: str
    description: str
    reference: str
    amount: Decimal
    balance: Decimal
    reconciled: bool
    kind: str


def statement(books: Books, account_id: str) -> list[BankLine]:
    """Every movement on a bank account in date order, with a running balance."""
    moves = [
        (payments.signed(row), "Payment", row)
        for row in books.table("Payments").values()
        if row["_account"] == account_id and row["Status"] != "DELETED"
    ]
    moves += [
        (Decimal(row["Total"]) * (1 if row["Type"].startswith("RECEIVE") else -1), row["Type"], row)
        for row in books.table("BankTransactions").values()
        if row["_bank"] == account_id and row["Status"] == "AUTHORISED"
    ]
    balance = wire.ZERO
    out = []
    for amount, kind, row in sorted(moves, key=lambda move: str(move[2]["Date"])):
        balance += amount
        name = contacts.short(books, row["_contact"])["Name"] if row.get("_contact") else "Transfer"
        out.append(BankLine(row["Date"], name, row["Reference"], amount, balance, row["IsReconciled"], kind))
    return out
