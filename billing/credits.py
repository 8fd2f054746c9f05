"""Credit notes: an issued invoice never changes, so less to pay is a document of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from billing import payments
from billing.models import Allocation, CreditNote, CreditNoteLine, Invoice
from billing.pricing import Priced, add_up, price_line
from billing.standing import standing_of
from practice.core import events
from practice.core.money import ZERO
from practice.firm.models import Entity


class CreditRefused(ValueError):
    """The credit cannot be made like this; the text says why."""


@dataclass(frozen=True)
class CreditLine:
    """One credited line, in the invoice's price basis."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    treatment: str
    tax_rate: Decimal
    service_id: int | None = None


@transaction.atomic
def credit_invoice(
    *,
    invoice_id: int,
    lines: Sequence[CreditLine],
    reason: str,
    words: str,
    on: date,
    now: datetime,
    number: str = "",
    given_back: Decimal = ZERO,
) -> CreditNote:
    """Credit part or all of an issued invoice and put the credit on it.

    A credit made here draws its own number; one made in the ledger brings it. ``given_back`` is money that the caller
    takes off the invoice in the same transaction, which makes room for the credit. Raises CreditRefused when the
    invoice is not issued or less is open on it than is credited.
    """
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    if invoice.status != Invoice.Status.ISSUED:
        raise CreditRefused(f"This invoice is {invoice.get_status_display().lower()}")
    priced = [price_line(x.quantity, x.unit_price, x.tax_rate, invoice.price_basis) for x in lines]
    totals = add_up(priced)
    if totals.gross <= ZERO or totals.gross > standing_of(invoice, on).due + given_back:
        raise CreditRefused("A credit must be more than nothing and no more than what is open on the invoice")
    note = CreditNote(
        origin=CreditNote.Origin.LEDGER if number else CreditNote.Origin.HERE,
        number=number or _draw_number(invoice.entity_id),
        reason=reason,
        words=words[:200],
        issued_on=on,
        price_basis=invoice.price_basis,
        net=totals.net,
        tax=totals.tax,
        total=totals.gross,
    )
    issue_credit(invoice=invoice, note=note, lines=_rows(lines, priced), now=now)
    return note


def issue_credit(*, invoice: Invoice, note: CreditNote, lines: Sequence[CreditNoteLine], now: datetime) -> Allocation:
    """Issue a credit note that is not saved yet, with its lines, and apply it whole. The invoice is locked by now."""
    note.practice_id, note.entity_id, note.client_id = invoice.practice_id, invoice.entity_id, invoice.client_id
    note.invoice, note.currency, note.issued_at = invoice, invoice.currency, now
    note.save(force_insert=True)
    for line in lines:
        line.credit = note
    CreditNoteLine.objects.bulk_create(lines)
    events.record("billing.credit.issued", note)
    allocation = Allocation.objects.create(credit=note, invoice=invoice, amount=note.total, made_at=now)
    events.record("billing.allocation.made", allocation)
    return allocation


@transaction.atomic
def void_credit(*, credit_id: int, reason: str, now: datetime) -> CreditNote:
    """Take back a credit note made here: its invoice is owed again, its number stays used.

    Raises CreditRefused when it was made in the ledger, is void already, or its money went back to the client.
    """
    note = CreditNote.objects.select_for_update().get(pk=credit_id)
    if note.origin != CreditNote.Origin.HERE:
        raise CreditRefused("This credit was made in the ledger: it is taken back there")
    if note.voided_at is not None:
        raise CreditRefused("This credit note is void already")
    if note.refunds.exclude(state="failed").exists():
        raise CreditRefused("Its money was given back to the client, so that it must stay")
    for allocation in note.allocations.filter(reversed_at__isnull=True).order_by("pk"):
        payments.reverse_allocation(allocation_id=allocation.pk, reason=reason, now=now)
    note.voided_at, note.void_reason = now, reason[:200] or "taken back"
    note.save(update_fields=["voided_at", "void_reason"])
    events.record("billing.credit.voided", note)
    return note


def may_void(note: CreditNote) -> bool:
    """Whether a credit note can be taken back."""
    made_here = note.origin == CreditNote.Origin.HERE and note.voided_at is None
    return made_here and not note.refunds.exclude(state="failed").exists()


def whole_invoice(invoice: Invoice) -> list[CreditLine]:
    """The lines that credit an invoice in full."""
    return [
        CreditLine(x.description, x.quantity, x.unit_price, x.treatment, x.tax_rate, x.service_id)
        for x in invoice.lines.order_by("position")
    ]


def _draw_number(entity_id: int) -> str:
    entity = Entity.objects.select_for_update().get(pk=entity_id)
    Entity.objects.filter(pk=entity_id).update(next_credit=entity.next_credit + 1)
    return f"{entity.credit_prefix}{entity.next_credit:05d}"


def _rows(lines: Sequence[CreditLine], priced: Sequence[Priced]) -> list[CreditNoteLine]:
    return [
        CreditNoteLine(
            position=position,
            service_id=line.service_id,
            description=line.description[:400],
            quantity=line.quantity,
            unit_price=line.unit_price,
            treatment=line.treatment,
            tax_rate=line.tax_rate,
            amount=worked.amount,
            tax=worked.tax,
        )
        for position, (line, worked) in enumerate(zip(lines, priced, strict=True), start=1)
    ]
