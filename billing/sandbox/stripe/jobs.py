"""What time alone brings: captures, settled debits, payouts, late returns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from billing.sandbox.stripe import charges, disputes, payment_intents, payouts, refunds
from billing.sandbox.stripe.books import Books
from practice.core.sandbox.store import Store

ACTIONS: dict[str, Callable[..., Any]] = {
    "charges.capture": charges.capture,
    "payment_intents.settle": payment_intents.settle,
    "refunds.proceed": refunds.proceed,
    "refunds.finish": refunds.finish,
    "refunds.fail": refunds.fail,
    "disputes.open": disputes.open,
    "disputes.decide": disputes.decide,
    "payouts.run": payouts.run,
    "payouts.reconcile": payouts.reconcile,
    "payouts.pay": payouts.pay,
}


def run_due(store: Store, now: datetime, books_at: Callable[[str, datetime], Books]) -> int:
    """Do everything that is due, in the order and at the moment it fell due. Returns how much that was.

    A clock that jumps a month therefore leaves the same history as one that walked through it.
    """
    done = 0
    while job := _next(store, now):
        key, due, account, action, arguments = job
        with store.transaction():
            store.drop("_job", key)
            ACTIONS[action](books_at(account, due), **arguments)
        done += 1
    return done


def _next(store: Store, now: datetime) -> tuple[str, datetime, str, str, dict[str, Any]] | None:
    with store.lock:
        jobs = store.table("_job")
        if not jobs:
            return None
        key = min(jobs, key=lambda each: (jobs[each]["due"], each))
        job = jobs[key]
    due = datetime.fromisoformat(job["due"])
    return (key, due, job["account"], job["action"], job["arguments"]) if due <= now else None
