"""What each link should look like in the ledger now: our side's canonical documents, built from business rows.

A document is a nested dict of text. ``action`` says what the ledger must do to get there; None means nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from billing.models import Allocation, CreditNote, Dispute, FeeDay, Invoice, Payout, Refund
from ledger_sync.connection import mapping
from ledger_sync.models import Link
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc
from ledger_sync.rendering import money_documents, papers, sales_documents
from ledger_sync.rendering.intents import Intent
from ledger_sync.rendering.known import Known
from practice.core import dates
from practice.core.money import ZERO
from practice.firm.models import Client, Service

PAPERS = (Kind.ATTACHMENT, Kind.NOTE)
_NAMES: dict[type, Callable[[Any], str]] = {
    Client: lambda client: str(client.name),
    Invoice: lambda invoice: f"{invoice.number} to {invoice.client.name}",
    CreditNote: lambda credit: f"{credit.number} to {credit.client.name}",
    Allocation: lambda allocation: f"{'Credit' if allocation.credit_id else 'Payment'} on {allocation.invoice.number}",
    Refund: lambda refund: f"Refund to {refund.payment.client.name}",
    Dispute: lambda dispute: f"Dispute of {dispute.payment.client.name}",
    FeeDay: lambda day: f"Stripe's fees of {dates.in_words(day.on)}",
    Payout: lambda payout: f"Payout of {dates.in_words(payout.arrives_on)}",
}


def intent_of(link: Link, known: Known | None = None) -> Intent | None:
    """What the ledger must be told for a link now; None when nothing is.

    ``known`` is what a batch of links shares. Raises MappingMissing or TargetArchived when something has no usable
    place there.
    """
    return _BUILDERS[Kind(link.kind)](link, known or Known(link.connection))


def is_wanted_again(link: Link) -> bool:
    """Whether a document that was taken away is to be made anew, with what is true by now."""
    try:
        intent = intent_of(link)
    except (mapping.MappingMissing, mapping.TargetArchived):
        return True
    return intent is not None and intent.action == "create"


def describe(link: Link) -> str:
    """A link's record in a few words, for people: "CS-00012 to Larkspur Bakery"."""
    subject = link.subject
    if link.kind in PAPERS:
        return f"{'PDF of' if link.kind == Kind.ATTACHMENT else 'Note on'} {subject.number}"
    return _NAMES.get(type(subject), str)(subject)


def value_of(link: Link) -> Decimal:
    """The money that waits with a link, in its own currency; none with what only hangs on a document."""
    if link.kind in PAPERS:
        return ZERO
    subject = link.subject
    return getattr(subject, "total", None) or getattr(subject, "amount", None) or ZERO


def client_number(client: Client) -> str:
    """The number a client carries in a ledger, by which it is found again."""
    return f"CS-C{client.pk}"


def client_doc(client: Client) -> Doc:
    """A client as both sides compare it."""
    address = client.addresses.filter(kind="billing").first()
    parts = ("line1", "line2", "city", "region", "postcode", "country")
    return {
        "number": client_number(client),
        "name": client.name,
        "email": client.billing_email,
        "phone": client.phone,
        "tax_number": client.tax_number,
        "currency": client.currency,
        "address": {part: getattr(address, part) if address else "" for part in parts},
    }


def _client(link: Link, known: Known) -> Intent | None:
    client = link.client
    assert client is not None
    doc = client_doc(client)
    if not link.exists_there:
        return Intent("create", doc)
    base = link.base_ours or {}
    undecided = {
        str(snag.facts["name"]).partition(".")[0]
        for snag in link.snags.filter(code="both_changed", closed_at__isnull=True)
    }
    # Only what we changed is sent: a whole contact would put back what the bookkeeper edited since we last looked.
    changed = tuple(name for name, value in doc.items() if value != base.get(name) and name not in undecided)
    # What waits for a person keeps the base both sides last agreed on, so that our change is still seen as one.
    doc |= {name: base[name] for name in undecided if name in base}
    return Intent("update", doc, fields=changed) if changed else None


def _item(link: Link, known: Known) -> Intent | None:
    service: Service | None = link.service
    assert service is not None
    account = known.places.income_account(service.pk)
    doc: Doc = {
        "code": service.code,
        "name": service.name,
        "account": account.remote_id,
        "description": service.description,
    }
    if link.exists_there and doc == link.base_ours:
        return None
    return Intent("update" if link.exists_there else "create", doc)


_BUILDERS: dict[str, Callable[[Link, Known], Intent | None]] = {
    Kind.CLIENT: _client,
    Kind.ITEM: _item,
    Kind.INVOICE: sales_documents.invoice,
    Kind.CREDIT: sales_documents.credit,
    Kind.ALLOCATION: money_documents.allocation,
    Kind.PAYMENT: money_documents.payment,
    Kind.REFUND: money_documents.refund,
    Kind.DISPUTE: money_documents.dispute,
    Kind.FEE: money_documents.fee,
    Kind.PAYOUT: money_documents.payout,
    Kind.ATTACHMENT: papers.attachment,
    Kind.NOTE: papers.note,
}
