"""The processes of a firm under chaos: kept running like an operating system does, killed and stopped by their ids."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from practice.site.demo.processes import Processes


@dataclass
class Crew:
    """Web, workers and people; whoever is gone is started again."""

    folder: Path
    environment: dict[str, str]
    port: int
    workers: int
    people: int
    starts: dict[str, int] = field(default_factory=dict)
    #: Processes that stand still, and when they may go on.
    stopped: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.processes = Processes(self.folder)

    @property
    def names(self) -> list[str]:
        """Everybody there is."""
        return ["web", *(f"worker{n}" for n in range(self.workers)), *(f"person{n}" for n in range(self.people))]

    def keep_up(self) -> None:
        """Start whoever is not there, and let those go on who stood still long enough."""
        for pid, until in list(self.stopped.items()):
            if time.monotonic() >= until:
                self.go_on(pid)
        for name in self.names:
            child = self.processes.children.get(name)
            if child is None or child.poll() is not None:
                if child is not None:
                    self._end_group(child.pid)
                self.processes.start(name, self._command(name), self.environment)
                self.starts[name] = self.starts.get(name, 0) + 1

    def _command(self, name: str) -> list[str]:
        if name == "web":
            return [sys.executable, "manage.py", "web", "--port", str(self.port), "--with-parent"]
        if name.startswith("worker"):
            return [sys.executable, "manage.py", "work", "--with-parent"]
        return [sys.executable, "-m", "practice.site.chaos.person"]

    def ask(self, name: str, act: dict[str, object]) -> bool:
        """Give a person something to do; one that just died does not hear it."""
        child = self.processes.children.get(name)
        if child is None or child.stdin is None:
            return False
        try:
            child.stdin.write(json.dumps(act).encode() + b"\n")
            child.stdin.flush()
        except OSError:
            return False
        return True

    # Harm

    def pid_of(self, name: str) -> int | None:
        """The process of that name, while it lives."""
        child = self.processes.children.get(name)
        return child.pid if child is not None and child.poll() is None else None

    def cluster_of(self, name: str) -> tuple[int | None, int | None, list[int]]:
        """A worker's cluster: its leader, its guard, and what the guard started."""
        table = _table()
        leader = _first(table, self.pid_of(name))
        guard = _first(table, leader)
        return leader, guard, [pid for pid, parent in table.items() if guard is not None and parent == guard]

    def web_processes(self) -> list[int]:
        """The site's own process and those it started."""
        leader = self.pid_of("web")
        return [] if leader is None else [leader, *(pid for pid, parent in _table().items() if parent == leader)]

    def kill(self, pid: int) -> bool:
        """Kill one process. Returns whether it was there."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.stopped.pop(pid, None)
            return True
        return False

    def stand_still(self, pid: int, seconds: float) -> bool:
        """Stop one process for a while. Returns whether it was there and went until now."""
        if pid in self.stopped:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            self.stopped[pid] = time.monotonic() + seconds
            return True
        return False

    def go_on(self, pid: int) -> None:
        """Let one that was stopped go on."""
        self.stopped.pop(pid, None)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def all_go_on(self) -> None:
        """Let everybody go on."""
        for pid in list(self.stopped):
            self.go_on(pid)

    # The end

    def leave(self, seconds: float) -> list[str]:
        """Ask everybody to end. Returns who had not after so long, or did not end well; nobody is left behind."""
        self.all_go_on()
        children = dict(self.processes.children)
        for child in children.values():
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
        deadline = time.monotonic() + seconds
        while any(child.poll() is None for child in children.values()) and time.monotonic() < deadline:
            time.sleep(0.1)  # noqa: TID251 (processes end in real time)
        late = [name for name, child in children.items() if name.startswith("worker") and child.poll() != 0]
        self.processes.stop()
        return late

    def _end_group(self, pid: int) -> None:
        """What a dead leader left of its group, as a container or systemd would."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _table() -> dict[int, int]:
    """Every process and its parent, but for those that only wait to be collected."""
    shown = subprocess.run(["ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True)  # noqa: S607
    rows: Iterable[list[str]] = (line.split() for line in shown.stdout.splitlines())
    return {int(pid): int(parent) for pid, parent, state, *_ in rows if not state.startswith("Z")}


def _first(table: dict[int, int], parent: int | None) -> int | None:
    return next((pid for pid, other in table.items() if parent is not None and other == parent), None)
