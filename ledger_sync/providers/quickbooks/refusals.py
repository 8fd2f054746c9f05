"""What QuickBooks' answers mean to us: a failure's class by status and code, our own words by fault code.

Codes and texts: Intuit's error code page, and captures by users of the API (docs/sandboxes/quickbooks.md lists them).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import requests

from ledger_sync.ports import Disconnected, LedgerError, OutcomeUnknown, Rejected, TryLater

#: Intuit docs, Limits and throttles: after a 429 wait a minute. A Retry-After header is rarely there.
AFTER_THROTTLE = 60
#: "Please wait a few minutes", says the fault that passes by itself.
AFTER_TRANSIENT = 120
_THROTTLED = ("3001", "003001")
_LOCKED_OUT = ("120", "3100", "3200")
_TRANSIENT = "unexpected error occurred while accessing or saving"
_CODES = {
    "5010": "stale",
    "6140": "number_taken",
    "6200": "locked",
    "6210": "locked",
    "6240": "name_taken",
    "6540": "deposited",
}


class TokenRefused(Disconnected):
    """The access token is spent or revoked; one refresh tells which."""


@dataclass(frozen=True)
class Fault:
    """The first error of a fault, and what all of them say."""

    code: str
    text: str

    @property
    def throttled(self) -> bool:
        """Whether it asks us to slow down, which also happens inside a batch or with HTTP 400."""
        return self.code in _THROTTLED

    @property
    def passing(self) -> bool:
        """Whether it is the 6000 that asks for patience, not for other data."""
        return self.code == "6000" and _TRANSIENT in self.text

    @property
    def system(self) -> bool:
        """Whether QuickBooks itself failed, so that nobody knows what was done."""
        return self.code == "10000"

    @property
    def ours(self) -> str:
        """Our word for it; "refused" for codes we have not met."""
        if self.code in ("610", "2500"):
            return "account_archived" if "inactive" in self.text else "not_found"
        return _CODES.get(self.code, "refused")


def fault_of(payload: Any) -> Fault | None:
    """The fault in an answer: the API's upper-case one, or the gateway's lower-case one."""
    if not isinstance(payload, dict):
        return None
    body = payload.get("Fault") or payload.get("fault")
    if not isinstance(body, dict):
        return None
    errors = body.get("Error") or body.get("error") or [{}]
    said = [str(e.get("Detail") or e.get("detail") or e.get("Message") or e.get("message") or "") for e in errors]
    code = str(errors[0].get("code") or "")
    if body.get("type") == "SystemFault" and code not in _THROTTLED:
        code = "10000"
    return Fault(code, "; ".join(text for text in said if text)[:500] or "QuickBooks refused it without words")


def read(response: requests.Response) -> Any:
    """The JSON of a good answer. Raises one of the four failures for any other."""
    payload = _json(response)
    failure = _failure(response, fault_of(payload))
    if failure is not None:
        raise failure
    if payload is None:
        raise OutcomeUnknown(
            "QuickBooks' answer was cut short or is not JSON", status=response.status_code, request_id=tid(response)
        )
    return payload


def tid(response: requests.Response) -> str:
    """The id Intuit's support asks for."""
    return str(response.headers.get("intuit_tid", ""))


def _json(response: requests.Response) -> Any:
    try:
        return json.loads(response.content, parse_float=Decimal)
    except ValueError:
        return None


def _failure(response: requests.Response, fault: Fault | None) -> LedgerError | None:
    """What went wrong, by status first: a gateway's status is truer than the words around it."""
    status = response.status_code
    facts: dict[str, Any] = {"status": status, "request_id": tid(response), "code": fault.ours if fault else ""}
    text = fault.text if fault else f"QuickBooks answered {status}"
    if status == 429 or (fault and fault.throttled):
        wait = response.headers.get("Retry-After", "")
        seconds = int(wait) if wait.isdigit() else AFTER_THROTTLE
        return TryLater("QuickBooks asked us to slow down", retry_after=seconds, scope="minute", **facts)
    if status == 401 and not (fault and fault.code == "120"):
        return TokenRefused("QuickBooks no longer takes our access", **facts)
    if status == 403 or (fault and fault.code in _LOCKED_OUT):
        return Disconnected(f"QuickBooks refused our access: {text}", **facts)
    if status == 503 and not (fault and fault.system):
        return TryLater("QuickBooks is not available", **facts)
    if status >= 500 or (fault and fault.system):
        return OutcomeUnknown(f"QuickBooks answered with an error of its own: {text}", **facts)
    if fault and fault.passing:
        return TryLater(text, retry_after=AFTER_TRANSIENT, scope="patience", **facts)
    if fault or status >= 300:
        return Rejected(text, **facts)
    return None
