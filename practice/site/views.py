"""The front door, the sign of life, and the pages shown when something is not there, not allowed or broken."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render

from practice.core.models import Heartbeat
from practice.firm.models import Membership, User


def front_door(request: HttpRequest) -> HttpResponse:
    """Go to the practice that was last open, or to the only one."""
    memberships = Membership.objects.filter(user=cast(User, request.user)).select_related("practice")
    practices = list({m.practice.slug: m.practice for m in memberships.order_by("practice__name")}.values())
    last = request.COOKIES.get("last_practice")
    for practice in practices:
        if practice.slug == last or len(practices) == 1:
            return redirect("dashboard", practice=practice.slug)
    return render(request, "firm/choose_practice.html", {"practices": practices})


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """Whether the database answers, and when the worker last gave a sign of life."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    beat = Heartbeat.objects.filter(name="worker").first()
    return JsonResponse({"database": "ok", "worker_seen_at": beat.at.isoformat() if beat else None})


@login_not_required
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: who may do this, and the way back."""
    return render(request, "403.html", {"who": str(exception or "")}, status=403)


@login_not_required
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: nothing here, and the way back."""
    return render(request, "404.html", status=404)


@login_not_required
def broken(request: HttpRequest) -> HttpResponse:
    """500: nothing was saved, and an id to quote."""
    return render(request, "500.html", status=500)
