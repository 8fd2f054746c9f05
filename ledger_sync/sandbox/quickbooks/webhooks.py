"""Intuit's notices: CloudEvents (or the older form), signed, retried, and withheld behind one that failed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from ledger_sync.sandbox.quickbooks import wire
from ledger_sync.sandbox.quickbooks.books import Ids
from ledger_sync.sandbox.quickbooks.settings import AppRegistration, Switches
from ledger_sync.sandbox.quickbooks.wire import Row
from practice.core import clock
from practice.core.sandbox.store import Store
from practice.core.sandbox.webhooks import Outbox, Send

#: 10, 20, 30 seconds, 5 and 20 minutes, 2, 4 and 6 hours, then every 6 (Intuit docs, Webhooks); the end is unsure.
_FIRST, _THEN = (10, 20, 30, 300, 1_200, 7_200, 14_400), 21_600
_LEGACY_WORDS = {"created": "Create", "updated": "Update", "deleted": "Delete", "merged": "Merge", "voided": "Void"}


class Webhooks:
    """The app's one webhook: its address and the events waiting to go out."""

    def __init__(
        self, store: Store, ids: Ids, app: AppRegistration, switches: Switches, send: Send | None, seed: int
    ) -> None:
        self.store = store
        self.ids = ids
        self.app = app
        self.switches = switches
        self._spoiled: set[str] = set()
        self.outbox = Outbox(store, send, _FIRST, seed, self._headers_now)

    @property
    def state(self) -> Row:
        """The address and whether notices are on their way there."""
        nowhere = {"url": "", "active": False, "pending": False, "detail": "not set"}
        return self.store.get("_webhook", "state") or nowhere

    def set_url(self, url: str) -> None:
        """Set or change the address; Intuit shakes no hands."""
        row = {"url": url, "active": bool(url), "pending": False, "detail": "OK" if url else "not set"}
        with self.store.transaction():
            self.store.put("_webhook", "state", row)

    def run(self) -> None:
        """Pack and send what is waiting."""
        if self.outbox.send is None:
            return
        if not (self.switches.withhold_notices and self._one_failed()):
            self._pack()
        self.outbox.retries = (*_FIRST, *([_THEN] * (4 * self.switches.notice_days)))
        self.outbox.pump()

    def sign(self, body: bytes) -> str:
        """The signature of a notice: Base64 of HMAC-SHA256 under the app's verifier token."""
        return base64.b64encode(hmac.new(self.app.webhook_secret.encode(), body, hashlib.sha256).digest()).decode()

    def _one_failed(self) -> bool:
        return any(int(row["tries"]) > 0 for row in self.store.table("_delivery").values())

    def _headers_now(self, tag: str, body: bytes, spoiled: bool) -> dict[str, str]:
        """The headers of one attempt; a signature is only wrong the first time, the retry carries the right one."""
        wrong = spoiled and tag not in self._spoiled
        if wrong:
            self._spoiled.add(tag)
        return {
            "Content-Type": "application/json; charset=utf-8",
            "intuit-signature": self.sign(body + b"!" if wrong else body),
            "intuit-created-time": wire.nanoseconds(clock.now()),
            "intuit-t-id": f"sandbox-{tag}",
            "intuit-notification-schema-version": "0.1",
            "user-agent": "intuit_notification_server/0.1",
        }

    def _pack(self) -> None:
        """Queue what is waiting, several events to a notice."""
        with self.store.transaction():
            waiting = list(self.store.table("_events").items())
            most = max(1, self.switches.notice_events)
            for start in range(0, len(waiting), most):
                part = waiting[start : start + most]
                rows = [row for _, row in part]
                body = self._legacy(rows) if self.switches.legacy_notices else [_cloud_event(row) for row in rows]
                text = json.dumps(body, separators=(",", ":")).encode()
                self.outbox.queue(self.state["url"], text, {}, tag=part[0][0])
                for key, _ in part:
                    self.store.drop("_events", key)

    def _legacy(self, rows: list[Row]) -> Row:
        """The form that ended in 2026: grouped by company."""
        notices = []
        for realm in dict.fromkeys(row["realm"] for row in rows):
            entities = [_legacy_entity(row) for row in rows if row["realm"] == realm]
            notices.append({"realmId": realm, "dataChangeEvent": {"entities": entities}})
        return {"eventNotifications": notices}


def _cloud_event(row: Row) -> Row:
    return {
        "specversion": "1.0",
        "id": row["id"],
        "source": "intuit.sandbox=",
        "type": f"qbo.{row['kind'].lower()}.{row['operation']}.v1",
        "datacontenttype": "application/json",
        "time": row["at"],
        "intuitentityid": row["key"],
        "intuitaccountid": row["realm"],
        "data": row["data"],
    }


def _legacy_entity(row: Row) -> Row:
    word = _LEGACY_WORDS.get(row["operation"], "Emailed")
    entity = {"name": row["kind"], "id": row["key"], "operation": word, "lastUpdated": row["at"][:23] + "Z"}
    return {**entity, "deletedId": row["data"]["deletedid"]} if "deletedid" in row["data"] else entity
