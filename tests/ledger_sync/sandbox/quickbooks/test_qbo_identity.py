"""Sign-in: discovery, consent for one company, tokens that are one-shot or rotate, revocation."""

from __future__ import annotations

import base64
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from practice.core import clock
from practice.core.sandbox.http import Request, Response
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App

BACK = "http://localhost:8000/hooks/quickbooks/callback/"


def ask(app: App, **more: str) -> dict[str, str]:
    return {
        "client_id": app.keys["client_id"], "response_type": "code", "scope": "com.intuit.quickbooks.accounting",
        "redirect_uri": BACK, "state": "s-1", **more,
    }  # fmt: skip


def authorise(app: App, method: str = "POST", **more: str) -> Response:
    form = urlencode(ask(app, **more))
    if method == "GET":
        return app.sandbox.handle(Request.build("GET", f"/connect/oauth2?{form}"))
    return app.sandbox.handle(Request.build("POST", "/connect/oauth2", {}, form))


def returned(answer: Response) -> dict[str, str]:
    assert answer.status == 302, answer.body
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def test_the_discovery_document_has_what_the_client_reads(app: App) -> None:
    for path in ("/.well-known/openid_configuration/", "/.well-known/openid_sandbox_configuration/"):
        found = app.sandbox.handle(Request.build("GET", path)).json()
        assert {"authorization_endpoint", "token_endpoint", "revocation_endpoint", "issuer", "jwks_uri"} <= found.keys()
        assert found["userinfo_endpoint"] == "http://qbo.test/v1/openid_connect/userinfo"


def test_the_consent_page_shows_every_company_and_changes_nothing(app: App) -> None:
    before = app.sandbox.dump()
    page = authorise(app, "GET").body.decode()
    assert "Larkin CPA" in page
    assert "Sandbox ledger (QuickBooks)" in page
    assert app.sandbox.dump() == before


def test_a_consent_brings_code_state_and_company(app: App) -> None:
    got = returned(authorise(app, realm=app.realm, answer="connect"))
    assert (got["state"], got["realmId"]) == ("s-1", app.realm)
    body = app.tokens(grant_type="authorization_code", code=got["code"], redirect_uri=BACK).json()
    assert (body["token_type"], body["expires_in"], body["x_refresh_token_expires_in"]) == ("bearer", 3600, 8_726_400)
    again = app.tokens(grant_type="authorization_code", code=got["code"], redirect_uri=BACK)
    assert (again.status, again.json()["error"]) == (400, "invalid_grant")


def test_a_code_fits_one_address_and_lives_ten_minutes(app: App) -> None:
    got = returned(authorise(app, realm=app.realm, answer="connect"))
    assert app.tokens(grant_type="authorization_code", code=got["code"], redirect_uri=BACK + "x").status == 400
    got = returned(authorise(app, realm=app.realm, answer="connect"))
    clock.advance(minutes=11)
    assert app.tokens(grant_type="authorization_code", code=got["code"], redirect_uri=BACK).status == 400


def test_a_refusal_comes_back_as_access_denied(app: App) -> None:
    assert returned(authorise(app, realm=app.realm, answer="cancel")) == {"error": "access_denied", "state": "s-1"}
    assert returned(authorise(app, realm="nobody", answer="connect"))["error"] == "access_denied"


@pytest.mark.parametrize("wrong", [{"scope": "everything"}, {"scope": ""}, {"response_type": "token"}])
def test_a_wrong_scope_comes_back_as_invalid_scope(app: App, wrong: dict[str, str]) -> None:
    assert returned(authorise(app, "GET", **wrong))["error"] == "invalid_scope"


@pytest.mark.parametrize("wrong", [{"client_id": "x"}, {"redirect_uri": "https://elsewhere.example/"}])
def test_an_unknown_app_or_address_is_sent_nowhere(app: App, wrong: dict[str, str]) -> None:
    answer = authorise(app, "GET", **wrong)
    assert (answer.status, "Location" in answer.headers) == (400, False)


def test_registered_addresses_are_the_only_ones(app: App, sandbox: QuickBooksSandbox) -> None:
    sandbox.register_redirects(["https://app.example/back"])
    assert authorise(app, "GET").status == 400
    assert authorise(app, "GET", redirect_uri="https://app.example/back").status == 200


def test_an_access_token_lives_an_hour(app: App) -> None:
    clock.advance(minutes=59)
    assert app.call("GET", "/preferences").status == 200
    clock.advance(minutes=2)
    assert app.call("GET", "/preferences").status == 401


def test_every_refresh_rotates_and_the_old_token_works_a_little_longer(app: App) -> None:
    old = app.refresh_token
    app.refresh()
    assert app.refresh_token != old
    assert app.tokens(grant_type="refresh_token", refresh_token=old).status == 200
    clock.advance(seconds=121)
    refused = app.tokens(grant_type="refresh_token", refresh_token=old)
    assert (refused.status, refused.json()["error"]) == (400, "invalid_grant")
    assert app.refresh()["access_token"]


def test_by_the_day_the_token_stays_and_its_hundred_days_begin_anew(app: App, sandbox: QuickBooksSandbox) -> None:
    sandbox.settings.rotate_always = False
    old = app.refresh_token
    app.refresh()
    assert app.refresh_token == old
    clock.advance(days=90)
    app.refresh()
    assert app.refresh_token != old
    clock.advance(days=102)
    assert app.tokens(grant_type="refresh_token", refresh_token=app.refresh_token).status == 400


def test_wrong_secrets_and_grants(app: App) -> None:
    request = Request.build(
        "POST", "/oauth2/v1/tokens/bearer", {"Authorization": "Basic eDp5"}, "grant_type=refresh_token"
    )
    assert app.sandbox.handle(request).status == 401
    assert app.sandbox.handle(Request.build("POST", "/oauth2/v1/tokens/bearer", {}, "")).status == 401
    assert app.tokens(grant_type="password").json()["error"] == "unsupported_grant_type"
    refused = app.tokens(grant_type="refresh_token", refresh_token="nonsense").json()
    assert refused["error_description"] == "Incorrect or invalid refresh token"


def test_the_hard_end_of_a_refresh_token_on_request(app: App) -> None:
    basic = base64.b64encode(f"{app.keys['client_id']}:{app.keys['client_secret']}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "x-include-refresh-token-hard-expires-in": "true"}
    form = urlencode({"grant_type": "refresh_token", "refresh_token": app.refresh_token})
    body = app.sandbox.handle(Request.build("POST", "/oauth2/v1/tokens/bearer", headers, form)).json()
    assert body["x_refresh_token_hard_expires_in"] == timedelta(days=5 * 365).total_seconds()


def test_revoking_ends_every_token_of_the_company(app: App) -> None:
    basic = base64.b64encode(f"{app.keys['client_id']}:{app.keys['client_secret']}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    body = f'{{"token": "{app.refresh_token}"}}'
    assert app.sandbox.handle(Request.build("POST", "/v2/oauth2/tokens/revoke", headers, body)).status == 200
    assert app.call("GET", "/preferences").status == 401
    assert app.tokens(grant_type="refresh_token", refresh_token=app.refresh_token).status == 400
    assert app.sandbox.handle(Request.build("POST", "/v2/oauth2/tokens/revoke", headers, body)).status == 400
    assert app.sandbox.handle(Request.build("POST", "/v2/oauth2/tokens/revoke", headers, "no")).status == 400
    assert app.sandbox.handle(Request.build("POST", "/v2/oauth2/tokens/revoke", {}, body)).status == 401


def test_who_signed_in(app: App) -> None:
    path = "/v1/openid_connect/userinfo"
    answer = app.sandbox.handle(Request.build("GET", path, {"Authorization": f"Bearer {app.token}"}))
    assert answer.json()["email"] == "dana@larkincpa.example"
    assert app.sandbox.handle(Request.build("GET", path)).status == 401
    assert app.sandbox.handle(Request.build("GET", "/nothing/here")).status == 404
