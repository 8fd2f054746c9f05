"""Making a failing history short: acts and troubles are left out while the same still goes wrong without them."""

from __future__ import annotations

import time
from collections.abc import Callable

from ledger_sync.faultmachine.histories import Outcome
from ledger_sync.faultmachine.plans import Plan

#: Real seconds that may go into it.
PATIENCE = 60.0


def shorten(failed: Outcome, play: Callable[[Plan], Outcome], patience: float = PATIENCE) -> Outcome:
    """The shortest history found in time in which one of the same kinds of finding comes up."""
    until = time.monotonic() + patience
    best = failed
    smaller = True
    while smaller and time.monotonic() < until:
        smaller = False
        for plan in _leaving_out(best.plan):
            if time.monotonic() >= until:
                break
            outcome = play(plan)
            if outcome.kinds & failed.kinds:
                best, smaller = outcome, True
                break
    return best


def _leaving_out(plan: Plan) -> list[Plan]:
    """The plan with a part left out: halves of its troubles and acts first, single ones after that."""
    plans = []
    if len(plan.troubles) > 2:
        half = len(plan.troubles) // 2
        plans += [plan.without(troubles=plan.troubles[:half]), plan.without(troubles=plan.troubles[half:])]
    if len(plan.acts) > 4:
        plans += [plan.without(acts=plan.acts[len(plan.acts) // 2 :])]
    plans += [plan.without(troubles=(trouble,)) for trouble in plan.troubles]
    plans += [plan.without(acts=(act,)) for act in reversed(plan.acts)]
    return plans
