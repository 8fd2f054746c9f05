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
    return tables if provider == "xero" else _of_quickbooks(tables)


def _of_quickbooks(tables: Tables) -> Tables:
    accounts = {row["Id"]: row.get("IncomeAccountRef", {}).get("value", "") for row in tables["Item"]}
    numbers = {row["Id"]: str(row.get("DocNumber", "")) for row in tables["Invoice"]}
    return {
        "Contacts": [_contact(row) for row in tables["Customer"]],
        "Invoices": [_invoice(row, accounts) for row in tables["Invoice"]],
        "Payments": [paid for row in tables["Payment"] for paid in _payments(row, numbers)],
    }


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
    number, note = str(row.get("PaymentRefNum", "")), str(row.get("PrivateNote", ""))
    head = {
        "PaymentID": row["Id"],
        # The number has room for 21 characters; a longer one is whole in the note.
        "Reference": note if len(number) == 21 and note.startswith(number) else number,
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


def _money(value: Any) -> str:
    return f"{Decimal(str(value or 0)):.2f}"
