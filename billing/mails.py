"""What clients are told about money: each mail owed in the commit of what it tells."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from billing.models import Invoice, Payment, StripeAccount
from practice.core import audit, clock
from practice.core.owed import Urgency
from practice.firm.mail import hold_back, owe_mail, take_over
from practice.firm.models import Client, Entity, Mail

#: How long an invoice waits for the client to pay it in the visit in which they signed.
VISIT = timedelta(minutes=15)


def recipient(client: Client) -> tuple[str, str] | None:
    """Who gets a client's bills: the person marked for it, else the client's own address. None when nobody does."""
    person = client.people.filter(receives_bills=True).order_by("pk").first()
    if person is not None:
        return person.email, person.name
    return (client.billing_email, client.name) if client.billing_email else None


def send_invoice(invoice: Invoice) -> Mail | None:
    """The invoice itself, with its PDF and a way to pay it.

    One that a signature has just issued waits while the client is at the pay page: paid there, it comes with the
    receipt, and one mail says it all.
    """
    mail = _owe("invoice", invoice.client, {"invoice": invoice.pk})
    is_visit = audit.current().system == "client link"
    if mail is not None and is_visit and StripeAccount.objects.filter(entity=invoice.entity_id).exists():
        hold_back(mail, until=clock.now() + VISIT)
    return mail


def send_receipt(payment: Payment) -> Mail | None:
    """Money has arrived; invoices of it that still wait to be mailed come with the receipt."""
    paid = list(payment.allocations.filter(reversed_at__isnull=True).values_list("invoice_id", flat=True))
    waiting = Mail.objects.filter(practice=payment.practice_id, kind="billing.invoice", facts__invoice__in=paid)
    invoices = [mail.facts["invoice"] for mail in take_over(waiting)]
    return _owe("receipt", payment.client, {"payment": payment.pk, "invoices": invoices})


def ask_to_pay(invoice: Invoice, *, why: str, next_try: date | None = None) -> Mail | None:
    """A charge did not go through: a link to pay, and what happens next by itself. ``why`` is in plain words."""
    facts = {"invoice": invoice.pk, "words": why, "next_try": next_try.isoformat() if next_try else ""}
    return _owe("not_paid", invoice.client, facts)


def ask_for_step(invoice: Invoice) -> Mail | None:
    """The bank wants the client to prove who they are: a link where they can."""
    return _owe("step", invoice.client, {"invoice": invoice.pk})


def tell_returned(payment: Payment, *, why: str) -> Mail | None:
    """Money that had arrived went back: what is owed again."""
    first = payment.allocations.order_by("pk").first()
    facts = {"payment": payment.pk, "words": why, **({"invoice": first.invoice_id} if first else {})}
    return _owe("returned", payment.client, facts)


def remind(invoice: Invoice) -> Mail | None:
    """An invoice is late and nothing collects it by itself."""
    return _owe("reminder", invoice.client, {"invoice": invoice.pk})


def ask_for_method(client: Client, entity: Entity) -> Mail | None:
    """A link to give a new card or account."""
    return _owe("new_method", client, {"entity": entity.pk, "client": client.pk})


def _owe(what: str, client: Client, facts: dict[str, Any]) -> Mail | None:
    to = recipient(client)
    if to is None:
        return None
    urgency = Urgency.BULK if audit.current().system == "schedule" else Urgency.NORMAL
    return owe_mail(
        practice=client.practice, kind=f"billing.{what}", to_email=to[0], to_name=to[1], facts=facts, urgency=urgency
    )
