"""The worker and its supervisor: signs of life, what a death means, a clean end, several clusters on one queue."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings as live
from django.db import connection as database

from ledger_sync.models import Call, Hint, Lane, Link
from ledger_sync.pull import pulling
from ledger_sync.push import pushing
from practice.core import clock, stopping, wake
from practice.core.models import Heartbeat
from practice.site import guarding, supervisor, tasks
from practice.site.supervisor import CLUSTER, SILENT_AFTER, SWEEP, Cluster, sign_of
from tests.ledger_sync.conftest import connection, firm, xero  # noqa: F401

pytestmark = pytest.mark.django_db(transaction=True)


class Running:
    """A process that has not ended."""

    def poll(self) -> None:
        return None


@pytest.fixture
def cluster() -> Cluster:
    clock.move(clock.now())
    return Cluster([], process=Running())  # type: ignore[arg-type]


def signs(**last: Any) -> None:
    """Let these signs of life be so old."""
    for name, seconds in last.items():
        Heartbeat.objects.update_or_create(name=name, defaults={"at": clock.now() - timedelta(seconds=seconds)})


def test_a_sign_of_life_is_the_workers_own_clusters_and_a_sweep_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "STEPS", ())
    monkeypatch.setenv(CLUSTER, "here")
    tasks.beat()
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"worker", "worker here"}
    tasks.sweep()
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"worker", "worker here", "sweep"}


def test_a_cluster_is_not_kept_alive_by_anothers_sign_of_life(cluster: Cluster) -> None:
    clock.advance(seconds=SILENT_AFTER.total_seconds() + 1)
    signs(**{SWEEP: 1, "worker": 1, sign_of("another"): 1})
    assert cluster.is_silent()
    signs(**{sign_of(cluster.name): 179})
    assert not cluster.is_silent()


def test_a_cluster_without_a_sweep_is_silent_however_lively_it_is(cluster: Cluster) -> None:
    clock.advance(seconds=SILENT_AFTER.total_seconds() + 1)
    signs(**{sign_of(cluster.name): 1})
    assert cluster.is_silent()


def test_a_supervisor_rings_until_its_own_cluster_has_answered(cluster: Cluster, bell: Any) -> None:
    clock.advance(seconds=29)
    assert not cluster.ring()
    clock.advance(seconds=1)
    rung = [cluster.ring()]
    for _ in range(10):
        clock.advance(seconds=1)
        rung.append(cluster.ring())
    assert rung == [True, *[False] * 4] * 2 + [True]
    assert {task for task, _ in bell.rung} == {"practice.site.tasks.beat"}
    signs(**{sign_of(cluster.name): 1})
    clock.advance(seconds=6)
    assert not cluster.ring()


def test_signs_of_clusters_long_gone_are_cleared_by_the_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "STEPS", ())
    signs(**{sign_of("gone"): 90_000, sign_of("here"): 80_000, "billing 7": 90_000})
    tasks.sweep()
    assert set(Heartbeat.objects.values_list("name", flat=True)) == {"worker", "sweep", sign_of("here"), "billing 7"}


class GivenUp(Exception):
    """Stands for the end of the guard's process."""


@pytest.mark.parametrize(
    ("who", "timer", "gives_up"), [("worker", -1, True), ("worker", 50, False), ("worker", -2, False), ("monitor", 0, True)]
)  # fmt: skip
def test_a_death_that_may_have_left_a_lock_ends_the_cluster(
    who: str, timer: int, gives_up: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(status: int) -> None:
        raise GivenUp(status)

    replaced: list[Any] = []
    monkeypatch.setattr(guarding.os, "_exit", end)
    monkeypatch.setattr(guarding.cluster.Sentinel, "reincarnate", lambda guard, process: replaced.append(process))
    guard = guarding.Guard.__new__(guarding.Guard)
    process = SimpleNamespace(pid=7, timer=SimpleNamespace(value=timer))
    guard.pool = [process] if who == "worker" else []
    if gives_up:
        with pytest.raises(GivenUp):
            guard.reincarnate(process)
    else:
        guard.reincarnate(process)
    assert replaced == ([] if gives_up else [process])


@pytest.fixture
def ending() -> Iterator[None]:
    """The worker is asked to end; afterwards nobody is."""
    stopping.ask()
    yield
    stopping.forget()


def test_a_worker_that_is_to_end_sends_nothing_new_and_hands_the_lane_back(
    firm: Any, connection: Any, ending: None  # noqa: F811
) -> None:  # fmt: skip
    firm.agreement(firm.client())
    assert pushing.push(connection.pk) == 0
    assert not Call.objects.exists()
    assert Link.objects.filter(ready_at__isnull=False).exists()
    assert Lane.objects.get(connection=connection, name="push").until is None


def test_a_worker_that_is_to_end_finishes_the_call_it_is_in(firm: Any, connection: Any, xero: Any) -> None:  # noqa: F811
    firm.agreement(firm.client())
    handle = xero.handle

    def last(request: Any) -> Any:
        stopping.ask()
        return handle(request)

    xero.handle = last
    try:
        assert pushing.push(connection.pk) == 1
    finally:
        stopping.forget()
    assert not Call.objects.filter(closed_at__isnull=True).exists()
    assert Link.objects.get(kind="client").owed_since is None
    assert Link.objects.get(kind="invoice").owed_since is not None


def test_a_worker_that_is_to_end_leaves_hints_for_the_next(firm: Any, connection: Any, bell: Any) -> None:  # noqa: F811
    firm.agreement(firm.client())
    bell.answer()
    link = Link.objects.get(kind="client")
    Hint.objects.create(
        connection=connection, kind="client", remote_id=link.remote_id, first_at=clock.now(),
        last_event_at=clock.now(), ready_at=clock.now(),
    )  # fmt: skip
    stopping.ask()
    try:
        assert pulling.pull(connection.pk) == 0
    finally:
        stopping.forget()
    assert Hint.objects.count() == 1
    assert pulling.pull(connection.pk) == 1


# Real processes


@pytest.fixture
def workers() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start supervisors on the test's own database; each is ended after it."""
    settings = database.settings_dict
    url = f"sqlite:///{settings['NAME']}"
    if database.vendor == "postgresql":
        url = f"postgres://{settings['USER']}@/{settings['NAME']}?host={settings['OPTIONS']['host']}"
    started: list[subprocess.Popen[bytes]] = []

    def start(**environment: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "manage.py", "work", "--with-parent"], cwd=live.BASE_DIR, stdin=subprocess.PIPE,
            start_new_session=True,
            env={**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "practice.site.settings", **environment},
        )  # fmt: skip
        started.append(child)
        return child

    yield start
    for child in started:
        child.terminate()
    for child in started:
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def processes() -> dict[int, int]:
    """Every living process and its parent."""
    shown = subprocess.run(["ps", "-axo", "pid=,ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in shown.splitlines()]
    return {int(pid): int(parent) for pid, parent, state, *_ in rows if not state.startswith("Z")}


def below(pid: int) -> list[int]:
    """Everything a process started, and what that started."""
    table = processes()
    found, fresh = [], [pid]
    while fresh:
        fresh = [child for child, parent in table.items() if parent in fresh]
        found += fresh
    return found


def guard_of(pid: int, before: int) -> int:
    """The guard of a supervisor's cluster, once it has started everybody: four workers, a monitor and a pusher."""
    return next((p for p in below(pid) if len(below(p)) == 6 and p != before), 0)


def until(look: Callable[[], Any], seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := look():
            return answer
        time.sleep(0.2)  # noqa: TID251 (processes live in real time)
    raise AssertionError("it did not happen in time")


def clusters_alive() -> set[str]:
    """The clusters a worker of which has answered."""
    return set(Heartbeat.objects.filter(name__startswith="worker ").values_list("name", flat=True))


@pytest.mark.slow
def test_a_cluster_whose_monitor_or_idle_worker_was_killed_works_again_and_all_of_it_ends_when_asked(
    workers: Any,
) -> None:
    worker = workers()
    (first,) = until(clusters_alive)
    guard = 0
    for place in (-1, 0):
        guard = until(lambda before=guard: guard_of(worker.pid, before))
        os.kill(below(guard)[place], signal.SIGKILL)
        until(lambda guard=guard: guard not in processes())
        before = clock.now()
        wake._ring("practice.site.tasks.beat")
        until(lambda before=before: Heartbeat.objects.filter(name=first, at__gt=before).exists())
    until(lambda before=guard: guard_of(worker.pid, before))
    everybody = below(worker.pid)
    worker.terminate()
    assert worker.wait(30) == 0
    until(lambda: not set(everybody) & set(processes()))
    assert clusters_alive() == set()


@pytest.mark.slow
def test_workers_whose_guard_and_supervisor_died_at_once_end_as_well(workers: Any) -> None:
    worker = workers()
    until(clusters_alive)
    guard = until(lambda: guard_of(worker.pid, 0))
    everybody = below(worker.pid)
    for pid in (worker.pid, guard):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not set(everybody) & set(processes()))


@pytest.mark.slow
@pytest.mark.postgres
def test_two_clusters_share_the_work_and_each_gives_its_own_sign(workers: Any) -> None:
    if database.vendor != "postgresql":
        pytest.skip("several clusters are for PostgreSQL")
    first, second = workers(), workers()
    until(lambda: len(clusters_alive()) == 2)
    first.send_signal(signal.SIGKILL)
    before = clock.now()
    wake._ring("practice.site.tasks.beat")
    until(lambda: Heartbeat.objects.filter(name="worker", at__gt=before).exists())
    assert second.poll() is None


def test_redis_is_only_the_bell() -> None:
    command = (
        "from practice.site.settings import Q_CLUSTER, DATABASES; print(Q_CLUSTER.get('orm'), Q_CLUSTER.get('redis'))"
    )
    said = {}
    for url in ("", "redis://127.0.0.1:1/0"):
        done = subprocess.run(
            [sys.executable, "-c", command], cwd=live.BASE_DIR, env={**os.environ, "REDIS_URL": url},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        said[url] = done.stdout.strip()
    assert said == {"": "default None", "redis://127.0.0.1:1/0": "None redis://127.0.0.1:1/0"}


def test_a_bell_that_cannot_be_rung_loses_nothing(firm: Any, connection: Any, monkeypatch: Any) -> None:  # noqa: F811
    def broken(task: str, **arguments: Any) -> None:
        raise ConnectionError("nobody at the bell")

    monkeypatch.setattr(wake, "ring", broken)
    firm.agreement(firm.client())
    assert pushing.connections_with_work() == [connection.pk]


@pytest.fixture
def redis() -> Iterator[str]:
    """The address of a Redis of our own, where there is one."""
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("no redis-server: apt install redis-server | brew install redis")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    child = subprocess.Popen([server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
    yield f"redis://127.0.0.1:{port}/0"
    child.terminate()
    child.wait()


@pytest.mark.slow
def test_with_redis_as_the_bell_the_worker_gives_its_sign(workers: Any, redis: str) -> None:
    workers(REDIS_URL=redis)
    until(clusters_alive)
    assert supervisor.Heartbeat.objects.filter(name="worker").exists()
