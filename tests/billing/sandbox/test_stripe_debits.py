"""Bank debits: mandates, days of waiting, failures, late returns, verification and limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from practice.core import clock
from tests.billing.sandbox.conftest import MANDATE, becs, control

RETURN = "https://pay.test/"


def test_becs_needs_permission_and_details(api: Any, client: Any) -> None:
    data = {
        "type": "au_becs_debit",
        "au_becs_debit": {"bsb_number": "000-000", "account_number": "000123456"},
        "billing_details": {"name": "Wattle", "email": "books@wattle.test"},
    }
    base = {"customer": client.id, "confirm": True, "return_url": RETURN, "payment_method_data": data}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.setup_intents.create(base)
    assert refused.value.code == "payment_intent_mandate_invalid"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.setup_intents.create(
            {**base, "mandate_data": MANDATE, "payment_method_data": {**data, "billing_details": {"name": "Wattle"}}}
        )
    assert refused.value.param == "billing_details[email]"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.payment_methods.create({**data, "au_becs_debit": {"bsb_number": "12", "account_number": "000123456"}})
    assert refused.value.code == "invalid_bsb_number"


def test_a_debit_is_paid_after_three_business_days(api: Any, client: Any, charge: Any) -> None:
    setup = becs(api, client)
    mandate = api.mandates.retrieve(setup.mandate)
    assert (setup.status, mandate.status, mandate.type) == ("succeeded", "active", "multi_use")
    assert mandate.customer_acceptance.online.ip_address == "203.0.113.5"
    clock.move(datetime(2026, 3, 5, 1, 0, tzinfo=UTC))  # a Thursday
    intent = charge(setup.payment_method)
    assert intent.status == "processing"
    attempt = api.charges.retrieve(intent.latest_charge)
    assert (attempt.status, attempt.payment_method_details.au_becs_debit.mandate) == ("pending", setup.mandate)
    assert attempt.payment_method_details.au_becs_debit.expected_debit_date == "2026-03-10"
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_intents.cancel(intent.id)
    with pytest.raises(stripe.InvalidRequestError):
        api.refunds.create({"payment_intent": intent.id})
    clock.advance(days=4)
    assert api.payment_intents.retrieve(intent.id).status == "processing"
    clock.advance(days=1, seconds=5)
    paid = api.payment_intents.retrieve(intent.id, {"expand": ["latest_charge.balance_transaction"]})
    moved = paid.latest_charge.balance_transaction
    assert (paid.status, moved.type, moved.reporting_category, moved.fee) == ("succeeded", "payment", "charge", 350)


def test_a_debit_fails_after_days(api: Any, client: Any, charge: Any) -> None:
    intent = charge(becs(api, client, "111111113").payment_method)
    assert intent.status == "processing"
    clock.advance(days=3, seconds=5)
    failed = api.payment_intents.retrieve(intent.id)
    assert (failed.status, failed.last_payment_error.code) == ("requires_payment_method", "account_closed")
    assert api.charges.retrieve(intent.latest_charge).failure_code == "account_closed"
    assert api.balance_transactions.list().data == []


def test_a_debit_can_be_settled_now_either_way(api: Any, client: Any, charge: Any) -> None:
    method = becs(api, client).payment_method
    good, bad = charge(method, 5_000), charge(method, 6_000)
    control("/_sandbox/debits/settle", {"account": "acct_harbour", "charge": good.latest_charge})
    control(
        "/_sandbox/debits/settle",
        {"account": "acct_harbour", "charge": bad.latest_charge, "failure": "insufficient_funds"},
    )
    assert api.payment_intents.retrieve(good.id).status == "succeeded"
    assert api.payment_intents.retrieve(bad.id).last_payment_error.code == "insufficient_funds"
    clock.advance(days=10)
    assert [e.data.object.id for e in api.events.list({"type": "payment_intent.succeeded"}).data] == [good.id]


def test_a_late_return_is_a_lost_dispute(api: Any, client: Any, charge: Any) -> None:
    setup = becs(api, client, "666666660")
    intent = charge(setup.payment_method)
    clock.advance(days=3, seconds=5)
    assert api.payment_intents.retrieve(intent.id).status == "succeeded"
    clock.advance(days=5)
    [dispute] = api.disputes.list().data
    assert (dispute.status, dispute.reason, dispute.amount) == ("lost", "debit_not_authorized", 110_000)
    [moved] = dispute.balance_transactions
    assert (moved.type, moved.reporting_category, moved.amount, moved.fee, moved.net) == (
        "adjustment",
        "dispute",
        -110_000,
        2_500,
        -112_500,
    )
    assert api.mandates.retrieve(setup.mandate).status == "inactive"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        charge(setup.payment_method)
    assert refused.value.code == "payment_intent_mandate_invalid"


def test_ach_by_magic_name_takes_four_days(us: Any) -> None:
    client = us.customers.create({"name": "Maple Dental LLC"})
    setup = us.setup_intents.create(
        {
            "customer": client.id,
            "payment_method": "pm_usBankAccount_success",
            "confirm": True,
            "mandate_data": MANDATE,
            "return_url": RETURN,
        }
    )
    assert setup.status == "succeeded"
    intent = us.payment_intents.create(
        {
            "amount": 20_000,
            "currency": "usd",
            "customer": client.id,
            "payment_method": setup.payment_method,
            "confirm": True,
            "off_session": True,
            "return_url": RETURN,
        }
    )
    clock.advance(days=3)
    assert us.payment_intents.retrieve(intent.id).status == "processing"
    clock.advance(days=1, seconds=5)
    shown = us.payment_intents.retrieve(intent.id, {"expand": ["latest_charge.balance_transaction"]})
    assert shown.latest_charge.balance_transaction.fee == 160
    assert [d.type for d in shown.latest_charge.balance_transaction.fee_details] == ["stripe_fee"]


def test_ach_details_typed_on_a_server_need_microdeposits(us: Any) -> None:
    client = us.customers.create({"name": "Maple Dental LLC"})
    setup = us.setup_intents.create(
        {
            "customer": client.id,
            "confirm": True,
            "mandate_data": MANDATE,
            "return_url": RETURN,
            "payment_method_data": {
                "type": "us_bank_account",
                "us_bank_account": {"routing_number": "110000000", "account_number": "000111111113"},
                "billing_details": {"name": "Maple Dental"},
            },
        }
    )
    assert (setup.status, setup.next_action.type) == ("requires_action", "verify_with_microdeposits")
    with pytest.raises(stripe.InvalidRequestError):
        us.setup_intents.verify_microdeposits(setup.id, {"amounts": [1, 2]})
    done = us.setup_intents.verify_microdeposits(setup.id, {"amounts": [32, 45]})
    assert done.status == "succeeded"
    intent = us.payment_intents.create(
        {
            "amount": 20_000,
            "currency": "usd",
            "customer": client.id,
            "payment_method": done.payment_method,
            "confirm": True,
            "off_session": True,
            "return_url": RETURN,
        }
    )
    clock.advance(days=4, seconds=5)
    assert us.payment_intents.retrieve(intent.id).last_payment_error.code == "account_closed"


def test_becs_limits_are_a_clear_reason(api: Any, client: Any, charge: Any) -> None:
    method = becs(api, client).payment_method
    with pytest.raises(stripe.InvalidRequestError) as refused:
        charge(method, 1_000_001)
    assert refused.value.code == "charge_exceeds_transaction_limit"
    charge(method, 600_000)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        charge(method, 600_000)
    assert refused.value.code == "charge_exceeds_source_limit"
    assert refused.value.error.payment_intent.status == "requires_payment_method"
    assert len(api.charges.list().data) == 1


def test_a_debit_refund_takes_days(api: Any, client: Any, charge: Any) -> None:
    intent = charge(becs(api, client).payment_method)
    clock.advance(days=3, seconds=5)
    refund = api.refunds.create({"payment_intent": intent.id, "amount": 10_000})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    assert api.balance_transactions.retrieve(refund.balance_transaction).type == "payment_refund"
    clock.advance(days=5)
    assert api.refunds.retrieve(refund.id).status == "succeeded"
