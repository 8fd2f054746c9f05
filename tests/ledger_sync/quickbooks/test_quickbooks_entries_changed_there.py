"""What the bookkeeper does in QuickBooks to entries of Stripe's money is asked about."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing.models import Invoice
from ledger_sync import remedies
from ledger_sync.asking import snags
from ledger_sync.models import Connection, Link, Snag
from tests.ledger_sync.money_back import disputed, fees_and_payout, in_agreement, reduce, stripe_says
from tests.ledger_sync.steps import sweep_hourly

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_answers_later")]
#: (kind, role) → what QuickBooks calls it, the cause of its removal, and how that is told.
ENTRIES = {
    ("fee", ""): (
        "Purchase",
        "entry_removed",
        "The entry of Stripe's fees of 20 November 2026 was removed in QuickBooks",
    ),
    ("payout", ""): ("Transfer", "entry_removed", "The transfer of STRIPE po_1 was removed in QuickBooks"),
    ("dispute", ""): (
        "Purchase",
        "entry_removed",
        "The entry of Marigold Bakery LLC's dispute was removed in QuickBooks",
    ),
    ("dispute", "back"): (
        "Deposit",
        "entry_removed",
        "The entry of Marigold Bakery LLC's dispute was removed in QuickBooks",
    ),
    ("refund", ""): ("RefundReceipt", "refund_removed", "A refund to Marigold Bakery LLC was removed in QuickBooks"),
}


@pytest.fixture
def entered(stripe_answers_later: None, firm: Any, connection: Connection, booked: Invoice, bell: Any) -> None:
    """A card payment, disputed and won, partly given back, a day's fees and a payout: both books agree."""
    payment = firm.paid_by_card(booked.client, "1000.00", (booked, "1000.00"))
    stripe_says(reduce(payment, booked, "300.00"), "succeeded")
    for status in ("needs_response", "won"):
        disputed(payment, status, Decimal("700.00"))
    fees_and_payout(firm)
    in_agreement(connection, bell, booked)
    sweep_hourly()


def link_of(kind: str, role: str = "") -> Link:
    return Link.objects.get(kind=kind, role=role, gone_at__isnull=True)


def cause() -> Snag:
    return Snag.objects.get(closed_at__isnull=True)


@pytest.mark.usefixtures("entered")
@pytest.mark.parametrize("entry", list(ENTRIES))
def test_an_entry_removed_there_is_told_by_the_log_of_changes_and_entered_again_only_when_told(
    connection: Connection, qbo: Any, there: Any, booked: Invoice, bell: Any, entry: tuple[str, str]
) -> None:
    name, code, words = ENTRIES[entry]
    link = link_of(*entry)
    qbo.bookkeeper.delete_entry(name, str(link.remote_id))
    sweep_hourly()
    bell.answer()
    assert (cause().code, snags.sentence(cause())) == (code, words)
    assert "QuickBooks does not say by whom" in snags.more(cause())
    assert (link_of(*entry).pk, link_of(*entry).owes) == (link.pk, False)
    remedies.apply_remedy(snag_id=cause().pk, remedy="post_again")
    in_agreement(connection, bell, booked)
    fresh = link_of(*entry)
    assert fresh.generation == 2
    assert there.one(name, Id=fresh.remote_id)


@pytest.mark.usefixtures("entered")
def test_another_amount_of_a_payout_there_is_asked_about_until_it_is_put_right(
    connection: Connection, qbo: Any
) -> None:
    key = str(link_of("payout").remote_id)
    qbo.bookkeeper.edit_entry("Transfer", key, {"Amount": Decimal("1000.00")})
    sweep_hourly()
    assert cause().code == "entry_changed"
    assert "sent with $1,082.20; QuickBooks says $1,000.00" in snags.more(cause())
    qbo.bookkeeper.edit_entry("Transfer", key, {"Amount": Decimal("1082.20")})
    sweep_hourly()
    assert not Snag.objects.filter(closed_at__isnull=True).exists()


@pytest.mark.usefixtures("entered")
def test_a_payment_of_stripes_on_another_day_or_account_there_is_asked_about(
    connection: Connection, qbo: Any, there: Any
) -> None:
    key, bank = str(link_of("payment").remote_id), there.account("Checking")
    qbo.bookkeeper.edit_payment(key, {"TxnDate": "2026-11-18", "DepositToAccountRef": {"value": bank}})
    sweep_hourly()
    assert (cause().code, cause().facts["fields"]) == ("entry_changed", "date, account")
    assert "“Checking”" in snags.more(cause())
