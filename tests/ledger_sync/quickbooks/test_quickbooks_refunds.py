"""Money given back is in QuickBooks as a refund receipt, or as a purchase that uses up the unapplied payment."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import payments, refunding
from billing.models import Invoice, Payment
from billing.standing import standing_of, unallocated
from ledger_sync.models import Connection, Link
from ledger_sync.proof import proving
from practice.core import audit, clock
from tests.ledger_sync.money_back import in_agreement, reduce, stripe_says

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_answers_later")]
ZERO = Decimal("0.00")


@pytest.fixture
def opening(there: Any, booked: Invoice) -> Decimal:
    return there.balance("Stripe clearing")


@pytest.fixture
def charge(firm: Any, booked: Invoice, opening: Decimal, bell: Any) -> Payment:
    """The invoice is paid by card, and both books say so."""
    payment = firm.paid_by_card(booked.client, "1000.00", (booked, "1000.00"))
    bell.answer()
    clock.advance(days=1)
    return payment


def payment_row(there: Any, payment: Payment) -> dict[str, Any]:
    return there.of(Link.objects.get(payment=payment, role=""))


def test_a_reduced_price_is_one_refund_receipt_and_no_credit_memo(
    connection: Connection, there: Any, booked: Invoice, charge: Payment, opening: Decimal, bell: Any
) -> None:
    memos = len(there.rows("CreditMemo"))
    refund = reduce(charge, booked, "300.00")
    bell.answer()
    assert there.balance("Stripe clearing") - opening == Decimal("1000.00")
    stripe_says(refund, "succeeded")
    in_agreement(connection, bell, booked)
    row = there.one("RefundReceipt", DocNumber=refund.credit.number)
    assert (row["TotalAmt"], row["DepositToAccountRef"]["value"]) == ("300.00", there.account("Stripe clearing"))
    assert len(there.rows("CreditMemo")) == memos
    assert there.balance("Stripe clearing") - opening == Decimal("700.00")
    assert there.of(Link.objects.get(invoice=booked))["Balance"] == "0.00"
    assert (payment_row(there, charge)["TotalAmt"], payment_row(there, charge)["UnappliedAmt"]) == ("1000.00", "0.00")
    standing = standing_of(booked, clock.today("America/Chicago"))
    assert (standing.paid, standing.credited, standing.due) == (Decimal("700.00"), Decimal("300.00"), ZERO)


def test_a_refund_that_fails_after_it_was_booked_becomes_a_credit_memo_on_the_invoice(
    connection: Connection, there: Any, booked: Invoice, charge: Payment, opening: Decimal, bell: Any
) -> None:
    refund = reduce(charge, booked, "300.00")
    stripe_says(refund, "succeeded")
    bell.answer()
    clock.advance(days=2)
    stripe_says(refund, "failed")
    in_agreement(connection, bell, booked)
    assert [r for r in there.rows("RefundReceipt") if r.get("DocNumber") == refund.credit.number] == []
    memo = there.one("CreditMemo", DocNumber=refund.credit.number)
    assert (memo["TotalAmt"], memo["Balance"]) == ("300.00", "0.00")
    assert payment_row(there, charge)["UnappliedAmt"] == "300.00"
    assert unallocated(charge) == Decimal("300.00")
    assert there.balance("Stripe clearing") - opening == Decimal("1000.00")


def test_a_refund_that_fails_before_it_was_sent_is_a_credit_memo_on_the_invoice_and_nothing_waits_for_it(
    connection: Connection, there: Any, booked: Invoice, charge: Payment, opening: Decimal, bell: Any
) -> None:
    refund = reduce(charge, booked, "300.00")
    stripe_says(refund, "succeeded")
    stripe_says(refund, "failed")
    in_agreement(connection, bell, booked)
    assert [r for r in there.rows("RefundReceipt") if r.get("DocNumber") == refund.credit.number] == []
    memo = there.one("CreditMemo", DocNumber=refund.credit.number)
    assert (memo["TotalAmt"], memo["Balance"]) == ("300.00", "0.00")
    assert unallocated(charge) == Decimal("300.00")
    assert there.balance("Stripe clearing") - opening == Decimal("1000.00")


def test_money_on_no_invoice_goes_back_by_a_purchase_that_uses_the_payment_up(
    firm: Any, connection: Connection, there: Any, booked: Invoice, opening: Decimal, bell: Any
) -> None:
    payment = firm.paid_by_card(booked.client, "1100.00", (booked, "1000.00"))
    bell.answer()
    clock.advance(days=1)
    refund = refunding.refund_unapplied(payment_id=payment.pk, amount=Decimal("100.00"), words="paid too much")
    stripe_says(refund, "succeeded")
    in_agreement(connection, bell, booked)
    spent = there.one("Purchase", Id=str(Link.objects.get(refund=refund).remote_id))
    detail = spent["Line"][0]["AccountBasedExpenseLineDetail"]
    assert (spent["TotalAmt"], detail["CustomerRef"]) == ("100.00", payment_row(there, payment)["CustomerRef"])
    assert there.one("Account", Id=detail["AccountRef"]["value"])["AccountType"] == "Accounts Receivable"
    row = payment_row(there, payment)
    assert (row["TotalAmt"], row["UnappliedAmt"], row["Line"][1]["LinkedTxn"]) == (
        "1100.00", "0.00", [{"TxnId": spent["Id"], "TxnType": "Expense"}],
    )  # fmt: skip
    assert there.balance("Stripe clearing") - opening == Decimal("1000.00")


def test_a_refund_of_unapplied_money_that_fails_frees_the_payment_before_the_purchase_is_deleted(
    firm: Any, connection: Connection, there: Any, booked: Invoice, opening: Decimal, bell: Any
) -> None:
    payment = firm.paid_by_card(booked.client, "1100.00", (booked, "1000.00"))
    refund = refunding.refund_unapplied(payment_id=payment.pk, amount=Decimal("100.00"), words="paid too much")
    stripe_says(refund, "succeeded")
    bell.answer()
    key = str(Link.objects.get(refund=refund).remote_id)
    clock.advance(days=1)
    stripe_says(refund, "failed")
    in_agreement(connection, bell, booked)
    assert [row for row in there.rows("Purchase") if row["Id"] == key] == []
    assert payment_row(there, payment)["UnappliedAmt"] == "100.00"
    assert there.balance("Stripe clearing") - opening == Decimal("1100.00")


def test_money_paid_the_wrong_way_opens_its_invoice(
    connection: Connection, there: Any, booked: Invoice, charge: Payment, opening: Decimal, bell: Any
) -> None:
    refund = refunding.refund_method(
        payment_id=charge.pk, invoice_id=booked.pk, amount=Decimal("1000.00"), words="wrong card"
    )
    stripe_says(refund, "succeeded")
    in_agreement(connection, bell, booked)
    assert there.of(Link.objects.get(invoice=booked))["Balance"] == "1000.00"
    assert payment_row(there, charge)["UnappliedAmt"] == "0.00"
    assert there.balance("Stripe clearing") == opening
    today = clock.today("America/Chicago")
    assert proving.posted_by(connection, today) == {("payment", charge.pk): ZERO}
    assert proving.posted_by(connection, charge.paid_on) == {("payment", charge.pk): Decimal("1000.00")}


def test_a_clients_credit_is_put_on_another_invoice_by_a_line_of_the_payment(
    firm: Any, connection: Connection, there: Any, booked: Invoice, opening: Decimal, bell: Any
) -> None:
    _, (other,) = firm.agreement(booked.client, "P-0002")
    payment = firm.paid_by_card(booked.client, "1300.00", (booked, "1000.00"))
    bell.answer()
    clock.advance(days=1)
    with audit.cause(system="web", actor="Dana"):
        payments.use_credit(
            payment_id=payment.pk, invoice_id=other.pk, amount=Decimal("300.00"), seen=unallocated(payment)
        )
    clock.advance(seconds=5)
    in_agreement(connection, bell, booked, other)
    row = payment_row(there, payment)
    assert (row["TotalAmt"], row["UnappliedAmt"], len(row["Line"])) == ("1300.00", "0.00", 2)
    assert there.of(Link.objects.get(invoice=other))["Balance"] == "700.00"
    assert there.balance("Stripe clearing") - opening == Decimal("1300.00")
