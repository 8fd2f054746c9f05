"""Payouts: the available balance goes to the merchant's bank every day (docs.stripe.com/payouts)."""

from __future__ import annotations

from datetime import datetime, timedelta

from billing.sandbox.stripe import balance
from billing.sandbox.stripe.books import Books, business_days, in_range, merge_metadata, midnight
from billing.sandbox.stripe.wire import Refused, Row

#: How long after a payout its itemised list is complete (docs.stripe.com/payouts/reconciliation gives no number).
_RECONCILED_AFTER = timedelta(hours=1)


def run(books: Books) -> None:
    """The day's run, where payouts are automatic."""
    if books.settings["payouts"] == "daily":
        send(books)


def send(books: Books) -> Row | None:
    """Pay out everything that is available and not yet paid out; less than nothing is taken from the bank.

    Returns None when there is nothing to move. That one negative payout carries a whole day's shortfall is unsure.
    """
    rows = [
        row
        for row in books.rows("balance_transaction")
        if row["_payout"] is None
        and row["available_on"] <= books.moment
        and row["currency"] == books.account["currency"]
    ]
    total = sum(row["net"] for row in rows)
    if not rows or total == 0 or (total < 0 and not books.settings["debit_negative_balances"]):
        return None
    payout = _new(books, total, automatic=True)
    for row in rows:
        books.save({**row, "_payout": payout["id"]})
    movement = balance.post(books, "payout", -total, payout["id"], description="STRIPE PAYOUT")
    if books.settings["payout_row_listed"]:
        # Whether the payout's own row is in its itemised list is unsure.
        books.save({**movement, "_payout": payout["id"]})
    else:
        books.save({**movement, "_payout": ""})
    payout["balance_transaction"] = movement["id"]
    books.save(payout)
    books.emit("payout.created", payout)
    books.later(books.at + _RECONCILED_AFTER, "payouts.reconcile", payout=payout["id"])
    books.later(midnight(business_days(books.at, books.settings["arrival_days"])), "payouts.pay", payout=payout["id"])
    return payout


def create(books: Books, params: Row) -> Row:
    """A manual payout. Raises Refused when the available balance does not cover it, or payouts are automatic."""
    if params["amount"] < 1:
        raise Refused(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param="amount",
            early=True,
        )
    if params["currency"].lower() != books.account["currency"]:
        raise Refused(
            f"Sorry, you don't have any external accounts in that currency ({params['currency']}).", param="currency"
        )
    if books.settings["payouts"] != "manual" and not books.settings["manual_beside_daily"]:
        # docs.stripe.com/payouts, "Manual payouts", has one switch to them first; the wording is unsure.
        raise Refused("You can only create payouts while your payout schedule is set to manual.", param="amount")
    if params["amount"] > balance.available(books):
        raise Refused(
            "You have insufficient funds in your Stripe account for this transfer. Your card balance is too low.",
            code="balance_insufficient",
        )
    payout = _new(books, params["amount"], automatic=False)
    payout["description"] = params.get("description") or payout["description"]
    payout["statement_descriptor"] = params.get("statement_descriptor")
    merge_metadata(payout, params.get("metadata"))
    payout["balance_transaction"] = balance.post(books, "payout", -params["amount"], payout["id"])["id"]
    books.save(payout)
    books.emit("payout.created", payout)
    books.later(midnight(business_days(books.at, books.settings["arrival_days"])), "payouts.pay", payout=payout["id"])
    return payout


def reconcile(books: Books, payout: str) -> None:
    """The itemised list of an automatic payout is complete."""
    row = books.find("payout", payout)
    row["reconciliation_status"] = "completed"
    books.save(row)
    books.emit("payout.reconciliation_completed", row)


def pay(books: Books, payout: str) -> None:
    """The money has arrived."""
    row = books.find("payout", payout)
    if row["status"] not in ("pending", "in_transit"):
        return
    before, row["status"] = {"status": row["status"]}, "paid"
    books.save(row)
    books.emit("payout.updated", row, before)
    books.emit("payout.paid", row)


def fail(books: Books, payout: str, code: str = "account_closed") -> None:
    """The bank sends the money back; it may do so even after ``paid`` (docs.stripe.com/payouts, "Failed payouts")."""
    row = books.find("payout", payout)
    if row["status"] == "failed":
        return
    back = balance.post(books, "payout_failure", row["amount"], row["id"], description="PAYOUT FAILED")
    row |= {
        "status": "failed",
        "failure_code": code,
        "failure_balance_transaction": back["id"],
        "failure_message": "The bank account has been closed." if code == "account_closed" else "The payout failed.",
    }
    books.save(row)
    books.emit("payout.failed", row)


def retrieve(books: Books, params: Row, key: str) -> Row:
    """One payout. Raises Refused."""
    return books.find("payout", key)


def update(books: Books, params: Row, key: str) -> Row:
    """Change a payout's metadata. Raises Refused."""
    row = books.find("payout", key)
    merge_metadata(row, params.get("metadata"))
    books.save(row)
    books.emit("payout.updated", row, {})
    return row


def listing(books: Books, params: Row) -> Row:
    """Payouts, newest first."""
    return books.listing(
        "payout",
        params,
        "/v1/payouts",
        lambda row: (
            params.get("status") in (None, row["status"])
            and params.get("destination") in (None, row["destination"])
            and in_range(row, params, "arrival_date")
        ),
    )


def _new(books: Books, amount: int, *, automatic: bool) -> Row:
    arrival: datetime = midnight(business_days(books.at, books.settings["arrival_days"]))
    return books.new(
        "payout",
        "po_",
        {
            "amount": amount,
            "application_fee": None,
            "application_fee_amount": None,
            "arrival_date": int(arrival.timestamp()),
            "automatic": automatic,
            "balance_transaction": None,
            "currency": books.account["currency"],
            "description": "STRIPE PAYOUT",
            "destination": f"ba_{books.account['id'].removeprefix('acct_')}",
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "metadata": {},
            "method": "standard",
            "original_payout": None,
            "payout_method": None,
            "reconciliation_status": "in_progress" if automatic else "not_applicable",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "status": "in_transit",
            "trace_id": {"status": "pending", "value": None},
            "type": "bank_account",
        },
    )
