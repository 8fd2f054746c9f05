"""The story of one link, a page at a time: each change here, each attempt to send it, each cause, newest first.

What happens next, and what else waits on it, stands above it (:func:`ahead_of`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import CharField, Count, F, Q, QuerySet, Value

from billing.models import Invoice
from ledger_sync import linking
from ledger_sync.asking import causes
from ledger_sync.kinds import SHAPES
from ledger_sync.models import CallItem, Link, LinkNeed, Snag
from ledger_sync.models.links import Kind
from ledger_sync.pages import sent_words
from ledger_sync.pages.queries import SUBJECTS
from ledger_sync.pages.sent_words import Detail
from ledger_sync.proof import agreeing
from ledger_sync.proof.agreeing import Agreement, Record
from ledger_sync.rendering import documents
from practice.core import owed
from practice.core.audit import Audited
from practice.core.money import ZERO, in_words
from practice.core.paging import COUNTED, Paged
from practice.core.templatetags.words import counted, exactly
from practice.firm import audit_trail
from practice.firm.models import User

#: How many things a page tells, and how many related records it names.
SIZE, RELATED = 20, 20
#: What an invoice that is not collected says why of.
_HELD = "on hold because"
_CHANGE, _ATTEMPT, _OPENED, _CLEARED = "change", "attempt", "opened", "cleared"


@dataclass(frozen=True)
class Happened:
    """One thing that happened to a record. ``tone`` is "x" for what went wrong, "w" for what waits, else ""."""

    at: datetime
    what: str
    tone: str = ""
    notes: list[str] = field(default_factory=list)
    said: str = ""
    details: list[Detail] = field(default_factory=list)
    #: What the details are: "What was sent".
    about: str = ""
    #: An open cause, which can be decided on the desk.
    cause: Snag | None = None


@dataclass(frozen=True)
class Need:
    """Something another record must come to first, and whether it has."""

    link: Link
    what: str
    words: str
    met: bool


@dataclass(frozen=True)
class Story:
    """What happened to a record, a page of it; and what comes next, what it waits for, and what belongs with it."""

    #: Its rows are :class:`Happened`, newest first.
    paged: Paged[Any]
    next: str
    can_press: bool
    #: Since when it owes, and by whose doing; "" when it owes nothing.
    since: str
    needs: list[Need]
    related: list[Record]


def story_of(link: Link, agreement: Agreement, number: int = 1, *, stuck: bool = False) -> Story:
    """The story of a link, with one page of what happened. A handful of questions, however much that is."""
    found = _index(link).order_by("-at", "source", "-key")
    at, keys = max(1, number), list(found[: SIZE + 1]) if number <= 1 else []
    total = len(keys) if at == 1 and len(keys) <= SIZE else _index(link).count()
    at = min(at, max(1, -(-total // SIZE)))
    if not keys or at > 1:
        keys = list(found[(at - 1) * SIZE : at * SIZE])
    keys = keys[:SIZE]
    items = _items([row["key"] for row in keys if row["source"] == _ATTEMPT])
    names = _names([link.owed_by, *(item.ours.get("owed", {}) for item in items)])
    told = _told(link, keys, items, names)
    needs = _needs(link) if link.owed_since else []
    unmet = any(not need.met for need in needs)
    return Story(
        paged=Paged([told[row["source"], row["key"]] for row in keys], at, min(total, COUNTED + 1), SIZE),
        next=_next(link, agreement.state, unmet=unmet),
        can_press=link.owed_since is not None and not unmet and agreement.state != "unknown",
        since=_since(link, names),
        needs=needs,
        related=_related(link, stuck=stuck),
    )


def _index(link: Link) -> QuerySet[Any, dict[str, Any]]:
    """When everything about a link happened: one question to the database, whatever there is."""
    items = CallItem.objects.filter(link=link)
    snags = Snag.objects.filter(link=link)
    parts = [
        _moments(items, _ATTEMPT, "call__made_at", "pk"),
        _moments(snags, _OPENED, "opened_at", "pk"),
        _moments(snags.filter(closed_at__isnull=False), _CLEARED, "closed_at", "pk"),
    ]
    if isinstance(link.subject, Audited):
        rows = audit_trail.moments(type(link.subject), link.subject_id)
        parts.append(_moments(rows, _CHANGE, "history_date", "history_id"))
    found: QuerySet[Any, dict[str, Any]] = parts[0].union(*parts[1:], all=True)
    return found


def _moments(rows: QuerySet[Any], source: str, at: str, key: str) -> QuerySet[Any, dict[str, Any]]:
    named = rows.annotate(at=F(at), source=Value(source, output_field=CharField()), key=F(key))
    found: QuerySet[Any, dict[str, Any]] = named.order_by().values("at", "source", "key")
    return found


def _items(ids: list[int]) -> list[CallItem]:
    rows = CallItem.objects.filter(pk__in=ids).select_related("call").annotate(together=Count("call__items"))
    return list(rows) if ids else []


def _names(debts: Iterable[dict[str, Any]]) -> dict[int, str]:
    """Those by whose doing something was owed, as colleagues know them."""
    users = {int(debt["user"]) for debt in debts if debt.get("user")}
    return dict(User.objects.filter(pk__in=users).values_list("pk", "name")) if users else {}


def _told(
    link: Link, keys: Iterable[dict[str, Any]], items: list[CallItem], names: dict[int, str]
) -> dict[tuple[str, int], Happened]:
    wanted: dict[str, list[int]] = {_CHANGE: [], _ATTEMPT: [], _OPENED: [], _CLEARED: []}
    for row in keys:
        wanted[row["source"]].append(row["key"])
    found = {(_CHANGE, key): each for key, each in _changes(link, wanted[_CHANGE]).items()}
    shown = sent_words.Shown(link)
    found |= {(_ATTEMPT, item.pk): _attempt(link, item, names, shown) for item in items}
    ids = {*wanted[_OPENED], *wanted[_CLEARED]}
    rows = Snag.objects.filter(pk__in=ids).select_related("connection__entity")
    for cause in causes.tell(rows) if ids else ():
        found[_OPENED, cause.snag.pk] = _opened(cause)
        if cause.snag.closed_at is not None:
            found[_CLEARED, cause.snag.pk] = _cleared(cause)
    return found


# What changed here


def _changes(link: Link, ids: list[int]) -> dict[int, Happened]:
    if not ids:
        return {}
    zone = link.connection.entity.time_zone
    rows = audit_trail.tell(type(link.subject), link.subject_id, ids, zone=zone)
    return {key: _change(link, row) for key, row in rows.items()}


def _change(link: Link, row: audit_trail.Row) -> Happened:
    became = next((change.new.lower() for change in row.changes if change.field in ("status", "state")), "")
    fields = ", ".join(change.field for change in row.changes if change.field not in ("status", "state"))
    from_ledger = row.origin == link.connection.provider
    held = next((change.new for change in row.changes if change.field == _HELD), "")
    if row.verb == "Added":
        what = f"{row.noun.capitalize()} made here"
    elif held and fields == _HELD:
        what = "Hold ended" if held == "nothing" else f"Put on hold: {held}"
    elif from_ledger:
        what = f"Taken from {link.connection.get_provider_display()}: {fields or 'nothing that shows'}"
    elif became:
        what = f"{row.noun.capitalize()} {became} here{f': {fields}' if fields else ''}"
    else:
        what = f"Changed here: {fields or 'nothing that shows'}"
    notes = [f"By {row.who}{f', {row.system}' if row.system and row.system != 'here' else ''}"]
    if row.authoriser and row.authoriser != row.who:
        notes.append(f"On the authority of {row.authoriser}")
    if row.reason:
        notes.append(f"Because: {row.reason.replace('_', ' ')}")
    details = [Detail(change.field, change.new, change.old) for change in row.changes]
    return Happened(row.at, what, notes=notes, details=details, about="What changed")


# What was sent


def _attempt(link: Link, item: CallItem, names: dict[int, str], shown: sent_words.Shown) -> Happened:
    ledger = link.connection.get_provider_display()
    zone = link.connection.entity.time_zone
    debt = item.ours.get("owed", {})
    notes = [words] if (words := sent_words.how_long(item.call)) else []
    if debt.get("since"):
        since = exactly(datetime.fromisoformat(debt["since"]), zone)
        notes.append(f"Owed since {since}, {sent_words.by_whom(debt, names)}")
    others = item.together - 1  # type: ignore[attr-defined]
    if others:
        notes.append(f"In one call with {others} other record{'s' if others > 1 else ''}")
    if item.call.vendor_request_id:
        notes.append(f"{ledger}'s reference for support: {item.call.vendor_request_id}")
    if removed := item.ours.get("removed_on"):
        notes.append(sent_words.removed(removed))
    tone, ended = sent_words.ended(item, ledger)
    what = f"{sent_words.sent(item)} {ended}"
    said = item.text or (item.call.words if item.result not in ("ok", "found") else "")
    return Happened(item.call.made_at, what, tone, notes, said, shown.details(item), "What was sent")


# What had to be decided


def _opened(cause: causes.Cause) -> Happened:
    snag = cause.snag
    notes = [cause.more] if cause.more else []
    if snag.money > ZERO:
        entity = snag.connection.entity
        notes.append(f"{in_words(snag.money, entity.currency, entity.locale)} waited on it")
    is_open = snag if snag.closed_at is None else None
    return Happened(snag.opened_at, cause.sentence, "x" if is_open else "w", notes, cause.said, cause=is_open)


def _cleared(cause: causes.Cause) -> Happened:
    snag = cause.snag
    assert snag.closed_at is not None
    pressed = next((remedy.words for remedy in cause.remedies if remedy.code == snag.remedy), "")
    who = f"by {cause.cleared_by}" if cause.cleared_by else "by itself"
    how = [f"They chose: {pressed}"] if pressed and cause.cleared_by else []
    return Happened(snag.closed_at, f"Cleared {who}: {cause.sentence}", notes=how)


# What comes next


def _since(link: Link, names: dict[int, str]) -> str:
    if link.owed_since is None:
        return ""
    at = exactly(link.owed_since, link.connection.entity.time_zone)
    return f"Owed since {at}, {sent_words.by_whom(link.owed_by, names)}"


def _next(link: Link, state: str, *, unmet: bool) -> str:
    """What happens by itself, and what a person has to press, in one or two sentences."""
    if unmet and link.parked_at is None:
        return "It goes out by itself as soon as what it needs is there:"
    tried = f" It was tried {counted(link.tries, 'time')}, of {owed.MAX_TRIES} at most." if link.tries else ""
    return {
        "refused": "Nothing, until it is decided what to do. It is sent as soon as that is pressed.",
        "waiting": f"It goes out by itself; pressing sends it at once.{tried}",
        "sending": "Nothing to press: it goes on by itself.",
        "unknown": "Nothing to press: we look there before anything is sent again.",
        "gone": f"Nothing. {link.connection.get_provider_display()} no longer has it.",
        "off": "Nothing is owed.",
        "differs": "It is read again before anything is charged. What has to be decided stands above.",
    }.get(state) or _read_again(link)


def _read_again(link: Link) -> str:
    """When a record that agrees is looked at next: the promise of its kind."""
    ledger, shape = link.connection.get_provider_display(), SHAPES[link.connection.provider]
    if link.kind in shape.noticed:
        return (
            f"Nothing to press. It is read when {ledger} tells of a change, every few minutes, and in full each night."
        )
    if link.kind in shape.swept:
        return "Nothing to press. It is read every few minutes while money is awaited, and in full each night."
    return "Nothing to press. It is compared each night."


def _needs(link: Link) -> list[Need]:
    rows = linking.needs_of(link).select_related(*(f"needs__{name}" for name in SUBJECTS))
    ledger = link.connection.get_provider_display()
    how = {LinkNeed.How.EXISTS: f"must be in {ledger} first", LinkNeed.How.CLEAR: f"must agree with {ledger} first"}
    return [
        Need(row.needs, documents.describe(row.needs), how[LinkNeed.How(row.how)], not row.unmet)  # type: ignore[attr-defined]
        for row in rows.order_by("pk")
    ]


def _related(link: Link, *, stuck: bool) -> list[Record]:
    """The other records of the same business: an invoice's client, money and credits; a payment's invoices."""
    invoices = set()
    if link.invoice_id:
        invoices = {link.invoice_id}
    elif link.allocation is not None:
        invoices = {link.allocation.invoice_id}
    elif link.credit is not None:
        invoices = {link.credit.invoice_id}
    elif link.payment_id:
        invoices = set(link.payment.allocations.values_list("invoice_id", flat=True)) if link.payment else set()
    if not invoices:
        return []
    money = Q(allocation__invoice__in=invoices) | Q(payment__allocations__invoice__in=invoices)
    clients = Invoice.objects.filter(pk__in=invoices).values("client")
    mine = money | Q(credit__invoice__in=invoices) | Q(invoice__in=invoices) | Q(client__in=clients)
    ids = Link.objects.filter(mine, connection=link.connection_id).exclude(pk=link.pk).values("pk")
    rows = agreeing.with_doubt(Link.objects.filter(pk__in=ids)).select_related(*SUBJECTS, "connection__entity")
    order = [Kind.CLIENT, Kind.INVOICE]
    found = sorted(rows.order_by("pk")[:RELATED], key=lambda row: row.kind not in order)
    return [agreeing.record_of(row, stuck=stuck) for row in found]
