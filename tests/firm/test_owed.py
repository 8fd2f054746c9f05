"""Owed rows, on the mails that are owed: what was sent is cleared and nothing else is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from practice.core import clock, owed
from practice.firm.models import Mail, Practice


@pytest.fixture
def rows(firm: Practice) -> Any:
    mail = Mail.objects.create(practice=firm, kind="x", to_email="ap@larkspur.example", created_at=clock.now())
    return Mail.objects.filter(pk=mail.pk)


def test_what_was_owed_again_meanwhile_stays_owed(rows: Any) -> None:
    owed.owe(rows)
    sent = rows.get().owed_rev
    since = rows.get().owed_since
    clock.advance(seconds=5)
    owed.owe(rows)
    assert rows.get().owed_since == since
    assert owed.settle(rows, sent_rev=sent) is False
    assert rows.get().owes
    assert owed.settle(rows, sent_rev=sent + 1) is True
    assert not rows.get().owes
    assert owed.settle(rows, sent_rev=sent + 1) is True


def test_a_parked_row_waits_for_a_person_and_owing_again_lets_it_go(rows: Any) -> None:
    owed.owe(rows)
    owed.park(rows, code="refused")
    assert rows.get().is_parked
    assert owed.postpone(rows, until=clock.now()) == 0
    assert not owed.claim(rows)
    owed.release(rows)
    assert (rows.get().is_parked, rows.get().ready_at is not None) == (False, True)


def test_a_row_is_claimed_by_one_worker_until_its_time_is_up(rows: Any) -> None:
    clock.move(clock.now())
    owed.owe(rows)
    assert owed.claim(rows, seconds=60)
    assert not owed.claim(rows, seconds=60)
    clock.advance(seconds=61)
    assert owed.claim(rows)
    assert rows.get().tries == 2


def test_the_wait_doubles_and_never_passes_an_hour() -> None:
    for tries in range(30):
        assert timedelta() <= owed.backoff(tries) <= timedelta(seconds=min(3600, 2 * 2**tries))
