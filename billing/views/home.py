"""Billing at a glance: today's run, what is held, what comes; the runs themselves; who owes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import collecting, queries, schedules
from billing.forms import PauseForm
from billing.models import BillingRun, Charge, Invoice, ScheduleRule
from billing.schedules import ChargeCannotChange
from billing.standing import with_standing
from billing.views.confirming import Step, confirm
from practice.core import clock, pages
from practice.core.paging import paginate
from practice.firm import access
from practice.firm.access import MemberRequest


@require_GET
@access.needs("billing.read")
def home(request: MemberRequest) -> HttpResponse:
    """Today's runs, charges on hold, work to be said finished, and the next thirty days."""
    practice, today = request.member.practice, clock.today(request.member.zone)
    paged = paginate(queries.coming(practice, until=today + timedelta(days=30)), request.GET.get("page"))
    context: dict[str, Any] = {
        "section": "billing",
        "tab": "today",
        "today": today,
        "runs": queries.runs_of(practice),
        "issued": queries.issued_on(practice, today),
        "entities": list(practice.entities.order_by("pk")),
        "held": queries.held_charges(practice),
        "unfinished": queries.unfinished_work(practice),
        "paged": paged,
        "coming": queries.with_amounts(paged.rows),
    }
    return pages.page(request, "billing/home.html", "main", context)


@require_GET
@access.needs("billing.read")
def run(request: MemberRequest, pk: int) -> HttpResponse:
    """One day's billing: what was issued, and what was not and why."""
    rows = BillingRun.objects.filter(entity__practice=request.member.practice).select_related("entity")
    found = access.one(rows, pk=pk)
    invoices = with_standing(Invoice.objects.filter(run=found).select_related("client", "entity")).order_by("pk")
    paged = paginate(invoices, request.GET.get("page"))
    context = {
        "section": "billing", "run": found, "paged": paged,
        "rows": queries.standings(paged.rows, clock.today(found.entity.time_zone)),
    }  # fmt: skip
    return pages.page(request, "billing/run.html", "main", context)


@require_GET
@access.needs("billing.read")
def collections(request: MemberRequest) -> HttpResponse:
    """Who owes, since when, what was tried, and what comes next."""
    practice, today = request.member.practice, clock.today(request.member.zone)
    context = {"section": "billing", "tab": "collections", "debts": queries.debts(practice, today=today)}
    return pages.page(request, "billing/collections.html", "main", context)


@require_http_methods(["GET", "POST"])
@access.needs("billing.collect")
def pause(request: MemberRequest, pk: int) -> HttpResponse:
    """Stop collecting and chasing an invoice until a promised day."""
    invoice = access.find(Invoice.objects.select_related("client"), request.member.practice, pk=pk)
    form = PauseForm(request.POST or None, today=clock.today(request.member.zone))
    if request.method == "POST" and form.is_valid():
        collecting.pause(invoice_id=pk, **form.cleaned_data)
        messages.success(request, f"{invoice.number} is neither charged nor chased until that day")
        return pages.go(request, "invoice", practice=request.member.practice.slug, pk=pk)
    step = Step(
        title="Pause collecting",
        about=f"{invoice.number}, {invoice.client.name}",
        sentences=["Until the day you enter nothing is charged and no reminder is sent. The client is not told."],
        verb="Pause it",
        safe_verb="Leave it as it is",
        back_url=f"/{request.member.practice.slug}/billing/invoices/{pk}/",
        back_words=invoice.number,
    )
    return confirm(request, form, step)


@require_POST
@access.needs("billing.run")
def change_charge(request: MemberRequest, pk: int, change: str) -> HttpResponse:
    """Hold, skip or release one planned charge; each can be undone here until it is billed."""
    rows = Charge.objects.filter(engagement__practice=request.member.practice)
    charge = access.one(rows, pk=pk)
    reason = request.POST.get("reason", "").strip() or f"by {request.member.user}"
    try:
        if change == "hold":
            schedules.hold_charge(charge_id=pk, reason=reason)
        elif change == "skip":
            schedules.skip_charge(charge_id=pk, reason=reason)
        else:
            schedules.release_charge(charge_id=pk)
    except ChargeCannotChange as refusal:
        messages.error(request, f"Nothing changed. {refusal}")
    else:
        words = {"hold": "is on hold", "skip": "is skipped", "release": "is planned again"}[change]
        messages.success(request, f"{charge.description} {words}")
    if request.POST.get("back") == "agreement":
        return pages.go(request, "agreement", practice=request.member.practice.slug, pk=charge.engagement_id)
    return pages.go(request, "billing", practice=request.member.practice.slug)


@require_POST
@access.needs("billing.finish_work")
def finish(request: MemberRequest, pk: int) -> HttpResponse:
    """Say that work is finished: it is billed at the next run."""
    rows = ScheduleRule.objects.filter(engagement__practice=request.member.practice)
    rule = access.one(rows.select_related("engagement__entity"), pk=pk, kind=ScheduleRule.Kind.COMPLETION)
    try:
        schedules.finish_work(rule_id=pk, on=clock.today(rule.engagement.entity.time_zone))
    except ChargeCannotChange as refusal:
        messages.error(request, f"Nothing changed. {refusal}")
    else:
        messages.success(request, "Finished. It is billed at the next run")
    return pages.go(request, "agreement", practice=request.member.practice.slug, pk=rule.engagement_id)
