"""A credit note that is taken back is off its invoice and void in the ledger too; a payout that came back has its way back."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from billing import credits as crediting
from billing import refunding
from billing.models import CreditNote, Invoice, Payout
from ledger_sync.models import Connection, Link
from ledger_sync.proof import proving
from ledger_sync.push import pushing
from practice.core import audit, clock, events
from practice.core.sandbox.faults import Fault
from tests.ledger_sync.money_back import in_agreement, paid, reduce
from tests.ledger_sync.xero_books import There

pytestmark = pytest.mark.django_db(transaction=True)


def credit(invoice: Invoice, amount: str = "220.00") -> CreditNote:
    with audit.cause(system="web", actor="Dana"):
        return refunding.credit_amount(
            invoice_id=invoice.pk, amount=Decimal(amount), reason="price_cut", words="goodwill"
        )


def take_back(note: CreditNote) -> None:
    with audit.cause(system="web", actor="Dana"):
        crediting.void_credit(credit_id=note.pk, reason="a mistake", now=clock.now())
    clock.advance(seconds=5)


def test_a_credit_that_is_taken_back_leaves_its_invoice_and_is_void(
    connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    note = credit(booked)
    in_agreement(connection, bell, booked)
    take_back(note)
    in_agreement(connection, bell, booked)
    (row,) = there.standing("Invoices", InvoiceNumber=booked.number)
    assert (row["AmountDue"], row["AmountCredited"], row["_allocations"]) == ("1100.00", "0.00", [])
    (theirs,) = [r for r in there.rows("CreditNotes") if r["CreditNoteNumber"] == note.number]
    assert theirs["Status"] == "VOIDED"


def test_a_credit_that_is_taken_back_before_it_was_sent_never_goes_there(
    connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    note = credit(booked)
    take_back(note)
    in_agreement(connection, bell, booked)
    assert [r for r in there.rows("CreditNotes") if r["CreditNoteNumber"] == note.number] == []


def test_an_allocation_whose_removal_was_never_answered_is_removed_once(
    connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    note = credit(booked)
    bell.answer()
    xero.faults.order(Fault(kind="response_lost", match="Allocations", method="DELETE", times=1))
    take_back(note)
    bell.answer()
    for _ in range(4):
        clock.advance(minutes=3)
        pushing.ring_all()
        bell.answer()
    in_agreement(connection, bell, booked)
    (theirs,) = [r for r in there.rows("CreditNotes") if r["CreditNoteNumber"] == note.number]
    assert (theirs["Status"], theirs["_allocations"]) == ("VOIDED", [])


def test_what_was_given_back_and_what_the_ledger_made_cannot_be_taken_back(
    firm: Any, connection: Connection, booked: Invoice, bell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refunding, "send_refund", lambda refund: refund)
    payment = paid(firm, booked, "1100.00", (booked, "1100.00"))
    refund = reduce(payment, booked, "110.00")
    with pytest.raises(crediting.CreditRefused, match="given back"):
        crediting.void_credit(credit_id=refund.credit.pk, reason="x", now=clock.now())
    CreditNote.objects.filter(pk=refund.credit.pk).update(origin="ledger")
    with pytest.raises(crediting.CreditRefused, match="made in the ledger"):
        crediting.void_credit(credit_id=refund.credit.pk, reason="x", now=clock.now())
    assert refund.credit.allocations.filter(reversed_at__isnull=False).count() == 0


# Payouts


def payout(firm: Any, amount: str) -> Payout:
    with transaction.atomic(), audit.cause(system="stripe", actor="Stripe"):
        row = Payout.objects.create(
            practice=firm.practice, entity=firm.entity, payout_ref=f"po_{amount}", state=Payout.State.ARRIVED,
            amount=Decimal(amount), currency="AUD", reference=f"STRIPE PAYOUT po_{amount}", made_at=clock.now(),
            arrives_on=clock.today("Australia/Sydney"), itemised_at=clock.now(),
        )  # fmt: skip
        events.record("billing.payout.arrived", row)
    return row


def test_a_payout_goes_to_the_bank_and_what_stripe_takes_back_comes_from_there(
    firm: Any, connection: Connection, there: There, bell: Any
) -> None:
    payout(firm, "500.00")
    payout(firm, "-120.00")
    in_agreement(connection, bell)
    assert (there.balance("Stripe clearing"), there.balance("Business Bank Account")) == (
        Decimal("-380.00"), Decimal("380.00"),
    )  # fmt: skip


def test_a_payout_the_bank_sends_back_has_its_way_back_on_that_day(
    firm: Any, connection: Connection, there: There, bell: Any
) -> None:
    row = payout(firm, "500.00")
    in_agreement(connection, bell)
    row.refresh_from_db()
    row.state, row.came_back_on = Payout.State.FAILED, row.arrives_on + timedelta(days=3)
    with transaction.atomic(), audit.cause(system="stripe", actor="Stripe"):
        row.save(update_fields=["state", "came_back_on"])
        events.record("billing.payout.failed", row)
    clock.advance(days=3)
    in_agreement(connection, bell)
    assert (there.balance("Stripe clearing"), there.balance("Business Bank Account")) == (Decimal(0), Decimal(0))
    dates = [r["Date"] for r in there.standing("BankTransfers")]
    assert dates == [str(row.arrives_on), str(row.came_back_on)]
    assert Link.objects.get(payout=row, role="back").base_theirs["reference"].endswith("sent back")
    assert proving.posted_by(connection, row.arrives_on) == {("payout", row.pk): Decimal("-500.00")}
    assert proving.posted_by(connection, row.came_back_on) == {("payout", row.pk): Decimal("0.00")}
