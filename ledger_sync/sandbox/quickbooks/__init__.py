"""A sandbox of QuickBooks Online: sign-in, accounting API, webhooks and the bookkeeper's screens, over one store.

It follows Intuit's documents, its published schema and recorded traffic; where these are silent it takes the less kind
reading, behind a switch in :class:`Switches`.
"""

from __future__ import annotations

from ledger_sync.sandbox.quickbooks.app import QuickBooksSandbox
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.settings import Limits, Switches
from ledger_sync.sandbox.quickbooks.wire import Row
from practice.core.sandbox.store import Store
from practice.core.sandbox.webhooks import Send

__all__ = ["Invalid", "Limits", "QuickBooksSandbox", "Switches", "build"]


def build(
    *, store: Store | None, base_url: str, send: Send | None, company: str | Row = "vendor", seed: int = 0
) -> QuickBooksSandbox:
    """Build the sandbox for a launcher that knows no vendor."""
    return QuickBooksSandbox(store, base_url=base_url, send=send, company=company, seed=seed)
