"""The world a history happens in: a migrated database with one firm on the sandbox ledger, copied for each seed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from ledger_sync import connecting, kinds
from ledger_sync.faultmachine.database import Watched
from ledger_sync.faultmachine.deeds import Deeds
from ledger_sync.sandbox.xero import XeroSandbox
from practice.core import clock, network
from practice.firm.models import Entity, Practice, Service, TaxRate

NOON = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
HOST = "xero.test"
#: Calls a minute of a ledger that is tight with them, and what people keep of those.
TIGHT_CALLS, TIGHT_RESERVE = 14, 3


class _NoMigrations(dict[str, None]):
    """Says of every app that it has no migrations."""

    def __contains__(self, app: object) -> bool:
        return True

    def __missing__(self, app: str) -> None:
        return None


@dataclass
class Stage:
    """One seed's own world."""

    path: Path
    sandbox: XeroSandbox
    deeds: Deeds
    practice_id: int
    entity_id: int
    service_id: int
    connection_id: int


class World:
    """Builds the template once; each history gets a copy of it."""

    def __enter__(self) -> World:
        self._stack = ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        self._template = self._folder / "template.sqlite3"
        with _settled_database(self._template), clock.at(NOON):
            # Straight from the models, which are what the migrations lead to ("make check"): a second instead of ten.
            with swapped(settings, MIGRATION_MODULES=_NoMigrations()):
                call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
            self._found()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _found(self) -> None:
        sandbox = XeroSandbox(base_url=f"http://{HOST}", company="empty")
        _point_settings_at(sandbox, self._stack)
        practice = Practice.objects.create(slug="harbour-vale", name="Harbour & Vale", initials="HV")
        entity = Entity.objects.create(
            practice=practice, name="Harbour & Vale Pty Ltd", country="AU", currency="AUD", time_zone="Australia/Sydney"
        )
        for treatment, rate in (("standard", 10), ("zero", 0), ("exempt", 0), ("out_of_scope", 0)):
            TaxRate.objects.create(entity=entity, treatment=treatment, rate=Decimal(rate))
        service = Service.objects.create(
            practice=practice, code="BK", name="Bookkeeping", price=Decimal(1000), currency="AUD"
        )
        with network.answer_in_process({HOST: sandbox}):
            connection = connecting.connect_sandbox(entity=entity, provider="xero", keys=sandbox.credentials())
        self._ids = {
            "practice_id": practice.pk,
            "entity_id": entity.pk,
            "service_id": service.pk,
            "connection_id": connection.pk,
        }
        self._books = sandbox.store

    def stage(self, seed: int, *, tight: bool = False, tidy: bool = False) -> Stage:
        """A fresh copy of firm and ledger, ten minutes after they were connected."""
        path = self._folder / "history.sqlite3"
        for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
            name.unlink(missing_ok=True)
        shutil.copyfile(self._template, path)
        clock.move(NOON + timedelta(minutes=10))
        sandbox = XeroSandbox(self._books.copy(), base_url=f"http://{HOST}", seed=seed)
        sandbox.settings.tidy_phones = tidy
        sandbox.limits.minute = TIGHT_CALLS if tight else 60
        return Stage(path=path, sandbox=sandbox, deeds=Deeds(), **self._ids)


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


def _point_settings_at(sandbox: XeroSandbox, stack: ExitStack) -> None:
    keys = sandbox.credentials()
    stack.enter_context(
        swapped(
            settings,
            XERO_BASE=keys["base_url"],
            XERO_CLIENT_ID=keys["client_id"],
            XERO_CLIENT_SECRET=keys["client_secret"],
            XERO_WEBHOOK_KEY=keys["webhook_secret"],
        )
    )
