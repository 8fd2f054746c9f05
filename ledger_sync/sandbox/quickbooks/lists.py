"""The other lists: items, accounts, terms, classes, locations, payment methods and the codes of sales tax."""

from __future__ import annotations

import re
from collections.abc import Callable

from ledger_sync.sandbox.quickbooks import errors, postings, saving, wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.names import DELETED
from ledger_sync.sandbox.quickbooks.saving import Options
from ledger_sync.sandbox.quickbooks.wire import Row

Settle = Callable[[Books, Row | None, Row, Options], Row]

ITEM = frozenset(
    "Name Type Description Sku Active UnitPrice Taxable SalesTaxIncluded SalesTaxCodeRef IncomeAccountRef ParentRef "
    "ExpenseAccountRef AssetAccountRef PurchaseDesc PurchaseCost TrackQtyOnHand QtyOnHand InvStartDate SubItem".split()
)
ACCOUNT = frozenset(
    "Name AcctNum AccountType AccountSubType Classification Description Active ParentRef SubAccount CurrencyRef "
    "TaxCodeRef".split()
)
TERM = frozenset("Name Active Type DueDays DiscountDays DiscountPercent DayOfMonthDue DueNextMonthDays".split())
CLASS = frozenset("Name Active ParentRef SubClass".split())
DEPARTMENT = frozenset("Name Active ParentRef SubDepartment".split())
PAYMENT_METHOD = frozenset("Name Active Type".split())
TAX_AGENCY = frozenset("DisplayName Active".split())
IGNORED = frozenset(
    "FullyQualifiedName Level CurrentBalance CurrentBalanceWithSubAccounts ItemCategoryType UQCDisplayText".split()
)

#: AccountType → Classification and the subtype an account gets when none is said.
ACCOUNT_TYPES = {
    "Bank": ("Asset", "Checking"),
    "Accounts Receivable": ("Asset", "AccountsReceivable"),
    "Other Current Asset": ("Asset", "OtherCurrentAssets"),
    "Fixed Asset": ("Asset", "OtherFixedAssets"),
    "Other Asset": ("Asset", "OtherLongTermAssets"),
    "Accounts Payable": ("Liability", "AccountsPayable"),
    "Credit Card": ("Liability", "CreditCard"),
    "Other Current Liability": ("Liability", "OtherCurrentLiabilities"),
    "Long Term Liability": ("Liability", "OtherLongTermLiabilities"),
    "Equity": ("Equity", "OwnersEquity"),
    "Income": ("Revenue", "SalesOfProductIncome"),
    "Other Income": ("Revenue", "OtherMiscellaneousIncome"),
    "Cost of Goods Sold": ("Expense", "SuppliesMaterialsCogs"),
    "Expense": ("Expense", "OtherMiscellaneousServiceCost"),
    "Other Expense": ("Expense", "OtherMiscellaneousExpense"),
}
#: Accounts the company cannot do without.
_FIXED = ("AccountsReceivable", "AccountsPayable", "UndepositedFunds", "SalesTaxPayable", "RetainedEarnings")


def named(kind: str, longest: int, *, more: Settle | None = None) -> Settle:
    """The rules of a list whose rows have a unique ``Name``, with what else one kind needs."""

    def settle(books: Books, before: Row | None, row: Row, options: Options) -> Row:
        row.setdefault("Active", True)
        if not row.get("Name"):
            raise Invalid(errors.missing("Name"))
        saving.limit(row, Name=longest)
        _activity(books, before, row)
        if more is not None:
            row = more(books, before, row, options)
        _take_name(books, kind, before, row)
        return row

    return settle


def _activity(books: Books, before: Row | None, row: Row) -> None:
    was = before is None or before.get("Active", True)
    if was and not row["Active"] and books.switches.mark_deactivated and not row["Name"].endswith(DELETED):
        row["Name"] += DELETED
    elif not was and row["Active"]:
        row["Name"] = row["Name"].removesuffix(DELETED)


def _take_name(books: Books, kind: str, before: Row | None, row: Row) -> None:
    parent = books.get(kind, wire.ref(row, "ParentRef"))
    if "ParentRef" in row and parent is None:
        raise Invalid(errors.bad_reference(kind, wire.ref(row, "ParentRef")))
    row["FullyQualifiedName"] = (f"{parent['FullyQualifiedName']}:" if parent else "") + row["Name"]
    if before is not None:
        books.release(kind, before["FullyQualifiedName"], before["Id"])
    holder = books.holder(kind, row["FullyQualifiedName"])
    if holder and holder != row["Id"]:
        raise Invalid(errors.name_taken())
    books.hold(kind, row["FullyQualifiedName"], row["Id"])


def _item(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    row.setdefault("Type", "Service")
    if row["Type"] not in ("Service", "NonInventory", "Inventory"):
        raise Invalid(errors.bad_choice("Type", row["Type"]))
    account = books.referred(row, "IncomeAccountRef")
    if account is not None and account["Classification"] not in ("Revenue", "Liability"):
        raise Invalid(errors.business("Choose an income account for what you sell."))
    books.referred(row, "ExpenseAccountRef", required=False)
    if row["Type"] == "Inventory":
        for name in ("AssetAccountRef", "InvStartDate", "QtyOnHand"):
            if name not in row:
                raise Invalid(errors.missing(name))
    saving.limit(row, Description=4_000, Sku=100)
    row.setdefault("UnitPrice", "0")
    row.setdefault("Taxable", False)
    row.setdefault("TrackQtyOnHand", row["Type"] == "Inventory")
    return row


def _account(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    kind = row.get("AccountType")
    if not kind and row.get("AccountSubType"):
        kind = next((k for k, (_, sub) in ACCOUNT_TYPES.items() if sub == row["AccountSubType"]), None)
    if not kind:
        raise Invalid(errors.no_type())
    if kind not in ACCOUNT_TYPES:
        raise Invalid(errors.bad_choice("AccountType", kind))
    if re.search(r'[":]', row["Name"]):
        raise Invalid(errors.bad_characters("Name"))
    classification, subtype = ACCOUNT_TYPES[kind]
    row["AccountType"], row["Classification"] = kind, classification
    row.setdefault("AccountSubType", subtype)
    row.setdefault("SubAccount", "ParentRef" in row)
    row.setdefault("CurrencyRef", {"value": "USD", "name": "United States Dollar"})
    if before is not None and before["Active"] and not row["Active"] and row["AccountSubType"] in _FIXED:
        raise Invalid(errors.business("This account is needed by QuickBooks and cannot be made inactive."))
    return row


def _term(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    row.setdefault("Type", "DATE_DRIVEN" if "DayOfMonthDue" in row else "STANDARD")
    if row["Type"] == "STANDARD" and "DueDays" not in row:
        raise Invalid(errors.missing("DueDays"))
    return row


def _tax_agency(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    if not row.get("DisplayName"):
        raise Invalid(errors.missing("DisplayName"))
    return row


item, account, term = (
    named("Item", 100, more=_item),
    named("Account", 100, more=_account),
    named("Term", 31, more=_term),
)
tracking_class, department = named("Class", 100), named("Department", 100)
payment_method, tax_agency = named("PaymentMethod", 31), _tax_agency


def show_account(books: Books, row: Row) -> Row:
    """An account with its balance, as its own side counts it."""
    if row["Classification"] not in ("Asset", "Liability", "Equity"):
        return {**row, "CurrentBalance": "0", "CurrentBalanceWithSubAccounts": "0"}
    balance = str(postings.balance(books, row["Id"]))
    return {**row, "CurrentBalance": balance, "CurrentBalanceWithSubAccounts": balance}


def find_account(books: Books, name: str) -> Row:
    """An account by its name or its id. Raises Invalid."""
    row = books.get("Account", name) or books.get("Account", books.holder("Account", name))
    if row is None:
        row = books.get("Account", books.holder("Account", name + DELETED))
    if row is None:
        raise Invalid(errors.bad_reference("Account", name))
    return row


def by_subtype(books: Books, subtype: str) -> Row:
    """The company's own account of a kind: receivables, undeposited funds, sales tax."""
    return next(row for row in books.table("Account").values() if row["AccountSubType"] == subtype)
