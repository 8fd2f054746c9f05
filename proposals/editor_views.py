"""The proposal editor: one list of services with options as columns, and a tab each for words, terms and signing."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from practice.core import clock
from practice.core.pages import page
from practice.firm import access
from practice.firm.access import MemberRequest
from practice.firm.models.services import Cadence
from proposals import documents, drafting, merging, preflight, pricing
from proposals.forms import TABS, AddServiceForm, DepositForm, LineForm, tab_form
from proposals.models import Proposal
from proposals.refusals import ProposalRefused
from proposals.views import find


@require_GET
@access.needs("proposals.draft")
def services(request: MemberRequest, proposal_id: int) -> HttpResponse:
    """Services and price."""
    return _services(request, find(request, proposal_id))


@require_POST
@access.needs("proposals.draft")
def add_line(request: MemberRequest, proposal_id: int) -> HttpResponse:
    """Offer one more service."""
    proposal = find(request, proposal_id)
    form = AddServiceForm(request.POST, practice=proposal.practice)
    if not form.is_valid():
        return _services(request, proposal, error="Choose a service from the list")
    return _do(request, proposal, drafting.add_service, service=form.cleaned_data["service"])


@require_POST
@access.needs("proposals.draft")
def change_line(request: MemberRequest, proposal_id: int, line_id: int) -> HttpResponse:
    """Change one service, move it, or take it off."""
    proposal = find(request, proposal_id)
    if not proposal.lines.filter(pk=line_id).exists():
        raise Http404
    verb = request.POST.get("verb", "")
    if verb == "remove":
        return _do(request, proposal, drafting.remove_line, line_id=line_id)
    if verb in ("up", "down"):
        return _do(request, proposal, drafting.move_line, line_id=line_id, up=verb == "up")
    form = LineForm(request.POST)
    if not form.is_valid():
        name, errors = next(iter(form.errors.items()))
        return _services(request, proposal, error=f"{name.replace('_', ' ').capitalize()}: {errors[0]}")
    ids = [int(v) for v in request.POST.getlist("options") if v.isdigit()]
    return _do(request, proposal, drafting.change_line, line_id=line_id, option_ids=ids, **form.cleaned_data)


@require_POST
@access.needs("proposals.draft")
def set_option(request: MemberRequest, proposal_id: int) -> HttpResponse:
    """Add, rename, recommend or remove an option."""
    proposal = find(request, proposal_id)
    if request.POST.get("verb") == "remove" and request.POST.get("option", "").isdigit():
        return _do(request, proposal, drafting.remove_option, option_id=int(request.POST["option"]))
    position = request.POST.get("position", "")
    return _do(
        request, proposal, drafting.set_option,
        position=int(position) if position.isdigit() else proposal.options.count() + 1,
        name=request.POST.get("name", ""), summary=request.POST.get("summary", ""),
        recommended=request.POST.get("recommended") == "yes",
    )  # fmt: skip


@require_POST
@access.needs("proposals.draft")
def set_deposit(request: MemberRequest, proposal_id: int) -> HttpResponse:
    """Set the deposit."""
    proposal = find(request, proposal_id)
    form = DepositForm(request.POST)
    if not form.is_valid():
        return _services(request, proposal, error=str(next(iter(form.errors.values()))[0]), deposit_form=form)
    return _do(request, proposal, drafting.change_draft, **form.cleaned_data)


@require_http_methods(["GET", "POST"])
@access.needs("proposals.draft")
def tab(request: MemberRequest, proposal_id: int, tab: str) -> HttpResponse:
    """Message, terms, or signing and payment."""
    if tab not in TABS:
        raise Http404
    proposal = find(request, proposal_id)
    form = tab_form(tab, proposal, request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            drafting.change_draft(proposal_id=proposal.pk, edition=_edition(request), **form.cleaned_data)
        except ProposalRefused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.words)
        else:
            slug = request.member.practice.slug
            return redirect("proposal_edit_tab", practice=slug, proposal_id=proposal.pk, tab=tab)
    context = _base(proposal, tab) | {"form": form, "tab_title": TABS[tab][0], "fields": sorted(merging.FIELDS)}
    return page(request, "proposals/editor_tab.html", "form", context, status=422 if form.errors else 200)


@require_GET
@access.needs("proposals.read")
def preview(request: MemberRequest, proposal_id: int, option_id: int) -> HttpResponse:
    """Exactly what the client gets for one option; nothing on it can be pressed into effect."""
    proposal = find(request, proposal_id)
    today = clock.today(proposal.entity.time_zone)
    option = proposal.options.filter(pk=option_id).first() or proposal.options.order_by("position")[0]
    document = documents.document_of(proposal, option, today)
    signatory = proposal.signatory
    context = {
        "practice": proposal.practice, "proposal": proposal, "token": "preview", "plan": document.plan,
        "plans": pricing.plans_of(proposal, today), "message": merging.fill(proposal.message, proposal),
        "terms_body": merging.fill(proposal.terms.body, proposal) if proposal.terms else "",
        "consent": documents.consent_text(proposal), "minutes": 4, "preview": True,
        "name": signatory.name if signatory else "", "role": signatory.role if signatory else "",
    }  # fmt: skip
    return page(request, "proposals/client_proposal.html", "choice", context)


def _edition(request: MemberRequest) -> int | None:
    given = request.POST.get("edition", "")
    return int(given) if given.isdigit() else None


def _do(request: MemberRequest, proposal: Proposal, action: Any, **facts: Any) -> HttpResponse:
    """Run one action on a draft and show the editor again, with its refusal if it refused."""
    try:
        action(proposal_id=proposal.pk, **facts)
    except ProposalRefused as refusal:
        return _services(request, proposal, error=refusal.words, status=409 if refusal.code == "stale" else 422)
    proposal = find(request, proposal.pk)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("proposal_edit", practice=request.member.practice.slug, proposal_id=proposal.pk)
    return _services(request, proposal)


def _base(proposal: Proposal, tab: str) -> dict[str, Any]:
    today = clock.today(proposal.entity.time_zone)
    plans = pricing.plans_of(proposal, today)
    chosen = next((p for p in plans if p.option.recommended), plans[0])
    return {
        "section": "proposals", "proposal": proposal, "tab": tab, "plans": plans, "chosen": chosen,
        "findings": preflight.findings(proposal), "tabs": [(k, v[0]) for k, v in TABS.items()],
    }  # fmt: skip


def _services(
    request: MemberRequest, proposal: Proposal, *, error: str = "", status: int = 0, deposit_form: Any = None
) -> HttpResponse:
    if proposal.status not in ("draft", "review"):
        return redirect("proposal", practice=request.member.practice.slug, proposal_id=proposal.pk)
    options = list(proposal.options.order_by("position"))
    lines = list(proposal.lines.prefetch_related("options").order_by("position"))
    rows = [(line, [(o, o.pk in {x.pk for x in line.options.all()}) for o in options]) for line in lines]
    initial = {n: getattr(proposal, n) for n in ("deposit", "deposit_value", "expected_completion_on")}
    context = _base(proposal, "services") | {
        "rows": rows, "options": options, "error": error, "cadences": Cadence.choices,
        "add_form": AddServiceForm(practice=proposal.practice, currency=proposal.currency),
        "deposit_form": deposit_form or DepositForm(initial=initial),
    }  # fmt: skip
    return page(request, "proposals/editor.html", "editor", context, status=status or (422 if error else 200))
