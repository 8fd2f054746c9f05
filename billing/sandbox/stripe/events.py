"""Events, and the addresses they are sent to (docs.stripe.com/api/events, docs.stripe.com/webhooks)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from itertools import accumulate
from urllib.parse import urlsplit

from billing.sandbox.stripe.books import Books, merge_metadata
from billing.sandbox.stripe.settings import DEFAULTS
from billing.sandbox.stripe.wire import API_VERSION, Refused, Row
from practice.core import clock
from practice.core.sandbox.store import Store
from practice.core.sandbox.webhooks import Outbox

#: Failed deliveries are tried again for up to three days (docs.stripe.com/webhooks); the steps are unsure.
RETRIES = (60, 300, 1800, 7200, 18_000, 36_000, 43_200, 43_200, 43_200, 43_200)
_GIVEN_UP = 3 * 86_400
_KEPT = timedelta(days=30)
_MOST_ENDPOINTS = 16


class Deliveries(Outbox):
    """What is on its way to the endpoints, each account's at its own pace."""

    def waits(self, tag: str) -> tuple[int, ...]:
        """The steps as long as the account's ``retry_first`` makes them, as far as three days reach."""
        account = self.store.get("_account", tag.partition(" ")[0]) or {"settings": {}}
        first = {**DEFAULTS, **account["settings"]}["retry_first"]
        steps = [int(step * first / RETRIES[0]) for step in RETRIES]
        return tuple(step for step, total in zip(steps, accumulate(steps), strict=True) if total <= _GIVEN_UP)


def retrieve(books: Books, params: Row, key: str) -> Row:
    """One event. Raises Refused, also for one older than thirty days."""
    row = books.find("event", key)
    if row["created"] < (books.at - _KEPT).timestamp():
        raise Refused(f"No such event: '{key}'", status=404, code="resource_missing", param="id")
    return {**row, "pending_webhooks": len(_undelivered(books).get(key, set()))}


def listing(books: Books, params: Row) -> Row:
    """The events of thirty days, newest first; ``delivery_success=false`` shows what did not arrive.

    docs.stripe.com/webhooks/process-undelivered-events. Raises Refused.
    """
    types = params.get("types")
    if types and params.get("type"):
        raise Refused("You may pass either `type` or `types`, not both.", param="types", early=True)
    if types and len(types) > 20:
        raise Refused("You may pass up to 20 types.", param="types", early=True)
    oldest = (books.at - _KEPT).timestamp()
    wanted = types or ([params["type"]] if params.get("type") else None)
    delivered, undelivered = params.get("delivery_success"), _undelivered(books)
    page = books.listing(
        "event",
        params,
        "/v1/events",
        lambda row: (
            row["created"] >= oldest
            and (wanted is None or any(_matches(row["type"], each) for each in wanted))
            and (delivered is None or delivered == (row["id"] not in undelivered))
        ),
    )
    for row in page["data"]:
        row["pending_webhooks"] = len(undelivered.get(row["id"], set()))
    return page


def create_endpoint(books: Books, params: Row) -> Row:
    """Register an address; the secret is shown this once. Raises Refused."""
    if sum(not row.get("deleted") for row in books.rows("webhook_endpoint")) >= _MOST_ENDPOINTS:
        raise Refused(f"You have reached the maximum of {_MOST_ENDPOINTS} test webhook endpoints.")
    _check_url(params["url"])
    if params.get("api_version", API_VERSION) != API_VERSION:
        raise Refused(f"This sandbox plays {API_VERSION} only.", param="api_version", early=True)
    row = books.new(
        "webhook_endpoint",
        "we_",
        {
            "api_version": params.get("api_version"),
            "application": None,
            "description": params.get("description") or None,
            "enabled_events": params["enabled_events"],
            "metadata": {},
            "status": "enabled",
            "url": params["url"],
            "_secret": books.token("whsec_", 32),
        },
    )
    merge_metadata(row, params.get("metadata"))
    books.save(row)
    return {**row, "secret": row["_secret"]}


def update_endpoint(books: Books, params: Row, key: str) -> Row:
    """Change an address, or switch it off. Raises Refused."""
    row = _endpoint(books, key)
    if "url" in params:
        _check_url(params["url"])
        row["url"] = params["url"]
    if "disabled" in params:
        row["status"] = "disabled" if params["disabled"] else "enabled"
    if "description" in params:
        row["description"] = params["description"] or None
    row["enabled_events"] = params.get("enabled_events", row["enabled_events"])
    merge_metadata(row, params.get("metadata"))
    return books.save(row)


def retrieve_endpoint(books: Books, params: Row, key: str) -> Row:
    """One address, without its secret. Raises Refused."""
    return _endpoint(books, key)


def delete_endpoint(books: Books, params: Row, key: str) -> Row:
    """Forget an address. Raises Refused."""
    _endpoint(books, key)
    books.store.drop(books.table("webhook_endpoint"), key)
    return {"id": key, "object": "webhook_endpoint", "deleted": True}


def endpoints(books: Books, params: Row) -> Row:
    """The addresses, newest first."""
    return books.listing("webhook_endpoint", params, "/v1/webhook_endpoints")


def signature(body: bytes, secret: str, moment: int) -> str:
    """The ``Stripe-Signature`` of a body (docs.stripe.com/webhooks, "Verify manually")."""
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def sign(store: Store, tag: str, body: bytes, wrong: bool) -> dict[str, str]:
    """The headers of one attempt, stamped with its own time (docs.stripe.com/webhooks, "Preventing replay attacks")."""
    account, end, _ = tag.split(" ")
    row = store.get(f"{account}/webhook_endpoint", end)
    secret = "whsec_wrong" if wrong or row is None else row["_secret"]
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": signature(body, secret, int(clock.now().timestamp())),
    }


def _undelivered(books: Books) -> dict[str, set[str]]:
    """Endpoints still to be reached, by event: what waits, and what was given up."""
    out: dict[str, set[str]] = {}
    for table in ("_delivery", "_delivered"):
        for row in books.store.table(table).values():
            account, _, rest = row["tag"].partition(" ")
            if account == books.account["id"] and not 200 <= row.get("status", 0) < 300:
                end, _, event = rest.partition(" ")
                out.setdefault(event, set()).add(end)
    return out


def _endpoint(books: Books, key: str) -> Row:
    return books.find("webhook_endpoint", key)


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param="url",
            early=True,
        )


def _matches(kind: str, wanted: str) -> bool:
    """``*`` may stand for the end of a type, as ``charge.*`` (docs.stripe.com/api/events/list)."""
    return kind.startswith(wanted[:-1]) if wanted.endswith("*") else kind == wanted
