"""Money a bank takes back is in Xero as two movements on their days; disputed money waits on an account of its own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing import disputes, payments
from billing.models import Invoice, Payment
from billing.standing import standing_of, unallocated
from ledger_sync import remedies
from ledger_sync.asking import snags
from ledger_sync.connection import connections, mapping
from ledger_sync.models import Connection, Link, Mapping, Snag
from ledger_sync.proof import proving
from ledger_sync.pull import gates, pulling
from practice.core import audit, clock
from practice.core.gates import Verdict
from tests.ledger_sync.money_back import disputed, in_agreement, paid, reduce, stripe_says, typed_in
from tests.ledger_sync.xero_books import There

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_answers_later")]
ZERO, FULL = Decimal("0.00"), Decimal("1100.00")


def pay(firm: Any, invoice: Invoice, bell: Any, amount: str = "1100.00", method: str = "card") -> Payment:
    payment = paid(firm, invoice, amount, (invoice, "1100.00"), method=method)
    bell.answer()
    clock.advance(days=3)
    return payment


def bounce(payment: Payment) -> None:
    with audit.cause(system="stripe", actor="Stripe"):
        payments.return_payment(payment_id=payment.pk, reason="insufficient funds", now=clock.now())
    clock.advance(seconds=5)


def on_clearing(there: There) -> list[tuple[str, str, str]]:
    rows = there.standing("BankTransactions", _bank=there.account("Stripe clearing"))
    return [(row["Type"], row["Total"], row["Date"]) for row in rows]


def adds_up(payment: Payment) -> bool:
    """amount = allocations net of reversals + refunded + returned + unallocated (ACCOUNTING 8)."""
    live = sum((row.amount for row in payment.allocations.filter(reversed_at__isnull=True)), ZERO)
    refunded = sum((row.amount for row in payment.refunds.exclude(state="failed")), ZERO)
    return payment.amount == live + refunded + unallocated(payment)


# Returned debits


def test_a_debit_that_comes_back_opens_its_invoice_and_shows_both_movements_on_their_days(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked, bell, method="au_becs_debit")
    came, went = payment.paid_on, clock.today("Australia/Sydney")
    bounce(payment)
    in_agreement(connection, bell, booked)
    assert there.standing("Payments", PaymentType="ACCRECPAYMENT") == []
    assert on_clearing(there) == [("SPEND", "1100.00", str(went)), ("RECEIVE", "1100.00", str(came))]
    assert (there.balance("Stripe clearing"), there.balance("Returned payments")) == (ZERO, ZERO)
    assert standing_of(booked, went).due == FULL
    assert proving.posted_by(connection, came) == {("payment", payment.pk): FULL}
    assert proving.posted_by(connection, went) == {("payment", payment.pk): ZERO}


def test_what_came_back_is_charged_anew_once_the_ledger_was_told(
    firm: Any, connection: Connection, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked, bell, method="au_becs_debit")
    bounce(payment)
    answer = gates.may_collect_unattended(Invoice.objects.get(pk=booked.pk))
    assert answer.verdict is Verdict.NOT_YET
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    in_agreement(connection, bell, booked)
    assert gates.may_collect_unattended(Invoice.objects.get(pk=booked.pk)).verdict is Verdict.YES


def test_a_debit_that_comes_back_with_money_beyond_its_invoice_leaves_no_credit(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    bounce(pay(firm, booked, bell, "1150.00", method="au_becs_debit"))
    in_agreement(connection, bell, booked)
    assert there.standing("Overpayments") == []
    assert {(kind, total) for kind, total, _ in on_clearing(there)} == {("SPEND", "1150.00"), ("RECEIVE", "1150.00")}
    assert (there.balance("Stripe clearing"), there.balance("Returned payments")) == (ZERO, ZERO)


def test_money_typed_in_that_lay_on_no_invoice_leaves_no_credit_once_it_is_returned(
    connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = typed_in(booked, "300.00")
    in_agreement(connection, bell, booked)
    assert [row["Total"] for row in there.standing("Overpayments")] == ["300.00"]
    with audit.cause(system="web", actor="Dana"):
        payments.return_payment(payment_id=payment.pk, reason="typed in by mistake", now=clock.now())
    clock.advance(seconds=5)
    in_agreement(connection, bell, booked)
    assert there.standing("Overpayments") == there.standing("BankTransactions") == []


def test_what_is_left_of_a_part_refunded_debit_comes_back(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked, bell, method="au_becs_debit")
    stripe_says(reduce(payment, booked, "330.00"), "succeeded")
    bell.answer()
    bounce(payment)
    in_agreement(connection, bell, booked)
    # The payment that stays is as large as the credit note that was paid out; the rest is due again.
    assert [r["Amount"] for r in there.standing("Payments", PaymentType="ACCRECPAYMENT")] == ["330.00"]
    (invoice,) = there.standing("Invoices", InvoiceNumber=booked.number)
    assert invoice["AmountDue"] == "770.00"
    assert (there.balance("Stripe clearing"), there.balance("Returned payments")) == (ZERO, ZERO)
    assert adds_up(payment)


def test_a_debit_that_comes_back_before_it_was_sent_leaves_only_its_movements(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    bounce(paid(firm, booked, "1100.00", (booked, "1100.00"), method="au_becs_debit"))
    in_agreement(connection, bell, booked)
    assert there.standing("Payments", PaymentType="ACCRECPAYMENT") == []
    assert there.balance("Stripe clearing") == ZERO


def test_without_a_place_for_returned_payments_a_cause_says_so_and_choosing_one_sends_what_waits(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    place = Mapping.objects.get(connection=connection, purpose="returned")
    target = place.target_id
    place.delete()
    assert mapping.missing(connection) == []
    bounce(pay(firm, booked, bell, method="au_becs_debit"))
    bell.answer()
    snag = Snag.objects.get(closed_at__isnull=True)
    assert (snag.code, snag.facts["what"]) == ("mapping_missing", "Returned payments")
    mapping.choose(connection=connection, purpose="returned", target_id=target)
    parked = Link.objects.filter(connection=connection, parked_code="mapping_missing")
    connections.try_again(connection_id=connection.pk, link_ids=list(parked.values_list("pk", flat=True)))
    in_agreement(connection, bell, booked)


def relock(connection: Connection, xero: Any, day: date) -> None:
    xero.bookkeeper.set_lock_dates(period=str(day))
    pulling.pull(connection.pk, references=True)


def test_a_debit_that_comes_back_into_a_locked_period_leaves_its_invoice_paid_and_is_asked_for_by_a_new_one(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked, bell, method="au_becs_debit")
    clock.advance(days=10)
    relock(connection, xero, payment.paid_on)
    bounce(payment)
    in_agreement(connection, bell, booked)
    assert [r["Amount"] for r in there.standing("Payments", PaymentType="ACCRECPAYMENT")] == ["1100.00"]
    today = clock.today("Australia/Sydney")
    assert on_clearing(there) == [("SPEND", "1100.00", str(today))]
    again = payment.replacements.get()
    (row,) = there.standing("Invoices", InvoiceNumber=again.number)
    (line,) = row["LineItems"]
    assert (row["Total"], row["TotalTax"], row["DueDate"], line["Description"]) == (
        "1100.00", "0.00", str(today), f"Returned payment for {booked.number}",
    )  # fmt: skip
    assert line["AccountCode"] == "641"
    # What the bank took went there, and the new invoice took it out again.
    assert (there.balance("Stripe clearing"), there.balance("Returned payments")) == (ZERO, FULL)
    standing = standing_of(booked, today)
    assert (standing.state, standing.replaced, standing.due) == ("replaced", FULL, ZERO)
    assert standing_of(again, today).due == FULL
    assert proving.posted_by(connection, today) == {("payment", payment.pk): ZERO}


def test_a_payment_reconciled_meanwhile_is_asked_about_and_a_new_invoice_can_ask_for_it(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked, bell, method="au_becs_debit")
    xero.bookkeeper.reconcile(str(Link.objects.get(allocation__payment=payment).remote_id))
    bounce(payment)
    bell.answer()
    snag = Snag.objects.get(closed_at__isnull=True)
    assert (snag.code, [r.code for r in snags.remedies(snag)]) == ("reconciled", ["replace", "retry"])
    remedies.apply_remedy(snag_id=snag.pk, remedy="replace")
    clock.advance(seconds=5)
    in_agreement(connection, bell, booked)
    assert {kind for kind, _, _ in on_clearing(there)} == {"SPEND"}
    assert standing_of(booked, clock.today("Australia/Sydney")).state == "replaced"
    assert there.balance("Stripe clearing") == ZERO


def test_a_payment_known_to_be_reconciled_is_not_touched(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked, bell, method="au_becs_debit")
    xero.bookkeeper.reconcile(str(Link.objects.get(allocation__payment=payment).remote_id))
    pulling.pull(connection.pk, sweep=True)
    bounce(payment)
    in_agreement(connection, bell, booked)
    assert len(there.standing("Payments", PaymentType="ACCRECPAYMENT")) == 1
    assert payment.replacements.count() == 1


# Disputes


def test_disputed_money_waits_on_its_own_account_and_comes_back_when_the_dispute_is_won(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked, bell)
    disputed(payment, "needs_response")
    in_agreement(connection, bell, booked)
    assert (there.balance("Stripe clearing"), there.balance("Disputed payments")) == (ZERO, FULL)
    assert standing_of(booked, clock.today("Australia/Sydney")).due == ZERO
    clock.advance(days=20)
    disputed(payment, "won")
    in_agreement(connection, bell, booked)
    assert (there.balance("Stripe clearing"), there.balance("Disputed payments")) == (FULL, ZERO)
    assert [(kind, total) for kind, total, _ in on_clearing(there)] == [("SPEND", "1100.00"), ("RECEIVE", "1100.00")]


def test_a_dispute_that_moved_nothing_books_nothing(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    disputed(pay(firm, booked, bell), "warning_needs_response")
    in_agreement(connection, bell, booked)
    assert on_clearing(there) == []


def test_a_lost_dispute_that_is_conceded_closes_its_account_by_a_credit_note(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked, bell)
    disputed(payment, "needs_response")
    bell.answer()
    clock.advance(days=20)
    dispute = disputed(payment, "lost")
    (refund,) = disputes.concede(dispute_id=dispute.pk, words="not worth a fight")
    in_agreement(connection, bell, booked)
    assert (there.balance("Stripe clearing"), there.balance("Disputed payments")) == (ZERO, ZERO)
    (note,) = there.standing("CreditNotes", CreditNoteNumber=refund.credit.number)
    assert (note["Status"], note["Total"]) == ("PAID", "1100.00")
    row = there.of(Link.objects.get(refund=refund))
    assert row["_account"] == there.account("Disputed payments")
    standing = standing_of(booked, clock.today("Australia/Sydney"))
    assert (standing.paid, standing.credited, standing.due) == (ZERO, FULL, ZERO)
    assert adds_up(payment)
    with pytest.raises(disputes.DisputeDecided):
        disputes.reopen(dispute_id=dispute.pk, reason="second thoughts")


def test_a_lost_dispute_that_is_reopened_empties_its_account_before_the_money_counts_as_returned(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked, bell)
    disputed(payment, "needs_response")
    bell.answer()
    clock.advance(days=20)
    dispute = disputed(payment, "lost")
    lost_on = clock.today("Australia/Sydney")
    clock.advance(days=2)
    disputes.reopen(dispute_id=dispute.pk, reason="the work was done")
    in_agreement(connection, bell, booked)
    balances = [there.balance(n) for n in ("Stripe clearing", "Disputed payments", "Returned payments")]
    assert balances == [ZERO, ZERO, ZERO]
    assert ("SPEND", "1100.00", str(lost_on)) in on_clearing(there)
    (invoice,) = there.standing("Invoices", InvoiceNumber=booked.number)
    assert invoice["AmountDue"] == "1100.00"
    with pytest.raises(disputes.DisputeDecided):
        disputes.concede(dispute_id=dispute.pk, words="second thoughts")


def test_a_part_of_a_payment_is_disputed_and_conceded(
    firm: Any, connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    payment = pay(firm, booked, bell)
    for status in ("needs_response", "lost"):
        dispute = disputed(payment, status, Decimal("440.00"))
        bell.answer()
    disputes.concede(dispute_id=dispute.pk, words="half of it")
    in_agreement(connection, bell, booked)
    assert (there.balance("Stripe clearing"), there.balance("Disputed payments")) == (Decimal("660.00"), ZERO)
    assert adds_up(payment)
