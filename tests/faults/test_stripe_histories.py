"""A firm's histories with Stripe: money is really taken, the judge notices what is missing, and a seed replays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from billing import movements, stripe_events
from ledger_sync.faultmachine.histories import Outcome, play
from ledger_sync.faultmachine.plans import STRIPE_ACTS, STRIPE_KINDS, Act, Plan, Trouble, firm_plan_of, plan_of
from ledger_sync.faultmachine.world import World
from ledger_sync.rendering import documents

FIRM = ("xero", "quickbooks")
#: A client with a saved card is charged for what they signed; then Stripe pays out.
CHARGED = Plan(1, (Act("card_client", 104, 0.0), Act("stripe_pay_out", 101, 200.0)), (), ledgers=FIRM)


@pytest.fixture(scope="module")
def world(django_db_blocker: Any) -> Iterator[World]:
    """One template for every history of this file; the suite's own database is not touched."""
    with django_db_blocker.unblock(), World() as ours:
        yield ours


def kinds(outcome: Outcome) -> set[str]:
    return {finding.kind for finding in outcome.findings}


def test_a_saved_card_is_charged_by_the_sweep_and_the_money_reaches_the_bank(world: World) -> None:
    outcome = play(world, CHARGED)
    assert outcome.findings == []
    assert sum("POST /v1/payment_intents/" in line and " send " in line for line in outcome.log) == 1
    assert any("stripe_pay_out" in line for line in outcome.log)
    assert play(world, CHARGED).digest == outcome.digest


@pytest.mark.parametrize(
    "lost", [("stripe_notice_lost", "stripe_notice_doubled"), ("stripe_lost",), ("stripe_killed_after",)]
)
def test_the_money_is_found_whatever_is_lost_on_the_way(world: World, lost: tuple[str, ...]) -> None:
    troubles = tuple(Trouble(kind, "", nth) for kind in lost for nth in (2, 3))
    outcome = play(world, Plan(1, CHARGED.acts, troubles, ledgers=FIRM))
    assert outcome.findings == []
    assert outcome.fired.total() == len(troubles)


def test_the_judge_misses_what_stripe_moved_and_nobody_fetched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movements, "store", lambda *_: 0)
    assert "lost" in kinds(play(world, CHARGED))


def test_the_judge_misses_a_charge_that_nobody_wrote_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_events, "catch_up", lambda _: 0)
    monkeypatch.setattr("billing.attempts.apply_intent", lambda **_: None)
    assert {"lost", "stuck"} <= kinds(play(world, CHARGED))


def test_the_judge_misses_a_transfer_in_the_ledger(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(documents._BUILDERS, "payout", lambda *_: None)
    assert {"lost", "diverged"} <= kinds(play(world, CHARGED))


def test_every_act_and_trouble_around_stripe_comes_up_in_the_first_fifty_firms() -> None:
    plans = [firm_plan_of(seed) for seed in range(1, 51)]
    assert {act.name for plan in plans for act in plan.acts} >= set(STRIPE_ACTS)
    assert {trouble.kind for plan in plans for trouble in plan.troubles} >= set(STRIPE_KINDS)
    kernel = {act.name for seed in range(1, 51) for act in plan_of(seed).acts}
    assert not kernel & set(STRIPE_ACTS)
