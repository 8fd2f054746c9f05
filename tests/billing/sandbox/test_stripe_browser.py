"""The browser script in a real Chromium, under a strict content security policy, against the sandbox over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests
import stripe

from billing.sandbox.stripe import StripeSandbox, build
from practice.core import clock
from practice.core.sandbox.server import Server
from practice.core.sandbox.store import Store

pytestmark = pytest.mark.browser
SHOP = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Pay</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/icon"></head>
<body><main><h1>Pay</h1><form><div id="pay"></div></form></main>
<script src="{base}/v3/stripe.js"></script></body></html>"""


class Shop(BaseHTTPRequestHandler):
    """The merchant's page: nothing inline, everything but the sandbox forbidden."""

    base = ""

    def do_GET(self) -> None:
        body = SHOP.format(base=self.base).encode()
        policy = (
            f"default-src 'none'; script-src {self.base}; connect-src {self.base}; style-src 'self'; img-src 'self'"
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Till:
    """The shop, the sandbox behind it, a page, and everything the page complained about."""

    def __init__(self, sandbox: StripeSandbox, server: Server, shop: ThreadingHTTPServer, page: Any) -> None:
        self.sandbox, self.page = sandbox, page
        self.address = f"http://127.0.0.1:{shop.server_address[1]}/"
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda line: self.complaints.append(line.text) if "Security Policy" in line.text else None)

    def account(self, name: str) -> tuple[Any, str]:
        keys = self.sandbox.credentials(name)
        api = stripe.StripeClient(
            keys["secret_key"],
            base_addresses={"api": self.sandbox.base_url},
            max_network_retries=0,
            http_client=stripe.RequestsClient(session=requests.Session()),
        ).v1
        return api, keys["publishable_key"]

    def open(self, key: str, options: dict[str, Any], element: dict[str, Any] | None = None) -> None:
        self.page.goto(self.address)
        self.page.evaluate(
            """([key, options, element]) => {
                window.said = [];
                window.stripe = Stripe(key);
                window.elements = stripe.elements(options);
                window.pay = elements.create('payment', element || {});
                pay.on('change', (event) => said.push(event));
                return new Promise((done) => { pay.on('ready', done); pay.mount('#pay'); });
            }""",
            [key, options, element],
        )

    def fill(self, **values: str) -> None:
        labels = {
            "number": "Card number",
            "expiry": "Expiration date",
            "cvc": "Security code",
            "bsb": "BSB number",
            "account": "Account number",
            "name": "Account holder name",
            "email": "Email",
            "routing": "Routing number",
        }
        for name, value in values.items():
            self.page.get_by_label(labels[name], exact=True).press_sequentially(value, delay=0)

    def card(self, number: str) -> None:
        self.fill(number=number, expiry="1234", cvc="123")

    def confirm(self, kind: str, secret: str, press: str = "") -> dict[str, Any]:
        """Submit and confirm as the product does; ``press`` answers the bank's dialog."""
        self.page.evaluate(
            """([kind, secret]) => {
                window.result = (async () => {
                    const { error } = await elements.submit();
                    if (error) return { error };
                    return stripe[kind]({ elements, clientSecret: secret, redirect: 'if_required',
                                          confirmParams: { return_url: location.href } });
                })().catch((error) => ({ thrown: String(error) }));
                return null;
            }""",
            [kind, secret],
        )
        if press:
            self.page.get_by_role("dialog").get_by_role("button", name=press).click()
        return self.page.evaluate("window.result")  # type: ignore[no-any-return]

    def last_change(self) -> dict[str, Any]:
        return self.page.evaluate("said[said.length - 1]")  # type: ignore[no-any-return]


@pytest.fixture
def till(chromium: Any) -> Iterator[Till]:
    sandbox = build(store=Store(), base_url="", send=None)
    server = Server(sandbox)
    sandbox.base_url = f"http://127.0.0.1:{server.port}"
    handler = type("BoundShop", (Shop,), {"base": sandbox.base_url})
    shop = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threads = [threading.Thread(target=run, daemon=True) for run in (server.run, shop.serve_forever)]
    for thread in threads:
        thread.start()
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    till = Till(sandbox, server, shop, page)
    yield till
    page.close()
    server.stop()
    shop.shutdown()
    for thread in threads:
        thread.join(5)
    server.server_close()
    shop.server_close()
    assert till.complaints == []


SETUP = {"mode": "setup", "currency": "aud", "setupFutureUsage": "off_session"}


def test_saving_a_card(till: Till) -> None:
    api, key = till.account("acct_harbour")
    client = api.customers.create({"name": "Wattle Bakery"})
    till.open(key, SETUP)
    assert till.page.get_by_text("Sandbox: no real card").is_visible()
    assert (till.last_change()["complete"], till.last_change()["value"]["type"]) == (False, "card")
    till.card("4242424242424242")
    assert till.page.get_by_label("Card number").input_value() == "4242 4242 4242 4242"
    assert till.last_change()["complete"]
    intent = api.setup_intents.create({"customer": client.id, "usage": "off_session"})
    result = till.confirm("confirmSetup", intent.client_secret)
    assert result["setupIntent"]["status"] == "succeeded"
    assert "metadata" not in result["setupIntent"]
    shown = till.page.evaluate("(secret) => stripe.retrieveSetupIntent(secret)", intent.client_secret)
    assert (shown["setupIntent"]["id"], shown["setupIntent"]["status"]) == (intent.id, "succeeded")
    wrong = till.page.evaluate("(secret) => stripe.retrieveSetupIntent(secret)", f"{intent.id}_secret_x")
    assert wrong["error"]["code"] == "resource_missing"
    assert len(api.payment_methods.list({"customer": client.id}).data) == 1


def test_a_declined_card_and_another_try(till: Till) -> None:
    api, key = till.account("acct_harbour")
    intent = api.payment_intents.create({"amount": 5_000, "currency": "aud"})
    till.open(key, {"mode": "payment", "amount": 5_000, "currency": "aud"})
    till.card("4000000000009995")
    error = till.confirm("confirmPayment", intent.client_secret)["error"]
    assert (error["code"], error["decline_code"]) == ("card_declined", "insufficient_funds")
    assert error["payment_intent"]["status"] == "requires_payment_method"
    till.page.evaluate("pay.clear()")
    till.card("4242424242424242")
    assert till.confirm("confirmPayment", intent.client_secret)["paymentIntent"]["status"] == "succeeded"
    assert [c.status for c in api.charges.list().data] == ["succeeded", "failed"]


@pytest.mark.parametrize(
    ("press", "status"), [("Complete authentication", "succeeded"), ("Fail authentication", "requires_payment_method")]
)
def test_three_d_secure(till: Till, press: str, status: str) -> None:
    api, key = till.account("acct_harbour")
    client = api.customers.create({"name": "Wattle Bakery"})
    intent = api.setup_intents.create({"customer": client.id, "usage": "off_session"})
    till.open(key, SETUP)
    till.card("4000002500003155")
    result = till.confirm("confirmSetup", intent.client_secret, press)
    if status == "succeeded":
        assert result["setupIntent"]["status"] == status
    else:
        assert result["error"]["code"] == "setup_intent_authentication_failure"
    assert api.setup_intents.retrieve(intent.id).status == status


def test_a_pay_link_after_an_off_session_failure(till: Till) -> None:
    """The customer opens the link: the same intent is confirmed with the saved card, without a form."""
    api, key = till.account("acct_harbour")
    client = api.customers.create({"name": "Wattle Bakery"})
    intent = api.setup_intents.create({"customer": client.id})
    till.open(key, SETUP)
    till.card("4000002760003184")
    saved = till.confirm("confirmSetup", intent.client_secret, "Complete authentication")["setupIntent"]
    with pytest.raises(stripe.CardError) as refused:
        api.payment_intents.create(
            {
                "amount": 5_000,
                "currency": "aud",
                "customer": client.id,
                "payment_method": saved["payment_method"],
                "confirm": True,
                "off_session": True,
                "return_url": till.address,
            }
        )
    failed = api.payment_intents.retrieve(refused.value.error.payment_intent.id)
    again = api.payment_intents.confirm(
        failed.id, {"payment_method": saved["payment_method"], "return_url": till.address, "use_stripe_sdk": True}
    )
    assert again.next_action.type == "use_stripe_sdk"
    till.page.evaluate(
        "(secret) => { window.result = stripe.handleNextAction({ clientSecret: secret }); return null; }",
        failed.client_secret,
    )
    till.page.get_by_role("dialog").get_by_role("button", name="Complete authentication").click()
    assert till.page.evaluate("window.result")["paymentIntent"]["status"] == "succeeded"


def test_an_australian_debit(till: Till) -> None:
    api, key = till.account("acct_harbour")
    client = api.customers.create({"name": "Wattle Bakery"})
    intent = api.setup_intents.create({"customer": client.id})
    till.open(key, SETUP)
    till.page.get_by_label("BECS Direct Debit").check()
    assert till.last_change()["value"]["type"] == "au_becs_debit"
    assert till.page.get_by_text("Direct Debit Request").is_visible()
    till.fill(name="Wattle Bakery", email="books@wattle.test", bsb="000000", account="000123456")
    result = till.confirm("confirmSetup", intent.client_secret)
    assert result["setupIntent"]["status"] == "succeeded"
    setup = api.setup_intents.retrieve(intent.id, {"expand": ["mandate", "payment_method"]})
    assert (setup.mandate.status, setup.payment_method.au_becs_debit.last4) == ("active", "3456")


def test_an_american_debit(till: Till) -> None:
    api, key = till.account("acct_larkin")
    client = api.customers.create({"name": "Maple Dental"})
    intent = api.payment_intents.create(
        {"amount": 9_900, "currency": "usd", "customer": client.id, "setup_future_usage": "off_session"}
    )
    till.open(
        key, {"mode": "payment", "amount": 9_900, "currency": "usd", "allowedPaymentMethodTypes": ["us_bank_account"]}
    )
    assert till.page.get_by_label("Card number").count() == 0
    till.fill(name="Maple Dental", email="pay@maple.test", routing="110000000", account="000123456789")
    result = till.confirm("confirmPayment", intent.client_secret)
    assert result["paymentIntent"]["status"] == "processing"


def test_an_incomplete_form_says_what_is_wrong(till: Till) -> None:
    api, key = till.account("acct_harbour")
    intent = api.setup_intents.create({})
    till.open(key, SETUP)
    till.card("4242424242424241")
    error = till.confirm("confirmSetup", intent.client_secret)["error"]
    assert (error["type"], error["code"]) == ("validation_error", "incomplete_number")
    assert till.page.get_by_text("incomplete or incorrect").is_visible()
    assert till.page.get_by_label("Card number").get_attribute("aria-invalid") == "true"
    assert api.setup_intents.retrieve(intent.id).status == "requires_payment_method"


def test_mistakes_of_the_page_are_integration_errors(till: Till) -> None:
    api, key = till.account("acct_harbour")
    till.page.goto(till.address)
    for script in (
        "Stripe('sk_test_x')",
        f"Stripe('{key}').elements({{ mode: 'payment', currency: 'aud', amount: 1, paymentMethodTypes: ['card'] }})",
        f"Stripe('{key}').elements({{ mode: 'payment', currency: 'aud' }})",
        f"Stripe('{key}').elements({{}})",
    ):
        assert till.page.evaluate(f"() => {{ try {{ {script}; return 'ok'; }} catch (e) {{ return e.name; }} }}") == (
            "IntegrationError"
        ), script
    intent = api.payment_intents.create({"amount": 6_000, "currency": "aud"})
    till.open(key, {"mode": "payment", "amount": 5_000, "currency": "aud"})
    till.card("4242424242424242")
    assert "do not match" in till.confirm("confirmPayment", intent.client_secret)["thrown"]
    assert (
        till.page.evaluate("(s) => stripe.retrievePaymentIntent(s)", intent.client_secret)["paymentIntent"]["status"]
        == "requires_payment_method"
    )


def test_leaving_for_the_return_address(till: Till) -> None:
    api, key = till.account("acct_harbour")
    intent = api.payment_intents.create({"amount": 5_000, "currency": "aud"})
    till.open(key, {"clientSecret": intent.client_secret})
    till.card("4242424242424242")
    till.page.evaluate("""() => {
            const confirmParams = { return_url: location.origin + '/done' };
            stripe.confirmPayment({ elements, confirmParams });
            return null;
        }""")
    till.page.wait_for_url("**/done?*redirect_status=succeeded*")
    assert f"payment_intent={intent.id}" in till.page.url


def test_the_banks_own_page(till: Till) -> None:
    api, _ = till.account("acct_harbour")
    intent = api.payment_intents.create(
        {
            "amount": 5_000,
            "currency": "aud",
            "payment_method": "pm_card_authenticationRequired",
            "confirm": True,
            "return_url": till.address,
        }
    )
    till.page.goto(intent.next_action.redirect_to_url.url)
    till.page.get_by_role("button", name="Complete authentication").click()
    till.page.wait_for_url(f"{till.address}?payment_intent={intent.id}*")
    assert api.payment_intents.retrieve(intent.id).status == "succeeded"


@pytest.mark.parametrize("width", [390, 1440])
def test_the_dashboard_can_be_read_and_pressed(till: Till, width: int) -> None:
    api, _ = till.account("acct_harbour")
    client = api.customers.create({"name": "Wattle Bakery Proprietary Limited of Fremantle"})
    setup = api.setup_intents.create(
        {
            "customer": client.id,
            "confirm": True,
            "return_url": till.address,
            "payment_method_data": {
                "type": "au_becs_debit",
                "au_becs_debit": {"bsb_number": "000000", "account_number": "000123456"},
                "billing_details": {"name": "Wattle", "email": "w@wattle.test"},
            },
            "mandate_data": {"customer_acceptance": {"type": "offline"}},
        }
    )
    for amount in (110_000, 55_000):
        api.payment_intents.create(
            {
                "amount": amount,
                "currency": "aud",
                "customer": client.id,
                "payment_method": setup.payment_method,
                "confirm": True,
                "off_session": True,
                "return_url": till.address,
            }
        )
    page = till.page
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{till.sandbox.base_url}/")
    assert "Sandbox payments (Stripe)" in page.title()
    page.get_by_role("button", name="Let it succeed now").first.click()
    page.get_by_text("The debit has succeeded.").wait_for()
    page.get_by_role("button", name="Bounce").click()
    page.get_by_text("The debit has bounced.").wait_for()
    clock.advance(seconds=5)
    page.reload()
    page.get_by_role("button", name="Send the payout now").click()
    page.get_by_text("The payout has been sent").wait_for()
    page.get_by_text("arrives").first.wait_for()
    page.get_by_role("heading", name="Payouts").locator("xpath=..").get_by_role("link").first.click()
    page.get_by_role("heading", name="What it is made of").wait_for()
    assert page.get_by_text("the payout itself").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.go_back()
    before = clock.now()
    page.get_by_role("button", name="1 day").click()
    page.get_by_text("It is 1 day later now.").wait_for()
    assert (clock.now() - before).days == 1
    page.get_by_role("button", name="Open a dispute").click()
    page.get_by_text("has disputed the payment").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert sorted(c.status for c in api.charges.list().data) == ["failed", "succeeded"]
    assert [p.status for p in api.payouts.list().data] == ["paid"]
    assert len(api.disputes.list().data) == 1


def test_the_form_and_the_dashboard_are_accessible(till: Till) -> None:
    from axe_playwright_python.sync_playwright import Axe

    _, key = till.account("acct_harbour")
    till.page.goto(f"{till.sandbox.base_url}/")
    assert [v["id"] for v in Axe().run(till.page).response["violations"]] == []
    till.page = till.page.context.browser.new_page(bypass_csp=True)
    till.open(key, SETUP)
    till.page.get_by_label("BECS Direct Debit").check()
    assert [v["id"] for v in Axe().run(till.page).response["violations"]] == []
    till.page.close()
