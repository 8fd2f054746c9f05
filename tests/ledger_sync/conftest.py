"""A firm whose ledger is the Xero sandbox in this process, over the real SDK."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser

from billing import agreements, refunding
from billing.models import Engagement, Invoice
from ledger_sync.connection import connecting
from ledger_sync.models import Connection
from ledger_sync.sandbox.xero import XeroSandbox
from practice.core import audit, clock, network
from practice.firm.models import Client, Entity, Membership, Practice, Service, TaxRate
from tests.firm import factories
from tests.ledger_sync.xero_books import There

NOON = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


@dataclass
class Firm:
    """One practice with an entity and a way to make clients and agreements."""

    practice: Practice
    entity: Entity
    service: Service

    def client(self, name: str = "Larkspur Bakery Pty Ltd", **facts: Any) -> Client:
        facts = {"country": "AU", "currency": "AUD", "billing_email": "ap@larkspur.example"} | facts
        return Client.objects.create(practice=self.practice, name=name, **facts)

    def agreement(self, client: Client, reference: str = "P-0001", **facts: Any) -> tuple[Engagement, list[Invoice]]:
        line = agreements.LineSpec(
            description="Bookkeeping", quantity=Decimal(1), unit_price=Decimal("1000"), cadence="month",
            treatment="standard", service=self.service,
        )  # fmt: skip
        given = {
            "entity": self.entity, "client": client, "title": "Bookkeeping", "reference": reference, "currency": "AUD",
            "price_basis": "exclusive", "lines": [line], "starts_on": date(2026, 11, 20),
            "signed_by": "Amélie Larkspur", "signed_at": clock.now(), "document_digest": "0" * 64,
        } | facts  # fmt: skip
        with audit.cause(system="client link", actor="Amélie Larkspur"):
            return agreements.make_agreement(spec=agreements.AgreementSpec(**given), now=clock.now())


@pytest.fixture
def firm(db: None) -> Firm:
    """Harbour & Vale: Australia, GST on invoices."""
    clock.move(NOON)
    practice = Practice.objects.create(slug="harbour-vale", name="Harbour & Vale", initials="HV")
    entity = Entity.objects.create(
        practice=practice, name="Harbour & Vale Pty Ltd", country="AU", currency="AUD", time_zone="Australia/Sydney"
    )
    for treatment, rate in (("standard", 10), ("zero", 0), ("exempt", 0), ("out_of_scope", 0)):
        TaxRate.objects.create(entity=entity, treatment=treatment, rate=Decimal(rate))
    service = Service.objects.create(
        practice=practice, code="BK", name="Bookkeeping", price=Decimal("1000"), currency="AUD"
    )
    return Firm(practice, entity, service)


@pytest.fixture
def xero(settings: Any) -> Iterator[XeroSandbox]:
    """The Xero sandbox with a demo company, reachable at http://xero.test."""
    clock.move(NOON)
    sandbox = XeroSandbox(base_url="http://xero.test")
    keys = sandbox.credentials()
    settings.XERO_BASE = "http://xero.test"
    settings.XERO_CLIENT_ID, settings.XERO_CLIENT_SECRET = keys["client_id"], keys["client_secret"]
    settings.XERO_WEBHOOK_KEY = keys["webhook_secret"]
    with network.answer_in_process({"xero.test": sandbox}):
        yield sandbox


@pytest.fixture
def connection(firm: Firm, xero: XeroSandbox) -> Connection:
    """The firm connected to the sandbox through the real code flow, mapped by the defaults, live."""
    return connecting.connect_sandbox(entity=firm.entity, provider="xero", keys=xero.credentials())


@pytest.fixture
def booked(firm: Firm, connection: Connection, bell: Any) -> Invoice:
    """An invoice of 1,100.00 that both books agree on."""
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    clock.advance(minutes=5)
    return invoice


@pytest.fixture
def there(xero: XeroSandbox) -> There:
    """What Xero's books say, trusting nobody."""
    return There(xero)


@pytest.fixture
def stripe_answers_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refunds are asked for, and what became of them is told by the test."""
    monkeypatch.setattr(refunding, "send_refund", lambda refund: refund)


@pytest.fixture
def browser(firm: Any) -> Browser:
    """The browser of Sam Lock, who looks after the connection to the ledger."""
    sam = factories.make_member(firm.practice, Membership.Role.SYNC_ADMIN, name="Sam Lock")
    signed_in = Browser()
    signed_in.force_login(sam)
    return signed_in
