"""Founding an organisation: an Australian chart, its tax rates, its people, and whatever a test describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger_sync.sandbox.xero import accounts, contacts, items, tracking, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.wire import Row
from practice.core import clock

if TYPE_CHECKING:
    from ledger_sync.sandbox.xero.app import XeroSandbox

#: TaxType, name, rate, report type, and the classes it applies to: Assets, Equity, Expenses, Liabilities, Revenue.
TAX_RATES = (
    ("OUTPUT", "GST on Income", 10, "OUTPUT", "AELR"),
    ("INPUT", "GST on Expenses", 10, "INPUT", "AEXL"),
    ("CAPEXINPUT", "GST on Capital", 10, "CAPITALEXPENSESINPUT", "AEXL"),
    ("EXEMPTOUTPUT", "GST Free Income", 0, "EXEMPTOUTPUT", "AELR"),
    ("EXEMPTEXPORT", "GST Free Exports", 0, "EXEMPTOUTPUT", "AELR"),
    ("EXEMPTEXPENSES", "GST Free Expenses", 0, "EXEMPTEXPENSES", "AEXL"),
    ("EXEMPTCAPITAL", "GST Free Capital", 0, "EXEMPTEXPENSES", "AEXL"),
    ("INPUTTAXED", "Input Taxed", 0, "INPUTTAXED", "AEXLR"),
    ("GSTONIMPORTS", "GST on Imports", 0, "GSTONIMPORTS", "AEXL"),
    ("BASEXCLUDED", "BAS Excluded", 0, "BASEXCLUDED", "AEXLR"),
)
_CLASS_LETTERS = {"Assets": "A", "Equity": "E", "Expenses": "X", "Liabilities": "L", "Revenue": "R"}
#: Code, name, type, tax type, and a system role.
CHART = (
    ("090", "Business Bank Account", "BANK", "BASEXCLUDED", ""),
    ("091", "Stripe clearing", "BANK", "BASEXCLUDED", ""),
    ("092", "Business Savings Account", "BANK", "BASEXCLUDED", ""),
    ("200", "Sales", "REVENUE", "OUTPUT", ""),
    ("205", "Fees", "REVENUE", "OUTPUT", ""),
    ("210", "Advisory", "REVENUE", "OUTPUT", ""),
    ("260", "Other Revenue", "REVENUE", "OUTPUT", ""),
    ("270", "Interest Income", "OTHERINCOME", "INPUTTAXED", ""),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", "INPUT", ""),
    ("400", "Advertising", "EXPENSE", "INPUT", ""),
    ("404", "Bank Fees", "EXPENSE", "INPUT", ""),
    ("405", "Merchant Fees", "EXPENSE", "INPUT", ""),
    ("412", "Consulting & Accounting", "EXPENSE", "INPUT", ""),
    ("429", "General Expenses", "EXPENSE", "INPUT", ""),
    ("453", "Office Expenses", "EXPENSE", "INPUT", ""),
    ("469", "Rent", "EXPENSE", "INPUT", ""),
    ("477", "Wages and Salaries", "EXPENSE", "BASEXCLUDED", ""),
    ("480", "Bad Debts", "EXPENSE", "OUTPUT", ""),
    ("485", "Subscriptions", "EXPENSE", "INPUT", ""),
    ("610", "Accounts Receivable", "CURRENT", "BASEXCLUDED", "DEBTORS"),
    ("620", "Prepayments", "CURRENT", "BASEXCLUDED", ""),
    ("640", "Disputed payments", "CURRENT", "BASEXCLUDED", ""),
    ("641", "Returned payments", "CURRENT", "BASEXCLUDED", ""),
    ("710", "Office Equipment", "FIXED", "CAPEXINPUT", ""),
    ("800", "Accounts Payable", "CURRLIAB", "BASEXCLUDED", "CREDITORS"),
    ("820", "GST", "CURRLIAB", "BASEXCLUDED", "GST"),
    ("825", "PAYG Withholdings Payable", "CURRLIAB", "BASEXCLUDED", ""),
    ("840", "Historical Adjustment", "CURRLIAB", "BASEXCLUDED", "HISTORICAL"),
    ("850", "Client Deposits", "CURRLIAB", "OUTPUT", ""),
    ("860", "Rounding", "CURRLIAB", "BASEXCLUDED", "ROUNDING"),
    ("877", "Tracking Transfers", "CURRLIAB", "BASEXCLUDED", "TRACKINGTRANSFERS"),
    ("880", "Owner Drawings", "EQUITY", "BASEXCLUDED", ""),
    ("960", "Retained Earnings", "EQUITY", "BASEXCLUDED", "RETAINEDEARNINGS"),
    ("970", "Owner Funds Introduced", "EQUITY", "BASEXCLUDED", ""),
)
#: Accounts that take payments although they are no bank accounts.
_PAYABLE = {"640", "641", "880", "970"}
#: GST follows the output side when bad debts are credited, so the rate must fit an expense account there.
_ALSO_EXPENSES = {"OUTPUT"}


def found(sandbox: XeroSandbox, what: str | Row) -> None:
    """Found the sandbox's first organisation, and for "vendor" a second one and the first one's year of business.

    A description may hold ``name``, ``organisation`` (fields), ``accounts``, ``tracking`` ({category: [options]}),
    ``contacts`` and ``items``, in Xero's field names, and ``others``: descriptions of further organisations. Raises
    ValueError for a word nobody knows.
    """
    if isinstance(what, str) and what not in ("vendor", "empty"):
        raise ValueError(f"unknown company {what!r}: vendor, empty or a description")
    described: Row = what if isinstance(what, dict) else {}
    if what == "vendor":
        from ledger_sync.sandbox.xero import company_vendor

        described = company_vendor.DESCRIPTION
    with sandbox.store.transaction():
        books = add_organisation(sandbox, described)
        for other in described.get("others", []):
            add_organisation(sandbox, other)
        if what == "vendor":
            company_vendor.trade(sandbox, books)
            add_organisation(sandbox, {"name": "Vale Family Holdings Pty Ltd"})


def add_organisation(sandbox: XeroSandbox, described: Row) -> Books:
    """Add one organisation with chart, taxes, people and what the description holds."""
    tenant = sandbox.ids.new()
    with sandbox.store.transaction():
        sandbox.store.put("_tenants", tenant, {"name": described.get("name", "")})
        books = sandbox.books(tenant)
        books.put("Organisations", _organisation(books, described))
        _base_rows(books)
        for data in described.get("accounts", []):
            accounts.save(books, data, "PUT")
        for name, options in described.get("tracking", {}).items():
            category = tracking.save(books, {"Name": name}, "PUT")
            tracking.add_options(books, category, [{"Name": option} for option in options])
        for data in described.get("contacts", []):
            contacts.save(books, data, "PUT")
        for data in described.get("items", []):
            items.save(books, data, "PUT")
    return books


def _organisation(books: Books, described: Row) -> Row:
    name = described.get("name") or "Empty Demo Company"
    return {
        "OrganisationID": books.tenant,
        "Name": name,
        "LegalName": name,
        "PaysTax": True,
        "Version": "AU",
        "OrganisationType": "COMPANY",
        "BaseCurrency": "AUD",
        "CountryCode": "AU",
        "IsDemoCompany": True,
        "OrganisationStatus": "ACTIVE",
        "TaxNumber": "11 222 333 444",
        "FinancialYearEndDay": 30,
        "FinancialYearEndMonth": 6,
        "SalesTaxBasis": "ACCRUALS",
        "SalesTaxPeriod": "QUARTERLY1",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Inclusive",
        "CreatedDateUTC": books.stamp(),
        "OrganisationEntityType": "COMPANY",
        "Timezone": "AUSEASTERNSTANDARDTIME",
        "ShortCode": "!" + books.ids.text(5),
        "Class": "DEMO",
        "Edition": "BUSINESS",
        "Addresses": [],
        "Phones": [],
        "ExternalLinks": [],
        "PaymentTerms": {},
        **described.get("organisation", {}),
    }


def _base_rows(books: Books) -> None:
    for kind, name, rate, report, classes in TAX_RATES:
        shown = wire.places(wire.as_number(rate) or wire.ZERO, 4)
        applies = {f"CanApplyTo{cls}": letter in classes for cls, letter in _CLASS_LETTERS.items()}
        if kind in _ALSO_EXPENSES:
            applies["CanApplyToExpenses"] = True
        row = {
            "Name": name,
            "TaxType": kind,
            "ReportTaxType": report,
            **applies,
            "DisplayTaxRate": shown,
            "EffectiveRate": shown,
            "Status": "ACTIVE",
            "TaxComponents": [{"Name": "GST", "Rate": shown, "IsCompound": False, "IsNonRecoverable": False}],
        }
        books.put("TaxRates", row)
    books.put("Currencies", {"Code": "AUD", "Description": "Australian Dollar"})
    for code, name, kind, tax, role in CHART:
        data = {"Code": code, "Name": name, "Type": kind, "TaxType": tax, "EnablePaymentsToAccount": code in _PAYABLE}
        row = accounts.save(books, data, "PUT")
        if role:
            books.change("Accounts", row, SystemAccount=role)
    for place, name in enumerate(("Standard", "Harbour")):
        theme = {"BrandingThemeID": books.ids.new(), "Name": name, "SortOrder": place, "CreatedDateUTC": books.stamp()}
        books.put("BrandingThemes", theme)
    people = (("Marion", "Vale", True, "FINANCIALADVISER"), ("Rhona", "Blake", False, "STANDARD"))
    for first, last, subscriber, role in people:
        user = {
            "UserID": books.ids.new(),
            "EmailAddress": f"{first}@harbourvale.example".lower(),
            "FirstName": first,
            "LastName": last,
            "UpdatedDateUTC": wire.stamp(clock.now()),
            "IsSubscriber": subscriber,
            "OrganisationRole": role,
        }
        books.put("Users", user)
