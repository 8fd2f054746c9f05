"""Money of a day that is closed in QuickBooks is entered on the first open day, its true day in the note."""

from __future__ import annotations

from typing import Any

import pytest

from billing import refunding
from billing.models import Invoice, Payment
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.pull import pulling
from practice.core import clock
from tests.ledger_sync.money_back import disputed, fees_and_payout, in_agreement, reduce, stripe_says
from tests.ledger_sync.steps import send_postponed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_answers_later")]
OPEN, OF = "2026-11-21", ", of 20 Nov 2026"


@pytest.fixture(params=[True, False], ids=["the closing date was read", "the closing date is news"])
def closed(request: Any, connection: Connection, qbo: Any, booked: Invoice) -> None:
    """The books are closed up to today, after the invoice was booked."""
    qbo.bookkeeper.close_books("2026-11-20")
    if request.param:
        pulling.pull(connection.pk, references=True)


def pay(firm: Any, invoice: Invoice) -> Payment:
    payment: Payment = firm.paid_by_card(invoice.client, "1050.00", (invoice, "1000.00"))
    return payment


@pytest.mark.usefixtures("closed")
def test_a_payment_of_a_closed_day_is_entered_on_the_first_open_day_with_its_true_day(
    firm: Any, connection: Connection, there: Any, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked)
    send_postponed(bell)
    row = there.of(Link.objects.get(payment=payment))
    assert (row["TxnDate"], row["TotalAmt"], row["PrivateNote"]) == (OPEN, "1050.00", payment.reference + OF)
    in_agreement(connection, bell, booked)
    assert Payment.objects.count() == 1
    assert not Snag.objects.exists()


@pytest.mark.usefixtures("closed")
def test_money_back_fees_a_payout_and_a_dispute_of_a_closed_day_are_entered_on_the_first_open_day(
    firm: Any, connection: Connection, there: Any, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked)
    stripe_says(reduce(payment, booked, "300.00"), "succeeded")
    stripe_says(refunding.refund_unapplied(payment_id=payment.pk, amount=payment.amount - 1000, words=""), "succeeded")
    disputed(payment, "needs_response", payment.amount - 350)
    fees_and_payout(firm)
    send_postponed(bell)
    send_postponed(bell)
    rows = [row for kind in ("RefundReceipt", "Purchase", "Transfer", "Payment") for row in there.rows(kind)]
    moved = [row for row in rows if str(row.get("PrivateNote", "")).endswith(OF)]
    assert ({row["TxnDate"] for row in moved}, len(moved)) == ({OPEN}, 6)
    in_agreement(connection, bell, booked)


def test_a_payment_that_is_in_a_closed_period_is_not_moved_by_what_happens_to_it_later(
    firm: Any, connection: Connection, qbo: Any, there: Any, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked)
    bell.answer()
    qbo.bookkeeper.close_books("2026-11-20")
    pulling.pull(connection.pk, references=True)
    clock.advance(days=1)
    stripe_says(refunding.refund_unapplied(payment_id=payment.pk, amount=payment.amount - 1000, words=""), "succeeded")
    send_postponed(bell)
    row = there.of(Link.objects.get(payment=payment, role=""))
    assert (row["TxnDate"], row["PrivateNote"]) == ("2026-11-20", payment.reference)
    assert Snag.objects.get(closed_at__isnull=True).code == "locked"
