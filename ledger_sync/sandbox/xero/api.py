"""The accounting API behind its gate: every path with its methods, and what a call to each does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ledger_sync.sandbox.xero import actions, lists, notes
from ledger_sync.sandbox.xero.below import BELOW, Below
from ledger_sync.sandbox.xero.calls import Call, elements, in_error, summarizes, wrap
from ledger_sync.sandbox.xero.errors import Invalid, Refused, not_found, validation
from ledger_sync.sandbox.xero.resources import RESOURCES, Resource
from ledger_sync.sandbox.xero.wire import Row
from practice.core.sandbox.http import Response

ROOT = "/api.xro/2.0/"
Work = Callable[[Call, list[str]], Response]


@dataclass(frozen=True)
class Route:
    """One path of the API, such as ``Invoices/{InvoiceID}/History``, with the methods it takes and its scope."""

    path: str
    methods: tuple[str, ...]
    scope: str
    work: Work

    def fits(self, parts: list[str]) -> bool:
        """Whether a path, split at its slashes, is one of this route; names go without case."""
        own = self.path.split("/")
        return len(own) == len(parts) and all(
            part and (name.startswith("{") or name.lower() == part.lower())
            for name, part in zip(own, parts, strict=True)
        )


def _routes() -> Iterator[Route]:
    yield Route("Organisation/Actions", ("GET",), "accounting.settings", actions.answer)
    yield Route("InvoiceReminders/Settings", ("GET",), "accounting.settings", _reminders)
    for name, resource in RESOURCES.items():
        shown = resource.name if resource.name.lower() == name else "Organisations"
        one = f"{shown}/{{{resource.key}}}"
        yield Route(shown, tuple(resource.methods.split()), resource.scope, _many(resource))
        if resource.one:
            yield Route(one, tuple(resource.one.split()), resource.scope, _single(resource))
        for below in resource.below.split():
            scope = "accounting.attachments" if below == "Attachments" else resource.scope
            for path, methods, work in BELOW[below]:
                yield Route(f"{one}/{path}", tuple(methods.split()), scope, _under(resource, work, below))


def route_of(path: str) -> tuple[Route, list[str]]:
    """The route that a path belongs to, and the path's parts. Raises Refused with 404 for one the API lacks."""
    # A file name may hold an escaped slash, so the last part takes whatever is left.
    parts = path[len(ROOT) :].strip("/").split("/", 3)
    for route in _BY_NAME.get(parts[0].lower(), ()):
        if route.fits(parts):
            return route, parts
    raise not_found()


def scope_of(path: str) -> str:
    """The scope that a path needs. Raises Refused with 404 for a path the API does not have."""
    return route_of(path)[0].scope


def answer(call: Call) -> Response:
    """Work one call. Raises Refused; 405 for a method the path lacks is unsure (switch)."""
    route, parts = route_of(call.request.path)
    if call.method not in route.methods:
        if call.books.switches.wrong_method_404:
            raise not_found()
        raise Refused(Response(405, b"", {"Allow": ", ".join(route.methods)}))
    if call.request.arg("unitdp") == "4":
        call = replace(call, books=replace(call.books, unit_places=4))
    return route.work(call, parts)


def _reminders(call: Call, parts: list[str]) -> Response:
    return wrap(call, {"InvoiceReminders": [{"Enabled": call.books.switches.invoice_reminders}]})


def _many(resource: Resource) -> Work:
    def work(call: Call, parts: list[str]) -> Response:
        if call.method == "GET":
            return wrap(call, lists.answer(call.books, call.limits, resource, call.request))
        return _write(call, resource, elements(call, resource.name), None)

    return work


def _single(resource: Resource) -> Work:
    def work(call: Call, parts: list[str]) -> Response:
        row = resource.named(call.books, parts[1])
        if row is None:
            raise not_found()
        if call.method == "GET":
            return _show(call, resource, row)
        if call.method == "DELETE":
            return _delete(call, resource, row)
        sent = elements(call, resource.name)
        return _write(call, resource, [{**element, resource.key: row[resource.key]} for element in sent[:1]], row)

    return work


def _under(resource: Resource, work: Below, name: str) -> Work:
    def found(call: Call, parts: list[str]) -> Response:
        row = resource.named(call.books, parts[1])
        if row is None:
            if name == "History":
                raise notes.refuse("The document with the supplied id was not found for this endpoint.")  # SPEC
            raise not_found()
        return work(call, resource, row, parts[3] if len(parts) > 3 else "")

    return found


def _show(call: Call, resource: Resource, row: Row) -> Response:
    if "pdf" in resource.below and "application/pdf" in call.request.headers.get("accept", ""):
        return Response(200, notes.pdf(call.books, row), {"Content-Type": "application/pdf"})
    form = "archived" if lists.is_true(call.request.arg("includeArchived")) else "one"
    return wrap(call, {resource.plural: [resource.show(call.books, row, form)]})


def _delete(call: Call, resource: Resource, row: Row) -> Response:
    if resource.delete is None:
        raise not_found()
    try:
        deleted = resource.delete(call.books, row)
    except Invalid as invalid:
        raise validation([in_error(resource, row, invalid)]) from invalid
    if deleted is None:
        return Response(204)
    return wrap(call, {resource.name: [resource.show(call.books, deleted, "one")]})


def _write(call: Call, resource: Resource, sent: list[Row], row: Row | None) -> Response:
    """Save elements one by one, in the order sent, each in a savepoint of its own.

    ``summarizeErrors=true``: one bad element refuses the whole request (all or nothing is assumed, unsure).
    ``false``: 200 with a status for each element. A path with an id has no such choice.
    """
    if resource.save is None:
        raise not_found()
    summarize = row is not None or summarizes(call)
    shown, failed = [], []
    for element in sent:
        try:
            with call.books.store.transaction():
                saved = resource.save(call.books, element, call.method)
        except Invalid as invalid:
            failed.append(in_error(resource, element, invalid))
            shown.append({**failed[-1], "StatusAttributeString": "ERROR", resource.flag: True})
            continue
        answer = resource.show(call.books, saved, "one")
        shown.append(answer if summarize else {**answer, "StatusAttributeString": "OK", resource.flag: False})
    if failed and summarize:
        refused = validation(failed)
        if call.books.switches.all_or_nothing:
            raise refused
        return refused.response
    return wrap(call, {resource.name: shown})


ROUTES = tuple(_routes())
_BY_NAME: dict[str, list[Route]] = {}
for _route in ROUTES:
    _BY_NAME.setdefault(_route.path.partition("/")[0].lower(), []).append(_route)
