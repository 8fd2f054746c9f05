"""Beyond clients and invoices: excess money, credits and where they are, fees and payouts are compared with Xero as well."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.credits import CreditLine, credit_invoice
from billing.models import FeeDay, Invoice, Payment
from ledger_sync.kinds import CREDIT, EXCESS, MAIN
from ledger_sync.models import Connection, Link
from ledger_sync.proof import reconciling
from practice.core import clock
from tests.ledger_sync.money_back import paid

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def booked(firm: Any, connection: Connection, bell: Any) -> Invoice:
    """An invoice of 1,100.00, credited with 110.00 and paid by card with 50.00 too much; both books agree."""
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    line = CreditLine("Goodwill", Decimal(1), Decimal(100), "standard", Decimal(10), firm.service.pk)
    today = clock.today("Australia/Sydney")
    credit_invoice(invoice_id=invoice.pk, lines=[line], reason="price_cut", words="", on=today, now=clock.now())
    bell.answer()
    paid(firm, invoice, "1040.00", (invoice, "990.00"))
    bell.answer()
    clock.advance(minutes=5)
    return invoice


def found(connection: Connection) -> list[tuple[str, ...]]:
    comparison = reconciling.compare(connection.pk)
    assert comparison is not None
    assert comparison.ended_at is not None
    rows = comparison.differences.order_by("kind", "pk")
    return [(row.kind, row.what, row.field, row.here, row.there) for row in rows]


def change(connection: Connection, xero: Any, table: str, link: Link, **fields: Any) -> None:
    """What nobody could do over the wire or on a page: the row itself is another."""
    books = xero.books(connection.remote_org)
    with xero.store.transaction():
        books.change(table, books.get(table, link.remote_id), **fields)


def link_of(kind: str, role: str = MAIN) -> Link:
    return Link.objects.get(kind=kind, role=role)


def test_books_that_agree_give_no_difference_whatever_they_hold(
    booked: Invoice, connection: Connection, xero: Any
) -> None:
    before = xero.dump()
    assert found(connection) == []
    kinds = {("client", MAIN), ("invoice", MAIN), ("credit", MAIN), ("allocation", MAIN), ("allocation", CREDIT),
             ("payment", EXCESS)}  # fmt: skip
    assert set(Link.objects.values_list("kind", "role")) >= kinds
    known = Link.objects.filter(remote_id__isnull=False)
    assert reconciling.Comparison.objects.get().compared == known.count()
    assert set(known.values_list("verified_at", flat=True)) == {clock.now()}
    assert xero.dump() == before


@pytest.mark.parametrize(
    ("table", "kind", "role", "fields", "difference"),
    [
        ("BankTransactions", "payment", EXCESS, {"Total": "60.00"}, ("differs", "amount", "$50.00", "$60.00")),
        ("BankTransactions", "payment", EXCESS, {"Status": "DELETED"}, ("missing_there", "", "", "")),
        ("Payments", "allocation", MAIN, {"Amount": "980.00"}, ("differs", "amount", "$990.00", "$980.00")),
        ("Allocations", "allocation", CREDIT, {"Amount": "90.00"}, ("differs", "amount", "$110.00", "$90.00")),
    ],
)
def test_money_that_is_another_there_is_told(
    booked: Invoice, connection: Connection, xero: Any, table: str, kind: str, role: str, fields: Any, difference: Any
) -> None:
    change(connection, xero, table, link_of(kind, role), **fields)
    assert (kind, *difference) in found(connection)


def test_what_a_payment_leaves_over_here_is_compared_and_not_what_was_once_sent(
    booked: Invoice, connection: Connection
) -> None:
    Payment.objects.filter(source=Payment.Source.STRIPE).update(amount=Decimal("1060.00"))
    assert ("payment", "differs", "amount", "$70.00", "$50.00") in found(connection)
    Payment.objects.filter(source=Payment.Source.STRIPE).update(amount=Decimal("990.00"))
    assert ("payment", "differs", "status", "taken back", "stands") in found(connection)


def test_money_on_another_account_there_is_told(booked: Invoice, connection: Connection, xero: Any) -> None:
    books = xero.books(connection.remote_org)
    other = next(row for row in books.table("Accounts").values() if row["Name"] == "Business Bank Account")
    change(connection, xero, "Payments", link_of("allocation"), _account=other["AccountID"])
    rows = [row for row in found(connection) if row[:3] == ("allocation", "differs", "account")]
    assert [("clearing" in row[3], "Business Bank Account" in row[4]) for row in rows] == [(True, True)]


def test_money_there_twice_is_told(booked: Invoice, connection: Connection, xero: Any) -> None:
    books, link = xero.books(connection.remote_org), link_of("allocation")
    twin = {**books.get("Payments", link.remote_id), "PaymentID": "11111111-2222-4333-8444-555555555555"}
    with xero.store.transaction():
        books.put("Payments", twin)
    assert ("allocation", "twice_there", "", "", twin["PaymentID"]) in found(connection)


def test_what_was_never_owed_is_told_of_each_kind(booked: Invoice, connection: Connection, firm: Any) -> None:
    FeeDay.objects.create(
        practice=firm.practice, entity=firm.entity, on=clock.today("Australia/Sydney"), currency="AUD",
        amount=Decimal("17.80"), tax=Decimal("1.62"), closed_at=clock.now(),
    )  # fmt: skip
    lost = [link_of("allocation"), link_of("credit"), link_of("invoice")]
    Link.objects.filter(pk__in=[link.pk for link in lost]).update(gone_at=clock.now())
    told = [(kind, what) for kind, what, *_ in found(connection) if what == "never_sent"]
    assert told == [(kind, "never_sent") for kind in ("allocation", "credit", "fee", "invoice")]
    assert Payment.objects.count() == 1
