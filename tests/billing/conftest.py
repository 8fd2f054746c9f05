"""A firm that takes payments: Stripe is the sandbox in this process, over the real SDK, and the clock stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import requests

from billing import agreements, attempts, invoicing, methods, stripe_accounts, stripe_events, tasks
from billing.agreements import LineSpec
from billing.invoicing import Draft
from billing.methods import Presence
from billing.models import Attempt, Engagement, Invoice, PaymentMethod, StripeAccount
from billing.sandbox.stripe import StripeSandbox, build
from practice.core import audit, clock, network
from practice.core.sandbox.faults import Fault
from practice.core.sandbox.store import Store
from practice.firm.models import Client, Entity, Practice, Service, TaxRate

#: Friday 20 November 2026, noon in Sydney.
NOON = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
TODAY = date(2026, 11, 20)
BASE = "http://stripe.test"
HERE = Presence("203.0.113.5", "Test browser")


def line(price: str = "1000", **facts: Any) -> LineSpec:
    """One agreed service, once on signing unless told otherwise."""
    given = {"description": "Bookkeeping", "quantity": Decimal(1), "unit_price": Decimal(price), "cadence": "once"}
    return LineSpec(**{**given, "treatment": "standard", **facts})


@dataclass
class Firm:
    """One practice with an entity, and ways to make clients, agreements and invoices."""

    practice: Practice
    entity: Entity
    service: Service

    def client(self, name: str = "Larkspur Bakery Pty Ltd", **facts: Any) -> Client:
        given = {
            "country": self.entity.country,
            "currency": self.entity.currency,
            "billing_email": "ap@larkspur.example",
        }
        return Client.objects.create(practice=self.practice, name=name, **{**given, **facts})

    def agreement(self, client: Client, *lines: LineSpec, **facts: Any) -> tuple[Engagement, list[Invoice]]:
        given: dict[str, Any] = {
            "entity": self.entity, "client": client, "title": "Accounting", "currency": self.entity.currency,
            "reference": f"P-{Engagement.objects.count() + 1:04d}", "price_basis": "exclusive",
            "lines": list(lines) or [line()], "starts_on": clock.today(self.entity.time_zone),
            "signed_by": "Amélie Larkspur", "signed_at": clock.now(), "document_digest": "0" * 64,
        }  # fmt: skip
        with audit.cause(system="client link", actor="Amélie Larkspur"):
            return agreements.make_agreement(spec=agreements.AgreementSpec(**{**given, **facts}), now=clock.now())

    def invoice(self, client: Client, price: str = "1000", *, due_in: int = 0) -> Invoice:
        """An issued invoice; 1,000.00 is 1,100.00 with GST."""
        client.payment_days = due_in
        return invoicing.bill_once(
            entity=self.entity,
            client=client,
            drafts=[Draft("Bookkeeping", Decimal(1), Decimal(price), "standard", self.service.pk)],
            on=clock.today(self.entity.time_zone),
            now=clock.now(),
        )


def make_firm(country: str = "AU") -> Firm:
    """Harbour & Vale in Australia, or Larkin CPA in the United States."""
    au = country == "AU"
    name, slug = ("Harbour & Vale", "harbour-vale") if au else ("Larkin CPA", "larkin-cpa")
    practice = Practice.objects.create(slug=slug, name=name, initials=name[0], phone="02 5550 0142")
    entity = Entity.objects.create(
        practice=practice, name=f"{name} {'Pty Ltd' if au else 'LLC'}", country=country,
        currency="AUD" if au else "USD", time_zone="Australia/Sydney" if au else "America/New_York",
        tax_name="GST" if au else "Sales tax", tax_basis="invoice" if au else "none",
        deposit_kind="part_payment" if au else "upfront_fee",
    )  # fmt: skip
    for treatment in TaxRate.Treatment.values:
        rate = Decimal(10) if au and treatment == "standard" else Decimal(0)
        TaxRate.objects.create(entity=entity, treatment=treatment, rate=rate)
    service = Service.objects.create(
        practice=practice, code="BK", name="Bookkeeping", price=Decimal(1000), currency=entity.currency
    )
    return Firm(practice, entity, service)


@pytest.fixture
def firm(db: None) -> Firm:
    clock.move(NOON)
    return make_firm()


@pytest.fixture
def us_firm(db: None) -> Firm:
    clock.move(NOON)
    return make_firm("US")


@pytest.fixture
def larkspur(firm: Firm) -> Client:
    return firm.client()


class Inbox:
    """Where the sandbox delivers its notices."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes, dict[str, str]]] = []

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        self.got.append((url, body, headers))
        return 200


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def stripe(settings: Any, inbox: Inbox) -> Iterator[StripeSandbox]:
    """The Stripe sandbox, reachable at http://stripe.test."""
    clock.move(NOON)
    settings.STRIPE_API_BASE = BASE
    sandbox = build(store=Store(), base_url=BASE, send=inbox, seed=7)
    with network.answer_in_process({"stripe.test": sandbox}):
        yield sandbox


def connect(firm: Firm, stripe: StripeSandbox) -> StripeAccount:
    """Connect a firm's entity with a restricted key, as an owner does."""
    keys = stripe.credentials("acct_harbour" if firm.entity.country == "AU" else "acct_larkin")
    return stripe_accounts.connect_account(
        entity=firm.entity, secret_key=keys["restricted_key"], publishable_key=keys["publishable_key"]
    )


@pytest.fixture
def account(firm: Firm, stripe: StripeSandbox) -> StripeAccount:
    return connect(firm, stripe)


class Payer:
    """The client at the pay page: what Stripe's script in the browser does, with a test card or account."""

    def __init__(self, sandbox: StripeSandbox, account: StripeAccount) -> None:
        self.account = account
        self.session = network.mount(requests.Session())

    def confirm(self, client_secret: str, *, card: str = "pm_card_visa", bank: str = "") -> dict[str, Any]:
        """Confirm an intent with its secret. Returns Stripe's answer, or its error."""
        ref = client_secret.partition("_secret_")[0]
        kind = "setup_intents" if ref.startswith("seti_") else "payment_intents"
        method = self._bank(bank) if bank else card
        body = {"client_secret": client_secret, "payment_method": method, "use_stripe_sdk": "true"}
        return self._post(f"/v1/{kind}/{ref}/confirm", body)

    def prove(self, client_secret: str, *, passed: bool = True) -> None:
        """Answer the bank's question (3-D Secure)."""
        ref = client_secret.partition("_secret_")[0]
        control(f"authenticate/{ref}", {"client_secret": client_secret, "passed": passed})

    def pay(self, invoices: list[Invoice], **how: Any) -> Attempt:
        """Open the pay page, pay everything that is open, and come back."""
        started = start(invoices)
        self.confirm(started.client_secret, **how)
        return back(started.attempt)

    def save(self, client: Client, **how: Any) -> PaymentMethod:
        """Save a method with nothing due."""
        intent = methods.start_setup(entity=self.account.entity, client=client, presence=HERE)
        self.confirm(intent.client_secret, **how)
        kept = methods.take_setup(entity_id=self.account.entity_id, intent_ref=intent.ref)
        assert kept is not None
        return kept

    def _bank(self, number: str) -> str:
        name = {"name": "Larkspur Bakery", "email": "ap@larkspur.example"}
        body = {
            "type": "au_becs_debit", "au_becs_debit[bsb_number]": "000-000", "au_becs_debit[account_number]": number,
            **{f"billing_details[{key}]": value for key, value in name.items()},
        }  # fmt: skip
        made: str = self._post("/v1/payment_methods", body)["id"]
        return made

    def _post(self, path: str, body: dict[str, str]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.account.publishable_key}", "Stripe-Version": "2026-10-28.endive"}
        answer: dict[str, Any] = self.session.post(BASE + path, data=body, headers=headers).json()
        return answer


@pytest.fixture
def payer(stripe: StripeSandbox, account: StripeAccount) -> Payer:
    return Payer(stripe, account)


def start(invoices: list[Invoice]) -> attempts.Started:
    """Press "Pay" for everything open on some invoices of one client."""
    shares = [(i, i.total) for i in invoices]
    return attempts.start_on_session(entity=invoices[0].entity, client=invoices[0].client, shares=shares, presence=HERE)


def back(attempt: Attempt) -> Attempt:
    """Come back from the bank: the intent is fetched and written down."""
    from billing import gateway

    account = StripeAccount.objects.get(entity=attempt.entity)
    attempt.refresh_from_db()
    intent = gateway.gateway_of(account).payment(attempt.intent_ref)
    return attempts.apply_intent(attempt_id=attempt.pk, intent=intent, moment=clock.now())


def control(path: str, body: Any = None) -> Any:
    """Use the sandbox's controls."""
    session = network.mount(requests.Session())
    answer = session.post(f"{BASE}/_sandbox/{path}", json=body if body is not None else {})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def fault(stripe: StripeSandbox) -> Callable[..., None]:
    """Order a fault: ``fault("response_lost", "confirm")``."""

    def order(kind: str, match: str = ".*", times: int = 1) -> None:
        stripe.faults.order(Fault(kind=kind, match=match, method="POST", times=times))

    return order


def later(account: StripeAccount, **amount: float) -> None:
    """Let time pass, and notices be fetched and worked as the sweep does."""
    clock.advance(**amount)
    tasks._notices(StripeAccount.objects.get(pk=account.pk))


def charges_at(stripe: StripeSandbox, account: str = "acct_harbour") -> list[dict[str, Any]]:
    """Every Stripe charge that took money or is taking it."""
    return [row for row in stripe.books(account).rows("charge") if row["status"] != "failed"]


def work_notices(account: StripeAccount) -> None:
    """Work what is stored."""
    for event_id in stripe_events.waiting(account):
        stripe_events.work(event_id)
