"""The controls, the store that survives a restart, and the launcher's way in."""

from __future__ import annotations

import json
import threading
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest

from ledger_sync.sandbox.xero import XeroSandbox, build
from ledger_sync.sandbox.xero.settings import Switches
from practice.core import clock
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.server import Server
from practice.core.sandbox.store import Store
from tests.ledger_sync.sandbox.xero.xero_app import COMPANY, NOON, App


def post(sandbox: XeroSandbox, name: str, body: object) -> Response:
    return sandbox.handle(Request.build("POST", f"/_sandbox/{name}", {}, json.dumps(body)))


def test_state_books_and_credentials(app: App) -> None:
    state = app.sandbox.handle(Request.build("GET", "/_sandbox/")).json()
    assert state["provider"] == "xero"
    assert state["tenants"][app.tenant]["Contacts"] == 2
    books = app.sandbox.handle(Request.build("GET", "/_sandbox/books")).json()
    assert books == app.sandbox.dump()
    assert app.sandbox.handle(Request.build("GET", "/_sandbox/credentials")).json()["tenant_id"] == app.tenant
    assert app.sandbox.handle(Request.build("GET", "/_sandbox/secrets")).status == 404


def test_faults_clock_webhooks_settings(sandbox: XeroSandbox) -> None:
    assert post(sandbox, "faults", {"kind": "server_error", "times": 2}).json()["ordered"][0]["times"] == 2
    assert post(sandbox, "faults", {"clear": True}).json() == {"ordered": []}
    assert post(sandbox, "faults", {"kind": "earthquake"}).status == 400
    assert post(sandbox, "clock", {"advance_seconds": 90}).json()["now"] == (NOON + timedelta(seconds=90)).isoformat()
    assert post(sandbox, "clock", {"at": NOON.isoformat()}).json()["now"] == NOON.isoformat()
    answer = post(sandbox, "webhooks", {"url": "http://web.test/x", "trouble": {"drop": 0.5}}).json()
    assert (answer["url"], answer["pending"], sandbox.outbox.trouble.drop) == ("http://web.test/x", True, 0.5)
    assert post(sandbox, "webhooks", {"trouble": {"fire": 1}}).status == 400
    post(sandbox, "settings", {"minute": 7, "payment_events": False})
    assert (sandbox.limits.minute, sandbox.settings.payment_events) == (7, False)
    assert post(sandbox, "app", {"redirect_uris": ["http://localhost/x"]}).status == 200
    assert post(sandbox, "tick", {}).json() == {"waiting": 0}
    assert post(sandbox, "nonsense", {}).status == 404


@pytest.mark.parametrize(
    "body", [{"number_edits": "false"}, {"number_edits": None}, {"__dict__": {}}, {"__class__": 1}]
)
def test_a_switch_is_true_or_false_and_nothing_else_is_set(sandbox: XeroSandbox, body: dict[str, object]) -> None:
    before = (sandbox.settings, sandbox.limits)
    assert post(sandbox, "settings", body).status == 400
    assert before == (Switches(), sandbox.limits)
    assert sandbox.settings == Switches()


def test_a_restart_forgets_nothing_and_repeats_no_id(tmp_path: Path) -> None:
    store = Store(tmp_path / "xero.sqlite")
    first = build(store=store, base_url="http://xero.test", send=None, company=COMPANY, seed=3)
    app = App(first)
    invoice = app.invoice()
    first.register_redirects(["http://localhost/x"])
    before = first.dump()
    store.close()
    second = build(
        store=Store(tmp_path / "xero.sqlite"), base_url="http://xero.test", send=None, company=COMPANY, seed=3
    )
    assert second.dump() == before
    assert second.app.redirect_uris == ["http://localhost/x"]
    app.sandbox = second
    assert app.again(invoice)["Total"] == 110.0
    fresh = app.invoice()
    assert fresh["InvoiceID"] not in {key for table in before.values() for key in table}
    assert fresh["InvoiceNumber"] == "INV-0002"


def test_a_restart_keeps_what_was_set(tmp_path: Path) -> None:
    path = tmp_path / "xero.sqlite"
    first = build(store=Store(path), base_url="http://xero.test", send=None, company="empty")
    assert post(first, "settings", {"minute": 7, "loopback_redirects": False}).status == 200
    assert post(first, "settings", {"minute": 8, "luck": True}).status == 400
    first.store.close()
    second = build(store=Store(path), base_url="http://xero.test", send=None, company="empty")
    assert (second.limits.minute, second.settings.loopback_redirects) == (7, False)
    assert second.limits.page == first.limits.page


def test_over_a_real_socket() -> None:
    clock.move(None)
    server = Server(XeroSandbox(company="empty"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/_sandbox/") as answer:
            assert json.load(answer)["provider"] == "xero"
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/books/") as page:
            assert b"Empty Demo Company" in page.read()
    finally:
        server.stop()
        thread.join(5)
        server.server_close()
