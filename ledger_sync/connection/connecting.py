"""From a consent to a live connection: tokens, organisations, the chart, sensible mappings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from ledger_sync.connection import connections, mapping
from ledger_sync.models import Connection, TokenSet
from ledger_sync.ports import Organisation
from ledger_sync.providers import ledger_for, oauth_of, suggestions_of
from practice.firm.models import Entity


def from_consent(*, entity: Entity, provider: str, code: str, redirect_uri: str, realm: str = "") -> list[Connection]:
    """Trade the code of a consent for tokens and connect the organisation it covers. Network first, rows after.

    ``realm`` is QuickBooks' company id from the callback. Raises the ledger's failures, or ConnectionRefused when the
    consent covers no organisation this entity can keep its books in.
    """
    oauth = oauth_of(provider)
    reply = oauth.exchange(code=code, redirect_uri=redirect_uri)
    subject = realm or oauth.subject_of(str(reply["access_token"]))
    organisations = oauth.organisations_of(str(reply["access_token"]), realm)
    tokens = connections.keep_tokens(entity=entity, provider=provider, subject=subject, reply=reply)
    return [_connect(entity, provider, organisation, tokens) for organisation in _fitting(entity, organisations)]


def connect_sandbox(*, entity: Entity, provider: str, keys: dict[str, Any]) -> Connection:
    """Connect to a sandbox with the refresh token it hands out; the demo and the tests use it in place of a browser."""
    oauth = oauth_of(provider)
    reply = oauth.refresh(str(keys["refresh_token"]))
    realm = str(keys.get("realm_id", ""))
    subject = realm or oauth.subject_of(str(reply["access_token"]))
    tokens = connections.keep_tokens(entity=entity, provider=provider, subject=subject, reply=reply)
    found = oauth.organisations_of(str(reply["access_token"]), realm)
    wanted = str(keys.get("tenant_id") or realm)
    organisation = next(o for o in found if o.remote_org == wanted)
    row = _connect(entity, provider, organisation, tokens)
    return connections.go_live(connection_id=row.pk)


def give_back(connection_id: int) -> None:
    """Give the ledger back the access it allowed, once a connection was left on purpose; a reconnected one keeps it.

    Safe to run twice. Raises TryLater when the ledger does not answer: the sweep asks again until it does.
    """
    row = Connection.objects.select_related("tokens").filter(connections.LEFT, pk=connection_id).first()
    if row is not None:
        oauth_of(row.provider).give_back(row.tokens, row.remote_org)
        connections.note_given_back(connection_id=connection_id)


def _fitting(entity: Entity, organisations: Sequence[Organisation]) -> list[Organisation]:
    """The organisation to connect: one this entity had before, else the first in its currency that is still free.

    A Xero user's consent also lists what the app was given before, for the practice's other entities.
    """
    known = set(Connection.objects.filter(entity=entity).values_list("remote_org", flat=True))
    others = Connection.objects.filter(disconnected_at__isnull=True).exclude(entity=entity)
    taken = set(others.values_list("remote_org", flat=True))
    again = [o for o in organisations if o.remote_org in known]
    suitable = [o for o in organisations if o.currency == entity.currency]
    fitting = again or [o for o in suitable if o.remote_org not in taken] or suitable
    if not fitting:
        names = ", ".join(o.name for o in organisations) or "no organisation"
        raise connections.ConnectionRefused(
            f"The consent covers {names}, and {entity.name} keeps its books in {entity.currency}"
        )
    return fitting[:1]


def _connect(entity: Entity, provider: str, organisation: Organisation, tokens: TokenSet) -> Connection:
    row = connections.connect(entity=entity, provider=provider, organisation=organisation, tokens=tokens)
    refs = ledger_for(row).references()
    with transaction.atomic():
        mapping.refresh_references(row, refs)
        connections.keep_organisation(row, organisation)
        mapping.choose_defaults(row, suggestions_of(provider)(refs, entity.country))
        row.state = Connection.State.MATCHING
        row.save(update_fields=["state"])
    return row
