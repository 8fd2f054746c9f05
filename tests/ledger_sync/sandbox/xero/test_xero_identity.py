"""Consent, tokens and connections, as Xero's identity service gives them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from ledger_sync.sandbox.xero import XeroSandbox
from practice.core import clock
from practice.core.sandbox.http import Request, Response
from tests.ledger_sync.sandbox.xero.xero_app import App

BACK = "http://localhost:8000/back"


def ask(sandbox: XeroSandbox, **changes: str) -> Response:
    query = {"response_type": "code", "client_id": sandbox.app.client_id, "redirect_uri": BACK, "state": "s-1"}
    query |= {"scope": "openid offline_access accounting.contacts accounting.invoices"} | changes
    return sandbox.handle(Request.build("GET", "/identity/connect/authorize?" + urlencode(query)))


def press(sandbox: XeroSandbox, answer: str, **changes: str) -> dict[str, str]:
    page = ask(sandbox, **changes).body.decode()
    form = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
    tenants = re.findall(r'type="checkbox" name="tenant" value="([^"]+)" checked', page)
    body = urlencode([*form, *(("tenant", tenant) for tenant in tenants), ("answer", answer)])
    response = sandbox.handle(Request.build("POST", "/identity/connect/authorize", {}, body))
    assert response.status == 302
    parts = urlsplit(response.headers["Location"])
    return {key: values[0] for key, values in parse_qs(parts.query).items()}


def exchange(app: App, code: str, **changes: str) -> Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK} | changes
    return app.post_form("/connect/token", **form)


def test_consent_gives_a_code_that_works_once(sandbox: XeroSandbox, app: App) -> None:
    answer = press(sandbox, "approve")
    assert answer["state"] == "s-1"
    first = exchange(app, answer["code"]).json()
    assert first["expires_in"] == 1800
    assert first["token_type"] == "Bearer"
    assert first["scope"].split() == ["openid", "offline_access", "accounting.contacts", "accounting.invoices"]
    claims = first["access_token"].split(".")[1]
    event = json.loads(base64.urlsafe_b64decode(claims + "=="))["authentication_event_id"]
    assert len(event) == 36
    assert exchange(app, answer["code"]).body == b'{"error":"invalid_grant"}'


@pytest.mark.parametrize(
    "uri",
    [
        "http://[",
        "http://localhost/back\r\nSet-Cookie: a=b",
        "http://localhost/€",
        "http://localhost/back#part",
        "http://localhost@elsewhere.test/",
        "http://localhost.elsewhere.test/",
        "javascript:alert(1)//localhost",
    ],
)
def test_nobody_is_sent_back_to_an_address_that_is_none(sandbox: XeroSandbox, uri: str) -> None:
    answer = ask(sandbox, redirect_uri=uri)
    assert (answer.status, "Location" in answer.headers, b"Invalid redirect_uri" in answer.body) == (400, False, True)


def test_a_get_changes_nothing(sandbox: XeroSandbox) -> None:
    before = sandbox.dump()
    assert ask(sandbox).status == 200
    assert sandbox.dump() == before
    assert not sandbox.store.table("_codes")


def test_cancel_returns_access_denied(sandbox: XeroSandbox) -> None:
    assert press(sandbox, "cancel") == {"error": "access_denied", "state": "s-1"}


def test_a_code_dies_after_five_minutes(sandbox: XeroSandbox, app: App) -> None:
    code = press(sandbox, "approve")["code"]
    clock.advance(minutes=5)
    assert exchange(app, code).body == b'{"error":"invalid_grant"}'


def test_a_code_belongs_to_its_redirect_address(sandbox: XeroSandbox, app: App) -> None:
    code = press(sandbox, "approve")["code"]
    assert exchange(app, code, redirect_uri=BACK + "2").status == 400


def test_pkce_is_checked(sandbox: XeroSandbox, app: App) -> None:
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    code = press(sandbox, "approve", code_challenge=challenge, code_challenge_method="S256")["code"]
    assert exchange(app, code, code_verifier=verifier).status == 200


@pytest.mark.parametrize("change", [{"client_id": "stranger"}, {"redirect_uri": "https://evil.example/back"}])
def test_a_wrong_app_or_address_is_never_sent_back(sandbox: XeroSandbox, change: dict[str, str]) -> None:
    assert ask(sandbox, **change).status == 400


def test_registered_addresses_are_the_only_ones(sandbox: XeroSandbox) -> None:
    sandbox.register_redirects(["http://localhost:9999/xero"])
    assert ask(sandbox).status == 400
    assert ask(sandbox, redirect_uri="http://localhost:9999/xero").status == 200


def test_an_unknown_scope_is_refused(sandbox: XeroSandbox) -> None:
    location = ask(sandbox, scope="accounting.everything").headers["Location"]
    assert "error=invalid_scope" in location


def test_a_wrong_secret_is_invalid_client(app: App) -> None:
    response = app.post_form("/connect/token", grant_type="refresh_token", client_secret="wrong")
    assert (response.status, response.body) == (400, b'{"error":"invalid_client"}')


def test_basic_authentication_works_too(app: App) -> None:
    pair = f"{app.credentials['client_id']}:{app.credentials['client_secret']}".encode()
    headers = {"Authorization": "Basic " + base64.b64encode(pair).decode()}
    body = urlencode({"grant_type": "refresh_token", "refresh_token": app.credentials["refresh_token"]})
    assert app.sandbox.handle(Request.build("POST", "/connect/token", headers, body)).status == 200


def test_the_replaced_refresh_token_works_for_thirty_minutes(app: App) -> None:
    # The app fixture has used the first token already.
    clock.advance(minutes=29)
    again = app.refresh()
    assert again["refresh_token"] != app.credentials["refresh_token"]
    clock.advance(minutes=1)
    assert app.refresh() == {"error": "invalid_grant"}
    newest = app.post_form("/connect/token", grant_type="refresh_token", refresh_token=again["refresh_token"])
    assert newest.status == 200


def test_a_refresh_token_dies_unused_after_sixty_days(app: App) -> None:
    token = app.sandbox.credentials()["refresh_token"]
    clock.advance(days=60)
    assert app.post_form("/connect/token", grant_type="refresh_token", refresh_token=token).status == 400


def connections(app: App, query: str = "", path: str = "/Connections") -> Response:
    return app.sandbox.handle(Request.build("GET", path + query, {"Authorization": f"Bearer {app.token}"}))


def test_connections_are_a_bare_list(app: App) -> None:
    row = connections(app).json()[0]
    assert row["tenantId"] == app.tenant
    assert row["tenantName"] == "Harbour & Vale Pty Ltd"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}", row["createdDateUtc"])
    assert set(row) == {"id", "authEventId", "tenantId", "tenantType", "tenantName", "createdDateUtc", "updatedDateUtc"}
    assert connections(app, path="/connections").json() == [row]
    assert connections(app, "?authEventId=" + row["authEventId"]).json() == [row]
    assert connections(app, "?authEventId=other").json() == []


def test_deleting_takes_the_connections_id_and_locks_the_app_out(app: App) -> None:
    headers = {"Authorization": f"Bearer {app.token}"}
    by_tenant = app.sandbox.handle(Request.build("DELETE", f"/Connections/{app.tenant}", headers))
    assert by_tenant.status == 403
    key = connections(app).json()[0]["id"]
    assert app.sandbox.handle(Request.build("DELETE", f"/Connections/{key}", headers)).status == 204
    refused = app.call("GET", "/Organisation")
    assert refused.status == 403
    assert refused.json()["Detail"] == "AuthenticationUnsuccessful"
    assert connections(app).json() == []


def test_revocation_takes_everything(app: App) -> None:
    token = app.sandbox.credentials()["refresh_token"]
    assert app.post_form("/connect/revocation", token=token).status == 200
    assert app.post_form("/connect/token", grant_type="refresh_token", refresh_token=token).status == 400
    assert app.call("GET", "/Organisation").status == 403


def well_known(sandbox: XeroSandbox, path: str) -> dict[str, Any]:
    return sandbox.handle(Request.build("GET", path)).json()


def test_tokens_are_signed_with_the_key_that_discovery_names(sandbox: XeroSandbox, app: App) -> None:
    found = well_known(sandbox, "/.well-known/openid-configuration")
    assert found["issuer"] == "https://identity.xero.com"
    (key,) = well_known(sandbox, found["jwks_uri"])["keys"]
    public = jwt.PyJWK(key).key
    answer = press(sandbox, "approve", scope="openid profile email offline_access", nonce="n-1")
    tokens = exchange(app, answer["code"]).json()
    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    who = jwt.decode(
        tokens["id_token"], public, ["RS256"], audience=sandbox.app.client_id, issuer=found["issuer"], options=options
    )
    assert (who["email"], who["given_name"], who["nonce"]) == ("marion@harbourvale.example", "Marion", "n-1")
    half = hashlib.sha256(tokens["access_token"].encode()).digest()[:16]
    assert who["at_hash"] == base64.urlsafe_b64encode(half).decode().rstrip("=")
    access = jwt.decode(
        tokens["access_token"], public, ["RS256"], audience=f"{found['issuer']}/resources", options=options
    )
    assert access["exp"] - access["nbf"] == 1800
    assert jwt.get_unverified_header(tokens["access_token"])["kid"] == key["kid"]
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(tokens["id_token"][:-6] + "AAAAAA", public, ["RS256"], options={"verify_aud": False})


def test_the_token_says_who_its_bearer_is_where_openid_was_asked(sandbox: XeroSandbox, app: App) -> None:
    def told(token: str) -> Response:
        return sandbox.handle(Request.build("GET", "/connect/userinfo", {"Authorization": f"Bearer {token}"}))

    assert told(app.token).json()["email"] == "marion@harbourvale.example"
    with sandbox.store.transaction():
        plain = sandbox.identity.mint_access(sandbox.identity.user()["UserID"], ["accounting.contacts"], "event")
    assert told(plain).status == 401
    assert told("x").status == 401


@pytest.mark.parametrize("wrong", [{"code_challenge_method": "plain"}, {}])
def test_only_s256_proves_a_code(sandbox: XeroSandbox, wrong: dict[str, str]) -> None:
    assert "error=invalid_request" in ask(sandbox, code_challenge="x", **wrong).headers["Location"]


def test_a_wrong_or_missing_verifier_gets_no_token(sandbox: XeroSandbox, app: App) -> None:
    for verifier in ({"code_verifier": "wrong"}, {}):
        code = press(sandbox, "approve", code_challenge="x" * 43, code_challenge_method="S256")["code"]
        assert exchange(app, code, **verifier).body == b'{"error":"invalid_grant"}'
