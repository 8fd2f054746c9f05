"""Causes: what a person must decide, opened once per cause, closed when it is gone. The words are in one table."""

from __future__ import annotations

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
    """One thing to press: its code, the words on it, and what follows from it."""

    code: str
    words: str
    consequence: str


@dataclass(frozen=True)
class Words:
    """How one cause is told. ``sentence`` and ``more`` are filled from the snag's facts."""

    sentence: str
    more: str
    remedies: tuple[Remedy, ...]


RETRY = Remedy("retry", "Send again", "We send it once more, exactly as it is now.")
REMAP = Remedy("remap", "Choose account", "Opens the mapping; everything that waits on it is sent again at once.")
KEEP_OURS = Remedy("keep_ours", "Keep ours", "The ledger gets our value.")
TAKE_THEIRS = Remedy("take_theirs", "Take the ledger's", "Our record gets the ledger's value.")
PUT_BACK = Remedy(
    "put_back", "Put the ledger back", "The invoice in the ledger is set back to what the client was given."
)
ACCEPT_CREDIT = Remedy(
    "accept_credit", "Accept as a credit", "We credit the difference here; the ledger's invoice stays as it was edited."
)
VOID_REBILL = Remedy(
    "void_rebill", "Void it here too, and bill again", "The charges go back into the next billing run."
)
VOID_DROP = Remedy("void_drop", "Void it here too, and drop the charges", "Nothing is billed for this again.")
POST_AGAIN = Remedy("post_again", "Post it again", "Stripe holds this money: a new payment is recorded in the ledger.")
WAS_DUPLICATE = Remedy("was_duplicate", "It was a duplicate", "We take the money off the invoice here as well.")
RELEASE = Remedy("release", "Collect it again", "The hold on this invoice ends.")

WORDS: dict[str, Words] = {
    "mapping_missing": Words(
        "{what} has no place in {ledger}", "Choose where it belongs; what waits is sent at once.", (REMAP,)
    ),
    "account_archived": Words(
        "Account {account} is archived in {ledger}",
        "It was refused: nothing was posted. Every service mapped to this account will fail until you point it to "
        "another.",
        (REMAP, RETRY),
    ),
    "locked": Words(
        "{what} is dated {date}; {ledger} is locked to {locked_until}",
        "Nothing was posted. Ask the bookkeeper to unlock, then send again.",
        (RETRY,),
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
    "refused": Words("{ledger} refused {what}", "In words we have not met; they are below.", (RETRY,)),
    "tries_used_up": Words(
        "{what} could not be sent in {tries} tries", "{ledger} did not take it; we stopped trying.", (RETRY,)
    ),
    "both_changed": Words(
        "{field} of {what} changed here and in {ledger}", "Nothing else waits.", (KEEP_OURS, TAKE_THEIRS)
    ),
    "document_changed": Words(
        "{what} was changed in {ledger}",
        "{who} changed {fields}. The client was given {ours}; the ledger says {theirs}. Collecting it is on hold.",
        (PUT_BACK, ACCEPT_CREDIT),
    ),
    "totals_differ": Words(
        "{what}: {ledger} says {theirs}, we say {ours}", "The charge waits until both agree.", (PUT_BACK, RETRY)
    ),
    "voided_there": Words(
        "{what} was voided in {ledger} by {who}", "It is not collected meanwhile.", (VOID_REBILL, VOID_DROP)
    ),
    "payment_removed": Words(
        "A Stripe payment on {what} was removed in {ledger} by {who}",
        "Stripe still holds {amount}. The invoice is not charged meanwhile.",
        (POST_AGAIN, WAS_DUPLICATE),
    ),
    "settled_there": Words(
        "{what} was settled in {ledger} in a way we cannot follow",
        "{ledger} says {theirs} is due, we say {ours}. It is neither charged nor chased.",
        (RELEASE,),
    ),
    "not_taken": Words(
        "{ledger}'s details of {what} cannot be used here",
        "{why}. Ours are kept until one side is put right.",
        (RETRY,),
    ),
    "contact_match": Words(
        "“{name}” may already be in {ledger} as “{other}”", "Same email. Nothing is created until you say.", (RETRY,)
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


def close_for_link(link: Link, remedy: str = "gone") -> None:
    """Close every open cause of a link: it went through."""
    for snag in (
        Snag.objects.select_for_update()
        .filter(link=link, closed_at__isnull=True)
        .exclude(code__in=("both_changed", "document_changed", "voided_there", "payment_removed", "settled_there"))
    ):
        close(snag, remedy)


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
    """The cause in one sentence."""
    return WORDS[snag.code].sentence.format_map(_Known(snag.facts))


def more(snag: Snag) -> str:
    """What else a person must know."""
    return WORDS[snag.code].more.format_map(_Known(snag.facts))


def remedies(snag: Snag) -> tuple[Remedy, ...]:
    """What may be pressed, best first."""
    return WORDS[snag.code].remedies


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return {"who": "somebody", "account": "used here"}.get(key, "it")
