"""The ledger's half of the clearing proof: what stands on the clearing account there, as it last said itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from billing.clearing import Item, Key, Proof, clearing_proof
from ledger_sync.models import Connection, Link
from ledger_sync.models.links import Kind
from practice.core.money import ZERO


def proof_of(connection: Connection, on: date) -> Proof:
    """The clearing identity of a connection's entity at the end of a day.

    The ledger's side is the sum of its own documents on the clearing account, each with the amount the ledger gave back
    when it was last read; an item of which it has nothing, or another amount, is listed as not posted.
    """
    known = posted_by(connection, on)

    def posted(items: Sequence[Item]) -> Mapping[Key, Decimal]:
        return {item.key: known.get(item.key, ZERO) for item in items}

    return clearing_proof(entity=connection.entity, on=on, ledger=sum(known.values(), ZERO), posted=posted)


def posted_by(connection: Connection, on: date) -> dict[Key, Decimal]:
    """How much of each payment, fee day and payout stands on the clearing account by a day, signed as it sees it."""
    amounts: dict[Key, Decimal] = defaultdict(lambda: ZERO)
    links = Link.objects.filter(
        connection=connection,
        kind__in=(Kind.ALLOCATION, Kind.PAYMENT, Kind.FEE, Kind.PAYOUT),
        remote_id__isnull=False,
        gone_at__isnull=True,
    ).select_related("allocation__payment", "payment", "payout")
    for link in links:
        theirs = link.base_theirs or {}
        if str(theirs.get("date", "")) > on.isoformat() or theirs.get("status") in ("void", "deleted"):
            continue
        entry = _entry(link, theirs)
        if entry is not None:
            amounts[entry[0]] += entry[1]
    return dict(amounts)


def _entry(link: Link, theirs: Mapping[str, object]) -> tuple[Key, Decimal] | None:
    """Which item a document belongs to, and its amount on the clearing account; None for money that is not Stripe's."""
    amount = Decimal(str(theirs.get("amount") or theirs.get("total") or "0"))
    if link.kind == Kind.FEE:
        return ("fees", link.subject_id), -amount
    if link.kind == Kind.PAYOUT and link.payout is not None:
        return ("payout", link.subject_id), -amount if link.payout.amount >= 0 else amount
    payment = link.allocation.payment if link.allocation is not None else link.payment
    if payment is None or payment.source != payment.Source.STRIPE:
        return None
    return ("payment", payment.pk), amount
