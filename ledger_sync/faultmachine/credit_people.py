"""What people at the firm do about credit: credit notes, money paid beyond what is due, invoices made anew, papers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

from billing import credits as crediting
from billing import invoicing, payments, refunding, schedules
from billing.models import CreditNote, Invoice, Payment
from billing.payments import Receipt
from billing.standing import ChangedMeanwhile, unallocated
from ledger_sync.connection import connections
from ledger_sync.faultmachine import picking
from ledger_sync.faultmachine.plans import Act
from ledger_sync.faultmachine.world import Stage
from practice.core import clock
from practice.core.money import ZERO, to_cents

#: How the firm's own rules say no to these.
REFUSALS = (crediting.CreditRefused, refunding.RefundRefused, schedules.ChargeCannotChange, ChangedMeanwhile)
Doing = Callable[[Stage, Act, Random], None]


def _credit(stage: Stage, act: Act, chance: Random) -> None:
    """The price of an invoice is cut by a part of what is open, or by all of it."""
    invoice = picking.open_invoice(chance)
    if invoice is not None:
        due = picking.due_on(invoice)
        amount = due if chance.random() < 0.25 else to_cents(due * chance.choice((10, 33, 50)) / 100)
        refunding.credit_amount(
            invoice_id=invoice.pk, amount=amount, reason=CreditNote.Reason.PRICE_CUT, words=f"Cut {act.nth:02}"
        )


def _write_off(stage: Stage, act: Act, chance: Random) -> None:
    """Nobody expects the rest of an invoice any more."""
    invoice = picking.open_invoice(chance)
    if invoice is not None:
        due, reason = picking.due_on(invoice), CreditNote.Reason.WRITE_OFF
        refunding.credit_amount(invoice_id=invoice.pk, amount=due, reason=reason, words=f"Written off {act.nth:02}")


def _take_back_credit(stage: Stage, act: Act, chance: Random) -> None:
    rows = CreditNote.objects.filter(origin=CreditNote.Origin.HERE, voided_at__isnull=True).order_by("id")
    note = picking.some(rows, chance)
    if note is not None:
        crediting.void_credit(credit_id=note.pk, reason="made in error", now=clock.now())


def _overpay(stage: Stage, act: Act, chance: Random) -> None:
    """A client pays more than is due: the rest is theirs."""
    invoice = picking.open_invoice(chance)
    if invoice is None:
        return
    due, extra = picking.due_on(invoice), Decimal(chance.choice(("20.00", "150.00", "700.00")))
    receipt = Receipt(
        source=Payment.Source.HAND, method="bank", amount=due + extra, currency=invoice.currency,
        reference=f"Paid {act.nth:02}", state=Payment.State.SUCCEEDED, initiated_at=clock.now(),
        paid_on=clock.today(invoice.entity.time_zone),
    )  # fmt: skip
    payments.record_payment(
        entity=invoice.entity, client=invoice.client, receipt=receipt, on_invoices=[(invoice, due)], now=clock.now()
    )


def _use_credit(stage: Stage, act: Act, chance: Random) -> None:
    """What a client has paid too much is put on another invoice of theirs; one is billed where none is open."""
    rows = Payment.objects.filter(state=Payment.State.SUCCEEDED).order_by("id")
    payment = picking.some((row for row in rows if unallocated(row) > ZERO), chance)
    if payment is None:
        return
    theirs = Invoice.objects.filter(client=payment.client_id, status=Invoice.Status.ISSUED).order_by("id")
    invoice = picking.some((row for row in theirs if picking.due_on(row) > ZERO), chance)
    if invoice is None:
        draft = invoicing.Draft("More work", Decimal(1), Decimal(400), "standard", stage.service_id)
        today = clock.today(payment.entity.time_zone)
        invoice = invoicing.bill_once(
            entity=payment.entity, client=payment.client, drafts=[draft], on=today, now=clock.now()
        )
    amount = min(unallocated(payment), picking.due_on(invoice))
    payments.use_credit(payment_id=payment.pk, invoice_id=invoice.pk, amount=amount, seen=None)


def _withdraw(stage: Stage, act: Act, chance: Random) -> None:
    """An invoice of an agreement is withdrawn, and its charges are billed anew."""
    rows = Invoice.objects.filter(status=Invoice.Status.ISSUED, engagement__isnull=False).order_by("id")
    invoice = picking.some(rows.select_related("engagement", "entity"), chance)
    if invoice is None or invoice.engagement is None:
        return
    invoicing.void_invoice(invoice_id=invoice.pk, reason="billed in error")
    again = schedules.undo_billing(invoice_id=invoice.pk, reason="billed in error", again=True)
    if again:
        today = clock.today(invoice.entity.time_zone)
        invoicing.bill_charges(engagement=invoice.engagement, charges=again, on=today, now=clock.now())


def _ask_for_papers(stage: Stage, act: Act, chance: Random) -> None:
    """The ledgers get a copy of each invoice from now on, and a note of who accepted it."""
    for books in stage.books:
        attach, note = chance.random() < 0.8, chance.random() < 0.8
        connections.choose_papers(connection_id=books.connection_id, attach=attach, note_acceptance=note)


DOINGS: dict[str, Doing] = {
    "ask_for_papers": _ask_for_papers,
    "credit": _credit,
    "write_off": _write_off,
    "take_back_credit": _take_back_credit,
    "overpay": _overpay,
    "use_credit": _use_credit,
    "withdraw": _withdraw,
}
