"""Steps that tests of both ledgers share: time passes, and what was waiting goes out or comes in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from billing.models import Invoice
from billing.standing import standing_of
from ledger_sync import tasks
from ledger_sync.models import Connection
from ledger_sync.pull import pulling
from ledger_sync.push import pushing
from practice.core import clock


def send_postponed(bell: Any) -> None:
    """What a refusal postponed until the ledger was read goes as well."""
    bell.answer()
    clock.advance(seconds=20)
    pushing.ring_all()
    bell.answer()


def sync_now(connection: Connection, bell: Any) -> None:
    """A minute later somebody presses "sync now"."""
    clock.advance(minutes=1)
    pulling.pull(connection.pk, sweep=True)
    bell.answer()


def sweep_hourly() -> None:
    """An hour later the sweep of the minute looks for it by itself."""
    clock.advance(minutes=61)
    tasks.sweep()


def due(invoice: Invoice) -> Decimal:
    """What is due on an invoice here, today."""
    row = Invoice.objects.select_related("entity").get(pk=invoice.pk)
    return standing_of(row, clock.today(row.entity.time_zone)).due
