"""Which parameters each route takes, read from a table made of the SDK's own types.

``parameters.json`` is written by ``tests/billing/sandbox/stripe_names.py``. Keys end in "!" where Stripe requires
the parameter and in "?" where an empty value unsets it. Values: s string, i integer, b boolean, f number, * map of
strings, a list of words, ``{"[]": kind}`` an array, any other object the parameters inside.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

from billing.sandbox.stripe.wire import Refused, Row

#: What our own browser script sends beside what a server may; Stripe.js may send more (docs.stripe.com/js).
BROWSER_ONLY = {"key": "s", "client_secret": "s"}
#: An address without spaces; ``://`` because whatever else follows a colon leads nowhere a browser could return to.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s]+\Z")
_INTEGER = re.compile(r"-?\d{1,15}")


#: Filters of lists that the sandbox does not play.
_UNPLAYED_FILTERS = {"allow_redisplay", "attach_to_self", "customer_account", "test_clock"}
#: Parameters that matter only to some methods or steps, so that a handler may rightly never look at them.
_SOMETIMES = {
    "client_secret",
    "confirm",
    "error_on_requires_action",
    "expand",
    "key",
    "limit",
    "mandate",
    "mandate_data",
    "off_session",
    "payment_method_options",
    "return_url",
    "single_use",
    "use_stripe_sdk",
}


class Params(Row):
    """The parameters of one request, which remember what was looked at: the rest was not played."""

    def __init__(self, given: Row) -> None:
        super().__init__(given)
        self.seen: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.seen.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, or the default."""
        self.seen.add(name)
        return super().get(name, default)

    def __contains__(self, name: object) -> bool:
        self.seen.add(str(name))
        return super().__contains__(name)

    def require_played(self, *, reading: bool) -> None:
        """Raise Refused for what Stripe would have heeded and the sandbox did not: better loud than kind."""
        ignored = set(self) & _UNPLAYED_FILTERS if reading else set(self) - self.seen - _SOMETIMES
        if ignored:
            name = min(ignored)
            raise Refused(f"This sandbox does not play the parameter `{name}`.", param=name, early=True)


@cache
def table() -> dict[str, Row]:
    """The whole table, by route."""
    loaded: dict[str, Row] = json.loads(Path(__file__).with_name("parameters.json").read_text())
    return loaded


def check(route: str, given: Row, *, browser: bool = False) -> Params:
    """The parameters with their types. Raises Refused for unknown, missing, empty or ill-typed ones."""
    known = dict(table()[route])
    if browser:
        known |= BROWSER_ONLY
    return Params(_object(known, given, ""))


def _object(kinds: Row, given: Row, prefix: str) -> Row:
    names = {key.rstrip("!?"): (key[-1:], kind) for key, kind in kinds.items()}
    out: Row = {}
    for name, value in given.items():
        shown = f"{prefix}[{name}]" if prefix else name
        if name == "payment_method_types" and not prefix:
            raise _types_gone()
        if name not in names:
            raise Refused(f"Received unknown parameter: {shown}", code="parameter_unknown", param=shown, early=True)
        mark, kind = names[name]
        out[name] = _empty(mark, kind, shown) if value == "" else _value(kind, value, shown)
        if name == "return_url" and value != "":
            _check_return(out[name], shown)
    for name, (mark, _) in names.items():
        if mark == "!" and name not in given:
            shown = f"{prefix}[{name}]" if prefix else name
            raise Refused(f"Missing required param: {shown}.", code="parameter_missing", param=shown, early=True)
    return out


def _check_return(url: str, shown: str) -> None:
    """Raise Refused for what is no address to return to; an app's own scheme is one (docs.stripe.com/api).

    The first words are those of a webhook's address, the others were seen of a ``success_url``.
    """
    if ":" not in url.partition("/")[0]:
        _refuse_url("Invalid URL: An explicit scheme (such as https) must be provided.", shown)
    try:
        parts = urlsplit(url)
        whole = bool(_SCHEME.match(url)) and bool(parts.netloc and parts.hostname)
    except ValueError:
        whole = False
    if not whole:
        _refuse_url("Not a valid URL", shown)


def _refuse_url(message: str, shown: str) -> NoReturn:
    raise Refused(message, code="url_invalid", param=shown, early=True)


def _types_gone() -> Refused:
    """docs.stripe.com/changelog/endive/2026-09-30, "Removes the payment method types parameter"."""
    return Refused(
        "payment_method_types is no longer supported. Use allowed_payment_method_types or dynamic payment methods.",
        code="payment_method_types_no_longer_supported",
        param="payment_method_types",
        early=True,
    )


def _empty(mark: str, kind: Any, shown: str) -> str:
    """An empty value unsets what may be unset (docs.stripe.com/api/metadata)."""
    if mark == "?" or kind == "*":
        return ""
    raise Refused(
        f"You passed an empty string for '{shown}'. We assume empty values are an attempt to unset a parameter; "
        f"however '{shown}' cannot be unset. You should remove '{shown}' from your request or supply a non-empty "
        "value.",
        code="parameter_invalid_empty",
        param=shown,
        early=True,
    )


def _value(kind: Any, value: Any, shown: str) -> Any:
    if isinstance(kind, dict):
        return _structure(kind, value, shown)
    if kind == "*":
        return _map(value, shown)
    if not isinstance(value, str):
        raise Refused(f"Invalid string: {shown}", param=shown, early=True)
    return _word(kind, value, shown)


def _structure(kind: Row, value: Any, shown: str) -> Any:
    if "[]" in kind:
        if not isinstance(value, list):
            raise Refused("Invalid array", param=shown, early=True)
        return [_value(kind["[]"], each, f"{shown}[{n}]") for n, each in enumerate(value)]
    if "gte" in kind and isinstance(value, str):  # an exact moment in place of a range
        return _word("i", value, shown)
    if not isinstance(value, dict):
        raise Refused("Invalid object", param=shown, early=True)
    return _object(kind, value, shown)


def _map(value: Any, shown: str) -> Row:
    if isinstance(value, list):  # metadata[0]=a looks like an array on the wire
        value = {str(n): each for n, each in enumerate(value)}
    if not isinstance(value, dict) or any(not isinstance(each, str) for each in value.values()):
        raise Refused(f"Invalid object: {shown} takes keys and strings", param=shown, early=True)
    return value


def _word(kind: Any, value: str, shown: str) -> Any:
    if kind == "i":
        if not _INTEGER.fullmatch(value):
            raise Refused(f"Invalid integer: {value}", code="parameter_invalid_integer", param=shown, early=True)
        return int(value)
    if kind == "b":
        if value not in ("true", "false"):
            raise Refused(f"Invalid boolean: {value}", param=shown, early=True)
        return value == "true"
    if isinstance(kind, list) and value not in kind:
        raise Refused(f"Invalid {shown}: must be one of {', '.join(kind)}", param=shown, early=True)
    return value
