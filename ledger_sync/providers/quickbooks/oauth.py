"""Consent and tokens at Intuit, on its official client; each use makes its own: it holds one company's tokens."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import requests
from django.conf import settings
from intuitlib.client import AuthClient
from intuitlib.exceptions import AuthClientError

from ledger_sync.models import TokenSet
from ledger_sync.ports import Disconnected, Organisation, TryLater
from ledger_sync.providers.quickbooks import reading
from ledger_sync.providers.quickbooks.client import TIMEOUT, Client, base
from practice.core import network

SCOPE = "com.intuit.quickbooks.accounting"


class _Auth(AuthClient):
    """Intuit's client with a timeout and our network rules; it calls out while it is being made."""

    def get_adapter(self, url: str) -> Any:
        """The one door out."""
        return network.GuardedAdapter(max_retries=0)

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """One request, with a timeout."""
        kwargs.setdefault("timeout", TIMEOUT)
        response: requests.Response = super().request(*args, **kwargs)
        return response


def authorise_url(*, state: str, redirect_uri: str) -> str:
    """Where the browser goes for consent. Intuit's own address is fixed in its documents (OAuth 2.0)."""
    host = settings.QBO_BASE if _is_ours() else "https://appcenter.intuit.com"
    query = {
        "client_id": settings.QBO_CLIENT_ID,
        "response_type": "code",
        "scope": SCOPE,
        "redirect_uri": redirect_uri,
        "state": state,
    }
    return f"{host}/connect/oauth2?{urlencode(query)}"


def exchange(*, code: str, redirect_uri: str) -> dict[str, Any]:
    """Trade the code of a consent for tokens. Raises Disconnected or TryLater."""
    return _tokens(lambda auth: auth.get_bearer_token(code), redirect_uri)


def refresh(refresh_token: str) -> dict[str, Any]:
    """Trade a refresh token for new tokens. Raises Disconnected when Intuit no longer takes it, or TryLater."""
    return _tokens(lambda auth: auth.refresh(refresh_token=refresh_token))


def give_back(tokens: TokenSet, organisation: str) -> None:
    """Give back the access to a company: tokens are per company. Access that is gone already is no error. Raises
    TryLater.
    """
    refresh_token = json.loads(tokens.secret)["refresh_token"]
    try:
        _tokens(lambda auth: auth.revoke(token=refresh_token))
    except Disconnected:
        return


def subject_of(token: str) -> str:
    """Tokens are per company; the company's id comes with the consent, not in the token."""
    return "quickbooks company"


def organisations_of(token: str, realm: str = "") -> list[Organisation]:
    """The company a consent covers, with its currency and closing date. Raises one of the four failures."""
    client = Client(realm, lambda: token, lambda _: True)
    return [organisation(client)]


def organisation(client: Client) -> Organisation:
    """The company behind a client: its details and its settings. Raises one of the four failures."""
    company = client.call("GET", f"/companyinfo/{client.realm}").payload["CompanyInfo"]
    preferences = client.call("GET", "/preferences").payload["Preferences"]
    return reading.organisation(company, preferences, client.realm)


def _is_ours() -> bool:
    """Whether the address is one of our sandboxes, and not a host of Intuit's."""
    return bool(settings.QBO_BASE) and "intuit.com" not in settings.QBO_BASE


def _environment() -> str:
    """What Intuit's client calls an environment: a word, or the address of a discovery document."""
    if _is_ours():
        return f"{base()}/.well-known/openid_configuration/"
    return "sandbox" if "sandbox" in settings.QBO_BASE else "production"


def _tokens(work: Any, redirect_uri: str = "") -> dict[str, Any]:
    try:
        auth = _Auth(settings.QBO_CLIENT_ID, settings.QBO_CLIENT_SECRET, redirect_uri, _environment())
        work(auth)
    except AuthClientError as error:
        if error.status_code >= 500 or error.status_code == 429:
            raise TryLater(f"Intuit's sign-in answered {error.status_code}", status=error.status_code) from error
        raise Disconnected(f"Intuit refused: {str(error.content)[:200]}", status=error.status_code) from error
    except (requests.exceptions.RequestException, ValueError, KeyError) as error:
        raise TryLater(f"Intuit's sign-in {network.no_answer(error)}") from error
    return {
        "access_token": auth.access_token,
        "refresh_token": auth.refresh_token,
        "expires_in": auth.expires_in or 3600,
    }
