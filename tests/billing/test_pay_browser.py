"""The pay page in a real Chromium, under the real content security policy, against the sandbox over HTTP."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from billing import methods, paylinks, stripe_accounts
from billing.models import Payment, PaymentMethod, StripeAccount
from billing.sandbox.stripe import StripeSandbox, build
from practice.core import clock
from practice.core.sandbox.server import Server
from practice.core.sandbox.store import Store
from tests.billing.conftest import make_firm

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def sandbox(settings: Any) -> Iterator[StripeSandbox]:
    fresh = build(store=Store(), base_url="", send=None)
    server = Server(fresh)
    fresh.base_url = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    settings.STRIPE_API_BASE, settings.STRIPE_JS_URL = fresh.base_url, f"{fresh.base_url}/endive/stripe.js"
    policy = {name: list(values) for name, values in settings.CONTENT_SECURITY_POLICY["DIRECTIVES"].items()}
    for name in ("script-src", "frame-src", "connect-src"):
        policy[name] = ["'self'", fresh.base_url]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": policy}
    yield fresh
    server.stop()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    opened = chromium.new_page(viewport={"width": 390, "height": 844})
    opened.set_default_timeout(10_000)
    yield opened
    opened.close()


class Till:
    """A firm that takes payments, its client, and a page; complaints of the browser are kept."""

    def __init__(self, page: Any, base: str, sandbox: StripeSandbox, settings: Any) -> None:
        self.page, self.base = page, base
        self.firm = make_firm()
        keys = sandbox.credentials("acct_harbour")
        stripe_accounts.connect_account(
            entity=self.firm.entity, secret_key=keys["restricted_key"], publishable_key=keys["publishable_key"]
        )
        self.client = self.firm.client()
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)

    def open(self, path: str) -> None:
        self.page.goto(self.base + path)
        self.page.get_by_role("button", name=re.compile("^(Pay|Save it)")).wait_for()

    def card(self, number: str) -> None:
        for label, value in (("Card number", number), ("Expiration date", "1234"), ("Security code", "123")):
            self.page.get_by_label(label, exact=True).fill("")
            self.page.get_by_label(label, exact=True).press_sequentially(value, delay=0)

    def press(self) -> None:
        self.page.get_by_role("button", name=re.compile("^(Pay|Save it)")).click()


@pytest.fixture
def till(page: Any, live_server: Any, sandbox: StripeSandbox, settings: Any) -> Till:
    return Till(page, live_server.url, sandbox, settings)


def test_pay_a_bill_after_a_declined_card(till: Till) -> None:
    invoice = till.firm.invoice(till.client)
    till.open(f"/i/{paylinks.mint(invoice_id=invoice.pk, now=clock.now())}/")
    till.card("4000000000000002")
    till.press()
    till.page.get_by_role("alert").filter(has_text="Your bank declined the card").wait_for()
    assert Payment.objects.count() == 0
    till.card("4242424242424242")
    till.press()
    till.page.get_by_role("heading", name="Paid, thank you").wait_for()
    assert (Payment.objects.get().state, PaymentMethod.objects.get().last4) == ("succeeded", "4242")
    refused = [line for line in till.complaints if "402" not in line]  # the browser logs the bank's no
    assert refused == []


def test_prove_who_you_are_and_pay_by_bank_debit(till: Till) -> None:
    invoice = till.firm.invoice(till.client)
    till.open(f"/i/{paylinks.mint(invoice_id=invoice.pk, now=clock.now())}/")
    till.card("4000002760003184")
    till.press()
    till.page.get_by_role("dialog").get_by_role("button", name="Complete authentication").click()
    till.page.get_by_role("heading", name="Paid, thank you").wait_for()
    other = till.firm.invoice(till.client)
    till.open(f"/i/{paylinks.mint(invoice_id=other.pk, now=clock.now())}/")
    till.page.get_by_role("radio", name="BECS Direct Debit").check()
    for label, value in (
        ("BSB number", "000000"), ("Account number", "000123456"), ("Account holder name", "Larkspur Bakery"),
        ("Email", "ap@larkspur.example"),
    ):  # fmt: skip
        till.page.get_by_label(label, exact=True).press_sequentially(value, delay=0)
    till.press()
    till.page.get_by_role("heading", name="$1,100.00 is on its way").wait_for()
    assert sorted(Payment.objects.values_list("state", flat=True)) == ["processing", "succeeded"]


def test_save_a_card_with_nothing_due(till: Till) -> None:
    token = methods.mint_link(entity_id=till.firm.entity.pk, client_id=till.client.pk, now=clock.now())
    till.open(f"/card/{token}/")
    till.card("5555555555554444")
    till.press()
    till.page.get_by_role("heading", name="Saved").wait_for()
    assert PaymentMethod.objects.get().brand == "Mastercard"
    assert till.complaints == []


def test_a_double_press_is_one_payment(till: Till, sandbox: StripeSandbox) -> None:
    invoice = till.firm.invoice(till.client)
    till.open(f"/i/{paylinks.mint(invoice_id=invoice.pk, now=clock.now())}/")
    till.card("4242424242424242")
    button = till.page.get_by_role("button", name=re.compile("^Pay"))
    button.dblclick()
    till.page.get_by_role("heading", name="Paid, thank you").wait_for()
    assert Payment.objects.count() == 1
    assert len(list(sandbox.books("acct_harbour").rows("payment_intent"))) == 1
    assert requests.get(f"{till.base}/healthz", timeout=5).status_code == 200
    assert StripeAccount.objects.count() == 1
