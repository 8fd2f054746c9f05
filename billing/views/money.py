"""Money that came and went: one payment, one payout, and the clearing proof."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import clearing, disputes, movements, payments, payouts, refunding
from billing.credits import CreditRefused
from billing.disputes import DisputeDecided
from billing.forms import ReasonForm, RefundForm, UseCreditForm
from billing.models import BalanceTransaction, Dispute, FeeDay, Invoice, Payment, Payout, Refund
from billing.payments import PaymentRefused
from billing.refunding import RefundRefused
from billing.standing import ChangedMeanwhile, kept_of, left_to_pay, unallocated
from billing.views.confirming import Step, confirm
from practice.core import clock, pages
from practice.core.money import ZERO, in_words
from practice.firm import access
from practice.firm.access import MemberRequest


@require_GET
@access.needs("billing.read")
def payment(request: MemberRequest, pk: int) -> HttpResponse:
    """One payment: what it paid, what Stripe kept, when it reaches the bank, what went back."""
    found = access.find(Payment.objects.select_related("client", "entity"), request.member.practice, pk=pk)
    rows = list(found.movements.select_related("payout").order_by("made_at", "pk"))
    context = {
        "section": "billing",
        "payment": found,
        "allocations": list(found.allocations.select_related("invoice").order_by("pk")),
        "free": unallocated(found) if found.state == Payment.State.SUCCEEDED else ZERO,
        "movements": rows,
        "fee": sum((row.fee for row in rows), ZERO),
        "payout": next((row.payout for row in rows if row.payout_id), None),
        "refunds": list(found.refunds.select_related("credit").order_by("pk")),
        "disputes": [(row, disputes.awaits_decision(row)) for row in found.disputes.order_by("pk")],
        "may_refund": found.source == Payment.Source.STRIPE
        and found.state == Payment.State.SUCCEEDED
        and not found.disputes.exclude(state=Dispute.State.WON).exists(),
    }
    return pages.page(request, "billing/payment.html", "main", context)


@require_http_methods(["GET", "POST"])
@access.needs("billing.correct")
def refund(request: MemberRequest, pk: int) -> HttpResponse:
    """Give money back, and say why: the reason decides what is booked."""
    found = access.find(Payment.objects.select_related("client", "entity"), request.member.practice, pk=pk)
    live = found.allocations.filter(reversed_at__isnull=True).select_related("invoice")
    invoices = [(row.invoice_id, f"{row.invoice.number}, {_money(found, row.amount)} paid") for row in live]
    words = _money(found, found.amount)
    settings = {"invoices": invoices, "most": found.amount, "words_of_most": words}
    first = {
        "why": Refund.Why.PRICE if invoices else Refund.Why.UNAPPLIED,
        "amount": unallocated(found) or found.amount,
        "seen": kept_of(found),
    }
    form = RefundForm(request.POST or None, initial=first, **settings)  # type: ignore[arg-type]
    if request.method == "POST" and form.is_valid():
        try:
            made = _give_back(pk, form.cleaned_data)
        except ChangedMeanwhile as refusal:
            messages.error(request, str(refusal))
            return pages.go(request, "payment", practice=request.member.practice.slug, pk=pk)
        except RefundRefused as refusal:
            form.refuse(refusal)
        else:
            _say(request, made)
            return pages.go(request, "payment", practice=request.member.practice.slug, pk=pk)
    step = Step(
        title="Give money back",
        about=f"{words} from {found.client.name}",
        sentences=[
            "Stripe sends it to the card or account it came from, within about 5 working days. It keeps its fee.",
            "A reduced price makes a credit note on the invoice you choose. Money paid twice needs none.",
            "What was paid the wrong way is open again on its invoice, and held until you let it be collected.",
        ],
        verb="Give it back",
        safe_verb="Keep it",
        back_url=reverse("payment", kwargs={"practice": request.member.practice.slug, "pk": pk}),
        back_words="Payment",
    )
    return confirm(request, form, step)


@require_http_methods(["GET", "POST"])
@access.needs("billing.correct")
def use_credit(request: MemberRequest, pk: int) -> HttpResponse:
    """Put what is free of a payment on an open invoice of the client."""
    found = access.find(Payment.objects.select_related("client", "entity"), request.member.practice, pk=pk)
    free = unallocated(found) if found.state == Payment.State.SUCCEEDED else ZERO
    invoices = Invoice.objects.filter(client=found.client, entity=found.entity, currency=found.currency)
    open_ones = [(row, left) for row, left in left_to_pay(invoices) if left > ZERO]
    if request.method == "GET" and (free <= ZERO or not open_ones):
        return _nothing_to_use(request, found, free)
    choices = [(row.pk, f"{row.number}, {_money(found, left)} open") for row, left in open_ones]
    first = {"amount": min(free, open_ones[0][1]) if open_ones else free, "seen": free}
    form = UseCreditForm(
        request.POST or None, initial=first, invoices=choices, most=free, words_of_most=_money(found, free)
    )
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        try:
            made = payments.use_credit(
                payment_id=pk, invoice_id=int(facts["invoice"]), amount=facts["amount"], seen=facts["seen"]
            )
        except (ChangedMeanwhile, PaymentRefused) as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"{_money(found, made.amount)} is on {made.invoice.number} now")
            return pages.go(request, "payment", practice=request.member.practice.slug, pk=pk)
    step = Step(
        title="Put it on an invoice",
        about=f"{_money(found, free)} of {found.client.name} is on no invoice",
        sentences=["The invoice counts as paid by that much. The ledger takes it from the client's credit there."],
        verb="Put it on the invoice",
        safe_verb="Keep it as credit",
        back_url=reverse("payment", kwargs={"practice": request.member.practice.slug, "pk": pk}),
        back_words="Payment",
    )
    return confirm(request, form, step)


def _nothing_to_use(request: MemberRequest, found: Payment, free: Decimal) -> HttpResponse:
    """Why there is nothing to press: nothing is left of the payment, or nothing is open to put it on."""
    back = reverse("payment", kwargs={"practice": request.member.practice.slug, "pk": found.pk})
    if free <= ZERO:
        why = f"All of the {_money(found, found.amount)} is on invoices, or went back to {found.client.name}."
    else:
        why = f"{found.client.name} has no open invoice in {found.currency}. What is free stays the client's credit."
    context = {"section": "billing", "title": "Put it on an invoice", "why": why, "back_url": back, "payment": found}
    return pages.page(request, "billing/nothing_to_do.html", "main", context)


def _give_back(payment_id: int, facts: dict[str, Any]) -> Refund:
    """Give money back as the form says. Raises what the action refuses with."""
    given = {"payment_id": payment_id, **{name: facts[name] for name in ("amount", "words", "seen")}}
    if facts["why"] == Refund.Why.UNAPPLIED:
        return refunding.refund_unapplied(**given)
    act = refunding.refund_price if facts["why"] == Refund.Why.PRICE else refunding.refund_method
    return act(**given, invoice_id=int(facts["invoice"]))


@require_POST
@access.needs("billing.correct")
def reopen(request: MemberRequest, pk: int) -> HttpResponse:
    """A lost card dispute: the money is gone, the invoice is owed again."""
    dispute = _lost(request, pk)
    try:
        disputes.reopen(dispute_id=pk, reason="dispute lost")
    except DisputeDecided as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Its invoices are open again. Credit them if you let the money go")
    return pages.go(request, "payment", practice=request.member.practice.slug, pk=dispute.payment_id)


@require_http_methods(["GET", "POST"])
@access.needs("billing.correct")
def concede(request: MemberRequest, pk: int) -> HttpResponse:
    """A lost card dispute: the client keeps the money, and credit notes take its place."""
    dispute = _lost(request, pk)
    payment, slug = dispute.payment, request.member.practice.slug
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            disputes.concede(dispute_id=pk, words=form.cleaned_data["reason"])
        except (DisputeDecided, CreditRefused, RefundRefused) as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"{_money(payment, dispute.amount)} is credited; nothing more is owed of it")
            return pages.go(request, "payment", practice=slug, pk=payment.pk)
    step = Step(
        title="Let the money go",
        about=f"{_money(payment, dispute.amount)} that {payment.client.name}'s bank took back",
        sentences=[
            "A credit note takes the place of what was paid on each invoice. Nothing is collected again.",
            "The ledger's account of disputed payments is closed by it. This cannot be undone.",
        ],
        verb="Credit it",
        safe_verb="Decide later",
        back_url=reverse("payment", kwargs={"practice": slug, "pk": payment.pk}),
        back_words="Payment",
    )
    return confirm(request, form, step)


def _lost(request: MemberRequest, pk: int) -> Dispute:
    rows = Dispute.objects.filter(payment__practice=request.member.practice, state=Dispute.State.LOST)
    return access.one(rows.select_related("payment__client", "payment__entity"), pk=pk)


@require_GET
@access.needs("billing.read")
def payout(request: MemberRequest, pk: int) -> HttpResponse:
    """One payout: the bank line, and every movement in it."""
    found = access.find(Payout.objects.select_related("entity"), request.member.practice, pk=pk)
    rows = list(payouts.items_of(found).select_related("payment__client").order_by("made_at", "pk")[:500])
    context = {
        "section": "billing",
        "payout": found,
        "rows": rows,
        "total": payouts.items_total(found),
        "gross": sum((row.amount for row in rows), ZERO),
        "fee": sum((row.fee for row in rows), ZERO),
    }
    return pages.page(request, "billing/payout.html", "main", context)


@require_GET
@access.needs("billing.read")
def clearing_page(request: MemberRequest) -> HttpResponse:
    """The clearing proof of an entity at the end of a day: Stripe, in transit, and what the ledger has."""
    practice = request.member.practice
    entities = list(practice.entities.order_by("pk"))
    wanted = request.GET.get("entity", "")
    entity = next((e for e in entities if str(e.pk) == wanted), entities[0])
    on = _day(request.GET.get("on", "")) or clock.today(entity.time_zone) - timedelta(days=1)
    loose = BalanceTransaction.objects.filter(entity=entity, fee_day__isnull=True, on__lte=on).exclude(fee=ZERO)
    context = {
        "section": "billing",
        "tab": "clearing",
        "entities": entities,
        "entity": entity,
        "on": on,
        "proof": clearing.clearing_proof(entity=entity, on=on),
        "subject": (entity, on),
        "fee_days": list(FeeDay.objects.filter(entity=entity, on__lte=on).order_by("-on")[:10]),
        "open_fees": sum((row.fee for row in loose), ZERO),
        "payouts": list(Payout.objects.filter(entity=entity).order_by("-arrives_on", "-pk")[:20]),
        "unknown": movements.unknown_categories(entity.pk),
    }
    return pages.page(request, "billing/clearing.html", "main", context)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _money(payment: Payment, amount: object) -> str:
    return in_words(amount, payment.currency, payment.entity.locale)  # type: ignore[arg-type]


def _say(request: MemberRequest, made: Refund) -> None:
    words = _money(made.payment, made.amount)
    if made.state == Refund.State.FAILED:
        messages.error(request, f"Stripe did not give {words} back: {made.failure}")
    elif made.state == Refund.State.SUCCEEDED:
        messages.success(request, f"{words} is on its way back to {made.payment.client.name}")
    else:
        messages.success(request, f"{words} is asked of Stripe; this page says when it is done")
