"""Xero on its bad days: whatever it answers, or does not, each document is there once and nobody is charged twice."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from billing.models import Invoice
from ledger_sync.connection import connecting
from ledger_sync.models import Call, Connection, Lane, Link, Snag, TokenSet
from ledger_sync.providers import tokens
from ledger_sync.pull import gates, pulling
from ledger_sync.push import pushing
from practice.core import clock
from practice.core.gates import Verdict
from practice.core.sandbox.faults import Fault

pytestmark = pytest.mark.django_db(transaction=True)
SENDING = "/api.xro/2.0/Invoices"


@pytest.fixture
def accepted(firm: Any, connection: Connection, bell: Any) -> Invoice:
    """An invoice that is owed, to a client whom Xero has already."""
    client = firm.client("Sunny Side Daycare")
    firm.agreement(client, "P-0001")
    bell.answer()
    clock.advance(seconds=30)
    _, (invoice,) = firm.agreement(client, "P-0002")
    return invoice


def later(connection: Connection, bell: Any, **amount: int) -> None:
    """Some time on, the minute's sweep rings."""
    clock.advance(**amount)
    pushing.ring_all()
    bell.answer()


def numbered(xero: Any, invoice: Invoice) -> list[dict[str, Any]]:
    rows = xero.dump()[f"{xero.tenant_id}:Invoices"].values()
    return [r for r in rows if r["InvoiceNumber"] == invoice.number and r["Type"] == "ACCREC"]


def link_of(invoice: Invoice) -> Link:
    return Link.objects.get(invoice=invoice)


def is_there_once(xero: Any, invoice: Invoice) -> None:
    (row,) = numbered(xero, invoice)
    link = link_of(invoice)
    assert (link.remote_id, link.owes, link.is_parked) == (row["InvoiceID"], False, False)
    assert Decimal(row["Total"]) == invoice.total
    assert not Call.objects.filter(closed_at__isnull=True).exists()
    assert not Snag.objects.filter(closed_at__isnull=True).exists()


def open_cause(code: str) -> Snag:
    snag = Snag.objects.get(closed_at__isnull=True)
    assert snag.code == code
    return snag


def press(browser: Browser, snag: Snag, remedy: str) -> None:
    url = reverse(
        "ledger_remedy",
        kwargs={"practice": snag.practice.slug, "connection_id": snag.connection_id, "snag_id": snag.pk},
    )
    assert browser.post(url, {"remedy": remedy}).status_code == 302


# Access


def test_access_removed_there_queues_everything_and_charges_nobody(
    browser: Browser, firm: Any, connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    xero.bookkeeper.disconnect()
    bell.answer()
    assert Connection.objects.get().state == Connection.State.DISCONNECTED
    assert link_of(accepted).owes
    _, (another,) = firm.agreement(firm.client("Tern & Sons"), "P-0003")
    later(connection, bell, minutes=1)
    calls = Call.objects.count()
    later(connection, bell, minutes=10)
    assert Call.objects.count() == calls
    first = Invoice.objects.exclude(pk__in=[accepted.pk, another.pk]).get()
    assert gates.may_collect_unattended(first).verdict is Verdict.NOT_YET
    home = browser.get(reverse("dashboard", kwargs={"practice": firm.practice.slug})).content.decode()
    assert "Xero is disconnected" in home
    connecting.connect_sandbox(entity=firm.entity, provider="xero", keys=xero.credentials())
    bell.answer()
    is_there_once(xero, accepted)
    is_there_once(xero, another)


def test_a_token_that_runs_out_is_renewed_and_the_run_goes_on(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    before = TokenSet.objects.get().generation
    xero.faults.order(Fault("unauthorised", match=SENDING, method="PUT"))
    bell.answer()
    later(connection, bell, seconds=30)
    is_there_once(xero, accepted)
    assert TokenSet.objects.get().generation == before + 1
    assert Connection.objects.get().state == Connection.State.LIVE


def test_a_worker_that_held_a_token_while_it_was_replaced_ends_no_connection(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, held_up = tokens.Bearer.token, []

    def token(bearer: tokens.Bearer) -> str:
        old = given(bearer)
        if not held_up:
            clock.advance(hours=2)
            held_up.append(tokens.access_token(bearer.token_set_id, bearer.refresh))
        return old

    monkeypatch.setattr(tokens.Bearer, "token", token)
    bell.answer()
    call = Call.objects.order_by("pk").last()
    assert (call.outcome, call.http_status) == ("try_later", 401)
    assert Connection.objects.get().state == Connection.State.LIVE
    later(connection, bell, minutes=1)
    is_there_once(xero, accepted)


def test_the_newest_token_being_refused_disconnects(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    with xero.store.transaction():
        for token in list(xero.store.table("_access")):
            xero.store.drop("_access", token)
    bell.answer()
    assert Connection.objects.get().state == Connection.State.DISCONNECTED
    assert link_of(accepted).owes


def test_a_refresh_token_nobody_takes_any_more_disconnects(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    clock.advance(days=61)
    bell.answer()
    assert Connection.objects.get().state == Connection.State.DISCONNECTED
    assert link_of(accepted).owes


# Try later


def test_a_minute_that_is_used_up_blocks_the_lane_and_loses_nothing(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    xero.faults.order(Fault("rate_limited", match=SENDING, method="PUT", retry_after=37))
    bell.answer()
    lane = Lane.objects.get(connection=connection, name="push")
    assert lane.blocked_until is not None
    assert timedelta(seconds=36) <= lane.blocked_until - clock.now() <= timedelta(seconds=37)
    calls = Call.objects.count()
    later(connection, bell, seconds=20)
    assert (Call.objects.count(), numbered(xero, accepted)) == (calls, [])
    later(connection, bell, seconds=18)
    is_there_once(xero, accepted)


def test_a_hiccup_costs_a_second(connection: Connection, xero: Any, accepted: Invoice, bell: Any) -> None:
    before = clock.now()
    xero.faults.order(Fault("unavailable_html", match=SENDING, method="PUT"))
    bell.answer()
    assert Call.objects.filter(outcome="try_later").count() == 1
    assert clock.now() - before < timedelta(seconds=10)
    is_there_once(xero, accepted)


@pytest.mark.parametrize("retry_after", [None, 20])
def test_maintenance_is_waited_out(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any, retry_after: int | None
) -> None:
    xero.faults.order(Fault("unavailable_html", match=SENDING, method="PUT", retry_after=retry_after, seconds=30))
    bell.answer()
    assert Call.objects.order_by("pk").last().outcome == "try_later"
    later(connection, bell, minutes=1)
    later(connection, bell, minutes=2)
    is_there_once(xero, accepted)


# Answers that were lost: the call stays open until we know


@pytest.mark.parametrize("kind", ["response_lost", "truncated", "html_instead", "reset", "timeout"])
def test_without_an_answer_the_same_call_is_sent_again_under_its_key(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any, kind: str
) -> None:
    xero.faults.order(Fault(kind, match=SENDING, method="PUT"))
    bell.answer()
    call = Call.objects.get(closed_at__isnull=True)
    later(connection, bell, seconds=50)
    assert Call.objects.get(closed_at__isnull=True).sends == 1
    later(connection, bell, seconds=16)
    is_there_once(xero, accepted)
    call.refresh_from_db()
    assert (call.sends, call.outcome) == (2, "done")


@pytest.mark.parametrize("kind", ["response_lost", "truncated", "html_instead", "reset", "timeout", "server_error"])
def test_once_the_key_has_died_it_is_looked_for_before_anything_is_sent(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any, kind: str
) -> None:
    xero.faults.order(Fault(kind, match=SENDING, method="PUT"))
    bell.answer()
    later(connection, bell, minutes=7)
    later(connection, bell, minutes=3)
    is_there_once(xero, accepted)
    landed = kind in ("response_lost", "truncated", "html_instead")
    outcomes = list(
        Call.objects.filter(operation="xero.invoice.main.create").order_by("pk").values_list("outcome", flat=True)
    )[1:]
    assert outcomes == (["unknown_found"] if landed else ["unknown_absent", "done"])


def test_an_error_of_xeros_own_is_cached_under_its_key_and_still_becomes_one_invoice(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    xero.faults.order(Fault("server_error", match=SENDING, method="PUT"))
    bell.answer()
    for _ in range(6):
        later(connection, bell, seconds=66)
    later(connection, bell, seconds=150)
    is_there_once(xero, accepted)


def test_a_looking_up_that_fails_changes_nothing(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    xero.faults.order(Fault("response_lost", match=SENDING, method="PUT"))
    bell.answer()
    xero.faults.order(Fault("unavailable_html", match=SENDING, method="GET", times=2))
    later(connection, bell, minutes=7)
    later(connection, bell, minutes=3)
    assert Call.objects.filter(closed_at__isnull=True).count() == 1
    later(connection, bell, minutes=3)
    is_there_once(xero, accepted)


def test_an_invoice_whose_call_is_open_enters_no_other_call(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    xero.faults.order(Fault("reset", match=SENDING, method="PUT"))
    bell.answer()
    calls = Call.objects.count()
    Link.objects.filter(invoice=accepted).update(ready_at=clock.now())
    later(connection, bell, seconds=10)
    assert Call.objects.count() == calls


# Refusals: a cause for a person, and the money that waits for it


def test_an_archived_account_is_a_cause_with_its_money_and_choosing_another_sends_what_waits(
    browser: Browser, connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    xero.bookkeeper.archive_account("200")
    pulling.pull(connection.pk, references=True)
    calls = Call.objects.count()
    bell.answer()
    snag = open_cause("account_archived")
    assert snag.money == accepted.total
    assert Call.objects.count() == calls
    other = connection.ref_items.get(kind="account", code="260")
    url = reverse("ledger_mapping", kwargs={"practice": snag.practice.slug, "connection_id": connection.pk})
    browser.post(url, {"sales:": other.pk})
    bell.answer()
    is_there_once(xero, accepted)
    assert numbered(xero, accepted)[0]["LineItems"][0]["AccountCode"] == "260"


@pytest.mark.parametrize("chart_known", [True, False])
def test_an_account_brought_back_is_used_again_when_sent_again(
    browser: Browser, connection: Connection, xero: Any, accepted: Invoice, bell: Any, chart_known: bool
) -> None:
    xero.bookkeeper.archive_account("200")
    if chart_known:
        pulling.pull(connection.pk, references=True)
    bell.answer()
    snag = open_cause("account_archived")
    assert snag.money == accepted.total
    assert numbered(xero, accepted) == []
    xero.bookkeeper.restore_account("200")
    clock.advance(seconds=20)
    press(browser, snag, "retry")
    bell.answer()
    is_there_once(xero, accepted)


def test_a_refusal_names_the_account_it_is_about(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    from ledger_sync.asking import snags

    xero.bookkeeper.archive_account("200")
    bell.answer()
    assert "200" in snags.sentence(open_cause("account_archived"))


@pytest.mark.parametrize("lock_known", [True, False])
def test_a_locked_period_is_a_cause_and_is_sent_after_unlocking(
    browser: Browser, connection: Connection, xero: Any, accepted: Invoice, bell: Any, lock_known: bool
) -> None:
    from ledger_sync.asking import snags

    xero.bookkeeper.set_lock_dates(period="2026-11-30")
    if lock_known:
        pulling.pull(connection.pk, references=True)
    bell.answer()
    snag = open_cause("locked")
    assert snag.money == accepted.total
    assert accepted.number in snags.sentence(snag)
    assert "2026" in snags.sentence(snag)
    assert numbered(xero, accepted) == []
    xero.bookkeeper.set_lock_dates()
    clock.advance(seconds=20)
    press(browser, snag, "retry")
    bell.answer()
    is_there_once(xero, accepted)


def copy_of(xero: Any, invoice: Invoice, unit_amount: int) -> None:
    """Somebody typed an invoice with our number into Xero."""
    contact = Link.objects.get(client=invoice.client).remote_id
    line = {
        "Description": "Bookkeeping",
        "Quantity": 1,
        "UnitAmount": unit_amount,
        "AccountCode": "200",
        "TaxType": "OUTPUT",
    }
    xero.bookkeeper.add_invoice(
        {
            "Type": "ACCREC", "Contact": {"ContactID": contact}, "InvoiceNumber": invoice.number,
            "Date": str(invoice.issued_on), "DueDate": str(invoice.due_on), "LineItems": [line], "Status": "AUTHORISED",
            "LineAmountTypes": "Exclusive",
        }
    )  # fmt: skip


def test_our_number_there_with_our_content_is_adopted(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    copy_of(xero, accepted, 1000)
    bell.answer()
    is_there_once(xero, accepted)


def test_our_number_there_with_other_content_is_a_cause(
    connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    copy_of(xero, accepted, 999)
    bell.answer()
    assert open_cause("number_taken").money == accepted.total
    assert len(numbered(xero, accepted)) == 1


def test_what_has_no_place_waits_and_goes_when_one_was_chosen(
    browser: Browser, firm: Any, connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    place = connection.mappings.get(purpose="sales")
    target = place.target_id
    place.delete()
    _, (second,) = firm.agreement(firm.client("Tern & Sons"), "P-0003")
    bell.answer()
    assert open_cause("mapping_missing").money == accepted.total + second.total
    assert numbered(xero, accepted) == numbered(xero, second) == []
    url = reverse("ledger_mapping", kwargs={"practice": firm.practice.slug, "connection_id": connection.pk})
    browser.post(url, {"sales:": target})
    bell.answer()
    is_there_once(xero, accepted)
    is_there_once(xero, second)


def test_one_refused_invoice_of_a_batch_holds_up_no_other(
    firm: Any, connection: Connection, xero: Any, accepted: Invoice, bell: Any
) -> None:
    clean = [firm.agreement(firm.client(f"Client {n} Pty Ltd"), f"P-1{n}")[1][0] for n in range(3)]
    copy_of(xero, accepted, 5)
    bell.answer()
    assert [len(numbered(xero, invoice)) for invoice in clean] == [1, 1, 1]
    assert not any(link_of(invoice).owes for invoice in clean)
    assert link_of(accepted).parked_code == "number_taken"
    assert Snag.objects.filter(closed_at__isnull=True).count() == 1
