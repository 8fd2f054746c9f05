"""Refunds, disputes, payouts and the balance: what leaves, what comes back, and that it adds up."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from billing.sandbox.stripe import StripeSandbox
from practice.core import clock
from tests.billing.sandbox.conftest import control


@pytest.fixture
def paid(saved: Any, charge: Any) -> Any:
    """A card payment of 1,100.00 whose fee is known."""
    intent = charge(saved("pm_card_visa").payment_method)
    clock.advance(seconds=5)
    return intent


def test_refunds_stop_at_the_charge(api: Any, paid: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        api.refunds.create({"payment_intent": paid.id, "amount": 110_001})
    first = api.refunds.create({"payment_intent": paid.id, "amount": 10_000, "reason": "requested_by_customer"})
    moved = api.balance_transactions.retrieve(first.balance_transaction)
    assert (first.status, moved.type, moved.amount, moved.fee) == ("succeeded", "refund", -10_000, 0)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        api.refunds.create({"payment_intent": paid.id, "amount": 100_001})
    api.refunds.create({"charge": paid.latest_charge})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.refunds.create({"charge": paid.latest_charge})
    assert refused.value.code == "charge_already_refunded"
    charge = api.charges.retrieve(paid.latest_charge, {"expand": ["refunds"]})
    assert (charge.refunded, charge.amount_refunded, len(charge.refunds.data)) == (True, 110_000, 2)


def test_a_refund_before_the_fee_is_known_waits(api: Any, saved: Any, charge: Any) -> None:
    intent = charge(saved("pm_card_visa").payment_method)
    refund = api.refunds.create({"payment_intent": intent.id})
    assert (refund.status, refund.pending_reason) == ("pending", "charge_pending")
    clock.advance(seconds=5)
    assert api.refunds.retrieve(refund.id).status == "succeeded"


def test_a_refund_waits_for_the_balance_where_it_may_not_go_below_zero(
    sandbox: StripeSandbox, api: Any, paid: Any
) -> None:
    sandbox.configure("acct_harbour", debit_negative_balances=False, payouts="manual")
    refund = api.refunds.create({"payment_intent": paid.id, "amount": 1_000})
    assert (refund.status, refund.pending_reason) == ("pending", "insufficient_funds")
    clock.advance(days=4)
    assert api.refunds.retrieve(refund.id).status == "succeeded"


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("pm_card_pendingRefund", "pending", "succeeded"), ("pm_card_refundFail", "succeeded", "failed")],
)
def test_refunds_that_take_their_time(api: Any, saved: Any, charge: Any, name: str, first: str, last: str) -> None:
    intent = charge(saved(name).payment_method)
    clock.advance(seconds=5)
    refund = api.refunds.create({"payment_intent": intent.id, "amount": 1_000})
    assert refund.status == first
    clock.advance(days=6)
    later = api.refunds.retrieve(refund.id)
    assert later.status == last
    if last == "failed":
        back = api.balance_transactions.retrieve(later.failure_balance_transaction)
        assert (back.type, back.amount) == ("refund_failure", 1_000)
        assert api.charges.retrieve(intent.latest_charge).amount_refunded == 0
        assert [e.data.object.id for e in api.events.list({"type": "refund.failed"}).data] == [refund.id]


def test_a_dispute_takes_the_money_and_the_fee(api: Any, saved: Any, charge: Any) -> None:
    intent = charge(saved("pm_card_createDispute").payment_method)
    clock.advance(seconds=5)
    [dispute] = api.disputes.list({"payment_intent": intent.id}).data
    assert (dispute.status, dispute.reason) == ("needs_response", "fraudulent")
    assert dispute.balance_transactions[0].net == -112_500
    assert [(d.type, d.amount) for d in dispute.balance_transactions[0].fee_details] == [
        ("stripe_fee", 2_273),
        ("tax", 227),
    ]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_disputed"
    kinds = [e.type for e in api.events.list({"types": ["charge.dispute.*"]}).data]
    assert kinds == ["charge.dispute.funds_withdrawn", "charge.dispute.created"]
    assert api.disputes.close(dispute.id).status == "lost"
    with pytest.raises(stripe.InvalidRequestError):
        api.disputes.close(dispute.id)


@pytest.mark.parametrize(("text", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
def test_contesting_a_dispute(api: Any, saved: Any, charge: Any, text: str, status: str) -> None:
    charge(saved("pm_card_createDispute").payment_method)
    clock.advance(seconds=5)
    [dispute] = api.disputes.list().data
    sent = api.disputes.update(dispute.id, {"evidence": {"uncategorized_text": text}, "submit": True})
    assert sent.status == "under_review"
    clock.advance(minutes=2)
    closed = api.disputes.retrieve(dispute.id)
    assert closed.status == status
    nets = [row.net for row in api.balance_transactions.list({"source": dispute.id}).data]
    assert nets == ([2_500, 110_000, -2_500, -112_500] if status == "won" else [-2_500, -112_500])
    reinstated = api.events.list({"type": "charge.dispute.funds_reinstated"}).data
    assert len(reinstated) == (status == "won")


def test_a_payout_adds_up(api: Any, client: Any, saved: Any, charge: Any) -> None:
    method = saved("pm_card_visa").payment_method
    intents = [charge(method, 10_000 * n) for n in (1, 2, 3)]
    clock.advance(seconds=5)
    api.refunds.create({"payment_intent": intents[0].id, "amount": 4_000})
    clock.advance(days=1)  # the refund's shortfall is taken from the bank at midnight
    clock.advance(days=9)
    payouts = api.payouts.list().data
    assert [p.amount for p in payouts] == [58_890, -4_000]
    for payout in payouts:
        rows = api.balance_transactions.list({"payout": payout.id, "limit": 100, "expand": ["data.source"]}).data
        assert sum(row.net for row in rows if row.type != "payout") == payout.amount
        assert (payout.status, payout.reconciliation_status, payout.automatic) == ("paid", "completed", True)
        created = api.events.list({"type": "payout.created"}).data
        assert payout.id in [e.data.object.id for e in created]
    assert payouts[0].arrival_date - payouts[0].created == 2 * 86_400
    balance = api.balance.retrieve()
    assert (balance.available[0].amount, balance.pending[0].amount) == (0, 0)


def test_money_is_pending_then_available_then_paid_out(sandbox: StripeSandbox, api: Any, paid: Any) -> None:
    def balance() -> tuple[int, int]:
        shown = api.balance.retrieve()
        return shown.available[0].amount, shown.pending[0].amount

    assert balance() == (0, 108_100)
    sandbox.configure("acct_harbour", payouts="manual")
    clock.advance(days=2)
    assert balance() == (108_100, 0)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.payouts.create({"amount": 108_101, "currency": "aud"})
    assert refused.value.code == "balance_insufficient"


def test_manual_payouts_cannot_be_itemised(sandbox: StripeSandbox, api: Any, saved: Any, charge: Any) -> None:
    sandbox.configure("acct_harbour", payouts="manual")
    charge(saved("pm_card_bypassPending").payment_method)
    clock.advance(seconds=5)
    payout = api.payouts.create({"amount": 50_000, "currency": "aud"})
    assert (payout.automatic, payout.reconciliation_status) == (False, "not_applicable")
    with pytest.raises(stripe.InvalidRequestError):
        api.balance_transactions.list({"payout": payout.id})


def test_a_failed_payout_comes_back_and_goes_out_again(api: Any, paid: Any) -> None:
    clock.advance(days=2)
    [payout] = api.payouts.list().data
    control("/_sandbox/payouts/fail", {"account": "acct_harbour", "payout": payout.id})
    failed = api.payouts.retrieve(payout.id, {"expand": ["failure_balance_transaction"]})
    back = failed.failure_balance_transaction
    assert (failed.status, back.type, back.reporting_category, back.amount) == (
        "failed",
        "payout_failure",
        "payout_reversal",
        108_100,
    )
    clock.advance(days=6)
    assert [p.amount for p in api.payouts.list({"status": "paid"}).data] == [108_100]


def test_a_clock_that_jumps_leaves_the_same_history(inbox: Any) -> None:
    from practice.core import network
    from practice.core.sandbox.store import Store
    from tests.billing.sandbox.conftest import BASE, MONDAY, becs, connect

    def history(steps: list[float]) -> list[tuple[str, int]]:
        clock.move(MONDAY)
        fresh = StripeSandbox(Store(), base_url=BASE, seed=7)
        with network.answer_in_process({"stripe.test": fresh}):
            api = connect(fresh.credentials("acct_harbour")["secret_key"])
            client = api.customers.create({"name": "A"})
            method = becs(api, client).payment_method
            api.payment_intents.create(
                {
                    "amount": 5_000,
                    "currency": "aud",
                    "customer": client.id,
                    "payment_method": method,
                    "confirm": True,
                    "off_session": True,
                    "return_url": "https://x.test/",
                }
            )
            for hours in steps:
                clock.advance(hours=hours)
                fresh.tick()
            return [(e.type, e.created) for e in api.events.list({"limit": 100}).data]

    assert history([24 * 14]) == history([7] * 48)
