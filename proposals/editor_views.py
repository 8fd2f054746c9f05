"""The proposal editor: one list of services with options as columns, and a tab each for words, terms and signing.

A press is answered by the parts of the page that it changed, never by the whole of it: what somebody types meanwhile
in another field stays under their hands. Without script the same addresses answer with the whole page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from practice.core import clock
from practice.core.fields import whole_number
from practice.core.pages import page
from practice.firm import access
from practice.firm.access import MemberRequest
from practice.firm.models.services import Cadence
from proposals import documents, drafting, merging, preflight, pricing
from proposals.forms import TABS, AddServiceForm, DepositForm, LineForm, tab_form
from proposals.models import Option, Proposal, ProposalLine
from proposals.refusals import ProposalRefused
from proposals.views import find


@dataclass(frozen=True)
class Change:
    """What an answer puts in the place of the old: parts of the page, a line's own error, and where the focus goes."""

    parts: tuple[str, ...] = ()
    focus: str = ""
    line_id: int | None = None
    added: int | None = None
    deposit_form: DepositForm | None = None


@require_GET
@access.needs("proposals.draft")
def services(request: MemberRequest, proposal_id: int) -> HttpResponse:
    """Services and price."""
    proposal = find(request, proposal_id)
    if not proposal.is_draft:
        return redirect("proposal", practice=request.member.practice.slug, proposal_id=proposal.pk)
    return page(request, "proposals/editor/page.html", "editor", _context(proposal, Change()))


@require_POST
@access.needs("proposals.draft")
def add_line(request: MemberRequest, proposal_id: int) -> HttpResponse:
    """Offer one more service; its quantity is what is asked next."""
    proposal = find(request, proposal_id)
    form = AddServiceForm(request.POST, practice=proposal.practice)
    if not form.is_valid():
        return _refuse(request, proposal, "Choose a service from the list", Change(focus="id_service"), "add_error")

    def change() -> Change:
        line = drafting.add_service(proposal_id=proposal.pk, service=form.cleaned_data["service"])
        return Change(("added",), f"quantity-{line.pk}", added=line.pk)

    return _do(request, proposal, change)


@require_POST
@access.needs("proposals.draft")
def change_line(request: MemberRequest, proposal_id: int, line_id: int) -> HttpResponse:
    """Change one service, move it, or take it off."""
    proposal = find(request, proposal_id)
    if not ProposalLine.objects.filter(proposal=proposal, pk=line_id).exists():
        raise Http404
    verb = request.POST.get("verb", "")
    if verb == "remove":
        return _do(request, proposal, lambda: _remove_line(proposal, line_id))
    if verb in ("up", "down"):
        return _do(request, proposal, lambda: _move_line(proposal, line_id, up=verb == "up"))
    form = LineForm(request.POST)
    if not form.is_valid():
        return _refuse(request, proposal, str(next(iter(form.errors.values()))[0]), Change(line_id=line_id))
    ids = [pk for pk in map(whole_number, request.POST.getlist("options")) if pk is not None]

    def change() -> Change:
        drafting.change_line(proposal_id=proposal.pk, line_id=line_id, option_ids=ids, **form.cleaned_data)
        return Change(line_id=line_id)

    return _do(request, proposal, change, Change(line_id=line_id))


def _remove_line(proposal: Proposal, line_id: int) -> Change:
    """Take a line off; the line that follows it is what the next press is about."""
    rows = list(proposal.lines.order_by("position").values_list("pk", flat=True))
    at = rows.index(line_id) if line_id in rows else 0
    drafting.remove_line(proposal_id=proposal.pk, line_id=line_id)
    left = [pk for pk in rows if pk != line_id]
    return Change(("lines",), f"menu-{left[min(at, len(left) - 1)]}" if left else "id_service")


def _move_line(proposal: Proposal, line_id: int, *, up: bool) -> Change:
    drafting.move_line(proposal_id=proposal.pk, line_id=line_id, up=up)
    return Change(("lines",), f"menu-{line_id}")


@require_POST
@access.needs("proposals.draft")
def set_option(request: MemberRequest, proposal_id: int) -> HttpResponse:
    """Add, rename, recommend or remove an option."""
    proposal = find(request, proposal_id)
    option_id = whole_number(request.POST.get("option"))
    if request.POST.get("verb") == "remove" and option_id is not None:
        return _do(request, proposal, lambda: _remove_option(proposal, option_id))
    return _do(request, proposal, lambda: _set_option(request, proposal))


def _set_option(request: MemberRequest, proposal: Proposal) -> Change:
    given = whole_number(request.POST.get("position"))
    position = proposal.options.count() + 1 if given is None else given
    before = proposal.options.filter(position=position).first()
    recommended = request.POST.get("recommended") == "yes"
    option = drafting.set_option(
        proposal_id=proposal.pk, position=position, name=request.POST.get("name", ""),
        summary=request.POST.get("summary", ""), recommended=recommended,
    )  # fmt: skip
    if before is None:
        return Change(("lines", "options"), f"oname-{option.pk}")
    # One option is always recommended: taking the tick off the last one puts it back.
    same = before.recommended == option.recommended == recommended
    return Change(("names",)) if same else Change(("lines", "options"), f"orec-{option.pk}")


def _remove_option(proposal: Proposal, option_id: int) -> Change:
    drafting.remove_option(proposal_id=proposal.pk, option_id=option_id)
    return Change(("lines", "options"), "add-option")


@require_POST
@access.needs("proposals.draft")
def set_deposit(request: MemberRequest, proposal_id: int) -> HttpResponse:
    """Set the deposit."""
    proposal = find(request, proposal_id)
    form = DepositForm(request.POST)
    shown = Change(("deposit",), deposit_form=form)
    if not form.is_valid():
        return _refuse(request, proposal, "", shown)

    def change() -> Change:
        drafting.change_draft(proposal_id=proposal.pk, **form.cleaned_data)
        return Change(("deposit",), "set-deposit")

    return _do(request, proposal, change, shown)


@require_http_methods(["GET", "POST"])
@access.needs("proposals.draft")
def tab(request: MemberRequest, proposal_id: int, tab: str) -> HttpResponse:
    """Message, terms, or signing and payment."""
    if tab not in TABS:
        raise Http404
    proposal = find(request, proposal_id)
    form = tab_form(tab, proposal, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            drafting.change_draft(
                proposal_id=proposal.pk, edition=whole_number(request.POST.get("edition")), **form.cleaned_data
            )
        except ProposalRefused as refusal:
            form.add_error(refusal.field if refusal.field in form.fields else None, refusal.words)
        else:
            slug = request.member.practice.slug
            return redirect("proposal_edit_tab", practice=slug, proposal_id=proposal.pk, tab=tab)
    context = _base(proposal, tab) | {"form": form, "tab_title": TABS[tab][0], "fields": sorted(merging.FIELDS)}
    return page(request, "proposals/editor/tab.html", "form", context, status=422 if form.errors else 200)


@require_GET
@access.needs("proposals.read")
def preview(request: MemberRequest, proposal_id: int, option_id: int) -> HttpResponse:
    """Exactly what the client gets for one option; nothing on it can be pressed into effect."""
    proposal = find(request, proposal_id)
    option = proposal.options.filter(pk=option_id).first() or proposal.options.order_by("position")[0]
    context = documents.shown(proposal, option) | {"token": "preview", "preview": True}
    return page(request, "proposals/client_proposal.html", "choice", context)


def _do(
    request: MemberRequest, proposal: Proposal, change: Callable[[], Change], refused: Change | None = None
) -> HttpResponse:
    """Run one change of a draft and show what it changed, or what it refused."""
    try:
        done = change()
    except ProposalRefused as refusal:
        return _refuse(request, proposal, refusal.words, refused or Change(("lines", "options")))
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("proposal_edit", practice=request.member.practice.slug, proposal_id=proposal.pk)
    return render(request, "proposals/editor/saved.html", _context(find(request, proposal.pk), done))


def _refuse(
    request: MemberRequest, proposal: Proposal, words: str, shown: Change, place: str = "line_error"
) -> HttpResponse:
    """Say beside the field what was not done; without script, above the whole page."""
    proposal = find(request, proposal.pk)
    context = _context(proposal, shown)
    if not request.htmx:  # type: ignore[attr-defined]
        return page(request, "proposals/editor/page.html", "editor", context | {"error": words}, status=422)
    beside = shown.line_id is not None or place == "add_error"
    context |= {place: words} if beside else {"error": words}
    return render(request, "proposals/editor/saved.html", context, status=422)


def _base(proposal: Proposal, tab: str) -> dict[str, Any]:
    today = clock.today(proposal.entity.time_zone)
    plans = pricing.plans_of(proposal, today)
    chosen = next((p for p in plans if p.option.recommended), plans[0])
    return {
        "section": "proposals", "proposal": proposal, "tab": tab, "plans": plans, "chosen": chosen,
        "findings": preflight.findings(proposal, plans), "tabs": [(k, v[0]) for k, v in TABS.items()],
    }  # fmt: skip


def _context(proposal: Proposal, change: Change) -> dict[str, Any]:
    """What the page of services shows, and of it what a change has touched."""
    options = list(proposal.options.order_by("position"))
    lines = list(proposal.lines.prefetch_related("options").order_by("position"))
    base = _base(proposal, "services")
    initial = {n: getattr(proposal, n) for n in ("deposit", "deposit_value", "expected_completion_on")}
    return base | {
        "rows": [(line, _ticks(line, options)) for line in lines], "options": options, "cadences": Cadence.choices,
        "sums": [
            (words, list(zip([o.pk for o in options], cells, strict=True)))
            for words, cells in pricing.compared(base["plans"])
        ],
        "add_form": AddServiceForm(practice=proposal.practice, currency=proposal.currency),
        "deposit_form": change.deposit_form or DepositForm(initial=initial),
        "parts": change.parts, "focus": change.focus, "line_id": change.line_id, "added": change.added,
    }  # fmt: skip


def _ticks(line: ProposalLine, options: list[Option]) -> list[tuple[Option, bool]]:
    ticked = {option.pk for option in line.options.all()}
    return [(option, option.pk in ticked) for option in options]
