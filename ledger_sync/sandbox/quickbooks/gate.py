"""What stands before the API: tokens, companies, rate limits and request ids."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from ledger_sync.sandbox.quickbooks import errors, wire
from ledger_sync.sandbox.quickbooks.errors import Invalid, Problem, Refused
from ledger_sync.sandbox.quickbooks.settings import Limits, Switches
from ledger_sync.sandbox.quickbooks.wire import Row
from practice.core import clock
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.store import Store


class Gate:
    """The checks before each call: token, company, limits, request id."""

    def __init__(self, store: Store, limits: Limits, switches: Switches) -> None:
        self.store = store
        self.limits = limits
        self.switches = switches
        self._spent: dict[str, dict[int, int]] = {}

    def check(self, request: Request, realm: str) -> None:
        """Raise Refused with 401 for a token that is no good, and with 403 for another company's."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        row = self.store.get("_access", token) if kind.lower() == "bearer" else None
        if row is None or row["expires"] <= clock.now().isoformat():
            raise Refused(errors.unauthorised())
        if row["realm"] != realm or realm not in self.store.table("_tenants"):
            raise Refused(errors.forbidden())
        if self.store.get("_connections", realm) is None:
            raise Refused(errors.unauthorised())

    def spend(self, realm: str, kind: str) -> None:
        """Count one call in its windows. Raises Refused with 429 when one of them is full.

        500 a minute and company, 800 a minute with what an app asks of Intuit elsewhere, 10 a second (Intuit docs,
        Limits and throttles); reports had 200 a minute of their own in its older words (QuickBooks-V3-PHP-SDK#54).
        Whether a window begins with the clock's minute is unsure.
        """
        windows = [
            (f"{realm} minute", 60, self.limits.minute),
            (f"{realm} minute app", 60, self.limits.minute_app),
            (f"{realm} second", 1, self.limits.second),
        ]
        if kind == "reports":
            windows.append((f"{realm} reports", 60, self.limits.reports_minute))
        if kind == "batch":
            windows.append((f"{realm} batch app", 60, self.limits.batch_minute))
            windows.append((f"{realm} batch realm", 60, self.limits.batch_minute_realm))
        now = int(clock.now().timestamp())
        calls = {name: self._calls(name, seconds, now) for name, seconds, _ in windows}
        if any(sum(calls[name].values()) >= most for name, _, most in windows):
            raise Refused(self.throttled(None))
        for name, _, _ in windows:
            self._spent[name] = {**calls[name], now: calls[name].get(now, 0) + 1}

    def _calls(self, name: str, seconds: int, now: int) -> dict[int, int]:
        """How many calls were made in this window so far, by the second."""
        start = now - now % seconds if self.switches.fixed_windows else now - seconds + 1
        return {then: count for then, count in self._spent.get(name, {}).items() if start <= then <= now}

    def throttled(self, retry_after: int | None) -> Response:
        """429 as the switches want it."""
        wait = 60 if retry_after is None and self.switches.retry_after else retry_after
        return errors.throttled(form=self.switches.throttle_form, retry_after=wait)

    # Request ids (Intuit, "Idempotent requests", 2015)

    def replay(self, request: Request, realm: str) -> Response | None:
        """The first answer to a repeated requestid. Raises Invalid for one that is too long."""
        key = request.arg("requestid")
        if not key or request.method != "POST":
            return None
        if len(key) > (36 if request.path.lower().endswith("/batch") else 50):
            raise Invalid(Problem("2130", "Invalid Request Id Format", "The requestid is too long"))
        row = self.store.get("_requests", f"{realm} {key}")
        if row is None or row["until"] <= clock.now().isoformat():
            return None
        if row["print"] != _print(request) and self.switches.request_id_strict:
            raise Invalid(Problem("600", "Duplicate Request ID", "This requestid was used for another request"))
        return Response(row["status"], row["body"].encode(), dict(row["headers"]))

    def remember(self, request: Request, realm: str, response: Response) -> None:
        """Keep a good answer under the request's id; that faults are not kept is unsure."""
        key = request.arg("requestid")
        fault = response.status != 200 or b'"Fault":' in response.body[:10]
        if not key or request.method != "POST" or (fault and not self.switches.request_id_faults):
            return
        until = clock.now() + timedelta(seconds=self.switches.request_id_seconds)
        row: Row = {
            "print": _print(request), "status": response.status, "body": response.body.decode(),
            "headers": dict(response.headers), "until": until.isoformat(),
        }  # fmt: skip
        self._forget_old()
        self.store.drop("_requests", f"{realm} {key}")
        self.store.put("_requests", f"{realm} {key}", row)

    def _forget_old(self) -> None:
        now = clock.now().isoformat()
        old = []
        for key, row in self.store.table("_requests").items():
            if row["until"] > now:
                break
            old.append(key)
        for key in old:
            self.store.drop("_requests", key)


def _print(request: Request) -> str:
    """What makes two requests the same: address, arguments and body."""
    return hashlib.sha256(f"{request.path} {sorted(request.query)}\n".encode() + request.body).hexdigest()


def wrap(body: Row) -> Response:
    """A good answer, with its time."""
    text = wire.encode({**body, "time": wire.answered(clock.now())})
    return Response(200, text.encode(), {"Content-Type": errors.JSON, "QBO-Version": "1984.170"})
