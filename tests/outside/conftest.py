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
 noqa: N802 (http.server.s name)  """Everything in this room needs node and its packages."""
 noqa: N802 (http.server.s name)  for item in items:
 noqa: N802 (http.server.s name)      if HERE in item.path.parents:
 noqa: N802 (http.server.s name)          item.add_marker(pytest.mark.outside)
 noqa: N802 (http.server.s name)          if not outside_ready():
 noqa: N802 (http.server.s name)              item.add_marker(pytest.mark.skip(reason="no node packages: install node and npm, then run make test"))


@contextmanager
def started(vendor: str, *arguments: str) -> Iterator[dict[str, Any]]:
 noqa: N802 (http.server.s name)  """A sandbox of a vendor in a process of its own; gives the line it prints for outside clients."""
 noqa: N802 (http.server.s name)  command = [sys.executable, "manage.py", "sandbox", vendor, "--delay", "0", "--with-parent", *arguments]
 noqa: N802 (http.server.s name)  process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
 noqa: N802 (http.server.s name)  try:
 noqa: N802 (http.server.s name)      assert process.stdout is not None
 noqa: N802 (http.server.s name)      yield json.loads(process.stdout.readline())
 noqa: N802 (http.server.s name)  finally:
 noqa: N802 (http.server.s name)      process.terminate()
 noqa: N802 (http.server.s name)      process.wait(timeout=20)


@pytest.fixture
def sandbox() -> Callable[..., Any]:
 noqa: N802 (http.server.s name)  """``with sandbox("xero") as line:`` starts one."""
 noqa: N802 (http.server.s name)  return started


class Listener(ThreadingHTTPServer):
 noqa: N802 (http.server.s name)  """Takes webhooks on loopback and keeps them as they came: headers in lower case, and the raw body."""

 noqa: N802 (http.server.s name)  def __init__(self) -> None:
 noqa: N802 (http.server.s name)      self.received: list[dict[str, Any]] = []
 noqa: N802 (http.server.s name)      self.arrived = threading.Condition()
 noqa: N802 (http.server.s name)      super().__init__(("127.0.0.1", 0), _Keeper)

 noqa: N802 (http.server.s name)  @property
 noqa: N802 (http.server.s name)  def url(self) -> str:
 noqa: N802 (http.server.s name)      """Where to send them."""
 noqa: N802 (http.server.s name)      return f"http://127.0.0.1:{self.server_address[1]}/hook"

 noqa: N802 (http.server.s name)  def wait(self, fits: Callable[[dict[str, Any]], bool], seconds: float = 10) -> dict[str, Any]:
 noqa: N802 (http.server.s name)      """The first one that fits. Raises AssertionError when none has come in time."""
 noqa: N802 (http.server.s name)      with self.arrived:
 noqa: N802 (http.server.s name)          found: list[dict[str, Any]] = []

 noqa: N802 (http.server.s name)          def came() -> bool:
 noqa: N802 (http.server.s name)              found[:] = [one for one in self.received if fits(one)]
 noqa: N802 (http.server.s name)              return bool(found)

 noqa: N802 (http.server.s name)          assert self.arrived.wait_for(came, seconds), f"no such webhook among {len(self.received)}"
 noqa: N802 (http.server.s name)          return found[0]


class _Keeper(BaseHTTPRequestHandler):
 noqa: N802 (http.server.s name)  server: Listener

 noqa: N802 (http.server.s name)  def do_POST(self) -> None:  # noqa: N802 (http.server's name)
 noqa: N802 (http.server.s name)      body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
 noqa: N802 (http.server.s name)      headers = {name.lower(): value for name, value in self.headers.items()}
 noqa: N802 (http.server.s name)      with self.server.arrived:
 noqa: N802 (http.server.s name)          self.server.received.append({"headers": headers, "body": body.decode()})
 noqa: N802 (http.server.s name)          self.server.arrived.notify_all()
 noqa: N802 (http.server.s name)      self.send_response(200)
 noqa: N802 (http.server.s name)      self.send_header("Content-Length", "0")
 noqa: N802 (http.server.s name)      self.end_headers()

 noqa: N802 (http.server.s name)  def log_message(self, format: str, *args: object) -> None:
 noqa: N802 (http.server.s name)      pass


@pytest.fixture
def listener() -> Iterator[Listener]:
 noqa: N802 (http.server.s name)  """A place that takes webhooks."""
 noqa: N802 (http.server.s name)  server = Listener()
 noqa: N802 (http.server.s name)  threading.Thread(target=server.serve_forever, daemon=True).start()
 noqa: N802 (http.server.s name)  yield server
 noqa: N802 (http.server.s name)  server.shutdown()
 noqa: N802 (http.server.s name)  server.server_close()


@pytest.fixture
def node() -> Callable[..., Any]:
 noqa: N802 (http.server.s name)  """Run a script of this room with its input as JSON; gives the JSON of the last line it prints.

 noqa: N802 (http.server.s name)  ``hosts`` says which sandbox answers for a host that the SDK has written into it.
 noqa: N802 (http.server.s name)  """

 noqa: N802 (http.server.s name)  def run(script: str, given: dict[str, Any], hosts: dict[str, str] | None = None) -> Any:
 noqa: N802 (http.server.s name)      command = [find_node(), "--require", str(HERE / "redirect.cjs"), str(HERE / script)]
 noqa: N802 (http.server.s name)      env = {**os.environ, "SANDBOX_HOSTS": json.dumps(hosts or {}), "NO_COLOR": "1"}
 noqa: N802 (http.server.s name)      done = subprocess.run(
 noqa: N802 (http.server.s name)          command, input=json.dumps(given), capture_output=True, text=True, timeout=SECONDS, env=env, cwd=HERE
 noqa: N802 (http.server.s name)      )
 noqa: N802 (http.server.s name)      assert done.returncode == 0, done.stdout + done.stderr
 noqa: N802 (http.server.s name)      return json.loads(done.stdout.splitlines()[-1])

 noqa: N802 (http.server.s name)  return run
