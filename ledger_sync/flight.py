"""Calls under way: several at once over the network, one after the other where an application answers in this process.

A thread only sends and reads; rows are written by the worker that holds the lane, before the launch and after the landing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType

from django.db import connections

from ledger_sync.planning import Written
from ledger_sync.ports import Answer, Ledger, LedgerError, Result, Wire
from practice.core import clock, network

#: A send that was committed longer ago than this is not sent any more: somebody may be looking already.
SEND_WITHIN = timedelta(seconds=30)


class TooLate(Exception):
    """The call was written down so long ago that it is not sent: somebody may be looking for it already."""


@dataclass(frozen=True)
class Landed:
    """A call that is no longer under way: answered, or failed in one of the four ways, or never sent."""

    written: Written
    answer: Answer | None = None
    results: Sequence[Result] = ()
    error: LedgerError | TooLate | None = None


class Flight:
    """The calls of one drain that are under way."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._pool: ThreadPoolExecutor | None = None
        self._under_way: dict[Future[Landed], Written] = {}
        self._waiting: deque[Written] = deque()

    def __enter__(self) -> Flight:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def __len__(self) -> int:
        return len(self._under_way) + len(self._waiting)

    def launch(self, written: Written) -> None:
        """Send a call that was written down."""
        if network.answers_in_process():
            self._waiting.append(written)
            return
        self._pool = self._pool or ThreadPoolExecutor(thread_name_prefix="ledger")
        self._under_way[self._pool.submit(_on_a_thread, self._ledger, written)] = written

    def landed(self, within: float) -> list[Landed]:
        """The calls that have landed, waiting up to ``within`` seconds for the first."""
        if self._waiting:
            return [send(self._ledger, self._waiting.popleft())]
        done, _ = wait(self._under_way, timeout=within, return_when=FIRST_COMPLETED)
        for future in done:
            del self._under_way[future]
        return [future.result() for future in done]


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
