"""Asking for consent at a ledger, and coming back from it with the state checked."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from ledger_sync.connection import connecting
from ledger_sync.connection.connections import ConnectionRefused
from ledger_sync.models.connections import Provider
from ledger_sync.ports import LedgerError
from ledger_sync.providers import oauth_of
from practice.firm import access
from practice.firm.access import MemberRequest
from practice.firm.models import Entity

#: A consent must come back within this many seconds, to the browser that began it.
STATE_LIVES = 900
_SALT = "ledger consent"


def redirect_uri(provider: str) -> str:
    """The address a vendor sends the browser back to; registered with the vendor."""
    return settings.SITE_URL + reverse("consent_callback", kwargs={"provider": provider})


@access.needs("ledger.connect")
@require_POST
def begin(request: MemberRequest, provider: str) -> HttpResponse:
    """Send the browser to the vendor for consent. The state is signed and bound to this browser."""
    if provider not in Provider.values:
        raise Http404
    entity = access.find(Entity.objects.all(), request.member.practice, pk=request.POST.get("entity") or 0)
    nonce = secrets.token_urlsafe(16)
    facts = {"practice": request.member.practice.slug, "entity": entity.pk, "nonce": nonce, "provider": provider}
    state = signing.dumps(facts, salt=_SALT)
    url = oauth_of(provider).authorise_url(state=state, redirect_uri=redirect_uri(provider))
    response = redirect(url)
    response.set_cookie(
        f"consent_{provider}", nonce, max_age=STATE_LIVES, httponly=True, samesite="Lax", secure=settings.PRODUCTION
    )
    return response


def callback(request: HttpRequest, provider: str) -> HttpResponse:
    """Come back from the vendor: check the state, trade the code, connect. A refusal changes nothing."""
    facts = _state(request, provider)
    if facts is None:
        messages.error(request, "This consent did not begin in this browser, or took too long. Nothing was connected.")
        return redirect("front_door")
    response = _come_back(request, provider, facts)
    # A state is good for one way back.
    response.delete_cookie(f"consent_{provider}", samesite="Lax")
    return response


def _come_back(request: HttpRequest, provider: str, facts: dict[str, Any]) -> HttpResponse:
    slug = str(facts["practice"])
    member = access.access_practice(request, slug, "ledger.connect")
    entity = access.find(Entity.objects.all(), member.practice, pk=facts["entity"])
    name = Provider(provider).label
    if request.GET.get("error") or not request.GET.get("code"):
        messages.warning(request, f"You did not give access in {name}. Nothing was connected, nothing has changed.")
        return redirect("ledger", practice=slug)
    try:
        rows = connecting.from_consent(
            entity=entity,
            provider=provider,
            code=request.GET["code"],
            redirect_uri=redirect_uri(provider),
            realm=request.GET.get("realmId", ""),
        )
    except (ConnectionRefused, LedgerError) as error:
        messages.error(request, f"Not connected: {error}")
        return redirect("ledger", practice=slug)
    return redirect("ledger_mapping", practice=slug, connection_id=rows[0].pk)


def _state(request: HttpRequest, provider: str) -> dict[str, Any] | None:
    try:
        facts: dict[str, Any] = signing.loads(request.GET.get("state", ""), salt=_SALT, max_age=STATE_LIVES)
    except signing.BadSignature:
        return None
    cookie = request.COOKIES.get(f"consent_{provider}", "")
    same_browser = secrets.compare_digest(cookie.encode(), str(facts.get("nonce", "")).encode())
    return facts if same_browser and facts.get("provider") == provider else None
