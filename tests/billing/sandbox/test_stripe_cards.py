"""Cards: each decline, authentication on and off session, saving, and who may use what."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from billing.sandbox.stripe import StripeSandbox, cards
from practice.core import clock
from tests.billing.sandbox.conftest import connect, control

RETURN = "https://pay.test/"


def browser_card(sandbox: StripeSandbox, number: str, **more: Any) -> Any:
    """A card typed into the Payment Element."""
    browser = connect(sandbox.credentials("acct_harbour")["publishable_key"])
    card = {"number": number, "exp_month": 12, "exp_year": 2030, "cvc": "123", **more}
    return browser.payment_methods.create({"type": "card", "card": card})


def test_a_payment_on_session(sandbox: StripeSandbox, api: Any) -> None:
    method = browser_card(sandbox, "4242 4242 4242 4242")
    intent = api.payment_intents.create(
        {"amount": 5_000, "currency": "aud", "payment_method": method.id, "confirm": True, "return_url": RETURN}
    )
    assert (intent.status, intent.amount_received) == ("succeeded", 5_000)
    charge = api.charges.retrieve(intent.latest_charge)
    assert (charge.status, charge.balance_transaction) == ("succeeded", None)
    clock.advance(seconds=2)
    moved = api.charges.retrieve(intent.latest_charge, {"expand": ["balance_transaction"]}).balance_transaction
    assert (moved.type, moved.reporting_category, moved.amount, moved.fee) == ("charge", "charge", 5_000, 115)
    assert [(d.type, d.amount) for d in moved.fee_details] == [("stripe_fee", 105), ("tax", 10)]
    assert moved.status == "pending"


@pytest.mark.parametrize(
    ("number", "code", "decline"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000009987", "card_declined", "lost_card"),
        ("4000000000009979", "card_declined", "stolen_card"),
        ("4000000000006975", "card_declined", "card_velocity_exceeded"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
        ("4000000000000119", "processing_error", "processing_error"),
        ("4000000000000341", "card_declined", "generic_decline"),
        ("4100000000000019", "card_declined", "fraudulent"),
        ("4000008400001280", "card_declined", "generic_decline"),
    ],
)
def test_each_decline(sandbox: StripeSandbox, api: Any, number: str, code: str, decline: str | None) -> None:
    method = browser_card(sandbox, number)
    with pytest.raises(stripe.CardError) as refused:
        api.payment_intents.create(
            {"amount": 5_000, "currency": "aud", "payment_method": method.id, "confirm": True, "return_url": RETURN}
        )
    error = refused.value.error
    assert (refused.value.http_status, error.type, error.code, error.decline_code) == (402, "card_error", code, decline)
    assert error.payment_intent.status == "requires_payment_method"
    intent = api.payment_intents.retrieve(error.payment_intent.id)
    assert intent.last_payment_error.to_dict().get("decline_code") == decline
    assert intent.last_payment_error.payment_method.id == method.id
    charge = api.charges.retrieve(intent.latest_charge)
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, code)
    assert api.balance_transactions.list().data == []


def test_declined_cards_cannot_be_saved_but_one_can(api: Any, client: Any, saved: Any, charge: Any) -> None:
    with pytest.raises(stripe.CardError):
        api.payment_methods.attach("pm_card_visa_chargeDeclined", {"customer": client.id})
    with pytest.raises(stripe.CardError) as refused:
        saved("pm_card_visa_chargeDeclined")
    assert refused.value.error.setup_intent.status == "requires_payment_method"
    assert api.payment_methods.list({"customer": client.id}).data == []
    intent = saved("pm_card_chargeCustomerFail")
    assert intent.status == "succeeded"
    with pytest.raises(stripe.CardError):
        charge(intent.payment_method)


def test_a_setup_saves_the_card_for_later(api: Any, client: Any, saved: Any, charge: Any) -> None:
    intent = saved("pm_card_visa")
    assert (intent.status, intent.usage) == ("succeeded", "off_session")
    assert [m.id for m in api.payment_methods.list({"customer": client.id}).data] == [intent.payment_method]
    assert charge(intent.payment_method).status == "succeeded"


def test_authentication_once_is_enough_for_one_card_and_never_for_the_other(saved: Any, charge: Any, api: Any) -> None:
    once = saved("pm_card_authenticationRequiredOnSetup")
    assert charge(once.payment_method).status == "succeeded"
    always = saved("pm_card_authenticationRequired")
    assert always.status == "succeeded"
    with pytest.raises(stripe.CardError) as refused:
        charge(always.payment_method)
    error = refused.value.error
    assert (error.code, error.decline_code) == ("authentication_required", "authentication_required")
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_method.id == always.payment_method
    # The customer comes back: the same intent, the same method, on session.
    again = api.payment_intents.confirm(
        error.payment_intent.id, {"payment_method": always.payment_method, "return_url": RETURN}
    )
    assert again.status == "requires_action"
    control(f"/_sandbox/authenticate/{again.id}", {"client_secret": again.client_secret, "passed": True})
    assert api.payment_intents.retrieve(again.id).status == "succeeded"


def test_attached_without_setup_still_needs_authentication(api: Any, client: Any, charge: Any) -> None:
    method = api.payment_methods.attach("pm_card_authenticationRequiredOnSetup", {"customer": client.id})
    with pytest.raises(stripe.CardError) as refused:
        charge(method.id)
    assert refused.value.code == "authentication_required"


def test_failed_authentication(api: Any, client: Any) -> None:
    intent = api.setup_intents.create(
        {
            "customer": client.id,
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": RETURN,
        }
    )
    assert intent.next_action.type == "redirect_to_url"
    control(f"/_sandbox/authenticate/{intent.id}", {"client_secret": intent.client_secret, "passed": False})
    after = api.setup_intents.retrieve(intent.id)
    assert (after.status, after.last_setup_error.code) == (
        "requires_payment_method",
        "setup_intent_authentication_failure",
    )
    assert api.payment_methods.list({"customer": client.id}).data == []


def test_error_on_requires_action(api: Any, client: Any) -> None:
    with pytest.raises(stripe.CardError) as refused:
        api.payment_intents.create(
            {
                "amount": 500,
                "currency": "aud",
                "payment_method": "pm_card_authenticationRequired",
                "confirm": True,
                "error_on_requires_action": True,
                "return_url": RETURN,
            }
        )
    assert refused.value.code == "authentication_required"


def test_a_deposit_saves_the_card(api: Any, client: Any, charge: Any) -> None:
    intent = api.payment_intents.create(
        {
            "amount": 5_000,
            "currency": "aud",
            "customer": client.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "setup_future_usage": "off_session",
            "return_url": RETURN,
        }
    )
    assert api.payment_methods.retrieve(intent.payment_method).customer == client.id
    assert charge(intent.payment_method).status == "succeeded"


def test_methods_belong_to_somebody(api: Any, client: Any, saved: Any) -> None:
    other = api.customers.create({"name": "Someone else"})
    method = saved("pm_card_visa").payment_method
    base = {"amount": 500, "currency": "aud", "confirm": True, "return_url": RETURN}
    with pytest.raises(stripe.InvalidRequestError, match="does not belong to the Customer"):
        api.payment_intents.create({**base, "customer": other.id, "payment_method": method})
    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        api.payment_intents.create({**base, "payment_method": method})
    with pytest.raises(stripe.InvalidRequestError, match="off-session"):
        api.payment_intents.create(
            {**base, "customer": client.id, "payment_method": "pm_card_visa", "off_session": True}
        )
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        api.payment_methods.attach(method, {"customer": other.id})
    api.payment_methods.detach(method)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        api.payment_methods.attach(method, {"customer": client.id})
    assert api.charges.list().data == []


def test_a_method_without_a_customer_serves_once(sandbox: StripeSandbox, api: Any) -> None:
    method = browser_card(sandbox, "4242424242424242")
    params = {"amount": 500, "currency": "aud", "payment_method": method.id, "confirm": True, "return_url": RETURN}
    api.payment_intents.create(params)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        api.payment_intents.create(params)


def test_dynamic_methods_need_a_return_address(api: Any) -> None:
    base = {"amount": 500, "currency": "aud", "payment_method": "pm_card_visa", "confirm": True}
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        api.payment_intents.create(base)
    never = {"automatic_payment_methods": {"enabled": True, "allow_redirects": "never"}}
    assert api.payment_intents.create({**base, **never}).status == "succeeded"
    assert api.payment_intents.create({**base, "allowed_payment_method_types": ["card"]}).status == "succeeded"


def test_what_a_status_forbids(api: Any) -> None:
    intent = api.payment_intents.create({"amount": 500, "currency": "aud"})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.payment_intents.confirm(intent.id, {"return_url": RETURN})
    assert refused.value.code == "payment_intent_unexpected_state"
    assert api.payment_intents.update(intent.id, {"amount": 700}).amount == 700
    done = api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "return_url": RETURN})
    assert (done.status, done.amount_received) == ("succeeded", 700)
    for call in (
        lambda: api.payment_intents.cancel(intent.id),
        lambda: api.payment_intents.update(intent.id, {"amount": 800}),
        lambda: api.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "return_url": RETURN}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            call()
        assert refused.value.code == "payment_intent_unexpected_state"
        assert refused.value.error.payment_intent.status == "succeeded"
    assert len(api.charges.list().data) == 1


def test_statement_descriptor_is_refused(api: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        api.payment_intents.create({"amount": 500, "currency": "aud", "statement_descriptor": "INV 1"})
    assert refused.value.param == "statement_descriptor"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"number": "4242424242424241"}, "incorrect_number"),
        ({"number": "4111111111111111"}, "card_declined"),
        ({"exp_year": 2025}, "invalid_expiry_year"),
        ({"exp_month": 13}, "invalid_expiry_month"),
        ({"cvc": "12"}, "invalid_cvc"),
    ],
)
def test_mistyped_cards(sandbox: StripeSandbox, change: Any, code: str) -> None:
    with pytest.raises(stripe.CardError) as refused:
        browser_card(sandbox, **{"number": "4242424242424242", **change})
    assert refused.value.code == code


def test_every_test_number_passes_its_check_digit() -> None:
    assert [number for number in cards.CARDS if not cards.luhn(number)] == []
    assert set(cards.MAGIC.values()) <= set(cards.CARDS)
