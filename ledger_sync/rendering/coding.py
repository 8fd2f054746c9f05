"""How an invoice is coded in the ledger now. Coding is the bookkeeper's: a credit note copies it as it was last read,
and an invoice that is put back keeps it (docs/accounting.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from billing.models import CreditNote, Invoice
from ledger_sync import linking
from ledger_sync.connection import mapping
from ledger_sync.kinds import SHAPES
from ledger_sync.models import Connection, Link, RefItem
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc
from ledger_sync.rendering.known import Known, Line

#: What a line of a document is coded by, beside its rate of tax, which the client was given.
_CODING = ("account", "item", "tracked")
#: Kept on a link that people let go by the mapping, because what its invoice lies on is archived.
BY_MAPPING = {"by": "mapping"}


class CodedArchived(mapping.TargetArchived):
    """What the invoice of a credit lies on can no longer be booked to; the text names it."""


def of_credit(link: Link, row: CreditNote, lines: Sequence[Line], known: Known) -> list[Doc | None]:
    """For each line of a credit, how the line of its invoice that it credits is booked now.

    None for a line that goes by the mapping: its invoice is not there, or people chose so. Raises CodedArchived.
    """
    there = linking.find_link(known.connection, Kind.INVOICE, row.invoice_id)
    if there is None or not there.exists_there or link.coding == BY_MAPPING:
        return [None] * len(lines)
    booked = {str(line["key"]): line for line in (there.base_theirs or {}).get("lines", ())}
    found = [booked.get(str(_credited(line, row.invoice, known).position)) for line in lines]
    wants_items = SHAPES[known.connection.provider].needs_items
    coded = [line if line and (line.get("item") or not wants_items) else None for line in found]
    archived = _archived(known.connection, [line for line in coded if line])
    if archived is not None:
        raise CodedArchived(archived.label)
    return coded


def _credited(line: Line, invoice: Invoice, known: Known) -> Line:
    """The line of an invoice that a line of its credit is about: of the same tax, then service, then words."""

    def likeness(other: Line) -> tuple[Any, ...]:
        taxed_alike = (other.treatment, other.tax_rate) == (line.treatment, line.tax_rate)
        same = (taxed_alike, other.service_id == line.service_id, other.description == line.description)
        return (*same, other.position == line.position, other.amount)

    return max(known.lines_of(invoice), key=likeness)


def _archived(connection: Connection, lines: Sequence[Doc]) -> RefItem | None:
    """The first account, rate or item of these lines that is no longer in use there."""
    named: dict[str, set[str]] = {
        RefItem.Kind.ACCOUNT: {str(line.get("account", "")) for line in lines},
        RefItem.Kind.TAX: {str(line.get("tax", "")) for line in lines},
        RefItem.Kind.ITEM: {str(line.get("item", "")) for line in lines},
    }
    wanted = Q(pk=None)
    for kind, keys in named.items():
        wanted |= Q(Q(code__in=keys - {""}) | Q(remote_id__in=keys - {""}), kind=kind)
    return RefItem.objects.filter(wanted, connection=connection, active=False).order_by("pk").first()


def kept(link: Link, doc: Doc) -> Doc:
    """An invoice of ours as it is sent over the ledger's, with the account, item and tracking its lines have there.

    Its tax is what the client was given. What lies on an archived account goes by the mapping again.
    """
    booked = {str(line["key"]): line for line in (link.base_theirs or {}).get("lines", ())}
    lines = []
    for line in doc["lines"]:
        there = booked.get(line["key"])
        usable = there is not None and _archived(link.connection, [{**there, "tax": ""}]) is None
        lines.append({**line, **{k: there[k] for k in _CODING if there.get(k)}} if there and usable else line)
    return {**doc, "lines": lines}
