"""What rendering needs to know of one ledger, read once for a batch: where things go, and the ids of records there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from django.db.models import Model, Prefetch, prefetch_related_objects

from billing.models import CreditNote, InvoiceLine
from billing.models.credits import CreditNoteLine
from ledger_sync import linking, mapping
from ledger_sync.kinds import SHAPES
from ledger_sync.models import Connection, Link
from ledger_sync.models.links import Kind


class Known:
    """Answers for the documents of one batch; asks the database once for what they share."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._ids: dict[tuple[str, int], str] = {}

    @cached_property
    def places(self) -> mapping.Places:
        """Where everything goes in this ledger."""
        return mapping.Places(self.connection)

    def remote_of(self, kind: str, subject_id: int) -> str:
        """The ledger's id of one of our rows, following merges; "" while it has none."""
        if (kind, subject_id) not in self._ids:
            self._ids[kind, subject_id] = linking.remote_of(self.connection, kind, subject_id)
        return self._ids[kind, subject_id]

    def read_ahead(self, links: Sequence[Link]) -> None:
        """Read at once what the documents of these links, which are of one kind, will ask for one by one."""
        if len(links) > 1 and links[0].kind in _AHEAD:
            _AHEAD[links[0].kind](self, links)

    def _remember(self, kind: str, subject_ids: Iterable[int | None]) -> None:
        wanted = {subject_id for subject_id in subject_ids if subject_id is not None}
        found = linking.remotes_of(self.connection, kind, wanted)
        self._ids.update({(kind, subject_id): remote_id for subject_id, remote_id in found.items()})

    def _invoices(self, links: Sequence[Link]) -> None:
        invoices = [link.invoice for link in links if link.invoice is not None]
        lines = self._lines(invoices, InvoiceLine)
        self._remember(Kind.CLIENT, (invoice.client_id for invoice in invoices))
        self._items(line.service_id for line in lines)

    def _credits(self, links: Sequence[Link]) -> None:
        notes: list[CreditNote] = [link.credit for link in links if link.credit is not None]
        lines = self._lines(notes, CreditNoteLine)
        self._remember(Kind.CLIENT, (note.client_id for note in notes))
        self._items(line.service_id for line in lines)

    def _allocations(self, links: Sequence[Link]) -> None:
        self._remember(Kind.INVOICE, (link.allocation.invoice_id for link in links if link.allocation is not None))

    def _payments(self, links: Sequence[Link]) -> None:
        self._remember(Kind.CLIENT, (link.payment.client_id for link in links if link.payment is not None))

    def _lines(self, documents: Sequence[Model], line: type[InvoiceLine | CreditNoteLine]) -> list[InvoiceLine]:
        prefetch_related_objects(documents, Prefetch("lines", line.objects.select_related("service")))
        return [row for document in documents for row in document.lines.all()]  # type: ignore[attr-defined]

    def _items(self, service_ids: Iterable[int | None]) -> None:
        if SHAPES[self.connection.provider].needs_items:
            self._remember(Kind.ITEM, service_ids)


_AHEAD: dict[str, Callable[[Known, Sequence[Link]], None]] = {
    Kind.INVOICE: Known._invoices,
    Kind.CREDIT: Known._credits,
    Kind.ALLOCATION: Known._allocations,
    Kind.PAYMENT: Known._payments,
}
