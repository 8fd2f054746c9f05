"""The accounting API behind its gate: which call does what, and how the answer is wrapped."""

from __future__ import annotations

from typing import Any

from ledger_sync.sandbox.quickbooks import attachments, batch, currencies, errors, paper, query, sales, taxes, wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.entities import ENTITIES, shown
from ledger_sync.sandbox.quickbooks.errors import Invalid, Refused
from ledger_sync.sandbox.quickbooks.gate import wrap
from ledger_sync.sandbox.quickbooks.saving import Entity, Options
from ledger_sync.sandbox.quickbooks.wire import Row
from practice.core import clock
from practice.core.sandbox.http import Request, Response

ROOT = "/v3/company/"
METHODS = ("GET", "POST")
#: Calls that are not about one kind of object.
SERVICES = ("query", "batch", "cdc", "upload", "taxservice", "taxclassification")
#: Voided by ``operation=void``; the rest by an update with ``include=void`` (mixins.py of the Python library).
_VOIDED_BY_OPERATION = ("Invoice", "CreditMemo")


def answer(books: Books, request: Request, parts: list[str]) -> Response:
    """Work one call; ``parts`` is its path below the company. Raises Invalid or Refused."""
    name = parts[0].lower() if parts else ""
    if request.method not in METHODS:  # how others are refused is unsure
        raise Invalid(errors.unsupported(request.method))
    if name == "download" and len(parts) == 2:
        row = _one(books, ENTITIES["attachable"], parts[1])
        return Response(200, str(attachments.show(books, row).get("TempDownloadUri", "")).encode(),
                        {"Content-Type": "text/plain"})  # fmt: skip
    if name in SERVICES:
        return wrap(_service(books, request, name, parts[1:]))
    entity = ENTITIES.get(name)
    if entity is None:
        raise Invalid(errors.unsupported(name or "nothing"))
    if len(parts) == 3 and parts[2].lower() == "pdf" and request.method == "GET":
        _allowed(entity, "pdf")
        return Response(200, paper.pdf(books, _one(books, entity, parts[1])), {"Content-Type": "application/pdf"})
    return wrap(_entity(books, request, entity, parts))


def _service(books: Books, request: Request, name: str, rest: list[str]) -> Row:
    if name == "query":
        return {"QueryResponse": query.run(books, _asked(request))}
    if name == "cdc":
        return batch.changes(books, request.arg("entities"), request.arg("changedSince"))
    if name == "taxclassification":
        return _classifications(books, request, rest)
    if request.method != "POST":
        raise Invalid(errors.unsupported(name))
    if books.read_only:
        raise Invalid(errors.expired())
    if name == "upload":
        return attachments.upload(books, request)
    if name == "taxservice":
        if [part.lower() for part in rest] != ["taxcode"]:
            raise Invalid(errors.unsupported("/".join([name, *rest])))
        return taxes.serve(books, _json(request))
    return batch.run(books, _json(request), with_request_id=bool(request.arg("requestid")))


def _asked(request: Request) -> str:
    """The query of a request. Raises Invalid or Refused for none."""
    text = _text(request.body) if request.method == "POST" else request.arg("query")
    if text.strip():
        return text
    if request.method == "POST":
        # Captured: QuickBooks-V3-PHP-SDK#8.
        raise Invalid(errors.query("4000", "QueryParserError: The query provided was empty"))
    raise Refused(errors.system(200))  # captured: Servosity#90


def _classifications(books: Books, request: Request, rest: list[str]) -> Row:
    """Intuit's classes of goods and services: all, of a level, one, or the children of one. Raises Invalid."""
    if request.method != "GET":
        raise Invalid(errors.unsupported("taxclassification"))
    table = books.table("TaxClassification").values()
    rows = [{key: value for key, value in row.items() if key in _CLASSIFIED} for row in table]
    if len(rest) == 2 and rest[1].lower() == "children":
        return {"QueryResponse": {"TaxClassification": [row for row in rows if wire.ref(row, "ParentRef") == rest[0]]}}
    if rest:
        found = [row for row in rows if row["id"] == rest[0]]
        if not found:
            raise Invalid(errors.not_found())
        return {"TaxClassification": found[0]}
    level = request.arg("level")
    return {"QueryResponse": {"TaxClassification": [row for row in rows if level in ("", row["level"])]}}


_CLASSIFIED = frozenset("id code name description level ParentRef applicableTo".split())


def _entity(books: Books, request: Request, entity: Entity, parts: list[str]) -> Row:
    """Read, change or send one object. Raises Invalid."""
    if request.method == "GET":
        _allowed(entity, "read")
        return {entity.title: _read(books, request, entity, parts[1:])}
    if request.method != "POST":
        raise Invalid(errors.unsupported(request.method))
    if len(parts) == 3 and parts[2].lower() == "send":
        return {entity.title: _send(books, entity, parts[1], request.arg("sendTo"))}
    if len(parts) > 1:
        raise Invalid(errors.unsupported("/".join(parts[1:])))
    include = frozenset(part for part in request.arg("include").lower().split(",") if part)
    operation = request.arg("operation").lower()
    if not books.switches.void_either_way:
        if entity.name in _VOIDED_BY_OPERATION:
            include -= {"void"}
        elif operation == "void":
            raise Invalid(errors.unsupported("void"))
    return batch.change(books, entity, operation, _json(request), Options(include))


def _read(books: Books, request: Request, entity: Entity, rest: list[str]) -> Row:
    if entity.name == "ExchangeRate":
        day = request.arg("asofdate") or books.today()
        if wire.as_date(day) is None:
            raise Invalid(errors.bad_date())
        return currencies.asked_rate(books, request.arg("sourcecurrencycode"), str(wire.as_date(day)))
    key = rest[0] if rest else "1" if entity.name == "Preferences" else ""
    if len(rest) > 1:
        raise Invalid(errors.unsupported("/".join(rest)))
    if entity.name == "CompanyInfo":
        key = "1" if key == books.realm else key
    row = shown(books, entity, _one(books, entity, key))
    if "invoicelink" in request.arg("include").lower() and entity.name == "Invoice":
        sales.add_link(books, row)
    return row


def _send(books: Books, entity: Entity, key: str, address: str) -> Row:
    """Email a document. Raises Invalid, and Refused after the last email of a day."""
    _allowed(entity, "send")
    if books.read_only:
        raise Invalid(errors.expired())
    sent = sales.send(books, entity.name, key, address)
    _count_mail(books)
    return shown(books, entity, sent)


def _allowed(entity: Entity, verb: str) -> None:
    if verb not in entity.verbs:
        raise Invalid(errors.unsupported(verb))


def _one(books: Books, entity: Entity, key: str) -> Row:
    row = books.get(entity.name, key)
    if row is None:
        raise Invalid(errors.not_found())
    return row


def _text(body: bytes) -> str:
    """A body as text. Raises Invalid unless it is UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Invalid(errors.not_utf8()) from None


def _json(request: Request) -> Any:
    _text(request.body)
    try:
        body = wire.decode(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Invalid(errors.unreadable())
    return body


def _count_mail(books: Books) -> None:
    """Sandbox companies may send forty emails a day (Intuit docs). Raises Refused for one more."""
    day = clock.now().date().isoformat()
    row = books.store.get(f"{books.realm}:_mails", day) or {"sent": 0}
    if row["sent"] >= books.limits.emails_day:
        raise Refused(errors.throttled(form=books.switches.throttle_form, retry_after=None))
    books.store.put(f"{books.realm}:_mails", day, {"sent": row["sent"] + 1})
