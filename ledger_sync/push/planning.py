"""Plan: ready links become one call, written with its key and exact body before anything is sent."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.db.models import F

from ledger_sync import linking
from ledger_sync.asking import snags
from ledger_sync.connection import mapping
from ledger_sync.kinds import PUSH_ORDER, SHAPES
from ledger_sync.limits import budgets, lanes
from ledger_sync.limits.lanes import Lease
from ledger_sync.limits.turns import MyTurn
from ledger_sync.models import Call, CallItem, Connection, Link
from ledger_sync.ports import Ledger, Outgoing
from ledger_sync.rendering import coding, dating, documents, papers
from ledger_sync.rendering.intents import Intent
from ledger_sync.rendering.known import Known
from practice.core import audit, clock, owed
from practice.core.money import ZERO
from practice.core.owed import Urgency


@dataclass(frozen=True)
class Planned:
    """A link with what is to be done for it."""

    link: Link
    intent: Intent


@dataclass(frozen=True)
class Written:
    """A call as it stands in its row, with its items and their links."""

    call: Call
    items: Sequence[CallItem]

    @classmethod
    def read(cls, call: Call) -> Written:
        """A call that was written earlier."""
        return cls(call, list(call.items.select_related("link").order_by("position")))

    def outgoings(self) -> list[Outgoing]:
        """Its documents as the adapter wants them."""
        return [outgoing(item) for item in self.items]


@dataclass(frozen=True)
class Room:
    """How many calls may go out beside those under way: for anybody, and for people; and whose turn bulk is."""

    anybody: int
    people: int
    turn: MyTurn | None = None


def plan(connection: Connection, lease: Lease, ledger: Ledger, room: Room) -> list[Written]:
    """Write the next calls, people's before bulk: none when nothing is ready, or no call is left in a window.

    Links that turn out to owe nothing are settled here; links that cannot be sent as things stand are parked with
    their cause, and never hold up another.
    """
    while (found := _first_ready(connection)) is not None:
        urgency, kind = found
        most = room.people if urgency == Urgency.PERSON else room.anybody
        if most <= 0 or (urgency == Urgency.BULK and room.turn is not None and not room.turn.is_mine()):
            break
        with transaction.atomic():
            lease.renew()
            batches = _batches(connection, kind, urgency, most)
            if not batches:
                continue
            grant = budgets.grant(connection, urgency, len(batches), pushing=True)
            if grant.full_until is not None:
                lanes.slow(connection.pk, lease.name, until=grant.full_until, people_too=urgency == Urgency.PERSON)
            return [_write(connection, lease, ledger, batch, urgency) for batch in batches[: grant.calls]]
    return []


def outgoing(item: CallItem) -> Outgoing:
    """One stored document as the adapter wants it."""
    sent = item.ours
    return Outgoing(
        position=item.position,
        kind=item.link.kind,
        role=item.link.role,
        action=sent["action"],
        doc=sent["doc"],
        remote_id=sent["remote_id"],
        remote_version=sent["remote_version"],
        fields=tuple(sent.get("fields", ())),
        made_at=item.call.made_at,
    )


def _ready(connection: Connection, kind: str, urgency: int, most: int) -> list[Link]:
    rows = (
        Link.objects.filter(connection=connection, kind=kind, urgency=urgency, ready_at__lte=clock.now())
        .exclude(items__open_call__isnull=False)
        .select_related(*_SUBJECT[kind])
        .order_by("ready_at", "id")
    )
    found = list(rows[:most])
    for link in found:
        link.connection = connection
    return found


_SUBJECT: dict[str, tuple[str, ...]] = {
    "client": ("client",),
    "item": ("service",),
    "invoice": ("invoice",),
    "credit": ("credit__invoice",),
    "payment": ("payment",),
    "allocation": ("allocation__invoice", "allocation__payment", "allocation__credit"),
    "fee": ("fee_day",),
    "payout": ("payout",),
    "refund": ("refund__payment", "refund__credit__invoice"),
    "dispute": ("dispute__payment",),
    "attachment": ("invoice__entity",),
    "note": ("invoice__engagement",),
}


#: One probe of the index for each urgency and kind: with 10,000 ready, to list what there is would cost a look at every
#: one. A window that is full but for the reserve is for people alone.
_FIRST_READY = """
    WITH choice(urgency, place, kind) AS (VALUES {choices})
    SELECT urgency, kind FROM choice WHERE EXISTS (
        SELECT 1 FROM ledger_sync_link AS link
        WHERE link.connection_id = %s AND link.kind = choice.kind AND link.urgency = choice.urgency
          AND link.ready_at <= %s
          AND NOT EXISTS (
            SELECT 1 FROM ledger_sync_callitem AS item
            WHERE item.link_id = link.id AND item.open_call_id IS NOT NULL
          )
    ) AND (urgency = {person} OR NOT EXISTS (
        SELECT 1 FROM ledger_sync_lane WHERE connection_id = %s AND name = 'push' AND people_until > %s
    ))
    ORDER BY urgency, place LIMIT 1
""".format(  # noqa: S608 - names and numbers of our own
    person=int(Urgency.PERSON),
    choices=", ".join(
        f"({urgency}, {place}, '{kind}')"
        for urgency in sorted(Urgency.values)
        for place, kind in enumerate(map(str, PUSH_ORDER))
    ),
)


def _first_ready(connection: Connection) -> tuple[int, str] | None:
    """What to send next: the most urgent that is ready, and of that the kind others need first."""
    now = database.ops.adapt_datetimefield_value(clock.now())
    with database.cursor() as cursor:
        cursor.execute(_FIRST_READY, [connection.pk, now, connection.pk, now])
        row = cursor.fetchone()
    return (row[0], row[1]) if row else None


def _batches(connection: Connection, kind: str, urgency: int, most: int) -> list[list[Planned]]:
    """Up to so many batches of links of one kind, role and action each; settles or parks what cannot be sent."""
    shape = SHAPES[connection.provider]
    lock = mapping.locked_until(connection.pk)
    ready, known = _ready(connection, kind, urgency, most * shape.batch), Known(connection)
    known.read_ahead(ready)
    split = _split([link.pk for link in ready if link.tries > 0])
    batches: list[list[Planned]] = []
    filling: dict[tuple[str, str], list[Planned]] = {}
    for link in ready:
        intent = _intent(link, known, lock)
        if intent is None:
            continue
        sort = (link.role, intent.action)
        alone = link.pk in split or kind in shape.single or (kind, *sort) in shape.alone
        batch = None if alone else filling.get(sort)
        if batch is None or len(batch) == shape.batch:
            if len(batches) == most:
                continue
            batch = []
            batches.append(batch)
            if not alone:
                filling[sort] = batch
        batch.append(Planned(link, intent))
    return batches


def _split(link_ids: Sequence[int]) -> set[int]:
    """Of these links, those that were refused together with others: each goes alone."""
    if not link_ids:
        return set()
    return set(CallItem.objects.filter(link__in=link_ids, result="split").values_list("link", flat=True))


def _intent(link: Link, known: Known, lock: str) -> Intent | None:
    if link.gone_at is not None and documents.is_wanted_again(link):
        linking.renew(link)
        return None
    try:
        intent = documents.intent_of(link, known)
    except mapping.MappingMissing as error:
        _park(link, "mapping_missing", subject=str(error), what=str(error))
        return None
    except coding.CodedArchived as error:
        what = documents.describe(link)
        _park(link, "coded_archived", subject=f"{link.kind}:{link.pk}", what=what, account=str(error))
        return None
    except mapping.TargetArchived as error:
        _park(link, "account_archived", subject=str(error), account=str(error))
        return None
    if intent is None:
        rows = Link.objects.filter(pk=link.pk)
        if owed.settle(rows, sent_rev=link.owed_rev):
            linking.release_dependants([link.pk])
            snags.close_for_links([link.pk])
        return None
    return _on_an_open_day(link, intent, lock)


def _on_an_open_day(link: Link, intent: Intent, lock: str) -> Intent | None:
    today = clock.today(link.connection.entity.time_zone) if lock else clock.now().date()
    allowed = dating.on_an_open_day(link, intent, lock, today)
    if allowed is None:
        what = documents.describe(link)
        _park(link, "locked", subject=f"{link.kind}:{link.pk}", what=what, date=intent.booked_on, locked_until=lock)
    return allowed


def _park(link: Link, code: str, *, subject: str, **facts: str) -> None:
    owed.park(Link.objects.filter(pk=link.pk), code=code)
    waiting = Link.objects.filter(connection=link.connection, parked_code=code)
    money = sum((documents.value_of(row) for row in waiting.exclude(kind__in=("client", "item"))), ZERO)
    snags.open_snag(link.connection, code, subject=subject, link=link, money=money, **facts)


def _debt(link: Link) -> dict[str, Any]:
    """Since when a link has owed what is sent, and by whose doing: what its story says of the call."""
    since = link.owed_since
    return {**link.owed_by, "since": since.isoformat()} if since else {}


def _write(connection: Connection, lease: Lease, ledger: Ledger, batch: Sequence[Planned], urgency: int) -> Written:
    now = clock.now()
    items = [
        Outgoing(
            position=position,
            kind=p.link.kind,
            role=p.link.role,
            action=p.intent.action,
            doc=p.intent.doc,
            remote_id=p.link.remote_id or "",
            remote_version=p.link.remote_version,
            fields=p.intent.fields,
        )
        for position, p in enumerate(batch, start=1)
    ]
    wire = ledger.wire(items)
    call = Call.objects.create(
        connection=connection,
        urgency=urgency,
        operation=wire.operation,
        method=wire.method,
        path=wire.path,
        body=wire.body,
        key=str(uuid.UUID(int=owed.chance.getrandbits(128), version=4)),
        epoch=lease.epoch,
        made_at=now,
        first_sent_at=now,
        last_sent_at=now,
        sends=1,
        cause={k: v for k, v in asdict(audit.current()).items() if v},
    )
    written = CallItem.objects.bulk_create(
        CallItem(
            call_id=call.pk,
            position=item.position,
            link=p.link,
            sent_rev=p.link.owed_rev,
            generation=p.link.generation,
            ours={
                "action": item.action,
                "doc": {name: value for name, value in item.doc.items() if name != papers.CONTENT},
                "remote_id": item.remote_id,
                "remote_version": item.remote_version,
                "fields": list(item.fields),
                "owed": _debt(p.link),
            },
            open_call_id=call.pk,
        )
        for item, p in zip(items, batch, strict=True)
    )
    Link.objects.filter(pk__in=[p.link.pk for p in batch]).update(tries=F("tries") + 1)
    return Written(call, written)
