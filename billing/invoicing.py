"""Invoices: drafted from due charges, issued once with a number from a locked counter, then frozen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import transaction

from billing.models import BillingRun, Charge, Engagement, Invoice, InvoiceLine, Payment
from billing.pricing import add_up, price_line
from practice.core import events, money
from practice.firm.models import Client, Entity
from practice.firm.models.practices import rates_at


class InvoiceCannotMove(ValueError):
    """The invoice is in a state that does not allow this; the text says which."""


@dataclass(frozen=True)
class Draft:
    """A line of an invoice to be: everything but its tax."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    treatment: str
    service_id: int | None = None
    charge: Charge | None = None
    #: Taxed as it says, whatever holds for the client: money that is asked for again was taxed before.
    as_it_is: bool = False


@dataclass(frozen=True)
class Heading:
    """What stands above the lines of an invoice to be."""

    reference: str
    basis: str
    currency: str
    engagement: Engagement | None = None
    run: BillingRun | None = None


@transaction.atomic
def bill_charges(
    *,
    engagement: Engagement,
    charges: Sequence[Charge],
    on: date,
    now: datetime,
    due_on: date | None = None,
    run: BillingRun | None = None,
) -> Invoice:
    """Issue one invoice for planned charges of an agreement, dated ``on``.

    Each charge is locked and marked billed in the same commit, so that it can be on one invoice only. Raises
    InvoiceCannotMove when one of them is no longer planned.
    """
    locked = list(
        Charge.objects.select_for_update(of=("self",))
        .filter(pk__in=[c.pk for c in charges], state=Charge.State.PLANNED)
        .select_related("line")
        .order_by("line__position", "kind", "nth")
    )
    if len(locked) != len(charges):
        raise InvoiceCannotMove("A charge of this invoice was billed, held or skipped meanwhile")
    drafts = [Draft(_worded(c), c.quantity, c.unit_price, c.line.treatment, c.line.service_id, c) for c in locked]
    heading = Heading(engagement.reference, engagement.price_basis, engagement.currency, engagement, run)
    invoice = _draft(entity=engagement.entity, client=engagement.client, drafts=drafts, on=on, heading=heading)
    for charge in locked:
        charge.state = Charge.State.BILLED
        charge.save(update_fields=["state"])
    days = timedelta(days=engagement.client.payment_days)
    return issue_invoice(invoice_id=invoice.pk, on=on, due_on=due_on or on + days, now=now)


@transaction.atomic
def bill_once(
    *, entity: Entity, client: Client, drafts: Sequence[Draft], on: date, now: datetime, reference: str = ""
) -> Invoice:
    """Issue an invoice outside any agreement, in the client's currency, prices without tax."""
    heading = Heading(reference, "exclusive", client.currency)
    invoice = _draft(entity=entity, client=client, drafts=drafts, on=on, heading=heading)
    return issue_invoice(invoice_id=invoice.pk, on=on, due_on=on + timedelta(days=client.payment_days), now=now)


@transaction.atomic
def bill_again(*, payment: Payment, of: Invoice, amount: Decimal, on: date, now: datetime) -> Invoice:
    """Ask again, at once and without tax, for money that came back to an invoice that can no longer be opened."""
    draft = Draft(f"Returned payment for {of.number}", Decimal(1), amount, "out_of_scope", as_it_is=True)
    heading = Heading(of.number, "exclusive", of.currency)
    invoice = _draft(entity=of.entity, client=of.client, drafts=[draft], on=on, heading=heading)
    invoice.replaces = payment
    invoice.save(update_fields=["replaces"])
    return issue_invoice(invoice_id=invoice.pk, on=on, due_on=on, now=now)


@transaction.atomic
def issue_invoice(*, invoice_id: int, on: date, due_on: date, now: datetime) -> Invoice:
    """Give a draft its number and freeze it. Raises InvoiceCannotMove unless it is still a draft."""
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    if not invoice.can_move(Invoice.Status.ISSUED):
        raise InvoiceCannotMove(f"This invoice is {invoice.get_status_display().lower()} already")
    entity = Entity.objects.select_for_update().get(pk=invoice.entity_id)
    invoice.number = f"{entity.invoice_prefix}{entity.next_invoice:05d}"
    entity.next_invoice += 1
    Entity.objects.filter(pk=entity.pk).update(next_invoice=entity.next_invoice)
    invoice.status, invoice.issued_on, invoice.issued_at, invoice.due_on = Invoice.Status.ISSUED, on, now, due_on
    invoice.save(update_fields=["status", "number", "issued_on", "issued_at", "due_on"])
    events.record("billing.invoice.issued", invoice)
    return invoice


@transaction.atomic
def void_invoice(*, invoice_id: int, reason: str) -> Invoice:
    """Void an issued invoice nobody has paid or credited; its number stays used.

    Raises InvoiceCannotMove when it is not issued, or money or credit is on it.
    """
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    if not invoice.can_move(Invoice.Status.VOID):
        raise InvoiceCannotMove(f"This invoice is {invoice.get_status_display().lower()}")
    if invoice.allocations.filter(reversed_at__isnull=True).exists():
        raise InvoiceCannotMove("Money or credit is on this invoice: take that off first, or make a credit note")
    invoice.status, invoice.void_reason = Invoice.Status.VOID, reason[:200]
    invoice.hold_code, invoice.hold_reason = "", ""
    invoice.save(update_fields=["status", "void_reason", "hold_code", "hold_reason"])
    events.record("billing.invoice.voided", invoice)
    return invoice


@transaction.atomic
def hold_invoice(*, invoice_id: int, code: str, reason: str) -> Invoice:
    """Stop collecting one invoice until a person has decided; the others go on."""
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    invoice.hold_code, invoice.hold_reason = code, reason[:300]
    invoice.save(update_fields=["hold_code", "hold_reason"])
    events.record("billing.invoice.held", invoice)
    return invoice


@transaction.atomic
def release_invoice(*, invoice_id: int, code: str) -> Invoice:
    """Let an invoice be collected again that was held for ``code``; a hold for another reason stays."""
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    if invoice.hold_code == code:
        invoice.hold_code, invoice.hold_reason = "", ""
        invoice.save(update_fields=["hold_code", "hold_reason"])
        events.record("billing.invoice.released", invoice)
    return invoice


@transaction.atomic
def change_due_date(*, invoice_id: int, due_on: date, reason: str) -> Invoice:
    """Move the day an invoice is due; the document stays. ``reason`` is "ledger" when the bookkeeper moved it."""
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    if invoice.due_on != due_on and invoice.issued_on is not None:
        invoice.due_on, invoice.due_reason = max(due_on, invoice.issued_on), reason[:20]
        invoice.save(update_fields=["due_on", "due_reason"])
        events.record("billing.invoice.due_changed", invoice)
    return invoice


def _worded(charge: Charge) -> str:
    if charge.period_start and charge.period_end:
        return f"{charge.description}, {charge.period_start:%-d %b} to {charge.period_end:%-d %b %Y}"
    return charge.description


def treatment_for(client: Client, treatment: str) -> str:
    """How a line is taxed: the client's own treatment beats the service's."""
    return treatment if client.tax_treatment == Client.Tax.DOMESTIC else client.tax_treatment


def gross_of(engagement: Engagement, charges: Iterable[Charge], on: date) -> Decimal:
    """What charges of an agreement come to when they are billed on a day, tax included."""
    rates = rates_at(engagement.entity, on)
    return add_up(
        price_line(
            c.quantity, c.unit_price, rates[treatment_for(engagement.client, c.line.treatment)], engagement.price_basis
        )
        for c in charges
    ).gross


def _draft(*, entity: Entity, client: Client, drafts: Sequence[Draft], on: date, heading: Heading) -> Invoice:
    rates = rates_at(entity, on)
    treatments = [d.treatment if d.as_it_is else treatment_for(client, d.treatment) for d in drafts]
    priced = [
        price_line(d.quantity, d.unit_price, rates[t], heading.basis) for d, t in zip(drafts, treatments, strict=True)
    ]
    totals = add_up(priced)
    if totals.gross < money.ZERO:
        raise InvoiceCannotMove("The lines of this invoice add up to less than nothing")
    address = client.addresses.filter(kind="billing").first()
    invoice = Invoice.objects.create(
        practice_id=entity.practice_id,
        entity=entity,
        client=client,
        engagement=heading.engagement,
        run=heading.run,
        reference=heading.reference,
        currency=heading.currency,
        price_basis=heading.basis,
        recipient_name=client.name,
        recipient_address=str(address) if address else "",
        recipient_tax_number=client.tax_number,
        net=totals.net,
        tax=totals.tax,
        total=totals.gross,
    )
    InvoiceLine.objects.bulk_create(
        InvoiceLine(
            invoice=invoice,
            position=position,
            charge=draft.charge,
            service_id=draft.service_id,
            description=draft.description[:400],
            quantity=draft.quantity,
            unit_price=draft.unit_price,
            treatment=treatment,
            tax_rate=rates[treatment],
            amount=line.amount,
            tax=line.tax,
        )
        for position, (draft, treatment, line) in enumerate(zip(drafts, treatments, priced, strict=True), start=1)
    )
    return invoice
