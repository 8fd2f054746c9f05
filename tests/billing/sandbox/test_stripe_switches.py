"""Each switch both ways, and that the page about the sandbox lists exactly the switches there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stripe

from billing.sandbox.stripe import StripeSandbox, settings
from practice.core import clock
from tests.billing.sandbox.conftest import MANDATE, becs, connect

PAGE = Path(__file__).parents[3] / "docs/sandboxes/stripe.md"
RETURN = "https://pay.test/"


@pytest.fixture
def turn(sandbox: StripeSandbox) -> Callable[..., None]:
    return lambda **given: sandbox.configure("acct_harbour", **given)


def listed() -> set[str]:
    """The switches in the last column of the table of rules."""
    lines = PAGE.read_text().split("## Rules")[1].splitlines()
    return {name for line in lines if line.startswith("|") for name in re.findall(r"`(\w+)`", line.split("|")[-2])}


def test_the_page_lists_every_switch_and_no_other() -> None:
    assert listed() == set(settings.DEFAULTS)


def test_what_is_unsure_can_be_switched() -> None:
    rows = [line.split("|") for line in PAGE.read_text().split("## Rules")[1].splitlines() if line.startswith("|")]
    assert [row[1] for row in rows if "unsure" in row[4] and row[5].strip() == "–"] == []


def test_every_switch_is_turned_by_a_test() -> None:
    text = Path(__file__).read_text()
    turned = set(re.findall(r"turn\((\w+)=", text))
    assert turned == set(settings.DEFAULTS)


@pytest.mark.parametrize(
    "given", [{"luck": 1}, {"payouts": 3}, {"attach_debits": 1}, {"debit_days": {"au": "x"}}, {"settle_days": -1}]
)
def test_a_switch_cannot_be_turned_to_nonsense(turn: Any, given: dict[str, Any]) -> None:
    with pytest.raises((KeyError, ValueError)):
        turn(**given)


def paid(charge: Any, saved: Any, **more: Any) -> Any:
    return charge(saved("pm_card_visa").payment_method, **more)


def test_capture_delay(api: Any, charge: Any, saved: Any, turn: Any) -> None:
    for delay, known in ((60, False), (1, True)):
        turn(capture_delay=delay)
        intent = paid(charge, saved)
        clock.advance(seconds=5)
        assert bool(api.charges.retrieve(intent.latest_charge).balance_transaction) is known


def test_days(api: Any, client: Any, charge: Any, turn: Any) -> None:
    method = becs(api, client, "666666660").payment_method
    turn(debit_days={"au_becs_debit": 1})
    turn(late_return_days=1)
    turn(settle_days=1)
    intent = charge(method, 1_000)
    clock.advance(days=1, seconds=5)
    moved = api.payment_intents.retrieve(intent.id, {"expand": ["latest_charge.balance_transaction"]})
    assert moved.status == "succeeded"
    assert moved.latest_charge.balance_transaction.available_on - clock.now().timestamp() < 86_400
    clock.advance(days=1, seconds=5)
    assert len(api.disputes.list().data) == 1


def test_debits_apart(api: Any, client: Any, charge: Any, turn: Any) -> None:
    charge(becs(api, client).payment_method, 1_000)
    clock.advance(days=4, seconds=5)
    for apart, kinds in ((False, {"card"}), (True, {"card", "bank_account"})):
        turn(debits_apart=apart)
        pending = api.balance.retrieve().pending[0]
        assert set(pending.source_types.to_dict()) == kinds
        assert sum(pending.source_types.to_dict().values()) == pending.amount > 0


def test_arrival_and_payouts(api: Any, charge: Any, saved: Any, turn: Any) -> None:
    turn(arrival_days=1)
    paid(charge, saved)
    clock.advance(days=3)
    [payout] = api.payouts.list().data
    assert payout.arrival_date - payout.created == 86_400
    turn(payouts="manual")
    paid(charge, saved)
    clock.advance(days=10)
    assert len(api.payouts.list().data) == 1


def test_a_manual_payout_beside_daily_ones(api: Any, charge: Any, saved: Any, turn: Any) -> None:
    charge(saved("pm_card_bypassPending").payment_method)
    clock.advance(seconds=5)
    with pytest.raises(stripe.InvalidRequestError, match="schedule is set to manual"):
        api.payouts.create({"amount": 500, "currency": "aud"})
    turn(manual_beside_daily=True)
    assert api.payouts.create({"amount": 500, "currency": "aud"}).automatic is False


def test_authorization_days(api: Any, turn: Any) -> None:
    hold = {"amount": 500, "currency": "aud", "capture_method": "manual", "payment_method": "pm_card_visa"}
    for days, status in ((1, "canceled"), (7, "requires_capture")):
        turn(authorization_days=days)
        intent = api.payment_intents.create({**hold, "confirm": True, "return_url": RETURN})
        clock.advance(days=2)
        assert api.payment_intents.retrieve(intent.id).status == status


def test_search_lag(api: Any, client: Any, turn: Any) -> None:
    query = {"query": "email:'books@wattle.test'"}
    assert api.customers.search(query).data == []
    turn(search_lag=0)
    assert [c.id for c in api.customers.search(query).data] == [client.id]


def test_negative_balances(api: Any, charge: Any, saved: Any, turn: Any) -> None:
    intent = paid(charge, saved)
    clock.advance(seconds=5)
    turn(debit_negative_balances=False)
    assert api.refunds.create({"payment_intent": intent.id, "amount": 100}).status == "pending"
    turn(debit_negative_balances=True)
    assert api.refunds.create({"payment_intent": intent.id, "amount": 100}).status == "succeeded"


def test_limits(api: Any, client: Any, charge: Any, turn: Any) -> None:
    method = becs(api, client).payment_method
    turn(debit_limit={"au_becs_debit": 1_000})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        charge(method, 1_001)
    assert refused.value.code == "charge_exceeds_transaction_limit"
    turn(debit_limit={})
    turn(debit_weekly_limit={"au_becs_debit": 1_500})
    charge(method, 1_001)
    turn(limits_at_once=False)
    late = charge(method, 1_001)
    assert late.status == "processing"
    clock.advance(days=3, seconds=5)
    assert api.payment_intents.retrieve(late.id).last_payment_error.code == "charge_exceeds_source_limit"
    turn(limits_at_once=True)
    with pytest.raises(stripe.InvalidRequestError):
        charge(method, 1_001)


def test_calls_a_second(api: Any, turn: Any) -> None:
    for _ in range(50):
        api.balance.retrieve()
    turn(calls_a_second=3)
    clock.advance(seconds=1)
    for _ in range(3):
        api.balance.retrieve()
    with pytest.raises(stripe.RateLimitError) as refused:
        api.customers.create({"name": "A"}, {"idempotency_key": "k"})
    assert refused.value.json_body["error"]["code"] == "rate_limit"
    assert refused.value.headers["Stripe-Should-Retry"] == "false"
    clock.advance(seconds=1)
    assert api.customers.create({"name": "A"}, {"idempotency_key": "k"}).name == "A"


def test_attaching_debits(api: Any, client: Any, turn: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_methods.attach("pm_auBecsDebit_success", {"customer": client.id})
    turn(attach_debits=True)
    assert api.payment_methods.attach("pm_auBecsDebit_success", {"customer": client.id}).customer == client.id


def test_canceling_in_processing(api: Any, client: Any, charge: Any, turn: Any) -> None:
    intent = charge(becs(api, client).payment_method, 1_000)
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_intents.cancel(intent.id)
    turn(cancel_processing=True)
    assert api.payment_intents.cancel(intent.id).status == "canceled"
    clock.advance(days=9)
    assert api.payment_intents.retrieve(intent.id).status == "canceled"
    assert api.charges.retrieve(intent.latest_charge).status == "failed"
    assert api.balance_transactions.list().data == []


@pytest.mark.parametrize(("contest", "status"), [(False, "lost"), (True, "needs_response")])
def test_contesting_debits(api: Any, client: Any, charge: Any, turn: Any, contest: bool, status: str) -> None:
    turn(contest_debits=contest)
    turn(debit_dispute_reason="insufficient_funds")
    charge(becs(api, client, "666666660").payment_method, 1_000)
    clock.advance(days=9)
    assert [(d.status, d.reason) for d in api.disputes.list().data] == [(status, "insufficient_funds")]


@pytest.mark.parametrize(("countered", "rows"), [(True, 2), (False, 1)])
def test_the_fee_for_countering(api: Any, charge: Any, saved: Any, turn: Any, countered: bool, rows: int) -> None:
    turn(countered_fee=countered)
    charge(saved("pm_card_createDispute").payment_method)
    clock.advance(seconds=5)
    [dispute] = api.disputes.list().data
    api.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "losing_evidence"}, "submit": True})
    clock.advance(minutes=2)
    assert len(api.balance_transactions.list({"source": dispute.id}).data) == rows


@pytest.mark.parametrize("at_once", [True, False])
def test_when_a_debit_method_is_attached(api: Any, client: Any, turn: Any, at_once: bool) -> None:
    turn(debit_attached_at_once=at_once)
    intent = api.payment_intents.create(
        {
            "amount": 1_000,
            "currency": "aud",
            "customer": client.id,
            "payment_method": "pm_auBecsDebit_success",
            "setup_future_usage": "off_session",
            "mandate_data": MANDATE,
            "confirm": True,
            "return_url": RETURN,
        }
    )
    assert len(api.payment_methods.list({"customer": client.id}).data) == at_once
    clock.advance(days=4)
    assert api.payment_intents.retrieve(intent.id).status == "succeeded"
    assert len(api.payment_methods.list({"customer": client.id}).data) == 1


def test_when_a_debits_fee_is_known(api: Any, client: Any, charge: Any, turn: Any) -> None:
    method = becs(api, client).payment_method
    for later in (True, False):
        turn(debit_capture_later=later)
        intent = charge(method, 1_000)
        clock.advance(days=7)
        [paid_event] = [
            event
            for event in api.events.list({"type": "payment_intent.succeeded"}).data
            if event.data.object.id == intent.id
        ]
        charge_event = next(e for e in api.events.list({"type": "charge.updated"}).data)
        assert (charge_event.created > paid_event.created) is later


def test_future_usage_off_session(charge: Any, saved: Any, turn: Any) -> None:
    method = saved("pm_card_visa").payment_method
    with pytest.raises(stripe.InvalidRequestError):
        charge(method, setup_future_usage="off_session")
    turn(future_usage_off_session=True)
    assert charge(method, setup_future_usage="off_session").status == "succeeded"


def test_off_session_with_a_method_of_nobody(charge: Any, turn: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        charge("pm_card_visa")
    turn(off_session_unattached=True)
    assert charge("pm_card_visa").status == "succeeded"


@pytest.mark.parametrize("listed", [True, False])
def test_the_payouts_own_row(api: Any, charge: Any, saved: Any, turn: Any, listed: bool) -> None:
    turn(payout_row_listed=listed)
    paid(charge, saved)
    clock.advance(days=9)
    [payout] = api.payouts.list().data
    rows = api.balance_transactions.list({"payout": payout.id}).data
    assert ("payout" in [row.type for row in rows]) is listed
    assert sum(row.net for row in rows if row.type != "payout") == payout.amount
    assert len(api.balance_transactions.list({"type": "payout"}).data) == 1


@pytest.mark.parametrize(("repeat", "decline"), [(False, None), (True, "expired_card")])
def test_decline_codes_that_say_nothing_new(api: Any, client: Any, turn: Any, repeat: bool, decline: str) -> None:
    turn(repeat_decline_codes=repeat)
    with pytest.raises(stripe.CardError) as refused:
        api.payment_methods.attach("pm_card_chargeDeclinedExpiredCard", {"customer": client.id})
    assert refused.value.error.decline_code == decline


@pytest.mark.parametrize(("itemised", "kinds"), [(True, ["stripe_fee", "tax"]), (False, ["stripe_fee"])])
def test_tax_in_fees(api: Any, charge: Any, saved: Any, turn: Any, itemised: bool, kinds: list[str]) -> None:
    turn(tax_itemised=itemised)
    paid(charge, saved)
    clock.advance(seconds=5)
    [row] = api.balance_transactions.list().data
    assert [part.type for part in row.fee_details] == kinds
    assert sum(part.amount for part in row.fee_details) == row.fee


def test_how_long_a_debits_refund_takes(api: Any, client: Any, charge: Any, turn: Any) -> None:
    intent = charge(becs(api, client).payment_method)
    clock.advance(days=10)
    for days, status in ((3, "pending"), (1, "succeeded")):
        turn(refund_days=days)
        refund = api.refunds.create({"payment_intent": intent.id, "amount": 1_000})
        clock.advance(days=1, seconds=5)
        assert api.refunds.retrieve(refund.id).status == status
        clock.advance(days=6)


def test_the_pace_of_deliveries(sandbox: StripeSandbox, api: Any, inbox: Any, turn: Any) -> None:
    api.webhook_endpoints.create({"url": "http://practice.test/", "enabled_events": ["customer.created"]})
    inbox.status = 500
    for first, tries in ((60, 11), (3_600, 4)):
        turn(retry_first=first)
        inbox.got.clear()
        api.customers.create({"name": "A"})
        for _ in range(80):
            sandbox.tick()
            clock.advance(hours=1)
        assert len(inbox.got) == tries


def test_what_a_browser_sees(sandbox: StripeSandbox, api: Any, turn: Any) -> None:
    browser = connect(sandbox.credentials("acct_harbour")["publishable_key"])
    intent = api.payment_intents.create({"amount": 500, "currency": "aud", "metadata": {"job": "7"}})
    for whole in (False, True):
        turn(browser_sees_all=whole)
        seen = browser.payment_intents.retrieve(intent.id, {"client_secret": intent.client_secret})
        assert ("metadata" in seen.to_dict()) is whole


def test_a_refund_after_a_dispute_was_won(api: Any, charge: Any, saved: Any, turn: Any) -> None:
    for may in (False, True):
        turn(refund_after_win=may)
        intent = charge(saved("pm_card_createDispute").payment_method)
        clock.advance(seconds=5)
        dispute = api.disputes.list().data[0]
        api.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True})
        clock.advance(minutes=2)
        assert api.disputes.retrieve(dispute.id).status == "won"
        if may:
            assert api.refunds.create({"payment_intent": intent.id}).status == "succeeded"
            continue
        with pytest.raises(stripe.InvalidRequestError) as refused:
            api.refunds.create({"payment_intent": intent.id})
        assert refused.value.code == "charge_disputed"
