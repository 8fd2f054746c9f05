"""Xero's notices: the intent-to-receive handshake, signed payloads of several events, retries, and giving up."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from ledger_sync.sandbox.xero.books import Ids
from ledger_sync.sandbox.xero.settings import AppRegistration, Limits
from ledger_sync.sandbox.xero.wire import Row
from practice.core.sandbox.store import Store
from practice.core.sandbox.webhooks import Outbox, Send

#: Retried at once, then every 15 minutes for 24 hours; then the webhook is disabled (2026 wording of the docs).
RETRIES = (0, *([900] * 96))
INTENT = "Intent to receive"


class Webhooks:
    """The app's one webhook: its address, its state and the events waiting to go out."""

    def __init__(
        self, store: Store, ids: Ids, app: AppRegistration, send: Send | None, seed: int, limits: Limits
    ) -> None:
        self.store = store
        self.ids = ids
        self.app = app
        self.limits = limits
        self._spoiled: set[str] = set()
        self.outbox = Outbox(store, send, RETRIES, seed, self._headers_now)

    @property
    def state(self) -> Row:
        """The address and how it stands: ``pending``, ``active`` or neither, with the reason in ``detail``."""
        return self.store.get("_webhook", "state") or {
            "url": "",
            "active": False,
            "pending": False,
            "detail": "not set",
        }

    def set_url(self, url: str) -> None:
        """Set or change the address; the handshake follows with the next tick."""
        row = {"url": url, "active": False, "pending": bool(url), "detail": INTENT if url else "not set"}
        with self.store.transaction():
            self.store.put("_webhook", "state", row)

    def run(self) -> None:
        """Shake hands if that is due, then pack and send what is waiting."""
        if self.outbox.send is None:
            return
        state = self.state
        if state["pending"]:
            self._shake_hands(state, self.outbox.send)
        self._pack()
        self.outbox.pump()
        self._give_up()

    def sign(self, body: bytes) -> str:
        """The signature of a payload: Base64 of HMAC-SHA256 under the app's webhook key."""
        return base64.b64encode(hmac.new(self.app.webhook_key.encode(), body, hashlib.sha256).digest()).decode()

    def _headers_now(self, tag: str, body: bytes, spoiled: bool) -> dict[str, str]:
        """The headers of one attempt; a signature is only wrong the first time, the retry carries the right one."""
        wrong = spoiled and tag not in self._spoiled
        if wrong:
            self._spoiled.add(tag)
        return self._headers(self.sign(body + b"!" if wrong else body))

    def _headers(self, signature: str) -> dict[str, str]:
        return {"Content-Type": "application/json; charset=utf-8", "x-xero-signature": signature}

    def _shake_hands(self, state: Row, send: Send) -> None:
        """Two rightly and two wrongly signed empty payloads: 2xx for the first, 401 for the others."""
        detail = ""
        for right in (True, False, True, False):
            body = self._body([], 0, 0)
            signature = self.sign(body) if right else self.sign(body + b" ")
            status = send(state["url"], body, self._headers(signature))
            if right and not 200 <= status < 300:
                detail = f"{INTENT} failed: {status} for a correct signature"
            if not right and status != 401:
                detail = f"{INTENT} failed: {status} for a wrong signature, expected 401"
        with self.store.transaction():
            self.store.put(
                "_webhook", "state", {**state, "pending": False, "active": not detail, "detail": detail or "OK"}
            )

    def _body(self, events: list[Row], first: int, last: int) -> bytes:
        body = {"events": events, "firstEventSequence": first, "lastEventSequence": last, "entropy": self.ids.text(20)}
        return json.dumps(body, separators=(",", ":")).encode()

    def _pack(self) -> None:
        """Queue what is waiting, several events to a payload, under sequence numbers of the app."""
        with self.store.transaction():
            waiting = list(self.store.table("_events").items())
            most = max(self.limits.payload_events, 1)
            for start in range(0, len(waiting), most):
                part = waiting[start : start + most]
                body = self._body([row for _, row in part], int(part[0][0]), int(part[-1][0]))
                self.outbox.queue(self.state["url"], body, {}, tag=part[0][0])
                for key, _ in part:
                    self.store.drop("_events", key)

    def _give_up(self) -> None:
        done = self.store.table("_delivered")
        last = done[next(reversed(done))] if done else None
        if last is not None and not 200 <= int(last["status"]) < 300 and self.state["active"]:
            with self.store.transaction():
                detail = "disabled: no success within 24 hours"
                self.store.put("_webhook", "state", {**self.state, "active": False, "detail": detail})
