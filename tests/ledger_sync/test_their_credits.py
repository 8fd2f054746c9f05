"""Credit that the bookkeeper puts on an invoice in Xero counts here; of ours, what is taken off is asked about."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import refunding
from billing.models import CreditNote, Invoice, Payment
from billing.standing import unallocated
from ledger_sync import remedies
from ledger_sync.models import Connection, Link, Snag
from practice.core import audit
from tests.ledger_sync.money_back import in_agreement, paid
from tests.ledger_sync.steps import due, sync_now
from tests.ledger_sync.xero_books import There

pytestmark = pytest.mark.django_db(transaction=True)


def key(invoice: Invoice) -> str:
    return str(Link.objects.get(invoice=invoice, kind="invoice").remote_id)


@pytest.mark.parametrize(("account", "reason"), [("200", "ledger"), ("480", "write_off")])
def test_a_credit_made_there_is_one_credit_note_here_and_a_write_off_if_it_goes_wholly_to_bad_debts(
    connection: Connection, xero: Any, booked: Invoice, bell: Any, account: str, reason: str
) -> None:
    xero.bookkeeper.credit(key(booked), Decimal("220.00"), account_code=account, reason="Goodwill")
    sync_now(connection, bell)
    sync_now(connection, bell)
    note = CreditNote.objects.get()
    assert (note.origin, note.reason, note.net, note.tax, note.total) == (
        "ledger", reason, Decimal("200.00"), Decimal("20.00"), Decimal("220.00"),
    )  # fmt: skip
    assert due(booked) == Decimal("880.00")
    in_agreement(connection, bell, booked)


def test_a_credit_that_is_taken_off_there_ends_here_too(
    connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    xero.bookkeeper.credit(key(booked), Decimal("220.00"), account_code="200", reason="Goodwill")
    sync_now(connection, bell)
    *_, allocation = there.rows("Allocations")
    xero.bookkeeper.take_credit_off(allocation["AllocationID"])
    sync_now(connection, bell)
    assert due(booked) == Decimal("1100.00")
    assert CreditNote.objects.get().voided_at is not None
    in_agreement(connection, bell, booked)


def put_on(booked: Invoice, bell: Any, there: There) -> tuple[CreditNote, str]:
    """A credit note of ours lies on the invoice in Xero, and nobody has read that yet."""
    with audit.cause(system="web", actor="Dana"):
        note = refunding.credit_amount(
            invoice_id=booked.pk, amount=Decimal("220.00"), reason="price_cut", words="fewer hours"
        )
    bell.answer()
    *_, allocation = there.rows("Allocations")
    return note, allocation["AllocationID"]


def credited_here(connection: Connection, booked: Invoice, bell: Any, there: There) -> tuple[CreditNote, str]:
    note, allocation = put_on(booked, bell, there)
    sync_now(connection, bell)
    return note, allocation


@pytest.mark.parametrize(("remedy", "left"), [("post_again", "880.00"), ("take_back", "1100.00")])
def test_a_credit_note_of_ours_that_was_taken_off_waits_for_a_person(
    connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any, remedy: str, left: str
) -> None:
    note, allocation = credited_here(connection, booked, bell, there)
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    xero.bookkeeper.take_credit_off(allocation)
    sync_now(connection, bell)
    snag = Snag.objects.get(closed_at__isnull=True)
    assert (snag.code, snag.facts["note"], due(booked)) == ("credit_taken_off", note.number, Decimal("880.00"))
    booked.refresh_from_db()
    assert booked.hold_code == "credit_taken_off"
    with audit.cause(system="web", actor="Helen Marsh"):
        remedies.apply_remedy(snag_id=snag.pk, remedy=remedy)
    bell.answer()
    sync_now(connection, bell)
    assert due(booked) == Decimal(left)
    (row,) = there.standing("Invoices", InvoiceNumber=booked.number)
    assert row["AmountDue"] == left
    booked.refresh_from_db()
    assert booked.hold_code == ""
    in_agreement(connection, bell, booked)


def test_a_credit_note_of_ours_that_was_taken_off_before_anybody_read_it_waits_for_a_person_too(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    _, (other,) = firm.agreement(booked.client, "P-0002")
    bell.answer()
    sync_now(connection, bell)
    note, allocation = put_on(booked, bell, there)
    xero.bookkeeper.take_credit_off(allocation)
    xero.bookkeeper.edit_invoice(key(other), {"Reference": "As agreed"})
    sync_now(connection, bell)
    snag = Snag.objects.get(closed_at__isnull=True, code="credit_taken_off")
    assert (snag.facts["note"], due(booked)) == (note.number, Decimal("880.00"))
    booked.refresh_from_db()
    assert booked.hold_code == "credit_taken_off"


def test_what_a_client_paid_too_much_may_be_moved_there_and_is_followed(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    payment = paid(firm, booked, "1500.00", (booked, "1100.00"))
    _, (second,) = firm.agreement(booked.client, "P-0002")
    bell.answer()
    sync_now(connection, bell)
    *_, over = there.rows("Overpayments")
    xero.bookkeeper.put_credit_on("Overpayments", over["OverpaymentID"], key(second), Decimal("400.00"))
    sync_now(connection, bell)
    assert (due(second), unallocated(Payment.objects.get(pk=payment.pk))) == (Decimal("700.00"), Decimal(0))
    in_agreement(connection, bell, booked, second)
    *_, allocation = there.rows("Allocations")
    xero.bookkeeper.take_credit_off(allocation["AllocationID"])
    sync_now(connection, bell)
    assert due(second) == Decimal("1100.00")
    in_agreement(connection, bell, booked, second)


def test_what_is_written_off_here_goes_to_bad_debts_there(
    connection: Connection, there: There, booked: Invoice, bell: Any
) -> None:
    with audit.cause(system="web", actor="Dana"):
        note = refunding.credit_amount(invoice_id=booked.pk, amount=Decimal("1100.00"), reason="write_off", words="")
    bell.answer()
    (row,) = there.standing("CreditNotes", CreditNoteNumber=note.number)
    assert [(line["AccountCode"], line["TaxType"]) for line in row["LineItems"]] == [("480", "OUTPUT")]
    in_agreement(connection, bell, booked)
