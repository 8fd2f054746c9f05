"""The demo's world in one process: every sandbox behind the SDKs without a socket, one clock, a worker that is at once.

History is made here by the product's own code; afterwards the sandboxes' files go to processes of their own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.test import Client as Browser
from django.test.utils import override_settings
from django.utils.module_loading import import_string

from practice.core import clock, network, wake
from practice.core.sandbox.store import Store
from practice.site.sandboxes import BUILDERS

log = logging.getLogger(__name__)
HOSTS = {vendor: f"{vendor}.test" for vendor in BUILDERS}


@dataclass
class World:
    """The sandboxes, and what was rung and not yet worked."""

    sandboxes: dict[str, Any]
    rung: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def ring(self, task: str, **arguments: Any) -> None:
        """The bell: remembered until :meth:`work`."""
        self.rung.append((task, arguments))

    def work(self, rounds: int = 200) -> None:
        """Be the worker until nothing is rung, and let the sandboxes' time pass in between."""
        for _ in range(rounds):
            for sandbox in self.sandboxes.values():
                sandbox.tick()
            if not self.rung:
                return
            todo, self.rung = list({str(r): r for r in self.rung}.values()), []
            for task, arguments in todo:
                import_string(task)(**arguments)

    def pass_time(self, **amount: float) -> None:
        """Move the clock on and work what that brings."""
        clock.advance(**amount)
        self.work()


def _deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Hand a sandbox's webhook to the site, without a socket."""
    path = urlsplit(url).path
    given = {k: v for k, v in headers.items() if k.lower() not in ("content-type", "content-length", "host")}
    answer = Browser(SERVER_NAME="localhost").post(path, body, content_type="application/json", headers=given)
    return int(answer.status_code)


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """Open the world over state files in a folder; the clock and the bell are put back afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    stores = {vendor: Store(folder / f"{vendor}.sqlite3") for vendor in BUILDERS}
    sandboxes = {
        vendor: build(store=stores[vendor], base_url=f"http://{HOSTS[vendor]}", send=_deliver, company="demo")
        for vendor, build in BUILDERS.items()
    }
    here = World(sandboxes)
    xero, qbo = sandboxes["xero"].credentials(), sandboxes["quickbooks"].credentials()
    addresses = {
        "XERO_BASE": f"http://{HOSTS['xero']}", "XERO_CLIENT_ID": xero["client_id"],
        "XERO_CLIENT_SECRET": xero["client_secret"], "XERO_WEBHOOK_KEY": xero["webhook_secret"],
        "QBO_BASE": f"http://{HOSTS['quickbooks']}", "QBO_CLIENT_ID": qbo["client_id"],
        "QBO_CLIENT_SECRET": qbo["client_secret"], "QBO_VERIFIER": qbo["webhook_secret"],
        "STRIPE_API_BASE": f"http://{HOSTS['stripe']}",
    }  # fmt: skip
    before, wake.ring = wake.ring, here.ring
    try:
        with override_settings(**addresses), network.answer_in_process({HOSTS[v]: s for v, s in sandboxes.items()}):
            yield here
    finally:
        wake.ring = before
        clock.move(None)
        for store in stores.values():
            store.close()
