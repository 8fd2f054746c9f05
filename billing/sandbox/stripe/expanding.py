"""``expand[]``: objects in place of their ids (docs.stripe.com/api/expanding_objects)."""

from __future__ import annotations

from typing import Any

from billing.sandbox.stripe.books import Books, public
from billing.sandbox.stripe.wire import Refused, Row

#: The kind of object an id stands for.
KINDS = {
    "ch": "charge",
    "py": "charge",
    "cus": "customer",
    "pi": "payment_intent",
    "seti": "setup_intent",
    "pm": "payment_method",
    "re": "refund",
    "pyr": "refund",
    "du": "dispute",
    "txn": "balance_transaction",
    "po": "payout",
    "mandate": "mandate",
    "setatt": "setup_attempt",
}
#: Fields that hold ids without being expandable.
_PLAIN = {"id", "client_secret"}
#: In the SDK ``Charge.payment_method`` is a plain id; it cannot be expanded.
_NEVER = {("charge", "payment_method")}
_DEEPEST = 4


def expand(books: Books, shown: Row, paths: list[str]) -> None:
    """Put objects in place of ids along each path. Raises Refused for a path that cannot be expanded."""
    for path in paths:
        parts = path.split(".")
        if len(parts) > _DEEPEST:
            raise Refused("You cannot expand more than 4 levels of a property.", param="expand", early=True)
        _walk(books, shown, parts, path)


def _walk(books: Books, shown: Any, parts: list[str], path: str) -> None:
    if isinstance(shown, list):
        for each in shown:
            _walk(books, each, parts, path)
        return
    name, rest = parts[0], parts[1:]
    if shown is None:
        return
    if not isinstance(shown, dict) or name in _PLAIN or (shown.get("object"), name) in _NEVER:
        raise _cannot(path)
    shown[name] = _object(books, shown, name, path)
    if rest:
        _walk(books, shown[name], rest, path)


def _object(books: Books, shown: Row, name: str, path: str) -> Any:
    """What stands at a name once it is expanded: the object, or what was no id anyway."""
    if name == "refunds" and shown.get("object") == "charge":
        return _refunds(books, shown)
    if name not in shown:
        raise _cannot(path)
    value = shown[name]
    if not isinstance(value, str):
        return value
    found = books.peek(KINDS.get(value.split("_")[0], ""), value)
    if found is None:
        raise _cannot(path)
    return public(found, books.moment)


def _refunds(books: Books, charge: Row) -> Row:
    return books.listing("refund", {}, f"/v1/charges/{charge['id']}/refunds", lambda row: row["charge"] == charge["id"])


def _cannot(path: str) -> Refused:
    return Refused(f"This property cannot be expanded ({path}).", param="expand", early=True)
