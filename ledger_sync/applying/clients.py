"""Clients: each changed field is merged by who owns it; a contact merged away points to the one that stayed."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from ledger_sync.applying import bases
from ledger_sync.applying.bases import is_known, link_of
from ledger_sync.applying.freshness import read_later
from ledger_sync.applying.invoices import compare_document
from ledger_sync.applying.merge import Owner, Side, flatten, merge
from ledger_sync.asking import snags
from ledger_sync.connection import connections
from ledger_sync.models import CallItem, Connection, Link, LinkNeed, Snag
from ledger_sync.models.links import Kind
from ledger_sync.ports import Remote
from ledger_sync.rendering import documents
from practice.core import clock, owed
from practice.firm import clients

#: Fields of a client that both books hold, and who decides. Where to sign is not among them, and never will be.
CLIENT_OWNERS: dict[str, dict[str, Owner]] = {
    "xero": {
        "name": Owner.LEDGER, "email": Owner.BOTH, "phone": Owner.BOTH, "tax_number": Owner.LEDGER,
        "address.line1": Owner.BOTH, "address.line2": Owner.BOTH, "address.city": Owner.BOTH,
        "address.region": Owner.BOTH, "address.postcode": Owner.BOTH,
    },
    "quickbooks": {
        "name": Owner.LEDGER, "email": Owner.BOTH, "phone": Owner.BOTH, "tax_number": Owner.PUSH_ONLY,
        "address.line1": Owner.BOTH, "address.line2": Owner.BOTH, "address.city": Owner.BOTH,
        "address.region": Owner.BOTH, "address.postcode": Owner.BOTH,
    },
}  # fmt: skip


def take_client(connection: Connection, remote: Remote, who: str) -> int:
    """Merge one client, field by field. Returns whether it is one of ours."""
    link = link_of(connection, remote)
    if link is None or link.client is None or (remote.gone and not remote.merged_into):
        return 0
    if remote.merged_into:
        return _follow_merge(connection, link, remote.merged_into)
    if is_known(link, remote):
        return 1
    owners = CLIENT_OWNERS[connection.provider]
    ours = Side(flatten(link.base_ours or {}), flatten(documents.client_doc(link.client)))
    theirs = Side(flatten(link.base_theirs or {}), flatten(remote.theirs))
    result = merge(ours, theirs, owners)
    if not _save_client(link, result.to_ours):
        return 1  # The base stays as it was: the next look tries again, and until then the books differ.
    for conflict in result.conflicts:
        snags.open_snag(
            connection, "both_changed", subject=f"client:{link.pk}:{conflict.name}", link=link,
            what=link.client.name, field=conflict.name.replace("address.", "").replace("_", " ").capitalize(),
            name=conflict.name, ours=conflict.ours, theirs=conflict.theirs, base=conflict.base,
        )  # fmt: skip
    link.client.refresh_from_db()
    waiting = {
        name.partition(".")[0] for name in (*result.to_theirs, *(conflict.name for conflict in result.conflicts))
    }
    before = link.base_ours or {}
    # A field that is still to be sent, or waits for a person, keeps its base: else our change would be forgotten.
    base = {k: before.get(k, v) if k in waiting else v for k, v in documents.client_doc(link.client).items()}
    bases.agree(link, remote, base_ours=base)
    return 1


def _save_client(link: Link, changes: dict[str, str]) -> bool:
    """Give our client the ledger's values. Returns whether they can be used here; what cannot is a cause."""
    client = link.client
    assert client is not None
    columns = {"name": "name", "email": "billing_email", "phone": "phone", "tax_number": "tax_number"}
    facts: dict[str, Any] = {columns[k]: v for k, v in changes.items() if k in columns}
    address: dict[str, Any] = {k.removeprefix("address."): v for k, v in changes.items() if k.startswith("address.")}
    try:
        with transaction.atomic():
            if facts:
                clients.update_client(client_id=client.pk, **facts)
            if address:
                clients.set_address(client_id=client.pk, **address)
    except clients.ClientRefused as refusal:
        snags.open_snag(
            link.connection, "not_taken", subject=f"client:{link.pk}", link=link, what=client.name, why=refusal.words
        )
        return False
    for snag in Snag.objects.filter(link=link, code="not_taken", closed_at__isnull=True):
        snags.close(snag, "agrees again")
    return True


def follow_merge(connection: Connection, kind: str, loser: str, survivor: str) -> None:
    """A ledger that does not show a merge on the object itself has told of one."""
    link = Link.objects.filter(connection=connection, kind=kind, remote_id=loser, gone_at__isnull=True).first()
    if link is not None and kind == Kind.CLIENT:
        _follow_merge(connection, link, survivor)


def _follow_merge(connection: Connection, link: Link, merged_into: str) -> int:
    """The contact was merged away: its link stays as a tombstone and points to the survivor's.

    Where the survivor is none of ours it becomes the client's contact, and is read for what it says.
    """
    survivor = Link.objects.filter(connection=connection, kind=Kind.CLIENT, remote_id=merged_into).first()
    loser = str(link.remote_id)
    if survivor is None:
        Link.objects.filter(pk=link.pk).update(remote_id=merged_into, remote_version="")
        read_later(connection, Remote(Kind.CLIENT, merged_into, "", {}))
    elif link.merged_into_id is None and survivor.pk != link.pk:
        merge_into(link, survivor)
    else:
        return 1
    _send_to_survivor(connection, link, loser)
    return 1


def merge_into(link: Link, survivor: Link) -> None:
    """A client's link stays as a tombstone that points to another's; it owes nothing, and asks nobody anything.

    Where the survivor is only now to get the contact that stayed, this one lets go of it, and what needed this one
    needs the other.
    """
    changes = {**owed.CLEAR, "parked_at": None, "parked_code": "", "merged_into": survivor, "gone_at": clock.now()}
    if survivor.remote_id is None:
        changes["remote_id"] = None
        both = LinkNeed.objects.filter(needs=survivor).values("link")
        LinkNeed.objects.filter(needs=link, link__in=both).delete()
        LinkNeed.objects.filter(needs=link).update(needs=survivor)
    Link.objects.filter(pk=link.pk).update(**changes)
    for snag in Snag.objects.filter(link=link, closed_at__isnull=True):
        snags.close(snag, "merged")


def _send_to_survivor(connection: Connection, link: Link, loser: str) -> None:
    """What the ledger refused because its contact was merged away goes to the one that stayed; and documents that had
    moved there before we knew were not changed.
    """
    refused = CallItem.objects.filter(link__connection=connection, link__parked_at__isnull=False)
    ids = set(refused.filter(ours__doc__contact=loser).values_list("link", flat=True)) | {link.pk}
    connections.try_again(connection_id=connection.pk, link_ids=sorted(ids))
    doubted = Snag.objects.filter(code="document_changed", closed_at__isnull=True, link__connection=connection)
    for snag in doubted.filter(link__invoice__client=link.client_id).select_related("link__invoice"):
        assert snag.link is not None, "a changed document is somebody's"
        compare_document(connection, snag.link, snag.link.base_theirs or {}, snag.facts.get("who", ""))
