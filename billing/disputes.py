"""Disputes: a payer's bank wants the money back. A debit that is returned late comes to us as one, lost at once."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.db import transaction

from billing import gateway, mails, payments, refunding
from billing.models import BalanceTransaction, Dispute, Invoice, Payment, Refund, StripeAccount
from billing.standing import unallocated
from billing.stripe_facts import DisputeFacts
from practice.core import audit, clock, events
from practice.core.money import ZERO

_STATES = {"won": Dispute.State.WON, "warning_closed": Dispute.State.WON, "lost": Dispute.State.LOST}


class DisputeDecided(ValueError):
    """It was decided before what becomes of a lost dispute."""


def take_dispute(account: StripeAccount, dispute_ref: str) -> Dispute | None:
    """Fetch a dispute and follow it. None when it is of a charge that is not ours. Calls Stripe."""
    facts = gateway.gateway_of(account).dispute(dispute_ref)
    with audit.cause(system="stripe", actor="Stripe"):
        return follow(account, facts)


@transaction.atomic
def reopen(*, dispute_id: int, reason: str) -> Payment:
    """A card dispute is lost and the work is still owed for: the money counts as returned, its invoices are open.

    Raises DisputeDecided when somebody decided about it before.
    """
    dispute = _to_decide(dispute_id)
    day = (dispute.closed_at or clock.now()).astimezone(ZoneInfo(dispute.payment.entity.time_zone)).date()
    return payments.return_payment(payment_id=dispute.payment_id, reason=reason, now=clock.now(), on=day)


@transaction.atomic
def concede(*, dispute_id: int, words: str) -> list[Refund]:
    """A card dispute is lost and the client keeps the money: credit notes take the place of what it had paid.

    The latest money first, up to the disputed amount. Raises DisputeDecided, or CreditRefused for an invoice that
    cannot be credited any more.
    """
    dispute = _to_decide(dispute_id)
    payment = Payment.objects.select_for_update().get(pk=dispute.payment_id)
    made, left = [], dispute.amount
    rows = payment.allocations.filter(reversed_at__isnull=True).order_by("-pk")
    for invoice_id in dict.fromkeys(rows.values_list("invoice_id", flat=True)):
        invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
        part = min(left, refunding.paid_on(payment, invoice))
        if part > ZERO:
            made.append(refunding.reduce_price(payment, invoice, part, words, dispute))
            left -= part
    part = min(left, unallocated(payment))
    if part > ZERO:
        made.append(refunding.give_up(payment, part, words, dispute))
    return [refunding.conclude(refund) for refund in made]


def _to_decide(dispute_id: int) -> Dispute:
    dispute = Dispute.objects.select_for_update(of=("self",)).select_related("payment__entity").get(pk=dispute_id)
    if not awaits_decision(dispute):
        raise DisputeDecided("It was decided what becomes of this dispute: look at the page again")
    return dispute


def awaits_decision(dispute: Dispute) -> bool:
    """Whether a dispute is lost and nobody has said yet whether its invoices are open again or credited."""
    is_lost = dispute.state == Dispute.State.LOST and dispute.payment.state == Payment.State.SUCCEEDED
    return is_lost and not dispute.refunds.exists()


@transaction.atomic
def follow(account: StripeAccount, facts: DisputeFacts) -> Dispute | None:
    """Write down how a dispute stands at Stripe. None when it is of a charge that is not ours.

    Raises TryLater while its payment is not written down as paid yet.
    """
    payment = refunding.payment_of(account, facts.charge_ref, facts.intent_ref)
    if payment is None:
        return None
    dispute, is_new = Dispute.objects.select_for_update().get_or_create(
        dispute_ref=facts.ref,
        defaults={
            "payment": payment,
            "amount": facts.amount,
            "reason": facts.reason[:60],
            "opened_at": facts.made_at,
        },
    )
    if is_new:
        events.record("billing.dispute.opened", dispute)
        if BalanceTransaction.objects.filter(source_ref=dispute.dispute_ref).exists():
            events.record("billing.dispute.moved", dispute)
    after = _STATES.get(facts.status)
    if after is not None and dispute.state == Dispute.State.OPEN:
        dispute.state, dispute.closed_at = after, clock.now()
        dispute.save(update_fields=["state", "closed_at"])
        events.record("billing.dispute.closed", dispute)
        if after == Dispute.State.LOST and payment.method != "card":
            _return(payment, facts)
    return dispute


def _return(payment: Payment, facts: DisputeFacts) -> None:
    """A debit's bank has the last word (docs.stripe.com/payments/au-becs-debit): the money is gone."""
    words = facts.reason.replace("_", " ") or "the bank took it back"
    mails.tell_returned(payment, why=words)
    day = facts.made_at.astimezone(ZoneInfo(payment.entity.time_zone)).date()
    payments.return_payment(payment_id=payment.pk, reason=words, now=clock.now(), on=day)
