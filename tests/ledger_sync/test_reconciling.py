"""Both books are compared in full: what agrees is marked, what differs is told with its cause, and nothing is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

import ledger_sync.tasks
from billing import invoicing
from billing.models import Invoice
from ledger_sync.limits import lanes
from ledger_sync.models import Comparison, Connection, Link
from ledger_sync.proof import reconciling
from ledger_sync.pull import pulling
from practice.core import audit, clock
from practice.core.sandbox.faults import Fault

TWIN = "11111111-2222-4333-8444-555555555555"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def booked(firm: Any, connection: Any, xero: Any, bell: Any) -> list[Invoice]:
    """Three invoices of 1,100.00 that both books agree on, the first one paid in part in Xero."""
    client = firm.client()
    invoices = [firm.agreement(client, reference=f"P-000{n}")[1][0] for n in range(3)]
    bell.answer()
    xero.bookkeeper.record_payment(there(invoices[0]), Decimal(300))
    clock.advance(minutes=5)
    pulling.pull(connection.pk, sweep=True)
    bell.answer()
    clock.advance(minutes=5)
    return invoices


def there(invoice: Invoice) -> str:
    return str(Link.objects.get(invoice=invoice).remote_id)


def found(connection: Connection) -> list[tuple[str, ...]]:
    comparison = reconciling.compare(connection.pk)
    assert comparison is not None
    assert comparison.ended_at is not None
    rows = comparison.differences.order_by("pk")
    return [(row.record.split()[0], row.what, row.field, row.here, row.there, row.cause) for row in rows]


def test_books_that_agree_are_marked_as_verified_and_nothing_is_written(
    booked: Any, connection: Any, xero: Any
) -> None:
    before = xero.dump()
    assert found(connection) == []
    assert reconciling.Comparison.objects.get().compared == 5
    assert {link.verified_at for link in Link.objects.all()} == {clock.now()}
    assert xero.dump() == before


def test_what_the_bookkeeper_changed_and_nobody_read_yet_is_told_and_then_taken_in(
    booked: Any, connection: Any, xero: Any, bell: Any
) -> None:
    xero.bookkeeper.record_payment(there(booked[1]), Decimal(100))
    name = booked[1].number
    assert found(connection) == [(name, "differs", "still due", "$1,100.00", "$1,000.00", "not_read")]
    bell.answer()
    clock.advance(minutes=3)
    pulling.pull(connection.pk, sweep=True)
    bell.answer()
    assert found(connection) == []


def test_a_changed_document_waits_for_a_decision(booked: Any, connection: Any, xero: Any, bell: Any) -> None:
    line = Link.objects.get(invoice=booked[1]).base_theirs["lines"][0]["remote_line"]
    xero.bookkeeper.edit_line(there(booked[1]), line, {"UnitAmount": 900})
    clock.advance(minutes=1)
    pulling.pull(connection.pk, sweep=True)
    rows = found(connection)
    assert {(row[0], row[5]) for row in rows} == {(booked[1].number, "decision")}
    assert ("total", "$1,100.00", "$990.00") in {row[2:5] for row in rows}


def test_what_is_on_its_way_and_what_was_never_sent_are_told_apart(
    booked: Any, firm: Any, connection: Any, xero: Any, bell: Any
) -> None:
    client = booked[0].client
    with audit.cause(system="web", actor="Helen Marsh"):
        draft = invoicing.Draft("Extra", Decimal(1), Decimal(50), "standard", firm.service.pk)
        today = clock.today("Australia/Sydney")
        late = invoicing.bill_once(entity=firm.entity, client=client, drafts=[draft], on=today, now=clock.now())
        lost = invoicing.bill_once(entity=firm.entity, client=client, drafts=[draft], on=today, now=clock.now())
    link = Link.objects.get(invoice=lost)
    link.needs.all().delete()
    link.delete()
    assert found(connection) == [
        (late.number, "never_sent", "", "", "", "on_its_way"),
        (lost.number, "never_sent", "", "", "", "unexplained"),
    ]


def test_an_invoice_that_is_not_there_any_more_is_told_even_if_no_list_shows_it(
    booked: Any, connection: Any, xero: Any
) -> None:
    with xero.store.transaction():
        xero.store.drop(f"{connection.remote_org}:Invoices", there(booked[2]))
    assert found(connection)[0][:2] == (booked[2].number, "missing_there")


def make_a_twin(connection: Any, xero: Any, invoice: Invoice) -> None:
    """Another invoice there with the number of ours."""
    twin = {**xero.books(connection.remote_org).get("Invoices", there(invoice)), "InvoiceID": TWIN}
    with xero.store.transaction():
        xero.store.put(f"{connection.remote_org}:Invoices", TWIN, twin)


def test_a_number_that_is_there_twice_is_told(booked: Any, connection: Any, xero: Any) -> None:
    make_a_twin(connection, xero, booked[2])
    assert found(connection) == [(booked[2].number, "twice_there", "", "", TWIN, "unexplained")]


def test_a_change_made_while_the_pages_were_read_is_no_difference(
    booked: Any, connection: Any, xero: Any, bell: Any, monkeypatch: Any
) -> None:
    original = reconciling._Reading._look_again
    xero.bookkeeper.record_payment(there(booked[1]), Decimal(100))

    def meanwhile(self: Any, kind: str, role: str, remote_ids: list[str]) -> None:
        if kind == "invoice":
            clock.advance(minutes=3)
            pulling.pull(connection.pk, sweep=True)
        original(self, kind, role, remote_ids)

    monkeypatch.setattr(reconciling._Reading, "_look_again", meanwhile)
    assert found(connection) == []


def test_a_ledger_that_does_not_answer_breaks_it_off_and_the_next_try_is_minutes_later(
    booked: Any, connection: Any, xero: Any, bell: Any
) -> None:
    clock.move(datetime(2026, 11, 21, 16, 5, tzinfo=UTC))  # five past three at night in Sydney
    assert reconciling.due(clock.now()) == [connection.pk]
    xero.faults.order(Fault("timeout", match="Invoices"))
    ledger_sync.tasks.compare(connection.pk)
    broken = Comparison.objects.get()
    assert (broken.ended_at, broken.broken_off) == (None, "Xero did not answer in time")
    assert reconciling.due(clock.now()) == []
    clock.advance(minutes=11)
    assert reconciling.due(clock.now()) == [connection.pk]
    ledger_sync.tasks.sweep()
    bell.answer()
    assert reconciling.due(clock.now() + timedelta(minutes=11)) == []


def test_two_comparisons_of_one_connection_do_not_run_at_once(booked: Any, connection: Any) -> None:
    assert lanes.take(connection.pk, "verify") is not None
    assert reconciling.compare(connection.pk) is None


def test_the_command_prints_every_difference_and_fails_only_for_what_nothing_explains(
    booked: Any, connection: Any, xero: Any
) -> None:
    out = StringIO()
    xero.bookkeeper.record_payment(there(booked[1]), Decimal(100))
    call_command("reconcile", stdout=out)
    name = f"{booked[1].number} to Larkspur Bakery Pty Ltd"
    told = "says something else there: still due is $1,100.00 here, $1,000.00 there (changed there, not read yet)"
    assert out.getvalue().splitlines() == [
        "Harbour & Vale Pty Ltd and Xero: 5 documents compared, 1 differences",
        f"  {name} {told}",
    ]
    make_a_twin(connection, xero, booked[2])
    with pytest.raises(CommandError, match="the books do not agree"):
        call_command("reconcile", str(connection.pk), stdout=out)
    with pytest.raises(CommandError, match="no such live connection; there are: "):
        call_command("reconcile", "999", stdout=out)


def test_the_page_lists_what_differs_and_why_and_compares_now_when_asked(
    booked: Any, connection: Any, xero: Any, bell: Any, browser: Any
) -> None:
    where = {"practice": connection.practice.slug, "connection_id": connection.pk}
    url = reverse("ledger_compared", kwargs=where)
    assert "Not compared yet" in browser.get(url).content.decode()
    xero.bookkeeper.record_payment(there(booked[1]), Decimal(100))
    answer = browser.post(reverse("ledger_compare_now", kwargs=where))
    assert answer["Location"] == url
    reading = Comparison.objects.create(connection=connection, started_at=clock.now(), compared=3)
    assert "Reading: 3 documents compared so far" in browser.get(url).content.decode()
    reading.delete()
    bell.answer()
    text = browser.get(url).content.decode()
    for words in ("1 difference in 5 documents", booked[1].number, "$1,000.00", "Changed there, not read yet"):
        assert words in text
    clock.advance(minutes=3)
    pulling.pull(connection.pk, sweep=True)
    bell.answer()
    reconciling.compare(connection.pk)
    assert "All of 6 documents agree" in browser.get(url).content.decode()
