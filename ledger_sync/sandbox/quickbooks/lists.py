"""The other lists: items, accounts, terms, classes, locations, payment methods and the codes of sales tax."""

from __future__ import annotations

import re
from collections.abc import Callable

from ledger_sync.sandbox.quickbooks import chart, currencies, errors, postings, saving, taxes, wire
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
TAX_AGENCY = frozenset("DisplayName Active TaxRegistrationNumber TaxTrackedOnSales TaxTrackedOnPurchases".split())
IGNORED = frozenset(
    "FullyQualifiedName Level CurrentBalance CurrentBalanceWithSubAccounts ItemCategoryType UQCDisplayText".split()
)

#: Accounts the company cannot do without.
_FIXED = (
    "AccountsReceivable", "AccountsPayable", "UndepositedFunds", "SalesTaxPayable", "RetainedEarnings",
    "GlobalTaxPayable",
)  # fmt: skip
#: Lists of lists: a colon parts their names (Intuit's reference, Item.Name), four below the top (6180).
_NESTED = ("Item", "Class", "Department", "Account")
_DEEPEST = 4
_ITEM_TYPES = ("Service", "NonInventory", "Inventory", "Category")


def named(kind: str, longest: int, *, more: Settle | None = None) -> Settle:
    """The rules of a list whose rows have a unique ``Name``, with what else one kind needs."""

    def settle(books: Books, before: Row | None, row: Row, options: Options) -> Row:
        row.setdefault("Active", True)
        if not row.get("Name"):
            raise Invalid(errors.missing("Name"))
        saving.limit(row, Name=longest)
        if kind in _NESTED and re.search(r"[:\t\n]", row["Name"]):
            raise Invalid(errors.bad_characters("Name"))
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
    if "ParentRef" in row and (parent is None or parent["Id"] == row["Id"]):
        raise Invalid(errors.bad_reference(kind, wire.ref(row, "ParentRef")))
    if parent is not None and parent["FullyQualifiedName"].count(":") >= _DEEPEST:
        raise Invalid(errors.too_deep())
    row["FullyQualifiedName"] = (f"{parent['FullyQualifiedName']}:" if parent else "") + row["Name"]
    if before is not None:
        books.release(kind, before["FullyQualifiedName"], before["Id"])
    holder = books.holder(kind, row["FullyQualifiedName"])
    if holder and holder != row["Id"]:
        raise Invalid(errors.name_taken())
    books.hold(kind, row["FullyQualifiedName"], row["Id"])


def _item(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    row.setdefault("Type", "Service")
    if row["Type"] not in _ITEM_TYPES:
        raise Invalid(errors.bad_choice("Type", row["Type"]))
    saving.limit(row, Description=4_000, Sku=100)
    if row["Type"] == "Category":
        return row
    account = books.referred(
        row, "IncomeAccountRef", required=row["Type"] == "Inventory" or "ExpenseAccountRef" not in row
    )
    # Intuit's help on writing off bad debt has an item whose income account is an expense. That retainers may be sold
    # straight to a liability is unsure.
    further = {"Expense": books.switches.sell_to_expense, "Liability": books.switches.sell_to_liability}
    sold_to = {"Revenue", *(kind for kind, may in further.items() if may)}
    if account is not None and account["Classification"] not in sold_to:
        raise Invalid(errors.business("Choose an income account for what you sell."))
    books.referred(row, "ExpenseAccountRef", required=row["Type"] == "Inventory")
    if row["Type"] == "Inventory":
        for name in ("AssetAccountRef", "InvStartDate", "QtyOnHand"):
            if name not in row:
                raise Invalid(errors.missing(name))
        books.referred(row, "AssetAccountRef")
    taxes.line_code(books, {"TaxCodeRef": row["SalesTaxCodeRef"]} if "SalesTaxCodeRef" in row else {})
    row.setdefault("UnitPrice", "0")
    row.setdefault("Taxable", False)
    row.setdefault("TrackQtyOnHand", row["Type"] == "Inventory")
    return row


def _account(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    kind, subtype = str(row.get("AccountType") or ""), str(row.get("AccountSubType") or "")
    kind = kind or chart.type_of(subtype)
    if not kind:
        raise Invalid(errors.bad_choice("AccountSubType", subtype) if subtype else errors.no_type())
    if kind not in chart.TYPES:
        raise Invalid(errors.bad_choice("AccountType", kind))
    if subtype and subtype not in chart.subtypes(kind):
        raise Invalid(errors.bad_choice("AccountSubType", subtype))
    if re.search(r'[":]', row["Name"]):
        raise Invalid(errors.bad_characters("Name"))
    classification, usual, _ = chart.TYPES[kind]
    row["AccountType"], row["Classification"], row["AccountSubType"] = kind, classification, subtype or usual
    row["SubAccount"] = "ParentRef" in row
    row.setdefault("CurrencyRef", currencies.reference(books.home))
    saving.limit(row, AcctNum=7 if books.is_us else 20, Description=100)
    if before is not None and before["Active"] and not row["Active"] and row["AccountSubType"] in _FIXED:
        raise Invalid(errors.business("This account is needed by QuickBooks and cannot be made inactive."))
    if not books.holder("Subtype", row["AccountSubType"]):
        books.hold("Subtype", row["AccountSubType"], row["Id"])
    return row


def _nested(flag: str) -> Settle:
    """A list whose rows say whether they lie under another."""

    def settle(books: Books, before: Row | None, row: Row, options: Options) -> Row:
        row[flag] = "ParentRef" in row
        return row

    return settle


def _term(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    row.setdefault("Type", "DATE_DRIVEN" if "DayOfMonthDue" in row else "STANDARD")
    if row["Type"] not in ("STANDARD", "DATE_DRIVEN"):
        raise Invalid(errors.bad_choice("Type", row["Type"]))
    needed = "DueDays" if row["Type"] == "STANDARD" else "DayOfMonthDue"
    if needed not in row:
        raise Invalid(errors.missing(needed))
    if not 0 <= int(row[needed]) <= (999 if needed == "DueDays" else 31):
        raise Invalid(errors.business("The days of a term are out of range."))
    return row


def _tax_agency(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    if not row.get("DisplayName"):
        raise Invalid(errors.missing("DisplayName"))
    saving.limit(row, DisplayName=100)
    holder = books.holder("TaxAgency", row["DisplayName"])
    if holder and holder != row["Id"]:
        raise Invalid(errors.name_taken())
    books.hold("TaxAgency", row["DisplayName"], row["Id"])
    row.setdefault("TaxTrackedOnSales", True)
    row.setdefault("TaxTrackedOnPurchases", not books.is_us)
    return row


item, account, term = (
    named("Item", 100, more=_item),
    named("Account", 100, more=_account),
    named("Term", 31, more=_term),
)
tracking_class = named("Class", 100, more=_nested("SubClass"))
department = named("Department", 100, more=_nested("SubDepartment"))
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
