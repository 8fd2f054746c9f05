"""Nothing is promised to a client that the ledger could not take: it is said before a proposal goes out."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_sync.models import Mapping, RefItem
from practice.firm.models import User
from proposals import drafting, preflight
from proposals.models import Proposal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def draft(firm: Any, connection: Any) -> Proposal:
    partner = User.objects.create_user("james@firm.example", name="James")
    proposal = drafting.start_draft(entity=firm.entity, client=firm.client(), partner=partner, title="Books")
    drafting.add_service(proposal_id=proposal.pk, service=firm.service)
    return proposal


def about_xero(draft: Proposal) -> list[preflight.Finding]:
    return [finding for finding in preflight.findings(draft) if "Xero" in finding.words]


def test_a_service_with_account_and_rate_raises_no_finding(draft: Proposal) -> None:
    assert about_xero(draft) == []


def test_an_archived_account_is_said_and_does_not_stop_the_sending(draft: Proposal) -> None:
    account = Mapping.objects.get(purpose=Mapping.Purpose.SALES).target
    RefItem.objects.filter(pk=account.pk).update(active=False)
    (finding,) = about_xero(draft)
    assert "archived in Xero" in finding.words
    assert finding.href.endswith(f"#name-{draft.lines.get().pk}")
    assert not finding.blocks


def test_a_missing_tax_rate_is_said_once_however_many_lines_need_it(draft: Proposal, firm: Any) -> None:
    drafting.add_service(proposal_id=draft.pk, service=firm.service)
    Mapping.objects.filter(purpose=Mapping.Purpose.TAX).delete()
    (finding,) = about_xero(draft)
    assert "has no place in Xero yet" in finding.words
