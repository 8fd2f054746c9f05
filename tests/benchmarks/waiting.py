"""How long people wait, measured from outside with web, worker and sandboxes as processes that answer after 150 ms."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.management import call_command

from ledger_sync.models import Link
from practice.core import clock
from practice.firm.models import Client
from practice.site.demo import founding, wiring
from practice.site.demo.cast import FIRMS, FirmCast
from practice.site.demo.processes import Processes, answers, free_port
from practice.site.demo.story import Story
from practice.site.models import DemoMark
from tests.benchmarks.telling import seconds

RUNS = int(os.environ.get("RUNS", "50"))
DELAY = 0.15
#: One run in so many seconds: Xero takes 60 calls a minute, and to wait for its next minute is not what is measured.
PACE = 3.5


def until(look: Callable[[], Any], seconds: float = 60) -> float:
    """Seconds until something is so."""
    started = time.perf_counter()
    while not look():
        if time.perf_counter() - started > seconds:
            raise TimeoutError("it did not happen in a minute")
        time.sleep(0.005)  # noqa: TID251 (measures real time)
    return time.perf_counter() - started


def paced() -> Iterator[int]:
    """The runs, each at its time."""
    for number in range(RUNS):
        started = time.perf_counter()
        yield number
        time.sleep(max(0.0, PACE - (time.perf_counter() - started)))  # noqa: TID251 (measures real time)


def accepted_to_booked(address: str, cast: FirmCast) -> list[float]:
    """From the press on Sign to the invoice in the ledger, over HTTP."""
    measured = []
    for _ in paced():
        story = Story(address, lambda _: None, slug=cast.slug)
        proposal = story._draft()
        link = story._send(proposal)
        form = story._fields(story._get(story.client, link).text)
        facts = {"option": form["option"], "shown": form["shown"], "name": "Rosa", "role": "Director", "consent": "yes"}
        token = story.client.cookies.get(settings.CSRF_COOKIE_NAME) or ""
        started = time.perf_counter()
        story.client.post(
            f"{address}{link}sign/",
            data={**facts, "csrfmiddlewaretoken": token},
            headers={"Referer": address + link},
            allow_redirects=False,
            timeout=30,
        )
        rows = Link.objects.filter(invoice__client=proposal.client, remote_id__isnull=False)
        until(rows.exists)
        measured.append(time.perf_counter() - started)
    return measured


def notice_to_row(books: dict[str, Any], realm: str) -> list[float]:
    """From a changed email in the ledger to our row, by its webhook."""
    measured = []
    link = Link.objects.filter(client__isnull=False, remote_id__isnull=False, connection__provider="xero")[0]
    for number in paced():
        email = f"bench{number}@rivergum.example"
        started = time.perf_counter()
        requests.post(
            f"{books['xero']['base_url']}/books/{realm}/contacts/{link.remote_id}/",
            data={"action": "save", "Name": link.client.name, "EmailAddress": email},
            allow_redirects=False,
            timeout=10,
        )
        rows = Client.objects.filter(pk=link.client_id, billing_email=email)
        until(rows.exists)
        measured.append(time.perf_counter() - started)
    return measured


def measure(folder: Path) -> None:
    """Start everything in a folder, measure, stop everything."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    DemoMark.objects.create(made_at=clock.now())
    processes = Processes(folder)
    (folder / "sandboxes").mkdir()
    try:
        books = processes.sandboxes(DELAY)
        port = free_port(8300)
        environment = wiring.environment(books, f"http://127.0.0.1:{port}", port)
        os.environ.update(environment)
        for name, value in environment.items():
            setattr(settings, name, value)
        people = founding.found_people()
        realms = {}
        for cast in FIRMS:
            small = type(cast)(**{**vars(cast), "clients": cast.clients[:3]})
            entity = founding.found_firm(small, people)
            realms[cast.provider] = founding.connect_ledger(small, entity, books[cast.provider]).remote_org
            founding.connect_stripe(small, entity, books["stripe"]["accounts"][cast.stripe_account])
        web = [sys.executable, "manage.py", "web", "--port", str(port), "--with-parent"]  # fmt: skip
        processes.start("web", web, environment)
        processes.start("worker", [sys.executable, "manage.py", "work", "--with-parent"], environment)
        address = f"http://127.0.0.1:{port}"
        answers(f"{address}/healthz", 30)
        wiring.listen(books, address)
        time.sleep(3)  # noqa: TID251 (the cluster forks its workers)
        print(f"sandboxes answer after {DELAY * 1000:.0f} ms; SQLite; web and worker apart")
        for cast in FIRMS:
            name = f"acceptance click to invoice in the sandbox of {cast.provider}"
            seconds(name, accepted_to_booked(address, cast), 1.0)
        seconds("changed in Xero to changed here, by webhook", notice_to_row(books, realms["xero"]), 1.0)
    finally:
        processes.stop()
