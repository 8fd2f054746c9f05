"""What a client opens by link: one invoice to pay, a new card, and the ends of the road. No account, no leak."""

import re
from datetime import date
from decimal import Decimal

import pytest
from django.test import Client as Browser

from billing import invoicing, methods, paylinks
from billing.models import Attempt, Payment, PaymentMethod
from billing.standing import standing_of
from practice.core import clock
from tests.billing.conftest import TODAY, line


@pytest.fixture
def browser():
    return Browser(enforce_csrf_checks=True)


def link_to(invoice):
    return f"/i/{paylinks.mint(invoice_id=invoice.pk, now=clock.now())}/"


def press(browser, address):
    """Press "Pay" as pay.js does: the token of the page goes in a header."""
    page = browser.get(address)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[1]
    return browser.post(address, headers={"X-CSRFToken": token, "User-Agent": "Phone"}, REMOTE_ADDR="203.0.113.9")


@pytest.mark.parametrize(("proxies", "kept"), [(0, "10.0.0.2"), (1, "203.0.113.9"), (2, "198.51.100.4")])
def test_the_address_of_a_payer_is_what_our_own_proxies_say(
    firm, larkspur, account, payer, browser, settings, proxies, kept
):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    address = link_to(firm.invoice(larkspur))
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(address).content.decode())[1]
    claims = {"X-CSRFToken": token, "X-Forwarded-For": "192.0.2.1, 198.51.100.4, 203.0.113.9"}
    browser.post(address, headers=claims, REMOTE_ADDR="10.0.0.2")
    assert Attempt.objects.get().payer_address == kept


def test_an_invoice_is_shown_and_paid(firm, larkspur, account, payer, browser):
    invoice = firm.invoice(larkspur)
    address = link_to(invoice)
    page = browser.get(address)
    text = page.content.decode()
    for words in (
        "Pay $1,100.00",
        "Invoice CS-00001 for Larkspur Bakery Pty Ltd",
        "Harbour &amp; Vale",
        "02 5550 0142",
    ):
        assert words in text
    assert 'data-mode="payment"' in text
    assert 'data-amount="110000"' in text
    assert 'data-kinds="card,au_becs_debit"' in text
    assert account.secret_key not in text
    assert page["Referrer-Policy"] == "no-referrer"
    assert "no-store" in page["Cache-Control"]
    assert Attempt.objects.count() == 0  # looking changes nothing
    secret = press(browser, address).json()["client_secret"]
    assert press(browser, address).json()["client_secret"] == secret
    payer.confirm(secret)
    done = browser.get(address, {"payment_intent": secret.partition("_secret_")[0]}, follow=True)
    assert "Paid, thank you" in done.content.decode()
    assert standing_of(invoice, TODAY).state == "paid"
    assert PaymentMethod.objects.get().accepted_address == "203.0.113.9"
    assert "This invoice asks for nothing more" in browser.get(address).content.decode()
    assert press_fails(browser, address)


def press_fails(browser, address):
    return browser.post(address).status_code == 403  # no form, so no token: nothing to press


def test_a_forged_way_back_changes_nothing(firm, larkspur, account, payer, browser):
    mine, other = firm.invoice(larkspur), firm.invoice(firm.client("Tidewater Yachts Pty Ltd"))
    secret = press(browser, link_to(other)).json()["client_secret"]
    payer.confirm(secret)
    page = browser.get(
        link_to(mine), {"payment_intent": secret.partition("_secret_")[0], "redirect_status": "succeeded"}
    )
    assert page.status_code == 200
    assert standing_of(mine, TODAY).state == "open"
    assert Payment.objects.count() == 0
    missing = browser.get(link_to(mine), {"payment_intent": "pi_made_up"})
    assert (missing.status_code, Payment.objects.count()) == (200, 0)


def test_a_declined_card_is_said_in_words(firm, larkspur, account, payer, browser):
    invoice = firm.invoice(larkspur)
    address = link_to(invoice)
    secret = press(browser, address).json()["client_secret"]
    payer.confirm(secret, card="pm_card_visa_chargeDeclined")
    text = browser.get(address, {"payment_intent": secret.partition("_secret_")[0]}).content.decode()
    assert "Your card was declined." in text
    assert "Nothing was taken." in text
    assert "Pay $1,100.00" in text


def test_a_debit_under_way_is_never_green(firm, larkspur, account, payer, browser):
    invoice = firm.invoice(larkspur)
    address = link_to(invoice)
    secret = press(browser, address).json()["client_secret"]
    payer.confirm(secret, bank="000123456")
    done = browser.get(address, {"payment_intent": secret.partition("_secret_")[0]}, follow=True).content.decode()
    assert "$1,100.00 is on its way" in done
    assert "Paid" not in done.partition("<main")[2].partition("Later bills")[0]
    again = browser.get(address).content.decode()
    assert "is on its way" in again
    assert 'id="pay"' not in again


def test_stripe_down_takes_nothing_and_says_so(firm, larkspur, account, browser, fault):
    address = link_to(firm.invoice(larkspur))
    fault("down", "payment_intents")
    answer = press(browser, address)
    assert (answer.status_code, "Nothing was taken" in answer.json()["words"]) == (503, True)


def test_an_instalment_that_is_due_is_paid_first(firm, larkspur, account, browser):
    done = date(2027, 2, 26)
    work = line("3000", cadence="completion")
    done = date(2027, 2, 26)
    work = line("3000", cadence="completion")
    _, (invoice,) = firm.agreement(larkspur, work, deposit=Decimal(990), expected_completion_on=done)
    text = browser.get(link_to(invoice)).content.decode()
    assert "Pay $990.00" in text
    assert "Balance" in text


def test_without_stripe_the_page_says_how_to_pay(firm, larkspur, browser):
    text = browser.get(link_to(firm.invoice(larkspur))).content.decode()
    assert "Pay by bank transfer" in text
    assert "stripe.js" not in text


def test_void_ended_and_unknown_links(firm, larkspur, account, browser):
    invoice = firm.invoice(larkspur)
    address = link_to(invoice)
    invoicing.void_invoice(invoice_id=invoice.pk, reason="sent twice")
    assert "has withdrawn this invoice" in browser.get(address).content.decode()
    clock.advance(days=100)
    ended = browser.get(address)
    assert (ended.status_code, "Ask Harbour &amp; Vale for a new one" in ended.content.decode()) == (410, True)
    assert browser.get("/i/nobody/").status_code == 404
    assert browser.get("/i/nobody/pdf/").status_code == 404
    assert browser.get("/card/nobody/").status_code == 404


def test_the_pdf_by_link(firm, larkspur, browser):
    answer = browser.get(f"{link_to(firm.invoice(larkspur))}pdf/")
    assert (answer["Content-Type"], answer.content[:4]) == ("application/pdf", b"%PDF")


def test_a_new_card_by_link(firm, larkspur, account, payer, browser):
    token = methods.mint_link(entity_id=firm.entity.pk, client_id=larkspur.pk, now=clock.now())
    address = f"/card/{token}/"
    assert 'data-mode="setup"' in browser.get(address).content.decode()
    secret = press(browser, address).json()["client_secret"]
    payer.confirm(secret)
    done = browser.get(address, {"setup_intent": secret.partition("_secret_")[0]}, follow=True).content.decode()
    assert "ending 4242 now pays the bills" in done
    kept = PaymentMethod.objects.get()
    assert (kept.client, kept.accepted_address, kept.accepted_agent) == (larkspur, "203.0.113.9", "Phone")


def test_another_clients_setup_is_not_taken(firm, larkspur, account, payer, browser):
    tidewater = firm.client("Tidewater Yachts Pty Ltd")
    theirs = f"/card/{methods.mint_link(entity_id=firm.entity.pk, client_id=tidewater.pk, now=clock.now())}/"
    mine = f"/card/{methods.mint_link(entity_id=firm.entity.pk, client_id=larkspur.pk, now=clock.now())}/"
    secret = press(browser, theirs).json()["client_secret"]
    payer.confirm(secret)
    page = browser.get(mine, {"setup_intent": secret.partition("_secret_")[0]})
    assert page.status_code == 200
    assert not PaymentMethod.objects.filter(client=larkspur).exists()


def test_the_page_is_light(firm, larkspur, account, browser):
    assert len(browser.get(link_to(firm.invoice(larkspur))).content) < 20_000


@pytest.mark.parametrize(
    "query", ["setup_intent=seti_guessed", "payment_intent=pi_guessed", "setup_intent=../accounts"]
)
def test_coming_back_with_an_intent_that_is_none_shows_the_page_again(firm, larkspur, account, browser, query):
    answer = browser.get(f"{link_to(firm.invoice(larkspur))}?{query}")
    assert (answer.status_code, answer.context["declined"]) == (200, "")
    assert not PaymentMethod.objects.exists()
