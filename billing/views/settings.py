"""Settings: how clients pay. Each legal entity connects its own Stripe account."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from billing import stripe_accounts
from billing.forms import StripeForm
from billing.models import StripeAccount
from billing.stripe_accounts import AccountRefused
from practice.core import pages
from practice.core.fields import whole_number
from practice.firm import access
from practice.firm.access import MemberRequest
from practice.firm.models import Entity


@require_http_methods(["GET", "POST"])
@access.needs("practice.read")
def payments(request: MemberRequest) -> HttpResponse:
    """Which entity takes payments through which Stripe account; an owner connects one."""
    practice = request.member.practice
    form = StripeForm(request.POST or None)
    if request.method == "POST":
        access.demand(request.member, "payments.connect")
        entity = access.find(Entity.objects.all(), practice, pk=whole_number(request.POST.get("entity")))
        if form.is_valid():
            try:
                account = stripe_accounts.connect_account(entity=entity, **form.cleaned_data)
            except AccountRefused as refusal:
                form.refuse(refusal)
            else:
                messages.success(request, f"{entity.name} takes payments through {account.account_ref}")
                return pages.go(request, "payment_settings", practice=practice.slug)
    accounts = {a.entity_id: a for a in StripeAccount.objects.filter(entity__practice=practice)}
    entities = list(practice.entities.order_by("pk"))
    context: dict[str, Any] = {
        "section": "settings",
        "tab": "payments",
        "form": form,
        "rows": [(entity, accounts.get(entity.pk)) for entity in entities],
        "entities": entities,
        "may_connect": request.member.may("payments.connect"),
    }
    return pages.page(request, "billing/settings.html", "form", context, status=422 if form.errors else 200)
