"""Notices from Stripe: checked, stored, answered, and only then worked, by fetching what they are about again.

Notices come twice, late and out of order; none of that matters, because the stored id makes a copy harmless and the
object as it is now decides. Where no webhook can reach us, :func:`catch_up` fetches the same notices by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import IntegrityError, OperationalError, transaction

from billing import attempts, disputes, gateway, methods, movements, payouts, refunding
from billing.models import Attempt, BalanceTransaction, StripeAccount, StripeEvent
from billing.stripe_facts import Notice, Refused, StripeError
from practice.core import audit, clock
from practice.core.wake import wake

log = logging.getLogger(__name__)
#: How long a notice that could not be worked is tried again; the sweeps of payouts and attempts find what it was about.
TRY_FOR = timedelta(days=3)
#: Stripe keeps notices for thirty days (docs.stripe.com/webhooks/process-undelivered-events).
KEPT = timedelta(days=29)


class Busy(Exception):
    """The database cannot store the notice now: Stripe sends it again."""


def receive(*, account: StripeAccount, payload: bytes, signature: str) -> bool:
    """Store a delivered notice and wake a worker. False when its signature is not Stripe's. Raises Busy."""
    notice = gateway.read_notice(payload, signature, account.webhook_secret)
    if notice is None:
        return False
    try:
        with transaction.atomic():
            event = store(account, notice)
            if event.worked_at is None:
                wake("billing.tasks.work_event", event_id=event.pk)
    except OperationalError as error:
        raise Busy(str(error)) from error
    return True


def store(account: StripeAccount, notice: Notice) -> StripeEvent:
    """Keep a notice once, however often it comes."""
    known = StripeEvent.objects.filter(account=account, event_ref=notice.ref).first()
    if known is not None:
        return known
    try:
        with transaction.atomic():
            return StripeEvent.objects.create(
                account=account,
                event_ref=notice.ref,
                type=notice.type[:80],
                object_ref=notice.object_ref[:80],
                body=dict(notice.body),
                received_at=clock.now(),
            )
    except IntegrityError:
        return StripeEvent.objects.get(account=account, event_ref=notice.ref)


def catch_up(account: StripeAccount) -> int:
    """Fetch the notices that no webhook brought. Returns how many there were. Calls Stripe."""
    found = 0
    while True:
        try:
            notices = gateway.gateway_of(account).notices_after(
                account.events_seen_until, since=max(account.connected_at, clock.now() - KEPT)
            )
        except Refused:
            if not account.events_seen_until:
                raise
            # The last notice we saw is older than what Stripe keeps: begin with the oldest it still has.
            account.events_seen_until = ""
            continue
        if not notices:
            return found
        with transaction.atomic():
            for notice in notices:
                store(account, notice)
            account.events_seen_until = notices[-1].ref
            account.save(update_fields=["events_seen_until"])
        found += len(notices)
        if len(notices) < 100:
            return found


def waiting(account: StripeAccount) -> list[int]:
    """Notices nobody has worked yet, oldest first."""
    rows = account.events.filter(worked_at__isnull=True, received_at__gte=clock.now() - TRY_FOR)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:200])


def work(event_id: int) -> bool:
    """Do what a stored notice asks for. Returns whether it is done; what failed is tried again by the sweep."""
    event = StripeEvent.objects.select_related("account__entity").get(pk=event_id)
    if event.worked_at is not None:
        return True
    try:
        with audit.cause(system="stripe", actor="Stripe", run=event.event_ref):
            _apply(event)
    except StripeError as error:
        StripeEvent.objects.filter(pk=event_id).update(failure=error.words[:300])
        return False
    except Exception as error:
        log.exception("notice %s (%s) could not be worked", event.event_ref, event.type)
        StripeEvent.objects.filter(pk=event_id).update(failure=f"{type(error).__name__}: {error}"[:300])
        return False
    StripeEvent.objects.filter(pk=event_id).update(worked_at=clock.now(), failure="")
    return True


def _apply(event: StripeEvent) -> None:
    for prefix, act in _ACTS.items():
        if event.type.startswith(prefix):
            act(event)
            return


def _payment_intent(event: StripeEvent) -> None:
    attempt = Attempt.objects.filter(intent_ref=event.object_ref).first()
    if attempt is None:
        return
    intent = gateway.gateway_of(event.account).payment(event.object_ref)
    # Only the notice that says "succeeded" knows when that was; an older one may be worked after it.
    moment = _made_at(event) if event.type == "payment_intent.succeeded" else clock.now()
    attempts.apply_intent(attempt_id=attempt.pk, intent=intent, moment=moment)


def _setup_intent(event: StripeEvent) -> None:
    methods.take_setup(entity_id=event.account.entity_id, intent_ref=event.object_ref)


def _charge(event: StripeEvent) -> None:
    known = BalanceTransaction.objects.filter(entity_id=event.account.entity_id, source_ref=event.object_ref)
    if event.type == "charge.updated" and not known.exists():
        movements.take_movements(event.account)


def _refund(event: StripeEvent) -> None:
    refunding.take_refund(event.account, event.object_ref)
    movements.take_movements(event.account)


def _refunded_charge(event: StripeEvent) -> None:
    """A charge gave money back; its refunds are known by their own notices, the movement by the list."""
    movements.take_movements(event.account)


def _dispute(event: StripeEvent) -> None:
    disputes.take_dispute(event.account, event.object_ref)
    movements.take_movements(event.account)


def _payout(event: StripeEvent) -> None:
    movements.take_movements(event.account)
    payouts.take_payout(event.account, event.object_ref)


def _detached(event: StripeEvent) -> None:
    methods.forget_method(entity_id=event.account.entity_id, method_ref=event.object_ref, now=clock.now())


def _made_at(event: StripeEvent) -> datetime:
    return datetime.fromtimestamp(int(event.body["created"]), tz=clock.now().tzinfo)


_ACTS: dict[str, Callable[[StripeEvent], None]] = {
    "payment_intent.": _payment_intent,
    "setup_intent.": _setup_intent,
    "charge.dispute.": _dispute,
    "charge.refunded": _refunded_charge,
    "charge.": _charge,
    "refund.": _refund,
    "payout.": _payout,
    "payment_method.detached": _detached,
}
