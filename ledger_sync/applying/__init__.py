"""Taking in what the ledger says: clients are merged, invoices are read in three layers, money is taken as objects."""

from ledger_sync.applying.clients import follow_merge, merge_into
from ledger_sync.applying.entries import ours_among
from ledger_sync.applying.freshness import Reading
from ledger_sync.applying.invoices import agrees_on_due, check_standing, is_on_its_way
from ledger_sync.applying.taking import apply

__all__ = [
    "Reading",
    "agrees_on_due",
    "apply",
    "check_standing",
    "follow_merge",
    "is_on_its_way",
    "merge_into",
    "ours_among",
]
