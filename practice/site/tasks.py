"""The minute sweep: the guarantee behind every bell. Each package is asked once for what is due."""

from __future__ import annotations

import logging
from collections.abc import Callable

import billing.tasks
import ledger_sync.tasks
import practice.firm.tasks
from practice.core import audit, chain, clock, stopping
from practice.site import supervisor
from proposals import sending

log = logging.getLogger(__name__)


def sweep() -> None:
    """The worker's minute: a sign of life, then whatever a lost bell left undone."""
    supervisor.give_sign(swept=True)
    make_up()


def make_up() -> None:
    """Do whatever a lost bell left undone; a step that fails is logged and never stops the others.

    Asked to end, it leaves the rest to the next minute.
    """
    with audit.cause(system="schedule", actor="minute sweep"):
        for step in STEPS:
            if stopping.asked():
                return
            try:
                step()
            except Exception:
                log.exception("sweep: %s failed", getattr(step, "__qualname__", step))


def beat() -> None:
    """The worker's sign of life, written by a worker."""
    supervisor.give_sign()


def end_proposals() -> None:
    """End proposals whose last day has passed."""
    sending.end_expired(clock.now())


def seal() -> None:
    """Seal the audit rows written since the last minute."""
    chain.seal()


STEPS: tuple[Callable[[], object], ...] = (
    practice.firm.tasks.sweep_mail,
    end_proposals,
    billing.tasks.sweep,
    ledger_sync.tasks.sweep,
    seal,
)
