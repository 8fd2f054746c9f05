"""The link of an object the ledger showed, and what both books last agreed on about it."""

from __future__ import annotations

from ledger_sync.models import Connection, Link
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Remote
from practice.core import clock

_SUBJECT: dict[str, tuple[str, ...]] = {
    Kind.CLIENT: ("client", "connection"),
    Kind.INVOICE: ("invoice__client", "connection"),
    Kind.ALLOCATION: ("allocation__payment", "allocation__invoice"),
    Kind.PAYMENT: ("payment",),
}


def link_of(connection: Connection, remote: Remote) -> Link | None:
    """The link of an object, locked, with what it stands for."""
    return (
        Link.objects.select_for_update(of=("self",))
        .filter(connection=connection, kind=remote.kind, remote_id=remote.remote_id)
        .select_related(*_SUBJECT.get(remote.kind, ()))
        .first()
    )


def is_known(link: Link, remote: Remote) -> bool:
    """Whether this very content was taken in before: an echo of our own, or a second notice."""
    if link.base_theirs != remote.theirs:
        return False
    Link.objects.filter(pk=link.pk).update(verified_at=clock.now(), remote_version=remote.version)
    return True


def agree(link: Link, remote: Remote, *, base_ours: Doc | None) -> None:
    """Remember what the ledger says now, and what we said when it did."""
    Link.objects.filter(pk=link.pk).update(
        base_theirs=remote.theirs, base_ours=base_ours, remote_version=remote.version, verified_at=clock.now()
    )
