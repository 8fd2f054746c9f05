"""Links owed when a lower package records an event. Rows of this package only: no network, no decision."""

from __future__ import annotations

from typing import Any

from billing.models import Allocation, CreditNote, FeeDay, Invoice, Payment, Payout
from billing.standing import unallocated
from ledger_sync import linking
from ledger_sync.kinds import CREDIT, EXCESS, MAIN, SHAPES
from ledger_sync.linking import How
from ledger_sync.models import Connection, Link, Mapping
from ledger_sync.models.links import Kind
from practice.core import audit
from practice.core.events import recorder
from practice.core.money import ZERO
from practice.core.owed import Urgency
from practice.firm.models import Client


def _urgency() -> int:
    """A person or client who acts in the browser waits; runs and imports do not."""
    return {
        "web": Urgency.PERSON,
        "client link": Urgency.PERSON,
        "stripe": Urgency.PERSON,
        "schedule": Urgency.BULK,
    }.get(audit.current().system, Urgency.NORMAL)


def _from(connection: Connection) -> bool:
    """Whether the change came from this very ledger: it is not owed back."""
    return audit.current().system == connection.provider


@recorder("firm.client.changed")
def client_changed(client: Client, **_: Any) -> None:
    """A client that a ledger knows is owed its new details."""
    for connection in Connection.objects.filter(practice_id=client.practice_id):
        link = linking.find_link(connection, Kind.CLIENT, client.pk)
        if link is not None and not _from(connection):
            linking.owe(link, urgency=_urgency())


@recorder("billing.invoice.issued")
def invoice_issued(invoice: Invoice, **_: Any) -> None:
    """An invoice is owed, after its client and, where the ledger wants items, its services."""
    connection = linking.connection_for(invoice.entity_id)
    if connection is None:
        return
    needs: list[tuple[Link, str]] = [(linking.owe_client(connection, invoice.client, _urgency()), How.EXISTS)]
    if SHAPES[connection.provider].needs_items:
        needs += [(item, How.EXISTS) for item in _items(connection, invoice)]
    linking.owe(linking.link_for(connection, Kind.INVOICE, invoice), urgency=_urgency(), needs=tuple(needs))


@recorder("billing.invoice.voided")
def invoice_voided(invoice: Invoice, **_: Any) -> None:
    """A void is owed where the ledger has the invoice, or may be getting it now."""
    connection = linking.connection_for(invoice.entity_id)
    link = linking.find_link(connection, Kind.INVOICE, invoice.pk) if connection else None
    if connection and link and not _from(connection):
        # No ledger voids an invoice that has money on it.
        undone = [(other, How.CLEAR) for other in linking.being_undone(connection, invoice.pk)]
        linking.owe(link, urgency=_urgency(), needs=tuple(undone))


@recorder("billing.allocation.made")
def allocation_made(allocation: Allocation, **_: Any) -> None:
    """Money or credit put on an invoice is owed, in the shape this ledger books it."""
    connection = linking.connection_for(allocation.invoice.entity_id)
    if connection is None or _from(connection):
        return
    if allocation.credit is not None and allocation.credit.origin != CreditNote.Origin.HERE:
        return
    invoice = linking.link_for(connection, Kind.INVOICE, allocation.invoice)
    if allocation.credit is not None:
        credit = linking.link_for(connection, Kind.CREDIT, allocation.credit)
        needs = ((invoice, How.CLEAR), (credit, How.EXISTS))
        linking.owe(linking.link_for(connection, Kind.ALLOCATION, allocation, CREDIT), urgency=_urgency(), needs=needs)
    elif linking.wants_allocations(connection):
        # What was taken off before still fills the invoice there: there would be no room for this.
        before = [(other, How.CLEAR) for other in linking.being_undone(connection, allocation.invoice_id)]
        link = linking.link_for(connection, Kind.ALLOCATION, allocation)
        linking.owe(link, urgency=_urgency(), needs=((invoice, How.CLEAR), *before))
    elif allocation.payment is not None:
        _owe_payment(connection, allocation.payment, ((invoice, How.CLEAR),))


@recorder("billing.allocation.reversed")
def allocation_reversed(allocation: Allocation, **_: Any) -> None:
    """What the ledger has of a reversed allocation is owed its removal."""
    connection = linking.connection_for(allocation.invoice.entity_id)
    if connection is None or _from(connection):
        return
    role = CREDIT if allocation.credit_id else MAIN
    link = linking.find_link(connection, Kind.ALLOCATION, allocation.pk, role)
    if link is not None:
        # Undoing waits for nothing: an invoice that was voided before it was ever sent would be waited for in vain.
        link.needs.all().delete()
        linking.owe(link, urgency=_urgency())
    elif allocation.payment is not None:
        payment = linking.find_link(connection, Kind.PAYMENT, allocation.payment.pk)
        if payment is not None:
            linking.owe(payment, urgency=_urgency())


@recorder("billing.payment.succeeded")
def payment_succeeded(payment: Payment, **_: Any) -> None:
    """Money beyond its invoices is owed as the client's credit."""
    connection = linking.connection_for(payment.entity_id)
    if connection is None or _from(connection) or unallocated(payment) <= ZERO:
        return
    if linking.wants_allocations(connection):
        client = linking.owe_client(connection, payment.client, _urgency())
        link = linking.link_for(connection, Kind.PAYMENT, payment, EXCESS)
        linking.owe(link, urgency=_urgency(), needs=((client, How.EXISTS),))
    else:
        _owe_payment(connection, payment, ())


@recorder("billing.credit.issued")
def credit_issued(credit: CreditNote, **_: Any) -> None:
    """A credit note made here is owed after its invoice."""
    connection = linking.connection_for(credit.entity_id)
    if connection is None or _from(connection) or credit.origin != CreditNote.Origin.HERE:
        return
    invoice = linking.link_for(connection, Kind.INVOICE, credit.invoice)
    link = linking.link_for(connection, Kind.CREDIT, credit)
    linking.owe(link, urgency=_urgency(), needs=((invoice, How.EXISTS),))


@recorder("billing.fees.booked")
def fees_booked(day: FeeDay, **_: Any) -> None:
    """A day's Stripe fees are owed as one entry."""
    connection = linking.connection_for(day.entity_id)
    if connection is not None:
        linking.owe(linking.link_for(connection, Kind.FEE, day), urgency=Urgency.NORMAL)


@recorder("billing.payout.arrived")
def payout_arrived(payout: Payout, **_: Any) -> None:
    """A payout that reached the bank is owed as a transfer."""
    connection = linking.connection_for(payout.entity_id)
    if connection is not None:
        linking.owe(linking.link_for(connection, Kind.PAYOUT, payout), urgency=Urgency.NORMAL)


@recorder("ledger_sync.mapping.chosen")
def mapping_chosen(mapping: Mapping, **_: Any) -> None:
    """Where the ledger books income by item, items are owed their new account, before the invoices that wait for it."""
    if mapping.purpose not in (Mapping.Purpose.SALES, Mapping.Purpose.SERVICE):
        return
    items = Link.objects.filter(connection=mapping.connection, kind=Kind.ITEM, gone_at__isnull=True)
    for link in items.exclude(remote_id=None):
        linking.owe(link, urgency=Urgency.PERSON)


def _owe_payment(connection: Connection, payment: Payment, needs: tuple[tuple[Link, str], ...]) -> None:
    client = linking.owe_client(connection, payment.client, _urgency())
    link = linking.link_for(connection, Kind.PAYMENT, payment)
    linking.owe(link, urgency=_urgency(), needs=((client, How.EXISTS), *needs))


def _items(connection: Connection, invoice: Invoice) -> list[Link]:
    links = []
    for line in invoice.lines.select_related("service"):
        if line.service is not None:
            link = linking.link_for(connection, Kind.ITEM, line.service)
            if not link.exists_there and not link.owes:
                linking.owe(link, urgency=_urgency())
            links.append(link)
    return list({link.pk: link for link in links}.values())
