"""The sandbox itself: one address for sign-in, API, bookkeeper's pages and controls."""

from __future__ import annotations

import re
from dataclasses import asdict

from ledger_sync.sandbox import control
from ledger_sync.sandbox.quickbooks import api, attachments, company, entitlements, errors
from ledger_sync.sandbox.quickbooks.bookkeeper import Bookkeeper
from ledger_sync.sandbox.quickbooks.books import KINDS, Books, Ids
from ledger_sync.sandbox.quickbooks.errors import Invalid, Refused
from ledger_sync.sandbox.quickbooks.gate import Gate
from ledger_sync.sandbox.quickbooks.oauth import Identity
from ledger_sync.sandbox.quickbooks.pages import Pages
from ledger_sync.sandbox.quickbooks.settings import AppRegistration, Limits, Switches
from ledger_sync.sandbox.quickbooks.webhooks import Webhooks
from ledger_sync.sandbox.quickbooks.wire import Row
from practice.core import clock
from practice.core.sandbox import words
from practice.core.sandbox.faults import AFTER, BEFORE, Fault, Faults, hang_up, mangle
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.store import Store
from practice.core.sandbox.webhooks import Outbox, Send


class QuickBooksSandbox:
    """QuickBooks Online's accounting API with a company in it, for tests and the demo.

    ``company`` is "vendor" (a firm with a year of business), "empty" (chart, terms and items) or a description as
    :func:`company.found` takes it; it is founded only when the store is new. ``send`` delivers webhooks.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        base_url: str = "http://qbo.test",
        webhook_url: str = "",
        send: Send | None = None,
        limits: Limits | None = None,
        seed: int = 0,
        company: str | Row = "vendor",
    ) -> None:
        self.store = store or Store()
        self.base_url = base_url.rstrip("/")
        self.settings = Switches()
        self.app = AppRegistration()
        self.faults = Faults()
        with self.store.transaction():
            start = self.store.next_id("_starts")
            saved = self.store.get("_app", "registration")
        if saved:
            self.app.redirect_uris = list(saved["redirect_uris"])
        self.ids = Ids(seed, start)
        self.gate = Gate(self.store, limits or Limits(), self.settings)
        self.identity = Identity(self.store, self.ids, self.app, self.settings, self.base_url)
        self.webhooks = Webhooks(self.store, self.ids, self.app, self.settings, send, seed)
        self._found(company)
        control.recall(self)
        self.pages = Pages(self)
        if webhook_url:
            self.webhooks.set_url(webhook_url)

    def _found(self, what: str | Row) -> None:
        if not self.store.table("_tenants"):
            company.found(self, what)

    # What a caller may reach

    @property
    def outbox(self) -> Outbox:
        """The webhooks waiting to go out, and how they misbehave (``outbox.trouble``)."""
        return self.webhooks.outbox

    @property
    def limits(self) -> Limits:
        """The limits in force; its fields may be set."""
        return self.gate.limits

    @property
    def realm_id(self) -> str:
        """The first company."""
        return next(iter(self.store.table("_tenants")))

    @property
    def bookkeeper(self) -> Bookkeeper:
        """What a person can do in the first company."""
        return self.bookkeeper_of(self.realm_id)

    def bookkeeper_of(self, realm: str) -> Bookkeeper:
        """What a person can do in one company."""
        return Bookkeeper(self.books(realm), self.identity)

    def books(self, realm: str, *, by_app: bool = False) -> Books:
        """The books of one company, as the bookkeeper or as the app sees them."""
        return Books(self.store, realm, self.ids, self.settings, self.limits, self.base_url, by_app)

    def credentials(self) -> dict[str, str]:
        """Everything an app needs to call: addresses, secrets, a fresh refresh token and the first company."""
        refresh_token, realm = self.identity.credentials()
        return {
            "base_url": self.base_url,
            "client_id": self.app.client_id,
            "client_secret": self.app.client_secret,
            "refresh_token": refresh_token,
            "realm_id": realm,
            "webhook_secret": self.app.webhook_secret,
        }

    def register_redirects(self, uris: list[str]) -> None:
        """Register the app's redirect addresses; from then on only these are accepted."""
        self.app.redirect_uris = list(uris)
        with self.store.transaction():
            self.store.put("_app", "registration", {"redirect_uris": list(uris)})

    # Requests

    def handle(self, request: Request) -> Response:
        """Answer one request. Raises ConnectionLost or TimedOut where QuickBooks would not have answered."""
        path = request.path.lower()
        if path.startswith("/_sandbox"):
            return control.answer(self, request)
        if path.startswith("/books") or path == "/":
            return self.pages.answer(request)
        fault = self.faults.take(request, BEFORE)
        if fault is not None:
            hang_up(fault)
            return self._spoiled(fault)
        response = words.otherwise(self.store, self._answer(request))
        fault = self.faults.take(request, AFTER)
        return mangle(fault, response) if fault is not None else response

    def tick(self) -> None:
        """Let time pass: send the notices that are waiting."""
        self.webhooks.run()

    def _answer(self, request: Request) -> Response:
        path = request.path.lower()
        try:
            if path.startswith(api.ROOT):
                return self._marked(self._call(request))
            with self.store.lock:
                if request.path.startswith("/files/"):
                    return self._file(request)
                if path.startswith(entitlements.ROOT):
                    return self._entitlements(request, path)
                return self.identity.answer(request)
        except Refused as refused:
            return self._marked(refused.response)

    def _marked(self, response: Response) -> Response:
        """Every answer carries the id that Intuit's support asks for, refusals too (Intuit docs, Troubleshooting)."""
        if "intuit_tid" not in response.headers:
            response.headers["intuit_tid"] = self.ids.tid()
        return response

    def _call(self, request: Request) -> Response:
        parts = [part for part in request.path[len(api.ROOT) :].split("/") if part]
        realm = parts[0] if parts else ""
        with self.store.transaction():
            self.gate.check(request, realm)
            self.gate.spend(realm, parts[1].lower() if len(parts) > 1 else "")
            try:
                response = self.gate.replay(request, realm)
                if response is None:
                    response = self._worked(request, realm, parts[1:])
                    self.gate.remember(request, realm, response)
            except Invalid as invalid:
                response = errors.faulty(invalid.problems)
            return response

    def _worked(self, request: Request, realm: str, parts: list[str]) -> Response:
        """The answer to a call that was let in: done whole, or refused with nothing changed. Raises Refused."""
        try:
            with self.store.transaction():
                return api.answer(self.books(realm, by_app=True), request, parts)
        except Invalid as invalid:
            known = request.method in api.METHODS
            return errors.faulty(invalid.problems, 400 if known else self.settings.other_method_status)

    def _entitlements(self, request: Request, path: str) -> Response:
        realm = path.removeprefix(entitlements.ROOT).strip("/")
        self.gate.check(request, realm)
        return entitlements.answer(self.books(realm))

    def _file(self, request: Request) -> Response:
        """The bytes of an attachment, from the address its record names."""
        realm, _, key = request.path.removeprefix("/files/").partition("/")
        row = self.books(realm).get("Attachable", key) if realm in self.store.table("_tenants") else None
        if row is None or not row.get("_content"):
            return Response(404)
        ends = request.arg("expires")
        if not re.fullmatch(r"[0-9]{1,12}", ends) or int(ends) < clock.now().timestamp():
            return Response(403, b"Request has expired", {"Content-Type": "text/plain"})
        return Response(200, attachments.content(row), {"Content-Type": attachments.kind_of(row)})

    def _spoiled(self, fault: Fault) -> Response:
        """QuickBooks' own words for a fault that does answer; ``detail`` picks among the forms it was seen in."""
        if fault.kind == "unauthorised":
            return {"3100": errors.forbidden, "120": errors.locked_out}.get(fault.detail, errors.unauthorised)()
        if fault.kind == "rate_limited":
            form = fault.detail if fault.detail in errors.FORMS else self.settings.throttle_form
            return errors.throttled(form=form, retry_after=fault.retry_after)
        if fault.kind == "server_error":
            problem = {"6000": errors.transient, "6190": errors.expired}.get(fault.detail)
            if problem is not None:
                return errors.faulty((problem(),))
            return errors.system(int(fault.detail) if fault.detail in ("200", "503") else 500)
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return Response.of_html("<html><body><h1>Service Unavailable</h1></body></html>", 503, headers)

    def dump(self) -> dict[str, dict[str, Row]]:
        """Every table, for a check that trusts nobody."""
        with self.store.lock:
            names = list(self.store.table("_tenants"))
            kinds = [f"{realm}:{kind}" for realm in names for kind in KINDS]
            return {kind: dict(self.store.table(kind)) for kind in kinds}

    def summary(self) -> Row:
        """How many rows each company has, and how the sandbox stands."""
        with self.store.lock:
            tenants = {
                realm: {kind: len(self.store.table(f"{realm}:{kind}")) for kind in KINDS}
                for realm in self.store.table("_tenants")
            }
            return {
                "provider": "quickbooks",
                "tenants": tenants,
                "webhook": self.webhooks.state,
                "waiting": len(self.store.table("_delivery")) + len(self.store.table("_events")),
                "faults": [asdict(fault) for fault in self.faults.ordered],
                "fired": dict(self.faults.fired),
                "limits": asdict(self.limits),
                "settings": asdict(self.settings),
            }
