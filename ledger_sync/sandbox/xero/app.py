"""The sandbox itself: one address for identity, API, bookkeeper's pages and controls."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace

from ledger_sync.sandbox import control
from ledger_sync.sandbox.xero import api, company, errors
from ledger_sync.sandbox.xero.bookkeeper import Bookkeeper
from ledger_sync.sandbox.xero.books import BOOKKEEPER, KEYS, Books, Ids
from ledger_sync.sandbox.xero.calls import Call
from ledger_sync.sandbox.xero.errors import Refused
from ledger_sync.sandbox.xero.gate import Gate
from ledger_sync.sandbox.xero.oauth import Identity
from ledger_sync.sandbox.xero.pages import Pages
from ledger_sync.sandbox.xero.settings import AppRegistration, Limits, Switches
from ledger_sync.sandbox.xero.webhooks import Webhooks
from ledger_sync.sandbox.xero.wire import Row
from practice.core import clock
from practice.core.sandbox import words
from practice.core.sandbox.faults import AFTER, BEFORE, Fault, Faults, hang_up, mangle
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.store import Store
from practice.core.sandbox.webhooks import Outbox, Send


class XeroSandbox:
    """Xero's accounting API with an organisation in it, for tests and the demo.

    ``company`` is "vendor" (a firm with a year of business), "empty" (chart, taxes and organisation) or a description
    as :func:`company.found` takes it; it is founded only when the store is new. ``send`` delivers webhooks.
    """

    def __init__(
        self,
        store: Store | None = None,
        *,
        base_url: str = "http://xero.test",
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
        self.gate = Gate(self.store, self.ids, limits or Limits(), self.app, self.settings)
        self.identity = Identity(self.store, self.ids, self.app, self.settings, self.gate, self.base_url)
        self.webhooks = Webhooks(self.store, self.ids, self.app, send, seed, self.limits)
        self._working: Counter[str] = Counter()
        self._counting = threading.Lock()
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
    def tenant_id(self) -> str:
        """The first organisation."""
        return next(iter(self.store.table("_tenants")))

    @property
    def bookkeeper(self) -> Bookkeeper:
        """What a person can do in the first organisation."""
        return self.bookkeeper_of(self.tenant_id)

    def bookkeeper_of(self, tenant: str) -> Bookkeeper:
        """What a person can do in one organisation."""
        return Bookkeeper(replace(self.books(tenant), unit_places=4), self.identity)

    def books(self, tenant: str, *, by_app: bool = False) -> Books:
        """The books of one organisation, as the bookkeeper or as the app sees them."""
        actor = self.app.name if by_app else BOOKKEEPER
        return Books(self.store, tenant, self.ids, self.settings, self.base_url, actor, by_app)

    def credentials(self) -> dict[str, str]:
        """Everything an app needs to call: addresses, secrets, a fresh refresh token and the first organisation."""
        refresh_token, tenant = self.identity.credentials()
        return {
            "base_url": self.base_url,
            "client_id": self.app.client_id,
            "client_secret": self.app.client_secret,
            "refresh_token": refresh_token,
            "tenant_id": tenant,
            "webhook_secret": self.app.webhook_key,
        }

    def register_redirects(self, uris: list[str]) -> None:
        """Register the app's redirect addresses; from then on only these are accepted."""
        self.app.redirect_uris = list(uris)
        with self.store.transaction():
            self.store.put("_app", "registration", {"redirect_uris": list(uris)})

    # Requests

    def handle(self, request: Request) -> Response:
        """Answer one request. Raises ConnectionLost or TimedOut where Xero would not have answered."""
        path = request.path.lower()
        if path.startswith("/_sandbox"):
            return control.answer(self, request)
        if path.startswith("/books") or path == "/":
            return self.pages.answer(request)
        fault = self.faults.take(request, BEFORE)
        if fault is not None:
            hang_up(fault)
            return words.otherwise(self.store, self._spoiled(fault, request))
        response = words.otherwise(self.store, self._answer(request))
        fault = self.faults.take(request, AFTER)
        return mangle(fault, response) if fault is not None else response

    def tick(self) -> None:
        """Let time pass: shake hands with the webhook's address, send what is waiting."""
        self.webhooks.run()

    def _answer(self, request: Request) -> Response:
        try:
            if request.path.startswith(api.ROOT):
                with self._slot(request):
                    response = self._call(request)
                    if self.settings.latency:
                        clock.sleep(self.settings.latency)
                    return response
            with self.store.lock:
                return self._identity(request)
        except Refused as refused:
            return refused.response

    def _identity(self, request: Request) -> Response:
        path = request.path.lower().rstrip("/")
        identity = self.identity
        handlers: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/.well-known/openid-configuration"): lambda _: identity.discovery(),
            ("GET", "/.well-known/openid-configuration/jwks"): lambda _: identity.keys(),
            ("GET", "/identity/connect/authorize"): identity.authorise,
            ("POST", "/identity/connect/authorize"): identity.authorise,
            ("POST", "/connect/token"): identity.token,
            ("POST", "/connect/revocation"): identity.revoke,
            ("GET", "/connect/userinfo"): identity.userinfo,
            ("GET", "/connections"): identity.connections,
        }
        handler = handlers.get((request.method, path))
        if handler is not None:
            return handler(request)
        if path.startswith("/connections/") and request.method == "DELETE":
            return identity.delete_connection(request, path.rpartition("/")[2])
        if path.startswith("/in/"):
            return self.pages.online_invoice(path.rpartition("/")[2])
        raise errors.not_found()

    @contextmanager
    def _slot(self, request: Request) -> Iterator[None]:
        """One of the tenant's places for calls at the same time. Raises Refused with 429 and no Retry-After."""
        tenant = request.headers.get("xero-tenant-id", "").lower()
        with self._counting:
            self._working[tenant] += 1
            full = self._working[tenant] > self.limits.concurrent
        try:
            if full:
                raise self.gate.limited("concurrent", None, {})
            yield
        finally:
            with self._counting:
                self._working[tenant] -= 1

    def _call(self, request: Request) -> Response:
        with self.store.transaction():
            caller = self.gate.caller(request)
            tenant = self.gate.tenant(request, caller)
            self.gate.check_scope(caller, api.scope_of(request.path), request.method)
            left = self.gate.spend(tenant, caller.client_id)
            response = self.gate.replay(request, caller.client_id)
            if response is None:
                response = self._work(request, tenant)
                if response.status < 400 or self.settings.cache_errors:
                    self.gate.remember(request, caller.client_id, response)
            response.headers.update(left)
            return response

    def _work(self, request: Request, tenant: str) -> Response:
        """Work a call; whatever it refuses leaves no trace."""
        if len(request.body) > max(
            self.limits.body_bytes, "/attachments/" in request.path.lower() and self.limits.attachment_bytes
        ):
            return Response(413)
        try:
            with self.store.transaction():
                return api.answer(Call(request, self.books(tenant, by_app=True), self.limits, self.app))
        except Refused as refused:
            response = refused.response
            response.headers.setdefault("Xero-Correlation-Id", self.ids.new())
            return response

    def _spoiled(self, fault: Fault, request: Request) -> Response:
        """Xero's own words for a fault that does answer; ``unauthorised:gone`` is an organisation that is gone.

        A 500 is kept under the request's idempotency key (docs).
        """
        if fault.kind == "unauthorised" and fault.detail == "gone":
            return self.gate.forbidden().response
        if fault.kind == "unauthorised":
            return self.gate.expired(self.books(self.tenant_id).stamp()).response
        if fault.kind == "rate_limited":
            wait = 30 if fault.retry_after is None else fault.retry_after
            return self.gate.limited(fault.detail or "minute", wait, {}).response
        if fault.kind == "server_error":
            response = errors.internal(self.ids.new()).response
            if self.settings.cache_errors and request.path.startswith(api.ROOT):
                with self.store.transaction():
                    self.gate.remember(request, self.app.client_id, response)
            return response
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        return Response.of_html("<html><body><h1>Service Unavailable</h1></body></html>", 503, headers)

    def dump(self) -> dict[str, dict[str, Row]]:
        """Every table, for a check that trusts nobody."""
        with self.store.lock:
            names = list(self.store.table("_tenants"))
            kinds = [f"{tenant}:{kind}" for tenant in names for kind in KEYS]
            tables = {kind: dict(self.store.table(kind)) for kind in kinds}
            for tenant in names:
                past = self.store.table(f"{tenant}:_history")
                tables[f"{tenant}:History"] = {key: {**row, "document": key} for key, row in past.items()}
            return tables

    def summary(self) -> Row:
        """How many rows each organisation has, and how the sandbox stands."""
        with self.store.lock:
            tenants = {
                tenant: {kind: len(self.store.table(f"{tenant}:{kind}")) for kind in KEYS}
                for tenant in self.store.table("_tenants")
            }
            return {
                "provider": "xero",
                "tenants": tenants,
                "webhook": self.webhooks.state,
                "waiting": len(self.store.table("_delivery")) + len(self.store.table("_events")),
                "faults": [asdict(fault) for fault in self.faults.ordered],
                "fired": dict(self.faults.fired),
                "limits": asdict(self.limits),
                "settings": asdict(self.settings),
            }
