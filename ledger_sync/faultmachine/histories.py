"""Playing one history: the acts with their troubles, then a quiet hour, then the judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string

from ledger_sync import pulling, remedies, tasks
from ledger_sync.faultmachine import bookkeeping, oracle, oracle_tables, people
from ledger_sync.faultmachine.database import Watched
from ledger_sync.faultmachine.machine import Machine
from ledger_sync.faultmachine.notices import Post
from ledger_sync.faultmachine.oracle import Finding
from ledger_sync.faultmachine.plans import Act, Plan
from ledger_sync.faultmachine.wire import Line
from ledger_sync.faultmachine.world import Stage, World, swapped, tight_budget
from ledger_sync.models import Call, Link, Snag, TokenSet
from practice.core import clock, network, owed, wake

#: After its last act a history goes on, under troubles, for as long as something is owed, but no longer than this.
TAIL = timedelta(minutes=9)
#: And for this long in any case, so that a sweep, too, may come to grief.
AFTERGLOW = timedelta(minutes=2)
MINUTE = timedelta(minutes=1)
#: How often the quiet phase sweeps: each minute at first, later each ten, as long as a lane may be blocked.
QUIET = (60,) * 16 + (600,) * 12
#: Causes that are gone once the bookkeeper has tidied up: people press "send again".
CURABLE = ("account_archived", "coded_archived", "locked", "mapping_missing")
#: Tasks by the role of the process that runs them.
ROLES = {"push": "push", "pull": "pull", "sweep_connection": "pull", "work_delivery": "work"}


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
        lines = [Line(machine, books) for books in stage.books]
        with ExitStack() as stack:
            stack.callback(machine.close)
            stack.enter_context(swapped(owed, chance=Random(f"keys {plan.seed}")))
            stack.enter_context(swapped(wake, ring=machine.ring))
            stack.enter_context(swapped(clock, sleep=machine.sleep))
            stack.enter_context(swapped(settings, **stage.settings))
            stack.enter_context(network.answer_in_process({line.books.firm.host: line for line in lines}))
            stack.enter_context(tight_budget(plan.tight))
            history = _History(stage, machine, plan)
            history.live()
            history.quiet_down()
            findings = history.verdict(lines)
    calls = sum(line.calls for line in lines)
    return Outcome(
        plan, findings, machine.digest(), calls, machine.boundaries, machine.killed, machine.fired, machine.log
    )


class _History:
    def __init__(self, stage: Stage, machine: Machine, plan: Plan) -> None:
        self.stage = stage
        self.machine = machine
        self.posts = [Post(machine, books) for books in stage.books]
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
                self.machine.start("sweep", "minute sweep", tasks.sweep)
        for post in self.posts:
            if post.is_waiting and self.machine.is_free("web"):
                self.machine.start("web", "notices", post.pump)
        self._answer_rings()

    def _begin(self, act: Act) -> None:
        if bookkeeping.is_theirs(act):
            self.machine.tell("bookkeeper", act.name, str(act.nth))
            bookkeeping.do(self.stage, act)
        else:
            self.machine.start("person", f"{act.name} {act.nth}", partial(people.do, self.stage, act))

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

    # The quiet hour

    def quiet_down(self) -> None:
        """No more troubles: the bookkeeper tidies up, people send again what waited for that, and the sweep goes on."""
        self.machine.troubled = False
        self.machine.tell("machine", "quiet")
        for books in self.stage.books:
            bookkeeping.tidy_up(books)
        for seconds in QUIET:
            self._round()
            if not self._owes():
                break
            clock.advance(seconds=seconds)
        clock.advance(hours=1)
        self._round()
        clock.advance(minutes=11)
        self._round()

    def _round(self) -> None:
        alone = self.machine.run_alone
        for post in self.posts:
            alone("web", "notices", post.pump)
            alone("web", "held notices", post.flush)
        alone("sweep", "minute sweep", tasks.sweep)
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

    def verdict(self, lines: list[Line]) -> list[Finding]:
        """Ask the judge about each ledger, and add the books' final state to the history."""
        findings = []
        for line, post in zip(lines, self.posts, strict=True):
            books = line.books
            tables = oracle_tables.tables_of(books.firm.provider, books.sandbox.dump())
            for kind in ("Contacts", "Invoices", "Payments"):
                for row in tables[kind]:
                    self.machine.tell("books", kind, str(sorted(row.items())))
            case = oracle.Case(
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
            findings += oracle.judge(case)
        return sorted(set(findings), key=oracle.worst_first)


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
