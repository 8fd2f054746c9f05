"""The demo's processes end with whoever started them, one demo runs at a time, and what stops it is said in words."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live
from django.core.management import CommandError, call_command

from practice.core.models import Heartbeat
from practice.site import tasks
from practice.site.demo.lock import Lock
from practice.site.demo.processes import Processes, free_port
from practice.site.management.commands import demo, work
from practice.site.supervisor import Cluster

STUBBORN = "import time; from practice.site import watching; watching.GRACE_SECONDS = 0.3; watching.end_with_parent(lambda: None); print('up', flush=True); time.sleep(60)"
STARTS_A_CLUSTER = f"""
import sys, time
import django
django.setup()
from practice.site.supervisor import Cluster
cluster = Cluster([sys.executable, "-c", {STUBBORN!r}])
cluster.start()
print(cluster.process.pid, flush=True)
time.sleep(60)
"""


def until(look: Callable[[], Any], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)  # noqa: TID251 (processes live in real time)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; nobody may have collected it yet."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()[:1] in ("", "Z")


@pytest.fixture
def start() -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start Python in a session of its own; whatever a test leaves is killed after it."""
    started: list[subprocess.Popen[bytes]] = []

    def run_python(code: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-c", code], cwd=live.BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        started.append(child)
        assert child.stdout is not None
        child.told = child.stdout.readline().decode().strip()  # type: ignore[attr-defined]
        return child

    yield run_python
    for child in started:
        child.kill()
        child.wait()


def test_a_child_whose_parent_is_gone_ends_and_one_that_will_not_is_killed(start: Any) -> None:
    child = start(STUBBORN)
    child.stdin.close()
    assert child.wait(10) == -signal.SIGKILL


def test_a_killed_supervisor_takes_its_cluster_along(start: Any) -> None:
    supervisor = start(STARTS_A_CLUSTER)
    cluster = int(supervisor.told)
    supervisor.kill()
    until(lambda: is_gone(cluster))


def test_a_child_that_was_killed_is_named_with_how_and_stopping_leaves_nobody(tmp_path: Path) -> None:
    processes = Processes(tmp_path)
    sleeping = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)"
    other = processes.start("worker", [sys.executable, "-c", sleeping], {})
    web = processes.start("web", [sys.executable, "-c", "import time; time.sleep(60)"], {})
    assert processes.died() is None
    web.kill()
    until(lambda: processes.died() == ("web", "killed by SIGKILL"))
    processes.stop()
    assert other.returncode is not None
    until(lambda: subprocess.run(["ps", "-g", str(other.pid)], capture_output=True, check=False).returncode)


def test_a_taken_port_leads_to_the_next_free_one() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert free_port(taken) > taken


@pytest.mark.parametrize("port", ["garbage", "0", "70000", "-1", ""])
def test_a_port_that_is_none_is_said_in_words(port: str) -> None:
    environment = {**os.environ, "PORT": port}
    done = subprocess.run(
        [sys.executable, "run.py", "demo"], cwd=live.BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == f"PORT must be a number from 1 to 65535, not {port!r}. For example: make demo PORT=8100\n"


@pytest.fixture
def other(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Lock:
    """Somebody else's demo, in a folder of the test's own."""
    settings.DEMO = True
    monkeypatch.setattr(demo, "LOCK", tmp_path / "demo.lock")
    monkeypatch.setattr(demo, "FOLDER", tmp_path / "demo")
    lock = Lock(demo.LOCK)
    assert lock.take() is None
    return lock


def test_a_second_demo_says_where_the_first_one_is(other: Lock, capsys: pytest.CaptureFixture[str]) -> None:
    other.write("http://localhost:8000")
    call_command("demo")
    assert capsys.readouterr().out == "The demo is running already: http://localhost:8000/demo/\n"


def test_a_running_demo_is_not_thrown_away(other: Lock) -> None:
    other.write("http://localhost:8000")
    with pytest.raises(CommandError, match="Stop it with Ctrl-C in its terminal, then run make demo-reset again"):
        call_command("demo", fresh=True)


def test_a_demo_that_is_being_set_up_is_waited_for(other: Lock) -> None:
    with pytest.raises(CommandError, match="Another make demo is setting it up"):
        call_command("demo")


def test_the_lock_of_a_killed_demo_is_free(tmp_path: Path, start: Any) -> None:
    holds = f"from pathlib import Path; import time; from practice.site.demo.lock import Lock; lock = Lock(Path({str(tmp_path / 'l')!r})); print(lock.take(), flush=True); time.sleep(60)"
    holder = start(holds)
    assert Lock(tmp_path / "l").take() is not None
    holder.kill()
    holder.wait()
    assert Lock(tmp_path / "l").take() is None


def test_a_folder_that_cannot_be_written_is_said_in_words(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEMO = True
    (tmp_path / "var").write_text("a file in the way")
    monkeypatch.setattr(demo, "LOCK", tmp_path / "var" / "demo.lock")
    with pytest.raises(CommandError, match=r"The demo keeps everything in .*: File exists"):
        call_command("demo")


def test_a_stop_that_was_swallowed_is_asked_for_again() -> None:
    command = demo.Command()
    command.leaving = False
    before = signal.signal(signal.SIGALRM, command._stop_asked)
    try:
        with pytest.raises(KeyboardInterrupt):
            command._stop_asked()
        with pytest.raises(KeyboardInterrupt):
            time.sleep(5)  # noqa: TID251
        command.leaving = True
        command._stop_asked()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.django_db(transaction=True)
def test_only_a_worker_that_works_gives_the_sign_of_life(bell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cluster, "start", lambda cluster: None)
    monkeypatch.setattr(tasks, "STEPS", ())
    work.Command()._start(Cluster([]))
    assert not Heartbeat.objects.exists()
    bell.answer()
    assert Heartbeat.objects.get().name == "worker"


def test_requirements_that_are_installed_are_not_spoken_of_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = importlib.util.spec_from_file_location("run_py", live.BASE_DIR / "run.py")
    assert spec is not None
    assert spec.loader is not None
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    installed: list[Any] = []
    monkeypatch.setattr(run, "VENV", str(tmp_path))
    monkeypatch.setattr(run, "make_venv", lambda: None)
    monkeypatch.setattr(run.subprocess, "call", lambda command: installed.append(command) or 0)
    run.install("requirements.txt", "tests/requirements.txt")
    assert "Installing requirements.txt and tests/requirements.txt" in capsys.readouterr().out
    run.install("requirements.txt")
    run.install("requirements.txt", "tests/requirements.txt")
    assert (len(installed), capsys.readouterr().out) == (1, "")
