"""The balance: every movement of money, with its fee (docs.stripe.com/api/balance_transactions)."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from billing.sandbox.stripe.accounts import Tariff
from billing.sandbox.stripe.books import Books, business_days, in_range, midnight
from billing.sandbox.stripe.wire import Refused, Row

#: ``reporting_category`` by ``type`` and cause (docs.stripe.com/reports/reporting-categories).
CATEGORIES = {
    "charge": "charge",
    "payment": "charge",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund_failure",
    "payment_failure_refund": "charge_failure",
    "payout": "payout",
    "payout_failure": "payout_reversal",
    "payout_cancel": "payout_reversal",
    "stripe_fee": "fee",
}


def post(books: Books, kind: str, amount: int, source: str | None, **about: Any) -> Row:
    """Write one movement. ``about``: fee, fee_words, category, available_on, description, currency."""
    fee: int = about.get("fee", 0)
    available: datetime = about.get("available_on", books.at)
    row = books.new(
        "balance_transaction",
        "txn_",
        {
            "amount": amount,
            "available_on": int(available.timestamp()),
            "balance_type": "payments",
            "currency": about.get("currency", books.account["currency"]),
            "description": about.get("description"),
            "exchange_rate": None,
            "fee": fee,
            "fee_details": _fee_details(books, fee, about.get("fee_words", "Stripe processing fees")),
            "net": amount - fee,
            "reporting_category": about.get("category") or CATEGORIES[kind],
            "source": source,
            "status": "pending",
            "type": kind,
            "_payout": None,
        },
        livemode=False,
    )
    books.save(row)
    _expect_payout(books, available)
    return row


def charge_fee(tariff: Tariff, method: str, amount: int) -> int:
    """The fee of a payment in cents, tax included where the country includes it."""
    per_mille, fixed = tariff.card if method == "card" else tariff.debit
    fee = (amount * per_mille + 500) // 1000 + fixed
    return fee if method == "card" else min(fee, tariff.debit_cap)


def settled_on(books: Books) -> datetime:
    """When money taken now becomes available: so many business days on, at the turn of the day."""
    return midnight(business_days(books.at, books.settings["settle_days"]))


def available(books: Books) -> int:
    """The available balance in the account's own currency, in cents."""
    return sum(
        row["net"]
        for row in books.rows("balance_transaction")
        if row["available_on"] <= books.moment and row["currency"] == books.account["currency"]
    )


def retrieve(books: Books, params: Row) -> Row:
    """The balance now, by currency (docs.stripe.com/api/balance)."""
    parts: dict[str, dict[str, dict[str, int]]] = {
        "available": defaultdict(lambda: defaultdict(int)),
        "pending": defaultdict(lambda: defaultdict(int)),
    }
    for by_currency in parts.values():
        by_currency[books.account["currency"]]["card"] += 0
    for row in books.rows("balance_transaction"):
        state = "available" if row["available_on"] <= books.moment else "pending"
        # Debits are shown as bank_account in the US only; elsewhere the split is unsure (``debits_apart``).
        apart = books.settings["debits_apart"] and row["type"].startswith("payment")
        parts[state][row["currency"]]["bank_account" if apart else "card"] += row["net"]
    nothing = [{"amount": 0, "currency": books.account["currency"]}]
    prefunding = {"available": nothing, "pending": [dict(nothing[0])]}
    return {"object": "balance", "livemode": False, "refund_and_dispute_prefunding": prefunding} | {
        state: [
            {"amount": sum(types.values()), "currency": currency, "source_types": dict(types)}
            for currency, types in by_currency.items()
        ]
        for state, by_currency in parts.items()
    }


def transaction(books: Books, params: Row, key: str) -> Row:
    """One balance transaction. Raises Refused."""
    return books.find("balance_transaction", key)


def listing(books: Books, params: Row) -> Row:
    """Balance transactions, also those of one automatic payout (docs.stripe.com/payouts/reconciliation)."""
    payout = params.get("payout")
    if payout and not books.find("payout", payout, "payout")["automatic"]:
        # Manual payouts cannot be itemised (docs.stripe.com/payouts/reconciliation); the wording is unsure.
        raise Refused(
            "Balance transaction history can only be filtered on automatic payouts, not manual.", param="payout"
        )
    return books.listing(
        "balance_transaction",
        params,
        "/v1/balance_transactions",
        lambda row: (
            payout in (None, row["_payout"])
            and params.get("type") in (None, row["type"])
            and params.get("currency") in (None, row["currency"])
            and params.get("source") in (None, row["source"])
            and in_range(row, params, "created")
        ),
    )


def _fee_details(books: Books, fee: int, words: str) -> list[Row]:
    if not fee:
        return []
    currency = books.account["currency"]
    included = books.tariff.tax_included if books.settings["tax_itemised"] else 0
    tax = (fee * included + (100 + included) // 2) // (100 + included) if included else 0
    parts = [("stripe_fee", fee - tax, words), ("tax", tax, "GST")]
    return [
        {"amount": amount, "application": None, "currency": currency, "description": said, "type": kind}
        for kind, amount, said in parts
        if amount
    ]


def _expect_payout(books: Books, available_on: datetime) -> None:
    """Make sure that the account's payout run comes by on the first midnight at which this money is available."""
    if books.settings["payouts"] != "daily":
        return
    due = midnight(max(available_on, books.at))
    if due <= books.at:
        due += timedelta(days=1)
    runs, day = books.table("_payout_run"), due.isoformat()
    if books.store.get(runs, day) is None:
        books.store.put(runs, day, {"due": day})
        books.later(due, "payouts.run")
