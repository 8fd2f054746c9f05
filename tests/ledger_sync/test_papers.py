"""What hangs on an invoice in Xero beside the entry: our PDF once, and notes that can never be taken back, once."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from billing import invoice_pdf, payments
from billing.models import Invoice, Payment
from ledger_sync.connection import connections
from ledger_sync.models import Call, CallItem, Connection, Link
from ledger_sync.push import pushing
from ledger_sync.rendering import documents
from practice.core import audit, clock
from practice.core.sandbox.faults import Fault
from tests.ledger_sync.money_back import in_agreement
from tests.ledger_sync.xero_books import There

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def papers(connection: Connection) -> Connection:
    """The connection with both switched on."""
    return connections.choose_papers(connection_id=connection.pk, attach=True, note_acceptance=True)


def key_of(invoice: Invoice) -> str:
    return str(Link.objects.get(invoice=invoice, role="").remote_id)


def files(there: There, invoice: Invoice) -> list[dict[str, Any]]:
    return [row for row in there.rows("Attachments") if row["_document"] == key_of(invoice)]


def notes(there: There, invoice: Invoice) -> list[str]:
    records = there.sandbox.books(there.sandbox.tenant_id).history(key_of(invoice))
    return [row["Details"] for row in records if "Countersign" in row["Details"]]


def sweeps(bell: Any, times: int = 4) -> None:
    for _ in range(times):
        clock.advance(minutes=3)
        pushing.ring_all()
        bell.answer()


def debit(firm: Any, invoice: Invoice) -> Payment:
    """A bank debit of the whole invoice that is on its way."""
    receipt = payments.Receipt(
        source=Payment.Source.STRIPE, method="au_becs_debit", amount=invoice.total, currency="AUD",
        reference=f"Debit {invoice.number}", state=Payment.State.PROCESSING, initiated_at=clock.now(),
    )  # fmt: skip
    with audit.cause(system="stripe", actor="Stripe"):
        return payments.record_payment(
            entity=firm.entity, client=invoice.client, receipt=receipt, on_invoices=[(invoice, invoice.total)],
            now=clock.now(),
        )  # fmt: skip


def test_nothing_hangs_on_an_invoice_unless_it_is_switched_on(
    firm: Any, connection: Connection, there: There, bell: Any
) -> None:
    _, (invoice,) = firm.agreement(firm.client())
    in_agreement(connection, bell, invoice)
    assert (files(there, invoice), notes(there, invoice)) == ([], [])
    assert Link.objects.filter(invoice=invoice).count() == 1


def test_the_pdf_the_client_was_given_and_who_accepted_hang_on_the_invoice(
    firm: Any, papers: Connection, there: There, bell: Any
) -> None:
    _, (invoice,) = firm.agreement(firm.client())
    in_agreement(papers, bell, invoice)
    (file,) = files(there, invoice)
    assert (file["FileName"], file["MimeType"]) == (f"{invoice.number}.pdf", "application/pdf")
    assert base64.b64decode(file["_content"])[:5] == invoice_pdf.render(invoice)[:5] == b"%PDF-"
    (note,) = notes(there, invoice)
    assert note.startswith("Accepted by Amélie Larkspur, agreement P-0001 (Countersign ")
    link = Link.objects.get(invoice=invoice, kind="attachment")
    assert (documents.describe(link), documents.value_of(link)) == (f"PDF of {invoice.number}", Decimal("0.00"))
    assert "content" not in (link.base_ours or {})
    assert "content" not in CallItem.objects.get(link=link).ours["doc"]


@pytest.mark.parametrize("fault", ["response_lost", "reset", "timeout"])
def test_an_answer_that_never_came_makes_neither_a_second_file_nor_a_second_note(
    firm: Any, papers: Connection, xero: Any, there: There, bell: Any, fault: str
) -> None:
    xero.faults.order(Fault(kind=fault, match="Attachments|History", method="PUT", times=2))
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    sweeps(bell, 6)
    in_agreement(papers, bell, invoice)
    assert (len(files(there, invoice)), len(notes(there, invoice))) == (1, 1)
    assert not Call.objects.filter(closed_at__isnull=True).exists()


def test_a_note_whose_key_is_forgotten_is_looked_for_before_it_is_sent_anew(
    firm: Any, papers: Connection, xero: Any, there: There, bell: Any
) -> None:
    xero.faults.order(Fault(kind="response_lost", match="History", method="PUT", times=1))
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    clock.advance(minutes=20)
    sweeps(bell)
    assert len(notes(there, invoice)) == 1
    assert Call.objects.get(operation__startswith="xero.note").outcome == Call.Outcome.FOUND


def test_a_bank_debit_under_way_is_noted_and_that_it_did_not_arrive(
    firm: Any, connection: Connection, there: There, bell: Any
) -> None:
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    clock.advance(minutes=5)
    payment = debit(firm, invoice)
    bell.answer()
    (note,) = notes(there, invoice)
    # Friday 20 November and four working days.
    assert note.startswith("$1,100.00 bank debit under way, expected by 26 November 2026 (Countersign ")
    with audit.cause(system="stripe", actor="Stripe"):
        payments.fail_payment(payment_id=payment.pk, reason="insufficient funds", now=clock.now())
    clock.advance(seconds=5)
    in_agreement(connection, bell, invoice)
    assert any(
        text.startswith("$1,100.00 bank debit did not arrive: insufficient funds") for text in notes(there, invoice)
    )
    assert len(notes(there, invoice)) == 2
    # What never arrived is no credit of the client's.
    assert there.standing("Overpayments") == []


def test_a_debit_that_arrived_before_its_note_went_out_is_not_noted(
    firm: Any, connection: Connection, there: There, bell: Any
) -> None:
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    clock.advance(minutes=5)
    payment = debit(firm, invoice)
    with audit.cause(system="stripe", actor="Stripe"):
        payments.settle_payment(payment_id=payment.pk, paid_on=clock.today("Australia/Sydney"))
    in_agreement(connection, bell, invoice)
    assert notes(there, invoice) == []


def test_the_settings_page_switches_both(firm: Any, connection: Connection, browser: Any) -> None:
    url = reverse("ledger_settings", kwargs={"practice": firm.practice.slug, "connection_id": connection.pk})
    assert "Attach the PDF the client was given" in browser.get(url).content.decode()
    browser.post(url, {"verb": "papers", "attach": "on"})
    connection.refresh_from_db()
    assert connection.policies == {"attach_pdf": True, "note_acceptance": False}
    assert browser.get(url).content.decode().count(" checked") == 1
