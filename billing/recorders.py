"""What billing writes down when something happened: invoices to send, and links in its own mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings

from billing import invoice_pdf, mails, methods, paylinks
from billing.collecting import due_now
from billing.models import Invoice, Payment, PaymentMethod
from billing.standing import standing_of
from practice.core import clock
from practice.core.events import recorder
from practice.core.money import ZERO
from practice.firm.models import Client, Entity, Mail


@recorder("billing.invoice.issued")
def invoice_issued(invoice: Invoice, **_: Any) -> None:
    """The client gets every invoice the moment it is issued; one of nothing is not worth a mail."""
    if invoice.total > ZERO:
        mails.send_invoice(invoice)


@recorder("firm.mail.rendering")
def fill_mail(mail: Mail, *, context: dict[str, Any]) -> None:
    """Put invoice, payment and a fresh link into a mail of ours, as they are now."""
    package, _, what = mail.kind.partition(".")
    if package != "billing":
        return
    if "payment" in mail.facts:
        context["payment"] = Payment.objects.select_related("entity", "client").get(pk=mail.facts["payment"])
        allocations = context["payment"].allocations.filter(reversed_at__isnull=True).select_related("invoice")
        context["paid_invoices"] = list(allocations.order_by("pk"))
        if what == "receipt":
            _receipt(mail, context)
    if "invoice" in mail.facts:
        _invoice(Invoice.objects.select_related("entity", "client").get(pk=mail.facts["invoice"]), context)
    if what == "new_method":
        entity, client = Entity.objects.get(pk=mail.facts["entity"]), Client.objects.get(pk=mail.facts["client"])
        token = methods.mint_link(entity_id=entity.pk, client_id=client.pk, now=clock.now())
        context |= {"entity": entity, "client": client, "link": f"{settings.SITE_URL}/card/{token}/"}
        context["verb"] = "Give a card or account"
    if what == "invoice":
        context["attachments"] = [_attachment(context["invoice"])]


def _receipt(mail: Mail, context: dict[str, Any]) -> None:
    """The invoices that come with a receipt, and what the paid ones still ask for."""
    carried = Invoice.objects.filter(pk__in=mail.facts.get("invoices", [])).select_related("entity", "client")
    context["attachments"] = [_attachment(invoice) for invoice in carried.order_by("pk")]
    context["carried"] = len(context["attachments"])
    asks = [_ask(row.invoice) for row in context["paid_invoices"]]
    context["left"] = [ask for ask in asks if ask.amount]


def _attachment(invoice: Invoice) -> tuple[str, bytes, str]:
    return invoice_pdf.filename(invoice), invoice_pdf.render(invoice), "application/pdf"


@dataclass(frozen=True)
class Ask:
    """What an invoice asks for next: a part of it or all that is open, and on which day; nothing once it is covered."""

    number: str
    amount: Decimal = ZERO
    on: date | None = None
    what: str = ""


def _ask(invoice: Invoice) -> Ask:
    """The first part of an invoice that neither money nor a payment on its way covers."""
    standing = standing_of(invoice, clock.today(invoice.entity.time_zone))
    left = max(ZERO, standing.due - standing.processing)
    if not left:
        return Ask(invoice.number)
    later = ZERO
    for part in invoice.instalments.order_by("-position"):
        later += part.amount
        if later >= left:
            return Ask(invoice.number, left - (later - part.amount), part.due_on, part.what)
    return Ask(invoice.number, left, invoice.due_on)


def _invoice(invoice: Invoice, context: dict[str, Any]) -> None:
    today = clock.today(invoice.entity.time_zone)
    standing = standing_of(invoice, today)
    next_try = context.get("next_try")
    ask = _ask(invoice)
    context |= {
        "ask": ask,
        "is_now": ask.on is not None and ask.on <= today,
        "invoice": invoice,
        "entity": invoice.entity,
        "standing": standing,
        "parts": list(invoice.instalments.order_by("position")),
        "due_today": due_now(invoice, standing, today),
        "method": _method(invoice),
        "next_try_on": date.fromisoformat(next_try) if next_try else None,
    }
    if standing.due > ZERO:
        token = paylinks.mint(invoice_id=invoice.pk, now=clock.now())
        context |= {"link": f"{settings.SITE_URL}/i/{token}/", "verb": "See the invoice and pay"}


def _method(invoice: Invoice) -> PaymentMethod | None:
    return methods.method_of(entity_id=invoice.entity_id, client_id=invoice.client_id)
