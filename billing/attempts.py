"""Every try to collect, from the row written before the call to the payment that follows from its answer.

The order never changes: the attempt with its key is committed, an intent is made, its id is committed, and only then
is it confirmed, by the client in the browser or by us with a saved method. An intent can be paid once, so whatever is
lost on the way, looking at the intent settles it. The database allows one live attempt for an invoice.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from billing import dunning, gateway, mails, payments
from billing.dunning import Failure, Kind
from billing.methods import Presence, keep_method
from billing.models import Attempt, AttemptShare, Invoice, Payment, PaymentMethod, StripeAccount
from billing.standing import standing_of
from billing.stripe_accounts import account_of, customer_of, ways_to_pay
from billing.stripe_facts import KEY_LIVES, Declined, IntentFacts, OutcomeUnknown, Refused, StripeError, TryLater
from practice.core import audit, clock, events, gates
from practice.core.gates import YES, Answer, Verdict
from practice.core.money import ZERO
from practice.firm.models import Client, Entity

#: After this long an unfinished visit to the pay page no longer keeps the saved card from being charged.
VISIT_LIVES = timedelta(hours=1)
#: A yes to the question whether an invoice may be charged is good for this long; who was held up since asks again.
YES_LIVES = timedelta(minutes=2)
#: How often an attempt is looked at when no notice of it comes.
LOOK_AGAIN = {Attempt.State.CALLING: timedelta(minutes=1), Attempt.State.PROCESSING: timedelta(hours=6)}

Share = tuple[Invoice, Decimal]


class PaymentUnderWay(ValueError):
    """A payment of this invoice is on its way, so a second one is not taken."""


class NothingDue(ValueError):
    """Nothing is due on the invoice, or less than was to be taken."""


@dataclass(frozen=True)
class Started:
    """What the browser needs to pay: the intent's secret and the account's publishable key."""

    attempt: Attempt
    client_secret: str
    publishable_key: str
    account_ref: str


def start_on_session(*, entity: Entity, client: Client, shares: Sequence[Share], presence: Presence) -> Started:
    """Start, or take up again, a payment by a client who is there; the method is kept for later bills.

    A second press, another tab or a browser that was closed in between take up the same intent. Calls Stripe, so it
    runs outside any transaction. Raises PaymentUnderWay, NothingDue, NotConnected and Stripe's failures.
    """
    account = account_of(entity.pk)
    attempt = _open(entity=entity, client=client, shares=shares, method=None, presence=presence)
    if attempt is None:
        abandon(_live(shares))
        attempt = _open(entity=entity, client=client, shares=shares, method=None, presence=presence)
    if attempt is None:
        raise PaymentUnderWay("A payment of this invoice was started elsewhere. Try again in a minute")
    intent = _intent_of(attempt, account)
    attempt = apply_intent(attempt_id=attempt.pk, intent=intent, moment=clock.now())
    if attempt.state in (Attempt.State.SUCCEEDED, Attempt.State.PROCESSING):
        raise PaymentUnderWay("This was paid a moment ago in another window")
    return Started(attempt, intent.client_secret, account.publishable_key, account.account_ref)


def charge_saved(*, invoice: Invoice, amount: Decimal, method: PaymentMethod, asked_at: datetime) -> Attempt:
    """Charge a saved method while nobody is there. Calls Stripe, so it runs outside any transaction.

    ``asked_at`` is when it was asked whether the invoice may be charged: minutes later that has to be asked again.
    Raises PaymentUnderWay and NothingDue. What Stripe answers, or does not, is on the attempt that comes back.
    """
    attempt = _open(
        entity=invoice.entity, client=invoice.client, shares=[(invoice, amount)], method=method, presence=Presence()
    )
    if attempt is None:
        raise PaymentUnderWay("The client is paying this invoice now")
    return drive(attempt, asked_at=asked_at)


def drive(attempt: Attempt, *, asked_at: datetime) -> Attempt:
    """Take an unattended attempt one step on: make its intent, confirm it, write down what came of it.

    A worker that was held up since it asked confirms nothing, nor is charged what was paid, voided or held here
    meanwhile: the next look asks anew before it goes on.
    """
    account = account_of(attempt.entity_id)
    method = attempt.method
    assert method is not None, "an unattended attempt has a method"
    try:
        intent = _intent_of(attempt, account)
        if intent.status in ("requires_payment_method", "requires_confirmation") and not intent.failure_code:
            if clock.now() - asked_at > YES_LIVES or not _is_still_due(attempt):
                return attempt
            door = gateway.gateway_of(account)
            intent = door.confirm_payment(intent.ref, method_ref=method.method_ref, key=f"{attempt.key}:confirm")
    except Declined as declined:
        return fail(attempt_id=attempt.pk, code=declined.code, words=declined.words)
    except Refused as refused:
        return cancel(attempt_id=attempt.pk, why=f"Stripe refused it: {refused.words}")
    except StripeError:
        # No answer, or not now: the attempt stays open, and the next sweep looks before anything is sent again.
        attempt.refresh_from_db()
        return attempt
    return apply_intent(attempt_id=attempt.pk, intent=intent, moment=clock.now())


def look(attempt: Attempt) -> Attempt:
    """Settle an open attempt by asking Stripe what became of it. Calls Stripe; never charges anew after a day."""
    _touch(attempt)
    account = account_of(attempt.entity_id)
    too_old = clock.now() - attempt.made_at > KEY_LIVES
    if not attempt.intent_ref:
        return _look_for_intent(attempt, account) if too_old else _again(attempt)
    try:
        intent = gateway.gateway_of(account).payment(attempt.intent_ref)
    except StripeError:
        return attempt
    waiting = intent.status in ("requires_payment_method", "requires_confirmation", "requires_action")
    if waiting and (too_old or attempt.on_session):
        return abandon(attempt) if too_old else attempt
    if waiting and not intent.failure_code:
        return _go_on(attempt)
    return apply_intent(attempt_id=attempt.pk, intent=intent, moment=clock.now())


def abandon(attempt: Attempt | None) -> Attempt:
    """Make sure at Stripe that an unfinished attempt can never be paid, then close it.

    Raises PaymentUnderWay when there is none, or it cannot be stopped any more.
    """
    if attempt is None or attempt.state == Attempt.State.PROCESSING:
        raise PaymentUnderWay("A payment of this invoice is on its way")
    if not attempt.intent_ref:
        if not attempt.on_session:
            raise PaymentUnderWay("A payment of this invoice is being made")
        # An intent that nobody was given the secret of cannot be paid.
        return cancel(attempt_id=attempt.pk, why="left unfinished")
    door = gateway.gateway_of(account_of(attempt.entity_id))
    try:
        intent = door.cancel_payment(attempt.intent_ref)
    except Refused:
        intent = door.payment(attempt.intent_ref)
    done = apply_intent(attempt_id=attempt.pk, intent=intent, moment=clock.now())
    if done.closed_at is None:
        raise PaymentUnderWay("A payment of this invoice is on its way")
    return done


def abandon_visit(attempt: Attempt) -> Attempt:
    """End a visit to the pay page that was left an hour ago, so that the saved card may be charged.

    Raises PaymentUnderWay while the visit may still go on.
    """
    if not attempt.on_session or clock.now() - attempt.made_at < VISIT_LIVES:
        raise PaymentUnderWay("The client is paying this invoice now")
    return abandon(attempt)


def open_to_look_at(now: datetime, limit: int = 100) -> list[Attempt]:
    """Attempts whose outcome is not known and that nobody has looked at for a while."""
    rows: list[Attempt] = []
    open_ones = Attempt.objects.filter(closed_at__isnull=True).select_related("method")
    for state, age in LOOK_AGAIN.items():
        rows += open_ones.filter(state=state, called_at__lte=now - age).order_by("called_at")[:limit]
    # Nobody waits at the screen for a charge of ours that was written down by a worker that died before it called.
    cut_off = Q(state=Attempt.State.NEW, on_session=False, made_at__lte=now - LOOK_AGAIN[Attempt.State.CALLING])
    left = Q(state__in=[Attempt.State.NEW, Attempt.State.NEEDS_ACTION], made_at__lte=now - KEY_LIVES)
    return rows + list(open_ones.filter(cut_off | left).order_by("made_at")[:limit])


@transaction.atomic
def apply_intent(*, attempt_id: int, intent: IntentFacts, moment: datetime) -> Attempt:
    """Write down what an intent says, once however often it is told. ``moment`` is when it came to stand like this."""
    attempt = Attempt.objects.select_for_update().get(pk=attempt_id)
    if intent.status == "succeeded":
        _succeed(attempt, intent, moment)
    elif intent.status == "processing":
        _process(attempt, intent, moment)
    elif intent.status == "canceled":
        if attempt.closed_at is None:
            _close(attempt, Attempt.State.CANCELLED, words="left unfinished")
    elif attempt.closed_at is None and (intent.failure_code or intent.status == "requires_action"):
        _wait_or_fail(attempt, intent)
    return attempt


@transaction.atomic
def fail(*, attempt_id: int, code: str, words: str) -> Attempt:
    """The bank said no: close the attempt and let dunning follow. Does nothing to one that is closed."""
    attempt = Attempt.objects.select_for_update().get(pk=attempt_id)
    if attempt.closed_at is None:
        _fail(attempt, code, words)
    return attempt


@transaction.atomic
def cancel(*, attempt_id: int, why: str) -> Attempt:
    """Close an attempt that took nothing and will not."""
    attempt = Attempt.objects.select_for_update().get(pk=attempt_id)
    if attempt.closed_at is None:
        _close(attempt, Attempt.State.CANCELLED, words=why)
    return attempt


@transaction.atomic
def _open(
    *,
    entity: Entity,
    client: Client,
    shares: Sequence[Share],
    method: PaymentMethod | None,
    presence: Presence,
) -> Attempt | None:
    """The attempt for these shares: a new one, or the client's own that is still open. None when another one is live.

    The invoices are locked, oldest first, so that of two presses one finds what the other made.
    """
    wanted = {invoice.pk: amount for invoice, amount in shares}
    rows = list(Invoice.objects.select_for_update().filter(pk__in=wanted).order_by("pk"))
    today = clock.today(entity.time_zone)
    live = _live(shares)
    if live is not None:
        if live.state == Attempt.State.PROCESSING or (method is None and not live.on_session):
            raise PaymentUnderWay("A payment of this invoice is on its way")
        same = {s.invoice_id: s.amount for s in live.shares.all()} == wanted
        return live if method is None and same else None
    for invoice in rows:
        standing = standing_of(invoice, today)
        stopped = invoice.status != Invoice.Status.ISSUED or (method is not None and invoice.is_held)
        if stopped or standing.due - standing.processing < wanted[invoice.pk]:
            raise NothingDue("This invoice was paid or changed a moment ago")
    attempt = Attempt.objects.create(
        practice_id=entity.practice_id,
        entity=entity,
        client=client,
        on_session=method is None,
        method=method,
        key=uuid.uuid4(),
        amount=sum(wanted.values(), ZERO),
        currency=rows[0].currency,
        made_at=clock.now(),
        payer_address=presence.address,
        payer_agent=presence.agent[:300],
    )
    AttemptShare.objects.bulk_create(AttemptShare(attempt=attempt, invoice=i, amount=wanted[i.pk]) for i in rows)
    return attempt


def _live(shares: Sequence[Share]) -> Attempt | None:
    return Attempt.objects.filter(shares__invoice__in=[i for i, _ in shares], shares__live=True).distinct().first()


def _touch(attempt: Attempt) -> None:
    attempt.called_at = clock.now()
    attempt.save(update_fields=["called_at"])


def _intent_of(attempt: Attempt, account: StripeAccount) -> IntentFacts:
    """The attempt's intent, made now if it has none; its id is committed before anybody can confirm it."""
    door = gateway.gateway_of(account)
    if attempt.intent_ref:
        return door.payment(attempt.intent_ref)
    attempt.state, attempt.called_at = Attempt.State.CALLING, clock.now()
    attempt.save(update_fields=["state", "called_at"])
    numbers = ", ".join(s.invoice.number for s in attempt.shares.select_related("invoice").order_by("invoice_id"))
    try:
        intent = door.create_payment(
            amount=attempt.amount,
            currency=attempt.currency,
            customer_ref=customer_of(account=account, client_id=attempt.client_id),
            kinds=ways_to_pay(account, attempt.currency) if attempt.on_session else [_kind(attempt)],
            description=f"Invoice {numbers}"[:300],
            metadata={"attempt": str(attempt.key)},
            key=f"{attempt.key}:create",
            keep_method=attempt.on_session,
        )
    except Refused as refused:
        cancel(attempt_id=attempt.pk, why=f"Stripe refused it: {refused.words}")
        raise
    except OutcomeUnknown as error:
        if error.status is not None:
            # Stripe repeats its 5xx for this key all day. What it may have made took no money: start anew.
            cancel(attempt_id=attempt.pk, why="Stripe was out of order")
        raise TryLater(error.words, code=error.code) from error
    attempt.intent_ref, attempt.client_secret = intent.ref, intent.client_secret
    attempt.state = Attempt.State.NEEDS_ACTION if attempt.on_session else Attempt.State.CALLING
    attempt.save(update_fields=["intent_ref", "client_secret", "state"])
    return intent


def _kind(attempt: Attempt) -> str:
    assert attempt.method is not None, "an unattended attempt has a method"
    return attempt.method.kind


def _again(attempt: Attempt) -> Attempt:
    """The intent's making was not answered: the same key gives the same intent."""
    if not attempt.on_session:
        return _go_on(attempt)
    with suppress(StripeError):
        _intent_of(attempt, account_of(attempt.entity_id))
    return attempt


def _go_on(attempt: Attempt) -> Attempt:
    """Charge what an interrupted attempt was to take, if it may still be taken: the ledger is asked anew.

    Nothing was taken so far, and it may be long ago that the invoice was due. What is no longer wanted is ended at
    Stripe, so that it can never be paid.
    """
    asked_at = clock.now()
    answer = _may_still_charge(attempt)
    if answer.is_yes:
        return drive(attempt, asked_at=asked_at)
    if answer.verdict == Verdict.NOT_YET:
        return attempt
    if attempt.intent_ref:
        with suppress(StripeError, PaymentUnderWay):
            abandon(attempt)
        return attempt
    # An intent that may have been made and was never confirmed takes no money.
    return cancel(attempt_id=attempt.pk, why=answer.reason)


def _may_still_charge(attempt: Attempt) -> Answer:
    for share in attempt.shares.select_related("invoice__client", "invoice__entity").order_by("invoice_id"):
        answer = gates.ask("billing.may_collect_unattended", share.invoice, purpose="charge")
        if not answer.is_yes:
            return answer
    # Asking may have brought news.
    return YES if _is_still_due(attempt) else Answer(Verdict.NO, "it was paid, changed or held meanwhile")


def _is_still_due(attempt: Attempt) -> bool:
    """Whether its invoices are still owed as much here, and nobody holds them."""
    today = clock.today(attempt.entity.time_zone)
    for share in attempt.shares.order_by("invoice_id"):
        invoice = Invoice.objects.get(pk=share.invoice_id)
        standing = standing_of(invoice, today)
        if invoice.is_held or standing.due - standing.processing < share.amount:
            return False
    return True


def _look_for_intent(attempt: Attempt, account: StripeAccount) -> Attempt:
    """The key has lost its power: find what it may have made by the mark it carries."""
    try:
        customer = customer_of(account=account, client_id=attempt.client_id)
        found = gateway.gateway_of(account).find_payment(customer, "attempt", str(attempt.key))
    except StripeError:
        return attempt
    if found is None:
        return cancel(attempt_id=attempt.pk, why="Stripe never got it")
    attempt.intent_ref = found.ref
    attempt.save(update_fields=["intent_ref"])
    return look(attempt)


def _succeed(attempt: Attempt, intent: IntentFacts, moment: datetime) -> None:
    """The money is there. Whatever the attempt was thought to be: money that was taken is written down."""
    assert intent.charge is not None, "a paid intent has a charge"
    zone = ZoneInfo(attempt.entity.time_zone)
    is_card = intent.method is None or intent.method.kind == PaymentMethod.Kind.CARD
    at = intent.charge.made_at if is_card else intent.charge.settled_at or moment
    payment = Payment.objects.filter(entity_id=attempt.entity_id, charge_ref=intent.charge.ref).first()
    if payment is None:
        payment = _record(attempt, intent, Payment.State.SUCCEEDED, at)
    elif payment.state == Payment.State.PROCESSING:
        payment = payments.settle_payment(payment_id=payment.pk, paid_on=at.astimezone(zone).date())
    elif attempt.state == Attempt.State.SUCCEEDED:
        return
    attempt.payment = payment
    _close(attempt, Attempt.State.SUCCEEDED)
    _keep(attempt, intent)
    mails.send_receipt(payment)


def _process(attempt: Attempt, intent: IntentFacts, moment: datetime) -> None:
    """A debit is on its way: not paid, yet nothing else may be taken for these invoices."""
    assert intent.charge is not None, "a debit on its way has a charge"
    if attempt.closed_at is not None or attempt.state == Attempt.State.PROCESSING:
        return
    attempt.payment = _record(attempt, intent, Payment.State.PROCESSING, moment)
    attempt.state, attempt.failure_code, attempt.failure = Attempt.State.PROCESSING, "", ""
    attempt.save(update_fields=["payment", "state", "failure_code", "failure"])
    _keep(attempt, intent)


def _wait_or_fail(attempt: Attempt, intent: IntentFacts) -> None:
    """The client may try again as long as they are there; a debit that bounced, or a charge of ours, has failed."""
    was_processing = attempt.state == Attempt.State.PROCESSING
    if intent.failure_code and (was_processing or not attempt.on_session):
        _fail(attempt, intent.failure_code, intent.failure)
        return
    attempt.state = Attempt.State.NEEDS_ACTION
    attempt.failure_code, attempt.failure = intent.failure_code[:60], intent.failure[:300]
    attempt.save(update_fields=["state", "failure_code", "failure"])


def _fail(attempt: Attempt, code: str, words: str) -> None:
    now = clock.now()
    if attempt.payment is not None:
        payments.fail_payment(payment_id=attempt.payment.pk, reason=words or code, now=now)
    _close(attempt, Attempt.State.FAILED, code=code, words=words)
    events.record("billing.attempt.failed", attempt)
    for share in attempt.shares.select_related("invoice__client", "invoice__entity"):
        if dunning.kind_of(code) is Kind.STEP:
            mails.ask_for_step(share.invoice)
        else:
            following = dunning.next_try(failures_of(share.invoice, attempt.method))
            mails.ask_to_pay(share.invoice, why=words, next_try=following)


def failures_of(invoice: Invoice, method: PaymentMethod | None) -> list[Failure]:
    """The refusals of one method for an invoice since its last part fell due, oldest first."""
    if method is None:
        return []
    zone = ZoneInfo(invoice.entity.time_zone)
    due = [
        d for d in invoice.instalments.values_list("due_on", flat=True) if d <= clock.today(invoice.entity.time_zone)
    ]
    rows = Attempt.objects.filter(shares__invoice=invoice, method=method, state=Attempt.State.FAILED)
    found = [
        Failure(closed_at.astimezone(zone).date(), code)
        for closed_at, code in rows.order_by("closed_at").values_list("closed_at", "failure_code")
        if closed_at is not None
    ]
    return [f for f in found if not due or f.on >= max(due)]


def _record(attempt: Attempt, intent: IntentFacts, state: str, at: datetime) -> Payment:
    assert intent.charge is not None
    zone = ZoneInfo(attempt.entity.time_zone)
    receipt = payments.Receipt(
        source=Payment.Source.STRIPE,
        method=intent.method.kind if intent.method else PaymentMethod.Kind.CARD,
        amount=intent.amount,
        currency=intent.currency,
        reference=f"Stripe {intent.charge.ref}",
        state=state,
        initiated_at=intent.charge.made_at,
        paid_on=at.astimezone(zone).date() if state == Payment.State.SUCCEEDED else None,
        charge_ref=intent.charge.ref,
    )
    shares = [(s.invoice, s.amount) for s in attempt.shares.select_related("invoice").order_by("invoice_id")]
    with audit.cause(system="stripe", actor=audit.current().actor or "Stripe"):
        return payments.record_payment(
            entity=attempt.entity, client=attempt.client, receipt=receipt, on_invoices=shares, now=clock.now()
        )


def _keep(attempt: Attempt, intent: IntentFacts) -> None:
    """Keep the method the client paid with, with the proof of their permission."""
    if attempt.on_session and attempt.save_method and intent.keeps_method and intent.method is not None:
        assert intent.charge is not None
        keep_method(
            entity_id=attempt.entity_id,
            client_id=attempt.client_id,
            facts=intent.method,
            mandate_ref=intent.charge.mandate_ref,
            presence=Presence(attempt.payer_address, attempt.payer_agent),
            now=clock.now(),
        )


def _close(attempt: Attempt, state: str, *, code: str = "", words: str = "") -> None:
    attempt.state, attempt.closed_at = state, clock.now()
    attempt.failure_code, attempt.failure = code[:60], words[:300]
    attempt.save(update_fields=["payment", "state", "closed_at", "failure_code", "failure"])
    attempt.shares.update(live=False)
