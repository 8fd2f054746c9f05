"""What Stripe's browser script does when a client presses Pay: the method first, then the confirmation.

Only the publishable key and the intent's own secret are used, as in a browser.
"""

from __future__ import annotations

from typing import Any

import requests

from practice.core import network

CARD = {
    "type": "card", "card[number]": "4242424242424242", "card[exp_month]": "12", "card[exp_year]": "2034",
    "card[cvc]": "123",
}  # fmt: skip
#: Account numbers of the sandbox: one that pays, one whose debits come back.
BECS = {"type": "au_becs_debit", "au_becs_debit[bsb_number]": "000000", "au_becs_debit[account_number]": "000123456"}
BECS_FAILS = {**BECS, "au_becs_debit[account_number]": "111111113"}
ACH = {
    "type": "us_bank_account", "us_bank_account[routing_number]": "110000000",
    "us_bank_account[account_number]": "000123456789", "us_bank_account[account_holder_type]": "company",
}  # fmt: skip
ACH_FAILS = {**ACH, "us_bank_account[account_number]": "000111111113"}


class PaymentRefused(Exception):
    """Stripe refused the card or account; the text is Stripe's."""


def pay(*, base: str, key: str, secret: str, method: dict[str, str], name: str, email: str) -> dict[str, Any]:
    """Confirm a payment or set-up intent with a method, as the Payment Element does. Returns the intent.

    Raises PaymentRefused with Stripe's words.
    """
    session = network.mount(requests.Session())
    details = {"billing_details[name]": name, "billing_details[email]": email}
    made = _post(session, f"{base}/v1/payment_methods", key, {**method, **details})
    intent = secret.split("_secret_", maxsplit=1)[0]
    path = "setup_intents" if intent.startswith("seti_") else "payment_intents"
    form = {
        "client_secret": secret, "payment_method": made["id"], "use_stripe_sdk": "true",
        "return_url": "http://localhost/",
    }  # fmt: skip
    return _post(session, f"{base}/v1/{path}/{intent}/confirm", key, form)


def _post(session: requests.Session, url: str, key: str, form: dict[str, str]) -> dict[str, Any]:
    answer = session.post(url, data=form, headers={"Authorization": f"Bearer {key}"}, timeout=30)
    body: dict[str, Any] = answer.json()
    if answer.status_code >= 400:
        raise PaymentRefused(body.get("error", {}).get("message", answer.text))
    return body
