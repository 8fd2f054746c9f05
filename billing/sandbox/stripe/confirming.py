"""Confirming a PaymentIntent: what a card, a debit, the bank and the payer make of it (docs.stripe.com/payments)."""

from __future__ import annotations

from datetime import timedelta

from billing.sandbox.stripe import cards, charges, intents, mandates, payment_methods
from billing.sandbox.stripe.books import Books, business_days, public
from billing.sandbox.stripe.wire import Refused, Row


def authenticate(books: Books, row: Row, *, passed: bool) -> Row:
    """What the bank says after 3-D Secure. Raises Refused for a card that is declined even so."""
    if row["status"] != "requires_action" or row["next_action"]["type"] == "verify_with_microdeposits":
        raise intents.unexpected(row, "authenticate")
    method = books.find("payment_method", row["payment_method"])
    if passed:
        return _charge_card(books, row, method)
    _refuse(books, row, method, intents.not_authenticated(row))
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
    if failure in cards.END_MANDATE:
        mandates.end(books, method)
    # The type of a failed debit's error is unsure.
    _refuse(books, row, method, Refused(message, code=failure, charge=charge))


def confirm(books: Books, row: Row, params: Row) -> Row:
    """Try to take the payment. Raises Refused, also for a declined card."""
    if row["status"] not in intents.OPEN:
        raise intents.unexpected(row, "confirm")
    off_session = bool(params.get("off_session"))
    if off_session and params.get("setup_future_usage") and not books.settings["future_usage_off_session"]:
        raise Refused(
            "You cannot pass `setup_future_usage` together with `off_session`: the payment method is saved already.",
            param="off_session",
            early=True,
        )
    intents.require_return_url(books, row, params)
    method = intents.choose_method(books, row, params)
    saved = row["customer"] and method["customer"] == row["customer"]
    if off_session and not saved and not books.settings["off_session_unattached"]:
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
        return debit(books, row, method, params)
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
    manual = row["capture_method"] == "manual"
    attempt = charges.create(books, row, method, "succeeded", captured=not manual)
    row["latest_charge"] = attempt["id"]
    if not manual:
        charges.succeed(books, attempt)
        return _paid(books, row, method)
    return _held(books, row, method, attempt)


def _held(books: Books, row: Row, method: Row, attempt: Row) -> Row:
    """The bank holds the money until it is captured (docs.stripe.com/payments/place-a-hold-on-a-payment-method)."""
    row |= {
        "status": "requires_capture",
        "amount_capturable": row["amount"],
        "next_action": None,
        "last_payment_error": None,
    }
    books.save(row)
    _keep_method(books, row, method)
    books.emit("charge.succeeded", attempt)
    books.emit("payment_intent.amount_capturable_updated", row)
    days = timedelta(days=books.settings["authorization_days"])
    books.later(books.at + days, "payment_intents.expire", intent=row["id"])
    return row


def capture(books: Books, row: Row, amount: int) -> Row:
    """Take what is held, or a part of it; the rest is released."""
    attempt = books.find("charge", row["latest_charge"])
    row |= {"status": "succeeded", "amount_capturable": 0, "amount_received": amount}
    books.save(row)
    charges.captured(books, attempt, amount)
    books.emit("payment_intent.succeeded", row)
    return row


def expire(books: Books, intent: str) -> None:
    """Nobody captured in time: the hold is gone."""
    row = books.find("payment_intent", intent)
    if row["status"] != "requires_capture":
        return
    row |= {
        "status": "canceled",
        "amount_capturable": 0,
        "canceled_at": books.moment,
        "cancellation_reason": "automatic",
    }
    books.save(row)
    books.emit("charge.expired", books.find("charge", row["latest_charge"]))
    books.emit("payment_intent.canceled", row)


def _card_refusal(books: Books, row: Row, method: Row, card: cards.Card) -> Refused:
    """A declined attempt stays on the books (docs.stripe.com/declines): the error carries the intent as it is now."""
    attempt = charges.create(books, row, method, "failed")
    row["latest_charge"] = attempt["id"]
    error = payment_methods.declined(books, method, card, charge=attempt["id"])
    charges.fail(books, attempt, card.code, error.message, card.decline, blocked=card.blocked)
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
    _keep_method(books, row, method)
    books.emit("payment_intent.succeeded", row)
    return row


def _keep_method(books: Books, row: Row, method: Row) -> None:
    """Save the method where that was asked for; else one without a customer is used up."""
    if row["setup_future_usage"] and row["customer"]:
        intents.remembered(books, method, row["customer"], off_session=row["setup_future_usage"] == "off_session")
    else:
        _use_up(books, method)


def _use_up(books: Books, method: Row) -> None:
    """A method without a customer serves one payment (docs.stripe.com/payments/payment-methods, "Reuse")."""
    kept = books.find("payment_method", method["id"])
    if kept["customer"] is None:
        kept["_used_up"] = True
        books.save(kept)


def debit(books: Books, row: Row, method: Row, params: Row) -> Row:
    """Send a debit on its way, unless its account or its limit forbids it. Raises Refused."""
    single = not row["setup_future_usage"] and not method["customer"]
    mandate = intents.permission(books, method, params, single_use=single) if not row["_mandate"] else None
    row["_mandate"] = row["_mandate"] or (mandate["id"] if mandate else None)
    if intents.needs_verification(row, method):
        row |= {"status": "requires_action", "next_action": intents.microdeposits(books, row)}
        books.save(row)
        books.emit("payment_intent.requires_action", row)
        return row
    over = _above_limit(books, row, method)
    if over and books.settings["limits_at_once"]:
        error = Refused(cards.BANK_MESSAGES[over], code=over, keeps=True)
        _refuse(books, row, method, error)
        error.about["payment_intent"] = public(row, books.moment)
        raise error
    attempt = charges.create(books, row, method, "pending", books.find("mandate", row["_mandate"]))
    row |= {"latest_charge": attempt["id"], "status": "processing", "next_action": None, "processing": None}
    books.save(row)
    if books.settings["debit_attached_at_once"] and row["setup_future_usage"]:
        _keep_method(books, row, method)
    books.emit("charge.pending", attempt)
    books.emit("payment_intent.processing", row)
    account = cards.bank_account(method)
    if not account.never:
        due = business_days(books.at, books.settings["debit_days"][method["type"]])
        books.later(due, "payment_intents.settle", charge=attempt["id"], failure=over or account.failure)
    return row


def _above_limit(books: Books, row: Row, method: Row) -> str:
    """Which limit a debit would break.

    docs.stripe.com/payments/au-becs-debit/accept-a-payment names the codes: charge_exceeds_transaction_limit for one
    debit, charge_exceeds_source_limit for the week. How high Stripe sets them for an account is not published.
    """
    kind = method["type"]
    if known := cards.bank_account(method).limit:
        return known
    limit = books.settings["debit_limit"].get(kind)
    if limit is not None and row["amount"] > limit:
        return "charge_exceeds_transaction_limit"
    weekly = books.settings["debit_weekly_limit"].get(kind)
    if weekly is None:
        return ""
    since = (books.at - timedelta(days=7)).timestamp()
    taken = sum(
        charge["amount"]
        for charge in books.rows("charge")
        if charge["payment_method_details"]["type"] == kind
        and charge["created"] > since
        and charge["status"] != "failed"
    )
    return "charge_exceeds_source_limit" if taken + row["amount"] > weekly else ""


def release(books: Books, row: Row) -> None:
    """Let go of a debit that is on its way: its attempt fails, and no money moves."""
    attempt = books.find("charge", row["latest_charge"])
    charges.fail(books, attempt, "payment_intent_canceled", "The payment was canceled before it was collected.")
