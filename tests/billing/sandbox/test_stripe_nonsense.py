"""Nonsense on every route there is: nothing raises, nothing is a server error, and what is refused changes nothing.

The routes are read from the routers, so that a new one is covered from its first day.
"""

from __future__ import annotations

import json
import random
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from billing.sandbox.stripe import StripeSandbox, control, dashboard, parameters
from billing.sandbox.stripe.books import copied
from billing.sandbox.stripe.routes import ROUTES
from practice.core import clock
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.server import Server
from tests.billing.sandbox.conftest import MONDAY

ODD = [
    "", " ", "0", "-1", "1e9", "99999999999999999999", "\x00", "\ud800", "é", "漢字", "🦊", "%00", "%zz", "null", "true", "[]",
    "{}", "../../etc/passwd", "a" * 5_000, "cus_1", "2026-02-30", "0000-00-00T99:99:99Z", "9" * 400, "NaN", "\r\nX: y", "';--",
]  # fmt: skip
KEYS = [
    "",
    "[",
    "]",
    "[]",
    "a[",
    "a]b",
    "a[b]c",
    "a[][]",
    "metadata[]",
    "expand[][x]",
    "x" * 300,
    "é",
    "\x00",
    "a[b][c][d][e][f][g][h][i][j]",
]
BODIES = [
    b"",
    b"\xff\xfe\x00",
    b"&&&===",
    b"a=%ff%fe",
    b"{",
    b'{"a": 1}',
    b"[1,2",
    b"--x\r\n\r\n",
    b"=" * 100,
    b"a" * 20_000,
    "é=ü".encode("utf-16"),
]
KINDS = [
    "application/x-www-form-urlencoded",
    "application/json",
    "multipart/form-data; boundary=x",
    "text/xml",
    "",
    "\xff",
]


@pytest.fixture
def lived_in(sandbox: StripeSandbox, api: Any, client: Any, saved: Any, charge: Any) -> dict[str, list[str]]:
    """An account with something of each kind; the ids of what there is."""
    api.webhook_endpoints.create({"url": "http://practice.test/", "enabled_events": ["*"]})
    paid = charge(saved("pm_card_visa").payment_method)
    charge(saved("pm_card_createDispute").payment_method)
    clock.advance(seconds=5)
    api.refunds.create({"payment_intent": paid.id, "amount": 1_000})
    clock.advance(days=4)
    api.payment_intents.create({"amount": 500, "currency": "aud"})
    books = sandbox.books("acct_harbour")
    tables = ("customer", "payment_method", "setup_intent", "payment_intent", "charge", "refund", "dispute")
    tables += ("balance_transaction", "payout", "event", "webhook_endpoint")
    return {kind: [row["id"] for row in books.rows(kind)] for kind in tables}


def rows(sandbox: StripeSandbox) -> dict[str, Any]:
    held = {"_counter", "_payout_run", "_job", "_delivery", "_delivered"}
    return copied({k: v for k, v in sandbox.store._tables.items() if v and k.rpartition("/")[2] not in held})


class Nonsense:
    """Requests that begin well-formed and are bent, by seed."""

    def __init__(self, seed: int, ids: dict[str, list[str]], keys: dict[str, str]) -> None:
        self.chance = random.Random(seed)
        self.ids = [each for row in ids.values() for each in row[:3]]
        self.keys = keys

    def value(self, kind: Any) -> str:
        good = {"i": "500", "b": "true", "f": "1.5", "s": "aud", "*": "x"}.get(str(kind), "x")
        if isinstance(kind, list):
            good = self.chance.choice(kind)
        return self.chance.choice([good, good, self.chance.choice(ODD), self.chance.choice(self.ids)])

    def pairs(self, kinds: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
        """Some of a route's own parameters, with values good and bad, and some that are nobody's."""
        for name, kind in kinds.items():
            if self.chance.random() < (0.15 if not name.endswith("!") else 0.8):
                plain = name.rstrip("!?")
                key = f"{prefix}[{plain}]" if prefix else plain
                if isinstance(kind, dict):
                    yield from self.pairs({"": kind["[]"]} if "[]" in kind else kind, key)
                else:
                    yield key + self.chance.choice(["", "", "", "[]", "[0]", "[x]"]), self.value(kind)
        if self.chance.random() < 0.2:
            yield self.chance.choice(KEYS), self.chance.choice(ODD)

    def headers(self) -> dict[str, str]:
        key = self.chance.choice([*self.keys.values()] * 4 + ["", "nobody", "sk_live_x", "\x00", "é"])
        basic = self.chance.choice(["Basic !!!", "Basic w6k6", "Bearer", "", "Digest x"])
        out = {"Authorization": self.chance.choice([f"Bearer {key}"] * 6 + [basic])}
        out["Content-Type"] = self.chance.choice(KINDS[:1] * 6 + KINDS)
        if self.chance.random() < 0.3:
            out["Idempotency-Key"] = self.chance.choice(["k1", "k2", "k3", "", "é", "x" * 300])
        if self.chance.random() < 0.1:
            out["Stripe-Version"] = self.chance.choice(ODD)
        return out

    def request(self, name: str, kinds: Any) -> Request:
        method, _, path = name.partition(" ")
        for slot in ("{key}", "{method}"):
            path = path.replace(
                slot, self.chance.choice([*self.ids, *self.ids, *ODD]).replace("?", "").replace("#", "")
            )
        pairs = list(self.pairs(kinds))
        text = "&".join(f"{k}={v}" for k, v in pairs)
        body = text.encode("utf-8", "surrogatepass") if self.chance.random() < 0.85 else self.chance.choice(BODIES)
        headers = self.headers()
        if method == "POST":
            return Request(method, path, (), {k.lower(): v for k, v in headers.items()}, body)
        return Request(method, path, tuple(pairs), {k.lower(): v for k, v in headers.items()}, b"")


def sound(answer: Response) -> None:
    assert answer.status < 500, answer.body
    if answer.status >= 400:
        error = answer.json()["error"]
        assert error["message"]
        assert error["type"] in ("invalid_request_error", "card_error", "idempotency_error")


@pytest.mark.parametrize("seed", range(4))
def test_every_route_of_the_api(sandbox: StripeSandbox, lived_in: dict[str, list[str]], seed: int) -> None:
    keys = sandbox.credentials("acct_harbour")
    nonsense = Nonsense(seed, lived_in, {k: keys[k] for k in ("secret_key", "restricted_key", "publishable_key")})
    for route in ROUTES:
        for _ in range(12):
            request = nonsense.request(route.name, parameters.table()[route.name])
            before = rows(sandbox)
            answer = sandbox.handle(request)
            sound(answer)
            refused = answer.status in (400, 401, 403, 404, 409) and b"charge_exceeds" not in answer.body
            if refused or request.method == "GET":
                after = rows(sandbox)
                kept = "acct_harbour/_idempotency"
                assert {k: v for k, v in before.items() if k != kept} == {
                    k: v for k, v in after.items() if k != kept
                }, request


def test_every_method_on_every_path(sandbox: StripeSandbox) -> None:
    key = sandbox.credentials("acct_harbour")["secret_key"]
    headers = {"authorization": f"Bearer {key}"}
    known = {route.name for route in ROUTES}
    for route in ROUTES:
        path = route.name.split(" ", 1)[1]
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "TRACE"):
            answer = sandbox.handle(Request(method, path.replace("{key}", "x").replace("{method}", "y"), (), headers))
            sound(answer)
            if f"{method} {path}" not in known and "{" not in path:
                assert answer.status == 404


@pytest.mark.parametrize("seed", range(2))
def test_every_control(sandbox: StripeSandbox, lived_in: dict[str, list[str]], seed: int) -> None:
    chance = random.Random(seed)
    ids = [each for row in lived_in.values() for each in row[:2]]
    words = [
        "account",
        "charge",
        "dispute",
        "payout",
        "refund",
        "reason",
        "code",
        "won",
        "failure",
        "url",
        "kind",
        "at",
    ]
    words += ["advance_seconds", "settings", "delay", "weather", "times", "match", "country", "business", "key"]
    for method, name in [*control._WORK, ("POST", "authenticate/pi_x"), ("POST", "nowhere")]:
        for _ in range(15):
            odd = [*ODD[:-3], 1, -1, None, True, [], {}, 1e308, *ids, "acct_harbour"]
            body = {chance.choice(words): chance.choice(odd) for _ in range(chance.randint(0, 4))}
            if chance.random() < 0.6:
                body["account"] = "acct_harbour"
            raw = json.dumps(body).encode() if chance.random() < 0.8 else chance.choice(BODIES)
            answer = sandbox.handle(Request(method, f"/_sandbox/{name}", (), {}, raw))
            assert answer.status < 500, (name, body, answer.body)
            sandbox.faults.clear()
            clock.move(MONDAY)
    control_state = sandbox.handle(Request("GET", "/_sandbox/state"))
    assert control_state.status == 200


def test_every_page_and_button(sandbox: StripeSandbox, lived_in: dict[str, list[str]]) -> None:
    ids = [row[0] for row in lived_in.values()] + ODD
    names = ["acct_harbour", "acct_nobody", "", "é", "..", "acct_larkin"]
    buttons = [*dashboard._BUTTONS, "nothing", "é"]
    for name in names:
        for button in buttons:
            for each in ids[:: max(1, len(ids) // 12)]:
                body = f"id={each}".encode("utf-8", "surrogatepass")
                answer = sandbox.handle(Request("POST", f"/dashboard/{name}/{button}", (), {}, body))
                assert answer.status in (200, 302, 404), answer.body
        assert sandbox.handle(Request("GET", f"/dashboard/{name}/", (("said", "\x00<b>"),))).status in (200, 302, 404)
    for path in (
        "/",
        "/v3/stripe.js",
        "/dashboard.css",
        "/authenticate/pi_x",
        "/authenticate/",
        "/favicon.ico",
        "/v1",
        "//",
    ):
        for method in ("GET", "POST", "OPTIONS", "DELETE"):
            assert sandbox.handle(Request(method, path, (("client_secret", "x"),))).status < 500


def test_broken_http_over_a_socket(sandbox: StripeSandbox) -> None:
    server = Server(sandbox)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        for raw in (
            b"GARBAGE\r\n\r\n",
            b"GET /v1/customers HTTP/9.9\r\n\r\n",
            b"POST /v1/customers HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
            b"POST /v1/customers HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
            b"GET /v1/cust\xffomers?\xfe=\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            b"GET /v1/customers/%ff%00 HTTP/1.1\r\nHost: x\r\nAuthorization: \xff\xfe\r\nConnection: close\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", server.port), timeout=5) as door:
                door.sendall(raw)
                assert b" 500 " not in door.recv(4_000).split(b"\r\n")[0]
    finally:
        server.stop()
        thread.join(5)
        server.server_close()
