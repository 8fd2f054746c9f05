"""What each test card and test bank account does.

The numbers, ``pm_…`` names and effects are those of docs.stripe.com/testing, docs.stripe.com/payments/au-becs-debit,
/ach-direct-debit and /sepa-debit ("Test your integration"), as published in 2026. Where those pages say that test mode
settles a debit in minutes, the sandbox takes live mode's days (``settings.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

from billing.sandbox.stripe.wire import Row


@dataclass(frozen=True)
class Card:
    """What a test card does. ``code`` refuses it at once; ``attaches`` only when money is asked for."""

    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    code: str = ""
    decline: str = ""
    attaches: bool = False
    #: "setup": needs authentication until it was set up; "always": at every payment.
    authentication: str = ""
    #: Set up for off-session use before anybody has seen it.
    set_up: bool = False
    #: Refused by Radar, not by the bank.
    blocked: bool = False
    dispute: str = ""
    inquiry: bool = False
    refund: str = ""
    at_once: bool = False


CARDS: dict[str, Card] = {
    "4242424242424242": Card(),
    "4000056655665556": Card(funding="debit"),
    "5555555555554444": Card(brand="mastercard"),
    "5200828282828210": Card(brand="mastercard", funding="debit"),
    "378282246310005": Card(brand="amex"),
    "4000000360000006": Card(country="AU"),
    "5555050360000080": Card(brand="mastercard", funding="debit", country="AU"),
    "4000005540000008": Card(country="NZ"),
    "4000008260000000": Card(country="GB"),
    "4000002760000016": Card(country="DE"),
    "4000000000000002": Card(code="card_declined", decline="generic_decline"),
    "4000000000009995": Card(code="card_declined", decline="insufficient_funds"),
    "4000000000009987": Card(code="card_declined", decline="lost_card"),
    "4000000000009979": Card(code="card_declined", decline="stolen_card"),
    "4000000000006975": Card(code="card_declined", decline="card_velocity_exceeded"),
    "4000000000000069": Card(code="expired_card"),
    "4000000000000127": Card(code="incorrect_cvc"),
    "4000000000000119": Card(code="processing_error"),
    "4000000000000341": Card(code="card_declined", decline="generic_decline", attaches=True),
    "4100000000000019": Card(code="card_declined", decline="fraudulent", attaches=True, blocked=True),
    "4000002500003155": Card(authentication="setup"),
    "4000002760003184": Card(authentication="always"),
    "4000003800000446": Card(authentication="setup", set_up=True),
    "4000008260003178": Card(authentication="setup", code="card_declined", decline="insufficient_funds", attaches=True),
    "4000000000003220": Card(authentication="always"),
    "4000008400001629": Card(authentication="always", code="card_declined", decline="generic_decline", attaches=True),
    "4000008400001280": Card(code="card_declined", decline="generic_decline", attaches=True),
    "4000000000003055": Card(),
    "4000000000000259": Card(dispute="fraudulent"),
    "4000000000002685": Card(dispute="product_not_received"),
    "4000000000001976": Card(dispute="fraudulent", inquiry=True),
    "4000000000000077": Card(at_once=True),
    "4000003720000278": Card(at_once=True, country="IE"),
    "4000000000007726": Card(refund="pending"),
    "4000000000005126": Card(refund="fails"),
}

#: ``pm_card_…`` names that stand for a number in test mode.
MAGIC: dict[str, str] = {
    "pm_card_visa": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_mastercard_debit": "5200828282828210",
    "pm_card_amex": "378282246310005",
    "pm_card_au": "4000000360000006",
    "pm_card_nz": "4000005540000008",
    "pm_card_gb": "4000008260000000",
    "pm_card_de": "4000002760000016",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_radarBlock": "4100000000000019",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredSetupForOffSession": "4000003800000446",
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_threeDSecureRequiredChargeDeclined": "4000008400001629",
    "pm_card_threeDSecureRequiredProcessingError": "4000008400001280",
    "pm_card_threeDSecureOptional": "4000000000003055",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_createDisputeInquiry": "4000000000001976",
    "pm_card_bypassPending": "4000000000000077",
    "pm_card_bypassPendingInternational": "4000003720000278",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
}

MESSAGES = {
    "card_declined": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "card_velocity_exceeded": (
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."
    ),
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


@dataclass(frozen=True)
class BankAccount:
    """What a test bank account does once a debit is collected."""

    #: The code it fails with, after days.
    failure: str = ""
    #: Whether the payer's bank takes the money back after it was paid.
    disputed: bool = False
    #: The code of the limit that every debit breaks.
    limit: str = ""
    #: Stays in processing for ever, so that cancelling can be tried.
    never: bool = False
    #: The code that refuses to make a payment method of it.
    refused: str = ""


def _sepa(country: str, **numbers: str) -> dict[str, tuple[str, BankAccount]]:
    """One country's test IBANs by the magic name of each; the code of a plain failure is unsure."""
    kinds = {
        "success": BankAccount(),
        "successDelayed": BankAccount(),
        "failed": BankAccount(failure="refer_to_customer"),
        "failedDelayed": BankAccount(failure="refer_to_customer"),
        "disputed": BankAccount(disputed=True),
        "exceedsWeeklyVolumeLimit": BankAccount(limit="charge_exceeds_source_limit"),
        "exceedsWeeklyTransactionLimit": BankAccount(limit="charge_exceeds_weekly_limit"),
        "insufficientFunds": BankAccount(failure="insufficient_funds"),
        "bankNotSupported": BankAccount(refused="sepa_debit_bank_not_supported"),
        "debitsNotSupported": BankAccount(refused="sepa_debit_debits_not_supported"),
    }
    return {f"pm_sepaDebit_{kind}_{country}": (number, kinds[kind]) for kind, number in numbers.items()}


_ACCOUNTS: dict[str, dict[str, tuple[str, BankAccount]]] = {
    "au_becs_debit": {
        "pm_auBecsDebit_success": ("000123456", BankAccount()),
        "pm_auBecsDebit_successDelayed": ("900123456", BankAccount()),
        "pm_auBecsDebit_accountClosed": ("111111113", BankAccount(failure="account_closed")),
        "pm_auBecsDebit_noAccount": ("111111116", BankAccount(failure="no_account")),
        "pm_auBecsDebit_referToCustomer": ("222222227", BankAccount(failure="refer_to_customer")),
        "pm_auBecsDebit_referToCustomerDelayed": ("922222227", BankAccount(failure="refer_to_customer")),
        "pm_auBecsDebit_debitNotAuthorized": ("333333335", BankAccount(failure="debit_not_authorized")),
        "pm_auBecsDebit_dispute": ("666666660", BankAccount(disputed=True)),
        "pm_auBecsDebit_exceedsWeeklyLimit": ("343434343", BankAccount(limit="charge_exceeds_source_limit")),
        "pm_auBecsDebit_exceedsTransactionLimit": ("121212121", BankAccount(limit="charge_exceeds_transaction_limit")),
    },
    "us_bank_account": {
        "pm_usBankAccount_success": ("000123456789", BankAccount()),
        "pm_usBankAccount_accountClosed": ("000111111113", BankAccount(failure="account_closed")),
        "pm_usBankAccount_noAccount": ("000111111116", BankAccount(failure="no_account")),
        "pm_usBankAccount_insufficientFunds": ("000222222227", BankAccount(failure="insufficient_funds")),
        "pm_usBankAccount_debitNotAuthorized": ("000333333335", BankAccount(failure="debit_not_authorized")),
        "pm_usBankAccount_invalidCurrency": ("000444444440", BankAccount(failure="invalid_currency")),
        "pm_usBankAccount_dispute": ("000555555559", BankAccount(disputed=True)),
        "pm_usBankAccount_processing": ("000000000009", BankAccount(never=True)),
        "pm_usBankAccount_weeklyLimitExceeded": ("000777777771", BankAccount(limit="charge_exceeds_weekly_limit")),
    },
    "sepa_debit": _sepa(
        "de",
        success="DE89370400440532013000",
        successDelayed="DE08370400440532013003",
        failed="DE62370400440532013001",
        failedDelayed="DE78370400440532013004",
        disputed="DE35370400440532013002",
        exceedsWeeklyVolumeLimit="DE65370400440000343434",
        exceedsWeeklyTransactionLimit="DE27370400440000121212",
        insufficientFunds="DE65370400440002222227",
        bankNotSupported="DE91370400440000055555",
        debitsNotSupported="DE18370400440000066666",
    )
    | _sepa(
        "at",
        success="AT611904300234573201",
        successDelayed="AT321904300235473204",
        failed="AT861904300235473202",
        failedDelayed="AT051904300235473205",
        disputed="AT591904300235473203",
        exceedsWeeklyVolumeLimit="AT981904300000343434",
        exceedsWeeklyTransactionLimit="AT601904300000121212",
        insufficientFunds="AT981904300002222227",
        bankNotSupported="AT271904300000055555",
        debitsNotSupported="AT511904300000066666",
    ),
}

BANK_ACCOUNTS: dict[str, dict[str, BankAccount]] = {kind: dict(rows.values()) for kind, rows in _ACCOUNTS.items()}
#: ``pm_…`` names that stand for a bank account: the method's type and the number.
MAGIC_ACCOUNTS: dict[str, tuple[str, str]] = {
    name: (kind, number)
    for kind, rows in _ACCOUNTS.items()
    for name, (number, account) in rows.items()
    if not account.refused
}

#: Failures after which the mandate is no longer active (docs.stripe.com/payments/au-becs-debit/accept-a-payment).
END_MANDATE = {"account_closed", "no_account", "debit_not_authorized"}
BANK_MESSAGES = {
    "account_closed": "The customer's bank account has been closed.",
    "no_account": "The bank account number provided does not match any account.",
    "insufficient_funds": "The customer's account has insufficient funds to cover this payment.",
    "invalid_currency": "The bank account cannot be debited in this currency.",
    "refer_to_customer": "The customer's bank could not complete the debit and asks you to contact the customer.",
    "debit_not_authorized": "The customer has notified their bank that this debit was unauthorized.",
    "charge_exceeds_transaction_limit": "The payment is above the limit for a single debit on this account.",
    "charge_exceeds_source_limit": "The payment would take this account above its weekly debit limit.",
    "charge_exceeds_weekly_limit": "The payment would take this account above its weekly debit limit.",
    "sepa_debit_bank_not_supported": "The bank of this IBAN does not take part in SEPA Direct Debit.",
    "sepa_debit_debits_not_supported": "The account of this IBAN cannot be debited.",
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
