"""The ledgers of the firm: sandboxes over loopback HTTP, in the process of the judge, who never dies."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from ledger_sync.sandbox.xero import XeroSandbox
from practice.core.sandbox.faults import Fault, Weather
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.server import Server, post

#: Of all calls, so many meet a 503, and as many are booked and their answer is cut off.
RATE = 0.03
#: Seconds it takes to answer.
DELAY = 0.15
#: Where both vendors' accounting lives, as opposed to their identity services and screens.
API = r"^/(api\.xro|v3/company)/"


@dataclass
class Door:
    """The sandbox as callers reach it; it notes how they behaved."""

    sandbox: Any
    calls: int = 0
    #: The body each idempotency key was first used with, and keys that came with another.
    bodies: dict[str, bytes] = field(default_factory=dict)
    reused: list[str] = field(default_factory=list)
    answered: Counter[int] = field(default_factory=Counter)

    def handle(self, request: Request) -> Response:
        """Answer one call."""
        key = request.headers.get("idempotency-key", "")
        if key and self.bodies.setdefault(key, request.body) != request.body:
            self.reused.append(key)
        self.calls += re.match(API, request.path) is not None
        response: Response = self.sandbox.handle(request)
        self.answered[response.status] += 1
        return response

    def tick(self) -> None:
        """Let time pass."""
        self.sandbox.tick()


@contextmanager
def opened(provider: str, seed: int) -> Iterator[Door]:
    """An empty organisation behind a port of its own."""
    server = Server(None, delay=DELAY)  # type: ignore[arg-type]
    kind = {"xero": XeroSandbox, "quickbooks": QuickBooksSandbox}[provider]
    sandbox = kind(base_url=f"http://127.0.0.1:{server.port}", company="empty", send=post, seed=seed)
    server.application = door = Door(sandbox)
    thread = threading.Thread(target=server.run, name="ledger", daemon=True)
    thread.start()
    try:
        yield door
    finally:
        server.stop()
        thread.join(5)
        server.server_close()


def trouble(door: Door, seed: int) -> None:
    """Begin with 503s and answers that are cut off, one of each soon."""
    kinds = ("unavailable_html", "response_lost")
    for kind in kinds:
        door.sandbox.faults.order(Fault(kind, match=API))
    door.sandbox.faults.weather = Weather(seed, RATE * len(kinds), kinds, match=API)
