"""The pay page: what is due now, a form of Stripe's own, and what became of it. Used by every link a client gets.

The browser is never believed: it starts a payment, the bank answers Stripe, and on the way back the intent is fetched
from Stripe itself. A client who closes the page in between comes back to the same payment.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from billing import attempts, gateway, methods
from billing.attempts import NothingDue, PaymentUnderWay, Share
from billing.collecting import due_now
from billing.methods import Presence
from billing.models import Attempt, Instalment, Invoice, StripeAccount
from billing.standing import standing_of
from billing.stripe_accounts import NotConnected, account_of, ways_to_pay
from billing.stripe_facts import Refused, StripeError
from practice.core import clock
from practice.core.money import ZERO, minor_units
from practice.firm.accounts import address_of
from practice.firm.models import Client, Entity, Practice

log = logging.getLogger(__name__)
NO_ANSWER = "We could not reach the payment service. Nothing was taken. Try again in a minute."


@dataclass(frozen=True)
class Bill:
    """Several invoices together, in one currency: what is owed, what is on its way, and what may be paid now."""

    currency: str
    paid: Decimal = ZERO
    processing: Decimal = ZERO
    due: Decimal = ZERO
    now: Decimal = ZERO
    shares: tuple[Share, ...] = ()

    @property
    def is_part(self) -> bool:
        """Whether more falls due later."""
        return self.now < self.due - self.processing


def standing_now(invoices: Sequence[Invoice], entity: Entity) -> Bill:
    """How invoices of one client stand today, added up."""
    today = clock.today(entity.time_zone)
    paid = processing = due = ZERO
    shares: list[Share] = []
    for invoice in invoices:
        standing = standing_of(invoice, today)
        paid, processing, due = paid + standing.paid, processing + standing.processing, due + standing.due
        if (amount := due_now(invoice, standing, today)) > ZERO:
            shares.append((invoice, amount))
    now = sum((amount for _, amount in shares), ZERO)
    return Bill(entity.currency, paid, processing, due, now, tuple(shares))


def bill_of(invoice: Invoice) -> Bill:
    """What may be paid on one invoice: the part that is due, else everything open, because paying early is allowed."""
    due = standing_now([invoice], invoice.entity)
    if due.now:
        return due
    standing = standing_of(invoice, clock.today(invoice.entity.time_zone))
    now = max(ZERO, standing.due - standing.processing)
    shares = ((invoice, now),) if now and invoice.status == Invoice.Status.ISSUED else ()
    return Bill(invoice.currency, standing.paid, standing.processing, standing.due, now if shares else ZERO, shares)


def pay_page(
    request: HttpRequest,
    *,
    practice: Practice,
    invoices: Sequence[Invoice],
    client: Client,
    entity: Entity,
    here_url: str,
    done_url: str,
    context: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """What is due now on some invoices, or the saving of a method when nothing is.

    GET shows the form, or the way back from the bank (``?payment_intent=`` or ``?setup_intent=``). POST starts the
    payment and answers JSON for pay.js. ``context`` goes to the template; a ``signature`` in it stays on top.
    """
    bill = standing_now(invoices, entity)
    if not bill.now and (bill.processing or bill.paid or bill.due):
        return redirect(done_url)
    visit = Visit(practice, entity, client, bill, here_url, done_url, dict(context or {}))
    return answer(request, visit)


@dataclass(frozen=True)
class Visit:
    """Everything one visit to a pay page is about."""

    practice: Practice
    entity: Entity
    client: Client
    bill: Bill
    here_url: str
    done_url: str
    context: dict[str, Any]
    template: str = "billing/pay.html"


def answer(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Answer any request to a pay page."""
    if request.method == "POST":
        return _start(request, visit)
    if "payment_intent" in request.GET or "setup_intent" in request.GET:
        return _come_back(request, visit)
    return _show(request, visit)


def presence_of(request: HttpRequest) -> Presence:
    """Where the request comes from, kept as proof of permission."""
    return Presence(address_of(request), request.headers.get("User-Agent", ""))


def _show(request: HttpRequest, visit: Visit, *, declined: str = "", status: int = 200) -> HttpResponse:
    account = StripeAccount.objects.filter(entity=visit.entity).first()
    bill = visit.bill
    context = {
        "practice": visit.practice,
        "entity": visit.entity,
        "client": visit.client,
        "bill": bill,
        "part": _part(bill),
        "saves_only": not bill.now,
        "account": account,
        "declined": declined,
        "done_url": visit.done_url,
        "method": methods.method_of(entity_id=visit.entity.pk, client_id=visit.client.pk),
        "pay": _for_script(request, visit, account) if account else None,
        **visit.context,
    }
    return render(request, visit.template, context, status=status)


def _for_script(request: HttpRequest, visit: Visit, account: StripeAccount) -> dict[str, Any]:
    """What pay.js is told, as data attributes."""
    return {
        "key": account.publishable_key,
        "mode": "payment" if visit.bill.now else "setup",
        "amount": minor_units(visit.bill.now),
        "currency": visit.bill.currency.lower(),
        "kinds": ",".join(ways_to_pay(account, visit.bill.currency)),
        "here": request.build_absolute_uri(visit.here_url),
    }


def _part(bill: Bill) -> Instalment | None:
    """The instalment that is paid now, when the page is about one part of one invoice."""
    if len(bill.shares) != 1 or not bill.is_part:
        return None
    invoice, amount = bill.shares[0]
    return invoice.instalments.filter(amount=amount).order_by("position").first()


def _start(request: HttpRequest, visit: Visit) -> HttpResponse:
    """Start the payment, or the saving of a method, and hand the browser its secret."""
    presence = presence_of(request)
    try:
        if not visit.bill.now:
            intent = methods.start_setup(entity=visit.entity, client=visit.client, presence=presence)
            return JsonResponse({"client_secret": intent.client_secret})
        started = attempts.start_on_session(
            entity=visit.entity, client=visit.client, shares=visit.bill.shares, presence=presence
        )
    except (PaymentUnderWay, NothingDue, NotConnected) as refusal:
        return JsonResponse({"words": str(refusal), "again": True}, status=409)
    except StripeError as error:
        log.warning("a payment could not be started: %s", error.words)
        return JsonResponse({"words": NO_ANSWER}, status=503)
    return JsonResponse({"client_secret": started.client_secret})


def _come_back(request: HttpRequest, visit: Visit) -> HttpResponse:
    """The browser says that something happened: ask Stripe what."""
    try:
        if ref := request.GET.get("setup_intent"):
            kept = methods.take_setup(entity_id=visit.entity.pk, intent_ref=ref)
            is_done = kept is not None and kept.client_id == visit.client.pk
            words = "" if is_done else "Your bank did not accept the card or account. Nothing was saved."
        else:
            is_done, words = _look_at_payment(visit, request.GET["payment_intent"])
    except Refused:
        # Stripe knows no such intent: somebody wrote the address, or it is of another account.
        is_done, words = False, ""
    except (StripeError, NotConnected):
        return _show(request, visit, declined=NO_ANSWER, status=503)
    if is_done:
        return redirect(visit.done_url)
    return _show(request, visit, declined=words)


def _look_at_payment(visit: Visit, ref: str) -> tuple[bool, str]:
    """Whether an intent of this client is paid or on its way, and the bank's words if it is not."""
    rows = Attempt.objects.filter(entity=visit.entity, client=visit.client, on_session=True)
    attempt = rows.filter(intent_ref=ref).first()
    if attempt is None:
        return False, ""
    intent = gateway.gateway_of(account_of(visit.entity.pk)).payment(ref)
    attempt = attempts.apply_intent(attempt_id=attempt.pk, intent=intent, moment=clock.now())
    done = attempt.state in (Attempt.State.SUCCEEDED, Attempt.State.PROCESSING)
    return done, attempt.failure or "Your bank did not accept the payment. Nothing was taken."
