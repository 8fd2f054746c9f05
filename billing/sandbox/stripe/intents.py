"""What PaymentIntents and SetupIntents have in common: which methods they take, and the steps a payer must do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from billing.sandbox.stripe import accounts, cards, mandates, payment_methods
from billing.sandbox.stripe.books import Books, public
from billing.sandbox.stripe.wire import Refused, Row

#: While an intent may still be changed and confirmed.
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
#: What a publishable key may see of an intent; docs.stripe.com/api marks these fields, the exact set is unsure.
BROWSER_FIELDS = {
    "id",
    "object",
    "amount",
    "amount_details",
    "automatic_payment_methods",
    "canceled_at",
    "cancellation_reason",
    "capture_method",
    "client_secret",
    "confirmation_method",
    "created",
    "currency",
    "description",
    "last_payment_error",
    "last_setup_error",
    "livemode",
    "next_action",
    "payment_method",
    "payment_method_types",
    "processing",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "source",
    "status",
    "usage",
    "allowed_payment_method_types",
    "excluded_payment_method_types",
    "payment_method_configuration_details",
}
_MISSING_METHOD = (
    "You cannot confirm this {name} because it's missing a payment method. You can either update the {name} with a "
    "payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken."
)
_RETURN_URL = (
    "This {name} is configured to accept payment methods enabled in your Dashboard. Because some of these payment "
    "methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to "
    "accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)
#: docs.stripe.com/payments/ach-direct-debit/set-up-payment, "Test microdeposit amounts and descriptor codes".
_MICRODEPOSITS = ([32, 45], "SM11AA")
_MICRODEPOSIT_TROUBLE = (
    ([10, 11], "SM33CC", "attempts_exceeded", "You have exceeded the number of allowed verification attempts."),
    ([40, 41], "SM44DD", "timeout", "The microdeposits were not verified in time."),
)


def name_of(intent: Row) -> str:
    """ "PaymentIntent" or "SetupIntent"."""
    return "PaymentIntent" if intent["object"] == "payment_intent" else "SetupIntent"


def choose_types(books: Books, params: Row, currency: str) -> Row:
    """The fields that say which methods an intent takes.

    docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter: incompatible types are
    filtered out silently, and the parameter excludes its three neighbours. Raises Refused.
    """
    allowed, excluded = params.get("allowed_payment_method_types"), params.get("excluded_payment_method_types") or None
    automatic = params.get("automatic_payment_methods")
    if allowed and (excluded or automatic or params.get("payment_method_configuration")):
        raise Refused(
            "allowed_payment_method_types cannot be combined with excluded_payment_method_types, "
            "automatic_payment_methods or payment_method_configuration.",
            param="allowed_payment_method_types",
            early=True,
        )
    offered = ["card"] if params.get("capture_method") == "manual" else accounts.methods(books.account, currency)
    types = [kind for kind in offered if kind in (allowed or [kind]) and kind not in (excluded or [])]
    if not types:
        raise Refused(
            "No valid payment method types for this intent. Please ensure that you have activated payment "
            "methods compatible with your chosen currency.",
            param="allowed_payment_method_types",
        )
    dynamic = None
    if not allowed:
        dynamic = {"allow_redirects": (automatic or {}).get("allow_redirects", "always"), "enabled": True}
    return {
        "allowed_payment_method_types": allowed,
        "excluded_payment_method_types": excluded,
        "payment_method_types": types,
        "automatic_payment_methods": dynamic,
        "payment_method_configuration_details": None,
        "payment_method_options": _options(types, params, payment="amount" in params),
    }


def _options(types: list[str], params: Row, *, payment: bool) -> Row:
    """What is set for each type, over what Stripe sets (recorded: Kiln-AI/stripe_world, cassettes 04 and 10)."""
    given = params.get("payment_method_options") or {}
    card = {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
    preset: Row = {
        "card": {"installments": None, **card} if payment else card,
        "us_bank_account": {"verification_method": "automatic"},
        "sepa_debit": {},
    }
    if payment:
        preset["au_becs_debit"] = {}
    return {kind: {**preset[kind], **(given.get(kind) or {})} for kind in types if kind in preset or given.get(kind)}


def set_options(intent: Row, params: Row) -> None:
    """Change the options given with a confirmation; the others stay."""
    for kind, given in (params.get("payment_method_options") or {}).items():
        intent["payment_method_options"][kind] = {
            **intent["payment_method_options"].get(kind, {}),
            **(given or {}),
        }


def find(books: Books, kind: str, key: str, params: Row) -> Row:
    """An intent; a browser must show its client secret. Raises Refused."""
    row = books.find(kind, key, "intent")
    if books.browser and params.get("client_secret") != row["client_secret"]:
        raise Refused(
            "The client_secret provided does not match any associated "
            f"{name_of(row)} on this account. Ensure the publishable key used belongs to the same account.",
            status=404,
            code="resource_missing",
            param="intent",
        )
    return row


def for_browser(books: Books, shown: Row) -> Row:
    """An answer cut down to what a publishable key may see."""
    whole = not books.browser or books.settings["browser_sees_all"]
    if whole or shown.get("object") not in ("payment_intent", "setup_intent"):
        return shown
    return {key: value for key, value in shown.items() if key in BROWSER_FIELDS}


def bare(intent: Row) -> Row:
    """An intent without what only the sandbox knows, as an error carries it."""
    return {key: value for key, value in intent.items() if not key.startswith("_")}


def not_authenticated(row: Row) -> Refused:
    """What is kept of a payer who failed 3-D Secure (docs.stripe.com/error-codes)."""
    return Refused(
        "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
        code=f"{row['object']}_authentication_failure",
    )


def unexpected(intent: Row, doing: str, message: str = "", **about: Any) -> Refused:
    """The error for something that the intent's status forbids (docs.stripe.com/error-codes)."""
    kind = intent["object"]
    return Refused(
        message or f"You cannot {doing} this {name_of(intent)} because it has a status of {intent['status']}.",
        code=f"{kind}_unexpected_state",
        **{kind: bare(intent)},
        **about,
    )


def require_return_url(books: Books, intent: Row, params: Row) -> None:
    """Raise Refused where a server confirms dynamic methods without saying where to return to."""
    dynamic = intent["automatic_payment_methods"]
    if dynamic and dynamic["allow_redirects"] != "never" and not params.get("return_url") and not books.browser:
        raise Refused(_RETURN_URL.format(name=name_of(intent)), param="return_url")


def choose_method(books: Books, intent: Row, params: Row) -> Row:
    """The payment method to confirm with, checked against the intent. Raises Refused."""
    if data := params.get("payment_method_data"):
        method = payment_methods.create(books, data)
    elif key := params.get("payment_method") or intent["payment_method"]:
        method = payment_methods.find(books, key)
    else:
        kind = intent["object"]
        raise Refused(
            _MISSING_METHOD.format(name=name_of(intent)), code=f"{kind}_unexpected_state", **{kind: bare(intent)}
        )
    check_method(intent, method)
    return method


def check_method(intent: Row, method: Row) -> None:
    """Raise Refused unless the intent may use the method: right type, same customer, not used up."""
    payment_methods.usable(method)
    if method["type"] not in intent["payment_method_types"]:
        raise Refused(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this {name_of(intent)}. Please attach "
            f"a PaymentMethod of one of the following types: {', '.join(intent['payment_method_types'])}.",
            code="payment_intent_incompatible_payment_method",
            param="payment_method",
        )
    if method["customer"] and method["customer"] != intent["customer"]:
        raise _of_another(intent, method)


def _of_another(intent: Row, method: Row) -> Refused:
    """Recorded test-mode traffic, also its odd parameter name (Kiln-AI/stripe_world, cassettes 04 and 10)."""
    payment = intent["object"] == "payment_intent"
    about: Row = {intent["object"]: bare(intent)} if payment else {}
    if intent["customer"]:
        return Refused(
            f"The PaymentMethod {method['id']} does not belong to the Customer you supplied {intent['customer']}. "
            "Please use this PaymentMethod with the Customer that it belongs to instead.",
            param="payment_method",
            **about,
        )
    if not payment:
        return Refused(
            f"The payment method supplied ({method['id']}) belongs to the Customer {method['customer']}. Please "
            "include the Customer in the `customer` parameter on the SetupIntent.",
            param="payment_method",
        )
    return Refused(
        f"The `payment_method` parameter supplied {method['id']} belongs to the Customer {method['customer']}. Please "
        "include the Customer in the `customer` parameter on the PaymentIntent.",
        code="parameter_missing",
        param="source",
        **about,
    )


def permission(books: Books, method: Row, params: Row, *, single_use: bool = False) -> Row | None:
    """The mandate to debit with. In the browser the Payment Element shows it and so takes it. Raises Refused."""
    if books.browser and not params.get("mandate_data"):
        online = {"ip_address": "127.0.0.1", "user_agent": "Payment Element"}
        params = {**params, "mandate_data": {"customer_acceptance": {"type": "online", "online": online}}}
    return mandates.need(books, method, params, single_use=single_use)


def needs_verification(intent: Row, method: Row) -> bool:
    """Whether a US account must first prove itself by microdeposits (docs.stripe.com/payments/ach-direct-debit)."""
    if method["type"] != "us_bank_account":
        return False
    options = intent["payment_method_options"].get("us_bank_account") or {}
    asked = options.get("verification_method") == "microdeposits"
    return not method["_verified"] or (asked and not method.get("_microdeposits"))


def microdeposits(books: Books, intent: Row) -> Row:
    """The next action that waits for the two small amounts."""
    arrival = int((books.at + timedelta(days=2)).timestamp())
    return {
        "type": "verify_with_microdeposits",
        "verify_with_microdeposits": {
            "arrival_date": arrival,
            "microdeposit_type": "amounts",
            "hosted_verification_url": f"{books.base_url}/microdeposits/{intent['id']}",
        },
    }


def check_microdeposits(books: Books, intent: Row, params: Row) -> Row:
    """The verified method. Raises Refused for wrong amounts or where none are awaited."""
    if (intent["next_action"] or {}).get("type") != "verify_with_microdeposits":
        raise unexpected(intent, "verify microdeposits for")
    for amounts, code, trouble, words in _MICRODEPOSIT_TROUBLE:
        if sorted(params.get("amounts", [])) == amounts or params.get("descriptor_code") == code:
            raise Refused(words, code=f"payment_method_microdeposit_verification_{trouble}")
    amounts, code = _MICRODEPOSITS
    if sorted(params.get("amounts", [])) != amounts and params.get("descriptor_code") != code:
        kind = "amounts" if "amounts" in params else "descriptor_code"
        raise Refused(
            "The verification amounts provided do not match.",
            code=f"payment_method_microdeposit_verification_{kind}_mismatch",
        )
    method = books.find("payment_method", intent["payment_method"])
    method["_verified"] = method["_microdeposits"] = True
    return books.save(method)


def challenge(books: Books, intent: Row, params: Row) -> Row:
    """The next action for 3-D Secure: inside Stripe.js, or a page to be sent to."""
    if books.browser or params.get("use_stripe_sdk") or not params.get("return_url"):
        return {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {
                "type": "three_d_secure_redirect",
                "source": books.token("src_"),
                "stripe_js": f"{books.base_url}/authenticate/{intent['id']}?client_secret={intent['client_secret']}",
            },
        }
    url = f"{books.base_url}/authenticate/{intent['id']}?client_secret={intent['client_secret']}"
    return {"type": "redirect_to_url", "redirect_to_url": {"return_url": params["return_url"], "url": url}}


def must_authenticate(method: Row, *, off_session: bool) -> bool:
    """Whether the bank asks for the payer (docs.stripe.com/testing, "3D Secure")."""
    if method["type"] != "card":
        return False
    card = cards.known(method["_number"])
    seen = off_session and (method["_set_up"] or card.set_up)
    return card.authentication == "always" or (card.authentication == "setup" and not seen)


def remembered(books: Books, method: Row, customer: str | None, *, off_session: bool) -> Row:
    """Keep a method for later: attach it to the customer, and note that the bank has seen the payer."""
    method = books.find("payment_method", method["id"])
    if customer:
        method = payment_methods.attached(books, method, customer)
    if off_session:
        method["_set_up"] = True
    return books.save(method)


def failure(error: Refused, method: Row, moment: int) -> Row:
    """``last_payment_error`` or ``last_setup_error`` for an error."""
    about: dict[str, Any] = {k: v for k, v in error.envelope()["error"].items() if k != "payment_intent"}
    return {**about, "payment_method": public(method, moment)}
