"""Causes: what a person must decide, opened once per cause, closed when it is gone. The words are in one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from ledger_sync.models import Connection, Link, Snag
from practice.core import audit, clock, events
from practice.core.money import ZERO


@dataclass(frozen=True)
class Remedy:
    """One thing to press: its code, the words on it, what follows from it, and what is said once it was pressed."""

    code: str
    words: str
    consequence: str
    pressed: str


#: Causes that what the ledger says has opened: our sending something does not end them.
NOT_ABOUT_SENDING = (
    "both_changed", "not_taken", "document_changed", "voided_there", "payment_removed", "refund_removed",
    "entry_removed", "entry_changed", "settled_there", "credit_taken_off",
)  # fmt: skip


@dataclass(frozen=True)
class Words:
    """How one cause is told. ``sentence`` and ``more`` are filled from the snag's facts."""

    sentence: str
    more: str
    remedies: tuple[Remedy, ...]


RETRY = Remedy(
    "retry",
    "Send again",
    "We send it once more, exactly as it is now.",
    "{what} is being sent again. This page shows what {ledger} says",
)
CHECK_AGAIN = Remedy(
    "retry",
    "Check again",
    "We read the ledger again; what waits goes out if it is open there.",
    "What waited is being sent. This page shows what {ledger} says",
)
READ_AGAIN = Remedy(
    "read_again",
    "Read again",
    "We read the ledger's details again, and take them if they can be used by then.",
    "{ledger} is being read again. This page shows what it says",
)
REMAP = Remedy("remap", "Choose account", "Opens the mapping; everything that waits on it is sent again at once.", "")
KEEP_OURS = Remedy("keep_ours", "Keep ours", "The ledger gets our value.", "{ledger} is being given our value")
TAKE_THEIRS = Remedy(
    "take_theirs", "Take the ledger's", "Our record gets the ledger's value.", "{what} has the value of {ledger} now"
)
PUT_BACK = Remedy(
    "put_back",
    "Put the ledger back",
    "The invoice in the ledger is set back to what the client was given.",
    "{what} is being set back in {ledger} to what the client was given",
)
ACCEPT_CREDIT = Remedy(
    "accept_credit",
    "Accept as a credit",
    "We credit the difference here; the ledger's invoice stays as it was edited.",
    "The difference on {what} is credited here; {ledger} keeps its edit",
)
VOID_REBILL = Remedy(
    "void_rebill",
    "Void it here too, and bill again",
    "The charges go back into the next billing run.",
    "{what} is void here too. Its charges go into the next billing run",
)
VOID_DROP = Remedy(
    "void_drop",
    "Void it here too, and drop the charges",
    "Nothing is billed for this again.",
    "{what} is void here too. Its charges are dropped",
)
POST_AGAIN = Remedy(
    "post_again",
    "Post it again",
    "Stripe is the evidence of this money: it is recorded in the ledger once more.",
    "The money of {what} is being recorded in {ledger} again",
)
WAS_DUPLICATE = Remedy(
    "was_duplicate",
    "It was a duplicate",
    "We take the money off the invoice here as well.",
    "{amount} is taken off {what} here as well. It stays the client's credit",
)
USE_MAPPING = Remedy(
    "use_mapping",
    "Book it by the mapping",
    "This credit goes to the account that the mapping names; its invoice stays where it is.",
    "{what} is being sent to the account that the mapping names",
)
PUT_ON_AGAIN = Remedy(
    "post_again",
    "Put it on again",
    "The credit note is put on the invoice in the ledger once more.",
    "The credit note is being put on {what} in {ledger} again",
)
TAKE_BACK_HERE = Remedy(
    "take_back",
    "Take it back here too",
    "The credit note is void in both books; the invoice is owed without it.",
    "Credit note {note} is taken back. {what} is owed without it",
)
LEFT_OUT = Remedy(
    "left_out",
    "Leave it out",
    "It is not entered again. The clearing page lists it as not posted.",
    "{what} is left out of {ledger}",
)
READ_ENTRY = Remedy(
    "read_again", "Check again", "We read it again, and ask again if it still differs.", "{ledger} is being read again"
)
LEAVE_THERE = Remedy(
    "leave_there",
    "Leave it as it is there",
    "We stop asking. The nightly comparison goes on listing the difference.",
    "{what} stays as it is in {ledger}",
)
RELEASE = Remedy("release", "Collect it again", "The hold on this invoice ends.", "{what} is collected again")

REPLACE = Remedy(
    "replace",
    "Ask for it by a new invoice",
    "The old invoice stays paid there; a new one, due today, asks the client for the money that came back.",
    "A new invoice asks for what came back. {what} stays as it is in {ledger}",
)

WORDS: dict[str, Words] = {
    "mapping_missing": Words(
        "{what} has no place in {ledger}", "Choose where it belongs; what waits is sent at once.", (REMAP,)
    ),
    "account_archived": Words(
        "Account {account} is archived in {ledger}",
        "Nothing was posted to it. Whatever goes to this account waits until it is active in {ledger} again, or until "
        "you choose another one.",
        (REMAP, CHECK_AGAIN),
    ),
    "coded_archived": Words(
        "{what}: {account}, where its invoice lies, is archived in {ledger}",
        "A credit is booked as its invoice is. Make that active again, or book the invoice elsewhere there, and it "
        "goes out by itself; or let this credit go where the mapping says.",
        (CHECK_AGAIN, USE_MAPPING),
    ),
    "locked": Words(
        "{what} is dated {date}; {ledger} is locked to {locked_until}",
        "Nothing was posted. Ask the bookkeeper to unlock that day.",
        (CHECK_AGAIN,),
    ),
    "name_taken": Words(
        "{ledger} already uses the name “{name}”",
        "Names must be unique there. Change the name here or there, then send again.",
        (RETRY,),
    ),
    "number_taken": Words(
        "{what} is already in {ledger} with other content",
        "A document with this number exists there. Nothing was posted.",
        (RETRY,),
    ),
    "reconciled": Words(
        "{what} is reconciled in {ledger}",
        "It cannot be taken off there. Undo the reconciliation and send again, or ask for the money by a new invoice.",
        (REPLACE, RETRY),
    ),
    "deposited": Words(
        "{what} lies in a deposit in {ledger}",
        "It cannot be changed there. Take it out of the deposit and send again, or ask for the money by a new invoice.",
        (REPLACE, RETRY),
    ),
    "credit_in_use": Words(
        "The client's credit from {what} is used in {ledger}, so that its amount cannot change there",
        "It is another amount here by now. In {ledger}, take it off the invoice or refund it is used for; then press "
        "Send again: the credit is entered with its new amount, and can be put on the invoice again.",
        (RETRY,),
    ),
    "refused": Words("{ledger} refused {what}", "In words we have not met; they are below.", (RETRY,)),
    "tries_used_up": Words(
        "{what} could not be sent in {tries} tries", "{ledger} did not take it; we stopped trying.", (RETRY,)
    ),
    "both_changed": Words(
        "{field} of {what} changed here and in {ledger}", "Nothing else waits.", (KEEP_OURS, TAKE_THEIRS)
    ),
    "document_changed": Words(
        "{what} was changed in {ledger}{by}",
        "Changed there: {fields}.{unnamed} The client was given {ours}; {ledger} says {theirs}. Collecting it is on "
        "hold.",
        (PUT_BACK, ACCEPT_CREDIT),
    ),
    "totals_differ": Words(
        "{what}: {ledger} says {theirs}, we say {ours}", "The charge waits until both agree.", (PUT_BACK, RETRY)
    ),
    "voided_there": Words(
        "{what} was voided in {ledger}{by}", "It is not collected meanwhile.{unnamed}", (VOID_REBILL, VOID_DROP)
    ),
    "payment_removed": Words(
        "A Stripe payment on {what} was removed in {ledger}{by}",
        "Stripe still holds {amount}. The invoice is not charged meanwhile.{unnamed}",
        (POST_AGAIN, WAS_DUPLICATE),
    ),
    "credit_taken_off": Words(
        "Credit note {note} was taken off {what} in {ledger}{by}",
        "The client holds it: {amount} less to pay. The invoice is not charged meanwhile.{unnamed}",
        (PUT_ON_AGAIN, TAKE_BACK_HERE),
    ),
    "refund_removed": Words(
        "A refund to {what} was removed in {ledger}{by}",
        "Stripe gave {amount} back all the same.{unnamed}",
        (POST_AGAIN,),
    ),
    "entry_removed": Words(
        "{what} was removed in {ledger}{by}",
        "Stripe's record of {amount} stands, so its removal is not believed by itself.{unnamed}",
        (POST_AGAIN, LEFT_OUT),
    ),
    "entry_changed": Words(
        "{what} was changed in {ledger}{by}",
        "Changed there: {fields}. It was sent with {ours}; {ledger} says {theirs}. Put it right there, and this ends "
        "by itself.{unnamed}",
        (READ_ENTRY, LEAVE_THERE),
    ),
    "settled_there": Words(
        "{ledger} says {theirs} is due on {what}, we say {ours}",
        "It was settled there in a way we cannot follow. It is neither charged nor chased meanwhile.",
        (RELEASE,),
    ),
    "not_taken": Words(
        "{ledger}'s details of {what} cannot be used here",
        "{why}. Ours are kept until it is put right there.",
        (READ_AGAIN,),
    ),
}


def open_snag(
    connection: Connection,
    code: str,
    *,
    subject: str,
    link: Link | None = None,
    money: Decimal = ZERO,
    **facts: Any,
) -> Snag:
    """Open a cause, or add to the one that is open for the same code and subject."""
    key = f"{connection.pk}:{code}:{subject}"
    facts = {"ledger": connection.get_provider_display(), **{k: str(v) for k, v in facts.items()}}
    found = Snag.objects.select_for_update().filter(dedupe_key=key, closed_at__isnull=True).first()
    if found is not None:
        if found.facts != facts or found.money != money:
            found.facts, found.money = facts, money
            found.save(update_fields=["facts", "money"])
        return found
    try:
        with transaction.atomic():
            snag = Snag.objects.create(
                practice_id=connection.practice_id,
                connection=connection,
                link=link,
                code=code,
                dedupe_key=key,
                facts=facts,
                money=money,
                opened_at=clock.now(),
            )
    except IntegrityError:
        return Snag.objects.get(dedupe_key=key, closed_at__isnull=True)
    events.record("ledger_sync.snag.opened", snag)
    return snag


def close_for_links(link_ids: Sequence[int]) -> None:
    """Close every open cause of links that was about sending them: they went through."""
    if not Snag.objects.filter(link__isnull=False, closed_at__isnull=True).exists():
        return  # As on most days: one short question instead of one that names every link.
    rows = Snag.objects.select_for_update().filter(link__in=link_ids, closed_at__isnull=True)
    for snag in rows.exclude(code__in=NOT_ABOUT_SENDING):
        close(snag, "gone")


def close(snag: Snag, remedy: str) -> None:
    """Close one cause, naming who did it and how; nobody did when the engine got through by itself."""
    cause = audit.current()
    who = "" if cause.system in ("", "engine", "schedule") else cause.actor
    snag.closed_at, snag.closed_by, snag.remedy = clock.now(), who, remedy
    snag.save(update_fields=["closed_at", "closed_by", "remedy"])
    events.record("ledger_sync.snag.closed", snag)


def open_ones(connection: Connection) -> QuerySet[Snag]:
    """Open causes of a connection, most money first, then oldest."""
    return Snag.objects.filter(connection=connection, closed_at__isnull=True).order_by("-money", "opened_at")


def sentence(snag: Snag) -> str:
    """The cause in one sentence: the same on every page, and the reason of the hold it puts on an invoice."""
    return WORDS[snag.code].sentence.format_map(_facts(snag))


def more(snag: Snag) -> str:
    """What else a person must know."""
    return WORDS[snag.code].more.format_map(_facts(snag))


def remedies(snag: Snag) -> tuple[Remedy, ...]:
    """What may be pressed, best first."""
    return WORDS[snag.code].remedies


def pressed(snag: Snag, code: str) -> str:
    """What is true once a remedy was pressed."""
    remedy = next(r for r in remedies(snag) if r.code == code)
    return remedy.pressed.format_map(_facts(snag))


def edited(snag: Snag) -> str:
    """Where a document was changed, and by whom if the ledger says: "Changed in Xero by Rhona Blake"."""
    return "Changed in {ledger}{by}".format_map(_facts(snag))


#: What the fields of a document are called on pages; net and total move together and are one thing to a reader.
_FIELDS = {
    "net": "the amount",
    "total": "the amount",
    "tax": "the tax",
    "contact": "the client",
    "from": "the account it leaves",
    "to": "the account it goes to",
}


def _facts(snag: Snag) -> _Known:
    """A cause's facts as its words want them. QuickBooks names nobody; then the page says so instead of "somebody"."""
    facts = {**snag.facts}
    who = facts.get("who", "")
    named = who.casefold() not in ("", "somebody")
    facts["by"] = f" by {who}" if named else ""
    facts["unnamed"] = "" if named else f" {facts.get('ledger', 'The ledger')} does not say by whom."
    names = [_FIELDS.get(name, f"the {name}") for name in facts.get("fields", "").split(", ") if name]
    facts["fields"] = " and ".join(dict.fromkeys(names))
    return _Known(facts)


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return {"account": "used here"}.get(key, "it")
