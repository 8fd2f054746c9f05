"""What every template may use."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from practice.firm import permissions
from practice.firm.permissions import Member


def site(request: HttpRequest) -> dict[str, Any]:
    """The member behind the request, where else they work, whether this is a sandbox, where Stripe's script lives."""
    member: Member | None = getattr(request, "member", None)
    return {
        "member": member,
        # Asked only where a template shows it.
        "other_practices": lambda: permissions.other_practices(member) if member else [],
        "request_id": getattr(request, "request_id", ""),
        "is_demo": settings.DEMO,
        "is_sandbox": bool(settings.XERO_BASE or settings.QBO_BASE),
        "stripe_js_url": settings.STRIPE_JS_URL,
    }
