"""Stripe's front door: keys that went bad, limits, requests in each other's way, and bad days in Stripe's own words."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from billing.sandbox.stripe.wire import Refused, Row
from practice.core import clock
from practice.core.sandbox.faults import Fault
from practice.core.sandbox.http import Request, Response

_TOO_MANY = (
    "Testmode request rate limit exceeded, the rate limits in testmode are lower than livemode. You can learn more "
    "about rate limits here https://stripe.com/docs/rate-limits."
)
_LOCKED = (
    "This object cannot be accessed right now because another API request or Stripe process is currently accessing "
    "it. If you see this error intermittently, retry the request. If you see this error frequently and are making "
    "multiple concurrent requests to a single object, make your requests serially or at a lower rate."
)
_IN_USE = (
    "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
    "twice, and the other request is still going through): {key}. Please try again later."
)


def worded(fault: Fault, account: Row | None, key: str = "") -> Response:
    """The answer of a fault that answers something (docs.stripe.com/error-handling, docs.stripe.com/rate-limits).

    ``detail`` tells kinds apart: rate_limited:lock_timeout and :key_in_use, unauthorised:expired and :account.
    """
    if fault.kind == "unavailable_html":
        response = Response.of_html("<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>", 503)
    elif fault.kind == "unauthorised":
        response = _unauthorised(fault.detail, account).answer()
    elif fault.kind == "rate_limited":
        response = _limited(fault.detail, key).answer()
    else:
        response = Refused("An unknown error occurred.", status=500, type="api_error").answer()
    if fault.retry_after is not None:
        response.headers["Retry-After"] = str(fault.retry_after)
    return response


def _unauthorised(detail: str, account: Row | None) -> Refused:
    if detail == "expired":  # quoted in stripe-cli's and stripe-ios' tests
        return Refused("Expired API Key provided: sk_test_************gone", status=401, code="api_key_expired")
    if detail == "account":  # quoted in stripe-java's tests
        return no_access("sk_test_************gone", account["id"] if account else "acct_gone")
    return Refused("Invalid API Key provided: sk_test_************gone", status=401)


def no_access(key: str, account: str) -> Refused:
    """The refusal of a key that asks for another account by ``Stripe-Account`` (quoted in stripe-java's tests)."""
    return Refused(
        f"The provided key '{key}' does not have access to account '{account}' (or that account does not exist). "
        "Application access may have been revoked.",
        status=403,
        code="account_invalid",
    )


def _limited(detail: str, key: str) -> Refused:
    if detail == "lock_timeout":  # quoted in github.com/stripe/stripe-node/issues/2056
        return Refused(_LOCKED, status=429, code="lock_timeout")
    if detail == "key_in_use":  # its type is unsure: the SDKs go by the status
        return Refused(_IN_USE.format(key=key), status=409, code="idempotency_key_in_use")
    return Refused(_TOO_MANY, status=429, code="rate_limit")


def should_retry(response: Response) -> str:
    """``Stripe-Should-Retry``: conflicts and locks are worth another try at once, a rate limit is not.

    docs.stripe.com/rate-limits, "Object lock timeouts"; stripe-python ``_http_client._should_retry``.
    """
    if response.status == 409 or b'"lock_timeout"' in response.body:
        return "true"
    return "false" if response.status == 429 else ""


class Gate:
    """Who is inside: keys of requests still being worked, and calls of this very second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working: set[tuple[str, str]] = set()
        self._calls: dict[tuple[str, int], int] = {}

    @contextmanager
    def hold(self, request: Request) -> Iterator[bool]:
        """Whether no other request with the same idempotency key is being worked."""
        name = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
        mine = (request.headers.get("authorization", ""), name)
        with self._lock:
            free = mine not in self._working
            if name and free:
                self._working.add(mine)
        try:
            yield free
        finally:
            if name and free:
                with self._lock:
                    self._working.discard(mine)

    def count(self, account: Row, most: int) -> None:
        """Count a call. Raises Refused beyond the calls a second the account's settings allow; 0 is no limit."""
        if not most:
            return
        now = (account["id"], int(clock.now().timestamp()))
        with self._lock:
            calls = self._calls.get(now, 0) + 1
            self._calls = {now: calls, **{k: n for k, n in self._calls.items() if k[1] == now[1] and k != now}}
        if calls > most:
            raise Refused(_TOO_MANY, status=429, code="rate_limit", early=True)


def in_use(request: Request) -> Response:
    """The answer to a second request with a key that is still at work."""
    return _limited("key_in_use", request.headers.get("idempotency-key", "")).answer()
