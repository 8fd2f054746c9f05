"""One run of chaos: people and bookkeeper act while processes die, then quiet, then the judge."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, close_old_connections
from django.db import connection as database

from ledger_sync.connection import connecting
from ledger_sync.faultmachine import bookkeeping, cases, oracle, oracle_tables
from ledger_sync.faultmachine.deeds import Deeds
from ledger_sync.faultmachine.findings import DIVERGED, DUPLICATED, LOST, STUCK, Finding, worst_first
from ledger_sync.faultmachine.plans import ACTS, Act
from ledger_sync.faultmachine.world import FIRMS, Books, Stage, found_entity, found_practice, reached_by
from ledger_sync.models import Call, Delivery, Hint, Lane, Link
from practice.core import clock, wake
from practice.site.chaos import ledger, mortal
from practice.site.chaos.crew import Crew
from practice.site.chaos.harm import KILLS, STOPS, Harm
from practice.site.demo.processes import answers, free_port

Say = Callable[[str], object]
#: Acts whose aftermath needs people to press buttons: the fault machine plays those.
LEFT_OUT = ("books_archive_account", "books_lock")
#: Seconds between two acts, on average, and between two rounds of looking after processes.
ACT_EVERY, ROUND = 1.2, 0.25
#: So many clients come first, that there is something to bill, pay and change.
CLIENTS_FIRST = 5
#: The quiet phase ends when nothing is owed any more, and after so many seconds in any case.
PATIENCE = 600.0
#: How long everybody may take to end when asked to.
LEAVE_WITHIN = 30.0


@dataclass(frozen=True)
class Terms:
    """What one run is to be."""

    minutes: float
    seed: int
    #: Seconds between two faults of processes, on average.
    every: float
    clusters: int
    people: int = 2
    port: int = 8340


def run(folder: Path, terms: Terms, say: Say) -> bool:
    """Play one run on the configured database, which must be empty, and print the verdict.

    Returns whether both books agreed and every kind of harm came up.
    """
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    with ExitStack() as stack:
        doors = {name: stack.enter_context(ledger.opened(name, terms.seed)) for name in FIRMS}
        environment = {name: value for door in doors for name, value in _addresses(door, doors[door]).items()}
        for name, value in environment.items():
            setattr(settings, name, value)
        chaos = _Chaos(folder, terms, doors, environment, say)
        try:
            chaos.live()
            chaos.quiet_down()
            late = chaos.crew.leave(LEAVE_WITHIN)
        finally:
            chaos.crew.leave(0)
        findings = chaos.verdict(late)
    for finding in findings:
        say(f"  {finding}")
    say(chaos.line(findings))
    if silent := chaos.harm.silent:
        say("never came up: " + ", ".join(silent))
    return not findings and not chaos.harm.silent


def _found(doors: dict[str, ledger.Door]) -> Stage:
    """The firm of the fault machine, connected to these ledgers."""
    practice, service = found_practice()
    books = []
    for name, door in doors.items():
        entity = found_entity(practice, FIRMS[name])
        keys = door.sandbox.credentials()
        connection = connecting.connect_sandbox(entity=entity, provider=name, keys=keys)
        books.append(Books(FIRMS[name], door.sandbox, entity.pk, connection.pk, Deeds()))
    return Stage(Path(), practice.pk, service.pk, tuple(books), {})


def _addresses(provider: str, door: ledger.Door) -> dict[str, str]:
    return reached_by(provider, door.sandbox.credentials())


class _Chaos:
    def __init__(
        self, folder: Path, terms: Terms, doors: dict[str, ledger.Door], environment: dict[str, str], say: Say
    ) -> None:
        self.folder, self.terms, self.doors, self.say = folder, terms, doors, say
        self.stage = _found(doors)
        self.chance = random.Random(terms.seed)
        self.deaths = folder / "deaths"
        self.port = free_port(terms.port)
        self.site = f"http://127.0.0.1:{self.port}"
        environment = {
            **environment, "SITE_URL": self.site, "PORT": str(self.port), mortal.RECORD: str(self.deaths),
            "DJANGO_SETTINGS_MODULE": "practice.site.chaos.settings",
        }  # fmt: skip
        self.crew = Crew(folder, environment, self.port, terms.clusters, terms.people)
        self.harm = Harm(self.crew, self.chance)
        self.acts = 0

    # The life

    def live(self) -> None:
        """Everybody works, and is hurt, for as long as was asked for."""
        self.crew.keep_up()
        answers(f"{self.site}/healthz", 60)
        for name, door in self.doors.items():
            door.sandbox.webhooks.set_url(f"{self.site}/hooks/{name}/")
        self._until(self._listens, 60)
        for door in self.doors.values():
            ledger.trouble(door, self.terms.seed)
        began = time.monotonic()
        over = began + self.terms.minutes * 60
        act_at = strike_at = began
        told = began
        while time.monotonic() < over:
            now = time.monotonic()
            if now >= act_at:
                self._act()
                act_at = now + self.chance.expovariate(1 / ACT_EVERY)
            if now >= strike_at:
                self.harm.strike()
                strike_at = now + self.chance.expovariate(1 / self.terms.every)
            self.crew.keep_up()
            if now - told > 60:
                told = now
                self.say(f"  {now - began:4.0f} s: {self.acts} acts, {self._tell_owed()}, {dict(self.harm.done)}")
            time.sleep(ROUND)  # noqa: TID251 (chaos is played in real time)

    def _act(self) -> None:
        self.acts += 1
        names = [name for name in ACTS if name not in LEFT_OUT]
        name = self.chance.choices(names, [ACTS[name] for name in names])[0] if self.acts > CLIENTS_FIRST else "agree"
        act = Act(name, self.acts, 0)
        if bookkeeping.is_theirs(act):
            with ExitStack() as stack:
                for door in self.doors.values():
                    stack.enter_context(door.sandbox.store.lock)
                bookkeeping.do(self.stage, act)
        else:
            person = self.chance.choice([name for name in self.crew.names if name.startswith("person")])
            self.crew.ask(person, {"name": name, "nth": self.acts, **self._ids()})

    def _ids(self) -> dict[str, object]:
        entities = {books.firm.provider: books.entity_id for books in self.stage.books}
        return {"practice_id": self.stage.practice_id, "service_id": self.stage.service_id, "entities": entities}

    def _listens(self) -> bool:
        """Whether the site has shaken hands with the ledger that wants it."""
        return bool(self.doors["xero"].sandbox.webhooks.state["active"])

    # The quiet

    def quiet_down(self) -> None:
        """No more harm; whoever is missing is started, and what is owed goes out. Then people press "sync now"."""
        for door in self.doors.values():
            door.sandbox.faults.weather = None
        mortal.end(self.deaths)
        self.crew.all_go_on()
        began = time.monotonic()
        self._until(lambda: not self._owes(), PATIENCE)
        for _ in range(2):
            asked = clock.now()
            for books in self.stage.books:
                wake.wake("ledger_sync.tasks.sweep_connection", connection_id=books.connection_id)
            self._until(partial(self._is_settled_since, asked), PATIENCE / 4)
        self.say(f"  quiet after {time.monotonic() - began:.0f} s: {self._tell_owed()}")

    def _is_settled_since(self, moment: datetime) -> bool:
        swept = Lane.objects.filter(name="pull", swept_at__gte=moment).count()
        return swept == len(self.stage.books) and not self._owes()

    def _owes(self) -> bool:
        return bool(
            Link.objects.filter(owed_since__isnull=False, parked_at__isnull=True).exists()
            or Call.objects.filter(closed_at__isnull=True).exists()
            or Hint.objects.exists()
            or Delivery.objects.filter(worked_at__isnull=True).exists()
            or any(door.sandbox.store.table("_events") for door in self.doors.values())
        )

    def _until(self, look: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            close_old_connections()
            try:
                if look():
                    return True
            except OperationalError:
                pass  # the database is busy; the next look is in a moment
            self.crew.keep_up()
            time.sleep(1)  # noqa: TID251 (chaos is played in real time)
        return False

    def _tell_owed(self) -> str:
        owed = Link.objects.filter(owed_since__isnull=False).count()
        calls = Call.objects.filter(closed_at__isnull=True).count()
        return f"{Link.objects.count()} links, {owed} owed, {calls} calls open, {Hint.objects.count()} hints"

    # The verdict

    def verdict(self, late: list[str]) -> list[Finding]:
        """Ask the judge. Whoever did not end when asked to is stuck, too."""
        findings = [Finding(STUCK, f"{name} did not end cleanly when asked to") for name in late]
        for books in self.stage.books:
            case = cases.Case(
                provider=books.firm.provider,
                entity_id=books.entity_id,
                connection_id=books.connection_id,
                ledger=oracle_tables.tables_of(books.firm.provider, books.sandbox.dump()),
                deeds=books.deeds,
                now=clock.now(),
                reused_keys=self.doors[books.firm.provider].reused,
            )
            findings += oracle.judge(case)
        return sorted(set(findings), key=worst_first)

    def line(self, findings: list[Finding]) -> str:
        """The run in one line."""
        deaths = len(self.deaths.read_text().splitlines()) if self.deaths.exists() else 0
        self.harm.done["died_after_commit"] = deaths
        for door in self.doors.values():
            self.harm.done.update(door.sandbox.faults.fired)
        found = " ".join(
            f"{kind}={sum(f.kind == kind for f in findings)}" for kind in (LOST, DUPLICATED, DIVERGED, STUCK)
        )
        killed = self.harm.count(KILLS) + deaths
        calls = sum(door.calls for door in self.doors.values())
        return (
            f"chaos minutes={self.terms.minutes:g} database={database.vendor} clusters={self.terms.clusters} "
            f"acts={self.acts} calls={calls} faults={self.harm.done.total()} killed={killed} "
            f"stopped={self.harm.count(STOPS)} {found}"
        )
