"""One practice with one of everything, its cast of roles, and an outsider who must see nothing."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client as Browser

from billing import payments
from billing.models import BillingRun, Charge, Payout
from billing.payments import Receipt
from ledger_sync.asking import snags
from ledger_sync.models import Connection
from ledger_sync.models.links import Kind
from practice.core import clock
from practice.firm.models import Group, Membership, User
from proposals import drafting
from tests.world import sandboxes, world  # noqa: F401

ROLES = ("owner", "partner", "preparer", "billing", "sync_admin", "auditor")


@dataclass
class Everything:
    """A practice with one of everything, and the arguments each address needs."""

    firm: Any
    arguments: dict[str, Any]
    people: dict[str, User]

    def browser(self, role: str) -> Browser:
        """Somebody signed in, past the second factor."""
        browser = Browser()
        if role != "nobody":
            browser.force_login(self.people[role])
            session = browser.session
            session["demo_person"] = "test"
            session.save()
        return browser


@pytest.fixture
def everything(firm: Any, connection: Connection, bell: Any) -> Everything:
    """The firm of the ledger tests, with a proposal, an agreement, an invoice, money, a cause and a cast."""
    from ledger_sync import linking

    practice = firm.practice
    client = firm.client()
    person = client.people.create(name="Amélie Larkspur", email="amelie@larkspur.example", signs=True)
    engagement, (invoice,) = firm.agreement(client)
    bell.answer()
    people = {role: User.objects.create_user(f"{role}@firm.example", name=role.title()) for role in ROLES}
    for role, user in people.items():
        Membership.objects.create(practice=practice, user=user, role=role)
    people["outsider"] = User.objects.create_user("charlie@elsewhere.example", name="Charlie")
    proposal = drafting.start_draft(entity=firm.entity, client=client, partner=people["partner"], title="Books")
    line = drafting.add_service(proposal_id=proposal.pk, service=firm.service)
    now = clock.now()
    receipt = Receipt(
        "hand", "bank", Decimal("100.00"), "AUD", "T-1", "succeeded", now, clock.today("Australia/Sydney")
    )
    payment = payments.record_payment(
        entity=firm.entity, client=client, receipt=receipt, on_invoices=[(invoice, Decimal("100.00"))], now=now
    )
    payout = Payout.objects.create(
        practice=practice, entity=firm.entity, payout_ref="po_1", amount=Decimal("50"), currency="AUD", reference="STRIPE",
        made_at=now, arrives_on=clock.today("Australia/Sydney"),
    )  # fmt: skip
    run = BillingRun.objects.create(entity=firm.entity, on=clock.today("Australia/Sydney"), started_at=now)
    link = linking.find_link(connection, Kind.INVOICE, invoice.pk)
    with transaction.atomic():
        snag = snags.open_snag(connection, "refused", subject="x", link=link, what="CS-00001", said="no")
    group = Group.objects.create(practice=practice, name="Larkspurs")
    return Everything(
        firm,
        {
            "practice": practice.slug,
            "client": client.pk,
            "person_id": person.pk,
            "engagement": engagement.pk,
            "invoice": invoice.pk,
            "proposal_id": proposal.pk,
            "line_id": line.pk,
            "payment": payment.pk,
            "payout": payout.pk,
            "run": run.pk,
            "connection_id": connection.pk,
            "link_id": link.pk,
            "snag_id": snag.pk,
            "group": group.pk,
            "service": firm.service.pk,
            "entity": firm.entity.pk,
            "provider": "xero",
            "tab": "message",
            "option_id": proposal.options.get().pk,
            "charge": Charge.objects.filter(state="planned")[0].pk,
            "member": people["billing"].pk,
            "rule": engagement.rules.all()[0].pk,
        },
        people,
    )
