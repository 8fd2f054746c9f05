"""Faults a test or the demo can order from a sandbox: what real services do on bad days."""

from __future__ import annotations

import random
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
class Weather:
    """Faults by seed: one request in so many meets one of these kinds. The same requests meet the same faults again.

    A kind may name its detail after a colon: "rate_limited:day". Raises ValueError for kinds, rates and patterns that
    mean nothing.
    """

    seed: int
    rate: float
    kinds: tuple[str, ...] = tuple(kind for kind in BEFORE + AFTER if kind != "down")
    match: str = "^(?!/_)"
    chance: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.kinds = tuple(self.kinds)
        _refuse_unknown(self.match, *(kind.partition(":")[0] for kind in self.kinds))
        if not self.kinds or not 0 <= self.rate <= 1:
            raise ValueError(f"weather needs a rate from 0 to 1 and a kind, not {self.rate} and {self.kinds}")
        self.chance = random.Random(self.seed)

    def bring(self, request: Request, kinds: tuple[str, ...]) -> Fault | None:
        """The fault this request meets, if it meets one of these kinds."""
        ours = [kind for kind in self.kinds if kind.partition(":")[0] in kinds]
        if not ours or re.search(self.match, request.path, re.IGNORECASE) is None:
            return None
        if self.chance.random() >= self.rate * len(ours) / len(self.kinds):
            return None
        kind, _, detail = self.chance.choice(ours).partition(":")
        return Fault(kind, detail=detail, retry_after=self.chance.choice((None, 1, 5)))


@dataclass
class Faults:
    """The faults now ordered, in the order they will be tried; ``fired`` counts each kind."""

    ordered: list[Fault] = field(default_factory=list)
    fired: dict[str, int] = field(default_factory=dict)
    weather: Weather | None = None

    def order(self, fault: Fault) -> None:
        """Arrange for a fault. Raises ValueError for a kind nobody knows, a pattern or a number that is none."""
        _refuse_unknown(fault.match, fault.kind)
        _refuse_odd(fault)
        if fault.seconds:
            fault.until, fault.times = clock.now().timestamp() + fault.seconds, sys.maxsize
        self.ordered.append(fault)

    def clear(self) -> None:
        """Forget every ordered fault, and those by seed."""
        self.ordered.clear()
        self.weather = None

    def take(self, request: Request, kinds: tuple[str, ...]) -> Fault | None:
        """Use up the first ordered fault of these kinds that meets the request, or take one by seed."""
        for fault in self.ordered:
            if fault.kind in kinds and fault.meets(request):
                fault.times -= 1
                self.ordered = [f for f in self.ordered if f.times > 0]
                return self._count(fault)
        brought = self.weather.bring(request, kinds) if self.weather else None
        return self._count(brought) if brought else None

    def _count(self, fault: Fault) -> Fault:
        self.fired[fault.kind] = self.fired.get(fault.kind, 0) + 1
        return fault


def _refuse_unknown(pattern: str, *kinds: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no pattern: {error}") from error
    for kind in kinds:
        if kind not in BEFORE + AFTER:
            raise ValueError(f"unknown fault {kind!r}; known: {', '.join(BEFORE + AFTER)}")


def _refuse_odd(fault: Fault) -> None:
    """What is no number here would fail with every later request instead."""
    if not (isinstance(fault.method, str) and isinstance(fault.detail, str)):
        raise ValueError("method and detail are text")
    wanted = (("times", fault.times, int), ("seconds", fault.seconds, int | float), ("until", fault.until, int | float))
    for name, value, kind in (*wanted, ("retry_after", fault.retry_after or 0, int)):
        if not isinstance(value, kind) or isinstance(value, bool) or not 0 <= value <= sys.maxsize:
            raise ValueError(f"{name} is a number from 0 on, not {value!r}")


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
