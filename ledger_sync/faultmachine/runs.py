"""Runs of many seeds, replays of one, and the proof by mutants; what they print."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import django

from ledger_sync.faultmachine.findings import DIVERGED, DUPLICATED, LOST, STUCK
from ledger_sync.faultmachine.histories import Outcome, play
from ledger_sync.faultmachine.mutants import MUTANTS, Mutant
from ledger_sync.faultmachine.plans import KINDS, STRIPE_KINDS, Plan, firm_plan_of, plan_of
from ledger_sync.faultmachine.shortening import shorten
from ledger_sync.faultmachine.world import World

Say = Callable[[str], object]
#: With fewer seeds than this a kind of trouble may by chance not come up at all, and is not held against the run.
ENOUGH = 100
#: A firm's history for every so many of one ledger.
FIRM_EVERY = 10
#: Seeds that are played in one go, between two lines that say how far a run is.
STRETCH = 50


@dataclass
class Tally:
    """What many histories add up to."""

    seeds: int = 0
    firm: int = 0
    calls: int = 0
    boundaries: int = 0
    killed: int = 0
    found: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count one history."""
        self.seeds += not outcome.plan.is_firm
        self.firm += outcome.plan.is_firm
        self.calls += outcome.calls
        self.boundaries += outcome.boundaries
        self.killed += outcome.killed
        self.fired += outcome.fired
        self.found.update(finding.kind for finding in outcome.findings)

    def merge(self, other: Tally) -> None:
        """Count another process's histories."""
        self.seeds += other.seeds
        self.firm += other.firm
        self.calls += other.calls
        self.boundaries += other.boundaries
        self.killed += other.killed
        self.found += other.found
        self.fired += other.fired

    @property
    def silent(self) -> list[str]:
        """Kinds of trouble that never came up."""
        return [kind for kind in self.kinds if not self.fired[kind]]

    @property
    def kinds(self) -> list[str]:
        """Kinds of trouble that had to come up."""
        return [*KINDS, *(STRIPE_KINDS if self.firm else ())]

    @property
    def line(self) -> str:
        """The run in one line."""
        found = " ".join(f"{kind}={self.found[kind]}" for kind in (LOST, DUPLICATED, DIVERGED, STUCK))
        return (
            f"seeds={self.seeds} faults={self.fired.total()} {found} calls={self.calls} "
            f"boundaries={self.boundaries} killed={self.killed} firm={self.firm}"
        )


def run(*, seeds: int, first: int, jobs: int, say: Say) -> bool:
    """Play seeds, and a firm's for every ten of them; a failing one prints its history, in full and shortened.

    Returns whether all agreed.
    """
    tally, begun = Tally(), time.monotonic()
    every = range(first, first + seeds)
    length = max(1, min(STRETCH, -(-seeds // jobs)))
    stretches = [every[start : start + length] for start in range(0, seeds, length)]
    with _across(jobs) as pool:
        for stretch, (part, words) in zip(stretches, pool(_run_apart, stretches), strict=True):
            tally.merge(part)
            for text in words:
                say(text)
            wrong = part.found.total()
            minutes = (time.monotonic() - begun) / 60
            say(f"  to seed {stretch[-1]}: {f'{wrong} wrong' if wrong else 'nothing wrong'}, {minutes:.1f} min")
    silent = tally.silent if seeds >= ENOUGH else []
    for kind in tally.kinds:
        say(
            f"  {kind:<20} {tally.fired[kind]}"
            + ("   never happened: this run proves nothing about it" * (kind in silent))
        )
    say(tally.line)
    return not tally.found and not silent


def replay(seed: int, *, firm: bool, verbose: bool, say: Say) -> bool:
    """Play one seed, a kernel's or a firm's, and print it. Returns whether it agreed."""
    with _quiet_log(), World() as world:
        outcome = play(world, firm_plan_of(seed) if firm else plan_of(seed))
    tally = Tally()
    tally.add(outcome)
    _tell(outcome, say, history=verbose or bool(outcome.findings))
    say(f"digest {outcome.digest}")
    say(tally.line)
    return not outcome.findings


def prove(*, seeds: int, first: int, jobs: int, say: Say) -> bool:
    """Switch off one rule of the engine at a time, until a history catches it. Returns whether all were caught."""
    tried = partial(_try_mutant, seeds=range(first, first + seeds))
    missed = []
    with _across(jobs) as pool:
        for mutant, (caught, words) in zip(MUTANTS, pool(tried, range(len(MUTANTS))), strict=True):
            say(words)
            if not caught:
                missed.append(mutant.name)
    if missed:
        say("not caught: " + ", ".join(missed))
    say(f"mutants={len(MUTANTS) - len(missed)}/{len(MUTANTS)}")
    return not missed


def _try_mutant(index: int, *, seeds: range) -> tuple[bool, str]:
    mutant, begun = MUTANTS[index], time.monotonic()
    with _quiet_log(), World() as world:
        outcome = first_caught(world, mutant, seeds)
    took = f"{time.monotonic() - begun:.0f} s"
    if outcome is None:
        return False, f"NOT CAUGHT {mutant.name}: {mutant.rule} ({len(seeds)} seeds, {took})"
    seed = outcome.plan.seed
    by = "a history of its own" if outcome.plan is mutant.own else f"seed {seed}, {seed - seeds.start + 1} tried"
    return True, f"caught {mutant.name} by {by} ({took}): {outcome.findings[0]}"


def first_caught(world: World, mutant: Mutant, seeds: range) -> Outcome | None:
    """The first history that goes wrong with a rule switched off, and goes well with it."""
    own = [mutant.own] if mutant.own else []
    for plan in chain(own, map(plan_of, seeds)):
        with mutant.off():
            outcome = play(world, plan)
        if outcome.findings and not play(world, plan).findings:
            return outcome
    return None


def _run_stretch(seeds: range, say: Say) -> Tally:
    tally, firms = Tally(), [seed for seed in seeds if seed % FIRM_EVERY == 0]
    with _quiet_log(), World() as world:
        for plan in chain(map(plan_of, seeds), map(firm_plan_of, firms)):
            outcome = play(world, plan)
            tally.add(outcome)
            if outcome.findings:
                firm = " --firm" * plan.is_firm
                say(f"seed {plan.seed} fails; all of it: manage.py faults --seed {plan.seed}{firm} --verbose")
                _tell(outcome, say, history=False)
                short = shorten(outcome, partial(play, world))
                say(f"seed {plan.seed} shortened:")
                _tell(short, say, history=True)
    return tally


def _tell(outcome: Outcome, say: Say, *, history: bool) -> None:
    _tell_plan(outcome.plan, say)
    if history:
        for line in outcome.log:
            say("    " + line[:220])
    for finding in outcome.findings:
        say(f"  {finding}")


def _tell_plan(plan: Plan, say: Say) -> None:
    say("  acts: " + ", ".join(f"{act.name} {act.nth} at {act.at:.0f} s" for act in plan.acts))
    troubles = (
        f"{t.kind} {t.role or 'anybody'} #{t.nth}" + f" {t.seconds:.0f} s" * bool(t.seconds) for t in plan.troubles
    )
    say("  troubles: " + ", ".join(troubles) + " (few calls a minute)" * plan.tight + " (tidy phones)" * plan.tidy)


def _run_apart(seeds: range) -> tuple[Tally, list[str]]:
    words: list[str] = []
    return _run_stretch(seeds, words.append), words


@contextmanager
def _across(jobs: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """A ``map`` over this process, or over as many others as are asked for; results come in the order of the work."""
    if jobs == 1:
        yield map
        return
    with multiprocessing.get_context("spawn").Pool(jobs, django.setup) as pool:
        yield pool.imap


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Thousands of failures that are meant would drown the one that is not."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
