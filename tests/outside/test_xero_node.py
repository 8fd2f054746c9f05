"""Xero's own SDK for Node, unchanged, against the sandbox: it finds the identity service by discovery and checks keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

HOSTS = ("identity.xero.com", "login.xero.com", "api.xero.com")


class Receiver(ThreadingHTTPServer):
    """Takes Xero's notices as its documents ask: 401 for a wrong signature, else 200 without a body."""

    def __init__(self) -> None:
        self.key = ""
        self.refused = 0
        self.taken: list[dict[str, str]] = []
        self.arrived = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Taker)

    def wait(self, *texts: str) -> dict[str, str]:
        found: list[dict[str, str]] = []

        def came() -> bool:
            found[:] = [one for one in self.taken if all(text in one["body"] for text in texts)]
            return bool(found)

        with self.arrived:
            assert self.arrived.wait_for(came, 15), self.taken
        return found[0]


class _Taker(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signature = self.headers["x-xero-signature"]
        right = base64.b64encode(hmac.new(self.server.key.encode(), body, hashlib.sha256).digest()).decode()
        with self.server.arrived:
            if signature == right:
                self.server.taken.append({"body": body.decode(), "signature": signature})
            else:
                self.server.refused += 1
            self.server.arrived.notify_all()
        self.send_response(200 if signature == right else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_it_connects_creates_queries_updates_pays_voids_and_hears_of_it(
    node: Any, sandbox: Any, receiver: Receiver
) -> None:
    with sandbox("xero") as keys:
        receiver.key = keys["webhook_secret"]
        url = f"http://127.0.0.1:{receiver.server_address[1]}/hook"
        order = json.dumps({"url": url}).encode()
        urllib.request.urlopen(f"{keys['base_url']}/_sandbox/webhooks", order).read()
        receiver.wait('"firstEventSequence":0')
        done = node("xero_client.cjs", {"keys": keys}, dict.fromkeys(HOSTS, keys["base_url"]))
        came = receiver.wait(done["id"], "INVOICE", "UPDATE")
    assert receiver.refused == 2, "the handshake tries wrong signatures too"
    assert done["told"] == {
        "refused": "access_denied", "email": "marion@harbourvale.example", "name": "Marion", "lives": True,
        "rotated": True, "organisation": "Harbour & Vale Pty Ltd",
    }  # fmt: skip
    assert done["taken"]["status"] == 400
    assert done["taken"]["text"].startswith("The contact name Node Nursery is already assigned")
    assert (done["total"], done["replayed"], done["approved"]) == (110, True, "AUTHORISED")
    assert done["found"] == [1, 1, "2026-11-20T00:00:00.000Z"]
    assert (done["paid"], done["due"], done["voided"]) == (["PAID", 0, 110], ["AUTHORISED", 110], ["VOIDED", 0])
    assert done["frozen"]["text"].startswith("The status VOIDED cannot be applied to the invoice")
    assert (done["history"], done["paper"], done["online"]) == ("from node", "%PDF-", True)
    assert (done["unknown"]["status"], done["files"]["status"], done["gone"]["status"]) == (404, 401, 403)
    checked = node("xero_client.cjs", {"keys": keys, "step": "verify", "notice": came})
    assert checked["valid"] is True
    assert ["INVOICE", "UPDATE", done["id"]] in checked["events"]
