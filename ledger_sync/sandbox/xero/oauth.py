"""Xero's identity service: consent in a browser, tokens, refresh with rotation, revocation, and the connections.

Rules without another source are those of Xero's documents (OAuth 2.0, auth flow) and of its SDKs.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlencode

from django.template.loader import render_to_string

from ledger_sync.sandbox.xero import wire
from ledger_sync.sandbox.xero.books import Ids
from ledger_sync.sandbox.xero.gate import Gate
from ledger_sync.sandbox.xero.settings import AppRegistration, Limits, Switches
from ledger_sync.sandbox.xero.signing import Signer, b64, half_digest
from ledger_sync.sandbox.xero.wire import Row
from practice.core import clock
from practice.core.sandbox.http import Request, Response, is_of_this_machine
from practice.core.sandbox.store import Store

ISSUER = "https://identity.xero.com"
ACCESS_LIFE = timedelta(seconds=1800)
CODE_LIFE = timedelta(minutes=5)
#: A refresh token dies when it was not used for 60 days; a replaced one works for another 30 minutes (Xero docs).
REFRESH_LIFE = timedelta(days=60)
GRACE = timedelta(minutes=30)
IDENTITY_SCOPES = ("openid", "profile", "email", "offline_access")
ACCOUNTING_SCOPES = (
    "accounting.contacts",
    "accounting.invoices",
    "accounting.payments",
    "accounting.banktransactions",
    "accounting.settings",
    "accounting.attachments",
)
OTHER_SCOPES = (
    "accounting.transactions",
    "accounting.manualjournals",
    "accounting.journals.read",
    "accounting.budgets.read",
    "accounting.reports.read",
    "files",
)
KNOWN_SCOPES = frozenset(
    [*IDENTITY_SCOPES, *ACCOUNTING_SCOPES, *OTHER_SCOPES, *(f"{s}.read" for s in (*ACCOUNTING_SCOPES, *OTHER_SCOPES))]
)
DEFAULT_SCOPES = (*IDENTITY_SCOPES, *ACCOUNTING_SCOPES)


class Identity:
    """The authorisation server, for one app and the people who sign in to it."""

    PATHS = (
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/jwks",
        "/identity/connect/authorize",
        "/connect/token",
        "/connect/revocation",
        "/connect/userinfo",
        "/connections",
    )

    def __init__(
        self, store: Store, ids: Ids, app: AppRegistration, switches: Switches, gate: Gate, base_url: str
    ) -> None:
        self.store = store
        self.ids = ids
        self.app = app
        self.switches = switches
        self.gate = gate
        self.base_url = base_url
        self.signer = Signer(store)

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        return self.gate.limits

    # Consent

    def authorise(self, request: Request) -> Response:
        """Show the consent page, or on POST act on the button. A GET changes nothing."""
        query = request.form() if request.method == "POST" else dict(request.query)
        trouble = self._why_not(query)
        if trouble:
            page = render_to_string(
                "ledger_sync/sandbox/xero/refused.html", {"title": "Sorry, something went wrong", "text": trouble}
            )
            return Response.of_html(page, 400)
        error = self._scope_error(query)
        if error:
            return self._back(query, {"error": error})
        if request.method == "GET":
            return Response.of_html(self._page(query))
        if query.get("answer") != "approve":
            return self._back(query, {"error": "access_denied"})
        body = request.body.decode("utf-8", "replace")
        return self._approve(query, parse_qs(body).get("tenant", []))

    def _why_not(self, query: dict[str, str]) -> str:
        """Why nobody can be sent back: an unknown app or an address that is not registered."""
        if query.get("client_id") != self.app.client_id:
            return "unauthorized_client: unknown client_id"
        uri = query.get("redirect_uri", "")
        known = uri in self.app.redirect_uris
        if not self.app.redirect_uris:
            known = self.switches.loopback_redirects and is_of_this_machine(uri)
        return "" if known else f"invalid_request: Invalid redirect_uri {uri}"

    def _scope_error(self, query: dict[str, str]) -> str:
        if query.get("response_type") != "code":
            return "unsupported_response_type"
        if query.get("code_challenge") and _method(query) not in self._methods():
            return "invalid_request"
        scopes = query.get("scope", "").split()
        return "" if scopes and set(scopes) <= KNOWN_SCOPES else "invalid_scope"

    def _methods(self) -> list[str]:
        """The ways of PKCE that are taken; others than S256 are unsure (switch plain_pkce)."""
        return ["plain", "S256"] if self.switches.plain_pkce else ["S256"]

    def _page(self, query: dict[str, str]) -> str:
        tenants = [
            {
                "id": row["OrganisationID"],
                "name": row["Name"],
                "connected": self._connection(row["OrganisationID"]) is not None,
            }
            for row in self.organisations()
        ]
        keep = (
            "client_id",
            "redirect_uri",
            "response_type",
            "scope",
            "state",
            "code_challenge",
            "code_challenge_method",
            "nonce",
        )
        context = {
            "app": self.app.name,
            "user": self.user()["FirstName"] + " " + self.user()["LastName"],
            "tenants": tenants,
            "scopes": [scope for scope in query["scope"].split() if scope.startswith("accounting")],
            "hidden": {name: query[name] for name in keep if name in query},
        }
        return render_to_string("ledger_sync/sandbox/xero/authorise.html", context)

    def organisations(self) -> list[Row]:
        """Every organisation of the signed-in person."""
        keys = list(self.store.table("_tenants"))
        return [self.store.table(f"{key}:Organisations")[key] for key in keys]

    def user(self) -> Row:
        """The person who signs in to connect the app: the subscriber of the first organisation."""
        first = next(iter(self.store.table("_tenants")))
        return next(row for row in self.store.table(f"{first}:Users").values() if row["IsSubscriber"])

    def _approve(self, query: dict[str, str], tenants: list[str]) -> Response:
        known = self.store.table("_tenants")
        chosen = [tenant for tenant in tenants if tenant in known]
        if not chosen:
            return self._back(query, {"error": "access_denied"})
        code = self.ids.text(43)
        row = {
            "redirect_uri": query["redirect_uri"],
            "scopes": query["scope"].split(),
            "tenants": chosen,
            "user": self.user()["UserID"],
            "event": self.ids.new(),
            "expires": wire.stamp(clock.now() + CODE_LIFE),
            "challenge": query.get("code_challenge", ""),
            "method": _method(query),
            "nonce": query.get("nonce", ""),
        }
        with self.store.transaction():
            self.store.put("_codes", code, row)
        return self._back(query, {"code": code, "scope": query["scope"]})

    @staticmethod
    def _back(query: dict[str, str], answer: dict[str, str]) -> Response:
        uri = query["redirect_uri"]
        if query.get("state"):
            answer = {**answer, "state": query["state"]}
        return Response.redirect(uri + ("&" if "?" in uri else "?") + urlencode(answer))

    # Tokens

    def token(self, request: Request) -> Response:
        """Exchange a code or a refresh token. Errors come as compact JSON, byte for byte what the SDK looks for."""
        form = request.form()
        if not self._client_known(request, form):
            return _oauth_error("invalid_client")
        grant = form.get("grant_type")
        with self.store.transaction():
            if grant == "authorization_code":
                return self._from_code(form)
            if grant == "refresh_token":
                return self._from_refresh(form)
        return _oauth_error("unauthorized_client" if grant == "client_credentials" else "unsupported_grant_type")

    def _client_known(self, request: Request, form: dict[str, str]) -> bool:
        kind, _, value = request.headers.get("authorization", "").partition(" ")
        pair = (form.get("client_id", ""), form.get("client_secret", ""))
        if kind.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(value).decode().partition(":")
            except ValueError:
                return False
            pair = (name, secret)
        return pair == (self.app.client_id, self.app.client_secret)

    def _from_code(self, form: dict[str, str]) -> Response:
        code = form.get("code", "")
        row = self.store.get("_codes", code)
        if row is None:
            return _oauth_error("invalid_grant")
        self.store.drop("_codes", code)  # single use, also when the rest does not fit
        late = row["expires"] <= wire.stamp(clock.now())
        if late or row["redirect_uri"] != form.get("redirect_uri") or not _proves(row, form.get("code_verifier", "")):
            return _oauth_error("invalid_grant")
        new = [tenant for tenant in row["tenants"] if self._connection(tenant) is None]
        if len(self.store.table("_connections")) + len(new) > self.limits.connections:
            return _oauth_error("access_denied")
        for tenant in row["tenants"]:
            self.connect(tenant, row["event"])
        return self._issue(row["user"], row["scopes"], row["event"], nonce=row["nonce"])

    def _from_refresh(self, form: dict[str, str]) -> Response:
        token = form.get("refresh_token", "")
        row = self.store.get("_refresh", token)
        now = wire.stamp(clock.now())
        if row is None or row["expires"] <= now or (row["grace"] and row["grace"] <= now):
            return _oauth_error("invalid_grant")
        if row["grace"] and self.switches.replaced_use_revokes:
            rows = self.store.table("_refresh").items()
            for other in [key for key, kept in rows if kept["event"] == row["event"] and key != token]:
                self.store.drop("_refresh", other)
        if not row["grace"]:
            self.store.put("_refresh", token, {**row, "grace": wire.stamp(clock.now() + GRACE)})
        return self._issue(row["user"], row["scopes"], row["event"])

    def _issue(self, user: str, scopes: list[str], event: str, *, nonce: str = "") -> Response:
        access = self.mint_access(user, scopes, event)
        body: Row = {"access_token": access, "expires_in": int(ACCESS_LIFE.total_seconds()), "token_type": "Bearer"}
        if "openid" in scopes:
            body = {"id_token": self.signer.jwt(self._identity_claims(user, scopes, access, nonce), "JWT"), **body}
        if "offline_access" in scopes:
            body["refresh_token"] = self.mint_refresh(user, scopes, event)
        body["scope"] = " ".join(scopes)
        return Response.of_json(body, headers={"Cache-Control": "no-store"})

    def _identity_claims(self, user: str, scopes: list[str], access: str, nonce: str) -> Row:
        """Who signed in, for the app alone: the claims that Xero's documents show (auth flow, id token)."""
        now = int(clock.now().timestamp())
        claims: Row = {
            "nbf": now,
            "exp": now + 300,
            "iss": ISSUER,
            "aud": self.app.client_id,
            "iat": now,
            "at_hash": half_digest(access),
            "auth_time": now,
            **self._person(user, scopes),
        }
        return {**claims, "nonce": nonce} if nonce else claims

    def _person(self, user: str, scopes: list[str]) -> Row:
        row = self.user()
        claims: Row = {"sub": _subject(user), "xero_userid": user}
        if "profile" in scopes:
            claims |= {"preferred_username": row["EmailAddress"]}
            claims |= {"given_name": row["FirstName"], "family_name": row["LastName"]}
        return claims | ({"email": row["EmailAddress"]} if "email" in scopes else {})

    def userinfo(self, request: Request) -> Response:
        """Who the bearer of an access token is; needs ``openid``. Named in Xero's discovery document.

        Its claims are unsure: switch userinfo_bare.
        """
        caller = self.gate.caller(request)
        if "openid" not in caller.scopes:
            raise self.gate.unauthorised("AuthorizationUnsuccessful")
        claims = self._person(caller.user, sorted(caller.scopes))
        return Response.of_json({"sub": claims["sub"]} if self.switches.userinfo_bare else claims)

    # Discovery

    def discovery(self) -> Response:
        """The discovery document of OpenID Connect; the issuer is Xero's own, the addresses are the sandbox's.

        Xero's SDK for Node begins with it (xero-node, XeroClient.initialize).
        """
        body = {
            "issuer": ISSUER,
            "jwks_uri": f"{self.base_url}/.well-known/openid-configuration/jwks",
            "authorization_endpoint": f"{self.base_url}/identity/connect/authorize",
            "token_endpoint": f"{self.base_url}/connect/token",
            "userinfo_endpoint": f"{self.base_url}/connect/userinfo",
            "revocation_endpoint": f"{self.base_url}/connect/revocation",
            "scopes_supported": sorted(KNOWN_SCOPES),
            "claims_supported": ["sub", "xero_userid", "preferred_username", "given_name", "family_name", "email"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["public"],
            "code_challenge_methods_supported": self._methods(),
        }
        return Response.of_json(body)

    def keys(self) -> Response:
        """The keys that tokens are signed with (JWKS)."""
        return Response.of_json({"keys": [self.signer.public()]})

    def mint_access(self, user: str, scopes: list[str], event: str) -> str:
        """A new access token, good for 1,800 seconds."""
        now = clock.now()
        for old in [k for k, r in self.store.table("_access").items() if r["expires"] < wire.stamp(now - GRACE)]:
            self.store.drop("_access", old)
        claims = {
            "nbf": int(now.timestamp()),
            "exp": int((now + ACCESS_LIFE).timestamp()),
            "iss": ISSUER,
            "aud": f"{ISSUER}/resources",
            "client_id": self.app.client_id,
            "sub": _subject(user),
            "xero_userid": user,
            "jti": self.ids.text(32, "0123456789ABCDEF"),
            "authentication_event_id": event,
            "scope": scopes,
        }
        token = self.signer.jwt(claims, "at+jwt")
        row = {"user": user, "client": self.app.client_id, "scopes": scopes, "expires": wire.stamp(now + ACCESS_LIFE)}
        self.store.put("_access", token, row)
        return token

    def mint_refresh(self, user: str, scopes: list[str], event: str) -> str:
        """A new refresh token."""
        token = self.ids.text(43)
        expires = wire.stamp(clock.now() + REFRESH_LIFE)
        self.store.put(
            "_refresh", token, {"user": user, "scopes": scopes, "event": event, "expires": expires, "grace": ""}
        )
        return token

    def revoke(self, request: Request) -> Response:
        """Revoke a refresh token; with it go all of the person's connections to the app (reported)."""
        form = request.form()
        if not self._client_known(request, form):
            return _oauth_error("invalid_client")
        row = self.store.get("_refresh", form.get("token", ""))
        if row is not None:
            with self.store.transaction():
                self._drop_where("_refresh", "user", row["user"])
                self._drop_where("_connections", "_user", row["user"])
        return Response(200)

    def _drop_where(self, kind: str, field: str, value: str) -> None:
        for key in [key for key, row in self.store.table(kind).items() if row[field] == value]:
            self.store.drop(kind, key)

    # Connections

    def _connection(self, tenant: str) -> Row | None:
        rows = self.store.table("_connections").values()
        return next((row for row in rows if row["tenantId"] == tenant), None)

    def connect(self, tenant: str, event: str) -> Row:
        """Connect an organisation; one that is connected again keeps its first authEventId (unsure)."""
        now = wire.stamp(clock.now()) + "0000"
        existing = self._connection(tenant)
        if existing is not None:
            kept = existing["authEventId"] if self.switches.keeps_first_event else event
            return self.store.put(
                "_connections", existing["id"], {**existing, "authEventId": kept, "updatedDateUtc": now}
            )
        row: Row = {
            "id": self.ids.new(),
            "authEventId": event,
            "tenantId": tenant,
            "tenantType": "ORGANISATION",
            "tenantName": self.store.table(f"{tenant}:Organisations")[tenant]["Name"],
            "createdDateUtc": now,
            "updatedDateUtc": now,
            "_user": self.user()["UserID"],
            "_client": self.app.client_id,
        }
        return self.store.put("_connections", row["id"], row)

    def disconnect(self, tenant: str) -> None:
        """Remove the connection of one organisation."""
        self._drop_where("_connections", "tenantId", tenant)

    def connections(self, request: Request) -> Response:
        """GET /Connections: a bare list, without the API's envelope or limit headers (recorded)."""
        caller = self.gate.caller(request)
        event = request.arg("authEventId")
        rows = [
            {key: value for key, value in row.items() if key[0] != "_"}
            for row in self.store.table("_connections").values()
            if row["_user"] == caller.user and event in ("", row["authEventId"])
        ]
        return Response.of_json(rows)

    def delete_connection(self, request: Request, key: str) -> Response:
        """DELETE /Connections/{id}: the connection's id, not the tenant's; any other is a 403 (reported)."""
        caller = self.gate.caller(request)
        row = self.store.get("_connections", key.lower())
        if row is None or row["_user"] != caller.user:
            raise self.gate.forbidden()
        with self.store.transaction():
            self.store.drop("_connections", key.lower())
        return Response(204)

    def credentials(self) -> tuple[str, str]:
        """A refresh token of the subscriber that works now, and the first organisation, connected if it was not."""
        user = self.user()["UserID"]
        tenant = next(iter(self.store.table("_tenants")))
        with self.store.transaction():
            event = self.ids.new()
            if self._connection(tenant) is None:
                self.connect(tenant, event)
            return self.mint_refresh(user, list(DEFAULT_SCOPES), event), tenant


def _subject(user: str) -> str:
    return hashlib.md5(user.encode(), usedforsecurity=False).hexdigest()


def _method(query: dict[str, str]) -> str:
    """How a code is to be proved; plain when nothing is said (RFC 7636, 4.3)."""
    return query.get("code_challenge_method") or "plain"


def _proves(row: Row, verifier: str) -> bool:
    """PKCE, where the app asked for it."""
    plain = row.get("method") == "plain"
    shown = verifier if plain else b64(hashlib.sha256(verifier.encode()).digest())
    return not row["challenge"] or shown == row["challenge"]


def _oauth_error(error: str) -> Response:
    return Response(
        400, json.dumps({"error": error}, separators=(",", ":")).encode(), {"Content-Type": "application/json"}
    )
