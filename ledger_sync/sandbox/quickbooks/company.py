"""Founding a company: a US chart with every type of account, lists, settings, and whatever a test describes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ledger_sync.sandbox.quickbooks import saving, taxes
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
    ("Exchange Gain or Loss", "Other Expense", "ExchangeGainOrLoss"),
)
TERMS = (("Due on receipt", 0), ("Net 10", 10), ("Net 15", 15), ("Net 30", 30))
PAYMENT_METHODS = (("Cash", "NON_CREDIT_CARD"), ("Check", "NON_CREDIT_CARD"), ("Visa", "CREDIT_CARD"))
TAX_CODES = (("TAX", "TAX", True), ("NON", "NON", False))


@dataclass(frozen=True)
class Country:
    """How books are founded in a country: its currency, zone and address, what tax is called, and its codes.

    ``codes`` are name, rate for sales and rate for purchases; QuickBooks writes the rate into some names.
    """

    currency: str
    zone: str
    address: Row
    agency: str
    account: tuple[str, str]
    codes: tuple[tuple[str, str, str], ...]


COUNTRIES = {
    "US": Country(
        "USD", "America/Chicago",
        {"Line1": "210 Canal Street", "City": "Fairmont", "CountrySubDivisionCode": "IL", "PostalCode": "60999"},
        "Fairmont Department of Revenue", ("Sales Tax Payable", "SalesTaxPayable"), (),
    ),
    "AU": Country(
        "AUD", "Australia/Sydney",
        {"Line1": "8 Wattle Street", "City": "Fernleigh", "CountrySubDivisionCode": "NSW", "PostalCode": "2999"},
        "Australian Taxation Office", ("GST Liabilities Payable", "GlobalTaxPayable"),
        (("GST", "10", "10"), ("GST free", "0", "0"), ("Input tax", "0", "0"), ("Out of scope", "0", "0")),
    ),
    "GB": Country(
        "GBP", "Europe/London",
        {"Line1": "4 Mercer Row", "City": "Alderby", "CountrySubDivisionCode": "", "PostalCode": "ZZ1 1ZZ"},
        "HM Revenue & Customs", ("VAT Control", "GlobalTaxPayable"),
        (("20.0% S", "20", "20"), ("5.0% R", "5", "5"), ("0.0% Z", "0", "0"), ("Exempt", "0", "0"),
         ("No VAT", "0", "0")),
    ),
}  # fmt: skip
#: The rates of the US company's own place, which automated sales tax works out from addresses.
US_RATES = (("Illinois State", "6.25"), ("Fairmont City", "2"))
CUSTOMER_TYPES = ("Business", "Individual", "Trust")
CLASSIFICATIONS = (
    ("V1-00100000", "Professional Services", "1", ""),
    ("EUC-09020802-V1-00100000", "Accounting services", "2", "V1-00100000"),
    ("EUC-09010402-V1-00100000", "Consulting", "2", "V1-00100000"),
)


def found(sandbox: QuickBooksSandbox, what: str | Row) -> None:
    """Found the sandbox's first company, and for "vendor" a second one and the first one's year of business.

    A description may hold ``name``, ``country`` (US, AU or GB), ``zone``, ``preferences`` ({group: {name: value}}),
    ``currencies`` (codes; the books are then kept in several), ``accounts``, ``items``, ``customers``, ``vendors`` and
    ``employees``, in QuickBooks' field names; an item names its income account. Raises ValueError for an unknown word.
    """
    if isinstance(what, str) and what not in ("vendor", "empty"):
        raise ValueError(f"unknown company {what!r}: vendor, empty or a description")
    described: Row = what if isinstance(what, dict) else {}
    refuse_unfit(described)
    if what == "vendor":
        from ledger_sync.sandbox.quickbooks import company_vendor

        described = company_vendor.DESCRIPTION
    with sandbox.store.transaction():
        books = add_company(sandbox, described)
        if what == "vendor":
            company_vendor.trade(sandbox, books)
            add_company(sandbox, {"name": "Larkin Family Trust"})
            company_vendor.trade_abroad(sandbox, add_company(sandbox, company_vendor.ABROAD))


#: What a description may hold, and of what shape.
_WORDS = ("name", "country", "zone")
_ROWS = ("accounts", "items", "customers", "vendors", "employees")


def refuse_unfit(described: Row) -> None:
    """Raise ValueError, in words that help, for a description nobody can found a company from."""
    known = (*_WORDS, *_ROWS, "currencies", "preferences")
    for name, value in described.items():
        if name not in known:
            raise ValueError(f"unknown key {name!r}: {', '.join(known)}")
        if name in _WORDS and not isinstance(value, str):
            raise ValueError(f"{name} is a text")
        if name in _ROWS and not (isinstance(value, list) and all(isinstance(row, dict) for row in value)):
            raise ValueError(f"{name} is a list of objects with QuickBooks' field names")
    if described.get("country", "US") not in COUNTRIES:
        raise ValueError(f"unknown country {described['country']!r}: {', '.join(COUNTRIES)}")
    currencies, groups = described.get("currencies", []), described.get("preferences", {})
    if not isinstance(currencies, list) or not all(isinstance(code, str) for code in currencies):
        raise ValueError("currencies is a list of codes")
    if not isinstance(groups, dict) or not all(isinstance(group, dict) for group in groups.values()):
        raise ValueError('preferences is an object of objects: {"SalesFormsPrefs": {"CustomTxnNumbers": false}}')
    if any("account" not in item for item in described.get("items", [])):
        raise ValueError('each item names its income account: "account": "Services"')
    try:
        ZoneInfo(described.get("zone", "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"unknown zone {described['zone']!r}: one such as America/Chicago") from None


def add_company(sandbox: QuickBooksSandbox, described: Row) -> Books:
    """Add one company with chart, lists, settings and what the description holds."""
    realm = sandbox.ids.realm()
    with sandbox.store.transaction():
        sandbox.store.put("_tenants", realm, {"name": described.get("name", "")})
        books = sandbox.books(realm)
        books.add("CompanyInfo", _company(described))
        books.add("Preferences", _preferences(described))
        _lists(books, COUNTRIES[described.get("country", "US")])
        for code in described.get("currencies", []):
            _add(books, "companycurrency", {"Code": code})
        for data in described.get("accounts", []):
            _add(books, "account", data)
        for data in described.get("items", []):
            account = books.holder("Account", data["account"])
            fields = {k: v for k, v in data.items() if k != "account"}
            income = {} if fields.get("Type") == "Category" else {"IncomeAccountRef": {"value": account}}
            _add(books, "item", {"Type": "Service", **fields, **income})
        for kind in ("customer", "vendor", "employee"):
            for data in described.get(f"{kind}s", []):
                _add(books, kind, data)
    return books


def _add(books: Books, kind: str, data: Row) -> Row:
    return saving.create(books, ENTITIES[kind], data, Options())


def _company(described: Row) -> Row:
    name = described.get("name") or "Empty Sandbox Company"
    country = described.get("country", "US")
    founded = COUNTRIES[country]
    address = {"Id": "1", **{k: v for k, v in founded.address.items() if v}, "Country": country}
    return {
        "Id": "1",
        "CompanyName": name,
        "LegalName": name,
        "CompanyAddr": address,
        "LegalAddr": address,
        "Country": country,
        "FiscalYearStartMonth": "January",
        "Email": {"Address": "books@larkincpa.example"},
        "SupportedLanguages": "en",
        "NameValue": [
            {"Name": "SubscriptionStatus", "Value": "SUBSCRIBED"},
            {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
        ],
        "_zone": described.get("zone", founded.zone),
    }


def _preferences(described: Row) -> Row:
    country = described.get("country", "US")
    home = COUNTRIES[country].currency
    base: dict[str, dict[str, Any]] = {
        "AccountingInfoPrefs": {"ClassTrackingPerTxn": False, "ClassTrackingPerTxnLine": True, "TrackDepartments": True,
                                "FirstMonthOfFiscalYear": "January", "CustomerTerminology": "Customers"},
        "SalesFormsPrefs": {"CustomTxnNumbers": True, "AutoApplyCredit": False, "AutoApplyPayments": False,
                            "AllowDeposit": False, "AllowDiscount": True, "DefaultTerms": {"value": "3"}},
        "TaxPrefs": {"UsingSalesTax": country != "US", "PartnerTaxEnabled": False},
        "CurrencyPrefs": {"MultiCurrencyEnabled": bool(described.get("currencies")), "HomeCurrency": {"value": home}},
        "VendorAndPurchasesPrefs": {"TrackingByCustomer": True, "BillableExpenseTracking": False},
        "OtherPrefs": {"NameValue": [{"Name": "SalesFormsPrefs.DefaultCustomerMessage", "Value": "Thank you."}]},
    }  # fmt: skip
    given = described.get("preferences", {})
    return {"Id": "1", **{group: {**values, **given.get(group, {})} for group, values in base.items()}}


def _lists(books: Books, country: Country) -> None:
    for name, kind, subtype in (*CHART, (country.account[0], "Other Current Liability", country.account[1])):
        _add(books, "account", {"Name": name, "AccountType": kind, "AccountSubType": subtype})
    for name, days in TERMS:
        _add(books, "term", {"Name": name, "DueDays": days})
    for name, kind in PAYMENT_METHODS:
        _add(books, "paymentmethod", {"Name": name, "Type": kind})
    agency = _add(books, "taxagency", {"DisplayName": country.agency})["Id"]
    if books.is_us:
        _us_taxes(books, agency)
    for name, sales, purchases in country.codes:
        rates = [taxes.add_rate(books, f"{name} ({side})", rate, agency)["Id"] for side, rate in
                 (("sales", sales), ("purchases", purchases))]  # fmt: skip
        taxes.add_code(books, name, rates[:1], rates[1:])
    for name in ("Tax", "Accounting", "Advisory"):
        _add(books, "class", {"Name": name})
    for name in ("Fairmont", "Remote"):
        _add(books, "department", {"Name": name})
    for name in CUSTOMER_TYPES:
        books.add("CustomerType", {"Id": books.next_id("CustomerType"), "Name": name, "Active": True})
    for key, name, level, parent in CLASSIFICATIONS:
        row: Row = {"Id": key, "id": key, "code": key, "name": name, "level": level, "applicableTo": ["Service"]}
        books.add("TaxClassification", {**row, **({"ParentRef": {"value": parent}} if parent else {})})


def _us_taxes(books: Books, agency: str) -> None:
    """The two pseudo codes of US lines, and the code of the company's own place behind them."""
    for key, name, taxable in TAX_CODES:
        row = {"Id": key, "Name": name, "Description": name, "Taxable": taxable, "TaxGroup": False, "Active": True}
        books.add("TaxCode", row)
    books.next_id("TaxCode")
    rates = [taxes.add_rate(books, name, percent, agency)["Id"] for name, percent in US_RATES]
    code = taxes.add_code(books, "Fairmont", rates, [], made="SYSTEM_GENERATED")
    prefs = {**books.preferences["TaxPrefs"], "TaxGroupCodeRef": {"value": code["Id"]}}
    books.change("Preferences", books.preferences, TaxPrefs=prefs)
