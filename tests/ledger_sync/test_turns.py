"""At most two long runs are sent at once, over all connections; people never wait for a turn."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from billing import invoicing
from billing.models import Invoice
from ledger_sync.limits import turns
from ledger_sync.limits.turns import LASTS, RENEWED, MyTurn
from ledger_sync.models import Connection, Link, Turn
from ledger_sync.push import pushing
from practice.core import audit, clock
from practice.core.owed import Urgency
from practice.firm import clients

pytestmark = pytest.mark.django_db(transaction=True)
SEND = "ledger_sync.tasks.push"


@pytest.fixture
def taken(run: list[Invoice]) -> list[MyTurn]:
    """Two runs of other connections are being sent."""
    others = [MyTurn(connection_id=1001), MyTurn(connection_id=1002)]
    assert [turn.is_mine() for turn in others] == [True, True]
    return others


@pytest.fixture
def run(firm: Any, booked: Invoice, bell: Any) -> list[Invoice]:
    """Three invoices of a billing run, ready to be sent."""
    bell.rung.clear()
    today = clock.today("Australia/Sydney")
    made = []
    with audit.cause(system="schedule", actor="billing run"):
        for _ in range(3):
            draft = invoicing.Draft("Bookkeeping", Decimal(1), Decimal(100), "standard", firm.service.pk)
            made.append(
                invoicing.bill_once(entity=firm.entity, client=booked.client, drafts=[draft], on=today, now=clock.now())
            )
    return made


def rung(bell: Any) -> list[int]:
    return [arguments["connection_id"] for task, arguments in bell.rung if task == SEND]


def waiting() -> int:
    return Link.objects.filter(urgency=Urgency.BULK, owed_since__isnull=False).count()


def test_a_third_run_waits_and_does_not_ring_for_itself_meanwhile(
    connection: Connection, taken: list[MyTurn], run: list[Invoice], bell: Any
) -> None:
    bell.answer()
    assert waiting() == 3
    assert rung(bell) == []


def test_a_persons_change_goes_out_at_once_while_every_turn_is_taken(
    connection: Connection, taken: list[MyTurn], run: list[Invoice], booked: Invoice, bell: Any
) -> None:
    with audit.cause(system="web", actor="Dana"):
        clients.update_client(client_id=booked.client_id, phone="02 5550 0123")
    bell.answer()
    assert Link.objects.get(client=booked.client_id).owed_since is None
    assert waiting() == 3


def test_a_turn_given_back_rings_for_the_run_that_waits(
    connection: Connection, taken: list[MyTurn], run: list[Invoice], bell: Any
) -> None:
    bell.answer()
    taken[0].give_back()
    assert rung(bell) == [connection.pk]
    bell.answer()
    assert waiting() == 0
    assert set(Turn.objects.values_list("holder", flat=True)) == {"", taken[1].holder}


def test_the_turn_of_a_run_that_died_comes_free_by_itself(
    connection: Connection, taken: list[MyTurn], run: list[Invoice], bell: Any
) -> None:
    clock.advance(seconds=LASTS.total_seconds() - 5)
    pushing.ring_all()
    bell.answer()
    assert waiting() == 3
    clock.advance(seconds=10)
    pushing.ring_all()
    bell.answer()
    assert waiting() == 0


def test_a_run_that_still_sends_keeps_its_turn_and_one_that_lost_it_stops(taken: list[MyTurn]) -> None:
    mine, third = taken[0], MyTurn(connection_id=1003)
    for _ in range(8):
        clock.advance(seconds=RENEWED.total_seconds() + 1)
        assert mine.is_mine()
    assert third.is_mine()
    clock.advance(seconds=(LASTS + timedelta(seconds=1)).total_seconds())
    assert [MyTurn(connection_id=1004).is_mine(), MyTurn(connection_id=1005).is_mine()] == [True, True]
    assert not mine.is_mine()
    assert mine.was_refused


def test_a_run_that_is_not_done_lets_those_that_wait_go_first(
    connection: Connection, run: list[Invoice], bell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long run could else take its own turn again for ever: each stint ends with the others being rung for first."""
    monkeypatch.setattr(turns, "_waiting", lambda: [connection.pk, 1001, 1002])
    real = pushing._drain

    def one_call(*given: Any) -> int:
        assert given[-1].is_mine()
        return real(*given)

    monkeypatch.setattr(pushing, "STINT", timedelta(0))
    monkeypatch.setattr(pushing, "_drain", one_call)
    pushing.push(connection.pk)
    assert rung(bell)[-3:] == [1001, 1002, connection.pk]
    assert waiting() == 3
