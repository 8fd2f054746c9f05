"""The rows an act of somebody at the firm is about: one of those that fit, chosen by the act's own chance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from random import Random
from typing import TypeVar

from billing.models import Invoice
from billing.standing import standing_of
from practice.core import clock
from practice.core.money import ZERO
from practice.firm.models import Client

Row = TypeVar("Row")


def some(rows: Iterable[Row], chance: Random) -> Row | None:
    """One of these rows, or None when there are none."""
    found = list(rows)
    return chance.choice(found) if found else None


def merged(
    ours: Sequence[Row], nth: int, chance: Random, add: Callable[[str, str], Row]
) -> tuple[Row, Row, dict[str, str]] | None:
    """A contact to be merged away and the one that stays: another of these, or one that ``add`` makes of a name and
    an email; and what that says.
    """
    loser = some(ours, chance)
    if loser is None:
        return None
    survivor = some([row for row in ours if row is not loser], chance) if chance.random() < 0.6 else None
    if survivor is not None:
        return loser, survivor, {}
    name, email = f"Known before {nth:02}", f"before{nth}@client.example"
    return loser, add(name, email), {"name": name, "email": email, "phone": ""}


def client(chance: Random) -> Client | None:
    """One of the firm's clients."""
    return some(Client.objects.order_by("id"), chance)


def open_invoice(chance: Random) -> Invoice | None:
    """An issued invoice on which something is due."""
    rows = Invoice.objects.filter(status=Invoice.Status.ISSUED).order_by("id")
    return some((invoice for invoice in rows if due_on(invoice) > ZERO), chance)


def due_on(invoice: Invoice) -> Decimal:
    """What is due on an invoice today."""
    return standing_of(invoice, clock.today(invoice.entity.time_zone)).due
