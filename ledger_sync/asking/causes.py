"""Causes as pages tell them: in one sentence, what may be pressed, and who cleared those that are over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Q

from ledger_sync.asking import snags
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.models.links import Kind
from practice.core.money import ZERO
from practice.firm.models import User

#: Causes about a place in the ledger: one for all records that go there, naming the first that met it.
SHARED = ("mapping_missing", "account_archived")


@dataclass(frozen=True)
class Cause:
    """One cause as a page shows it. ``said`` is the ledger's own words; ``cleared_by`` names a person, or nobody."""

    snag: Snag
    sentence: str
    more: str
    remedies: tuple[snags.Remedy, ...]
    said: str
    cleared_by: str = ""


def tell(rows: Iterable[Snag]) -> list[Cause]:
    """Causes in words. Whoever cleared them is named as colleagues know them, not by email."""
    rows = list(rows)
    emails = {snag.closed_by for snag in rows if snag.closed_by}
    names = dict(User.objects.filter(email__in=emails).values_list("email", "name")) if emails else {}
    return [
        Cause(
            snag, snags.sentence(snag), snags.more(snag), snags.remedies(snag), str(snag.facts.get("said", "")),
            names.get(snag.closed_by) or snag.closed_by,
        )
        for snag in rows
    ]  # fmt: skip


def causes_of(connection: Connection) -> list[Cause]:
    """Open causes, most money first."""
    return tell(snags.open_ones(connection).select_related("link", "connection"))


def lately_cleared(connection: Connection) -> list[Cause]:
    """The last causes that are over, newest first."""
    return tell(Snag.objects.filter(connection=connection, closed_at__isnull=False).order_by("-closed_at")[:5])


def held_up(causes: Iterable[Cause]) -> Decimal:
    """The money that waits on causes."""
    return sum((cause.snag.money for cause in causes), ZERO)


def about(link: Link) -> list[Cause]:
    """Open causes about a record: its own, for an invoice also its money's, and the shared one it was set aside for."""
    mine = Q(link=link)
    if link.kind == Kind.INVOICE:
        mine |= Q(link__allocation__invoice=link.invoice_id) | Q(link__payment__allocations__invoice=link.invoice_id)
    if link.parked_code in SHARED:
        mine |= Q(code=link.parked_code)
    rows = Snag.objects.filter(mine, connection=link.connection_id, closed_at__isnull=True)
    return tell(rows.select_related("link").order_by("-money", "opened_at").distinct())
