"""Steps of tests about money that goes back: what Stripe says, and whether both books agree afterwards."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from django.db import transaction

from billing import disputes, movements, payments, refunding
from billing.models import Allocation, BalanceTransaction, Dispute, FeeDay, Invoice, Payment, Payout, Refund
from billing.standing import standing_of
from billing.stripe_facts import DisputeFacts, MovementFacts, RefundFacts
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.proof import reconciling
from ledger_sync.pull import pulling
from practice.core import audit, clock, events


def paid(firm: Any, invoice: Invoice, amount: str, *on: tuple[Invoice, str], method: str = "card") -> Payment:
    """Money that Stripe took today for a client, on some invoices."""
    reference = f"ch_{invoice.number}"
    receipt = payments.Receipt(
        source=Payment.Source.STRIPE, method=method, amount=Decimal(amount), currency=invoice.currency,
        reference=f"Payment {reference}", state=Payment.State.SUCCEEDED, initiated_at=clock.now(),
        paid_on=clock.today(firm.entity.time_zone), charge_ref=reference,
    )  # fmt: skip
    shares = [(i, Decimal(share)) for i, share in on]
    with audit.cause(system="stripe", actor="Stripe"):
        return payments.record_payment(
            entity=firm.entity, client=invoice.client, receipt=receipt, on_invoices=shares, now=clock.now()
        )


def typed_in(invoice: Invoice, amount: str) -> Payment:
    """Money at the bank that somebody typed in for an invoice's client, on no invoice."""
    zone = invoice.entity.time_zone
    receipt = payments.Receipt(
        source=Payment.Source.HAND, method="bank", amount=Decimal(amount), currency=invoice.currency,
        reference="Bank 1", state=Payment.State.SUCCEEDED, initiated_at=clock.now(), paid_on=clock.today(zone),
    )  # fmt: skip
    with audit.cause(system="web", actor="Dana"):
        return payments.record_payment(
            entity=invoice.entity, client=invoice.client, receipt=receipt, on_invoices=[], now=clock.now()
        )


def reduce(payment: Payment, invoice: Invoice, amount: str) -> Refund:
    """Ask Stripe to give money back because the price is lower."""
    return refunding.refund_price(
        payment_id=payment.pk, invoice_id=invoice.pk, amount=Decimal(amount), words="fewer hours"
    )


def stripe_says(refund: Refund, status: str) -> None:
    """Stripe tells how a refund stands."""
    facts = RefundFacts(ref=f"re_{refund.pk}", status=status, amount=refund.amount, charge_ref="ch", metadata={})
    with audit.cause(system="stripe", actor="Stripe"):
        refunding.apply_refund(refund_id=refund.pk, facts=facts)
    clock.advance(seconds=5)


def disputed(payment: Payment, status: str, amount: Decimal | None = None) -> Dispute:
    """Stripe tells how a dispute stands, and its balance moves as it does for that."""
    amount = amount or payment.amount
    ref = f"du_{payment.pk}"
    facts = DisputeFacts(ref, status, amount, payment.charge_ref, "fraudulent", clock.now())
    with audit.cause(system="stripe", actor="Stripe"):
        found = disputes.follow(_account(payment), facts)
        if status == "needs_response":
            _moves(payment, ref, "dispute", -amount, Decimal("25.00"))
        elif status == "won":
            _moves(payment, ref, "dispute_reversal", amount, Decimal("0.00"))
    assert found is not None
    return found


def _account(payment: Payment) -> Any:
    return SimpleNamespace(entity=payment.entity, entity_id=payment.entity_id)


def _moves(payment: Payment, ref: str, category: str, amount: Decimal, fee: Decimal) -> None:
    now = clock.now()
    row = MovementFacts(
        ref=f"txn_{category}_{ref}", category=category, amount=amount, fee=fee, net=amount - fee,
        currency=payment.currency, made_at=now, available_at=now + timedelta(days=2), source_ref=ref,
    )  # fmt: skip
    movements.store(_account(payment), [row])


def fees_and_payout(firm: Any) -> tuple[FeeDay, Payout]:
    """Today's fees of 17.80, and a payout of 1,082.20 that reaches the bank today."""
    today, now, currency = clock.today(firm.entity.time_zone), clock.now(), firm.entity.currency
    whose = {"practice": firm.practice, "entity": firm.entity, "currency": currency}
    day = FeeDay.objects.create(**whose, on=today, amount=Decimal("17.80"), tax=Decimal("0.00"), closed_at=now)
    BalanceTransaction.objects.create(
        entity=firm.entity, movement_ref="txn_1", category="charge", amount=Decimal("1100.00"), fee=day.amount,
        net=Decimal("1082.20"), currency=currency, made_at=now, available_on=today, on=today, source_ref="ch_1",
        fee_day=day,
    )  # fmt: skip
    payout = Payout.objects.create(
        **whose, payout_ref="po_1", state=Payout.State.ARRIVED, amount=Decimal("1082.20"), reference="STRIPE po_1",
        made_at=now, arrives_on=today,
    )  # fmt: skip
    with audit.cause(system="stripe", actor="Stripe"), transaction.atomic():
        events.record("billing.fees.booked", day)
        events.record("billing.payout.arrived", payout)
    return day, payout


def in_agreement(connection: Connection, bell: Any, *invoices: Invoice) -> None:
    """Nothing is owed, asked or different, and reading the ledger changes nothing."""
    bell.answer()
    assert list(Link.objects.filter(owed_since__isnull=False)) == []
    clock.advance(minutes=5)
    before = list(Allocation.objects.order_by("pk").values_list("pk", "reversed_at"))
    pulling.pull(connection.pk, sweep=True)
    bell.answer()
    assert list(Allocation.objects.order_by("pk").values_list("pk", "reversed_at")) == before
    comparison = reconciling.compare(connection.pk)
    assert comparison is not None
    assert list(comparison.differences.values_list("record", "what", "field", "here", "there")) == []
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    for invoice in invoices:
        due = (Link.objects.get(invoice=invoice, role="").base_theirs or {})["due"]
        assert Decimal(due) == standing_of(invoice, clock.today(connection.entity.time_zone)).due
