"""The sandbox's own controls, under ``/_sandbox/``: for tests, for the demo, and for an oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from billing.sandbox.stripe import accounts, confirming, disputes, events, intents, payouts, refunds, setup_intents
from billing.sandbox.stripe.books import Books
from billing.sandbox.stripe.wire import Refused, Row
from practice.core import clock
from practice.core.sandbox import hand, words
from practice.core.sandbox.faults import Fault, Weather
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.webhooks import Trouble

if TYPE_CHECKING:
    from billing.sandbox.stripe.sandbox import StripeSandbox

PREFIX = "/_sandbox/"


def answer(sandbox: StripeSandbox, request: Request) -> Response:
    """Answer one control request; what it cannot do is a 400 with the reason."""
    name = request.path[len(PREFIX) :].rstrip("/")
    try:
        body = request.json() if request.body else dict(request.query)
        if name.startswith("authenticate/"):
            return Response.of_json(authenticate(sandbox, name.partition("/")[2], body))
        work = _WORK.get((request.method, name))
        if work is None:
            return Response.of_json({"error": f"no control {request.method} {name}; known: {_known()}"}, 404)
        with sandbox.store.lock:
            return Response.of_json(work(sandbox, body))
    except Refused as refused:
        return refused.answer()
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as wrong:
        return Response.of_json({"error": f"{type(wrong).__name__}: {wrong}"}, 400)


def authenticate(sandbox: StripeSandbox, key: str, body: Row) -> Row:
    """Pass or fail 3-D Secure for an intent, whose client secret must be shown. Raises Refused.

    A card that is declined after authentication is reported as Stripe.js reports it, with the intent in the error.
    """
    kind, module = ("setup_intent", setup_intents) if key.startswith("seti_") else ("payment_intent", confirming)
    for account in list(sandbox.store.table("_account")):
        books = sandbox.books(account)
        if books.peek(kind, key) is None:
            continue
        books.browser = True
        with sandbox.store.transaction():
            row = intents.find(books, kind, key, body)
            try:
                row = module.authenticate(books, row, passed=bool(body.get("passed")))
            except Refused as refused:
                if not refused.keeps:
                    raise
                row = books.find(kind, key)
        return intents.for_browser(books, {k: v for k, v in row.items() if not k.startswith("_")})
    raise Refused(f"No such intent: '{key}'", status=404, code="resource_missing", param="intent")


def _state(sandbox: StripeSandbox, body: Row) -> Row:
    tables = {name: len(rows) for name, rows in sandbox.store._tables.items()}
    return {
        "accounts": [sandbox.credentials(name) for name in sandbox.store.table("_account")],
        "now": clock.now().isoformat(),
        "faults": {"ordered": [asdict(f) for f in sandbox.faults.ordered], "fired": sandbox.faults.fired},
        "trouble": asdict(sandbox.outbox.trouble),
        "jobs": list(sandbox.store.table("_job").values()),
        "rows": tables,
    }


def _dump(sandbox: StripeSandbox, body: Row) -> Row:
    """Every row of one account, with what only the sandbox knows: for an oracle."""
    prefix = f"{body['account']}/"
    tables = sandbox.store._tables
    return {name[len(prefix) :]: list(rows.values()) for name, rows in tables.items() if name.startswith(prefix)}


def _fault(sandbox: StripeSandbox, body: Row) -> Row:
    if body.get("clear"):
        return _clear_faults(sandbox, body)
    if "weather" in body:
        sandbox.faults.weather = Weather(**body["weather"]) if body["weather"] else None
    else:
        sandbox.faults.order(Fault(**body))
    return {"ordered": [asdict(f) for f in sandbox.faults.ordered]}


def _clear_faults(sandbox: StripeSandbox, body: Row) -> Row:
    sandbox.faults.clear()
    return {"ordered": []}


def _faults(sandbox: StripeSandbox, body: Row) -> Row:
    return {"ordered": [asdict(f) for f in sandbox.faults.ordered], "fired": sandbox.faults.fired}


def _endpoint(sandbox: StripeSandbox, body: Row) -> Row:
    """Register a webhook address as the product would; the same address again answers with the same secret.

    ``instead_of`` names an endpoint that goes when another takes its place, as a site that moved to another port has.
    """
    books = sandbox.books(body["account"])
    for row in books.rows("webhook_endpoint"):
        if row["url"] == body["url"]:
            return {"id": row["id"], "secret": row["_secret"]}
    with sandbox.store.transaction():
        if any(row["id"] == body.get("instead_of") for row in books.rows("webhook_endpoint")):
            events.delete_endpoint(books, {}, body["instead_of"])
        wanted = {"url": body["url"], "enabled_events": body.get("enabled_events", ["*"])}
        made = events.create_endpoint(books, wanted)
    return {"id": made["id"], "secret": made["secret"]}


def _trouble(sandbox: StripeSandbox, body: Row) -> Row:
    sandbox.outbox.trouble = Trouble(**body)
    return asdict(sandbox.outbox.trouble)


def _clock(sandbox: StripeSandbox, body: Row) -> Row:
    """Move this process's clock: ``{"at": iso}``, ``{"at": null}`` or ``{"advance_seconds": 3}``; nothing asks it."""
    now = hand.turn(sandbox.store, body)
    sandbox.run_due()
    return now


def _words(sandbox: StripeSandbox, body: Row) -> Row:
    """Say otherwise what no source shows: ``{"as it is": "as it should be"}``."""
    return words.replace(sandbox.store, body)


def _tick(sandbox: StripeSandbox, body: Row) -> Row:
    return {"done": sandbox.run_due()}


def _settings(sandbox: StripeSandbox, body: Row) -> Row:
    sandbox.configure(body["account"], **body["settings"])
    return sandbox.books(body["account"]).settings


def _open_account(sandbox: StripeSandbox, body: Row) -> Row:
    sandbox.open_account(body["account"], country=body["country"], business=body["business"])
    return sandbox.credentials(body["account"])


def _credentials(sandbox: StripeSandbox, body: Row) -> Row:
    return sandbox.credentials(body["account"])


def _elements(sandbox: StripeSandbox, body: Row) -> Row:
    """What the browser script must know to draw itself: Stripe.js asks an endpoint of its own for this."""
    for account in sandbox.store.table("_account").values():
        if account["publishable_key"] != body["key"]:
            continue
        books = sandbox.books(account["id"])
        types = accounts.methods(account, body.get("currency") or account["currency"])
        if secret := body.get("client_secret"):
            kind = "setup_intent" if secret.startswith("seti_") else "payment_intent"
            key = secret.partition("_secret_")[0]
            books.browser = True
            types = intents.find(books, kind, key, {"client_secret": secret})["payment_method_types"]
        return {"types": types, "business": account["business"], "country": account["country"]}
    raise Refused("Invalid API Key provided.", status=401)


def _on(action: Callable[..., Any], *names: str) -> Callable[[StripeSandbox, Row], Row]:
    """A control that does one thing to one account now; ``names`` are the arguments it takes."""

    def work(sandbox: StripeSandbox, body: Row) -> Row:
        arguments = {name: body[name] for name in names if name in body}
        with sandbox.store.transaction():
            action(sandbox.books(body["account"]), **arguments)
        sandbox.run_due()
        return {"done": True}

    return work


def settle_debit(books: Books, charge: str, failure: str = "") -> None:
    """Let a waiting debit succeed or bounce now. Raises ValueError when none is waiting."""
    if (books.peek("charge", charge) or {}).get("status") != "pending":
        raise ValueError(f"{charge} is no waiting debit")
    confirming.settle(books, charge, failure)


def pay_out_now(books: Books) -> None:
    """Pay out at once what is there, as if the days of waiting had passed. Raises ValueError for an empty balance."""
    for row in list(books.rows("balance_transaction")):
        if row["_payout"] is None and row["available_on"] > books.moment:
            books.save({**row, "available_on": books.moment})
    payout = payouts.send(books)
    if payout is None:
        raise ValueError("there is nothing to pay out")
    payouts.reconcile(books, payout["id"])
    payouts.pay(books, payout["id"])


def _decide(books: Books, dispute: str, won: bool = False) -> None:
    disputes.decide(books, dispute, won=won)


_WORK: dict[tuple[str, str], Callable[[StripeSandbox, Row], Row]] = {
    ("GET", "state"): _state,
    ("GET", "dump"): _dump,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "webhooks/endpoint"): _endpoint,
    ("POST", "webhooks/trouble"): _trouble,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _clock,
    ("POST", "tick"): _tick,
    ("POST", "words"): _words,
    ("POST", "settings"): _settings,
    ("POST", "accounts"): _open_account,
    ("GET", "credentials"): _credentials,
    ("GET", "elements"): _elements,
    ("POST", "debits/settle"): _on(settle_debit, "charge", "failure"),
    ("POST", "disputes/open"): _on(disputes.open, "charge", "reason", "inquiry"),
    ("POST", "disputes/close"): _on(_decide, "dispute", "won"),
    ("POST", "payouts/run"): _on(pay_out_now),
    ("POST", "payouts/fail"): _on(payouts.fail, "payout", "code"),
    ("POST", "refunds/finish"): _on(refunds.finish, "refund"),
    ("POST", "refunds/fail"): _on(refunds.fail, "refund", "reason"),
}


def _known() -> str:
    return ", ".join(f"{method} {name}" for method, name in _WORK)
