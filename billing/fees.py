"""Stripe's fees: one entry per entity and day, closed once the day is over, with the tax Stripe itemised."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction

from billing.models import BalanceTransaction, FeeDay
from practice.core import clock, events
from practice.core.money import ZERO
from practice.firm.models import Entity


@transaction.atomic
def close_fee_days(*, entity_id: int, today: date) -> list[FeeDay]:
    """Book the fees of every past day that is not booked yet. Call it after the day's movements were fetched.

    A movement that comes to light after its day was closed joins the latest day still open. A day on which Stripe gave
    back more than it took waits until later fees outweigh it, because a negative entry would be a receipt.
    """
    entity = Entity.objects.select_for_update().get(pk=entity_id)
    rows = BalanceTransaction.objects.filter(entity=entity, fee_day__isnull=True, on__lt=today).exclude(fee=ZERO)
    closed = set(FeeDay.objects.filter(entity=entity).values_list("on", "currency"))
    latest = today - timedelta(days=1)
    days: dict[tuple[date, str], list[BalanceTransaction]] = defaultdict(list)
    for row in rows.order_by("made_at", "pk"):
        own = (row.on, row.currency)
        days[own if own not in closed else (latest, row.currency)].append(row)
    carried: dict[str, list[BalanceTransaction]] = defaultdict(list)
    made = []
    for (on, currency), movements in sorted(days.items()):
        mine = carried.pop(currency, []) + movements
        if (on, currency) in closed or sum((row.fee for row in mine), ZERO) <= ZERO:
            carried[currency] = mine
        else:
            made.append(_book(entity, on, currency, mine))
    return made


def tax_of(row: BalanceTransaction) -> Decimal:
    """The tax inside one movement's fee, as Stripe itemised it."""
    return sum((Decimal(part["amount"]) for part in row.fee_details if part["type"] == "tax"), ZERO)


def _book(entity: Entity, on: date, currency: str, rows: list[BalanceTransaction]) -> FeeDay:
    day = FeeDay.objects.create(
        practice_id=entity.practice_id,
        entity=entity,
        on=on,
        currency=currency,
        amount=sum((row.fee for row in rows), ZERO),
        tax=sum((tax_of(row) for row in rows), ZERO),
        closed_at=clock.now(),
    )
    BalanceTransaction.objects.filter(pk__in=[row.pk for row in rows]).update(fee_day=day)
    events.record("billing.fees.booked", day)
    return day
