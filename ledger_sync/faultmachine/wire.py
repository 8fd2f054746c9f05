"""The line between the product and a vendor's sandbox: where calls are held up, spoiled and counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ledger_sync.faultmachine.plans import REPLY, SEND, Trouble
from practice.core import clock
from practice.core.sandbox.faults import Fault
from practice.core.sandbox.http import ConnectionLost, Request, Response, TimedOut

if TYPE_CHECKING:
    from ledger_sync.faultmachine.machine import Machine
    from ledger_sync.faultmachine.world import Books

#: What each trouble asks of a ledger's sandbox.
_ORDERS: dict[str, Fault] = {
    "reset": Fault("reset"),
    "timeout": Fault("timeout"),
    "response_lost": Fault("response_lost"),
    "token_reply_lost": Fault("response_lost"),
    "truncated": Fault("truncated"),
    "html_instead": Fault("html_instead"),
    "minute_limit": Fault("rate_limited", retry_after=25),
    "concurrent_limit": Fault("rate_limited", detail="concurrent"),
    "day_limit": Fault("rate_limited", detail="day", retry_after=900),
    "server_error": Fault("server_error"),
    "unavailable": Fault("unavailable_html"),
    "unavailable_wait": Fault("unavailable_html", retry_after=20),
    "down": Fault("unavailable_html"),
    "token_expired": Fault("unauthorised"),
}


class Line:
    """One sandbox as the product reaches it."""

    #: Who answers, in the history.
    VOICE: ClassVar[str]
    #: Seconds a caller waits for an answer before it gives up.
    PATIENCE: ClassVar[float]
    ORDERS: ClassVar[dict[str, Fault]]

    def __init__(self, machine: Machine, sandbox: Any) -> None:
        self.machine = machine
        self.sandbox = sandbox
        self.calls = 0
        #: The body each idempotency key was first used with, and keys used with another.
        self.bodies: dict[str, bytes] = {}
        self.reused: list[str] = []

    def handle(self, request: Request) -> Response:
        """Answer one call, or let it come to grief."""
        what = f"{request.method} {request.path}"
        trouble = self.machine.boundary(SEND, what)
        self.calls += 1
        self._remember_key(request)
        clock.advance(seconds=self.machine.chance.uniform(0.05, 0.4))
        try:
            response = self._answer(request) if trouble is None else self._spoil(request, trouble)
        except (ConnectionLost, TimedOut) as gone:
            self.machine.tell(self.VOICE, f"no answer ({gone})", what)
            self.machine.boundary(REPLY, what)
            raise
        self.machine.tell(self.VOICE, f"answers {response.status}", what)
        self.machine.boundary(REPLY, what)
        return response

    def tick(self) -> None:
        """Notices go out by the machine's own web process."""

    def _answer(self, request: Request) -> Response:
        answer: Response = self.sandbox.handle(request)
        return answer

    def _spoil(self, request: Request, trouble: Trouble) -> Response:
        order = self.ORDERS[trouble.kind]
        self.sandbox.faults.order(Fault(order.kind, retry_after=order.retry_after, detail=order.detail))
        try:
            answer: Response = self.sandbox.handle(request)
            return answer
        finally:
            if order.kind == "timeout":
                clock.advance(seconds=self.PATIENCE)

    def _remember_key(self, request: Request) -> None:
        key = request.headers.get("idempotency-key", "") or dict(request.query).get("requestid", "")
        if key and self.bodies.setdefault(key, request.body) != request.body:
            self.reused.append(key)


class LedgerLine(Line):
    """A ledger as the engine reaches it."""

    VOICE, PATIENCE, ORDERS = "vendor", 60.0, _ORDERS

    def __init__(self, machine: Machine, books: Books) -> None:
        super().__init__(machine, books.sandbox)
        self.books = books
        #: Times the vendor really had too many calls in a minute, beside the ordered ones.
        self.over_limit = 0

    def _answer(self, request: Request) -> Response:
        response = super()._answer(request)
        if response.status == 429:
            # Only Xero says which limit it was.
            self.over_limit += response.headers.get("X-Rate-Limit-Problem", "minute") == "minute"
        return response

    def _spoil(self, request: Request, trouble: Trouble) -> Response:
        if trouble.kind != "worked_late":
            return super()._spoil(request, trouble)
        after = max(self.machine.chance.uniform(1, 140), self.machine.chance.uniform(1, 140))
        self.machine.later(after, lambda: self.sandbox.handle(request))
        clock.advance(seconds=self.PATIENCE)
        raise TimedOut("worked late")
