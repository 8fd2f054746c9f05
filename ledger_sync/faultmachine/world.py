"""The world a history happens in: a database with one firm and its sandbox ledgers, copied for each seed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from ledger_sync import kinds
from ledger_sync.connection import connecting
from ledger_sync.faultmachine.database import Watched
from ledger_sync.faultmachine.deeds import Deeds
from ledger_sync.faultmachine.stripe_world import HOST, Till, connect, found_till
from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from ledger_sync.sandbox.xero import XeroSandbox
from practice.core import clock, network
from practice.firm.models import Entity, Practice, Service, TaxRate

NOON = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
#: Calls a minute of a ledger that is tight with them, and what people keep of those.
TIGHT_CALLS, TIGHT_RESERVE = 14, 3
DAY = 86_400


class _NoMigrations(dict[str, None]):
    """Says of every app that it has no migrations."""

    def __contains__(self, app: object) -> bool:
        return True

    def __missing__(self, app: str) -> None:
        return None


@dataclass(frozen=True)
class Firm:
    """What a ledger's own entity is like."""

    provider: str
    host: str
    name: str
    country: str
    currency: str
    zone: str


FIRMS = {
    "xero": Firm("xero", "xero.test", "Harbour & Vale Pty Ltd", "AU", "AUD", "Australia/Sydney"),
    "quickbooks": Firm("quickbooks", "qbo.test", "Harbour & Vale Inc", "US", "USD", "America/Chicago"),
}
_SANDBOXES: dict[str, type[XeroSandbox] | type[QuickBooksSandbox]] = {
    "xero": XeroSandbox,
    "quickbooks": QuickBooksSandbox,
}


@dataclass
class Books:
    """One ledger of the firm: its entity, its connection, the sandbox behind it, and what its bookkeeper did."""

    firm: Firm
    sandbox: Any
    entity_id: int
    connection_id: int
    deeds: Deeds


@dataclass
class Stage:
    """One seed's own world."""

    path: Path
    practice_id: int
    service_id: int
    books: tuple[Books, ...]
    settings: dict[str, str]
    #: Stripe, where the firm takes payments.
    till: Till | None = None

    def some_books(self, chance: Random) -> Books:
        """One of the firm's ledgers."""
        return self.books[0] if len(self.books) == 1 else chance.choice(self.books)

    def books_in(self, currency: str) -> Books:
        """The ledger that is kept in a currency."""
        return next(books for books in self.books if books.firm.currency == currency)


@dataclass
class _Template:
    """A firm and its ledgers as they were connected: what each history gets a copy of."""

    path: Path
    practice_id: int
    service_id: int
    ledgers: list[tuple[Firm, Any, int, int]]
    settings: dict[str, str]
    till: Till | None = None


class World:
    """Builds each kind of firm once; each history gets a copy of it."""

    def __enter__(self) -> World:
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        self._templates: dict[tuple[str, ...], _Template] = {}
        # Before any mutant is at work.
        self._template(("xero",))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _template(self, ledgers: tuple[str, ...]) -> _Template:
        if ledgers not in self._templates:
            path = self._folder / f"{'-'.join(ledgers)}.sqlite3"
            with _settled_database(path), clock.at(NOON):
                # Straight from the models, which are what the migrations lead to ("make check"): a second, not ten.
                with swapped(settings, MIGRATION_MODULES=_NoMigrations()):
                    call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
                self._templates[ledgers] = _found(path, ledgers)
        return self._templates[ledgers]

    def stage(
        self, seed: int, *, ledgers: tuple[str, ...] = ("xero",), tight: bool = False, tidy: bool = False
    ) -> Stage:
        """A fresh copy of firm and ledgers, ten minutes after they were connected."""
        template = self._template(ledgers)
        path = self._folder / "history.sqlite3"
        for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            name.unlink(missing_ok=True)
        shutil.copyfile(template.path, path)
        clock.move(NOON + timedelta(minutes=10))
        books = []
        for firm, store, entity_id, connection_id in template.ledgers:
            sandbox: Any = _SANDBOXES[firm.provider](store.copy(), base_url=f"http://{firm.host}", seed=seed)
            if firm.provider == "xero":
                sandbox.settings.tidy_phones = tidy
                sandbox.limits.minute = TIGHT_CALLS if tight else 60
            else:
                # Were a replaced token dead at once, a lost reply could only be helped by a new consent. Unsure.
                sandbox.settings.refresh_overlap = DAY
            books.append(Books(firm, sandbox, entity_id, connection_id, Deeds()))
        till = template.till.copy(seed) if template.till else None
        return Stage(path, template.practice_id, template.service_id, tuple(books), template.settings, till)


def _found(path: Path, ledgers: tuple[str, ...]) -> _Template:
    practice, service = found_practice()
    template = _Template(path, practice.pk, service.pk, [], {})
    for name in ledgers:
        firm = FIRMS[name]
        entity = found_entity(practice, firm)
        sandbox = _SANDBOXES[name](base_url=f"http://{firm.host}", company="empty")
        if name == "quickbooks":
            _sell_bad_debts(sandbox)
        keys = sandbox.credentials()
        template.settings |= reached_by(name, keys)
        with swapped(settings, **template.settings), network.answer_in_process({firm.host: sandbox}):
            connection = connecting.connect_sandbox(entity=entity, provider=name, keys=keys)
        template.ledgers.append((firm, sandbox.store, entity.pk, connection.pk))
    if len(ledgers) > 1:
        template.till = found_till([Entity.objects.get(pk=entity_id) for _, _, entity_id, _ in template.ledgers])
        template.settings["STRIPE_API_BASE"] = f"http://{HOST}"
        with swapped(settings, **template.settings), network.answer_in_process({HOST: template.till.sandbox}):
            connect(template.till)
    return template


def _sell_bad_debts(sandbox: Any) -> None:
    """A product that posts to bad debts, as a US bookkeeper has one: there a line is coded by what it sells."""
    accounts = sandbox.books(sandbox.realm_id).table("Account").values()
    account = next(row["Id"] for row in accounts if row["Name"] == "Bad Debts")
    sandbox.bookkeeper.add_item({"Name": "Bad debt", "Type": "NonInventory", "IncomeAccountRef": {"value": account}})


def found_practice() -> tuple[Practice, Service]:
    """The practice, and the service it sells."""
    practice = Practice.objects.create(slug="harbour-vale", name="Harbour & Vale", initials="HV")
    service = Service.objects.create(
        practice=practice, code="BK", name="Bookkeeping", price=Decimal(1000), currency="AUD"
    )
    return practice, service


def found_entity(practice: Practice, firm: Firm) -> Entity:
    """One entity of it, with its rates of tax."""
    entity = Entity.objects.create(
        practice=practice, name=firm.name, country=firm.country, currency=firm.currency, time_zone=firm.zone
    )
    rates = (("standard", 10 if firm.country == "AU" else 0), ("zero", 0), ("exempt", 0), ("out_of_scope", 0))
    for treatment, rate in rates:
        TaxRate.objects.create(entity=entity, treatment=treatment, rate=Decimal(rate))
    return entity


def reached_by(provider: str, keys: dict[str, str]) -> dict[str, str]:
    """The settings by which the engine finds a sandbox."""
    prefix, secret = {"xero": ("XERO", "XERO_WEBHOOK_KEY"), "quickbooks": ("QBO", "QBO_VERIFIER")}[provider]
    return {
        f"{prefix}_BASE": keys["base_url"],
        f"{prefix}_CLIENT_ID": keys["client_id"],
        f"{prefix}_CLIENT_SECRET": keys["client_secret"],
        secret: keys["webhook_secret"],
    }


@contextmanager
def tight_budget(tight: bool) -> Iterator[None]:
    """Let the engine plan with as few calls a minute as a tight ledger gives."""
    before = kinds.SHAPES["xero"]
    minute, *others = before.windows
    if tight:
        windows = ((*minute[:2], TIGHT_CALLS, TIGHT_RESERVE), *others)
        kinds.SHAPES["xero"] = replace(before, windows=windows)
    try:
        yield
    finally:
        kinds.SHAPES["xero"] = before


@contextmanager
def swapped(target: Any, **values: Any) -> Iterator[None]:
    """Put other values in place of some attributes for a while."""
    before = {name: getattr(target, name) for name in values}
    for name, value in values.items():
        setattr(target, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(target, name, value)


@contextmanager
def _settled_database(path: Path) -> Iterator[None]:
    """Work on one file with a connection of our own; afterwards the file is whole and can be copied."""
    home = connections["default"]
    connections["default"] = Watched(path)
    try:
        yield
        with connections["default"].cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connections["default"].close()
        connections["default"] = home
