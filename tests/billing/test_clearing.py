"""Fees, payouts and the clearing proof: everything Stripe did is booked once, and nothing is left unexplained."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from billing import clearing, fees, movements, payouts, refunding, tasks
from billing.models import BalanceTransaction, Dispute, FeeDay, Payment, Payout
from billing.standing import standing_of
from practice.core import clock, events
from tests.billing.conftest import TODAY, control, later


@pytest.fixture
def booked(monkeypatch):
    """What the ledger would be told."""
    told = []
    for topic in ("billing.fees.booked", "billing.payout.arrived", "billing.payout.failed"):
        known = [*events._recorders[topic], lambda subject, topic=topic, **_: told.append((topic, subject))]
        monkeypatch.setitem(events._recorders, topic, known)
    return told


def days_pass(account, days):
    """Let days go by as the sweep lives through them."""
    for _ in range(days * 4):
        later(account, hours=6)
        account.refresh_from_db()
        tasks.settle_balance(account)


def all_posted(items):
    return {item.key: item.amount for item in items}


def proof_of(firm, on, **facts):
    return clearing.clearing_proof(entity=firm.entity, on=on, **facts)


def test_a_day_of_charges_becomes_one_entry_with_its_tax(firm, larkspur, payer, account, booked):
    payer.pay([firm.invoice(larkspur)])
    payer.pay([firm.invoice(larkspur, "500")])
    later(account, seconds=5)
    assert BalanceTransaction.objects.count() == 2
    assert fees.close_fee_days(entity_id=firm.entity.pk, today=TODAY) == []
    days_pass(account, 1)
    day = FeeDay.objects.get()
    # 1.7% + 0.30 on 1,100.00 and on 550.00, GST of one eleventh inside each
    assert (day.on, day.amount, day.tax) == (TODAY, Decimal("28.65"), Decimal("2.61"))
    assert [row.fee for row in day.movements.order_by("-fee")] == [Decimal("19.00"), Decimal("9.65")]
    assert booked == [("billing.fees.booked", day)]
    days_pass(account, 1)
    assert FeeDay.objects.count() == 1


def test_a_movement_that_comes_late_joins_the_latest_open_day(firm, larkspur, payer, account):
    payer.pay([firm.invoice(larkspur)])
    later(account, seconds=5)
    days_pass(account, 1)
    first = BalanceTransaction.objects.get()
    BalanceTransaction.objects.create(
        entity=firm.entity, movement_ref="txn_late", category="fee", amount=0, fee=Decimal("2.00"),
        net=Decimal("-2.00"), currency="AUD", made_at=first.made_at, on=TODAY, available_on=TODAY,
    )  # fmt: skip
    assert fees.close_fee_days(entity_id=firm.entity.pk, today=TODAY + timedelta(days=1)) == []
    (day,) = fees.close_fee_days(entity_id=firm.entity.pk, today=TODAY + timedelta(days=2))
    assert (day.on, day.amount, day.tax) == (TODAY + timedelta(days=1), Decimal("2.00"), Decimal("0.00"))


def test_fees_given_back_wait_for_fees_that_outweigh_them(firm, account):
    def fee(ref, amount, on):
        BalanceTransaction.objects.create(
            entity=firm.entity, movement_ref=ref, category="fee", amount=0, fee=Decimal(amount), net=-Decimal(amount),
            currency="AUD", made_at=clock.now(), on=on, available_on=on,
        )  # fmt: skip

    fee("txn_back", "-25.00", TODAY)
    assert fees.close_fee_days(entity_id=firm.entity.pk, today=TODAY + timedelta(days=1)) == []
    fee("txn_more", "40.00", TODAY + timedelta(days=1))
    (day,) = fees.close_fee_days(entity_id=firm.entity.pk, today=TODAY + timedelta(days=2))
    assert (day.amount, day.movements.count()) == (Decimal("15.00"), 2)


def test_a_payout_is_booked_once_it_is_itemised_and_has_arrived(firm, larkspur, payer, account, booked):
    payer.pay([firm.invoice(larkspur)])
    days_pass(account, 4)
    payout = Payout.objects.get()
    assert (payout.state, payout.amount) == ("in_transit", Decimal("1081.00"))
    assert payout.itemised_at is not None
    assert not [t for t, _ in booked if "payout" in t]
    days_pass(account, 3)
    payout.refresh_from_db()
    assert payout.state == "arrived"
    assert payouts.items_total(payout) == payout.amount
    assert [s for t, s in booked if t == "billing.payout.arrived"] == [payout]
    assert payout.reference.startswith("STRIPE PAYOUT po_")


def test_items_that_do_not_add_up_book_nothing(firm, larkspur, payer, account, stripe, booked):
    payer.pay([firm.invoice(larkspur)])
    later(account, seconds=5)
    BalanceTransaction.objects.update(net=Decimal("1080.00"))
    days_pass(account, 7)
    payout = Payout.objects.get()
    assert (payout.state, payout.itemised_at) == ("in_transit", None)
    assert payout.failure == "Its items add up to 1080.00, Stripe paid out 1081.00: nothing is booked"
    assert not [t for t, _ in booked if "payout" in t]


def test_a_payout_the_bank_sends_back(firm, larkspur, payer, account, booked):
    payer.pay([firm.invoice(larkspur)])
    days_pass(account, 7)
    payout = Payout.objects.get()
    control("payouts/fail", {"account": "acct_harbour", "payout": payout.payout_ref})
    later(account, minutes=1)
    payout.refresh_from_db()
    assert (payout.state, payout.failure) == ("failed", "The bank account has been closed.")
    assert ("billing.payout.failed", payout) in booked
    proof = proof_of(firm, clock.today("Australia/Sydney"))
    assert (proof.stripe, proof.in_transit) == (Decimal("1081.00"), Decimal("0.00"))


def test_the_identity_holds_every_day_of_a_busy_fortnight(firm, larkspur, payer, account):
    """Charges, a refund, a dispute won, a returned debit, payouts: ledger = Stripe + in transit, each evening."""
    payer.pay([firm.invoice(larkspur)])
    payer.pay([firm.invoice(larkspur, "500")], card="pm_card_createDispute")
    payer.pay([firm.invoice(larkspur, "2000")], bank="666666660")
    later(account, seconds=5)
    invoice = firm.invoice(larkspur, "300")
    payment = payer.pay([invoice]).payment
    later(account, seconds=5)
    refunding.refund_price(payment_id=payment.pk, invoice_id=invoice.pk, amount=Decimal("110.00"), words="fewer hours")
    for day in range(14):
        days_pass(account, 1)
        if day == 3:
            dispute = Dispute.objects.get(payment__amount=Decimal("550.00"))
            control("disputes/close", {"account": "acct_harbour", "dispute": dispute.dispute_ref, "won": True})
        on = clock.today("Australia/Sydney") - timedelta(days=1)
        expected = proof_of(firm, on)
        # A ledger in which all of it was posted stands where Stripe says it must; one behind shows what is missing.
        assert proof_of(firm, on, ledger=expected.expected, posted=all_posted).unexplained == Decimal("0.00")
        assert sum(item.amount for item in expected.items) == expected.expected
        behind = proof_of(firm, on, ledger=Decimal("0.00"), posted=lambda items: {})
        assert (behind.unexplained, behind.not_posted) == (Decimal("0.00"), expected.expected)
    assert movements.unknown_categories(firm.entity.pk) == []
    assert Payment.objects.get(amount=Decimal("2200.00")).state == "returned"
    assert Dispute.objects.get(payment__amount=Decimal("550.00")).state == "won"
    assert not BalanceTransaction.objects.filter(fee_day__isnull=True, on__lt=TODAY + timedelta(days=10)).exclude(fee=0)


def test_the_example_of_the_accounting_policy(firm):
    """31 March: a charge of 1,100 with fee 17.80 paid out on 2 April, and 550 with fee 9.10 not posted yet."""
    on, april = date(2027, 3, 31), date(2027, 4, 2)
    payout = Payout.objects.create(
        practice=firm.practice, entity=firm.entity, payout_ref="po_1", amount=Decimal("1082.20"), currency="AUD",
        reference="STRIPE", made_at=clock.now(), arrives_on=april,
    )  # fmt: skip
    for ref, category, amount, fee, source in (
        ("txn_1", "charge", "1100.00", "17.80", "ch_1"),
        ("txn_2", "charge", "550.00", "9.10", "ch_2"),
        ("txn_3", "payout", "-1082.20", "0.00", "po_1"),
    ):
        net = Decimal(amount) - Decimal(fee)
        BalanceTransaction.objects.create(
            entity=firm.entity, movement_ref=ref, category=category, amount=Decimal(amount), fee=Decimal(fee), net=net,
            currency="AUD", made_at=clock.now(), on=on, available_on=on, source_ref=source,
        )  # fmt: skip

    def posted(items):
        return {item.key: item.amount for item in items if item.amount != Decimal("-9.10")}

    proof = proof_of(firm, on, ledger=Decimal("1632.20"), posted=posted)
    assert (proof.stripe, proof.in_transit, proof.not_posted) == (
        Decimal("540.90"), Decimal("1082.20"), Decimal("-9.10"),
    )  # fmt: skip
    assert proof.unexplained == Decimal("0.00")
    assert proof.payouts == [payout]
    off = proof_of(firm, on, ledger=Decimal("1632.00"), posted=posted)
    assert off.unexplained == Decimal("-0.20")


def test_an_unknown_kind_of_movement_is_named_not_guessed(firm, account):
    BalanceTransaction.objects.create(
        entity=firm.entity, movement_ref="txn_x", category="advance", amount=Decimal("100.00"), fee=0,
        net=Decimal("100.00"), currency="AUD", made_at=clock.now(), on=TODAY, available_on=TODAY,
    )  # fmt: skip
    assert [row.category for row in movements.unknown_categories(firm.entity.pk)] == ["advance"]
    (item,) = proof_of(firm, TODAY).items
    assert (item.kind, item.amount) == ("movement", Decimal("100.00"))


def test_a_refund_takes_money_off_and_a_credit_note_its_place(firm, larkspur, payer, account):
    invoice = firm.invoice(larkspur)
    payment = payer.pay([invoice]).payment
    later(account, seconds=5)
    refund = refunding.refund_price(
        payment_id=payment.pk, invoice_id=invoice.pk, amount=Decimal("330.00"), words="fewer hours"
    )
    standing = standing_of(invoice, TODAY)
    assert (standing.paid, standing.credited, standing.due) == (Decimal("770.00"), Decimal("330.00"), Decimal("0.00"))
    assert (refund.state, refund.credit.net, refund.credit.tax) == ("succeeded", Decimal("300.00"), Decimal("30.00"))
    with pytest.raises(refunding.RefundRefused):
        refunding.refund_unapplied(payment_id=payment.pk, amount=Decimal("1.00"))
    with pytest.raises(refunding.RefundRefused):
        refunding.refund_price(payment_id=payment.pk, invoice_id=invoice.pk, amount=Decimal("771.00"), words="no")
    assert payment.refunds.count() == 1


def test_a_refund_that_fails_leaves_the_money_as_credit(firm, larkspur, payer, account):
    invoice = firm.invoice(larkspur)
    payment = payer.pay([invoice], card="pm_card_refundFail").payment
    later(account, seconds=5)
    refunding.refund_price(payment_id=payment.pk, invoice_id=invoice.pk, amount=Decimal("1100.00"), words="cancelled")
    later(account, days=4)
    refund = payment.refunds.get()
    assert (refund.state, standing_of(invoice, TODAY).state) == ("failed", "credited")
    from billing.standing import unallocated

    assert unallocated(payment) == Decimal("1100.00")


def test_a_refund_without_an_answer_is_made_once(firm, larkspur, payer, account, fault, stripe):
    invoice = firm.invoice(larkspur)
    payment = payer.pay([invoice]).payment
    later(account, seconds=5)
    fault("response_lost", "refunds")
    refunding.refund_price(payment_id=payment.pk, invoice_id=invoice.pk, amount=Decimal("110.00"), words="fewer hours")
    assert payment.refunds.get().state == "pending"
    clock.advance(minutes=2)
    for refund in refunding.not_answered(clock.now()):
        refunding.send_refund(refund)
    assert payment.refunds.get().state == "succeeded"
    assert len(stripe.books("acct_harbour").rows("refund")) == 1


def test_money_given_back_in_the_dashboard_opens_and_holds_the_invoice(firm, larkspur, payer, account):
    invoice = firm.invoice(larkspur)
    payment = payer.pay([invoice]).payment
    later(account, seconds=5)
    from billing import gateway

    gateway.gateway_of(account)._v1.refunds.create({"charge": payment.charge_ref, "amount": 10_000})
    later(account, seconds=5)
    invoice.refresh_from_db()
    assert (invoice.hold_code, standing_of(invoice, TODAY).due) == ("refunded_in_stripe", Decimal("100.00"))


@pytest.mark.parametrize("cents", [1, 5, 6, 11, 99, 100, 333, 5_005, 10_000, 12_345, 109_999])
def test_any_amount_can_be_credited_to_the_cent(firm, larkspur, cents):
    from billing.credits import credit_invoice

    invoice = firm.invoice(larkspur)
    amount = Decimal(cents) / 100
    note = credit_invoice(
        invoice_id=invoice.pk, lines=refunding.lines_worth(invoice, amount), reason="price_cut", words="x", on=TODAY,
        now=clock.now(),
    )  # fmt: skip
    assert note.total == amount
