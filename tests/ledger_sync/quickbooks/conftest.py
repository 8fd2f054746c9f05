"""A US firm whose ledger is the QuickBooks sandbox in this process, over the real SDK."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing import agreements, payments
from billing.models import Engagement, Invoice, Payment
from ledger_sync.connection import connecting
from ledger_sync.models import Connection, Link
from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from practice.core import audit, clock, network
from practice.firm.models import Client, Entity, Practice, Service, TaxRate

MORNING = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)


@dataclass
class UsFirm:
    """Larkin CPA with a way to make clients, agreements and payments."""

    practice: Practice
    entity: Entity
    service: Service

    def client(self, name: str = "Marigold Bakery LLC", **facts: Any) -> Client:
        facts = {"country": "US", "currency": "USD", "billing_email": "ap@marigold.example"} | facts
        return Client.objects.create(practice=self.practice, name=name, **facts)

    def agreement(self, client: Client, reference: str = "P-0001", **facts: Any) -> tuple[Engagement, list[Invoice]]:
        line = agreements.LineSpec(
            description="Bookkeeping", quantity=Decimal(1), unit_price=Decimal("1000"), cadence="month",
            treatment="standard", service=self.service,
        )  # fmt: skip
        given = {
            "entity": self.entity, "client": client, "title": "Bookkeeping", "reference": reference, "currency": "USD",
            "price_basis": "exclusive", "lines": [line], "starts_on": date(2026, 11, 20), "signed_by": "Mari Gold",
            "signed_at": clock.now(), "document_digest": "0" * 64,
        } | facts  # fmt: skip
        with audit.cause(system="client link", actor="Mari Gold"):
            return agreements.make_agreement(spec=agreements.AgreementSpec(**given), now=clock.now())

    def paid_by_card(self, client: Client, amount: str, *invoices: tuple[Invoice, str], ref: str = "ch_1") -> Payment:
        receipt = payments.Receipt(
            source=Payment.Source.STRIPE, method="card", amount=Decimal(amount), currency="USD",
            reference=f"Card payment {ref}", state=Payment.State.SUCCEEDED, initiated_at=clock.now(),
            paid_on=clock.today("America/Chicago"), charge_ref=ref,
        )  # fmt: skip
        shares = [(invoice, Decimal(share)) for invoice, share in invoices]
        with audit.cause(system="stripe", actor="Stripe"):
            return payments.record_payment(
                entity=self.entity, client=client, receipt=receipt, on_invoices=shares, now=clock.now()
            )


@pytest.fixture
def firm(db: None) -> UsFirm:
    """Larkin CPA: United States, no sales tax on services."""
    clock.move(MORNING)
    practice = Practice.objects.create(slug="larkin-cpa", name="Larkin CPA", initials="LC")
    entity = Entity.objects.create(
        practice=practice, name="Larkin CPA", country="US", currency="USD", time_zone="America/Chicago",
        deposit_kind=Entity.DepositKind.UPFRONT_FEE,
    )  # fmt: skip
    for treatment in ("standard", "zero", "exempt", "out_of_scope"):
        TaxRate.objects.create(entity=entity, treatment=treatment, rate=Decimal(0))
    service = Service.objects.create(
        practice=practice, code="BK", name="Bookkeeping", price=Decimal("1000"), currency="USD"
    )
    return UsFirm(practice, entity, service)


@pytest.fixture
def qbo(settings: Any) -> Iterator[QuickBooksSandbox]:
    """The QuickBooks sandbox with a demo company, reachable at http://qbo.test."""
    clock.move(MORNING)
    sandbox = QuickBooksSandbox(base_url="http://qbo.test")
    keys = sandbox.credentials()
    settings.QBO_BASE = "http://qbo.test"
    settings.QBO_CLIENT_ID, settings.QBO_CLIENT_SECRET = keys["client_id"], keys["client_secret"]
    settings.QBO_VERIFIER = keys["webhook_secret"]
    with network.answer_in_process({"qbo.test": sandbox}):
        yield sandbox


@pytest.fixture
def connection(firm: UsFirm, qbo: QuickBooksSandbox) -> Connection:
    """The firm connected to the sandbox through the real code flow, mapped by the defaults, live."""
    return connecting.connect_sandbox(entity=firm.entity, provider="quickbooks", keys=qbo.credentials())


@pytest.fixture
def booked(firm: UsFirm, connection: Connection, bell: Any) -> Invoice:
    """An invoice of 1,000.00 that both books agree on."""
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    clock.advance(minutes=5)
    return invoice


@dataclass
class There:
    """What the sandbox's books say, trusting nobody."""

    sandbox: QuickBooksSandbox

    def rows(self, kind: str) -> list[dict[str, Any]]:
        return list(self.sandbox.dump()[f"{self.sandbox.realm_id}:{kind}"].values())

    def one(self, kind: str, **wanted: str) -> dict[str, Any]:
        (row,) = [r for r in self.rows(kind) if all(r.get(key) == value for key, value in wanted.items())]
        return row

    def of(self, link: Link) -> dict[str, Any]:
        kinds = {
            "client": "Customer", "item": "Item", "invoice": "Invoice", "credit": "CreditMemo", "payment": "Payment",
            "allocation": "Payment", "fee": "Purchase", "payout": "Transfer",
        }  # fmt: skip
        return next(row for row in self.rows(kinds[link.kind]) if row["Id"] == link.remote_id)

    def account(self, name: str) -> str:
        return self.sandbox.books(self.sandbox.realm_id).holder("Account", name)

    def balance(self, name: str) -> Decimal:
        from ledger_sync.sandbox.quickbooks import postings

        return postings.balance(self.sandbox.books(self.sandbox.realm_id), self.account(name))


@pytest.fixture
def there(qbo: QuickBooksSandbox) -> There:
    return There(qbo)
