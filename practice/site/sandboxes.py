"""The sandboxes by vendor, built alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from billing.sandbox import stripe
from ledger_sync.sandbox import quickbooks, xero
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.store import Store
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


def _xero(*, store: Store, base_url: str, send: Send | None, company: str = "vendor") -> Any:
    described = {"name": "Harbour & Vale Pty Ltd"} if company == "demo" else company
    return xero.build(store=store, base_url=base_url, send=send, company=described)


def _quickbooks(*, store: Store, base_url: str, send: Send | None, company: str = "vendor") -> Any:
    described = {"name": "Larkin CPA LLC"} if company == "demo" else company
    return quickbooks.build(store=store, base_url=base_url, send=send, company=described)


def _stripe(*, store: Store, base_url: str, send: Send | None, company: str = "vendor") -> Any:
    return _StripeWithKeys(stripe.build(store=store, base_url=base_url, send=send))


class _StripeWithKeys:
    """Stripe's sandbox has several accounts; its launcher line names each."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        answer: Response = self.inner.handle(request)
        return answer

    def tick(self) -> None:
        """Let time pass."""
        self.inner.tick()

    def credentials(self) -> dict[str, Any]:
        """The base address and each account's keys."""
        accounts = {name: self.inner.credentials(name) for name in ("acct_harbour", "acct_larkin")}
        return {"base_url": self.inner.base_url, "accounts": accounts}


BUILDERS: dict[str, Callable[..., Any]] = {"xero": _xero, "quickbooks": _quickbooks, "stripe": _stripe}
