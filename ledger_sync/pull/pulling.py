"""Pull: hinted objects are fetched in batches; a sweep by modified-date finds what no notice told.

A window of a sweep is frozen before its first page, and the cursor moves past it only in the commit of its last page.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from billing.models import Invoice
from ledger_sync import applying, linking
from ledger_sync.applying.entries import ENTRIES
from ledger_sync.connection import connections, mapping
from ledger_sync.kinds import MAIN, SHAPES
from ledger_sync.limits import budgets, lanes
from ledger_sync.limits.lanes import Fenced, Lease
from ledger_sync.models import Connection, Hint, Lane, Link, RefItem
from ledger_sync.models.links import Kind
from ledger_sync.ports import Disconnected, Ledger, LedgerError, OutcomeUnknown, TryLater
from ledger_sync.providers import ledger_for
from ledger_sync.pull import inbound
from practice.core import audit, clock, events, stopping, wake
from practice.core.owed import Urgency

log = logging.getLogger(__name__)
#: Vendors' clocks and indexes lag: each window starts this much before the last one ended.
OVERLAP = timedelta(minutes=2)
HINTS_A_CALL = 40
#: For so long notices are gathered, in a burst and once half of the calls of a window are used up.
GATHER = timedelta(seconds=5)
#: More hints than this are cheaper to find by one sweep.
HINTS_AT_MOST = 200
#: How often what no webhook tells of is swept while money is awaited, how often otherwise, and how often the rest.
QUICKLY, SLOWLY, NOTICED = timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=5)
#: How often it is looked for whether the bookkeeper removed or changed an entry of Stripe's money.
HOURLY = timedelta(hours=1)
#: Causes that end when something is opened again in the ledger.
CLOSED = ("account_archived", "coded_archived", "locked")


def pull(connection_id: int, *, sweep: bool = False, kinds: Sequence[str] = (), references: bool = False) -> int:
    """Fetch what was hinted at, and with ``sweep`` everything changed since the last one. Returns objects applied.

    ``kinds`` sweeps only some; ``references`` reads chart, rates and company again.
    """
    connection = Connection.objects.select_related("tokens", "entity").get(pk=connection_id)
    if connection.state not in (Connection.State.LIVE, Connection.State.MATCHING):
        return 0
    rows = Lane.objects.filter(connection_id=connection_id, name="pull")
    if sweep:
        # Whoever holds the lane just now sees it when done; a blocked one is swept once it is open.
        rows.update(sweep_asked_at=clock.now())
    lease = lanes.take(connection_id, "pull")
    if lease is None:
        return 0
    applied = 0
    try:
        with audit.cause(
            system=connection.provider, actor=connection.get_provider_display(), run=f"pull {lease.epoch}"
        ):
            applied = _work(connection, lease, ledger_for(connection), kinds=kinds, references=references)
            lanes.succeeded(connection_id, "pull")
    except Fenced:
        log.info("pull of connection %s: lease lost, stopping", connection_id)
    except Disconnected as error:
        connections.lose(connection_id=connection_id, reason=error.text)
    except (TryLater, OutcomeUnknown) as error:
        lanes.failed(connection_id, "pull", error, error.retry_after if isinstance(error, TryLater) else None)
    except LedgerError as error:
        log.warning("pull of connection %s refused: %s", connection_id, error)
        lanes.failed(connection_id, "pull", error, 60)
    finally:
        lease.give_back()
    _ring_for_the_rest(connection_id)
    return applied


def _ring_for_the_rest(connection_id: int) -> None:
    """Whoever came while the lane was taken went away again: ring for what they wanted, unless it is blocked."""
    now = clock.now()
    lane = Lane.objects.get(connection_id=connection_id, name="pull")
    if lane.blocked_until is not None and lane.blocked_until > now:
        return
    if lane.sweep_asked_at is not None:
        wake.wake("ledger_sync.tasks.sweep_connection", connection_id=connection_id)
    elif Hint.objects.filter(connection_id=connection_id, ready_at__lte=now).exists():
        wake.wake("ledger_sync.tasks.pull", connection_id=connection_id)


def _work(connection: Connection, lease: Lease, ledger: Ledger, *, kinds: Sequence[str], references: bool) -> int:
    swept = SHAPES[connection.provider].swept
    everything = False
    asked = Lane.objects.filter(connection=connection, name="pull", sweep_asked_at__isnull=False)
    if asked.exists() and asked.update(sweep_asked_at=None):
        kinds = swept
        everything = references
    inbound.drop_echoes(connection)
    waiting = Hint.objects.filter(connection=connection, ready_at__lte=clock.now())
    many = Counter(waiting.values_list("kind", flat=True))
    applied = 0
    if references:
        _refresh_references(connection, ledger)
    for kind in swept:
        if kind in kinds or many[kind] > HINTS_AT_MOST:
            applied += _sweep_kind(connection, lease, ledger, kind)
    for entry in entries_due(connection, everything=everything) if kinds else ():
        applied += _sweep_entries(connection, lease, ledger, *entry)
    if kinds:
        linking.recompute_needs(connection)
    return applied + _follow_hints(connection, lease, ledger)


def _follow_hints(connection: Connection, lease: Lease, ledger: Ledger) -> int:
    applied = 0
    while True:
        hints = list(
            Hint.objects.filter(connection=connection, ready_at__lte=clock.now()).order_by("ready_at")[:HINTS_A_CALL]
        )
        if not hints or stopping.asked() or _gather(connection, hints):
            return applied
        for (kind, role), group in _by_list(connection, hints).items():
            lease.renew()
            reading = applying.Reading(clock.now(), lease)
            remotes = ledger.fetch(kind, [hint.remote_id for hint in group], role)
            applied += applying.apply(connection, ledger, remotes, reading)
            with transaction.atomic():
                _forget(group)


def _by_list(connection: Connection, hints: Sequence[Hint]) -> dict[tuple[str, str], list[Hint]]:
    """Hints by where their objects live: a document of a role may be in another list than the plain one of its kind."""
    links = Link.objects.filter(connection=connection, remote_id__in={hint.remote_id for hint in hints}).exclude(
        role=""
    )
    roles = {(kind, key): role for kind, key, role in links.values_list("kind", "remote_id", "role")}
    found: dict[tuple[str, str], list[Hint]] = defaultdict(list)
    for hint in hints:
        found[hint.kind, roles.get((hint.kind, hint.remote_id), "")].append(hint)
    return found


def _gather(connection: Connection, hints: Sequence[Hint]) -> bool:
    """Wait a few seconds for more to be told, so that fewer calls read it all: where calls get short, and in a burst.

    What a person changes now and then is followed at once. Whoever changes more than a call can name in one moment is
    likely not done: a few seconds later there may be enough of it for a sweep, which reads a thousand in a call.
    """
    young = clock.now() - GATHER
    if any(hint.first_at <= young for hint in hints):
        return False
    if len(hints) < HINTS_A_CALL and not budgets.is_half_spent(connection):
        return False
    with transaction.atomic():
        waiting = Hint.objects.filter(connection=connection, ready_at__lte=clock.now(), first_at__gt=young)
        ids = list(waiting.select_for_update().order_by("pk").values_list("pk", flat=True))
        Hint.objects.filter(pk__in=ids).update(ready_at=F("first_at") + GATHER)
    return True


def _forget(hints: Iterable[Hint]) -> None:
    """Strike out what was followed, unless something newer was told of it meanwhile. In the order notices lock them."""
    for hint in sorted(hints, key=lambda hint: hint.pk):
        Hint.objects.filter(pk=hint.pk, last_event_at=hint.last_event_at).delete()


def _sweep_kind(connection: Connection, lease: Lease, ledger: Ledger, kind: str) -> int:
    lane = Lane.objects.get(connection=connection, name="pull")
    until = clock.now()
    told = list(Hint.objects.filter(connection=connection, kind=kind, ready_at__lte=until))
    since = datetime.fromisoformat(lane.cursor[kind]) if kind in lane.cursor else connection.connected_at
    page, applied = 1, 0
    seen: set[str] = set()
    while True:
        lease.renew()
        reading = applying.Reading(clock.now(), lease)
        found = ledger.changed(kind, since - OVERLAP, until, page)
        applied += applying.apply(connection, ledger, found.remotes, reading)
        seen.update(remote.remote_id for remote in found.remotes)
        if not found.more:
            break
        if stopping.asked():
            return applied  # The cursor stays: the next sweep reads these pages again.
        page += 1
    with transaction.atomic():
        lane = Lane.objects.select_for_update().get(pk=lane.pk)
        lane.cursor[kind] = until.isoformat()
        read = [datetime.fromisoformat(lane.cursor[k]) for k in SHAPES[connection.provider].swept if k in lane.cursor]
        if len(read) == len(SHAPES[connection.provider].swept):
            lane.swept_at = min(read)
        lane.save(update_fields=["cursor", "swept_at"])
        _forget(hint for hint in told if hint.remote_id in seen)
    return applied


def entries_due(connection: Connection, *, everything: bool) -> list[tuple[str, str]]:
    """The lists in which what became of our fees, payouts and the like is to be looked for now: hourly, or all."""
    beside = ~Q(kind=Kind.PAYMENT, role=MAIN)
    ours = Link.objects.filter(beside, connection=connection, kind__in=ENTRIES, gone_at__isnull=True)
    if not ours.exclude(remote_id=None).exists():
        return []
    cursor, now = Lane.objects.get(connection=connection, name="pull").cursor, clock.now()
    read = {entry: cursor.get(_cursor_of(*entry)) for entry in SHAPES[connection.provider].entries}
    return [e for e, at in read.items() if everything or at is None or now - datetime.fromisoformat(at) >= HOURLY]


def _cursor_of(kind: str, role: str) -> str:
    return f"entries {kind} {role}".strip()


def _sweep_entries(connection: Connection, lease: Lease, ledger: Ledger, kind: str, role: str) -> int:
    """Look for entries of ours that the bookkeeper removed or changed; everybody else's in the list are passed over."""
    name, until, page, applied = _cursor_of(kind, role), clock.now(), 1, 0
    cursor = Lane.objects.get(connection=connection, name="pull").cursor
    since = datetime.fromisoformat(cursor[name]) if name in cursor else connection.connected_at
    while True:
        lease.renew()
        reading = applying.Reading(clock.now(), lease)
        found = ledger.changed(kind, since - OVERLAP, until, page, role)
        applied += applying.apply(connection, ledger, applying.ours_among(connection, found.remotes), reading)
        if not found.more:
            break
        if stopping.asked():
            return applied
        page += 1
    with transaction.atomic():
        lane = Lane.objects.select_for_update().get(connection=connection, name="pull")
        lane.cursor[name] = until.isoformat()
        lane.save(update_fields=["cursor"])
    return applied


def _refresh_references(connection: Connection, ledger: Ledger) -> None:
    """Read the chart and the company again; an account in use that was archived is told at once."""
    organisation = ledger.organisation()
    refs = ledger.references()
    with transaction.atomic():
        before = _closed(connection)
        connections.keep_organisation(connection, organisation)
        ids = list(RefItem.objects.filter(connection=connection, kind="organisation").values_list("pk", flat=True))
        broken = mapping.refresh_references(connection, refs)
        RefItem.objects.filter(pk__in=ids).update(active=True, gone_at=None)
        for ref in broken:
            events.record("ledger_sync.reference.broken", ref)
        if _closed(connection) != before:
            _send_what_was_closed(connection)


def _closed(connection: Connection) -> tuple[set[int], str]:
    """What cannot be booked to: what is archived, and the days that are locked."""
    archived = RefItem.objects.filter(connection=connection, active=False)
    return set(archived.values_list("pk", flat=True)), mapping.locked_until(connection.pk)


def _send_what_was_closed(connection: Connection) -> None:
    """An account was brought back, or a lock date moved: what waited for that is tried again, and parked if it must."""
    refused = Q(owed_since__isnull=False, items__vendor_code="locked")
    waits = Link.objects.filter(Q(parked_code__in=CLOSED) | refused, connection=connection).distinct()
    if ids := list(waits.values_list("pk", flat=True)):
        connections.try_again(connection_id=connection.pk, link_ids=ids)


def sweeps_due(connection: Connection, now: datetime) -> list[str]:
    """The kinds whose sweep is due.

    Those that no webhook tells of every 2 minutes while something is owed or due today, every 10 otherwise; the others
    every 5, but not while a long run of them is being sent: that would read our own documents back page by page.
    Everything when somebody asked, and each minute while the ledger does not answer: that is how its coming back is
    seen.
    """
    shape = SHAPES[connection.provider]
    lane = Lane.objects.filter(connection=connection, name="pull").first()
    if lane is None or lane.sweep_asked_at or lanes.silent_since(connection.pk) is not None:
        return list(shape.swept)
    read = {kind: datetime.fromisoformat(lane.cursor[kind]) for kind in shape.swept if kind in lane.cursor}
    others = QUICKLY if _is_busy(connection) else SLOWLY
    due = [kind for kind in read if now - read[kind] >= (NOTICED if kind in shape.noticed else others)]
    wait = [kind for kind in due if now - read[kind] < SLOWLY and _is_sent_in_bulk(connection, kind)]
    return [kind for kind in shape.swept if kind not in read or (kind in due and kind not in wait)]


def _is_busy(connection: Connection) -> bool:
    if linking.oldest_owed(connection) is not None:
        return True
    issued = Invoice.objects.filter(entity_id=connection.entity_id, status=Invoice.Status.ISSUED)
    return issued.filter(due_on__lte=clock.today(connection.entity.time_zone)).exists()


def _is_sent_in_bulk(connection: Connection, kind: str) -> bool:
    bulk = Link.objects.filter(connection=connection, kind=kind, urgency=Urgency.BULK, ready_at__isnull=False)
    return len(bulk.values_list("pk")[:HINTS_AT_MOST]) == HINTS_AT_MOST
