"""The audit trail: what changed, from what to what, by whom and why, and whether the chain is whole."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from practice.core import chain
from practice.core.fields import whole_number
from practice.firm import access, audit_trail
from practice.firm.access import MemberRequest


@require_GET
@access.needs("audit.read")
def audit(request: MemberRequest) -> HttpResponse:
    """The newest changes in the practice; ``?kind=`` keeps to one kind of object."""
    kind = request.GET.get("kind", "")
    kinds = audit_trail.kinds()
    if kind and kind not in kinds:
        raise Http404("no such kind")
    member = request.member
    number = whole_number(request.GET.get("page")) or 1
    found = audit_trail.latest(member.practice.pk, zone=member.zone, kind=kind, page=number)
    context = {"section": "audit", "found": found, "kinds": kinds, "kind": kind}
    return render(request, "firm/audit.html", context)


@require_GET
@access.needs("audit.read")
def audit_object(request: MemberRequest, kind: str, pk: int) -> HttpResponse:
    """The whole story of one object, newest first."""
    if kind not in audit_trail.kinds():
        raise Http404("no such kind")
    found = audit_trail.story(request.member.practice.pk, zone=request.member.zone, kind=kind, pk=pk)
    if not found:
        raise Http404("no such object here")
    context = {"section": "audit", "rows": found, "what": found[0].what, "kind": audit_trail.kinds()[kind]}
    return render(request, "firm/audit_object.html", context)


@require_GET
@access.needs("audit.read")
def verify(request: MemberRequest) -> HttpResponse:
    """Walk the chain now and name every break."""
    practice_id = request.member.practice.pk
    context = {
        "section": "audit",
        "breaks": chain.verify(practice_id),
        "unsealed": audit_trail.unsealed(practice_id),
        "sealed": audit_trail.sealed(practice_id),
    }
    return render(request, "firm/audit_verify.html", context)
