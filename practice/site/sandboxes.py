"""The sandboxes by vendor, built alike."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from billing.sandbox import stripe
from ledger_sync.sandbox import quickbooks, xero
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.store import Row, Store
from practice.core.sandbox.webhooks import Send


class Sandbox(Protocol):
    """What every sandbox can do."""

    faults: Any
    outbox: Any

    def handle(self, request: Request) -> Response:
        """Answer one request."""

    def tick(self) -> None:
        """Let time pass."""

    def credentials(self) -> dict[str, Any]:
        """All that an outside client needs."""


def _xero(*, store: Store, base_url: str, send: Send | None, company: str | Row = "vendor", webhook: str = "") -> Any:
    described: str | Row = {"name": "Harbour & Vale Pty Ltd"} if company == "demo" else company
    sandbox = xero.build(store=store, base_url=base_url, send=send, company=described)
    if webhook:
        sandbox.webhooks.set_url(webhook)
    return sandbox


def _quickbooks(
    *, store: Store, base_url: str, send: Send | None, company: str | Row = "vendor", webhook: str = ""
) -> Any:
    described: str | Row = {"name": "Larkin CPA LLC"} if company == "demo" else company
    sandbox = quickbooks.build(store=store, base_url=base_url, send=send, company=described)
    if webhook:
        sandbox.webhooks.set_url(webhook)
    return sandbox


def _stripe(*, store: Store, base_url: str, send: Send | None, company: str | Row = "vendor", webhook: str = "") -> Any:
    known = company if isinstance(company, str) else "empty"
    sandbox = stripe.build(store=store, base_url=base_url, send=send, company=known)
    for described in company["accounts"] if isinstance(company, dict) else ():
        if store.get("_account", described["name"]) is None:
            sandbox.open_account(**described)
    return _StripeWithKeys(sandbox, webhook)


class _StripeWithKeys:
    """Stripe's sandbox has several accounts; its launcher line names each, and has the first one's keys beside them."""

    def __init__(self, inner: Any, webhook: str = "") -> None:
        self.inner = inner
        self.secrets = {name: self._listen(name, webhook) for name in self._names()} if webhook else {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        if (request.method, request.path, request.query) == ("GET", "/_sandbox/credentials", ()):
            return Response.of_json(self.credentials())
        answer: Response = self.inner.handle(request)
        return answer

    def tick(self) -> None:
        """Let time pass."""
        self.inner.tick()

    def credentials(self) -> dict[str, Any]:
        """The base address, the first account's keys, and each account's."""
        accounts = {name: {**self.inner.credentials(name), **self._secret(name)} for name in self._names()}
        return {"base_url": self.inner.base_url, **next(iter(accounts.values())), "accounts": accounts}

    def _names(self) -> list[str]:
        return list(self.inner.store.table("_account"))

    def _secret(self, name: str) -> dict[str, str]:
        return {"webhook_secret": self.secrets[name]} if name in self.secrets else {}

    def _listen(self, name: str, url: str) -> str:
        body = json.dumps({"account": name, "url": url})
        made = self.inner.handle(Request.build("POST", "/_sandbox/webhooks/endpoint", {}, body)).json()
        return str(made["secret"])


BUILDERS: dict[str, Callable[..., Any]] = {"xero": _xero, "quickbooks": _quickbooks, "stripe": _stripe}
#: Companies that have a name; a description in a file is the other way.
COMPANIES = ("vendor", "empty", "demo")
