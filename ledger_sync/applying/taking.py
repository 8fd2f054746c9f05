"""Taking in what a look into the ledger showed: what is as it was at once, the rest in a short transaction each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django.db import transaction

from ledger_sync.applying import crediting, freshness
from ledger_sync.applying.clients import take_client
from ledger_sync.applying.entries import ENTRIES, take_entry
from ledger_sync.applying.freshness import Reading, is_being_sent, read_later
from ledger_sync.applying.invoices import take_invoice
from ledger_sync.applying.payments import take_payment_on_invoice, take_whole_payment
from ledger_sync.models import CallItem, Connection, Link
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Ledger, Remote
from practice.core import clock
from practice.core.rows import update_each

#: Objects in one transaction.
AT_ONCE = 100
#: Kinds of which an object that says what it said before needs nothing done.
KNOWN_AGAIN = frozenset({Kind.CLIENT, Kind.INVOICE, Kind.ALLOCATION})
#: Kinds of which only what has a link concerns us; a payment without one may be on an invoice of ours.
OURS_BY_LINK = frozenset({Kind.CLIENT, Kind.INVOICE})


def apply(connection: Connection, ledger: Ledger, remotes: Sequence[Remote], reading: Reading) -> int:
    """Apply objects as a look into the ledger showed them; what changed in a short transaction each.

    Returns how many were ours. Raises Fenced when the reader's lease is gone.
    """
    ours = 0
    changed: list[Remote] = []
    for start in range(0, len(remotes), AT_ONCE):
        same, others = _changed(connection, remotes[start : start + AT_ONCE], reading)
        ours += same
        changed += others
    for remote in changed:
        who = _who(connection, ledger, remote)
        beside = crediting.beside(connection, ledger, remote)
        with transaction.atomic():
            reading.check()
            if is_being_sent(connection, remote) or freshness.is_outdated(connection, remote, reading):
                read_later(connection, remote)
                continue
            ours += _APPLIERS.get(remote.kind, _ignore)(connection, remote, who)
            crediting.take(connection, remote, beside, who)
    return ours


@transaction.atomic
def _changed(connection: Connection, remotes: Sequence[Remote], reading: Reading) -> tuple[int, Sequence[Remote]]:
    """Note of objects that say what they said before that they were read. Returns how many, and those to look into.

    A sweep after a long run reads our own documents back: thousands that nobody has changed. The bookkeeper's own
    clients and invoices, which have no link, are none of ours.
    """
    kinds = {remote.kind for remote in remotes}
    if len(remotes) == 1 or len(kinds) > 1 or not kinds <= KNOWN_AGAIN or reading.is_late:
        return 0, remotes
    reading.check()
    there = {remote.remote_id: remote for remote in remotes}
    links = Link.objects.select_for_update().filter(connection=connection, kind__in=kinds, remote_id__in=there)
    busy = CallItem.objects.filter(open_call__isnull=False, link__in=links.values("pk")).values_list("link", flat=True)
    asked = set(busy)
    odd = crediting.say_otherwise(connection, remotes)
    linked, same = set(), {}
    for pk, remote_id, theirs, at in links.order_by("pk").values_list("pk", "remote_id", "base_theirs", "verified_at"):
        remote, fresh = there[str(remote_id)], at is None or at <= reading.begun_at
        linked.add(remote.remote_id)
        unchanged = theirs == remote.theirs and remote.remote_id not in odd and not (remote.gone or remote.merged_into)
        if fresh and pk not in asked and unchanged:
            same[remote.remote_id] = pk
    update_each(
        Link,
        ("remote_version",),
        ((pk, (there[remote_id].version,)) for remote_id, pk in same.items()),
        same={"verified_at": clock.now()},
    )
    ours = linked if kinds <= OURS_BY_LINK else set(there)
    return len(same), [remote for remote in remotes if remote.remote_id in ours and remote.remote_id not in same]


def _who(connection: Connection, ledger: Ledger, remote: Remote) -> str:
    """The ledger user's name, read once and only where money moved by a person's hand."""
    if remote.kind not in (Kind.INVOICE, Kind.ALLOCATION, *ENTRIES):
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
    Kind.REFUND: take_entry,
    Kind.DISPUTE: take_entry,
    Kind.FEE: take_entry,
    Kind.PAYOUT: take_entry,
}
