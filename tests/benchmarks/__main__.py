"""``make bench``: how long people wait, measured from outside with web, worker and sandboxes as processes.

Sandboxes answer after 150 ms. Prints a table and, beside it, one JSON line per figure; nothing is asserted.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FOLDER = Path(tempfile.mkdtemp(prefix="countersign-bench-"))
os.environ.update(
    DEMO="1",
    DATABASE_URL=f"sqlite:///{FOLDER / 'bench.sqlite3'}",
    STATIC_ROOT=str(FOLDER / "static"),
    DJANGO_SETTINGS_MODULE="practice.site.settings",
)
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import django  # noqa: E402

django.setup()

import requests  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from ledger_sync.models import Link  # noqa: E402
from practice.core import clock  # noqa: E402
from practice.firm.models import Client  # noqa: E402
from practice.site.demo import founding, wiring  # noqa: E402
from practice.site.demo.cast import FIRMS, FirmCast  # noqa: E402
from practice.site.demo.processes import Processes, answers, free_port  # noqa: E402
from practice.site.demo.story import Story  # noqa: E402
from practice.site.models import DemoMark  # noqa: E402

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


def tell(name: str, seconds: list[float], limit: float) -> None:
    """One row of the table, and the same as JSON."""
    median, worst = statistics.median(seconds), max(seconds)
    print(
        f"{name:<58} {len(seconds):>4} runs   median {median:6.3f} s   worst {worst:6.3f} s   {median / limit:5.2f} of {limit} s"
    )
    facts = {"name": name, "runs": len(seconds), "median": round(median, 4), "worst": round(worst, 4), "limit": limit}
    print(json.dumps(facts), file=sys.stderr, flush=True)


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


def main() -> None:
    """Start everything, measure, stop everything."""
    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    DemoMark.objects.create(made_at=clock.now())
    processes = Processes(FOLDER)
    (FOLDER / "sandboxes").mkdir()
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
            tell(name, accepted_to_booked(address, cast), 1.0)
        tell("changed in Xero to changed here, by webhook", notice_to_row(books, realms["xero"]), 1.0)
    finally:
        processes.stop()


if __name__ == "__main__":
    main()
