"""Contact groups: at most a hundred, each with a name of its own."""

from __future__ import annotations

from ledger_sync.sandbox.xero import wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Invalid
from ledger_sync.sandbox.xero.wire import Row

MOST = 100


def save(books: Books, data: Row, method: str) -> Row:
    """Create, rename or delete a group. Raises Invalid; the text for one too many is the specification's."""
    existing = books.get("ContactGroups", data.get("ContactGroupID"))
    if data.get("ContactGroupID") and existing is None:
        raise Invalid("The contact group could not be found.")  # unsure
    name = str(data.get("Name") or (existing or {}).get("Name") or "").strip()
    if not name or len(name) > 255:
        raise Invalid("The contact group needs a name of at most 255 characters.")  # unsure
    status = str(data.get("Status") or "ACTIVE")
    if status not in ("ACTIVE", "DELETED"):
        raise Invalid("The contact group status is not valid.")  # unsure
    others = [row for row in books.table("ContactGroups").values() if row is not existing and row["Status"] == "ACTIVE"]
    if any(wire.same_text(row["Name"], name) for row in others):
        raise Invalid("Please enter a unique Name.")  # unsure here
    if existing is None and len(others) >= MOST:
        raise Invalid("You’ve reached the limit of 100 contact groups.")
    fresh: Row = {"ContactGroupID": books.ids.new(), "Contacts": []}
    return books.put("ContactGroups", {**(existing or fresh), "Name": name, "Status": status})


def show(books: Books, row: Row, form: str) -> Row:
    """A contact group; its contacts only by id (Xero docs, Contact Groups)."""
    return row if form == "one" else {**row, "Contacts": []}
