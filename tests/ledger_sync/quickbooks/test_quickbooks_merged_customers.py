"""A customer that was merged into another in QuickBooks: money on its way to it is neither lost nor booked twice."""

from __future__ import annotations

from typing import Any

import pytest

from billing.models import Invoice
from ledger_sync.models import Connection, Link
from ledger_sync.push import pushing
from practice.core import clock
from practice.core.sandbox.faults import Fault

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_payment_made_unanswered_is_found_although_its_customer_was_merged_since(
    firm: Any, connection: Connection, qbo: Any, there: Any, booked: Invoice, bell: Any
) -> None:
    stays = qbo.bookkeeper.add_customer({"DisplayName": "Marigold Group"})
    qbo.faults.order(Fault("response_lost", match="/batch"))
    payment = firm.paid_by_card(booked.client, "1000.00", (booked, "1000.00"))
    bell.answer()
    qbo.bookkeeper.merge_customers(str(Link.objects.get(client=booked.client).remote_id), stays["Id"])
    for _ in range(4):
        clock.advance(minutes=4)
        pushing.ring_all()
        bell.answer()
    made = there.one("Payment", PaymentRefNum=payment.reference)
    assert Link.objects.get(payment=payment).remote_id == made["Id"]
