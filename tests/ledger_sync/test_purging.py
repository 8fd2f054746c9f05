"""What was sent and received is removed after a while; what became of it stays, and the story still tells it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django_q.models import Task

from billing.models import Invoice
from ledger_sync import purging, tasks
from ledger_sync.models import Call, CallItem, Connection, Delivery, Link
from ledger_sync.pull import inbound
from practice.core import clock

pytestmark = pytest.mark.django_db(transaction=True)
IN_ITS_HOUR = datetime(2027, 2, 20, 3, 5, tzinfo=UTC)


def queued(name: str, stopped: datetime) -> None:
    Task.objects.create(id=name, name=name, func="ledger_sync.tasks.push", started=stopped, stopped=stopped)


def kept(booked: Invoice) -> list[tuple[str, str]]:
    """What of the calls about an invoice is told whatever was removed."""
    rows = CallItem.objects.filter(link__invoice=booked).order_by("pk").select_related("call")
    return [(row.result, row.call.outcome) for row in rows]


def test_bodies_of_old_calls_and_notices_go_and_their_fingerprints_and_outcomes_stay(
    connection: Connection, booked: Invoice, bell: Any
) -> None:
    body = Call.objects.get(operation="xero.invoice.main.create").body
    told = kept(booked)
    inbound.receive("xero", b'{"events": []}')
    bell.answer()
    queued("old", clock.now())
    clock.move(IN_ITS_HOUR)
    queued("young", clock.now())
    tasks.sweep()
    call = Call.objects.get(operation="xero.invoice.main.create")
    assert (call.body, call.emptied_at) == ("", IN_ITS_HOUR)
    assert call.body_digest == purging._digest(body)
    item = CallItem.objects.get(link__invoice=booked)
    assert (item.ours["doc"], item.ours["action"], len(item.ours["digest"])) == ({}, "create", 64)
    assert kept(booked) == told == [("ok", "done")]
    notice = Delivery.objects.get()
    assert (bytes(notice.body), len(notice.body_sha256)) == (b"", 64)
    assert not inbound.receive("xero", b'{"events": []}')
    assert list(Task.objects.values_list("id", flat=True)) == ["young"]
    assert purging.purge() == 0


def test_nothing_young_or_open_or_not_worked_is_removed(connection: Connection, booked: Invoice, bell: Any) -> None:
    inbound.receive("xero", b'{"events": []}')
    unanswered = Call.objects.get(operation="xero.client.main.create")
    Call.objects.filter(pk=unanswered.pk).update(closed_at=None, outcome="")
    clock.advance(days=89)
    assert purging.purge() == 0
    clock.advance(days=2)
    assert purging.purge() == Call.objects.count() - 1
    assert Call.objects.get(pk=unanswered.pk).body
    assert bytes(Delivery.objects.get().body)


def test_how_long_it_is_kept_is_a_setting(connection: Connection, booked: Invoice, settings: Any) -> None:
    settings.KEEP_SENT_DAYS = 400
    clock.advance(days=399)
    assert purging.purge() == 0
    clock.advance(days=2)
    assert purging.purge() > 0


def test_it_is_done_in_one_hour_of_the_day(connection: Connection, booked: Invoice) -> None:
    clock.move(IN_ITS_HOUR.replace(hour=5))
    assert purging.purge_daily() == 0
    clock.move(IN_ITS_HOUR)
    assert purging.purge_daily() > 0


def test_the_story_still_tells_each_attempt_and_says_that_the_body_was_removed(
    browser: Browser, firm: Any, connection: Connection, booked: Invoice
) -> None:
    link = Link.objects.get(invoice=booked)
    where = reverse("ledger_record", args=[firm.practice.slug, connection.pk, link.pk])
    before = browser.get(where).content.decode()
    assert "What was sent" in before
    clock.move(IN_ITS_HOUR)
    purging.purge()
    after = browser.get(where).content.decode()
    assert "Xero took it." in after
    assert "Body removed on 20 February 2027" in after
    assert "What was sent" not in after
