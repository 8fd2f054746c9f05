"""Money of a day that is closed in Xero is entered on the first open day; what the client holds is asked about."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from billing import payments
from billing.models import Invoice, Payment
from ledger_sync import linking
from ledger_sync.asking import snags
from ledger_sync.models import CallItem, Connection, Link, Snag
from ledger_sync.providers.xero import reading
from ledger_sync.pull import pulling
from practice.core import audit, clock
from tests.ledger_sync.money_back import disputed, fees_and_payout, in_agreement, paid, reduce, stripe_says
from tests.ledger_sync.steps import send_postponed
from tests.ledger_sync.xero_books import There

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_answers_later")]
#: The day everything happens on, as the entity's zone has it, and the one after it.
TODAY, TOMORROW = "2026-11-20", "2026-11-21"


@pytest.fixture(params=[True, False], ids=["the lock was read", "the lock is news"])
def locked(request: Any, connection: Connection, xero: Any, booked: Invoice) -> None:
    """The books are closed up to today, after the invoice was booked."""
    xero.bookkeeper.set_lock_dates(period=TODAY)
    if request.param:
        pulling.pull(connection.pk, references=True)


@pytest.mark.usefixtures("locked")
def test_a_payment_of_a_locked_day_is_entered_on_the_first_open_day_with_its_true_day(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = paid(firm, booked, "1150.00", (booked, "1100.00"))
    send_postponed(bell)
    (row,) = there.standing("Payments", PaymentType="ACCRECPAYMENT")
    allocation = payment.allocations.get()
    assert (row["Date"], row["Amount"]) == (TOMORROW, "1100.00")
    assert row["Reference"] == f"{payment.reference} A{allocation.pk}, of 20 Nov 2026"
    (credit,) = there.standing("BankTransactions", Type="RECEIVE-OVERPAYMENT")
    assert (credit["Date"], credit["Reference"]) == (TOMORROW, f"{payment.reference}, of 20 Nov 2026")
    assert payment.paid_on == date(2026, 11, 20)
    in_agreement(connection, bell, booked)
    assert not Snag.objects.exists()


@pytest.mark.usefixtures("locked")
def test_fees_a_payout_and_a_dispute_of_a_locked_day_are_entered_on_the_first_open_day(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = paid(firm, booked, "1100.00", (booked, "1100.00"))
    disputed(payment, "needs_response")
    fees_and_payout(firm)
    send_postponed(bell)
    spent = there.standing("BankTransactions", Type="SPEND")
    assert {row["Date"] for row in spent} == {TOMORROW}
    assert len(spent) == 2
    (moved,) = [row for row in there.rows("BankTransfers") if row["Reference"].startswith("STRIPE po_1")]
    assert (moved["Date"], moved["Reference"]) == (TOMORROW, "STRIPE po_1, of 20 Nov 2026")
    in_agreement(connection, bell, booked)


def test_a_refund_and_a_return_of_a_locked_day_are_entered_on_the_first_open_day(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    payment = paid(firm, booked, "1100.00", (booked, "1100.00"), method="au_becs_debit")
    refund = reduce(payment, booked, "330.00")
    bell.answer()
    clock.advance(days=3)
    lock(connection, xero, "2026-11-23")
    stripe_says(refund, "succeeded")
    send_postponed(bell)
    (row,) = there.standing("Payments", PaymentType="ARCREDITPAYMENT")
    assert (row["Date"], row["Reference"][-16:]) == ("2026-11-24", ", of 23 Nov 2026")
    with audit.cause(system="stripe", actor="Stripe"):
        payments.return_payment(payment_id=payment.pk, reason="insufficient funds", now=clock.now())
    send_postponed(bell)
    (left,) = there.standing("BankTransactions", Type="SPEND")
    assert (left["Date"], left["Total"], left["Reference"][-16:]) == ("2026-11-24", "770.00", ", of 23 Nov 2026")
    # The payment stays where its day is closed; the new invoice that asks for it again has a date of its own.
    assert [link.invoice for link in Link.objects.filter(parked_code="locked")] == [payment.replacements.get()]


def lock(connection: Connection, xero: Any, day: str) -> None:
    xero.bookkeeper.set_lock_dates(period=day)
    pulling.pull(connection.pk, references=True)


@pytest.mark.usefixtures("locked")
def test_money_entered_on_another_day_is_not_sent_again_once_its_own_day_is_open(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    paid(firm, booked, "1100.00", (booked, "1100.00"))
    send_postponed(bell)
    lock(connection, xero, "2026-10-31")
    for link in Link.objects.filter(kind="allocation"):
        link_owes(link)
    sent = CallItem.objects.count()
    bell.answer()
    assert CallItem.objects.count() == sent
    in_agreement(connection, bell, booked)


def link_owes(link: Link) -> None:
    with audit.cause(system="web", actor="sam@harbour.example"):
        linking.owe(link)


@pytest.mark.usefixtures("locked")
def test_taking_off_what_was_entered_on_an_open_day_is_not_held_by_the_lock_of_its_own_day(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = paid(firm, booked, "1100.00", (booked, "1100.00"))
    send_postponed(bell)
    payments.reverse_allocation(allocation_id=payment.allocations.get().pk, reason="another invoice", now=clock.now())
    send_postponed(bell)
    assert there.standing("Payments", PaymentType="ACCRECPAYMENT") == []
    in_agreement(connection, bell, booked)


def test_taking_off_what_lies_in_a_locked_period_is_asked_about(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    payment = paid(firm, booked, "1100.00", (booked, "1100.00"))
    bell.answer()
    lock(connection, xero, TODAY)
    payments.reverse_allocation(allocation_id=payment.allocations.get().pk, reason="another invoice", now=clock.now())
    send_postponed(bell)
    assert [row["Date"] for row in there.standing("Payments", PaymentType="ACCRECPAYMENT")] == [TODAY]
    assert Snag.objects.get(closed_at__isnull=True).code == "locked"


@pytest.mark.usefixtures("locked")
def test_an_invoice_of_a_locked_day_is_never_moved_but_asked_about(
    firm: Any, there: There, booked: Invoice, bell: Any
) -> None:
    _, (invoice,) = firm.agreement(booked.client, reference="P-0002")
    send_postponed(bell)
    snag = Snag.objects.get(closed_at__isnull=True)
    assert (
        snags.sentence(snag)
        == f"{invoice.number} to {invoice.client.name} is dated 2026-11-20; Xero is locked to 2026-11-20"
    )
    assert there.standing("Invoices", InvoiceNumber=invoice.number) == []


def test_a_lock_that_reaches_far_ahead_is_asked_about(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    lock(connection, xero, "2036-11-20")
    paid(firm, booked, "1100.00", (booked, "1100.00"))
    send_postponed(bell)
    assert Snag.objects.get(closed_at__isnull=True).code == "locked"
    assert there.standing("Payments", PaymentType="ACCRECPAYMENT") == []


def test_a_lock_that_the_ledger_names_and_does_not_show_is_asked_about(
    firm: Any, connection: Connection, xero: Any, booked: Invoice, bell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading the company again does not help where it keeps saying that the day is open."""
    told = reading.organisation
    monkeypatch.setattr(reading, "organisation", lambda row, tenant: replace(told(row, tenant), locked_until=""))
    xero.bookkeeper.set_lock_dates(period=TODAY)
    paid(firm, booked, "1100.00", (booked, "1100.00"))
    send_postponed(bell)
    send_postponed(bell)
    assert Snag.objects.get(closed_at__isnull=True).code == "locked"


@pytest.mark.usefixtures("locked")
def test_the_page_of_a_record_says_why_it_is_dated_differently_there(
    firm: Any, browser: Browser, connection: Connection, booked: Invoice, bell: Any
) -> None:
    payment: Payment = paid(firm, booked, "1100.00", (booked, "1100.00"))
    send_postponed(bell)
    link = Link.objects.get(allocation__payment=payment)
    page = browser.get(reverse("ledger_record", args=[firm.practice.slug, connection.pk, link.pk])).content.decode()
    assert "The money moved on 20 November 2026. That day was locked in Xero" in page
    assert "entered there on 21 November 2026, the first open day" in page
