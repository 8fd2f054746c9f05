"""What a person at the firm does in Xero's own screens: the changes our app did not make."""

from __future__ import annotations

from contextlib import AbstractContextManager
from decimal import Decimal

from ledger_sync.sandbox.xero import (
    accounts,
    banking,
    contacts,
    crediting,
    creditnotes,
    invoices,
    payments,
    repeating,
    subscription,
    tracking,
    wire,
)
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Invalid
from ledger_sync.sandbox.xero.oauth import Identity
from ledger_sync.sandbox.xero.wire import Row

BANK = "090"


class Bookkeeper:
    """The screens of one organisation. Each action stands in the history under the person's name.

    Fields go by Xero's names. Each action raises :class:`Invalid` where Xero's screens would not let it happen.
    """

    def __init__(self, books: Books, identity: Identity) -> None:
        self.books = books
        self.identity = identity

    def _change(self) -> AbstractContextManager[None]:
        return self.books.store.transaction()

    def _get(self, kind: str, key: str) -> Row:
        row = self.books.get(kind, key)
        if row is None:
            raise Invalid(f"There is no such record in {kind}.")
        return row

    # Contacts

    def add_contact(self, fields: Row) -> Row:
        """Add a contact."""
        with self._change():
            return contacts.save(self.books, fields, "PUT")

    def edit_contact(self, contact_id: str, fields: Row) -> Row:
        """Change a contact's name, email address or any other field."""
        self._get("Contacts", contact_id)
        with self._change():
            return contacts.save(self.books, {**fields, "ContactID": contact_id}, "POST")

    def archive_contact(self, contact_id: str) -> Row:
        """Archive a contact."""
        return self.edit_contact(contact_id, {"ContactStatus": "ARCHIVED"})

    def restore_contact(self, contact_id: str) -> Row:
        """Bring an archived contact back, if its name is still free."""
        return self.edit_contact(contact_id, {"ContactStatus": "ACTIVE"})

    def merge_contacts(self, loser_id: str, survivor_id: str) -> None:
        """Merge one contact into another: documents move, the first is archived."""
        loser, survivor = self._get("Contacts", loser_id), self._get("Contacts", survivor_id)
        with self._change():
            contacts.merge(self.books, loser, survivor)

    # Invoices

    def add_invoice(self, fields: Row) -> Row:
        """Add an invoice or a bill."""
        with self._change():
            return invoices.save(self.books, fields, "PUT")

    def edit_invoice(self, invoice_id: str, fields: Row) -> Row:
        """Change an invoice."""
        row = self._get("Invoices", invoice_id)
        with self._change():
            return invoices.update(self.books, row, fields)

    def edit_line(self, invoice_id: str, line_id: str, fields: Row) -> Row:
        """Change one line's amount, account or text, and leave the others as they are."""
        row = self._get("Invoices", invoice_id)
        sent = []
        for line in row["LineItems"]:
            one = {
                key: value
                for key, value in line.items()
                if key not in ("_tracking", "AccountID", "LineAmount", "TaxAmount")
            }
            pairs = [
                {"TrackingCategoryID": p["_category"], "TrackingOptionID": p["_option"]} for p in line["_tracking"]
            ]
            sent.append({**one, "Tracking": pairs, **(fields if line["LineItemID"] == line_id else {})})
        return self.edit_invoice(invoice_id, {"LineItems": sent})

    def approve_invoice(self, invoice_id: str) -> Row:
        """Approve a draft."""
        return self.edit_invoice(invoice_id, {"Status": "AUTHORISED"})

    def void_invoice(self, invoice_id: str) -> Row:
        """Void an approved invoice."""
        return self.edit_invoice(invoice_id, {"Status": "VOIDED"})

    def delete_invoice(self, invoice_id: str) -> Row:
        """Delete a draft."""
        return self.edit_invoice(invoice_id, {"Status": "DELETED"})

    def credit(self, invoice_id: str, amount: Decimal, *, account_code: str, reason: str) -> Row:
        """Write off or credit part of an invoice: a credit note with the invoice's first tax, allocated at once."""
        invoice = self._get("Invoices", invoice_id)
        line: Row = {"Description": reason, "UnitAmount": amount, "AccountCode": account_code}
        line["TaxType"] = invoice["LineItems"][0]["TaxType"]
        fields: Row = {
            "Type": "ACCRECCREDIT",
            "Contact": {"ContactID": invoice["_contact"]},
            "LineAmountTypes": "Inclusive" if line["TaxType"] != "NONE" else "NoTax",
            "LineItems": [line],
            "Reference": invoice["InvoiceNumber"],
            "Status": "AUTHORISED",
        }
        with self._change():
            note = creditnotes.save(self.books, fields, "PUT")
            allocation = {"Invoice": {"InvoiceID": invoice_id}, "Amount": Decimal(note["Total"])}
            crediting.allocate(self.books, "CreditNotes", note["CreditNoteID"], allocation)
        return self._get("CreditNotes", note["CreditNoteID"])

    def put_credit_on(self, kind: str, source_id: str, invoice_id: str, amount: Decimal) -> Row:
        """Put some of a credit note or an overpayment (by its kind and id) on an invoice."""
        with self._change():
            data = {"Invoice": {"InvoiceID": invoice_id}, "Amount": amount}
            return crediting.allocate(self.books, kind, source_id, data)

    def take_credit_off(self, allocation_id: str) -> None:
        """Take a credit off the invoice it was put on."""
        row = self._get("Allocations", allocation_id)
        with self._change():
            crediting.remove_allocation(self.books, row)

    def void_credit(self, credit_id: str) -> Row:
        """Void a credit note that is on no invoice."""
        row = self._get("CreditNotes", credit_id)
        with self._change():
            return creditnotes.update(self.books, row, {"Status": "VOIDED"})

    # Payments and the bank

    def record_payment(
        self,
        invoice_id: str,
        amount: Decimal | None = None,
        *,
        account_code: str = BANK,
        date: str = "",
        reference: str = "",
    ) -> Row:
        """Record that an invoice was paid at the bank; all that is due when no amount is given."""
        invoice = self._get("Invoices", invoice_id)
        fields: Row = {
            "Invoice": {"InvoiceID": invoice_id},
            "Account": {"Code": account_code},
            "Amount": wire.money(invoice, "AmountDue") if amount is None else amount,
            "Reference": reference,
        }
        with self._change():
            return payments.create(self.books, {**fields, "Date": date} if date else fields)

    def delete_payment(self, payment_id: str) -> Row:
        """Remove a payment; a reconciled one is unreconciled with it, as Xero's screens do in one step."""
        row = self._get("Payments", payment_id)
        with self._change():
            return payments.delete(self.books, row)

    def reconcile(self, payment_id: str) -> Row:
        """Match a payment with a line of the bank statement."""
        row = self._get("Payments", payment_id)
        with self._change():
            return self.books.touch("Payments", row, IsReconciled=True)

    def delete_entry(self, key: str) -> Row:
        """Delete a bank transaction or a transfer."""
        with self._change():
            if self.books.get("BankTransfers", key) is not None:
                return banking.save_transfer(self.books, {"BankTransferID": key, "Status": "DELETED"}, "POST")
            return banking.delete(self.books, self._get("BankTransactions", key))

    def edit_entry(self, key: str, fields: Row) -> Row:
        """Change a bank transaction."""
        with self._change():
            return banking.save(self.books, {"BankTransactionID": key, **fields}, "POST")

    def receive_money(
        self, contact_id: str, amount: Decimal, *, account_code: str, reference: str = "", kind: str = "RECEIVE"
    ) -> Row:
        """Book money from a client straight to an account: the commonest mistake with a bank payment.

        Of the kind RECEIVE-PREPAYMENT it was paid ahead, and may be put on invoices later.
        """
        fields: Row = {
            "Type": kind,
            "Contact": {"ContactID": contact_id},
            "BankAccount": {"Code": BANK},
            "LineAmountTypes": "Inclusive",
            "LineItems": [{"Description": reference or "Deposit", "UnitAmount": amount, "AccountCode": account_code}],
            "Reference": reference,
        }
        with self._change():
            return banking.save(self.books, fields, "PUT")

    # Accounts, tracking and settings

    def archive_account(self, code: str) -> Row:
        """Archive the account with a code."""
        with self._change():
            return accounts.archive(self.books, self._account(code))

    def restore_account(self, code: str) -> Row:
        """Bring an archived account back."""
        with self._change():
            return accounts.restore(self.books, self._account(code))

    def _account(self, code: str) -> Row:
        row = accounts.by_code(self.books, code)
        if row is None:
            raise Invalid("Account could not be found.")
        return row

    def set_lock_dates(self, period: str | None = None, year_end: str | None = None) -> None:
        """Lock the books up to and including these ISO dates; None removes a lock."""
        with self._change():
            organisation = self.books.organisation
            self.books.change("Organisations", organisation, PeriodLockDate=period, EndOfYearLockDate=year_end)

    def rename_option(self, category: str, option: str, name: str) -> Row:
        """Rename a tracking option."""
        return self._option(category, option, {"Name": name})

    def archive_option(self, category: str, option: str) -> Row:
        """Archive a tracking option."""
        return self._option(category, option, {"Status": "ARCHIVED"})

    def restore_option(self, category: str, option: str) -> Row:
        """Bring an archived tracking option back."""
        return self._option(category, option, {"Status": "ACTIVE"})

    def _option(self, category: str, option: str, change: Row) -> Row:
        for row in self.books.table("TrackingCategories").values():
            for found in row["Options"]:
                if category in (row["TrackingCategoryID"], row["Name"]) and option in (
                    found["TrackingOptionID"],
                    found["Name"],
                ):
                    with self._change():
                        return tracking.change_option(self.books, row, found["TrackingOptionID"], change)
        raise Invalid("The tracking option could not be found.")

    def disconnect(self) -> None:
        """Remove the app's access to this organisation."""
        with self._change():
            self.identity.disconnect(self.books.tenant)

    def change_subscription(self) -> None:
        """Change the organisation's plan for the app in Xero's app store."""
        with self._change():
            subscription.changed(self.books)

    # Repeating invoices

    def add_repeating_invoice(self, contact_id: str, fields: Row) -> Row:
        """Set up a monthly repeating invoice; ``fields`` are an invoice's, with ``NextScheduledDate``."""
        day = str(fields.get("NextScheduledDate") or self.books.today())
        schedule = {"Period": 1, "Unit": "MONTHLY", "DueDate": 14, "DueDateType": "DAYSAFTERBILLDATE", "StartDate": day}
        data: Row = {"Type": "ACCREC", "Status": "AUTHORISED", "Schedule": schedule, **fields}
        with self._change():
            return repeating.create(self.books, {**data, "Contact": {"ContactID": contact_id}})

    def run_repeating_invoice(self, repeating_id: str) -> Row:
        """Make the next invoice of a repeating one, as Xero does overnight."""
        template = self._get("RepeatingInvoices", repeating_id)
        with self._change():
            return repeating.run(self.books, template)
