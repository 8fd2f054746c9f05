"""The line between billing and Stripe: where calls are held up, spoiled and counted, and where its notices travel."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

from django.test import RequestFactory

from billing.views import hooks
from ledger_sync.faultmachine.database import Killed
from ledger_sync.faultmachine.notices import Post
from ledger_sync.faultmachine.plans import STRIPE_NOTICE
from ledger_sync.faultmachine.wire import Line
from practice.core import clock
from practice.core.sandbox.faults import Fault

if TYPE_CHECKING:
    from ledger_sync.faultmachine.machine import Machine
    from ledger_sync.faultmachine.stripe_world import Till

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


class StripeLine(Line):
    """Stripe as billing reaches it."""

    VOICE, PATIENCE, ORDERS = "stripe", 20.0, _ORDERS

    def __init__(self, machine: Machine, till: Till) -> None:
        super().__init__(machine, till.sandbox)


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
