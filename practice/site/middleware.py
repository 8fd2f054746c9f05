"""What happens around every request: an id to quote, a second factor where the role asks, a cause for the audit."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from practice.core import audit
from practice.firm import permissions
from practice.firm.models import User

Handler = Callable[[HttpRequest], HttpResponse]

#: Where someone without the second factor they need may still go: to set one up, to prove who they are, to leave.
SECOND_FACTOR_EXEMPT = ("/accounts/", "/static/", "/c/", "/i/", "/card/", "/hooks/", "/healthz", "/demo/")


def request_ids(get_response: Handler) -> Handler:
    """Give each request a short id that error pages and the audit trail show."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.request_id = secrets.token_hex(4).upper()  # type: ignore[attr-defined]
        response = get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return response

    return middleware


def refuse_null_characters(get_response: Handler) -> Handler:
    """Answer 400 to text that no database takes and nobody types. Notices are read as bytes and stay out of this."""

    def middleware(request: HttpRequest) -> HttpResponse:
        fields = [request.GET] if request.path.startswith("/hooks/") else [request.GET, request.POST]
        if "\0" in request.path or any("\0" in text for form in fields for _, texts in form.lists() for text in texts):
            raise BadRequest("a null character")
        return get_response(request)

    return middleware


def require_second_factor(get_response: Handler) -> Handler:
    """Send owners and sync admins who have no second factor yet to the page where they set one up."""

    def middleware(request: HttpRequest) -> HttpResponse:
        user = request.user
        if (
            isinstance(user, User)
            and not request.path.startswith(SECOND_FACTOR_EXEMPT)
            and not request.session.get("demo_person")
            and permissions.needs_second_factor(user)
            and not is_mfa_enabled(user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN])
        ):
            return redirect("mfa_index")
        return get_response(request)

    return middleware


def audit_cause(get_response: Handler) -> Handler:
    """Name the person and the request in every history row written while it is answered."""

    def middleware(request: HttpRequest) -> HttpResponse:
        user = request.user if isinstance(request.user, User) else None
        label = user.email if user else "visitor"
        with audit.cause(system="web", actor=label, user_id=user.pk if user else None, run=request.request_id):  # type: ignore[attr-defined]
            return get_response(request)

    return middleware
