"""The drain: plan, perform, settle, until nothing is ready. No database transaction is ever open over the network.

A call that was never answered stays open and its links enter no other call. While its key still lives at the vendor it
is sent again, byte for byte; after that we look before anything is sent anew. Each rule was measured: without it some
fault history loses, doubles or diverges (docs/reliability.md).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from ledger_sync.connection import connections
from ledger_sync.kinds import SHAPES
from ledger_sync.limits import budgets, lanes
from ledger_sync.limits.lanes import Fenced, Lease
from ledger_sync.limits.turns import MyTurn
from ledger_sync.models import Call, CallItem, Connection, Lane, Link
from ledger_sync.ports import Disconnected, Ledger, OutcomeUnknown, Rejected, Remote, TryLater
from ledger_sync.providers import ledger_for
from ledger_sync.push import flight, planning, settling
from ledger_sync.push.flight import Flight, Landed
from ledger_sync.push.planning import Written
from practice.core import audit, clock, stopping, wake
from practice.core.models import Switch
from practice.core.owed import Urgency

log = logging.getLogger(__name__)

#: No new call starts after this long in one drain, or once the worker is to end; the bell is rung for the rest.
STINT = timedelta(seconds=25)
#: A link that is ready within this is waited for.
NEAR = timedelta(seconds=5)
#: How long a drain with calls under way waits before it looks whether a person is waiting meanwhile, in seconds.
A_LOOK = 0.25
#: How long the vendor keeps a key (Xero: about six minutes), and how long a request may still be under way there.
KEY_LIVES = timedelta(minutes=5)
STILL_UNDER_WAY = timedelta(seconds=65)
#: Not before this is a look proof of absence: QuickBooks works a request for up to 120 seconds.
LOOK_AFTER = timedelta(seconds=150)


def push(connection_id: int) -> int:
    """Send what one connection's ledger is owed. Returns how many calls were made.

    Stops at once when the lease is lost, when sending is switched off, or after its stint; what is left is rung for.
    """
    connection = Connection.objects.select_related("tokens").get(pk=connection_id)
    if not connection.may_send or Switch.objects.filter(sending=False).exists():
        return 0
    lease = lanes.take(connection_id, "push")
    if lease is None:
        return 0
    calls, turn = 0, MyTurn(connection_id)
    try:
        with audit.cause(system="engine", actor="push", run=f"lease {lease.epoch}"):
            calls = _drain(connection, lease, ledger_for(connection), turn)
    except Fenced:
        log.info("push of connection %s: lease lost, stopping", connection_id)
        return calls
    finally:
        lease.give_back()
        turn.give_back()
    if _something_ready(connection, bulk=not turn.was_refused):
        # Whoever was rung for meanwhile found the lane taken, so the bell is rung again whatever it says.
        wake.wake("ledger_sync.tasks.push", connection_id=connection_id)
    return calls


def _drain(connection: Connection, lease: Lease, ledger: Ledger, turn: MyTurn) -> int:
    until = clock.now() + STINT
    calls = 0
    for call in Call.objects.filter(connection=connection, closed_at__isnull=True).order_by("id"):
        if _is_over(until):
            return calls
        lease.renew()
        calls += _resume(call, connection, lease, ledger)
    refused = bool(calls) and _is_blocked(connection)
    with Flight(ledger, lease) as under_way:
        while True:
            if not _is_over(until) and not refused:
                for written in _plan(connection, lease, ledger, len(under_way), turn):
                    under_way.launch(written)
                    calls += 1
            if not under_way:
                if _is_over(until) or not _wait_a_moment(connection):
                    return calls
                refused = False
            landed = under_way.landed(within=A_LOOK)
            refused = not _take_in(landed, connection, lease, ledger, first=True) or refused


def _is_blocked(connection: Connection) -> bool:
    """Whether a call that was sent again met silence, or was asked to wait."""
    return Lane.objects.filter(connection=connection, name="push", blocked_until__gt=clock.now()).exists()


def _is_over(until: datetime) -> bool:
    return clock.now() >= until or stopping.asked()


def _plan(connection: Connection, lease: Lease, ledger: Ledger, under_way: int, turn: MyTurn) -> list[Written]:
    anybody, people = SHAPES[connection.provider].abreast
    room = planning.Room(anybody - under_way, anybody + people - under_way, turn)
    return planning.plan(connection, lease, ledger, room)


def _take_in(landed: Sequence[Landed], connection: Connection, lease: Lease, ledger: Ledger, *, first: bool) -> bool:
    """Settle calls that are no longer under way. Returns whether the drain may go on."""
    answered = [one for one in landed if one.error is None]
    if answered:
        for one in answered:
            budgets.read_back(connection, one.answered.left)
        _look_after(settling.settle(answered, lease), ledger)
        lanes.succeeded(connection.pk, lease.name)
    may_go_on = True
    for one in landed:
        if one.error is not None:
            may_go_on = _take_failure(one, connection, lease, ledger, first=first) and may_go_on
    return may_go_on


def _take_failure(landed: Landed, connection: Connection, lease: Lease, ledger: Ledger, *, first: bool) -> bool:
    """Settle a call that failed. Returns whether the drain may go on."""
    call, error = landed.written.call, landed.error
    if isinstance(error, OutcomeUnknown):
        Call.objects.filter(pk=call.pk).update(words=error.text[:500], http_status=error.status)
        if error.is_silence:
            lanes.failed(connection.pk, lease.name, error)
        return not error.is_silence
    if isinstance(error, TryLater):
        return _try_later(call, error, connection, lease, first=first)
    if isinstance(error, Disconnected):
        if first:
            settling.put_back(call, error, penalise=False)
        connections.lose(connection_id=connection.pk, reason=error.text)
        return False
    if isinstance(error, Rejected):
        if first:
            _look_after(settling.refuse_whole(call, error), ledger)
        lanes.succeeded(connection.pk, lease.name)
        return True
    # It was written down too long ago to be sent.
    return False


def _look_after(items: list[CallItem], ledger: Ledger) -> None:
    """Look what became of documents that were refused for something that may be our own doing."""
    for item in items:
        try:
            found = ledger.look(planning.outgoing(item))
        except (TryLater, OutcomeUnknown, Disconnected):
            settling.release(item.link)
            continue
        settling.adopt_found(item, found)


def _try_later(call: Call, error: TryLater, connection: Connection, lease: Lease, *, first: bool) -> bool:
    """A try-later answer to the first send means that nothing was done; to a resend it proves nothing."""
    if first:
        # That nobody is there, for reading either, is no fault of the documents.
        nobody = error.is_silence and lanes.is_silent(connection.pk, "pull")
        settling.put_back(call, error, penalise=error.scope == "" and not nobody)
    lanes.failed(connection.pk, lease.name, error, error.retry_after)
    return False


def _resume(call: Call, connection: Connection, lease: Lease, ledger: Ledger) -> int:
    """Find out what became of a call nobody answered: send it again while its key lives, look after that."""
    now = clock.now()
    first_sent, last_sent = call.first_sent_at, call.last_sent_at
    assert first_sent is not None, "a call is written with its first send"
    assert last_sent is not None, "a call is written with its first send"
    if now < first_sent + KEY_LIVES and not _unsure_of_key(call, connection):
        if now < last_sent + STILL_UNDER_WAY or budgets.spend(connection, call.urgency, pushing=True) is not None:
            return 0
        landed = flight.send(ledger, Written.read(_count_send(call, now)))
        _take_in([landed], connection, lease, ledger, first=False)
        return 1
    if now < last_sent + LOOK_AFTER:
        return 0
    found: dict[int, Remote | None] = {}
    try:
        for item in call.items.select_related("link").order_by("position"):
            found[item.position] = ledger.look(planning.outgoing(item))
    except (TryLater, OutcomeUnknown, Rejected) as error:
        log.info("looking for call %s: %s", call.pk, error)
        return 1
    except Disconnected as error:
        connections.lose(connection_id=connection.pk, reason=error.text)
        return 1
    settling.close_found(call, found)
    lanes.succeeded(connection.pk, lease.name)
    return 1


def _unsure_of_key(call: Call, connection: Connection) -> bool:
    """Whether a second send could book twice, were the key forgotten by then: such a call is only looked for."""
    item = call.items.select_related("link").order_by("position").first()
    return item is not None and item.link.kind in SHAPES[connection.provider].unsure_of_key


def _count_send(call: Call, now: datetime) -> Call:
    Call.objects.filter(pk=call.pk).update(sends=F("sends") + 1, last_sent_at=now)
    call.refresh_from_db()
    return call


def _something_ready(connection: Connection, *, bulk: bool) -> bool:
    """Whether something could be sent at once; ``bulk`` that has no turn is rung for by who gives one back."""
    lane = Lane.objects.get(connection=connection, name="push")
    now = clock.now()
    if lane.blocked_until is not None and lane.blocked_until > now:
        return False
    ready = Link.objects.filter(connection=connection, ready_at__lte=now)
    if lane.people_until is not None and lane.people_until > now:
        ready = ready.filter(urgency=Urgency.PERSON)
    if not bulk:
        ready = ready.exclude(urgency=Urgency.BULK)
    return ready.exclude(items__open_call__isnull=False).exists()


def _wait_a_moment(connection: Connection) -> bool:
    """Wait for a link or the lane if it is ready within seconds, not for the next sweep. Returns whether it waited."""
    now = clock.now()
    soon = Link.objects.filter(connection=connection, ready_at__lte=now + NEAR)
    first = soon.exclude(items__open_call__isnull=False).order_by("ready_at").values_list("ready_at", flat=True).first()
    lane = Lane.objects.get(connection=connection, name="push")
    moment = max(filter(None, (first, lane.blocked_until, lane.people_until, now)))
    if first is None or not now < moment <= now + NEAR:
        return False
    clock.sleep((moment - now).total_seconds() + 0.01)
    return True


def connections_with_work() -> list[int]:
    """Connections with links to send or calls to find out about, for the sweep."""
    now = clock.now()
    live = Q(connection__state=Connection.State.LIVE, connection__sending_allowed=True)
    owing = Link.objects.filter(live, ready_at__lte=now).values_list("connection_id", flat=True)
    unanswered = Call.objects.filter(live, closed_at__isnull=True).values_list("connection_id", flat=True)
    return sorted(set(owing) | set(unanswered))


def ring_all() -> int:
    """Ring for every connection with work, whatever its bell says. Returns how many."""
    ids = connections_with_work()
    with transaction.atomic():
        for connection_id in ids:
            wake.wake("ledger_sync.tasks.push", connection_id=connection_id)
    return len(ids)
