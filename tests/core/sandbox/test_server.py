"""A sandbox on loopback: what is no HTTP gets a 400, and bodies arrive whichever way they are sent."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from practice.core import clock
from practice.core.sandbox.http import Request, Response
from practice.core.sandbox.server import Server


class Echo:
    """Answers with what came."""

    def handle(self, request: Request) -> Response:
        return Response.of_json({"path": request.path, "body": request.body.decode("latin-1")})

    def tick(self) -> None:
        pass


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
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"GET http://[x HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_a_400_and_the_sandbox_lives_on(server, head):
    assert say(server, head).startswith(b"HTTP/1.1 400")
    assert say(server, b"GET /y HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 200")


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
