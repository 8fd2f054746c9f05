"""What a client opens by link, without an account: one invoice to pay, or a new card or account."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from billing import methods, paying, paylinks
from billing.models import Invoice, MethodLink
from billing.paying import Bill, Visit
from billing.standing import parts_of, standing_of
from billing.views.invoices import pdf_of
from practice.core import clock

View = Callable[..., HttpResponse]


def by_link(find: Callable[[str], Any]) -> Callable[[View], View]:
    """Open a view to whoever holds a link; ``find`` reads the token. A link that ended says whom to ask."""

    def decorate(view: View) -> View:
        @login_not_required
        @never_cache
        @wraps(view)
        def opened(request: HttpRequest, token: str, **kwargs: Any) -> HttpResponse:
            try:
                found = find(token)
            except paylinks.LinkEnded as ended:
                return _ended(request, ended)
            if found is None:
                return render(request, "billing/link_unknown.html", status=404)
            response = view(request, found, token, **kwargs)
            response["Referrer-Policy"] = "no-referrer"
            return response

        return opened

    return decorate


@require_http_methods(["GET", "POST"])
@by_link(paylinks.invoice_of)
def invoice(request: HttpRequest, found: Invoice, token: str) -> HttpResponse:
    """One invoice: what it is for, what is open, and the way to pay it."""
    bill = paying.bill_of(found)
    if request.method == "POST" and not bill.now:
        return redirect("pay_invoice", token=token)
    here = reverse("pay_invoice", kwargs={"token": token})
    standing = standing_of(found, clock.today(found.entity.time_zone))
    context = {
        "invoice": found,
        "lines": list(found.lines.order_by("position")),
        "parts": parts_of(found.instalments.order_by("position"), standing),
        "standing": standing,
        "token": token,
    }
    done = reverse("pay_invoice_done", kwargs={"token": token})
    visit = Visit(found.practice, found.entity, found.client, bill, here, done, context, "billing/pay_invoice.html")
    return paying.answer(request, visit)


@require_GET
@by_link(paylinks.invoice_of)
def invoice_done(request: HttpRequest, found: Invoice, token: str) -> HttpResponse:
    """Paid, or on its way: what happens now."""
    standing = standing_of(found, clock.today(found.entity.time_zone))
    if not (standing.paid or standing.processing or standing.due <= 0):
        return redirect("pay_invoice", token=token)
    context = {
        "practice": found.practice,
        "invoice": found,
        "entity": found.entity,
        "standing": standing,
        "token": token,
        "method": methods.method_of(entity_id=found.entity_id, client_id=found.client_id),
    }
    return render(request, "billing/pay_done.html", context)


@require_GET
@by_link(paylinks.invoice_of)
def invoice_pdf(request: HttpRequest, found: Invoice, token: str) -> HttpResponse:
    """The invoice as a file."""
    return pdf_of(found)


@require_http_methods(["GET", "POST"])
@by_link(paylinks.method_link_of)
def method(request: HttpRequest, link: MethodLink, token: str) -> HttpResponse:
    """A new card or account; nothing is taken now."""
    here = reverse("give_method", kwargs={"token": token})
    done = reverse("give_method_done", kwargs={"token": token})
    bill = Bill(link.entity.currency)
    visit = Visit(link.entity.practice, link.entity, link.client, bill, here, done, {}, "billing/pay_method.html")
    return paying.answer(request, visit)


@require_GET
@by_link(paylinks.method_link_of)
def method_done(request: HttpRequest, link: MethodLink, token: str) -> HttpResponse:
    """Saved: what it is used for."""
    saved = methods.method_of(entity_id=link.entity_id, client_id=link.client_id)
    if saved is None:
        return redirect("give_method", token=token)
    context = {"practice": link.entity.practice, "entity": link.entity, "method": saved, "client": link.client}
    return render(request, "billing/pay_method_done.html", context)


def _ended(request: HttpRequest, ended: paylinks.LinkEnded) -> HttpResponse:
    link = ended.link
    entity = link.entity if isinstance(link, MethodLink) else link.invoice.entity
    number = "" if isinstance(link, MethodLink) else link.invoice.number
    context = {"practice": entity.practice, "number": number, "expired_at": link.expires_at, "entity": entity}
    return render(request, "billing/link_ended.html", context, status=410)
