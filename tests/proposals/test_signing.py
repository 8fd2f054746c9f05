"""Signing is one transaction: the signature with exactly what was shown, the agreement, its schedule, first invoices."""

from __future__ import annotations

import hashlib
import threading
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from billing.models import Charge, Engagement, Invoice
from proposals import signing
from proposals.models import Proposal, Signature
from proposals.refusals import ProposalRefused
from tests.proposals.conftest import SIGNER, shown


@pytest.mark.django_db
def test_a_signature_makes_agreement_schedule_and_the_full_invoice_in_instalments(sent: Proposal) -> None:
    option, digest = shown(sent)
    signature = signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=SIGNER, shown_digest=digest)
    sent.refresh_from_db()
    assert sent.status == "accepted"
    engagement = sent.engagement
    assert signature.document_digest == hashlib.sha256(signature.document.encode()).hexdigest() == digest
    assert (signature.name, signature.address, signature.agent) == ("Amélie Larkspur", "203.0.113.7", "Mobile Safari")
    invoice = Invoice.objects.get()
    assert (invoice.net, invoice.tax, invoice.total) == (Decimal("3000.00"), Decimal("300.00"), Decimal("3300.00"))
    parts = list(invoice.instalments.order_by("position").values_list("what", "amount", "due_on"))
    assert parts == [
        ("Deposit", Decimal("990.00"), date(2026, 11, 20)),
        ("Balance", Decimal("2310.00"), date(2027, 2, 1)),
    ]
    planned = Charge.objects.filter(engagement=engagement, state="planned").order_by("due_on")
    assert planned[0].due_on == date(2026, 12, 1)
    assert engagement.history.first().system == "client link"
    assert engagement.history.first().authoriser == "Amélie Larkspur"


@pytest.mark.django_db
def test_a_second_click_on_sign_signs_nothing_twice(sent: Proposal) -> None:
    option, digest = shown(sent)
    signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=SIGNER, shown_digest=digest)
    with pytest.raises(ProposalRefused) as refused:
        signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=SIGNER, shown_digest=digest)
    assert refused.value.code == "signed"
    assert (Signature.objects.count(), Engagement.objects.count(), Invoice.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
def test_what_changed_while_reading_is_not_signed(sent: Proposal) -> None:
    option, digest = shown(sent)
    sent.lines.filter(name="Bookkeeping").update(unit_price=Decimal(500))
    with pytest.raises(ProposalRefused) as refused:
        signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=SIGNER, shown_digest=digest)
    assert refused.value.code == "changed"
    assert not Engagement.objects.exists()


@pytest.mark.django_db
def test_without_a_name_nothing_happens(sent: Proposal) -> None:
    option, digest = shown(sent)
    nobody = signing.Signer("  ", "", "", "")
    with pytest.raises(ProposalRefused, match="full name"):
        signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=nobody, shown_digest=digest)
    assert not Signature.objects.exists()


@pytest.mark.django_db
def test_a_deposit_larger_than_its_work_refuses_the_whole_signature(sent: Proposal) -> None:
    Proposal.objects.filter(pk=sent.pk).update(deposit="amount", deposit_value=Decimal(9000))
    sent.refresh_from_db()
    option, digest = shown(sent)
    with pytest.raises(ValueError, match="deposit must be less"):
        signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=SIGNER, shown_digest=digest)
    assert (Signature.objects.count(), Engagement.objects.count(), Invoice.objects.count()) == (0, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_two_tabs_signing_at_once_make_one_agreement(sent: Proposal) -> None:
    option, digest = shown(sent)
    outcomes: list[str] = []

    def sign() -> None:
        try:
            signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=SIGNER, shown_digest=digest)
            outcomes.append("signed")
        except ProposalRefused as refused:
            outcomes.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=sign) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["signed", "signed"]
    assert (Signature.objects.count(), Engagement.objects.count(), Invoice.objects.count()) == (1, 1, 1)


@pytest.mark.django_db
def test_an_upfront_fee_is_billed_now_and_taken_off_the_final_bill(sent: Proposal) -> None:
    from billing import runs, schedules
    from practice.core import clock
    from practice.firm.models import Entity

    Entity.objects.update(deposit_kind="upfront_fee")
    sent = Proposal.objects.get(pk=sent.pk)
    option, digest = shown(sent)
    signing.sign_proposal(proposal_id=sent.pk, option_id=option.pk, signer=SIGNER, shown_digest=digest)
    fee = Invoice.objects.get()
    assert fee.total == Decimal("990.00")
    sent.refresh_from_db()
    rule: Any = sent.engagement.rules.get(kind="completion")
    schedules.finish_work(rule_id=rule.pk, on=date(2026, 11, 25))
    run = runs.run_billing(entity_id=sent.entity_id, on=date(2026, 11, 25), now=clock.now())
    final = Invoice.objects.get(run=run)
    assert final.total == Decimal("2310.00")
    assert fee.total + final.total == Decimal("3300.00")
