"""A credit memo that the bookkeeper applies in QuickBooks counts here; one of ours that is taken off is asked about."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import refunding
from billing.models import CreditNote, Invoice
from ledger_sync.models import Connection, Link, Snag
from practice.core import audit
from tests.ledger_sync.steps import due, sync_now

pytestmark = pytest.mark.django_db(transaction=True)


def uses(there: Any) -> list[dict[str, Any]]:
    return [
        row for row in there.rows("Payment") if any(x["LinkedTxn"][0]["TxnType"] == "CreditMemo" for x in row["Line"])
    ]


def test_a_credit_memo_applied_there_is_a_credit_note_here_until_it_is_taken_off(
    connection: Connection, qbo: Any, there: Any, booked: Invoice, bell: Any
) -> None:
    key = str(Link.objects.get(invoice=booked, kind="invoice").remote_id)
    qbo.bookkeeper.credit(key, Decimal("200.00"), reason="Goodwill")
    sync_now(connection, bell)
    sync_now(connection, bell)
    note = CreditNote.objects.get()
    assert (note.origin, note.reason, note.total, due(booked)) == ("ledger", "ledger", Decimal(200), Decimal(800))
    (use,) = [row for row in uses(there) if any(x["LinkedTxn"][0]["TxnId"] == key for x in row["Line"])]
    qbo.bookkeeper.delete_payment(use["Id"])
    sync_now(connection, bell)
    note.refresh_from_db()
    assert note.voided_at is not None
    assert due(booked) == Decimal(1000)
    assert not Snag.objects.filter(closed_at__isnull=True).exists()


def test_a_credit_note_of_ours_that_was_taken_off_waits_for_a_person(
    connection: Connection, qbo: Any, booked: Invoice, bell: Any
) -> None:
    with audit.cause(system="web", actor="Dana"):
        note = refunding.credit_amount(invoice_id=booked.pk, amount=Decimal(200), reason="price_cut", words="")
    bell.answer()
    sync_now(connection, bell)
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    qbo.bookkeeper.delete_payment(str(Link.objects.get(allocation__credit=note).remote_id))
    sync_now(connection, bell)
    assert Snag.objects.get(closed_at__isnull=True).code == "credit_taken_off"
    assert due(booked) == Decimal(800)
