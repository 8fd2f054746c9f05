"""The resources of the accounting API, one row each: how they are found, written, shown and listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ledger_sync.sandbox.xero import (
    accounts,
    banking,
    contacts,
    crediting,
    creditnotes,
    groups,
    invoices,
    items,
    payments,
    repeating,
    tracking,
)
from ledger_sync.sandbox.xero.books import KEYS, Books
from ledger_sync.sandbox.xero.errors import Invalid
from ledger_sync.sandbox.xero.wire import Row

Show = Callable[[Books, Row, str], Row]
Save = Callable[[Books, Row, str], Row]
Delete = Callable[[Books, Row], Row | None]
Find = Callable[[Books, str], Row | None]


@dataclass(frozen=True)
class Resource:
    """One resource: ``methods`` of the list, ``one`` of a row by id, and what hangs ``below`` a row. ``flag`` is

    the field that marks an element in error; ``hidden`` are states left out of lists.
    """

    name: str
    scope: str
    show: Show
    save: Save | None = None
    delete: Delete | None = None
    find: Find | None = None
    methods: str = "GET PUT POST"
    one: str = "GET POST"
    below: str = ""
    paged: bool = False
    flag: str = "HasErrors"
    hidden: tuple[str, ...] = ()
    kind: str = ""

    @property
    def table(self) -> str:
        """The table its rows are in."""
        return self.kind or self.name

    @property
    def plural(self) -> str:
        """The name its rows have in an answer."""
        return "Organisations" if self.name == "Organisation" else self.name

    @property
    def key(self) -> str:
        """The field that identifies a row."""
        return KEYS[self.table]

    def named(self, books: Books, reference: str) -> Row | None:
        """The row that a path names, by id or by number."""
        row = books.get(self.table, reference)
        return self.find(books, reference) if row is None and self.find else row


def _plain(books: Books, row: Row, form: str) -> Row:
    return row


def _show_contact(books: Books, row: Row, form: str) -> Row:
    """A contact; ``MergedToContactID`` only by id or in a paged list (SPEC), and balances there too."""
    if form in ("one", "page"):
        shown = {**row, "ContactPersons": row.get("ContactPersons", [])}
        owed = contacts.balances(books).get(row["ContactID"]) if form == "one" else None
        return {**shown, "Balances": owed} if owed else shown
    hidden = {"MergedToContactID"}
    if form == "summary":
        hidden |= {"Addresses", "Phones", "ContactGroups", "ContactPersons", "PaymentTerms"}
    return {key: value for key, value in row.items() if key not in hidden}


def _save_currency(books: Books, data: Row, method: str) -> Row:
    code = str(data.get("Code") or "").upper()
    if len(code) != 3 or not code.isalpha():
        raise Invalid("The currency code is not valid.")
    return books.put("Currencies", {"Code": code, "Description": str(data.get("Description") or code)})


#: Methods of the list, of one by id, and what hangs below one: as the published document lists them (SPEC, paths).
_ALL = (
    Resource(
        "Accounts",
        "accounting.settings",
        _plain,
        accounts.save,
        accounts.delete,
        methods="GET PUT",
        one="GET POST DELETE",
        below="Attachments",
        hidden=("DELETED",),
    ),
    Resource(
        "BankTransactions",
        "accounting.banktransactions",
        banking.show,
        banking.save,
        below="Attachments History",
        paged=True,
        flag="HasValidationErrors",
    ),
    Resource(
        "BankTransfers",
        "accounting.banktransactions",
        banking.show_transfer,
        banking.save_transfer,
        below="Attachments History",
        flag="HasValidationErrors",
    ),
    Resource(
        "BatchPayments",
        "accounting.payments",
        payments.show_batch,
        payments.save_batch,
        below="History",
        flag="HasValidationErrors",
    ),
    Resource(
        "BrandingThemes",
        "accounting.settings",
        _plain,
        methods="GET",
        one="GET",
        below="PaymentServices",
    ),
    Resource(
        "ContactGroups",
        "accounting.contacts",
        groups.show,
        groups.save,
        methods="GET PUT",
        one="GET POST",
        below="Contacts",
        hidden=("DELETED",),
        flag="HasValidationErrors",
    ),
    Resource(
        "Contacts",
        "accounting.contacts",
        _show_contact,
        contacts.save,
        find=lambda books, text: contacts.find(books, {"ContactNumber": text}),
        below="Attachments CISSettings History",
        paged=True,
        flag="HasValidationErrors",
    ),
    Resource(
        "CreditNotes",
        "accounting.invoices",
        creditnotes.show,
        creditnotes.save,
        find=lambda books, text: creditnotes.find(books, {"CreditNoteNumber": text}),
        below="Allocations Attachments History pdf",
        paged=True,
    ),
    Resource("Currencies", "accounting.settings", _plain, _save_currency, methods="GET PUT", one=""),
    Resource(
        "Invoices",
        "accounting.invoices",
        invoices.show,
        invoices.save,
        find=lambda books, text: invoices.find(books, {"InvoiceNumber": text}),
        below="Attachments Email History OnlineInvoice pdf",
        paged=True,
    ),
    Resource(
        "Items",
        "accounting.settings",
        _plain,
        items.save,
        items.delete,
        items.by_code,
        one="GET POST DELETE",
        below="History",
        flag="HasValidationErrors",
    ),
    Resource(
        "Organisation",
        "accounting.settings",
        _plain,
        methods="GET",
        one="",
        below="CISSettings",
        kind="Organisations",
    ),
    Resource(
        "Overpayments",
        "accounting.payments",
        lambda books, row, form: crediting.show(books, "Overpayments", row, form),
        methods="GET",
        one="GET",
        below="Allocations History",
        paged=True,
    ),
    Resource(
        "Payments",
        "accounting.payments",
        payments.show,
        payments.save,
        below="History",
        paged=True,
        flag="HasValidationErrors",
    ),
    Resource(
        "Prepayments",
        "accounting.payments",
        lambda books, row, form: crediting.show(books, "Prepayments", row, form),
        methods="GET",
        one="GET",
        below="Allocations History",
        paged=True,
    ),
    Resource(
        "RepeatingInvoices",
        "accounting.invoices",
        repeating.show,
        repeating.save,
        below="Attachments History",
        flag="HasErrors",
    ),
    Resource("TaxRates", "accounting.settings", _plain, accounts.save_tax_rate, one="GET", hidden=("DELETED",)),
    Resource(
        "TrackingCategories",
        "accounting.settings",
        lambda books, row, form: tracking.show(row, include_archived=form == "archived"),
        tracking.save,
        tracking.delete,
        methods="GET PUT",
        one="GET POST DELETE",
        below="Options",
        hidden=("DELETED",),
    ),
    Resource("Users", "accounting.settings", _plain, methods="GET", one="GET"),
)
RESOURCES = {resource.name.lower(): resource for resource in _ALL} | {
    "organisations": next(r for r in _ALL if r.name == "Organisation")
}
