"""A client says yes, and the money and the books follow without anyone typing: over real HTTP, for both ledgers."""

from __future__ import annotations

import time
from decimal import Decimal

import pytest

from billing.models import Engagement, Invoice, Payment
from billing.standing import standing_of
from ledger_sync.models import Call, Link, Snag
from ledger_sync.pull import pulling
from practice.core import clock
from practice.site.demo.cast import FIRMS, FirmCast
from tests.world import Teller, World, found, until

pytestmark = [pytest.mark.story, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("cast", FIRMS, ids=lambda cast: cast.provider)
def test_from_a_signature_to_both_books_and_back(world: World, cast: FirmCast) -> None:
    connection = found(world, cast)
    told: list[str] = []
    Teller(world.address, told.append, slug=cast.slug).play()
    assert len(told) == 7

    engagement = Engagement.objects.get()
    invoice = Invoice.objects.get(engagement=engagement)
    payment = Payment.objects.get()
    assert payment.amount == Decimal("900.00" if cast.country == "AU" else "540.00") * (
        Decimal("1.1") if cast.country == "AU" else 1
    )
    link = Link.objects.get(invoice=invoice)
    assert Decimal(link.base_theirs["total"]) == invoice.total
    assert not Call.objects.filter(closed_at__isnull=True).exists()
    assert not Snag.objects.exists()

    bookkeeper = world.sandboxes[cast.provider].bookkeeper
    contact = Link.objects.get(client=engagement.client)
    change = {"EmailAddress": "new@rivergum.example"} if cast.provider == "xero" else None
    if change:
        bookkeeper.edit_contact(contact.remote_id, change)
    else:
        bookkeeper.edit_customer(contact.remote_id, {"PrimaryEmailAddr": {"Address": "new@rivergum.example"}})
    due = standing_of(invoice, clock.today(cast.zone)).due
    if due:
        bookkeeper.record_payment(link.remote_id, due)
    time.sleep(1.1)  # noqa: TID251 (ledgers date changes to the second)
    pulling.pull(connection.pk, sweep=True)
    engagement.client.refresh_from_db()
    assert engagement.client.billing_email == "new@rivergum.example"
    invoice = Invoice.objects.get(pk=invoice.pk)
    assert until(lambda: standing_of(Invoice.objects.get(pk=invoice.pk), clock.today(cast.zone)).state == "paid")
