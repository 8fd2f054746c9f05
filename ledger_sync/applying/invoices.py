"""Invoices, in three layers.

*Document* (number, date, recipient, lines, tax, total) is what the client was given: a change there is a cause for a
person, with collection of that invoice on hold. *Coding* (account, tracking, item) is the ledger's and taken silently.
*Standing* (payments, credits, due date) is events. See docs/accounting.md.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Q

from billing import invoicing
from billing.models import Allocation, Invoice
from billing.standing import standing_of
from ledger_sync import linking
from ledger_sync.applying import bases
from ledger_sync.applying.bases import is_known, link_of
from ledger_sync.asking import snags
from ledger_sync.kinds import MAIN
from ledger_sync.limits import lanes
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Remote
from ledger_sync.rendering import documents
from practice.core import clock, owed
from practice.core.money import ZERO, in_words


def take_invoice(connection: Connection, remote: Remote, who: str) -> int:
    """Take in one invoice. Returns whether it is one of ours."""
    link = link_of(connection, remote)
    if link is None or link.invoice is None:
        return 0
    invoice, theirs = link.invoice, remote.theirs
    if is_known(link, remote):
        _settled_again(connection, link, theirs)
        return 1
    if invoice.status == Invoice.Status.ISSUED:
        if theirs["status"] in ("void", "deleted"):
            _voided_there(connection, link, remote, who)
        else:
            compare_document(connection, link, theirs, who)
            _due_date(link, theirs)
            _settled_again(connection, link, theirs)
    bases.agree(link, remote, base_ours=link.base_ours)
    _send_its_credits(connection, invoice)
    return 1


def _send_its_credits(connection: Connection, invoice: Invoice) -> None:
    """Credits that waited because what their invoice lay on is archived: it may lie elsewhere now."""
    waiting = Link.objects.filter(connection=connection, parked_code="coded_archived")
    if owed.release(waiting.filter(Q(credit__invoice=invoice) | Q(refund__credit__invoice=invoice))):
        lanes.ring(connection, "push")


def compare_document(connection: Connection, link: Link, theirs: Doc, who: str) -> None:
    """Compare what the client was given with what the ledger says now."""
    invoice = link.invoice
    assert invoice is not None
    ours: Doc = link.base_ours or {}
    changed = [
        k for k in ("number", "date", "contact", "currency", "net", "tax", "total") if ours.get(k) != theirs.get(k)
    ]
    if "contact" in changed and theirs["contact"] == linking.remote_of(connection, Kind.CLIENT, invoice.client_id):
        changed.remove("contact")  # the one it was sent to was merged into this one
    if len(ours.get("lines", [])) != len(theirs["lines"]) and "lines" not in changed:
        changed.append("lines")
    code = f"invoice:{link.pk}"
    if changed:
        snag = snags.open_snag(
            connection, "document_changed", subject=code, link=link, money=invoice.total,
            what=documents.describe(link), who=who, fields=", ".join(changed),
            ours=amount_in_words(connection, ours.get("total", invoice.total)),
            theirs=amount_in_words(connection, theirs.get("total")),
            their_total=theirs.get("total"),
        )  # fmt: skip
        hold(invoice.pk, snag)
        _close(connection, code, "totals_differ", because="asked about as a change")
        return
    if invoice.hold_code == "document_changed":
        invoicing.release_invoice(invoice_id=invoice.pk, code="document_changed")
    _close(connection, code, "document_changed", "totals_differ", because="agrees again")


def _close(connection: Connection, subject: str, *codes: str, because: str) -> None:
    keys = [f"{connection.pk}:{code}:{subject}" for code in codes]
    for snag in Snag.objects.filter(dedupe_key__in=keys, closed_at__isnull=True):
        snags.close(snag, because)


def hold(invoice_id: int, snag: Snag) -> None:
    """Stop collecting an invoice for a cause, which is told in the same words wherever it shows."""
    invoicing.hold_invoice(invoice_id=invoice_id, code=snag.code, reason=snags.sentence(snag))


def amount_in_words(connection: Connection, amount: object) -> str:
    """An amount in the connection's currency, as people write it."""
    return in_words(Decimal(str(amount or "0")), connection.entity.currency, connection.entity.locale)


def _due_date(link: Link, theirs: Doc) -> None:
    """A due date the bookkeeper moved later is taken; an earlier one stays theirs."""
    invoice = link.invoice
    assert invoice is not None
    if not theirs.get("due_on") or theirs["due_on"] == (link.base_theirs or {}).get("due_on"):
        return
    due = date.fromisoformat(theirs["due_on"])
    if invoice.due_on is None or due > invoice.due_on:
        invoicing.change_due_date(invoice_id=invoice.pk, due_on=due, reason="ledger")


def _voided_there(connection: Connection, link: Link, remote: Remote, who: str) -> None:
    invoice = link.invoice
    assert invoice is not None
    snag = snags.open_snag(
        connection, "voided_there", subject=f"invoice:{link.pk}", link=link, money=invoice.total,
        what=documents.describe(link), who=who,
    )  # fmt: skip
    hold(invoice.pk, snag)


def agrees_on_due(connection: Connection, link: Link, theirs: Doc) -> bool:
    """Whether what is due on an invoice is the same in both books."""
    invoice = Invoice.objects.get(pk=link.subject_id)
    ours = standing_of(invoice, clock.today(connection.entity.time_zone)).due
    return Decimal(theirs.get("due") or "0") == ours


def is_on_its_way(connection: Connection, invoice_id: int) -> bool:
    """Whether the ledger has yet to be told of money or credit that came onto an invoice here, or went off it."""
    used = Allocation.objects.filter(invoice=invoice_id)
    paid = used.filter(payment__isnull=False).values("payment")
    about = Q(allocation__in=used) | Q(payment__in=paid, role=MAIN)
    moving = Link.objects.filter(connection=connection, owed_since__isnull=False, parked_at__isnull=True)
    return moving.filter(about).exists()


@transaction.atomic
def check_standing(connection: Connection, link: Link, theirs: Doc) -> bool:
    """Whether what is due on an invoice is the same in both books; a difference we cannot follow holds collection."""
    invoice = link.invoice
    assert invoice is not None
    invoice.refresh_from_db()
    vars(invoice).pop("live_allocations", None)
    ours = standing_of(invoice, clock.today(connection.entity.time_zone)).due
    said = Decimal(theirs.get("due") or "0")
    if said == ours:
        return True
    snag = snags.open_snag(
        connection, "settled_there", subject=f"invoice:{link.pk}", link=link, money=abs(said - ours) or ZERO,
        what=documents.describe(link), ours=amount_in_words(connection, ours), theirs=amount_in_words(connection, said),
    )  # fmt: skip
    hold(invoice.pk, snag)
    return False


def _settled_again(connection: Connection, link: Link, theirs: Doc) -> None:
    """Close the cause that another amount was due there, once it is the same in both books."""
    key = f"{connection.pk}:settled_there:invoice:{link.pk}"
    snag = Snag.objects.filter(dedupe_key=key, closed_at__isnull=True).first()
    if snag is None or not agrees_on_due(connection, link, theirs):
        return
    snags.close(snag, "agrees again")
    others = Snag.objects.filter(connection=connection, code="settled_there", closed_at__isnull=True)
    if not others.filter(dedupe_key__contains=":payment:", dedupe_key__endswith=f":{link.subject_id}").exists():
        invoicing.release_invoice(invoice_id=link.subject_id, code="settled_there")
