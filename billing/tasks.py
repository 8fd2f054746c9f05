"""What workers run for billing: a name, ids, one call. Safe to run twice, late, or never."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.db import transaction

from billing import attempts, collecting, fees, movements, payouts, refunding, runs, stripe_events
from billing.models import BalanceTransaction, StripeAccount
from billing.stripe_facts import StripeError
from practice.core import clock
from practice.core.models import Heartbeat, Switch
from practice.core.money import ZERO
from practice.firm.models import Entity

log = logging.getLogger(__name__)
#: How often the slow parts of the sweep run: looking for late payouts, closing fee days.
SLOWLY = timedelta(hours=1)


def work_event(*, event_id: int) -> None:
    """Work one stored notice from Stripe."""
    stripe_events.work(event_id)


def collect(*, entity_id: int) -> None:
    """Charge what is due and remind who is late, unless somebody stopped all sending."""
    if not Switch.objects.filter(sending=False).exists():
        collecting.collect(entity_id)
        collecting.remind(entity_id)


def sweep() -> None:
    """Once a minute: bill what is due, then everything about money that nobody rang for. One failure stops no other."""
    now = clock.now()
    for entity_id, on in runs.due_entities(now):
        _safely("billing run", partial(runs.run_billing, entity_id=entity_id, on=on, now=now))
    for account in StripeAccount.objects.select_related("entity"):
        _safely("notices", partial(_notices, account))
        if _is_turn(f"money {account.pk}"):
            _safely("payouts and fees", partial(settle_balance, account))
    for entity_id in Entity.objects.order_by("pk").values_list("pk", flat=True):
        _safely("collection", partial(collect, entity_id=entity_id))
    for attempt in attempts.open_to_look_at(now):
        _safely("open attempt", partial(attempts.look, attempt))
    for refund in refunding.not_answered(now - timedelta(minutes=1)):
        _safely("refund", partial(refunding.send_refund, refund))


def settle_balance(account: StripeAccount) -> None:
    """Follow late payouts and close the fee days that are over. Calls Stripe."""
    for payout_ref in payouts.to_look_at(account):
        payouts.take_payout(account, payout_ref)
    today = clock.today(account.entity.time_zone)
    open_days = BalanceTransaction.objects.filter(entity_id=account.entity_id, fee_day__isnull=True, on__lt=today)
    if open_days.exclude(fee=ZERO).exists():
        movements.take_movements(account)
        fees.close_fee_days(entity_id=account.entity_id, today=today)


def _notices(account: StripeAccount) -> None:
    stripe_events.catch_up(account)
    for event_id in stripe_events.waiting(account):
        stripe_events.work(event_id)


def _is_turn(name: str) -> bool:
    """Whether a slow part is due, and if so, note that it ran."""
    now = clock.now()
    with transaction.atomic():
        beat, is_new = Heartbeat.objects.select_for_update().get_or_create(name=name, defaults={"at": now})
        due = is_new or now - beat.at >= SLOWLY or beat.at > now
        if due:
            beat.at = now
            beat.save(update_fields=["at"])
    return due


def _safely(what: str, step: Callable[[], object]) -> None:
    try:
        step()
    except StripeError as error:
        log.warning("%s: Stripe: %s", what, error.words)
    except Exception:
        log.exception("%s failed; the next sweep tries again", what)
