"""What the bookkeeper does in Xero arrives here: by notice in seconds, by sweep when no notice came."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser

from billing.models import Invoice, Payment
from billing.standing import standing_of
from ledger_sync.asking import snags
from ledger_sync.limits import lanes
from ledger_sync.models import Call, Delivery, Hint, Lane, Link, Snag
from ledger_sync.providers import ledger_for
from ledger_sync.pull import gates, pulling
from practice.core import clock
from practice.core.gates import Verdict

pytestmark = pytest.mark.django_db(transaction=True)


def sweep(connection: Any) -> None:
    clock.advance(seconds=30)
    pulling.pull(connection.pk, sweep=True)


def there(invoice: Invoice) -> str:
    return str(Link.objects.get(invoice=invoice).remote_id)


def first_line(invoice: Invoice) -> str:
    return str(Link.objects.get(invoice=invoice).base_theirs["lines"][0]["remote_line"])


def standing(invoice: Invoice) -> Any:
    invoice = Invoice.objects.get(pk=invoice.pk)
    return standing_of(invoice, clock.today("Australia/Sydney"))


def test_an_email_changed_in_xero_arrives_here_and_is_not_sent_back(
    booked: Any, connection: Any, xero: Any, bell: Any
) -> None:
    calls = Call.objects.count()
    contact = Link.objects.get(client=booked.client)
    xero.bookkeeper.edit_contact(contact.remote_id, {"EmailAddress": "new@larkspur.example"})
    sweep(connection)
    bell.answer()
    booked.client.refresh_from_db()
    assert booked.client.billing_email == "new@larkspur.example"
    assert booked.client.history.first().system == "xero"
    assert Call.objects.count() == calls


def test_a_bank_payment_recorded_in_xero_pays_the_invoice_here(
    booked: Any, connection: Any, xero: Any, bell: Any
) -> None:
    xero.bookkeeper.record_payment(there(booked), Decimal("1100.00"))
    sweep(connection)
    bell.answer()
    assert standing(booked).state == "paid"
    payment = Payment.objects.get()
    assert payment.source == Payment.Source.LEDGER
    assert payment.amount == Decimal("1100.00")
    sweep(connection)
    assert Payment.objects.count() == 1


def test_a_bank_payment_removed_in_xero_reopens_the_invoice(booked: Any, connection: Any, xero: Any, bell: Any) -> None:
    payment = xero.bookkeeper.record_payment(there(booked), Decimal("1100.00"))
    sweep(connection)
    clock.advance(minutes=3)
    xero.bookkeeper.delete_payment(payment["PaymentID"])
    sweep(connection)
    assert standing(booked).due == Decimal("1100.00")


def test_an_invoice_edited_in_xero_is_held_and_its_cause_names_the_editor(
    booked: Any, connection: Any, xero: Any
) -> None:
    xero.bookkeeper.edit_line(there(booked), first_line(booked), {"UnitAmount": 900})
    sweep(connection)
    snag = Snag.objects.get(code="document_changed")
    assert "changed in Xero by Rhona Blake" in snags.sentence(snag)
    booked.refresh_from_db()
    assert booked.hold_reason == snags.sentence(snag)
    assert booked.total == Decimal("1100.00")


def test_a_later_due_date_set_in_xero_is_taken(booked: Any, connection: Any, xero: Any) -> None:
    later = booked.due_on + timedelta(days=10)
    xero.bookkeeper.edit_invoice(there(booked), {"DueDate": later.isoformat()})
    sweep(connection)
    booked.refresh_from_db()
    assert booked.due_on == later
    assert booked.due_reason == "ledger"
    assert not Snag.objects.filter(closed_at__isnull=True).exists()


def test_an_invoice_voided_in_xero_is_asked_about(booked: Any, connection: Any, xero: Any) -> None:
    xero.bookkeeper.void_invoice(there(booked))
    sweep(connection)
    assert Snag.objects.get(closed_at__isnull=True).code == "voided_there"
    booked.refresh_from_db()
    assert booked.is_held


def test_before_an_unattended_charge_the_ledger_is_asked(booked: Any, connection: Any, xero: Any, bell: Any) -> None:
    assert gates.may_collect_unattended(booked).verdict is Verdict.YES
    xero.bookkeeper.record_payment(there(booked), Decimal("1100.00"))
    gates.may_collect_unattended(booked)
    assert standing(booked).due == 0


def test_when_the_ledger_cannot_be_asked_the_charge_waits(booked: Any, connection: Any, xero: Any) -> None:
    from practice.core.sandbox.faults import Fault

    xero.faults.order(Fault("down", times=50))
    assert gates.may_collect_unattended(booked).verdict is Verdict.NOT_YET


def test_a_signed_notice_is_stored_once_and_its_object_fetched(
    booked: Any, connection: Any, xero: Any, bell: Any
) -> None:
    browser = Browser()

    def deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
        signature = headers.get("x-xero-signature") or headers.get("X-Xero-Signature", "")
        answer = browser.post(
            "/hooks/xero/", body, content_type="application/json", headers={"x-xero-signature": signature}
        )
        return answer.status_code

    xero.webhooks.outbox.send = deliver
    xero.webhooks.set_url("http://localhost/hooks/xero/")
    xero.tick()
    contact = Link.objects.get(client=booked.client)
    clock.advance(seconds=5)
    xero.bookkeeper.edit_contact(contact.remote_id, {"EmailAddress": "hook@larkspur.example"})
    xero.tick()
    bell.answer()
    booked.client.refresh_from_db()
    assert booked.client.billing_email == "hook@larkspur.example"


@pytest.mark.parametrize("signature", ["no", "", "é"])
def test_a_notice_with_a_wrong_signature_is_refused(client: Browser, connection: Any, signature: str) -> None:
    headers = {"x-xero-signature": signature}
    answer = client.post("/hooks/xero/", b"{}", content_type="application/json", headers=headers)
    assert answer.status_code == 401
    assert answer.content == b""
    assert not answer.cookies


def test_a_release_that_was_missed_is_made_good_by_the_next_sweep(firm: Any, connection: Any, bell: Any) -> None:
    firm.agreement(firm.client())
    bell.answer()
    link = Link.objects.get(kind="invoice")
    assert not link.needs.filter(needs__remote_id__isnull=True).exists()
    Link.objects.filter(pk=link.pk).update(owed_since=clock.now(), ready_at=None)
    sweep(connection)
    assert Link.objects.get(pk=link.pk).ready_at is not None


def test_a_sweep_asked_for_while_the_lane_is_taken_is_made_when_it_is_free(connection: Any, bell: Any) -> None:
    before = Lane.objects.get(connection=connection, name="pull").swept_at
    clock.advance(minutes=1)
    lease = lanes.take(connection.pk, "pull")
    assert lease is not None
    pulling.pull(connection.pk, sweep=True)
    lease.give_back()
    assert Lane.objects.get(connection=connection, name="pull").swept_at == before
    pulling.pull(connection.pk)
    bell.answer()
    lane = Lane.objects.get(connection=connection, name="pull")
    assert lane.swept_at is not None
    assert lane.swept_at >= clock.now() - timedelta(seconds=5)
    assert lane.sweep_asked_at is None


@pytest.mark.parametrize(
    "body",
    [
        b"no json", b"\xff", b"[]", b"1", b"null", b'{"events": 7}', b'{"events": [null]}',
        b'{"events": [{"eventCategory": "INVOICE"}]}',
        b'{"events": [{"eventCategory": "INVOICE", "tenantId": "t", "resourceId": null, "eventDateUtc": 5}]}',
        b'{"events": [{"eventCategory": "INVOICE", "tenantId": {}, "resourceId": ["x"]}]}',
    ],
)  # fmt: skip
def test_a_notice_that_cannot_be_read_holds_up_no_sweep(connection: Any, body: bytes) -> None:
    from ledger_sync import tasks
    from ledger_sync.pull import inbound

    for provider in ("xero", "quickbooks"):
        inbound.receive(provider, body + b" " * (provider == "xero"))
    tasks.sweep()
    assert not Delivery.objects.filter(worked_at__isnull=True).exists()
    assert not Hint.objects.exists()


def test_an_invoice_that_a_list_leaves_out_is_asked_for_by_itself_and_not_taken_for_deleted(
    booked: Invoice, connection: Any, monkeypatch: Any
) -> None:
    ledger, link = ledger_for(connection), Link.objects.get(invoice=booked)
    ask = ledger._list

    def forgetful(path: str, query: dict[str, str], name: str) -> list[Any]:
        return [] if "IDs" in query else ask(path, query, name)

    monkeypatch.setattr(ledger, "_list", forgetful)
    (found,) = ledger.fetch("invoice", [link.remote_id])
    assert (found.remote_id, found.gone) == (link.remote_id, False)
    (absent,) = ledger.fetch("invoice", ["7d9b0c1e-0000-4000-8000-000000000000"])
    assert absent.gone
