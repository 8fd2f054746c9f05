"""Settle: what an answer says of each document becomes rows, one by one, in one commit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Q

from ledger_sync import applying, linking
from ledger_sync.asking import snags
from ledger_sync.connection import mapping
from ledger_sync.kinds import EXCESS, MAIN, SHAPES, UNAPPLIED
from ledger_sync.limits import lanes
from ledger_sync.limits.lanes import Lease
from ledger_sync.models import Call, CallItem, Link, RefItem
from ledger_sync.models.links import Kind
from ledger_sync.ports import LedgerError, Remote, Result
from ledger_sync.pull import inbound
from ledger_sync.push.flight import Landed
from ledger_sync.rendering import documents
from practice.core import clock, money, owed, wake
from practice.core.money import ZERO
from practice.core.rows import update_each

#: Kinds whose changes in the ledger are taken in by a pull.
PULLED = ("client", "invoice", "payment")
#: Actions that take a document away again.
UNDOING = ("void", "delete")
#: The refusal of a change to a version that is no longer the latest.
STALE = "stale"
#: Fields that the bookkeeper may change before we know that a document of ours arrived.
MOVABLE = ("name", "email", "phone", "tax_number", "address", "due_on")
#: An answer that is settled this long after its call was first sent is not taken for the present state.
SLOW = timedelta(seconds=30)
#: How long an update waits for the pull that takes in what was changed in the ledger first.
CATCH_UP = timedelta(seconds=15)


@transaction.atomic
def settle(landed: Sequence[Landed], lease: Lease) -> list[CallItem]:
    """Close answered calls. Returns the items that must be looked up before anything else is done about them.

    Without the lease ids found are still kept, but nothing owed is cleared: somebody else has taken over. An answer to
    a call that somebody else has closed meanwhile comes too late to say anything.
    """
    held = lease.is_held()
    standing = [one for one in landed if _is_open(one.written.call)]
    for one in standing:
        _close(one.written.call, Call.Outcome.DONE, one.answered.status, "", one.answered.request_id)
    done = _settle_simple(standing) if held else set()
    return [item for one in standing for item in _settle_rest(one, done, held=held)]


def _settle_rest(landed: Landed, done: Set[int], *, held: bool) -> list[CallItem]:
    """Settle one by one the items that are not done yet. Returns those that must be looked up."""
    call = landed.written.call
    by_position = {result.position: result for result in landed.results}
    rest = [item.pk for item in landed.written.items if item.pk not in done]
    items = CallItem.objects.filter(pk__in=rest).select_related("link__connection").order_by("position")
    to_look = []
    for item in items if rest else ():
        result = by_position.get(item.position)
        item.open_call = None
        if result is None:
            item.result, item.text = "unread", "the answer does not mention this document"
            to_look.append(item)
        elif result.ok:
            item.result = "ok"
            adopt(item, result.remote_id, result.version, result.theirs, clear=held)
            if _took_long(call):
                _read_again(item.link)
        elif result.look or _may_be_there(call, item):
            code = "" if result.later else result.code
            item.result, item.vendor_code, item.text = "look", code[:80], result.text[:500]
            to_look.append(item)
        elif result.later:
            item.result = "later"
            _postpone(item.link)
        else:
            item.result, item.vendor_code, item.text = "refused", result.code[:80], result.text[:500]
            _refuse_item(item, result.code, result.text)
        item.save(update_fields=["result", "vendor_code", "text", "open_call"])
    return to_look


def _settle_simple(landed: Sequence[Landed]) -> set[int]:
    """Settle, with few questions for all of them, what was made as it was sent and owes nothing more.

    Returns these items; whatever is not that simple is left to be settled one by one.
    """
    made = {item.link_id: (item, result) for one in landed for item, result in _made(one)}
    rows = Link.objects.select_for_update().filter(pk__in=list(made)).order_by("pk")
    now_at = {}
    clients = []
    for pk, generation, rev, kind in rows.values_list("pk", "generation", "owed_rev", "kind"):
        now_at[pk] = generation, rev
        if kind == Kind.CLIENT:
            clients.append(made[pk][1].remote_id)
    # A contact that another client's was merged into before its answer came is nothing simple.
    others = Link.objects.filter(kind=Kind.CLIENT, remote_id__in=clients).exclude(pk__in=made)
    taken = set(others.values_list("remote_id", flat=True)) if clients else set()
    done = {
        pk: both for pk, both in made.items() if _is_latest(both[0], *now_at[pk]) and both[1].remote_id not in taken
    }
    if not done:
        return set()
    update_each(
        Link,
        ("remote_id", "remote_version", "base_theirs", "base_ours"),
        (
            (pk, (result.remote_id, result.version, result.theirs, item.ours["doc"]))
            for pk, (item, result) in done.items()
        ),
        same={"verified_at": clock.now(), **owed.CLEAR},
    )
    items = {item.pk for item, _ in done.values()}
    CallItem.objects.filter(pk__in=items).update(result="ok", open_call=None)
    snags.close_for_links(list(done))
    linking.release_dependants(list(done))
    return items


def _made(landed: Landed) -> Iterator[tuple[CallItem, Result]]:
    """What a prompt answer says was made just as it was sent."""
    if _took_long(landed.written.call):
        return
    results = {result.position: result for result in landed.results}
    for item in landed.written.items:
        result = results.get(item.position)
        if result is not None and _is_made(item.link.kind, item.ours, result):
            yield item, result


def _is_latest(item: CallItem, generation: int, owed_rev: int) -> bool:
    """Whether nothing has been owed anew since an item was written."""
    return (item.generation, item.sent_rev) == (generation, owed_rev)


def _is_made(kind: str, ours: dict[str, Any], result: Result) -> bool:
    return (
        result.ok and bool(result.remote_id) and ours["action"] == "create" and not _differ(kind, ours, result.theirs)
    )


def _took_long(call: Call) -> bool:
    """Whether an answer may be an old one: it was not for the first send, or came long after that."""
    return call.sends > 1 or bool(call.first_sent_at and clock.now() > call.first_sent_at + SLOW)


def _may_be_there(call: Call, item: CallItem) -> bool:
    """Whether a document that a later send was refused for may have arrived with an earlier one of the same call."""
    return call.sends > 1 and item.ours["action"] == "create"


def _is_open(call: Call) -> bool:
    return Call.objects.select_for_update().filter(pk=call.pk, closed_at__isnull=True).exists()


def _is_as_we_sent_it(call: Call) -> bool:
    """Whether nobody has closed the call, or sent it again, since we did: else our answer proves nothing any more."""
    return Call.objects.select_for_update().filter(pk=call.pk, closed_at__isnull=True, sends=call.sends).exists()


@transaction.atomic
def refuse_whole(call: Call, error: LedgerError) -> list[CallItem]:
    """The ledger refused a call as a whole: one document is parked, several are sent again one by one.

    Returns what must be looked at first: what is gone already cannot be taken away.
    """
    if not _is_as_we_sent_it(call):
        return []
    _close(call, Call.Outcome.REFUSED, error.status, error.text, error.request_id)
    items = list(call.items.select_related("link__connection"))
    for item in items:
        item.result = "refused" if len(items) == 1 else "split"
        item.vendor_code, item.text, item.open_call = error.code[:80], error.text[:500], None
        undoing = len(items) == 1 and item.ours["action"] in UNDOING
        item.result = "look" if undoing else item.result
        item.save(update_fields=["result", "vendor_code", "text", "open_call"])
        if undoing:
            return items
        if len(items) == 1:
            _refuse_item(item, error.code, error.text)
    return []


@transaction.atomic
def put_back(call: Call, error: LedgerError, *, penalise: bool) -> None:
    """Nothing was done: the call is closed and its links may be tried again, later when ``penalise``.

    Unless somebody sent it again while we were held up: what became of that send is not known.
    """
    if not _is_as_we_sent_it(call):
        return
    _close(call, Call.Outcome.TRY_LATER, error.status, error.text, error.request_id)
    for item in call.items.select_related("link__connection"):
        item.result, item.open_call = "later", None
        item.save(update_fields=["result", "open_call"])
        if penalise:
            _postpone(item.link)


@transaction.atomic
def close_found(call: Call, found: dict[int, Remote | None]) -> None:
    """Close a call nobody answered, with what looking showed for each position: there, or not."""
    if not _is_open(call):
        return
    outcome = Call.Outcome.FOUND if any(found.values()) else Call.Outcome.ABSENT
    _close(call, outcome, None, call.words, "")
    for item in call.items.select_related("link__connection"):
        item.open_call = None
        item.result = "found" if found[item.position] else "absent"
        item.save(update_fields=["open_call", "result"])
        adopt_found(item, found[item.position])


@transaction.atomic
def adopt_found(item: CallItem, remote: Remote | None) -> None:
    """Take what looking showed: equal is done; different is kept as theirs and stays owed; absent is sent anew.

    An update is done if all it changed is there; what tells a document apart is the same before it and after it.
    """
    link = item.link
    if item.ours["action"] in UNDOING:
        _undo_found(item, remote)
        return
    if remote is None or remote.gone:
        _not_there(item)
        return
    if item.ours["action"] == "update" and not _update_landed(item, remote):
        _catch_up(link, remote)
        return
    taken = Link.objects.filter(connection=link.connection, kind=link.kind, remote_id=remote.remote_id).exclude(
        pk=link.pk
    )
    made_for_it = link.kind == Kind.CLIENT and remote.theirs.get("number") == documents.client_number(link.subject)
    if taken.exists() and not made_for_it:
        _refuse_item(item, "number_taken", "another record of ours is this document already")
        return
    same = same_content(_moved_with_contact(item, remote.theirs), remote.theirs)
    if not same and item.result == "look" and item.call.sends == 1:
        # Our only send was refused, so this is somebody else's document: it is not made ours.
        _refuse_item(item, item.vendor_code, item.text)
        return
    ours = same or _is_our_invoice(item, remote)
    adopt(item, remote.remote_id, remote.version, remote.theirs, clear=ours, looked=True)
    if not ours:
        _refuse_item(item, "number_taken", "a document with this number exists there with other content")


def _is_our_invoice(item: CallItem, remote: Remote) -> bool:
    """Whether it is an invoice of our number for our client: what else differs was changed there, and the pull asks."""
    sent = _moved_with_contact(item, remote.theirs)
    return item.link.kind == Kind.INVOICE and all(sent[name] == remote.theirs[name] for name in ("number", "contact"))


def _undo_found(item: CallItem, remote: Remote | None) -> None:
    link = item.link
    if remote is None or remote.gone or remote.theirs.get("status") in ("void", "deleted"):
        adopt(item, link.remote_id or "", remote.version if remote else "", link.base_theirs or {}, clear=True)
    elif item.result == "look" and item.vendor_code not in ("", STALE):
        _refuse_item(item, item.vendor_code, item.text)
    else:
        _take_version(link, remote)
        release(link)


def _not_there(item: CallItem) -> None:
    """Absent: what was never answered is sent anew, what was refused would only be refused again."""
    if item.result == "look" and item.vendor_code:
        _refuse_item(item, item.vendor_code, item.text)
    else:
        release(item.link)


def _take_version(link: Link, remote: Remote) -> None:
    Link.objects.filter(pk=link.pk).update(remote_version=remote.version)


def _catch_up(link: Link, remote: Remote) -> None:
    """An update that may not have landed, or that came too late, is sent again: it is the same a second time.

    What the ledger says now is taken in first, if it is not what we knew: else we would write over it.
    """
    if remote.theirs == link.base_theirs or not _is_pulled(link):
        _take_version(link, remote)
        release(link)
        return
    inbound.hint(link.connection, link.kind, remote.remote_id, clock.now())
    lanes.ring(link.connection, "pull")
    owed.postpone(Link.objects.filter(pk=link.pk), until=clock.now() + CATCH_UP)


def _update_landed(item: CallItem, remote: Remote) -> bool:
    """Whether every field an update changed says there what we sent; a document's number alone says nothing."""
    doc, fields = item.ours["doc"], item.ours.get("fields") or ()
    return bool(fields) and all(_alike(doc.get(name), remote.theirs.get(name)) for name in fields)


def adopt(
    item: CallItem, remote_id: str, version: str, theirs: dict[str, object], *, clear: bool, looked: bool = False
) -> None:
    """Keep what the ledger has for a link; clear the revision that was sent, and only that one.

    What the bookkeeper changed meanwhile is in the answer as well. It is not taken as agreed but left to the next
    pull, which is asked for at once.
    """
    link = item.link
    action = item.ours["action"]
    now = clock.now()
    if link.kind == Kind.CLIENT:
        link.refresh_from_db()
        if link.merged_into_id is not None:
            return
    if action == "update" and link.remote_id not in (None, item.ours["remote_id"]):
        # Merged into another meanwhile: what was sent went to a contact that is no longer the client's.
        release(link)
        return
    if link.kind == Kind.CLIENT and remote_id != link.remote_id:
        # Another client's contact was merged into this one before we had heard that it was made.
        holders = Link.objects.filter(connection=link.connection, kind=link.kind, remote_id=remote_id)
        for other in holders.exclude(pk=link.pk):
            applying.merge_into(other, link)
    base = _agreed(item, theirs, looked=looked)
    if base != theirs and _is_pulled(link):
        inbound.hint(link.connection, link.kind, remote_id or link.remote_id or "", now)
        lanes.ring(link.connection, "pull")
    gone = action == "delete" or (action == "void" and link.kind != "invoice")
    Link.objects.filter(pk=link.pk, generation=item.generation).update(
        remote_id=remote_id or link.remote_id,
        remote_version=version,
        base_ours=_sent(item),
        base_theirs=base or link.base_theirs or {},
        verified_at=now,
        gone_at=now if gone else link.gone_at,
    )
    link.refresh_from_db()
    # What was taken away to be made anew still owes: the next plan gives it a new generation.
    done = clear and not (gone and documents.is_wanted_again(link))
    if done and owed.settle(Link.objects.filter(pk=link.pk), sent_rev=item.sent_rev):
        snags.close_for_links([link.pk])
    linking.release_dependants([link.pk])
    if (clear or not looked) and _differ(link.kind, item.ours, theirs):
        _tell_totals(link, item, theirs)


def _is_pulled(link: Link) -> bool:
    """Whether a pull takes in what is changed in this ledger about such a document; an excess at Xero is not pulled."""
    return link.role == MAIN and link.kind in PULLED and link.kind in SHAPES[link.connection.provider].swept


def _read_again(link: Link) -> None:
    """An answer that took long may be an old one: a sweep may have passed over what was changed there meanwhile."""
    if link.role == MAIN and link.remote_id and link.kind in SHAPES[link.connection.provider].swept:
        inbound.hint(link.connection, link.kind, link.remote_id, clock.now())
        lanes.ring(link.connection, "pull")


def _sent(item: CallItem) -> dict[str, object]:
    """Our side of what both agree on now: the fields that were sent; the others may have been merged meanwhile."""
    doc, fields, before = item.ours["doc"], item.ours.get("fields") or (), item.link.base_ours
    if not fields or not before:
        return dict(doc)
    return {name: value if name in fields else before.get(name, value) for name, value in doc.items()}


def _agreed(item: CallItem, theirs: dict[str, object], *, looked: bool) -> dict[str, object]:
    """What both sides agree on now: what was sent as the ledger took it, and for the rest what we knew before.

    ``looked`` means that no answer of the call is known: what we sent is all that is known to be ours, and the mark
    lets the next pull compare the rest with it.
    """
    sent, before = item.ours.get("fields") or (), item.link.base_theirs or {}
    if item.ours["action"] == "update" and sent:
        return {name: value if name in sent else before.get(name, value) for name, value in theirs.items()}
    if looked and item.ours["action"] == "create":
        doc = item.ours["doc"]
        kept = {
            name: doc[name] if name in MOVABLE and name in doc and not _alike(doc[name], value) else value
            for name, value in theirs.items()
        }
        return {**kept, "looked": "yes"}
    return theirs


def _alike(one: object, other: object) -> bool:
    """Whether two texts differ at most in how a ledger writes them: spaces and case."""
    return "".join(str(one).split()).casefold() == "".join(str(other).split()).casefold()


def same_content(ours: dict[str, object], theirs: dict[str, object]) -> bool:
    """Whether a document found there is the one we sent: every telling field both sides have is equal."""
    telling = ("number", "contact", "total", "currency", "date", "amount", "invoice", "from", "to", "code")
    pairs = [(str(ours[k]), str(theirs[k])) for k in telling if ours.get(k) and theirs.get(k)]
    return bool(pairs) and all(a == b for a, b in pairs)


def _moved_with_contact(item: CallItem, theirs: dict[str, object]) -> dict[str, object]:
    """What was sent, for the contact that stayed where the one it was sent for was merged away meanwhile."""
    doc, link = item.ours["doc"], item.link
    if "contact" in doc and doc["contact"] != theirs.get("contact") and hasattr(link.subject, "client_id"):
        stayed = linking.remote_of(link.connection, Kind.CLIENT, link.subject.client_id)
        return {**doc, "contact": stayed}
    return dict(doc)


def _refuse_item(item: CallItem, code: str, text: str) -> None:
    """Park what was refused; what has changed here since it was sent is tried anew instead, or its contact merged."""
    changed = not Link.objects.filter(pk=item.link_id, owed_rev=item.sent_rev).exists()
    if changed or _was_merged_away(item.link.connection_id, item.ours["doc"].get("contact", "")):
        release(item.link)
    elif code == "locked" and not _was_refused_by_this_lock(item):
        # Closed since we last looked: what waits goes on with the lock as it is read now, on an open day or to people.
        wake.wake("ledger_sync.tasks.sweep_connection", connection_id=item.link.connection_id)
        owed.postpone(Link.objects.filter(pk=item.link_id), until=clock.now() + CATCH_UP)
    elif code == "not_editable" and _take_refunds_off(item.link):
        wait = max(CATCH_UP, owed.backoff(item.link.tries))
        owed.postpone(Link.objects.filter(pk=item.link_id), until=clock.now() + wait)
    else:
        refuse(item.link, code, text)


def _take_refunds_off(link: Link) -> bool:
    """Let refunds of ours that were paid out of a client's credit, whose amount is another by now, be booked anew.

    Returns whether any is on its way off. What an invoice was paid from stays where it is, and people are asked.
    """
    if (link.kind, link.role) != (Kind.PAYMENT, EXCESS):
        return False
    there = Link.objects.filter(connection=link.connection_id, gone_at__isnull=True, remote_id__isnull=False)
    if there.filter(kind=Kind.ALLOCATION, role=EXCESS, allocation__payment=link.payment_id).exists():
        return False
    refunds = there.filter(kind=Kind.REFUND, role=UNAPPLIED, refund__payment=link.payment_id, parked_at__isnull=True)
    owed.owe(refunds.filter(owed_since__isnull=True), urgency=link.urgency, owed_by=linking.whose())
    return refunds.exists()


def _was_refused_by_this_lock(item: CallItem) -> bool:
    """Whether a day was closed to this link before the lock was last read: reading it again changes nothing."""
    read = RefItem.objects.filter(connection=item.link.connection_id, kind=RefItem.Kind.ORGANISATION).first()
    before = CallItem.objects.filter(link=item.link_id, vendor_code="locked", result="refused").exclude(pk=item.pk)
    return read is not None and before.filter(call__closed_at__lt=read.seen_at).exists()


def _was_merged_away(connection_id: int, contact: str) -> bool:
    """Whether the contact a document was sent for is no longer any client's: we learned of a merge meanwhile."""
    living = Link.objects.filter(connection=connection_id, kind=Kind.CLIENT, gone_at__isnull=True)
    return bool(contact) and not living.filter(remote_id=contact).exists()


def refuse(link: Link, code: str, text: str) -> None:
    """Park a link for a person, with the ledger's own words."""
    known = code if code in snags.WORDS else "refused"
    if known == "account_archived" and link.kind == Kind.CREDIT:
        known = "coded_archived"
    if code == "not_editable" and (link.kind, link.role) == (Kind.PAYMENT, EXCESS):
        known = "credit_in_use"
    what = link.payment.reference if known == "credit_in_use" and link.payment else documents.describe(link)
    owed.park(Link.objects.filter(pk=link.pk), code=known)
    money = documents.value_of(link) if link.kind not in ("client", "item") else ZERO
    name = what if link.kind == "client" else ""
    about = _about(link, known)
    snags.open_snag(
        link.connection,
        known,
        # One cause for one account, however we learn of it; anything else is about the one record.
        subject=(about.get("account", "") if known == "account_archived" else "") or f"{link.kind}:{link.pk}",
        link=link,
        money=money,
        what=what,
        said=text,
        name=name,
        **about,
    )


def _about(link: Link, code: str) -> dict[str, str]:
    """What a refusal is about, for its sentence: the accounts that were sent, or the day and the lock."""
    item = link.items.order_by("-id").first()
    doc = item.ours["doc"] if item is not None else {}
    if code in ("account_archived", "coded_archived"):
        refs = RefItem.objects.filter(connection=link.connection)
        sent = {str(line.get("account", "")) for line in doc.get("lines", ())} | {str(doc.get("account", ""))}
        named = refs.filter(Q(code__in=sent - {""}) | Q(remote_id__in=sent), kind=RefItem.Kind.ACCOUNT)
        return {"account": " or ".join(ref.label for ref in named.order_by("code"))}
    if code == "locked":
        lock = mapping.locked_until(link.connection_id)
        return {"date": str(doc.get("date", "")), "locked_until": lock or "a later day"}
    return {}


def release(link: Link) -> None:
    """Let a link be tried again now."""
    owed.release(Link.objects.filter(pk=link.pk))


def _postpone(link: Link) -> None:
    link.refresh_from_db()
    rows = Link.objects.filter(pk=link.pk)
    if link.tries >= owed.MAX_TRIES:
        owed.park(rows, code="tries_used_up")
        what = documents.describe(link)
        snags.open_snag(
            link.connection, "tries_used_up", subject=f"{link.kind}:{link.pk}", link=link, what=what, tries=link.tries
        )
        return
    owed.postpone(rows, until=clock.now() + max(owed.backoff(link.tries), timedelta(seconds=1)))


def _differ(kind: str, sent: dict[str, Any], theirs: dict[str, object]) -> bool:
    """Whether the ledger's total of a document is another than ours."""
    ours, said = sent["doc"].get("total"), theirs.get("total")
    return kind in ("invoice", "credit") and None not in (ours, said) and str(ours) != str(said)


def _tell_totals(link: Link, item: CallItem, theirs: dict[str, object]) -> None:
    ours, said = item.ours["doc"]["total"], theirs["total"]
    subject = link.subject
    snags.open_snag(
        link.connection,
        "totals_differ",
        subject=f"{link.kind}:{link.pk}",
        link=link,
        money=subject.total,
        what=documents.describe(link),
        ours=money.in_words(Decimal(str(ours)), subject.currency, link.connection.entity.locale),
        theirs=money.in_words(Decimal(str(said)), subject.currency, link.connection.entity.locale),
    )


def _close(call: Call, outcome: str, status: int | None, words: str, request_id: str) -> None:
    call.closed_at, call.outcome, call.http_status = clock.now(), outcome, status
    call.words, call.vendor_request_id = words[:500], request_id[:80]
    call.save(update_fields=["closed_at", "outcome", "http_status", "words", "vendor_request_id"])
