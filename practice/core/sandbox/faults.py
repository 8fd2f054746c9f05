"""Faults a test or the demo can order from a sandbox: what real services do on bad days."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field

from practice.core import clock
from practice.core.sandbox.http import ConnectionLost, Request, Response, TimedOut

#: Kinds that act before the request is worked: nothing is committed.
BEFORE = ("reset", "timeout", "unauthorised", "rate_limited", "server_error", "unavailable_html", "down")
#: Kinds that act after it was worked: the effect is committed, the answer is not what it should be.
AFTER = ("response_lost", "truncated", "html_instead")


@dataclass
class Fault:
    """One ordered fault: which requests it meets, how often or for how many seconds, and what happens."""

    kind: str
    match: str = ".*"
    method: str = ""
    times: int = 1
    seconds: float = 0
    retry_after: int | None = None
    detail: str = ""
    until: float = 0

    def meets(self, request: Request) -> bool:
        """Whether this fault applies to a request."""
        if self.times <= 0 or (self.method and self.method != request.method):
            return False
        if self.until and clock.now().timestamp() > self.until:
            return False
        return re.search(self.match, request.path, re.IGNORECASE) is not None


@dataclass
class Faults:
    """The faults now ordered, in the order they will be tried; ``fired`` counts each kind."""

    ordered: list[Fault] = field(default_factory=list)
    fired: dict[str, int] = field(default_factory=dict)

    def order(self, fault: Fault) -> None:
        """Arrange for a fault. Raises ValueError for a kind nobody knows."""
        if fault.kind not in BEFORE + AFTER:
            raise ValueError(f"unknown fault {fault.kind!r}; known: {', '.join(BEFORE + AFTER)}")
        if fault.seconds:
            fault.until, fault.times = clock.now().timestamp() + fault.seconds, sys.maxsize
        self.ordered.append(fault)

    def clear(self) -> None:
        """Forget every ordered fault."""
        self.ordered.clear()

    def take(self, request: Request, kinds: tuple[str, ...]) -> Fault | None:
        """Use up the first ordered fault of these kinds that meets the request."""
        for fault in self.ordered:
            if fault.kind in kinds and fault.meets(request):
                fault.times -= 1
                self.fired[fault.kind] = self.fired.get(fault.kind, 0) + 1
                self.ordered = [f for f in self.ordered if f.times > 0]
                return fault
        return None


def mangle(fault: Fault, response: Response) -> Response:
    """What the caller sees of a response that was committed and then spoiled. Raises ConnectionLost."""
    if fault.kind == "response_lost":
        raise ConnectionLost(fault.kind)
    if fault.kind == "truncated":
        response.truncate = True
        return response
    return Response.of_html("<html><body><h1>502 Bad Gateway</h1></body></html>", 200)


def hang_up(fault: Fault) -> None:
    """Raise for the kinds that give no answer at all; return for those the sandbox words itself."""
    if fault.kind in ("reset", "down"):
        raise ConnectionLost(fault.kind)
    if fault.kind == "timeout":
        raise TimedOut(fault.kind)
