"""Links owed when a lower package records an event. Rows of this package only: no network, no decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from billing.models import Allocation, CreditNote, Dispute, FeeDay, Invoice, Payment, Payout, Refund
from billing.standing import unallocated
from ledger_sync import linking
from ledger_sync.kinds import (
    ACCEPTED,
    BACK,
    CREDIT,
    EXCESS,
    FILE,
    MAIN,
    NOT_ARRIVED,
    RECEIVED,
    RETURNED,
    SHAPES,
    UNAPPLIED,
    UNDER_WAY,
)
from ledger_sync.limits import lanes
from ledger_sync.linking import How
from ledger_sync.models import Connection, Link, Mapping
from ledger_sync.models.links import Kind
from ledger_sync.pull import inbound
from ledger_sync.rendering import carrying, documents
from practice.core import audit, clock
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
    link = linking.link_for(connection, Kind.INVOICE, invoice)
    linking.owe(link, urgency=_urgency(), needs=tuple(needs))
    if connection.policies.get(Connection.ATTACH):
        file = linking.link_for(connection, Kind.ATTACHMENT, invoice, FILE)
        linking.owe(file, urgency=Urgency.BULK, needs=((link, How.EXISTS),))
    if connection.policies.get(Connection.NOTE_ACCEPTANCE) and invoice.engagement_id is not None:
        _owe_note(connection, invoice, ACCEPTED)


def _owe_note(connection: Connection, invoice: Invoice, role: str) -> None:
    """A note in the invoice's history, where the ledger has one: QuickBooks does not."""
    if SHAPES[connection.provider].takes_notes:
        there = linking.link_for(connection, Kind.INVOICE, invoice)
        note = linking.link_for(connection, Kind.NOTE, invoice, role)
        linking.owe(note, urgency=Urgency.NORMAL, needs=((there, How.EXISTS),))


@recorder("billing.payment.processing", "billing.payment.failed")
def debit_under_way(payment: Payment, **_: Any) -> None:
    """For days a debit's invoice looks unpaid in the ledger: its history says what is coming, or that it did not."""
    connection = linking.connection_for(payment.entity_id)
    if connection is None or payment.method == "card":
        return
    came_to_nothing = payment.state == Payment.State.FAILED
    for row in payment.allocations.select_related("invoice").order_by("pk"):
        role = f"{UNDER_WAY} {row.pk}"
        told = linking.find_link(connection, Kind.NOTE, row.invoice_id, role)
        if not came_to_nothing:
            _owe_note(connection, row.invoice, role)
        elif told is not None and told.tries + (told.remote_id is not None):
            _owe_note(connection, row.invoice, f"{NOT_ARRIVED} {row.pk}")


@recorder("billing.invoice.voided")
def invoice_voided(invoice: Invoice, **_: Any) -> None:
    """A void is owed where the ledger has the invoice, or may be getting it now."""
    connection = linking.connection_for(invoice.entity_id)
    link = linking.find_link(connection, Kind.INVOICE, invoice.pk) if connection else None
    if connection and link and not _from(connection):
        # No ledger voids an invoice that has money on it.
        undone = [(other, How.CLEAR) for other in linking.being_undone(connection, invoice.pk)]
        linking.owe(link, urgency=_urgency(), needs=tuple(undone))
        for paper in Link.objects.filter(connection=connection, invoice=invoice, kind__in=documents.PAPERS):
            _give_up(paper)


def _give_up(link: Link) -> None:
    """What is not wanted any more waits for nothing: what it needs may never get there."""
    if link.owes:
        link.needs.all().delete()
        linking.owe(link, urgency=_urgency())


@recorder("billing.allocation.made", "billing.allocation.reversed")
def standing_changed(allocation: Allocation, **_: Any) -> None:
    """An invoice that was said to be settled in another way is read again: it may be no longer."""
    if allocation.invoice.hold_code != "settled_there":
        return
    connection = linking.connection_for(allocation.invoice.entity_id)
    link = linking.find_link(connection, Kind.INVOICE, allocation.invoice_id) if connection else None
    if connection is not None and link is not None and link.remote_id:
        inbound.hint(connection, Kind.INVOICE, link.remote_id, clock.now())
        lanes.ring(connection, "pull")


@recorder("billing.allocation.made")
def allocation_made(allocation: Allocation, **_: Any) -> None:
    """Money or credit put on an invoice is owed, in the shape this ledger books it."""
    connection = linking.connection_for(allocation.invoice.entity_id)
    if connection is None or _from(connection):
        return
    if allocation.credit is not None and allocation.credit.origin != CreditNote.Origin.HERE:
        return
    if allocation.credit is not None:
        _owe_credit_on_invoice(connection, allocation)
    elif not linking.wants_allocations(connection):
        assert allocation.payment is not None
        _owe_payment(connection, allocation.payment, (_invoice_first(connection, allocation),))
    elif allocation.rest_of is not None:
        _owe_root(connection, allocation)
    elif (credit := _credit_there(connection, allocation)) is not None:
        link = linking.link_for(connection, Kind.ALLOCATION, allocation, EXCESS)
        linking.owe(link, urgency=_urgency(), needs=(_invoice_first(connection, allocation), (credit, How.CLEAR)))
    else:
        # What was taken off before still fills the invoice there: there would be no room for this.
        before = [(other, How.CLEAR) for other in linking.being_undone(connection, allocation.invoice_id)]
        link = linking.link_for(connection, Kind.ALLOCATION, allocation)
        linking.owe(link, urgency=_urgency(), needs=(_invoice_first(connection, allocation), *before))
        _owe_excess(connection, allocation.payment, only_known=True)


@recorder("billing.allocation.reversed")
def allocation_reversed(allocation: Allocation, **_: Any) -> None:
    """What the ledger has of a reversed allocation is owed its removal, unless a refund leaves the payment as it is."""
    connection = linking.connection_for(allocation.invoice.entity_id)
    if connection is None or _from(connection):
        return
    if allocation.credit_id is not None:
        link = linking.find_link(connection, Kind.ALLOCATION, allocation.pk, CREDIT)
        if link is not None:
            link.needs.all().delete()
            linking.owe(link, urgency=_urgency())
        return
    assert allocation.payment is not None, "an allocation is of a credit or of a payment"
    if linking.wants_allocations(connection):
        _owe_root(connection, allocation)
        _owe_excess(connection, allocation.payment)
        return
    payment = linking.find_link(connection, Kind.PAYMENT, allocation.payment.pk)
    if payment is not None:
        if all(part.invoice_id != allocation.invoice_id for part, _ in carrying.shares(allocation.payment)):
            # What is off the invoice waits for it no longer: voided before it was ever sent, that would be in vain.
            payment.needs.filter(needs__invoice=allocation.invoice).delete()
        linking.owe(payment, urgency=_urgency())


@recorder("billing.payment.succeeded")
def payment_succeeded(payment: Payment, **_: Any) -> None:
    """Money beyond its invoices is owed as the client's credit."""
    connection = linking.connection_for(payment.entity_id)
    if connection is None or _from(connection) or unallocated(payment) <= ZERO:
        return
    if linking.wants_allocations(connection):
        _owe_excess(connection, payment)
    else:
        _owe_payment(connection, payment, ())


@recorder("billing.payment.returned")
def payment_returned(payment: Payment, **_: Any) -> None:
    """Money that Stripe took back is owed as what it was: it came on one day and left on another.

    What was typed in here is taken away: off its invoices by its allocations, and where it lay on none by this.
    """
    connection = linking.connection_for(payment.entity_id)
    if connection is None or _from(connection):
        return
    if payment.source == Payment.Source.HAND:
        _take_away(connection, payment)
    if payment.source != Payment.Source.STRIPE:
        return
    for back in Link.objects.filter(connection=connection, kind=Kind.DISPUTE, role=BACK, dispute__payment=payment):
        # The account of disputes is emptied first: the money is returned from the clearing account.
        linking.owe(back, urgency=_urgency())
    client = linking.owe_client(connection, payment.client, _urgency())
    left = linking.link_for(connection, Kind.PAYMENT, payment, RETURNED)
    linking.owe(left, urgency=_urgency(), needs=((client, How.EXISTS),))
    if linking.wants_allocations(connection):
        received = linking.link_for(connection, Kind.PAYMENT, payment, RECEIVED)
        linking.owe(received, urgency=_urgency(), needs=((client, How.EXISTS),))
        _owe_excess(connection, payment)
    else:
        _owe_payment(connection, payment, ((left, How.CLEAR),))


def _take_away(connection: Connection, payment: Payment) -> None:
    if linking.wants_allocations(connection):
        _owe_excess(connection, payment, only_known=True)
    elif (known := linking.find_link(connection, Kind.PAYMENT, payment.pk)) is not None:
        linking.owe(known, urgency=_urgency())


@recorder("billing.payment.replaced")
def payment_replaced(payment: Payment, **_: Any) -> None:
    """New invoices ask for what came back, so that what the payment had paid stays as it is in the ledger."""
    connection = linking.connection_for(payment.entity_id)
    if connection is not None:
        for allocation, _amount in carrying.shares(payment):
            _owe_root(connection, allocation)
        payment_returned(payment)


@recorder("billing.credit.voided")
def credit_voided(credit: CreditNote, **_: Any) -> None:
    """A credit note that was taken back is owed its void, once it is off its invoice."""
    connection = linking.connection_for(credit.entity_id)
    link = linking.find_link(connection, Kind.CREDIT, credit.pk) if connection else None
    if connection and link and not _from(connection):
        link.needs.all().delete()
        on = Link.objects.filter(connection=connection, kind=Kind.ALLOCATION, allocation__credit=credit)
        linking.owe(link, urgency=_urgency(), needs=tuple((row, How.CLEAR) for row in on.filter(gone_at__isnull=True)))


@recorder("billing.refund.made")
def refund_made(refund: Refund, **_: Any) -> None:
    """A credit note whose money goes back is not put on its invoice there: that stays paid by what paid it."""
    connection = linking.connection_for(refund.payment.entity_id)
    if connection is None or refund.credit is None:
        return
    for allocation in refund.credit.allocations.all():
        link = linking.find_link(connection, Kind.ALLOCATION, allocation.pk, CREDIT)
        if link is not None:
            link.needs.all().delete()
            linking.owe(link, urgency=_urgency())


@recorder("billing.refund.succeeded")
def refund_succeeded(refund: Refund, **_: Any) -> None:
    """Money that went back is owed, after what it is paid out of."""
    connection = linking.connection_for(refund.payment.entity_id)
    if connection is None:
        return
    payment = refund.payment
    link = linking.link_for(connection, Kind.REFUND, refund, MAIN if refund.credit_id else UNAPPLIED)
    if refund.credit is not None:
        # A receipt needs what the invoice needed: its client and its items.
        by_receipt = SHAPES[connection.provider].refunds_by_receipt
        kind, source = (Kind.INVOICE, refund.credit.invoice) if by_receipt else (Kind.CREDIT, refund.credit)
        first = linking.link_for(connection, kind, source)
        linking.owe(link, urgency=_urgency(), needs=((first, How.EXISTS),))
    elif linking.wants_allocations(connection):
        _owe_excess(connection, payment)
        first = linking.link_for(connection, Kind.PAYMENT, payment, EXCESS)
        linking.owe(link, urgency=_urgency(), needs=((first, How.CLEAR),))
    else:
        first = linking.owe_client(connection, payment.client, _urgency())
        linking.owe(link, urgency=_urgency(), needs=((first, How.EXISTS),))
        _owe_payment(connection, payment, ((link, How.CLEAR),))


@recorder("billing.refund.failed")
def refund_failed(refund: Refund, **_: Any) -> None:
    """A refund that the bank sent back is undone: the money is the client's credit, and a credit note stays one."""
    connection = linking.connection_for(refund.payment.entity_id)
    if connection is None:
        return
    link = linking.find_link(connection, Kind.REFUND, refund.pk, MAIN if refund.credit_id else UNAPPLIED)
    if link is not None:
        link.needs.all().delete()
        after: tuple[tuple[Link, str], ...] = ()
        if refund.credit_id is None and not linking.wants_allocations(connection):
            # The ledger deletes nothing that a payment is still tied to.
            link.needed_by.all().delete()
            _owe_payment(connection, refund.payment, ())
            after = ((linking.link_for(connection, Kind.PAYMENT, refund.payment), How.CLEAR),)
        linking.owe(link, urgency=_urgency(), needs=after)
    if refund.credit is not None:
        _put_credit_back(connection, refund, refund.credit, [link] if link is not None else [])


def _put_credit_back(connection: Connection, refund: Refund, credit: CreditNote, after: list[Link]) -> None:
    """The ledger gets what our rows say when nothing went back: less of the payment on the invoice, and the credit.

    The credit note must have been freed of the refund, and the invoice of the payment, which is what ``after`` adds to.
    """
    if linking.wants_allocations(connection):
        for allocation in refund.took.all():
            _owe_root(connection, allocation)
        _owe_excess(connection, refund.payment)
    else:
        _owe_payment(connection, refund.payment, ())
    invoice = linking.link_for(connection, Kind.INVOICE, credit.invoice)
    note = linking.link_for(connection, Kind.CREDIT, credit)
    linking.owe(note, urgency=_urgency(), needs=((invoice, How.EXISTS),))
    for allocation in credit.allocations.filter(reversed_at__isnull=True):
        _owe_credit_on_invoice(connection, allocation, after=[*after, *_payments_of(connection, refund)])


def _payments_of(connection: Connection, refund: Refund) -> list[Link]:
    """What fills the invoice of a refund there, until less of it does."""
    if not linking.wants_allocations(connection):
        return [linking.link_for(connection, Kind.PAYMENT, refund.payment)]
    roots = {carrying.root_of(allocation).pk for allocation in refund.took.all()}
    rows = Link.objects.filter(connection=connection, kind=Kind.ALLOCATION, allocation__in=roots, gone_at__isnull=True)
    return list(rows.filter(role=MAIN))


def _owe_credit_on_invoice(connection: Connection, allocation: Allocation, *, after: Sequence[Link] = ()) -> None:
    invoice = _invoice_first(connection, allocation)
    credit = linking.link_for(connection, Kind.CREDIT, allocation.credit)
    needs = (invoice, (credit, How.EXISTS), *((link, How.CLEAR) for link in after))
    linking.owe(linking.link_for(connection, Kind.ALLOCATION, allocation, CREDIT), urgency=_urgency(), needs=needs)


def _invoice_first(connection: Connection, allocation: Allocation) -> tuple[Link, str]:
    return linking.link_for(connection, Kind.INVOICE, allocation.invoice), How.CLEAR


def _credit_there(connection: Connection, allocation: Allocation) -> Link | None:
    """The payment's credit, where the ledger has enough of it already: then no money moves, and no day is touched."""
    payment = allocation.payment
    assert payment is not None
    link = linking.find_link(connection, Kind.PAYMENT, payment.pk, EXCESS)
    enough = link is not None and link.exists_there and not link.owes
    return link if enough and carrying.excess(payment) >= ZERO else None


def _owe_root(connection: Connection, allocation: Allocation) -> None:
    """The ledger's payment of an allocation is looked at again: it may carry less now, or nothing."""
    root = carrying.root_of(allocation)
    by_credit = linking.find_link(connection, Kind.ALLOCATION, root.pk, EXCESS)
    link = by_credit or linking.find_link(connection, Kind.ALLOCATION, root.pk)
    if link is None:
        return
    if carrying.carried(root) == ZERO:
        # Undoing waits for nothing: an invoice that was voided before it was ever sent would be waited for in vain.
        link.needs.all().delete()
    linking.owe(link, urgency=_urgency())


def _owe_excess(connection: Connection, payment: Payment | None, *, only_known: bool = False) -> None:
    """What of a payment is on no invoice, where that is a document of its own; ``only_known`` makes none."""
    if payment is None or payment.source == Payment.Source.LEDGER:
        return
    known = linking.find_link(connection, Kind.PAYMENT, payment.pk, EXCESS)
    if known is None and (only_known or carrying.excess(payment) <= ZERO):
        return
    client = linking.owe_client(connection, payment.client, _urgency())
    link = known or linking.link_for(connection, Kind.PAYMENT, payment, EXCESS)
    on = Link.objects.filter(connection=connection, kind=Kind.ALLOCATION, role=EXCESS, gone_at__isnull=True)
    undone = on.filter(allocation__payment=payment, allocation__reversed_at__isnull=False)
    # What is taken off an invoice again is off it before the credit itself is touched.
    off = [(row, How.CLEAR) for row in undone if row.allocation and carrying.carried(row.allocation) == ZERO]
    linking.owe(link, urgency=_urgency(), needs=((client, How.EXISTS), *off))


@recorder("billing.credit.issued")
def credit_issued(credit: CreditNote, **_: Any) -> None:
    """A credit note made here is owed after its invoice."""
    connection = linking.connection_for(credit.entity_id)
    if connection is None or _from(connection) or credit.origin != CreditNote.Origin.HERE:
        return
    invoice = linking.link_for(connection, Kind.INVOICE, credit.invoice)
    link = linking.link_for(connection, Kind.CREDIT, credit)
    linking.owe(link, urgency=_urgency(), needs=((invoice, How.EXISTS),))


@recorder("billing.dispute.moved")
def dispute_moved(dispute: Dispute, **_: Any) -> None:
    """Money that a card's bank took or gave back is owed as Stripe's balance has it; a debit counts as returned."""
    connection = linking.connection_for(dispute.payment.entity_id)
    if connection is None or dispute.payment.method != "card":
        return
    client = linking.owe_client(connection, dispute.payment.client, _urgency())
    taken = linking.link_for(connection, Kind.DISPUTE, dispute)
    linking.owe(taken, urgency=_urgency(), needs=((client, How.EXISTS),))
    back = linking.link_for(connection, Kind.DISPUTE, dispute, BACK)
    linking.owe(back, urgency=_urgency(), needs=((taken, How.CLEAR),))


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


@recorder("billing.payout.failed")
def payout_came_back(payout: Payout, **_: Any) -> None:
    """A payout that the bank sent back after it had arrived is owed the way back."""
    connection = linking.connection_for(payout.entity_id)
    if connection is not None and payout.came_back_on is not None:
        there = linking.link_for(connection, Kind.PAYOUT, payout)
        linking.owe(linking.link_for(connection, Kind.PAYOUT, payout, BACK), needs=((there, How.CLEAR),))


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
