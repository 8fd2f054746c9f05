"""The books of a QuickBooks company are compared in full as well."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ledger_sync.models import Link
from ledger_sync.proof import reconciling

pytestmark = pytest.mark.django_db(transaction=True)


def found(connection: Any) -> list[tuple[str, ...]]:
    comparison = reconciling.compare(connection.pk)
    assert comparison is not None
    assert comparison.ended_at is not None
    return list(comparison.differences.values_list("what", "field", "here", "there", "cause"))


def test_a_payment_nobody_read_yet_is_told_and_books_that_agree_say_nothing(
    booked: Any, connection: Any, qbo: Any
) -> None:
    assert found(connection) == []
    link = Link.objects.get(invoice=booked)
    qbo.bookkeeper.record_payment(link.remote_id, Decimal(400))
    assert found(connection) == [("differs", "still due", "$1,000.00", "$600.00", "not_read")]


def test_an_invoice_the_bookkeeper_deleted_is_told(booked: Any, connection: Any, qbo: Any) -> None:
    qbo.bookkeeper.delete_invoice(Link.objects.get(invoice=booked).remote_id)
    assert found(connection) == [("missing_there", "", "", "", "not_read")]


def test_money_put_on_another_invoice_there_is_told(
    firm: Any, booked: Any, connection: Any, qbo: Any, bell: Any
) -> None:
    payment = firm.paid_by_card(booked.client, "1050.00", (booked, "1000.00"))
    bell.answer()
    assert found(connection) == []
    assert Link.objects.filter(kind="item", remote_id__isnull=False).exists()
    link = Link.objects.get(payment=payment)
    theirs = qbo.books(qbo.realm_id).get("Payment", link.remote_id)
    qbo.bookkeeper.edit_payment(link.remote_id, {"Line": [], "CustomerRef": theirs["CustomerRef"]})
    told = [row[:4] for row in found(connection)]
    assert ("differs", "on no invoice", "$50.00", "$1,050.00") in told
    assert ("differs", "on invoices", "$1,000.00", "") in told


def test_an_item_renamed_there_is_told(booked: Any, connection: Any, qbo: Any) -> None:
    qbo.bookkeeper.rename("Item", Link.objects.get(kind="item").remote_id, "Ledger keeping")
    assert [row[:4] for row in found(connection)] == [("differs", "name", "Bookkeeping", "Ledger keeping")]
