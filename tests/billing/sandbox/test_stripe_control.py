"""The sandbox's controls: what a test, the demo and the oracle ask of it beside the API."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import stripe

from billing.sandbox.stripe import StripeSandbox
from practice.core import clock, network
from tests.billing.sandbox.conftest import BASE, MONDAY, control


def test_the_state_names_the_accounts(sandbox: StripeSandbox) -> None:
    state = control("/_sandbox/state")
    assert [a["account"] for a in state["accounts"]] == ["acct_harbour", "acct_larkin"]
    assert state["now"] == MONDAY.isoformat()
    assert control("/_sandbox/credentials?account=acct_larkin")["currency"] == "usd"


def test_faults_are_ordered_and_cleared(sandbox: StripeSandbox, api: Any) -> None:
    control("/_sandbox/faults", {"kind": "timeout", "match": "/v1/customers", "times": 2})
    with pytest.raises(stripe.APIConnectionError):
        api.customers.create({"name": "A"})
    assert control("/_sandbox/faults")["fired"] == {"timeout": 1}
    assert network.mount(requests.Session()).delete(BASE + "/_sandbox/faults").status_code == 200
    assert api.customers.create({"name": "A"}).name == "A"


def test_faults_are_cleared_as_in_the_other_sandboxes(sandbox: StripeSandbox, api: Any) -> None:
    control("/_sandbox/faults", {"kind": "timeout", "times": 2})
    control("/_sandbox/faults", {"weather": {"seed": 1, "rate": 1}})
    assert control("/_sandbox/faults", {"clear": True}) == {"ordered": []}
    assert api.customers.create({"name": "A"}).name == "A"


def test_a_key_does_not_reach_another_account_by_its_name(sandbox: StripeSandbox, api: Any) -> None:
    made = api.customers.create({"name": "A"}, {"stripe_account": "acct_harbour"})
    with pytest.raises(stripe.PermissionError, match="does not have access to account 'acct_larkin'") as refused:
        api.customers.retrieve(made.id, {}, {"stripe_account": "acct_larkin"})
    assert (refused.value.http_status, refused.value.error.code) == (403, "account_invalid")


@pytest.mark.parametrize(
    "kind",
    [
        "reset",
        "timeout",
        "unauthorised",
        "rate_limited",
        "server_error",
        "unavailable_html",
        "down",
        "truncated",
        "html_instead",
        "response_lost",
    ],
)
def test_every_fault_is_an_error_of_the_sdk(sandbox: StripeSandbox, api: Any, kind: str) -> None:
    control("/_sandbox/faults", {"kind": kind, "match": "/v1/customers"})
    with pytest.raises(stripe.StripeError):
        api.customers.create({"name": "A"})
    committed = kind in ("truncated", "html_instead", "response_lost")
    assert len(api.customers.list().data) == committed


@pytest.mark.parametrize(
    ("kind", "detail", "retry_after", "error", "code", "again"),
    [
        ("rate_limited", "", 2, stripe.RateLimitError, "rate_limit", "false"),
        ("rate_limited", "lock_timeout", None, stripe.RateLimitError, "lock_timeout", "true"),
        ("rate_limited", "key_in_use", None, stripe.APIError, "idempotency_key_in_use", "true"),
        ("unauthorised", "", None, stripe.AuthenticationError, None, None),
        ("unauthorised", "expired", None, stripe.AuthenticationError, "api_key_expired", None),
        ("unauthorised", "account", None, stripe.PermissionError, "account_invalid", None),
        ("server_error", "", None, stripe.APIError, None, None),
        ("unavailable_html", "", 30, stripe.APIError, None, None),
        ("unavailable_html", "", None, stripe.APIError, None, None),
    ],
)
def test_each_bad_day_in_stripes_words(
    sandbox: StripeSandbox, api: Any, kind: str, detail: str, retry_after: Any, error: Any, code: Any, again: Any
) -> None:
    control("/_sandbox/faults", {"kind": kind, "detail": detail, "retry_after": retry_after, "match": "/v1/customers"})
    key = sandbox.credentials("acct_harbour")["secret_key"]
    answer = network.mount(requests.Session()).post(f"{BASE}/v1/customers", data={"name": "A"}, auth=(key, ""))
    told = [answer.headers.get(name) for name in ("Stripe-Should-Retry", "Retry-After")]
    assert told == [again, str(retry_after) if retry_after else None]
    assert code is None or answer.json()["error"]["code"] == code
    control("/_sandbox/faults", {"kind": kind, "detail": detail, "match": "/v1/customers"})
    with pytest.raises(error):
        api.customers.create({"name": "A"}, {"idempotency_key": "k"})
    assert api.customers.list().data == []


def test_faults_by_seed_come_again(sandbox: StripeSandbox, api: Any) -> None:
    def weather() -> list[str]:
        control("/_sandbox/faults", {"weather": {"seed": 5, "rate": 0.4}})
        met = []
        for _ in range(30):
            try:
                api.balance.retrieve()
                met.append("")
            except stripe.StripeError as error:
                met.append(type(error).__name__)
        control("/_sandbox/faults", {"weather": None})
        return met

    first = weather()
    assert first == weather()
    assert 5 < sum(map(bool, first)) < 25


def test_webhooks_are_registered_once_and_made_to_misbehave(sandbox: StripeSandbox, api: Any, inbox: Any) -> None:
    address = {"account": "acct_harbour", "url": "http://practice.test/hooks/"}
    first = control("/_sandbox/webhooks/endpoint", address)
    assert control("/_sandbox/webhooks/endpoint", address) == first
    assert first["secret"].startswith("whsec_")
    control("/_sandbox/webhooks/trouble", {"delay": 60})
    api.customers.create({"name": "A"})
    sandbox.tick()
    assert inbox.got == []
    control("/_sandbox/clock", {"advance_seconds": 61})
    sandbox.tick()
    assert len(inbox.got) == 1


def test_the_bank_can_be_played(sandbox: StripeSandbox, api: Any, charge: Any, saved: Any) -> None:
    intent = charge(saved("pm_card_visa").payment_method)
    control("/_sandbox/clock", {"advance_seconds": 5})
    of = {"account": "acct_harbour"}
    control("/_sandbox/disputes/open", {**of, "charge": intent.latest_charge, "reason": "fraudulent"})
    [dispute] = api.disputes.list().data
    control("/_sandbox/disputes/close", {**of, "dispute": dispute.id, "won": True})
    assert api.disputes.retrieve(dispute.id).status == "won"
    control("/_sandbox/payouts/run", of)
    [payout] = api.payouts.list().data
    assert (payout.amount, payout.status) == (110_000 - 1_900 - 2_500, "paid")
    refund = api.refunds.create(
        {
            "payment_intent": api.payment_intents.create(
                {
                    "amount": 500,
                    "currency": "aud",
                    "payment_method": "pm_card_pendingRefund",
                    "confirm": True,
                    "return_url": "https://pay.test/",
                }
            ).id
        }
    )
    clock.advance(seconds=5)
    control("/_sandbox/tick", {})
    control("/_sandbox/refunds/fail", {**of, "refund": refund.id, "reason": "lost_or_stolen_card"})
    assert api.refunds.retrieve(refund.id).failure_reason == "lost_or_stolen_card"


def test_the_oracle_sees_every_row(sandbox: StripeSandbox, api: Any, charge: Any, saved: Any) -> None:
    charge(saved("pm_card_visa").payment_method)
    clock.advance(seconds=5)
    control("/_sandbox/tick", {})
    rows = control("/_sandbox/dump?account=acct_harbour")
    assert {row["net"] for row in rows["balance_transaction"]} == {108_100}
    assert len(rows["charge"]) == 1
    assert control("/_sandbox/dump?account=acct_larkin") == {}


def test_settings_and_accounts(sandbox: StripeSandbox) -> None:
    changed = control("/_sandbox/settings", {"account": "acct_harbour", "settings": {"capture_delay": 60}})
    assert changed["capture_delay"] == 60
    made = control("/_sandbox/accounts", {"account": "acct_thames", "country": "GB", "business": "Thames Ledger LLP"})
    assert made["currency"] == "gbp"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("nonsense", {}, 404),
        ("faults", {"kind": "plague"}, 400),
        ("debits/settle", {"account": "acct_harbour", "charge": "py_nobody"}, 400),
        ("payouts/run", {"account": "acct_harbour"}, 400),
        ("payouts/run", {}, 400),
        ("settings", {"account": "acct_harbour", "settings": {"luck": 1}}, 400),
        ("authenticate/pi_x", {}, 404),
    ],
)
def test_what_controls_refuse(sandbox: StripeSandbox, path: str, body: Any, status: int) -> None:
    answer = network.mount(requests.Session()).post(f"{BASE}/_sandbox/{path}", json=body)
    assert answer.status_code == status
    assert answer.json()["error"]
