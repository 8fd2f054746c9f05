"""The ledgers' own stores as the judge reads them: Xero's rows as they are, QuickBooks' under the same names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
Tables = dict[str, list[Row]]


def tables_of(provider: str, dump: dict[str, dict[str, Row]]) -> Tables:
    """A sandbox's dump by kind, for its one organisation."""
    tables = {name.partition(":")[2]: list(rows.values()) for name, rows in dump.items()}
    return _of_xero(tables) if provider == "xero" else _of_quickbooks(tables)


def _of_xero(tables: Tables) -> Tables:
    words = {"CreditNotes": "credit", "Overpayments": "over", "Prepayments": "before"}
    uses = [{**row, "_what": words[row["_kind"]]} for row in tables["Allocations"]]
    notes = [
        {"_document": row["document"], "Details": record["Details"]}
        for row in tables["History"]
        for record in row["records"]
        if record["Changes"] == "Note"
    ]
    return {**tables, "Uses": uses, "Notes": notes}


def _of_quickbooks(tables: Tables) -> Tables:
    accounts = {row["Id"]: row.get("IncomeAccountRef", {}).get("value", "") for row in tables["Item"]}
    numbers = {row["Id"]: str(row.get("DocNumber", "")) for row in tables["Invoice"]}
    taken = [row for row in tables["Payment"] if Decimal(row["TotalAmt"]) or not _links(row, "CreditMemo")]
    return {
        "Contacts": [_contact(row) for row in tables["Customer"]],
        "Invoices": [_invoice(row, accounts) for row in tables["Invoice"]],
        "Payments": [paid for row in taken for paid in _payments(row, numbers)],
        "CreditNotes": [_credit(row, accounts) for row in tables["CreditMemo"]],
        "Overpayments": [_left_over(row) for row in taken],
        "Uses": [used for row in tables["Payment"] for used in _credit_used(row)],
        "Attachments": [_file(row) for row in tables["Attachable"]],
        "Notes": [],
    }


def _links(row: Row, kind: str) -> list[tuple[str, str]]:
    """(id, amount) of what a payment is tied to of a kind."""
    tied = [(line["LinkedTxn"][0], line["Amount"]) for line in row["Line"]]
    return [(link["TxnId"], _money(amount)) for link, amount in tied if link["TxnType"] == kind]


def _credit_used(row: Row) -> Iterator[Row]:
    """A payment of nothing puts a credit memo on an invoice."""
    for memo, _ in _links(row, "CreditMemo"):
        for invoice, amount in _links(row, "Invoice"):
            yield {"_what": "credit", "_source": memo, "_invoice": invoice, "Amount": amount}


def _credit(row: Row, accounts: dict[str, str]) -> Row:
    shown = _invoice({**row, "Balance": row.get("Balance", 0)}, accounts)
    return {**shown, "CreditNoteID": row["Id"], "CreditNoteNumber": shown["InvoiceNumber"]}


def _left_over(row: Row) -> Row:
    gone = not Decimal(row["TotalAmt"])
    return {
        "Reference": _reference(row),
        "Status": "VOIDED" if gone else "AUTHORISED",
        "RemainingCredit": _money(row.get("UnappliedAmt", 0)),
    }


def _file(row: Row) -> Row:
    on = [ref["EntityRef"]["value"] for ref in row.get("AttachableRef", [])]
    return {"_document": on[0] if on else "", "FileName": row.get("FileName", "")}


def _contact(row: Row) -> Row:
    number = re.search(r"CS-C\d+", str(row.get("Notes", "")))
    phone = row.get("PrimaryPhone", {}).get("FreeFormNumber", "")
    return {
        "ContactID": row["Id"],
        "ContactNumber": number[0] if number else "",
        "Name": row["DisplayName"],
        "EmailAddress": row.get("PrimaryEmailAddr", {}).get("Address", ""),
        "Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": phone}],
    }


def _invoice(row: Row, accounts: dict[str, str]) -> Row:
    tax, total = (_money(value) for value in (row.get("TxnTaxDetail", {}).get("TotalTax", 0), row["TotalAmt"]))
    void = not Decimal(total) and str(row.get("PrivateNote", "")).startswith("Voided")
    return {
        "InvoiceID": row["Id"],
        "InvoiceNumber": str(row.get("DocNumber", "")),
        "Type": "ACCREC",
        "Status": "VOIDED" if void else "AUTHORISED",
        "_contact": row["CustomerRef"]["value"],
        "Date": row["TxnDate"],
        "DueDate": row.get("DueDate", ""),
        "CurrencyCode": row.get("CurrencyRef", {}).get("value", "USD"),
        "Reference": row.get("CustomerMemo", {}).get("value", ""),
        "SubTotal": _money(Decimal(total) - Decimal(tax)),
        "TotalTax": tax,
        "Total": total,
        "AmountDue": _money(row["Balance"]),
        "LineItems": [_line(line, accounts) for line in row["Line"] if "SalesItemLineDetail" in line],
    }


def _line(line: Row, accounts: dict[str, str]) -> Row:
    detail = line["SalesItemLineDetail"]
    return {
        "Description": line.get("Description", ""),
        "Quantity": str(detail.get("Qty", 1)),
        "UnitAmount": str(detail.get("UnitPrice", line["Amount"])),
        "TaxAmount": "0.00",
        "AccountCode": accounts.get(detail["ItemRef"]["value"], ""),
    }


def _payments(row: Row, numbers: dict[str, str]) -> Iterator[Row]:
    """A row for each invoice a payment pays; a void or an unused one is there as well, and pays nothing."""
    head = {
        "PaymentID": row["Id"],
        "Reference": _reference(row),
        "Date": row["TxnDate"],
        "_account": row.get("DepositToAccountRef", {}).get("value", ""),
    }
    paid = [(line, line["LinkedTxn"][0]) for line in row["Line"]]
    uses = [(line, link) for line, link in paid if link["TxnType"] == "Invoice"]
    for line, link in uses:
        document = link["TxnId"]
        yield {
            **head, "Status": "AUTHORISED", "Amount": _money(line["Amount"]), "_document": document,
            "_number": numbers.get(document, ""),
        }  # fmt: skip
    if not uses:
        yield {**head, "Status": "DELETED", "Amount": "0.00", "_document": "", "_number": ""}


def _reference(row: Row) -> str:
    """A payment's reference: the number has room for 21 characters; a longer one is whole in the note."""
    number, note = str(row.get("PaymentRefNum", "")), str(row.get("PrivateNote", ""))
    return note if len(number) == 21 and note.startswith(number) else number


def _money(value: Any) -> str:
    return f"{Decimal(str(value or 0)):.2f}"
