"""Money that goes back on Xero's bad days: whatever answer is lost, each entry is there once, or gone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import payments, refunding
from billing.models import Invoice, Payment
from ledger_sync import remedies
from ledger_sync.models import Call, Connection, Link, Snag
from ledger_sync.pull import pulling
from ledger_sync.push import pushing
from practice.core import audit, clock
from practice.core.sandbox.faults import Fault
from tests.ledger_sync.money_back import disputed, in_agreement, paid, reduce, stripe_says
from tests.ledger_sync.xero_books import There

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_answers_later")]
ZERO, FULL = Decimal("0.00"), Decimal("1100.00")
FAULTS = ("response_lost", "reset", "timeout")


@pytest.fixture
def charge(firm: Any, booked: Invoice, bell: Any) -> Payment:
    """1,150.00 by card for it, of which 50.00 is the client's credit."""
    payment = paid(firm, booked, "1150.00", (booked, "1100.00"))
    bell.answer()
    clock.advance(days=2)
    return payment


def sweeps(bell: Any, times: int = 8) -> None:
    for _ in range(times):
        clock.advance(minutes=3)
        pushing.ring_all()
        bell.answer()


@pytest.mark.parametrize("wait", [0, 15], ids=["the key lives", "the key is forgotten"])
@pytest.mark.parametrize("fault", FAULTS)
def test_refunds_are_paid_out_once(
    connection: Connection, xero: Any, there: There, booked: Invoice, charge: Payment, bell: Any, fault: str, wait: int
) -> None:
    xero.faults.order(Fault(kind=fault, match="/Payments", method="PUT", times=2))
    stripe_says(reduce(charge, booked, "330.00"), "succeeded")
    unapplied = refunding.refund_unapplied(payment_id=charge.pk, amount=Decimal("50.00"), words="too much")
    stripe_says(unapplied, "succeeded")
    bell.answer()
    clock.advance(minutes=wait)
    sweeps(bell)
    in_agreement(connection, bell, booked)
    assert sorted(row["Amount"] for row in there.standing("Payments") if row["PaymentType"] != "ACCRECPAYMENT") == [
        "330.00", "50.00",
    ]  # fmt: skip
    assert there.balance("Stripe clearing") == Decimal("770.00")


@pytest.mark.parametrize("wait", [0, 15], ids=["the key lives", "the key is forgotten"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_returned_debit_is_undone_and_shown_once(
    connection: Connection, xero: Any, there: There, booked: Invoice, charge: Payment, bell: Any, fault: str, wait: int
) -> None:
    xero.faults.order(Fault(kind=fault, match="/Payments/|/BankTransactions", times=4))
    with audit.cause(system="stripe", actor="Stripe"):
        payments.return_payment(payment_id=charge.pk, reason="insufficient funds", now=clock.now())
    bell.answer()
    clock.advance(minutes=wait)
    sweeps(bell)
    in_agreement(connection, bell, booked)
    rows = there.standing("BankTransactions", _bank=there.account("Stripe clearing"))
    assert sorted((row["Type"], row["Total"]) for row in rows) == [("RECEIVE", "1150.00"), ("SPEND", "1150.00")]
    assert there.standing("Payments", PaymentType="ACCRECPAYMENT") == []
    assert there.balance("Stripe clearing") == there.balance("Returned payments") == ZERO
    assert not Call.objects.filter(closed_at__isnull=True).exists()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_dispute_is_booked_and_closed_once(
    connection: Connection, xero: Any, there: There, booked: Invoice, charge: Payment, bell: Any, fault: str
) -> None:
    for status in ("needs_response", "won"):
        xero.faults.order(Fault(kind=fault, match="/BankTransactions", method="PUT", times=1))
        disputed(charge, status)
        bell.answer()
        sweeps(bell)
    in_agreement(connection, bell, booked)
    rows = there.standing("BankTransactions", _bank=there.account("Stripe clearing"))
    assert sorted(row["Type"] for row in rows) == ["RECEIVE", "RECEIVE-OVERPAYMENT", "SPEND"]
    assert (there.balance("Stripe clearing"), there.balance("Disputed payments")) == (Decimal("1150.00"), ZERO)


def test_a_locked_day_holds_what_goes_back_until_it_is_open_again(
    connection: Connection, xero: Any, there: There, booked: Invoice, charge: Payment, bell: Any
) -> None:
    xero.bookkeeper.set_lock_dates(period=str(clock.today("Australia/Sydney")))
    pulling.pull(connection.pk, references=True)
    refund = reduce(charge, booked, "330.00")
    stripe_says(refund, "succeeded")
    bell.answer()
    codes = set(Snag.objects.filter(closed_at__isnull=True).values_list("code", flat=True))
    assert (codes, Link.objects.get(refund=refund).remote_id) == ({"locked"}, None)
    xero.bookkeeper.set_lock_dates(period=None)
    pulling.pull(connection.pk, references=True)
    in_agreement(connection, bell, booked)
    assert there.balance("Stripe clearing") == Decimal("820.00")


def test_an_archived_clearing_account_is_told_and_holds_the_refund(
    connection: Connection, xero: Any, there: There, booked: Invoice, charge: Payment, bell: Any
) -> None:
    xero.bookkeeper.archive_account("091")
    refund = reduce(charge, booked, "330.00")
    stripe_says(refund, "succeeded")
    bell.answer()
    snag = Snag.objects.get(closed_at__isnull=True)
    assert (Link.objects.get(refund=refund).parked_code, snag.link.refund) == (snag.code, refund)


def test_a_refund_removed_there_is_asked_about_and_recorded_again(
    connection: Connection, xero: Any, there: There, booked: Invoice, charge: Payment, bell: Any
) -> None:
    refund = reduce(charge, booked, "330.00")
    stripe_says(refund, "succeeded")
    in_agreement(connection, bell, booked)
    xero.bookkeeper.delete_payment(str(Link.objects.get(refund=refund).remote_id))
    clock.advance(minutes=5)
    pulling.pull(connection.pk, sweep=True)
    snag = Snag.objects.get(closed_at__isnull=True)
    assert (snag.code, snag.facts["amount"], snag.facts["who"]) == ("refund_removed", "$330.00", "Rhona Blake")
    remedies.apply_remedy(snag_id=snag.pk, remedy="post_again")
    in_agreement(connection, bell, booked)
    assert [row["Amount"] for row in there.standing("Payments", PaymentType="ARCREDITPAYMENT")] == ["330.00"]
    assert sorted(Link.objects.filter(refund=refund).values_list("generation", flat=True)) == [1, 2]
