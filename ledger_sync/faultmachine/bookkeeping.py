"""What bookkeepers do in the ledgers' own screens: each act in one of the firm's ledgers."""

from __future__ import annotations

from random import Random

from ledger_sync.faultmachine import quickbooks_bookkeeping, quickbooks_credit, xero_bookkeeping, xero_credit
from ledger_sync.faultmachine.plans import Act
from ledger_sync.faultmachine.world import Books, Stage
from ledger_sync.sandbox.quickbooks import Invalid as RefusedByQuickBooks
from ledger_sync.sandbox.xero import Invalid as RefusedByXero

_BY_PROVIDER = {"xero": xero_bookkeeping, "quickbooks": quickbooks_bookkeeping}
_DOINGS = {
    "xero": {**xero_bookkeeping.DOINGS, **xero_credit.DOINGS},
    "quickbooks": {**quickbooks_bookkeeping.DOINGS, **quickbooks_credit.DOINGS},
}


def is_theirs(act: Act) -> bool:
    """Whether an act is a bookkeeper's."""
    return act.name in _DOINGS["xero"]


def do(stage: Stage, act: Act) -> None:
    """Do one thing; what a ledger's screens refuse, or do not have, is not done."""
    chance = Random(f"act {act.nth} {act.name}")
    books = stage.some_books(chance)
    doing = _DOINGS[books.firm.provider].get(act.name)
    try:
        if doing is not None:
            doing(books, act, chance)
    except (RefusedByXero, RefusedByQuickBooks):
        return


def tidy_up(books: Books) -> None:
    """Let in again what was shut out, so that what waited for that can be sent."""
    _BY_PROVIDER[books.firm.provider].tidy_up(books)
