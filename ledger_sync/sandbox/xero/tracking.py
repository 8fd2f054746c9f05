"""Tracking categories and their options: at most two active categories, four in all (Xero docs)."""

from __future__ import annotations

from ledger_sync.sandbox.xero import wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Invalid, internal, malformed
from ledger_sync.sandbox.xero.wire import Row

_UNKNOWN = "The tracking option could not be found or is archived."


def save(books: Books, data: Row, method: str) -> Row:
    """Create or change a category. Raises Invalid; texts unsure, the limits are documented."""
    existing = books.get("TrackingCategories", data.get("TrackingCategoryID"))
    name = str(data.get("Name") or (existing or {}).get("Name") or "").strip()
    if not name or len(name) > 100:
        raise Invalid("The tracking category needs a name of at most 100 characters.")
    others = [row for row in _shown(books) if existing is None or row is not existing]
    if any(wire.same_text(row["Name"], name) for row in others):
        raise Invalid("Please enter a unique Name.")
    status = str(data.get("Status") or (existing or {}).get("Status") or "ACTIVE")
    if status == "ACTIVE" and sum(row["Status"] == "ACTIVE" for row in others) >= 2:
        raise Invalid("A maximum of two active tracking categories is allowed.")
    if existing is None and len(others) >= 4:
        raise Invalid("A maximum of four tracking categories is allowed.")
    fresh = {"TrackingCategoryID": books.ids.new(), "Options": []}
    return books.put("TrackingCategories", {**(existing or fresh), "Name": name, "Status": status})


def _shown(books: Books) -> list[Row]:
    return [row for row in books.table("TrackingCategories").values() if row["Status"] != "DELETED"]


def delete(books: Books, row: Row) -> Row:
    """Delete a category."""
    return books.put("TrackingCategories", {**row, "Status": "DELETED"})


def show(row: Row, include_archived: bool) -> Row:
    """A category with its options; archived ones only when asked for."""
    kept = ("ACTIVE", "ARCHIVED") if include_archived else ("ACTIVE",)
    options = [option for option in row["Options"] if option["Status"] in kept]
    return {
        "Name": row["Name"],
        "Status": row["Status"],
        "TrackingCategoryID": row["TrackingCategoryID"],
        "Options": options,
    }


def add_options(books: Books, category: Row, elements: list[Row]) -> list[Row]:
    """Add options to a category. Raises Invalid."""
    options = list(category["Options"])
    added = []
    for element in elements:
        name = _option_name(options, str(element.get("Name") or ""))
        option = {"TrackingOptionID": books.ids.new(), "Name": name, "Status": "ACTIVE"}
        options.append(option)
        added.append({**option, "TrackingCategoryID": category["TrackingCategoryID"]})
    books.put("TrackingCategories", {**category, "Options": options})
    return added


def change_option(books: Books, category: Row, option_id: str, data: Row) -> Row:
    """Rename, archive or restore one option. Raises Invalid."""
    options = list(category["Options"])
    for place, option in enumerate(options):
        if option["TrackingOptionID"] == option_id.lower():
            others = options[:place] + options[place + 1 :]
            name = _option_name(others, str(data["Name"])) if data.get("Name") else option["Name"]
            options[place] = {**option, "Name": name, "Status": data.get("Status") or option["Status"]}
            books.put("TrackingCategories", {**category, "Options": options})
            return dict(options[place])
    raise Invalid("The tracking option could not be found.")


def _option_name(options: list[Row], name: str) -> str:
    if not name.strip() or len(name) > 100:
        raise Invalid("The tracking option needs a name of at most 100 characters.")
    if any(wire.same_text(option["Name"], name) for option in options if option["Status"] != "DELETED"):
        raise Invalid("Please enter a unique Name.")
    return name.strip()


def on_line(books: Books, given: object) -> list[Row]:
    """The tracking of one line, as stored.

    Raises Invalid for an option nobody has (text unsure) and Refused with 500 when it is not a list (reported).
    """
    if given in (None, []):
        return []
    if not isinstance(given, list):
        raise internal(books.ids.new())
    if len(given) > 2:
        raise Invalid("A line item can have at most two tracking categories.")
    chosen = []
    for element in given:
        option = _choose(books, element)
        if option is not None:
            chosen.append(option)
        elif not books.switches.drop_unknown_tracking:
            raise Invalid(_UNKNOWN)
    return chosen


def _choose(books: Books, element: object) -> Row | None:
    if not isinstance(element, dict):
        raise malformed("Tracking")
    category = _category(books, element)
    if category is None:
        return None
    for option in category["Options"]:
        if option["Status"] != "ACTIVE":
            continue
        wanted = element.get("TrackingOptionID")
        named = wanted == option["TrackingOptionID"] if wanted else option["Name"] == element.get("Option")
        if named:
            return {"_category": category["TrackingCategoryID"], "_option": option["TrackingOptionID"]}
    return None


def _category(books: Books, element: Row) -> Row | None:
    for row in _shown(books):
        if row["Status"] != "ACTIVE":
            continue
        wanted = element.get("TrackingCategoryID")
        if (wanted == row["TrackingCategoryID"]) if wanted else (row["Name"] == element.get("Name")):
            return row
    return None


def shown_on_line(books: Books, chosen: list[Row]) -> list[Row]:
    """The tracking of a line as Xero shows it: the names as they are now, and an empty list of options (recorded)."""
    out = []
    for pair in chosen:
        category = books.get("TrackingCategories", pair["_category"])
        if category is None:
            continue
        name = next(o["Name"] for o in category["Options"] if o["TrackingOptionID"] == pair["_option"])
        out.append(
            {
                "Name": category["Name"],
                "Option": name,
                "TrackingCategoryID": category["TrackingCategoryID"],
                "TrackingOptionID": pair["_option"],
                "Options": [],
            }
        )
    return out
