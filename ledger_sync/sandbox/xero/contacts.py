"""Contacts: found by id, number or name; unique while active; archived but never deleted; merged only by people."""

from __future__ import annotations

import re
from decimal import Decimal

from ledger_sync.sandbox.xero import wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Invalid, malformed
from ledger_sync.sandbox.xero.wire import Row

NAMELESS = (
    "The Contact must contain at least 1 of the following elements to identify the contact: "
    "Name, ContactID, ContactNumber"
)
_LENGTHS = {
    "AccountNumber": 50,
    "BankAccountDetails": 255,
    "CompanyNumber": 50,
    "ContactNumber": 50,
    "EmailAddress": 255,
    "FirstName": 255,
    "LastName": 255,
    "Name": 255,
    "TaxNumber": 50,
}
_WRITABLE = (
    "ContactNumber AccountNumber Name FirstName LastName CompanyNumber EmailAddress BankAccountDetails TaxNumber "
    "AccountsReceivableTaxType AccountsPayableTaxType DefaultCurrency SalesDefaultAccountCode "
    "PurchasesDefaultAccountCode SalesDefaultLineAmountType PurchasesDefaultLineAmountType PaymentTerms ContactPersons "
    "XeroNetworkKey SalesTrackingCategories PurchasesTrackingCategories"
).split()
_TERM_TYPES = ("DAYSAFTERBILLDATE", "DAYSAFTERBILLMONTH", "OFCURRENTMONTH", "OFFOLLOWINGMONTH")
_PHONES = {"DEFAULT", "DDI", "MOBILE", "FAX"}
_ADDRESS = (
    "AddressLine1",
    "AddressLine2",
    "AddressLine3",
    "AddressLine4",
    "City",
    "Region",
    "PostalCode",
    "Country",
    "AttentionTo",
)
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def find(books: Books, data: Row) -> Row | None:
    """The contact that some fields identify: by ContactID, else ContactNumber, else the name of an active contact."""
    if data.get("ContactID"):
        return books.get("Contacts", data["ContactID"])
    number = str(data.get("ContactNumber") or "")
    if number and (holder := books.holder("ContactNumbers", number)):
        return books.get("Contacts", holder)
    name = str(data.get("Name") or "")
    return books.get("Contacts", books.holder("ContactNames", name)) if name else None


def for_document(books: Books, given: object) -> Row:
    """The contact of a new document; a bare name that nobody has makes a contact, without a word.

    Raises Invalid. The text for an unknown id is unsure, as is the one for an archived contact.
    """
    data = given if isinstance(given, dict) else {}
    if not any(data.get(key) for key in ("ContactID", "ContactNumber", "Name")):
        raise Invalid(NAMELESS)
    row = find(books, data)
    if row is None and data.get("ContactID"):
        raise Invalid("The contact could not be found.")
    if row is None:
        return save(
            books, {key: data[key] for key in ("Name", "ContactNumber", "EmailAddress") if data.get(key)}, "PUT"
        )
    if row["ContactStatus"] != "ACTIVE":
        raise Invalid("The contact is archived and cannot be used.")
    return row


def save(books: Books, data: Row, method: str) -> Row:
    """Create a contact, or with POST change the one that the fields identify. Raises Invalid."""
    existing = find(books, data)
    if existing is None and data.get("ContactID"):
        raise Invalid("The contact could not be found.")
    if existing is not None and method == "PUT":
        raise Invalid(*_why_not_new(existing, data))
    if existing is None and not data.get("Name"):
        raise Invalid(NAMELESS)
    fields = _checked(data)
    if books.switches.tidy_phones and "Phones" in fields:
        fields["Phones"] = [{**p, "PhoneNumber": "".join(p["PhoneNumber"].split())} for p in fields["Phones"]]
    if existing is None:
        return _create(books, fields)
    return _update(books, existing, fields, str(data.get("ContactStatus") or existing["ContactStatus"]))


def _why_not_new(existing: Row, data: Row) -> list[str]:
    if data.get("ContactNumber") and existing.get("ContactNumber") == data["ContactNumber"]:
        return ["Another contact has this contact number. Please enter a different contact number."]
    return [_taken(str(data.get("Name") or existing["Name"]))]


def _taken(name: str) -> str:
    return (
        f"The contact name {name} is already assigned to another contact. "
        "The contact name must be unique across all active contacts."
    )


def _checked(data: Row) -> Row:
    fields = {key: data[key] for key in _WRITABLE if data.get(key) is not None}
    if "Name" in fields:
        fields["Name"] = re.sub(r"\s+", " ", str(fields["Name"])).strip()
        if not fields["Name"]:
            raise Invalid(NAMELESS)  # the words are unsure where a contact is known by its id
        if re.search(r"[<>]", fields["Name"]):
            raise Invalid("The contact name cannot contain angle brackets.")
    for key, limit in _LENGTHS.items():
        if len(str(fields.get(key, ""))) > limit:
            raise Invalid(f"The {key} field cannot exceed {limit} characters.")
    if fields.get("EmailAddress") and not _EMAIL.fullmatch(str(fields["EmailAddress"])):
        raise Invalid("Email address must be valid.")
    if "PaymentTerms" in fields:
        fields["PaymentTerms"] = _terms(fields["PaymentTerms"])
    if isinstance(data.get("Addresses"), list):
        fields["Addresses"] = _addresses(data["Addresses"])
    if isinstance(data.get("Phones"), list):
        fields["Phones"] = _phones(data["Phones"])
    return fields


def _terms(given: object) -> Row:
    """Payment terms for bills and sales. Raises Refused for a shape that Xero could not read."""
    terms: Row = {}
    for side, value in given.items() if isinstance(given, dict) else ():
        if side not in ("Bills", "Sales") or not isinstance(value, dict):
            raise malformed("PaymentTerms")
        if value.get("Type") not in _TERM_TYPES or not isinstance(value.get("Day"), int):
            raise malformed("PaymentTerms")
        if not 0 <= value["Day"] <= 999:
            raise Invalid("Payment terms day must be between 0 and 999.")  # unsure
        terms[side] = {"Day": value["Day"], "Type": value["Type"]}
    return terms


def _addresses(given: list[Row]) -> list[Row]:
    """Both kinds of address, as Xero always shows them."""
    by_type = {str(item.get("AddressType")): item for item in given}
    shown = []
    for kind in ("STREET", "POBOX"):
        item = by_type.get(kind, {})
        lines = {key: str(item[key]) for key in _ADDRESS if item.get(key)}
        shown.append({"AddressType": kind, "City": "", "Region": "", "PostalCode": "", "Country": "", **lines})
    return shown


def _phones(given: list[Row]) -> list[Row]:
    by_type = {str(item.get("PhoneType")): item for item in given}
    shown = []
    for kind in sorted(_PHONES):
        item = by_type.get(kind, {})
        parts = {key: str(item.get(key) or "") for key in ("PhoneNumber", "PhoneAreaCode", "PhoneCountryCode")}
        shown.append({"PhoneType": kind, **parts})
    return shown


def _create(books: Books, fields: Row) -> Row:
    row: Row = {
        "ContactID": books.ids.new(),
        "ContactStatus": "ACTIVE",
        "BankAccountDetails": "",
        "Addresses": _addresses([]),
        "Phones": _phones([]),
        "ContactGroups": [],
        "ContactPersons": [],
        "IsSupplier": False,
        "IsCustomer": False,
        "HasAttachments": False,
        "HasValidationErrors": False,
        **fields,
    }
    _take_names(books, row, None)
    saved = books.touch("Contacts", row)
    books.note("Contacts", row["ContactID"], "Created", f"Contact created: {row['Name']}")
    books.notify("CONTACT", "Contacts", saved, created=True)
    return saved


def _update(books: Books, existing: Row, fields: Row, status: str) -> Row:
    if status not in ("ACTIVE", "ARCHIVED"):
        raise Invalid("The contact status is not valid.")
    restoring = existing["ContactStatus"] == "ARCHIVED" and status == "ACTIVE"
    if restoring and books.by_app and not books.switches.api_unarchive:
        raise Invalid("The contact is archived and cannot be used.")
    row = {**existing, **fields, "ContactStatus": status}
    _take_names(books, row, existing)
    saved = books.touch("Contacts", row)
    books.note("Contacts", row["ContactID"], "Edited", _difference(existing, row))
    books.notify("CONTACT", "Contacts", saved, created=False)
    return saved


def _difference(before: Row, after: Row) -> str:
    changed = [key for key in after if before.get(key) != after[key]]
    return "Changed: " + ", ".join(changed) if changed else "Saved without a change"


def _take_names(books: Books, row: Row, existing: Row | None) -> None:
    """Hold the names of a contact. Raises Invalid; the texts are the specification's and as reported by users."""
    unique = (
        (
            "ContactNumbers",
            "ContactNumber",
            "Another contact has this contact number. Please enter a different contact number.",
        ),
        (
            "ContactAccounts",
            "AccountNumber",
            "The Account Number already exists. Please enter a different Account Number.",
        ),
        ("ContactNames", "Name", _taken(str(row["Name"]))),
    )
    for index, field, text in unique:
        before = str((existing or {}).get(field) or "")
        name = str(row.get(field) or "")
        if field == "Name" and row["ContactStatus"] != "ACTIVE":
            name = ""
        if before and books.holder(index, before) == row["ContactID"]:
            books.release(index, before)
        holder = books.holder(index, name) if name else ""
        if holder and holder != row["ContactID"]:
            raise Invalid(text)
        if name:
            books.hold(index, name, row["ContactID"])


def merge(books: Books, loser: Row, survivor: Row) -> None:
    """Merge one contact into another, as a person does in Xero: its documents move, and it is archived."""
    if loser["ContactID"] == survivor["ContactID"] or survivor["ContactStatus"] != "ACTIVE":
        raise Invalid("Choose another active contact to merge into.")
    for kind in ("Invoices", "CreditNotes", "Overpayments", "Prepayments", "BankTransactions", "RepeatingInvoices"):
        for row in list(books.table(kind).values()):
            if row.get("_contact") == loser["ContactID"]:
                books.touch(kind, row, _contact=survivor["ContactID"])
    flags = {key: bool(loser[key] or survivor[key]) for key in ("IsCustomer", "IsSupplier")}
    gone = {**loser, "ContactStatus": "ARCHIVED", "MergedToContactID": survivor["ContactID"]}
    _take_names(books, gone, loser)
    gone = books.touch("Contacts", gone)
    kept = books.touch("Contacts", survivor, **flags)
    books.note("Contacts", loser["ContactID"], "Merged", f"Merged into {survivor['Name']}")
    books.note("Contacts", survivor["ContactID"], "Merged", f"{loser['Name']} was merged into this contact")
    for row in (gone, kept):
        books.notify("CONTACT", "Contacts", row, created=False)


def used(books: Books, contact_id: str, *, selling: bool) -> None:
    """Mark a contact as customer or supplier with its first document; no new UpdatedDateUTC (docs)."""
    row = books.table("Contacts")[contact_id]
    flag = "IsCustomer" if selling else "IsSupplier"
    if not row[flag]:
        books.change("Contacts", row, **{flag: True})


def short(books: Books, contact_id: str) -> Row:
    """A contact as it stands inside a listed document (recorded)."""
    return {
        "ContactID": contact_id,
        "Name": books.table("Contacts")[contact_id]["Name"],
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": False,
    }


def balances(books: Books) -> dict[str, dict[str, dict[str, str]]]:
    """What each contact owes and is owed, as ``Balances`` shows it; one pass over the invoices."""
    sums: dict[tuple[str, str, str], Decimal] = {}
    today = books.today()
    for row in books.table("Invoices").values():
        if row["Status"] != "AUTHORISED":
            continue
        side = "AccountsReceivable" if row["Type"] == "ACCREC" else "AccountsPayable"
        due = wire.money(row, "AmountDue")
        for name in ("Outstanding", "Overdue") if row.get("DueDate", today) < today else ("Outstanding",):
            key = (row["_contact"], side, name)
            sums[key] = sums.get(key, wire.ZERO) + due
    for row in books.table("CreditNotes").values():
        if row["Status"] == "AUTHORISED":
            side = "AccountsReceivable" if row["Type"] == "ACCRECCREDIT" else "AccountsPayable"
            key = (row["_contact"], side, "Outstanding")
            sums[key] = sums.get(key, wire.ZERO) - wire.money(row, "RemainingCredit")
    shown: dict[str, dict[str, dict[str, str]]] = {}
    for (contact, side, name), amount in sums.items():
        blank = {s: {"Outstanding": "0.00", "Overdue": "0.00"} for s in ("AccountsReceivable", "AccountsPayable")}
        shown.setdefault(contact, blank)[side][name] = str(amount)
    return shown
