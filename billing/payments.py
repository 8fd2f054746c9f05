"""Money in: received, put on invoices oldest first, reversed when it comes back. Standing follows from the rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import transaction

from billing import invoicing
from billing.models import Allocation, Invoice, Payment, Refund
from billing.standing import hold_to, standing_of, unallocated
from practice.core import clock, events, gates
from practice.core.money import ZERO
from practice.firm.models import Client, Entity


class PaymentRefused(ValueError):
    """The money cannot be recorded like this; the text says why."""


@dataclass(frozen=True)
class Receipt:
    """Money that arrived or is on its way: how much, how, and what it says on the statement."""

    source: str
    method: str
    amount: Decimal
    currency: str
    reference: str
    state: str
    initiated_at: datetime
    paid_on: date | None = None
    charge_ref: str = ""


@transaction.atomic
def record_payment(
    *, entity: Entity, client: Client, receipt: Receipt, on_invoices: Iterable[tuple[Invoice, Decimal]], now: datetime
) -> Payment:
    """Write money down and put it on invoices. What exceeds an invoice stays unallocated, as the client's credit.

    Raises PaymentRefused when an invoice belongs to somebody else or is in another currency.
    """
    payment = Payment.objects.create(
        practice_id=entity.practice_id,
        entity=entity,
        client=client,
        source=receipt.source,
        method=receipt.method,
        state=receipt.state,
        amount=receipt.amount,
        currency=receipt.currency,
        reference=receipt.reference,
        initiated_at=receipt.initiated_at,
        paid_on=receipt.paid_on,
        charge_ref=receipt.charge_ref,
    )
    for invoice, amount in on_invoices:
        allocate(payment_id=payment.pk, invoice_id=invoice.pk, amount=amount, now=now)
    events.record(f"billing.payment.{receipt.state}", payment)
    return payment


@transaction.atomic
def record_by_hand(*, invoice_id: int, receipt: Receipt, seen: Decimal | None) -> Payment:
    """Record money that came another way for one invoice; ``seen`` is what was open when the person decided.

    Raises PaymentRefused unless the invoice is issued, ChangedMeanwhile when something else is open on it by now.
    """
    now = receipt.initiated_at
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    if invoice.status != Invoice.Status.ISSUED:
        raise PaymentRefused(f"This invoice is {invoice.get_status_display().lower()}")
    hold_to(seen, standing_of(invoice, now.date()).due, f"what is open on {invoice.number}")
    on = [(invoice, receipt.amount)]
    return record_payment(entity=invoice.entity, client=invoice.client, receipt=receipt, on_invoices=on, now=now)


@transaction.atomic
def use_credit(*, payment_id: int, invoice_id: int, amount: Decimal, seen: Decimal | None) -> Allocation:
    """Put money of a payment that is on no invoice on one of the client's; ``seen`` is what was free when decided.

    Raises PaymentRefused when the payment did not arrive, the invoice is another client's, or less is open or free,
    ChangedMeanwhile when something else is free by now.
    """
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    free = unallocated(payment)
    hold_to(seen, free, "what is free of this payment")
    if payment.state != Payment.State.SUCCEEDED or invoice.client_id != payment.client_id:
        raise PaymentRefused("Only money that has arrived can be put on an invoice of the same client")
    standing = standing_of(invoice, invoice.issued_on or payment.initiated_at.date())
    if invoice.status != Invoice.Status.ISSUED or not ZERO < amount <= min(free, standing.due - standing.processing):
        raise PaymentRefused("No more can be put on an invoice than is free of the payment and open on the invoice")
    made = allocate(payment_id=payment_id, invoice_id=invoice_id, amount=amount, now=clock.now())
    assert made is not None, "there is room, and both are locked"
    return made


@transaction.atomic
def allocate(
    *, payment_id: int, invoice_id: int, amount: Decimal, now: datetime, rest_of: Allocation | None = None
) -> Allocation | None:
    """Put money on an invoice, at most what is open on both sides. None when nothing is open.

    ``rest_of`` is the allocation on the same invoice of which a refund left this much.
    """
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    if invoice.entity_id != payment.entity_id or invoice.currency != payment.currency:
        raise PaymentRefused("The payment and the invoice are of different entities or currencies")
    standing = standing_of(invoice, now.date())
    room = min(amount, standing.due - standing.processing, unallocated(payment))
    if room <= ZERO:
        return None
    allocation = Allocation.objects.create(payment=payment, invoice=invoice, amount=room, made_at=now, rest_of=rest_of)
    if payment.state == Payment.State.SUCCEEDED:
        events.record("billing.allocation.made", allocation)
    return allocation


@transaction.atomic
def settle_payment(*, payment_id: int, paid_on: date, charge_ref: str = "") -> Payment:
    """A payment on its way has arrived. Does nothing when it was settled before.

    What was credited meanwhile is not due a second time: so much stays unallocated, as the client's credit.
    """
    on = Invoice.objects.filter(allocations__payment=payment_id, allocations__reversed_at__isnull=True)
    list(Invoice.objects.select_for_update().filter(pk__in=on.values("pk")).order_by("pk"))
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    if payment.state != Payment.State.PROCESSING:
        return payment
    live = payment.allocations.filter(reversed_at__isnull=True).select_related("invoice").order_by("pk")
    room = {row.pk: standing_of(row.invoice, paid_on).due for row in live}
    payment.state, payment.paid_on = Payment.State.SUCCEEDED, paid_on
    payment.charge_ref = charge_ref or payment.charge_ref
    payment.save(update_fields=["state", "paid_on", "charge_ref"])
    for allocation in live:
        if allocation.amount <= room[allocation.pk]:
            events.record("billing.allocation.made", allocation)
            continue
        now = clock.now()
        reverse_allocation(allocation_id=allocation.pk, reason="less was due when it arrived", now=now)
        allocate(payment_id=payment.pk, invoice_id=allocation.invoice_id, amount=allocation.amount, now=now)
    events.record("billing.payment.succeeded", payment)
    return payment


@transaction.atomic
def fail_payment(*, payment_id: int, reason: str, now: datetime) -> Payment:
    """A payment on its way never arrived: its allocations are undone and the invoices are open again."""
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    if payment.state != Payment.State.PROCESSING:
        return payment
    payment.state, payment.failure = Payment.State.FAILED, reason[:200]
    payment.save(update_fields=["state", "failure"])
    _reverse_all(payment, reason, now)
    events.record("billing.payment.failed", payment)
    return payment


@transaction.atomic
def return_payment(*, payment_id: int, reason: str, now: datetime, on: date | None = None) -> Payment:
    """Money that had arrived came back: its allocations are undone, the invoices are open again.

    Where its entries are closed or reconciled in the ledger the invoices stay paid and new ones ask for the money.
    ``on`` is the day it was taken back, in the entity's zone; today where nobody knows better.
    """
    payment = Payment.objects.select_for_update(of=("self",)).select_related("entity").get(pk=payment_id)
    if payment.state != Payment.State.SUCCEEDED:
        return payment
    payment.state, payment.failure = Payment.State.RETURNED, reason[:200]
    payment.returned_on = on or now.astimezone(ZoneInfo(payment.entity.time_zone)).date()
    may_open = gates.ask("billing.may_open_invoices", payment).is_yes
    payment.save(update_fields=["state", "failure", "returned_on"])
    if may_open:
        _reverse_all(payment, reason, now)
    else:
        for allocation in payment.allocations.filter(reversed_at__isnull=True).order_by("pk"):
            _replace(payment, allocation, now)
    events.record("billing.payment.returned", payment)
    return payment


@transaction.atomic
def replace_returned(*, payment_id: int, now: datetime) -> Payment:
    """Ask by new invoices for money that came back: the ledger could not open the old ones, so these count as settled.

    Raises PaymentRefused when the payment did not come back, or the old invoices were paid or credited meanwhile.
    """
    payment = Payment.objects.select_for_update(of=("self",)).select_related("entity").get(pk=payment_id)
    undone = payment.allocations.filter(refund__isnull=True, rests__isnull=True, reversed_at__isnull=False)
    last = undone.order_by("-reversed_at").values_list("reversed_at", flat=True).first()
    if payment.state != Payment.State.RETURNED or last is None:
        raise PaymentRefused("Only money that came back can be asked for by a new invoice")
    for row in undone.filter(reversed_at=last).select_related("invoice").order_by("pk"):
        again = allocate(payment_id=payment.pk, invoice_id=row.invoice_id, amount=row.amount, now=now, rest_of=row)
        if again is None or again.amount != row.amount:
            raise PaymentRefused(f"{row.invoice.number} was paid or credited meanwhile: nothing is to be replaced")
        _replace(payment, again, now)
    events.record("billing.payment.replaced", payment)
    return payment


def _replace(payment: Payment, allocation: Allocation, now: datetime) -> None:
    today = now.astimezone(ZoneInfo(payment.entity.time_zone)).date()
    allocation.replaced_by = invoicing.bill_again(
        payment=payment, of=allocation.invoice, amount=allocation.amount, on=today, now=now
    )
    allocation.save(update_fields=["replaced_by"])


@transaction.atomic
def reverse_allocation(*, allocation_id: int, reason: str, now: datetime, refund: Refund | None = None) -> Allocation:
    """Take money or credit off an invoice again; the row stays, marked with when and why, and by which refund."""
    allocation = Allocation.objects.select_for_update().get(pk=allocation_id)
    if allocation.reversed_at is None:
        allocation.reversed_at, allocation.reversal_reason = now, reason[:200] or "taken off"
        allocation.refund = refund
        allocation.save(update_fields=["reversed_at", "reversal_reason", "refund"])
        events.record("billing.allocation.reversed", allocation)
    return allocation


def _reverse_all(payment: Payment, reason: str, now: datetime) -> None:
    for allocation in payment.allocations.filter(reversed_at__isnull=True).order_by("pk"):
        reverse_allocation(allocation_id=allocation.pk, reason=reason or "payment undone", now=now)
