"""What hangs on an invoice in a ledger beside the entry itself: our PDF of it, and notes in its history.

A note can never be taken back, so each carries a mark of ours by which it is found before it is sent again.
"""

from __future__ import annotations

import base64
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from billing import invoice_pdf
from billing.models import Allocation, Invoice, Payment
from ledger_sync.kinds import ACCEPTED, NOT_ARRIVED, UNDER_WAY
from ledger_sync.models import Link
from ledger_sync.models.links import Kind
from ledger_sync.rendering.intents import Intent
from ledger_sync.rendering.known import Known
from practice.core import dates, money

#: The part of a document that only its call carries: a file is not kept with every link.
CONTENT = "content"
#: Working days until a debit has arrived or not (docs.stripe.com/payments/au-becs-debit, and ach-direct-debit).
DEBIT_DAYS = 4
#: What the name of a file may not contain (Xero docs, Attachments).
_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"/\\|?*+\0', "-"))


def attachment(link: Link, known: Known) -> Intent | None:
    """The PDF the client was given, under its own name. It never changes, so it is attached once."""
    invoice = link.invoice
    assert invoice is not None
    if link.exists_there or invoice.status != Invoice.Status.ISSUED:
        return None
    content, name = invoice_pdf.render(invoice), invoice_pdf.filename(invoice).translate(_FORBIDDEN)
    doc = {
        "invoice": known.remote_of(Kind.INVOICE, invoice.pk),
        "name": name,
        "number": name,
        "size": str(len(content)),
        CONTENT: base64.b64encode(content).decode(),
    }
    return Intent("create", doc)


def note(link: Link, known: Known) -> Intent | None:
    """What the bookkeeper should know of an invoice and no entry says; nothing once it is no longer true."""
    invoice = link.invoice
    assert invoice is not None
    wanted = not link.exists_there and invoice.status == Invoice.Status.ISSUED
    said = _said(link, invoice) if wanted else ""
    if not said:
        return None
    mark = f"Countersign {link.pk}"
    doc = {
        "invoice": known.remote_of(Kind.INVOICE, invoice.pk),
        "text": f"{said} ({mark})",
        "mark": mark,
        "number": mark,
    }
    return Intent("create", doc)


def _said(link: Link, invoice: Invoice) -> str:
    what, _, number = link.role.rpartition(" ")
    if link.role == ACCEPTED:
        engagement = invoice.engagement
        return f"Accepted by {engagement.signed_by}, agreement {engagement.reference}" if engagement else ""
    allocation = Allocation.objects.select_related("payment__entity").get(pk=number)
    payment = allocation.payment
    assert payment is not None, "a note of a debit is of money"
    amount = money.in_words(allocation.amount, payment.currency, payment.entity.locale)
    if what == UNDER_WAY and payment.state == Payment.State.PROCESSING:
        began = payment.initiated_at.astimezone(ZoneInfo(payment.entity.time_zone)).date()
        return f"{amount} bank debit under way, expected by {dates.in_words(_working_days_after(began, DEBIT_DAYS))}"
    if what == NOT_ARRIVED and payment.state == Payment.State.FAILED:
        return f"{amount} bank debit did not arrive: {payment.failure or 'the bank refused it'}"
    return ""


def _working_days_after(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day
