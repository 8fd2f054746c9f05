"""The client's pages, by link and without an account: read, choose, sign, pay, or say no."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from billing import coming, paying
from billing.methods import method_of
from practice.core import clock
from practice.core.fields import whole_number
from practice.core.pages import page
from proposals import documents, links, sending, signing
from proposals.models import Option, Proposal, Signature
from proposals.refusals import ProposalRefused

View = Callable[..., HttpResponseBase]


def by_link(view: View) -> View:
    """Open a view to whoever holds a link that has not ended; the others learn whom to ask."""

    @login_not_required
    @never_cache
    @wraps(view)
    def opened(request: HttpRequest, token: str, **kwargs: Any) -> HttpResponseBase:
        try:
            proposal = links.follow(token)
        except links.LinkEnded as ended:
            return _ended(request, ended.proposal, token, status=404 if ended.proposal is None else 410)
        return view(request, proposal, token, **kwargs)

    return opened


@by_link
def proposal_page(request: HttpRequest, proposal: Proposal, token: str) -> HttpResponseBase:
    """The proposal with one option chosen; choosing another swaps the parts that depend on it."""
    if proposal.status == Proposal.Status.ACCEPTED:
        return redirect("client_done", token=token)
    if not proposal.is_open or proposal.expires_on < clock.today(proposal.entity.time_zone):
        return _ended(request, proposal, token, status=410)
    if not request.htmx:  # type: ignore[attr-defined]
        presence = paying.presence_of(request)
        signing.note_view(proposal_id=proposal.pk, address=presence.address, agent=presence.agent)
    return page(request, "proposals/client_proposal.html", "choice", _shown(request, proposal, token))


@by_link
@require_POST
def sign(request: HttpRequest, proposal: Proposal, token: str) -> HttpResponseBase:
    """Sign the chosen option, then go on to the payment in the same visit."""
    if request.POST.get("consent") != "yes" and proposal.is_open:
        return _again(request, proposal, token, {"consent": "Tick the box to say that you agree"})
    presence = paying.presence_of(request)
    signer = signing.Signer(
        name=request.POST.get("name", ""), role=request.POST.get("role", ""), address=presence.address,
        agent=presence.agent,
    )  # fmt: skip
    try:
        signing.sign_proposal(
            proposal_id=proposal.pk,
            option_id=_option(request, proposal).pk,
            signer=signer,
            shown_digest=request.POST.get("shown", ""),
        )
    except ProposalRefused as refusal:
        if refusal.code == "signed":
            return redirect("client_done", token=token)
        if refusal.code == "ended":
            proposal.refresh_from_db()
            return _ended(request, proposal, token, status=410)
        if refusal.code == "changed":
            return _again(request, proposal, token, {}, changed=True)
        return _again(request, proposal, token, {refusal.field or "name": refusal.words})
    return redirect("client_pay", token=token)


@by_link
def pay(request: HttpRequest, proposal: Proposal, token: str) -> HttpResponseBase:
    """Pay what is due on signing, or save a way to pay; the signature stands whatever happens here."""
    if proposal.engagement is None:
        return redirect("client_proposal", token=token)
    signature = Signature.objects.get(proposal=proposal)
    return paying.pay_page(
        request,
        practice=proposal.practice,
        invoices=signing.first_invoices(proposal.engagement),
        client=proposal.client,
        entity=proposal.entity,
        here_url=reverse("client_pay", kwargs={"token": token}),
        done_url=reverse("client_done", kwargs={"token": token}),
        context={"signature": signature, "proposal": proposal},
    )


@by_link
def done(request: HttpRequest, proposal: Proposal, token: str) -> HttpResponseBase:
    """What was agreed and paid, and what happens next."""
    if proposal.engagement is None:
        return redirect("client_proposal", token=token)
    signature = Signature.objects.get(proposal=proposal)
    invoices = signing.first_invoices(proposal.engagement)
    context = {
        "practice": proposal.practice,
        "proposal": proposal,
        "signature": signature,
        "token": token,
        "standing": paying.standing_now(invoices, proposal.entity),
        "payments": [p for p in coming.payments_of(proposal.engagement) if p.state in ("succeeded", "processing")],
        "upcoming": coming.upcoming(proposal.engagement, clock.today(proposal.entity.time_zone)),
        "method": method_of(entity_id=proposal.entity_id, client_id=proposal.client_id),
        "first_name": signature.name.split()[0],
    }
    return render(request, "proposals/client_done.html", context)


@by_link
def signed_document(request: HttpRequest, proposal: Proposal, token: str) -> HttpResponseBase:
    """The signed document, word for word as it was shown."""
    signature = Signature.objects.filter(proposal=proposal).first()
    if signature is None:
        return redirect("client_proposal", token=token)
    response = HttpResponse(documents.standing_alone(signature))
    response["Content-Disposition"] = f'attachment; filename="{proposal.reference} signed.html"'
    return response


@by_link
def decline(request: HttpRequest, proposal: Proposal, token: str) -> HttpResponseBase:
    """Say no, with or without a reason."""
    context = {"practice": proposal.practice, "proposal": proposal, "token": token}
    if request.method == "POST":
        try:
            signing.decline_proposal(proposal_id=proposal.pk, reason=request.POST.get("reason", ""))
        except ProposalRefused:
            return redirect("client_proposal", token=token)
        return render(request, "proposals/client_declined.html", context)
    if not proposal.is_open:
        return redirect("client_proposal", token=token)
    return render(request, "proposals/client_decline.html", context)


@by_link
def ask(request: HttpRequest, proposal: Proposal, token: str) -> HttpResponseBase:
    """Ask the partner something."""
    context: dict[str, Any] = {"practice": proposal.practice, "proposal": proposal, "token": token}
    if request.method == "POST":
        try:
            signing.ask_question(proposal_id=proposal.pk, question=request.POST.get("question", ""))
        except ProposalRefused as refusal:
            return render(request, "proposals/client_ask.html", {**context, "error": refusal.words}, status=422)
        return render(request, "proposals/client_asked.html", context)
    return render(request, "proposals/client_ask.html", context)


@by_link
def hand_on(request: HttpRequest, proposal: Proposal, token: str) -> HttpResponseBase:
    """Somebody else signs: they get a link of their own and this one ends."""
    context: dict[str, Any] = {"practice": proposal.practice, "proposal": proposal, "token": token}
    if request.method == "POST":
        name, email = request.POST.get("name", ""), request.POST.get("email", "")
        try:
            sending.hand_on(proposal_id=proposal.pk, name=name, email=email)
        except ProposalRefused as refusal:
            context |= {"error": refusal.words, "name": name, "email": email}
            return render(request, "proposals/client_hand_on.html", context, status=422)
        return render(request, "proposals/client_handed_on.html", {**context, "name": name, "email": email})
    return render(request, "proposals/client_hand_on.html", context)


@login_not_required
@require_POST
def new_link(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for a new link from a page whose link has ended."""
    proposal = None
    try:
        proposal = links.follow(token)
    except links.LinkEnded as ended:
        proposal = ended.proposal
    if proposal is not None:
        signing.ask_for_new_link(proposal_id=proposal.pk)
    return render(request, "proposals/client_new_link.html", {"practice": proposal and proposal.practice})


def _shown(request: HttpRequest, proposal: Proposal, token: str) -> dict[str, Any]:
    typed = {name: request.POST[name] for name in ("name", "role") if name in request.POST}
    return documents.shown(proposal, _option(request, proposal)) | {"token": token} | typed


def _option(request: HttpRequest, proposal: Proposal) -> Option:
    wanted = whole_number(request.POST.get("option") or request.GET.get("option"))
    rows = proposal.options.order_by("position")
    chosen = rows.filter(pk=wanted).first() if wanted else None
    return chosen or rows.filter(recommended=True).first() or rows[0]


def _again(
    request: HttpRequest, proposal: Proposal, token: str, errors: dict[str, str], *, changed: bool = False
) -> HttpResponse:
    context = _shown(request, proposal, token) | {"errors": errors, "changed": changed}
    return render(request, "proposals/client_proposal.html", context, status=409 if changed else 422)


def _ended(request: HttpRequest, proposal: Proposal | None, token: str, *, status: int) -> HttpResponse:
    context = {"practice": proposal.practice if proposal else None, "proposal": proposal, "token": token}
    return render(request, "proposals/client_ended.html", context, status=status)
