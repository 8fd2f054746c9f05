"""Stripe charges: one attempt each to take money, by card at once, by debit over days (docs.stripe.com/api/charges)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from billing.sandbox.stripe import balance, cards
from billing.sandbox.stripe.books import Books, business_days, merge_metadata
from billing.sandbox.stripe.wire import Refused, Row


def create(
    books: Books, intent: Row, method: Row, status: str, mandate: Row | None = None, *, captured: bool = True
) -> Row:
    """Write the attempt of an intent; ``status`` is succeeded, pending or failed, ``captured`` False for a hold."""
    card = method["type"] == "card"
    paid = status == "succeeded"
    row = books.new(
        "charge",
        "ch_" if card else "py_",
        {
            "amount": intent["amount"],
            "amount_captured": intent["amount"] if captured and status != "failed" else 0,
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": method["billing_details"],
            "calculated_statement_descriptor": _descriptor(books, intent) if card else None,
            "captured": captured and status != "failed",
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "fraud_details": {},
            "metadata": dict(intent["metadata"]),
            "on_behalf_of": None,
            "outcome": _outcome(status),
            "paid": status != "failed",
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": _method_details(books, intent, method, mandate, captured=captured),
            "radar_options": {},
            "receipt_email": intent["receipt_email"],
            "receipt_number": None,
            "receipt_url": f"{books.base_url}/receipts/{intent['id']}" if paid else None,
            "refunded": False,
            "review": None,
            "shipping": intent["shipping"],
            "source_transfer": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
            "status": status,
            "transfer_data": None,
            "transfer_group": intent["transfer_group"],
        },
    )
    return books.save(row)


def fail(books: Books, row: Row, code: str, message: str, decline: str | None = None, *, blocked: bool = False) -> Row:
    """Mark an attempt as failed and say so; ``blocked`` by Radar rather than declined by the bank."""
    row |= {
        "status": "failed",
        "paid": False,
        "captured": False,
        "amount_captured": 0,
        "failure_code": code,
        "failure_message": message,
        "outcome": _BLOCKED if blocked else _outcome("failed", decline or code),
    }
    books.save(row)
    books.emit("charge.failed", row)
    return row


def succeed(books: Books, row: Row) -> Row:
    """Mark an attempt as paid; its balance transaction follows a little later.

    docs.stripe.com/payments/payment-intents/asynchronous-capture: ``balance_transaction`` is null until
    ``charge.updated``. That debits behave alike is unsure (``debit_capture_later``).
    """
    row |= {
        "status": "succeeded",
        "paid": True,
        "captured": True,
        "amount_captured": row["amount"],
        "outcome": _outcome("succeeded"),
        "receipt_url": f"{books.base_url}/receipts/{row['id']}",
    }
    books.save(row)
    books.emit("charge.succeeded", row)
    if row["payment_method_details"]["type"] != "card" and not books.settings["debit_capture_later"]:
        capture(books, row["id"])
        return books.find("charge", row["id"])
    delay = timedelta(seconds=books.settings["capture_delay"])
    books.later(books.at + delay, "charges.capture", charge=row["id"])
    return row


def captured(books: Books, row: Row, amount: int) -> Row:
    """Take a held amount, or a part of it. What ``amount`` says of the whole stays (recorded: cassette 04)."""
    row |= {"captured": True, "amount_captured": amount}
    books.save(row)
    books.emit("charge.captured", row)
    capture(books, row["id"])
    return row


def capture(books: Books, charge: str) -> None:
    """Write the balance transaction of a paid charge, and what the test card does next."""
    row = books.find("charge", charge)
    kind = row["payment_method_details"]["type"]
    method = books.find("payment_method", row["payment_method"])
    card = cards.known(method["_number"]) if kind == "card" else None
    movement = balance.post(
        books,
        "charge" if kind == "card" else "payment",
        row["amount_captured"],
        row["id"],
        fee=balance.charge_fee(books.tariff, kind, row["amount_captured"]),
        description=row["description"],
        available_on=books.at if card and card.at_once else balance.settled_on(books),
    )
    row["balance_transaction"] = movement["id"]
    books.save(row)
    books.emit("charge.updated", row, {"balance_transaction": None, "receipt_url": None})
    if card and card.dispute:
        books.later(books.at, "disputes.open", charge=charge, reason=card.dispute, inquiry=card.inquiry)
    elif kind != "card" and cards.bank_account(method).disputed:
        # A late failure comes as a dispute (docs.stripe.com/payments/ach-direct-debit): in test mode at once.
        late = business_days(books.at, books.settings["late_return_days"])
        books.later(late, "disputes.open", charge=charge, reason=books.settings["debit_dispute_reason"])
    for refund in books.rows("refund"):
        if refund["charge"] == charge and refund["pending_reason"] == "charge_pending":
            books.later(books.at, "refunds.proceed", refund=refund["id"])


def retrieve(books: Books, params: Row, key: str) -> Row:
    """One charge. Raises Refused."""
    return books.find("charge", key)


def update(books: Books, params: Row, key: str) -> Row:
    """Change a charge's description, receipt address or metadata. Raises Refused."""
    row = books.find("charge", key)
    before = {name: row.get(name) for name in params}
    for name in ("description", "receipt_email"):
        if name in params:
            row[name] = params[name] or None
    merge_metadata(row, params.get("metadata"))
    books.save(row)
    books.emit("charge.updated", row, before)
    return row


def listing(books: Books, params: Row) -> Row:
    """Charges, newest first."""
    return books.listing(
        "charge",
        params,
        "/v1/charges",
        lambda row: all(
            params.get(name) in (None, row[name]) for name in ("customer", "payment_intent", "transfer_group")
        ),
    )


def of_intent(books: Books, intent: Row) -> Row:
    """The paid or pending charge of an intent. Raises Refused."""
    row = books.peek("charge", intent["latest_charge"])
    if row is None or row["status"] == "failed":
        raise nothing_taken(intent["id"])
    return row


def nothing_taken(intent: str) -> Refused:
    """Recorded (Kiln-AI/stripe_world, cassette 05)."""
    return Refused(f"This PaymentIntent ({intent}) does not have a successful charge to refund.")


def _descriptor(books: Books, intent: Row) -> str:
    suffix = intent["statement_descriptor_suffix"]
    prefix = books.account["business"].upper()
    return f"{prefix[:10]}* {suffix}"[:22] if suffix else prefix[:22]


#: docs.stripe.com/declines, "Blocked payments".
_BLOCKED = {
    "advice_code": None,
    "network_advice_code": None,
    "network_decline_code": None,
    "network_status": "not_sent_to_network",
    "reason": "highest_risk_level",
    "risk_level": "highest",
    "risk_score": 92,
    "seller_message": "Stripe blocked this payment as too risky.",
    "type": "blocked",
}


def _outcome(status: str, reason: str | None = None) -> Row | None:
    if status == "pending":
        return None
    good = status == "succeeded"
    return {
        "advice_code": None if good else "try_again_later" if reason == "insufficient_funds" else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network" if good else "declined_by_network",
        "reason": reason,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "Payment complete." if good else "The bank did not complete the payment.",
        "type": "authorized" if good else "issuer_declined",
    }


def _method_details(books: Books, intent: Row, method: Row, mandate: Row | None, *, captured: bool) -> Row:
    kind = method["type"]
    details: dict[str, Any] = dict(method[kind])
    if kind == "card":
        for name in ("networks", "display_brand", "generated_from", "three_d_secure_usage"):
            details.pop(name)
        until = books.at + timedelta(days=books.settings["authorization_days"])
        details |= {
            "amount_authorized": intent["amount"],
            "authorization_code": None,
            **({} if captured else {"capture_before": int(until.timestamp())}),
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": {"status": "unavailable"},
            "multicapture": {"status": "unavailable"},
            "network_token": {"used": False},
            "overcapture": {"maximum_amount_capturable": intent["amount"], "status": "unavailable"},
            "installments": None,
            "mandate": None,
            "network": method["card"]["brand"],
            "network_transaction_id": books.token("", 15),
            "three_d_secure": None,
        }
        return {"type": kind, kind: details}
    for name in ("networks", "status_details", "financial_connections_account", "generated_from"):
        details.pop(name, None)
    due = business_days(books.at, books.settings["debit_days"][kind])
    details |= {"mandate": mandate["id"] if mandate else None, "expected_debit_date": due.date().isoformat()}
    if kind == "us_bank_account":
        details["payment_reference"] = None
    return {"type": kind, kind: details}
