"""Invoices: the list, one invoice with everything that happened to it, and what can be done about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from billing import credits as crediting
from billing import invoice_pdf, invoicing, mails, payments, queries, refunding, story
from billing.credits import CreditRefused
from billing.forms import CreditForm, HandPaymentForm, ReasonForm
from billing.invoicing import InvoiceCannotMove
from billing.models import CreditNote, Invoice, Payment
from billing.payments import PaymentRefused, Receipt
from billing.refunding import RefundRefused
from billing.standing import ChangedMeanwhile, Standing, parts_of, standing_of, with_standing
from billing.views.confirming import Step, confirm
from practice.core import clock, pages
from practice.core.money import ZERO, in_words
from practice.core.paging import paginate
from practice.firm import access
from practice.firm.access import MemberRequest


@require_GET
@access.needs("billing.read")
def invoice_list(request: MemberRequest) -> HttpResponse:
    """The invoices, newest first: ``?q=`` number, client or amount, ``?state=`` open, overdue, held, paid or void."""
    words, state = request.GET.get("q", "").strip(), request.GET.get("state", "")
    today = clock.today(request.member.zone)
    found = queries.invoice_rows(request.member.practice, words=words, state=state, today=today)
    paged = paginate(found, request.GET.get("page"))
    context = {
        "section": "billing", "tab": "invoices", "paged": paged, "rows": queries.standings(paged.rows, today),
        "q": words, "state": state, "states": queries.STATES,
    }  # fmt: skip
    return pages.page(request, "billing/invoices.html", "results", context)


@require_GET
@access.needs("billing.read")
def invoice_page(request: MemberRequest, pk: int) -> HttpResponse:
    """One invoice: where its money is, its lines, what happened, and what the ledger says."""
    rows = with_standing(Invoice.objects.select_related("client", "entity", "engagement", "run"))
    invoice = access.find(rows, request.member.practice, pk=pk)
    standing = standing_of(invoice, clock.today(invoice.entity.time_zone))
    lines = list(invoice.lines.select_related("charge__line__rule", "service").order_by("position"))
    paid_by = [row for row in invoice.live_allocations if row.payment_id]  # type: ignore[attr-defined]
    context: dict[str, Any] = {
        "section": "billing",
        "invoice": invoice,
        "standing": standing,
        "lines": lines,
        "charge": next((row.charge for row in lines if row.charge is not None), None),
        "paid_by": paid_by,
        "credits": [(note, crediting.may_void(note)) for note in invoice.credits.order_by("pk")],
        "parts": parts_of(invoice.instalments.order_by("position"), standing),
        "told": story.story_of(invoice),
        "can": _can(invoice, standing),
        "chain": _chain(standing),
    }
    return pages.page(request, "billing/invoice.html", "main", context)


@require_GET
@access.needs("billing.read")
def pdf(request: MemberRequest, pk: int) -> HttpResponse:
    """The document the client was given."""
    rows = Invoice.objects.select_related("client", "entity__practice").exclude(status=Invoice.Status.DRAFT)
    return pdf_of(access.find(rows, request.member.practice, pk=pk))


def pdf_of(invoice: Invoice) -> HttpResponse:
    """An invoice as a file to read in the browser."""
    name = invoice_pdf.filename(invoice)
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(invoice_pdf.render(invoice), content_type="application/pdf", headers=headers)


@require_POST
@access.needs("billing.collect")
def send_again(request: MemberRequest, pk: int) -> HttpResponse:
    """Send the invoice once more, with a fresh link."""
    invoice = _of(request, pk)
    with transaction.atomic():
        mail = mails.send_invoice(invoice)
    if mail is None:
        messages.error(request, f"{invoice.client.name} has no email for invoices. Add one, then send it")
    else:
        messages.success(request, f"{invoice.number} is on its way to {mail.to_email}")
    return _back(request, pk)


@require_http_methods(["GET", "POST"])
@access.needs("billing.correct")
def credit(request: MemberRequest, pk: int) -> HttpResponse:
    """Take something off an issued invoice with a credit note."""
    invoice = _of(request, pk)
    due = _standing(invoice).due
    first = {"amount": due, "reason": "price_cut", "seen": due}
    form = CreditForm(request.POST or None, initial=first, most=due, words_of_most=_money(invoice, due))
    if request.method == "POST" and form.is_valid():
        try:
            note = refunding.credit_amount(invoice_id=pk, **form.cleaned_data)
        except ChangedMeanwhile as refusal:
            messages.error(request, str(refusal))
            return _back(request, pk)
        except (CreditRefused, RefundRefused) as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"{note.number} takes {_money(invoice, note.total)} off {invoice.number}")
            return _back(request, pk)
    sentences = [
        f"{_money(invoice, due)} is open on this invoice. Money that was paid already is given back on its payment.",
        "A credit note with its own number is made. The ledger gets it, coded like the invoice. No mail goes out.",
    ]
    return confirm(request, form, _step(invoice, "Make a credit note", sentences, "Make the credit note"))


@require_http_methods(["GET", "POST"])
@access.needs("billing.correct")
def void(request: MemberRequest, pk: int) -> HttpResponse:
    """Void an invoice nobody has paid."""
    invoice = _of(request, pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            invoicing.void_invoice(invoice_id=pk, reason=form.cleaned_data["reason"])
        except InvoiceCannotMove as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"{invoice.number} is void. Its number stays used")
            return _back(request, pk)
    sentences = [
        f"{_money(invoice, invoice.total)} is no longer owed. The number stays used, and the ledger voids it too.",
        "The client is not mailed; their link says that nothing is to pay.",
        "If the client has this invoice already, a credit note is the cleaner way.",
    ]
    return confirm(request, form, _step(invoice, "Void the invoice", sentences, f"Void {invoice.number}"))


@require_http_methods(["GET", "POST"])
@access.needs("billing.collect")
def record_payment(request: MemberRequest, pk: int) -> HttpResponse:
    """Record money that came another way, where the ledger does not tell us."""
    invoice = _of(request, pk)
    today, due = clock.today(invoice.entity.time_zone), _standing(invoice).due
    form = HandPaymentForm(request.POST or None, initial={"amount": due, "paid_on": today, "seen": due}, today=today)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        receipt = Receipt(
            source=Payment.Source.HAND,
            method=facts["method"],
            amount=facts["amount"],
            currency=invoice.currency,
            reference=facts["reference"] or invoice.number,
            state=Payment.State.SUCCEEDED,
            initiated_at=clock.now(),
            paid_on=facts["paid_on"],
        )
        try:
            payments.record_by_hand(invoice_id=pk, receipt=receipt, seen=facts["seen"])
        except ChangedMeanwhile as refusal:
            messages.error(request, str(refusal))
            return _back(request, pk)
        except PaymentRefused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"{_money(invoice, receipt.amount)} is recorded on {invoice.number}")
            return _back(request, pk)
    sentences = [
        f"{_money(invoice, due)} is open. What is more than that stays as {invoice.client.name}'s credit.",
        "The ledger gets the payment in its bank account. If the bookkeeper records it there, do not record it here.",
    ]
    return confirm(request, form, _step(invoice, "Record a payment", sentences, "Record the payment"))


@require_POST
@access.needs("billing.correct")
def release(request: MemberRequest, pk: int) -> HttpResponse:
    """Let an invoice be collected again that money was given back on in Stripe."""
    invoice = _of(request, pk)
    for code in refunding.HOLD_CODES:
        invoicing.release_invoice(invoice_id=invoice.pk, code=code)
    messages.success(request, f"{invoice.number} is collected again")
    return _back(request, pk)


@require_http_methods(["GET", "POST"])
@access.needs("billing.correct")
def void_credit(request: MemberRequest, pk: int) -> HttpResponse:
    """Take back a credit note: its invoice is owed again."""
    note = access.find(CreditNote.objects.select_related("invoice__client"), request.member.practice, pk=pk)
    invoice = note.invoice
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            crediting.void_credit(credit_id=pk, reason=form.cleaned_data["reason"], now=clock.now())
        except CreditRefused as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"{note.number} is void; {_money(invoice, note.total)} is owed again")
            return _back(request, invoice.pk)
    sentences = [
        f"{_money(invoice, note.total)} of {invoice.number} is owed again. The number {note.number} stays used.",
        "The ledger takes the credit off the invoice and voids it.",
    ]
    return confirm(request, form, _step(invoice, f"Take back {note.number}", sentences, "Take it back"))


def _of(request: MemberRequest, pk: int) -> Invoice:
    rows = Invoice.objects.select_related("client", "entity__practice").exclude(status=Invoice.Status.DRAFT)
    return access.find(rows, request.member.practice, pk=pk)


def _standing(invoice: Invoice) -> Standing:
    return standing_of(invoice, clock.today(invoice.entity.time_zone))


def _money(invoice: Invoice, amount: Any) -> str:
    return in_words(amount, invoice.currency, invoice.entity.locale)


def _chain(standing: Standing) -> dict[str, str]:
    """How the last link of the chain is drawn: whole, on its way, not due yet, or broken with the reason beside it."""
    if standing.state in ("held", "overdue"):
        order = "urgent" if standing.state == "held" else ""
        return {"before": "brk", "mark": "er", "tone": "x", "order": order}
    if standing.state == "void":
        return {"before": "brk", "mark": "off", "tone": ""}
    if standing.processing:
        return {"before": "gap", "mark": "wt", "tone": "w"}
    return {"before": "due", "mark": "off", "tone": ""} if standing.due else {}


def _can(invoice: Invoice, standing: Standing) -> dict[str, bool]:
    """What may be done to an invoice as it stands."""
    is_issued = invoice.status == Invoice.Status.ISSUED
    return {
        "send": is_issued,
        "credit": is_issued and standing.due > ZERO,
        "void": is_issued and not (standing.paid or standing.credited or standing.processing or standing.replaced),
        "pay": is_issued and standing.due > ZERO,
        "pause": is_issued and standing.due > ZERO,
        "release": invoice.hold_code in refunding.HOLD_CODES,
    }


def _step(invoice: Invoice, title: str, sentences: list[str], verb: str) -> Step:
    back = reverse("invoice", kwargs={"practice": invoice.practice.slug, "pk": invoice.pk})
    about = f"{invoice.number}, {invoice.client.name}"
    return Step(title, about, sentences, verb, "Leave it as it is", back, invoice.number)


def _back(request: MemberRequest, pk: int) -> HttpResponse:
    return pages.go(request, "invoice", practice=request.member.practice.slug, pk=pk)
