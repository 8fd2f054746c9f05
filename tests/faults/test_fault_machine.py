"""The fault machine itself: histories agree, replay exactly, notice what is broken, and can be made short."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connections, transaction

from ledger_sync.faultmachine import mutants
from ledger_sync.faultmachine.database import Killed, Watched
from ledger_sync.faultmachine.deeds import Deeds
from ledger_sync.faultmachine.histories import play
from ledger_sync.faultmachine.plans import ACTS, KINDS, Act, Plan, Trouble, firm_plan_of, plan_of
from ledger_sync.faultmachine.runs import Tally, first_caught
from ledger_sync.faultmachine.shortening import shorten
from ledger_sync.faultmachine.world import World
from practice.core import wake
from practice.core.models import Heartbeat

SEEDS = range(1, 21)


@pytest.fixture(scope="module")
def world(django_db_blocker: Any) -> Iterator[World]:
    """One template for every history of this file; the suite's own database is not touched."""
    with django_db_blocker.unblock(), World() as ours:
        yield ours


@pytest.fixture(scope="module")
def tally(world: World) -> Tally:
    """A few seeds; hundreds of others run with ``make faults``."""
    tally = Tally()
    for seed in SEEDS:
        outcome = play(world, plan_of(seed))
        assert outcome.findings == [], f"seed {seed}"
        tally.add(outcome)
    return tally


def test_both_books_agree_after_every_history(tally: Tally) -> None:
    assert tally.found.total() == 0
    assert tally.killed > 0
    assert tally.fired.total() > len(SEEDS)
    assert tally.line.startswith(
        f"seeds={len(SEEDS)} faults={tally.fired.total()} lost=0 duplicated=0 diverged=0 stuck=0 "
    )
    assert tally.line.endswith(f"calls={tally.calls} boundaries={tally.boundaries} killed={tally.killed} firm=0")


def test_a_seed_replays_exactly(world: World) -> None:
    first, second = (play(world, plan_of(9)) for _ in range(2))
    assert first.log == second.log
    assert first.digest == second.digest
    assert play(world, plan_of(10)).digest != first.digest


def test_every_kind_of_act_and_trouble_comes_up_in_the_first_hundred_seeds() -> None:
    plans = [plan_of(seed) for seed in range(1, 101)]
    assert {act.name for plan in plans for act in plan.acts} == set(ACTS)
    assert {trouble.kind for plan in plans for trouble in plan.troubles} == set(KINDS)


FOUND = {
    "a try-later comes to light after somebody else sent the call again": Plan(
        5,
        (Act("agree", 0, 0.0), Act("pay", 1, 20.0), Act("pay", 2, 23.0)),
        (
            Trouble("minute_limit", "push", 2),
            Trouble("suspended_after", "push", 2, 130.0),
            Trouble("response_lost", "push", 3),
        ),
    ),
    "a refusal of what is no longer wanted holds up what is": Plan(
        1,
        (
            Act("agree", 0, 0.0),
            Act("pay", 1, 10.0),
            Act("return_payment", 2, 20.0),
            Act("books_void", 3, 25.0),
            Act("pay", 4, 120.0),
        ),
        (Trouble("reset", "push", 2),),
    ),
}

FOUND["an undone payment waits for an invoice that was voided before QuickBooks ever had it"] = Plan(
    1,
    (Act("agree", 0, 0.0), Act("pay", 1, 2.0), Act("return_payment", 2, 4.0), Act("void", 3, 6.0)),
    (Trouble("down", "", 0, 300.0),),
    ledgers=("quickbooks",),
)


@pytest.mark.parametrize("story", FOUND)
def test_a_history_that_once_went_wrong(world: World, story: str) -> None:
    outcome = play(world, FOUND[story])
    assert outcome.findings == []
    assert outcome.fired.total() == len(FOUND[story].troubles)


UNANSWERED = Plan(
    3,
    (
        Act("agree", 0, 0.0),
        Act("pay", 3, 20.0),
        Act("change_phone", 4, 30.0),
        Act("agree", 5, 35.0),
        Act("books_recode", 6, 50.0),
    ),
    (
        Trouble("response_lost", "push", 2),
        Trouble("clock_jump", "sweep", 0, 400.0),
        Trouble("ring_doubled", "", 2),
        Trouble("notice_late", "", 1, 90.0),
    ),
)


def test_a_rule_switched_off_is_noticed_and_its_history_made_short(world: World) -> None:
    assert play(world, UNANSWERED).findings == []
    with next(mutant for mutant in mutants.MUTANTS if mutant.name == "look").off():
        failed = play(world, UNANSWERED)
        short = shorten(failed, partial(play, world))
    assert "duplicated" in failed.kinds
    assert short.findings
    assert [act.name for act in short.plan.acts] == ["agree", "pay"]
    assert [trouble.kind for trouble in short.plan.troubles] == ["response_lost", "clock_jump"]


@pytest.mark.parametrize("mutant", [m for m in mutants.MUTANTS if m.own], ids=lambda m: m.name)
def test_a_rule_that_seeds_rarely_meet_is_needed_in_its_own_history(world: World, mutant: mutants.Mutant) -> None:
    assert play(world, mutant.own).findings == []
    caught = first_caught(world, mutant, range(0))
    assert caught is not None
    expected = "duplicated" if mutant.name in ("lease", "deadline", "look_late") else "diverged"
    assert {finding.kind for finding in caught.findings} == {expected}


def test_the_judge_sees_what_the_bookkeeper_did_not_own_up_to(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(1, (Act("agree", 0, 0.0), Act("books_edit_line", 1, 5.0)), ())
    assert play(world, plan).findings == []
    monkeypatch.setattr(Deeds, "add", lambda *_: None)
    assert {finding.kind for finding in play(world, plan).findings} == {"diverged", "stuck"}


QUICKBOOKS = ("quickbooks",)


@pytest.mark.parametrize(
    ("acts", "unowned"),
    [
        ((Act("agree", 0, 0.0), Act("books_edit_line", 1, 5.0)), {"diverged", "stuck"}),
        ((Act("agree", 0, 0.0), Act("books_edit_email", 1, 20.0)), {"lost"}),
        ((Act("agree", 0, 0.0), Act("books_record_payment", 1, 20.0)), {"duplicated"}),
    ],
)
def test_the_judge_reads_quickbooks_books_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch, acts: tuple[Act, ...], unowned: set[str]
) -> None:
    plan = Plan(1, acts, (), ledgers=QUICKBOOKS)
    assert play(world, plan).findings == []
    monkeypatch.setattr(Deeds, "add", lambda *_: None)
    assert {finding.kind for finding in play(world, plan).findings} & unowned


def test_a_firm_keeps_books_at_both_vendors(world: World) -> None:
    outcome = play(world, firm_plan_of(10))
    assert outcome.findings == []
    sent = [line for line in outcome.log if " send P" in line]
    assert any("/api.xro/2.0/Invoices" in line for line in sent)
    assert any("/v3/company/" in line for line in sent)


def test_a_payment_that_never_reached_quickbooks_is_lost(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(1, (Act("agree", 0, 0.0), Act("pay", 1, 60.0)), (), ledgers=QUICKBOOKS)
    assert play(world, plan).findings == []
    monkeypatch.setattr("ledger_sync.recorders._owe_payment", lambda *_: None)
    assert {finding.kind for finding in play(world, plan).findings} == {"lost", "diverged"}


@pytest.mark.parametrize(
    ("place", "kept", "rung"), [("commit", False, 0), ("committed", True, 0), ("nowhere", True, 1)]
)
def test_a_process_killed_around_its_commit(world: World, place: str, kept: bool, rung: int) -> None:
    def boundary(at: str, _: str) -> None:
        if at == place:
            raise Killed

    stage = world.stage(1)
    home = connections["default"]
    bells: list[str] = []
    connections["default"] = dying = Watched(stage.path, boundary)
    try:
        with pytest.raises(Killed) if place != "nowhere" else _Calm(), transaction.atomic():
            Heartbeat.objects.create(name="dying", at="2026-11-20T00:00:00Z")
            transaction.on_commit(lambda: bells.append("rung"))
        dying.close()
        connections["default"] = Watched(stage.path)
        assert Heartbeat.objects.filter(name="dying").exists() is kept
        assert len(bells) == rung
    finally:
        connections["default"].close()
        connections["default"] = home


class _Calm:
    def __enter__(self) -> None:
        """Nothing is expected to happen."""

    def __exit__(self, *_: object) -> None:
        """Nothing happened."""


def test_the_machine_leaves_bell_and_clock_as_they_were(world: World, bell: Any) -> None:
    play(world, plan_of(2))
    assert wake.ring is bell
