"""A client pays by link: one intent, one payment, whatever the browser, the bank or the network does."""

from decimal import Decimal

import pytest

from billing import attempts, gateway
from billing.models import Attempt, Payment, PaymentMethod
from billing.standing import standing_of
from billing.stripe_facts import TryLater
from practice.core import clock
from practice.firm.models import Mail
from tests.billing.conftest import TODAY, back, charges_at, later, start


def state_of(invoice):
    invoice.refresh_from_db()
    return standing_of(invoice, clock.today("Australia/Sydney")).state


def test_a_card_is_charged_the_invoice_paid_and_the_card_kept(firm, larkspur, payer, stripe):
    invoice = firm.invoice(larkspur)
    attempt = payer.pay([invoice])
    assert attempt.state == Attempt.State.SUCCEEDED
    payment = Payment.objects.get()
    assert (payment.amount, payment.state, payment.paid_on) == (Decimal("1100.00"), "succeeded", TODAY)
    assert state_of(invoice) == "paid"
    method = PaymentMethod.objects.get()
    assert (method.kind, method.last4, method.brand) == ("card", "4242", "Visa")
    assert (method.accepted_address, method.accepted_agent) == ("203.0.113.5", "Test browser")
    (receipt,) = Mail.objects.all()
    assert (receipt.kind, receipt.facts["invoices"]) == ("billing.receipt", [invoice.pk])
    (charge,) = charges_at(stripe)
    assert charge["amount"] == 110_000


def test_told_twice_it_is_one_payment(firm, larkspur, payer, account):
    invoice = firm.invoice(larkspur)
    attempt = payer.pay([invoice])
    later(account, seconds=5)
    back(attempt)
    assert Payment.objects.count() == 1
    assert Mail.objects.filter(kind="billing.receipt").count() == 1


def test_a_declined_card_leaves_everything_open_for_another(firm, larkspur, payer, stripe):
    invoice = firm.invoice(larkspur)
    started = start([invoice])
    refused = payer.confirm(started.client_secret, card="pm_card_visa_chargeDeclinedInsufficientFunds")
    assert refused["error"]["code"] == "card_declined"
    attempt = back(started.attempt)
    assert (attempt.state, attempt.failure_code) == ("needs_action", "insufficient_funds")
    assert (Payment.objects.count(), state_of(invoice), PaymentMethod.objects.count()) == (0, "open", 0)
    assert not Mail.objects.filter(kind="billing.not_paid").exists()
    again = start([invoice])
    assert again.client_secret == started.client_secret
    payer.confirm(again.client_secret)
    assert back(again.attempt).state == "succeeded"
    assert len(charges_at(stripe)) == 1


def test_a_bank_that_asks_is_answered(firm, larkspur, payer):
    invoice = firm.invoice(larkspur)
    started = start([invoice])
    payer.confirm(started.client_secret, card="pm_card_authenticationRequired")
    assert back(started.attempt).state == "needs_action"
    payer.prove(started.client_secret)
    assert back(started.attempt).state == "succeeded"
    assert state_of(invoice) == "paid"


def test_pressing_twice_is_the_same_payment(firm, larkspur, payer, stripe):
    invoice = firm.invoice(larkspur)
    one, two = start([invoice]), start([invoice])
    assert (one.attempt.pk, one.client_secret) == (two.attempt.pk, two.client_secret)
    payer.confirm(one.client_secret)
    assert payer.confirm(two.client_secret)["error"]["code"] == "payment_intent_unexpected_state"
    with pytest.raises(attempts.PaymentUnderWay):
        start([invoice])
    assert (Payment.objects.count(), len(charges_at(stripe))) == (1, 1)


def test_a_browser_closed_before_the_way_back_is_found_by_the_notice(firm, larkspur, payer, account):
    invoice = firm.invoice(larkspur)
    started = start([invoice])
    payer.confirm(started.client_secret)
    assert state_of(invoice) == "open"
    later(account, seconds=2)
    assert state_of(invoice) == "paid"
    assert PaymentMethod.objects.count() == 1


def test_a_page_left_before_paying_is_taken_up_again(firm, larkspur, payer):
    invoice = firm.invoice(larkspur)
    left = start([invoice])
    clock.advance(hours=20)
    again = start([invoice])
    assert again.attempt.pk == left.attempt.pk
    payer.confirm(again.client_secret)
    assert back(again.attempt).state == "succeeded"


def test_another_amount_ends_the_unfinished_one_at_stripe_first(firm, larkspur, payer, stripe):
    first, second = firm.invoice(larkspur), firm.invoice(larkspur, "500")
    left = start([first])
    both = start([first, second])
    left.attempt.refresh_from_db()
    assert (left.attempt.state, both.attempt.amount) == ("cancelled", Decimal("1650.00"))
    assert payer.confirm(left.client_secret)["error"]["code"] == "payment_intent_unexpected_state"
    payer.confirm(both.client_secret)
    back(both.attempt)
    assert (state_of(first), state_of(second)) == ("paid", "paid")
    assert [row["amount"] for row in charges_at(stripe)] == [165_000]


@pytest.mark.parametrize("kind", ["response_lost", "timeout", "reset", "truncated"])
def test_an_intent_whose_making_was_not_answered_is_not_made_twice(firm, larkspur, payer, stripe, fault, kind):
    invoice = firm.invoice(larkspur)
    fault(kind, "payment_intents$")
    with pytest.raises(TryLater):
        start([invoice])
    again = start([invoice])
    payer.confirm(again.client_secret)
    back(again.attempt)
    assert Attempt.objects.count() == 1
    assert len(stripe.books("acct_harbour").rows("payment_intent")) == 1


def test_a_5xx_that_stripe_would_repeat_all_day_starts_anew(firm, larkspur, payer, fault):
    invoice = firm.invoice(larkspur)
    fault("server_error", "payment_intents$")
    with pytest.raises(TryLater):
        start([invoice])
    again = start([invoice])
    payer.confirm(again.client_secret)
    assert back(again.attempt).state == "succeeded"
    assert [a.state for a in Attempt.objects.order_by("pk")] == ["cancelled", "succeeded"]


def test_a_debit_is_on_its_way_and_then_paid(firm, larkspur, payer, account):
    invoice = firm.invoice(larkspur)
    attempt = payer.pay([invoice], bank="000123456")
    assert attempt.state == "processing"
    assert (Payment.objects.get().state, state_of(invoice)) == ("processing", "processing")
    assert PaymentMethod.objects.get().mandate_ref.startswith("mandate_")
    with pytest.raises(attempts.PaymentUnderWay):
        start([invoice])
    later(account, days=5, hours=1)
    payment = Payment.objects.get()
    assert (payment.state, state_of(invoice)) == ("succeeded", "paid")
    assert payment.paid_on.isoformat() == "2026-11-25"  # three business days on, when it succeeded


def test_a_debit_that_bounces_opens_the_invoice_and_tells_the_client(firm, larkspur, payer, account):
    invoice = firm.invoice(larkspur)
    payer.pay([invoice], bank="111111113")
    later(account, days=5, hours=1)
    payment = Payment.objects.get()
    assert (payment.state, state_of(invoice)) == ("failed", "overdue")
    assert payment.failure == "The customer's bank account has been closed."
    assert Attempt.objects.get().failure_code == "account_closed"
    assert Mail.objects.filter(kind="billing.not_paid").count() == 1


def test_a_late_return_takes_the_money_off_again(firm, larkspur, payer, account):
    invoice = firm.invoice(larkspur)
    payer.pay([invoice], bank="666666660")
    later(account, days=5, hours=1)
    assert state_of(invoice) == "paid"
    later(account, days=5)
    payment = Payment.objects.get()
    assert (payment.state, state_of(invoice)) == ("returned", "overdue")
    assert payment.allocations.get().reversal_reason == "debit not authorized"
    assert Mail.objects.filter(kind="billing.returned").count() == 1


def test_a_later_bill_is_due_to_the_kept_method_only(firm, larkspur, payer):
    payer.pay([firm.invoice(larkspur)])
    payer.save(larkspur, card="pm_card_mastercard")
    kept = PaymentMethod.objects.get(removed_at__isnull=True)
    assert (kept.brand, PaymentMethod.objects.count()) == ("Mastercard", 2)


def test_a_secret_is_never_kept_in_the_clear(firm, larkspur, payer, account):
    from django.db import connection

    started = start([firm.invoice(larkspur)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_secret FROM billing_attempt")
        assert started.client_secret not in cursor.fetchone()[0]
        cursor.execute("SELECT secret_key, webhook_secret FROM billing_stripeaccount")
        assert not any(value.startswith(("rk_", "whsec_")) for value in cursor.fetchone())
    assert gateway.gateway_of(account).account().ref == "acct_harbour"
