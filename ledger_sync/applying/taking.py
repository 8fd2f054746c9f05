"""Taking in what a look into the ledger showed, each object in a short transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import transaction

from ledger_sync.applying import freshness
from ledger_sync.applying.clients import take_client
from ledger_sync.applying.freshness import Reading, is_being_sent, read_later
from ledger_sync.applying.invoices import take_invoice
from ledger_sync.applying.payments import take_payment_on_invoice, take_whole_payment
from ledger_sync.models import Connection, Link
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Ledger, Remote


def apply(connection: Connection, ledger: Ledger, remotes: Sequence[Remote], reading: Reading) -> int:
    """Apply objects as a look into the ledger showed them, each in its own short transaction.

    Returns how many were ours. Raises Fenced when the reader's lease is gone.
    """
    ours = 0
    for remote in remotes:
        who = _who(connection, ledger, remote)
        with transaction.atomic():
            reading.check()
            if is_being_sent(connection, remote) or freshness.is_outdated(connection, remote, reading):
                read_later(connection, remote)
                continue
            ours += _APPLIERS.get(remote.kind, _ignore)(connection, remote, who)
    return ours


def _who(connection: Connection, ledger: Ledger, remote: Remote) -> str:
    """The ledger user's name, read once and only where money moved by a person's hand."""
    if remote.kind not in (Kind.INVOICE, Kind.ALLOCATION):
        return ""
    # Money that was given back is listed with the payments.
    kinds = (Kind.ALLOCATION, Kind.REFUND) if remote.kind == Kind.ALLOCATION else (remote.kind,)
    link = Link.objects.filter(connection=connection, kind__in=kinds, remote_id=remote.remote_id).first()
    if link is None or link.base_theirs is None:
        return ""
    if _money_facts(link.base_theirs) == _money_facts(remote.theirs):
        return ""
    return ledger.who_changed(remote.kind, remote.remote_id)


def _money_facts(theirs: Doc) -> tuple[str, ...]:
    return tuple(str(theirs.get(k, "")) for k in ("total", "tax", "status", "contact", "date", "number", "amount"))


def _ignore(connection: Connection, remote: Remote, who: str) -> int:
    return 0


_APPLIERS: dict[str, Callable[[Connection, Remote, str], int]] = {
    Kind.CLIENT: take_client,
    Kind.INVOICE: take_invoice,
    Kind.ALLOCATION: take_payment_on_invoice,
    Kind.PAYMENT: take_whole_payment,
}
