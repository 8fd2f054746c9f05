"""The demo's processes: sandboxes first, then web and worker; every one ends with the runner, however that ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings


class DidNotStart(Exception):
    """A process of the demo did not get up; the text names it and where its complaints are."""


@dataclass
class Processes:
    """Children in sessions of their own; each holds a pipe to the runner and exits when it breaks."""

    folder: Path
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start one child; what it complains about goes to a file in the demo's folder."""
        log = self.log(name).open("ab")
        child = subprocess.Popen(  # noqa: S603 (our own commands)
            command, cwd=settings.BASE_DIR, env={**os.environ, **environment}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if name in SANDBOXES else log, stderr=log, start_new_session=True,
        )  # fmt: skip
        self.children[name] = child
        return child

    def sandboxes(self, delay: float) -> dict[str, dict[str, Any]]:
        """Start every sandbox over its books, all at once, and return the line each prints about itself."""
        for vendor in SANDBOXES:
            state = str(self.folder / "sandboxes" / f"{vendor}.sqlite3")
            command = [sys.executable, "manage.py", "sandbox", vendor, "--state", state, "--delay", str(delay)]
            self.start(vendor, [*command, "--with-parent", "--company", "demo"], {})
        return {vendor: self._facts(vendor) for vendor in SANDBOXES}

    def _facts(self, vendor: str) -> dict[str, Any]:
        stream = self.children[vendor].stdout
        line = stream.readline() if stream is not None else b""
        if not line:
            raise DidNotStart(f"The sandbox of {vendor} did not start: see {self.log(vendor)}")
        facts: dict[str, Any] = json.loads(line)
        return facts

    def log(self, name: str) -> Path:
        """Where a child's complaints are kept."""
        return self.folder / f"{name}.log"

    def died(self) -> tuple[str, str] | None:
        """A child that ended by itself, if one did: its name and how it ended."""
        for name, child in self.children.items():
            code = child.poll()
            if code is not None:
                return name, f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        return None

    def stop(self) -> None:
        """Ask every leader to end, wait eight seconds, then end what is left of each group."""
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
        deadline = time.monotonic() + 8
        while any(c.poll() is None for c in self.children.values()) and time.monotonic() < deadline:
            time.sleep(0.05)  # noqa: TID251 (processes end in real time)
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=2)
        self.children.clear()


SANDBOXES = ("xero", "quickbooks", "stripe")


def free_port(wanted: int) -> int:
    """The wanted port, or the next free one on loopback."""
    for port in range(wanted, wanted + 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise DidNotStart(f"No port is free from {wanted} to {wanted + 200}")


def answers(url: str, seconds: float) -> bool:
    """Whether an address answers within some seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 (our own address)
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            time.sleep(0.1)  # noqa: TID251
    return False
