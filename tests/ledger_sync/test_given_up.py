"""What is no longer wanted waits for nothing: its invoice may never get to the ledger."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import credits as crediting
from billing import invoicing, refunding
from billing.models import Invoice
from ledger_sync.connection import connections
from ledger_sync.models import Connection, Link
from practice.core import audit, clock

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def unsent(firm: Any, connection: Connection) -> Invoice:
    """An invoice that nobody has sent yet, with papers asked for."""
    connections.choose_papers(connection_id=connection.pk, attach=True, note_acceptance=True)
    _, (invoice,) = firm.agreement(firm.client())
    return invoice


def test_the_papers_of_an_invoice_that_was_voided_before_it_was_sent(unsent: Invoice, bell: Any) -> None:
    with audit.cause(system="web", actor="Dana"):
        invoicing.void_invoice(invoice_id=unsent.pk, reason="billed in error")
    bell.answer()
    assert list(Link.objects.filter(owed_since__isnull=False)) == []


def test_a_credit_note_taken_back_whose_invoice_was_voided_before_it_was_sent(unsent: Invoice, bell: Any) -> None:
    with audit.cause(system="web", actor="Dana"):
        note = refunding.credit_amount(invoice_id=unsent.pk, amount=Decimal("110.00"), reason="price_cut", words="")
        crediting.void_credit(credit_id=note.pk, reason="a mistake", now=clock.now())
        invoicing.void_invoice(invoice_id=unsent.pk, reason="billed in error")
    bell.answer()
    assert list(Link.objects.filter(owed_since__isnull=False)) == []
