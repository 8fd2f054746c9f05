"""What belongs to the person, whatever the practice."""

from __future__ import annotations

from typing import cast

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from practice.core import pages
from practice.firm import people, permissions
from practice.firm.forms import MeForm
from practice.firm.models import User


@require_http_methods(["GET", "POST"])
def me(request: HttpRequest) -> HttpResponse:
    """My name, my keys, my second factor."""
    user = cast(User, request.user)
    form = MeForm(request.POST or None, instance=user)
    if request.method == "POST" and form.is_valid():
        people.update_me(user_id=user.pk, **form.facts())
        messages.success(request, "Saved")
        return pages.go(request, "me")
    context = {
        "form": form,
        "has_factor": is_mfa_enabled(user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]),
        "needs_factor": permissions.needs_second_factor(user),
    }
    return pages.page(request, "firm/me.html", "form", context, status=422 if form.errors else 200)
