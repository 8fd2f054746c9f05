"""What is issued here is in the ledger seconds later, once, in order, and equal to the cent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ledger_sync.models import Call, Link
from practice.core import clock

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_accepted_agreement_puts_contact_and_invoice_into_xero(
    firm: Any, connection: Any, xero: Any, bell: Any
) -> None:
    client = firm.client()
    _, (invoice,) = firm.agreement(client)
    bell.answer()
    link = Link.objects.get(invoice=invoice)
    assert link.exists_there
    assert not link.owes
    assert link.base_theirs["total"] == "1100.00" == str(invoice.total)
    assert Link.objects.get(client=client).base_theirs["name"] == client.name
    assert Call.objects.filter(closed_at__isnull=True).count() == 0
    assert invoice.tax == Decimal("100.00")
    assert clock.now() is not None
