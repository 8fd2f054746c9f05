"""Money that is held first and captured later, in whole, in part, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from practice.core import clock

RETURN = "https://pay.test/"


@pytest.fixture
def held(api: Any, client: Any) -> Any:
    """A hold of 50.00 on a card."""
    return api.payment_intents.create(
        {
            "amount": 5_000,
            "currency": "aud",
            "customer": client.id,
            "capture_method": "manual",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "return_url": RETURN,
        }
    )


def kinds(api: Any) -> list[str]:
    return [event.type for event in api.events.list({"limit": 100}).data]


def test_a_hold_moves_no_money(api: Any, held: Any) -> None:
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 5_000, 0)
    assert held.payment_method_types == ["card"]
    charge = api.charges.retrieve(held.latest_charge)
    assert (charge.status, charge.paid, charge.captured, charge.amount_captured) == ("succeeded", True, False, 0)
    assert charge.payment_method_details.card.capture_before - charge.created == 7 * 86_400
    clock.advance(hours=1)
    assert api.balance_transactions.list().data == []
    with pytest.raises(stripe.InvalidRequestError):
        api.refunds.create({"payment_intent": held.id})
    assert kinds(api)[:2] == ["payment_intent.amount_capturable_updated", "charge.succeeded"]


def test_a_part_is_captured_and_the_rest_let_go(api: Any, held: Any) -> None:
    done = api.payment_intents.capture(
        held.id, {"amount_to_capture": 3_000, "expand": ["latest_charge.balance_transaction"]}
    )
    assert (done.status, done.amount_received, done.amount_capturable) == ("succeeded", 3_000, 0)
    charge = done.latest_charge
    assert (charge.amount, charge.amount_captured, charge.captured) == (5_000, 3_000, True)
    assert (charge.balance_transaction.amount, charge.balance_transaction.fee) == (3_000, 81)
    assert kinds(api)[:3] == ["payment_intent.succeeded", "charge.updated", "charge.captured"]
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        api.refunds.create({"payment_intent": held.id, "amount": 3_001})
    api.refunds.create({"payment_intent": held.id})
    assert api.charges.retrieve(charge.id).refunded


@pytest.mark.parametrize(
    ("amount", "code", "words"),
    [
        (5_001, "amount_too_large", "greater than the amount you can capture"),
        (0, "parameter_invalid_integer", "greater than or equal to 1"),
        (-1, None, "Invalid non-negative integer"),
    ],
)
def test_more_than_the_hold_cannot_be_captured(api: Any, held: Any, amount: int, code: str, words: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=words) as refused:
        api.payment_intents.capture(held.id, {"amount_to_capture": amount})
    assert (refused.value.code, refused.value.error.payment_intent.status) == (code, "requires_capture")
    assert api.payment_intents.retrieve(held.id).amount_capturable == 5_000


def test_a_hold_is_captured_once(api: Any, held: Any) -> None:
    api.payment_intents.capture(held.id)
    with pytest.raises(stripe.InvalidRequestError, match="remainder of the authorized amount") as refused:
        api.payment_intents.capture(held.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    plain = api.payment_intents.create({"amount": 500, "currency": "aud"})
    with pytest.raises(stripe.InvalidRequestError, match="may be captured: requires_capture"):
        api.payment_intents.capture(plain.id)


def test_a_hold_can_be_canceled(api: Any, held: Any) -> None:
    gone = api.payment_intents.cancel(held.id, {"cancellation_reason": "abandoned"})
    assert (gone.status, gone.amount_capturable, gone.cancellation_reason) == ("canceled", 0, "abandoned")
    with pytest.raises(stripe.InvalidRequestError):
        api.payment_intents.capture(held.id)
    clock.advance(days=8)
    assert api.balance_transactions.list().data == []


def test_a_hold_ends_by_itself_after_seven_days(api: Any, held: Any) -> None:
    clock.advance(days=6, hours=23)
    assert api.payment_intents.retrieve(held.id).status == "requires_capture"
    clock.advance(hours=2)
    gone = api.payment_intents.retrieve(held.id)
    assert (gone.status, gone.cancellation_reason) == ("canceled", "automatic")
    assert kinds(api)[:2] == ["payment_intent.canceled", "charge.expired"]


def test_a_debit_cannot_be_held(api: Any, client: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No valid payment method types"):
        api.payment_intents.create(
            {
                "amount": 500,
                "currency": "aud",
                "capture_method": "manual",
                "allowed_payment_method_types": ["au_becs_debit"],
            }
        )
