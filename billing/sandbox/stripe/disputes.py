"""Disputes: the payer's bank takes the money back, with a fee (docs.stripe.com/disputes)."""

from __future__ import annotations

from datetime import timedelta

from billing.sandbox.stripe import balance, mandates
from billing.sandbox.stripe.books import Books, merge_metadata, midnight, public
from billing.sandbox.stripe.wire import Refused, Row

_WORDS = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)
_INQUIRIES = ("warning_needs_response", "warning_under_review")
#: Visa's codes of the test disputes (recorded: Kiln-AI/stripe_world, cassette 05).
_REASON_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}
LIVE = ("needs_response", "under_review", *_INQUIRIES)
_INQUIRY_ENDS = timedelta(days=120)


def open(books: Books, charge: str, reason: str = "general", inquiry: bool = False) -> None:  # noqa: A001 (its word)
    """The bank disputes a charge: its amount and the fee leave the balance in one movement.

    support.stripe.com, "Dispute fees FAQ". An inquiry moves nothing yet (docs.stripe.com/disputes/how-disputes-work).
    Debits cannot be contested: lost at once (docs.stripe.com/payments/au-becs-debit, "Disputed payments"; that ACH
    is the same is unsure: ``contest_debits``).
    """
    attempt = books.find("charge", charge)
    if attempt["disputed"] or attempt["status"] != "succeeded" or attempt["balance_transaction"] is None:
        return
    kind = attempt["payment_method_details"]["type"]
    final = kind != "card" and not books.settings["contest_debits"]
    inquiry = inquiry and kind == "card"  # a payer's bank does not ask about a debit: it takes it back
    amount = attempt["amount_captured"] - attempt["amount_refunded"]
    if amount < 1:
        return
    row = books.new(
        "dispute",
        "du_",
        {
            "amount": amount,
            "balance_transactions": [],
            "charge": charge,
            "currency": attempt["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {**dict.fromkeys(_WORDS), "enhanced_evidence": {}, **_known_of(books, attempt)},
            "evidence_details": _details(books, final),
            "is_charge_refundable": inquiry,
            "metadata": {},
            "network_reason_code": None,
            "payment_intent": attempt["payment_intent"],
            "payment_method_details": _method_details(attempt, kind, reason, inquiry),
            "reason": reason,
            "status": "lost" if final else "warning_needs_response" if inquiry else "needs_response",
            "_method": kind,
        },
    )
    attempt["disputed"] = True
    books.save(attempt)
    if inquiry:
        books.save(row)
        books.emit("charge.dispute.created", row)
        books.later(books.at + _INQUIRY_ENDS, "disputes.lapse", dispute=row["id"])
        return
    _withdraw(books, row)
    books.save(row)
    books.emit("charge.dispute.created", row)
    books.emit("charge.dispute.funds_withdrawn", row)
    if final:
        if reason == "debit_not_authorized":
            mandates.end(books, books.find("payment_method", attempt["payment_method"]))
        books.emit("charge.dispute.closed", row)


def _withdraw(books: Books, row: Row) -> None:
    """Take the amount and the fee (recorded, also the words: Kiln-AI/stripe_world, cassette 11)."""
    movement = balance.post(
        books,
        "adjustment",
        -row["amount"],
        row["id"],
        fee=books.tariff.dispute,
        fee_words="Dispute fee",
        category="dispute",
        description=f"Chargeback withdrawal for {row['charge']}",
    )
    row["balance_transactions"] = [public(movement, books.moment)]


def lapse(books: Books, dispute: str) -> None:
    """An inquiry that became no chargeback in 120 days is closed (docs.stripe.com/disputes/how-disputes-work)."""
    row = books.find("dispute", dispute)
    if row["status"] in _INQUIRIES:
        _end(books, row, "warning_closed")


def escalate(books: Books, dispute: str) -> None:
    """An inquiry becomes a chargeback: now the money goes."""
    row = books.find("dispute", dispute)
    if row["status"] not in _INQUIRIES:
        return
    attempt = books.find("charge", row["charge"])
    left = attempt["amount_captured"] - attempt["amount_refunded"]
    if left < 1:  # "After the payment has been fully refunded, no further funds are withdrawn" (docs: dispute object)
        _end(books, row, "warning_closed")
        return
    before = {"status": row["status"]}
    row["amount"] = left
    row |= {"status": "needs_response", "is_charge_refundable": False, "evidence_details": _details(books, final=False)}
    row["payment_method_details"]["card"]["case_type"] = "chargeback"
    _withdraw(books, row)
    books.save(row)
    books.emit("charge.dispute.updated", row, before)
    books.emit("charge.dispute.funds_withdrawn", row)


def retrieve(books: Books, params: Row, key: str) -> Row:
    """One dispute. Raises Refused."""
    return books.find("dispute", key)


def listing(books: Books, params: Row) -> Row:
    """Disputes, newest first."""
    return books.listing(
        "dispute",
        params,
        "/v1/disputes",
        lambda row: all(params.get(name) in (None, row[name]) for name in ("charge", "payment_intent")),
    )


def update(books: Books, params: Row, key: str) -> Row:
    """Save evidence, and submit it when asked to. Raises Refused once it is too late.

    docs.stripe.com/testing, "Evidence": the words winning_evidence and losing_evidence decide a test dispute.
    """
    row = books.find("dispute", key)
    merge_metadata(row, params.get("metadata"))
    evidence = params.get("evidence")
    if evidence or params.get("submit"):
        if row["status"] not in ("needs_response", "warning_needs_response"):
            raise Refused(
                "This dispute is already closed"
                if row["status"] not in LIVE
                else f"This dispute is already {row['status']}; evidence can no longer be changed."
            )
        row["evidence"] |= {name: value or None for name, value in (evidence or {}).items()}
        row["evidence_details"]["has_evidence"] = any(row["evidence"][name] for name in _WORDS)
    if params.get("submit"):
        _submit(books, row)
    books.save(row)
    books.emit("charge.dispute.updated", row, {})
    books.emit("charge.updated", books.find("charge", row["charge"]), {})
    return row


def close(books: Books, params: Row, key: str) -> Row:
    """Accept the dispute: it is lost (docs.stripe.com/api/disputes/close). Raises Refused."""
    row = books.find("dispute", key)
    if row["status"] not in LIVE:
        raise Refused("This dispute is already closed")
    return _end(books, row, "warning_closed" if row["status"] in _INQUIRIES else "lost")


def decide(books: Books, dispute: str, *, won: bool) -> None:
    """The bank's verdict; an inquiry is only closed."""
    row = books.find("dispute", dispute)
    if row["status"] in _INQUIRIES:
        _end(books, row, "warning_closed")
    elif row["status"] in LIVE:
        _end(books, row, "won" if won else "lost")


def _submit(books: Books, row: Row) -> None:
    inquiry = row["status"] == "warning_needs_response"
    row["status"] = "warning_under_review" if inquiry else "under_review"
    row["evidence_details"]["submission_count"] += 1
    row["evidence_details"]["submission_method"] = "manual"
    if not inquiry and books.settings["countered_fee"]:
        # A fee for countering, returned on a win (docs.stripe.com/disputes/how-disputes-work); its booking is unsure.
        balance.post(books, "stripe_fee", -books.tariff.countered, row["id"], description="Dispute countered fee")
        row["_countered"] = True
    text = row["evidence"]["uncategorized_text"]
    if inquiry and text == "escalate_inquiry_evidence":
        books.later(books.at + timedelta(minutes=1), "disputes.escalate", dispute=row["id"])
    elif text in ("winning_evidence", "losing_evidence"):
        books.later(
            books.at + timedelta(minutes=1), "disputes.decide", dispute=row["id"], won=text == "winning_evidence"
        )


def _end(books: Books, row: Row, status: str) -> Row:
    before = {"status": row["status"]}
    row["status"] = status
    if status == "won":
        row["is_charge_refundable"] = books.settings["refund_after_win"]
        # The amount comes back, the fee for receiving the dispute does not (support.stripe.com/topics/disputes).
        back = balance.post(
            books,
            "adjustment",
            row["amount"],
            row["id"],
            category="dispute_reversal",
            description=f"Chargeback reversal for {row['charge']}",
        )
        row["balance_transactions"].append(public(back, books.moment))
        if row.get("_countered"):
            balance.post(
                books, "stripe_fee", books.tariff.countered, row["id"], description="Dispute countered fee returned"
            )
    books.save(row)
    if status == "won":
        books.emit("charge.dispute.funds_reinstated", row)
    books.emit("charge.dispute.closed", row, before)
    return row


def _known_of(books: Books, charge: Row) -> Row:
    """What Stripe fills in by itself (recorded: Kiln-AI/stripe_world, cassette 11)."""
    customer = books.peek("customer", charge["customer"]) or {}
    return {"customer_email_address": customer.get("email"), "customer_name": customer.get("name")}


def _details(books: Books, final: bool) -> Row:
    # The last second of the eighth day (recorded: Kiln-AI/stripe_world, cassette 11); networks differ.
    due = None if final else int((midnight(books.at) + timedelta(days=9)).timestamp()) - 1
    return {
        "due_by": due,
        "enhanced_eligibility": {},
        "has_evidence": False,
        "past_due": False,
        "submission_count": 0,
        "submission_method": "not_submitted",
    }


def _method_details(charge: Row, kind: str, reason: str, inquiry: bool) -> Row:
    if kind != "card":
        return {"type": kind}
    brand = charge["payment_method_details"]["card"]["brand"]
    return {
        "type": "card",
        "card": {
            "brand": brand,
            "case_type": "inquiry" if inquiry else "chargeback",
            "network": brand,
            "network_reason_code": "10" if inquiry else _REASON_CODES.get(reason, "10.4"),
        },
    }
