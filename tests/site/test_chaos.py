"""The chaos harness itself: every kind of harm comes up, deaths strike where they should, and no real database is near."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as live
from django.core.management import CommandError, call_command

from practice.site.chaos import harm, mortal
from practice.site.chaos.harm import BY_CHANCE, KILLS, STOPS, Harm

COMMITS = """
import django, sys
django.setup()
from django.db import transaction
with transaction.atomic():
    transaction.on_commit(lambda: print("followed", flush=True))
    print("before", flush=True)
"""


class Everybody:
    """A crew whose members are numbers, and what was done to them."""

    names = ("web", "worker0", "person0")

    def __init__(self) -> None:
        self.killed: list[int] = []
        self.stopped: list[tuple[int, float]] = []

    def pid_of(self, name: str) -> int:
        return {"web": 1, "worker0": 2, "person0": 3}[name]

    def cluster_of(self, name: str) -> tuple[int, int, list[int]]:
        return 20, 21, [22, 23]

    def web_processes(self) -> list[int]:
        return [1, 11]

    def kill(self, pid: int) -> bool:
        self.killed.append(pid)
        return True

    def stand_still(self, pid: int, seconds: float) -> bool:
        self.stopped.append((pid, seconds))
        return True


def test_every_kind_of_harm_comes_first_once_the_rare_ones_before_the_others() -> None:
    crew = Everybody()
    ours = Harm(crew, random.Random(1))  # type: ignore[arg-type]
    kinds = [ours.strike() for _ in range(len(KILLS) + len(STOPS))]
    assert set(kinds) == {*KILLS, *STOPS}
    assert kinds[0] == "stop_supervisor"
    assert ours.silent == list(BY_CHANCE)
    assert (2, harm.PAST_THE_LEASE) in crew.stopped
    assert {2, 3, 20, 21} <= set(crew.killed)


def test_harm_that_finds_nobody_is_tried_again_and_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    crew = Everybody()
    ours = Harm(crew, random.Random(1))  # type: ignore[arg-type]
    monkeypatch.setattr(crew, "stand_still", lambda pid, seconds: False)
    assert (ours.strike(), ours.strike(), ours.done.total()) == ("", "", 0)
    monkeypatch.undo()
    assert ours.strike() == "stop_supervisor"


@pytest.mark.parametrize("over", [False, True])
def test_a_process_may_die_between_a_commit_and_what_was_to_follow(tmp_path: Path, over: bool) -> None:
    record = tmp_path / "deaths"
    if over:
        mortal.end(record)
    always = COMMITS.replace(
        "django.setup()", "from practice.site.chaos import mortal; mortal.FIRST = 1; django.setup()"
    )
    done = subprocess.run(
        [sys.executable, "-c", always], cwd=live.BASE_DIR, capture_output=True, text=True, check=False,
        env={
            **os.environ, "DJANGO_SETTINGS_MODULE": "practice.site.chaos.settings", mortal.RECORD: str(record),
            "DATABASE_URL": f"sqlite:///{tmp_path / 'a.sqlite3'}",
        },
    )  # fmt: skip
    if over:
        assert (done.returncode, done.stdout.split()) == (0, ["before", "followed"])
    else:
        assert (done.returncode, done.stdout.split()) == (-signal.SIGKILL, ["before"])
        assert len(record.read_text().splitlines()) == 1


@pytest.mark.django_db
def test_chaos_plays_on_an_empty_database_only(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="on an empty database only"):
        call_command("chaos", inside=str(tmp_path))


def test_nothing_of_the_product_imports_the_harness() -> None:
    own = {live.BASE_DIR / "practice/site/management/commands/chaos.py"}
    rooms: list[Any] = [live.BASE_DIR / name for name in ("practice", "billing", "proposals", "ledger_sync")]
    named = [
        path
        for room in rooms
        for path in room.rglob("*.py")
        if "practice.site.chaos" in path.read_text() and "practice/site/chaos" not in str(path)
    ]
    assert set(named) == own
