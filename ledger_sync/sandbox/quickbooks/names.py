"""Customers, vendors and employees: one space of names, deactivated but never deleted, merged only by people."""

from __future__ import annotations

import re

from ledger_sync.sandbox.quickbooks import currencies, errors, saving, wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.saving import Options
from ledger_sync.sandbox.quickbooks.wire import Row

#: One index for all three: "Another customer, vendor or employee is already using this name".
NAMES = "names"
DELETED = " (deleted)"
_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_LENGTHS = {
    "DisplayName": 500, "Title": 16, "GivenName": 100, "MiddleName": 100, "FamilyName": 100, "Suffix": 16,
    "CompanyName": 100, "PrintOnCheckName": 110, "ResaleNum": 16, "Notes": 4_000,
}  # fmt: skip
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_DEPTH = 4

PERSON = frozenset(
    "DisplayName Title GivenName MiddleName FamilyName Suffix CompanyName PrintOnCheckName PrimaryEmailAddr "
    "PrimaryPhone AlternatePhone Mobile Fax WebAddr Active CurrencyRef".split()
)
CUSTOMER = PERSON | frozenset(
    "BillAddr ShipAddr Notes ResaleNum PrimaryTaxIdentifier Taxable TaxExemptionReasonId DefaultTaxCodeRef "
    "SalesTermRef PaymentMethodRef ParentRef Job BillWithParent PreferredDeliveryMethod CustomerTypeRef "
    "OpenBalanceDate".split()
)
VENDOR = PERSON | frozenset("BillAddr AcctNum TaxIdentifier Vendor1099 TermRef BillRate Notes".split())
EMPLOYEE = PERSON | frozenset("PrimaryAddr SSN EmployeeNumber HiredDate ReleasedDate BillableTime BillRate".split())
#: Read-only or without effect here, but sent back by callers that return what they got.
IGNORED = frozenset(
    "Balance BalanceWithJobs FullyQualifiedName Level IsProject ClientEntityId Organization CostRate ARAccountRef "
    "TaxReportingBasis V4IDPseudonym OpenBalance BirthDate Gender".split()
)


def is_email(text: str) -> bool:
    """Whether a text has an @ and a dot where an address has them."""
    return _EMAIL.fullmatch(text) is not None


def settle_vendor(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    """Complete and check a vendor. Raises Invalid."""
    return _settle(books, "Vendor", before, row)


def settle_employee(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    """Complete and check an employee. Raises Invalid."""
    return _settle(books, "Employee", before, row)


def _settle(books: Books, kind: str, before: Row | None, row: Row) -> Row:
    row.setdefault("Active", True)
    if not row.get("DisplayName"):
        row["DisplayName"] = " ".join(str(row[part]) for part in _PARTS if row.get(part)) or str(
            row.get("CompanyName") or ""
        )
    if not row["DisplayName"]:
        raise Invalid(errors.no_name())
    if re.search(r"[:\t\n]", row["DisplayName"]):
        raise Invalid(errors.bad_characters("DisplayName"))
    saving.limit(row, **_LENGTHS)
    email = str(row.get("PrimaryEmailAddr", {}).get("Address") or "")
    if email and not is_email(email):
        raise Invalid(errors.bad_email("PrimaryEmailAddr"))
    if before is not None and wire.ref(before, "CurrencyRef") not in ("", wire.ref(row, "CurrencyRef")):
        row["CurrencyRef"] = before["CurrencyRef"]
    saving.limit({"PrimaryEmailAddr": email}, PrimaryEmailAddr=100)
    for name in ("PrimaryPhone", "AlternatePhone", "Mobile", "Fax"):
        saving.limit({name: (row.get(name) or {}).get("FreeFormNumber")}, **{name: 30})
    _activity(books, before, row)
    _take_name(books, kind, before, row)
    row.setdefault("PrintOnCheckName", row.get("CompanyName") or row["DisplayName"])
    return row


def settle_customer(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    """Complete and check a customer: also its terms and its place under another customer. Raises Invalid."""
    _currency(books, row)
    row.setdefault("Taxable", False)
    row.setdefault("Job", False)
    row.setdefault("BillWithParent", False)
    row.setdefault("PreferredDeliveryMethod", "None")
    if row["PreferredDeliveryMethod"] not in ("Print", "Email", "None"):
        raise Invalid(errors.bad_choice("PreferredDeliveryMethod", row["PreferredDeliveryMethod"]))
    books.referred(row, "SalesTermRef", required=False)
    row = _settle(books, "Customer", before, row)
    parent = books.get("Customer", wire.ref(row, "ParentRef"))
    if "ParentRef" in row and (parent is None or parent["Id"] == row["Id"]):
        raise Invalid(errors.bad_reference("Customer", wire.ref(row, "ParentRef")))
    row["FullyQualifiedName"] = (f"{parent['FullyQualifiedName']}:" if parent else "") + row["DisplayName"]
    level = int(parent.get("Level", 0)) + 1 if parent else 0
    if level > _DEPTH:
        raise Invalid(errors.too_deep())
    row["Level"] = level or None
    return {key: value for key, value in row.items() if value is not None}


def _currency(books: Books, row: Row) -> None:
    """The customer's currency, fixed once it is there. Raises Invalid for one the company does not use."""
    code = wire.ref(row, "CurrencyRef") or books.home
    if code != books.home and not books.holder("Currency", code):
        raise Invalid(errors.bad_reference("Currency", code))
    row["CurrencyRef"] = currencies.reference(code)


def _activity(books: Books, before: Row | None, row: Row) -> None:
    """Deactivating marks the name, activating unmarks it. Raises Invalid for one with a balance."""
    was = before is None or before.get("Active", True)
    name = str(row["DisplayName"])
    if was and not row["Active"] and before is not None:
        if books.owes(row["Id"]):
            raise Invalid(errors.has_balance("customer"))
        if books.switches.mark_deactivated and not name.endswith(DELETED):
            row["DisplayName"] = name + DELETED
    elif not was and row["Active"]:
        row["DisplayName"] = name.removesuffix(DELETED)


def _take_name(books: Books, kind: str, before: Row | None, row: Row) -> None:
    me = f"{kind} {row['Id']}"
    if before is not None:
        books.release(NAMES, before["DisplayName"], me)
    holder = books.holder(NAMES, row["DisplayName"])
    if holder and holder != me:
        raise Invalid(errors.name_taken())
    books.hold(NAMES, row["DisplayName"], me)


def merge(books: Books, loser: Row, survivor: Row) -> None:
    """Merge one customer into another, as a person does in QuickBooks: documents move, the first is deactivated.

    What the API shows of the loser is unsure: an inactive customer, or only its tombstone. The notice names both.
    """
    if loser["Id"] == survivor["Id"] or not survivor["Active"]:
        raise Invalid(errors.business("Choose another active customer to merge into."))
    for kind in ("Invoice", "CreditMemo", "Payment", "SalesReceipt", "RefundReceipt"):
        for row in list(books.table(kind).values()):
            if wire.ref(row, "CustomerRef") == loser["Id"]:
                books.touch(kind, row, CustomerRef={"value": survivor["Id"]})
    books.release(NAMES, loser["DisplayName"], f"Customer {loser['Id']}")
    if not books.switches.merged_kept:
        books.drop("Customer", loser)
        books.touch("Customer", survivor)
        books.notify("Customer", survivor["Id"], "merged", deletedid=loser["Id"])
        return
    gone = loser["DisplayName"] + (DELETED if books.switches.mark_deactivated else "")
    books.hold(NAMES, gone, f"Customer {loser['Id']}")
    books.touch("Customer", loser, Active=False, DisplayName=gone, FullyQualifiedName=gone)
    books.touch("Customer", survivor)
    books.notify("Customer", survivor["Id"], "merged", deletedid=loser["Id"])


def show_customer(books: Books, row: Row) -> Row:
    """A customer with what it owes; tax identifiers are masked to their last five characters."""
    shown = {**row, "Balance": str(books.owes(row["Id"])), "BalanceWithJobs": str(books.owes(row["Id"]))}
    number = str(row.get("PrimaryTaxIdentifier", ""))
    if number:
        shown["PrimaryTaxIdentifier"] = "X" * max(len(number) - 5, 0) + number[-5:]
    return shown


def show_vendor(books: Books, row: Row) -> Row:
    """A vendor; nothing is owed to one here."""
    return {**row, "Balance": "0"}
