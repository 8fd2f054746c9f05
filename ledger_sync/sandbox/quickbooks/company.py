"""Founding a company: a US chart with every type of account, lists, settings, and whatever a test describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ledger_sync.sandbox.quickbooks import saving
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.entities import ENTITIES
from ledger_sync.sandbox.quickbooks.saving import Options
from ledger_sync.sandbox.quickbooks.wire import Row

if TYPE_CHECKING:
    from ledger_sync.sandbox.quickbooks.app import QuickBooksSandbox

#: Name, AccountType, AccountSubType.
CHART = (
    ("Checking", "Bank", "Checking"),
    ("Savings", "Bank", "Savings"),
    ("Stripe clearing", "Bank", "CashOnHand"),
    ("Accounts Receivable", "Accounts Receivable", "AccountsReceivable"),
    ("Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    ("Prepaid Expenses", "Other Current Asset", "PrepaidExpenses"),
    ("Disputed payments", "Other Current Asset", "OtherCurrentAssets"),
    ("Returned payments", "Other Current Asset", "OtherCurrentAssets"),
    ("Office Equipment", "Fixed Asset", "FurnitureAndFixtures"),
    ("Security Deposits", "Other Asset", "SecurityDeposits"),
    ("Accounts Payable", "Accounts Payable", "AccountsPayable"),
    ("Firm Card", "Credit Card", "CreditCard"),
    ("Sales Tax Payable", "Other Current Liability", "SalesTaxPayable"),
    ("Client Deposits", "Other Current Liability", "OtherCurrentLiabilities"),
    ("Equipment Loan", "Long Term Liability", "NotesPayable"),
    ("Owner's Equity", "Equity", "OwnersEquity"),
    ("Retained Earnings", "Equity", "RetainedEarnings"),
    ("Services", "Income", "ServiceFeeIncome"),
    ("Tax Preparation", "Income", "ServiceFeeIncome"),
    ("Advisory", "Income", "ServiceFeeIncome"),
    ("Discounts given", "Income", "DiscountsRefundsGiven"),
    ("Interest Earned", "Other Income", "InterestEarned"),
    ("Subcontractors", "Cost of Goods Sold", "CostOfLaborCos"),
    ("Merchant fees", "Expense", "BankCharges"),
    ("Bad Debts", "Expense", "BadDebts"),
    ("Office Expenses", "Expense", "OfficeGeneralAdministrativeExpenses"),
    ("Rent", "Expense", "RentOrLeaseOfBuildings"),
    ("Software", "Expense", "DuesSubscriptions"),
    ("Penalties", "Other Expense", "PenaltiesSettlements"),
)
TERMS = (("Due on receipt", 0), ("Net 10", 10), ("Net 15", 15), ("Net 30", 30))
PAYMENT_METHODS = (("Cash", "NON_CREDIT_CARD"), ("Check", "NON_CREDIT_CARD"), ("Visa", "CREDIT_CARD"))
TAX_CODES = (("TAX", "TAX", True), ("NON", "NON", False))


def found(sandbox: QuickBooksSandbox, what: str | Row) -> None:
    """Found the sandbox's first company, and for "vendor" a second one and the first one's year of business.

    A description may hold ``name``, ``preferences`` ({group: {name: value}}), ``accounts``, ``items``, ``customers``
    and ``vendors``, in QuickBooks' field names; an item names its income account. Raises ValueError for an unknown
    word.
    """
    if isinstance(what, str) and what not in ("vendor", "empty"):
        raise ValueError(f"unknown company {what!r}: vendor, empty or a description")
    described: Row = what if isinstance(what, dict) else {}
    if what == "vendor":
        from ledger_sync.sandbox.quickbooks import company_vendor

        described = company_vendor.DESCRIPTION
    with sandbox.store.transaction():
        books = add_company(sandbox, described)
        if what == "vendor":
            company_vendor.trade(sandbox, books)
            add_company(sandbox, {"name": "Larkin Family Trust"})


def add_company(sandbox: QuickBooksSandbox, described: Row) -> Books:
    """Add one company with chart, lists, settings and what the description holds."""
    realm = sandbox.ids.realm()
    with sandbox.store.transaction():
        sandbox.store.put("_tenants", realm, {"name": described.get("name", "")})
        books = sandbox.books(realm)
        books.add("CompanyInfo", _company(described))
        books.add("Preferences", _preferences(described.get("preferences", {})))
        _lists(books)
        for data in described.get("accounts", []):
            _add(books, "account", data)
        for data in described.get("items", []):
            account = books.holder("Account", data["account"])
            fields = {k: v for k, v in data.items() if k != "account"}
            _add(books, "item", {"Type": "Service", **fields, "IncomeAccountRef": {"value": account}})
        for kind in ("customer", "vendor"):
            for data in described.get(f"{kind}s", []):
                _add(books, kind, data)
    return books


def _add(books: Books, kind: str, data: Row) -> Row:
    return saving.create(books, ENTITIES[kind], data, Options())


def _company(described: Row) -> Row:
    name = described.get("name") or "Empty Sandbox Company"
    address = {"Id": "1", "Line1": "210 Canal Street", "City": "Fairmont", "CountrySubDivisionCode": "IL",
               "PostalCode": "60999", "Country": "US"}  # fmt: skip
    return {
        "Id": "1",
        "CompanyName": name,
        "LegalName": name,
        "CompanyAddr": address,
        "Country": "US",
        "FiscalYearStartMonth": "January",
        "Email": {"Address": "books@larkincpa.example"},
        "SupportedLanguages": "en",
        "NameValue": [
            {"Name": "SubscriptionStatus", "Value": "SUBSCRIBED"},
            {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
        ],
        "_zone": described.get("zone", "America/Chicago"),
    }


def _preferences(given: dict[str, dict[str, Any]]) -> Row:
    base: dict[str, dict[str, Any]] = {
        "AccountingInfoPrefs": {"ClassTrackingPerTxn": False, "ClassTrackingPerTxnLine": True, "TrackDepartments": True,
                                "FirstMonthOfFiscalYear": "January", "CustomerTerminology": "Customers"},
        "SalesFormsPrefs": {"CustomTxnNumbers": True, "AutoApplyCredit": False, "AutoApplyPayments": False,
                            "AllowDeposit": False, "AllowDiscount": True, "DefaultTerms": {"value": "3"}},
        "TaxPrefs": {"UsingSalesTax": False, "PartnerTaxEnabled": False},
        "CurrencyPrefs": {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": "USD"}},
        "VendorAndPurchasesPrefs": {"TrackingByCustomer": True, "BillableExpenseTracking": False},
        "OtherPrefs": {"NameValue": [{"Name": "SalesFormsPrefs.DefaultCustomerMessage", "Value": "Thank you."}]},
    }  # fmt: skip
    return {"Id": "1", **{group: {**values, **given.get(group, {})} for group, values in base.items()}}


def _lists(books: Books) -> None:
    for name, kind, subtype in CHART:
        _add(books, "account", {"Name": name, "AccountType": kind, "AccountSubType": subtype})
    for name, days in TERMS:
        _add(books, "term", {"Name": name, "DueDays": days})
    for name, kind in PAYMENT_METHODS:
        _add(books, "paymentmethod", {"Name": name, "Type": kind})
    for key, name, taxable in TAX_CODES:
        books.add("TaxCode", {"Id": key, "Name": name, "Taxable": taxable, "TaxGroup": False, "Active": True})
    _add(books, "taxagency", {"DisplayName": "Fairmont Department of Revenue"})
    for name in ("Tax", "Accounting", "Advisory"):
        _add(books, "class", {"Name": name})
    for name in ("Fairmont", "Remote"):
        _add(books, "department", {"Name": name})
