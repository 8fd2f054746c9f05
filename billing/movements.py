"""The Stripe balance, movement by movement: the evidence that fees, payouts and the clearing proof are made of.

Kept as Stripe tells it, with two readings of ours: the day is the one in the entity's zone, and a fee that Stripe books
as a movement of its own becomes a movement of nothing with that fee, so that every fee is found in one column.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from billing import gateway
from billing.models import BalanceTransaction, Dispute, Payment, Payout, Refund, StripeAccount
from billing.stripe_facts import MovementFacts
from practice.core import events
from practice.core.money import ZERO

#: docs.stripe.com/reports/reporting-categories, as far as one practice's own account meets them.
CHARGES = frozenset({"charge", "charge_failure"})
MONEY_BACK = frozenset({"refund", "refund_failure", "partial_capture_reversal", "dispute", "dispute_reversal"})
FEES = frozenset({"fee", "network_cost"})
PAYOUTS = frozenset({"payout", "payout_reversal"})
KNOWN = CHARGES | MONEY_BACK | FEES | PAYOUTS
#: Movements are asked for again over this span, so that one listed late is not missed.
OVERLAP = timedelta(hours=2)


def take_movements(account: StripeAccount) -> int:
    """Fetch every movement since the last one known. Returns how many were new. Calls Stripe."""
    newest = BalanceTransaction.objects.filter(entity_id=account.entity_id).order_by("-made_at").first()
    since = newest.made_at - OVERLAP if newest else datetime(2020, 1, 1, tzinfo=UTC)
    facts = list(gateway.gateway_of(account).movements_since(since))
    return store(account, facts)


@transaction.atomic
def store(account: StripeAccount, facts: Iterable[MovementFacts]) -> int:
    """Keep movements that are not known yet. Returns how many that were."""
    by_ref = {fact.ref: fact for fact in facts}
    for ref in BalanceTransaction.objects.filter(movement_ref__in=by_ref).values_list("movement_ref", flat=True):
        del by_ref[ref]
    zone = ZoneInfo(account.entity.time_zone)
    rows = [_row(account, fact, zone) for fact in sorted(by_ref.values(), key=lambda f: (f.made_at, f.ref))]
    BalanceTransaction.objects.bulk_create(rows, batch_size=100)
    _link(account.entity_id)
    for dispute in Dispute.objects.filter(dispute_ref__in={row.source_ref for row in rows}).order_by("pk"):
        events.record("billing.dispute.moved", dispute)
    return len(rows)


def unknown_categories(entity_id: int) -> list[BalanceTransaction]:
    """Movements of a kind we have no entry for: each waits for a person, none is guessed to be an adjustment."""
    return list(BalanceTransaction.objects.filter(entity_id=entity_id).exclude(category__in=KNOWN).order_by("made_at"))


def _row(account: StripeAccount, fact: MovementFacts, zone: ZoneInfo) -> BalanceTransaction:
    is_fee = fact.category in FEES
    return BalanceTransaction(
        entity_id=account.entity_id,
        movement_ref=fact.ref,
        category=fact.category,
        amount=ZERO if is_fee else fact.amount,
        fee=fact.fee - fact.amount if is_fee else fact.fee,
        net=fact.net,
        currency=fact.currency,
        fee_details=[{"type": d.kind, "amount": str(d.amount), "description": d.words} for d in fact.fees],
        made_at=fact.made_at,
        on=fact.made_at.astimezone(zone).date(),
        available_on=fact.available_at.astimezone(zone).date(),
        source_ref=fact.source_ref,
    )


def _link(entity_id: int) -> None:
    """Tie movements to what they are of: a payment by its charge, money back by its refund or dispute, a payout."""
    loose = Q(category__in=CHARGES | MONEY_BACK, payment__isnull=True) | Q(category__in=PAYOUTS, payout__isnull=True)
    rows = list(BalanceTransaction.objects.filter(loose, entity_id=entity_id))
    refs = {row.source_ref for row in rows}
    charges = dict(Payment.objects.filter(entity_id=entity_id, charge_ref__in=refs).values_list("charge_ref", "pk"))
    charges |= dict(Refund.objects.filter(refund_ref__in=refs).values_list("refund_ref", "payment_id"))
    charges |= dict(Dispute.objects.filter(dispute_ref__in=refs).values_list("dispute_ref", "payment_id"))
    payouts = dict(Payout.objects.filter(payout_ref__in=refs).values_list("payout_ref", "pk"))
    for row in rows:
        if row.category in PAYOUTS:
            row.payout_id = payouts.get(row.source_ref)
        else:
            row.payment_id = charges.get(row.source_ref)
        BalanceTransaction.objects.filter(pk=row.pk).update(payment_id=row.payment_id, payout_id=row.payout_id)
