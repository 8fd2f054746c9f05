"""The company a sandbox starts with is of the size and kind of the vendor's own sample."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox, chart, postings, screens
from practice.core import clock
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App, unlimited


@pytest.fixture(scope="module")
def sample() -> App:
    from tests.ledger_sync.sandbox.quickbooks.qbo_app import MORNING

    with clock.at(MORNING):
        return App(unlimited(QuickBooksSandbox(company="vendor")))


def count(app: App, kind: str) -> int:
    return int(app.query(f"SELECT COUNT(*) FROM {kind}")["totalCount"])


def test_every_type_and_subtype_of_account_is_there(sample: App) -> None:
    rows = sample.query("SELECT * FROM Account MAXRESULTS 1000")["Account"]
    assert len({row["AccountType"] for row in rows}) == len(chart.TYPES) == 15
    wanted = {(kind, subtype) for kind, (_, _, subtypes) in chart.TYPES.items() for subtype in subtypes}
    assert {(row["AccountType"], row["AccountSubType"]) for row in rows} == wanted
    for kind, (classification, usual, subtypes) in chart.TYPES.items():
        assert usual in subtypes
        assert {row["Classification"] for row in rows if row["AccountType"] == kind} == {classification}


def test_lists_of_every_kind(sample: App) -> None:
    least = {
        "Customer": 25, "Vendor": 10, "Employee": 5, "Item": 8, "Term": 4, "Class": 3, "Department": 2,
        "PaymentMethod": 3, "TaxCode": 3, "TaxRate": 2, "TaxAgency": 1, "CustomerType": 3,
    }  # fmt: skip
    assert {kind: count(sample, kind) >= number for kind, number in least.items()} == dict.fromkeys(least, True)
    kinds = {row["Type"] for row in sample.query("SELECT * FROM Item")["Item"]}
    assert kinds == {"Service", "NonInventory", "Inventory", "Category"}


def test_documents_of_every_kind_and_invoices_in_every_state(sample: App) -> None:
    for kind in (
        "Invoice CreditMemo Payment SalesReceipt RefundReceipt Deposit Purchase JournalEntry Transfer Bill BillPayment "
        "Estimate PurchaseOrder VendorCredit TimeActivity RecurringTransaction ReimburseCharge"
    ).split():
        assert count(sample, kind) > 0, kind
    books = sample.sandbox.books(sample.realm)
    states = {row["state"] for row in screens.invoice_list(books, sample.sandbox.identity, "", {})["invoices"]}
    assert states == {"open", "overdue", "paid", "voided", "part paid"}
    assert {row.get("EmailStatus") for row in books.table("Invoice").values()} == {"NotSet", "NeedToSend"}


def test_its_books_balance_and_receivables_are_the_open_documents(sample: App) -> None:
    for realm in sample.sandbox.store.table("_tenants"):
        books = sample.sandbox.books(realm)
        assert sum(postings.trial_balance(books).values()) == 0
        rates = {
            key: Decimal("0.91") if row["CurrencyRef"]["value"] == "NZD" else 1
            for key, row in books.table("Customer").items()
        }
        owed = sum((books.owes(key) * rate for key, rate in rates.items()), Decimal(0))
        assert postings.balance(books, books.account_of("AccountsReceivable")) == owed


def test_there_are_several_companies_in_two_countries(sample: App) -> None:
    books = [sample.sandbox.books(realm) for realm in sample.sandbox.store.table("_tenants")]
    assert [one.company["Country"] for one in books] == ["US", "US", "AU"]
    assert [one.home for one in books] == ["USD", "USD", "AUD"]
    assert [one.preference("CurrencyPrefs", "MultiCurrencyEnabled") for one in books] == [False, False, True]
    assert {row["CurrencyRef"]["value"] for row in books[2].table("Invoice").values()} == {"AUD", "NZD"}
    assert postings.balance(books[2], books[2].account_of("GlobalTaxPayable")) == Decimal("-5.96")
    assert [one.preference("TaxPrefs", "PartnerTaxEnabled") for one in books] == [True, False, False]


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ({"country": "FR"}, "unknown country 'FR': US, AU, GB"),
        ({"zone": "Mars"}, "unknown zone 'Mars'"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"name": 5}, "name is a text"),
        ({"customers": 5}, "customers is a list of objects"),
        ({"items": [{"Name": "x"}]}, "each item names its income account"),
        ({"currencies": "EUR"}, "currencies is a list of codes"),
        ({"preferences": {"TaxPrefs": 5}}, "preferences is an object of objects"),
    ],
)
def test_a_description_nobody_can_found_a_company_from(described: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        QuickBooksSandbox(company=described)
