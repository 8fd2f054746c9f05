"""The rows an act of somebody at the firm is about: one of those that fit, chosen by the act's own chance."""

from __future__ import annotations

from collections.abc import Iterable
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
