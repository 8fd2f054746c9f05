"""What stands before the API: tokens, connections, scopes, rate limits and idempotency keys."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger_sync.sandbox.xero import wire
from ledger_sync.sandbox.xero.books import Ids
from ledger_sync.sandbox.xero.errors import Refused, problem, titled, validation
from ledger_sync.sandbox.xero.settings import AppRegistration, Limits, Switches
from ledger_sync.sandbox.xero.wire import Row
from practice.core import clock
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.store import Store

#: An Idempotency-Key is kept about six minutes (Xero docs, Idempotent requests).
KEY_LIFE = timedelta(minutes=6)
#: Broad scopes of older apps cover what the narrow ones cover (Xero docs, Scopes).
BROAD = {
    "accounting.invoices": "accounting.transactions",
    "accounting.payments": "accounting.transactions",
    "accounting.banktransactions": "accounting.transactions",
}


@dataclass(frozen=True)
class Caller:
    """Who calls, for which organisation, with which scopes."""

    client_id: str
    user: str
    scopes: frozenset[str]

    def may(self, scope: str, method: str) -> bool:
        """Whether the scopes allow a method on what a scope covers; ``.read`` is enough to read."""
        names = {scope, BROAD.get(scope, scope)}
        if method == "GET":
            names |= {f"{name}.read" for name in names}
        return bool(names & self.scopes)


class Gate:
    """The checks before each call, in Xero's order as far as it is known: token, tenant, scope, limits."""

    def __init__(self, store: Store, ids: Ids, limits: Limits, app: AppRegistration, switches: Switches) -> None:
        self.store = store
        self.ids = ids
        self.limits = limits
        self.app = app
        self.switches = switches
        self._spent: dict[tuple[str, str], tuple[int, int]] = {}

    # Tokens and tenants

    def caller(self, request: Request) -> Caller:
        """Who holds the bearer token. Raises Refused with 401; the text for an expired token is unsure."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        row = self.store.get("_access", token) if kind.lower() == "bearer" else None
        if row is None:
            raise self.unauthorised("AuthenticationUnsuccessful")
        if row["expires"] <= wire.stamp(clock.now()):
            raise self.expired(row["expires"])
        return Caller(row["client"], row["user"], frozenset(row["scopes"]))

    def expired(self, at: str) -> Refused:
        """401 for a token whose 30 minutes are over."""
        shown = datetime.fromisoformat(at).strftime("%m/%d/%Y %H:%M:%S")
        return self.unauthorised(f"TokenExpired: token expired at {shown}")

    def unauthorised(self, detail: str, headers: dict[str, str] | None = None) -> Refused:
        """401 in the platform's words."""
        return titled(401, "Unauthorized", detail, self.ids.new(), headers)

    def tenant(self, request: Request, caller: Caller) -> str:
        """The organisation of a call. Raises Refused with 403 when it is missing, unknown or disconnected."""
        tenant = request.headers.get("xero-tenant-id", "").lower()
        for row in self.store.table("_connections").values():
            if row["tenantId"] == tenant and (row["_user"], row["_client"]) == (caller.user, caller.client_id):
                return tenant
        raise self.forbidden()

    def forbidden(self) -> Refused:
        """403 for an organisation that the app is not, or no longer, connected to (reported)."""
        return titled(403, "Forbidden", "AuthenticationUnsuccessful", self.ids.new())

    def check_scope(self, caller: Caller, scope: str, method: str) -> None:
        """Raise Refused with 401 when the token's scopes do not cover a call (body as reported)."""
        if not caller.may(scope, method):
            header = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
            raise self.unauthorised("AuthorizationUnsuccessful", header)

    # Limits

    def spend(self, tenant: str, client_id: str) -> dict[str, str]:
        """Count one call in its fixed windows and return headers telling what is left. Raises Refused with 429."""
        windows = (
            ("minute", tenant, 60, self.limits.minute),
            ("day", tenant, 86_400, self.limits.day),
            ("appminute", client_id, 60, self.limits.app_minute),
        )
        now = clock.now().timestamp()
        left, over = {}, ""
        wait = 0
        for name, key, seconds, most in windows:
            # Each tenant's windows begin at their own moment, not at midnight (Xero docs, API limits).
            position = now + zlib.crc32(f"{name}{key}".encode()) % seconds
            window = int(position // seconds)
            then, count = self._spent.get((name, key), (window, 0))
            count = count if then == window else 0
            left[name] = most - count
            if count >= most and not over:
                over, wait = name, int(seconds - position % seconds) + 1
            self._spent[name, key] = (window, count)
        if over:
            raise self.limited(over, wait if over != "appminute" else None, self._left(left))
        for name, key, _seconds, _most in windows:
            window, count = self._spent[name, key]
            self._spent[name, key] = (window, count + 1)
        return self._left({name: count - 1 for name, count in left.items()})

    def limited(self, over: str, retry_after: int | None, headers: dict[str, str]) -> Refused:
        """429, with Retry-After only for the minute and the day (Xero docs, API limits).

        An empty body and the names besides minute and day are unsure: switches limit_body and limit_names.
        """
        extra = {"X-Rate-Limit-Problem": str(self.switches.limit_names.get(over, over))}
        if retry_after is not None and over in ("minute", "day"):
            extra["Retry-After"] = str(retry_after)
        return Refused(Response(429, self.switches.limit_body.encode(), {**headers, **extra}))

    @staticmethod
    def _left(left: dict[str, int]) -> dict[str, str]:
        names = {
            "day": "X-DayLimit-Remaining",
            "minute": "X-MinLimit-Remaining",
            "appminute": "X-AppMinLimit-Remaining",
        }
        return {header: str(max(left[name], 0)) for name, header in names.items()}

    # Idempotency

    def replay(self, request: Request, client_id: str) -> Response | None:
        """The first answer to a repeated key. Raises Refused when the key was used with another request.

        Kept per app, not per tenant.
        """
        key = self._key(request)
        if not key:
            return None
        if len(key) > 128:
            raise self._bad_key("Idempotency Key must be at most 128 characters.")
        row = self.store.get("_idempotency", f"{client_id} {key}")
        if row is None or row["until"] <= wire.stamp(clock.now()):
            return None
        if row["print"] != _print(request):
            raise self._bad_key(f"Idempotency Key: {key} is used with a different request.")
        return Response(row["status"], row["body"].encode("latin-1"), dict(row["headers"]))

    def _bad_key(self, message: str) -> Refused:
        """400 for a key that cannot be used; the place of its text is unsure (switch idempotency_in_elements)."""
        if self.switches.idempotency_in_elements:
            return validation([{"ValidationErrors": [{"Message": message}]}])
        return problem(10, "ValidationException", message)

    def remember(self, request: Request, client_id: str, response: Response) -> None:
        """Keep an answer under the request's key for six minutes."""
        key = self._key(request)
        if not key:
            return
        self._forget_old()
        row: Row = {
            "print": _print(request),
            "status": response.status,
            "body": response.body.decode("latin-1"),
            "headers": dict(response.headers),
            "until": wire.stamp(clock.now() + KEY_LIFE),
        }
        self.store.drop("_idempotency", f"{client_id} {key}")
        self.store.put("_idempotency", f"{client_id} {key}", row)

    @staticmethod
    def _key(request: Request) -> str:
        return request.headers.get("idempotency-key", "") if request.method in ("PUT", "POST", "PATCH") else ""

    def _forget_old(self) -> None:
        now = wire.stamp(clock.now())
        old = []
        for key, row in self.store.table("_idempotency").items():
            if row["until"] > now:
                break
            old.append(key)
        for key in old:
            self.store.drop("_idempotency", key)


def _print(request: Request) -> str:
    digest = hashlib.sha256(f"{request.method} {request.path} {sorted(request.query)}\n".encode() + request.body)
    return digest.hexdigest()
