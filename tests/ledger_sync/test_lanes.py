"""One worker on a lane, calls kept for people, one process renewing a token, and the index the drain stands on."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from ledger_sync.kinds import SHAPES
from ledger_sync.limits import budgets, lanes
from ledger_sync.models import Connection, Lane, Link, TokenSet
from ledger_sync.ports import Disconnected, TryLater
from ledger_sync.providers import tokens
from practice.core import clock
from practice.core.owed import Urgency

pytestmark = pytest.mark.django_db(transaction=True)


# The lease


def is_held(lease: lanes.Lease) -> bool:
    """Asked as the engine asks: inside the transaction that settles."""
    with transaction.atomic():
        return lease.is_held()


def test_a_lane_is_held_by_one_and_free_when_given_back(connection: Connection) -> None:
    lease = lanes.take(connection.pk, "push")
    assert lease is not None
    assert is_held(lease)
    assert lanes.take(connection.pk, "push") is None
    assert lanes.take(connection.pk, "pull") is not None
    lease.give_back()
    assert lanes.take(connection.pk, "push") is not None


def test_a_holder_who_was_away_too_long_is_fenced_and_changes_nothing(connection: Connection) -> None:
    slow = lanes.take(connection.pk, "push")
    clock.advance(seconds=91)
    quick = lanes.take(connection.pk, "push")
    assert slow is not None
    assert quick is not None
    assert quick.epoch == slow.epoch + 1
    assert not is_held(slow)
    with pytest.raises(lanes.Fenced):
        slow.renew()
    slow.give_back()
    assert is_held(quick)
    assert lanes.take(connection.pk, "push") is None


def test_a_renewed_lease_lasts(connection: Connection) -> None:
    lease = lanes.take(connection.pk, "push")
    assert lease is not None
    for _ in range(5):
        clock.advance(seconds=80)
        lease.renew()
    assert lanes.take(connection.pk, "push") is None


def test_a_blocked_lane_opens_by_itself(connection: Connection) -> None:
    lanes.block(connection.pk, "push", until=clock.now() + timedelta(seconds=37), reason="slowed")
    assert lanes.take(connection.pk, "push") is None
    clock.advance(seconds=37)
    assert lanes.take(connection.pk, "push") is not None


@pytest.mark.parametrize(
    ("name", "longer"), [("push", [30, 60, 120, 240, 240, 240]), ("pull", [30, 60, 60, 60, 60, 60])]
)
def test_five_failures_trip_the_breaker_and_it_grows_to_a_few_minutes(
    connection: Connection, name: str, longer: list[int]
) -> None:
    down = TryLater("down")
    waits = [(lanes.failed(connection.pk, name, down) - clock.now()).total_seconds() for _ in range(10)]
    assert waits == [1, 1, 1, 1, *longer]
    lanes.succeeded(connection.pk, name)
    assert Lane.objects.get(connection=connection, name=name).failures == 0


def test_the_bell_rings_once_in_five_seconds(connection: Connection, bell: Any) -> None:
    bell.rung.clear()
    Lane.objects.update(bell_at=None)
    for _ in range(3):
        lanes.ring(connection, "push")
    assert len(bell.rung) == 1
    clock.advance(seconds=6)
    lanes.ring(connection, "push")
    assert len(bell.rung) == 2


def test_a_worker_that_found_the_lane_taken_leaves_no_silent_bell(connection: Connection, bell: Any) -> None:
    bell.answer()
    lease = lanes.take(connection.pk, "push")
    assert lease is not None
    lanes.ring(connection, "push")
    bell.answer()
    lease.give_back()
    bell.rung.clear()
    lanes.ring(connection, "push")
    assert len(bell.rung) == 1


# The windows


def spent(connection: Connection) -> int:
    return {name: count for name, count, _ in budgets.used(connection)}["minute"]


def test_the_last_calls_of_a_minute_are_kept_for_people(connection: Connection) -> None:
    clock.advance(minutes=2)
    _, seconds, cap, reserve = SHAPES["xero"].windows[0]
    granted = [budgets.spend(connection, Urgency.NORMAL) for _ in range(cap)]
    assert granted.count(None) == cap - reserve
    assert granted[-1] == clock.now() + timedelta(seconds=seconds)
    assert [budgets.spend(connection, Urgency.PERSON) for _ in range(reserve)] == [None] * reserve
    assert budgets.spend(connection, Urgency.PERSON) is not None
    assert spent(connection) == cap
    clock.advance(seconds=seconds)
    assert budgets.spend(connection, Urgency.BULK) is None
    assert spent(connection) == 1


def test_a_call_that_one_window_refuses_is_not_counted_in_another(connection: Connection) -> None:
    clock.advance(days=2)
    with transaction.atomic():
        assert budgets.spend(connection, Urgency.PERSON) is None
        before = budgets.used(connection)
        day = budgets._key(connection, "day")
        budgets.Budget.objects.filter(pk=day).update(spent=5000)
        assert budgets.spend(connection, Urgency.PERSON) is not None
    assert spent(connection) == {n: c for n, c, _ in before}["minute"]


# Tokens


@pytest.fixture
def spent_token(connection: Connection) -> TokenSet:
    clock.advance(minutes=31)
    return TokenSet.objects.get()


def reply(access: str, refresh: str) -> dict[str, Any]:
    return {"access_token": access, "refresh_token": refresh, "expires_in": 1800}


def test_a_good_token_is_used_as_it_is(connection: Connection) -> None:
    def never(_: str) -> dict[str, Any]:
        raise AssertionError("nothing to renew")

    row = TokenSet.objects.get()
    assert tokens.access_token(row.pk, never) == json.loads(row.secret)["access_token"]


def test_one_process_renews_and_another_waits_and_then_gives_up_for_now(spent_token: TokenSet) -> None:
    asked = []

    def renew(refresh: str) -> dict[str, Any]:
        asked.append(refresh)
        with pytest.raises(TryLater):
            tokens.access_token(spent_token.pk, renew)
        return reply("a2", "r2")

    assert tokens.access_token(spent_token.pk, renew) == "a2"
    assert tokens.access_token(spent_token.pk, renew) == "a2"
    assert asked == [json.loads(spent_token.secret)["refresh_token"]]


def test_the_token_before_is_tried_once_when_the_reply_was_lost(spent_token: TokenSet) -> None:
    tokens.access_token(spent_token.pk, lambda _: reply("a2", "r2"))
    clock.advance(minutes=29)
    asked = []

    def renew(refresh: str) -> dict[str, Any]:
        asked.append(refresh)
        if refresh == "r2":
            raise Disconnected("invalid_grant")
        return reply("a3", "r3")

    assert tokens.access_token(spent_token.pk, renew) == "a3"
    assert asked == ["r2", json.loads(spent_token.secret)["refresh_token"]]


def test_a_renewal_that_fails_lets_the_next_one_try_at_once(spent_token: TokenSet) -> None:
    def down(_: str) -> dict[str, Any]:
        raise TryLater("down")

    with pytest.raises(TryLater):
        tokens.access_token(spent_token.pk, down)
    assert TokenSet.objects.get().refreshing_until is None
    assert tokens.access_token(spent_token.pk, lambda _: reply("a2", "r2")) == "a2"


def test_a_refused_token_is_spent_only_while_it_is_the_one_in_use(connection: Connection) -> None:
    row = TokenSet.objects.get()
    tokens.expire(row.pk, "an older one")
    assert TokenSet.objects.get().expires_at == row.expires_at
    tokens.expire(row.pk, json.loads(row.secret)["access_token"])
    assert TokenSet.objects.get().expires_at == clock.now()


def test_tokens_are_never_plain_in_the_database(connection: Connection) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT secret FROM ledger_sync_tokenset")
        (stored,) = cursor.fetchone()
    assert "access_token" not in stored
    assert "access_token" in TokenSet.objects.get().secret


# What the drain stands on


@pytest.mark.sqlite
@pytest.mark.skipif(database.vendor != "sqlite", reason="about SQLite's plan")
def test_what_is_ready_is_found_by_its_index(connection: Connection) -> None:
    rows = Link.objects.filter(connection=connection, kind="invoice", urgency=0, ready_at__lte=clock.now())
    plan = rows.order_by("ready_at", "id")[:50].explain()
    assert "USING INDEX link_ready" in plan
    assert "TEMP B-TREE" not in plan
