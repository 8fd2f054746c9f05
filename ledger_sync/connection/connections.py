"""Connecting, pausing, losing and leaving a ledger. What is owed stays owed through all of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from ledger_sync import linking
from ledger_sync.connection import mapping
from ledger_sync.limits import lanes
from ledger_sync.models import Connection, Lane, Link, RefItem, TokenSet
from ledger_sync.ports import Organisation
from practice.core import clock, events, owed, wake
from practice.firm.models import Entity

#: Left on purpose, and the ledger does not have its access back yet.
LEFT = Q(state=Connection.State.DISCONNECTED, disconnect_reason=Connection.BY_US, given_back_at__isnull=True)


class ConnectionRefused(ValueError):
    """The connection cannot be made or changed like this; the text says why."""


@transaction.atomic
def keep_tokens(*, entity: Entity, provider: str, subject: str, reply: dict[str, Any]) -> TokenSet:
    """Keep the tokens a person's consent brought, in place of any the same vendor user had here before."""
    kept = {k: reply[k] for k in ("access_token", "refresh_token", "scope") if k in reply}
    row, _ = TokenSet.objects.update_or_create(
        practice_id=entity.practice_id,
        provider=provider,
        subject=subject,
        defaults={
            "secret": json.dumps(kept),
            "previous": "",
            "expires_at": clock.now() + timedelta(seconds=int(reply.get("expires_in", 1800))),
            "refreshing_until": None,
        },
    )
    return row


@transaction.atomic
def connect(*, entity: Entity, provider: str, organisation: Organisation, tokens: TokenSet) -> Connection:
    """Connect an entity to an organisation, or reconnect it: links and what is owed are kept.

    Raises ConnectionRefused when the organisation is connected to another entity, or the entity to another
    organisation, or their currencies differ.
    """
    if organisation.currency != entity.currency:
        raise ConnectionRefused(
            f"{organisation.name} keeps its books in {organisation.currency}, {entity.name} in {entity.currency}"
        )
    taken = Connection.objects.filter(
        provider=provider, remote_org=organisation.remote_org, disconnected_at__isnull=True
    ).exclude(entity=entity)
    if taken.exists():
        raise ConnectionRefused(f"{organisation.name} is connected elsewhere already; disconnect it there first")
    other = Connection.objects.filter(entity=entity, disconnected_at__isnull=True).exclude(
        provider=provider, remote_org=organisation.remote_org
    )
    if other.exists():
        raise ConnectionRefused(f"{entity.name} is connected to {other.get()}; disconnect that first")
    row = Connection.objects.filter(entity=entity, provider=provider, remote_org=organisation.remote_org).first()
    if row is None:
        row = Connection.objects.create(
            practice_id=entity.practice_id, entity=entity, provider=provider, remote_org=organisation.remote_org,
            name=organisation.name, tokens=tokens, connected_at=clock.now(),
        )  # fmt: skip
    else:
        row.tokens, row.name, row.state = tokens, organisation.name, Connection.State.CONNECTING
        row.disconnected_at, row.disconnect_reason, row.given_back_at = None, "", None
        row.save(update_fields=["tokens", "name", "state", "disconnected_at", "disconnect_reason", "given_back_at"])
    for name in Lane.Name.values:
        Lane.objects.get_or_create(connection=row, name=name)
    keep_organisation(row, organisation)
    events.record("ledger_sync.connection.connected", row)
    return row


def keep_organisation(connection: Connection, organisation: Organisation) -> None:
    """Remember the ledger's company as it is now, with its lock date."""
    RefItem.objects.update_or_create(
        connection=connection,
        kind=RefItem.Kind.ORGANISATION,
        remote_id=organisation.remote_org,
        defaults={
            "name": organisation.name[:200],
            "active": True,
            "data": {k: v for k, v in asdict(organisation).items() if k != "data"} | dict(organisation.data),
            "seen_at": clock.now(),
        },
    )


@transaction.atomic
def go_live(*, connection_id: int) -> Connection:
    """Start sending. Raises ConnectionRefused while something has no place in the ledger yet."""
    row = Connection.objects.select_for_update().get(pk=connection_id)
    lacking = mapping.missing(row)
    if lacking:
        raise ConnectionRefused("Choose a place first for: " + ", ".join(w.words.lower() for w in lacking))
    row.state = Connection.State.LIVE
    row.save(update_fields=["state"])
    lanes.open_up(row.pk)
    linking.recompute_needs(row)
    for name in (Lane.Name.PUSH, Lane.Name.PULL):
        lanes.ring(row, name)
    events.record("ledger_sync.connection.live", row)
    return row


@transaction.atomic
def pause(*, connection_id: int, reason: str) -> Connection:
    """Send nothing until resumed; everything queues. Survives restarts."""
    row = Connection.objects.select_for_update().get(pk=connection_id)
    if row.state != Connection.State.LIVE:
        raise ConnectionRefused(f"This connection is {row.get_state_display().lower()}")
    row.state, row.pause_reason = Connection.State.PAUSED, reason[:200]
    row.save(update_fields=["state", "pause_reason"])
    events.record("ledger_sync.connection.paused", row)
    return row


@transaction.atomic
def resume(*, connection_id: int) -> Connection:
    """Send again what queued meanwhile."""
    row = Connection.objects.select_for_update().get(pk=connection_id)
    if row.state != Connection.State.PAUSED:
        raise ConnectionRefused(f"This connection is {row.get_state_display().lower()}")
    row.pause_reason = ""
    row.save(update_fields=["pause_reason"])
    return go_live(connection_id=connection_id)


@transaction.atomic
def choose_papers(*, connection_id: int, attach: bool, note_acceptance: bool) -> Connection:
    """Whether invoices issued from now on get our PDF there, and a note of who accepted them in their history."""
    row = Connection.objects.select_for_update().get(pk=connection_id)
    row.policies = {**row.policies, Connection.ATTACH: attach, Connection.NOTE_ACCEPTANCE: note_acceptance}
    row.save(update_fields=["policies"])
    return row


@transaction.atomic
def lose(*, connection_id: int, reason: str) -> Connection:
    """The ledger no longer lets us in: stop, keep queueing, tell every sync admin once."""
    row = Connection.objects.select_for_update().get(pk=connection_id)
    if row.state != Connection.State.DISCONNECTED:
        row.state, row.disconnected_at = Connection.State.DISCONNECTED, clock.now()
        row.disconnect_reason = (reason or "access was removed there")[:200]
        row.save(update_fields=["state", "disconnected_at", "disconnect_reason"])
        events.record("ledger_sync.connection.lost", row)
    return row


@transaction.atomic
def leave(*, connection_id: int) -> Connection:
    """Disconnect on purpose; links are kept, so that reconnecting the same organisation goes on where it was.

    A worker gives the ledger back the access it allowed.
    """
    row = Connection.objects.select_for_update().get(pk=connection_id)
    row.state, row.disconnected_at, row.disconnect_reason = Connection.State.DISCONNECTED, clock.now(), Connection.BY_US
    row.save(update_fields=["state", "disconnected_at", "disconnect_reason"])
    events.record("ledger_sync.connection.left", row)
    wake.wake("ledger_sync.tasks.give_back", connection_id=row.pk)
    return row


@transaction.atomic
def note_given_back(*, connection_id: int) -> None:
    """Remember that the ledger has its access back, unless somebody reconnected meanwhile."""
    row = Connection.objects.select_for_update().filter(LEFT, pk=connection_id).first()
    if row is not None:
        row.given_back_at = clock.now()
        row.save(update_fields=["given_back_at"])


@transaction.atomic
def try_again(*, connection_id: int, link_ids: list[int] | None = None) -> int:
    """Send parked links again now, and of named ones also those that wait for their turn. Returns how many."""
    connection = Connection.objects.get(pk=connection_id)
    rows = Link.objects.filter(connection=connection, owed_since__isnull=False)
    if link_ids is None:
        rows = rows.filter(parked_at__isnull=False)
    else:
        rows = rows.filter(Q(parked_at__isnull=False) | Q(ready_at__isnull=False), pk__in=link_ids)
    released = 0
    for link in rows:
        if not linking.unmet(link).exists():
            released += owed.release(Link.objects.filter(pk=link.pk))
        else:
            Link.objects.filter(pk=link.pk).update(parked_at=None, parked_code="")
            released += 1
    lanes.try_now(connection_id)
    lanes.ring(connection, "push")
    return released
