"""Money given back is in Xero as what it was: a credit note paid out, or the client's credit paid out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import payments, refunding
from billing.models import Invoice, Payment
from billing.standing import standing_of, unallocated
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.proof import proving
from practice.core import clock
from tests.ledger_sync.money_back import in_agreement, paid, reduce, stripe_says
from tests.ledger_sync.steps import send_postponed
from tests.ledger_sync.xero_books import There

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_answers_later")]
ZERO = Decimal("0.00")


@pytest.fixture
def charge(firm: Any, booked: Invoice, bell: Any) -> Payment:
    """It is paid by card, and both books say so."""
    payment = paid(firm, booked, "1100.00", (booked, "1100.00"))
    bell.answer()
    clock.advance(days=1)
    return payment


def test_a_reduced_price_is_a_credit_note_paid_out_of_clearing_and_the_invoice_stays_paid(
    firm: Any, connection: Connection, there: There, booked: Invoice, charge: Payment, bell: Any
) -> None:
    refund = reduce(charge, booked, "330.00")
    bell.answer()
    (note,) = there.standing("CreditNotes", CreditNoteNumber=refund.credit.number)
    assert (note["Status"], note["RemainingCredit"], there.balance("Stripe clearing")) == (
        "AUTHORISED", "330.00", Decimal("1100.00"),
    )  # fmt: skip
    stripe_says(refund, "succeeded")
    in_agreement(connection, bell, booked)
    row = there.of(Link.objects.get(refund=refund))
    assert (row["PaymentType"], row["Amount"], row["_account"]) == (
        "ARCREDITPAYMENT", "330.00", there.account("Stripe clearing"),
    )  # fmt: skip
    (note,) = there.standing("CreditNotes", CreditNoteNumber=refund.credit.number)
    assert (note["Status"], note["RemainingCredit"], note["_allocations"]) == ("PAID", "0.00", [])
    (invoice,) = there.standing("Invoices", InvoiceNumber=booked.number)
    assert (invoice["AmountDue"], invoice["AmountPaid"], invoice["AmountCredited"]) == ("0.00", "1100.00", "0.00")
    assert there.balance("Stripe clearing") == Decimal("770.00")
    standing = standing_of(booked, clock.today("Australia/Sydney"))
    assert (standing.paid, standing.credited, standing.due) == (Decimal("770.00"), Decimal("330.00"), ZERO)


def test_what_was_not_sent_yet_arrives_as_it_was_before_the_refund(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = paid(firm, booked, "1100.00", (booked, "1100.00"))
    stripe_says(reduce(payment, booked, "1100.00"), "succeeded")
    in_agreement(connection, bell, booked)
    assert [row["Amount"] for row in there.standing("Payments", PaymentType="ACCRECPAYMENT")] == ["1100.00"]
    assert there.balance("Stripe clearing") == ZERO


def test_two_refunds_of_one_payment_leave_it_on_its_invoice(
    connection: Connection, there: There, booked: Invoice, charge: Payment, bell: Any
) -> None:
    for amount in ("100.00", "200.00"):
        stripe_says(reduce(charge, booked, amount), "succeeded")
    in_agreement(connection, bell, booked)
    assert there.balance("Stripe clearing") == Decimal("800.00")
    assert [row["Amount"] for row in there.standing("Payments", PaymentType="ACCRECPAYMENT")] == ["1100.00"]
    assert charge.amount == sum(
        (row.amount for row in charge.allocations.filter(reversed_at__isnull=True)), Decimal("300.00")
    )


def test_a_refund_that_fails_after_it_was_booked_is_undone_and_the_credit_put_on_the_invoice(
    connection: Connection, there: There, booked: Invoice, charge: Payment, bell: Any
) -> None:
    refund = reduce(charge, booked, "330.00")
    stripe_says(refund, "succeeded")
    bell.answer()
    clock.advance(days=2)
    stripe_says(refund, "failed")
    in_agreement(connection, bell, booked)
    assert there.standing("Payments", PaymentType="ARCREDITPAYMENT") == []
    (invoice,) = there.standing("Invoices", InvoiceNumber=booked.number)
    assert (invoice["AmountPaid"], invoice["AmountCredited"], invoice["AmountDue"]) == ("770.00", "330.00", "0.00")
    (over,) = there.standing("Overpayments")
    assert (over["RemainingCredit"], unallocated(charge)) == ("330.00", Decimal("330.00"))
    assert there.balance("Stripe clearing") == Decimal("1100.00")


def test_a_refund_that_fails_before_it_was_booked_leaves_the_credit_on_the_invoice(
    connection: Connection, there: There, booked: Invoice, charge: Payment, bell: Any
) -> None:
    refund = reduce(charge, booked, "330.00")
    bell.answer()
    stripe_says(refund, "failed")
    in_agreement(connection, bell, booked)
    assert not Link.objects.filter(refund=refund).exists()
    assert there.balance("Stripe clearing") == Decimal("1100.00")


def test_money_on_no_invoice_is_paid_out_of_the_overpayment(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = paid(firm, booked, "1200.00", (booked, "1100.00"))
    bell.answer()
    clock.advance(days=1)
    refund = refunding.refund_unapplied(payment_id=payment.pk, amount=Decimal("100.00"), words="paid too much")
    stripe_says(refund, "succeeded")
    in_agreement(connection, bell, booked)
    row = there.of(Link.objects.get(refund=refund))
    assert (row["PaymentType"], row["Amount"]) == ("AROVERPAYMENTPAYMENT", "100.00")
    assert [r["RemainingCredit"] for r in there.standing("Overpayments")] == ["0.00"]
    assert there.standing("CreditNotes", Reference=booked.number) == []
    assert there.balance("Stripe clearing") == Decimal("1100.00")


def test_money_paid_the_wrong_way_opens_its_invoice_and_shows_both_movements(
    connection: Connection, there: There, booked: Invoice, charge: Payment, bell: Any
) -> None:
    refund = refunding.refund_method(
        payment_id=charge.pk, invoice_id=booked.pk, amount=Decimal("1100.00"), words="wrong card"
    )
    stripe_says(refund, "succeeded")
    in_agreement(connection, bell, booked)
    booked.refresh_from_db()
    assert (booked.hold_code, standing_of(booked, clock.today("Australia/Sydney")).due) == (
        "refunded_method", Decimal("1100.00"),
    )  # fmt: skip
    assert there.standing("CreditNotes", Reference=booked.number) == []
    assert there.balance("Stripe clearing") == ZERO
    on_clearing = there.standing("BankTransactions", _bank=there.account("Stripe clearing"))
    assert [(r["Type"], r["Total"], r["Date"]) for r in on_clearing] == [
        ("RECEIVE-OVERPAYMENT", "1100.00", str(charge.paid_on))
    ]


def test_a_second_refund_of_what_was_paid_the_wrong_way_is_paid_out_of_the_overpayment_made_anew(
    connection: Connection, there: There, booked: Invoice, charge: Payment, bell: Any
) -> None:
    for share in ("300.00", "800.00"):
        refund = refunding.refund_method(
            payment_id=charge.pk, invoice_id=booked.pk, amount=Decimal(share), words="wrong card"
        )
        stripe_says(refund, "succeeded")
        bell.answer()
        clock.advance(minutes=1)
    send_postponed(bell)
    in_agreement(connection, bell, booked)
    (over,) = there.standing("Overpayments")
    assert (over["Total"], over["RemainingCredit"]) == ("1100.00", "0.00")
    refunds = [row["Amount"] for row in there.standing("Payments", PaymentType="AROVERPAYMENTPAYMENT")]
    assert sorted(refunds) == ["300.00", "800.00"]
    assert there.balance("Stripe clearing") == ZERO


def test_credit_that_an_invoice_was_paid_from_stays_and_its_other_amount_is_asked_about(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = paid(firm, booked, "1400.00", (booked, "1100.00"))
    bell.answer()
    _, (second,) = firm.agreement(booked.client, "P-0002")
    bell.answer()
    payments.use_credit(payment_id=payment.pk, invoice_id=second.pk, amount=Decimal("300.00"), seen=None)
    bell.answer()
    refund = refunding.refund_method(
        payment_id=payment.pk, invoice_id=booked.pk, amount=Decimal("1100.00"), words="wrong card"
    )
    stripe_says(refund, "succeeded")
    for _ in range(4):
        bell.answer()
        clock.advance(minutes=1)
        send_postponed(bell)
    assert Snag.objects.get(closed_at__isnull=True).code == "credit_in_use"
    (over,) = there.standing("Overpayments")
    assert over["Total"] == "300.00"


def test_clearing_shows_a_refund_only_once_it_was_posted(
    connection: Connection, booked: Invoice, charge: Payment, bell: Any
) -> None:
    today = clock.today("Australia/Sydney")
    refund = reduce(charge, booked, "330.00")
    stripe_says(refund, "succeeded")
    assert proving.posted_by(connection, today) == {("payment", charge.pk): Decimal("1100.00")}
    bell.answer()
    assert proving.posted_by(connection, today) == {("payment", charge.pk): Decimal("770.00")}
    assert proving.posted_by(connection, charge.paid_on) == {("payment", charge.pk): Decimal("1100.00")}
