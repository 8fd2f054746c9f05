"""PaymentIntents: taking one payment, now or over days (docs.stripe.com/api/payment_intents)."""

from __future__ import annotations

import re

from billing.sandbox.stripe import cards, confirming, customers, intents
from billing.sandbox.stripe.books import Books, merge_metadata
from billing.sandbox.stripe.wire import Refused, Row

_CONFIRM_ONLY = ("off_session", "mandate", "mandate_data", "error_on_requires_action", "return_url", "use_stripe_sdk")
#: Parameters that take one of a few words, which follow.
_WORDS = (
    ("capture_method", "automatic", "automatic_async", "manual"),
    ("confirmation_method", "automatic", "manual"),
    ("setup_future_usage", "off_session", "on_session"),
)
_LEAST, _MOST = 50, 99_999_999
#: Recorded test-mode traffic (github.com/Kiln-AI/stripe_world, cassette 04), as the other words of this module.
_TOO_SMALL = (
    "The amount must be greater than or equal to the minimum charge amount allowed for your account and the currency "
    "set (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).  If you want to save a Payment "
    "Method for future use without an immediate payment, use a Setup Intent instead: "
    "https://docs.stripe.com/payments/setup-intents"
)
_TOO_MUCH_CAPTURED = (
    "The payment could not be captured because the requested capture amount is greater than the amount you can "
    "capture for this charge. Contact us via https://support.stripe.com/contact/ for help."
)
_CANCELLABLE = (
    "requires_payment_method, requires_capture, requires_reauthorization, requires_confirmation, requires_action, "
    "expired, processing"
)


def create(books: Books, params: Row) -> Row:
    """Make an intent, and confirm it when asked to. Raises Refused."""
    _check_amount(params["amount"], params["currency"])
    if params["currency"].lower() != books.account["currency"]:
        raise Refused(
            f"This sandbox plays no conversion: the account settles {books.account['currency']}.",
            code="currency_not_supported",
            param="currency",
            early=True,
        )
    for name in _CONFIRM_ONLY:
        if name in params and not params.get("confirm"):
            raise Refused(
                f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` "
                "is set to true.",
                param=name,
                early=True,
            )
    _unplayed(params)
    if params.get("customer"):
        customers.find(books, params["customer"], "customer")
    row = _blank(books, params)
    row["client_secret"] = books.token(f"{row['id']}_secret_")
    _change(books, row, params)
    books.save(row)
    books.emit("payment_intent.created", row)
    return confirming.confirm(books, row, params) if params.get("confirm") else row


def _blank(books: Books, params: Row) -> Row:
    """An intent with what every intent has."""
    currency = params["currency"].lower()
    nothing = (
        "application application_fee_amount canceled_at cancellation_reason client_secret customer_account description "
        "last_payment_error latest_charge next_action on_behalf_of payment_method payment_record processing "
        "receipt_email review shipping source statement_descriptor statement_descriptor_suffix transfer_data "
        "transfer_group"
    )
    return books.new(
        "payment_intent",
        "pi_",
        {
            **dict.fromkeys(nothing.split()),
            "amount": params["amount"],
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "capture_method": params.get("capture_method", "automatic_async"),
            "confirmation_method": "automatic",
            "currency": currency,
            "customer": params.get("customer"),
            "managed_payments": {"enabled": False},
            "metadata": {},
            "setup_future_usage": params.get("setup_future_usage"),
            "status": "requires_payment_method",
            **intents.choose_types(books, params, currency),
            "_off_session": False,
            "_mandate": None,
        },
    )


def retrieve(books: Books, params: Row, key: str) -> Row:
    """One intent; a browser shows its client secret. Raises Refused."""
    return intents.find(books, "payment_intent", key, params)


def update(books: Books, params: Row, key: str) -> Row:
    """Change an intent that has not been confirmed; afterwards only its description and metadata. Raises Refused."""
    row = books.find("payment_intent", key)
    late = set(params) - {"metadata", "description", "expand"}
    if row["status"] not in intents.OPEN and late:
        raise _cannot_change(row, min(late))
    if "amount" in params:
        _check_amount(params["amount"], row["currency"])
        row["amount"] = params["amount"]
    if str(params.get("currency", row["currency"])).lower() != row["currency"]:
        raise Refused("This sandbox plays no conversion.", code="currency_not_supported", param="currency", early=True)
    _unplayed(params)
    if params.get("customer"):
        row["customer"] = customers.find(books, params["customer"], "customer")["id"]
    if "setup_future_usage" in params:
        row["setup_future_usage"] = params["setup_future_usage"] or None
    _change(books, row, params)
    return books.save(row)


def confirm(books: Books, params: Row, key: str) -> Row:
    """Try to take the payment. Raises Refused, also for a declined card."""
    _check_words(params)
    row = intents.find(books, "payment_intent", key, params)
    if "setup_future_usage" in params:
        row["setup_future_usage"] = params["setup_future_usage"] or None
    if "receipt_email" in params:
        row["receipt_email"] = params["receipt_email"] or None
    intents.set_options(row, params)
    return confirming.confirm(books, row, params)


def cancel(books: Books, params: Row, key: str) -> Row:
    """Cancel an intent that is not paid yet (docs.stripe.com/api/payment_intents/cancel). Raises Refused.

    "In rare cases" one in processing can be canceled too: which is not said, so none can, but the test account that
    is made for it (docs.stripe.com/payments/ach-direct-debit) and where the account's settings say so.
    """
    row = books.find("payment_intent", key)
    if row["status"] == "processing" and _on_its_way_back(books, row):
        confirming.release(books, row)
    elif row["status"] not in (*intents.OPEN, "requires_capture"):
        raise intents.unexpected(
            row,
            "cancel",
            f"You cannot cancel this PaymentIntent because it has a status of {row['status']}. Only a PaymentIntent "
            f"with one of the following statuses may be canceled: {_CANCELLABLE}.",
        )
    row |= {
        "status": "canceled",
        "amount_capturable": 0,
        "canceled_at": books.moment,
        "next_action": None,
        "cancellation_reason": params.get("cancellation_reason"),
    }
    books.save(row)
    books.emit("payment_intent.canceled", row)
    return row


def capture(books: Books, params: Row, key: str) -> Row:
    """Take money that is held (docs.stripe.com/api/payment_intents/capture). Raises Refused."""
    row = books.find("payment_intent", key)
    if row["status"] == "succeeded":
        raise intents.unexpected(
            row,
            "capture",
            "The remaining amount on this PaymentIntent could not be captured because the remainder of the authorized "
            "amount has been released.",
        )
    if row["status"] != "requires_capture":
        raise intents.unexpected(
            row,
            "capture",
            f"This PaymentIntent could not be captured because it has a status of {row['status']}. Only a "
            "PaymentIntent with one of the following statuses may be captured: requires_capture.",
        )
    if not params.get("final_capture", True):
        raise Refused("This sandbox plays one capture for each payment.", param="final_capture", early=True)
    amount: int = params["amount_to_capture"] if "amount_to_capture" in params else row["amount_capturable"]
    about = {"payment_intent": intents.bare(row)}
    if amount < 0:
        raise Refused("Invalid non-negative integer", param="amount_to_capture", **about)
    if amount == 0:
        raise Refused(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount", **about
        )
    if amount > row["amount_capturable"]:
        raise Refused(_TOO_MUCH_CAPTURED, code="amount_too_large", **about)
    if "statement_descriptor_suffix" in params:
        row["statement_descriptor_suffix"] = params["statement_descriptor_suffix"] or None
    merge_metadata(row, params.get("metadata"))
    return confirming.capture(books, row, amount)


def verify_microdeposits(books: Books, params: Row, key: str) -> Row:
    """Prove a US bank account, then debit it. Raises Refused."""
    row = intents.find(books, "payment_intent", key, params)
    method = intents.check_microdeposits(books, row, params)
    return confirming.debit(books, row, method, {})


def listing(books: Books, params: Row) -> Row:
    """Intents, newest first."""
    return books.listing(
        "payment_intent", params, "/v1/payment_intents", lambda row: params.get("customer") in (None, row["customer"])
    )


def _on_its_way_back(books: Books, row: Row) -> bool:
    method = books.find("payment_method", books.find("charge", row["latest_charge"])["payment_method"])
    return cards.bank_account(method).never or bool(books.settings["cancel_processing"])


def _cannot_change(row: Row, name: str) -> Refused:
    return intents.unexpected(
        row,
        "update",
        f"This PaymentIntent's {name} could not be updated because it has a status of {row['status']}. You may only "
        f"update the {name} of a PaymentIntent with one of the following statuses: {', '.join(intents.OPEN)}.",
        param=name,
    )


def _change(books: Books, row: Row, params: Row) -> None:
    for name in ("description", "receipt_email", "shipping", "statement_descriptor_suffix", "transfer_group"):
        if name in params:
            row[name] = params[name] or None
    merge_metadata(row, params.get("metadata"))
    key = params.get("payment_method")
    if (key or params.get("payment_method_data")) and not params.get("confirm"):
        method = intents.choose_method(books, row, params)
        row |= {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}


def _check_amount(amount: int, currency: str) -> None:
    if amount < 1:
        raise Refused(_TOO_SMALL, code="parameter_invalid_integer", param="amount", early=True)
    if amount < _LEAST:
        raise Refused(f"Amount must be at least $0.50 {currency}", code="amount_too_small", param="amount", early=True)
    if amount > _MOST:
        raise Refused("Amount must be no more than $999,999.99", code="amount_too_large", param="amount", early=True)


def _check_words(params: Row) -> None:
    """Refuse words that are none of those documented (docs.stripe.com/api/payment_intents): the SDK takes any."""
    for name, *words, last in _WORDS:
        if (params.get(name) or last) not in (*words, last):
            known = f"{', '.join(words)}{',' * (len(words) > 1)} or {last}"
            raise Refused(f"Invalid {name}: must be one of {known}", param=name, early=True)
    customers.require_email(params.get("receipt_email"), "receipt_email")
    suffix = params.get("statement_descriptor_suffix") or ""
    if suffix and (set(suffix) & set("<>\\'\"*") or not re.search("[A-Za-z]", suffix)):
        raise Refused(  # docs.stripe.com/get-started/account/statement-descriptors; its words are unsure
            "The statement descriptor suffix must contain at least one letter, and none of < > \\ ' \" *.",
            param="statement_descriptor_suffix",
            early=True,
        )


def _unplayed(params: Row) -> None:
    """Refuse what the sandbox does not play, rather than pretend; and what Stripe refuses since 2024."""
    _check_words(params)
    if params.get("statement_descriptor"):
        raise Refused(
            "The `statement_descriptor` parameter is not supported for the payment method type `card`. Use "
            "`statement_descriptor_suffix` instead.",
            code="parameter_invalid",
            param="statement_descriptor",
            early=True,
        )
    if params.get("confirmation_method") == "manual":
        raise Refused("This sandbox plays automatic confirmation only.", param="confirmation_method", early=True)
    for name in ("application_fee_amount", "transfer_data", "on_behalf_of", "confirmation_token"):
        if params.get(name):
            raise Refused(f"This sandbox does not play `{name}`.", param=name, early=True)
