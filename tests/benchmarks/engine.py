"""The sync engine under a long billing run, in this process and on a clock that only moves when somebody waits.

Measured against what nobody can beat: the fewest calls, and the time an ideal sender needs in the ledger's own windows.
On SQLite, and on PostgreSQL in a process of its own. INVOICES sets how many (10,000).
"""

from __future__ import annotations

import gc
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection as database
from django.db import transaction
from django.utils.module_loading import import_string

import ledger_sync.tasks
from billing.models import Invoice, InvoiceLine
from ledger_sync import linking
from ledger_sync.connection import connecting
from ledger_sync.kinds import SHAPES
from ledger_sync.limits import lanes
from ledger_sync.models import Connection, Link, LinkNeed
from ledger_sync.pull import inbound
from ledger_sync.sandbox import quickbooks, xero
from practice.core import audit, clock, network, wake
from practice.core.owed import Urgency
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.store import Store
from practice.firm import clients
from practice.firm.models import Client, Entity, Practice, Service, TaxRate
from tests.benchmarks import postgres_too, telling
from tests.benchmarks.tally import Tally
from tests.emptying import empty

INVOICES = int(os.environ.get("INVOICES", "10000"))
NOON = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
#: Seconds a ledger takes to answer, as in the demo.
LATENCY = 0.15


#: What the bench itself does, which is nobody's overhead.
SANDBOX, BENCH = "sandbox", "bench"


def measure(_: Path) -> None:
    """On this database, and where that is SQLite on PostgreSQL too."""
    _measure()
    postgres_too.again("engine")


def _measure() -> None:
    """A run into each ledger."""
    call_command("migrate", verbosity=0)
    print(
        f"{INVOICES} invoices of a billing run, clients known in the ledger; {database.vendor}; a clock of their own",
        flush=True,
    )
    for provider in ("xero", "quickbooks"):
        with founded(provider) as world:
            world.found(INVOICES)
            world.pressed_at = world.person_waited = None
            world.run()
            world.tell()
            world.change_there()


@dataclass
class World:
    """One firm with its ledger, a worker that answers every ring, and a tally of what goes over the wire."""

    provider: str
    sandbox: Any
    connection: Connection
    rung: list[tuple[str, dict[str, Any]]]
    calls: int = 0
    batches: int = 0
    of_invoices: int = 0
    tally: Tally = field(default_factory=Tally)
    person_waited: float | None = None
    took: float = 0.0
    simulated: timedelta = timedelta()
    press_at: datetime | None = None
    pressed_at: datetime | None = None
    parts: dict[str, float] = field(default_factory=dict)
    made: list[Client] = field(default_factory=list)

    def handle(self, request: Request) -> Response:
        """The sandbox's door, with a clock on it."""
        clock.advance(seconds=LATENCY)
        with self.tally.step(SANDBOX):
            answer: Response = self.sandbox.handle(request)
        if "/api.xro/" in request.path or "/company/" in request.path:
            self.calls += 1
            self.batches += request.method in ("PUT", "POST") and "query" not in request.path
            said = f"{request.path} {request.query} {request.body[:200]!r}"
            self.of_invoices += "Invoice" in said and "History" not in said
        return answer

    def tick(self) -> None:
        """Let the sandbox send its notices."""
        with self.tally.step(SANDBOX):
            self.sandbox.tick()

    def found(self, many: int) -> None:
        """Clients that both books know, and invoices that a run has just issued, written as its actions write them."""
        entity, service = Entity.objects.get(), Service.objects.get()
        with audit.cause(system="schedule", actor="billing run"):
            first = clients.create_client(practice=entity.practice, name="Larkspur Bakery", billing_email="a@b.example")
            with transaction.atomic():
                linking.owe_client(self.connection, first)
                if SHAPES[self.provider].needs_items:
                    linking.owe(linking.link_for(self.connection, "item", service))
            self.work()
            Client.objects.bulk_create(
                Client(
                    practice_id=entity.practice_id, name=f"Client {n:06} Ltd", billing_email=f"ap{n}@client.example",
                    country=entity.country, currency=entity.currency,
                )
                for n in range(many - 1)
            )  # fmt: skip
            self.made = list(Client.objects.order_by("pk"))
            Link.objects.bulk_create(
                Link(connection=self.connection, kind="client", client=client, **_owed()) for client in self.made[1:]
            )
        self.run()
        clock.advance(minutes=15)
        self.work()
        ledger_sync.tasks.sweep()
        with audit.cause(system="schedule", actor="billing run"):
            issue(self.connection, entity, service, self.made)

    def work(self) -> None:
        """Answer every ring, as a worker does, and let the sandbox send its notices."""
        while self.rung:
            task, arguments = self.rung.pop(0)
            import_string(task)(**arguments)
            self.tick()
            with self.tally.step(BENCH):
                self._press()

    def run(self) -> None:
        """Work until both books agree; three seconds in, a person changes one client."""
        self.calls, self.batches = 0, 0
        # The sandbox's books live in this process only here: what they cost the collector is not the engine's.
        gc.collect()
        gc.freeze()
        began = clock.now()
        self.tally.clear()
        swept, self.press_at = began, began + timedelta(seconds=3)
        wake.wake("ledger_sync.tasks.push", connection_id=self.connection.pk)
        while self.rung or Link.objects.filter(owed_since__isnull=False).exists():
            self.work()
            self.tick()
            if not self.rung:
                clock.advance(seconds=1)
                lanes.ring_due()
                self._press()
            if clock.now() - swept >= timedelta(minutes=1):
                swept = clock.now()
                ledger_sync.tasks.sweep()
        self.parts = {step: took for step, took in self.tally.stop().items() if step not in (SANDBOX, BENCH)}
        self.took = sum(self.parts.values())
        self.simulated = clock.now() - began

    def _press(self) -> None:
        if self.press_at is not None and clock.now() >= self.press_at:
            self.pressed_at, self.press_at = clock.now(), None
            with audit.cause(system="web", actor="Helen Marsh"):
                clients.update_client(client_id=self.made[0].pk, billing_email=f"at{clock.now():%H%M%S}@client.example")
        if self.pressed_at is not None and self.person_waited is None:
            link = Link.objects.get(client=self.made[0])
            if link.owed_since is None and link.verified_at and link.verified_at >= self.pressed_at:
                self.person_waited = (link.verified_at - self.pressed_at).total_seconds()

    def change_there(self) -> None:
        """The bookkeeper moves the due day of every invoice, and the engine takes that in."""
        clock.advance(minutes=30)
        self.run()
        keeper = self.sandbox.bookkeeper
        for remote_id in Link.objects.filter(kind="invoice").values_list("remote_id", flat=True):
            keeper.edit_invoice(remote_id, {"DueDate": "2027-01-31"})
        self.tick()
        clock.advance(minutes=1)
        self.of_invoices = 0
        self.tally.clear()
        self.work()
        ledger_sync.tasks.sweep()
        took = sum(spent for step, spent in self.tally.stop().items() if step not in (SANDBOX, BENCH))
        late = Invoice.objects.exclude(due_on="2027-01-31").count()
        page = 1_000
        name = {"xero": "Xero", "quickbooks": "QuickBooks"}[self.provider]
        fewest = math.ceil(INVOICES / page) + 1
        telling.amount(f"{name}: calls to read what changed there", self.of_invoices, fewest, "calls")
        print(f"  {INVOICES / took:.0f} a second of processor taken in; {late} not taken in")

    def tell(self) -> None:
        """The figures, each beside its limit."""
        shape = SHAPES[self.provider]
        name = {"xero": "Xero", "quickbooks": "QuickBooks"}[self.provider]
        fewest = math.ceil(INVOICES / shape.batch)
        per_minute = 60 if self.provider == "xero" else 40
        ideal = (math.ceil(fewest / per_minute) - 1) * 60 + ((fewest - 1) % per_minute + 1) * LATENCY
        left = Link.objects.filter(owed_since__isnull=False).count()
        telling.amount(f"{name}: calls, reads and echoes included", self.calls, 1.05 * fewest, "calls")
        telling.amount(f"{name}: simulated time", self.simulated.total_seconds(), 1.10 * ideal, "s")
        if self.person_waited is not None:
            telling.amount(f"{name}: a person's change meanwhile", self.person_waited, 10, "s")
        least = 1_000 if database.vendor == "sqlite" else 700
        telling.rate(f"{name}: engine alone, invoices per second of processor", [INVOICES / self.took], least)
        for step, took in sorted(self.parts.items(), key=lambda part: -part[1]):
            print(f"    {1000 * took / INVOICES:6.3f} ms an invoice: {step}")
        print(f"  {self.batches} calls with changes, {self.calls - self.batches} reads; {left} links still owed")


def _owed() -> dict[str, Any]:
    """What is true of a link that a run has just let owe."""
    return {"owed_since": clock.now(), "owed_rev": 1, "ready_at": clock.now(), "urgency": Urgency.BULK}


def issue(connection: Connection, entity: Entity, service: Service, made: list[Client]) -> None:
    """One invoice more for each client, owed to the ledger, as a billing run writes them."""
    now, today = clock.now(), clock.today(entity.time_zone)
    before = Invoice.objects.count()
    Invoice.objects.bulk_create(
        Invoice(
            practice_id=entity.practice_id, entity=entity, client=client, status="issued", number=f"INV-{n:06}",
            issued_on=today, issued_at=now, due_on=today + timedelta(days=14), currency=entity.currency,
            recipient_name=client.name, net=Decimal(1000), tax=Decimal(0), total=Decimal(1000),
        )
        for n, client in enumerate(made, start=before)
    )  # fmt: skip
    invoices = list(Invoice.objects.order_by("pk")[before:])
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=invoice, position=1, service=service, description="Bookkeeping", quantity=1, unit_price=1000,
            treatment="zero", tax_rate=0, amount=1000, tax=0,
        )
        for invoice in invoices
    )  # fmt: skip
    Link.objects.bulk_create(
        Link(connection=connection, kind="invoice", invoice=invoice, **_owed()) for invoice in invoices
    )
    client_links = dict(Link.objects.filter(kind="client").values_list("client_id", "pk"))
    LinkNeed.objects.bulk_create(
        LinkNeed(link=link, needs_id=client_links[link.invoice.client_id], how="exists")
        for link in Link.objects.filter(kind="invoice", owed_since__isnull=False).select_related("invoice")
        if link.invoice is not None
    )


@contextmanager
def founded(provider: str) -> Iterator[World]:
    """A fresh firm and a fresh ledger; afterwards nothing of them is left."""
    rung: list[tuple[str, dict[str, Any]]] = []
    before = wake.ring
    wake.ring = lambda task, **arguments: rung.append((task, arguments))
    clock.move(NOON)
    host = f"{provider}.test"

    def send(url: str, body: bytes, headers: dict[str, str]) -> int:
        inbound.receive(provider, body)
        return 200

    sandbox: Any = (xero if provider == "xero" else quickbooks).build(
        store=Store(), base_url=f"http://{host}", send=send, company="empty"
    )
    keys = sandbox.credentials()
    for name, value in _settings(provider, keys).items():
        setattr(settings, name, value)
    entity = firm("AU" if provider == "xero" else "US")
    world = World(provider, sandbox, Connection(), rung)
    try:
        with network.answer_in_process({host: world}), world.tally.watching():
            world.connection = connecting.connect_sandbox(entity=entity, provider=provider, keys=keys)
            Connection.objects.filter(pk=world.connection.pk).update(state="live")
            sandbox.webhooks.set_url("http://site.test/hook")
            yield world
    finally:
        wake.ring = before
        clock.move(None)
        empty(None)


def _settings(provider: str, keys: dict[str, str]) -> dict[str, str]:
    if provider == "xero":
        return {
            "XERO_BASE": keys["base_url"], "XERO_CLIENT_ID": keys["client_id"],
            "XERO_CLIENT_SECRET": keys["client_secret"], "XERO_WEBHOOK_KEY": keys["webhook_secret"],
        }  # fmt: skip
    return {
        "QBO_BASE": keys["base_url"], "QBO_CLIENT_ID": keys["client_id"],
        "QBO_CLIENT_SECRET": keys["client_secret"], "QBO_VERIFIER": keys["webhook_secret"],
    }  # fmt: skip


def firm(country: str) -> Entity:
    """One practice with an entity, its rates and a service."""
    currency = {"AU": "AUD", "US": "USD"}[country]
    practice = Practice.objects.create(slug="bench", name="Bench & Co", initials="BC")
    entity = Entity.objects.create(
        practice=practice, name="Bench & Co", country=country, currency=currency, time_zone="Australia/Sydney"
    )
    for treatment in ("standard", "zero", "exempt", "out_of_scope"):
        TaxRate.objects.create(entity=entity, treatment=treatment, rate=Decimal(0))
    Service.objects.create(practice=practice, code="BK", name="Bookkeeping", price=Decimal(1000), currency=currency)
    return entity
