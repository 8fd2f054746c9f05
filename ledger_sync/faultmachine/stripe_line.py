"""The line between billing and Stripe: where calls are held up, spoiled and counted, and where its notices travel."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from django.test import RequestFactory

from billing.views import hooks
from ledger_sync.faultmachine.database import Killed
from ledger_sync.faultmachine.notices import Post
from ledger_sync.faultmachine.plans import REPLY, SEND, STRIPE_NOTICE, Trouble
from practice.core import clock
from practice.core.sandbox.faults import Fault
from practice.core.sandbox.http import ConnectionLost, Request, Response, TimedOut

if TYPE_CHECKING:
    from ledger_sync.faultmachine.machine import Machine
    from ledger_sync.faultmachine.stripe_world import Till

#: Seconds a caller waits for Stripe before it gives up.
PATIENCE = 20.0
#: What each trouble asks of the sandbox; the general ones meet Stripe as they meet a ledger.
_ORDERS: dict[str, Fault] = {
    "reset": Fault("reset"),
    "timeout": Fault("timeout"),
    "response_lost": Fault("response_lost"),
    "stripe_reset": Fault("reset"),
    "stripe_timeout": Fault("timeout"),
    "stripe_lost": Fault("response_lost"),
    "stripe_truncated": Fault("truncated"),
    "stripe_limit": Fault("rate_limited"),
    "stripe_locked": Fault("rate_limited", detail="lock_timeout"),
    "stripe_error": Fault("server_error"),
    "stripe_unavailable": Fault("unavailable_html"),
}


class StripeLine:
    """Stripe as billing reaches it."""

    def __init__(self, machine: Machine, till: Till) -> None:
        self.machine = machine
        self.sandbox = till.sandbox
        self.calls = 0
        self.bodies: dict[str, bytes] = {}
        #: Keys that were used with another body.
        self.reused: list[str] = []

    def handle(self, request: Request) -> Response:
        """Answer one call, or let it come to grief."""
        what = f"{request.method} {request.path}"
        trouble = self.machine.boundary(SEND, what)
        self.calls += 1
        self._remember_key(request)
        clock.advance(seconds=self.machine.chance.uniform(0.05, 0.4))
        try:
            response = self._answer(request, trouble)
        except (ConnectionLost, TimedOut) as gone:
            self.machine.tell("stripe", f"no answer ({gone})", what)
            self.machine.boundary(REPLY, what)
            raise
        self.machine.tell("stripe", f"answers {response.status}", what)
        self.machine.boundary(REPLY, what)
        return response

    def tick(self) -> None:
        """Notices go out by the machine's own web process."""

    def _answer(self, request: Request, trouble: Trouble | None) -> Response:
        if trouble is None:
            response: Response = self.sandbox.handle(request)
            return response
        order = _ORDERS[trouble.kind]
        self.sandbox.faults.order(Fault(order.kind, detail=order.detail))
        try:
            answer: Response = self.sandbox.handle(request)
            return answer
        finally:
            if order.kind == "timeout":
                clock.advance(seconds=PATIENCE)

    def _remember_key(self, request: Request) -> None:
        key = request.headers.get("idempotency-key", "")
        if key and self.bodies.setdefault(key, request.body) != request.body:
            self.reused.append(key)


class StripePost(Post):
    """Carries Stripe's notices to the hook, through the very view that answers Stripe."""

    PLACE = STRIPE_NOTICE

    def __init__(self, machine: Machine, till: Till) -> None:
        self.machine = machine
        self.till = till
        self._header = "Stripe-Signature"
        till.sandbox.outbox.send = self.send
        self.forged: list[bytes] = []
        self.let_in: list[bytes] = []
        self._held = []

    @property
    def cannot_tell(self) -> bool:
        """Stripe stays up while a ledger is down."""
        return False

    @property
    def is_waiting(self) -> bool:
        """Whether Stripe has something to tell now."""
        due = (datetime.fromisoformat(row["due"]) for row in self.till.sandbox.store.table("_delivery").values())
        return any(moment <= clock.now() for moment in due)

    def pump(self) -> None:
        """Let Stripe do what its time has come for, and send what is due."""
        self.till.sandbox.tick()

    def _deliver(self, url: str, body: bytes, signature: str) -> int:
        request = RequestFactory().post(url, body, content_type="application/json", headers={self._header: signature})
        try:
            return hooks.stripe_notice(request, pk=int(url.rstrip("/").rpartition("/")[2])).status_code
        except Killed:
            return 0

    def _forge(self, url: str, body: bytes) -> None:
        """A notice that somebody else made up, signed with a key of their own."""
        made_up = json.dumps({**json.loads(body), "id": f"evt_forged{len(self.forged)}"}).encode()
        self.forged.append(made_up)
        signature = f"t={int(clock.now().timestamp())},v1={'0' * 64}"
        if self._deliver(url, made_up, signature) != 400:
            self.let_in.append(made_up)
