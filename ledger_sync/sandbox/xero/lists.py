"""Lists: what a GET without an id returns, in which order, how much of each row, and on which page."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ledger_sync.sandbox.xero import contacts, fields, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Refused, bad_query, validation
from ledger_sync.sandbox.xero.resources import Resource
from ledger_sync.sandbox.xero.settings import Limits
from ledger_sync.sandbox.xero.where import order, where
from ledger_sync.sandbox.xero.wire import Row
from practice.core.sandbox.http import Request, Response


def is_true(text: str) -> bool:
    """A query argument read as a truth value; the SDK sends Python's ``True``."""
    return text.strip().lower() == "true"


def answer(books: Books, limits: Limits, resource: Resource, request: Request) -> Row:
    """The rows of a list under their name, with ``pagination`` where it is paged. Raises Refused."""
    rows = _filtered(books, limits, resource, request)
    if request.arg("order"):
        rows = order(books, fields.type_of(resource.name), request.arg("order"), rows)
    elif resource.paged:
        # Recorded: oldest change first.
        rows = sorted(rows, key=lambda row: (row["UpdatedDateUTC"], row[resource.key]))
    if not rows and books.switches.not_modified_304 and "if-modified-since" in request.headers:
        raise Refused(Response(304))
    paged = resource.paged and bool(request.arg("page") or request.arg("pageSize") or request.arg("Statuses"))
    envelope: Row = {}
    if paged:
        page, size = _page(limits, request)
        count = len(rows)
        envelope["pagination"] = {"page": page, "pageSize": size, "pageCount": -(-count // size), "itemCount": count}
        rows = rows[(page - 1) * size : page * size]
    form = _form(resource, request, paged)
    shown = [resource.show(books, row, form) for row in rows]
    if resource.name == "Contacts" and paged:
        owed = contacts.balances(books)
        shown = [{**row, "Balances": owed[row["ContactID"]]} if row["ContactID"] in owed else row for row in shown]
    return {**envelope, resource.plural: shown}


def _form(resource: Resource, request: Request, paged: bool) -> str:
    if resource.name == "TrackingCategories":
        return "archived" if is_true(request.arg("includeArchived")) else "list"
    if is_true(request.arg("summaryOnly")) and resource.name in ("Invoices", "Contacts"):
        return "summary"
    return "page" if paged else "list"


def _page(limits: Limits, request: Request) -> tuple[int, int]:
    try:
        page, size = int(request.arg("page") or 1), int(request.arg("pageSize") or 100)
    except ValueError:
        raise bad_query("Supplied parameter 'page' cannot be parsed - must be of type integer.") from None
    if not 1 <= size <= limits.page:
        raise validation([{"ValidationErrors": [{"Message": f"pageSize must be between 1 and {limits.page}."}]}])
    return max(page, 1), size


def _filtered(books: Books, limits: Limits, resource: Resource, request: Request) -> list[Row]:
    rows = list(books.table(resource.table).values())
    hidden = set(resource.hidden)
    archived = is_true(request.arg("includeArchived"))
    if resource.name == "Contacts" and not archived:
        rows = [row for row in rows if row["ContactStatus"] != "ARCHIVED"]
    if resource.name == "TrackingCategories" and not archived:
        hidden.add("ARCHIVED")
    if resource.name == "BankTransfers" and not is_true(request.arg("includeDeleted")):
        hidden.add("DELETED")
    if hidden:
        rows = [row for row in rows if row.get("Status") not in hidden]
    if is_true(request.arg("createdByMyApp")) and resource.name == "Invoices":
        rows = [row for row in rows if row["_by_app"]]
    rows = _chosen(resource, request, rows)
    rows = _since(books, request, rows)
    if request.arg("searchTerm") and resource.name in ("Invoices", "Contacts"):
        rows = _searched(books, request.arg("searchTerm"), rows)
    if request.arg("where"):
        test = where(books, fields.type_of(resource.name), request.arg("where"), limits.where_brackets)
        rows = [row for row in rows if test(row)]
    return rows


def _chosen(resource: Resource, request: Request, rows: list[Row]) -> list[Row]:
    """Keep what IDs, ContactIDs, InvoiceNumbers, References and Statuses name."""
    ids = _uuids(request, "IDs")
    if ids:
        rows = [row for row in rows if row[resource.key].lower() in ids]
    contact_ids = _uuids(request, "ContactIDs")
    if contact_ids:
        rows = [row for row in rows if row.get("_contact") in contact_ids]
    for argument, field in (("InvoiceNumbers", "InvoiceNumber"), ("Statuses", "Status"), ("References", "Reference")):
        wanted = {part for part in request.arg(argument).split(",") if part}
        if wanted:
            rows = [row for row in rows if row.get(field) in wanted]
    return rows


def _uuids(request: Request, name: str) -> set[str]:
    found = set()
    for part in request.arg(name).split(","):
        if part:
            try:
                found.add(str(uuid.UUID(part)))
            except ValueError:
                raise bad_query(f"Supplied parameter '{name}' cannot be parsed - must be of type UUID.") from None
    return found


def _since(books: Books, request: Request, rows: list[Row]) -> list[Row]:
    """Keep what changed since a moment, to the second; rows without UpdatedDateUTC go by their creation."""
    text = request.headers.get("if-modified-since", "")
    if not text or not rows:
        return rows
    since = wire.stamp(_instant(text).replace(microsecond=0))
    inclusive = books.switches.modified_since_inclusive
    kept = []
    for row in rows:
        at = row.get("UpdatedDateUTC") or row.get("CreatedDateUTC")
        if at is None or at > since or (inclusive and at == since):
            kept.append(row)
    return kept


def _instant(text: str) -> datetime:
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = read(text)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    raise bad_query("The If-Modified-Since header cannot be parsed.")


def _searched(books: Books, term: str, rows: list[Row]) -> list[Row]:
    """Rows with the term in a name, number, reference, email address or contact name."""
    wanted = re.compile(re.escape(term), re.IGNORECASE)
    fields = (
        "InvoiceNumber",
        "Reference",
        "Name",
        "FirstName",
        "LastName",
        "EmailAddress",
        "ContactNumber",
        "CompanyNumber",
    )

    def text(row: Row) -> str:
        words = [str(row.get(field, "")) for field in fields]
        if row.get("_contact"):
            words.append(books.table("Contacts")[row["_contact"]]["Name"])
        return "\n".join(words)

    return [row for row in rows if wanted.search(text(row))]
