"""The vendor's demo company has something of everything."""

from __future__ import annotations

from collections import Counter

import pytest

from ledger_sync.sandbox.xero import XeroSandbox, accounts
from ledger_sync.sandbox.xero.books import Books


@pytest.fixture
def books() -> Books:
    sandbox = XeroSandbox(company="vendor")
    return sandbox.books(sandbox.tenant_id)


def test_every_account_type_is_in_the_chart(books: Books) -> None:
    assert {row["Type"] for row in books.table("Accounts").values()} == set(accounts.CLASSES)


def test_there_are_customers_and_suppliers(books: Books) -> None:
    rows = books.table("Contacts").values()
    assert sum(row["IsCustomer"] for row in rows) >= 25
    assert sum(row["IsSupplier"] for row in rows) >= 3


def test_invoices_are_in_every_state(books: Books) -> None:
    states = Counter(row["Status"] for row in books.table("Invoices").values())
    assert set(states) == {"DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED"}
    assert {row["Type"] for row in books.table("Invoices").values()} == {"ACCREC", "ACCPAY"}


@pytest.mark.parametrize(
    "kind",
    [
        "Payments", "BatchPayments", "CreditNotes", "Allocations", "Overpayments", "Prepayments", "BankTransactions",
        "BankTransfers", "RepeatingInvoices", "ContactGroups", "Items", "TrackingCategories", "TaxRates", "Users",
        "BrandingThemes", "Currencies",
    ],
)  # fmt: skip
def test_there_is_one_of_each(books: Books, kind: str) -> None:
    assert books.table(kind)


def test_items_are_sold_and_bought(books: Books) -> None:
    kinds = {(row["IsSold"], row["IsPurchased"]) for row in books.table("Items").values()}
    assert kinds == {(True, False), (False, True)}


def test_there_is_a_second_organisation() -> None:
    assert len(XeroSandbox(company="vendor").store.table("_tenants")) == 2


def test_a_description_may_hold_further_organisations_each_with_its_own_books() -> None:
    others = [{"name": "Vale Two", "contacts": [{"Name": "Ironbark"}]}, {"name": "Vale Three"}]
    sandbox = XeroSandbox(company={"name": "Vale One", "others": others})
    names = {row["Name"]: row["OrganisationID"] for row in sandbox.identity.organisations()}
    assert list(names) == ["Vale One", "Vale Two", "Vale Three"]
    contacts = {
        name: [row["Name"] for row in sandbox.books(org).table("Contacts").values()] for name, org in names.items()
    }
    assert contacts == {"Vale One": [], "Vale Two": ["Ironbark"], "Vale Three": []}
