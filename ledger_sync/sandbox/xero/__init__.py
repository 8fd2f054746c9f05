"""A sandbox of Xero: identity, accounting API, webhooks and the bookkeeper's screens, over one store.

It follows Xero's documents, its published specification and recorded traffic; where these are silent it takes the less
kind reading, behind a switch in :class:`Switches`.
"""

from __future__ import annotations

from ledger_sync.sandbox.xero.app import XeroSandbox
from ledger_sync.sandbox.xero.errors import Invalid
from ledger_sync.sandbox.xero.settings import Limits, Switches
from ledger_sync.sandbox.xero.wire import Row
from practice.core.sandbox.store import Store
from practice.core.sandbox.webhooks import Send

__all__ = ["Invalid", "Limits", "Switches", "XeroSandbox", "build"]


def build(
    *, store: Store | None, base_url: str, send: Send | None, company: str | Row = "vendor", seed: int = 0
) -> XeroSandbox:
    """Build the sandbox for a launcher that knows no vendor."""
    return XeroSandbox(store, base_url=base_url, send=send, company=company, seed=seed)
