"""What happened to an invoice, in the order it happened: issued, sent, tried, paid, corrected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.models import Allocation, Attempt, AttemptShare, CreditNote, Invoice, Payment
from practice.core import money
from practice.core.money import ZERO
from practice.firm.models import Mail


@dataclass(frozen=True)
class Told:
    """One thing that happened: when, what, who or what did it, and its tone ("", "w" or "x")."""

    at: datetime
    words: str
    detail: str = ""
    tone: str = ""


def story_of(invoice: Invoice) -> list[Told]:
    """Everything that happened to an invoice, newest first."""
    told = [*_issued(invoice), *_money_told(invoice), *_tries_told(invoice), *_mails_told(invoice)]
    told += [_credited(note, invoice) for note in invoice.credits.all()]
    return sorted(told, key=lambda t: t.at, reverse=True)


def _issued(invoice: Invoice) -> list[Told]:
    if invoice.issued_at is None:
        return []
    by = "by the billing run" if invoice.run_id else "on signing" if invoice.engagement_id else "by hand"
    told = [Told(invoice.issued_at, f"Issued {by}", f"run {invoice.run_id}" if invoice.run_id else "")]
    if invoice.status == Invoice.Status.VOID:
        change = invoice.history.filter(status=Invoice.Status.VOID).order_by("history_id").first()  # type: ignore[attr-defined]
        if change is not None:
            told.append(Told(change.history_date, "Voided", f"{invoice.void_reason} · {change.actor}".strip(" ·"), "x"))
    return told


def _credited(note: CreditNote, invoice: Invoice) -> Told:
    """A credit note made here, or a change in the ledger that was accepted as one."""
    amount = _money(note.total, invoice)
    if note.origin == CreditNote.Origin.LEDGER:
        return Told(note.issued_at, f"{amount} credited: {note.words}", note.number)
    if note.voided_at is not None:
        return Told(note.voided_at, f"Credit note {note.number} of {amount} taken back", note.void_reason, "x")
    return Told(note.issued_at, f"Credit note {note.number} of {amount}", note.words)


def _money_told(invoice: Invoice) -> list[Told]:
    told = []
    for row in Allocation.objects.filter(invoice=invoice, payment__isnull=False).select_related(
        "payment", "replaced_by"
    ):
        assert row.payment is not None
        arrived = row.payment.state not in (Payment.State.PROCESSING, Payment.State.FAILED)
        state = "paid" if arrived else "on its way"
        how = _method_words(row.payment)
        if row.rest_of_id is None:
            told.append(Told(row.made_at, f"{_money(row.amount, invoice)} {state}, {how}", row.payment.reference))
        if row.replaced_by is not None:
            words = f"It was taken back; {row.replaced_by.number} asks for it again"
            told.append(Told(row.replaced_by.issued_at or row.made_at, words, row.payment.failure, "x"))
        if row.reversed_at:
            kept = sum((rest.amount for rest in row.rests.all()), ZERO)
            words = f"{_money(row.amount - kept, invoice)} taken off again"
            told.append(Told(row.reversed_at, words, row.reversal_reason, "x"))
    return told


def _tries_told(invoice: Invoice) -> list[Told]:
    told = []
    shares = AttemptShare.objects.filter(invoice=invoice).select_related("attempt__method").order_by("-pk")[:50]
    for share in shares:
        attempt = share.attempt
        at = attempt.closed_at or attempt.made_at
        if attempt.state == Attempt.State.SKIPPED:
            told.append(Told(attempt.called_at or at, f"Skipped: {attempt.failure}", "not charged", "w"))
        elif attempt.state == Attempt.State.FAILED:
            told.append(Told(at, f"Charge refused: {attempt.failure}", str(attempt.method or ""), "x"))
        elif attempt.closed_at is None and attempt.state != Attempt.State.PROCESSING:
            words = "The client opened the pay page" if attempt.on_session else "Charge sent, no answer yet"
            told.append(Told(attempt.made_at, words, attempt.failure, "w"))
    return told


def _mails_told(invoice: Invoice) -> list[Told]:
    rows = Mail.objects.filter(practice_id=invoice.practice_id, kind__startswith="billing.", facts__invoice=invoice.pk)
    words = {
        "invoice": "Invoice sent", "reminder": "Reminder sent", "not_paid": "Told that it did not go through",
        "step": "Asked to confirm with the bank", "returned": "Told that the money was returned",
    }  # fmt: skip
    told = []
    for mail in rows.order_by("-pk")[:50]:
        what = words.get(mail.kind.partition(".")[2], "Mail sent")
        if mail.sent_at:
            told.append(Told(mail.sent_at, what, f"to {mail.to_email}"))
        else:
            told.append(
                Told(mail.created_at, f"{what.removesuffix(' sent')}: a mail is on its way", mail.to_email, "w")
            )
    paid = invoice.allocations.filter(payment__isnull=False).values_list("payment_id", flat=True)
    receipts = Mail.objects.filter(
        practice_id=invoice.practice_id, kind="billing.receipt", facts__payment__in=list(paid)
    )
    for mail in receipts.exclude(sent_at=None):
        what = "Receipt sent, with the invoice" if invoice.pk in mail.facts.get("invoices", []) else "Receipt sent"
        told.append(Told(mail.sent_at or mail.created_at, what, f"to {mail.to_email}"))
    return told


def _method_words(payment: Payment) -> str:
    if payment.source == Payment.Source.STRIPE:
        return payment.how
    return "as the ledger says" if payment.source == Payment.Source.LEDGER else "recorded by hand"


def _money(amount: Decimal, invoice: Invoice) -> str:
    return money.in_words(amount, invoice.currency, invoice.entity.locale)
