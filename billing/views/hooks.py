"""Stripe's door: notices are checked, stored and answered; a worker does the rest."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing import stripe_events
from billing.models import StripeAccount


@csrf_exempt
@login_not_required
@require_POST
def stripe_notice(request: HttpRequest, pk: int) -> HttpResponse:
    """200 once it is stored (also a second time), 400 for a signature that does not fit, 503 to have it sent again."""
    account = StripeAccount.objects.filter(pk=pk).first()
    if account is None:
        return HttpResponse(status=404)
    try:
        stored = stripe_events.receive(
            account=account, payload=request.body, signature=request.headers.get("Stripe-Signature", "")
        )
    except stripe_events.Busy:
        return HttpResponse(status=503, headers={"Retry-After": "5"})
    return HttpResponse(status=200 if stored else 400)
