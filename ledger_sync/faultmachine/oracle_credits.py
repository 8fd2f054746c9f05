"""The judge of credit notes and what they are on, and of the files and notes on invoices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db.models import Q

from billing.models import CreditNote, Invoice
from ledger_sync.faultmachine.cases import Case, Row
from ledger_sync.faultmachine.findings import DIVERGED, DUPLICATED, LOST, Finding
from ledger_sync.models import Snag

#: What the bookkeeper may have done to an invoice that leaves no room for a credit of ours on it.
_NO_ROOM = ("pay", "edit", "void", "credited", "moved")
_UNDONE = ("VOIDED", "DELETED")


def judge_credits(case: Case) -> Iterator[Finding]:
    """Every way in which credit, files and notes differ."""
    yield from _our_notes(case)
    yield from _nobodys_notes(case)
    yield from _their_notes(case)
    yield from _papers(case)


# Credit notes


def _our_notes(case: Case) -> Iterator[Finding]:
    ours = CreditNote.objects.filter(entity=case.entity_id, origin=CreditNote.Origin.HERE)
    for note in ours.select_related("invoice", "client"):
        rows = [row for row in case.ledger["CreditNotes"] if row["CreditNoteNumber"] == note.number]
        standing = [row for row in rows if row["Status"] not in _UNDONE]
        if case.provider == "quickbooks" and _is_paid_out(note):
            if standing:
                yield Finding(DUPLICATED, f"credit note {note.number} stands beside the receipt of its refund")
        elif len(rows) > 1:
            yield Finding(DUPLICATED, f"credit note {note.number} is in the ledger {len(rows)} times")
        elif note.voided_at is not None and standing:
            yield Finding(DIVERGED, f"credit note {note.number} was taken back here and stands there")
        elif note.voided_at is None and not standing:
            if not _is_asked(case, note):
                yield Finding(DIVERGED if rows else LOST, f"credit note {note.number} is not in the ledger")
        elif standing:
            yield from _note(case, note, standing[0])


def _note(case: Case, note: CreditNote, row: Row) -> Iterator[Finding]:
    for name, ours, theirs in _compared(case, note, row):
        if ours != theirs:
            yield Finding(DIVERGED, f"credit note {note.number}: {name} is {ours} here, {theirs} there")
    live = note.allocations.filter(reversed_at__isnull=True)
    ours_on = {} if _is_paid_out(note) else {a.invoice.number: str(a.amount) for a in live}
    if ours_on != case.uses("credit", row["CreditNoteID"]) and not _is_asked(case, note):
        there = case.uses("credit", row["CreditNoteID"])
        yield Finding(DIVERGED, f"credit note {note.number} is on {ours_on} here, on {there} there")


def _is_paid_out(note: CreditNote) -> bool:
    """Whether its money goes back: then it lies on no invoice there, and QuickBooks has a receipt instead."""
    return note.refunds.exclude(state="failed").exists()


def _compared(case: Case, note: CreditNote, row: Row) -> Iterator[tuple[str, str, str]]:
    yield "client", case.contact_of(note.client_id), row["_contact"]
    yield "date", str(note.issued_on), row["Date"]
    yield "net", str(note.net), row["SubTotal"]
    yield "tax", str(note.tax), row["TotalTax"]
    yield "total", str(note.total), row["Total"]
    yield "invoice", note.invoice.number, row["Reference"]
    invoices = case.invoices(note.invoice.number)
    if invoices and not case.deeds.touched(invoices[0]["InvoiceID"], "recode"):
        place = "bad_debts" if note.reason == CreditNote.Reason.WRITE_OFF else "sales"
        yield "accounts", case.account_of(place), ", ".join({line["AccountCode"] for line in row["LineItems"]})


def _is_asked(case: Case, note: CreditNote) -> bool:
    """The bookkeeper left no room for it, or took it off or away; and people are asked."""
    rows = case.invoices(note.invoice.number)
    touched = any(case.deeds.touched(row["InvoiceID"], *_NO_ROOM, "uncredited") for row in rows)
    about = Q(link__credit=note) | Q(link__allocation__credit=note) | Q(link__invoice=note.invoice_id)
    return touched and Snag.objects.filter(about, closed_at__isnull=True).exists()


def _their_notes(case: Case) -> Iterator[Finding]:
    """What the bookkeeper credits on an invoice is a credit note here, once, for as long as it lies there."""
    bad_debts = {case.account_of("bad_debts")}
    for row in case.ledger["CreditNotes"]:
        if not case.deeds.values("credit", row["CreditNoteID"]):
            continue
        on = case.uses("credit", row["CreditNoteID"]) if row["Status"] not in _UNDONE else {}
        for number in {*on, *case.credited_once(row["CreditNoteID"])}:
            yield from _their_note(case, row, number, on.get(number), bad_debts)


def _their_note(case: Case, row: Row, number: str, amount: str | None, bad_debts: set[str]) -> Iterator[Finding]:
    name = row["CreditNoteNumber"] or row["CreditNoteID"][:8]
    here = CreditNote.objects.filter(
        entity=case.entity_id, origin=CreditNote.Origin.LEDGER, invoice__number=number, number__contains=name
    )
    live = [note for note in here if note.voided_at is None]
    asked = Snag.objects.filter(link__invoice__number=number, code="settled_there", closed_at__isnull=True).exists()
    if len(live) > 1:
        yield Finding(DUPLICATED, f"the bookkeeper's credit {name} is on {number} here {len(live)} times")
    elif live and amount is None:
        yield Finding(DIVERGED, f"the bookkeeper took credit {name} off {number}; it still stands here")
    elif amount is not None and not live:
        if not asked:
            yield Finding(LOST, f"the bookkeeper's credit {name} of {amount} on {number} never came here")
    elif live and str(live[0].total) != amount:
        yield Finding(DIVERGED, f"the bookkeeper's credit {name} is {live[0].total} here, {amount} there")
    elif live:
        off = {line["AccountCode"] for line in row["LineItems"]} <= bad_debts
        if off != (live[0].reason == CreditNote.Reason.WRITE_OFF):
            yield Finding(DIVERGED, f"the bookkeeper's credit {name} is {live[0].reason} here")


def _nobodys_notes(case: Case) -> Iterator[Finding]:
    """Each credit note there is ours by its number, or the bookkeeper's by a deed."""
    ours = set(CreditNote.objects.filter(entity=case.entity_id).values_list("number", flat=True))
    for row in case.ledger["CreditNotes"]:
        if row["CreditNoteNumber"] not in ours and not case.deeds.values("credit", row["CreditNoteID"]):
            yield Finding(DUPLICATED, f"credit note {row['CreditNoteNumber']!r} is there and nobody made it")


# Files and notes


def _papers(case: Case) -> Iterator[Finding]:
    """Each file of ours hangs on its invoice once, each note stands in its history once."""
    names = {row["InvoiceID"]: row["InvoiceNumber"] for row in case.ledger["Invoices"]}
    files = Counter((names.get(row["_document"], ""), row["FileName"]) for row in case.ledger["Attachments"])
    for (number, name), times in files.items():
        if times > 1:
            yield Finding(DUPLICATED, f"{name} hangs on {number} {times} times")
    notes = Counter(row["Details"] for row in case.ledger["Notes"])
    for text, times in notes.items():
        if times > 1:
            yield Finding(DUPLICATED, f"“{text}” stands in the history {times} times")
    yield from _missing_papers(case, names, {number for number, _ in files})


def _missing_papers(case: Case, names: dict[str, str], with_file: set[str]) -> Iterator[Finding]:
    """An invoice issued while papers were asked for has them there, as long as it stands in both books."""
    standing = {row["InvoiceNumber"] for row in case.ledger["Invoices"] if row["Status"] not in _UNDONE}
    accepted = {names.get(row["_document"], "") for row in case.ledger["Notes"] if "Accepted by" in row["Details"]}
    for invoice in Invoice.objects.filter(entity=case.entity_id, status=Invoice.Status.ISSUED, number__in=standing):
        assert invoice.issued_at is not None, "what is issued has its moment (constraint invoice_issued_whole)"
        wants = case.wants_papers(invoice.issued_at)
        if wants.file and invoice.number not in with_file:
            yield Finding(LOST, f"the file of {invoice.number} never reached the ledger")
        if wants.note and invoice.engagement_id is not None and invoice.number not in accepted:
            yield Finding(LOST, f"the note on {invoice.number} never reached the ledger")
