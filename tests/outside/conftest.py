"""SDKs that Countersign does not use, each driving a sandbox in a process of its own over loopback HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.run import ROOT, find_node, outside_ready

HERE = Path(__file__).resolve().parent
#: How long a script of an SDK may take.
SECONDS = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this room needs node and its packages."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.outside)
            if not outside_ready():
                item.add_marker(pytest.mark.skip(reason="no node packages: install node and npm, then run make test"))


@contextmanager
def started(vendor: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """A sandbox of a vendor in a process of its own; gives the line it prints for outside clients."""
    command = [sys.executable, "manage.py", "sandbox", vendor, "--delay", "0", "--with-parent", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def sandbox() -> Callable[..., Any]:
    """``with sandbox("xero") as line:`` starts one."""
    return started


class Listener(ThreadingHTTPServer):
    """Takes webhooks on loopback and keeps them as they came: headers in lower case, and the raw body."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.arrived = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Keeper)

    @property
    def url(self) -> str:
        """Where to send them."""
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    def wait(self, fits: Callable[[dict[str, Any]], bool], seconds: float = 10) -> dict[str, Any]:
        """The first one that fits. Raises AssertionError when none has come in time."""
        with self.arrived:
            found: list[dict[str, Any]] = []

            def came() -> bool:
                found[:] = [one for one in self.received if fits(one)]
                return bool(found)

            assert self.arrived.wait_for(came, seconds), f"no such webhook among {len(self.received)}"
            return found[0]


class _Keeper(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.arrived:
            self.server.received.append({"headers": headers, "body": body.decode()})
            self.server.arrived.notify_all()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A place that takes webhooks."""
    server = Listener()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def node() -> Callable[..., Any]:
    """Run a script of this room with its input as JSON; gives the JSON of the last line it prints.

    ``hosts`` says which sandbox answers for a host that the SDK has written into it.
    """

    def run(script: str, given: dict[str, Any], hosts: dict[str, str] | None = None) -> Any:
        command = [find_node(), "--require", str(HERE / "redirect.cjs"), str(HERE / script)]
        env = {**os.environ, "SANDBOX_HOSTS": json.dumps(hosts or {}), "NO_COLOR": "1"}
        done = subprocess.run(
            command,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env=env,
            cwd=HERE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
