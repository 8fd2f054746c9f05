"""A firm, a client and a proposal ready to be sent."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from practice.core import clock
from practice.firm.models import Client, Entity, Membership, Person, Practice, Service, TaxRate, User
from proposals import documents, drafting, links, sending, signing
from proposals.models import Proposal

NOON = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


@pytest.fixture
def draft(db: None) -> Proposal:
    """Two options for Larkspur Bakery: bookkeeping every month, year-end accounts at 3,000.00 with a deposit of 30 %."""
    clock.move(NOON)
    practice = Practice.objects.create(slug="harbour-vale", name="Harbour & Vale", initials="HV", phone="02 5550 0142")
    entity = Entity.objects.create(
        practice=practice, name="Harbour & Vale Pty Ltd", country="AU", currency="AUD", time_zone="Australia/Sydney"
    )
    TaxRate.objects.create(entity=entity, treatment="standard", rate=Decimal(10))
    partner = User.objects.create_user("james@harbourvale.example", name="James Vale")
    Membership.objects.create(practice=practice, user=partner, role="partner")
    client = Client.objects.create(
        practice=practice, name="Larkspur Bakery", country="AU", currency="AUD", billing_email="ap@larkspur.example"
    )
    Person.objects.create(client=client, name="Amélie Larkspur", email="amelie@larkspur.example", signs=True)
    books = Service.objects.create(
        practice=practice, code="BK", name="Bookkeeping", price=Decimal(420), currency="AUD", cadence="month"
    )
    year = Service.objects.create(
        practice=practice,
        code="EOY",
        name="Year-end accounts",
        price=Decimal(3000),
        currency="AUD",
        cadence="completion",
    )
    drafting.write_terms(
        practice_id=practice.pk, name="Terms", body="Between {{firm.name}} and {{client.name}}.", summary=[]
    )
    proposal = drafting.start_draft(entity=entity, client=client, partner=partner, title="Books and year end")
    drafting.add_service(proposal_id=proposal.pk, service=books)
    drafting.add_service(proposal_id=proposal.pk, service=year)
    drafting.change_draft(
        proposal_id=proposal.pk,
        deposit="percent",
        deposit_value=Decimal(30),
        starts_on=date(2026, 12, 1),
        expected_completion_on=date(2027, 2, 1),
    )
    proposal.refresh_from_db()
    return proposal


@pytest.fixture
def sent(draft: Proposal) -> Proposal:
    """The proposal, out with its signatory."""
    return sending.send_proposal(proposal_id=draft.pk)


@pytest.fixture
def token(sent: Proposal) -> str:
    """The client's way in."""
    return links.mint(sent, "amelie@larkspur.example")


SIGNER = signing.Signer("Amélie Larkspur", "Director", "203.0.113.7", "Mobile Safari")


def shown(proposal: Proposal) -> tuple[Any, str]:
    """The recommended option and the digest of what is shown for it."""
    option = proposal.options.get(recommended=True)
    return option, documents.document_of(proposal, option, clock.today("Australia/Sydney")).digest
