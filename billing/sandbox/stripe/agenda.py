"""What is to be done later, soonest first: kept in the store, so that a restart loses none of it."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from practice.core.sandbox.store import Store

_TABLE = "_job"


@dataclass(frozen=True)
class Job:
    """One thing to do, in one account, at one moment."""

    key: str
    due: datetime
    account: str
    action: str
    arguments: dict[str, Any]


class Agenda:
    """Jobs by the moment they fall due.

    The heap is a guide, the store is the truth: a key that a rolled back transaction left behind is passed over, and
    a job stays in the heap until it has really been done.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._heap = [(job["due"], key) for key, job in store.table(_TABLE).items()]
        heapq.heapify(self._heap)

    def add(self, account: str, due: datetime, action: str, arguments: dict[str, Any]) -> None:
        """Write one job down; jobs of one moment keep their order."""
        moment = due.astimezone(UTC).isoformat(timespec="microseconds")
        key = f"{moment} {self.store.next_id('_job_number'):012d}"
        self.store.put(_TABLE, key, {"account": account, "due": moment, "action": action, "arguments": arguments})
        heapq.heappush(self._heap, (moment, key))

    def drop(self, account: str, action: str, arguments: dict[str, Any]) -> None:
        """Strike out every job that is exactly this."""
        for key, job in list(self.store.table(_TABLE).items()):
            if (job["account"], job["action"], job["arguments"]) == (account, action, arguments):
                self.store.drop(_TABLE, key)

    def next(self, now: datetime) -> Job | None:
        """The first job that is due, still on the list."""
        jobs = self.store.table(_TABLE)
        while self._heap and self._heap[0][1] not in jobs:
            heapq.heappop(self._heap)
        if not self._heap:
            return None
        key = self._heap[0][1]
        job = jobs[key]
        due = datetime.fromisoformat(job["due"])
        return Job(key, due, job["account"], job["action"], job["arguments"]) if due <= now else None

    def strike(self, key: str) -> None:
        """Take a job off the list, inside the transaction that does it."""
        self.store.drop(_TABLE, key)
