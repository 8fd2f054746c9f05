"""How soon each book has what changed in the other is said on the connection's page, right for each ledger."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from ledger_sync.models import Connection
from ledger_sync.pages import freshness_words
from ledger_sync.pull import pulling

pytestmark = pytest.mark.django_db(transaction=True)
XERO = {
    "What is done here": "in Xero in seconds",
    "Clients and invoices changed in Xero": "here in seconds, when Xero tells of it",
    "Payments recorded in Xero": "here within 2 minutes while anything is owed or due today, otherwise within 10 minutes",
    "Fees, payouts and refunds changed in Xero": "asked about within an hour",
    "An invoice that is about to be charged or reminded of": "always read again in Xero first",
}
QUICKBOOKS = {
    "What is done here": "in QuickBooks in seconds",
    "Clients, invoices and payments changed in QuickBooks": "here in seconds, when QuickBooks tells of it",
    "Fees, payouts and refunds changed in QuickBooks": "asked about within an hour",
    "An invoice that is about to be charged or reminded of": "always read again in QuickBooks first",
}


@pytest.mark.parametrize(("provider", "said"), [("xero", XERO), ("quickbooks", QUICKBOOKS)])
def test_each_kind_is_promised_as_its_ledger_allows(provider: str, said: dict[str, str]) -> None:
    rows = freshness_words.promises_of(Connection(provider=provider))
    assert {row.what: row.when for row in rows} == said


@pytest.mark.parametrize("page", ["ledger_desk", "ledger"])
def test_the_pages_of_a_connection_say_every_promise(
    browser: Browser, firm: Any, connection: Connection, page: str
) -> None:
    where = [firm.practice.slug, connection.pk] if page == "ledger_desk" else [firm.practice.slug]
    html = browser.get(reverse(page, args=where)).content.decode()
    assert all(text in html for pair in XERO.items() for text in pair)


def test_the_words_follow_how_often_the_ledger_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freshness_words, "QUICKLY", 2 * pulling.QUICKLY)
    told = [row.when for row in freshness_words.promises_of(Connection(provider="xero"))]
    assert any("within 4 minutes" in words for words in told)
