"""A Stripe sandbox of one's own, the real SDK in front of it, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import stripe

from billing.sandbox.stripe import StripeSandbox, build
from practice.core import clock, network
from practice.core.sandbox.store import Store

#: A Monday morning, so that business days are easy to count.
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
BASE = "http://stripe.test"
MANDATE = {
    "customer_acceptance": {"type": "online", "online": {"ip_address": "203.0.113.5", "user_agent": "Test"}},
}


class Inbox:
    """Where webhooks arrive; ``status`` is what they are answered with."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[str, bytes, dict[str, str]]] = []

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.got.append((url, body, headers))
        return self.status


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def sandbox(inbox: Inbox) -> Iterator[StripeSandbox]:
    clock.move(MONDAY)
    fresh = build(store=Store(), base_url=BASE, send=inbox, seed=7)
    with network.answer_in_process({"stripe.test": fresh}):
        yield fresh


def connect(key: str, **options: Any) -> Any:
    """The SDK with a key, over the in-process door."""
    session = network.mount(requests.Session())
    return stripe.StripeClient(
        key,
        base_addresses={"api": BASE},
        max_network_retries=0,
        http_client=stripe.RequestsClient(session=session),
        **options,
    ).v1


@pytest.fixture
def api(sandbox: StripeSandbox) -> Any:
    """The Australian account."""
    return connect(sandbox.credentials("acct_harbour")["secret_key"])


@pytest.fixture
def us(sandbox: StripeSandbox) -> Any:
    """The American account."""
    return connect(sandbox.credentials("acct_larkin")["secret_key"])


@pytest.fixture
def client(api: Any) -> Any:
    """A customer."""
    return api.customers.create({"name": "Wattle Bakery Pty Ltd", "email": "books@wattle.test"})


@pytest.fixture
def saved(api: Any, client: Any) -> Callable[[str], Any]:
    """Save a card by its magic name; 3-D Secure is passed where the card asks for it."""

    def save(name: str) -> Any:
        intent = api.setup_intents.create(
            {"customer": client.id, "payment_method": name, "confirm": True, "return_url": "https://pay.test/"}
        )
        if intent.status == "requires_action":
            control(f"/_sandbox/authenticate/{intent.id}", {"client_secret": intent.client_secret, "passed": True})
        return api.setup_intents.retrieve(intent.id)

    return save


@pytest.fixture
def charge(api: Any, client: Any) -> Callable[..., Any]:
    """Charge a saved method of the customer, as the product does when nobody is there."""

    def collect(method: str, amount: int = 110_000, **more: Any) -> Any:
        options = more.pop("options", {})
        params = {
            "amount": amount,
            "currency": "aud",
            "customer": client.id,
            "payment_method": method,
            "confirm": True,
            "off_session": True,
            "return_url": "https://pay.test/",
            **more,
        }
        return api.payment_intents.create(params, options)

    return collect


def control(path: str, body: Any = None) -> Any:
    """Use the sandbox's controls."""
    session = network.mount(requests.Session())
    answer = session.post(BASE + path, json=body) if body is not None else session.get(BASE + path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def becs(api: Any, client: Any, number: str = "000123456") -> Any:
    """Save an Australian bank account with its mandate. Returns the succeeded SetupIntent."""
    return api.setup_intents.create(
        {
            "customer": client.id,
            "payment_method_data": {
                "type": "au_becs_debit",
                "au_becs_debit": {"bsb_number": "000-000", "account_number": number},
                "billing_details": {"name": "Wattle Bakery", "email": "books@wattle.test"},
            },
            "mandate_data": MANDATE,
            "confirm": True,
            "return_url": "https://pay.test/",
        }
    )
