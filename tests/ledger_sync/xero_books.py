"""What the Xero sandbox's books say, trusting nobody."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledger_sync.models import Link
from ledger_sync.sandbox.xero import XeroSandbox, banking

Row = dict[str, Any]
_TABLES = {
    "client": "Contacts", "invoice": "Invoices", "credit": "CreditNotes", "payment": "BankTransactions",
    "allocation": "Payments", "refund": "Payments", "dispute": "BankTransactions", "fee": "BankTransactions",
    "payout": "BankTransfers",
}  # fmt: skip


@dataclass
class There:
    """The books of the sandbox's first organisation, and what has become of them since this was made."""

    sandbox: XeroSandbox

    def __post_init__(self) -> None:
        self.before = {table: {str(row) for row in self.rows(table)} for table in set(_TABLES.values())}
        self.before["Overpayments"] = {str(row) for row in self.rows("Overpayments")}
        names = ("Stripe clearing", "Returned payments", "Disputed payments", "Business Bank Account")
        self.opening = {name: self._balance(name) for name in names}

    def rows(self, table: str) -> list[Row]:
        return list(self.sandbox.dump().get(f"{self.sandbox.tenant_id}:{table}", {}).values())

    def of(self, link: Link) -> Row:
        return next(row for row in self.rows(_TABLES[link.kind]) if link.remote_id in row.values())

    def account(self, name: str) -> str:
        return next(row["AccountID"] for row in self.rows("Accounts") if row["Name"] == name)

    def standing(self, table: str, **wanted: str) -> list[Row]:
        """What was added since and stands."""
        fresh = [row for row in self.rows(table) if str(row) not in self.before.get(table, set())]
        live = [row for row in fresh if row["Status"] not in ("DELETED", "VOIDED")]
        return [row for row in live if all(row.get(key) == value for key, value in wanted.items())]

    def balance(self, name: str) -> Decimal:
        """How much more a bank account holds, or bank transactions and payments have put on another account."""
        return self._balance(name) - self.opening[name]

    def _balance(self, name: str) -> Decimal:
        key = self.account(name)
        books = self.sandbox.books(self.sandbox.tenant_id)
        if books.table("Accounts")[key]["Type"] == "BANK":
            lines = banking.statement(books, key)
            return lines[-1].balance if lines else Decimal("0.00")
        code = books.table("Accounts")[key]["Code"]
        total = Decimal("0.00")
        for row in self.standing("BankTransactions"):
            sign = 1 if row["Type"] == "SPEND" else -1
            total += sum(sign * Decimal(line["LineAmount"]) for line in row["LineItems"] if line["AccountCode"] == code)
        for row in self.standing("Payments", _account=key):
            total += Decimal(row["Amount"]) * (1 if row["PaymentType"] == "ACCRECPAYMENT" else -1)
        return total
