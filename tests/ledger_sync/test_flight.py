"""Several calls under way at once: beside each other over the network, one by one where a sandbox answers in process."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from threading import Barrier, get_ident
from typing import Any

import pytest

from billing import invoicing
from ledger_sync import kinds
from ledger_sync.limits import budgets, lanes
from ledger_sync.models import Budget, Call, CallItem, Connection, Lane
from ledger_sync.ports import Answer, TryLater
from ledger_sync.providers import ledger_for
from ledger_sync.push import flight, planning, pushing
from ledger_sync.push.flight import Flight, TooLate
from ledger_sync.push.planning import Room, Written
from practice.core import audit, clock
from practice.core.owed import Urgency
from practice.core.sandbox.faults import Fault

EVERYBODY = Room(anybody=3, people=4)


class Ledger:
    """A ledger that answers once as many calls stand before it as were told."""

    def __init__(self, abreast: int = 1) -> None:
        self.barrier, self.threads, self.sent = Barrier(abreast, timeout=20), set(), []
        self.locked_out: TryLater | None = None

    def prepare(self) -> None:
        if self.locked_out:
            raise self.locked_out

    def send(self, wire: Any, key: str) -> Answer:
        self.barrier.wait()
        self.threads.add(get_ident())
        self.sent.append(key)
        return Answer(status=200, payload={})

    def results(self, items: Any, answer: Answer) -> list[Any]:
        return []


def written(key: str, age: timedelta = timedelta()) -> Written:
    return Written(Call(key=key, last_sent_at=clock.now() - age), [])


def test_calls_are_under_way_beside_each_other() -> None:
    ledger = Ledger(abreast=3)
    landed = []
    with Flight(ledger, None) as under_way:
        for key in "abc":
            under_way.launch(written(key))
        assert len(under_way) == 3
        while under_way:
            landed += under_way.landed(within=20)
    assert {row.written.call.key for row in landed} == set("abc")
    assert len(ledger.threads) == 3
    assert get_ident() not in ledger.threads


def test_a_call_that_was_written_down_too_long_ago_is_not_sent() -> None:
    ledger = Ledger()
    assert isinstance(flight.send(ledger, written("a", age=timedelta(seconds=31))).error, TooLate)
    assert ledger.sent == []


def test_without_a_token_nothing_is_sent_and_the_call_says_why() -> None:
    ledger = Ledger()
    ledger.locked_out = TryLater("another process is renewing the access to the ledger", retry_after=2)
    with Flight(ledger, None) as under_way:
        under_way.launch(written("a"))
        (landed,) = under_way.landed(within=1)
    assert landed.error is ledger.locked_out
    assert ledger.sent == []


def bill(firm: Any, client: Any, many: int) -> None:
    with audit.cause(system="schedule", actor="billing run"):
        for _ in range(many):
            draft = invoicing.Draft("Bookkeeping", Decimal(1), Decimal(100), "standard", firm.service.pk)
            today = clock.today("Australia/Sydney")
            invoicing.bill_once(entity=firm.entity, client=client, drafts=[draft], on=today, now=clock.now())


@pytest.fixture
def run(firm: Any, connection: Connection, bell: Any, monkeypatch: Any) -> Any:
    """A run of five invoices that waits to be sent, two to a call."""
    client = firm.client()
    bill(firm, client, 1)
    bell.answer()
    monkeypatch.setitem(kinds.SHAPES, "xero", replace(kinds.SHAPES["xero"], batch=2))
    bell.rung.clear()
    bill(firm, client, 5)
    return client


@pytest.mark.django_db(transaction=True)
def test_as_many_calls_as_there_is_room_for_are_written_in_one_go(run: Any, connection: Connection) -> None:
    lease = lanes.take(connection.pk, "push")
    assert lease
    calls = planning.plan(connection, lease, ledger_for(connection), EVERYBODY)
    assert [len(call.items) for call in calls] == [2, 2, 1]
    assert planning.plan(connection, lease, ledger_for(connection), Room(anybody=0, people=1)) == []
    assert CallItem.objects.filter(open_call__isnull=False).values("link").distinct().count() == 5


@pytest.mark.django_db(transaction=True)
def test_a_window_with_two_calls_left_lets_two_go_and_the_rest_waits(run: Any, connection: Connection) -> None:
    row = Budget.objects.get(pk=f"xero:{connection.remote_org}:minute")
    Budget.objects.filter(pk=row.pk).update(spent=row.cap - row.reserve - 2, starts_at=clock.now())
    lease = lanes.take(connection.pk, "push")
    assert lease
    assert len(planning.plan(connection, lease, ledger_for(connection), EVERYBODY)) == 2
    assert Budget.objects.get(pk=row.pk).spent == row.cap - row.reserve
    assert Lane.objects.get(connection=connection, name="push").people_until == clock.now() + timedelta(seconds=60)


@pytest.mark.django_db(transaction=True)
def test_calls_written_together_that_wait_for_a_slow_one_are_sent_all_the_same(
    run: Any, connection: Connection, xero: Any, bell: Any
) -> None:
    xero.faults.order(Fault("timeout", method="PUT", match="Invoices"))
    pushing.push(connection.pk)
    first, *others = Call.objects.order_by("id").filter(items__link__kind="invoice").distinct()[1:]
    assert first.closed_at is None
    assert [call.outcome for call in others] == ["done", "done"]
    assert xero.books(xero.tenant_id).table("Invoices")


@pytest.mark.django_db(transaction=True)
def test_of_several_unanswered_calls_no_more_are_sent_again_than_a_stint_has_time_for(
    run: Any, connection: Connection, xero: Any, monkeypatch: Any
) -> None:
    xero.faults.order(Fault("response_lost", method="PUT", match="Invoices", times=3))
    pushing.push(connection.pk)
    unanswered = Call.objects.filter(closed_at__isnull=True)
    assert unanswered.count() == 3
    clock.advance(seconds=70)
    xero.faults.order(Fault("timeout", method="PUT", match="Invoices", times=3))
    send = flight.send

    def slow(*call: Any) -> Any:
        landed = send(*call)
        clock.advance(seconds=60)
        return landed

    monkeypatch.setattr(flight, "send", slow)
    pushing.push(connection.pk)
    assert sorted(unanswered.values_list("sends", flat=True)) == [1, 1, 2]


@pytest.mark.django_db(transaction=True)
def test_the_app_has_a_window_of_its_own_for_all_organisations(run: Any, connection: Connection) -> None:
    pushing.push(connection.pk)
    spent = dict(Budget.objects.values_list("key", "spent"))
    assert spent["xero::app minute"] == spent[f"xero:{connection.remote_org}:minute"] > 0
    Budget.objects.filter(key="xero::app minute").update(spent=10_000, starts_at=clock.now())
    assert budgets.spend(connection, Urgency.PERSON) == clock.now() + timedelta(minutes=1)
