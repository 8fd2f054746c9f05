"""What billing writes down when something happened: invoices to send, and links in its own mail."""

from __future__ import annotations

from datetime import date
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
    if "invoice" in mail.facts:
        _invoice(Invoice.objects.select_related("entity", "client").get(pk=mail.facts["invoice"]), context)
    if what == "new_method":
        entity, client = Entity.objects.get(pk=mail.facts["entity"]), Client.objects.get(pk=mail.facts["client"])
        token = methods.mint_link(entity_id=entity.pk, client_id=client.pk, now=clock.now())
        context |= {"entity": entity, "client": client, "link": f"{settings.SITE_URL}/card/{token}/"}
        context["verb"] = "Give a card or account"
    if what == "invoice":
        invoice = context["invoice"]
        context["attachments"] = [(invoice_pdf.filename(invoice), invoice_pdf.render(invoice), "application/pdf")]


def _invoice(invoice: Invoice, context: dict[str, Any]) -> None:
    today = clock.today(invoice.entity.time_zone)
    standing = standing_of(invoice, today)
    next_try = context.get("next_try")
    context |= {
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
