"""Intuit's sign-in: discovery, consent for one company, tokens, refresh with rotation, revocation, user details."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.template.loader import render_to_string

from ledger_sync.sandbox.quickbooks import errors
from ledger_sync.sandbox.quickbooks.books import Ids
from ledger_sync.sandbox.quickbooks.errors import Refused
from ledger_sync.sandbox.quickbooks.settings import AppRegistration, Switches
from ledger_sync.sandbox.quickbooks.wire import Row
from practice.core import clock
from practice.core.sandbox.http import Request, Response, is_of_this_machine
from practice.core.sandbox.store import Store

FOLDER = "ledger_sync/sandbox/quickbooks"
ACCESS_LIFE = timedelta(hours=1)
CODE_LIFE = timedelta(minutes=10)
#: 8,726,400 seconds: what Intuit answers; its documents say 100 days.
REFRESH_LIFE = timedelta(seconds=8_726_400)
HARD_LIFE = timedelta(days=5 * 365)
ROTATION = timedelta(hours=24)
SCOPES = frozenset("com.intuit.quickbooks.accounting openid profile email phone address".split())
#: Path → methods and the method of :class:`Identity` that answers.
ROUTES: dict[str, tuple[tuple[str, ...], str]] = {
    "/.well-known/openid": (("GET",), "document"),
    "/op/v1/jwks": (("GET",), "keys"),
    "/connect/oauth2": (("GET", "POST"), "authorise"),
    "/oauth2/v1/tokens/bearer": (("POST",), "token"),
    "/v2/oauth2/tokens/revoke": (("POST",), "revoke"),
    "/v1/openid_connect/userinfo": (("GET", "POST"), "user_info"),
}
_KEEP = ("client_id", "redirect_uri", "response_type", "scope", "state")


class Identity:
    """The authorisation server, for one app and the person who signs in."""

    def __init__(self, store: Store, ids: Ids, app: AppRegistration, switches: Switches, base_url: str) -> None:
        self.store = store
        self.ids = ids
        self.app = app
        self.switches = switches
        self.base_url = base_url

    def answer(self, request: Request) -> Response:
        """Answer a request to any of the sign-in addresses. Raises Refused with 404 for others."""
        path = request.path.lower().rstrip("/")
        if path.startswith("/.well-known/openid"):
            path = "/.well-known/openid"
        methods, name = ROUTES.get(path, ((), ""))
        if request.method not in methods:
            raise Refused(Response(404, b"Not Found", {"Content-Type": "text/plain"}))
        handler: Callable[[Request], Response] = getattr(self, name)
        return handler(request)

    def document(self, request: Request) -> Response:
        """The discovery document."""
        return Response.of_json(self.discovery())

    def keys(self, request: Request) -> Response:
        """The keys of id tokens; none are signed here, as the app asks for no sign-in."""
        return Response.of_json({"keys": []})

    def discovery(self) -> Row:
        """Where everything is; the official client reads this first."""
        return {
            "issuer": f"{self.base_url}/op/v1",
            "authorization_endpoint": f"{self.base_url}/connect/oauth2",
            "token_endpoint": f"{self.base_url}/oauth2/v1/tokens/bearer",
            "revocation_endpoint": f"{self.base_url}/v2/oauth2/tokens/revoke",
            "userinfo_endpoint": f"{self.base_url}/v1/openid_connect/userinfo",
            "jwks_uri": f"{self.base_url}/op/v1/jwks",
            "response_types_supported": ["code"],
            "scopes_supported": sorted(SCOPES),
        }

    # Consent

    def authorise(self, request: Request) -> Response:
        """Show the consent page, or on POST act on the button. A GET changes nothing."""
        query = request.form() if request.method == "POST" else dict(request.query)
        trouble = self._why_not(query)
        if trouble:
            context = {"title": "Sorry, but something went wrong", "text": trouble}
            return Response.of_html(render_to_string(f"{FOLDER}/refused.html", context), 400)
        scopes = query.get("scope", "").split()
        if query.get("response_type") != "code" or not scopes or not set(scopes) <= SCOPES:
            return self._back(query, {"error": "invalid_scope"})
        if request.method != "POST":
            return Response.of_html(self._page(query))
        realm = query.get("realm", "")
        if query.get("answer") != "connect" or realm not in self.store.table("_tenants"):
            return self._back(query, {"error": "access_denied"})
        code = "AB11" + self.ids.text(44)
        row = {"redirect_uri": query["redirect_uri"], "realm": realm, "expires": _until(CODE_LIFE)}
        with self.store.transaction():
            self.store.put("_codes", code, row)
        return self._back(query, {"code": code, "realmId": realm})

    def _why_not(self, query: dict[str, str]) -> str:
        """Why nobody can be sent back: an unknown app or an address that is not registered."""
        if query.get("client_id") != self.app.client_id:
            return "Undefined didn't connect: the client_id query parameter is unknown."
        uri = query.get("redirect_uri", "")
        if self.app.redirect_uris:
            known = uri in self.app.redirect_uris
        else:
            known = self.switches.loopback_redirects and is_of_this_machine(uri)
        return "" if known else "The redirect_uri query parameter value is invalid."

    def _page(self, query: dict[str, str]) -> str:
        companies = [
            {"id": realm, "name": self.store.table(f"{realm}:CompanyInfo")["1"]["CompanyName"],
             "connected": self.store.get("_connections", realm) is not None}
            for realm in self.store.table("_tenants")
        ]  # fmt: skip
        hidden = {name: query[name] for name in _KEEP if name in query}
        context = {"app": self.app.name, "companies": companies, "hidden": hidden}
        return render_to_string(f"{FOLDER}/authorise.html", context)

    @staticmethod
    def _back(query: dict[str, str], answer: dict[str, str]) -> Response:
        if query.get("state"):
            answer = {**answer, "state": query["state"]}
        uri = query["redirect_uri"]
        return Response.redirect(uri + ("&" if "?" in uri else "?") + urlencode(answer))

    # Tokens

    def token(self, request: Request) -> Response:
        """Exchange a code or a refresh token."""
        if not self._client_known(request):
            return Response.of_json({"error": "invalid_client"}, 401)
        form = request.form()
        hard = request.headers.get("x-include-refresh-token-hard-expires-in", "").lower() == "true"
        with self.store.transaction():
            if form.get("grant_type") == "authorization_code":
                return self._from_code(form, hard=hard)
            if form.get("grant_type") == "refresh_token":
                return self._from_refresh(form.get("refresh_token", ""), hard=hard)
        return Response.of_json({"error": "unsupported_grant_type"}, 400)

    def _client_known(self, request: Request) -> bool:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            name, _, secret = base64.b64decode(value.encode("latin-1", "replace")).decode().partition(":")
        except ValueError:
            return False
        return (name, secret) == (self.app.client_id, self.app.client_secret)

    def _from_code(self, form: dict[str, str], *, hard: bool) -> Response:
        row = self.store.get("_codes", form.get("code", ""))
        if row is None:
            return _invalid_grant("Invalid authorization code")
        self.store.drop("_codes", form["code"])  # single use, also when the rest does not fit
        if _past(row["expires"]) or row["redirect_uri"] != form.get("redirect_uri"):
            return _invalid_grant("Invalid authorization code")
        self.connect(row["realm"])
        return self._issue(row["realm"], self.mint_refresh(row["realm"]), hard=hard)

    def _from_refresh(self, token: str, *, hard: bool) -> Response:
        row = self.store.get("_refresh", token)
        if row is None:
            return _invalid_grant("Incorrect or invalid refresh token")
        if _past(row["expires"]) or (row["replaced"] and _past(row["replaced"])):
            return _invalid_grant("Token has been expired or revoked")
        if self.store.get("_connections", row["realm"]) is None:
            return _invalid_grant("Token has been expired or revoked")
        due = clock.now() - datetime.fromisoformat(row["made"]) >= ROTATION
        if not (self.switches.rotate_always or due):
            self.store.put("_refresh", token, {**row, "expires": _until(REFRESH_LIFE)})
            return self._issue(row["realm"], token, hard=hard)
        if not row["replaced"]:
            overlap = timedelta(seconds=self.switches.refresh_overlap)
            self.store.put("_refresh", token, {**row, "replaced": _until(overlap)})
        return self._issue(row["realm"], self.mint_refresh(row["realm"]), hard=hard)

    def _issue(self, realm: str, refresh: str, *, hard: bool) -> Response:
        now = clock.now().isoformat()
        for old in [key for key, row in self.store.table("_access").items() if row["expires"] < now]:
            self.store.drop("_access", old)
        access = "eyJlbmMiOiJBMTI4Q0JDLUhTMjU2IiwiYWxnIjoiZGlyIn0.." + self.ids.text(64)
        self.store.put("_access", access, {"realm": realm, "expires": _until(ACCESS_LIFE)})
        body: Row = {
            "token_type": "bearer", "access_token": access, "refresh_token": refresh,
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "x_refresh_token_expires_in": int(REFRESH_LIFE.total_seconds()),
        }  # fmt: skip
        if hard:
            body["x_refresh_token_hard_expires_in"] = int(HARD_LIFE.total_seconds())
        return Response.of_json(body, headers={"Cache-Control": "no-store"})

    def mint_refresh(self, realm: str) -> str:
        """A new refresh token for a company."""
        token = "AB11" + self.ids.text(46)
        row = {"realm": realm, "made": clock.now().isoformat(), "expires": _until(REFRESH_LIFE), "replaced": ""}
        self.store.put("_refresh", token, row)
        return token

    def revoke(self, request: Request) -> Response:
        """Revoke a token; with it goes the app's access to the company."""
        if not self._client_known(request):
            return Response.of_json({"error": "invalid_client"}, 401)
        try:
            token = str(request.json().get("token", ""))
        except (ValueError, AttributeError):
            token = request.form().get("token", "")  # as the Node library sends it
        row = self.store.get("_refresh", token) or self.store.get("_access", token)
        if row is None:
            return Response.of_json({"error": "invalid_request"}, 400)
        self.disconnect(row["realm"])
        return Response(200)

    def user_info(self, request: Request) -> Response:
        """Who signed in."""
        row = self.store.get("_access", request.headers.get("authorization", "").partition(" ")[2])
        if row is None or _past(row["expires"]):
            return errors.unauthorised()
        person = {"sub": "5b0a3a9e-6f40-4f3c-9d35-1f6f4c1f7a55", "givenName": "Dana", "familyName": "Whitfield"}
        return Response.of_json({**person, "email": "dana@larkincpa.example", "emailVerified": True})

    # Connections

    def connect(self, realm: str) -> None:
        """Let the app use a company."""
        self.store.put("_connections", realm, {"realm": realm, "since": clock.now().isoformat()})

    def disconnect(self, realm: str) -> None:
        """Take the app's access to a company away; every token of it is dead."""
        with self.store.transaction():
            self.store.drop("_connections", realm)
            for kind in ("_access", "_refresh"):
                for key in [key for key, row in self.store.table(kind).items() if row["realm"] == realm]:
                    self.store.drop(kind, key)

    def credentials(self) -> tuple[str, str]:
        """A refresh token that works now, and the first company, connected if it was not."""
        realm = next(iter(self.store.table("_tenants")))
        with self.store.transaction():
            if self.store.get("_connections", realm) is None:
                self.connect(realm)
            return self.mint_refresh(realm), realm


def _until(life: timedelta) -> str:
    return (clock.now() + life).isoformat()


def _past(moment: str) -> bool:
    return datetime.fromisoformat(moment) <= clock.now()


def _invalid_grant(words: str) -> Response:
    return Response.of_json({"error": "invalid_grant", "error_description": words}, 400)
