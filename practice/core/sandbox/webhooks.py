"""A sandbox's outgoing webhooks: stored, signed by the sandbox, sent with retries, and spoiled on request."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from practice.core import clock
from practice.core.sandbox.store import Store

#: ``send(url, body, headers) -> status``; 0 means that nobody answered.
Send = Callable[[str, bytes, dict[str, str]], int]
#: ``sign(tag, body, spoiled) -> headers``, asked anew for every attempt by vendors that stamp each one with its time.
Sign = Callable[[str, bytes, bool], dict[str, str]]


@dataclass
class Trouble:
    """How deliveries misbehave; all off by default. ``delay`` is in seconds, the others are chances."""

    delay: float = 0.0
    double: float = 0.0
    reorder: float = 0.0
    drop: float = 0.0
    wrong_signature: float = 0.0

    def __setattr__(self, name: str, value: float) -> None:
        """Set one. Raises ValueError for what is no chance, or a wait of more than a year."""
        most = 31_536_000 if name == "delay" else 1
        if not isinstance(value, int | float) or not 0 <= value <= most:
            raise ValueError(f"{name} is from 0 to {most}, not {value!r}")
        super().__setattr__(name, value)


class Outbox:
    """Deliveries waiting to go out, kept in the sandbox's own store so that a restart loses none."""

    def __init__(
        self, store: Store, send: Send | None, retries: tuple[int, ...], seed: int = 0, sign: Sign | None = None
    ) -> None:
        self.store = store
        self.sign = sign
        self._pumping = threading.Lock()
        self.send = send
        self.retries = retries
        self.trouble = Trouble()
        self.chance = random.Random(seed)

    def queue(
        self, url: str, body: bytes, headers: dict[str, str], spoiled: dict[str, str] | None = None, tag: str = ""
    ) -> None:
        """Queue one delivery.

        ``spoiled`` are the headers with a signature that does not fit; ``tag`` is whatever the sandbox wants to
        recognise the delivery by, in its log and when it signs.
        """
        trouble = self.trouble
        if self.chance.random() < trouble.drop:
            return
        wrong = self.chance.random() < trouble.wrong_signature
        if spoiled and wrong:
            headers = spoiled
        wait = trouble.delay + (self.chance.uniform(0, 5) if self.chance.random() < trouble.reorder else 0.0)
        copies = 2 if self.chance.random() < trouble.double else 1
        due = clock.now() + timedelta(seconds=wait)
        for _ in range(copies):
            key = str(self.store.next_id("_delivery"))
            row = {"url": url, "body": body.decode(), "headers": headers, "due": due.isoformat(), "tries": 0}
            row |= {"tag": tag, "wrong": wrong}
            self.store.put("_delivery", key, row)

    def pump(self) -> int:
        """Send every delivery that is due. Returns how many were accepted; none while another thread is at it."""
        if self.send is None or not self._pumping.acquire(blocking=False):
            return 0
        try:
            return self._send_due(self.send)
        finally:
            self._pumping.release()

    def waits(self, tag: str) -> tuple[int, ...]:
        """How many seconds lie between the tries of a delivery."""
        return self.retries

    def _send_due(self, send: Send) -> int:
        accepted = 0
        with self.store.lock:
            waiting = [(k, dict(r)) for k, r in self.store.table("_delivery").items()]
        now = clock.now()
        for key, row in waiting:
            if datetime.fromisoformat(row["due"]) > now:
                continue
            body = row["body"].encode()
            headers = self.sign(row["tag"], body, row["wrong"]) if self.sign else row["headers"]
            status = send(row["url"], body, headers)
            accepted += 200 <= status < 300
            with self.store.transaction():
                self._after(key, row, status, now)
        return accepted

    def _after(self, key: str, row: dict[str, object], status: int, now: datetime) -> None:
        tries = int(str(row["tries"])) + 1
        waits = self.waits(str(row.get("tag", "")))
        if 200 <= status < 300 or tries > len(waits):
            self.store.drop("_delivery", key)
            log = {"status": status, "tries": tries, "at": now.isoformat(), "url": row["url"]}
            log["tag"] = row.get("tag", "")
            self.store.put("_delivered", key, log)
            return
        due = now + timedelta(seconds=waits[tries - 1])
        self.store.put("_delivery", key, {**row, "tries": tries, "due": due.isoformat(), "status": status})
