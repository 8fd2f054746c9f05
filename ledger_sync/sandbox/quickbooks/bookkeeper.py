"""What a person at the firm does in QuickBooks' own screens: the changes our app did not make."""

from __future__ import annotations

from contextlib import AbstractContextManager
from decimal import Decimal
from typing import Any

from ledger_sync.sandbox.quickbooks import errors, lists, names, saving, wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.entities import ENTITIES
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.oauth import Identity
from ledger_sync.sandbox.quickbooks.saving import Options
from ledger_sync.sandbox.quickbooks.wire import Row

BANK = "Checking"


class Bookkeeper:
    """The screens of one company.

    Fields go by QuickBooks' names. Each action raises :class:`Invalid` where QuickBooks would not let it happen.
    """

    def __init__(self, books: Books, identity: Identity) -> None:
        self.books = books
        self.identity = identity

    def _change(self) -> AbstractContextManager[None]:
        return self.books.store.transaction()

    def _get(self, kind: str, key: str) -> Row:
        row = self.books.get(kind, key)
        if row is None:
            raise Invalid(errors.not_found())
        return row

    def _add(self, kind: str, fields: Row) -> Row:
        with self._change():
            return saving.create(self.books, ENTITIES[kind.lower()], fields, Options())

    def _edit(self, kind: str, key: str, fields: Row) -> Row:
        row = self._get(kind, key)
        with self._change():
            body = {**fields, "Id": key, "SyncToken": row["SyncToken"], "sparse": True}
            return saving.update(self.books, ENTITIES[kind.lower()], body, Options())

    def _void(self, kind: str, key: str) -> Row:
        row = self._get(kind, key)
        with self._change():
            return saving.void(self.books, ENTITIES[kind.lower()], {"Id": key, "SyncToken": row["SyncToken"]})

    def _delete(self, kind: str, key: str) -> None:
        row = self._get(kind, key)
        with self._change():
            saving.delete(self.books, ENTITIES[kind.lower()], {"Id": key, "SyncToken": row["SyncToken"]})

    # Customers

    def add_customer(self, fields: Row) -> Row:
        """Add a customer."""
        return self._add("Customer", fields)

    def edit_customer(self, customer_id: str, fields: Row) -> Row:
        """Change a customer's name, email address or any other field."""
        return self._edit("Customer", customer_id, fields)

    def edit_email(self, customer_id: str, address: str) -> Row:
        """Change a customer's email address."""
        return self._edit("Customer", customer_id, {"PrimaryEmailAddr": {"Address": address}})

    def archive_customer(self, customer_id: str) -> Row:
        """Make a customer inactive."""
        return self._edit("Customer", customer_id, {"Active": False})

    def restore_customer(self, customer_id: str) -> Row:
        """Make an inactive customer active again, if its name is still free."""
        return self._edit("Customer", customer_id, {"Active": True})

    def merge_customers(self, loser_id: str, survivor_id: str) -> None:
        """Merge one customer into another: documents move, the first is made inactive."""
        loser, survivor = self._get("Customer", loser_id), self._get("Customer", survivor_id)
        with self._change():
            names.merge(self.books, loser, survivor)

    # Invoices

    def add_invoice(self, fields: Row) -> Row:
        """Add an invoice."""
        return self._add("Invoice", fields)

    def edit_invoice(self, invoice_id: str, fields: Row) -> Row:
        """Change an invoice."""
        return self._edit("Invoice", invoice_id, fields)

    def edit_line(self, invoice_id: str, line_id: str, fields: Row) -> Row:
        """Change one line's amount or text, and leave the others as they are."""
        sent = [
            _changed(line, fields) if line.get("Id") == line_id else line
            for line in self._get("Invoice", invoice_id)["Line"]
        ]
        return self.edit_invoice(invoice_id, {"Line": sent})

    def void_invoice(self, invoice_id: str) -> Row:
        """Void an invoice; what was paid on it becomes unapplied."""
        return self._void("Invoice", invoice_id)

    def delete_invoice(self, invoice_id: str) -> None:
        """Delete an invoice nothing is applied to."""
        self._delete("Invoice", invoice_id)

    def credit(self, invoice_id: str, amount: Decimal, *, item_id: str = "", reason: str = "Credit") -> Row:
        """Credit part of an invoice: a credit memo with an item of the invoice, applied at once."""
        invoice = self._get("Invoice", invoice_id)
        first = next(line for line in invoice["Line"] if "SalesItemLineDetail" in line)
        item = item_id or wire.ref(first["SalesItemLineDetail"], "ItemRef")
        line = {
            "Amount": amount, "Description": reason, "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": item}},
        }  # fmt: skip
        with self._change():
            memo = self._add(
                "CreditMemo", {"CustomerRef": invoice["CustomerRef"], "Line": [line], "PrivateNote": reason}
            )
            lines = [
                {"Amount": amount, "LinkedTxn": [{"TxnId": key, "TxnType": kind}]}
                for key, kind in ((invoice_id, "Invoice"), (memo["Id"], "CreditMemo"))
            ]
            self._add("Payment", {"CustomerRef": invoice["CustomerRef"], "TotalAmt": 0, "Line": lines})
        return self._get("CreditMemo", memo["Id"])

    def void_credit(self, memo_id: str) -> Row:
        """Void a credit memo; what it was applied to is due again."""
        return self._void("CreditMemo", memo_id)

    # Payments and the bank

    def record_payment(
        self,
        invoice_id: str,
        amount: Decimal | None = None,
        *,
        account: str = BANK,
        date: str = "",
        reference: str = "",
    ) -> Row:
        """Record that an invoice was paid; all that is due when no amount is given."""
        invoice = self._get("Invoice", invoice_id)
        paid = wire.money(invoice, "Balance") if amount is None else amount
        fields: Row = {
            "CustomerRef": invoice["CustomerRef"],
            "TotalAmt": paid,
            "DepositToAccountRef": {"value": lists.find_account(self.books, account)["Id"]},
            "PaymentRefNum": reference,
            "TxnDate": date,
            "Line": [{"Amount": paid, "LinkedTxn": [{"TxnId": invoice_id, "TxnType": "Invoice"}]}],
        }
        return self._add("Payment", fields)

    def edit_payment(self, payment_id: str, fields: Row) -> Row:
        """Change a payment, or what it is applied to."""
        return self._edit("Payment", payment_id, fields)

    def void_payment(self, payment_id: str) -> Row:
        """Void a payment; its invoices are due again."""
        return self._void("Payment", payment_id)

    def delete_payment(self, payment_id: str) -> None:
        """Delete a payment; its invoices are due again."""
        self._delete("Payment", payment_id)

    def deposit(self, payment_ids: list[str], *, account: str = BANK) -> Row:
        """Take payments from Undeposited Funds to the bank."""
        links = [{"LinkedTxn": [{"TxnId": key, "TxnType": "Payment", "TxnLineId": "0"}]} for key in payment_ids]
        to = {"value": lists.find_account(self.books, account)["Id"]}
        return self._add("Deposit", {"DepositToAccountRef": to, "Line": links})

    def delete_entry(self, kind: str, key: str) -> None:
        """Delete a RefundReceipt, Purchase, Deposit or Transfer."""
        self._delete(kind, key)

    def edit_entry(self, kind: str, key: str, fields: Row) -> Row:
        """Change one."""
        return self._edit(kind, key, fields)

    def receive_money(self, amount: Decimal, *, account: str, reference: str = "", bank: str = BANK) -> Row:
        """Book money straight to an account: the commonest mistake with a bank payment."""
        line = {
            "Amount": amount, "Description": reference, "DetailType": "DepositLineDetail",
            "DepositLineDetail": {"AccountRef": {"value": lists.find_account(self.books, account)["Id"]}},
        }  # fmt: skip
        to = {"value": lists.find_account(self.books, bank)["Id"]}
        return self._add("Deposit", {"DepositToAccountRef": to, "Line": [line], "PrivateNote": reference})

    # Items, accounts and settings

    def add_item(self, fields: Row) -> Row:
        """Add a product or service (Intuit's help: to write off bad debt, a non-inventory item that sells to it)."""
        return self._add("Item", fields)

    def archive_account(self, name: str) -> Row:
        """Make an account inactive, by its name or id."""
        return self._edit("Account", lists.find_account(self.books, name)["Id"], {"Active": False})

    def restore_account(self, name: str) -> Row:
        """Make an inactive account active again."""
        return self._edit("Account", lists.find_account(self.books, name)["Id"], {"Active": True})

    def close_books(self, until: str | None) -> None:
        """Close the books up to and including an ISO date; None opens them."""
        prefs = self.books.preferences
        info: dict[str, Any] = {k: v for k, v in prefs["AccountingInfoPrefs"].items() if k != "BookCloseDate"}
        with self._change():
            closed = {**info, "BookCloseDate": until} if until else info
            self.books.touch("Preferences", prefs, AccountingInfoPrefs=closed)
            self.books.notify("Preferences", "1", "updated")

    def set_preference(self, group: str, name: str, value: object) -> None:
        """Change one setting, such as ("SalesFormsPrefs", "CustomTxnNumbers", False)."""
        prefs = self.books.preferences
        with self._change():
            self.books.touch("Preferences", prefs, **{group: {**prefs.get(group, {}), name: value}})

    def end_subscription(self) -> None:
        """Let the company's subscription end: the app may read its books, not write them."""
        self._subscribe("EXPIRED", read_only=True)

    def renew_subscription(self) -> None:
        """Renew it."""
        self._subscribe("SUBSCRIBED", read_only=None)

    def _subscribe(self, status: str, *, read_only: bool | None) -> None:
        info = [
            {**pair, "Value": status} if pair["Name"] == "SubscriptionStatus" else pair
            for pair in self.books.company["NameValue"]
        ]
        with self._change():
            self.books.touch("CompanyInfo", self.books.company, NameValue=info, _read_only=read_only)

    def rename(self, kind: str, key: str, name: str) -> Row:
        """Rename a class, a location or an item; documents show the new name from then on."""
        return self._edit(kind, key, {"Name": name})

    def disconnect(self) -> None:
        """Remove the app's access to this company."""
        self.identity.disconnect(self.books.realm)


def _changed(line: Row, fields: Row) -> Row:
    """A line with other values; a new amount takes quantity and price away, as they no longer lead to it."""
    changed = {**line, **fields}
    if "Amount" in fields:
        detail = line["SalesItemLineDetail"].items()
        changed["SalesItemLineDetail"] = {k: v for k, v in detail if k not in ("Qty", "UnitPrice")}
    return changed
