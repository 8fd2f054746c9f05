"""The accounting API behind its gate: which call does what, and how the answer is wrapped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ledger_sync.sandbox.xero import crediting, lists, notes, tracking, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import JSON, Invalid, Refused, malformed, not_found, validation
from ledger_sync.sandbox.xero.resources import RESOURCES, Resource
from ledger_sync.sandbox.xero.settings import AppRegistration, Limits
from ledger_sync.sandbox.xero.wire import Row
from practice.core.sandbox.http import Request, Response

ROOT = "/api.xro/2.0/"
#: Fields that hold one object, and fields that hold a list of them.
_OBJECTS = frozenset(
    "Account BankAccount Contact CreditNote FromBankAccount Invoice Overpayment Prepayment PurchaseDetails "
    "SalesDetails ToBankAccount".split()
)
_LISTS = frozenset("Addresses ContactPersons Payments Phones TaxComponents".split())


@dataclass(frozen=True)
class Call:
    """One call that has passed the gate."""

    request: Request
    books: Books
    limits: Limits
    app: AppRegistration

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.request.method


def scope_of(path: str) -> str:
    """The scope that a path needs. Raises Refused with 404 for a path the API does not have."""
    parts = path[len(ROOT) :].strip("/").split("/")
    if parts[0].lower() == "invoicereminders":
        return "accounting.settings"
    if len(parts) > 2 and parts[2].lower() == "attachments":
        return "accounting.attachments"
    return _resource(parts[0]).scope


def _resource(name: str) -> Resource:
    resource = RESOURCES.get(name.lower())
    if resource is None:
        raise not_found()
    return resource


def answer(call: Call) -> Response:
    """Work one call. Raises Refused."""
    parts = call.request.path[len(ROOT) :].strip("/").split("/", 3)
    if call.request.arg("unitdp") == "4":
        call = replace(call, books=replace(call.books, unit_places=4))
    if parts[0].lower() == "invoicereminders":
        return _wrap(call, {"InvoiceReminders": [{"Enabled": call.books.switches.invoice_reminders}]})
    resource = _resource(parts[0])
    if len(parts) <= 2 and call.method not in resource.methods.split():
        raise Refused(Response(405, b"", {"Allow": resource.methods.replace(" ", ", ")}))
    if len(parts) == 1:
        if call.method == "GET":
            return _wrap(call, lists.answer(call.books, call.limits, resource, call.request))
        return _write(call, resource, elements(call.request, resource.name), None)
    if len(parts) == 2:
        return _one(call, resource, parts[1])
    return _below(call, resource, parts)


def _one(call: Call, resource: Resource, reference: str) -> Response:
    row = resource.named(call.books, reference)
    if row is None:
        raise not_found()
    if call.method == "GET":
        if resource.name in ("Invoices", "CreditNotes") and "application/pdf" in call.request.headers.get("accept", ""):
            return Response(200, notes.pdf(call.books, row), {"Content-Type": "application/pdf"})
        form = "archived" if lists.is_true(call.request.arg("includeArchived")) else "one"
        return _wrap(call, {_plural(resource): [resource.show(call.books, row, form)]})
    if call.method == "DELETE":
        return _delete(call, resource, row)
    if call.method == "PUT":
        raise Refused(Response(405, b"", {"Allow": "GET, POST"}))
    sent = elements(call.request, resource.name)
    return _write(call, resource, [{**element, resource.key: row[resource.key]} for element in sent[:1]], row)


def _plural(resource: Resource) -> str:
    return "Organisations" if resource.name == "Organisation" else resource.name


def _delete(call: Call, resource: Resource, row: Row) -> Response:
    if resource.delete is None:
        raise not_found()
    try:
        deleted = resource.delete(call.books, row)
    except Invalid as invalid:
        raise validation([_in_error(resource, row, invalid)]) from invalid
    if deleted is None:
        return Response(204)
    return _wrap(call, {resource.name: [resource.show(call.books, deleted, "one")]})


def elements(request: Request, name: str) -> list[Row]:
    """The elements of a body: ``{"Invoices": [...]}``, a list, or one object. Raises Refused for anything else."""
    try:
        body = wire.decode(request.body)
    except (ValueError, UnicodeDecodeError):
        raise malformed("the body is not valid JSON") from None
    inside = body.get(name, [body]) if isinstance(body, dict) else body
    inside = [inside] if isinstance(inside, dict) else inside
    if not isinstance(inside, list) or not inside or not all(isinstance(element, dict) for element in inside):
        raise malformed(f"{name} expected")
    return [_well_formed({key: value for key, value in element.items() if value is not None}) for element in inside]


def _well_formed(element: Row) -> Row:
    for key, value in element.items():
        is_list = isinstance(value, list) and all(isinstance(item, dict) for item in value)
        if (key in _OBJECTS and not isinstance(value, dict)) or (key in _LISTS and not is_list):
            raise malformed(key)
    return element


def _write(call: Call, resource: Resource, sent: list[Row], row: Row | None) -> Response:
    """Save elements one by one, in the order sent, each in a savepoint of its own.

    ``summarizeErrors=true``: one bad element refuses the whole request (all or nothing is assumed, unsure).
    ``false``: 200 with a status for each element. A path with an id has no such choice.
    """
    if resource.save is None:
        raise not_found()
    asked = call.request.arg("summarizeErrors")
    summarize = (
        lists.is_true(asked) if asked and row is None else call.books.switches.summarize_default or row is not None
    )
    shown, failed = [], []
    for element in sent:
        try:
            with call.books.store.transaction():
                saved = resource.save(call.books, element, call.method)
        except Invalid as invalid:
            failed.append(_in_error(resource, element, invalid))
            shown.append({**failed[-1], "StatusAttributeString": "ERROR", resource.flag: True})
            continue
        answer = resource.show(call.books, saved, "one")
        shown.append(answer if summarize else {**answer, "StatusAttributeString": "OK", resource.flag: False})
    if failed and summarize:
        raise validation(failed)
    return _wrap(call, {resource.name: shown})


def _in_error(resource: Resource, element: Row, invalid: Invalid) -> Row:
    """What was sent, with its errors; something new gets the zero id (SPEC)."""
    errors = [{"Message": message} for message in invalid.messages]
    return {resource.key: wire.ZERO_ID, **wire.echo(element), "ValidationErrors": errors}


# Below a document: /{Resource}/{id}/{Sub}[/{rest}]


def _below(call: Call, resource: Resource, parts: list[str]) -> Response:
    row = resource.named(call.books, parts[1])
    sub, rest = parts[2].lower(), parts[3] if len(parts) > 3 else ""
    if sub == "history":
        return _history(call, resource, row)
    if row is None:
        raise not_found()
    handler = _BELOW.get((resource.name, sub)) or _BELOW.get(("", sub))
    if handler is None:
        raise not_found()
    return handler(call, resource, row, rest)


def _history(call: Call, resource: Resource, row: Row | None) -> Response:
    if row is None:
        raise notes.refuse("The document with the supplied id was not found for this endpoint.")
    key = str(row[resource.key])
    if call.method == "GET":
        return _wrap(call, {"HistoryRecords": call.books.history(key)})
    added = notes.add_notes(call.books, resource.table, key, elements(call.request, "HistoryRecords"))
    return _wrap(call, {"HistoryRecords": added})


def _attachments(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    key = str(row[resource.key])
    if call.method == "GET":
        if rest:
            return notes.download(notes.attachment(call.books, key, rest))
        return _wrap(call, {"Attachments": notes.attachments(call.books, key)})
    online = lists.is_true(call.request.arg("IncludeOnline"))
    saved = notes.attach(call.books, call.limits, resource.table, row, rest, call.request.body, online=online)
    return _wrap(call, {"Attachments": [saved]})


def _allocations(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    if call.method == "DELETE":
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
        return _wrap(call, gone)
    shown, failed = [], []
    for element in elements(call.request, "Allocations"):
        try:
            with call.books.store.transaction():
                made = crediting.allocate(call.books, resource.name, row[resource.key], element)
        except Invalid as invalid:
            errors = [{"Message": message} for message in invalid.messages]
            failed.append({**wire.echo(element), "ValidationErrors": errors})
            shown.append({**failed[-1], "StatusAttributeString": "ERROR"})
            continue
        source = {crediting.CREDITS[resource.name].key: row[resource.key], "ID": row[resource.key], "LineItems": []}
        shown.append(
            {
                **crediting.allocation_on(call.books, made["AllocationID"]),
                resource.name[:-1]: source,
                "ValidationErrors": [],
            }
        )
    asked = call.request.arg("summarizeErrors")
    if failed and (lists.is_true(asked) if asked else call.books.switches.summarize_default):
        raise validation(failed)
    return _wrap(call, {"Allocations": shown})


def _email(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    notes.email(call.books, row)
    return Response(204)


def _online(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    return _wrap(call, {"OnlineInvoices": [{"OnlineInvoiceUrl": notes.online_url(call.books, row)}]})


def _options(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    try:
        if call.method == "PUT":
            options = tracking.add_options(call.books, row, elements(call.request, "Options"))
        elif call.method == "DELETE":
            options = [tracking.change_option(call.books, row, rest, {"Status": "DELETED"})]
        else:
            options = [tracking.change_option(call.books, row, rest, elements(call.request, "Options")[0])]
    except Invalid as invalid:
        raise notes.refuse(invalid.messages[0]) from invalid
    return _wrap(call, {"Options": options})


def _group_contacts(call: Call, resource: Resource, row: Row, rest: str) -> Response:
    members = [
        member for member in row["Contacts"] if call.method != "DELETE" or (rest and member["ContactID"] != rest)
    ]
    if call.method == "PUT":
        for element in elements(call.request, "Contacts"):
            contact = call.books.get("Contacts", element.get("ContactID"))
            if contact is None:
                raise notes.refuse("The contact could not be found.")
            members.append({"ContactID": contact["ContactID"], "Name": contact["Name"]})
    call.books.put("ContactGroups", {**row, "Contacts": members})
    return Response(204) if call.method == "DELETE" else _wrap(call, {"Contacts": members})


Below = Callable[[Call, Resource, Row, str], Response]
_BELOW: dict[tuple[str, str], Below] = {
    ("", "attachments"): _attachments,
    ("CreditNotes", "allocations"): _allocations,
    ("Overpayments", "allocations"): _allocations,
    ("Prepayments", "allocations"): _allocations,
    ("Invoices", "email"): _email,
    ("Invoices", "onlineinvoice"): _online,
    ("TrackingCategories", "options"): _options,
    ("ContactGroups", "contacts"): _group_contacts,
}


def _wrap(call: Call, content: Row) -> Response:
    """Xero's envelope; as XML for a caller who did not ask for JSON (Xero docs, Requests and responses)."""
    key = call.books.ids.new()
    body: Row = {
        "Id": key,
        "Status": "OK",
        "ProviderName": call.app.name,
        "DateTimeUTC": call.books.stamp(),
        **content,
    }
    headers = {"Xero-Correlation-Id": key}
    if "json" not in call.request.headers.get("accept", ""):
        text = wire.to_xml("Response", wire.echo(body))
        return Response(200, text.encode(), {**headers, "Content-Type": "text/xml; charset=utf-8"})
    return Response(200, wire.encode(body).encode(), {**headers, "Content-Type": JSON})
