"""The first page of the day, the facts in the bar, search, and the practice's colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from practice.core import clock, panels
from practice.firm import access, brand, needs
from practice.firm.access import MemberRequest
from practice.firm.models import Client, Membership, Practice, Service
from practice.firm.permissions import Member

#: Slots of the dashboard that other packages fill, in the order of the page.
SLOTS = ("sentence", "chain", "figures", "forecast", "side", "list")


@dataclass(frozen=True)
class Step:
    """One line of the set-up list."""

    words: str
    minutes: int
    href: str
    done: bool


@require_GET
@access.needs("practice.read")
def dashboard(request: MemberRequest) -> HttpResponse:
    """What needs the member, where this month's money is, what comes next; a new firm sees what is left to set up."""
    member = request.member
    has_clients = Client.objects.filter(practice=member.practice).exists()
    context = {
        "section": "home",
        "today": clock.today(member.zone),
        "needs": needs.gather(request, member),
        "steps": [] if has_clients else _steps(member),
        **(_slots(request, member) if has_clients else {}),
    }
    response = render(request, "firm/dashboard.html", context)
    response.set_cookie("last_practice", member.practice.slug, max_age=31_536_000, httponly=True, samesite="Lax")
    return response


def _slots(request: MemberRequest, member: Member) -> dict[str, SafeString]:
    return {f"{name}_slot": panels.render(f"firm.dashboard.{name}", request, member) for name in SLOTS}


def _steps(member: Member) -> list[Step]:
    where = {"practice": member.practice.slug}
    colleagues = Membership.objects.filter(practice=member.practice).exclude(user=member.user).exists()
    services = Service.objects.filter(practice=member.practice).exists()
    return [
        Step("Write down what you sell", 5, reverse("service_new", kwargs=where), services),
        Step("Add your first client", 2, reverse("client_new", kwargs=where), False),
        Step("Invite a colleague", 1, reverse("people", kwargs=where), colleagues),
    ]


@require_GET
@access.needs("practice.read")
def bar(request: MemberRequest) -> HttpResponse:
    """The facts in the top bar, asked again every fifteen seconds while somebody looks."""
    return HttpResponse(panels.render("firm.bar", request, request.member))


@require_GET
@access.needs("practice.read")
def search(request: MemberRequest) -> HttpResponse:
    """Clients by name, email or tax number, and what other packages find.

    The subject of the slot ``firm.search`` is the pair of member and words.
    """
    words = " ".join(request.GET.get("q", "").split())
    clients: list[Client] = []
    found = SafeString("")
    if words:
        match = Q(name__icontains=words) | Q(billing_email__icontains=words) | Q(tax_number__icontains=words)
        people = Q(people__name__icontains=words) | Q(people__email__icontains=words)
        rows = Client.objects.filter(match | people, practice=request.member.practice).distinct().order_by("name")
        clients = list(rows[:20])
        found = panels.render("firm.search", request, (request.member, words))
    context: dict[str, Any] = {"section": "", "q": words, "clients": clients, "found": found}
    return render(request, "firm/search.html", context)


@login_not_required
@require_GET
def brand_css(request: HttpRequest, practice: str) -> HttpResponse:
    """The practice's colour as a stylesheet, for pages its clients open."""
    css = brand.stylesheet(get_object_or_404(Practice, slug=practice).brand_colour)
    return HttpResponse(css, content_type="text/css", headers={"Cache-Control": "public, max-age=300"})
