"""Whether sending stays as quick when much has been sent before: a run at few links, and the same at many.

LINKS sets how many there are the second time (100,000).
"""

from __future__ import annotations

import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from django.core.management import call_command
from django.db import connection as database

from billing.models import Invoice, InvoiceLine
from ledger_sync.models import Connection, Link
from practice.core import audit, clock
from practice.firm.models import Client, Entity, Service
from tests.benchmarks import engine, telling

LINKS = int(os.environ.get("LINKS", "100000"))
#: Invoices of each run.
A_RUN = 1_000
#: The same run twice more at each size: the quickest tells least of what else the machine did.
TRIES = 3


def measure(_: Path) -> None:
    """The cost of an invoice at many links, beside the cost at a thousand."""
    call_command("migrate", verbosity=0)
    with engine.founded("xero") as world:
        world.found(A_RUN)
        few = _cost(world)
        _fill(world.connection, LINKS - Link.objects.count())
        with database.cursor() as cursor:
            cursor.execute("ANALYZE")
        many = _cost(world)
        print(
            f"{few * 1000:.2f} ms an invoice at first, {many * 1000:.2f} ms at {Link.objects.count()} links", flush=True
        )
        telling.amount(f"Cost of an invoice at {LINKS} links, beside {2 * A_RUN}", many / few, 1.2, "times")


def _cost(world: engine.World) -> float:
    """Seconds of processor an invoice takes in a run."""
    entity, service = Entity.objects.get(), Service.objects.get()
    seen = []
    for _ in range(TRIES):
        if not Link.objects.filter(owed_since__isnull=False).exists():
            with audit.cause(system="schedule", actor="billing run"):
                engine.issue(world.connection, entity, service, world.made)
        world.run()
        seen.append(world.took / A_RUN)
        clock.advance(minutes=2)
        world.run()
    return min(seen)


def _fill(connection: Connection, links: int) -> None:
    """Clients and invoices that both books agreed on long ago: two links for each."""
    entity, service = Entity.objects.get(), Service.objects.get()
    then = clock.now() - timedelta(days=90)
    there = {"base_theirs": {"status": "issued"}, "base_ours": {}, "verified_at": then, "remote_version": "1"}
    first = Client.objects.count()
    Client.objects.bulk_create(
        Client(
            practice_id=entity.practice_id, name=f"Former client {n:06}", billing_email=f"old{n}@client.example",
            country=entity.country, currency=entity.currency,
        )
        for n in range(links // 2)
    )  # fmt: skip
    clients = list(Client.objects.order_by("pk")[first:])
    before = Invoice.objects.count()
    Invoice.objects.bulk_create(
        Invoice(
            practice_id=entity.practice_id, entity=entity, client=client, status="issued", number=f"OLD-{n:06}",
            issued_on=then.date(), issued_at=then, due_on=then.date(), currency=entity.currency,
            recipient_name=client.name, net=Decimal(1000), tax=Decimal(0), total=Decimal(1000),
        )
        for n, client in enumerate(clients)
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
        Link(connection=connection, kind="client", client=row, remote_id=f"c{row.pk}", **there) for row in clients
    )
    Link.objects.bulk_create(
        Link(connection=connection, kind="invoice", invoice=row, remote_id=f"i{row.pk}", **there) for row in invoices
    )
