"""What stands on a ledger's bank accounts, as its own store has it: one posting for each side of each document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
Dump = dict[str, dict[str, Row]]


@dataclass(frozen=True)
class Posting:
    """An amount on an account, signed as the account sees it."""

    account: str
    amount: Decimal
    on: str
    reference: str


def postings_of(provider: str, dump: Dump) -> list[Posting]:
    """Every posting on accounts that money lies on."""
    tables = {name.partition(":")[2]: list(rows.values()) for name, rows in dump.items()}
    return list(_of_xero(tables) if provider == "xero" else _of_quickbooks(tables))


def _of_xero(tables: dict[str, list[Row]]) -> Iterator[Posting]:
    codes = {row.get("Code"): row["AccountID"] for row in tables["Accounts"]}
    for row in _standing(tables, "Payments"):
        # A payment on a credit note or an overpayment is money that leaves.
        sign = 1 if row["_kind"] == "Invoices" else -1
        yield Posting(row["_account"], sign * Decimal(row["Amount"]), row["Date"], row["Reference"])
    for row in _standing(tables, "BankTransactions"):
        if row["Type"].endswith("-TRANSFER"):
            continue  # One side of a transfer, which is counted below.
        sign = 1 if row["Type"].startswith("RECEIVE") else -1
        yield Posting(row["_bank"], sign * Decimal(row["Total"]), row["Date"], row.get("Reference", ""))
        for line in row["LineItems"]:
            account = codes.get(line.get("AccountCode"), "")
            yield Posting(account, -sign * Decimal(line["LineAmount"]), row["Date"], row.get("Reference", ""))
    for row in _standing(tables, "BankTransfers"):
        for side, sign in (("_from", -1), ("_to", 1)):
            yield Posting(row[side], sign * Decimal(row["Amount"]), row["Date"], row["Reference"])


def _standing(tables: dict[str, list[Row]], kind: str) -> list[Row]:
    return [row for row in tables.get(kind, []) if row["Status"] not in ("DELETED", "VOIDED")]


def _of_quickbooks(tables: dict[str, list[Row]]) -> Iterator[Posting]:
    for kind, account, sign in (
        ("Payment", "DepositToAccountRef", 1), ("RefundReceipt", "DepositToAccountRef", -1),
        ("Purchase", "AccountRef", -1), ("Deposit", "DepositToAccountRef", 1),
    ):  # fmt: skip
        for row in tables.get(kind, []):
            on, note = row["TxnDate"], str(row.get("PrivateNote") or row.get("PaymentRefNum", ""))
            yield Posting(_value(row, account), sign * Decimal(str(row["TotalAmt"])), on, note)
            for line in row["Line"]:
                detail = line.get("AccountBasedExpenseLineDetail") or line.get("DepositLineDetail") or {}
                yield Posting(_value(detail, "AccountRef"), -sign * Decimal(str(line["Amount"])), on, note)
    for row in tables.get("Transfer", []):
        note = str(row.get("PrivateNote", ""))
        yield Posting(_value(row, "FromAccountRef"), -Decimal(str(row["Amount"])), row["TxnDate"], note)
        yield Posting(_value(row, "ToAccountRef"), Decimal(str(row["Amount"])), row["TxnDate"], note)


def _value(row: Row, name: str) -> str:
    return str(row.get(name, {}).get("value", ""))
