"""The sandbox itself: whose key it is, which route, which answer, and what Stripe's edge adds to it."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime

from billing.sandbox.stripe import (
    accounts,
    edge,
    events,
    expanding,
    idempotency,
    intents,
    jobs,
    outside,
    parameters,
    past,
    routes,
    settings,
    wire,
)
from billing.sandbox.stripe.agenda import Agenda
from billing.sandbox.stripe.books import Books, public
from billing.sandbox.stripe.wire import API_VERSION, Refused, Row
from practice.core import clock
from practice.core.sandbox import faults, words
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.store import Store
from practice.core.sandbox.webhooks import Send

#: Stripe.js calls the API from the merchant's page, so the API answers any origin (docs.stripe.com/js).
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "authorization, content-type, stripe-version, idempotency-key",
    "Access-Control-Expose-Headers": "Request-Id",
    "Access-Control-Max-Age": "300",
}
_NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth "
    "(e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details."
)


class StripeSandbox:
    """Stripe as far as one practice needs it, with several accounts; state lives in the store."""

    def __init__(
        self,
        store: Store,
        *,
        base_url: str = "http://stripe.test",
        send: Send | None = None,
        country: str = "AU",
        seed: int = 0,
    ) -> None:
        self.store = store
        self.base_url = base_url.rstrip("/")
        self.seed = seed
        self.faults = faults.Faults()
        self.outbox = events.Deliveries(store, send, events.RETRIES, seed, sign=lambda *a: events.sign(store, *a))
        self.agenda = Agenda(store)
        self.gate = edge.Gate()
        self._open_accounts(country)

    def _open_accounts(self, country: str) -> None:
        for name, where, business in (
            ("acct_harbour", country, "Harbour and Vale Accountants"),
            ("acct_larkin", "US", "Larkin and Reed CPAs"),
        ):
            if self.store.get("_account", name) is None:
                self.open_account(name, country=where, business=business)

    def open_account(self, name: str, *, country: str, business: str, currency: str | None = None) -> Row:
        """Add a merchant account. Raises ValueError for a country without a tariff."""
        row = accounts.account(name, country=country, business=business, seed=self.seed, currency=currency)
        with self.store.transaction():
            return self.store.put("_account", name, row)

    def credentials(self, account: str) -> dict[str, str]:
        """The keys of an account. Raises KeyError for one nobody knows."""
        row = self.store.table("_account")[account]
        names = ("id", "secret_key", "restricted_key", "publishable_key", "country", "currency")
        return {("account" if name == "id" else name): row[name] for name in names}

    def configure(self, account: str, **given: object) -> None:
        """Turn an account's switches. Raises KeyError for unknown accounts or settings, ValueError for odd values."""
        self.run_due()  # what fell due before is done by the settings of its time
        row = dict(self.store.table("_account")[account])
        row["settings"] = settings.changed(row["settings"], given)
        with self.store.transaction():
            self.store.put("_account", account, row)

    def books(self, account: str, at: datetime | None = None) -> Books:
        """One account's objects, to look into or to change inside the store's transaction."""
        row = self.store.table("_account")[account]
        return Books(self.store, row, at or clock.now(), self.outbox, self.agenda, self.seed, self.base_url)

    def tick(self) -> None:
        """Let time pass: settle what is due and deliver webhooks."""
        self.run_due()
        self.outbox.pump()

    def run_due(self) -> int:
        """Do what has fallen due, without delivering webhooks. Returns how much that was."""
        with self.store.lock:
            return jobs.run_due(self.agenda, clock.now(), self.books)

    def handle(self, request: Request) -> Response:
        """Answer one request. Raises ConnectionLost or TimedOut where Stripe would not have answered."""
        self.run_due()
        if not request.path.startswith("/v1/"):
            return outside.answer(self, request)
        if request.method == "OPTIONS":
            return Response(204, b"", dict(CORS))
        fault = self.faults.take(request, faults.BEFORE)
        if fault is not None:
            faults.hang_up(fault)
        with self.gate.hold(request) as free, self.store.lock:
            response = words.otherwise(self.store, self._answer(request, fault, free=free))
        if after := self.faults.take(request, faults.AFTER):
            return faults.mangle(after, response)
        return response

    def _answer(self, request: Request, fault: faults.Fault | None, *, free: bool) -> Response:
        """Work a request, or word the fault that meets it, with the headers every answer has."""
        with self.store.transaction():
            request_id = f"req_{self.store.next_id('_request'):08d}"
        about = {"Request-Id": request_id, "Stripe-Version": request.headers.get("stripe-version", API_VERSION), **CORS}
        try:
            response = self._work(request, request_id, fault) if free else edge.in_use(request)
        except Refused as refused:
            response = refused.answer()
        response.headers = {**about, **response.headers}
        if said := edge.should_retry(response):
            response.headers["Stripe-Should-Retry"] = said
        return response

    def _work(self, request: Request, request_id: str, fault: faults.Fault | None) -> Response:
        if fault is not None and fault.kind != "server_error":
            return edge.worded(fault, self._owner(_key(request)), request.headers.get("idempotency-key", ""))
        account, kind = self._whose(request)
        books = self.books(account["id"])
        self.gate.count(account, books.settings["calls_a_second"])
        books.browser = kind == "pk"
        version = request.headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            # An installation is pinned to one version; the sandbox knows the shapes of that one only.
            raise Refused(f"Invalid Stripe API version: {version}. This sandbox plays {API_VERSION}.", early=True)
        found = routes.find(request.method, request.path)
        if found is None:
            raise Refused(
                f"Unrecognized request URL ({request.method}: {request.path}). Please see "
                "https://stripe.com/docs or we can help at https://support.stripe.com/.",
                status=404,
            )
        route, ids = found
        _require_scope(account, kind, route, request)
        key = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
        books.cause = {"id": request_id, "idempotency_key": key or None}
        given = wire.parameters(request)
        if not key:
            return self._execute(books, route, ids, given, fault)[0]
        print_ = idempotency.fingerprint(request, given)
        if (kept := idempotency.replay(books, key, print_)) is not None:
            return kept
        response, executed = self._execute(books, route, ids, given, fault)
        response.headers["Request-Id"] = request_id
        response.headers["Idempotency-Key"] = key
        if executed:
            with self.store.transaction():
                idempotency.keep(books, key, print_, response)
        return response

    def _execute(
        self, books: Books, route: routes.Route, ids: dict[str, str], given: Row, fault: faults.Fault | None
    ) -> tuple[Response, bool]:
        """The answer, and whether execution began: only then is it kept for the idempotency key."""
        try:
            params = parameters.check(route.name, given, browser=books.browser)
            if fault is not None:
                return edge.worded(fault, books.account), True
            with self.store.transaction():
                try:
                    return self._succeed(books, route, ids, params), True
                except Refused as refused:
                    if not refused.keeps:
                        raise
                    return refused.answer(), True
        except Refused as refused:
            return refused.answer(), not refused.early

    def _succeed(self, books: Books, route: routes.Route, ids: dict[str, str], params: parameters.Params) -> Response:
        paths = params.pop("expand", [])
        if books.browser:
            params.pop("key", None)
        shown = public(route.work(books, params, **ids), books.moment)
        params.require_played(reading=route.name.startswith("GET"))
        expanding.expand(books, shown, paths)
        return Response.of_json(intents.for_browser(books, shown))

    def _whose(self, request: Request) -> tuple[Row, str]:
        """The account a key belongs to, and the kind of key. Raises Refused."""
        key = _key(request)
        if not key:
            raise Refused(_NO_KEY, status=401)
        if account := self._owner(key):
            if request.headers.get("stripe-account", account["id"]) != account["id"]:
                raise edge.no_access(_masked(key), request.headers["stripe-account"])
            return account, key[:2]
        if "_live_" in key:
            raise Refused("This sandbox takes no live keys: never send one to it.", status=401)
        raise Refused(f"Invalid API Key provided: {_masked(key)}", status=401)

    def _owner(self, key: str) -> Row | None:
        for account in self.store.table("_account").values():
            if key and key in (account["secret_key"], account["restricted_key"], account["publishable_key"]):
                return account
        return None


def build(*, store: Store, base_url: str, send: Send | None, seed: int = 0, company: str = "empty") -> StripeSandbox:
    """The sandbox as the demo and the tests start it; the company ``vendor`` has a past."""
    sandbox = StripeSandbox(store, base_url=base_url, send=send, seed=seed)
    if company == "vendor":
        past.fill(sandbox, clock.now())
    return sandbox


def _masked(key: str) -> str:
    return f"{key[:8]}{'*' * 12}{key[-4:]}"


def _key(request: Request) -> str:
    """The API key: Bearer, or the user name of Basic, or Stripe.js's own parameter."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    given = request.arg("key") or request.form().get("key", "")
    return given if re.fullmatch(r"pk_test_\w+", given) else ""


def _require_scope(account: Row, kind: str, route: routes.Route, request: Request) -> None:
    if kind == "pk" and not route.browser:
        raise Refused(
            "This API call cannot be made with a publishable API key. Please use a secret API key. You can "
            "find a list of your API keys at https://dashboard.stripe.com/account/apikeys.",
            status=403,
            code="secret_key_required",
        )
    if kind == "rk":
        accounts.require_permission(account, route.resource, request.method)
