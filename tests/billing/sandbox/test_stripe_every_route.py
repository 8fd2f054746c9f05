"""One good call of every route: each answer loads as the SDK's typed object, whole at every depth."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from billing.sandbox.stripe import StripeSandbox
from billing.sandbox.stripe.routes import ROUTES
from practice.core import clock, network
from tests.billing.sandbox import stripe_names
from tests.billing.sandbox.conftest import BASE, MANDATE, becs
from tests.billing.sandbox.test_stripe_shapes import CLASSES, FREE, unknown

RETURN = {"return_url": "https://pay.test/"}
#: What each route is called with; ``{…}`` are objects made before. A list's own filters are tested elsewhere.
CALLS: dict[str, tuple[str, dict[str, str]]] = {
    "POST /v1/customers": ("customers", {"name": "A", "email": "a@b.test", "address[line1]": "1 High St"}),
    "GET /v1/customers": ("customers", {}),
    "GET /v1/customers/search": ("customers/search", {"query": "email:'books@wattle.test'"}),
    "GET /v1/customers/{key}": ("customers/{cus}", {}),
    "POST /v1/customers/{key}": ("customers/{cus}", {"phone": "1"}),
    "DELETE /v1/customers/{key}": ("customers/{spare}", {}),
    "GET /v1/customers/{key}/payment_methods": ("customers/{cus}/payment_methods", {}),
    "GET /v1/customers/{key}/payment_methods/{method}": ("customers/{cus}/payment_methods/{pm}", {}),
    "POST /v1/payment_methods": (
        "payment_methods",
        {
            "type": "au_becs_debit",
            "au_becs_debit[bsb_number]": "000000",
            "au_becs_debit[account_number]": "000123456",
            "billing_details[name]": "A",
            "billing_details[email]": "a@b.test",
        },
    ),
    "GET /v1/payment_methods": ("payment_methods", {"customer": "{cus}"}),
    "GET /v1/payment_methods/{key}": ("payment_methods/{pm}", {}),
    "POST /v1/payment_methods/{key}": ("payment_methods/{pm}", {"metadata[a]": "b"}),
    "POST /v1/payment_methods/{key}/attach": ("payment_methods/pm_card_visa/attach", {"customer": "{cus}"}),
    "POST /v1/payment_methods/{key}/detach": ("payment_methods/{pm2}/detach", {}),
    "POST /v1/setup_intents": ("setup_intents", {"customer": "{cus}"}),
    "GET /v1/setup_intents": ("setup_intents", {"expand[]": "data.latest_attempt"}),
    "GET /v1/setup_intents/{key}": ("setup_intents/{seti}", {"expand[]": "payment_method"}),
    "POST /v1/setup_intents/{key}": ("setup_intents/{seti_open}", {"description": "x"}),
    "POST /v1/setup_intents/{key}/confirm": (
        "setup_intents/{seti_open}/confirm",
        {"payment_method": "pm_card_authenticationRequired", **RETURN},
    ),
    "POST /v1/setup_intents/{key}/cancel": ("setup_intents/{seti_open}/cancel", {}),
    "POST /v1/setup_intents/{key}/verify_microdeposits": (
        "setup_intents/{seti_us}/verify_microdeposits",
        {"descriptor_code": "SM11AA"},
    ),
    "POST /v1/payment_intents": (
        "payment_intents",
        {
            "amount": "500",
            "currency": "aud",
            "payment_method": "pm_card_threeDSecure2Required",
            "confirm": "true",
            **RETURN,
        },
    ),
    "GET /v1/payment_intents": ("payment_intents", {"expand[]": "data.latest_charge"}),
    "GET /v1/payment_intents/search": ("payment_intents/search", {"query": "status:'succeeded'"}),
    "GET /v1/payment_intents/{key}": ("payment_intents/{pi}", {"expand[]": "latest_charge.balance_transaction"}),
    "POST /v1/payment_intents/{key}": ("payment_intents/{open}", {"amount": "700"}),
    "POST /v1/payment_intents/{key}/confirm": (
        "payment_intents/{open}/confirm",
        {"payment_method": "pm_card_visa", **RETURN},
    ),
    "POST /v1/payment_intents/{key}/cancel": ("payment_intents/{open2}/cancel", {}),
    "POST /v1/payment_intents/{key}/capture": ("payment_intents/{hold}/capture", {"amount_to_capture": "300"}),
    "POST /v1/payment_intents/{key}/verify_microdeposits": (
        "payment_intents/{pi_us}/verify_microdeposits",
        {"amounts[0]": "32", "amounts[1]": "45"},
    ),
    "GET /v1/mandates/{key}": ("mandates/{mandate}", {"expand[]": "payment_method"}),
    "GET /v1/charges": ("charges", {"expand[]": "data.refunds"}),
    "GET /v1/charges/search": ("charges/search", {"query": "amount>1"}),
    "GET /v1/charges/{key}": ("charges/{ch}", {"expand[]": "refunds"}),
    "POST /v1/charges/{key}": ("charges/{ch}", {"description": "x"}),
    "POST /v1/refunds": ("refunds", {"charge": "{ch}", "amount": "100", "expand[]": "balance_transaction"}),
    "GET /v1/refunds": ("refunds", {}),
    "GET /v1/refunds/{key}": ("refunds/{re}", {"expand[]": "charge"}),
    "POST /v1/refunds/{key}": ("refunds/{re}", {"metadata[a]": "b"}),
    "GET /v1/disputes": ("disputes", {}),
    "GET /v1/disputes/{key}": ("disputes/{du}", {"expand[]": "charge"}),
    "POST /v1/disputes/{key}": ("disputes/{du}", {"evidence[uncategorized_text]": "x"}),
    "POST /v1/disputes/{key}/close": ("disputes/{du}/close", {}),
    "GET /v1/balance": ("balance", {}),
    "GET /v1/balance_transactions": ("balance_transactions", {"payout": "{po}", "expand[]": "data.source"}),
    "GET /v1/balance_transactions/{key}": ("balance_transactions/{txn}", {"expand[]": "source"}),
    "POST /v1/payouts": ("payouts", {"amount": "100", "currency": "aud"}),
    "GET /v1/payouts": ("payouts", {"expand[]": "data.balance_transaction"}),
    "GET /v1/payouts/{key}": ("payouts/{po}", {}),
    "POST /v1/payouts/{key}": ("payouts/{po}", {"metadata[a]": "b"}),
    "GET /v1/events": ("events", {"limit": "100"}),
    "GET /v1/events/{key}": ("events/{evt}", {}),
    "POST /v1/webhook_endpoints": ("webhook_endpoints", {"url": "https://x.test/", "enabled_events[]": "*"}),
    "GET /v1/webhook_endpoints": ("webhook_endpoints", {}),
    "GET /v1/webhook_endpoints/{key}": ("webhook_endpoints/{we}", {}),
    "POST /v1/webhook_endpoints/{key}": ("webhook_endpoints/{we}", {"disabled": "true"}),
    "DELETE /v1/webhook_endpoints/{key}": ("webhook_endpoints/{we2}", {}),
    "GET /v1/account": ("account", {}),
}


def lacking(shown: Any, known: Any, path: str) -> list[str]:
    """The fields an object must have by its SDK class, and lacks, at every depth."""
    if isinstance(shown, list):
        return [name for each in shown for name in lacking(each, known, path)]
    if not isinstance(shown, dict) or shown.get("deleted"):
        return []
    known = CLASSES.get(str(shown.get("object", "")), known)
    if known is None:
        return [name for each in shown.values() for name in lacking(each, None, path)]
    hints = {name: str(kind) for name, kind in known.__annotations__.items() if not name.startswith("_")}
    loose = ("Optional", "None", "ClassVar")
    out = [
        f"{path}.{name}"
        for name, kind in hints.items()
        if name not in shown and not any(word in kind for word in loose)
    ]
    for name, value in shown.items():
        if name not in FREE:
            inner = getattr(known, "_inner_class_types", {}).get(name)
            out += lacking(value, inner, f"{path}.{name}") if inner or isinstance(value, dict | list) else []
    return out


@pytest.fixture
def made(sandbox: StripeSandbox, api: Any, us: Any, client: Any, saved: Any, charge: Any) -> dict[str, str]:
    """An object of each kind, ready for the calls."""
    setup, setup2 = saved("pm_card_visa"), saved("pm_card_mastercard")
    intent = charge(setup.payment_method)
    charge(saved("pm_card_createDispute").payment_method)
    mandate = becs(api, client).mandate
    hold = {"amount": 500, "currency": "aud", "capture_method": "manual", "payment_method": "pm_card_visa"}
    held = api.payment_intents.create({**hold, "confirm": True, **RETURN})
    hooks = [api.webhook_endpoints.create({"url": "https://x.test/", "enabled_events": ["*"]}) for _ in range(2)]
    clock.advance(seconds=5)
    refund = api.refunds.create({"payment_intent": intent.id, "amount": 100})
    clock.advance(days=4)
    sandbox.configure("acct_harbour", payouts="manual")
    charge(saved("pm_card_bypassPending").payment_method, 5_000)
    account = {
        "type": "us_bank_account",
        "us_bank_account": {"routing_number": "110000000", "account_number": "000123456789"},
        "billing_details": {"name": "Maple"},
    }
    american = {"payment_method_data": account, "confirm": True, "mandate_data": MANDATE, **RETURN}
    maple = us.customers.create({"name": "Maple"}).id
    clock.advance(minutes=2)
    return {
        "cus": client.id,
        "spare": api.customers.create({"name": "Spare"}).id,
        "pm": setup.payment_method,
        "pm2": setup2.payment_method,
        "seti": setup.id,
        "seti_open": api.setup_intents.create({}).id,
        "seti_us": us.setup_intents.create({**american, "customer": maple}).id,
        "pi_us": us.payment_intents.create({**american, "amount": 500, "currency": "usd"}).id,
        "pi": intent.id,
        "open": api.payment_intents.create({"amount": 500, "currency": "aud"}).id,
        "open2": api.payment_intents.create({"amount": 500, "currency": "aud"}).id,
        "hold": held.id,
        "mandate": mandate,
        "ch": intent.latest_charge,
        "re": refund.id,
        "du": api.disputes.list().data[0].id,
        "txn": api.balance_transactions.list().data[0].id,
        "po": api.payouts.list().data[0].id,
        "evt": api.events.list().data[0].id,
        "we": hooks[0].id,
        "we2": hooks[1].id,
    }


def test_every_route_answers_whole_typed_objects(sandbox: StripeSandbox, made: dict[str, str]) -> None:
    assert set(CALLS) == {route.name for route in ROUTES}, "a route is not called here"
    session = network.mount(requests.Session())
    bad: list[str] = []
    for name, (path, form) in CALLS.items():
        account = "acct_larkin" if "_us}" in path else "acct_harbour"
        auth = (sandbox.credentials(account)["secret_key"], "")
        said = {key: value.format(**made) for key, value in form.items()}
        method = name.split(" ")[0]
        sent = {"params": said} if method == "GET" else {"data": said}
        answer = session.request(method, f"{BASE}/v1/{path.format(**made)}", auth=auth, **sent)
        assert answer.status_code == 200, (name, answer.text)
        shown = answer.json()
        rows = shown["data"] if shown["object"] in ("list", "search_result") else [shown]
        assert rows, name
        bad += [f"{name}: not Stripe's: {field}" for row in rows for field in unknown(row, None, row["object"])]
        bad += [f"{name}: lacks {field}" for row in rows for field in lacking(row, None, row["object"])]
    assert not bad, "\n".join(sorted(set(bad)))


def test_a_drift_of_the_sdk_is_told_in_plain_words() -> None:
    before = {"POST /v1/x": {"amount!": "i", "old": "s", "shape": {"a": "s"}}, "GET /v1/y": {}}
    after = {"POST /v1/x": {"amount": "i", "new": "s", "shape": {"a": "i"}}, "GET /v1/y": {}}
    assert stripe_names.drift(before, after) == [
        "POST /v1/x: amount is no longer required",
        "POST /v1/x: shape[a] is now i, was s",
        "POST /v1/x: the SDK no longer takes old",
        "POST /v1/x: the SDK now takes new",
    ]
    assert stripe_names.drift(before, before) == []
