"""What a sandbox remembers: all of a change or none, over restarts, for one process at a time."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from practice.core import clock
from practice.core.sandbox import hand
from practice.core.sandbox.store import Store


def test_what_was_committed_is_there_after_a_restart_in_the_order_it_came(tmp_path: Path):
    store = Store(tmp_path / "s.sqlite3")
    with store.transaction():
        for key in ("b", "a", "c"):
            store.put("rows", key, {"n": key})
        store.drop("rows", "a")
    store.close()
    assert list(Store(tmp_path / "s.sqlite3").table("rows")) == ["b", "c"]


def test_rows_keep_their_order_over_every_restart_also_after_others_were_dropped(tmp_path: Path):
    path, come = tmp_path / "s.sqlite3", []
    for start in range(4):
        store = Store(path)
        with store.transaction():
            for number in range(3):
                come.append(f"{start}-{number}")
                store.put("rows", come[-1], {"n": number})
                store.put("passing", f"{start}-{number}", {})
        with store.transaction():
            for number in range(3):
                store.drop("passing", f"{start}-{number}")
        store.close()
    assert list(Store(path).table("rows")) == come


def test_a_change_that_cannot_be_written_down_did_not_happen(tmp_path: Path):
    store = Store(tmp_path / "s.sqlite3")
    with store.transaction():
        store.put("rows", "kept", {"n": 1})

    def change() -> None:
        with store.transaction():
            store.put("rows", "kept", {"n": 2})
            store.put("rows", "odd", {"n": object()})

    with pytest.raises(TypeError):
        change()
    assert store.table("rows") == {"kept": {"n": 1}}
    store.close()
    assert Store(tmp_path / "s.sqlite3").table("rows") == {"kept": {"n": 1}}


def test_a_second_process_cannot_open_the_same_books(tmp_path: Path):
    store = Store(tmp_path / "s.sqlite3")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Store(tmp_path / "s.sqlite3")
    store.close()


@pytest.mark.parametrize("at", ["2026-11-20T12:00:00+00:00", None])
def test_a_clock_that_was_moved_stands_there_after_a_restart(tmp_path: Path, at):
    store = Store(tmp_path / "s.sqlite3")
    hand.turn(store, {"at": at, "advance_seconds": 86_400 * 3})
    moved = clock.now()
    store.close()
    clock.move(None)
    clock._hand.shift = timedelta()
    hand.resume(Store(tmp_path / "s.sqlite3"))
    assert timedelta() <= clock.now() - moved < timedelta(seconds=30)
    assert moved > datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "2026-11-20"},
        {"at": "noon"},
        {"advance_seconds": "x"},
        {"advance_seconds": 1e18},
        {"at": "2026-11-20T12:00:00+00:00", "advance_seconds": 1e11},
        {"at": "9999-12-31T23:59:59+00:00"},
        {"at": "0001-01-01T00:00:00+00:00"},
        {"advance_seconds": 3e11},
        {"at": None, "advance_seconds": -3e10},
    ],
)
def test_a_moment_no_calendar_has_moves_nothing(wrong):
    store, before = Store(), clock.standing()
    with pytest.raises((ValueError, OverflowError)):
        hand.turn(store, wrong)
    assert (clock.standing(), store.get(*hand.PLACE)) == (before, None)
