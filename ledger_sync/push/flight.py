"""Calls under way: several at once over the network, one after the other where an application answers in this process.

A thread only sends and reads; rows are written by the worker that holds the lane, before a launch and after a landing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType

from django.db import connections, transaction

from ledger_sync.limits.lanes import Lease
from ledger_sync.models import Call
from ledger_sync.ports import Answer, Ledger, LedgerError, Result, Wire
from ledger_sync.push.planning import Written
from practice.core import clock, network

#: A send that was committed longer ago than this is not sent any more: somebody may be looking already.
SEND_WITHIN = timedelta(seconds=30)
#: Calls that went out together mostly land together. Planning for several at once costs half of planning for each: so
#: long, in seconds, the first is kept waiting for the others.
A_MOMENT = 0.03
#: A call that was written down longer ago than this is stamped anew before it goes out.
A_WHILE = timedelta(seconds=5)


class TooLate(Exception):
    """The call was written down so long ago that it is not sent: somebody may be looking for it already."""


@dataclass(frozen=True)
class Landed:
    """A call that is no longer under way: answered, or failed in one of the four ways, or never sent."""

    written: Written
    answer: Answer | None = None
    results: Sequence[Result] = ()
    error: LedgerError | TooLate | None = None

    @property
    def answered(self) -> Answer:
        """The answer of a call that did not fail."""
        assert self.answer is not None, "what did not fail was answered"
        return self.answer


class Flight:
    """The calls of one drain that are under way."""

    def __init__(self, ledger: Ledger, lease: Lease) -> None:
        self._ledger, self._lease = ledger, lease
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: dict[Future[Landed], Written] = {}
        self._waiting: deque[Written] = deque()
        self._failed: deque[Landed] = deque()

    def __enter__(self) -> Flight:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def __len__(self) -> int:
        return len(self._under_way) + len(self._waiting) + len(self._failed)

    def launch(self, written: Written) -> None:
        """Send a call that was written down."""
        if network.answers_in_process():
            self._waiting.append(written)
            return
        try:
            self._ledger.prepare()
        except LedgerError as error:
            self._failed.append(Landed(written, error=error))
            return
        self._pool = self._pool or ThreadPoolExecutor(thread_name_prefix="ledger")
        self._under_way[self._pool.submit(_on_a_thread, self._ledger, written)] = written

    def landed(self, within: float) -> list[Landed]:
        """The calls that have landed, waiting up to ``within`` seconds for the first and a moment for the others."""
        if self._failed:
            return [self._failed.popleft()]
        if self._waiting:
            waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
            return [send(self._ledger, self._now(written)) for written in waiting]
        if not self._under_way:
            return []
        done, late = wait(self._under_way, timeout=within, return_when=FIRST_COMPLETED)
        if done and late:
            done, _ = wait(self._under_way, timeout=A_MOMENT)
        for future in done:
            del self._under_way[future]
        return [future.result() for future in done]

    def _now(self, written: Written) -> Written:
        """A call that waited for the one before it counts as sent now: nobody else can have sent it under our lease."""
        call, now = written.call, clock.now()
        if call.last_sent_at is None or now < call.last_sent_at + A_WHILE:
            return written
        with transaction.atomic():
            self._lease.renew()
            rows = Call.objects.filter(pk=call.pk, closed_at__isnull=True, sends=1)
            if rows.update(first_sent_at=now, last_sent_at=now):
                call.first_sent_at = call.last_sent_at = now
        return written


def send(ledger: Ledger, written: Written) -> Landed:
    """Send one call and read what came back."""
    call = written.call
    if call.last_sent_at is None or clock.now() > call.last_sent_at + SEND_WITHIN:
        return Landed(written, error=TooLate())
    try:
        answer = ledger.send(Wire(call.operation, call.method, call.path, call.body), call.key)
        return Landed(written, answer, ledger.results(written.outgoings(), answer))
    except LedgerError as error:
        return Landed(written, error=error)


def _on_a_thread(ledger: Ledger, written: Written) -> Landed:
    try:
        return send(ledger, written)
    finally:
        # A token that had to be renewed was read on this thread's own connection.
        connections.close_all()
