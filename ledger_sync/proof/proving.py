"""The ledger's half of the clearing proof: what stands on the clearing account there, as it last said itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from billing.clearing import Item, Key, Proof, clearing_proof
from billing.models import Payment
from ledger_sync.kinds import BACK, MAIN, RETURNED, UNAPPLIED
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
        connection=connection, kind__in=_ENTRIES, remote_id__isnull=False, gone_at__isnull=True
    ).select_related("allocation__payment", "payment", "refund__payment", "dispute__payment", "payout")
    for link in links:
        theirs = link.base_theirs or {}
        if str(theirs.get("date", "")) > on.isoformat() or theirs.get("status") in ("void", "deleted"):
            continue
        key = _ENTRIES[link.kind](link)
        if key is not None:
            amount = Decimal(str(theirs.get("amount") or theirs.get("total") or "0"))
            amounts[key] += amount * _sign(link)
    return dict(amounts)


#: Documents that take money out of the clearing account; the others bring it in.
_OUT = {(Kind.FEE, MAIN), (Kind.REFUND, MAIN), (Kind.REFUND, UNAPPLIED), (Kind.DISPUTE, MAIN), (Kind.PAYMENT, RETURNED)}


def _sign(link: Link) -> int:
    if link.payout is not None:
        return 1 if (link.payout.amount < ZERO) != (link.role == BACK) else -1
    return -1 if (link.kind, link.role) in _OUT else 1


def _of_payment(payment: Payment | None) -> Key | None:
    """The item a document of a payment belongs to; none for money that is not Stripe's."""
    return ("payment", payment.pk) if payment is not None and payment.source == Payment.Source.STRIPE else None


def _of_refund(link: Link) -> Key | None:
    """A refund leaves the clearing account, unless a lost dispute had taken the money from it before."""
    return _of_payment(link.refund.payment) if link.refund is not None and link.refund.dispute_id is None else None


#: Kinds with documents on the clearing account → the item of the proof each belongs to.
_ENTRIES: dict[str, Callable[[Link], Key | None]] = {
    # Credit put on an invoice moves no money: what it is taken from is counted.
    Kind.ALLOCATION: lambda link: _of_payment(link.allocation.payment) if link.allocation and not link.role else None,
    Kind.PAYMENT: lambda link: _of_payment(link.payment),
    Kind.REFUND: _of_refund,
    Kind.DISPUTE: lambda link: _of_payment(link.dispute.payment if link.dispute else None),
    Kind.FEE: lambda link: ("fees", link.subject_id),
    Kind.PAYOUT: lambda link: ("payout", link.subject_id),
}
