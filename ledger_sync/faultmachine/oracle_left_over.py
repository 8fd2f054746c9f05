"""The judge of money beyond what was due: it is the client's credit in both books, once, and on the same invoices."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from django.db.models import Q

from billing.models import Allocation, Payment
from ledger_sync.faultmachine.cases import WENT_BACK, Case, reference_of
from ledger_sync.faultmachine.findings import DIVERGED, DUPLICATED, Finding
from practice.core.money import ZERO


def judge_left_over(case: Case) -> Iterator[Finding]:
    """Every way in which what payments of ours leave over differs."""
    ours = Payment.objects.filter(entity=case.entity_id).exclude(source=Payment.Source.LEDGER)
    went_back = set(ours.filter(WENT_BACK).values_list("pk", flat=True))
    for payment in ours.select_related("client"):
        arrived = payment.state == Payment.State.SUCCEEDED
        used = payment.allocations.filter(reversed_at__isnull=True).select_related("invoice")
        live = list(used) if arrived else []
        standing = case.left_over(payment)
        if len(standing) > 1:
            yield Finding(DUPLICATED, f"what is left of {payment.reference} is in the ledger {len(standing)} times")
            continue
        free = _free(payment, live) if arrived else ZERO
        there = sum((Decimal(row["RemainingCredit"]) for row in standing), ZERO)
        if free != there and not any(case.missing_explained(allocation) for allocation in live):
            yield Finding(DIVERGED, f"{free} is left of {payment.reference} here, {there} there")
        if case.provider == "xero" and payment.pk not in went_back:
            yield from _put_on(case, payment, live)


def _free(payment: Payment, live: list[Allocation]) -> Decimal:
    # What is on its way back is booked once it went; of a reduced price its credit note says so.
    gone = payment.refunds.filter(Q(state="succeeded") | Q(credit__isnull=False)).exclude(state="failed")
    back = sum((refund.amount for refund in gone), ZERO)
    return payment.amount - back - sum((allocation.amount for allocation in live), ZERO)


def _put_on(case: Case, payment: Payment, live: list[Allocation]) -> Iterator[Finding]:
    """In Xero credit that is put on an invoice later is a use of it, not a payment."""
    paid = {reference_of(row) for row in case.ledger["Payments"] if row["Status"] != "DELETED"}
    there = case.put_on_each(payment)
    for allocation in live:
        if f"{payment.reference} A{allocation.pk}" in paid:
            continue
        there[allocation.invoice.number] -= allocation.amount
        if there[allocation.invoice.number] and case.missing_explained(allocation):
            del there[allocation.invoice.number]
    for number, amount in there.items():
        if amount:
            yield Finding(DIVERGED, f"credit of {payment.reference} on {number} differs by {amount}")
