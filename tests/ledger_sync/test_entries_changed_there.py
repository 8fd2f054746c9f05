"""What the bookkeeper does in Xero to entries of Stripe's money is asked about: fees, payouts, disputes, credit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.models import Invoice
from ledger_sync import remedies
from ledger_sync.asking import snags
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.pull import pulling
from practice.core import clock
from tests.ledger_sync.money_back import disputed, fees_and_payout, in_agreement, paid
from tests.ledger_sync.steps import sweep_hourly
from tests.ledger_sync.xero_books import There

pytestmark = pytest.mark.django_db(transaction=True)
KINDS = ("fee", "payout", "dispute", "payment")


@pytest.fixture
def entered(firm: Any, connection: Connection, booked: Invoice, bell: Any) -> None:
    """A card payment with 50.00 too much, disputed later, a day's fees and a payout: both books agree."""
    payment = paid(firm, booked, "1150.00", (booked, "1100.00"))
    disputed(payment, "needs_response")
    fees_and_payout(firm)
    in_agreement(connection, bell, booked)
    sweep_hourly()


def link_of(kind: str) -> Link:
    return Link.objects.get(kind=kind, role="excess" if kind == "payment" else "", gone_at__isnull=True)


def cause() -> Snag:
    return Snag.objects.get(closed_at__isnull=True)


WORDS = {
    "fee": "The entry of Stripe's fees of 20 November 2026 was removed in Xero by Rhona Blake",
    "payout": "The transfer of STRIPE po_1 was removed in Xero by Rhona Blake",
    "dispute": "The entry of Larkspur Bakery Pty Ltd's dispute was removed in Xero by Rhona Blake",
    "payment": "The entry of Payment ch_CS-00001 was removed in Xero by Rhona Blake",
}


@pytest.mark.usefixtures("entered")
@pytest.mark.parametrize("kind", KINDS)
def test_an_entry_removed_there_is_asked_about_and_entered_again_only_when_told(
    connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any, kind: str
) -> None:
    link = link_of(kind)
    xero.bookkeeper.delete_entry(str(link.remote_id))
    sweep_hourly()
    bell.answer()
    assert (cause().code, snags.sentence(cause())) == ("entry_removed", WORDS[kind])
    assert (link_of(kind).pk, link_of(kind).owes) == (link.pk, False)
    remedies.apply_remedy(snag_id=cause().pk, remedy="post_again")
    in_agreement(connection, bell, booked)
    fresh = link_of(kind)
    assert (fresh.generation, there.of(fresh)["Status"]) == (2, "AUTHORISED")


@pytest.mark.usefixtures("entered")
def test_an_entry_removed_there_may_be_left_out(connection: Connection, xero: Any, bell: Any) -> None:
    link = link_of("fee")
    xero.bookkeeper.delete_entry(str(link.remote_id))
    sweep_hourly()
    remedies.apply_remedy(snag_id=cause().pk, remedy="left_out")
    sweep_hourly()
    bell.answer()
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    assert list(Link.objects.filter(kind="fee").values_list("owed_since", "generation")) == [(None, 1)]


@pytest.mark.usefixtures("entered")
def test_another_day_or_amount_there_is_asked_about_until_it_is_put_right(connection: Connection, xero: Any) -> None:
    link = link_of("fee")
    line = {"Description": "Fee", "UnitAmount": 20, "AccountCode": "404"}
    xero.bookkeeper.edit_entry(str(link.remote_id), {"Date": "2026-11-18", "LineItems": [line]})
    sweep_hourly()
    snag = cause()
    assert snag.code == "entry_changed"
    assert "the amount and the date" in snags.more(snag)
    assert "sent with $17.80, 20 November 2026; Xero says $20.00, 18 November 2026" in snags.more(snag)
    remedies.apply_remedy(snag_id=snag.pk, remedy="read_again")
    clock.advance(seconds=1)
    pulling.pull(connection.pk)
    assert cause().code == "entry_changed"
    line = {**line, "UnitAmount": Decimal("17.80")}
    xero.bookkeeper.edit_entry(str(link.remote_id), {"Date": "2026-11-20", "LineItems": [line]})
    sweep_hourly()
    assert not Snag.objects.filter(closed_at__isnull=True).exists()


@pytest.mark.usefixtures("entered")
def test_what_stays_as_it_is_there_is_not_asked_about_again(connection: Connection, xero: Any) -> None:
    xero.bookkeeper.edit_entry(str(link_of("dispute").remote_id), {"Date": "2026-11-18"})
    sweep_hourly()
    remedies.apply_remedy(snag_id=cause().pk, remedy="leave_there")
    sweep_hourly()
    assert not Snag.objects.filter(closed_at__isnull=True).exists()


@pytest.mark.usefixtures("entered")
def test_the_account_of_a_fee_is_the_bookkeepers_to_choose(connection: Connection, xero: Any) -> None:
    line = {"Description": "Fee", "UnitAmount": Decimal("17.80"), "AccountCode": "429"}
    xero.bookkeeper.edit_entry(str(link_of("fee").remote_id), {"LineItems": [line]})
    sweep_hourly()
    assert not Snag.objects.exists()


def test_nothing_is_asked_of_the_ledger_where_nothing_was_entered(
    firm: Any, connection: Connection, xero: Any, booked: Invoice, bell: Any
) -> None:
    paid(firm, booked, "1100.00", (booked, "1100.00"))
    bell.answer()
    assert pulling.entries_due(connection, everything=True) == []
