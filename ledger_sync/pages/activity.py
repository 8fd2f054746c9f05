"""Calls that changed a ledger, as people read them: what was done to how many records, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from ledger_sync.models import Call, CallItem, Connection, Link

#: What each action did to a document, in words.
_DONE = {"create": "created", "update": "changed", "void": "voided", "delete": "removed"}


@dataclass(frozen=True)
class Sent:
    """One call as a page shows it: what it did to how many records, the record if it was one, and how it ended."""

    call: Call
    what: str
    count: int
    only: Link | None
    state: str
    ended: str
    words: str


def calls_of(connection: Connection) -> QuerySet[Call]:
    """Calls that changed the ledger, newest first."""
    return Call.objects.filter(connection=connection).prefetch_related("items__link").order_by("-id")


def sent_of(call: Call, ledger: str) -> Sent:
    """A call in words: "Invoice created", "Stripe fees of a day removed"."""
    items = list(call.items.all())
    what = f"{items[0].link.get_kind_display()} {_DONE[items[0].ours['action']]}" if items else call.operation
    state, ended = _ended(call, items)
    only = items[0].link if len(items) == 1 else None
    return Sent(call, what, len(items), only, state, ended, _words(call, items, ledger))


def _ended(call: Call, items: list[CallItem]) -> tuple[str, str]:
    """The look of a call's end, and its words where the look's own would say too little."""
    refused = sum(item.result == "refused" for item in items)
    if call.closed_at is None:
        return ("unknown", "") if call.words else ("sending", "")
    if refused:
        return "refused", f"{refused} of {len(items)} refused" if len(items) > 1 else ""
    if call.outcome == Call.Outcome.REFUSED:
        return "waiting", "Sent again one by one"
    if call.outcome == Call.Outcome.ABSENT or any(item.result == "absent" for item in items):
        return "waiting", "Not there, sent anew"
    if call.outcome == Call.Outcome.TRY_LATER or any(item.result in ("later", "look", "unread") for item in items):
        return "waiting", "Tried later"
    return "agrees", "Arrived"


def _words(call: Call, items: list[CallItem], ledger: str) -> str:
    """What is said of how a call ended. Our own words where nobody answered, the ledger's where it did."""
    if call.closed_at is None:
        waits = "We look there before anything is sent again, so nothing can be booked twice."
        return f"{ledger} has not answered. {waits}" if call.words else ""
    if call.outcome == Call.Outcome.FOUND:
        return f"{ledger} did not answer. We looked: it had arrived, and was not sent twice."
    if call.outcome == Call.Outcome.ABSENT:
        return f"{ledger} did not answer. We looked: nothing had arrived, so it is sent anew."
    said = dict.fromkeys(item.text for item in items if item.result == "refused" and item.text)
    return call.words or "; ".join(said)
