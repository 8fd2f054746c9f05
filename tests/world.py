"""The whole world over real HTTP: the site on a port, each sandbox on a port, the real SDKs in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings as live
from django.core import mail
from django.test import Client as Browser

from practice.core import wake
from practice.core.sandbox.server import Server, post
from practice.core.sandbox.store import Store
from practice.firm.models import User
from practice.site.demo import founding, wiring
from practice.site.demo.cast import FirmCast
from practice.site.demo.story import Story
from practice.site.sandboxes import BUILDERS
from proposals.models import Proposal


@dataclass
class World:
    """Addresses, sandboxes, and a worker in a thread."""

    address: str
    sandboxes: dict[str, Any]
    people: dict[str, User]


class Teller(Story):
    """The demo's story, with a session of the test's own and mail from the test's outbox."""

    def sign_in(self, proposal: Proposal) -> None:
        browser = Browser()
        browser.force_login(proposal.partner)
        session = browser.session
        session["demo_person"] = "test"
        session.save()
        self.partner.cookies.set(live.SESSION_COOKIE_NAME, browser.cookies[live.SESSION_COOKIE_NAME].value)

    def mail_to(self, email: str) -> str:
        found = [m for m in mail.outbox if any(email in to for to in m.to) and "/c/" in str(m.body)]
        return str(found[-1].body) if found else ""


@pytest.fixture
def sandboxes() -> Iterator[dict[str, Any]]:
    """Every sandbox on a port of loopback, in a thread."""
    servers: list[Server] = []
    built: dict[str, Any] = {}
    for vendor, build in BUILDERS.items():
        server = Server(None, delay=0.0)  # type: ignore[arg-type]
        base = f"http://127.0.0.1:{server.port}"
        server.application = built[vendor] = build(store=Store(), base_url=base, send=post, company="demo")
        threading.Thread(target=server.run, daemon=True).start()
        servers.append(server)
    yield built
    for server in servers:
        server.stop()


@pytest.fixture
def world(sandboxes: dict[str, Any], live_server: Any, settings: Any, monkeypatch: Any) -> Iterator[World]:
    """Sandboxes, site and a worker that answers every ring in a thread of its own."""
    books = {vendor: sandbox.credentials() for vendor, sandbox in sandboxes.items()}
    address = live_server.url.replace("localhost", "127.0.0.1")
    for name, value in wiring.environment(books, address, 0).items():
        if name != "PORT":
            setattr(settings, name, value)
    policy = dict(settings.CONTENT_SECURITY_POLICY["DIRECTIVES"])
    stripe = books["stripe"]["base_url"]
    for directive in ("script-src", "frame-src", "connect-src"):
        policy[directive] = ["'self'", stripe]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": policy}
    worker = Worker()
    monkeypatch.setattr(wake, "ring", worker.ring)
    worker.start()
    yield World(address, sandboxes, founding.found_people())
    worker.stop()


class Worker(threading.Thread):
    """Runs what is rung, in order, until stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.rung: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[BaseException] = []
        self.more = threading.Event()
        self.over = False

    def ring(self, task: str, **arguments: Any) -> None:
        self.rung.append((task, arguments))
        self.more.set()

    def run(self) -> None:
        from django.db import connection
        from django.utils.module_loading import import_string

        while not self.over:
            self.more.wait(0.2)
            self.more.clear()
            while self.rung:
                task, arguments = self.rung.pop(0)
                try:
                    import_string(task)(**arguments)
                except Exception as error:
                    self.failures.append(error)
        connection.close()

    def stop(self) -> None:
        self.over = True
        self.more.set()
        self.join(10)
        assert not self.failures, self.failures


def until(look: Callable[[], Any], seconds: float = 20) -> Any:
    """What a look gives once it gives something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := look():
            return answer
        time.sleep(0.05)  # noqa: TID251 (sandboxes and browsers answer in real time)
    raise AssertionError("it did not happen in time")


def found(world: World, cast: FirmCast) -> Any:
    """One firm of the cast, with two clients, connected to its ledger and Stripe."""
    small = type(cast)(**{**vars(cast), "clients": cast.clients[:2]})
    entity = founding.found_firm(small, world.people)
    connection = founding.connect_ledger(small, entity, world.sandboxes[cast.provider].credentials())
    keys = world.sandboxes["stripe"].credentials()["accounts"][cast.stripe_account]
    founding.connect_stripe(small, entity, keys)
    return connection
