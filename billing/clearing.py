"""The clearing proof: is the Stripe clearing account in the books what Stripe's own movements say it must be?

At the end of a day in the entity's zone the account holds Stripe's balance (pending and available, rebuilt from its
movements, because Stripe keeps no daily balance) plus payouts that left Stripe and have not arrived, plus what is not
posted yet, each item listed. What is left after that is *unexplained*, and must be nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet

from billing import movements
from billing.models import BalanceTransaction, FeeDay, Payment, Payout
from practice.core.money import ZERO
from practice.firm.models import Entity

Key = tuple[str, int]


@dataclass(frozen=True)
class Item:
    """One thing the clearing account must hold by a day: a payment net of money back, fees, or a payout.

    ``kind`` is "payment", "fees" (a closed day), "fee" (of a day still open), "payout" or "movement"; ``pk`` is the
    row's id. ``amount`` is signed as the clearing account sees it, in the entity's currency.
    """

    kind: str
    pk: int
    on: date
    words: str
    amount: Decimal

    @property
    def key(self) -> Key:
        """What names the item to whoever knows what is posted."""
        return self.kind, self.pk


#: Asked with the items; answers how much of each stands on the ledger's clearing account by that day.
Posted = Callable[[Sequence[Item]], Mapping[Key, Decimal]]


@dataclass(frozen=True)
class Gap:
    """An item of which the ledger has another amount than Stripe's evidence: ``missing`` is still to be posted."""

    item: Item
    missing: Decimal


@dataclass(frozen=True)
class Proof:
    """The identity on one day. ``ledger`` is None when nobody asked the ledger."""

    on: date
    currency: str
    stripe: Decimal
    in_transit: Decimal
    payouts: list[Payout]
    items: list[Item]
    gaps: list[Gap] = field(default_factory=list)
    ledger: Decimal | None = None

    @property
    def expected(self) -> Decimal:
        """What the clearing account holds once everything is posted."""
        return self.stripe + self.in_transit

    @property
    def not_posted(self) -> Decimal:
        """What is still to be posted: inflows count as missing, outflows as too much."""
        return sum((gap.missing for gap in self.gaps), ZERO)

    @property
    def unexplained(self) -> Decimal | None:
        """What neither Stripe's balance, nor payouts in transit, nor the listed items explain. Must be zero."""
        return None if self.ledger is None else self.ledger - (self.expected - self.not_posted)


def clearing_proof(*, entity: Entity, on: date, ledger: Decimal | None = None, posted: Posted | None = None) -> Proof:
    """Build the proof for the end of a day. ``ledger`` is the clearing account's balance there on that day."""
    rows = list(_movements(entity, on))
    payouts = list(Payout.objects.filter(entity=entity, currency=entity.currency))
    left, arrived = _left_stripe(rows), _arrived(payouts, on)
    in_transit = {p.pk: left.get(p.payout_ref, ZERO) - arrived.get(p.pk, ZERO) for p in payouts}
    unknown = sum(left.values(), ZERO) - sum((left.get(p.payout_ref, ZERO) for p in payouts), ZERO)
    items = [*_payments(rows), *_fees(rows), *_strays(rows), *_payout_items(payouts, arrived)]
    known = posted(items) if posted is not None else {item.key: item.amount for item in items}
    gaps = [Gap(item, item.amount - known.get(item.key, ZERO)) for item in items]
    return Proof(
        on=on,
        currency=entity.currency,
        stripe=sum((row.net for row in rows), ZERO),
        in_transit=sum(in_transit.values(), ZERO) + unknown,
        payouts=[p for p in payouts if in_transit[p.pk]],
        items=items,
        gaps=[gap for gap in gaps if gap.missing],
        ledger=ledger,
    )


def _movements(entity: Entity, on: date) -> QuerySet[BalanceTransaction]:
    rows = BalanceTransaction.objects.filter(entity=entity, on__lte=on, currency=entity.currency)
    return rows.select_related("payment__client", "fee_day").order_by("made_at", "pk")


def _left_stripe(rows: list[BalanceTransaction]) -> dict[str, Decimal]:
    """What has left Stripe's balance for the bank, by payout; a payout that failed has come back."""
    left: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for row in rows:
        if row.category in movements.PAYOUTS:
            left[row.source_ref] -= row.net
    return dict(left)


def _arrived(payouts: list[Payout], on: date) -> dict[int, Decimal]:
    """What of each payout is in the bank by a day; what came back again was there until then."""
    there = [p for p in payouts if p.state == Payout.State.ARRIVED or p.came_back_on is not None]
    return {
        p.pk: ZERO if p.came_back_on is not None and p.came_back_on <= on else p.amount
        for p in there
        if p.arrives_on <= on
    }


def _payments(rows: list[BalanceTransaction]) -> list[Item]:
    """Each payment with everything that went back of it."""
    worth: dict[int, Decimal] = defaultdict(lambda: ZERO)
    found: dict[int, tuple[Payment, date]] = {}
    for row in rows:
        if row.payment is not None:
            worth[row.payment.pk] += row.amount
            found.setdefault(row.payment.pk, (row.payment, row.on))
    return [
        Item("payment", pk, on, f"{payment.reference}, {payment.client.name}", worth[pk])
        for pk, (payment, on) in found.items()
    ]


def _fees(rows: list[BalanceTransaction]) -> list[Item]:
    """Fees by the day they are booked on; those of a day that is not closed yet stand alone."""
    days: dict[int, tuple[FeeDay, Decimal]] = {}
    loose = []
    for row in rows:
        if row.fee_day is not None:
            day, sofar = days.get(row.fee_day.pk, (row.fee_day, ZERO))
            days[row.fee_day.pk] = day, sofar - row.fee
        elif row.fee:
            loose.append(Item("fee", row.pk, row.on, "Fee, booked when its day is over", -row.fee))
    return [Item("fees", d.pk, d.on, f"Fees of {d.on.day} {d.on:%B}", worth) for d, worth in days.values()] + loose


def _strays(rows: list[BalanceTransaction]) -> list[Item]:
    """Movements that belong to nothing we know: money another program took, or a kind nobody has named."""
    return [
        Item("movement", row.pk, row.on, f"{row.category.replace('_', ' ').capitalize()} {row.source_ref}", row.amount)
        for row in rows
        if row.amount and row.payment is None and row.category not in movements.PAYOUTS
    ]


def _payout_items(payouts: list[Payout], arrived: dict[int, Decimal]) -> list[Item]:
    return [Item("payout", p.pk, p.arrives_on, p.reference, -arrived[p.pk]) for p in payouts if p.pk in arrived]
