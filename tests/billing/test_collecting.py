"""Unattended charges: the ledger is asked first, nobody is charged twice, and what is left out says why."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
import requests

from billing import attempts, collecting, gateway, payments, tasks
from billing.models import Attempt, Instalment, Payment, PaymentMethod
from billing.payments import Receipt
from billing.standing import standing_of
from practice.core import clock, gates, network
from practice.core.gates import YES, Answer, Verdict
from practice.core.models import Switch
from practice.firm.models import Mail
from tests.billing.conftest import BASE, TODAY, charges_at, control, later, start


class Ledger:
    """What the ledger answers when it is asked, and how often it was."""

    def __init__(self) -> None:
        self.answer = YES
        self.asked: list[int] = []
        self.act: Callable[[object], None] = lambda invoice: None

    def __call__(self, invoice, **facts):
        network.refuse_inside_transaction("http://ledger.test")
        self.asked.append(invoice.pk)
        self.act(invoice)
        return self.answer


@pytest.fixture
def ledger(monkeypatch):
    fake = Ledger()
    monkeypatch.setitem(gates._gates, "billing.may_collect_unattended", [fake])
    return fake


@pytest.fixture
def card(payer, larkspur):
    return payer.save(larkspur)


def state_of(invoice):
    invoice.refresh_from_db()
    return standing_of(invoice, clock.today("Australia/Sydney")).state


def paid_at_bank(invoice):
    receipt = Receipt("ledger", "bank", invoice.total, invoice.currency, "BNK 1", "succeeded", clock.now(), TODAY)
    payments.record_payment(
        entity=invoice.entity, client=invoice.client, receipt=receipt, on_invoices=[(invoice, invoice.total)],
        now=clock.now(),
    )  # fmt: skip


def test_what_is_due_is_charged_after_the_ledger_said_yes(firm, larkspur, card, ledger, stripe):
    invoice, later_one = firm.invoice(larkspur), firm.invoice(larkspur, due_in=14)
    assert collecting.collect(firm.entity.pk) == 1
    assert ledger.asked == [invoice.pk]
    assert (state_of(invoice), state_of(later_one)) == ("paid", "open")
    (charge,) = charges_at(stripe)
    assert (charge["amount"], charge["payment_method"]) == (110_000, card.method_ref)
    attempt = Attempt.objects.get()
    assert (attempt.state, attempt.on_session, attempt.method) == ("succeeded", False, card)
    assert collecting.collect(firm.entity.pk) == 0
    assert len(charges_at(stripe)) == 1


def test_an_invoice_paid_at_the_bank_is_never_charged(firm, larkspur, card, ledger, stripe):
    invoice = firm.invoice(larkspur)
    ledger.act = paid_at_bank
    assert collecting.collect(firm.entity.pk) == 0
    skipped = Attempt.objects.get()
    assert (skipped.state, skipped.failure) == ("skipped", "paid at the bank on 20 November 2026")
    assert (state_of(invoice), charges_at(stripe)) == ("paid", [])
    assert not Mail.objects.filter(kind="billing.receipt").exists()


@pytest.mark.parametrize("verdict", [Verdict.NO, Verdict.NOT_YET])
def test_a_no_is_written_down_and_nothing_is_taken(firm, larkspur, card, ledger, stripe, verdict):
    invoice = firm.invoice(larkspur)
    ledger.answer = Answer(verdict, "Xero says another amount is due")
    assert collecting.collect(firm.entity.pk) == 0
    collecting.collect(firm.entity.pk)
    assert ledger.asked == [invoice.pk]  # not asked again within ten minutes
    skipped = Attempt.objects.get()
    assert (skipped.failure_code, skipped.failure) == (verdict, "Xero says another amount is due")
    assert (charges_at(stripe), Payment.objects.count()) == ([], 0)
    clock.advance(minutes=11)
    ledger.answer = YES
    assert collecting.collect(firm.entity.pk) == (1 if verdict == Verdict.NOT_YET else 0)


def test_held_paused_and_stopped_invoices_are_left_alone(firm, larkspur, card, ledger, stripe):
    held, paused, free = firm.invoice(larkspur), firm.invoice(larkspur), firm.invoice(larkspur)
    type(held).objects.filter(pk=held.pk).update(hold_code="differs", hold_reason="Totals differ")
    type(held).objects.filter(pk=paused.pk).update(paused_until=clock.now() + timedelta(days=2))
    Switch.objects.create(sending=False, by="Olive", at=clock.now())
    tasks.collect(entity_id=firm.entity.pk)
    assert ledger.asked == []
    Switch.objects.all().delete()
    tasks.collect(entity_id=firm.entity.pk)
    assert ledger.asked == [free.pk]
    assert len(charges_at(stripe)) == 1


def test_a_gateway_that_never_answers_is_one_charge(firm, larkspur, card, ledger, stripe, fault):
    invoice = firm.invoice(larkspur)
    fault("response_lost", "confirm")
    collecting.collect(firm.entity.pk)
    attempt = Attempt.objects.get()
    assert (attempt.state, attempt.closed_at, Payment.objects.count()) == ("calling", None, 0)
    collecting.collect(firm.entity.pk)
    assert len(charges_at(stripe)) == 1
    clock.advance(minutes=2)
    (waiting,) = attempts.open_to_look_at(clock.now())
    attempts.look(waiting)
    assert (state_of(invoice), Payment.objects.count(), len(charges_at(stripe))) == ("paid", 1, 1)


@pytest.mark.parametrize("kind", ["timeout", "reset", "rate_limited", "server_error"])
@pytest.mark.parametrize("where", ["payment_intents$", "confirm"])
def test_every_bad_answer_ends_in_one_charge(firm, larkspur, card, ledger, stripe, fault, kind, where):
    invoice = firm.invoice(larkspur)
    fault(kind, where)
    for _ in range(60):
        collecting.collect(firm.entity.pk)
        for attempt in attempts.open_to_look_at(clock.now()):
            attempts.look(attempt)
        clock.advance(hours=1)
    assert state_of(invoice) == "paid"
    assert (Payment.objects.count(), [c["amount"] for c in charges_at(stripe)]) == (1, [110_000])


def test_a_lost_intent_is_looked_up_by_its_mark_after_a_day(firm, larkspur, card, ledger, stripe, fault):
    invoice = firm.invoice(larkspur)
    fault("response_lost", "payment_intents$")
    collecting.collect(firm.entity.pk)
    clock.advance(hours=25)
    (waiting,) = attempts.open_to_look_at(clock.now())
    attempts.look(waiting)
    attempt = Attempt.objects.get()
    assert (attempt.state, bool(attempt.intent_ref)) == ("cancelled", True)
    assert charges_at(stripe) == []
    collecting.collect(firm.entity.pk)
    assert (state_of(invoice), len(charges_at(stripe))) == ("paid", 1)


def test_soft_refusals_are_tried_on_days_3_7_and_14(firm, larkspur, payer, ledger, stripe):
    payer.save(larkspur, card="pm_card_chargeCustomerFail")
    firm.invoice(larkspur)
    days = []
    for day in range(30):
        if collecting.collect(firm.entity.pk):
            days.append(day)
        clock.advance(days=1)
    assert days == [0, 3, 7, 14]
    mails = Mail.objects.filter(kind="billing.not_paid").order_by("pk")
    assert [m.facts["next_try"] for m in mails] == ["2026-11-23", "2026-11-27", "2026-12-04", ""]
    assert (charges_at(stripe), Payment.objects.count()) == ([], 0)


def test_a_hard_refusal_asks_the_client_at_once(firm, larkspur, payer, account, ledger):
    payer.save(larkspur, bank="111111113")
    firm.invoice(larkspur)
    collecting.collect(firm.entity.pk)
    later(account, days=5, hours=1)
    assert Attempt.objects.get().failure_code == "account_closed"
    (mail,) = Mail.objects.filter(kind="billing.not_paid")
    assert mail.facts["next_try"] == ""
    for _ in range(20):
        clock.advance(days=1)
        assert collecting.collect(firm.entity.pk) == 0
    payer.save(larkspur)
    assert collecting.collect(firm.entity.pk) == 1
    assert Attempt.objects.order_by("-pk")[0].state == "succeeded"


def test_a_bank_that_wants_the_client_gets_a_link_and_no_second_try(firm, larkspur, payer, ledger):
    intent = payer.save(larkspur, card="pm_card_visa")
    PaymentMethod.objects.filter(pk=intent.pk).update(removed_at=clock.now())
    started = start([firm.invoice(larkspur, "10")])
    payer.confirm(started.client_secret, card="pm_card_authenticationRequired")
    payer.prove(started.client_secret)
    from tests.billing.conftest import back

    back(started.attempt)
    firm.invoice(larkspur)
    assert collecting.collect(firm.entity.pk) == 1
    assert Attempt.objects.order_by("-pk")[0].failure_code == "authentication_required"
    assert Mail.objects.filter(kind="billing.step").count() == 1
    clock.advance(days=20)
    assert collecting.collect(firm.entity.pk) == 0


def test_while_the_client_is_paying_the_saved_card_is_not_charged(firm, larkspur, card, ledger, stripe, payer):
    invoice = firm.invoice(larkspur)
    started = start([invoice])
    assert collecting.collect(firm.entity.pk) == 0
    clock.advance(hours=2)
    assert collecting.collect(firm.entity.pk) == 1
    assert payer.confirm(started.client_secret)["error"]["code"] == "payment_intent_unexpected_state"
    assert (state_of(invoice), len(charges_at(stripe))) == ("paid", 1)


def test_instalments_are_charged_each_on_its_day(firm, larkspur, card, ledger, stripe):
    invoice = firm.invoice(larkspur, "3000", due_in=30)
    Instalment.objects.create(invoice=invoice, position=1, what="Deposit", due_on=TODAY, amount=Decimal("990.00"))
    last = date(2026, 12, 20)
    Instalment.objects.create(invoice=invoice, position=2, what="Balance", due_on=last, amount=Decimal("2310.00"))
    collecting.collect(firm.entity.pk)
    assert [c["amount"] for c in charges_at(stripe)] == [99_000]
    assert state_of(invoice) == "part_paid"
    clock.advance(days=29)
    assert collecting.collect(firm.entity.pk) == 0
    clock.advance(days=1)
    assert collecting.collect(firm.entity.pk) == 1
    assert [c["amount"] for c in charges_at(stripe)] == [99_000, 231_000]
    assert state_of(invoice) == "paid"


def test_a_method_removed_at_stripe_is_not_used_again(firm, larkspur, card, account, ledger, stripe):
    headers = {"Authorization": f"Bearer {account.secret_key}", "Stripe-Version": gateway.API_VERSION}
    door = network.mount(requests.Session())
    assert door.post(f"{BASE}/v1/payment_methods/{card.method_ref}/detach", headers=headers).status_code == 200
    later(account, seconds=1)
    firm.invoice(larkspur)
    assert collecting.collect(firm.entity.pk) == 0
    assert charges_at(stripe) == []


def test_reminders_go_where_nothing_collects_and_only_after_asking(firm, larkspur, account, ledger):
    invoice = firm.invoice(larkspur)
    days = []
    for day in range(40):
        if collecting.remind(firm.entity.pk):
            days.append(day)
        collecting.remind(firm.entity.pk)
        clock.advance(days=1)
    assert days == [3, 10, 21]
    assert set(ledger.asked) == {invoice.pk}
    other = firm.invoice(firm.client("Tidewater Yachts Pty Ltd"))
    ledger.act = paid_at_bank
    clock.advance(days=4)
    assert collecting.remind(firm.entity.pk) == 0
    assert not Mail.objects.filter(kind="billing.reminder", facts__invoice=other.pk).exists()


def test_the_question_never_runs_in_a_transaction_and_costs_the_same_for_many(
    firm, larkspur, card, ledger, django_assert_max_num_queries
):
    for _ in range(3):
        firm.invoice(larkspur, due_in=14)
    with django_assert_max_num_queries(12):
        collecting.collect(firm.entity.pk)
    control("tick")
