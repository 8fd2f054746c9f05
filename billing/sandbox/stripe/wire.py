"""Stripe's wire: form bodies with brackets, and errors in their envelope (docs.stripe.com/api, "Errors")."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from practice.core.sandbox.http import Request, Response

Row = dict[str, Any]

#: The one API version the sandbox speaks; a test holds it against the SDK's own.
API_VERSION = "2026-10-28.endive"

_KEY = re.compile(r"[^\[\]]+(\[[^\[\]]*\])*")
_DEEPEST = 8


#: What Stripe calls a kind when it is not there (recorded: Kiln-AI/stripe_world, cassettes 06, 10, 11).
_SPOKEN = {
    "payment_method": "PaymentMethod",
    "setup_intent": "setupintent",
    "balance_transaction": "balance transaction",
    "webhook_endpoint": "webhook endpoint",
}
#: The parameter that names a missing object of the path: the path's own word, but "id" for those not listed here
#: (recorded for customers, charges, payment methods, intents, payouts and balance transactions; the rest follow suit).
PATH_PARAMS = {
    "payment_intent": "intent",
    "setup_intent": "intent",
    "payment_method": "payment_method",
    "payout": "payout",
    "refund": "refund",
    "dispute": "dispute",
    "mandate": "mandate",
    "webhook_endpoint": "webhook_endpoint",
}


class Refused(Exception):
    """A request Stripe would answer with an error; ``keeps`` says that what was done so far stays done."""

    def __init__(self, message: str, **about: Any) -> None:
        super().__init__(message)
        self.message = message
        self.status: int = about.pop("status", 400)
        self.keeps: bool = about.pop("keeps", False)
        self.early: bool = about.pop("early", False)
        self.about: Row = {"type": "invalid_request_error", **about}

    def envelope(self) -> Row:
        """The body of the answer."""
        said = {key: value for key, value in self.about.items() if value is not None}
        if "code" in said:
            said.setdefault("doc_url", f"https://stripe.com/docs/error-codes/{said['code'].replace('_', '-')}")
        return {"error": {"message": self.message, **said}}

    def answer(self) -> Response:
        """The whole answer."""
        return Response.of_json(self.envelope(), self.status)


def missing(kind: str, key: str, param: str = "id") -> Refused:
    """The error for an object that is not there."""
    return Refused(f"No such {_SPOKEN.get(kind, kind)}: '{key}'", status=404, code="resource_missing", param=param)


def parameters(request: Request) -> Row:
    """The parameters of a request, nested as their brackets say. Raises Refused when they cannot be read."""
    pairs = list(request.query)
    if request.body:
        kind = request.headers.get("content-type", "")
        if "json" in kind:
            raise Refused("Invalid request: this API takes form-encoded parameters", early=True)
        pairs += parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    nested: Row = {}
    for key, value in pairs:
        if not _KEY.fullmatch(key):
            raise Refused(f"Invalid parameter name: {key[:80]}", param=key[:80], early=True)
        path = [part.rstrip("]") for part in key.split("[")]
        if len(path) > _DEEPEST:
            raise Refused(f"Parameter nested too deeply: {key[:80]}", param=key[:80], early=True)
        _place(nested, path, value, key)
    return {key: _lists(value) for key, value in nested.items()}


def _place(into: Row, path: list[str], value: str, key: str) -> None:
    for part in path[:-1]:
        into = into.setdefault(part or str(len(into)), {})
        if not isinstance(into, dict):
            raise Refused(f"Invalid parameter: {key} is given twice, in different shapes", param=key, early=True)
    last = path[-1] or str(len(into))
    if isinstance(into.get(last), dict):
        raise Refused(f"Invalid parameter: {key} is given twice, in different shapes", param=key, early=True)
    into[last] = value


def _lists(value: Any) -> Any:
    """A dictionary whose keys count up from nought was an array."""
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(each) for key, each in value.items()}
    if inner and all(key.isdecimal() and key.isascii() and len(key) < 6 for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
