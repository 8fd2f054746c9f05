"""How soon each book has what was changed in the other, in words: the one source for every page that says it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from ledger_sync.kinds import SHAPES
from ledger_sync.models import Connection
from ledger_sync.models.links import Kind
from ledger_sync.pull.pulling import HOURLY, QUICKLY, SLOWLY

#: What clients call the kinds that are read.
_NAMES = {Kind.CLIENT: "clients", Kind.INVOICE: "invoices", Kind.ALLOCATION: "payments", Kind.PAYMENT: "payments"}


@dataclass(frozen=True)
class Promise:
    """What is promised of one kind of change, and how soon."""

    what: str
    when: str


def promises_of(connection: Connection) -> list[Promise]:
    """What a connection promises, soonest first."""
    ledger, shape = connection.get_provider_display(), SHAPES[connection.provider]
    told = [_NAMES[Kind(kind)] for kind in shape.swept if kind in shape.noticed]
    found = [_NAMES[Kind(kind)] for kind in shape.swept if kind not in shape.noticed]
    rows = [
        Promise("What is done here", f"in {ledger} in seconds"),
        Promise(f"{_listed(told)} changed in {ledger}", f"here in seconds, when {ledger} tells of it"),
    ]
    if found:
        soon = f"here within {_long(QUICKLY)} while anything is owed or due today, otherwise within {_long(SLOWLY)}"
        rows.append(Promise(f"{_listed(found)} recorded in {ledger}", soon))
    rows.append(Promise(f"Fees, payouts and refunds changed in {ledger}", f"asked about within {_long(HOURLY)}"))
    rows.append(
        Promise("An invoice that is about to be charged or reminded of", f"always read again in {ledger} first")
    )
    return rows


def _listed(names: list[str]) -> str:
    words = ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else names[0]
    return words[0].upper() + words[1:]


def _long(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return "an hour" if minutes == 60 else f"{minutes} minutes"
