"""Records of ours that the ledger should have and was never given, whether or not anything says that they are owed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.models import Allocation, CreditNote, FeeDay, Invoice, Payment, Payout, Refund
from ledger_sync.kinds import EXCESS, MAIN, SHAPES
from ledger_sync.models import Connection, Link
from ledger_sync.models.links import SUBJECTS, Kind
from practice.core.money import ZERO


def unsent(connection: Connection) -> Iterator[tuple[str, Any, Link | None]]:
    """Kind, record and its link, if there is one, of each that was made since the connection was and is not there."""
    for kind, rows in _wanted(connection):
        column = SUBJECTS[kind]
        # Money on an invoice may come out of what the ledger has as the client's credit.
        roles = (MAIN, EXCESS) if kind == Kind.ALLOCATION else (MAIN,)
        links = Link.objects.filter(connection=connection, kind=kind, role__in=roles, gone_at__isnull=True)
        there = links.filter(remote_id__isnull=False, **{column: OuterRef("pk")})
        missing = list(rows.filter(~Exists(there)).order_by("pk"))
        known = {link.subject_id: link for link in links.filter(**{f"{column}__in": missing})} if missing else {}
        for row in missing:
            yield kind, row, known.get(row.pk)


def _wanted(connection: Connection) -> Iterator[tuple[str, QuerySet[Any]]]:
    """What each kind of ours must have there, in the shape this ledger books it."""
    entity, since = connection.entity_id, connection.connected_at
    day = since.date()
    yield Kind.INVOICE, _issued(entity).filter(issued_at__gte=since).select_related("client")
    notes = CreditNote.objects.filter(entity=entity, origin=CreditNote.Origin.HERE, issued_at__gte=since)
    notes = notes.filter(voided_at__isnull=True)
    paid_out = Refund.objects.filter(credit=OuterRef("pk")).exclude(state=Refund.State.FAILED)
    receipts = SHAPES[connection.provider].refunds_by_receipt
    yield Kind.CREDIT, (notes.filter(~Exists(paid_out)) if receipts else notes).select_related("client")
    if SHAPES[connection.provider].links_allocations:
        yield Kind.ALLOCATION, _allocations(connection).select_related("invoice")
    else:
        yield Kind.PAYMENT, _payments(connection).select_related("client")
    yield Kind.FEE, FeeDay.objects.filter(entity=entity, on__gte=day).exclude(amount=ZERO)
    arrived = Payout.objects.filter(entity=entity, state=Payout.State.ARRIVED, arrives_on__gte=day)
    yield Kind.PAYOUT, arrived.exclude(amount=ZERO)


def _issued(entity: int) -> QuerySet[Invoice]:
    return Invoice.objects.filter(entity_id=entity, status=Invoice.Status.ISSUED)


def _allocations(connection: Connection) -> QuerySet[Allocation]:
    """Money on invoices that the ledger was given, less what it brought itself and what is the rest of another."""
    rows = Allocation.objects.filter(
        invoice__in=_issued(connection.entity_id), payment__isnull=False, made_at__gte=connection.connected_at
    )
    brought = Link.objects.filter(connection=connection, kind=Kind.PAYMENT, role=MAIN, payment=OuterRef("payment"))
    return rows.filter(~Exists(brought), reversed_at__isnull=True, rest_of__isnull=True)


def _payments(connection: Connection) -> QuerySet[Payment]:
    rows = Payment.objects.filter(entity_id=connection.entity_id, state=Payment.State.SUCCEEDED)
    made = Q(allocations__made_at__gte=connection.connected_at) | Q(allocations__isnull=True)
    return rows.filter(made, paid_on__gte=connection.connected_at.date()).distinct()
