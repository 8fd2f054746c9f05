"""A sandbox on loopback: what is no HTTP gets a 400, and bodies arrive whichever way they are sent."""

from __future__ import annotations

import http.server
import socket
import struct
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from practice.core import clock
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.server import Server, post


class Echo:
    """Answers with what came."""

    def handle(self, request: Request) -> Response:
        if request.path == "/back":
            return Response.redirect("http://localhost/é€\r\nSet-Cookie: a=b")
        return Response.of_json({"path": request.path, "body": request.body.decode("latin-1")})

    def __init__(self) -> None:
        self.beats, self.went_on = 0, threading.Event()

    def tick(self) -> None:
        self.beats += 1
        if self.beats == 2:
            raise OverflowError
        if self.beats > 2:
            self.went_on.set()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(Echo())
    thread = threading.Thread(target=running.run)
    thread.start()
    yield running
    running.stop()
    thread.join(5)
    running.server_close()


def say(server: Server, raw: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as line:
        line.sendall(raw)
        line.shutdown(socket.SHUT_WR)
        answer = b""
        while part := line.recv(65536):
            answer += part
    return answer


def test_a_body_in_chunks_arrives_whole(server):
    chunks = b"5\r\nhello\r\n6;note=x\r\n world\r\n0\r\nTrailer: x\r\n\r\n"
    answer = say(
        server, b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunks
    )
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"body":"hello world"' in answer


@pytest.mark.parametrize(
    "head",
    [
        b"POST /x HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 2\r\n\r\nhello",
        b"POST /x HTTP/1.1\r\nContent-Length: 5, 2\r\n\r\nhello",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0_1\r\na\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"POST /x HTTP/1.1\r\nContent-Length: 50\r\n\r\namount=1000&curr",
        b"GET http://[x HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_a_400_and_the_sandbox_lives_on(server, head):
    assert say(server, head).startswith(b"HTTP/1.1 400")
    assert say(server, b"GET /y HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200")


def test_a_length_told_twice_is_one_length(server):
    told = b"Content-Length: 5\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
    assert b'"body":"hello"' in say(server, b"POST /x HTTP/1.1\r\n" + told)


def test_a_delay_passes_for_the_caller_and_leaves_the_clock_of_the_sandbox_alone(server):
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    server.delay = 0.05
    with clock.at(moment):
        started = time.monotonic()
        say(server, b"GET /y HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert (time.monotonic() - started >= 0.05, clock.now()) == (True, moment)


def test_a_caller_that_hangs_up_leaves_no_traceback(server, capfd):
    for _ in range(5):
        caller = socket.create_connection(("127.0.0.1", server.port))
        caller.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n")
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        caller.close()
        assert say(server, b"GET /y HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert "Traceback" not in capfd.readouterr().err


def test_no_value_breaks_out_of_its_header_or_breaks_the_answer(server, capfd):
    answer = say(server, b"GET /back HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert b"\r\nLocation: http://localhost/\xe9%E2%82%ACSet-Cookie: a=b\r\n" in answer
    assert "Traceback" not in capfd.readouterr().err


def test_a_bad_beat_does_not_stop_the_heart(server, capfd):
    assert server.application.went_on.wait(5)
    assert "OverflowError" in capfd.readouterr().err


class Receiver(http.server.BaseHTTPRequestHandler):
    """A webhook's address that sends callers on, or speaks something else."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/other":
            self.wfile.write(b"SSH-2.0-none\r\n\r\n")
            return
        self.send_response(302 if self.path == "/on" else 200)
        self.send_header("Location", "/landed")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[str]:
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_address[1]}"
    listening.shutdown()
    listening.server_close()


def test_a_webhook_is_not_sent_on_to_where_a_redirect_leads(receiver):
    assert (post(f"{receiver}/here", b"{}", {}), post(f"{receiver}/on", b"{}", {})) == (200, 302)


def test_a_webhook_asks_no_proxy(receiver, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert post(f"{receiver}/here", b"{}", {}) == 200


def test_an_address_that_is_none_and_one_that_speaks_no_http_have_not_answered(receiver):
    odd = [
        "5",
        "file:///etc/hostname",
        "http://[::1",
        "http://127.0.0.1:abc/",
        f"{receiver}/a b",
        f"{receiver}/\r\nX: y",
    ]
    assert [post(url, b"{}", {}) for url in (*odd, "http://€..x/", f"{receiver}/€", f"{receiver}/other")] == [0] * 9
