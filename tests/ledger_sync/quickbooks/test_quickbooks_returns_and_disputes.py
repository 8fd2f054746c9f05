"""Money a bank takes back opens its invoice again in QuickBooks; disputed money waits on an account of its own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from billing import credits as crediting
from billing import disputes, payments, refunding
from billing.models import Invoice, Payment, Payout
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.proof import proving
from ledger_sync.pull import pulling
from practice.core import audit, clock, events
from tests.ledger_sync.money_back import disputed, in_agreement, paid, reduce, stripe_says, typed_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_answers_later")]
ZERO, FULL = Decimal("0.00"), Decimal("1000.00")


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


def test_money_typed_in_that_lay_on_no_invoice_is_void_once_it_is_returned(
    connection: Connection, there: Any, booked: Invoice, bell: Any
) -> None:
    payment = typed_in(booked, "300.00")
    in_agreement(connection, bell, booked)
    row = there.of(Link.objects.get(payment=payment))
    assert (row["TotalAmt"], row["UnappliedAmt"]) == ("300.00", "300.00")
    with audit.cause(system="web", actor="Dana"):
        payments.return_payment(payment_id=payment.pk, reason="typed in by mistake", now=clock.now())
    clock.advance(seconds=5)
    in_agreement(connection, bell, booked)
    row = there.one("Payment", Id=row["Id"])
    assert (row["TotalAmt"], row["PrivateNote"]) == ("0.00", "Voided Bank 1")


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


# Credits taken back, payouts sent back


def test_a_credit_that_is_taken_back_leaves_its_invoice_and_is_void(
    connection: Connection, there: Any, booked: Invoice, bell: Any
) -> None:
    with audit.cause(system="web", actor="Dana"):
        note = refunding.credit_amount(
            invoice_id=booked.pk, amount=Decimal("200.00"), reason="price_cut", words="goodwill"
        )
    in_agreement(connection, bell, booked)
    with audit.cause(system="web", actor="Dana"):
        crediting.void_credit(credit_id=note.pk, reason="a mistake", now=clock.now())
    clock.advance(seconds=5)
    in_agreement(connection, bell, booked)
    assert there.of(Link.objects.get(invoice=booked))["Balance"] == "1000.00"
    row = there.one("CreditMemo", DocNumber=note.number)
    assert (row["TotalAmt"], row["PrivateNote"]) == ("0.00", "Voided")


def test_a_payout_the_bank_sends_back_has_its_way_back_on_that_day(
    firm: Any, connection: Connection, there: Any, booked: Invoice, moved: Any, bell: Any
) -> None:
    with transaction.atomic(), audit.cause(system="stripe", actor="Stripe"):
        row = Payout.objects.create(
            practice=firm.practice, entity=firm.entity, payout_ref="po_1", state=Payout.State.ARRIVED,
            amount=Decimal("500.00"), currency="USD", reference="STRIPE PAYOUT po_1", made_at=clock.now(),
            arrives_on=clock.today("America/Chicago"), itemised_at=clock.now(),
        )  # fmt: skip
        events.record("billing.payout.arrived", row)
    in_agreement(connection, bell)
    assert moved("Stripe clearing") == Decimal("-500.00")
    clock.advance(days=3)
    with transaction.atomic(), audit.cause(system="stripe", actor="Stripe"):
        row.state, row.came_back_on = Payout.State.FAILED, clock.today("America/Chicago")
        row.save(update_fields=["state", "came_back_on"])
        events.record("billing.payout.failed", row)
    in_agreement(connection, bell)
    assert moved("Stripe clearing") == ZERO
    back = there.one("Transfer", Id=str(Link.objects.get(payout=row, role="back").remote_id))
    assert (back["TxnDate"], back["Amount"]) == (str(row.came_back_on), "500.00")


def test_a_debit_that_comes_back_into_closed_books_goes_through_the_account_of_returns(
    firm: Any, connection: Connection, qbo: Any, there: Any, booked: Invoice, moved: Any, bell: Any
) -> None:
    payment = pay(firm, booked, bell)
    clock.advance(days=10)
    qbo.bookkeeper.close_books(str(payment.paid_on))
    pulling.pull(connection.pk, references=True)
    bounce(payment)
    bell.answer()
    assert there.of(Link.objects.get(invoice=booked))["Balance"] == "0.00"
    assert moved("Stripe clearing") == ZERO
    assert moved("Returned payments") == FULL
    # QuickBooks sells only products: the new invoice waits until there is one for returned payments.
    snag = Snag.objects.get(closed_at__isnull=True)
    assert (snag.code, snag.link.invoice) == ("mapping_missing", payment.replacements.get())
    assert snag.facts["what"].startswith(f"“Returned payment for {booked.number}” (no product or service")
