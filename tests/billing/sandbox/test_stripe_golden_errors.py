"""Errors word for word: what Stripe was seen to answer, with where it was seen.

R: recorded in test mode by others, github.com/Kiln-AI/stripe_world, tests/conformance/cassettes (2026-08-26.dahlia), by
number. S: Stripe's SDKs' own tests and issues. D: docs.stripe.com. ``request_log_url`` is left out: it names a dashboard.
"""

from __future__ import annotations

from typing import Any

import pytest
import requests

from billing.sandbox.stripe import StripeSandbox
from practice.core import clock, network
from tests.billing.sandbox.conftest import BASE

INVALID = "invalid_request_error"
DOC = "https://stripe.com/docs/error-codes/"


def error(message: str, code: str = "", param: str = "", kind: str = INVALID, **more: Any) -> dict[str, Any]:
    said = {"message": message, "type": kind, **more}
    if code:
        said |= {"code": code, "doc_url": DOC + code.replace("_", "-")}
    return said | ({"param": param} if param else {})


#: Source, method, path, form, status, the whole error; ``{pi}`` and the like stand for objects made before.
GOLDEN: list[tuple[str, str, str, dict[str, str], int, dict[str, Any]]] = [
    ("R09", "GET", "customers", {"limit": "abc"}, 400, error("Invalid integer: abc", "parameter_invalid_integer", "limit")),
    ("R09", "GET", "customers", {"wat": "x"}, 400, error("Received unknown parameter: wat", "parameter_unknown", "wat")),
    (
        "R09", "POST", "customers", {"invoice_settings[nope]": "x"}, 400,
        error("Received unknown parameter: invoice_settings[nope]", "parameter_unknown", "invoice_settings[nope]"),
    ),
    (
        "R09", "GET", "customers", {"starting_after": "cus_aaa"}, 400,
        error("No such customer: 'cus_aaa'", "resource_missing", "starting_after"),
    ),
    (
        "R09", "GET", "customers", {"starting_after": "{cus}", "ending_before": "{cus}"}, 400,
        error("Received both starting_after and ending_before parameters. Please pass in only one."),
    ),
    ("R02", "GET", "customers/cus_x", {}, 404, error("No such customer: 'cus_x'", "resource_missing", "id")),
    ("R11", "GET", "payouts/po_nope", {}, 404, error("No such payout: 'po_nope'", "resource_missing", "payout")),
    (
        "R11", "GET", "balance_transactions/txn_nope", {}, 404,
        error("No such balance transaction: 'txn_nope'", "resource_missing", "id"),
    ),
    (
        "R11", "GET", "balance_transactions", {"payout": "po_nope"}, 400,
        error("No such payout: 'po_nope'", "resource_missing", "payout"),
    ),
    (
        "R11", "POST", "payouts", {"amount": "0", "currency": "aud"}, 400,
        error("This value must be greater than or equal to 1.", "parameter_invalid_integer", "amount"),
    ),
    ("R11", "POST", "payouts", {"currency": "aud"}, 400, error("Missing required param: amount.", "parameter_missing", "amount")),
    ("R06", "GET", "payment_methods/pm_nope", {}, 404, error("No such PaymentMethod: 'pm_nope'", "resource_missing", "payment_method")),
    (
        "R06", "POST", "payment_methods/{pm}/attach", {}, 400,
        error("Must provide customer or customer_account.", "parameter_missing"),
    ),
    (
        "R06", "POST", "payment_methods/{loose}/detach", {}, 400,
        error("The payment method you provided is not attached to a customer so detachment is impossible."),
    ),
    (
        "R10", "POST", "setup_intents", {"payment_method": "{pm}"}, 400,
        error(
            "The payment method supplied ({pm}) belongs to the Customer {cus}. Please include the Customer in the "
            "`customer` parameter on the SetupIntent.", param="payment_method",
        ),
    ),
    (
        "R10", "POST", "setup_intents", {"payment_method": "{pm}", "customer": "{other}"}, 400,
        error(
            "The PaymentMethod {pm} does not belong to the Customer you supplied {other}. Please use this PaymentMethod "
            "with the Customer that it belongs to instead.", param="payment_method",
        ),
    ),
    (
        "R10", "POST", "setup_intents/{seti}/confirm", {"return_url": "https://x.test/"}, 400,
        error("You cannot confirm this SetupIntent because it has already succeeded.", "setup_intent_unexpected_state"),
    ),
    (
        "R10", "POST", "setup_intents/{seti}/cancel", {}, 400,
        error(
            "You cannot cancel this SetupIntent because it has a status of succeeded. Only a SetupIntent with one of the "
            "following statuses may be canceled: `requires_payment_method`, `requires_confirmation`, or "
            "`requires_action`.", "setup_intent_unexpected_state",
        ),
    ),
    (
        "S", "POST", "setup_intents", {"return_url": "pay.test/back"}, 400,
        error("Invalid URL: An explicit scheme (such as https) must be provided.", "url_invalid", "return_url"),
    ),
    ("S", "POST", "setup_intents", {"return_url": "https://"}, 400, error("Not a valid URL", "url_invalid", "return_url")),
    (
        "S", "POST", "payment_intents/{open}/confirm", {"return_url": "https://pay test/"}, 400,
        error("Not a valid URL", "url_invalid", "return_url"),
    ),
    ("R10", "GET", "setup_intents/seti_nope", {}, 404, error("No such setupintent: 'seti_nope'", "resource_missing", "intent")),
    ("R04", "GET", "payment_intents/pi_nope", {}, 404, error("No such payment_intent: 'pi_nope'", "resource_missing", "intent")),
    (
        "R04", "POST", "payment_intents", {"amount": "0", "currency": "aud"}, 400,
        error(
            "The amount must be greater than or equal to the minimum charge amount allowed for your account and the "
            "currency set (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).  If you want to save "
            "a Payment Method for future use without an immediate payment, use a Setup Intent instead: "
            "https://docs.stripe.com/payments/setup-intents", "parameter_invalid_integer", "amount",
        ),
    ),
    (
        "R04", "POST", "payment_intents/{pi}/cancel", {}, 400,
        error(
            "You cannot cancel this PaymentIntent because it has a status of succeeded. Only a PaymentIntent with one of "
            "the following statuses may be canceled: requires_payment_method, requires_capture, "
            "requires_reauthorization, requires_confirmation, requires_action, expired, processing.",
            "payment_intent_unexpected_state",
        ),
    ),
    (
        "R04", "POST", "payment_intents/{pi}/capture", {}, 400,
        error(
            "The remaining amount on this PaymentIntent could not be captured because the remainder of the authorized "
            "amount has been released.", "payment_intent_unexpected_state",
        ),
    ),
    (
        "R04", "POST", "payment_intents/{open}/capture", {}, 400,
        error(
            "This PaymentIntent could not be captured because it has a status of requires_payment_method. Only a "
            "PaymentIntent with one of the following statuses may be captured: requires_capture.",
            "payment_intent_unexpected_state",
        ),
    ),
    (
        "R04", "POST", "payment_intents/{pi}", {"amount": "700"}, 400,
        error(
            "This PaymentIntent's amount could not be updated because it has a status of succeeded. You may only update "
            "the amount of a PaymentIntent with one of the following statuses: requires_payment_method, "
            "requires_confirmation, requires_action.", "payment_intent_unexpected_state", "amount",
        ),
    ),
    (
        "R04", "POST", "payment_intents/{hold}/capture", {"amount_to_capture": "9999999"}, 400,
        error(
            "The payment could not be captured because the requested capture amount is greater than the amount you can "
            "capture for this charge. Contact us via https://support.stripe.com/contact/ for help.", "amount_too_large",
        ),
    ),
    (
        "R04", "POST", "payment_intents/{open}/confirm", {"return_url": "https://x.test/"}, 400,
        error(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment "
            "method or ConfirmationToken.", "payment_intent_unexpected_state",
        ),
    ),
    (
        "R05", "POST", "refunds", {"payment_intent": "{pi}", "amount": "110001"}, 400,
        error("Refund amount ($1100.01) is greater than unrefunded amount on charge ($1100.00)", param="amount"),
    ),
    (
        "R05", "POST", "refunds", {}, 400,
        error("One of the following params should be provided for this request: payment_intent or charge."),
    ),
    (
        "R05", "POST", "refunds", {"charge": "{disputed}"}, 400,
        error("Charge {disputed} has been charged back; cannot issue a refund.", "charge_disputed"),
    ),
    ("R05", "POST", "refunds", {"charge": "{gone}"}, 400, error("Charge {gone} has already been refunded.", "charge_already_refunded")),
    ("R05", "POST", "refunds", {"charge": "ch_x"}, 404, error("No such charge: 'ch_x'", "resource_missing", "id")),
    (
        "R05", "POST", "refunds", {"payment_intent": "{hold}"}, 400,
        error(
            "This uncaptured Charge was created by a PaymentIntent ({hold}). You must cancel the PaymentIntent to "
            "reverse the authorization instead of refunding the Charge directly. For more information, see "
            "https://stripe.com/docs/payments/place-a-hold-on-a-payment-method",
        ),
    ),
    (
        "R05", "POST", "refunds", {"payment_intent": "{pi}", "reason": "bored"}, 400,
        error("Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer", param="reason"),
    ),
    (
        "S stripe-node 2056", "LOCK", "customers", {}, 429,
        error(
            "This object cannot be accessed right now because another API request or Stripe process is currently "
            "accessing it. If you see this error intermittently, retry the request. If you see this error frequently and "
            "are making multiple concurrent requests to a single object, make your requests serially or at a lower "
            "rate.", "lock_timeout",
        ),
    ),
]  # fmt: skip


@pytest.fixture
def names(sandbox: StripeSandbox, api: Any, client: Any, saved: Any, charge: Any) -> dict[str, str]:
    """The objects the table speaks of."""
    setup = saved("pm_card_visa")
    paid = charge(setup.payment_method)
    gone = charge(setup.payment_method)
    disputed = charge(saved("pm_card_createDispute").payment_method)
    hold = {"amount": 500, "currency": "aud", "capture_method": "manual", "payment_method": "pm_card_visa"}
    held = api.payment_intents.create({**hold, "confirm": True, "return_url": "https://x.test/"})
    loose = api.payment_intents.create({"amount": 500, "currency": "aud", "payment_method": "pm_card_visa"})
    clock.advance(seconds=5)
    api.refunds.create({"payment_intent": gone.id})
    return {
        "cus": client.id,
        "other": api.customers.create({"name": "Other"}).id,
        "seti": setup.id,
        "pm": setup.payment_method,
        "loose": loose.payment_method,
        "pi": paid.id,
        "gone": gone.latest_charge,
        "disputed": disputed.latest_charge,
        "hold": held.id,
        "open": api.payment_intents.create({"amount": 500, "currency": "aud"}).id,
    }


@pytest.mark.parametrize(
    ("source", "method", "path", "form", "status", "wanted"),
    GOLDEN,
    ids=[f"{row[0]} {row[1]} {row[2]}" for row in GOLDEN],
)
def test_word_for_word(
    sandbox: StripeSandbox,
    names: dict[str, str],
    source: str,
    method: str,
    path: str,
    form: dict[str, str],
    status: int,
    wanted: dict[str, Any],
) -> None:
    if method == "LOCK":
        from practice.core.sandbox.faults import Fault

        sandbox.faults.order(Fault("rate_limited", detail="lock_timeout"))
    auth = (sandbox.credentials("acct_harbour")["secret_key"], "")
    session = network.mount(requests.Session())
    form = {key: value.format(**names) for key, value in form.items()}
    sent = {"params": form} if method in ("GET", "LOCK") else {"data": form}
    url = f"{BASE}/v1/{path.format(**names)}"
    answer = session.request("GET" if method == "LOCK" else method, url, auth=auth, **sent)
    said = answer.json()["error"]
    carried = {name: said.pop(name) for name in ("payment_intent", "setup_intent") if name in said}
    said_wanted = {**wanted, "message": wanted["message"].format(**names)}
    assert (answer.status_code, said) == (status, said_wanted)
    assert all(not key.startswith("_") for intent in carried.values() for key in intent)
    if said.get("code", "").endswith("unexpected_state"):
        assert list(carried) == [said["code"].removesuffix("_unexpected_state")]
