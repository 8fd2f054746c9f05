"""Disputes: a payer's bank wants the money back. A debit that is returned late comes to us as one, lost at once."""

from __future__ import annotations

from django.db import transaction

from billing import gateway, mails, payments
from billing.models import Dispute, Payment, StripeAccount
from billing.stripe_facts import DisputeFacts
from practice.core import audit, clock, events

_STATES = {"won": Dispute.State.WON, "warning_closed": Dispute.State.WON, "lost": Dispute.State.LOST}


def take_dispute(account: StripeAccount, dispute_ref: str) -> Dispute | None:
    """Fetch a dispute and follow it. None when it is of a charge that is not ours. Calls Stripe."""
    facts = gateway.gateway_of(account).dispute(dispute_ref)
    with transaction.atomic(), audit.cause(system="stripe", actor="Stripe"):
        return _follow(account, facts)


@transaction.atomic
def reopen(*, dispute_id: int, reason: str) -> Payment:
    """A card dispute is lost and the work is still owed for: the money counts as returned, its invoices are open."""
    dispute = Dispute.objects.select_related("payment").get(pk=dispute_id, state=Dispute.State.LOST)
    return payments.return_payment(payment_id=dispute.payment_id, reason=reason, now=clock.now())


def _follow(account: StripeAccount, facts: DisputeFacts) -> Dispute | None:
    payment = Payment.objects.filter(entity_id=account.entity_id, charge_ref=facts.charge_ref).first()
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
    after = _STATES.get(facts.status)
    if after is not None and dispute.state == Dispute.State.OPEN:
        dispute.state, dispute.closed_at = after, clock.now()
        dispute.save(update_fields=["state", "closed_at"])
        events.record("billing.dispute.closed", dispute)
        if after == Dispute.State.LOST and payment.method != "card":
            _return(payment, facts.reason)
    return dispute


def _return(payment: Payment, reason: str) -> None:
    """A debit's bank has the last word (docs.stripe.com/payments/au-becs-debit): the money is gone."""
    words = reason.replace("_", " ") or "the bank took it back"
    mails.tell_returned(payment, why=words)
    payments.return_payment(payment_id=payment.pk, reason=words, now=clock.now())
