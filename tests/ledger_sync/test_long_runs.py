"""While a long run is being sent: people pass it, nothing waits longer than the ledger's window, echoes cost no call."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from billing import invoicing
from billing.models import Invoice
from ledger_sync.limits import lanes
from ledger_sync.models import Budget, Call, Connection, Hint, Lane, Link
from ledger_sync.pull import inbound, pulling
from ledger_sync.push import pushing
from practice.core import audit, clock
from practice.firm import clients
from practice.site import tasks

pytestmark = pytest.mark.django_db(transaction=True)


def bill(firm: Any, client: Any, many: int = 1) -> None:
    """What a billing run issues."""
    with audit.cause(system="schedule", actor="billing run"):
        for _ in range(many):
            draft = invoicing.Draft("Bookkeeping", Decimal(1), Decimal(100), "standard", firm.service.pk)
            today = clock.today("Australia/Sydney")
            invoicing.bill_once(entity=firm.entity, client=client, drafts=[draft], on=today, now=clock.now())


def leave_only_the_reserve(connection: Connection) -> None:
    """The run has used up its share of this minute."""
    row = Budget.objects.get(pk=f"xero:{connection.remote_org}:minute")
    row.spent, row.starts_at = row.cap - row.reserve, clock.now()
    row.save()


@pytest.fixture
def waiting(firm: Any, connection: Connection, bell: Any) -> Any:
    """A client both books know, and an invoice of a run that found the minute's calls used up."""
    client = firm.client()
    bill(firm, client)
    bell.answer()
    leave_only_the_reserve(connection)
    bill(firm, client)
    bell.answer()
    assert Link.objects.filter(kind="invoice", remote_id=None).count() == 1
    return client


def test_what_a_person_changes_passes_a_run_that_waits_for_the_next_minute(
    waiting: Any, connection: Connection, xero: Any, bell: Any
) -> None:
    with audit.cause(system="web", actor="Helen Marsh"):
        clients.update_client(client_id=waiting.pk, billing_email="new@larkspur.example")
    bell.answer()
    contact = xero.books(xero.tenant_id).get("Contacts", Link.objects.get(client=waiting).remote_id)
    assert contact["EmailAddress"] == "new@larkspur.example"
    assert Link.objects.filter(kind="invoice", remote_id=None).count() == 1


def test_the_run_goes_on_the_second_its_minute_begins(waiting: Any, connection: Connection, bell: Any) -> None:
    until = Lane.objects.get(connection=connection, name="push").people_until
    assert until == clock.now() + timedelta(seconds=60)
    clock.advance(seconds=59)
    assert lanes.ring_due() == 0
    clock.advance(seconds=1)
    assert (lanes.ring_due(), lanes.ring_due()) == (1, 0)
    bell.answer()
    assert not Link.objects.filter(remote_id=None).exists()


def test_a_window_without_even_the_reserve_stops_people_too(waiting: Any, connection: Connection, bell: Any) -> None:
    Budget.objects.filter(pk=f"xero:{connection.remote_org}:minute").update(spent=60)
    calls = Call.objects.count()
    with audit.cause(system="web", actor="Helen Marsh"):
        clients.update_client(client_id=waiting.pk, billing_email="new@larkspur.example")
    bell.answer()
    assert (Call.objects.count(), pushing.push(connection.pk)) == (calls, 0)
    assert Lane.objects.get(connection=connection, name="push").blocked_until == clock.now() + timedelta(seconds=60)


def notice(connection: Connection, remote_id: str, at: Any, category: str = "INVOICE") -> int:
    event = {
        "resourceId": remote_id, "tenantId": connection.remote_org, "eventCategory": category,
        "eventType": "CREATE", "eventDateUtc": at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3],
    }  # fmt: skip
    assert inbound.receive("xero", json.dumps({"events": [event]}).encode())
    inbound.work(inbound.Delivery.objects.latest("pk").pk)
    return Hint.objects.count()


def test_the_notice_of_our_own_invoice_that_overtakes_its_answer_costs_no_call(
    firm: Any, connection: Connection, xero: Any, bell: Any
) -> None:
    bill(firm, firm.client())
    bell.answer()
    link = Link.objects.get(kind="invoice")
    known, version = str(link.remote_id), link.remote_version
    Link.objects.filter(pk=link.pk).update(remote_id=None, remote_version="")
    assert notice(connection, known, clock.now()) == 1
    Link.objects.filter(pk=link.pk).update(remote_id=known, remote_version=version)
    clock.advance(seconds=21)
    fetched = []
    xero.handle = lambda request, handle=xero.handle: (fetched.append(request.path), handle(request))[1]
    assert pulling.pull(connection.pk) == 0
    assert (fetched, Hint.objects.count()) == ([], 0)


def test_a_notice_of_our_own_change_that_is_stamped_a_moment_later_costs_no_call(
    firm: Any, connection: Connection, bell: Any
) -> None:
    bill(firm, firm.client())
    bell.answer()
    known = str(Link.objects.get(kind="invoice").remote_id)
    assert notice(connection, known, clock.now() + timedelta(milliseconds=300)) == 0
    assert notice(connection, known, clock.now() + timedelta(seconds=3)) == 1


def test_a_second_change_there_right_after_one_that_was_read_is_followed(
    firm: Any, connection: Connection, xero: Any, bell: Any
) -> None:
    bill(firm, firm.client())
    bell.answer()
    clock.advance(seconds=30)
    link = Link.objects.get(kind="client")
    xero.bookkeeper.edit_contact(link.remote_id, {"EmailAddress": "first@larkspur.example"})
    assert pulling.pull(connection.pk, sweep=True)
    assert notice(connection, str(link.remote_id), clock.now() + timedelta(milliseconds=300), "CONTACT") == 1


def test_the_notice_of_somebody_elses_later_change_is_followed(
    firm: Any, connection: Connection, xero: Any, bell: Any
) -> None:
    bill(firm, firm.client())
    bell.answer()
    clock.advance(seconds=30)
    assert notice(connection, str(Link.objects.get(kind="invoice").remote_id), clock.now()) == 1
    assert pulling.pull(connection.pk) == 1


def test_payments_are_swept_every_two_minutes_while_money_is_awaited_and_the_rest_every_five(
    firm: Any, connection: Connection, bell: Any
) -> None:
    bill(firm, firm.client())
    bell.answer()
    tasks.ledger_sync.tasks.sweep()
    due = []
    for _ in range(10):
        clock.advance(minutes=1)
        Link.objects.update(owed_since=clock.now())
        due.append(pulling.sweeps_due(connection, clock.now()))
        if due[-1]:
            pulling.pull(connection.pk, kinds=due[-1])
    both = ["client", "invoice"]
    assert due == [
        [],
        ["allocation"],
        [],
        ["allocation"],
        both,
        ["allocation"],
        [],
        ["allocation"],
        [],
        [*both, "allocation"],
    ]


def test_many_notices_are_answered_by_one_sweep_and_what_it_does_not_show_is_still_fetched(
    firm: Any, connection: Connection, xero: Any, bell: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(pulling, "HINTS_AT_MOST", 2)
    bill(firm, firm.client(), many=4)
    bell.answer()
    old, *others = [str(link.remote_id) for link in Link.objects.filter(kind="invoice").order_by("pk")]
    clock.advance(minutes=5)
    pulling.pull(connection.pk, sweep=True)
    clock.advance(minutes=5)
    for remote_id in others:
        xero.bookkeeper.edit_invoice(remote_id, {"DueDate": "2026-12-20"})
    for remote_id in (old, *others):
        inbound.hint(connection, "invoice", remote_id, clock.now())
    fetched = []
    xero.handle = lambda request, handle=xero.handle: (fetched.append(request.arg("IDs")), handle(request))[1]
    pulling.pull(connection.pk)
    assert (fetched, Hint.objects.count()) == (["", old], 0)


def test_a_sweep_that_reads_a_run_back_notes_the_unchanged_at_once_and_takes_in_what_was_changed(
    firm: Any, connection: Connection, xero: Any, bell: Any
) -> None:
    bill(firm, firm.client(), 40)
    bell.answer()
    moved = Link.objects.filter(kind="invoice").order_by("pk")[7]
    xero.bookkeeper.edit_invoice(moved.remote_id, {"DueDate": "2027-01-31"})
    clock.advance(minutes=20)
    with CaptureQueriesContext(database) as asked:
        pulling.pull(connection.pk, sweep=True)
    of_each = [query for query in asked if "billing_invoice" in query["sql"] and "kind\" = 'invoice'" in query["sql"]]
    assert 0 < len(of_each) < 4
    invoices = Link.objects.filter(kind="invoice")
    assert invoices.filter(verified_at=clock.now()).count() == 40
    assert str(Invoice.objects.get(pk=moved.invoice_id).due_on) == "2027-01-31"
    assert Invoice.objects.exclude(pk=moved.invoice_id).filter(due_on="2027-01-31").count() == 0


def test_a_sweep_leaves_alone_what_a_call_is_about_that_nobody_answered(
    firm: Any, connection: Connection, xero: Any, bell: Any
) -> None:
    bill(firm, firm.client(), 3)
    bell.answer()
    asked, other, _ = Link.objects.filter(kind="invoice").order_by("pk")
    call = Call.objects.order_by("-pk").first()
    assert call is not None
    call.items.filter(link=asked).update(open_call=call)
    clock.advance(minutes=20)
    pulling.pull(connection.pk, sweep=True)
    for link in (asked, other):
        link.refresh_from_db()
    assert other.verified_at == clock.now()
    assert asked.verified_at < clock.now()
    assert Hint.objects.filter(remote_id=asked.remote_id, ready_at__isnull=False).exists()
