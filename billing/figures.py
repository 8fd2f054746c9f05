"""The figures of a month: from what was agreed to what was collected, what recurs, what is signed for the year."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet

from billing import schedules
from billing.models import Charge, Engagement, Invoice, Payout
from billing.pricing import price_line
from billing.standing import left_to_pay, standing_of, with_standing
from practice.core import dates, money
from practice.core.money import ZERO
from practice.firm.models import Client, Entity, Practice
from practice.firm.models.practices import rates_at


@dataclass(frozen=True)
class Billed:
    """One invoice of the month, and what it asks for less its credits."""

    pk: int
    number: str
    worth: Decimal


@dataclass(frozen=True)
class Month:
    """One month of one entity's money in its currency, tax included: from what was agreed to what was collected."""

    entity: Entity
    first: date
    agreements: int
    agreed: Decimal
    scheduled: Decimal
    bills: tuple[Billed, ...]
    collected: Decimal
    processing: Decimal

    @property
    def billed(self) -> Decimal:
        """What the month's invoices ask for."""
        return sum((bill.worth for bill in self.bills), ZERO)

    @property
    def unfinished(self) -> Decimal:
        """Agreed work that waits for somebody to say it is finished."""
        return self.agreed - self.scheduled

    @property
    def to_bill(self) -> Decimal:
        """Scheduled this month and not billed yet."""
        return max(ZERO, self.scheduled - self.billed)

    @property
    def to_collect(self) -> Decimal:
        """Billed this month and not collected yet."""
        return self.billed - self.collected

    def share(self, amount: Decimal) -> Decimal:
        """A part of what was agreed, in per cent."""
        return amount * 100 / self.agreed if self.agreed else ZERO

    @property
    def bars(self) -> dict[str, Decimal]:
        """The length of each bar, in per cent of what was agreed."""
        names = ("scheduled", "billed", "collected")
        return {name: min(Decimal(100), self.share(getattr(self, name))) for name in names}


def billed_in(entity: Entity, first: date) -> QuerySet[Invoice]:
    """What was billed in the month that begins on a day, in the entity's currency."""
    after = dates.nth(first, dates.Unit.MONTH, 1, 1)
    rows = Invoice.objects.filter(entity=entity, currency=entity.currency, status=Invoice.Status.ISSUED)
    return rows.filter(issued_on__gte=first, issued_on__lt=after)


def month_of(entity: Entity, today: date) -> Month:
    """This month's money of an entity, in four questions."""
    first = today.replace(day=1)
    after = dates.nth(first, dates.Unit.MONTH, 1, 1)
    scheduled, unfinished, agreements = _planned(entity, first, after, rates_at(entity, today))
    invoices = list(with_standing(billed_in(entity, first)).order_by("pk"))
    found = [standing_of(i, today) for i in invoices]
    # A one-off invoice was agreed and scheduled in the moment it was issued.
    scheduled += sum((i.total for i in invoices if i.engagement_id is None), ZERO)
    return Month(
        entity=entity,
        first=first,
        agreements=agreements,
        agreed=scheduled + unfinished,
        scheduled=scheduled,
        bills=tuple(Billed(i.pk, i.number, s.total - s.credited) for i, s in zip(invoices, found, strict=True)),
        collected=sum((s.paid for s in found), ZERO),
        processing=sum((s.processing for s in found), ZERO),
    )


def recurring(entity: Entity) -> Decimal:
    """What the agreements in force bring in a month, tax excluded: yearly work counts a twelfth."""
    months = {"week": Decimal(52) / 12, "month": Decimal(1), "quarter": Decimal(1) / 3, "year": Decimal(1) / 12}
    rows = Engagement.objects.filter(entity=entity, state=Engagement.State.ACTIVE, lines__rule__kind="recurring")
    total = ZERO
    for quantity, price, unit, every in rows.values_list(
        "lines__quantity", "lines__unit_price", "lines__rule__unit", "lines__rule__every"
    ):
        total += quantity * price * months[unit] / every
    return money.to_cents(total)


@dataclass(frozen=True)
class Bar:
    """One month of the forecast: what is signed, tax excluded."""

    first: date
    amount: Decimal
    x: int
    y: int
    height: int


def forecast(entity: Entity, today: date, months: int = 12) -> list[Bar]:
    """What is signed to be billed, month by month, with the bars of its chart (a field of 12 by 160 units)."""
    first = today.replace(day=1)
    until = dates.nth(first, dates.Unit.MONTH, 1, months)
    sums: dict[date, Decimal] = defaultdict(lambda: ZERO)
    planned = Charge.objects.filter(engagement__entity=entity, due_on__gte=first, due_on__lt=until)
    rows = schedules.in_force(planned).exclude(state=Charge.State.SKIPPED)
    for due_on, quantity, price in rows.values_list("due_on", "quantity", "unit_price"):
        assert due_on is not None
        sums[due_on.replace(day=1)] += quantity * price
    highest = max(sums.values(), default=ZERO)
    bars = []
    for n in range(months):
        month = dates.nth(first, dates.Unit.MONTH, 1, n)
        height = int(160 * sums[month] / highest) if highest > ZERO else 0
        bars.append(Bar(month, money.to_cents(sums[month]), n * 56 + 52, 176 - height, height))
    return bars


def overdue_totals(practice: Practice, today: date) -> dict[str, tuple[Decimal, int, int]]:
    """What is overdue by currency: the sum, how many clients, and the days of the oldest."""
    found: dict[str, tuple[Decimal, int, int]] = {}
    clients: dict[str, set[int]] = defaultdict(set)
    for invoice, left in left_to_pay(Invoice.objects.filter(practice=practice, due_on__lt=today)):
        assert invoice.due_on is not None
        total, _, oldest = found.get(invoice.currency, (ZERO, 0, 0))
        clients[invoice.currency].add(invoice.client_id)
        days = max(oldest, (today - invoice.due_on).days)
        found[invoice.currency] = (total + left, len(clients[invoice.currency]), days)
    return found


def next_payout(practice: Practice) -> Payout | None:
    """The payout that reaches the bank next."""
    rows = Payout.objects.filter(practice=practice, state=Payout.State.IN_TRANSIT).select_related("entity")
    return rows.order_by("arrives_on", "pk").first()


def _planned(entity: Entity, first: date, after: date, rates: dict[str, Decimal]) -> tuple[Decimal, Decimal, int]:
    """What falls due in a month, what waits to be finished, and how many agreements that is, tax included."""
    due = Q(due_on__gte=first, due_on__lt=after) & ~Q(state=Charge.State.SKIPPED)
    waits = Q(due_on__isnull=True, state=Charge.State.PLANNED, kind=Charge.Kind.SERVICE)
    rows = Charge.objects.filter(due | waits, engagement__entity=entity, engagement__currency=entity.currency)
    scheduled = unfinished = ZERO
    agreements = set()
    for due_on, quantity, price, treatment, basis, own, engagement in rows.values_list(
        "due_on", "quantity", "unit_price", "line__treatment", "engagement__price_basis",
        "engagement__client__tax_treatment", "engagement_id",
    ):  # fmt: skip
        used = treatment if own == Client.Tax.DOMESTIC else own
        gross = price_line(quantity, price, rates[used], basis).gross
        agreements.add(engagement)
        if due_on is None:
            unfinished += gross
        else:
            scheduled += gross
    return scheduled, unfinished, len(agreements)
