"""What may happen to processes, and how often: each kind at least once, then by its weight."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from ledger_sync.limits.lanes import LEASE
from practice.site.chaos.crew import Crew

#: Seconds somebody stands still who holds a lease, until well after it ran out.
PAST_THE_LEASE = LEASE.total_seconds() + 5
#: Kinds that end a process, and how often each is chosen.
KILLS = {
    "kill_worker": 30, "kill_guard": 3, "kill_cluster": 3, "kill_supervisor": 3, "kill_web": 8, "kill_person": 6,
}  # fmt: skip
#: Kinds that stop one for a while.
STOPS = {"pause": 60, "stop_worker": 4, "stop_supervisor": 1, "stop_web": 2}
#: What happens without our choosing the moment: to a process after a commit, and to calls at the ledger.
BY_CHANCE = ("died_after_commit", "unavailable_html", "response_lost")


@dataclass
class Harm:
    """Chooses who is hurt and how, and counts it."""

    crew: Crew
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._weights = {**KILLS, **STOPS}
        # The long ones first, so that a short run sees them end as well.
        self._first = sorted(self._weights, key=lambda kind: self._weights[kind], reverse=True)

    def strike(self) -> str:
        """Hurt somebody. Returns how, or "" when nobody fitting was there just then."""
        kind = self._first[-1] if self._first else self._choose()
        doing: dict[str, Callable[[], bool]] = {
            "kill_worker": lambda: self._kill(self._of_cluster()),
            "kill_guard": lambda: self._kill(self._guard()),
            "kill_cluster": lambda: self._kill(self._leader()),
            "kill_supervisor": lambda: self._kill(self.crew.pid_of(self._name("worker"))),
            "kill_web": lambda: self._kill(self._web()),
            "kill_person": lambda: self._kill(self.crew.pid_of(self._name("person"))),
            "pause": lambda: self._stop(self._anybody(), self.chance.uniform(0.2, 3)),
            "stop_worker": lambda: self._stop(self._of_cluster(), PAST_THE_LEASE),
            "stop_supervisor": lambda: self._stop(self.crew.pid_of(self._name("worker")), PAST_THE_LEASE),
            "stop_web": lambda: self._stop(self._web(), 20),
        }
        if not doing[kind]():
            return ""
        if kind in self._first:
            self._first.remove(kind)
        self.done[kind] += 1
        return kind

    @property
    def silent(self) -> list[str]:
        """Kinds that never came up."""
        return [kind for kind in (*KILLS, *STOPS, *BY_CHANCE) if not self.done[kind]]

    def count(self, kinds: dict[str, int]) -> int:
        """How often any of these happened."""
        return sum(self.done[kind] for kind in kinds)

    def _choose(self) -> str:
        return self.chance.choices(list(self._weights), list(self._weights.values()))[0]

    def _kill(self, pid: int | None) -> bool:
        return pid is not None and self.crew.kill(pid)

    def _stop(self, pid: int | None, seconds: float) -> bool:
        return pid is not None and self.crew.stand_still(pid, seconds)

    def _name(self, role: str) -> str:
        return self.chance.choice([name for name in self.crew.names if name.startswith(role)])

    def _leader(self) -> int | None:
        return self.crew.cluster_of(self._name("worker"))[0]

    def _guard(self) -> int | None:
        return self.crew.cluster_of(self._name("worker"))[1]

    def _of_cluster(self) -> int | None:
        pids = self.crew.cluster_of(self._name("worker"))[2]
        return self.chance.choice(pids) if pids else None

    def _web(self) -> int | None:
        pids = self.crew.web_processes()
        return self.chance.choice(pids) if pids else None

    def _anybody(self) -> int | None:
        pick = self.chance.choice((self._of_cluster, self._of_cluster, self._web))
        return pick()
