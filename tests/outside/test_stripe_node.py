"""Stripe's node SDK, which Countersign does not use, cannot tell the sandbox from Stripe."""

from __future__ import annotations

import json


def test_it_connects_creates_queries_updates_pays_cancels_refunds_and_is_told(node, sandbox, listener):
    with sandbox("stripe", "--company", "empty") as line:
        given = {"base_url": line["base_url"], "secret_key": line["secret_key"], "hook": listener.url}
        answer = node("stripe.cjs", given)
        assert answer["account"] == line["account"]
        assert (answer["same"], answer["phone"], answer["metadata"]) == (True, "+61 2 5550 0100", {})
        assert answer["paid"] == ["succeeded", True, 110_000]
        assert (answer["captured"], answer["canceled"]) == (["succeeded", 3_000], "canceled")
        assert (answer["names"], answer["refund"]) == (["Wattle Bakery"], ["refund", 1_000])
        assert answer["refusals"] == {
            "decline": {"type": "StripeCardError", "code": "card_declined", "status": 402},
            "unknown": {
                "type": "StripeInvalidRequestError",
                "code": "parameter_unknown",
                "status": 400,
                "param": "nickname",
            },
            "missing": {
                "type": "StripeInvalidRequestError",
                "code": "resource_missing",
                "status": 404,
                "param": "id",
            },
            "mismatch": {"type": "StripeIdempotencyError", "status": 400},
            "key": {"type": "StripeAuthenticationError", "status": 401},
        }
        came = listener.wait(lambda hook: json.loads(hook["body"])["type"] == "customer.created")
        told = {
            "body": came["body"],
            "signature": came["headers"]["stripe-signature"],
            "secret": answer["hook"]["secret"],
        }
        assert node("stripe.cjs", {**given, **told}) == {
            "type": "customer.created",
            "object": answer["customer"],
            "version": "2026-10-28.endive",
            "broken": ["StripeSignatureVerificationError"] * 2,
        }
        # The fee comes later, and says so.
        updated = listener.wait(lambda hook: json.loads(hook["body"])["type"] == "charge.updated")
        assert json.loads(updated["body"])["data"]["object"]["balance_transaction"].startswith("txn_")


def test_the_line_a_sandbox_prints_is_enough_to_be_told(node, sandbox, listener):
    with sandbox("stripe", "--company", "empty", "--webhook", listener.url) as line:
        given = {"base_url": line["base_url"], "secret_key": line["secret_key"], "hook": f"{listener.url}/other"}
        customer = node("stripe.cjs", given)["customer"]
        came = listener.wait(lambda hook: json.loads(hook["body"])["type"] == "customer.created")
        told = {
            "body": came["body"],
            "signature": came["headers"]["stripe-signature"],
            "secret": line["webhook_secret"],
        }
        assert node("stripe.cjs", {**given, **told})["object"] == customer
