"""Money of a day that is closed in the ledger: entered on the first open day, its true day in the reference.

The lock is honoured whatever the ledger itself would accept, because an app that an adviser authorised passes Xero's
period lock. Invoices and credit notes are never moved: the client holds them with their date, so people are asked
(docs/accounting.md).
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

from ledger_sync.kinds import CREDIT, EXCESS
from ledger_sync.models import Link
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc
from ledger_sync.rendering.intents import Intent
from practice.core import dates

#: Kinds whose documents are money: they happened on a day, and are entered when the books allow it.
MONEY = frozenset({Kind.ALLOCATION, Kind.PAYMENT, Kind.REFUND, Kind.DISPUTE, Kind.FEE, Kind.PAYOUT})
#: A lock that reaches further ahead than this is taken for a slip of the pen: nothing is entered years from now.
AHEAD = timedelta(days=31)
_TRUE_DAY = re.compile(r", of \d{1,2} [A-Z][a-z]{2} \d{4}$")


def on_an_open_day(link: Link, intent: Intent, lock: str, today: date) -> Intent | None:
    """What may be sent of an intent while the ledger is locked to a day ("" for no lock), in ISO form.

    None when people must be asked: a document the client holds, a change to what is there already, or a lock that
    reaches far ahead.
    """
    if not intent.booked_on or not lock or intent.booked_on > lock:
        return intent
    opens = date.fromisoformat(lock) + timedelta(days=1)
    if intent.action != "create" or not _is_money_that_moves(link) or opens > today + AHEAD:
        return None
    true = date.fromisoformat(intent.booked_on)
    reference = f"{intent.doc['reference']}, of {dates.short(true)} {true.year}"
    moved = {"date": str(opens), "reference": reference, "true_date": str(true)}
    return replace(intent, doc={**intent.doc, **moved}, booked_on=str(opens))


def _is_money_that_moves(link: Link) -> bool:
    """Credit put on an invoice moves none, and ledgers date it by the documents it joins."""
    return link.kind in MONEY and not (link.kind == Kind.ALLOCATION and link.role in (CREDIT, EXCESS))


def as_entered(link: Link, doc: Doc) -> Doc:
    """A document of ours with the day and reference it was entered under, where its own day was closed then."""
    sent = link.base_ours or {}
    if not link.exists_there or sent.get("true_date") != doc["date"]:
        return doc
    return {**doc, **{name: sent[name] for name in ("date", "reference", "true_date")}}


def day_there(link: Link, otherwise: date | str | None) -> str:
    """The day the ledger has a document on, which is what a lock closes; ``otherwise`` where it does not say."""
    for known in (link.base_theirs, link.base_ours):
        if link.exists_there and known and known.get("date"):
            return str(known["date"])
    return str(otherwise or "")


def true_reference(text: str) -> str:
    """The reference of money without the true day that was added to it."""
    return _TRUE_DAY.sub("", text)


def moved_in_words(link: Link) -> str:
    """Why a document has another day in the ledger than the money had, or ""."""
    sent = link.base_ours or {}
    if not sent.get("true_date"):
        return ""
    true, entered = (date.fromisoformat(sent[name]) for name in ("true_date", "date"))
    return (
        f"The money moved on {dates.in_words(true)}. That day was locked in {link.connection.get_provider_display()}, "
        f"so it is entered there on {dates.in_words(entered)}, the first open day."
    )
