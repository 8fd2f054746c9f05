"""The accounting API behind its gate: which call does what, and how the answer is wrapped."""

from __future__ import annotations

from typing import Any

from ledger_sync.sandbox.quickbooks import attachments, batch, errors, paper, query, sales, wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.entities import ENTITIES, shown
from ledger_sync.sandbox.quickbooks.errors import Invalid, Problem, Refused
from ledger_sync.sandbox.quickbooks.gate import wrap
from ledger_sync.sandbox.quickbooks.saving import Entity, Options
from ledger_sync.sandbox.quickbooks.wire import Row
from practice.core import clock
from practice.core.sandbox.http import Request, Response

ROOT = "/v3/company/"
_SENDABLE = ("Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt")


def answer(books: Books, request: Request, parts: list[str]) -> Response:
    """Work one call; ``parts`` is its path below the company. Raises Invalid or Refused."""
    name = parts[0].lower() if parts else ""
    tid = f"1-{books.ids.text(8, '0123456789abcdef')}-{books.ids.text(24, '0123456789abcdef')}"
    if name == "download" and len(parts) == 2:
        row = _one(books, ENTITIES["attachable"], parts[1])
        return Response(200, attachments.show(books, row)["TempDownloadUri"].encode(), {"Content-Type": "text/plain"})
    if name in ("query", "batch", "cdc", "upload"):
        return wrap(_service(books, request, name), tid)
    entity = ENTITIES.get(name)
    if entity is None:
        raise Invalid(errors.unsupported(name or "nothing"))
    if len(parts) == 3 and parts[2].lower() == "pdf" and request.method == "GET":
        return Response(200, paper.pdf(books, _one(books, entity, parts[1])), {"Content-Type": "application/pdf"})
    return wrap(_entity(books, request, entity, parts), tid)


def _service(books: Books, request: Request, name: str) -> Row:
    if name == "query":
        text = request.body.decode("utf-8", "replace") if request.method == "POST" else request.arg("query")
        if not text.strip():
            raise Refused(errors.system(200))
        return {"QueryResponse": query.run(books, text)}
    if name == "cdc":
        return batch.changes(books, request.arg("entities"), request.arg("changedSince"))
    if request.method != "POST":
        raise Invalid(errors.unsupported(name))
    if name == "upload":
        return attachments.upload(books, request)
    return batch.run(books, _json(request), with_request_id=bool(request.arg("requestid")))


def _entity(books: Books, request: Request, entity: Entity, parts: list[str]) -> Row:
    """Read, change or send one object."""
    if request.method == "GET":
        key = parts[1] if len(parts) > 1 else "1" if entity.name == "Preferences" else ""
        if entity.name == "CompanyInfo":
            key = "1" if key == books.realm else key
        return {entity.name: shown(books, entity, _one(books, entity, key))}
    if len(parts) == 3 and parts[2].lower() == "send":
        if entity.name not in _SENDABLE:
            raise Invalid(errors.unsupported("send"))
        _count_mail(books)
        return {entity.name: shown(books, entity, sales.send(books, entity.name, parts[1], request.arg("sendTo")))}
    if len(parts) > 1:
        raise Invalid(errors.unsupported("/".join(parts[1:])))
    include = frozenset(part for part in request.arg("include").lower().split(",") if part)
    body = _json(request)
    return {entity.name: batch.change(books, entity, request.arg("operation").lower(), body, Options(include))}


def _one(books: Books, entity: Entity, key: str) -> Row:
    row = books.get(entity.name, key)
    if row is None:
        raise Invalid(errors.not_found())
    return row


def _json(request: Request) -> Any:
    try:
        body = wire.decode(request.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Invalid(Problem("2010", "Request has invalid or unsupported property", "The body is not a JSON object"))
    return body


def _count_mail(books: Books) -> None:
    """Sandbox companies may send forty emails a day (Intuit docs)."""
    day = clock.now().date().isoformat()
    row = books.store.get(f"{books.realm}:_mails", day) or {"sent": 0}
    if row["sent"] >= books.limits.emails_day:
        raise Refused(errors.throttled(upper_case=books.switches.throttle_upper_case, retry_after=None))
    books.store.put(f"{books.realm}:_mails", day, {"sent": row["sent"] + 1})
