"""QuickBooks ignores the amount of a line without a product or service, so none is ever sent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import invoicing
from ledger_sync.models import Connection, Link, Mapping, RefItem, Snag
from practice.core import clock

pytestmark = pytest.mark.django_db(transaction=True)


def billed_without_a_service(firm: Any, bell: Any) -> Link:
    client = firm.client("Sunny Side Daycare")
    draft = invoicing.Draft("Extra work", Decimal(1), Decimal(120), "standard")
    today = clock.today(firm.entity.time_zone)
    invoice = invoicing.bill_once(entity=firm.entity, client=client, drafts=[draft], on=today, now=clock.now())
    bell.answer()
    return Link.objects.get(invoice=invoice)


def posts_to(connection: Connection) -> RefItem:
    return Mapping.objects.get(connection=connection, purpose=Mapping.Purpose.SALES).target


def test_a_line_without_a_service_is_sold_as_what_posts_to_its_account(
    firm: Any, connection: Connection, there: Any, bell: Any
) -> None:
    link = billed_without_a_service(firm, bell)
    assert link.exists_there
    item = RefItem.objects.get(connection=connection, kind="item", remote_id=link.base_theirs["lines"][0]["item"])
    assert item.data["IncomeAccount"] == posts_to(connection).remote_id
    assert Decimal(link.base_theirs["total"]) == link.invoice.total


def test_without_one_it_waits_and_says_why_and_nothing_is_posted_as_zero(
    firm: Any, connection: Connection, there: Any, bell: Any
) -> None:
    RefItem.objects.filter(connection=connection, kind="item").delete()
    before = len(there.rows("Invoice"))
    link = billed_without_a_service(firm, bell)
    assert len(there.rows("Invoice")) == before
    assert link.parked_code == "mapping_missing"
    assert "no product or service there posts to" in Snag.objects.get(closed_at__isnull=True).facts["what"]
