"""Fragments proposals lend to lower pages."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpRequest

from practice.core.panels import panel
from practice.firm.models import Client
from practice.firm.permissions import Member
from proposals.models import Proposal

Shown = tuple[str, dict[str, Any]] | None


@panel("firm.dashboard.list", order=10)
def latest(request: HttpRequest, member: Member) -> Shown:
    """The proposals that moved last."""
    rows = Proposal.objects.filter(practice=member.practice).select_related("client", "entity")
    found = list(rows.annotate(looks=Count("views")).order_by("-changed_at")[:6])
    return ("proposals/dashboard_list.html", {"rows": found}) if found else None


@panel("firm.client.main", order=30)
def of_client(request: HttpRequest, client: Client) -> Shown:
    """A client's proposals."""
    rows = Proposal.objects.filter(client=client).select_related("client", "entity").annotate(looks=Count("views"))
    found = list(rows.order_by("-changed_at")[:10])
    return ("proposals/client_list.html", {"rows": found}) if found else None


@panel("firm.client.actions", order=20)
def write_one(request: HttpRequest, client: Client) -> Shown:
    """The way to a new proposal for a client."""
    return "proposals/client_action.html", {"client": client}
