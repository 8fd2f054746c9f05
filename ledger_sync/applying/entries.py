"""Entries of Stripe's money beside payments on invoices: fees, payouts, disputes, money back, a client's credit.

Stripe is the evidence of them, so nothing the bookkeeper does to one is believed by itself: what was removed, or has
another amount, day or bank account now, is asked about (docs/accounting.md). How their lines are coded is the ledger's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from ledger_sync.applying.invoices import amount_in_words
from ledger_sync.asking import snags
from ledger_sync.models import Connection, Link, RefItem, Snag
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Remote
from ledger_sync.rendering import documents
from practice.core import clock, dates

#: Kinds whose documents are entries, and not money on an invoice.
ENTRIES = (Kind.PAYMENT, Kind.REFUND, Kind.DISPUTE, Kind.FEE, Kind.PAYOUT)
_GONE = ("void", "deleted")
#: What of an entry is Stripe's to say.
_FACTS = ("date", "account", "from", "to")


def ours_among(connection: Connection, remotes: Sequence[Remote]) -> list[Remote]:
    """Of the objects of one list those that are entries of ours and say something new, by their own kind.

    A list of the ledger's may hold entries of several kinds: spent money is a fee, or a dispute.
    """
    there = {remote.remote_id: remote for remote in remotes}
    links = Link.objects.filter(connection=connection, kind__in=ENTRIES, remote_id__in=there, gone_at__isnull=True)
    rows = links.values_list("remote_id", "kind", "base_theirs")
    return [replace(there[str(key)], kind=kind) for key, kind, base in rows if there[str(key)].theirs != base]


def take_entry(connection: Connection, remote: Remote, who: str) -> int:
    """Take in what became of one entry. Returns whether it is one of ours."""
    rows = Link.objects.select_for_update(of=("self",)).select_related("connection__entity")
    link = rows.filter(connection=connection, kind=remote.kind, remote_id=remote.remote_id).first()
    if link is None:
        return 0
    if link.gone_at is None and not link.owes:
        check(link, remote.theirs, who)
    # A list may leave out what an answer showed: an overpayment's own id is never forgotten for that.
    theirs = {**(link.base_theirs or {}), **{name: value for name, value in remote.theirs.items() if value}}
    Link.objects.filter(pk=link.pk).update(base_theirs=theirs, remote_version=remote.version, verified_at=clock.now())
    return 1


def check(link: Link, theirs: Doc, who: str) -> None:
    """Ask about an entry that was removed, or says something else than Stripe; end what was asked once it agrees."""
    if theirs.get("status") in _GONE:
        _ask(link, "refund_removed" if link.kind == Kind.REFUND else "entry_removed", who)
    else:
        check_facts(link, theirs, who)


def check_facts(link: Link, theirs: Doc, who: str) -> None:
    """Ask about money of Stripe's that has another amount, day or bank account in the ledger than it was given."""
    differing = list(_differing(link, theirs))
    if differing:
        names = ", ".join(name for name, _, _ in differing)
        words = [_in_words(link, name, ours) for name, ours, _ in differing]
        said = [_in_words(link, name, there) for name, _, there in differing]
        _ask(link, "entry_changed", who, fields=names, ours=", ".join(words), theirs=", ".join(said))
        return
    for snag in Snag.objects.filter(link=link, code="entry_changed", closed_at__isnull=True):
        snags.close(snag, "agrees again")


def _differing(link: Link, theirs: Doc) -> Iterator[tuple[str, str, str]]:
    """(field, ours, theirs) of what the ledger says otherwise than it was sent."""
    ours = link.base_ours or {}
    amounts = [doc.get("amount") or doc.get("total") for doc in (ours, theirs)]
    if None not in amounts and Decimal(str(amounts[0])) != Decimal(str(amounts[1])):
        yield "amount", str(amounts[0]), str(amounts[1])
    for name in _FACTS:
        if ours.get(name) and theirs.get(name) and ours[name] != theirs[name]:
            yield name, str(ours[name]), str(theirs[name])


def _in_words(link: Link, name: str, value: str) -> str:
    if name == "amount":
        return amount_in_words(link.connection, value)
    if name == "date":
        return dates.in_words(date.fromisoformat(value))
    account = RefItem.objects.filter(connection=link.connection_id, remote_id=value).first()
    return account.label if account is not None else value


def _ask(link: Link, code: str, who: str, **facts: str) -> None:
    amount = abs(documents.value_of(link))
    what = link.refund.payment.client.name if link.refund is not None and code == "refund_removed" else _what(link)
    snags.open_snag(
        link.connection, code, subject=f"{link.kind}:{link.pk}", link=link, money=amount, what=what, who=who,
        amount=amount_in_words(link.connection, amount), **facts,
    )  # fmt: skip


def _what(link: Link) -> str:
    """An entry as its cause names it."""
    if link.fee_day is not None:
        return f"The entry of Stripe's fees of {dates.in_words(link.fee_day.on)}"
    if link.payout is not None:
        return f"The transfer of {link.payout.reference}"
    if link.dispute is not None:
        return f"The entry of {link.dispute.payment.client.name}'s dispute"
    if link.refund is not None:
        return f"The refund to {link.refund.payment.client.name}"
    return f"The entry of {link.payment.reference}" if link.payment is not None else documents.describe(link)
