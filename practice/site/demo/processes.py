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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings


@dataclass
class Processes:
    """Children in sessions of their own; each holds a pipe to the runner and exits when it breaks."""

    folder: Path
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start one child; what it complains about goes to a file in the demo's folder."""
        log = (self.folder / f"{name}.log").open("ab")
        child = subprocess.Popen(  # noqa: S603 (our own commands)
            command, cwd=settings.BASE_DIR, env={**os.environ, **environment}, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if name in SANDBOXES else log, stderr=log, start_new_session=True,
        )  # fmt: skip
        self.children[name] = child
        return child

    def sandbox(self, vendor: str, delay: float) -> dict[str, Any]:
        """Start one sandbox over its books and return the line it prints about itself."""
        state = self.folder / "sandboxes" / f"{vendor}.sqlite3"
        child = self.start(
            vendor,
            [sys.executable, "manage.py", "sandbox", vendor, "--state", str(state), "--delay", str(delay), "--with-parent",
             "--company", "demo"],
            {},
        )  # fmt: skip
        assert child.stdout is not None
        line = child.stdout.readline()
        if not line:
            raise RuntimeError(f"the {vendor} sandbox did not start: see {self.folder / (vendor + '.log')}")
        facts: dict[str, Any] = json.loads(line)
        return facts

    def died(self) -> str | None:
        """The name of a child that ended by itself, if one did."""
        return next((name for name, child in self.children.items() if child.poll() is not None), None)

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
    raise RuntimeError(f"no free port from {wanted} to {wanted + 200}")


def answers(url: str, seconds: float) -> bool:
    """Whether an address answers within some seconds."""
    import urllib.error
    import urllib.request

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
