"""Notices from ledgers: verified on the raw bytes, stored, answered; then each names objects to be fetched once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from ledger_sync import applying
from ledger_sync.models import Connection, Delivery, Hint, LastNotice, Link
from ledger_sync.models.connections import Provider
from ledger_sync.models.links import Kind
from practice.core import clock, wake

log = logging.getLogger(__name__)
#: A notice about something we do not know may be about what a push is making right now: it waits this long.
UNKNOWN_WAITS = timedelta(seconds=20)
#: The moment in a notice may be so much later than the version it tells of.
STAMPED_LATER = timedelta(seconds=2)
#: An answer is settled within this: what both books last agreed on then came of our own call.
SETTLING = timedelta(seconds=1)
#: No vendor's id is longer.
_ID_LENGTH = 64

#: (connection, kind, remote id).
What = tuple[int, str, str]
_XERO_KINDS = {"CONTACT": Kind.CLIENT, "INVOICE": Kind.INVOICE, "CREDITNOTE": Kind.CREDIT}
_QBO_KINDS = {"customer": Kind.CLIENT, "invoice": Kind.INVOICE, "payment": Kind.PAYMENT, "creditmemo": Kind.CREDIT}


def signature_fits(provider: str, body: bytes, signature: str) -> bool:
    """Whether the vendor signed these bytes: base64 of HMAC-SHA256 under the webhook key (Xero and Intuit alike)."""
    key = settings.XERO_WEBHOOK_KEY if provider == Provider.XERO else settings.QBO_VERIFIER
    wanted = base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(wanted.encode(), signature.encode())


def receive(provider: str, body: bytes) -> bool:
    """Store one verified notice and ring for it. False when the very same bytes came before."""
    sha = hashlib.sha256(body).hexdigest()
    try:
        with transaction.atomic():
            row = Delivery.objects.create(provider=provider, body=body, body_sha256=sha, received_at=clock.now())
            wake.wake("ledger_sync.tasks.work_delivery", delivery_id=row.pk)
    except IntegrityError:
        return False
    return True


@transaction.atomic
def work(delivery_id: int) -> list[int]:
    """Turn a stored notice into hints. Returns the connections that have something to be fetched at once."""
    row = Delivery.objects.select_for_update().get(pk=delivery_id)
    if row.worked_at is not None:
        return []
    named = _readable(row)
    orgs = {org for org, *_ in named}
    rows = Connection.objects.filter(provider=row.provider, remote_org__in=orgs, disconnected_at__isnull=True)
    connections = {connection.remote_org: connection for connection in rows}
    told: dict[What, datetime] = {}
    for org, kind, remote_id, at, loser in named:
        connection = connections.get(org)
        if connection is None:
            continue
        if loser:
            applying.follow_merge(connection, kind, loser, remote_id)
        what = connection.pk, kind, remote_id
        told[what] = max(at, told.get(what, at))
    known = _known(told)
    echoes = _echoes(row.provider, told, known)
    news = {what: at for what, at in told.items() if what not in echoes}
    _note(news, known=known)
    _note_when(row.received_at, connections.values())
    row.worked_at = clock.now()
    row.save(update_fields=["worked_at"])
    return sorted({what[0] for what in news if what in known})


def _note(told: Mapping[What, datetime], *, known: Container[What]) -> None:
    """Leave one hint for each object; those that wait already are told of again. A run's notices name fifty each."""
    now = clock.now()
    ready = {what: now if what in known else now + UNKNOWN_WAITS for what in told}
    waiting = Hint.objects.filter(
        connection__in={what[0] for what in told}, remote_id__in={what[2] for what in told}
    ).select_for_update()
    rows = {(hint.connection_id, hint.kind, hint.remote_id): hint for hint in waiting.order_by("pk")}
    for what in told.keys() & rows.keys():
        _tell_again(rows[what], told[what], ready[what])
    fresh = [
        Hint(
            connection_id=what[0], kind=what[1], remote_id=what[2], first_at=now, last_event_at=at,
            ready_at=ready[what],
        )
        for what, at in told.items()
        if what not in rows
    ]  # fmt: skip
    # One that somebody else leaves in this very moment is followed after this notice came: it does for both.
    Hint.objects.bulk_create(fresh, ignore_conflicts=True)


def _note_when(at: datetime, connections: Iterable[Connection]) -> None:
    """Keep when each of these was last told of, echoes too: so a person sees that the ledger's notices arrive."""
    rows = [LastNotice(connection=connection, at=at) for connection in sorted(connections, key=lambda c: c.pk)]
    LastNotice.objects.bulk_create(rows, update_conflicts=True, unique_fields=["connection"], update_fields=["at"])


def drop_echoes(connection: Connection) -> int:
    """Strike out what was told of documents we did not know and have made ourselves meanwhile. Costs no call.

    Returns how many. Only what waited because nobody knew it: what is to be read again is asked for on purpose.
    """
    unknown = F("first_at") + UNKNOWN_WAITS
    waiting = list(Hint.objects.filter(connection=connection, ready_at__lte=clock.now(), ready_at=unknown))
    if not waiting:
        return 0
    told = {(connection.pk, hint.kind, hint.remote_id): hint.last_event_at for hint in waiting}
    echoes = _echoes(connection.provider, told, _known(told))
    pks = [hint.pk for hint in waiting if (connection.pk, hint.kind, hint.remote_id) in echoes]
    return Hint.objects.filter(pk__in=pks).delete()[0]


def _known(told: Collection[What]) -> dict[What, tuple[str, int]]:
    """The version we have of each of these that we know, and its link."""
    known = {}
    for kind in {kind for _, kind, _ in told}:
        orgs = {org for org, other, _ in told if other == kind}
        ids = {remote_id for _, other, remote_id in told if other == kind}
        rows = Link.objects.filter(connection__in=orgs, kind=kind, remote_id__in=ids)
        for org, remote_id, version, pk in rows.values_list("connection_id", "remote_id", "remote_version", "pk"):
            known[org, kind, str(remote_id)] = version, pk
    return known


def _echoes(provider: str, told: Mapping[What, datetime], known: Mapping[What, tuple[str, int]]) -> set[What]:
    """What was told of versions that we have already: our own push coming back. Costs no call.

    A notice may carry a moment a little later than the version it is about. What a person changes within that moment of
    our own push is found by the next sweep.
    """
    had = {what for what, at in told.items() if what in known and _is_had(provider, known[what][0], at)}
    near = {
        what: known[what][1]
        for what, at in told.items()
        if what in known and what not in had and _is_had(provider, known[what][0], at - STAMPED_LATER)
    }
    if not near:
        return had
    pushed = Link.objects.filter(
        pk__in=near.values(), items__result="ok", items__call__closed_at__gte=F("verified_at") - SETTLING
    )
    ours = set(pushed.values_list("pk", flat=True))
    return had | {what for what, pk in near.items() if pk in ours}


def hint(connection: Connection, kind: str, remote_id: str, at: datetime) -> Hint:
    """Note that an object is to be fetched, once, however often it is said."""
    now = clock.now()
    known = Link.objects.filter(connection=connection, kind=kind, remote_id=remote_id).exists()
    ready = now if known else now + UNKNOWN_WAITS
    row, made = Hint.objects.get_or_create(
        connection=connection,
        kind=kind,
        remote_id=remote_id,
        defaults={"first_at": now, "last_event_at": at, "ready_at": ready},
    )
    if not made:
        _tell_again(row, at, ready)
    return row


def _tell_again(row: Hint, at: datetime, ready: datetime) -> None:
    row.last_event_at, row.ready_at = max(at, row.last_event_at), min(ready, row.ready_at or ready)
    row.save(update_fields=["last_event_at", "ready_at"])


def _is_had(provider: str, version: str, at: datetime) -> bool:
    """Whether what happened at a moment is in a version."""
    if provider == Provider.QUICKBOOKS:
        # "SyncToken@moment": the moment is to the second, the notice's finer. What a person changes within that very
        # second is found by the next sweep.
        version, at = version.partition("@")[2], at.replace(microsecond=0)
    return bool(version) and at <= datetime.fromisoformat(version)


#: (organisation, kind, remote id, instant, and the id that was merged into it or "").
Named = tuple[str, str, str, datetime, str]


def _readable(row: Delivery) -> list[Named]:
    """What a notice names. One that cannot be read names nothing and holds up no other; a sweep will do."""
    try:
        found = list(_named(row.provider, bytes(row.body)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("notice %s from %s cannot be read: %s", row.pk, row.provider, type(error).__name__)
        return []
    return [
        named for named in found if all(isinstance(x, str) and 0 < len(x) <= _ID_LENGTH for x in (named[0], named[2]))
    ]


def _named(provider: str, body: bytes) -> Iterator[Named]:
    """What each event of a notice that concerns us names."""
    payload = json.loads(body)
    if provider == Provider.XERO:
        yield from _xero_events(payload)
    elif isinstance(payload, list):
        yield from _cloud_events(payload)
    else:
        yield from _legacy_events(payload)


def _xero_events(payload: dict[str, Any]) -> Iterator[Named]:
    for event in payload.get("events", []):
        kind = _XERO_KINDS.get(str(event.get("eventCategory", "")).upper())
        if kind is not None:
            yield event["tenantId"], kind, event["resourceId"], _instant(event.get("eventDateUtc", "")), ""


def _cloud_events(events: list[dict[str, Any]]) -> Iterator[Named]:
    for event in events:
        parts = str(event.get("type", "")).lower().split(".")
        kind = _QBO_KINDS.get(parts[1]) if len(parts) > 2 else None
        if kind is not None:
            loser = _deleted_id(event.get("data") or {})
            at = _instant(event.get("time", ""))
            yield event["intuitaccountid"], kind, event["intuitentityid"], at, loser


def _legacy_events(payload: dict[str, Any]) -> Iterator[Named]:
    for notice in payload.get("eventNotifications", []):
        for entity in notice.get("dataChangeEvent", {}).get("entities", []):
            kind = _QBO_KINDS.get(str(entity.get("name", "")).lower())
            if kind is not None:
                at = _instant(entity.get("lastUpdated", ""))
                yield notice["realmId"], kind, entity["id"], at, _deleted_id(entity)


def _deleted_id(facts: dict[str, Any]) -> str:
    """The id a merge took away; Intuit spells the field in three ways."""
    return next((str(value) for name, value in facts.items() if name.lower() == "deletedid"), "")


def _instant(text: str) -> datetime:
    """An instant from a vendor's text: Xero's has no zone (it is UTC), Intuit's may count nanoseconds."""
    head, dot, tail = text.partition(".")
    if dot:
        digits = "".join(c for c in tail if c.isdigit())[:6]
        zone = "+00:00" if tail.endswith("Z") or not any(c in tail for c in "+-") else tail[-6:]
        text = f"{head}.{digits}{zone}"
    try:
        value = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return clock.now()
    return value if value.tzinfo else value.replace(tzinfo=UTC)
