"""What rendering needs to know of one ledger, read once for a batch: where things go, and the ids of records there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from django.db.models import Model

from billing.models import CreditNote, Invoice, InvoiceLine
from billing.models.credits import CreditNoteLine
from ledger_sync import linking
from ledger_sync.connection import mapping
from ledger_sync.models import Connection, Link
from ledger_sync.models.links import Kind
from practice.firm.models import Client

#: A line of a document.
Line = InvoiceLine | CreditNoteLine


class Known:
    """Answers for the documents of one batch; asks the database once for what they share."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._ids: dict[tuple[str, int], str] = {}
        self._emails: dict[int, str] = {}
        self._lines: dict[tuple[type[Line], int], list[Line]] = {}

    @cached_property
    def places(self) -> mapping.Places:
        """Where everything goes in this ledger."""
        return mapping.Places(self.connection)

    def remote_of(self, kind: str, subject_id: int) -> str:
        """The ledger's id of one of our rows, following merges; "" while it has none."""
        if (kind, subject_id) not in self._ids:
            self._ids[kind, subject_id] = linking.remote_of(self.connection, kind, subject_id)
        return self._ids[kind, subject_id]

    def email_of(self, client_id: int) -> str:
        """Where a client's invoices go."""
        if client_id not in self._emails:
            self._emails[client_id] = Client.objects.values_list("billing_email", flat=True).get(pk=client_id)
        return self._emails[client_id]

    def lines_of(self, document: Invoice | CreditNote) -> list[Line]:
        """The lines of an invoice or a credit note, in their order."""
        kind = InvoiceLine if isinstance(document, Invoice) else CreditNoteLine
        lines = self._lines.get((kind, document.pk))
        return sorted(document.lines.all() if lines is None else lines, key=lambda line: line.position)

    def read_ahead(self, links: Sequence[Link]) -> None:
        """Read at once what the documents of these links, which are of one kind, will ask for one by one."""
        if len(links) > 1 and links[0].kind in _AHEAD:
            _AHEAD[links[0].kind](self, links)

    def _remember(self, kind: str, subject_ids: Iterable[int | None]) -> None:
        wanted = {subject_id for subject_id in subject_ids if subject_id is not None}
        found = linking.remotes_of(self.connection, kind, wanted - self._seen(kind))
        self._ids.update({(kind, subject_id): remote_id for subject_id, remote_id in found.items()})

    def _seen(self, kind: str) -> set[int]:
        return {subject_id for known, subject_id in self._ids if known == kind}

    def _invoices(self, links: Sequence[Link]) -> None:
        invoices = [link.invoice for link in links if link.invoice is not None]
        lines = self._read_lines(InvoiceLine, "invoice_id", invoices)
        self._remember(Kind.CLIENT, (invoice.client_id for invoice in invoices))
        there = Client.objects.filter(pk__in={invoice.client_id for invoice in invoices})
        self._emails.update(there.values_list("pk", "billing_email"))
        self._items(line.service_id for line in lines)

    def _credits(self, links: Sequence[Link]) -> None:
        notes: list[CreditNote] = [link.credit for link in links if link.credit is not None]
        lines = self._read_lines(CreditNoteLine, "credit_id", notes)
        self._remember(Kind.CLIENT, (note.client_id for note in notes))
        self._items(line.service_id for line in lines)

    def _allocations(self, links: Sequence[Link]) -> None:
        self._remember(Kind.INVOICE, (link.allocation.invoice_id for link in links if link.allocation is not None))

    def _payments(self, links: Sequence[Link]) -> None:
        self._remember(Kind.CLIENT, (link.payment.client_id for link in links if link.payment is not None))

    def _read_lines(self, kind: type[Line], column: str, documents: Sequence[Model]) -> list[Line]:
        rows: list[Line] = list(kind.objects.filter(**{f"{column}__in": [document.pk for document in documents]}))
        of: dict[int, list[Line]] = {document.pk: [] for document in documents}
        for row in rows:
            of[getattr(row, column)].append(row)
        self._lines.update({(kind, pk): lines for pk, lines in of.items()})
        return rows

    def _items(self, service_ids: Iterable[int | None]) -> None:
        self._remember(Kind.ITEM, service_ids)


_AHEAD: dict[str, Callable[[Known, Sequence[Link]], None]] = {
    Kind.INVOICE: Known._invoices,
    Kind.CREDIT: Known._credits,
    Kind.ALLOCATION: Known._allocations,
    Kind.PAYMENT: Known._payments,
}
