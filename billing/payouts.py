"""Payouts: followed from Stripe to the bank, taken apart once Stripe has reconciled them, booked when they arrived."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet

from billing import gateway, movements
from billing.models import BalanceTransaction, Payout, StripeAccount
from billing.stripe_facts import PayoutFacts
from practice.core import audit, clock, events, money
from practice.core.money import ZERO

#: How long after its day of arrival a payout that was not told about is asked for.
LATE = timedelta(hours=6)


def take_payout(account: StripeAccount, payout_ref: str) -> Payout:
    """Fetch a payout and what it is made of, and book it once it has arrived and its items add up. Calls Stripe.

    A sum that does not fit books nothing: the difference stands on the payout until a person has looked.
    """
    door = gateway.gateway_of(account)
    facts = door.payout(payout_ref)
    items = door.movements_of(payout_ref) if facts.automatic and facts.is_itemised else None
    with transaction.atomic(), audit.cause(system="stripe", actor="Stripe"):
        payout = _keep(account, facts)
        if items is not None and payout.itemised_at is None:
            movements.store(account, items)
            _itemise(payout, [item.ref for item in items])
        _follow(payout, facts)
    return payout


def to_look_at(account: StripeAccount) -> list[str]:
    """Payouts that should have arrived, or been taken apart, and that nobody told us about."""
    today = clock.today(account.entity.time_zone)
    rows = Payout.objects.filter(entity_id=account.entity_id, state=Payout.State.IN_TRANSIT, arrives_on__lte=today)
    known = list(rows.values_list("payout_ref", flat=True))
    loose = BalanceTransaction.objects.filter(
        entity_id=account.entity_id, category="payout", payout__isnull=True, made_at__lte=clock.now() - LATE
    )
    return known + list(loose.values_list("source_ref", flat=True))


def items_of(payout: Payout) -> QuerySet[BalanceTransaction]:
    """What a payout is made of: also an earlier one that came back and is paid out anew, but not its own movements.

    docs.stripe.com/api/payouts/object, ``failure_balance_transaction``: it puts the money back in the balance.
    """
    return payout.movements.exclude(category__in=movements.PAYOUTS, source_ref=payout.payout_ref)


def items_total(payout: Payout) -> Decimal:
    """What the items of a payout add up to."""
    return money.total(items_of(payout), "net")


def _keep(account: StripeAccount, facts: PayoutFacts) -> Payout:
    row = Payout.objects.select_for_update().filter(payout_ref=facts.ref).first()
    if row is not None:
        return row
    return Payout.objects.create(
        practice_id=account.entity.practice_id,
        entity_id=account.entity_id,
        payout_ref=facts.ref,
        amount=facts.amount,
        currency=facts.currency,
        reference=f"{facts.words} {facts.ref}"[:60],
        made_at=facts.made_at,
        arrives_on=facts.arrives_on,
    )


def _itemise(payout: Payout, refs: list[str]) -> None:
    BalanceTransaction.objects.filter(movement_ref__in=refs).update(payout=payout)
    found = items_total(payout)
    if found == payout.amount:
        payout.itemised_at, payout.failure = clock.now(), ""
    else:
        payout.failure = f"Its items add up to {found}, Stripe paid out {payout.amount}: nothing is booked"
    payout.save(update_fields=["itemised_at", "failure"])


def _came_back(payout: Payout) -> date:
    """The day Stripe's balance had the money again, in the entity's zone; today where that is not known yet."""
    rows = BalanceTransaction.objects.filter(entity_id=payout.entity_id, source_ref=payout.payout_ref)
    back = rows.filter(category="payout_reversal").order_by("made_at").first()
    return back.on if back is not None else clock.today(payout.entity.time_zone)


def _follow(payout: Payout, facts: PayoutFacts) -> None:
    """Move on with what Stripe says. A payout made by hand in Stripe cannot be taken apart and is booked whole."""
    if facts.status in ("failed", "canceled"):
        if payout.state != Payout.State.FAILED:
            if payout.state == Payout.State.ARRIVED:
                payout.came_back_on = _came_back(payout)
            payout.state, payout.failure = Payout.State.FAILED, (facts.failure or "The bank sent it back")[:200]
            payout.save(update_fields=["state", "failure", "came_back_on"])
            events.record("billing.payout.failed", payout)
        return
    whole = payout.itemised_at is not None or not facts.automatic
    if facts.status == "paid" and whole and payout.state == Payout.State.IN_TRANSIT:
        payout.state, payout.arrives_on = Payout.State.ARRIVED, facts.arrives_on
        payout.save(update_fields=["state", "arrives_on"])
        if payout.amount != ZERO:
            events.record("billing.payout.arrived", payout)
