"""Tables of the ledgers."""

from ledger_sync.models.calls import Call, CallItem
from ledger_sync.models.comparisons import Comparison, Difference
from ledger_sync.models.connections import Budget, Connection, Lane, Mapping, RefItem, TokenSet, Turn
from ledger_sync.models.inbound import Delivery, Hint, LastNotice, Snag
from ledger_sync.models.links import Link, LinkNeed

__all__ = [
    "Budget",
    "Call",
    "CallItem",
    "Comparison",
    "Connection",
    "Delivery",
    "Difference",
    "Hint",
    "Lane",
    "LastNotice",
    "Link",
    "LinkNeed",
    "Mapping",
    "RefItem",
    "Snag",
    "TokenSet",
    "Turn",
]
