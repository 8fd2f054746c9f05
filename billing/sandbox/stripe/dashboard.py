"""A small dashboard, so that a person can see the payments and play the bank's part."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.template.loader import render_to_string

from billing.sandbox.stripe import balance, control, disputes, payouts
from billing.sandbox.stripe.books import Books
from billing.sandbox.stripe.wire import Refused, Row
from practice.core import clock
from practice.core.sandbox import hand
from practice.core.sandbox.http import Request, Response

if TYPE_CHECKING:
    from billing.sandbox.stripe.sandbox import StripeSandbox

_SHOWN = 50
_DAYS = ("1", "3", "7")
_BAD = {"failed", "lost", "canceled", "requires_payment_method"}
_GOOD = {"succeeded", "paid", "won"}


def answer(sandbox: StripeSandbox, request: Request) -> Response:
    """Show an account, or press one of its buttons."""
    parts = [part for part in request.path.split("/") if part]
    names = list(sandbox.store.table("_account"))
    if len(parts) < 2:
        return Response.redirect(f"/dashboard/{names[0]}/")
    if parts[1] not in names:
        return page("dashboard.html", {"accounts": _accounts(sandbox), "error": "There is no such account."}, 404)
    if request.method == "POST" and len(parts) == 3:
        return _press(sandbox, parts[1], parts[2], request.form())
    if len(parts) == 4 and parts[2] == "payouts":
        return _show_payout(sandbox, parts[1], parts[3])
    return _show(sandbox, parts[1], request.arg("said"))


def page(template: str, context: Row, status: int = 200) -> Response:
    """One of the sandbox's pages."""
    return Response.of_html(render_to_string(f"billing/sandbox/stripe/{template}", context), status)


def _show(sandbox: StripeSandbox, name: str, said: str) -> Response:
    books = sandbox.books(name)
    cash = balance.retrieve(books, {})
    charges = [_charge(books, row) for row in _newest(books, "charge")]
    context = {
        "account": sandbox.store.table("_account")[name],
        "accounts": _accounts(sandbox),
        "now": clock.now(),
        "days": _DAYS,
        "said": said,
        "available": _money(cash["available"][0]["amount"], cash["available"][0]["currency"]),
        "pending": _money(cash["pending"][0]["amount"], cash["pending"][0]["currency"]),
        "debits": [row for row in charges if row["waits"]],
        "payments": charges,
        "refunds": [_refund(books, row) for row in _newest(books, "refund")],
        "disputes": [_dispute(row) for row in _newest(books, "dispute")],
        "payouts": [_payout(row) for row in _newest(books, "payout")],
        "deliveries": _deliveries(books),
    }
    return page("dashboard.html", context)


def _show_payout(sandbox: StripeSandbox, name: str, key: str) -> Response:
    """One payout with what it is made of, as ``balance_transactions?payout=`` lists it."""
    books = sandbox.books(name)
    row = books.peek("payout", key)
    if row is None:
        return page("dashboard.html", {"accounts": _accounts(sandbox), "error": "There is no such payout."}, 404)
    items = [_item(books, each) for each in books.rows("balance_transaction") if each["_payout"] == key]
    account = sandbox.store.table("_account")[name]
    return page("payout.html", {"account": account, "payout": _payout(row), "items": items})


def _press(sandbox: StripeSandbox, name: str, button: str, form: dict[str, str]) -> Response:
    work = _BUTTONS.get(button)
    said = "There is no such button."
    if work is not None:
        try:
            with sandbox.store.lock, sandbox.store.transaction():
                said = work(sandbox.books(name), form.get("id", ""))
        except (Refused, ValueError) as wrong:
            said = getattr(wrong, "message", str(wrong))
    sandbox.run_due()
    return Response.redirect(f"/dashboard/{name}/?{urlencode({'said': said})}")


def _day(books: Books, key: str) -> str:
    days = int(key) if key in _DAYS else 1
    hand.turn(books.store, {"advance_seconds": days * 86_400})
    return f"It is {days} day{'s' if days > 1 else ''} later now."


def _let_succeed(books: Books, key: str) -> str:
    control.settle_debit(books, key)
    return "The debit has succeeded."


def _bounce(books: Books, key: str) -> str:
    control.settle_debit(books, key, "insufficient_funds")
    return "The debit has bounced."


def _open_dispute(books: Books, key: str) -> str:
    before = len(list(books.rows("dispute")))
    disputes.open(books, key, "fraudulent")
    opened = len(list(books.rows("dispute"))) > before
    return "The customer's bank has disputed the payment." if opened else "This payment cannot be disputed now."


def _win(books: Books, key: str) -> str:
    disputes.decide(books, key, won=True)
    return "The dispute is won; the money is back."


def _lose(books: Books, key: str) -> str:
    disputes.decide(books, key, won=False)
    return "The dispute is lost."


def _pay_out(books: Books, key: str) -> str:
    control.pay_out_now(books)
    return "The payout has been sent and has arrived."


def _fail_payout(books: Books, key: str) -> str:
    payouts.fail(books, key)
    return "The bank has sent the payout back."


_BUTTONS: dict[str, Callable[[Books, str], str]] = {
    "clock": _day,
    "succeed": _let_succeed,
    "bounce": _bounce,
    "dispute": _open_dispute,
    "win": _win,
    "lose": _lose,
    "payout": _pay_out,
    "fail-payout": _fail_payout,
}


def _accounts(sandbox: StripeSandbox) -> list[Row]:
    return list(sandbox.store.table("_account").values())


def _newest(books: Books, kind: str) -> list[Row]:
    return list(reversed(list(books.rows(kind))))[:_SHOWN]


def _charge(books: Books, row: Row) -> Row:
    details = row["payment_method_details"]
    kind = details["type"]
    words = {"au_becs_debit": "BECS debit", "us_bank_account": "ACH debit", "sepa_debit": "SEPA debit"}
    method = details["card"]["brand"].title() if kind == "card" else words[kind]
    customer = books.peek("customer", row["customer"]) or {}
    expected = date.fromisoformat(details[kind]["expected_debit_date"]) if kind != "card" else None
    return {
        "id": row["id"],
        "when": _when(row["created"]),
        "who": customer.get("name") or row["billing_details"]["name"] or "Guest",
        "what": row["description"] or "",
        "method": f"{method} •••• {details[kind]['last4']}",
        "amount": _money(row["amount"], row["currency"]),
        "refunded": _money(row["amount_refunded"], row["currency"]) if row["amount_refunded"] else "",
        "state": "disputed" if row["disputed"] else row["status"],
        "tone": _tone("lost" if row["disputed"] else row["status"]),
        "why": row["failure_message"] or "",
        "waits": row["status"] == "pending",
        "expected": expected,
        "can_dispute": row["status"] == "succeeded" and not row["disputed"] and bool(row["balance_transaction"]),
    }


def _dispute(row: Row) -> Row:
    return {
        "id": row["id"],
        "when": _when(row["created"]),
        "amount": _money(row["amount"], row["currency"]),
        "reason": row["reason"].replace("_", " "),
        "state": row["status"].replace("_", " "),
        "tone": _tone(row["status"]),
        "open": row["status"] in disputes.LIVE,
    }


def _refund(books: Books, row: Row) -> Row:
    charge = books.peek("charge", row["charge"]) or {}
    customer = books.peek("customer", row["customer"]) or {}
    why = row.get("failure_reason") or row["pending_reason"] or row["reason"] or ""
    return {
        "id": row["id"],
        "when": _when(row["created"]),
        "who": customer.get("name") or "Guest",
        "what": charge.get("description") or "",
        "amount": _money(row["amount"], row["currency"]),
        "state": row["status"],
        "tone": _tone(row["status"]),
        "why": why.replace("_", " "),
        "bad": row["status"] == "failed",
    }


def _item(books: Books, row: Row) -> Row:
    return {
        "id": row["id"],
        "type": row["type"].replace("_", " "),
        "what": row["description"] or "",
        "source": row["source"],
        "when": _when(row["created"]),
        "amount": _money(row["amount"], row["currency"]),
        "fee": _money(row["fee"], row["currency"]) if row["fee"] else "",
        "net": _money(row["net"], row["currency"]),
        "own": row["type"] == "payout",
    }


def _payout(row: Row) -> Row:
    return {
        "id": row["id"],
        "when": _when(row["created"]),
        "arrives": _when(row["arrival_date"]),
        "amount": _money(row["amount"], row["currency"]),
        "state": row["status"].replace("_", " "),
        "tone": _tone(row["status"]),
        "can_fail": row["status"] != "failed",
        "itemised": row["automatic"],
        "said": row["failure_message"] or "",
        "reconciled": row["reconciliation_status"] == "completed",
    }


def _deliveries(books: Books) -> list[Row]:
    """The webhook log: what waits, what arrived, what was given up."""
    out = []
    for table in ("_delivery", "_delivered"):
        for row in list(books.store.table(table).values())[-_SHOWN:]:
            account, _, rest = row["tag"].partition(" ")
            if account != books.account["id"]:
                continue
            event = books.peek("event", rest.partition(" ")[2]) or {"type": "?", "created": 0}
            status = row.get("status")
            good = status is not None and 200 <= status < 300
            waiting = table == "_delivery"
            state = (
                "waiting" if waiting and status is None else "delivered" if good else f"answered {status or 'nothing'}"
            )
            tone = "good" if good else "" if status is None else "bad"
            out.append(
                {
                    "type": event["type"],
                    "when": _when(event["created"]),
                    "url": row["url"],
                    "tone": tone,
                    "tries": row["tries"],
                    "state": state,
                }
            )
    return sorted(out, key=lambda row: row["when"], reverse=True)[:_SHOWN]


def _tone(status: str) -> str:
    return "good" if status in _GOOD else "bad" if status in _BAD else ""


def _when(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


def _money(cents: int, currency: str) -> str:
    """An amount in cents as people read it: $1,100.00 AUD."""
    sign = {"eur": "€", "gbp": "£"}.get(currency, "$")
    return f"{'−' if cents < 0 else ''}{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d} {currency.upper()}"
