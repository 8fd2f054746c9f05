"""SetupIntents: saving a payment method for later, with permission (docs.stripe.com/api/setup_intents)."""

from __future__ import annotations

from billing.sandbox.stripe import cards, customers, intents, payment_methods
from billing.sandbox.stripe.books import Books, merge_metadata, public
from billing.sandbox.stripe.wire import Refused, Row


def create(books: Books, params: Row) -> Row:
    """Make an intent, and confirm it when asked to. Raises Refused."""
    for name in ("mandate_data", "return_url", "single_use", "use_stripe_sdk"):
        if name in params and not params.get("confirm"):
            raise Refused(
                f"The parameter `{name}` cannot be passed when creating a SetupIntent unless `confirm` is set to true.",
                param=name,
                early=True,
            )
    if params.get("usage", "off_session") not in ("off_session", "on_session"):
        raise Refused("Invalid usage: must be one of on_session or off_session", param="usage", early=True)
    if params.get("customer"):
        customers.find(books, params["customer"], "customer")
    row = books.new(
        "setup_intent",
        "seti_",
        {
            "application": None,
            "cancellation_reason": None,
            "client_secret": None,
            "customer": params.get("customer"),
            "customer_account": None,
            "description": None,
            "flow_directions": None,
            "last_setup_error": None,
            "latest_attempt": None,
            "managed_payments": {"enabled": False},
            "mandate": None,
            "metadata": {},
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "single_use_mandate": None,
            "status": "requires_payment_method",
            "usage": params.get("usage", "off_session"),
            **intents.choose_types(books, params, books.account["currency"]),
        },
    )
    row["client_secret"] = books.token(f"{row['id']}_secret_")
    _change(books, row, params)
    books.save(row)
    books.emit("setup_intent.created", row)
    return _confirm(books, row, params) if params.get("confirm") else row


def retrieve(books: Books, params: Row, key: str) -> Row:
    """One intent; a browser shows its client secret. Raises Refused."""
    return intents.find(books, "setup_intent", key, params)


def update(books: Books, params: Row, key: str) -> Row:
    """Change an intent. Raises Refused once it is done."""
    row = books.find("setup_intent", key)
    if row["status"] not in intents.OPEN and set(params) - {"metadata", "description", "expand"}:
        raise intents.unexpected(row, "update")
    if params.get("customer"):
        row["customer"] = customers.find(books, params["customer"], "customer")["id"]
    _change(books, row, params)
    return books.save(row)


def confirm(books: Books, params: Row, key: str) -> Row:
    """Try to save the payment method. Raises Refused, also for a declined card."""
    row = intents.find(books, "setup_intent", key, params)
    intents.set_options(row, params)
    return _confirm(books, row, params)


def cancel(books: Books, params: Row, key: str) -> Row:
    """Cancel an open intent. Raises Refused."""
    row = books.find("setup_intent", key)
    if row["status"] == "canceled":
        raise intents.unexpected(row, "cancel", "You cannot cancel this SetupIntent because it is already canceled.")
    if row["status"] not in intents.OPEN:
        raise intents.unexpected(
            row,
            "cancel",
            f"You cannot cancel this SetupIntent because it has a status of {row['status']}. Only a SetupIntent with "
            "one of the following statuses may be canceled: `requires_payment_method`, `requires_confirmation`, or "
            "`requires_action`.",
        )
    row |= {"status": "canceled", "cancellation_reason": params.get("cancellation_reason"), "next_action": None}
    books.save(row)
    books.emit("setup_intent.canceled", row)
    return row


def verify_microdeposits(books: Books, params: Row, key: str) -> Row:
    """Prove a US bank account and so finish. Raises Refused."""
    row = intents.find(books, "setup_intent", key, params)
    return _done(books, row, intents.check_microdeposits(books, row, params))


def listing(books: Books, params: Row) -> Row:
    """Intents, newest first."""
    return books.listing(
        "setup_intent",
        params,
        "/v1/setup_intents",
        lambda row: all(params.get(name) in (None, row[name]) for name in ("customer", "payment_method")),
    )


def authenticate(books: Books, row: Row, *, passed: bool) -> Row:
    """What the bank says after 3-D Secure. Raises Refused where nothing was asked."""
    if row["status"] != "requires_action" or row["next_action"]["type"] == "verify_with_microdeposits":
        raise intents.unexpected(row, "authenticate")
    method = books.find("payment_method", row["payment_method"])
    if passed:
        return _done(books, row, method)
    _refuse(books, row, method, intents.not_authenticated(row))
    return row


def _confirm(books: Books, row: Row, params: Row) -> Row:
    if row["status"] not in intents.OPEN and (row["payment_method"] or params.get("payment_method")):
        ended = {"succeeded": "it has already succeeded", "canceled": "it has been canceled"}.get(row["status"], "")
        raise intents.unexpected(row, "confirm", f"You cannot confirm this SetupIntent because {ended}.")
    intents.require_return_url(books, row, params)
    method = intents.choose_method(books, row, params)
    row |= {"payment_method": method["id"], "next_action": None, "last_setup_error": None}
    if mandate := intents.permission(books, method, params):
        row["mandate"] = mandate["id"]
    if method["type"] == "card":
        card = cards.known(method["_number"])
        if card.code and not card.attaches:
            raise _card_refusal(books, row, method, card)
    step = None
    if intents.must_authenticate(method, off_session=False):
        step = intents.challenge(books, row, params)
    elif intents.needs_verification(row, method):
        step = intents.microdeposits(books, row)
    if step is None:
        return _done(books, row, method)
    row |= {"status": "requires_action", "next_action": step}
    _attempt(books, row, method, "requires_action")
    books.save(row)
    books.emit("setup_intent.requires_action", row)
    return row


def _done(books: Books, row: Row, method: Row) -> Row:
    row |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
    _attempt(books, row, method, "succeeded")
    books.save(row)
    intents.remembered(books, method, row["customer"], off_session=row["usage"] == "off_session")
    books.emit("setup_intent.succeeded", row)
    return row


def _card_refusal(books: Books, row: Row, method: Row, card: cards.Card) -> Refused:
    error = payment_methods.declined(books, method, card)
    _refuse(books, row, method, error)
    error.keeps = True
    error.about |= {"setup_intent": public(row, books.moment), "payment_method": public(method, books.moment)}
    return error


def _refuse(books: Books, row: Row, method: Row, error: Refused) -> None:
    row |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "next_action": None,
        "last_setup_error": intents.failure(error, method, books.moment),
    }
    _attempt(books, row, method, "failed")
    books.save(row)
    books.emit("setup_intent.setup_failed", row)


def _attempt(books: Books, row: Row, method: Row, status: str) -> None:
    """Write the SetupAttempt that ``latest_attempt`` points to (docs.stripe.com/api/setup_attempts)."""
    attempt = books.new(
        "setup_attempt",
        "setatt_",
        {
            "application": None,
            "customer": row["customer"],
            "flow_directions": None,
            "on_behalf_of": None,
            "payment_method": method["id"],
            "payment_method_details": {"type": method["type"], method["type"]: {}},
            "setup_error": row["last_setup_error"],
            "setup_intent": row["id"],
            "status": status,
            "usage": row["usage"],
        },
    )
    row["latest_attempt"] = books.save(attempt)["id"]


def _change(books: Books, row: Row, params: Row) -> None:
    if "description" in params:
        row["description"] = params["description"] or None
    merge_metadata(row, params.get("metadata"))
    if (params.get("payment_method") or params.get("payment_method_data")) and not params.get("confirm"):
        method = intents.choose_method(books, row, params)
        row |= {"payment_method": method["id"], "status": "requires_confirmation"}
