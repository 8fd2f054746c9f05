"""Refunds: money going back, sometimes later, sometimes not at all (docs.stripe.com/refunds)."""

from __future__ import annotations

from datetime import timedelta

from billing.sandbox.stripe import balance, cards, charges
from billing.sandbox.stripe.books import Books, business_days, merge_metadata
from billing.sandbox.stripe.wire import Refused, Row

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


def create(books: Books, params: Row) -> Row:
    """Send money back, at most what is left of the charge. Raises Refused."""
    charge = _charge(books, params)
    amount = _amount(charge, params)
    kind = charge["payment_method_details"]["type"]
    row = books.new(
        "refund",
        "re_" if kind == "card" else "pyr_",
        {
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "currency": charge["currency"],
            "customer": charge["customer"],
            "customer_account": None,
            "payment_method": charge["payment_method"],
            "destination_details": _destination(kind),
            "metadata": {},
            "payment_intent": charge["payment_intent"],
            "pending_reason": None,
            "reason": params.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "pending",
            "transfer_reversal": None,
        },
        livemode=False,
    )
    merge_metadata(row, params.get("metadata"))
    books.save(row)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    books.save(charge)
    row = _try(books, row, charge)
    books.emit("refund.created", row)
    books.emit("charge.refunded", charge, {"amount_refunded": charge["amount_refunded"] - amount, "refunded": False})
    return row


def retrieve(books: Books, params: Row, key: str) -> Row:
    """One refund. Raises Refused."""
    return books.find("refund", key)


def update(books: Books, params: Row, key: str) -> Row:
    """Change a refund's metadata. Raises Refused."""
    row = books.find("refund", key)
    merge_metadata(row, params.get("metadata"))
    books.save(row)
    _updated(books, row, {})
    return row


def listing(books: Books, params: Row) -> Row:
    """Refunds, newest first."""
    return books.listing(
        "refund",
        params,
        "/v1/refunds",
        lambda row: all(params.get(name) in (None, row[name]) for name in ("charge", "payment_intent")),
    )


def proceed(books: Books, refund: str) -> None:
    """Try again what waited for its charge or for the balance."""
    row = books.find("refund", refund)
    if row["status"] == "pending" and row["balance_transaction"] is None:
        before = {"status": "pending", "pending_reason": row["pending_reason"]}
        row = _try(books, row, books.find("charge", row["charge"]))
        if row["pending_reason"] != before["pending_reason"] or row["status"] != "pending":
            _updated(books, row, before)


def finish(books: Books, refund: str) -> None:
    """The bank has taken a pending refund."""
    row = books.find("refund", refund)
    if row["status"] == "pending":
        row |= {"status": "succeeded", "pending_reason": None}
        books.save(row)
        _updated(books, row, {"status": "pending"})


def fail(books: Books, refund: str, reason: str = "unknown") -> None:
    """The bank sends a refund back: the money returns to the balance, and the charge counts as unrefunded again.

    docs.stripe.com/refunds, "Failed refunds": ``failure_balance_transaction``, ``refund.failed``.
    """
    row = books.find("refund", refund)
    if row["status"] not in ("pending", "succeeded"):
        return
    before = {"status": row["status"]}
    row |= {"status": "failed", "failure_reason": reason, "pending_reason": None, "failure_balance_transaction": None}
    if row["balance_transaction"]:
        returned = balance.post(books, "refund_failure", row["amount"], row["id"], description="Failed refund")
        row["failure_balance_transaction"] = returned["id"]
    books.save(row)
    charge = books.find("charge", row["charge"])
    charge["amount_refunded"] -= row["amount"]
    charge["refunded"] = False
    books.save(charge)
    _updated(books, row, before)
    books.emit("refund.failed", row)


def _try(books: Books, row: Row, charge: Row) -> Row:
    """Book the refund if it can be booked now (docs.stripe.com/changelog/basil/2025-04-30, ``pending_reason``)."""
    if charge["balance_transaction"] is None:
        row |= {"status": "pending", "pending_reason": "charge_pending"}
        return books.save(row)
    # Where Stripe may debit the merchant's bank, the balance may go below zero (docs.stripe.com/refunds).
    if not books.settings["debit_negative_balances"] and balance.available(books) < row["amount"]:
        row |= {"status": "pending", "pending_reason": "insufficient_funds"}
        books.later(books.at + timedelta(hours=6), "refunds.proceed", refund=row["id"])
        return books.save(row)
    kind = charge["payment_method_details"]["type"]
    said = f" ({charge['description']})" if charge["description"] else ""
    # Fees are not returned (support.stripe.com, "Understanding fees for refunded payments").
    movement = balance.post(
        books,
        "refund" if kind == "card" else "payment_refund",
        -row["amount"],
        row["id"],
        description=f"REFUND FOR {'CHARGE' if kind == 'card' else 'PAYMENT'}{said}",
    )
    row |= {"balance_transaction": movement["id"], "status": "succeeded", "pending_reason": None}
    method = books.find("payment_method", charge["payment_method"])
    plan = cards.known(method["_number"]).refund if kind == "card" else "pending"
    if plan == "pending":
        row |= {"status": "pending", "pending_reason": "processing"}
        books.later(business_days(books.at, books.settings["refund_days"]), "refunds.finish", refund=row["id"])
    elif plan == "fails":
        books.later(business_days(books.at, 1), "refunds.fail", refund=row["id"])
    return books.save(row)


def _charge(books: Books, params: Row) -> Row:
    """What is to be refunded; the words are recorded (Kiln-AI/stripe_world, cassette 05), as is their order."""
    if not params.get("charge") and not params.get("payment_intent"):
        raise Refused(
            "One of the following params should be provided for this request: payment_intent or charge.", early=True
        )
    if params.get("charge") and params.get("payment_intent"):  # how both at once are refused is unsure
        raise Refused("Must provide exactly one of `charge` or `payment_intent`.", param="payment_intent", early=True)
    if key := params.get("payment_intent"):
        charge = charges.of_intent(books, books.find("payment_intent", key, "payment_intent"))
    else:
        charge = books.find("charge", params["charge"])
    if charge["status"] == "failed":
        raise charges.nothing_taken(charge["payment_intent"])
    if not charge["captured"]:
        raise Refused(
            f"This uncaptured Charge was created by a PaymentIntent ({charge['payment_intent']}). You must cancel the "
            "PaymentIntent to reverse the authorization instead of refunding the Charge directly. For more "
            "information, see https://stripe.com/docs/payments/place-a-hold-on-a-payment-method"
        )
    if charge["status"] != "succeeded":  # the wording is unsure
        raise Refused(f"Charge {charge['id']} cannot be refunded: it is still pending.", param="charge")
    if charge["disputed"] and not _refundable(books, charge):
        raise Refused(f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed")
    if params.get("reason", _REASONS[0]) not in _REASONS:
        raise Refused(
            "Invalid reason: must be one of duplicate, fraudulent, or requested_by_customer", param="reason", early=True
        )
    if charge["refunded"]:
        raise Refused(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    return charge


def _refundable(books: Books, charge: Row) -> bool:
    """Whether each dispute of a charge leaves it refundable: an inquiry does, a chargeback does not unless it was won.

    docs.stripe.com/api/disputes/object, ``is_charge_refundable``; that it turns true on a win is unsure.
    """
    return all(row["is_charge_refundable"] for row in books.rows("dispute") if row["charge"] == charge["id"])


def _amount(charge: Row, params: Row) -> int:
    left: int = charge["amount_captured"] - charge["amount_refunded"]
    amount: int = params.get("amount", left)
    if amount < 1:
        raise Refused(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
            early=True,
        )
    if amount > left:
        raise Refused(
            f"Refund amount ({_money(charge, amount)}) is greater than unrefunded amount on charge "
            f"({_money(charge, left)})",
            param="amount",
        )
    return amount


def _money(charge: Row, amount: int) -> str:
    sign = {"eur": "€", "gbp": "£"}.get(charge["currency"], "$")
    return f"{sign}{amount // 100}.{amount % 100:02d}"


def _destination(kind: str) -> Row:
    if kind == "card":
        return {
            "type": "card",
            "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund"},
        }
    shown = {
        "au_becs_debit": "au_bank_transfer",
        "us_bank_account": "us_bank_transfer",
        "sepa_debit": "eu_bank_transfer",
    }[kind]
    return {"type": shown, shown: {}}


def _updated(books: Books, row: Row, before: Row) -> None:
    books.emit("refund.updated", row, before)
    books.emit("charge.refund.updated", row, before)
