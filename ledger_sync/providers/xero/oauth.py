"""Consent and tokens at Xero. The SDK has no code exchange, so these are a few lines on urllib3."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import urlencode

import urllib3
from django.conf import settings

from ledger_sync.models import TokenSet
from ledger_sync.ports import Disconnected, Organisation, OutcomeUnknown, TryLater
from ledger_sync.providers.tokens import access_token
from ledger_sync.providers.xero import reading
from ledger_sync.providers.xero.client import TIMEOUT, Client
from practice.core import network

#: Granular scopes: apps made since March 2026 get no others (Xero docs, Granular scopes).
SCOPES = (
    "openid profile email offline_access accounting.contacts accounting.invoices accounting.payments "
    "accounting.banktransactions accounting.settings accounting.attachments"
)


def authorise_url(*, state: str, redirect_uri: str) -> str:
    """Where the browser goes for consent."""
    host = settings.XERO_BASE or "https://login.xero.com"
    query = {
        "response_type": "code",
        "client_id": settings.XERO_CLIENT_ID,
        "redirect_uri": redirect_uri,
        "scope": SCOPES,
        "state": state,
    }
    return f"{host}/identity/connect/authorize?{urlencode(query)}"


def exchange(*, code: str, redirect_uri: str) -> dict[str, Any]:
    """Trade the code of a consent for tokens. Raises Disconnected or TryLater."""
    return _token({"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri})


def refresh(refresh_token: str) -> dict[str, Any]:
    """Trade a refresh token for new tokens. Raises Disconnected when Xero no longer takes it, or TryLater."""
    return _token({"grant_type": "refresh_token", "refresh_token": refresh_token})


def give_back(tokens: TokenSet, organisation: str) -> None:
    """Give back the access to one organisation, and to no other of the same user's: a revocation would take them all
    (Xero docs, OAuth 2.0 "Managing connections"). Access that is gone already is no error. Raises TryLater.
    """
    try:
        bearer = {"Authorization": f"Bearer {access_token(tokens.pk, refresh)}"}
        found = _request("GET", f"{_api()}/connections", bearer, None)
        rows = _json(found) if found.status == 200 else []
        answers = [found] + [
            _request("DELETE", f"{_api()}/connections/{row['id']}", bearer, None)
            for row in rows
            if row["tenantId"] == organisation
        ]
    except Disconnected:
        return
    except OutcomeUnknown as error:
        raise TryLater(str(error)) from error
    for answer in answers:
        if answer.status >= 500 or answer.status == 429:
            raise TryLater(f"Xero answered {answer.status}", status=answer.status)


def subject_of(token: str) -> str:
    """The Xero user behind a token (its claim ``xero_userid`` or ``sub``): tokens are per user, not organisation."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return "xero user"
    return str(claims.get("xero_userid") or claims.get("sub") or "xero user")


def organisations_of(token: str, realm: str = "") -> list[Organisation]:
    """The organisations a consent covers, each with its currency and lock date; Xero's callback names none (``realm``).

    Raises one of the four failures.
    """
    answer = _request("GET", f"{_api()}/connections", {"Authorization": f"Bearer {token}"}, None)
    found = []
    for row in _json(answer):
        client = Client(row["tenantId"], lambda: token, lambda _: True)
        company = client.call("GET", "/Organisation").payload["Organisations"][0]
        found.append(reading.organisation(company, row["tenantId"]))
    return found


def _api() -> str:
    return settings.XERO_BASE or "https://api.xero.com"


def _token(form: dict[str, str]) -> dict[str, Any]:
    answer = _post("/connect/token", form)
    if answer.status >= 500 or answer.status == 429:
        raise TryLater(f"Xero's sign-in answered {answer.status}", status=answer.status)
    payload = _json(answer)
    if answer.status != 200:
        raise Disconnected(f"Xero refused: {payload.get('error', answer.status)}", status=answer.status)
    return dict(payload)


def _post(path: str, form: dict[str, str]) -> urllib3.BaseHTTPResponse:
    host = settings.XERO_BASE or "https://identity.xero.com"
    basic = base64.b64encode(f"{settings.XERO_CLIENT_ID}:{settings.XERO_CLIENT_SECRET}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    return _request("POST", host + path, headers, urlencode(form))


def _request(method: str, url: str, headers: dict[str, str], body: str | None) -> urllib3.BaseHTTPResponse:
    pool = network.pool_manager()
    timeout = urllib3.Timeout(connect=TIMEOUT[0], read=TIMEOUT[1])
    try:
        return pool.request(method, url, headers={"Accept": "application/json", **headers}, body=body, timeout=timeout)
    except urllib3.exceptions.HTTPError as error:
        raise TryLater(f"Xero {network.no_answer(error)}") from error


def _json(answer: urllib3.BaseHTTPResponse) -> Any:
    try:
        return json.loads(answer.data)
    except ValueError as error:
        raise OutcomeUnknown("Xero's answer is not JSON", status=answer.status) from error
