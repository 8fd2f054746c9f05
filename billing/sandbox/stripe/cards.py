"""The test numbers of docs.stripe.com/testing: what each card and bank account does.

Card numbers and their effects are Stripe's documented ones as far as they were at hand; the failing and disputing
bank accounts for BECS and SEPA are from memory and unsure.
"""

from __future__ import annotations

from dataclasses import dataclass

from billing.sandbox.stripe.wire import Row


@dataclass(frozen=True)
class Card:
    """What a test card does. ``code`` refuses it at once; ``charge_code`` only when money is asked for."""

    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    code: str = ""
    decline: str = ""
    attaches: bool = False
    #: "setup": needs authentication until it was set up; "always": at every payment.
    authentication: str = ""
    dispute: str = ""
    refund: str = ""
    at_once: bool = False


CARDS: dict[str, Card] = {
    "4242424242424242": Card(),
    "4000056655665556": Card(funding="debit"),
    "5555555555554444": Card(brand="mastercard"),
    "378282246310005": Card(brand="amex"),
    "4000000360000006": Card(country="AU"),
    "5555050360000080": Card(brand="mastercard", funding="debit", country="AU"),
    "4000000000000002": Card(code="card_declined", decline="generic_decline"),
    "4000000000009995": Card(code="card_declined", decline="insufficient_funds"),
    "4000000000009987": Card(code="card_declined", decline="lost_card"),
    "4000000000009979": Card(code="card_declined", decline="stolen_card"),
    "4000000000000069": Card(code="expired_card", decline="expired_card"),
    "4000000000000127": Card(code="incorrect_cvc", decline="incorrect_cvc"),
    "4000000000000119": Card(code="processing_error", decline="processing_error"),
    "4000000000000341": Card(code="card_declined", decline="generic_decline", attaches=True),
    "4000002500003155": Card(authentication="setup"),
    "4000002760003184": Card(authentication="always"),
    "4000008260003178": Card(authentication="setup", code="card_declined", decline="insufficient_funds", attaches=True),
    "4000000000000259": Card(dispute="fraudulent"),
    "4000000000002685": Card(dispute="product_not_received"),
    "4000000000000077": Card(at_once=True),
    "4000000000007726": Card(refund="pending"),
    "4000000000005126": Card(refund="fails"),
}

#: ``pm_card_…`` names that stand for a number in test mode.
MAGIC: dict[str, str] = {
    "pm_card_visa": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_au": "4000000360000006",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_bypassPending": "4000000000000077",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
}

MESSAGES = {
    "card_declined": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


@dataclass(frozen=True)
class BankAccount:
    """What a test bank account does once a debit is collected: succeeds, fails with a code, or is returned late."""

    failure: str = ""
    late: str = ""


BANK_ACCOUNTS: dict[str, dict[str, BankAccount]] = {
    "au_becs_debit": {
        "000123456": BankAccount(),
        "900123456": BankAccount(),
        "111111113": BankAccount(failure="account_closed"),
        "111111116": BankAccount(failure="no_account"),
        "222222227": BankAccount(failure="refer_to_customer"),
        "333333335": BankAccount(failure="debit_not_authorized"),
        "000000009": BankAccount(late="debit_not_authorized"),
    },
    "us_bank_account": {
        "000123456789": BankAccount(),
        "000111111113": BankAccount(failure="account_closed"),
        "000111111116": BankAccount(failure="no_account"),
        "000222222227": BankAccount(failure="insufficient_funds"),
        "000333333335": BankAccount(failure="debit_not_authorized"),
        "000000000009": BankAccount(late="insufficient_funds"),
    },
    "sepa_debit": {
        "DE89370400440532013000": BankAccount(),
        "AT611904300234573201": BankAccount(),
        "DE62370400440532013001": BankAccount(failure="refer_to_customer"),
        "AT861904300235473202": BankAccount(failure="refer_to_customer"),
        "DE35370400440532013002": BankAccount(late="debit_not_authorized"),
    },
}

MAGIC_ACCOUNTS = {
    "pm_usBankAccount_success": "000123456789",
    "pm_usBankAccount_accountClosed": "000111111113",
    "pm_usBankAccount_noAccount": "000111111116",
    "pm_usBankAccount_insufficientFunds": "000222222227",
    "pm_usBankAccount_debitNotAuthorized": "000333333335",
}

BANK_MESSAGES = {
    "account_closed": "The customer's bank account has been closed.",
    "no_account": "The bank account number provided does not match any account.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "refer_to_customer": "The customer's bank could not complete the debit and asks you to contact the customer.",
    "debit_not_authorized": "The customer has notified their bank that this debit was unauthorized.",
    "charge_exceeds_transaction_limit": "The payment is above the limit for a single debit on this account.",
    "charge_exceeds_weekly_limit": "The payment would take this account above its weekly debit limit.",
}


def known(number: str) -> Card:
    """What a card number does; an unknown number that passes the checks is declined (as in test mode)."""
    return CARDS.get(number, Card(code="card_declined", decline="test_mode_live_card"))


def bank_account(method: Row) -> BankAccount:
    """What the bank account behind a payment method does; unknown accounts are good."""
    return BANK_ACCOUNTS[method["type"]].get(method["_number"], BankAccount())


def luhn(number: str) -> bool:
    """Whether a card number's check digit fits."""
    digits = [int(each) for each in reversed(number)]
    doubled = [sum(divmod(2 * each, 10)) for each in digits[1::2]]
    return (sum(digits[0::2]) + sum(doubled)) % 10 == 0
