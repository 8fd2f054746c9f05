"""Invoices and credit notes as the ledger must show them: the document the client was given, coded as people chose."""

from __future__ import annotations

from billing.models import CreditNote, Invoice, Refund
from ledger_sync.connection import mapping
from ledger_sync.connection.mapping import Purpose
from ledger_sync.kinds import SHAPES
from ledger_sync.models import Connection, Link, RefItem
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc
from ledger_sync.rendering import coding
from ledger_sync.rendering.intents import Intent
from ledger_sync.rendering.known import Known, Line
from practice.core import money


def invoice(link: Link, known: Known) -> Intent | None:
    """An invoice, or its void."""
    row = link.invoice
    assert row is not None
    if row.status == Invoice.Status.VOID:
        void: Doc = {"number": row.number, "status": "void"}
        void_there = (link.base_theirs or {}).get("status") in ("void", "deleted")
        return Intent("void", void, str(row.issued_on)) if link.exists_there and not void_there else None
    doc = invoice_doc(row, known)
    if not link.exists_there:
        return Intent("create", doc, str(row.issued_on))
    base = link.base_ours or {}
    # Where an invoice was sent is no part of it; a client's contact may be merged into another. Neither changes it.
    same = {**doc, "email": base.get("email"), "contact": base.get("contact")} == base
    return None if same else Intent("update", coding.kept(link, doc), str(row.issued_on))


def invoice_doc(invoice: Invoice, known: Known) -> Doc:
    """An invoice as the client was given it, with the coding the mapping gives its lines."""
    return {
        "number": invoice.number,
        "contact": known.remote_of(Kind.CLIENT, invoice.client_id),
        "date": str(invoice.issued_on),
        "due_on": str(invoice.due_on),
        "reference": invoice.reference,
        "currency": invoice.currency,
        "basis": invoice.price_basis,
        "status": "issued",
        "email": known.email_of(invoice.client_id),
        "lines": [_line(known, line, _asked_again(invoice, known)) for line in known.lines_of(invoice)],
        "net": str(invoice.net),
        "tax": str(invoice.tax),
        "total": str(invoice.total),
    }


def _asked_again(invoice: Invoice, known: Known) -> RefItem | None:
    """Where the lines of an invoice go that asks again for money that came back: it is no income."""
    return known.places.target(Purpose.RETURNED) if invoice.replaces_id is not None else None


def _line(known: Known, line: Line, elsewhere: RefItem | None = None) -> Doc:
    """A line with the coding the mapping gives it."""
    connection = known.connection
    account = elsewhere or known.places.income_account(line.service_id)
    rate = known.places.target(Purpose.TAX, line.treatment)
    item = known.remote_of(Kind.ITEM, line.service_id) if line.service_id and not elsewhere else ""
    if not item and SHAPES[connection.provider].needs_items:
        item = _item_that_posts_to(connection, account, line.description)
    places = {"account": account.code or account.remote_id, "tax": rate.code or rate.remote_id, "item": item}
    return {**_given(line), **places}


def _given(line: Line) -> Doc:
    """What the client was given of a line."""
    return {
        "key": str(line.position),
        "description": line.description,
        "quantity": money.plain(line.quantity),
        "unit_price": money.plain(line.unit_price),
        "amount": str(line.amount),
        "tax_amount": str(line.tax),
    }


def _line_as_booked(known: Known, line: Line, booked: Doc | None) -> Doc:
    """A line of a credit with the coding of the invoice's line, as the ledger has that now."""
    if booked is None:
        return _line(known, line)
    return {**_given(line), **{name: booked[name] for name in ("account", "tax", "item", "tracked") if name in booked}}


def _item_that_posts_to(connection: Connection, account: RefItem, what: str) -> str:
    """The ledger's product or service for a line that has no service of ours. Raises MappingMissing."""
    ours = Link.objects.filter(connection=connection, kind=Kind.ITEM, remote_id__isnull=False, gone_at__isnull=True)
    found = ours.filter(base_theirs__account=account.remote_id).values_list("remote_id", flat=True).first()
    if found is None:
        theirs = RefItem.objects.filter(connection=connection, kind=RefItem.Kind.ITEM, active=True)
        sold = theirs.filter(data__Type__in=("Service", "NonInventory"), data__IncomeAccount=account.remote_id)
        found = sold.order_by("id").values_list("remote_id", flat=True).first()
    if found is None:
        raise mapping.MappingMissing(f"“{what}” (no product or service there posts to {account.label})")
    return found


def credit(link: Link, known: Known) -> Intent | None:
    """A credit note made here. Where money goes back by a receipt of its own, that is its document instead."""
    row = link.credit
    assert row is not None
    stands = row.voided_at is None and not (
        SHAPES[known.connection.provider].refunds_by_receipt and is_paid_out(row.pk)
    )
    if link.exists_there:
        return None if stands else Intent("void", {"number": row.number, "status": "void"}, str(row.issued_on))
    return Intent("create", credit_doc(row, known, link), str(row.issued_on)) if stands else None


def is_paid_out(credit_id: int) -> bool:
    """Whether a credit note's money goes back to the client, so that it is not put on its invoice in the ledger."""
    return Refund.objects.filter(credit=credit_id).exclude(state=Refund.State.FAILED).exists()


def _credited_lines(row: CreditNote, known: Known, link: Link) -> list[Doc]:
    lines = known.lines_of(row)
    if row.reason == CreditNote.Reason.WRITE_OFF:
        off = known.places.target(Purpose.BAD_DEBTS)
        return [_line(known, line, off) for line in lines]
    booked = coding.of_credit(link, row, lines, known)
    return [_line_as_booked(known, line, there) for line, there in zip(lines, booked, strict=True)]


def credit_doc(row: CreditNote, known: Known, link: Link) -> Doc:
    """A credit note as the client was given it, coded as its invoice is there now; a write-off goes to bad debts.

    ``link`` is of the document it becomes there. Raises CodedArchived.
    """
    return {
        "number": row.number,
        "contact": known.remote_of(Kind.CLIENT, row.client_id),
        "date": str(row.issued_on),
        "reference": row.invoice.number,
        "currency": row.currency,
        "basis": row.price_basis,
        "status": "issued",
        "lines": _credited_lines(row, known, link),
        "net": str(row.net),
        "tax": str(row.tax),
        "total": str(row.total),
    }
