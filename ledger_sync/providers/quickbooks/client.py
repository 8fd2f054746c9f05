"""The transport: one client of the SDK per use, with our own session, a timeout on every call and no retries.

The library has neither timeouts nor retries, loses the HTTP status, and sorts faults by ranges of their codes; all of
that is decided in one place, :func:`refusals.read`, before the library looks at an answer.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from quickbooks import QuickBooks

from ledger_sync.limits.budgets import Meter
from ledger_sync.ports import Answer, OutcomeUnknown, TryLater
from ledger_sync.providers.quickbooks import refusals
from practice.core import clock, network

#: Seconds to connect and to read; QuickBooks itself gives up after 120 (Intuit docs, Limits and throttles).
TIMEOUT = (5, 60)
#: Values below 75 are ignored since August 2025 (Intuit, "Changes to our Accounting API").
MINOR_VERSION = 75
PAGE = 1_000
#: Lists hide what is inactive unless it is asked for.
LISTS = ("Customer", "Item", "Account", "Class", "Term", "TaxCode")
#: Calls a second and process: Intuit allows ten per company, and another process may be calling too.
A_SECOND = 8


def base() -> str:
    """Where the API lives: the real host, or a sandbox. Raises ImproperlyConfigured for a token in the clear.

    The library's own guard (``OAUTHLIB_INSECURE_TRANSPORT``) is one switch for the whole process; this one is not.
    """
    address = settings.QBO_BASE or "https://quickbooks.api.intuit.com"
    parts = urlsplit(address)
    host = parts.hostname or ""
    local = host in ("localhost", "127.0.0.1", "::1") or host.endswith(".test")
    if parts.scheme != "https" and not local:
        raise ImproperlyConfigured(f"QBO_BASE: {address} would send tokens in the clear")
    return address


class Company(QuickBooks):
    """The SDK's client of one company: its requests over our session, its answers through our reading."""

    access = ""
    last: requests.Response | None = None

    @property
    def api_url(self) -> str:
        """The API's address, with its version."""
        return f"{base()}/v3"

    def process_request(
        self, request_type: str, url: str, headers: Any = "", params: Any = "", data: Any = ""
    ) -> requests.Response:
        """Send one request. Raises one of the four failures for anything but a good answer."""
        headers["Authorization"] = f"Bearer {self.access}"
        body = data.encode() if isinstance(data, str) else data
        try:
            response: requests.Response = self.session.request(
                request_type, url, headers=headers, params=params, data=body, timeout=TIMEOUT, allow_redirects=False
            )
        except requests.exceptions.RequestException as error:
            if network.is_never_sent(error):
                raise TryLater(f"QuickBooks {network.no_answer(error)}") from error
            raise OutcomeUnknown(f"QuickBooks {network.no_answer(error)}") from error
        refusals.read(response)
        self.last = response
        return response


@dataclass
class Client:
    """One company at QuickBooks, with a way to get a token, and a meter of calls once it is connected."""

    realm: str
    token: Callable[[], str]
    #: Tells that a token was refused, and returns whether it was the newest we have.
    refused_token: Callable[[str], bool]
    meter: Meter | None = None

    def call(
        self, method: str, path: str, *, params: dict[str, str] | None = None, body: str | bytes = "", key: str = "",
        content_type: str = "application/json",
    ) -> Answer:  # fmt: skip
        """Make one call and read its JSON; a spent token is renewed once. Raises one of the four failures."""
        token = self.token()
        if self.meter and (method == "GET" or path == "/query"):
            self.meter.read()
        try:
            return self._once(token, method, path, params, body, key, content_type)
        except refusals.TokenRefused:
            # A 401 proves that nothing was done, so the same call may go again under the same key.
            self.refused_token(token)
            return self._once(self.token(), method, path, params, body, key, content_type)

    def _once(
        self,
        token: str,
        method: str,
        path: str,
        params: dict[str, str] | None,
        body: str | bytes,
        key: str,
        content_type: str,
    ) -> Answer:
        _pace(self.realm)
        sdk = Company(company_id=self.realm, minorversion=MINOR_VERSION, use_decimal=True)
        sdk.access = token
        with network.mount(requests.Session()) as sdk.session:
            url = f"{sdk.api_url}/company/{self.realm}{path}"
            send = sdk.post if method == "POST" else sdk.get
            payload = send(url, body, content_type, params=dict(params or {}), request_id=key or None)
        tid = refusals.tid(sdk.last) if sdk.last is not None else ""
        return Answer(status=200, payload=payload, request_id=tid)

    def query(self, statement: str, entity: str) -> list[dict[str, Any]]:
        """The objects a query finds, one page of them. Raises one of the four failures."""
        answer = self.call("POST", "/query", body=statement, content_type="application/text")
        rows = answer.payload.get("QueryResponse", {}).get(entity, [])
        return rows if isinstance(rows, list) else []

    def everything(self, entity: str, *conditions: str) -> list[dict[str, Any]]:
        """Every object of a kind that fulfils all conditions, page by page until a short one."""
        rows: list[dict[str, Any]] = []
        while True:
            page = self.query(statement(entity, *conditions, start=len(rows) + 1), entity)
            rows += page
            if len(page) < PAGE:
                return rows


def statement(entity: str, *conditions: str, order: str = "", start: int = 1, most: int = PAGE) -> str:
    """A query; inactive objects of lists are asked for too, and an item's SKU, which is shown only then."""
    wanted = [*conditions, "Active IN (true, false)"] if entity in LISTS else list(conditions)
    words = ["SELECT", "*, Sku" if entity == "Item" else "*", "FROM", entity]
    if wanted:
        words += ["WHERE", " AND ".join(wanted)]
    if order:
        words += ["ORDERBY", order]
    return " ".join([*words, f"STARTPOSITION {start} MAXRESULTS {most}"])


def quoted(text: str) -> str:
    """A text as a query takes it; the library escapes quotes but not backslashes, and a trailing one breaks out."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_recent: dict[str, deque[datetime]] = {}
_recent_lock = threading.Lock()


def _pace(realm: str) -> None:
    """Wait until this process may call a company again."""
    with _recent_lock:
        times = _recent.setdefault(realm, deque(maxlen=A_SECOND))
        now = clock.now()
        if times and times[-1] > now + timedelta(seconds=A_SECOND):
            times.clear()  # the clock was set back
        slot = max(now, times[0] + timedelta(seconds=1)) if len(times) == A_SECOND else now
        times.append(slot)
    if slot > now:
        clock.sleep((slot - now).total_seconds())
