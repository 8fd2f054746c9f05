"""Items (the price list): a unique code and what a line takes from it."""

from __future__ import annotations

from ledger_sync.sandbox.xero import accounts, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Invalid
from ledger_sync.sandbox.xero.wire import Row

_WRITABLE = ("Code", "Name", "Description", "PurchaseDescription", "IsSold", "IsPurchased")


def by_code(books: Books, code: str) -> Row | None:
    """The item with a code."""
    return books.get("Items", books.holder("ItemCodes", code)) if code else None


def save(books: Books, data: Row, method: str) -> Row:
    """Create or change an item. Raises Invalid; the duplicate text is the specification's, quotes doubled and all."""
    code = str(data.get("Code") or "")
    existing = books.get("Items", data.get("ItemID")) if data.get("ItemID") else by_code(books, code)
    if existing is None and data.get("ItemID"):
        raise Invalid("The item could not be found.")
    if existing is not None and method == "PUT":
        raise Invalid(f"Price List Item with Code ''{code}'' already exists")
    row = {**(existing or _blank(books)), **{key: data[key] for key in _WRITABLE if data.get(key) is not None}}
    if not row.get("Code") or len(row["Code"]) > 30:
        raise Invalid("The item code is required and can have at most 30 characters.")
    if len(row.get("Name", "")) > 50:
        raise Invalid("The item name can have at most 50 characters.")
    for part in ("SalesDetails", "PurchaseDetails"):
        if isinstance(data.get(part), dict):
            row[part] = _price(books, data[part])
    holder = books.holder("ItemCodes", row["Code"])
    if holder and holder != row["ItemID"]:
        raise Invalid(f"Price List Item with Code ''{row['Code']}'' already exists")
    if existing is not None:
        books.release("ItemCodes", existing["Code"])
    books.hold("ItemCodes", row["Code"], row["ItemID"])
    return books.touch("Items", row)


def _blank(books: Books) -> Row:
    return {
        "ItemID": books.ids.new(),
        "PurchaseDetails": {},
        "SalesDetails": {},
        "IsTrackedAsInventory": False,
        "IsSold": True,
        "IsPurchased": False,
    }


def _price(books: Books, details: Row) -> Row:
    clean: Row = {}
    price = wire.as_number(details.get("UnitPrice"))
    if price is not None:
        clean["UnitPrice"] = wire.places(price, 4)
    if details.get("AccountCode"):
        account = accounts.by_code(books, str(details["AccountCode"]))
        if account is None or account["Status"] != "ACTIVE":
            raise Invalid(f"Account code '{details['AccountCode']}' is not a valid code for this document.")
        clean["AccountCode"] = account["Code"]
    if details.get("TaxType"):
        if books.get("TaxRates", details["TaxType"]) is None:
            raise Invalid(
                f"The TaxType code {details['TaxType']} does not exist or cannot be used for this type of transaction."
            )
        clean["TaxType"] = details["TaxType"]
    return clean


def delete(books: Books, row: Row) -> None:
    """Remove an item; lines that used it keep its code."""
    books.release("ItemCodes", row["Code"])
    books.drop("Items", row["ItemID"])
