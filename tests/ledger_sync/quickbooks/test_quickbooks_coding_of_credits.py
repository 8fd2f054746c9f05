"""A credit memo, and a receipt for money given back, go where their invoice lies in QuickBooks now."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import refunding
from billing.models import Invoice
from ledger_sync import remedies
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.pull import pulling
from practice.core import audit, clock
from tests.ledger_sync.money_back import in_agreement, reduce, stripe_says

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_answers_later")]


@pytest.fixture
def place(connection: Connection, qbo: Any, there: Any, booked: Invoice) -> dict[str, str]:
    """The bookkeeper moved the invoice to another item, and gave it a class."""
    link = Link.objects.get(invoice=booked)
    (line,) = [x for x in there.of(link)["Line"] if "SalesItemLineDetail" in x]
    before = line["SalesItemLineDetail"]
    sold = [x for x in there.rows("Item") if x["Type"] == "Service" and x["Id"] != before["ItemRef"]["value"]]
    item = next(x for x in sold if x["IncomeAccountRef"] != before["ItemAccountRef"] and x.get("Active", True))
    books = qbo.books(qbo.realm_id)
    with qbo.store.transaction():
        kind = books.add("Class", {"Id": books.next_id("Class"), "Name": "Advisory", "Active": True})
    chosen = {"item": item["Id"], "class": kind["Id"], "name": item["Name"]}
    detail = {**before, "ItemRef": {"value": chosen["item"]}, "ClassRef": {"value": chosen["class"]}}
    qbo.bookkeeper.edit_line(str(link.remote_id), line["Id"], {"SalesItemLineDetail": detail})
    read(connection)
    return chosen


def read(connection: Connection) -> None:
    clock.advance(minutes=3)
    pulling.pull(connection.pk, sweep=True, references=True)


def coded(row: dict[str, Any]) -> tuple[str, str]:
    (detail,) = [x["SalesItemLineDetail"] for x in row["Line"] if "SalesItemLineDetail" in x]
    return detail["ItemRef"]["value"], detail.get("ClassRef", {}).get("value", "")


def credit(invoice: Invoice) -> Any:
    with audit.cause(system="web", actor="Dana"):
        return refunding.credit_amount(
            invoice_id=invoice.pk, amount=Decimal("200.00"), reason="price_cut", words="goodwill"
        )


def test_a_credit_memo_copies_item_and_class_of_its_invoice_as_the_ledger_has_them_now(
    connection: Connection, there: Any, booked: Invoice, bell: Any, place: dict[str, str]
) -> None:
    note = credit(booked)
    in_agreement(connection, bell, booked)
    assert coded(there.one("CreditMemo", DocNumber=note.number)) == (place["item"], place["class"])


def test_a_refund_receipt_copies_them_too(
    firm: Any, connection: Connection, there: Any, booked: Invoice, bell: Any, place: dict[str, str]
) -> None:
    payment = firm.paid_by_card(booked.client, "1000.00", (booked, "1000.00"))
    refund = reduce(payment, booked, "300.00")
    stripe_says(refund, "succeeded")
    in_agreement(connection, bell, booked)
    assert coded(there.one("RefundReceipt", DocNumber=refund.credit.number)) == (place["item"], place["class"])


def test_an_item_that_was_made_inactive_meanwhile_is_asked_about(
    connection: Connection, qbo: Any, there: Any, booked: Invoice, bell: Any, place: dict[str, str]
) -> None:
    books = qbo.books(qbo.realm_id)
    with qbo.store.transaction():
        books.change("Item", books.get("Item", place["item"]), Active=False)
    read(connection)
    note = credit(booked)
    bell.answer()
    snag = Snag.objects.get(closed_at__isnull=True)
    assert (snag.code, snag.facts["account"]) == ("coded_archived", f"“{place['name']}”")
    assert [row for row in there.rows("CreditMemo") if row.get("DocNumber") == note.number] == []
    remedies.apply_remedy(snag_id=snag.pk, remedy="use_mapping")
    in_agreement(connection, bell, booked)
    assert coded(there.one("CreditMemo", DocNumber=note.number))[1] == ""
