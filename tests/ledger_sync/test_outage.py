"""A ledger that answers nobody: said plainly, tried again every few minutes, and made good at once when it is back."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any

import pytest
import requests
import urllib3
from django.test import Client as Browser
from django.urls import reverse

from billing.models import Invoice
from ledger_sync import tasks
from ledger_sync.connection.pulse import pulse_of
from ledger_sync.limits import lanes
from ledger_sync.models import Call, Connection, Lane, Link
from ledger_sync.pages import queries
from ledger_sync.ports import TryLater
from ledger_sync.pull import pulling
from practice.core import clock, network
from practice.core.sandbox.faults import Fault

pytestmark = pytest.mark.django_db(transaction=True)
API = "/api.xro/"


@pytest.fixture
def accepted(firm: Any, connection: Any, bell: Any) -> Invoice:
    firm.agreement(firm.client("Heron Lane Books"))
    bell.answer()
    invoice: Invoice = firm.agreement(firm.client(), "P-0002")[1][0]
    return invoice


def minutes_pass(connection: Connection, bell: Any, minutes: int) -> None:
    """What the once-a-minute sweep does, so many times."""
    for _ in range(minutes):
        clock.advance(minutes=1)
        tasks.sweep()
        bell.answer()


def is_there_once(xero: Any, invoice: Invoice) -> bool:
    rows = xero.dump()[f"{xero.tenant_id}:Invoices"].values()
    return [row["InvoiceNumber"] for row in rows].count(invoice.number) == 1


@pytest.mark.parametrize("kind", ["down", "unavailable_html", "timeout"])
def test_after_an_outage_of_a_quarter_of_an_hour_everything_is_there_within_two_minutes(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any, kind: str
) -> None:
    began = clock.now()
    xero.faults.order(Fault(kind, match=API, seconds=900))
    bell.answer()
    minutes_pass(connection, bell, 5)
    since = lanes.silent_since(connection.pk)
    assert since is not None
    assert since - began < timedelta(minutes=1)
    minutes_pass(connection, bell, 15 - int((clock.now() - began).total_seconds() // 60))
    assert not Link.objects.filter(parked_at__isnull=False).exists()
    while clock.now() < began + timedelta(seconds=900):
        minutes_pass(connection, bell, 1)
    minutes_pass(connection, bell, 2)
    assert is_there_once(xero, accepted)
    assert lanes.silent_since(connection.pk) is None
    assert not Call.objects.filter(closed_at__isnull=True).exists()


def test_sync_now_does_not_wait_for_the_breaker(
    browser: Browser, connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    xero.faults.order(Fault("unavailable_html", match=API, seconds=600))
    bell.answer()
    minutes_pass(connection, bell, 9)
    xero.faults.clear()
    assert not is_there_once(xero, accepted)
    url = reverse("ledger_sync_now", kwargs={"practice": connection.practice.slug, "connection_id": connection.pk})
    browser.post(url)
    bell.answer()
    assert is_there_once(xero, accepted)


def test_what_the_ledger_asked_us_to_wait_is_waited_even_when_somebody_presses(
    browser: Browser, connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    xero.faults.order(Fault("rate_limited", match=API, method="PUT", retry_after=50))
    bell.answer()
    calls = Call.objects.count()
    url = reverse("ledger_sync_now", kwargs={"practice": connection.practice.slug, "connection_id": connection.pk})
    browser.post(url)
    bell.answer()
    assert Call.objects.count() == calls
    assert lanes.silent_since(connection.pk) is None


def test_who_can_read_does_not_lift_the_block_on_sending(connection: Connection, bell: Any) -> None:
    for _ in range(6):
        until = lanes.failed(connection.pk, "push", TryLater("503", status=503))
    pulling.pull(connection.pk, sweep=True)
    assert Lane.objects.get(connection=connection, name="push").blocked_until == until


def test_a_document_that_alone_brings_the_ledger_down_is_given_up_and_said(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    xero.faults.order(Fault("unavailable_html", match=API, method="PUT", times=10_000))
    xero.faults.order(Fault("unavailable_html", match=API, method="POST", times=10_000))
    for _ in range(20):
        clock.advance(minutes=59)
        minutes_pass(connection, bell, 1)
    link = Link.objects.filter(parked_at__isnull=False).first()
    assert link is not None
    assert link.parked_code == "tries_used_up"


def test_the_desk_says_since_when_and_that_nothing_is_lost(
    browser: Browser, connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    xero.faults.order(Fault("down", match=API, seconds=600))
    bell.answer()
    minutes_pass(connection, bell, 3)
    where = {"practice": connection.practice.slug, "connection_id": connection.pk}
    page = browser.get(reverse("ledger_desk", kwargs=where)).content.decode()
    assert "Xero has not answered since" in page
    assert "none is lost" in page
    assert "asked us to wait" not in page
    health = queries.health_of(connection, pulse_of(connection))
    assert health.silent_since == lanes.silent_since(connection.pk)
    home = browser.get(reverse("dashboard", kwargs={"practice": connection.practice.slug})).content.decode()
    assert "Xero does not answer" in home


def test_a_call_that_never_left_is_known_by_both_libraries() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    with pytest.raises(urllib3.exceptions.HTTPError) as lower:
        network.pool_manager().request("GET", url)
    with pytest.raises(requests.exceptions.RequestException) as upper:
        network.mount(requests.Session()).get(url)
    assert network.is_never_sent(lower.value)
    assert network.is_never_sent(upper.value)
    assert not network.is_never_sent(urllib3.exceptions.ProtocolError("reset"))
