"""The controls, the store that survives a restart, and the launcher's way in."""

from __future__ import annotations

import json
import threading
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox, build
from practice.core import clock
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.server import Server
from practice.core.sandbox.store import Store
from tests.ledger_sync.sandbox.quickbooks.qbo_app import COMPANY, MORNING, App


def post(sandbox: QuickBooksSandbox, name: str, body: object) -> Response:
    return sandbox.handle(Request.build("POST", f"/_sandbox/{name}", {}, json.dumps(body)))


def test_state_books_and_credentials(app: App) -> None:
    state = app.sandbox.handle(Request.build("GET", "/_sandbox/")).json()
    assert state["provider"] == "quickbooks"
    assert state["tenants"][app.realm]["Customer"] == 2
    assert app.sandbox.handle(Request.build("GET", "/_sandbox/books")).json() == app.sandbox.dump()
    keys = app.sandbox.handle(Request.build("GET", "/_sandbox/credentials")).json()
    assert (keys["realm_id"], bool(keys["webhook_secret"])) == (app.realm, True)
    assert app.sandbox.handle(Request.build("GET", "/_sandbox/secrets")).status == 404


def test_faults_clock_webhooks_settings(sandbox: QuickBooksSandbox) -> None:
    assert post(sandbox, "faults", {"kind": "server_error", "times": 2}).json()["ordered"][0]["times"] == 2
    assert post(sandbox, "faults", {"clear": True}).json() == {"ordered": []}
    assert post(sandbox, "faults", {"kind": "earthquake"}).status == 400
    assert (
        post(sandbox, "clock", {"advance_seconds": 90}).json()["now"] == (MORNING + timedelta(seconds=90)).isoformat()
    )
    assert post(sandbox, "clock", {"at": MORNING.isoformat()}).json()["now"] == MORNING.isoformat()
    answer = post(sandbox, "webhooks", {"url": "http://web.test/x", "trouble": {"drop": 0.5}}).json()
    assert (answer["url"], answer["active"], sandbox.outbox.trouble.drop) == ("http://web.test/x", True, 0.5)
    assert post(sandbox, "webhooks", {"trouble": {"fire": 1}}).status == 400
    post(sandbox, "settings", {"minute": 7, "legacy_notices": True})
    assert (sandbox.limits.minute, sandbox.settings.legacy_notices) == (7, True)
    assert post(sandbox, "app", {"redirect_uris": ["http://localhost/x"]}).status == 200
    assert post(sandbox, "tick", {}).json() == {"waiting": 0}
    assert post(sandbox, "nonsense", {}).status == 404


def test_a_restart_forgets_nothing_and_repeats_no_id(tmp_path: Path) -> None:
    store = Store(tmp_path / "qbo.sqlite")
    first = build(store=store, base_url="http://qbo.test", send=None, company=COMPANY, seed=3)
    app = App(first)
    invoice = app.invoice(DocNumber="CS-1")
    first.register_redirects(["http://localhost/x"])
    before = first.dump()
    store.close()
    second = build(store=Store(tmp_path / "qbo.sqlite"), base_url="http://qbo.test", send=None, company=COMPANY, seed=3)
    assert second.dump() == before
    assert second.app.redirect_uris == ["http://localhost/x"]
    app.sandbox = second
    assert app.again("Invoice", invoice)["TotalAmt"] == 100
    assert int(app.invoice()["Id"]) == int(invoice["Id"]) + 1
    assert app.code("Invoice", {"CustomerRef": {"value": "1"}, "DocNumber": "CS-1", "Line": [app.line()]}) == "6140"


def test_companies_to_found() -> None:
    assert QuickBooksSandbox(company="empty").dump()
    with pytest.raises(ValueError, match="unknown company"):
        QuickBooksSandbox(company="nonsense")
    one, other = (QuickBooksSandbox(company=COMPANY, seed=5).realm_id for _ in range(2))
    assert one == other


def test_a_restart_keeps_what_was_set(tmp_path: Path) -> None:
    path = tmp_path / "qbo.sqlite"
    first = build(store=Store(path), base_url="http://qbo.test", send=None, company="empty")
    assert post(first, "settings", {"minute": 7, "loopback_redirects": False}).status == 200
    assert post(first, "settings", {"minute": 8, "luck": True}).status == 400
    first.store.close()
    second = build(store=Store(path), base_url="http://qbo.test", send=None, company="empty")
    assert (second.limits.minute, second.settings.loopback_redirects) == (7, False)
    assert second.limits.page == first.limits.page


def test_over_a_real_socket() -> None:
    clock.move(None)
    server = Server(QuickBooksSandbox(company="empty"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/_sandbox/") as answer:
            assert json.load(answer)["provider"] == "quickbooks"
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/books/") as page:
            assert b"Empty Sandbox Company" in page.read()
    finally:
        server.stop()
        thread.join(5)
        server.server_close()
