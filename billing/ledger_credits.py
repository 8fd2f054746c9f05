"""Credit that a bookkeeper put on an invoice of ours in the ledger: less to pay here too, while it stands there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from billing import payments
from billing.credits import CreditRefused, issue_credit
from billing.models import Allocation, CreditNote, CreditNoteLine, Invoice
from billing.standing import standing_of
from practice.core import events
from practice.core.money import ZERO


@dataclass(frozen=True)
class Given:
    """What of a credit note in the ledger lies on one invoice: amounts in the invoice's currency, tax included."""

    number: str
    words: str
    amount: Decimal
    tax: Decimal
    is_write_off: bool
    on: date


@transaction.atomic
def take_credit(*, invoice_id: int, given: Given, now: datetime) -> Allocation:
    """Take over a credit that lies on an invoice in the ledger, as a credit note of its own that is never sent there.

    Raises CreditRefused when the invoice is not issued, or less is open on it here.
    """
    invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
    if invoice.status != Invoice.Status.ISSUED or not ZERO < given.amount <= standing_of(invoice, given.on).due:
        raise CreditRefused("There is no room for this credit on the invoice here")
    reason = CreditNote.Reason.WRITE_OFF if given.is_write_off else CreditNote.Reason.LEDGER
    net = given.amount - given.tax
    note = CreditNote(
        origin=CreditNote.Origin.LEDGER, number=_free(invoice.entity_id, given.number), reason=reason,
        words=given.words[:200], issued_on=given.on, price_basis="exclusive", net=net, tax=given.tax,
        total=given.amount,
    )  # fmt: skip
    main = max(invoice.lines.all(), key=lambda line: line.amount)
    line = CreditNoteLine(
        position=1, service_id=main.service_id, description=given.words[:400], quantity=1, unit_price=net,
        treatment=main.treatment, tax_rate=main.tax_rate, amount=net, tax=given.tax,
    )  # fmt: skip
    return issue_credit(invoice=invoice, note=note, lines=[line], now=now)


@transaction.atomic
def take_credit_off(*, allocation_id: int, reason: str, now: datetime) -> None:
    """A credit that was made in the ledger was taken off its invoice there: so it is here, and its row stays."""
    allocation = payments.reverse_allocation(allocation_id=allocation_id, reason=reason, now=now)
    assert allocation.credit_id is not None, "what was taken over as a credit is one"
    note = CreditNote.objects.select_for_update().get(pk=allocation.credit_id)
    note.voided_at, note.void_reason = now, reason[:200]
    note.save(update_fields=["voided_at", "void_reason"])
    events.record("billing.credit.voided", note)


def _free(entity_id: int, number: str) -> str:
    """A number of the ledger's, counted on where a part of the same note was taken before."""
    taken = set(
        CreditNote.objects.filter(
            entity=entity_id, origin=CreditNote.Origin.LEDGER, number__startswith=number[:50]
        ).values_list("number", flat=True)
    )
    names = [number[:60], *(f"{number[:50]} ({n})" for n in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
