"""Money a bank takes back opens its invoice again in QuickBooks; disputed money waits on an account of its own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import disputes, payments, refunding
from billing.models import Invoice, Payment
from ledger_sync import proving
from ledger_sync.models import Connection, Link
from practice.core import audit, clock
from tests.ledger_sync.money_back import disputed, in_agreement, paid, reduce, stripe_says

pytestmark = pytest.mark.django_db(transaction=True)
ZERO, FULL = Decimal("0.00"), Decimal("1000.00")


@pytest.fixture(autouse=True)
def stripe_answers_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refunding, "send_refund", lambda refund: refund)


@pytest.fixture
def moved(there: Any, booked: Invoice) -> Any:
    """How much an account holds more than before."""
    names = ("Stripe clearing", "Returned payments", "Disputed payments")
    opening = {name: there.balance(name) for name in names}
    return lambda name: there.balance(name) - opening[name]


def pay(firm: Any, invoice: Invoice, bell: Any, method: str = "us_bank_account") -> Payment:
    payment = paid(firm, invoice, "1000.00", (invoice, "1000.00"), method=method)
    bell.answer()
    clock.advance(days=3)
    return payment


def bounce(payment: Payment) -> None:
    with audit.cause(system="stripe", actor="Stripe"):
        payments.return_payment(payment_id=payment.pk, reason="insufficient funds", now=clock.now())
    clock.advance(seconds=5)


def test_a_debit_that_comes_back_is_tied_to_the_purchase_that_took_it_and_opens_its_invoice(
    firm: Any, connection: Connection, there: Any, booked: Invoice, moved: Any, bell: Any
) -> None:
    payment = pay(firm, booked, bell)
    came, went = payment.paid_on, clock.today("America/Chicago")
    bounce(payment)
    in_agreement(connection, bell, booked)
    row = there.of(Link.objects.get(payment=payment, role=""))
    spent = there.one("Purchase", Id=str(Link.objects.get(payment=payment, role="returned").remote_id))
    assert (row["TotalAmt"], row["UnappliedAmt"], row["TxnDate"]) == ("1000.00", "0.00", str(came))
    assert [line["LinkedTxn"][0]["TxnId"] for line in row["Line"]] == [spent["Id"]]
    assert (spent["TotalAmt"], spent["TxnDate"]) == ("1000.00", str(went))
    assert there.of(Link.objects.get(invoice=booked))["Balance"] == "1000.00"
    assert moved("Stripe clearing") == ZERO
    assert proving.posted_by(connection, came) == {("payment", payment.pk): FULL}
    assert proving.posted_by(connection, went) == {("payment", payment.pk): ZERO}


def test_what_is_left_of_a_part_refunded_debit_comes_back(
    firm: Any, connection: Connection, there: Any, booked: Invoice, moved: Any, bell: Any
) -> None:
    payment = pay(firm, booked, bell)
    stripe_says(reduce(payment, booked, "300.00"), "succeeded")
    bell.answer()
    bounce(payment)
    in_agreement(connection, bell, booked)
    assert there.of(Link.objects.get(invoice=booked))["Balance"] == "700.00"
    assert moved("Stripe clearing") == ZERO


def test_disputed_money_waits_on_its_own_account_and_comes_back_by_a_deposit(
    firm: Any, connection: Connection, there: Any, booked: Invoice, moved: Any, bell: Any
) -> None:
    payment = pay(firm, booked, bell, "card")
    disputed(payment, "needs_response")
    in_agreement(connection, bell, booked)
    assert (moved("Stripe clearing"), moved("Disputed payments")) == (ZERO, FULL)
    clock.advance(days=20)
    disputed(payment, "won")
    in_agreement(connection, bell, booked)
    assert (moved("Stripe clearing"), moved("Disputed payments")) == (FULL, ZERO)
    back = there.one("Deposit", Id=str(Link.objects.get(dispute__payment=payment, role="back").remote_id))
    assert back["TotalAmt"] == "1000.00"


def test_a_lost_dispute_that_is_conceded_is_a_refund_receipt_from_its_account(
    firm: Any, connection: Connection, there: Any, booked: Invoice, moved: Any, bell: Any
) -> None:
    payment = pay(firm, booked, bell, "card")
    disputed(payment, "needs_response")
    dispute = disputed(payment, "lost")
    (refund,) = disputes.concede(dispute_id=dispute.pk, words="not worth a fight")
    in_agreement(connection, bell, booked)
    row = there.one("RefundReceipt", DocNumber=refund.credit.number)
    assert row["DepositToAccountRef"]["value"] == there.account("Disputed payments")
    assert (moved("Stripe clearing"), moved("Disputed payments")) == (ZERO, ZERO)


def test_a_lost_dispute_that_is_reopened_empties_its_account_and_opens_the_invoice(
    firm: Any, connection: Connection, there: Any, booked: Invoice, moved: Any, bell: Any
) -> None:
    payment = pay(firm, booked, bell, "card")
    disputed(payment, "needs_response")
    bell.answer()
    dispute = disputed(payment, "lost")
    disputes.reopen(dispute_id=dispute.pk, reason="the work was done")
    in_agreement(connection, bell, booked)
    assert (moved("Stripe clearing"), moved("Disputed payments"), moved("Returned payments")) == (ZERO, ZERO, ZERO)
    assert there.of(Link.objects.get(invoice=booked))["Balance"] == "1000.00"
