"""Every answer holds only fields the SDK knows, at every depth, and every event type is one of Stripe's."""

from __future__ import annotations

import typing
from typing import Any

import pytest
import stripe

from billing.sandbox.stripe import StripeSandbox
from practice.core import clock
from practice.core.sandbox.store import Store
from tests.billing.sandbox.conftest import becs

CLASSES: dict[str, Any] = {
    name: getattr(stripe, "".join(part.title() for part in name.split("_")))
    for name in (
        "customer",
        "payment_method",
        "setup_intent",
        "setup_attempt",
        "payment_intent",
        "charge",
        "refund",
        "dispute",
        "mandate",
        "balance",
        "balance_transaction",
        "payout",
        "event",
        "webhook_endpoint",
        "account",
    )
}
#: Maps whose keys are the merchant's own, and fields with a free shape.
FREE = {"metadata", "previous_attributes", "source_types", "capabilities", "payment_method_options", "use_stripe_sdk"}


def unknown(shown: Any, known: Any, path: str) -> list[str]:
    """The fields of an object that its SDK class does not have."""
    if isinstance(shown, list):
        return [name for each in shown for name in unknown(each, known, path)]
    if not isinstance(shown, dict):
        return []
    known = CLASSES.get(str(shown.get("object", "")), known)
    if known is None:
        return []
    out = []
    for name, value in shown.items():
        if name not in known.__annotations__:
            out.append(f"{path}.{name}")
        elif name not in FREE:
            inner = getattr(known, "_inner_class_types", {}).get(name)
            out += unknown(value, inner, f"{path}.{name}")
    return out


def missing(shown: dict[str, Any], known: Any) -> set[str]:
    """The required fields of an SDK class that an object lacks."""
    hints = {name: str(kind) for name, kind in known.__annotations__.items()}
    optional = {name for name, kind in hints.items() if "Optional" in kind or "None" in kind or "ClassVar" in kind}
    return {name for name in hints if not name.startswith("_")} - optional - set(shown)


@pytest.fixture
def busy(sandbox: StripeSandbox, api: Any, client: Any, saved: Any, charge: Any) -> Store:
    """A practice to which everything has happened."""
    api.webhook_endpoints.create({"url": "http://practice.test/", "enabled_events": ["*"]})
    paid = charge(saved("pm_card_visa").payment_method)
    disputed = charge(saved("pm_card_createDispute").payment_method)
    with pytest.raises(stripe.CardError):
        charge(saved("pm_card_chargeCustomerFail").payment_method)
    debit = charge(becs(api, client).payment_method, 5_000)
    charge(becs(api, client, "111111113").payment_method, 6_000)
    clock.advance(seconds=5)
    api.refunds.create({"payment_intent": paid.id, "amount": 1_000})
    api.disputes.update(
        api.disputes.list({"payment_intent": disputed.id}).data[0].id,
        {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True},
    )
    clock.advance(days=8)
    api.refunds.create({"payment_intent": debit.id})
    clock.advance(days=8)
    api.setup_intents.create({"customer": client.id, "usage": "off_session"})
    api.payment_intents.cancel(api.payment_intents.create({"amount": 500, "currency": "aud"}).id)
    return sandbox.store


def test_only_known_fields_and_all_required_ones(api: Any, busy: Store) -> None:
    shown: list[dict[str, Any]] = []
    for resource in (
        "customers",
        "setup_intents",
        "payment_intents",
        "charges",
        "refunds",
        "disputes",
        "balance_transactions",
        "payouts",
        "events",
        "webhook_endpoints",
    ):
        page = getattr(api, resource).list({"limit": 100}).to_dict()
        assert page["data"], resource
        shown += page["data"]
    mandates = [row["mandate"] for row in shown if row.get("mandate")]
    shown += [api.mandates.retrieve(mandate).to_dict() for mandate in mandates]
    shown += [api.balance.retrieve().to_dict()]
    shown += [api.payment_methods.retrieve(r["payment_method"]).to_dict() for r in shown if r["object"] == "charge"]
    expanded = api.setup_intents.list({"limit": 100, "expand": ["data.latest_attempt"]}).to_dict()["data"]
    shown += [row["latest_attempt"] for row in expanded if row["latest_attempt"]]
    bad = {name for row in shown for name in unknown(row, None, row["object"])}
    assert bad == set()
    assert {
        row["object"]: missing(row, CLASSES[row["object"]]) for row in shown if missing(row, CLASSES[row["object"]])
    } == {}


def test_the_account(api: Any, sandbox: StripeSandbox) -> None:
    import requests

    from practice.core import network
    from tests.billing.sandbox.conftest import BASE

    key = sandbox.credentials("acct_harbour")["secret_key"]
    answer = network.mount(requests.Session()).get(BASE + "/v1/account", auth=(key, "")).json()
    assert unknown(answer, None, "account") == []
    assert (answer["country"], answer["default_currency"]) == ("AU", "aud")


def test_every_event_type_is_stripes(api: Any, busy: Store) -> None:
    kinds = {event.type for event in api.events.list({"limit": 100}).auto_paging_iter()}
    words = set(typing.get_args(stripe.Event.__annotations__["type"]))
    assert kinds - words == set()
    assert len(kinds) >= 25


def test_what_is_due_later_survives_a_restart(tmp_path: Any) -> None:
    from practice.core import network
    from tests.billing.sandbox.conftest import BASE, MANDATE, MONDAY, connect

    clock.move(MONDAY)
    made = ""
    for status in ("processing", "succeeded"):
        store = Store(tmp_path / "stripe.sqlite")
        fresh = StripeSandbox(store, base_url=BASE)
        with network.answer_in_process({"stripe.test": fresh}):
            api = connect(fresh.credentials("acct_harbour")["secret_key"])
            if not made:
                debit = {"payment_method": "pm_auBecsDebit_success", "mandate_data": MANDATE, "confirm": True}
                wanted = {"amount": 5_000, "currency": "aud", "return_url": "https://x.test/", **debit}
                made = api.payment_intents.create(wanted).id
            assert api.payment_intents.retrieve(made).status == status
        store.close()
        clock.advance(days=5)


def test_the_store_can_be_reopened(tmp_path: Any, inbox: Any) -> None:
    from practice.core import network
    from tests.billing.sandbox.conftest import BASE, MONDAY, connect

    clock.move(MONDAY)
    file = tmp_path / "stripe.sqlite"
    for expected in (1, 2):
        store = Store(file)
        fresh = StripeSandbox(store, base_url=BASE, send=inbox)
        with network.answer_in_process({"stripe.test": fresh}):
            api = connect(fresh.credentials("acct_harbour")["secret_key"])
            api.customers.create({"name": str(expected)})
            names = [c.name for c in api.customers.list().data]
        store.close()
        assert names == [str(n) for n in range(expected, 0, -1)]
