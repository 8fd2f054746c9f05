"""What an agreement has been paid and what it will ask for, as its client is told: day by day, tax included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing.invoicing import gross_of
from billing.models import Charge, Engagement, Invoice, Payment, ScheduleRule
from billing.standing import standing_of, with_standing
from practice.core.money import ZERO


@dataclass(frozen=True)
class Upcoming:
    """Something the client will pay; ``on`` is None for work that is billed when it is finished."""

    on: date | None
    words: str
    amount: Decimal


def upcoming(engagement: Engagement, today: date) -> list[Upcoming]:
    """What is still to come after a day: parts of issued invoices, then the next bill of each rhythm; soonest first."""
    rows = [*_open_parts(engagement, today), *_next_bills(engagement, today), *_when_finished(engagement, today)]
    return sorted(rows, key=lambda row: row.on or date.max)


def payments_of(engagement: Engagement) -> list[Payment]:
    """Money for an agreement's invoices, the oldest first, with what became of it."""
    rows = Payment.objects.filter(allocations__invoice__engagement=engagement)
    return list(rows.distinct().order_by("initiated_at", "pk"))


def _open_parts(engagement: Engagement, today: date) -> Iterable[Upcoming]:
    """What issued invoices ask for on a later day: the balance after a deposit, or all of one that is not due yet."""
    issued = Invoice.objects.filter(engagement=engagement, status=Invoice.Status.ISSUED).prefetch_related("instalments")
    for invoice in with_standing(issued).order_by("due_on", "pk"):
        standing = standing_of(invoice, today)
        left = max(ZERO, standing.due - standing.processing)
        parts = sorted(invoice.instalments.all(), key=lambda part: part.position)
        shown: list[tuple[date | None, str, Decimal]] = [(p.due_on, p.what.lower(), p.amount) for p in parts]
        shown = shown or [(invoice.due_on, "", invoice.total)]
        # Money goes on the earliest part first, so what is open is taken from the last part backwards.
        for on, what, amount in reversed(shown):
            share = min(left, amount)
            left -= share
            if share > ZERO and on is not None and on > today:
                yield Upcoming(on, f"The {what} of invoice {invoice.number}" if what else invoice.number, share)


def _next_bills(engagement: Engagement, today: date) -> Iterable[Upcoming]:
    """The next charges of every rhythm, those of one day together."""
    charges = engagement.charges.filter(state=Charge.State.PLANNED, due_on__gt=today).select_related("line__rule")
    first: dict[int, date] = {}
    by_day: dict[tuple[date, str], list[Charge]] = defaultdict(list)
    for charge in charges.order_by("due_on", "line__position", "pk"):
        assert charge.due_on is not None
        rule = charge.line.rule
        if first.setdefault(rule.pk, charge.due_on) == charge.due_on:
            by_day[charge.due_on, _rhythm(rule)].append(charge)
    for (on, rhythm), found in by_day.items():
        yield Upcoming(on, f"{_names(found)}{rhythm}", gross_of(engagement, found, on))


def _when_finished(engagement: Engagement, today: date) -> Iterable[Upcoming]:
    waiting = list(
        engagement.charges.filter(state=Charge.State.PLANNED, due_on__isnull=True)
        .select_related("line")
        .order_by("line__position", "kind", "pk")
    )
    if waiting:
        services = [c for c in waiting if c.kind == Charge.Kind.SERVICE]
        less = ", less what was paid for it" if len(services) < len(waiting) else ""
        yield Upcoming(None, f"{_names(services)}{less}", gross_of(engagement, waiting, today))


def _rhythm(rule: ScheduleRule) -> str:
    if not rule.unit:
        return ""
    return f", then every {rule.unit}" if rule.every == 1 else f", then every {rule.every} {rule.unit}s"


def _names(charges: Sequence[Charge]) -> str:
    names = list(dict.fromkeys(charge.description for charge in charges))
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
