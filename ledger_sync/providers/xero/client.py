"""The transport: one SDK client per use, its own token, no silent retries, a timeout on every call.

The SDK shares one configuration object between all clients of a process and would mix up two tenants' tokens, so the
token object is replaced on each client (xero-python issue 99). Its default urllib3 retries would send a PUT again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import urllib3
from django.conf import settings
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token
from xero_python.exceptions.http_status_exceptions import HTTPStatusException

from ledger_sync.limits.budgets import Meter
from ledger_sync.ports import Answer, Disconnected, OutcomeUnknown, Rejected, TryLater
from ledger_sync.providers.xero.refusals import code_of
from practice.core import network

#: Seconds to connect and to read. Whole numbers: the SDK silently ignores others.
TIMEOUT = (5, 60)
API = "/api.xro/2.0"


def base() -> str:
    """Where Xero's accounting API lives: the real host, or a sandbox."""
    return settings.XERO_BASE or "https://api.xero.com"


@dataclass
class Client:
    """One organisation at Xero, with a way to get a token, and a meter of calls once it is connected."""

    tenant: str
    token: Callable[[], str]
    #: Tells that a token was refused, and returns whether it was the newest we have.
    refused_token: Callable[[str], bool]
    meter: Meter | None = None

    def call(
        self, method: str, path: str, *, query: dict[str, str] | None = None, body: Any = None, key: str = "",
        modified_since: str = "", timeout: tuple[int, int] = TIMEOUT,
    ) -> Answer:  # fmt: skip
        """Make one call and read its JSON. Raises one of the four failures.

        ``modified_since`` is an instant in UTC, to the second, without a zone (Xero docs, Requests and responses).
        """
        token = self.token()
        if self.meter and method == "GET":
            self.meter.read()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        headers = {"xero-tenant-id": self.tenant, "Accept": "application/json", "Content-Type": kind}
        if key:
            headers["Idempotency-Key"] = key
        if modified_since:
            headers["If-Modified-Since"] = modified_since
        try:
            raw, status, got = self._sdk(token).call_api(
                base() + API + path,
                method,
                query_params=query or {},
                header_params=headers,
                body=body,
                auth_settings=["OAuth2"],
                _preload_content=False,
                _return_http_data_only=False,
                _request_timeout=timeout,
            )
        except HTTPStatusException as error:
            raise self._failure(error, token) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if network.is_never_sent(error):
                raise TryLater(f"Xero {network.no_answer(error)}") from error
            raise OutcomeUnknown(f"Xero {network.no_answer(error)}") from error
        answer = _read(raw, status, dict(got))
        if self.meter and answer.left and method == "GET":
            # What is left after a call with changes is read back by whoever settles it.
            self.meter.heard(answer.left)
        return answer

    def _sdk(self, token: str) -> ApiClient:
        sdk = ApiClient(Configuration(), pool_threads=1)
        sdk.configuration.oauth2_token = OAuth2Token(settings.XERO_CLIENT_ID, settings.XERO_CLIENT_SECRET)
        # Without "expires_at" the SDK never refreshes by itself: our token rows do that, one process at a time.
        given = {"access_token": token, "scope": [], "expires_in": 1800, "token_type": "Bearer"}
        sdk.oauth2_token_getter(lambda: given)
        sdk.oauth2_token_saver(lambda _: None)
        network.guard(sdk.rest_client.pool_manager)
        return sdk

    def _failure(self, error: Any, token: str) -> Exception:
        status = int(error.status or 0)
        headers = {k.lower(): v for k, v in dict(error.headers or {}).items()}
        text = _words(error.body)
        facts: dict[str, Any] = {"status": status, "request_id": headers.get("xero-correlation-id", "")}
        if status == 401 and (not self.refused_token(token) or "tokenexpired" in text.lower()):
            # Spent, or replaced while a worker that was held up still had it in its hand.
            return TryLater("Xero says that our access has just run out; it is being renewed", retry_after=1, **facts)
        if status in (401, 403):
            return Disconnected(f"Xero refused our access: {text}", **facts)
        if status == 429:
            wait = headers.get("retry-after", "")
            scope = headers.get("x-rate-limit-problem", "minute")
            return TryLater(
                "Xero asked us to slow down", retry_after=int(wait) if wait.isdigit() else 5, scope=scope, **facts
            )
        if status >= 500:
            wait = headers.get("retry-after", "")
            return self._server_error(text, int(wait) if wait.isdigit() else None, facts)
        return Rejected(text, code=code_of(text), **facts)

    def _server_error(self, text: str, wait: int | None, facts: dict[str, Any]) -> Exception:
        """A 503 did nothing; a 500 may have worked and is cached under the key, so it must be looked at."""
        if facts["status"] == 503:
            return TryLater(f"Xero is not available: {text}", retry_after=wait, **facts)
        return OutcomeUnknown(f"Xero answered with an error of its own: {text}", **facts)


def _read(raw: Any, status: int, headers: dict[str, str]) -> Answer:
    lowered = {k.lower(): v for k, v in headers.items()}
    request_id = lowered.get("xero-correlation-id", "")
    try:
        data = raw.data
        payload = json.loads(data, parse_float=Decimal) if data else {}
    except (ValueError, urllib3.exceptions.HTTPError) as error:
        raise OutcomeUnknown(
            "Xero's answer was cut short or is not JSON", status=status, request_id=request_id
        ) from error
    left = {}
    for name, header in (("minute", "x-minlimit-remaining"), ("day", "x-daylimit-remaining")):
        if lowered.get(header, "").isdigit():
            left[name] = int(lowered[header])
    return Answer(status=status, payload=payload, request_id=request_id, left=left)


def _words(body: Any) -> str:
    """What Xero said, in one line: the validation messages where there are some."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body or "")
    try:
        data = json.loads(text)
    except ValueError:
        return text[:300]
    if not isinstance(data, dict):
        return text[:300]
    said = [
        str(error.get("Message", ""))
        for element in data.get("Elements", [])
        for error in element.get("ValidationErrors", [])
    ]
    return "; ".join(said) or str(data.get("Detail") or data.get("Message") or data.get("Title") or text)[:300]
