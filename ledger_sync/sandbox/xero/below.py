"""What hangs below a document: ``/{Resource}/{id}/History``, attachments, allocations, PDF, email and the like."""

from __future__ import annotations

from collections.abc import Callable

from ledger_sync.sandbox.xero import crediting, lists, notes, tracking, wire
from ledger_sync.sandbox.xero.calls import Call, elements, summarizes, wrap
from ledger_sync.sandbox.xero.errors import Invalid, not_found, validation
from ledger_sync.sandbox.xero.resources import Resource
from ledger_sync.sandbox.xero.wire import Row
from practice.core.sandbox.http import Response

Below = Callable[[Call, Resource, Row, str], Response]


def history(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    """GET lists what happened to a document, newest first; PUT adds notes."""
    key = str(row[resource.key])
    if call.method == "GET":
        return wrap(call, {"HistoryRecords": call.books.history(key)})
    added = notes.add_notes(call.books, resource.table, key, elements(call, "HistoryRecords"), call.limits)
    return wrap(call, {"HistoryRecords": added})


def attachments(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    """GET lists files or downloads one by id or name; PUT and POST take one under its name."""
    key = str(row[resource.key])
    if call.method == "GET":
        if rest:
            return notes.download(notes.attachment(call.books, key, rest))
        return wrap(call, {"Attachments": notes.attachments(call.books, key)})
    online = lists.is_true(call.request.arg("IncludeOnline"))
    saved = notes.attach(call.books, call.limits, resource.table, row, rest, call.request.body, online=online)
    return wrap(call, {"Attachments": [saved]})


def allocations(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    """PUT puts some of a credit on invoices; DELETE takes one allocation back."""
    if call.method == "DELETE":
        return _take_back(call, resource, row, rest)
    shown, failed = [], []
    for element in elements(call, "Allocations"):
        try:
            with call.books.store.transaction():
                made = crediting.allocate(call.books, resource.name, row[resource.key], element)
        except Invalid as invalid:
            errors = [{"Message": message} for message in invalid.messages]
            failed.append({**wire.echo(element), "ValidationErrors": errors})
            shown.append({**failed[-1], "StatusAttributeString": "ERROR"})
            continue
        source = {crediting.CREDITS[resource.name].key: row[resource.key], "ID": row[resource.key], "LineItems": []}
        allocation = crediting.allocation_on(call.books, made["AllocationID"])
        shown.append({**allocation, resource.name[:-1]: source, "ValidationErrors": []})
    if failed and summarizes(call):
        raise validation(failed)
    return wrap(call, {"Allocations": shown})


def _take_back(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    found = call.books.get("Allocations", rest)
    if found is None or found["_source"] != row[resource.key]:
        raise not_found()
    try:
        crediting.remove_allocation(call.books, found)
    except Invalid as invalid:
        raise notes.refuse(invalid.messages[0]) from invalid
    # Exactly the specification's shape, which the SDK cannot read back.
    gone = {
        "AllocationId": rest,
        "Date": found["Date"],
        "Invoice": [{"InvoiceID": found["_invoice"]}],
        "IsDeleted": True,
    }
    return wrap(call, gone)


def pdf(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    """The document as a PDF."""
    return Response(200, notes.pdf(call.books, row), {"Content-Type": "application/pdf"})


def email(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    """Send an invoice to its contact: 204 (SPEC)."""
    notes.email(call.books, row)
    return Response(204)


def online_invoice(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    """The address where the customer sees the invoice."""
    return wrap(call, {"OnlineInvoices": [{"OnlineInvoiceUrl": notes.online_url(call.books, row)}]})


def options(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    """PUT adds options to a tracking category; POST and DELETE change one."""
    try:
        if call.method == "PUT":
            changed = tracking.add_options(call.books, row, elements(call, "Options"))
        elif call.method == "DELETE":
            changed = [tracking.change_option(call.books, row, rest, {"Status": "DELETED"})]
        else:
            changed = [tracking.change_option(call.books, row, rest, elements(call, "Options")[0])]
    except Invalid as invalid:
        raise notes.refuse(invalid.messages[0]) from invalid
    return wrap(call, {"Options": changed})


def group_contacts(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    """PUT adds contacts to a group; DELETE removes one, or all (SPEC: 204). Twice in a group is once (switch)."""
    members = {member["ContactID"]: member for member in row["Contacts"]}
    if call.method == "DELETE":
        if rest and rest.lower() not in members:
            raise not_found()
        kept = [member for key, member in members.items() if rest and key != rest.lower()]
        call.books.put("ContactGroups", {**row, "Contacts": kept})
        return Response(204)
    for element in elements(call, "Contacts"):
        contact = call.books.get("Contacts", element.get("ContactID"))
        if contact is None:
            raise notes.refuse("The contact could not be found.")
        if contact["ContactID"] in members and call.books.switches.group_twice_refused:
            raise notes.refuse("The contact is in the group already.")
        members[contact["ContactID"]] = {"ContactID": contact["ContactID"], "Name": contact["Name"]}
    call.books.put("ContactGroups", {**row, "Contacts": list(members.values())})
    return wrap(call, {"Contacts": list(members.values())})


def cis_settings(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    """The construction industry scheme of a contact or an organisation: of the United Kingdom only.

    Elsewhere the list is empty (unsure: switch scheme_elsewhere).
    """
    known = call.books.organisation["CountryCode"] == "GB" or call.books.switches.scheme_elsewhere
    off: Row = {"CISEnabled": False}
    if resource.name == "Organisation":
        off = {"CISContractorEnabled": False, "CISSubContractorEnabled": False}
    return wrap(call, {"CISSettings": [off] if known else []})


def payment_services(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    """The payment services of a branding theme; this organisation has none, so none can be added (text: SPEC)."""
    if call.method == "POST":
        elements(call, "PaymentServices")
        raise notes.refuse("Payment service could not be found")
    return wrap(call, {"PaymentServices": []})


#: Name of what hangs below → its paths with their methods, as the document lists them (SPEC, paths).
BELOW: dict[str, tuple[tuple[str, str, Below], ...]] = {
    "History": (("History", "GET PUT", history),),
    "Attachments": (
        ("Attachments", "GET", attachments),
        ("Attachments/{FileName}", "GET PUT POST", attachments),
    ),
    "Allocations": (
        ("Allocations", "PUT", allocations),
        ("Allocations/{AllocationID}", "DELETE", allocations),
    ),
    "CISSettings": (("CISSettings", "GET", cis_settings),),
    "Contacts": (
        ("Contacts", "PUT DELETE", group_contacts),
        ("Contacts/{ContactID}", "DELETE", group_contacts),
    ),
    "Email": (("Email", "POST", email),),
    "OnlineInvoice": (("OnlineInvoice", "GET", online_invoice),),
    "Options": (
        ("Options", "PUT", options),
        ("Options/{TrackingOptionID}", "POST DELETE", options),
    ),
    "PaymentServices": (("PaymentServices", "GET POST", payment_services),),
    "pdf": (("pdf", "GET", pdf),),
}
