"""What time alone brings: captures, settled debits, payouts, late returns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from billing.sandbox.stripe import charges, confirming, disputes, payouts, refunds
from billing.sandbox.stripe.agenda import Agenda
from billing.sandbox.stripe.books import Books

ACTIONS: dict[str, Callable[..., Any]] = {
    "charges.capture": charges.capture,
    "payment_intents.settle": confirming.settle,
    "payment_intents.expire": confirming.expire,
    "refunds.proceed": refunds.proceed,
    "refunds.finish": refunds.finish,
    "refunds.fail": refunds.fail,
    "disputes.open": disputes.open,
    "disputes.decide": disputes.decide,
    "disputes.escalate": disputes.escalate,
    "disputes.lapse": disputes.lapse,
    "payouts.run": payouts.run,
    "payouts.reconcile": payouts.reconcile,
    "payouts.pay": payouts.pay,
}


def run_due(agenda: Agenda, now: datetime, books_at: Callable[[str, datetime], Books]) -> int:
    """Do everything that is due, in the order and at the moment it fell due. Returns how much that was.

    A clock that jumps a month therefore leaves the same history as one that walked through it.
    """
    done = 0
    while job := agenda.next(now):
        with agenda.store.transaction():
            agenda.strike(job.key)
            ACTIONS[job.action](books_at(job.account, job.due), **job.arguments)
        done += 1
    return done
