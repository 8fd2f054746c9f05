"""What histories of a firm with Stripe found in billing: each stands here as the shortest story that showed it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing import attempts, collecting, disputes, invoicing, movements, payments, payouts, refunding, tasks
from billing.models import Attempt, Dispute, Invoice, Payment, Payout, Refund, StripeAccount
from billing.sandbox.stripe import refunds
from billing.standing import standing_of, unallocated
from billing.stripe_facts import IntentFacts, RefundFacts, TryLater
from practice.core import clock
from practice.firm.models import Client
from tests.billing.conftest import Firm, Payer, charges_at, control, later


def refund_facts(payment: Payment, status: str, ref: str = "re_there") -> RefundFacts:
    return RefundFacts(ref=ref, status=status, amount=payment.amount, charge_ref=payment.charge_ref, metadata={})


@pytest.fixture
def paid(firm: Firm, larkspur: Client, payer: Payer) -> Payment:
    """An invoice of 1,100.00 that was paid by card."""
    attempt = payer.pay([firm.invoice(larkspur)])
    assert attempt.payment is not None
    return attempt.payment


def test_two_workers_take_a_refund_of_the_dashboard_over_once(account: StripeAccount, paid: Payment) -> None:
    facts = refund_facts(paid, "succeeded")
    first, second = (refunding._take_over(account, facts) for _ in range(2))
    assert first == second
    assert Refund.objects.get().amount == Decimal("1100.00")


def test_a_refund_that_failed_is_not_revived_by_an_older_answer(account: StripeAccount, paid: Payment) -> None:
    refund = refunding._take_over(account, refund_facts(paid, "pending"))
    assert refund is not None
    for status in ("succeeded", "failed", "succeeded"):
        refunding.apply_refund(refund_id=refund.pk, facts=refund_facts(paid, status))
    assert Refund.objects.get().state == Refund.State.FAILED


def test_a_refund_is_looked_for_once_its_key_is_forgotten(
    account: StripeAccount, paid: Payment, stripe: Any, fault: Callable[..., None]
) -> None:
    allocation = paid.allocations.get()
    fault("response_lost", "/v1/refunds")
    refunding.refund_price(
        payment_id=paid.pk, invoice_id=allocation.invoice_id, amount=Decimal("110.00"), words="fewer hours"
    )
    assert Refund.objects.get().refund_ref == ""
    clock.advance(hours=25)
    for refund in refunding.not_answered(clock.now()):
        refunding.send_refund(refund)
    assert [row["amount"] for row in stripe.books("acct_harbour").rows("refund")] == [11_000]
    assert Refund.objects.get().state == Refund.State.SUCCEEDED


def test_a_refund_that_never_got_there_is_sent_after_a_day_as_well(
    account: StripeAccount, paid: Payment, stripe: Any, fault: Callable[..., None]
) -> None:
    allocation = paid.allocations.get()
    fault("reset", "/v1/refunds")
    refunding.refund_price(
        payment_id=paid.pk, invoice_id=allocation.invoice_id, amount=Decimal("110.00"), words="fewer hours"
    )
    clock.advance(hours=25)
    refunding.send_refund(Refund.objects.get())
    assert [row["amount"] for row in stripe.books("acct_harbour").rows("refund")] == [11_000]


def unanswered_charge(firm: Firm, client: Client, payer: Payer, fault: Callable[..., None]) -> Attempt:
    """A saved card was charged for an invoice, and the answer was lost."""
    payer.save(client)
    firm.invoice(client)
    fault("response_lost", "confirm")
    collecting.collect(firm.entity.pk)
    clock.advance(seconds=5)
    return Attempt.objects.get(state=Attempt.State.CALLING)


def test_a_dispute_waits_for_the_payment_it_is_about(
    firm: Firm, larkspur: Client, payer: Payer, account: StripeAccount, stripe: Any, fault: Callable[..., None]
) -> None:
    attempt = unanswered_charge(firm, larkspur, payer, fault)
    (charge,) = charges_at(stripe)
    control("disputes/open", {"account": "acct_harbour", "charge": charge["id"], "reason": "fraudulent"})
    (dispute,) = stripe.books("acct_harbour").rows("dispute")
    with pytest.raises(TryLater):
        disputes.take_dispute(account, dispute["id"])
    attempts.look(attempt)
    disputes.take_dispute(account, dispute["id"])
    assert Dispute.objects.get().amount == Decimal("1100.00")


def test_a_debit_that_is_taken_back_before_we_knew_it_had_arrived_counts_as_returned(
    firm: Firm, larkspur: Client, payer: Payer, account: StripeAccount, stripe: Any
) -> None:
    attempt = payer.pay([firm.invoice(larkspur)], bank="000123456")
    assert attempt.state == Attempt.State.PROCESSING
    (charge,) = charges_at(stripe)
    control("debits/settle", {"account": "acct_harbour", "charge": charge["id"]})
    clock.advance(seconds=5)
    control("disputes/open", {"account": "acct_harbour", "charge": charge["id"], "reason": "debit_not_authorized"})
    (dispute,) = stripe.books("acct_harbour").rows("dispute")
    with pytest.raises(TryLater):
        disputes.take_dispute(account, dispute["id"])
    attempts.look(attempt)
    disputes.take_dispute(account, dispute["id"])
    assert Payment.objects.get().state == Payment.State.RETURNED


@pytest.mark.parametrize("credited", ["330.00", "1100.00"])
def test_a_debit_that_arrives_pays_what_is_still_due_and_the_rest_is_the_clients_credit(
    firm: Firm, larkspur: Client, payer: Payer, stripe: Any, credited: str
) -> None:
    invoice = firm.invoice(larkspur)
    attempt = payer.pay([invoice], bank="000123456")
    refunding.credit_amount(
        invoice_id=invoice.pk, amount=Decimal(credited), reason="price_cut", words="fewer hours", seen=invoice.total
    )
    (charge,) = charges_at(stripe)
    control("debits/settle", {"account": "acct_harbour", "charge": charge["id"]})
    attempts.look(attempt)
    payment = Payment.objects.get()
    standing = standing_of(invoice, clock.today(invoice.entity.time_zone))
    assert (payment.state, standing.due) == (Payment.State.SUCCEEDED, Decimal(0))
    assert standing.paid == Decimal("1100.00") - Decimal(credited)
    assert unallocated(payment) == Decimal(credited)


def test_a_refund_in_the_dashboard_waits_for_the_payment_it_is_of(
    firm: Firm, larkspur: Client, payer: Payer, account: StripeAccount, stripe: Any, fault: Callable[..., None]
) -> None:
    attempt = unanswered_charge(firm, larkspur, payer, fault)
    (charge,) = charges_at(stripe)
    with stripe.store.transaction():
        made = refunds.create(stripe.books("acct_harbour"), {"charge": charge["id"]})
    with pytest.raises(TryLater):
        refunding.take_refund(account, made["id"])
    attempts.look(attempt)
    refunding.take_refund(account, made["id"])
    assert Refund.objects.get().refund_ref == made["id"]


def voided(invoice: Invoice) -> None:
    invoicing.void_invoice(invoice_id=invoice.pk, reason="billed in error")


def held(invoice: Invoice) -> None:
    invoicing.hold_invoice(invoice_id=invoice.pk, code="document_changed", reason="It was edited")


def paid_at_the_bank(invoice: Invoice) -> None:
    receipt = payments.Receipt(
        source=Payment.Source.HAND, method="bank", amount=invoice.total, currency=invoice.currency, reference="Bank",
        state=Payment.State.SUCCEEDED, initiated_at=clock.now(), paid_on=clock.today(invoice.entity.time_zone),
    )  # fmt: skip
    payments.record_payment(
        entity=invoice.entity, client=invoice.client, receipt=receipt, on_invoices=[(invoice, invoice.total)],
        now=clock.now(),
    )  # fmt: skip


@pytest.mark.parametrize("meanwhile", [voided, held, paid_at_the_bank])
@pytest.mark.parametrize("broken", ["confirm", "payment_intents$"])
def test_an_interrupted_charge_is_not_taken_up_once_nothing_is_to_be_taken(
    firm: Firm,
    larkspur: Client,
    payer: Payer,
    stripe: Any,
    fault: Callable[..., None],
    meanwhile: Callable[[Invoice], None],
    broken: str,
) -> None:
    payer.save(larkspur)
    invoice = firm.invoice(larkspur)
    fault("unavailable_html" if broken == "confirm" else "reset", broken)
    collecting.collect(firm.entity.pk)
    assert Attempt.objects.get().state == Attempt.State.CALLING
    meanwhile(invoice)
    clock.advance(minutes=2)
    tasks.sweep()
    assert charges_at(stripe) == []
    assert Attempt.objects.get().state == Attempt.State.CANCELLED
    assert {row["status"] for row in stripe.books("acct_harbour").rows("payment_intent")} <= {"canceled"}


@pytest.mark.parametrize("minutes", [0, 10])
@pytest.mark.parametrize("meanwhile", [voided, held])
def test_a_worker_that_was_held_up_since_it_asked_confirms_no_charge(
    firm: Firm,
    larkspur: Client,
    payer: Payer,
    stripe: Any,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Invoice], None],
    minutes: int,
) -> None:
    payer.save(larkspur)
    invoice, making = firm.invoice(larkspur), attempts._intent_of

    def held_up(attempt: Attempt, account: StripeAccount) -> IntentFacts:
        intent = making(attempt, account)
        clock.advance(minutes=minutes)
        meanwhile(invoice)
        return intent

    with monkeypatch.context() as patch:
        patch.setattr(attempts, "_intent_of", held_up)
        collecting.collect(firm.entity.pk)
    assert charges_at(stripe) == []
    assert Attempt.objects.get().state == Attempt.State.CALLING
    clock.advance(minutes=2)
    tasks.sweep()
    assert charges_at(stripe) == []
    assert Attempt.objects.get().state == Attempt.State.CANCELLED
    assert [row["status"] for row in stripe.books("acct_harbour").rows("payment_intent")] == ["canceled"]


def test_a_worker_that_was_held_up_charges_after_asking_again(
    firm: Firm, larkspur: Client, payer: Payer, stripe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer.save(larkspur)
    firm.invoice(larkspur)
    making = attempts._intent_of
    with monkeypatch.context() as patch:
        patch.setattr(attempts, "_intent_of", lambda *about: (making(*about), clock.advance(minutes=10))[0])
        collecting.collect(firm.entity.pk)
    assert charges_at(stripe) == []
    tasks.sweep()
    assert [charge["amount"] for charge in charges_at(stripe)] == [110_000]
    assert Attempt.objects.get().state == Attempt.State.SUCCEEDED


def test_a_charge_that_nobody_began_is_made_a_minute_later(
    firm: Firm, larkspur: Client, payer: Payer, stripe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer.save(larkspur)
    firm.invoice(larkspur)
    with monkeypatch.context() as patch:
        patch.setattr(attempts, "drive", lambda attempt, **_: attempt)  # The worker died here.
        collecting.collect(firm.entity.pk)
    assert Attempt.objects.get().state == Attempt.State.NEW
    assert attempts.open_to_look_at(clock.now()) == []
    clock.advance(minutes=2)
    tasks.sweep()
    assert len(charges_at(stripe)) == 1
    assert Attempt.objects.get().state == Attempt.State.SUCCEEDED


@pytest.fixture
def came_back(firm: Firm, larkspur: Client, payer: Payer, account: StripeAccount) -> Payout:
    """A payout that had arrived and was sent back at Stripe, of which we have not been told."""
    payer.pay([firm.invoice(larkspur)])
    days_pass(account, 7)
    payout = Payout.objects.get()
    assert payout.state == Payout.State.ARRIVED
    control("payouts/fail", {"account": "acct_harbour", "payout": payout.payout_ref})
    return payout


def days_pass(account: StripeAccount, days: int) -> None:
    for _ in range(days):
        later(account, days=1)
        tasks.settle_balance(account)


@pytest.mark.parametrize("more", [False, True], ids=["alone", "with new money"])
def test_a_payout_that_came_back_is_an_item_of_the_one_it_is_paid_out_with_anew(
    came_back: Payout, firm: Firm, larkspur: Client, payer: Payer, account: StripeAccount, *, more: bool
) -> None:
    if more:
        payer.pay([firm.invoice(larkspur, "500")])
        later(account, seconds=5)
        control("payouts/run", {"account": "acct_harbour"})
    days_pass(account, 7)
    came_back.refresh_from_db()
    anew = Payout.objects.exclude(pk=came_back.pk).get()
    worth = Decimal("1081.00") + (Decimal("540.35") if more else 0)
    assert (came_back.state, anew.state, anew.amount) == (Payout.State.FAILED, Payout.State.ARRIVED, worth)
    assert (payouts.items_total(anew), anew.failure) == (worth, "")
    assert payouts.items_total(came_back) == Decimal("1081.00")


def test_the_day_a_payout_came_back_is_known_after_it_was_paid_out_anew(
    came_back: Payout, account: StripeAccount
) -> None:
    day = clock.today(account.entity.time_zone)
    clock.advance(days=2)
    movements.take_movements(account)
    for ref in payouts.to_look_at(account):
        payouts.take_payout(account, ref)
    payouts.take_payout(account, came_back.payout_ref)
    came_back.refresh_from_db()
    assert came_back.came_back_on == day
    assert Payout.objects.exclude(pk=came_back.pk).get().itemised_at is not None
