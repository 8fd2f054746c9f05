"""From a change in the ledger to our row, by webhook: web, worker and ledger as processes, over loopback HTTP.

Twenty organisations of one app; their bookkeepers save a contact five times a second. Once with nothing else to do, once
while a billing run goes out over another connection, whose own notices are shown too. Before that a burst of notices comes
all at once. EVENTS, INVOICES and BURST make it shorter; RATE is how many a second.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from django.conf import settings
from django.core.management import call_command
from django.db import connection as database

from ledger_sync.connection import connecting
from ledger_sync.models import Connection, Delivery, Hint, Lane, Link
from ledger_sync.providers import ledger_for, oauth_of
from ledger_sync.pull import inbound
from ledger_sync.rendering import documents
from practice.core import audit, clock, wake
from practice.firm.models import Client, Entity, Service
from practice.site.demo.processes import Processes, answers, free_port
from practice.site.demo.wiring import post
from practice.site.models import DemoMark
from tests.benchmarks import engine, postgres_too, telling

EVENTS = int(os.environ.get("EVENTS", "500"))
INVOICES = int(os.environ.get("INVOICES", "10000"))
RATE = float(os.environ.get("RATE", "5"))
BURST = int(os.environ.get("BURST", "2000"))
CONNECTIONS, CONTACTS = 20, 5
#: Seconds a vendor waits for its answer at least (Intuit; Xero waits five).
ANSWERED_WITHIN = 3.0
#: Of so many notices one is on the run's own connection, beside the others.
OWN_EVERY = 10
#: Seconds the ledger takes to answer.
DELAY = 0.15
MEDIAN, WORST = 0.5, 2.0


def measure(folder: Path) -> None:
    """On SQLite here, on PostgreSQL in a process of its own, where there is one."""
    _measure(folder)
    postgres_too.again("notices")


@dataclass
class Change:
    """One contact saved in the ledger, and when our row had it."""

    connection: Connection
    link: Link
    email: str
    at: float = 0.0
    seen_at: float | None = None

    @property
    def took(self) -> float:
        """Seconds from the bookkeeper's press to our row."""
        assert self.seen_at is not None
        return self.seen_at - self.at


@dataclass
class World:
    """The practice, its connections, and where the ledger is."""

    base: str
    connections: list[Connection]
    own: Connection
    links: dict[int, list[Link]] = field(default_factory=dict)


def _measure(folder: Path) -> None:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    DemoMark.objects.create(made_at=clock.now())
    processes = Processes(folder)
    try:
        world = _found(processes, folder)
        words = f"{database.vendor}: {EVENTS} webhooks, {RATE:g} a second, {CONNECTIONS} connections"
        print(f"{words}; the ledger answers after {DELAY * 1000:.0f} ms; web and worker apart", flush=True)
        _tell("idle", _play(world, own=False), world)
        _burst(world)
        time.sleep(60)  # noqa: TID251 (the burst used up what each ledger allows in a minute; sparing begins at half)
        _begin_run(world)
        _tell("during a run elsewhere", _play(world, own=True), world)
        left = Link.objects.filter(connection=world.own, owed_since__isnull=False).count()
        print(f"  {INVOICES - left} of the run's {INVOICES} invoices went out meanwhile")
    finally:
        processes.stop()


# The world


def _found(processes: Processes, folder: Path) -> World:
    """Practice and clients here, the same contacts there, consents by the front door, and everything started."""
    entities, made = _firm()
    described = [
        {"name": entity.name, "contacts": [_contact(client) for client in made[entity.pk]]} for entity in entities
    ]
    company = folder / "company.json"
    company.write_text(json.dumps({**described[0], "others": described[1:]}))
    ledger = [sys.executable, "manage.py", "sandbox", "xero", "--company", str(company), "--delay", str(DELAY)]
    processes.start("xero", [*ledger, "--with-parent"], {})
    keys = processes._facts("xero")
    port = free_port(int(os.environ.get("BENCH_PORT", "8350")))
    address = f"http://127.0.0.1:{port}"
    environment = {
        "SITE_URL": address, "PORT": str(port), "XERO_BASE": keys["base_url"], "XERO_CLIENT_ID": keys["client_id"],
        "XERO_CLIENT_SECRET": keys["client_secret"], "XERO_WEBHOOK_KEY": keys["webhook_secret"],
    }  # fmt: skip
    for name, value in environment.items():
        setattr(settings, name, value)
    tenants = _tenants(keys["base_url"])
    connections = [_consent(entity, tenants[entity.name]) for entity in entities]
    world = World(keys["base_url"], connections[1:], connections[0])
    for connection, entity in zip(connections, entities, strict=True):
        world.links[connection.pk] = _link(connection, made[entity.pk])
    processes.start("web", [sys.executable, "manage.py", "web", "--port", str(port), "--with-parent"], environment)
    processes.start("worker", [sys.executable, "manage.py", "work", "--with-parent"], environment)
    answers(f"{address}/healthz", 30)
    post(f"{world.base}/_sandbox/webhooks", {"url": f"{address}/hooks/xero/"})
    _first_sweep()
    return world


def _first_sweep() -> None:
    """Wait until the workers have read every ledger once, as they do when a connection is new."""
    lanes = Lane.objects.filter(name="pull", swept_at__isnull=False, until__isnull=True)
    while lanes.count() < CONNECTIONS + 1:
        time.sleep(0.5)  # noqa: TID251 (measures real time)


def _firm() -> tuple[list[Entity], dict[int, list[Client]]]:
    """One practice; the first of its entities has the clients of the billing run."""
    first = engine.firm("AU")
    entities = [first] + [_sibling(first, number) for number in range(CONNECTIONS)]
    made = {}
    for entity in entities:
        many = INVOICES if entity is first else CONTACTS
        rows = [
            Client(
                practice_id=entity.practice_id, name=f"Client {entity.pk} {n:06} Ltd", country="AU", currency="AUD",
                billing_email=f"ap{n}@client.example",
            )
            for n in range(many)
        ]  # fmt: skip
        made[entity.pk] = Client.objects.bulk_create(rows)
    return entities, made


def _sibling(first: Entity, number: int) -> Entity:
    return Entity.objects.create(
        practice=first.practice, name=f"Bench {number:02} Pty Ltd", country="AU", currency="AUD",
        time_zone=first.time_zone,
    )  # fmt: skip


def _contact(client: Client) -> dict[str, Any]:
    number = documents.client_number(client)
    return {"Name": client.name, "ContactNumber": number, "EmailAddress": client.billing_email}


def _tenants(base: str) -> dict[str, str]:
    """The organisations' ids by name."""
    page = requests.get(f"{base}/_sandbox/books", timeout=60).json()
    return {
        row["Name"]: row["OrganisationID"]
        for kind, rows in page.items()
        if kind.endswith(":Organisations")
        for row in rows.values()
    }


def _consent(entity: Entity, tenant: str) -> Connection:
    """Connect one organisation by its owner's consent, as the connection page does."""
    back = "http://localhost/hooks/xero/callback/"
    asked = urlsplit(oauth_of("xero").authorise_url(state="s", redirect_uri=back))
    form = [*parse_qsl(asked.query), ("answer", "approve"), ("tenant", tenant)]
    answer = requests.post(f"{asked.scheme}://{asked.netloc}{asked.path}", data=form, allow_redirects=False, timeout=30)
    code = dict(parse_qsl(urlsplit(answer.headers["Location"]).query))["code"]
    with audit.cause(system="command", actor="bench"):
        (row,) = connecting.from_consent(entity=entity, provider="xero", code=code, redirect_uri=back)
        assert row.remote_org == tenant
        Connection.objects.filter(pk=row.pk).update(state="live")
    row.refresh_from_db()
    return row


def _link(connection: Connection, made: list[Client]) -> list[Link]:
    """The links of clients that both books know, with what both say of them."""
    ledger, page, found = ledger_for(connection), 1, {}
    while True:
        answer = ledger.changed("client", connection.connected_at.replace(year=2020), clock.now(), page)
        found.update({remote.theirs["number"]: remote for remote in answer.remotes})
        if not answer.more:
            break
        page += 1
    rows = []
    for client in made:
        remote = found[documents.client_number(client)]
        rows.append(
            Link(
                connection=connection, kind="client", client=client, remote_id=remote.remote_id,
                remote_version=remote.version, base_theirs=remote.theirs, base_ours=documents.client_doc(client),
                verified_at=clock.now(),
            )
        )  # fmt: skip
    return Link.objects.bulk_create(rows)


def _begin_run(world: World) -> None:
    """A billing run over a connection of its own, and its bell."""
    first = world.own.entity
    made = [link.client for link in world.links[world.own.pk]]
    with audit.cause(system="schedule", actor="billing run"):
        engine.issue(world.own, first, Service.objects.get(), made)
    wake.wake("ledger_sync.tasks.push", connection_id=world.own.pk)
    time.sleep(2)  # noqa: TID251 (the run is under way)


# The changes


def _play(world: World, *, own: bool) -> list[Change]:
    """Let the bookkeepers save, each at its moment, and look until every change is here."""
    mark = f"{time.time():.0f}"
    changes = []
    for n in range(EVENTS):
        connection = world.connections[n % CONNECTIONS]
        changes.append((n / RATE, _change(world, connection, n // CONNECTIONS, f"e{n}-{mark}@client.example")))
        if own and n % OWN_EVERY == 0:
            changes.append((n / RATE, _change(world, world.own, n // OWN_EVERY, f"o{n}-{mark}@client.example")))
    began = time.time() + 0.5
    waiting: dict[str, Change] = {change.email: change for _, change in changes}
    with ThreadPoolExecutor(16) as people:
        for after, change in changes:
            people.submit(_save, world, change, began + after)
        deadline = began + changes[-1][0] + 60
        while waiting and time.time() < deadline:
            _see(waiting)
            time.sleep(0.02)  # noqa: TID251 (measures real time)
    return [change for _, change in changes]


def _change(world: World, connection: Connection, turn: int, email: str) -> Change:
    links = world.links[connection.pk]
    return Change(connection, links[turn % len(links)], email)


def _save(world: World, change: Change, moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))  # noqa: TID251 (measures real time)
    assert change.link.client is not None
    change.at = time.time()
    answer = requests.post(
        f"{world.base}/books/{change.connection.remote_org}/contacts/{change.link.remote_id}/",
        data={"action": "save", "Name": change.link.client.name, "EmailAddress": change.email},
        allow_redirects=False,
        timeout=30,
    )
    assert answer.status_code == 303, answer.text


def _see(waiting: dict[str, Change]) -> None:
    """Note which changes our rows show by now; a later one of the same contact shows that an earlier one was taken."""
    under_way = [change for change in waiting.values() if change.at]
    ids = {change.link.client_id for change in under_way}
    for email in Client.objects.filter(pk__in=ids).values_list("billing_email", flat=True):
        if change := waiting.pop(email, None):
            change.seen_at = time.time()


# The burst


def _burst(world: World) -> None:
    """Many notices at once, rightly signed: how long each waits for its answer, and whether each is kept and worked."""
    before = Delivery.objects.count()
    with ThreadPoolExecutor(CONNECTIONS) as senders:
        took = list(senders.map(lambda n: _deliver(world, n), range(BURST)))
    telling.spread(f"{database.vendor}: a burst of notices, answered", took, ANSWERED_WITHIN, ANSWERED_WITHIN)
    kept, began = Delivery.objects.count() - before, time.time()
    waiting = Delivery.objects.filter(worked_at__isnull=True)
    while (waiting.exists() or Hint.objects.exists()) and time.time() - began < 600:
        time.sleep(0.5)  # noqa: TID251 (measures real time)
    left = f"{waiting.count()} not worked, {Hint.objects.count()} objects not read"
    print(f"  {BURST - kept} lost; {left} {time.time() - began:.0f} s after the last answer")


def _deliver(world: World, number: int) -> float:
    connection = world.connections[number % CONNECTIONS]
    links = world.links[connection.pk]
    at = clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    event = {
        "resourceUrl": "", "resourceId": links[number // CONNECTIONS % len(links)].remote_id,
        "tenantId": connection.remote_org, "tenantType": "ORGANISATION", "eventCategory": "CONTACT",
        "eventType": "UPDATE", "eventDateUtc": at,
    }  # fmt: skip
    body = json.dumps({"events": [event], "firstEventSequence": number, "lastEventSequence": number}).encode()
    signature = base64.b64encode(hmac.new(settings.XERO_WEBHOOK_KEY.encode(), body, hashlib.sha256).digest()).decode()
    headers = {"Content-Type": "application/json", "x-xero-signature": signature}
    started = time.perf_counter()
    answer = requests.post(f"{settings.SITE_URL}/hooks/xero/", body, headers=headers, timeout=60)
    assert (answer.status_code, answer.content, answer.cookies.get_dict()) == (200, b"", {})
    return time.perf_counter() - started


# The figures


def _tell(when: str, changes: list[Change], world: World) -> None:
    lost = [change for change in changes if change.seen_at is None]
    seen = [change for change in changes if change.seen_at is not None]
    others = [change.took for change in seen if change.connection != world.own]
    own = [change.took for change in seen if change.connection == world.own]
    name = f"{database.vendor}: webhook to row, {when}"
    if others:
        telling.spread(name, others, MEDIAN, WORST)
    if own:
        telling.spread(f"{database.vendor}: webhook to row, the run's own connection", own)
    print(f"  {_parts(seen)}; {len(lost)} never came")


def _parts(changes: list[Change]) -> str:
    """Where the time went, at the median: to our door, worked into a hint, fetched and taken in."""
    moments: dict[str, list[tuple[float, float, float]]] = {}
    for row in Delivery.objects.filter(worked_at__isnull=False):
        assert row.worked_at is not None
        for _, _, remote_id, at, _ in inbound._readable(row):
            moments.setdefault(remote_id, []).append(
                (at.timestamp(), row.received_at.timestamp(), row.worked_at.timestamp())
            )
    parts = []
    for change in changes:
        events = [m for m in moments.get(str(change.link.remote_id), []) if m[0] >= change.at - 0.05]
        if events and change.seen_at is not None:
            _, received, worked = min(events)
            parts.append((received - change.at, worked - received, change.seen_at - worked))
    if not parts:
        return "no parts"
    door, hint, taken = (statistics.median(column) for column in zip(*parts, strict=True))
    return f"at the median {door:.3f} s to our door, {hint:.3f} s to a hint, {taken:.3f} s to our row"
