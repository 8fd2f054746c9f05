"""Where a payment's money lies in a ledger, told from our rows.

A refund that reduces a price takes money off its invoice here, and a credit note takes its place. In a ledger that
payment stays on the invoice as it was, and it is the credit note that is paid out (docs/accounting.md). So what a
ledger's payment carries is the root of an allocation with whatever refunds took from it, as long as they were not sent
back. Amounts are in the payment's currency.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from billing.models import Allocation, Payment, Refund
from billing.standing import kept_of
from practice.core.money import ZERO

_Rests = dict[int, list[Allocation]]


def carried(allocation: Allocation) -> Decimal:
    """How much the ledger's payment of an allocation puts on its invoice. What is the rest of another carries none."""
    if allocation.rest_of_id is not None:
        return ZERO
    if allocation.reversed_at is None:
        return allocation.amount
    assert allocation.payment is not None, "a credit is put on an invoice whole"
    return _carried(allocation, _rests(allocation.payment))


def root_of(allocation: Allocation) -> Allocation:
    """The allocation that the ledger's payment belongs to."""
    while allocation.rest_of is not None:
        allocation = allocation.rest_of
    return allocation


def shares(payment: Payment) -> list[tuple[Allocation, Decimal]]:
    """What a ledger has of a payment on each invoice, oldest first; what is on none is left out."""
    rests = _rests(payment)
    roots = sorted((row for rows in rests.values() for row in rows if row.rest_of_id is None), key=lambda row: row.pk)
    return [(row, amount) for row in roots if (amount := _carried(row, rests)) > ZERO]


def came_back(payment: Payment) -> Decimal:
    """How much of a payment was taken back with its invoices open again. Nothing where others replace them."""
    if payment.state != Payment.State.RETURNED or is_replaced(payment):
        return ZERO
    return kept_of(payment)


def is_replaced(payment: Payment) -> bool:
    """Whether money that came back is asked for by new invoices, because the old ones could not be changed."""
    return payment.allocations.filter(reversed_at__isnull=True, replaced_by__isnull=False).exists()


def replaced(payment: Payment) -> Decimal:
    """How much of a payment that came back is asked for by new invoices."""
    rows = payment.allocations.filter(reversed_at__isnull=True, replaced_by__isnull=False)
    return sum((row.amount for row in rows), ZERO)


def excess(payment: Payment) -> Decimal:
    """How much of a payment the ledger has as the client's credit, before anything was paid back from that.

    Money that has not arrived, or never did, is nobody's credit.
    """
    if payment.state in (Payment.State.PROCESSING, Payment.State.FAILED):
        return ZERO
    return payment.amount - sum((amount for _, amount in shares(payment)), ZERO) - came_back(payment)


def _rests(payment: Payment) -> _Rests:
    """A payment's allocations by what they are the rest of; 0 for those that are the rest of none."""
    found: _Rests = defaultdict(list)
    for row in payment.allocations.select_related("refund", "invoice").order_by("pk"):
        found[row.rest_of_id or 0].append(row)
    return found


def _carried(row: Allocation, rests: _Rests) -> Decimal:
    if row.reversed_at is None:
        return row.amount
    parts = rests.get(row.pk, [])
    refunded = row.refund is not None and row.refund.state != Refund.State.FAILED
    paid_out = row.amount - sum((part.amount for part in parts), ZERO) if refunded else ZERO
    return paid_out + sum((_carried(part, rests) for part in parts), ZERO)
