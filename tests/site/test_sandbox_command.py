"""``manage.py sandbox``: what it prints, whose books it opens, and what it says when it cannot start."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from practice.core.sandbox.store import Store
from tests.run import ROOT

PROMISED = {
    "xero": {"base_url", "client_id", "client_secret", "refresh_token", "tenant_id", "webhook_secret"},
    "quickbooks": {"base_url", "client_id", "client_secret", "refresh_token", "realm_id", "webhook_secret"},
    "stripe": {"base_url", "secret_key", "publishable_key", "account", "webhook_secret"},
}


class Started:
    """One sandbox in a process of its own."""

    def __init__(self, vendor: str, *arguments: str) -> None:
        command = [sys.executable, "manage.py", "sandbox", vendor, "--delay", "0", "--with-parent", *arguments]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.line: dict[str, Any] = json.loads(self.process.stdout.readline())

    def ask(self, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.line["base_url"] + path, data=data, timeout=10) as answer:
            return json.loads(answer.read())

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        assert self.process.wait(20) == 0


@pytest.mark.parametrize("vendor", sorted(PROMISED))
def test_one_json_line_holds_all_that_an_outside_client_needs(vendor: str, tmp_path: Path) -> None:
    arguments = ("--company", "empty", "--state", str(tmp_path / "s"), "--webhook", "http://127.0.0.1:9/hook")
    with Started(vendor, *arguments) as sandbox:
        assert {name for name in PROMISED[vendor] if sandbox.line.get(name)} == PROMISED[vendor]
        assert sandbox.line["base_url"].startswith("http://127.0.0.1:")
        assert sandbox.ask("/_sandbox/clock", {"advance_seconds": 86_400})["now"] > ""
        ahead = (
            sandbox.ask("/_sandbox/clock", {})["now"] if vendor != "stripe" else sandbox.ask("/_sandbox/clock")["now"]
        )
    with Started(vendor, *arguments) as again:
        later = again.ask("/_sandbox/clock", {})["now"] if vendor != "stripe" else again.ask("/_sandbox/clock")["now"]
        assert later >= ahead
        same = {"client_secret", "tenant_id", "realm_id", "secret_key", "webhook_secret"} & PROMISED[vendor]
        assert {name: again.line[name] for name in same} == {name: sandbox.line[name] for name in same}


@pytest.mark.parametrize(
    ("vendor", "described", "path", "found"),
    [
        ("xero", {"name": "Cove & Reed Pty Ltd"}, "/_sandbox/books", "Cove & Reed Pty Ltd"),
        ("quickbooks", {"name": "Cove and Reed LLC"}, "/_sandbox/books", "Cove and Reed LLC"),
        (
            "stripe",
            {"accounts": [{"name": "acct_cove", "country": "GB", "business": "Cove and Reed"}]},
            "/_sandbox/state",
            "acct_cove",
        ),
    ],
)
def test_a_file_describes_the_company(
    vendor: str, described: dict[str, Any], path: str, found: str, tmp_path: Path
) -> None:
    (tmp_path / "company.json").write_text(json.dumps(described))
    with Started(vendor, "--company", str(tmp_path / "company.json")) as sandbox:
        assert found in json.dumps(sandbox.ask(path))


def test_a_company_nobody_knows_and_a_file_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="neither vendor, empty, demo nor a JSON file"):
        call_command("sandbox", "xero", company="nowhere")
    (tmp_path / "list.json").write_text("[]")
    with pytest.raises(CommandError, match="one JSON object"):
        call_command("sandbox", "xero", company=str(tmp_path / "list.json"))
    (tmp_path / "odd.json").write_text('{"accounts": [{"Name": "Odd", "Type": "MOON"}]}')
    with pytest.raises(CommandError, match="describes no company"):
        call_command("sandbox", "xero", company=str(tmp_path / "odd.json"))


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(CommandError, match=r"port \d+ cannot be used .* give another --port"):
            call_command("sandbox", "xero", port=other.getsockname()[1])


def test_the_books_of_one_vendor_are_not_opened_by_another(tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    with store.transaction():
        store.put("_store", "vendor", {"name": "stripe"})
    with pytest.raises(CommandError, match="end the sandbox that has it open"):
        call_command("sandbox", "xero", state=tmp_path / "s")
    store.close()
    with pytest.raises(CommandError, match="holds the books of stripe, not xero"):
        call_command("sandbox", "xero", state=tmp_path / "s")


def test_fresh_books_do_not_take_the_file_from_under_a_running_sandbox(tmp_path: Path) -> None:
    path = tmp_path / "s"
    running = Store(path)
    with running.transaction():
        running.put("rows", "kept", {"n": 1})
    with pytest.raises(CommandError, match="end the sandbox that has it open"):
        call_command("sandbox", "xero", state=path, fresh=True)
    running.close()
    assert Store(path).get("rows", "kept") == {"n": 1}


def test_fresh_books_take_the_place_of_a_file_that_holds_none(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("no books at all " * 100)
    with pytest.raises(CommandError, match="cannot be used"):
        call_command("sandbox", "xero", state=tmp_path / "s")
    with Started("xero", "--company", "empty", "--fresh", "--state", str(tmp_path / "s")) as sandbox:
        assert sandbox.ask("/_sandbox/state")["provider"] == "xero"


def test_the_credentials_of_stripe_are_the_line_it_printed(tmp_path: Path) -> None:
    with Started("stripe", "--company", "empty", "--webhook", "http://127.0.0.1:9/hook") as sandbox:
        assert {"vendor": "stripe", **sandbox.ask("/_sandbox/credentials")} == sandbox.line


def test_in_production_a_sandbox_starts_only_when_it_is_asked_for(settings: Any) -> None:
    settings.PRODUCTION, settings.SANDBOX = True, False
    with pytest.raises(CommandError, match="only with SANDBOX=1"):
        call_command("sandbox", "xero")
