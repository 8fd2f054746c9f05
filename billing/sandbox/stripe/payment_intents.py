"""PaymentIntents: taking one payment, now or over days (docs.stripe.com/api/payment_intents)."""

from __future__ import annotations

from datetime import timedelta

from billing.sandbox.stripe import cards, charges, customers, intents, payment_methods
from billing.sandbox.stripe.books import Books, business_days, merge_metadata, public
from billing.sandbox.stripe.wire import Refused, Row

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_CONFIRM_ONLY = ("off_session", "mandate", "mandate_data", "error_on_requires_action", "return_url", "use_stripe_sdk")
_LEAST, _MOST = 50, 99_999_999


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
    row = books.new(
        "payment_intent",
        "pi_",
        {
            "amount": params["amount"],
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "application": None,
            "application_fee_amount": None,
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": "automatic_async",
            "client_secret": None,
            "confirmation_method": "automatic",
            "currency": params["currency"].lower(),
            "customer": params.get("customer"),
            "customer_account": None,
            "description": None,
            "last_payment_error": None,
            "latest_charge": None,
            "metadata": {},
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "processing": None,
            "receipt_email": None,
            "review": None,
            "setup_future_usage": params.get("setup_future_usage"),
            "shipping": None,
            "source": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": None,
            "status": "requires_payment_method",
            "transfer_data": None,
            "transfer_group": None,
            **intents.choose_types(books, params, params["currency"].lower()),
            "_off_session": False,
            "_mandate": None,
        },
    )
    row["client_secret"] = books.token(f"{row['id']}_secret_")
    _change(books, row, params)
    books.save(row)
    books.emit("payment_intent.created", row)
    if params.get("confirm"):
        return _confirm(books, row, params)
    return row


def retrieve(books: Books, params: Row, key: str) -> Row:
    """One intent; a browser shows its client secret. Raises Refused."""
    return intents.find(books, "payment_intent", key, params)


def update(books: Books, params: Row, key: str) -> Row:
    """Change an intent that has not been confirmed; afterwards only its description and metadata. Raises Refused."""
    row = books.find("payment_intent", key)
    late = set(params) - {"metadata", "description", "expand"}
    if row["status"] not in _OPEN and late:
        raise intents.unexpected(row, "update")
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
    row = intents.find(books, "payment_intent", key, params)
    if "setup_future_usage" in params:
        row["setup_future_usage"] = params["setup_future_usage"] or None
    if "receipt_email" in params:
        row["receipt_email"] = params["receipt_email"] or None
    row["payment_method_options"] |= params.get("payment_method_options") or {}
    return _confirm(books, row, params)


def cancel(books: Books, params: Row, key: str) -> Row:
    """Cancel an intent that is not on its way (docs.stripe.com/api/payment_intents/cancel). Raises Refused."""
    row = books.find("payment_intent", key)
    if row["status"] not in _OPEN:
        raise intents.unexpected(row, "cancel")
    row |= {
        "status": "canceled",
        "canceled_at": books.moment,
        "next_action": None,
        "cancellation_reason": params.get("cancellation_reason"),
    }
    books.save(row)
    books.emit("payment_intent.canceled", row)
    return row


def verify_microdeposits(books: Books, params: Row, key: str) -> Row:
    """Prove a US bank account, then debit it. Raises Refused."""
    row = intents.find(books, "payment_intent", key, params)
    method = intents.check_microdeposits(books, row, params)
    return _debit(books, row, method, {})


def listing(books: Books, params: Row) -> Row:
    """Intents, newest first."""
    return books.listing(
        "payment_intent", params, "/v1/payment_intents", lambda row: params.get("customer") in (None, row["customer"])
    )


def authenticate(books: Books, row: Row, *, passed: bool) -> Row:
    """What the bank says after 3-D Secure. Raises Refused for a card that is declined even so."""
    if row["status"] != "requires_action" or row["next_action"]["type"] == "verify_with_microdeposits":
        raise intents.unexpected(row, "authenticate")
    method = books.find("payment_method", row["payment_method"])
    if passed:
        return _charge_card(books, row, method)
    error = Refused(
        "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
        code="payment_intent_authentication_failure",
    )
    _refuse(books, row, method, error)
    return row


def settle(books: Books, charge: str, failure: str = "") -> None:
    """The bank's answer to a debit: paid, or failed with a code."""
    attempt = books.find("charge", charge)
    if attempt["status"] != "pending":
        return
    books.forget("payment_intents.settle", charge=charge, failure=failure)
    row = books.find("payment_intent", attempt["payment_intent"])
    method = books.find("payment_method", attempt["payment_method"])
    row["processing"] = None
    if not failure:
        charges.succeed(books, attempt)
        _paid(books, row, method)
        return
    message = cards.BANK_MESSAGES.get(failure, "The debit failed.")
    charges.fail(books, attempt, failure, message)
    # The type of a failed debit's error is unsure.
    _refuse(books, row, method, Refused(message, code=failure, charge=charge))


def _confirm(books: Books, row: Row, params: Row) -> Row:
    if row["status"] not in _OPEN:
        raise intents.unexpected(row, "confirm")
    off_session = bool(params.get("off_session"))
    if off_session and params.get("setup_future_usage"):  # that the two exclude each other is unsure
        raise Refused(
            "You cannot pass `setup_future_usage` together with `off_session`: the payment method is saved already.",
            param="off_session",
            early=True,
        )
    intents.require_return_url(books, row, params)
    method = intents.choose_method(books, row, params)
    if off_session and not (row["customer"] and method["customer"] == row["customer"]):
        # Saved methods belong to a customer (docs.stripe.com/payments/save-and-reuse); the wording is unsure.
        raise Refused(
            "To charge off-session, the PaymentMethod must be attached to the PaymentIntent's customer.",
            param="off_session",
        )
    row |= {
        "payment_method": method["id"],
        "_off_session": off_session,
        "next_action": None,
        "last_payment_error": None,
    }
    if method["type"] != "card":
        return _debit(books, row, method, params)
    if intents.must_authenticate(method, off_session=off_session):
        if off_session or params.get("error_on_requires_action"):
            raise _card_refusal(
                books, row, method, cards.Card(code="authentication_required", decline="authentication_required")
            )
        row |= {"status": "requires_action", "next_action": intents.challenge(books, row, params)}
        books.save(row)
        books.emit("payment_intent.requires_action", row)
        return row
    return _charge_card(books, row, method)


def _charge_card(books: Books, row: Row, method: Row) -> Row:
    card = cards.known(method["_number"])
    if card.code:
        raise _card_refusal(books, row, method, card)
    attempt = charges.create(books, row, method, "succeeded")
    row["latest_charge"] = attempt["id"]
    charges.succeed(books, attempt)
    return _paid(books, row, method)


def _card_refusal(books: Books, row: Row, method: Row, card: cards.Card) -> Refused:
    """A declined attempt stays on the books (docs.stripe.com/declines): the error carries the intent as it is now."""
    attempt = charges.create(books, row, method, "failed")
    row["latest_charge"] = attempt["id"]
    error = payment_methods.declined(method, card, charge=attempt["id"])
    charges.fail(books, attempt, card.code, error.message, card.decline)
    _refuse(books, row, method, error)
    error.keeps = True
    error.about |= {"payment_intent": public(row, books.moment), "payment_method": public(method, books.moment)}
    return error


def _refuse(books: Books, row: Row, method: Row, error: Refused) -> None:
    row |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_payment_error": intents.failure(error, method, books.moment),
    }
    books.save(row)
    _use_up(books, method)
    books.emit("payment_intent.payment_failed", row)


def _paid(books: Books, row: Row, method: Row) -> Row:
    row |= {"status": "succeeded", "amount_received": row["amount"], "next_action": None, "last_payment_error": None}
    books.save(row)
    if row["setup_future_usage"] and row["customer"]:
        intents.remembered(books, method, row["customer"], off_session=row["setup_future_usage"] == "off_session")
    else:
        _use_up(books, method)
    books.emit("payment_intent.succeeded", row)
    return row


def _use_up(books: Books, method: Row) -> None:
    """A method without a customer serves one payment (docs.stripe.com/payments/payment-methods, "Reuse")."""
    kept = books.find("payment_method", method["id"])
    if kept["customer"] is None:
        kept["_used_up"] = True
        books.save(kept)


def _debit(books: Books, row: Row, method: Row, params: Row) -> Row:
    single = not row["setup_future_usage"] and not method["customer"]
    mandate = intents.permission(books, method, params, single_use=single) if not row["_mandate"] else None
    row["_mandate"] = row["_mandate"] or (mandate["id"] if mandate else None)
    if intents.needs_verification(row, method):
        row |= {"status": "requires_action", "next_action": intents.microdeposits(books, row)}
        books.save(row)
        books.emit("payment_intent.requires_action", row)
        return row
    if over := _above_limit(books, row, method):
        error = Refused(cards.BANK_MESSAGES[over], code=over, keeps=True)
        _refuse(books, row, method, error)
        error.about["payment_intent"] = public(row, books.moment)
        raise error
    attempt = charges.create(books, row, method, "pending", books.find("mandate", row["_mandate"]))
    row |= {"latest_charge": attempt["id"], "status": "processing", "next_action": None, "processing": None}
    books.save(row)
    if row["setup_future_usage"] and row["customer"]:
        # That the method is attached as soon as the debit is on its way, not when it is paid, is unsure.
        intents.remembered(books, method, row["customer"], off_session=row["setup_future_usage"] == "off_session")
    books.emit("charge.pending", attempt)
    books.emit("payment_intent.processing", row)
    due = business_days(books.at, books.settings["debit_days"][method["type"]])
    failure = cards.bank_account(method).failure
    books.later(due, "payment_intents.settle", charge=attempt["id"], failure=failure)
    return row


def _above_limit(books: Books, row: Row, method: Row) -> str:
    """Which limit a debit would break (docs.stripe.com/payments/au-becs-debit; that these codes are used is unsure)."""
    kind = method["type"]
    limit = books.settings["debit_limit"].get(kind)
    if limit is not None and row["amount"] > limit:
        return "charge_exceeds_transaction_limit"
    weekly = books.settings["debit_weekly_limit"].get(kind)
    since = (books.at - timedelta(days=7)).timestamp()
    taken = sum(
        charge["amount"]
        for charge in books.rows("charge")
        if charge["payment_method_details"]["type"] == kind
        and charge["created"] > since
        and charge["status"] != "failed"
    )
    return "charge_exceeds_weekly_limit" if weekly is not None and taken + row["amount"] > weekly else ""


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
        raise Refused(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
            early=True,
        )
    if amount < _LEAST:
        raise Refused(f"Amount must be at least $0.50 {currency}", code="amount_too_small", param="amount", early=True)
    if amount > _MOST:
        raise Refused("Amount must be no more than $999,999.99", code="amount_too_large", param="amount", early=True)


def _unplayed(params: Row) -> None:
    """Refuse what the sandbox does not play, rather than pretend; and what Stripe refuses since 2024."""
    if params.get("statement_descriptor"):
        raise Refused(
            "The `statement_descriptor` parameter is not supported for the payment method type `card`. Use "
            "`statement_descriptor_suffix` instead.",
            code="parameter_invalid",
            param="statement_descriptor",
            early=True,
        )
    if params.get("capture_method", "automatic_async") == "manual" or params.get("confirmation_method") == "manual":
        raise Refused("This sandbox plays automatic capture and confirmation only.", early=True)
    for name in ("application_fee_amount", "transfer_data", "on_behalf_of", "confirmation_token"):
        if params.get(name):
            raise Refused(f"This sandbox does not play `{name}`.", param=name, early=True)
