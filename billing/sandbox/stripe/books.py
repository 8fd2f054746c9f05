"""One account's objects at one moment: find, save, list, and tell the world what happened."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from billing.sandbox.stripe import accounts
from billing.sandbox.stripe.wire import API_VERSION, Refused, Row, missing
from practice.core.sandbox.store import Store
from practice.core.sandbox.webhooks import Outbox

_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass
class Books:
    """One account's objects; ``at`` is the moment of the request, or of the job that time brought round."""

    store: Store
    account: Row
    at: datetime
    outbox: Outbox
    seed: int = 0
    base_url: str = ""
    #: The request that causes events: ``{"id": "req_…", "idempotency_key": …}``.
    cause: Row = field(default_factory=lambda: {"id": None, "idempotency_key": None})
    #: Whether the caller is a browser with a publishable key.
    browser: bool = False

    @property
    def settings(self) -> Row:
        """The account's settings."""
        settings: Row = self.account["settings"]
        return settings

    @property
    def tariff(self) -> accounts.Tariff:
        """What this account pays."""
        return accounts.tariff(self.account)

    @property
    def moment(self) -> int:
        """The moment as Stripe writes it."""
        return int(self.at.timestamp())

    def token(self, prefix: str, length: int = 24) -> str:
        """A new name that no other object has: it follows from the seed and a counter, so runs can be repeated."""
        chance = random.Random(f"{self.seed}:{self.store.next_id('_token')}")
        return prefix + "".join(chance.choices(_LETTERS, k=length))

    def table(self, kind: str) -> str:
        """The store's name for this account's table of a kind."""
        return f"{self.account['id']}/{kind}"

    def new(self, kind: str, prefix: str, fields: Row, *, livemode: bool = True) -> Row:
        """A new object with what all objects have; not saved yet."""
        mode = {"livemode": False} if livemode else {}
        return {"id": self.token(prefix), "object": kind, "created": self.moment, **mode, **fields}

    def rows(self, kind: str) -> Iterable[Row]:
        """Every object of a kind, oldest first; to read only."""
        return list(self.store.table(self.table(kind)).values())

    def peek(self, kind: str, key: str | None) -> Row | None:
        """A copy of an object, or None."""
        row = self.store.get(self.table(kind), key) if key else None
        return copy.deepcopy(row)

    def find(self, kind: str, key: str, param: str = "id") -> Row:
        """A copy of an object. Raises Refused when there is none."""
        row = self.peek(kind, key)
        if row is None:
            error = missing(kind, key, param)
            # An unknown id in a parameter is the request's fault (400), in the path it is a 404.
            error.status = 404 if param in ("id", "intent", "customer_path") else 400
            raise error
        return row

    def save(self, row: Row) -> Row:
        """Write an object."""
        self.store.put(self.table(row["object"]), row["id"], copy.deepcopy(row))
        return row

    def later(self, due: datetime, action: str, **arguments: Any) -> None:
        """Have something done when its time comes."""
        number = self.store.next_id("_job_number")
        job = {"account": self.account["id"], "due": due.isoformat(), "action": action, "arguments": arguments}
        self.store.put("_job", f"{number:012d}", job)

    def forget(self, action: str, **arguments: Any) -> None:
        """Take back what :meth:`later` arranged."""
        for key, job in list(self.store.table("_job").items()):
            if job["account"] == self.account["id"] and job["action"] == action and job["arguments"] == arguments:
                self.store.drop("_job", key)

    def emit(self, kind: str, subject: Row, previous: Row | None = None) -> None:
        """Record an event with the subject as it is now, and queue its deliveries."""
        data: Row = {"object": public(subject, self.moment)}
        if previous is not None:
            data["previous_attributes"] = previous
        event = self.new(
            "event",
            "evt_",
            {
                "api_version": API_VERSION,
                "type": kind,
                "data": data,
                "pending_webhooks": 0,
                "request": dict(self.cause),
            },
        )
        wanted = [end for end in self.rows("webhook_endpoint") if _wants(end, kind)]
        event["pending_webhooks"] = len(wanted)
        event["_endpoints"] = [end["id"] for end in wanted]
        self.save(event)
        body = json.dumps(public(event, self.moment), indent=2).encode()
        for end in wanted:
            self.outbox.queue(end["url"], body, {}, tag=f"{self.account['id']} {end['id']} {event['id']}")

    def listing(self, kind: str, params: Row, path: str, keep: Callable[[Row], bool] = lambda row: True) -> Row:
        """One page, newest first (docs.stripe.com/api/pagination)."""
        limit = params.get("limit", 10)
        if not 1 <= limit <= 100:
            raise Refused(
                f"This value must be between 1 and 100 (was {limit}).",
                param="limit",
                code="parameter_invalid_integer",
                early=True,
            )
        rows = [row for row in reversed(list(self.rows(kind))) if keep(row) and in_range(row, params, "created")]
        page, more = self._window(kind, rows, params, limit)
        return {"object": "list", "data": [public(row, self.moment) for row in page], "has_more": more, "url": path}

    def _window(self, kind: str, rows: list[Row], params: Row, limit: int) -> tuple[list[Row], bool]:
        if params.get("starting_after") and params.get("ending_before"):
            raise Refused("You cannot parameterize both starting_after and ending_before.", early=True)
        if after := params.get("starting_after"):
            self.find(kind, after, "starting_after")
            rows = rows[_place(rows, after, self._order(kind)) :]
        if before := params.get("ending_before"):
            self.find(kind, before, "ending_before")
            order = self._order(kind)
            newer = [row for row in rows if order[row["id"]] > order[before]]
            return newer[-limit:], len(newer) > limit
        return rows[:limit], len(rows) > limit

    def _order(self, kind: str) -> dict[str, int]:
        return {key: n for n, key in enumerate(self.store.table(self.table(kind)))}


def _place(rows: list[Row], key: str, order: dict[str, int]) -> int:
    """How many of these rows (newest first) are at least as new as a key."""
    return sum(order[row["id"]] >= order[key] for row in rows)


def _wants(end: Row, kind: str) -> bool:
    return end["status"] == "enabled" and ("*" in end["enabled_events"] or kind in end["enabled_events"])


def in_range(row: Row, params: Row, name: str) -> bool:
    """Whether a moment on a row is in the range a list asks for (docs.stripe.com/api, "created")."""
    wanted = params.get(name)
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return bool(row[name] == wanted)
    value = row[name]
    return bool(
        value > wanted.get("gt", value - 1)
        and value >= wanted.get("gte", value)
        and value < wanted.get("lt", value + 1)
        and value <= wanted.get("lte", value)
    )


def public(row: Row, moment: int) -> Row:
    """A row as the API shows it: without what only the sandbox knows (names that begin with "_")."""
    shown = {key: copy.deepcopy(value) for key, value in row.items() if not key.startswith("_")}
    if row.get("object") == "balance_transaction":
        shown["status"] = "available" if row["available_on"] <= moment else "pending"
    return shown


def merge_metadata(row: Row, given: Any) -> None:
    """Add, change and unset keys (docs.stripe.com/api/metadata). Raises Refused beyond Stripe's limits."""
    if given is None:
        return
    if given == "":
        row["metadata"] = {}
        return
    kept = {**(row.get("metadata") or {}), **given}
    kept = {key: value for key, value in kept.items() if value != ""}
    if len(kept) > 50 or any(len(k) > 40 or len(v) > 500 for k, v in kept.items()):
        raise Refused(
            "Metadata can have up to 50 keys of up to 40 characters, with values of up to 500 characters.",
            param="metadata",
        )
    row["metadata"] = kept


def business_days(start: datetime, days: int) -> datetime:
    """The moment so many business days later; bank holidays are not known here."""
    moment = start
    while days > 0:
        moment += timedelta(days=1)
        days -= moment.weekday() < 5
    return moment


def midnight(moment: datetime) -> datetime:
    """The start of a day in UTC, on which Stripe's balance turns (docs.stripe.com/payouts; the zone is unsure)."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
