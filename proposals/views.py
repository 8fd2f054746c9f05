"""Staff pages of proposals: the list, one proposal, and what may be done with it once it is out."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from practice.core import clock
from practice.core.pages import page
from practice.core.paging import paginate
from practice.firm import access
from practice.firm.access import MemberRequest
from proposals import drafting, merging, preflight, pricing, sending, timeline
from proposals.forms import StartForm
from proposals.models import Proposal, Signature
from proposals.refusals import ProposalRefused

STATES = ("draft", "sent", "viewed", "accepted", "declined", "expired", "withdrawn")


def find(request: MemberRequest, proposal_id: int) -> Proposal:
    """One proposal of the practice. Raises Http404."""
    rows = Proposal.objects.select_related(
        "practice", "entity", "client", "signatory", "partner", "terms", "engagement"
    )
    return access.find(rows, request.member.practice, pk=proposal_id)


@require_GET
@access.needs("proposals.read")
def proposal_list(request: MemberRequest) -> HttpResponse:
    """Proposals, those that moved last first; ``?state=`` and ``?q=`` narrow them."""
    state, words = request.GET.get("state", ""), request.GET.get("q", "").strip()
    rows = Proposal.objects.filter(practice=request.member.practice).select_related("client", "partner", "entity")
    if state == "open":
        rows = rows.filter(status__in=Proposal.OPEN)
    elif state in STATES:
        rows = rows.filter(status=state)
    if words:
        rows = rows.filter(Q(title__icontains=words) | Q(client__name__icontains=words) | Q(reference__icontains=words))
    rows = rows.annotate(looks=Count("views"))
    paged = paginate(rows.order_by("-changed_at", "-pk"), request.GET.get("page"))
    context = {"section": "proposals", "paged": paged, "state": state, "q": words}
    context["states"] = [(name, Proposal.Status(name).label) for name in STATES]
    return page(request, "proposals/list.html", "results", context)


@require_http_methods(["GET", "POST"])
@access.needs("proposals.draft")
def new(request: MemberRequest) -> HttpResponse:
    """Begin a proposal."""
    practice = request.member.practice
    given = request.POST if request.method == "POST" else None
    form = StartForm(given, practice=practice, initial={"client": request.GET.get("client")})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        proposal = drafting.start_draft(
            entity=data["entity"], client=data["client"], partner=request.member.user, title=data["title"]
        )
        return redirect("proposal_edit", practice=practice.slug, proposal_id=proposal.pk)
    status = 422 if request.method == "POST" else 200
    return page(request, "proposals/new.html", "form", {"section": "proposals", "form": form}, status=status)


@require_GET
@access.needs("proposals.read")
def detail(request: MemberRequest, proposal_id: int) -> HttpResponse:
    """One proposal: seen, asked, signed, by whom, when; and the next move."""
    proposal = find(request, proposal_id)
    zone = proposal.entity.time_zone
    signature = Signature.objects.filter(proposal=proposal).first()
    # What was signed is worked out as of that day: what was to be paid then does not move on with the calendar.
    on = signature.signed_at.astimezone(ZoneInfo(zone)).date() if signature else clock.today(zone)
    context = {
        "section": "proposals",
        "proposal": proposal,
        "plans": pricing.plans_of(proposal, on),
        "deposit": pricing.deposit_in_words(proposal),
        "story": timeline.story_of(proposal, signature),
        "looks": proposal.views.count(),
        "signature": signature,
    }
    return page(request, "proposals/detail.html", "main", context)


@require_http_methods(["GET", "POST"])
@access.needs("proposals.send")
def send(request: MemberRequest, proposal_id: int) -> HttpResponse:
    """The last look before it leaves: who gets it, what would fail, and the button."""
    proposal = find(request, proposal_id)
    slug = request.member.practice.slug
    error = ""
    if request.method == "POST":
        try:
            sending.send_proposal(proposal_id=proposal.pk, anyway=request.POST.get("anyway", "").strip())
        except ProposalRefused as refusal:
            error = refusal.words
        else:
            name = proposal.signatory.name if proposal.signatory else "the client"
            messages.success(request, f"On its way to {name}.")
            return redirect("proposal", practice=slug, proposal_id=proposal.pk)
    plans = pricing.plans_of(proposal, clock.today(proposal.entity.time_zone))
    found = preflight.findings(proposal, plans)
    context = {
        "section": "proposals", "proposal": proposal, "findings": found, "error": error,
        "blocked": any(f.blocks for f in found), "deposit": pricing.deposit_in_words(proposal),
        "plans": plans,
        "message": merging.fill(proposal.message, proposal),
    }  # fmt: skip
    return page(request, "proposals/send.html", "form", context, status=422 if error else 200)


@require_POST
@access.needs("proposals.send")
def act(request: MemberRequest, proposal_id: int) -> HttpResponse:
    """Send again, correct the address, or take the proposal back."""
    proposal = find(request, proposal_id)
    verbs: dict[str, Any] = {
        "again": lambda: sending.send_again(proposal_id=proposal.pk),
        "correct": lambda: sending.send_again(proposal_id=proposal.pk, email=request.POST.get("email", "")),
        "withdraw": lambda: sending.withdraw_proposal(proposal_id=proposal.pk, reason=request.POST.get("reason", "")),
    }
    verb = verbs.get(request.POST.get("verb", ""))
    try:
        if verb is not None:
            verb()
            messages.success(request, "Done.")
    except ProposalRefused as refusal:
        messages.error(request, f"Nothing was changed: {refusal.words}.")
    return redirect("proposal", practice=request.member.practice.slug, proposal_id=proposal.pk)


@require_POST
@access.needs("proposals.draft")
def ask_review(request: MemberRequest, proposal_id: int) -> HttpResponse:
    """A preparer hands the draft to the partner."""
    proposal = find(request, proposal_id)
    try:
        drafting.ask_for_review(proposal_id=proposal.pk)
        messages.success(request, f"{proposal.partner.name} can look at it now.")
    except ProposalRefused as refusal:
        messages.error(request, refusal.words)
    return redirect("proposal", practice=request.member.practice.slug, proposal_id=proposal.pk)
