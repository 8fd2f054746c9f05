"""Giving money back: written down with its reason, then asked of Stripe, then followed until the bank has it.

The reason decides the entry. A reduced price takes that much off the invoice again and puts a credit note in its
place; money that was on no invoice needs no document. A refund that fails leaves the money as the client's credit.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from billing import gateway, invoicing, payments
from billing.credits import CreditLine, credit_invoice, whole_invoice
from billing.models import Allocation, Attempt, CreditNote, Dispute, Invoice, Payment, Refund, StripeAccount
from billing.models.agreements import PriceBasis
from billing.pricing import add_up, price_line
from billing.standing import hold_to, kept_of, standing_of, unallocated
from billing.stripe_accounts import account_of
from billing.stripe_facts import KEY_LIVES, RefundFacts, Refused, StripeError, TryLater
from practice.core import audit, clock, events
from practice.core.money import CENT, ZERO, to_cents

#: Why an invoice is on hold whose money was given back in Stripe's dashboard.
HOLD_CODE = "refunded_in_stripe"
#: Why an invoice is on hold that was paid the wrong way: it is still owed, and to be paid another way.
METHOD_CODE = "refunded_method"
HOLD_CODES = (HOLD_CODE, METHOD_CODE)


class RefundRefused(ValueError):
    """The money cannot be given back like this; the text says why."""


def refund_unapplied(*, payment_id: int, amount: Decimal, words: str = "", seen: Decimal | None = None) -> Refund:
    """Give back money that is on no invoice: paid twice, or too much. Calls Stripe once the refund is written down.

    ``seen`` is what was left of the payment when the person decided. Raises RefundRefused when less than the amount is
    free, ChangedMeanwhile when something else is left by now.
    """
    with transaction.atomic():
        payment = _lock(payment_id, seen)
        if not ZERO < amount <= unallocated(payment):
            raise RefundRefused("Only money that is on no invoice can be given back without a credit note")
        refund = _write(payment, amount, Refund.Why.UNAPPLIED, words)
    return send_refund(refund)


def refund_price(
    *, payment_id: int, invoice_id: int, amount: Decimal, words: str, seen: Decimal | None = None
) -> Refund:
    """Give back a part of what was paid on an invoice, because the price was reduced or work cancelled.

    That much comes off the invoice, a credit note takes its place, and Stripe is asked once that is committed. Raises
    RefundRefused when less than that was paid on the invoice by this payment, and like :func:`refund_unapplied`.
    """
    with transaction.atomic():
        invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
        payment = _lock(payment_id, seen)
        refund = reduce_price(payment, invoice, amount, words)
    return send_refund(refund)


def refund_method(
    *, payment_id: int, invoice_id: int, amount: Decimal, words: str, seen: Decimal | None = None
) -> Refund:
    """Give back what was paid the wrong way and is still owed: the invoice is open again, without a credit note.

    It is held until a person lets it be collected again, because it must not be charged the same way by itself. Raises
    like :func:`refund_price`.
    """
    with transaction.atomic():
        invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
        payment = _lock(payment_id, seen)
        _take_off(payment, invoice, amount, f"refund: {words}", None)
        reason = "It was given back to be paid another way. Let it be collected again once the client may be charged"
        invoicing.hold_invoice(invoice_id=invoice.pk, code=METHOD_CODE, reason=reason)
        refund = _write(payment, amount, Refund.Why.METHOD, words)
    return send_refund(refund)


def reduce_price(
    payment: Payment, invoice: Invoice, amount: Decimal, words: str, dispute: Dispute | None = None
) -> Refund:
    """Take an amount off an invoice with a credit note in its place, and write down that the money goes back.

    Both rows are locked by the caller. ``dispute`` says that the money has gone already. Raises RefundRefused when less
    than that was paid on the invoice by this payment, CreditRefused when the invoice cannot be credited.
    """
    now = clock.now()
    if not ZERO < amount <= paid_on(payment, invoice):
        raise RefundRefused("More cannot be given back than this payment paid on the invoice")
    note = credit_invoice(
        invoice_id=invoice.pk,
        lines=lines_worth(invoice, amount),
        reason=CreditNote.Reason.PRICE_CUT,
        words=words,
        on=clock.today(invoice.entity.time_zone),
        now=now,
        given_back=amount,
    )
    refund = _write(payment, amount, Refund.Why.PRICE, words, note, dispute)
    _take_off(payment, invoice, amount, f"refund: {words}", refund)
    return refund


def give_up(payment: Payment, amount: Decimal, words: str, dispute: Dispute) -> Refund:
    """Write down that money on no invoice went back by a lost dispute. The payment is locked by the caller."""
    return _write(payment, amount, Refund.Why.UNAPPLIED, words, None, dispute)


def conclude(refund: Refund) -> Refund:
    """Money that a lost dispute had taken counts as given back: Stripe is asked for nothing."""
    return _end(refund.pk, Refund.State.SUCCEEDED, "")


def paid_on(payment: Payment, invoice: Invoice) -> Decimal:
    """How much of a payment is on an invoice."""
    rows = payment.allocations.filter(invoice=invoice, reversed_at__isnull=True, replaced_by__isnull=True)
    return sum((row.amount for row in rows), ZERO)


def _take_off(payment: Payment, invoice: Invoice, amount: Decimal, reason: str, refund: Refund | None) -> None:
    """Take an amount of a payment off an invoice, the latest first. Raises RefundRefused when less is on it."""
    if not ZERO < amount <= paid_on(payment, invoice):
        raise RefundRefused("More cannot be given back than this payment paid on the invoice")
    left = amount
    rows = payment.allocations.filter(invoice=invoice, reversed_at__isnull=True, replaced_by__isnull=True)
    for row in rows.order_by("-pk"):
        if left > ZERO:
            part = min(left, row.amount)
            left -= part
            _take_part(payment, row, part, reason, refund)


def _take_part(payment: Payment, row: Allocation, part: Decimal, reason: str, refund: Refund | None) -> None:
    now = clock.now()
    payments.reverse_allocation(allocation_id=row.pk, reason=reason, now=now, refund=refund)
    if row.amount > part:
        payments.allocate(
            payment_id=payment.pk, invoice_id=row.invoice_id, amount=row.amount - part, now=now,
            rest_of=row if refund is not None else None,
        )  # fmt: skip


@transaction.atomic
def credit_amount(
    *, invoice_id: int, amount: Decimal, reason: str, words: str, seen: Decimal | None = None
) -> CreditNote:
    """Take an amount, tax included, off an issued invoice. ``seen`` is what was open when the person decided.

    Raises CreditRefused, RefundRefused for an amount that cannot be written with its tax, and ChangedMeanwhile.
    """
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    today = clock.today(invoice.entity.time_zone)
    hold_to(seen, standing_of(invoice, today).due, f"what is open on {invoice.number}")
    lines = lines_worth(invoice, amount)
    return credit_invoice(invoice_id=invoice_id, lines=lines, reason=reason, words=words, on=today, now=clock.now())


def lines_worth(invoice: Invoice, gross: Decimal) -> list[CreditLine]:
    """Lines that credit exactly ``gross``, tax included: shared among the invoice's rates, the last takes the rest."""
    if gross == invoice.total:
        return whole_invoice(invoice)
    rates: dict[tuple[str, Decimal], Decimal] = {}
    for line in invoice.lines.order_by("position"):
        worth = line.amount if invoice.price_basis == PriceBasis.INCLUSIVE else line.amount + line.tax
        key = (line.treatment, line.tax_rate)
        rates[key] = rates.get(key, ZERO) + worth
    left, found = gross, []
    for place, ((treatment, rate), worth) in enumerate(rates.items(), start=1):
        share = left if place == len(rates) else to_cents(gross * worth / invoice.total)
        left -= share
        found += _worth(invoice, share, treatment, rate)
    return found


def send_refund(refund: Refund) -> Refund:
    """Ask Stripe for a refund that is written down; asked again under the same key when there was no answer.

    Once Stripe may have forgotten the key, we look for what it may have made before it is asked anew.
    """
    door = gateway.gateway_of(account_of(refund.payment.entity_id))
    try:
        found = None
        if clock.now() - refund.made_at > KEY_LIVES:
            found = door.find_refund(refund.payment.charge_ref, "refund", str(refund.key))
        facts = found or door.refund(
            charge_ref=refund.payment.charge_ref,
            amount=refund.amount,
            metadata={"refund": str(refund.key)},
            key=f"{refund.key}",
        )
    except Refused as refused:
        return _end(refund.pk, Refund.State.FAILED, refused.words)
    except StripeError:
        return refund
    return apply_refund(refund_id=refund.pk, facts=facts)


def take_refund(account: StripeAccount, refund_ref: str) -> Refund | None:
    """Fetch a refund and follow it; one made in Stripe's dashboard is taken over. Calls Stripe."""
    facts = gateway.gateway_of(account).refund_now(refund_ref)
    known = Refund.objects.filter(refund_ref=facts.ref).first()
    if known is None and facts.metadata.get("refund"):
        known = Refund.objects.filter(key=facts.metadata["refund"]).first()
    if known is None:
        known = _take_over(account, facts)
    return apply_refund(refund_id=known.pk, facts=facts) if known else None


def not_answered(now: datetime) -> list[Refund]:
    """Refunds that were written down but never got an answer, for the sweep."""
    rows = Refund.objects.filter(state=Refund.State.PENDING, refund_ref="", dispute__isnull=True, made_at__lte=now)
    return list(rows.select_related("payment")[:50])


@transaction.atomic
def apply_refund(*, refund_id: int, facts: RefundFacts) -> Refund:
    """Write down how a refund stands at Stripe: on its way books nothing, failed undoes it.

    One that Stripe said has failed stays failed (docs.stripe.com/refunds): whoever says otherwise looked before that.
    """
    refund = Refund.objects.select_for_update().get(pk=refund_id)
    if refund.state == Refund.State.FAILED and refund.refund_ref == facts.ref:
        return refund
    if refund.refund_ref != facts.ref:
        refund.refund_ref = facts.ref
        refund.save(update_fields=["refund_ref"])
    if facts.status == "succeeded":
        return _end(refund_id, Refund.State.SUCCEEDED, "")
    if facts.status in ("failed", "canceled"):
        return _end(refund_id, Refund.State.FAILED, facts.failure.replace("_", " ") or "the bank sent it back")
    return refund


def payment_of(account: StripeAccount, charge_ref: str, intent_ref: str) -> Payment | None:
    """The payment that a charge of Stripe's is here, locked. None when the charge is not ours.

    Raises TryLater for a charge of ours that is not written down as paid yet: what became of it must not be lost.
    """
    rows = Payment.objects.select_for_update().filter(entity_id=account.entity_id, charge_ref=charge_ref)
    payment = rows.first()
    is_early = payment is None and intent_ref and Attempt.objects.filter(intent_ref=intent_ref).exists()
    if is_early or (payment is not None and payment.state == Payment.State.PROCESSING):
        raise TryLater("The payment it is about is not written down yet")
    return payment


def _lock(payment_id: int, seen: Decimal | None) -> Payment:
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    hold_to(seen, kept_of(payment), "what is left of this payment")
    if payment.source != Payment.Source.STRIPE or payment.state != Payment.State.SUCCEEDED:
        raise RefundRefused("Only money that Stripe took and still has can be given back here")
    return payment


def _write(
    payment: Payment, amount: Decimal, why: str, words: str, note: CreditNote | None = None,
    dispute: Dispute | None = None,
) -> Refund:  # fmt: skip
    refund = Refund.objects.create(
        payment=payment, credit=note, why=why, words=words[:200], amount=amount, key=uuid.uuid4(),
        made_at=clock.now(), dispute=dispute,
    )  # fmt: skip
    events.record("billing.refund.made", refund)
    return refund


@transaction.atomic
def _end(refund_id: int, state: str, failure: str) -> Refund:
    refund = Refund.objects.select_for_update(of=("self",)).select_related("payment__entity").get(pk=refund_id)
    if refund.state == state:
        return refund
    refund.state, refund.failure = state, failure[:200]
    if state == Refund.State.SUCCEEDED:
        refund.refunded_on = clock.today(refund.payment.entity.time_zone)
    refund.save(update_fields=["state", "failure", "refunded_on"])
    events.record(f"billing.refund.{state}", refund)
    return refund


@transaction.atomic
def _take_over(account: StripeAccount, facts: RefundFacts) -> Refund | None:
    """Somebody gave money back in Stripe's dashboard: its invoices are open again, and held until it is said why.

    Several notices tell of one refund, and two workers may take it over at once: the second finds what the first made.
    """
    payment = payment_of(account, facts.charge_ref, facts.intent_ref)
    if payment is None or payment.state != Payment.State.SUCCEEDED:
        return None
    known = Refund.objects.filter(refund_ref=facts.ref).first()
    if known is not None:
        return known
    with audit.cause(system="stripe", actor="Stripe"):
        missing = facts.amount - unallocated(payment)
        free = missing <= ZERO
        for row in payment.allocations.filter(reversed_at__isnull=True).order_by("-pk"):
            if missing > ZERO:
                missing -= _free(payment, row, missing)
        why = Refund.Why.UNAPPLIED if free else Refund.Why.METHOD
        refund = _write(payment, facts.amount, why, "given back in Stripe's dashboard")
    refund.refund_ref = facts.ref
    refund.save(update_fields=["refund_ref"])
    return refund


def _free(payment: Payment, row: Allocation, wanted: Decimal) -> Decimal:
    """Take up to an amount off one invoice, and hold the invoice: it must not be charged again by itself."""
    part = min(wanted, row.amount)
    _take_part(payment, row, part, "given back in Stripe", None)
    reason = "Money was given back in Stripe. Credit it if the price was reduced, or let it be collected again"
    invoicing.hold_invoice(invoice_id=row.invoice_id, code=HOLD_CODE, reason=reason)
    return part


def _worth(invoice: Invoice, gross: Decimal, treatment: str, rate: Decimal) -> list[CreditLine]:
    """One line worth ``gross`` with its tax, or two where rounding skips that amount."""

    def line(words: str, price: Decimal) -> CreditLine:
        return CreditLine(words, Decimal(1), price, treatment, rate)

    words = f"Reduction of {invoice.number}"
    net = gross if invoice.price_basis == PriceBasis.INCLUSIVE else to_cents(gross * 100 / (100 + rate))
    for rest in range(100):
        for main in (net - rest * CENT, net - (rest + 1) * CENT, net - (rest - 1) * CENT):
            lines = [line(words, main)] + ([line("Rounding", rest * CENT)] if rest else [])
            priced = [price_line(x.quantity, x.unit_price, rate, invoice.price_basis) for x in lines]
            if main > ZERO and add_up(priced).gross == gross:
                return lines
    raise RefundRefused("This amount cannot be written with its tax to the cent: choose one cent more or less")
