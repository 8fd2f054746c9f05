"""Playing one history: the acts with their troubles, then a quiet hour, then the judge."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string

import billing.tasks
from ledger_sync import remedies, tasks
from ledger_sync.faultmachine import (
    bookkeeping,
    cases,
    findings,
    oracle,
    oracle_clearing,
    oracle_stripe,
    oracle_tables,
    people,
    stripe_deeds,
    stripe_people,
)
from ledger_sync.faultmachine.database import Watched
from ledger_sync.faultmachine.findings import Finding
from ledger_sync.faultmachine.machine import Machine
from ledger_sync.faultmachine.notices import Post
from ledger_sync.faultmachine.oracle_postings import postings_of
from ledger_sync.faultmachine.plans import Act, Plan
from ledger_sync.faultmachine.stripe_line import StripeLine, StripePost
from ledger_sync.faultmachine.stripe_world import HOST
from ledger_sync.faultmachine.wire import LedgerLine
from ledger_sync.faultmachine.world import Books, Stage, World, swapped, tight_budget
from ledger_sync.models import Call, Hint, Link, Snag, TokenSet
from ledger_sync.pull import pulling
from practice.core import clock, network, owed, wake
from practice.core.sandbox.http import Application

#: After its last act a history goes on, under troubles, for as long as something is owed, but no longer than this.
TAIL = timedelta(minutes=9)
#: And for this long in any case, so that a sweep, too, may come to grief.
AFTERGLOW = timedelta(minutes=2)
MINUTE = timedelta(minutes=1)
#: How often the quiet phase sweeps: each minute at first, later each ten, as long as a lane may be blocked.
QUIET = (60,) * 16 + (600,) * 12
#: After that; and where Stripe's money has days to go until debits settle, fee days close and payouts arrive.
QUIET_HOUR = (timedelta(hours=1), timedelta(minutes=11))
QUIET_DAYS = (timedelta(days=1), timedelta(days=4), timedelta(minutes=11))
#: Causes that are gone once the bookkeeper has tidied up: people press "send again".
CURABLE = ("account_archived", "coded_archived", "locked", "mapping_missing")
#: Tasks by the role of the process that runs them.
ROLES = {
    "push": "push",
    "pull": "pull",
    "sweep_connection": "pull",
    "work_delivery": "work",
    "work_event": "money",
}


@dataclass
class Outcome:
    """How one history went."""

    plan: Plan
    findings: list[Finding]
    digest: str
    calls: int
    boundaries: int
    killed: int
    fired: Counter[str] = field(default_factory=Counter)
    log: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of what was found."""
        return frozenset(finding.kind for finding in self.findings)


def play(world: World, plan: Plan) -> Outcome:
    """Play one plan from its beginning to the verdict. Equal plans give equal outcomes."""
    stage = world.stage(plan.seed, ledgers=plan.ledgers, tight=plan.tight, tidy=plan.tidy)
    with _at_home(stage), clock.at(clock.now()):
        machine = Machine(plan, stage.path, expire_tokens=_expire_tokens)
        lines = [LedgerLine(machine, books) for books in stage.books]
        hosts: dict[str, Application] = {line.books.firm.host: line for line in lines}
        till = StripeLine(machine, stage.till) if stage.till is not None else None
        if till is not None:
            hosts[HOST] = till
        with ExitStack() as stack:
            stack.callback(machine.close)
            stack.enter_context(swapped(owed, chance=Random(f"keys {plan.seed}")))
            stack.enter_context(swapped(wake, ring=machine.ring))
            stack.enter_context(swapped(clock, sleep=machine.sleep))
            stack.enter_context(swapped(settings, **stage.settings))
            stack.enter_context(network.answer_in_process(hosts))
            stack.enter_context(tight_budget(plan.tight))
            stack.enter_context(swapped(uuid, uuid4=_keys_of(plan)))
            history = _History(stage, machine, plan)
            history.live()
            history.quiet_down()
            findings = history.verdict(lines, till)
    calls = sum(line.calls for line in lines) + (till.calls if till is not None else 0)
    return Outcome(
        plan, findings, machine.digest(), calls, machine.boundaries, machine.killed, machine.fired, machine.log
    )


class _History:
    def __init__(self, stage: Stage, machine: Machine, plan: Plan) -> None:
        self.stage = stage
        self.machine = machine
        self.books_posts = [Post(machine, books) for books in stage.books]
        self.till_post = StripePost(machine, stage.till) if stage.till is not None else None
        self.posts: list[Post] = [*self.books_posts, *([self.till_post] if self.till_post is not None else [])]
        self.begun = clock.now()
        self.acts = sorted(plan.acts, key=lambda act: act.at, reverse=True)
        self.sweep_at = self.begun + MINUTE
        #: Since when nobody has anything left to do.
        self.quiet_since: datetime | None = None
        for post in self.posts:
            machine.run_alone("web", "handshake", post.pump)

    # The history

    def live(self) -> None:
        """Everything until nothing is owed and the ledger is there again, or the tail is over."""
        while True:
            self._begin_what_is_due()
            if self.machine.step():
                continue
            moment = self._next_moment()
            if moment is None:
                return
            clock.move(max(moment, clock.now()))

    def _begin_what_is_due(self) -> None:
        now = clock.now()
        while self.acts and self._when(self.acts[-1]) <= now:
            self._begin(self.acts.pop())
        if self.sweep_at <= now:
            self.sweep_at = now + MINUTE
            if self.machine.is_free("sweep"):
                self.machine.start("sweep", "minute sweep", self._sweep)
        for post in self.posts:
            if post.is_waiting and self.machine.is_free("web"):
                self.machine.start("web", "notices", post.pump)
        self._answer_rings()

    def _sweep(self) -> None:
        if self.till_post is not None:
            billing.tasks.sweep()
        tasks.sweep()

    def _begin(self, act: Act) -> None:
        if act.name == "days_pass":
            self._let_days_pass(act)
        elif act.name in stripe_deeds.DOINGS:
            self.machine.tell("at stripe", act.name, str(act.nth))
            stripe_deeds.do(self.stage, act)
        elif act.name in stripe_people.DOINGS:
            self.machine.start("person", f"{act.name} {act.nth}", partial(stripe_people.do, self.stage, act))
        elif bookkeeping.is_theirs(act):
            self.machine.tell("bookkeeper", act.name, str(act.nth))
            bookkeeping.do(self.stage, act)
        else:
            self.machine.start("person", f"{act.name} {act.nth}", partial(people.do, self.stage, act))

    def _let_days_pass(self, act: Act) -> None:
        """Nobody is at work, and the machines are off: over a night, or a weekend. The acts that follow come after.

        Not while the answer to a renewal of Xero's tokens is lost: the old one is good for half an hour, and after that
        people have to connect anew.
        """
        if self._has_lost_tokens():
            soon = (clock.now() - self.begun + MINUTE).total_seconds()
            self.acts.append(replace(act, at=soon))
            self.acts.sort(key=lambda each: each.at, reverse=True)
            return
        gap = timedelta(hours=Random(f"days {act.nth}").choice((14, 26, 26, 62)))
        self.machine.tell("machine", "days pass", str(gap))
        clock.advance(seconds=gap.total_seconds())
        self.begun += gap
        self.sweep_at = clock.now()

    def _answer_rings(self) -> None:
        for ring in list(self.machine.rings):
            task, arguments = ring
            role = ROLES[task.rpartition(".")[2]]
            if self.machine.is_free(role):
                self.machine.rings.remove(ring)
                self.machine.start(role, task.rpartition(".")[2], partial(import_string(task), **arguments))

    def _when(self, act: Act) -> datetime:
        return self.begun + timedelta(seconds=act.at)

    def _next_moment(self) -> datetime | None:
        moment = self.machine.next_moment()
        moments = [] if moment is None else [moment]
        if self.acts:
            moments.append(self._when(self.acts[-1]))
        if not moments:
            self.quiet_since = self.quiet_since or clock.now()
            over = clock.now() - self.quiet_since
            if over > TAIL or (over > AFTERGLOW and not self._owes() and not self.machine.is_down):
                return None
        return min([*moments, self.sweep_at])

    def _owes(self) -> bool:
        return Link.objects.filter(owed_since__isnull=False, parked_at__isnull=True).exists() or (
            Call.objects.filter(closed_at__isnull=True).exists()
        )

    def _has_lost_tokens(self) -> bool:
        """Whether the answer to a renewal of Xero's tokens is lost: nobody may be off for long then."""
        return any(_has_lost_its_tokens(books) for books in self.stage.books)

    # The quiet hour

    def quiet_down(self) -> None:
        """No more troubles: the bookkeeper tidies up, people send again what waited for that, and the sweep goes on."""
        self.machine.troubled = False
        self.machine.tell("machine", "quiet")
        for books in self.stage.books:
            bookkeeping.tidy_up(books)
        for seconds in QUIET:
            self._round()
            if not (self._owes() or self._has_lost_tokens()):
                break
            clock.advance(seconds=seconds)
        for wait in QUIET_DAYS if self.till_post is not None else QUIET_HOUR:
            clock.advance(seconds=wait.total_seconds())
            self._round()
        if self.till_post is not None and (self._owes() or Hint.objects.filter(ready_at__isnull=False).exists()):
            # What the last days brought is told of by the ledgers once more.
            clock.advance(minutes=11)
            self._round()

    def _round(self) -> None:
        alone = self.machine.run_alone
        for post in self.posts:
            alone("web", "notices", post.pump)
            alone("web", "held notices", post.flush)
        alone("sweep", "minute sweep", self._sweep)
        self._drain_rings()
        if Snag.objects.filter(code__in=CURABLE, closed_at__isnull=True).exists():
            for books in self.stage.books:
                alone("pull", "sync now", partial(pulling.pull, books.connection_id, sweep=True, references=True))
            alone("person", "send again", self._send_again)
            self._drain_rings()

    def _send_again(self) -> None:
        for snag in Snag.objects.filter(code__in=CURABLE, closed_at__isnull=True).order_by("id"):
            remedies.apply_remedy(snag_id=snag.pk, remedy="retry")

    def _drain_rings(self) -> None:
        while self.machine.rings:
            task, arguments = self.machine.rings.pop(0)
            role = ROLES[task.rpartition(".")[2]]
            self.machine.run_alone(role, task, partial(import_string(task), **arguments))

    # The verdict

    def verdict(self, lines: list[LedgerLine], till: StripeLine | None) -> list[Finding]:
        """Ask the judge about each ledger, and add the books' final state to the history."""
        found = []
        for line, post in zip(lines, self.books_posts, strict=True):
            books = line.books
            tables = oracle_tables.tables_of(books.firm.provider, books.sandbox.dump())
            for kind in ("Contacts", "Invoices", "Payments", "CreditNotes", "Overpayments", "Uses"):
                for row in tables[kind]:
                    self.machine.tell("books", kind, str(sorted(row.items())))
            case = cases.Case(
                provider=books.firm.provider,
                entity_id=books.entity_id,
                connection_id=books.connection_id,
                ledger=tables,
                deeds=books.deeds,
                now=clock.now(),
                over_limit=line.over_limit,
                reused_keys=line.reused,
                let_in=len(post.let_in),
                crashes=self.machine.crashes,
            )
            found += oracle.judge(case)
            if till is not None and self.stage.till is not None:
                name, postings = (
                    self.stage.till.names[books.entity_id],
                    postings_of(case.provider, books.sandbox.dump()),
                )
                at_stripe = oracle_stripe.Till(case, name, till.sandbox.store)
                found += [*oracle_stripe.judge(at_stripe), *oracle_clearing.judge(case, postings, at_stripe.moved())]
        return sorted(set(found), key=findings.worst_first)


def _keys_of(plan: Plan) -> Callable[[], uuid.UUID]:
    """Every key of a history follows from its seed."""
    chance = Random(f"uuid {plan.seed}")
    return lambda: uuid.UUID(int=chance.getrandbits(128), version=4)


def _has_lost_its_tokens(books: Books) -> bool:
    """Whether the ledger gave out newer tokens than we have."""
    given = books.sandbox.store.table("_refresh")
    ours = (json.loads(row.secret)["refresh_token"] for row in TokenSet.objects.filter(provider="xero"))
    return any(given.get(token, {}).get("grace") for token in ours)


def _expire_tokens() -> None:
    """Both workers find their token spent at the same moment."""
    TokenSet.objects.update(expires_at=clock.now())


@contextmanager
def _at_home(stage: Stage) -> Iterator[None]:
    """The judge's and the scheduler's own connection to the history's database."""
    before = connections["default"]
    connections["default"] = Watched(stage.path)
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = before
