"""A sandbox over loopback HTTP, in its own process, answering after a settable delay."""

from __future__ import annotations

import contextlib
import http.client
import socket
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

from practice.core.sandbox.http import Application, ConnectionLost, Request, Response, TimedOut

#: More than any vendor takes in one request; what is larger is not even read.
MOST_BYTES = 120_000_000
#: Seconds after which nobody waits for an answer any more. Callers wait in real time, whatever its clock says.
UNANSWERED = 70.0


class Server(ThreadingHTTPServer):
    """One sandbox on 127.0.0.1; ``delay`` seconds pass before each answer."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, application: Application, port: int = 0, delay: float = 0.0) -> None:
        self.application = application
        self.delay = delay
        self._stopping = threading.Event()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        """The port in use."""
        return int(self.server_address[1])

    def run(self) -> None:
        """Serve until :meth:`stop`, with a heartbeat that lets time pass for the sandbox."""
        threading.Thread(target=self._heart, name="sandbox-tick", daemon=True).start()
        self.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        """Stop serving; safe from another thread."""
        self._stopping.set()
        threading.Thread(target=self.shutdown, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless a caller merely hung up: clients drop connections all the time."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def _heart(self) -> None:
        while not self._stopping.wait(0.1):
            try:
                self.application.tick()
            except Exception:
                # One bad beat: settlements and notices go on with the next, instead of never again.
                traceback.print_exc()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: the sandboxes share a terminal with the demo."""

    def _answer(self) -> None:
        try:
            body = self._body()
            request = Request.build(self.command, self.path, dict(self.headers.items()), body)
        except ValueError as wrong:
            # What the vendors' front doors do with a request that is no HTTP (RFC 9112, 6.3 and 7.1).
            self.close_connection = True
            self._write(Response(400, f"Bad Request: {wrong}".encode(), {"Content-Type": "text/plain"}))
            return
        try:
            response = self.server.application.handle(request)
        except ConnectionLost:
            self._hang_up()
            return
        except TimedOut:
            time.sleep(UNANSWERED)  # noqa: TID251
            self._hang_up()
            return
        if self.server.delay and not request.path.startswith("/_"):
            time.sleep(self.server.delay)  # noqa: TID251
        self._write(response)

    def _body(self) -> bytes:
        """The body, by its length or in chunks. Raises ValueError for one that is neither."""
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(self._chunks())
        told = ",".join(self.headers.get_all("Content-Length", ["0"]))
        # One length, however often it is told; of two nobody knows which is meant (RFC 9112, 6.3).
        length, *others = {part.strip() for part in told.split(",")}
        if others or not (length.isascii() and length.isdigit()) or int(length) > MOST_BYTES:
            raise ValueError("Content-Length")
        return self._whole(int(length))

    def _whole(self, size: int) -> bytes:
        """So many bytes. Raises ValueError when the caller hung up before: half a request is none."""
        body = self.rfile.read(size)
        if len(body) < size:
            raise ValueError("the body ended early")
        return body

    def _chunks(self) -> Iterator[bytes]:
        left = MOST_BYTES
        while True:
            told = self.rfile.readline(100).partition(b";")[0].strip()
            size = int(told, 16) if told.isalnum() else -1
            if not 0 <= size <= left:
                raise ValueError("chunk size")
            left -= size
            if size == 0:
                break
            yield self._whole(size)
            self.rfile.readline(3)
        while self.rfile.readline(1_000).strip():
            continue  # trailers, which nobody reads

    def _write(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, _one_line(str(value)))
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(response.body[: len(response.body) // 2] if response.truncate else response.body)
        if response.truncate:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _answer  # noqa: N815 (http.server's names)


def _one_line(value: str) -> str:
    """A header's value as it may go out: no line ends, and what Latin-1 lacks is escaped as in a URL."""
    joined = "".join(value.splitlines())
    return "".join(letter if letter <= "\xff" else quote(letter, errors="replace") for letter in joined)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """No vendor follows a webhook's redirect: it counts as a failure."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Stay here: the 3xx itself is the answer."""


#: The address itself, whatever proxy the environment names: receivers of a sandbox are on this machine.
_DELIVERY = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Deliver one webhook over HTTP. Returns the status, 0 when nobody answered or nobody could."""
    if not url.lower().startswith(("http://", "https://")):
        return 0
    try:
        request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 (looked at above)
        with _DELIVERY.open(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return int(error.code)
    except (OSError, ValueError, http.client.HTTPException):
        return 0
