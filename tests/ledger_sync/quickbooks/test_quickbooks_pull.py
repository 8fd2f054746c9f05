"""What the bookkeeper does in QuickBooks arrives here: by notice in seconds, by sweep when no notice came."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser

from billing.models import Invoice, Payment
from billing.standing import standing_of
from ledger_sync.models import Call, Connection, Delivery, Hint, Link, Snag
from ledger_sync.pull import gates, pulling
from ledger_sync.push import pushing
from practice.core import audit, clock
from practice.core.gates import Verdict
from practice.core.sandbox.faults import Fault
from practice.firm import clients

pytestmark = pytest.mark.django_db(transaction=True)


def sweep(connection: Connection) -> None:
    clock.advance(seconds=30)
    pulling.pull(connection.pk, sweep=True)


def remote(invoice: Invoice) -> str:
    return str(Link.objects.get(invoice=invoice).remote_id)


def standing(invoice: Invoice) -> Any:
    return standing_of(Invoice.objects.get(pk=invoice.pk), clock.today("America/Chicago"))


def test_an_email_changed_there_arrives_here_and_is_not_sent_back(
    booked: Invoice, connection: Connection, qbo: Any, bell: Any
) -> None:
    calls = Call.objects.count()
    qbo.bookkeeper.edit_email(Link.objects.get(client=booked.client).remote_id, "new@marigold.example")
    sweep(connection)
    bell.answer()
    booked.client.refresh_from_db()
    assert booked.client.billing_email == "new@marigold.example"
    assert booked.client.history.first().system == "quickbooks"
    assert Call.objects.count() == calls


def test_an_email_changed_on_both_sides_waits_for_a_person_and_nothing_else_does(
    booked: Invoice, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    link = Link.objects.get(client=booked.client)
    qbo.bookkeeper.edit_email(link.remote_id, "theirs@marigold.example")
    with audit.cause(system="web", actor="Dana"):
        clients.update_client(client_id=booked.client.pk, billing_email="ours@marigold.example", phone="+1 555 0111")
    bell.answer()
    clock.advance(seconds=20)
    pushing.push(connection.pk)
    snag = Snag.objects.get(closed_at__isnull=True)
    assert (snag.code, snag.facts["theirs"], snag.facts["ours"]) == (
        "both_changed",
        "theirs@marigold.example",
        "ours@marigold.example",
    )
    row = there.of(link)
    assert row["PrimaryPhone"]["FreeFormNumber"] == "+1 555 0111"
    assert row["PrimaryEmailAddr"]["Address"] == "theirs@marigold.example"


def test_our_own_change_whose_answer_was_lost_is_not_taken_for_the_bookkeepers(
    booked: Invoice, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    qbo.settings.request_id_seconds = 0
    qbo.faults.order(Fault("response_lost", match="/batch"))
    for phone in ("+1 555 0101", "+1 555 0102"):
        with audit.cause(system="web", actor="Dana"):
            clients.update_client(client_id=booked.client.pk, phone=phone)
        bell.answer()
        sweep(connection)
    for _ in range(4):
        clock.advance(minutes=4)
        pushing.push(connection.pk)
        sweep(connection)
        bell.answer()
    link = Link.objects.get(client=booked.client)
    assert not Snag.objects.exists()
    assert not link.owes
    assert there.of(link)["PrimaryPhone"]["FreeFormNumber"] == "+1 555 0102"
    assert not Hint.objects.exists()


def test_a_bank_payment_recorded_there_pays_the_invoice_here_once(
    booked: Invoice, connection: Connection, qbo: Any, bell: Any
) -> None:
    qbo.bookkeeper.record_payment(remote(booked), reference="CHK 1042")
    sweep(connection)
    bell.answer()
    assert standing(booked).state == "paid"
    payment = Payment.objects.get()
    assert (payment.source, payment.amount, payment.reference) == ("ledger", Decimal("1000.00"), "CHK 1042")
    sweep(connection)
    bell.answer()
    assert Payment.objects.count() == 1
    assert not Snag.objects.filter(closed_at__isnull=True).exists()


@pytest.mark.parametrize("how", ["void_payment", "delete_payment"])
def test_a_bank_payment_taken_back_there_reopens_the_invoice(
    booked: Invoice, connection: Connection, qbo: Any, how: str
) -> None:
    row = qbo.bookkeeper.record_payment(remote(booked))
    sweep(connection)
    clock.advance(minutes=3)
    getattr(qbo.bookkeeper, how)(row["Id"])
    sweep(connection)
    assert standing(booked).due == Decimal("1000.00")


@pytest.mark.parametrize("how", ["void_payment", "delete_payment"])
def test_a_stripe_payment_removed_there_is_not_believed(
    firm: Any, booked: Invoice, connection: Connection, qbo: Any, bell: Any, how: str
) -> None:
    payment = firm.paid_by_card(booked.client, "1000.00", (booked, "1000.00"))
    bell.answer()
    clock.advance(minutes=3)
    getattr(qbo.bookkeeper, how)(Link.objects.get(payment=payment).remote_id)
    sweep(connection)
    assert Snag.objects.get(closed_at__isnull=True, code="payment_removed").money == Decimal("1000.00")
    assert standing(booked).due == 0
    assert Invoice.objects.get(pk=booked.pk).is_held


def test_an_invoice_edited_there_is_held(booked: Invoice, connection: Connection, qbo: Any) -> None:
    qbo.bookkeeper.edit_line(remote(booked), "1", {"Amount": Decimal("900.00")})
    sweep(connection)
    snag = Snag.objects.get(code="document_changed")
    assert (snag.facts["ours"], snag.facts["theirs"]) == ("$1,000.00", "$900.00")
    booked.refresh_from_db()
    assert booked.is_held
    assert booked.total == Decimal("1000.00")


def test_a_later_due_date_set_there_is_taken(booked: Invoice, connection: Connection, qbo: Any) -> None:
    later = booked.due_on + timedelta(days=10)
    qbo.bookkeeper.edit_invoice(remote(booked), {"DueDate": later.isoformat()})
    sweep(connection)
    booked.refresh_from_db()
    assert (booked.due_on, booked.due_reason) == (later, "ledger")
    assert not Snag.objects.filter(closed_at__isnull=True).exists()


@pytest.mark.parametrize("how", ["void_invoice", "delete_invoice"])
def test_an_invoice_voided_or_deleted_there_is_asked_about(
    booked: Invoice, connection: Connection, qbo: Any, how: str
) -> None:
    getattr(qbo.bookkeeper, how)(remote(booked))
    sweep(connection)
    assert Snag.objects.get(closed_at__isnull=True).code == "voided_there"
    booked.refresh_from_db()
    assert booked.is_held


def test_a_customer_merged_away_there_keeps_its_invoices_and_its_client(
    firm: Any, booked: Invoice, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    survivor = qbo.bookkeeper.add_customer({"DisplayName": "Marigold Group"})
    loser = Link.objects.get(client=booked.client).remote_id
    notices(qbo)
    qbo.bookkeeper.merge_customers(loser, survivor["Id"])
    qbo.tick()
    bell.answer()
    clock.advance(minutes=1)
    sweep(connection)
    _, (invoice,) = firm.agreement(booked.client, "P-0002")
    bell.answer()
    assert there.of(Link.objects.get(invoice=invoice))["CustomerRef"]["value"] == survivor["Id"]


def test_before_an_unattended_charge_the_ledger_is_asked(booked: Invoice, connection: Connection, qbo: Any) -> None:
    assert gates.may_collect_unattended(booked).verdict is Verdict.YES
    qbo.bookkeeper.record_payment(remote(booked))
    gates.may_collect_unattended(booked)
    assert standing(booked).due == 0


def notices(qbo: Any) -> list[int]:
    """Send the sandbox's notices to our own address; the list fills with the answers."""
    browser = Browser()
    answers: list[int] = []

    def deliver(url: str, body: bytes, headers: dict[str, str]) -> int:
        signature = {"intuit-signature": headers["intuit-signature"]}
        answer = browser.post("/hooks/quickbooks/", body, content_type="application/json", headers=signature)
        answers.append(answer.status_code)
        return int(answer.status_code)

    qbo.webhooks.outbox.send = deliver
    qbo.webhooks.set_url("http://localhost/hooks/quickbooks/")
    return answers


@pytest.mark.parametrize("legacy", [False, True])
def test_a_signed_notice_is_stored_and_its_object_fetched(
    booked: Invoice, connection: Connection, qbo: Any, bell: Any, legacy: bool
) -> None:
    qbo.settings.legacy_notices = legacy
    answers = notices(qbo)
    clock.advance(seconds=5)
    qbo.bookkeeper.edit_email(Link.objects.get(client=booked.client).remote_id, "hook@marigold.example")
    qbo.tick()
    bell.answer()
    booked.client.refresh_from_db()
    assert (answers, booked.client.billing_email) == ([200], "hook@marigold.example")


def test_notices_of_our_own_changes_cost_no_call(
    firm: Any, booked: Invoice, connection: Connection, qbo: Any, bell: Any
) -> None:
    notices(qbo)
    with audit.cause(system="web", actor="Dana"):
        clients.update_client(client_id=booked.client.pk, phone="+1 555 0142")
    bell.answer()
    qbo.tick()
    bell.answer()
    assert Delivery.objects.exclude(worked_at=None).count() == 1
    assert not Hint.objects.exists()


def test_a_notice_with_a_wrong_signature_is_refused(client: Browser, connection: Connection) -> None:
    answer = client.post(
        "/hooks/quickbooks/", b"[]", content_type="application/json", headers={"intuit-signature": "no"}
    )
    assert (answer.status_code, Delivery.objects.count()) == (401, 0)


def test_a_sweep_of_more_than_one_page_finds_everything(
    booked: Invoice, connection: Connection, qbo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger_sync.providers.quickbooks import client, ledger

    monkeypatch.setattr(ledger, "PAGE", 5)
    monkeypatch.setattr(client.statement, "__kwdefaults__", {**client.statement.__kwdefaults__, "most": 5})
    clock.advance(minutes=10)
    for key in list(qbo.books(qbo.realm_id).table("Customer")):
        qbo.bookkeeper.edit_customer(key, {"WebAddr": {"URI": "http://larkin.example"}})
    qbo.bookkeeper.edit_email(Link.objects.get(client=booked.client).remote_id, "last@marigold.example")
    sweep(connection)
    booked.client.refresh_from_db()
    assert booked.client.billing_email == "last@marigold.example"


def test_a_bank_payment_moved_there_to_another_invoice_moves_here(
    firm: Any, booked: Invoice, connection: Connection, qbo: Any, bell: Any
) -> None:
    _, (other,) = firm.agreement(booked.client, "P-0002")
    bell.answer()
    row = qbo.bookkeeper.record_payment(remote(booked))
    sweep(connection)
    clock.advance(minutes=3)
    line = {"Amount": 1000, "LinkedTxn": [{"TxnId": remote(other), "TxnType": "Invoice"}]}
    qbo.bookkeeper.edit_payment(row["Id"], {"Line": [line]})
    sweep(connection)
    bell.answer()
    assert (standing(booked).due, standing(other).due) == (Decimal("1000.00"), 0)
    assert Payment.objects.count() == 1


def test_a_bank_payment_whose_amount_was_put_right_there_is_put_right_here(
    booked: Invoice, connection: Connection, qbo: Any, bell: Any
) -> None:
    row = qbo.bookkeeper.record_payment(remote(booked), Decimal("1000.00"))
    sweep(connection)
    clock.advance(minutes=3)
    line = {"Amount": 900, "LinkedTxn": [{"TxnId": remote(booked), "TxnType": "Invoice"}]}
    qbo.bookkeeper.edit_payment(row["Id"], {"TotalAmt": 900, "Line": [line]})
    sweep(connection)
    bell.answer()
    assert standing(booked).due == Decimal("100.00")
    assert sorted(Payment.objects.values_list("state", "amount")) == [
        ("returned", Decimal("1000.00")),
        ("succeeded", Decimal("900.00")),
    ]
    sweep(connection)
    assert Payment.objects.count() == 2


def test_a_stripe_payment_taken_off_its_invoice_there_is_asked_about_and_never_charged_again(
    firm: Any, booked: Invoice, connection: Connection, qbo: Any, bell: Any
) -> None:
    payment = firm.paid_by_card(booked.client, "1000.00", (booked, "1000.00"))
    bell.answer()
    clock.advance(minutes=3)
    qbo.bookkeeper.edit_payment(Link.objects.get(payment=payment).remote_id, {"Line": []})
    sweep(connection)
    bell.answer()
    assert Snag.objects.filter(code="settled_there", closed_at__isnull=True).count() == 1
    assert standing(booked).due == 0
    assert Invoice.objects.get(pk=booked.pk).is_held


def test_a_stripe_payment_moved_there_within_the_client_moves_here(
    firm: Any, booked: Invoice, connection: Connection, qbo: Any, bell: Any
) -> None:
    _, (other,) = firm.agreement(booked.client, "P-0002")
    payment = firm.paid_by_card(booked.client, "1000.00", (booked, "1000.00"))
    bell.answer()
    calls = Call.objects.count()
    clock.advance(minutes=3)
    line = {"Amount": 1000, "LinkedTxn": [{"TxnId": remote(other), "TxnType": "Invoice"}]}
    qbo.bookkeeper.edit_payment(Link.objects.get(payment=payment).remote_id, {"Line": [line]})
    sweep(connection)
    bell.answer()
    assert (standing(booked).due, standing(other).due) == (Decimal("1000.00"), 0)
    assert Call.objects.count() == calls
    assert not Snag.objects.filter(closed_at__isnull=True).exists()


def test_credits_the_bookkeeper_applies_there_are_credit_notes_here_and_the_rest_may_be_charged(
    booked: Invoice, connection: Connection, qbo: Any, bell: Any
) -> None:
    qbo.bookkeeper.credit(remote(booked), Decimal("100.00"))
    sweep(connection)
    bell.answer()
    assert Payment.objects.count() == 0
    assert [note.total for note in booked.credits.all()] == [Decimal("100.00")]
    assert gates.may_collect_unattended(booked).verdict is Verdict.YES
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
