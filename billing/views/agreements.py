"""Agreements in force: what was agreed, when each part is billed, and stopping or ending it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from billing import agreements, mails, methods, queries
from billing.agreements import AgreementRefused
from billing.forms import EndForm, ReasonForm
from billing.models import Charge, Engagement, Invoice, ScheduleRule, StripeAccount
from billing.standing import with_standing
from billing.views.confirming import Step, confirm
from practice.core import clock, pages
from practice.firm import access
from practice.firm.access import MemberRequest
from practice.firm.models import Client, Entity

_WORDS = {
    "pause": ("Pause the agreement", "Nothing of it is billed until you resume it; what falls due waits.", "Pause it"),
    "resume": ("Resume the agreement", "What fell due while it was paused is billed at the next run.", "Resume it"),
    "end": (
        "End the agreement",
        "What falls due by its last day is still billed. Issued invoices stay.",
        "End it",
    ),
}


@require_GET
@access.needs("billing.read")
def agreement(request: MemberRequest, pk: int) -> HttpResponse:
    """One agreement: its lines, the next charges, its invoices."""
    found = _of(request, pk)
    today = clock.today(found.entity.time_zone)
    charges = found.charges.filter(state__in=[Charge.State.PLANNED, Charge.State.HELD, Charge.State.SKIPPED])
    soon = charges.filter(due_on__isnull=False).select_related("line", "engagement__entity")
    invoices = with_standing(Invoice.objects.filter(engagement=found).select_related("entity", "client"))
    context = {
        "section": "clients",
        "agreement": found,
        "today": today,
        "lines": list(found.lines.select_related("rule", "service").order_by("position")),
        "soon": queries.with_amounts(soon.order_by("due_on", "pk")[:12]),
        "next": soon.filter(state=Charge.State.PLANNED).order_by("due_on", "pk").first(),
        "unfinished": list(found.rules.filter(kind=ScheduleRule.Kind.COMPLETION, finished_on__isnull=True)),
        "rows": queries.standings(invoices.order_by("-issued_on", "-pk")[:20], today),
        "method": methods.method_of(entity_id=found.entity_id, client_id=found.client_id),
    }
    return pages.page(request, "billing/agreement.html", "main", context)


@require_http_methods(["GET", "POST"])
@access.needs("billing.run")
def change(request: MemberRequest, pk: int, what: str) -> HttpResponse:
    """Pause, resume or end an agreement, with the reason."""
    found = _of(request, pk)
    today = clock.today(found.entity.time_zone)
    form = EndForm(request.POST or None, today=today) if what == "end" else ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _act(found, what, form.cleaned_data)
        except AgreementRefused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, {"pause": "Paused", "resume": "In force again", "end": "Ended"}[what])
            return pages.go(request, "agreement", practice=request.member.practice.slug, pk=pk)
    title, sentence, verb = _WORDS[what]
    step = Step(
        title=title,
        about=f"{found.title}, {found.client.name}",
        sentences=[sentence, "The client is not mailed by this."],
        verb=verb,
        safe_verb="Leave it as it is",
        back_url=reverse("agreement", kwargs={"practice": request.member.practice.slug, "pk": pk}),
        back_words=found.title,
    )
    return confirm(request, form, step)


@require_http_methods(["POST"])
@access.needs("billing.collect")
def ask_for_method(request: MemberRequest, client_id: int, entity_id: int) -> HttpResponse:
    """Mail a client a link to give a new card or account."""
    practice = request.member.practice
    client = access.find(Client.objects.all(), practice, pk=client_id)
    entity = access.find(Entity.objects.all(), practice, pk=entity_id)
    if not StripeAccount.objects.filter(entity=entity).exists():
        messages.error(request, f"{entity.name} takes no cards or debits yet: connect Stripe under Settings, Payments")
    elif (mail := mails.ask_for_method(client, entity)) is None:
        messages.error(request, f"{client.name} has no email for invoices. Add one first")
    else:
        messages.success(request, f"A link is on its way to {mail.to_email}")
    return pages.go(request, "client", practice=practice.slug, pk=client.pk)


def _of(request: MemberRequest, pk: int) -> Engagement:
    return access.find(Engagement.objects.select_related("client", "entity"), request.member.practice, pk=pk)


def _act(found: Engagement, what: str, facts: dict[str, object]) -> None:
    reason = str(facts["reason"])
    if what == "pause":
        agreements.pause_agreement(engagement_id=found.pk, reason=reason)
    elif what == "resume":
        agreements.resume_agreement(engagement_id=found.pk, reason=reason)
    else:
        agreements.end_agreement(engagement_id=found.pk, on=facts["on"], reason=reason)  # type: ignore[arg-type]
