"""A credit note goes where its invoice lies in Xero now, not where the mapping says; an invoice put back stays there."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from billing import credits as crediting
from billing import invoicing, refunding
from billing.models import CreditNote, Invoice
from ledger_sync import remedies
from ledger_sync.asking import snags
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.pull import pulling
from practice.core import audit, clock
from tests.ledger_sync.money_back import in_agreement, paid, reduce, stripe_says
from tests.ledger_sync.xero_books import There

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_answers_later")]


@pytest.fixture
def tracked(xero: Any) -> dict[str, str]:
    """An option of a tracking category of the demo company, as a line names it."""
    books = xero.books(xero.tenant_id)
    category = next(row for row in books.table("TrackingCategories").values() if row["Status"] == "ACTIVE")
    return {"Name": category["Name"], "Option": category["Options"][0]["Name"]}


def recode(connection: Connection, xero: Any, invoice: Invoice, **fields: Any) -> None:
    link = Link.objects.get(invoice=invoice)
    line = (link.base_theirs or {})["lines"][0]["remote_line"]
    xero.bookkeeper.edit_line(link.remote_id, line, fields)
    read(connection)


def read(connection: Connection) -> None:
    clock.advance(minutes=3)
    pulling.pull(connection.pk, sweep=True, references=True)


def credit(invoice: Invoice) -> CreditNote:
    with audit.cause(system="web", actor="Dana"):
        return refunding.credit_amount(
            invoice_id=invoice.pk, amount=Decimal("220.00"), reason="price_cut", words="goodwill"
        )


def coded(there: There, note: CreditNote) -> tuple[str, str, int]:
    (row,) = there.standing("CreditNotes", CreditNoteNumber=note.number)
    (line,) = row["LineItems"]
    return line["AccountCode"], line["TaxType"], len(line["_tracking"])


def test_a_credit_copies_account_rate_and_tracking_of_its_invoice_as_the_ledger_has_them_now(
    connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any, tracked: dict[str, str]
) -> None:
    recode(connection, xero, booked, AccountCode="260", Tracking=[tracked])
    note = credit(booked)
    in_agreement(connection, bell, booked)
    assert coded(there, note) == ("260", "OUTPUT", 1)


def test_a_refund_of_a_reduced_price_is_coded_as_its_invoice_is_there(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    recode(connection, xero, booked, AccountCode="260")
    payment = paid(firm, booked, "1100.00", (booked, "1100.00"))
    refund = reduce(payment, booked, "330.00")
    stripe_says(refund, "succeeded")
    in_agreement(connection, bell, booked)
    assert coded(there, refund.credit)[0] == "260"


def test_each_line_of_a_credit_finds_the_line_it_credits(
    firm: Any, connection: Connection, xero: Any, there: There, bell: Any
) -> None:
    client = firm.client()
    drafts = [
        invoicing.Draft("Payroll", Decimal(1), Decimal("100.00"), "standard", firm.service.pk),
        invoicing.Draft("Advice", Decimal(1), Decimal("900.00"), "standard", firm.service.pk),
        invoicing.Draft("Filing fee", Decimal(1), Decimal("50.00"), "zero", None),
    ]
    today = clock.today("Australia/Sydney")
    invoice = invoicing.bill_once(entity=firm.entity, client=client, drafts=drafts, on=today, now=clock.now())
    bell.answer()
    link = Link.objects.get(invoice=invoice)
    for line, account in zip((link.base_theirs or {})["lines"], ("205", "210", "260"), strict=True):
        xero.bookkeeper.edit_line(link.remote_id, line["remote_line"], {"AccountCode": account})
    read(connection)
    lines = list(reversed(crediting.whole_invoice(invoice)))
    note = crediting.credit_invoice(
        invoice_id=invoice.pk, lines=lines, reason="cancelled", words="", on=today, now=clock.now()
    )
    in_agreement(connection, bell, invoice)
    (row,) = there.standing("CreditNotes", CreditNoteNumber=note.number)
    assert [(line["Description"], line["AccountCode"]) for line in row["LineItems"]] == [
        ("Filing fee", "260"), ("Advice", "210"), ("Payroll", "205"),
    ]  # fmt: skip


@pytest.fixture
def asked(connection: Connection, xero: Any, booked: Invoice, bell: Any) -> CreditNote:
    """A credit of an invoice whose account was archived after the bookkeeper had moved the invoice there."""
    recode(connection, xero, booked, AccountCode="260")
    xero.bookkeeper.archive_account("260")
    read(connection)
    note = credit(booked)
    bell.answer()
    return note


def cause() -> Snag:
    return Snag.objects.get(closed_at__isnull=True)


def test_an_account_that_was_archived_meanwhile_is_asked_about_and_the_mapping_is_not_taken_silently(
    there: There, asked: CreditNote, booked: Invoice
) -> None:
    words = snags.sentence(cause())
    assert (
        words
        == f"{asked.number} to {booked.client.name}: 260 “Other Revenue”, where its invoice lies, is archived in Xero"
    )
    assert there.standing("CreditNotes", CreditNoteNumber=asked.number) == []


def test_a_person_may_let_the_credit_go_by_the_mapping(
    browser: Browser, firm: Any, connection: Connection, there: There, asked: CreditNote, booked: Invoice, bell: Any
) -> None:
    where = reverse("ledger_remedy", args=[firm.practice.slug, connection.pk, cause().pk])
    browser.post(where, {"remedy": "use_mapping"})
    in_agreement(connection, bell, booked)
    assert coded(there, asked)[0] == "200"


def test_the_credit_goes_out_by_itself_once_its_invoice_lies_on_an_account_in_use(
    connection: Connection, xero: Any, there: There, asked: CreditNote, booked: Invoice, bell: Any
) -> None:
    recode(connection, xero, booked, AccountCode="205")
    in_agreement(connection, bell, booked)
    assert coded(there, asked)[0] == "205"


def test_the_credit_goes_out_by_itself_once_the_account_is_in_use_again(
    connection: Connection, xero: Any, there: There, asked: CreditNote, booked: Invoice, bell: Any
) -> None:
    remedies.apply_remedy(snag_id=cause().pk, remedy="retry")
    assert cause().code == "coded_archived"
    xero.bookkeeper.restore_account("260")
    read(connection)
    in_agreement(connection, bell, booked)
    assert coded(there, asked)[0] == "260"


def test_an_account_archived_since_we_last_read_is_asked_about_as_well(
    connection: Connection, xero: Any, booked: Invoice, bell: Any
) -> None:
    recode(connection, xero, booked, AccountCode="260")
    xero.bookkeeper.archive_account("260")
    credit(booked)
    bell.answer()
    assert (cause().code, cause().facts["account"]) == ("coded_archived", "260 “Other Revenue”")


def test_an_invoice_put_back_keeps_where_the_bookkeeper_booked_it(
    connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any, tracked: dict[str, str]
) -> None:
    recode(connection, xero, booked, AccountCode="260", Tracking=[tracked], UnitAmount=900)
    remedies.apply_remedy(snag_id=cause().pk, remedy="put_back")
    in_agreement(connection, bell, booked)
    (row,) = there.standing("Invoices", InvoiceNumber=booked.number)
    (line,) = row["LineItems"]
    assert (row["Total"], line["AccountCode"], len(line["_tracking"])) == ("1100.00", "260", 1)
