"""The machine: processes as greenlets that change places only where nothing is half done, and die where a plan says.

Each process has its own database connection, as real ones do. One runs at a time; it hands over before BEGIN, after
COMMIT, before a send and after a reply, and a seeded choice says who goes on.
"""

from __future__ import annotations

import hashlib
import heapq
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import greenlet
from django.db import connections

from ledger_sync.faultmachine.database import Killed, Watched
from ledger_sync.faultmachine.plans import BEGIN, COMMIT, COMMITTED, RING, SEND, Plan, Trouble
from practice.core import clock

#: How many processes of each role there are.
SLOTS = {"push": 2, "pull": 1, "sweep": 1, "web": 1, "work": 1, "money": 2}
#: The comparison of both books is the judge's affair here.
NIGHTLY = "ledger_sync.tasks.compare"
#: A sender stopped for longer than this between the test of its deadline and the socket is the documented hole.
HOLE = timedelta(seconds=240)
#: What every call meets while the ledger is down.
NOBODY_ANSWERS = Trouble("down", "", 0)
_SUSPENDING = ("suspended", "suspended_sending", "suspended_after", "suspended_unsent", "stripe_suspended")


@dataclass
class Actor:
    """One process and where it stands."""

    name: str
    role: str
    task: greenlet.greenlet
    connection: Watched
    wakes_at: datetime
    #: Since when it has gone without a commit that was not about tokens.
    outside_since: datetime
    dead: bool = False


class Machine:
    """Runs processes over one database file until nobody has anything to do."""

    def __init__(self, plan: Plan, path: Path, *, expire_tokens: Callable[[], None]) -> None:
        self.path = path
        self.chance = Random(f"order {plan.seed}")
        self.expire_tokens = expire_tokens
        self.actors: list[Actor] = []
        self.acting: Actor | None = None
        self.rings: list[tuple[str, dict[str, Any]]] = []
        self.fired: Counter[str] = Counter()
        self.crashes: list[str] = []
        self.log: list[str] = []
        self.boundaries = self.killed = self.holes = 0
        self.troubled = True
        #: Until when the ledger answers nobody.
        self._down_until = clock.now()
        self._seen: dict[int, int] = {}
        self._waiting = list(enumerate(plan.troubles))
        self._later: list[tuple[datetime, int, Callable[[], object]]] = []
        self._count: Counter[str] = Counter()
        self._idle: list[Watched] = []
        self._home = connections["default"]
        self._scheduler = greenlet.getcurrent()

    # What processes run into

    def boundary(self, place: str, detail: str = "") -> Trouble | None:
        """A process stands between two steps. Returns the trouble that spoils its call, if one does; raises Killed."""
        actor = self.acting
        if actor is None:
            return None
        if actor.dead:
            raise Killed
        self.boundaries += 1
        self.tell(actor.name, place, detail)
        clock.advance(milliseconds=3)
        trouble = self._strike(actor, place, detail)
        if place != COMMIT:
            self._hand_over()
        if place in (BEGIN, COMMIT, COMMITTED) and "tokenset" not in detail:
            actor.outside_since = clock.now()
        if place == SEND and clock.now() - actor.outside_since > HOLE:
            self.holes += 1
            self._kill(actor, "stopped too long before its send")
        return trouble

    @property
    def is_down(self) -> bool:
        """Whether the ledger answers nobody just now."""
        return self.troubled and clock.now() < self._down_until

    def ring(self, task: str, **arguments: Any) -> None:
        """The bell: some rings are lost, some come twice. Rings for other rooms of the house go unheard."""
        if not task.startswith(("ledger_sync.", "billing.")) or task == NIGHTLY:
            return
        times = 1
        for trouble in self._due(RING, "", task):
            self.fired[trouble.kind] += 1
            times = 0 if trouble.kind == "ring_lost" else 2
        self.rings += [(task, arguments)] * times

    def sleep(self, seconds: float) -> None:
        """A process that sleeps lets the others work."""
        if self.acting is None:
            clock.advance(seconds=seconds)
            return
        self.acting.wakes_at = clock.now() + timedelta(seconds=seconds)
        self._scheduler.switch()

    def tell(self, who: str, place: str, detail: str = "") -> None:
        """Write one line of the history."""
        self.log.append(f"{clock.now():%H:%M:%S.%f} {who:<14} {place} {detail}")

    def digest(self) -> str:
        """The whole history as one number, for comparing replays."""
        return hashlib.sha256("\n".join(self.log).encode()).hexdigest()

    # Troubles

    def notice_troubles(self, place: str) -> list[Trouble]:
        """What happens to the notice that is on its way now."""
        found = self._due(place, "web", "")
        self.fired.update(trouble.kind for trouble in found)
        return found

    def _due(self, place: str, role: str, detail: str) -> list[Trouble]:
        due = []
        for index, trouble in list(self._waiting) if self.troubled else []:
            if trouble.fits(place, role, detail):
                self._seen[index] = self._seen.get(index, 0) + 1
                if self._seen[index] > trouble.nth:
                    self._waiting.remove((index, trouble))
                    due.append(trouble)
        return due

    def _strike(self, actor: Actor, place: str, detail: str) -> Trouble | None:
        spoiled: Trouble | None = None
        for trouble in self._due(place, actor.role, detail):
            self.fired[trouble.kind] += 1
            self.tell("trouble", trouble.kind, actor.name)
            if trouble.kind.startswith(("kill_", "stripe_killed_")):
                self._kill(actor, trouble.kind)
            elif trouble.kind in _SUSPENDING:
                actor.wakes_at = clock.now() + timedelta(seconds=trouble.seconds)
            elif trouble.kind == "clock_jump":
                clock.advance(seconds=trouble.seconds)
            elif trouble.kind == "token_race":
                self._outside(self.expire_tokens)
            elif trouble.kind == "down":
                self._down_until = clock.now() + timedelta(seconds=trouble.seconds)
            else:
                spoiled = trouble
        if self.is_down and NOBODY_ANSWERS.fits(place, actor.role, detail):
            return NOBODY_ANSWERS
        return spoiled

    def _outside(self, work: Callable[[], None]) -> None:
        """Do something that no process does, on a connection nobody watches."""
        before, connections["default"] = connections["default"], self._home
        try:
            work()
        finally:
            connections["default"] = before

    def _kill(self, actor: Actor, why: str) -> None:
        self.tell(actor.name, "dies", why)
        self.killed += 1
        actor.dead = True
        raise Killed

    # Processes

    def start(self, role: str, what: str, work: Callable[[], object]) -> Actor:
        """Start a process."""
        self._count[role] += 1
        name = f"{role} {self._count[role]}"

        def life() -> None:
            try:
                work()
            except Killed:
                return
            except Exception as error:
                self.tell(name, "crashes", repr(error))
                self.crashes.append(f"{name} ({what}) crashed: {error!r}\n{traceback.format_exc()}")

        connection = self._idle.pop() if self._idle else Watched(self.path, self.boundary)
        actor = Actor(name, role, greenlet.greenlet(life), connection, clock.now(), clock.now())
        self.actors.append(actor)
        self.tell(name, "starts", what)
        return actor

    def is_free(self, role: str) -> bool:
        """Whether there is a process left for a role."""
        return sum(actor.role == role for actor in self.actors) < SLOTS.get(role, 9)

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        """Do something outside any process after a while."""
        self._count["later"] += 1
        heapq.heappush(self._later, (clock.now() + timedelta(seconds=seconds), self._count["later"], work))

    def step(self) -> bool:
        """Do what is due and let one ready process go on. False when everybody waits for the clock."""
        while self._later and self._later[0][0] <= clock.now():
            heapq.heappop(self._later)[2]()
        ready = [actor for actor in self.actors if actor.wakes_at <= clock.now()]
        if not ready:
            return False
        self._resume(self.chance.choice(ready))
        return True

    def next_moment(self) -> datetime | None:
        """When somebody who waits now goes on."""
        moments = [actor.wakes_at for actor in self.actors]
        if self._later:
            moments.append(self._later[0][0])
        return min(moments, default=None)

    def run_alone(self, role: str, what: str, work: Callable[[], object]) -> None:
        """Run one process to its end with nobody else about."""
        actor = self.start(role, what, work)
        while actor in self.actors:
            if actor.wakes_at > clock.now():
                clock.move(actor.wakes_at)
            self._resume(actor)

    def close(self) -> None:
        """Close every connection and give the thread its own back."""
        for connection in [*self._idle, *(actor.connection for actor in self.actors)]:
            connection.close()
        connections["default"] = self._home

    def _resume(self, actor: Actor) -> None:
        self.acting = actor
        connections["default"] = actor.connection
        actor.task.switch()
        self.acting = None
        connections["default"] = self._home
        if not actor.task.dead:
            return
        self.actors.remove(actor)
        if actor.dead:
            actor.connection.close()
        else:
            self._idle.append(actor.connection)

    def _hand_over(self) -> None:
        self._scheduler.switch()
