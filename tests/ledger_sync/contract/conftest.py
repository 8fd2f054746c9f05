"""Both ledgers' books, each a connection to its sandbox in this process; a test that asks for them runs for either."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ledger_sync.connection import connecting
from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from ledger_sync.sandbox.xero import XeroSandbox
from practice.core import clock, network
from practice.firm.models import Entity, Practice, Service, TaxRate
from tests.ledger_sync.contract.books import COUNTRIES, NOON, Books


@pytest.fixture(params=["xero", "quickbooks"])
def books(request: pytest.FixtureRequest) -> Books:
    """The books of either ledger."""
    found: Books = request.getfixturevalue(f"{request.param}_books")
    return found


@pytest.fixture
def xero_books(db: None, settings: Any) -> Iterator[Books]:
    """An Australian firm at Xero, where sales are taxed."""
    clock.move(NOON)
    sandbox = XeroSandbox(base_url="http://xero.test")
    keys = sandbox.credentials()
    settings.XERO_BASE = "http://xero.test"
    settings.XERO_CLIENT_ID, settings.XERO_CLIENT_SECRET = keys["client_id"], keys["client_secret"]
    with network.answer_in_process({"xero.test": sandbox}):
        yield connected("xero", sandbox)


@pytest.fixture
def quickbooks_books(db: None, settings: Any) -> Iterator[Books]:
    """A firm in the United States at QuickBooks, where services are not taxed."""
    clock.move(NOON)
    sandbox = QuickBooksSandbox(base_url="http://qbo.test")
    keys = sandbox.credentials()
    settings.QBO_BASE = "http://qbo.test"
    settings.QBO_CLIENT_ID, settings.QBO_CLIENT_SECRET = keys["client_id"], keys["client_secret"]
    with network.answer_in_process({"qbo.test": sandbox}):
        yield connected("quickbooks", sandbox)


def connected(provider: str, sandbox: Any) -> Books:
    country, currency, zone, rate = COUNTRIES[provider]
    practice = Practice.objects.create(slug="harbour-vale", name="Harbour & Vale", initials="HV")
    entity = Entity.objects.create(
        practice=practice, name="Harbour & Vale", country=country, currency=currency, time_zone=zone
    )
    for treatment in TaxRate.Treatment.values:
        TaxRate.objects.create(entity=entity, treatment=treatment, rate=rate if treatment == "standard" else 0)
    Service.objects.create(practice=practice, code="BK", name="Bookkeeping", price=100, currency=currency)
    row = connecting.connect_sandbox(entity=entity, provider=provider, keys=sandbox.credentials())
    return Books(row, sandbox)
