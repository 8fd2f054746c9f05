"""Disputes: the payer's bank takes the money back, with a fee (docs.stripe.com/disputes)."""

from __future__ import annotations

from datetime import timedelta

from billing.sandbox.stripe import balance, mandates
from billing.sandbox.stripe.books import Books, merge_metadata, public
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
_LIVE = ("needs_response", "under_review")


def open(books: Books, charge: str, reason: str = "general") -> None:  # noqa: A001 (what one does with a dispute)
    """The bank disputes a charge: its amount and the fee leave the balance in one movement.

    support.stripe.com, "Dispute fees FAQ". Debits cannot be contested: lost at once
    (docs.stripe.com/payments/au-becs-debit, "Disputed payments"; that ACH is the same is unsure).
    """
    attempt = books.find("charge", charge)
    if attempt["disputed"] or attempt["status"] != "succeeded" or attempt["balance_transaction"] is None:
        return
    kind = attempt["payment_method_details"]["type"]
    final = kind != "card"
    amount = attempt["amount"] - attempt["amount_refunded"]
    row = books.new(
        "dispute",
        "du_",
        {
            "amount": amount,
            "balance_transactions": [],
            "charge": charge,
            "currency": attempt["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {**dict.fromkeys(_WORDS), "enhanced_evidence": {}},
            "evidence_details": _details(books, final),
            "is_charge_refundable": False,
            "metadata": {},
            "network_reason_code": None,
            "payment_intent": attempt["payment_intent"],
            "payment_method_details": _method_details(attempt, kind),
            "reason": reason,
            "status": "lost" if final else "needs_response",
            "_method": kind,
        },
    )
    attempt["disputed"] = True
    books.save(attempt)
    movement = balance.post(
        books,
        "adjustment",
        -amount,
        row["id"],
        fee=books.tariff.dispute,
        category="dispute",
        description=f"Chargeback withdrawal for {charge}",
    )
    row["balance_transactions"] = [public(movement, books.moment)]
    books.save(row)
    books.emit("charge.dispute.created", row)
    books.emit("charge.dispute.funds_withdrawn", row)
    if final:
        if reason == "debit_not_authorized":
            mandates.end(books, books.find("payment_method", attempt["payment_method"]))
        books.emit("charge.dispute.closed", row)


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
        if row["status"] != "needs_response":
            raise Refused(f"This dispute is already {row['status']}; evidence can no longer be changed.")
        row["evidence"] |= {name: value or None for name, value in (evidence or {}).items()}
        row["evidence_details"]["has_evidence"] = any(row["evidence"][name] for name in _WORDS)
    if params.get("submit"):
        _submit(books, row)
    books.save(row)
    books.emit("charge.dispute.updated", row, {})
    return row


def close(books: Books, params: Row, key: str) -> Row:
    """Accept the dispute: it is lost (docs.stripe.com/api/disputes/close). Raises Refused."""
    row = books.find("dispute", key)
    if row["status"] not in _LIVE:
        raise Refused(f"This dispute is already closed: its status is {row['status']}.")
    return _end(books, row, "lost")


def decide(books: Books, dispute: str, *, won: bool) -> None:
    """The bank's verdict."""
    row = books.find("dispute", dispute)
    if row["status"] in _LIVE:
        _end(books, row, "won" if won else "lost")


def _submit(books: Books, row: Row) -> None:
    row["status"] = "under_review"
    row["evidence_details"]["submission_count"] += 1
    # A fee for countering, returned on a win (support.stripe.com/topics/disputes); its booking is unsure.
    balance.post(books, "stripe_fee", -books.tariff.countered, row["id"], description="Dispute countered fee")
    row["_countered"] = True
    text = row["evidence"]["uncategorized_text"]
    if text in ("winning_evidence", "losing_evidence"):
        books.later(
            books.at + timedelta(minutes=1), "disputes.decide", dispute=row["id"], won=text == "winning_evidence"
        )


def _end(books: Books, row: Row, status: str) -> Row:
    before = {"status": row["status"]}
    row["status"] = status
    if status == "won":
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


def _details(books: Books, final: bool) -> Row:
    due = None if final else int((books.at + timedelta(days=9)).timestamp())
    return {"due_by": due, "enhanced_eligibility": {}, "has_evidence": False, "past_due": False, "submission_count": 0}


def _method_details(charge: Row, kind: str) -> Row:
    if kind != "card":
        return {"type": kind}
    return {
        "type": "card",
        "card": {
            "brand": charge["payment_method_details"]["card"]["brand"],
            "case_type": "chargeback",
            "network_reason_code": "10.4",
        },
    }
