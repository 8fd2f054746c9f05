"""What every template may use."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """The member behind the request, whether this is a sandbox, and where Stripe's script lives."""
    return {
        "member": getattr(request, "member", None),
        "request_id": getattr(request, "request_id", ""),
        "is_demo": settings.DEMO,
        "is_sandbox": bool(settings.XERO_BASE or settings.QBO_BASE),
        "stripe_js_url": settings.STRIPE_JS_URL,
    }
