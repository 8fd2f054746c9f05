"""Stripe's notices: signed, stored once, answered fast, worked in any order, fetched where no webhook reaches."""

import json

import pytest
from django.db import OperationalError
from django.test import Client as Browser

from billing import methods, stripe_events
from billing.models import Payment, PaymentMethod, StripeAccount, StripeEvent
from billing.sandbox.stripe.events import signature
from billing.standing import standing_of
from practice.core import clock
from tests.billing.conftest import TODAY, control, later, make_firm, start, work_notices


@pytest.fixture
def browser():
    return Browser(enforce_csrf_checks=True)


@pytest.fixture
def deliver(stripe, inbox, browser, account):
    """Hand every delivery to the door; returns the answers."""

    def hand_over(deliveries=None):
        stripe.tick()
        out = []
        for url, body, headers in deliveries if deliveries is not None else inbox.got:
            assert url.endswith(f"/hooks/stripe/{account.pk}/")
            path = url.removeprefix("http://localhost:8000")
            answer = browser.post(
                path, body, content_type="application/json", HTTP_STRIPE_SIGNATURE=headers["Stripe-Signature"]
            )
            out.append(answer.status_code)
        return out

    return hand_over


def paid(invoice):
    return standing_of(invoice, TODAY).state == "paid"


def test_a_signed_notice_is_stored_answered_and_rung_for(firm, larkspur, payer, deliver, bell):
    invoice = firm.invoice(larkspur)
    payer.confirm(start([invoice]).client_secret)
    bell.rung.clear()
    assert set(deliver()) == {200}
    assert not paid(invoice)


def test_the_worker_does_the_rest(firm, larkspur, payer, deliver, bell, account, django_capture_on_commit_callbacks):
    invoice = firm.invoice(larkspur)
    payer.confirm(start([invoice]).client_secret)
    bell.rung.clear()
    with django_capture_on_commit_callbacks(execute=True):
        deliver()
    assert {task for task, _ in bell.rung} == {"billing.tasks.work_event"}
    bell.answer()
    assert paid(invoice)
    assert not StripeEvent.objects.filter(worked_at__isnull=True).exists()


def test_a_wrong_signature_is_refused_and_leaves_nothing(firm, larkspur, payer, stripe, inbox, deliver):
    control("webhooks/trouble", {"wrong_signature": 1.0})
    invoice = firm.invoice(larkspur)
    payer.confirm(start([invoice]).client_secret)
    assert set(deliver()) == {400}
    assert StripeEvent.objects.count() == 0


def test_an_old_notice_and_one_without_a_signature_are_refused(firm, larkspur, payer, stripe, inbox, browser, account):
    payer.confirm(start([firm.invoice(larkspur)]).client_secret)
    stripe.tick()
    _, body, headers = inbox.got[0]
    path = f"/hooks/stripe/{account.pk}/"
    assert browser.post(path, body, content_type="application/json").status_code == 400
    clock.advance(minutes=6)
    late = browser.post(path, body, content_type="application/json", HTTP_STRIPE_SIGNATURE=headers["Stripe-Signature"])
    assert late.status_code == 400
    assert browser.post("/hooks/stripe/999/", body, content_type="application/json").status_code == 404
    assert browser.get(path).status_code == 405
    assert StripeEvent.objects.count() == 0


def test_sent_twice_is_stored_once(firm, larkspur, payer, stripe, inbox, deliver, account):
    payer.confirm(start([firm.invoice(larkspur)]).client_secret)
    assert set(deliver()) == {200}
    stored = StripeEvent.objects.count()
    assert set(deliver()) == {200}
    work_notices(account)
    assert set(deliver()) == {200}
    assert (StripeEvent.objects.count(), Payment.objects.count()) == (stored, 1)


def test_the_order_does_not_matter(firm, larkspur, payer, stripe, inbox, deliver, account):
    invoice = firm.invoice(larkspur)
    payer.confirm(start([invoice]).client_secret, bank="000123456")
    clock.advance(days=5, hours=1)
    stripe.tick()
    deliver(list(reversed(inbox.got)))
    work_notices(account)
    payment = Payment.objects.get()
    assert (payment.state, payment.paid_on.isoformat()) == ("succeeded", "2026-11-25")
    assert paid(invoice)


def test_a_locked_database_asks_to_be_sent_again(firm, larkspur, payer, deliver, monkeypatch):
    payer.confirm(start([firm.invoice(larkspur)]).client_secret)

    def locked(account, notice):
        raise OperationalError("database is locked")

    monkeypatch.setattr(stripe_events, "store", locked)
    assert set(deliver()) == {503}


def test_behind_a_wall_the_same_notices_are_fetched(firm, larkspur, payer, account):
    invoice = firm.invoice(larkspur)
    payer.confirm(start([invoice]).client_secret)
    assert stripe_events.catch_up(account) == 1
    work_notices(account)
    assert paid(invoice)
    clock.advance(seconds=3)
    assert stripe_events.catch_up(account) == 1  # charge.updated: the fee is known now
    assert stripe_events.catch_up(account) == 0


def test_a_cursor_older_than_stripe_keeps_begins_anew(firm, larkspur, payer, account):
    payer.pay([firm.invoice(larkspur)])
    later(account, seconds=5)
    account = StripeAccount.objects.get(pk=account.pk)
    account.events_seen_until = "evt_gone"
    payer.pay([firm.invoice(larkspur)])
    assert stripe_events.catch_up(account) >= 1


def test_one_that_cannot_be_worked_does_not_stop_the_others(firm, larkspur, payer, account, monkeypatch):
    invoice = firm.invoice(larkspur)
    payer.confirm(start([invoice]).client_secret)
    StripeEvent.objects.create(
        account=account, event_ref="evt_odd", type="payout.paid", object_ref="po_gone", body={"created": 1},
        received_at=clock.now(),
    )  # fmt: skip
    later(account, seconds=2)
    assert paid(invoice)
    odd = StripeEvent.objects.get(event_ref="evt_odd")
    assert (odd.worked_at, "po_gone" in odd.failure) == (None, True)
    assert json.dumps(odd.body) == '{"created": 1}'


@pytest.mark.parametrize(
    "body",
    [b"no json", b"\xff", b"[]", b"1", b"null", b"{}", b'{"data": {"object": null}, "id": "evt_1", "type": "x"}'],
)
def test_a_signed_body_that_is_no_notice_is_refused(account, browser, body):
    signed = {"Stripe-Signature": signature(body, account.webhook_secret, int(clock.now().timestamp()))}
    answer = browser.post(f"/hooks/stripe/{account.pk}/", body, content_type="application/json", headers=signed)
    assert (answer.status_code, StripeEvent.objects.count()) == (400, 0)


def test_an_account_takes_no_card_away_from_another_firm(firm, larkspur, payer, account):
    payer.pay([firm.invoice(larkspur)])
    kept = PaymentMethod.objects.get(removed_at__isnull=True)
    other = make_firm("US").entity
    for entity in (other, firm.entity):
        gone = methods.forget_method(entity_id=entity.pk, method_ref=kept.method_ref, now=clock.now())
        assert (gone == kept) is (entity == firm.entity)
