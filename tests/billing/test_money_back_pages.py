"""The buttons by which money goes back: each says what follows, asks why, and moves money once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from billing import invoicing, payments
from billing.models import CreditNote, Dispute, Invoice, Payment
from billing.standing import standing_of
from practice.core import clock
from practice.firm.models import Membership
from tests.billing.conftest import TODAY, Firm, control, later
from tests.firm import factories

FULL, ZERO = Decimal("1100.00"), Decimal("0.00")


def signed_in(firm: Firm, role: str) -> Browser:
    browser = Browser()
    browser.force_login(factories.make_member(firm.practice, role, name=f"The {role}"))
    return browser


@pytest.fixture
def owner(firm: Firm) -> Browser:
    return signed_in(firm, Membership.Role.OWNER)


def url(firm: Firm, name: str, pk: int) -> str:
    return reverse(name, kwargs={"practice": firm.practice.slug, "pk": pk})


def page(browser: Browser, firm: Firm, name: str, pk: int) -> str:
    return browser.get(url(firm, name, pk)).content.decode()


@pytest.fixture
def invoice(firm: Firm, larkspur: Any) -> Invoice:
    return firm.invoice(larkspur)


@pytest.fixture
def lost(firm: Firm, invoice: Invoice, payer: Any, account: Any) -> Dispute:
    """A card payment of 1,100.00 whose dispute was lost."""
    payer.pay([invoice], card="pm_card_createDispute")
    later(account, seconds=5)
    dispute = Dispute.objects.get()
    control("disputes/close", {"account": "acct_harbour", "dispute": dispute.dispute_ref, "won": False})
    later(account, seconds=5)
    dispute.refresh_from_db()
    return dispute


def test_money_paid_the_wrong_way_opens_its_invoice_and_holds_it_until_it_may_be_collected(
    firm: Firm, invoice: Invoice, payer: Any, account: Any, owner: Browser
) -> None:
    payment = payer.pay([invoice]).payment
    later(account, seconds=5)
    facts = {"amount": "1100", "why": "method", "invoice": invoice.pk, "words": "wrong card"}
    refused = owner.post(url(firm, "payment_refund", payment.pk), {**facts, "invoice": ""})
    assert (refused.status_code, "Choose the invoice it was paid on" in refused.content.decode()) == (422, True)
    owner.post(url(firm, "payment_refund", payment.pk), facts)
    refund = payment.refunds.get()
    assert (refund.state, refund.words, refund.credit) == ("succeeded", "wrong card", None)
    invoice.refresh_from_db()
    assert (invoice.hold_code, standing_of(invoice, TODAY).due) == ("refunded_method", FULL)
    assert "Collect it again" in page(owner, firm, "invoice", invoice.pk)
    owner.post(url(firm, "invoice_release", invoice.pk))
    invoice.refresh_from_db()
    assert invoice.hold_code == ""


def test_a_lost_dispute_is_decided_once(firm: Firm, invoice: Invoice, lost: Dispute, owner: Browser) -> None:
    shown = page(owner, firm, "payment", lost.payment_id)
    assert "Open its invoices again" in shown
    assert "Let the money go" in shown
    # Stripe gives nothing back of what a bank took.
    assert "Give money back" not in shown
    assert owner.post(url(firm, "dispute_concede", lost.pk), {"reason": ""}).status_code == 422
    done = owner.post(url(firm, "dispute_concede", lost.pk), {"reason": "not worth a fight"}, follow=True)
    assert "Kept by the client after a lost dispute" in done.content.decode()
    standing = standing_of(invoice, TODAY)
    assert (standing.paid, standing.credited, standing.due) == (ZERO, FULL, ZERO)
    again = owner.post(url(firm, "dispute_reopen", lost.pk), follow=True).content.decode()
    assert "It was decided what becomes of this dispute" in again
    assert Payment.objects.get().state == "succeeded"
    assert "Let the money go" not in again


def test_a_reopened_dispute_cannot_be_conceded(firm: Firm, invoice: Invoice, lost: Dispute, owner: Browser) -> None:
    owner.post(url(firm, "dispute_reopen", lost.pk))
    assert (Payment.objects.get().state, standing_of(invoice, TODAY).due) == ("returned", FULL)
    refused = owner.post(url(firm, "dispute_concede", lost.pk), {"reason": "second thoughts"})
    assert (refused.status_code, CreditNote.objects.count()) == (422, 0)


def test_a_credit_note_is_taken_back_with_a_reason(firm: Firm, invoice: Invoice, owner: Browser) -> None:
    facts = {"amount": "110", "reason": "price_cut", "words": "fewer hours", "seen": "1100.00"}
    owner.post(url(firm, "invoice_credit", invoice.pk), facts)
    note = CreditNote.objects.get()
    assert "Take it back" in page(owner, firm, "invoice", invoice.pk)
    assert owner.post(url(firm, "credit_void", note.pk), {"reason": ""}).status_code == 422
    done = owner.post(url(firm, "credit_void", note.pk), {"reason": "a mistake"}, follow=True).content.decode()
    assert f"{note.number} is void; $110.00 is owed again" in done
    assert standing_of(invoice, TODAY).due == FULL
    assert "Take it back" not in done
    refused = owner.post(url(firm, "credit_void", note.pk), {"reason": "again"})
    assert (refused.status_code, "void already" in refused.content.decode()) == (422, True)


def test_a_clients_credit_is_put_on_an_open_invoice_once(
    firm: Firm, larkspur: Any, invoice: Invoice, payer: Any, account: Any, owner: Browser
) -> None:
    payment = payer.pay([invoice]).payment
    later(account, seconds=5)
    other = firm.invoice(larkspur, "500")
    payments.reverse_allocation(allocation_id=payment.allocations.get().pk, reason="paid twice", now=clock.now())
    assert "Put it on an invoice" in page(owner, firm, "payment", payment.pk)
    facts = {"invoice": other.pk, "amount": "550", "seen": "1100.00"}
    assert owner.post(url(firm, "payment_use", payment.pk), {**facts, "amount": "1100.01"}).status_code == 422
    done = owner.post(url(firm, "payment_use", payment.pk), facts, follow=True).content.decode()
    assert f"$550.00 is on {other.number} now" in done
    again = owner.post(url(firm, "payment_use", payment.pk), facts)
    assert (again.status_code, standing_of(other, TODAY).paid) == (422, Decimal("550.00"))


def test_where_nothing_is_free_or_nothing_is_open_the_page_says_so_and_shows_no_form(
    firm: Firm, larkspur: Any, invoice: Invoice, payer: Any, account: Any, owner: Browser
) -> None:
    payment = payer.pay([invoice]).payment
    later(account, seconds=5)
    html = page(owner, firm, "payment_use", payment.pk)
    assert f"All of the $1,100.00 is on invoices, or went back to {larkspur.name}." in html
    assert 'name="amount"' not in html
    payments.reverse_allocation(allocation_id=payment.allocations.get().pk, reason="paid twice", now=clock.now())
    invoicing.void_invoice(invoice_id=invoice.pk, reason="not wanted")
    html = page(owner, firm, "payment_use", payment.pk)
    assert f"{larkspur.name} has no open invoice in AUD. What is free stays the client&#x27;s credit." in html
    assert 'name="amount"' not in html


@pytest.mark.parametrize("role", [Membership.Role.PREPARER, Membership.Role.AUDITOR])
def test_who_may_not_correct_presses_nothing(
    firm: Firm, invoice: Invoice, lost: Dispute, owner: Browser, role: str
) -> None:
    other = signed_in(firm, role)
    assert "Let the money go" not in page(other, firm, "payment", lost.payment_id)
    assert other.post(url(firm, "dispute_concede", lost.pk), {"reason": "x"}).status_code == 403
    assert CreditNote.objects.count() == 0
