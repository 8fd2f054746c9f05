"""What each link should look like in the ledger now: our side's canonical documents, built from business rows.

A document is a nested dict of text. ``action`` says what the ledger must do to get there; None means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from billing.models import Allocation, CreditNote, FeeDay, Invoice, Payment, Payout
from billing.standing import unallocated
from ledger_sync import mapping
from ledger_sync.kinds import EXCESS, SHAPES
from ledger_sync.known import Known, Line
from ledger_sync.mapping import Purpose
from ledger_sync.models import Connection, Link, RefItem
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc
from practice.core import money
from practice.core.money import ZERO
from practice.firm.models import Client, Service


@dataclass(frozen=True)
class Intent:
    """What is to be done for a link, the document it leads to, and the day it would be booked on ("" for none).

    ``fields`` names what an update changes, where the rest must stay as the bookkeeper left it; () is the whole.
    """

    action: str
    doc: Doc
    booked_on: str = ""
    fields: tuple[str, ...] = ()


def intent_of(link: Link, known: Known | None = None) -> Intent | None:
    """What the ledger must be told for a link now; None when nothing is.

    ``known`` is what a batch of links shares. Raises MappingMissing or TargetArchived when something has no usable
    place there.
    """
    return _BUILDERS[Kind(link.kind)](link, known or Known(link.connection))


def describe(link: Link) -> str:
    """A link's record in a few words, for people: "CS-00012 to Larkspur Bakery"."""
    subject = link.subject
    if isinstance(subject, Invoice | CreditNote):
        return f"{subject.number} to {subject.client.name}"
    if isinstance(subject, Allocation):
        return f"Payment on {subject.invoice.number}"
    if isinstance(subject, Client):
        return subject.name
    return str(subject)


def value_of(link: Link) -> Decimal:
    """The money that waits with a link, in its own currency."""
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


def _invoice(link: Link, known: Known) -> Intent | None:
    invoice = link.invoice
    assert invoice is not None
    if invoice.status == Invoice.Status.VOID:
        void: Doc = {"number": invoice.number, "status": "void"}
        void_there = (link.base_theirs or {}).get("status") in ("void", "deleted")
        return Intent("void", void, str(invoice.issued_on)) if link.exists_there and not void_there else None
    doc = invoice_doc(invoice, known)
    if not link.exists_there:
        return Intent("create", doc, str(invoice.issued_on))
    return None if doc == link.base_ours else Intent("update", doc, str(invoice.issued_on))


def invoice_doc(invoice: Invoice, known: Known) -> Doc:
    """An invoice as the client was given it, with the coding the mapping gives its lines."""
    return {
        "number": invoice.number,
        "contact": known.remote_of(Kind.CLIENT, invoice.client_id),
        "date": str(invoice.issued_on),
        "due_on": str(invoice.due_on),
        "reference": invoice.reference,
        "currency": invoice.currency,
        "basis": invoice.price_basis,
        "status": "issued",
        "email": known.email_of(invoice.client_id),
        "lines": [_line(known, line) for line in known.lines_of(invoice)],
        "net": str(invoice.net),
        "tax": str(invoice.tax),
        "total": str(invoice.total),
    }


def _line(known: Known, line: Line) -> Doc:
    connection = known.connection
    account = known.places.income_account(line.service_id)
    rate = known.places.target(Purpose.TAX, line.treatment)
    item = known.remote_of(Kind.ITEM, line.service_id) if line.service_id else ""
    if not item and SHAPES[connection.provider].needs_items:
        item = _item_that_posts_to(connection, account, line.description)
    return {
        "key": str(line.position),
        "description": line.description,
        "quantity": money.plain(line.quantity),
        "unit_price": money.plain(line.unit_price),
        "account": account.code or account.remote_id,
        "tax": rate.code or rate.remote_id,
        "item": item,
        "amount": str(line.amount),
        "tax_amount": str(line.tax),
    }


def _item_that_posts_to(connection: Connection, account: RefItem, what: str) -> str:
    """The ledger's product or service for a line that has no service of ours. Raises MappingMissing."""
    ours = Link.objects.filter(connection=connection, kind=Kind.ITEM, remote_id__isnull=False, gone_at__isnull=True)
    found = ours.filter(base_theirs__account=account.remote_id).values_list("remote_id", flat=True).first()
    if found is None:
        theirs = RefItem.objects.filter(connection=connection, kind=RefItem.Kind.ITEM, active=True)
        sold = theirs.filter(data__Type="Service", data__IncomeAccount=account.remote_id)
        found = sold.order_by("id").values_list("remote_id", flat=True).first()
    if found is None:
        raise mapping.MappingMissing(f"“{what}” (no product or service there posts to {account.label})")
    return found


def _credit(link: Link, known: Known) -> Intent | None:
    credit = link.credit
    assert credit is not None
    if link.exists_there:
        return None
    doc: Doc = {
        "number": credit.number,
        "contact": known.remote_of(Kind.CLIENT, credit.client_id),
        "date": str(credit.issued_on),
        "reference": credit.invoice.number,
        "currency": credit.currency,
        "basis": credit.price_basis,
        "status": "issued",
        "lines": [_line(known, line) for line in known.lines_of(credit)],
        "net": str(credit.net),
        "tax": str(credit.tax),
        "total": str(credit.total),
    }
    return Intent("create", doc, str(credit.issued_on))


def _allocation(link: Link, known: Known) -> Intent | None:
    allocation = link.allocation
    assert allocation is not None
    undone = allocation.reversed_at is not None
    if undone:
        return Intent("delete", {"reference": _reference(allocation)}) if link.exists_there else None
    if link.exists_there:
        return None
    invoice = known.remote_of(Kind.INVOICE, allocation.invoice_id)
    if allocation.credit is not None:
        credit = known.remote_of(Kind.CREDIT, allocation.credit.pk)
        contact = known.remote_of(Kind.CLIENT, allocation.credit.client_id)
        day = str(allocation.credit.issued_on)
        facts = {"credit": credit, "contact": contact, "reference": allocation.credit.number}
        return Intent("create", {"invoice": invoice, "amount": str(allocation.amount), "date": day, **facts}, day)
    payment = allocation.payment
    assert payment is not None
    day = str(payment.paid_on)
    doc: Doc = {
        "invoice": invoice,
        "account": _money_account(known, payment),
        "amount": str(allocation.amount),
        "date": day,
        "reference": _reference(allocation),
        "currency": payment.currency,
    }
    return Intent("create", doc, day)


def _payment(link: Link, known: Known) -> Intent | None:
    payment = link.payment
    assert payment is not None
    day = str(payment.paid_on)
    came_back = payment.state in (Payment.State.FAILED, Payment.State.RETURNED)
    if came_back:
        return Intent("void", {"reference": payment.reference}, day) if link.exists_there else None
    contact = known.remote_of(Kind.CLIENT, payment.client_id)
    doc: Doc = {
        "contact": contact,
        "account": _money_account(known, payment),
        "date": day,
        "reference": payment.reference,
        "currency": payment.currency,
    }
    if link.role == EXCESS:
        if link.exists_there:
            return None
        return Intent("create", {**doc, "amount": str(unallocated(payment))}, day)
    lines = [
        {"invoice": known.remote_of(Kind.INVOICE, a.invoice_id), "amount": str(a.amount)}
        for a in payment.allocations.filter(reversed_at__isnull=True).order_by("id")
    ]
    doc = {**doc, "amount": str(payment.amount), "lines": lines}
    if link.exists_there:
        return None if doc == link.base_ours else Intent("update", doc, day)
    return Intent("create", doc, day)


def _fee(link: Link, known: Known) -> Intent | None:
    day: FeeDay | None = link.fee_day
    assert day is not None
    if link.exists_there:
        return None
    places = known.places
    rate, fees = places.target(Purpose.FEE_TAX), places.target(Purpose.FEES)
    lines = [
        {
            "key": row.movement_ref,
            "description": f"Stripe fee on {row.source_ref}",
            "amount": str(row.fee),
            "account": fees.code or fees.remote_id,
            "tax": rate.code or rate.remote_id,
        }
        for row in day.movements.exclude(fee=ZERO).order_by("made_at", "id")
    ]
    clearing = places.target(Purpose.CLEARING)
    reference = f"Stripe fees {day.on:%d %b %Y}"
    doc: Doc = {
        "account": clearing.remote_id,
        "payee": "Stripe",
        "date": str(day.on),
        "reference": reference,
        "currency": day.currency,
        "lines": lines,
        "total": str(day.amount),
    }
    return Intent("create", doc, str(day.on))


def _payout(link: Link, known: Known) -> Intent | None:
    payout: Payout | None = link.payout
    assert payout is not None
    if link.exists_there:
        return None
    places = known.places
    clearing, bank = places.target(Purpose.CLEARING).remote_id, places.target(Purpose.BANK).remote_id
    source, destination = (clearing, bank) if payout.amount >= 0 else (bank, clearing)
    doc: Doc = {
        "from": source,
        "to": destination,
        "amount": str(abs(payout.amount)),
        "date": str(payout.arrives_on),
        "reference": payout.reference,
        "currency": payout.currency,
    }
    return Intent("create", doc, str(payout.arrives_on))


def _nothing(link: Link, known: Known) -> Intent | None:
    return None


def _money_account(known: Known, payment: Payment) -> str:
    """Stripe's money goes to the clearing account; money typed in here to the bank."""
    purpose = Purpose.CLEARING if payment.source == Payment.Source.STRIPE else Purpose.BANK
    return known.places.target(purpose).remote_id


def _reference(allocation: Allocation) -> str:
    """How an allocation is found again in the ledger: the payment's reference and the allocation's own number."""
    assert allocation.payment is not None
    return f"{allocation.payment.reference} A{allocation.pk}"


_BUILDERS = {
    Kind.CLIENT: _client,
    Kind.ITEM: _item,
    Kind.INVOICE: _invoice,
    Kind.CREDIT: _credit,
    Kind.ALLOCATION: _allocation,
    Kind.PAYMENT: _payment,
    Kind.REFUND: _nothing,
    Kind.DISPUTE: _nothing,
    Kind.FEE: _fee,
    Kind.PAYOUT: _payout,
}
