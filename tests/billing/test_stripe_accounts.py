"""Connecting Stripe: live and test keys each to their own address, described by Stripe, kept encrypted."""

import pytest

from billing import stripe_accounts
from billing.models import StripeAccount
from billing.stripe_accounts import AccountRefused
from tests.billing.conftest import make_firm


def connect(firm, secret, publishable="pk_test_123"):
    return stripe_accounts.connect_account(entity=firm.entity, secret_key=secret, publishable_key=publishable)


def test_the_account_describes_itself_and_gets_our_address(firm, account, stripe):
    assert (account.account_ref, account.country, account.currency) == ("acct_harbour", "AU", "AUD")
    assert account.webhook_secret.startswith("whsec_")
    (endpoint,) = stripe.books("acct_harbour").rows("webhook_endpoint")
    assert endpoint["url"] == f"http://localhost:8000/hooks/stripe/{account.pk}/"
    assert endpoint["api_version"] == "2026-10-28.endive"


def test_connecting_again_replaces_the_key_and_keeps_one_address(firm, account, stripe):
    keys = stripe.credentials("acct_harbour")
    again = connect(firm, keys["secret_key"], keys["publishable_key"])
    assert (again.pk, StripeAccount.objects.get().secret_key) == (account.pk, keys["secret_key"])
    assert len(list(stripe.books("acct_harbour").rows("webhook_endpoint"))) == 1


def test_a_live_key_never_goes_to_a_sandbox(firm, stripe):
    with pytest.raises(AccountRefused, match="live key"):
        connect(firm, "sk_live_123", "pk_live_123")
    assert StripeAccount.objects.count() == 0


def test_a_test_key_is_refused_in_production(firm, stripe, settings):
    settings.STRIPE_API_BASE, settings.PRODUCTION, settings.SANDBOX = "https://api.stripe.com", True, False
    with pytest.raises(AccountRefused, match="test key"):
        connect(firm, "sk_test_123")


@pytest.mark.parametrize(
    ("secret", "publishable"), [("whsec_1", "pk_test_1"), ("sk_test_1", "sk_test_1"), ("sk_test_1", "pk_live_1")]
)
def test_keys_of_the_wrong_kind_or_of_two_modes_are_refused(firm, stripe, secret, publishable):
    with pytest.raises(AccountRefused):
        connect(firm, secret, publishable)


def test_a_key_stripe_does_not_know(firm, stripe):
    with pytest.raises(AccountRefused, match="Stripe said"):
        connect(firm, "sk_test_unknown")
    assert StripeAccount.objects.count() == 0


def test_one_account_belongs_to_one_entity(firm, account, stripe):
    other = make_firm("US")
    keys = stripe.credentials("acct_harbour")
    with pytest.raises(AccountRefused, match="another entity"):
        connect(other, keys["secret_key"], keys["publishable_key"])


def test_money_taken_keeps_its_account(firm, larkspur, payer, stripe):
    payer.pay([firm.invoice(larkspur)])
    keys = stripe.credentials("acct_larkin")
    with pytest.raises(AccountRefused, match="another Stripe account"):
        connect(firm, keys["secret_key"], keys["publishable_key"])


def test_the_ways_to_pay_follow_the_country(us_firm, stripe):
    from tests.billing.conftest import connect as connect_firm

    account = connect_firm(us_firm, stripe)
    assert stripe_accounts.ways_to_pay(account, "USD") == ["card", "us_bank_account"]
    assert stripe_accounts.ways_to_pay(account, "EUR") == ["card"]
