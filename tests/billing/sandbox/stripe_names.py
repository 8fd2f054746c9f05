"""Reads the names Stripe's SDK knows, so that the sandbox can be held against them.

``python -m tests.billing.sandbox.stripe_names`` writes ``billing/sandbox/stripe/parameters.json`` anew after an
upgrade of the SDK; a test compares the two, and so shows the drift without a network.
"""

from __future__ import annotations

import importlib
import json
import re
import types
import typing
from pathlib import Path
from typing import Any

import typing_extensions
from stripe._request_options import RequestOptions

TABLE = Path(__file__).parents[3] / "billing/sandbox/stripe/parameters.json"

#: Payment methods the sandbox plays; the others' parameters are left out of the table, and so refused.
PLAYED = {"card", "au_becs_debit", "us_bank_account", "sepa_debit", "link"}
BY_METHOD = {"payment_method_options", "payment_method_data"}

ROUTES = {
    "POST /v1/customers": "customer_create",
    "GET /v1/customers": "customer_list",
    "GET /v1/customers/search": "customer_search",
    "GET /v1/customers/{key}": "customer_retrieve",
    "POST /v1/customers/{key}": "customer_update",
    "DELETE /v1/customers/{key}": "customer_delete",
    "GET /v1/customers/{key}/payment_methods": "customer_payment_method_list",
    "GET /v1/customers/{key}/payment_methods/{method}": "customer_payment_method_retrieve",
    "POST /v1/payment_methods": "payment_method_create",
    "GET /v1/payment_methods": "payment_method_list",
    "GET /v1/payment_methods/{key}": "payment_method_retrieve",
    "POST /v1/payment_methods/{key}": "payment_method_update",
    "POST /v1/payment_methods/{key}/attach": "payment_method_attach",
    "POST /v1/payment_methods/{key}/detach": "payment_method_detach",
    "POST /v1/setup_intents": "setup_intent_create",
    "GET /v1/setup_intents": "setup_intent_list",
    "GET /v1/setup_intents/{key}": "setup_intent_retrieve",
    "POST /v1/setup_intents/{key}": "setup_intent_update",
    "POST /v1/setup_intents/{key}/confirm": "setup_intent_confirm",
    "POST /v1/setup_intents/{key}/cancel": "setup_intent_cancel",
    "POST /v1/setup_intents/{key}/verify_microdeposits": "setup_intent_verify_microdeposits",
    "POST /v1/payment_intents": "payment_intent_create",
    "GET /v1/payment_intents": "payment_intent_list",
    "GET /v1/payment_intents/search": "payment_intent_search",
    "GET /v1/payment_intents/{key}": "payment_intent_retrieve",
    "POST /v1/payment_intents/{key}": "payment_intent_update",
    "POST /v1/payment_intents/{key}/confirm": "payment_intent_confirm",
    "POST /v1/payment_intents/{key}/cancel": "payment_intent_cancel",
    "POST /v1/payment_intents/{key}/capture": "payment_intent_capture",
    "POST /v1/payment_intents/{key}/verify_microdeposits": "payment_intent_verify_microdeposits",
    "GET /v1/mandates/{key}": "mandate_retrieve",
    "GET /v1/charges": "charge_list",
    "GET /v1/charges/search": "charge_search",
    "GET /v1/charges/{key}": "charge_retrieve",
    "POST /v1/charges/{key}": "charge_update",
    "POST /v1/refunds": "refund_create",
    "GET /v1/refunds": "refund_list",
    "GET /v1/refunds/{key}": "refund_retrieve",
    "POST /v1/refunds/{key}": "refund_update",
    "GET /v1/disputes": "dispute_list",
    "GET /v1/disputes/{key}": "dispute_retrieve",
    "POST /v1/disputes/{key}": "dispute_update",
    "POST /v1/disputes/{key}/close": "dispute_close",
    "GET /v1/balance": "balance_retrieve",
    "GET /v1/balance_transactions": "balance_transaction_list",
    "GET /v1/balance_transactions/{key}": "balance_transaction_retrieve",
    "POST /v1/payouts": "payout_create",
    "GET /v1/payouts": "payout_list",
    "GET /v1/payouts/{key}": "payout_retrieve",
    "POST /v1/payouts/{key}": "payout_update",
    "GET /v1/events": "event_list",
    "GET /v1/events/{key}": "event_retrieve",
    "POST /v1/webhook_endpoints": "webhook_endpoint_create",
    "GET /v1/webhook_endpoints": "webhook_endpoint_list",
    "GET /v1/webhook_endpoints/{key}": "webhook_endpoint_retrieve",
    "POST /v1/webhook_endpoints/{key}": "webhook_endpoint_update",
    "DELETE /v1/webhook_endpoints/{key}": "webhook_endpoint_delete",
    "GET /v1/account": "account_retrieve_current",
}


def table() -> dict[str, Any]:
    """Every route's parameters: names, with "!" where required and "?" where unsettable, and the kind of each value."""
    return {route: _parameters(name) for route, name in ROUTES.items()}


def _parameters(name: str) -> dict[str, Any]:
    module = importlib.import_module(f"stripe.params._{name}_params")
    params = getattr(module, re.sub(r"(?:^|_)(\w)", lambda m: m[1].upper(), name) + "Params")
    return _fields(params, module, skip=set(RequestOptions.__annotations__))


def _fields(params: Any, module: Any, skip: set[str] = frozenset()) -> dict[str, Any]:  # type: ignore[assignment]
    out: dict[str, Any] = {}
    for name, annotation in params.__annotations__.items():
        if name in skip:
            continue
        required = name in params.__required_keys__ and "NotRequired" not in str(annotation)
        kind = _kind(annotation, module)
        if name in BY_METHOD and isinstance(kind, dict):
            shared = _SHARED | PLAYED
            kind = {k: v for k, v in kind.items() if k.rstrip("!?") in shared or not isinstance(v, dict)}
        mark = "!" if required else "?" if "Literal['']" in str(annotation) else ""
        out[name + mark] = kind
    return out


_SHARED = {"billing_details", "metadata", "radar_options"}


def _kind(annotation: Any, module: Any) -> Any:
    if isinstance(annotation, str):
        annotation = typing.ForwardRef(annotation)
    if isinstance(annotation, typing.ForwardRef):
        names = {"Any": Any, "Literal": typing.Literal, **vars(typing), **vars(module)}
        annotation = eval(annotation.__forward_arg__, names)
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing_extensions.NotRequired, typing_extensions.Required):
        return _kind(args[0], module)
    if origin in (typing.Union, types.UnionType):
        return _widest([_kind(a, module) for a in args])
    if origin is list:
        return {"[]": _kind(args[0], module)}
    if origin is dict:
        return "*"
    if origin is typing.Literal:
        return sorted(str(a) for a in args)
    if typing_extensions.is_typeddict(annotation):
        return _fields(annotation, module)
    return {int: "i", bool: "b", str: "s", float: "f"}.get(annotation, "*")


def _widest(kinds: list[Any]) -> Any:
    """One kind for a union: a structure wins, then an open string, then a closed list of words."""
    for wanted in (dict, str):
        for kind in kinds:
            if isinstance(kind, wanted) and kind != [""]:
                return kind
    return sorted({word for kind in kinds for word in kind})


def drift(ours: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """What an upgrade of the SDK changed, one sentence each."""
    said = [f"{route}: the SDK has no such call any more" for route in ours if route not in theirs]
    said += [f"{route}: not in parameters.json yet" for route in theirs if route not in ours]
    for route in ours.keys() & theirs.keys():
        said += [f"{route}: {words}" for words in _changes(ours[route], theirs[route], "")]
    return sorted(said)


def _changes(ours: Any, theirs: Any, path: str) -> list[str]:
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return [] if ours == theirs else [f"{path} is now {_short(theirs)}, was {_short(ours)}"]
    mine, yours = ({name.rstrip("!?"): (name, kind) for name, kind in each.items()} for each in (ours, theirs))
    out = []
    for name in mine.keys() | yours.keys():
        shown = f"{path}[{name}]" if path else name
        if name not in yours:
            out.append(f"the SDK no longer takes {shown}")
        elif name not in mine:
            out.append(f"the SDK now takes {shown}")
        else:
            (old, was), (new, now) = mine[name], yours[name]
            if old.endswith("!") != new.endswith("!"):
                out.append(f"{shown} is {'now' if new.endswith('!') else 'no longer'} required")
            out += _changes(was, now, shown)
    return out


def _short(kind: Any) -> str:
    return kind if isinstance(kind, str) else "a structure" if isinstance(kind, dict) else " or ".join(kind)


if __name__ == "__main__":
    TABLE.write_text(json.dumps(table(), separators=(",", ":"), sort_keys=True).replace('},"', '},\n"') + "\n")
