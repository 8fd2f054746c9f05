"""The proof that each rule is needed: every mutant switches one rule of the engine off, and some history must notice.

A mutant that no history catches means that the rule does nothing, or that the histories are too tame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import QuerySet

from ledger_sync import applying, linking
from ledger_sync.applying import bases, freshness
from ledger_sync.applying import payments as their_payments
from ledger_sync.faultmachine.plans import Act, Plan, Trouble
from ledger_sync.faultmachine.world import swapped
from ledger_sync.limits import budgets, lanes
from ledger_sync.models import Call, CallItem, Connection, Lane, Link, LinkNeed
from ledger_sync.ports import Ledger, Remote
from ledger_sync.pull import inbound, pulling
from ledger_sync.push import flight, planning, pushing, settling
from practice.core import clock, owed

ENDLESS = timedelta(days=365)


@dataclass(frozen=True)
class Mutant:
    """One rule of the engine, and how it is switched off; where seeds rarely meet it, with a history of its own."""

    name: str
    rule: str
    off: Callable[[], AbstractContextManager[None]]
    own: Plan | None = None


def _settle_any_revision(rows: QuerySet[Any], *, sent_rev: int) -> bool:
    return rows.update(owed_since=None, ready_at=None, tries=0) == 1


def _whatever_was_owed_since(item: CallItem, generation: int, owed_rev: int) -> bool:
    return True


@contextmanager
def _without_revision() -> Iterator[None]:
    with swapped(owed, settle=_settle_any_revision), swapped(settling, _is_latest=_whatever_was_owed_since):
        yield


def _always_absent(call: Call, found: dict[int, Remote | None]) -> None:
    _close_found(call, dict.fromkeys(found))


def _always_held(lease: lanes.Lease) -> bool:
    return True


def _renew_blindly(lease: lanes.Lease) -> None:
    Lane.objects.filter(connection_id=lease.connection_id, name=lease.name).update(until=clock.now() + lanes.LEASE)


def _whatever_became_of_it(call: Call) -> bool:
    return True


def _never_outdated(connection: Connection, remote: Remote, reading: applying.Reading) -> bool:
    return False


def _unchecked(reading: applying.Reading) -> None:
    return None


@contextmanager
def _without_freshness() -> Iterator[None]:
    """Nobody asks how old a look into the ledger is; the lease's own net is cut with it."""
    with swapped(freshness, is_outdated=_never_outdated), swapped(applying.Reading, check=_unchecked):
        yield


def _as_it_was_written(under_way: flight.Flight, written: planning.Written) -> planning.Written:
    return written


@contextmanager
def _without_deadline() -> Iterator[None]:
    """Calls that wait for one another, as they do in this process only, are stamped anew: that net is cut as well."""
    with swapped(flight, SEND_WITHIN=ENDLESS), swapped(flight.Flight, _now=_as_it_was_written):
        yield


@contextmanager
def _without_lease() -> Iterator[None]:
    """Each of these nets catches what slips through the others, so they are cut together."""
    nets = swapped(settling, _is_open=_whatever_became_of_it, _is_as_we_sent_it=_whatever_became_of_it)
    fresh = swapped(freshness, is_outdated=_never_outdated)
    with nets, fresh, swapped(lanes.Lease, is_held=_always_held, renew=_renew_blindly):
        yield


def _write_open_to_others(*args: Any, **kwargs: Any) -> planning.Written:
    """The items of the new call do not say that it is open, so that other calls may take the same links."""
    written = _write(*args, **kwargs)
    CallItem.objects.filter(call=written.call).update(open_call=None)
    return written


def _base_of_ours_alone(link: Link, remote: Remote, *, base_ours: dict[str, Any] | None) -> None:
    """One snapshot for both sides: what we have is taken for what the ledger says, however it writes it."""
    _agree(link, remote, base_ours=base_ours)
    if link.kind == "client":
        known = base_ours or {}
        both = {name: known.get(name, value) for name, value in remote.theirs.items()}
        Link.objects.filter(pk=link.pk).update(base_theirs=both)


def _agreed_as_we_say(item: CallItem, theirs: dict[str, object], *, looked: bool) -> dict[str, object]:
    agreed = _agreed(item, theirs, looked=looked)
    return (
        {name: item.ours["doc"].get(name, value) for name, value in agreed.items()} if item.link.client_id else agreed
    )


@contextmanager
def _one_base() -> Iterator[None]:
    with swapped(bases, agree=_base_of_ours_alone), swapped(settling, _agreed=_agreed_as_we_say):
        yield


def _cursor_first(connection: Connection, lease: lanes.Lease, ledger: Ledger, kind: str) -> int:
    """The cursor moves past a window before its pages have been taken in."""
    lane = Lane.objects.get(connection=connection, name="pull")
    until = clock.now()
    since = datetime.fromisoformat(lane.cursor[kind]) if kind in lane.cursor else connection.connected_at
    lane.cursor[kind] = until.isoformat()
    lane.save(update_fields=["cursor"])
    page, applied = 1, 0
    while True:
        lease.renew()
        reading = applying.Reading(clock.now(), lease)
        found = ledger.changed(kind, since - pulling.OVERLAP, until, page)
        applied += applying.apply(connection, ledger, found.remotes, reading)
        if not found.more:
            return applied
        page += 1


def _any_signature(provider: str, body: bytes, signature: str) -> bool:
    return True


def _put_back_always(call: Call, error: Any, connection: Any, lease: Any, *, first: bool) -> bool:
    return _try_later(call, error, connection, lease, first=True)


def _nothing_unmet(link: Link) -> QuerySet[LinkNeed]:
    return LinkNeed.objects.none()


def _always_granted(connection: Connection, urgency: int, calls: int, *, pushing: bool = False) -> budgets.Grant:
    return budgets.Grant(calls)


def _nothing_is_ours(connection: Connection, theirs: dict[str, Any]) -> bool:
    return False


def _look_at_the_number_only(item: CallItem, remote: Remote) -> bool:
    return True


def _all_as_answered(item: CallItem, theirs: dict[str, object], *, looked: bool) -> dict[str, object]:
    return theirs


_close_found, _write, _agree, _agreed = settling.close_found, planning._write, bases.agree, settling._agreed
_try_later = pushing._try_later

#: A notice is lost, the very call that reads the changed page breaks, and the page's record was changed just before.
#: The sweep reads organisation, accounts, rates and tracking first; its fifth call is for the contacts.
_PAGE_LOST = Plan(
    0,
    (Act("agree", 0, 0.0), Act("books_edit_email", 1, 50.0)),
    (*(Trouble("notice_lost", "", nth) for nth in range(6)), Trouble("reset", "sweep", 4)),
)

#: A worker is told to try later, and held up past its lease; another sends the same call again, which is worked but not
#: answered; the first comes back. The third send is that of a payment, which nothing but its key tells from another.
_HELD_UP = Plan(
    0,
    (Act("agree", 0, 0.0), Act("pay", 1, 20.0)),
    (
        Trouble("minute_limit", "push", 2),
        Trouble("suspended_after", "push", 2, 100.0),
        Trouble("response_lost", "push", 3),
    ),
)

#: A worker writes a payment's call down and stands still; another finds it unanswered and sends it; when the first goes
#: on, the vendor has forgotten the key.
_WRITTEN_LONG_AGO = Plan(
    0, (Act("agree", 0, 0.0), Act("pay", 1, 20.0)), (Trouble("suspended_unsent", "push", 2, 560.0),)
)

#: The ledger works on a payment after the caller has given it up, and after the next sweep has looked for it.
_WORKED_LATE = Plan(1, (Act("agree", 0, 0.0), Act("pay", 1, 20.0)), (Trouble("worked_late", "push", 2),))

#: Whoever follows a notice stands still with what it read; the bookkeeper changes the same field again, and a sweep
#: takes that in; what was read first comes last.
_OLD_NEWS = Plan(
    0,
    (Act("agree", 0, 0.0), Act("books_edit_phone", 1, 30.0), Act("books_edit_phone", 2, 150.0)),
    (Trouble("suspended_after", "work", 0, 560.0),),
)

MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        "revision",
        "settling clears only the revision that was sent",
        _without_revision,
    ),
    Mutant(
        "look",
        "an unanswered call is looked for before anything is sent anew",
        partial(swapped, settling, close_found=_always_absent),
    ),
    Mutant(
        "look_late",
        "absence counts only once the ledger cannot be working on it any more",
        partial(swapped, pushing, LOOK_AFTER=timedelta(0), KEY_LIVES=timedelta(0)),
        _WORKED_LATE,
    ),
    Mutant(
        "lease",
        "whoever lost the lease, or whose call was closed or sent again meanwhile, clears nothing",
        _without_lease,
        _HELD_UP,
    ),
    Mutant(
        "one_open_call", "a link is in one open call at most", partial(swapped, planning, _write=_write_open_to_others)
    ),
    Mutant("deadline", "a send that was written down long ago is not sent", _without_deadline, _WRITTEN_LONG_AGO),
    Mutant("two_bases", "each side is compared with its own last snapshot", _one_base),
    Mutant(
        "cursor",
        "the cursor moves with the commit of the last page, and windows overlap",
        partial(swapped, pulling, _sweep_kind=_cursor_first, OVERLAP=timedelta(0)),
        _PAGE_LOST,
    ),
    Mutant(
        "signature",
        "a notice is let in only with the ledger's signature",
        partial(swapped, inbound, signature_fits=_any_signature),
    ),
    Mutant(
        "unknown_stays",
        "a try-later to a second send proves nothing about the first",
        partial(swapped, pushing, _try_later=_put_back_always),
    ),
    Mutant("needs", "a record waits for what it needs", partial(swapped, linking, unmet=_nothing_unmet)),
    Mutant("budget", "calls count in the ledger's windows", partial(swapped, budgets, grant=_always_granted)),
    Mutant(
        "outdated",
        "what was read before both books agreed anew, or by who lost the lease since, is not taken for news",
        _without_freshness,
        _OLD_NEWS,
    ),
    Mutant(
        "own_payment",
        "a payment our own open call is making is not taken for the bookkeeper's",
        partial(swapped, their_payments, _is_our_own=_nothing_is_ours),
    ),
    Mutant(
        "landed",
        "an update counts as landed when the changed fields say so",
        partial(swapped, settling, _update_landed=_look_at_the_number_only),
    ),
    Mutant(
        "unseen_edits",
        "an answer's other fields are left to the pull",
        partial(swapped, settling, _agreed=_all_as_answered),
    ),
)
