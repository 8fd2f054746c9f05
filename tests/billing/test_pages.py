"""Billing's pages: every one opens for those who may, is hidden from outsiders, and costs the same for many rows."""

from datetime import timedelta
from decimal import Decimal

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail as outbox
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import collecting, invoicing, runs, schedules
from billing import tasks as billing_tasks
from billing.models import BillingRun, Charge, Invoice, Payment, Payout, StripeAccount
from billing.standing import standing_of
from practice.core import clock
from practice.firm import people, tasks
from practice.firm.models import Mail, Membership, User
from tests.billing.conftest import TODAY, later, line, make_firm

Role = Membership.Role


def browser_of(firm, *roles):
    user = User.objects.create_user(f"{'-'.join(roles)}{User.objects.count()}@harbour.example", name="Bea Quill")
    for role in roles:
        people.grant_role(practice=firm.practice, user=user, role=role)
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "x"})
    browser = Browser()
    browser.force_login(user)
    return browser


@pytest.fixture
def owner(firm):
    return browser_of(firm, Role.OWNER)


@pytest.fixture
def auditor(firm):
    return browser_of(firm, Role.AUDITOR)


@pytest.fixture
def outsider(db):
    return browser_of(make_firm("US"), Role.OWNER)


def url(firm, name, **kwargs):
    return reverse(name, kwargs={"practice": firm.practice.slug, **kwargs})


@pytest.fixture
def story(firm, larkspur, payer, account):
    """An agreement with a run, a paid, an open and a held invoice, fees and a payout."""
    engagement, _ = firm.agreement(larkspur, line("100", cadence="month"), line("900", cadence="completion"))
    paid = firm.invoice(larkspur)
    payment = payer.pay([paid]).payment
    open_one, held = firm.invoice(larkspur, "55.55", due_in=14), firm.invoice(larkspur, "77")
    invoicing.hold_invoice(invoice_id=held.pk, code="differs", reason="Xero says $84.71, we say $84.70")
    run = runs.run_billing(entity_id=firm.entity.pk, on=TODAY, now=clock.now())
    for _ in range(16):
        later(account, hours=6)
        billing_tasks.settle_balance(StripeAccount.objects.get())
    return {
        "agreement": engagement, "invoice": paid, "payment": payment, "run": run, "payout": Payout.objects.get(),
        "open": open_one, "held": held,
    }  # fmt: skip


def pages(firm, story):
    return [
        url(firm, "billing"),
        url(firm, "billing_run", pk=story["run"].pk),
        url(firm, "invoices"),
        url(firm, "invoices") + "?state=open&q=Larkspur",
        url(firm, "invoice", pk=story["invoice"].pk),
        url(firm, "invoice", pk=story["held"].pk),
        url(firm, "invoice_pdf", pk=story["invoice"].pk),
        url(firm, "collections"),
        url(firm, "payment", pk=story["payment"].pk),
        url(firm, "payout", pk=story["payout"].pk),
        url(firm, "clearing"),
        url(firm, "agreement", pk=story["agreement"].pk),
        url(firm, "payment_settings"),
    ]


def test_every_page_opens_for_owner_and_auditor_and_for_nobody_else(firm, story, owner, auditor, outsider):
    for address in pages(firm, story):
        page = owner.get(address)
        assert page.status_code == 200, address
        if page["Content-Type"].startswith("text/html"):
            text = page.content.decode()
            for odd in ("None", "{{", "{%", "&lt;", "could not be loaded"):
                assert odd not in text, (address, odd)
        assert auditor.get(address).status_code == 200, address
        assert outsider.get(address).status_code == 404, address
        assert Browser().get(address).status_code == 302, address


def test_the_dashboard_the_client_and_search_show_billing(firm, larkspur, story, owner):
    home = owner.get(url(firm, "dashboard")).content.decode()
    assert "could not be loaded" not in home
    for words in (
        "Monthly recurring",
        "Overdue",
        "Next payout",
        "from the signed line to the ledger",
        "Billing forecast",
    ):
        assert words in home
    client = owner.get(url(firm, "client", pk=larkspur.pk)).content.decode()
    assert "could not be loaded" not in client
    for words in ("Agreements", "Invoices", "ending 4242", "Owes"):
        assert words in client
    found = owner.get(url(firm, "search"), {"q": "61.11"}).content.decode()
    assert story["open"].number in found


def test_posts_need_the_role(firm, story, auditor, outsider):
    pk = story["open"].pk
    for name in ("invoice_send", "invoice_credit", "invoice_void", "invoice_pay", "invoice_pause"):
        assert auditor.post(url(firm, name, pk=pk)).status_code == 403, name
        assert outsider.post(url(firm, name, pk=pk)).status_code == 404, name
    charge = story["agreement"].charges.filter(state="planned", due_on__isnull=False).first()
    assert auditor.post(url(firm, "charge_hold", pk=charge.pk)).status_code == 403
    assert auditor.post(url(firm, "payment_refund", pk=story["payment"].pk)).status_code == 403
    assert auditor.post(url(firm, "payment_settings"), {"entity": firm.entity.pk}).status_code == 403
    assert Invoice.objects.get(pk=pk).status == "issued"


def test_a_partner_reads_but_only_billing_corrects(firm, story):
    partner = browser_of(firm, Role.PARTNER)
    assert partner.get(url(firm, "invoice", pk=story["open"].pk)).status_code == 200
    assert partner.post(url(firm, "invoice_void", pk=story["open"].pk)).status_code == 403


def test_sending_again(firm, story, owner):
    before = Mail.objects.count()
    answer = owner.post(url(firm, "invoice_send", pk=story["open"].pk), follow=True)
    assert "is on its way to ap@larkspur.example" in answer.content.decode()
    assert Mail.objects.count() == before + 1


def test_a_credit_note_through_its_page(firm, story, owner):
    address = url(firm, "invoice_credit", pk=story["open"].pk)
    assert "$61.11 is open" in owner.get(address).content.decode()
    wrong = owner.post(address, {"amount": "61.12", "reason": "price_cut", "words": "fewer hours"})
    assert (wrong.status_code, "at most $61.11" in wrong.content.decode()) == (422, True)
    done = owner.post(address, {"amount": "11.11", "reason": "price_cut", "words": "fewer hours"}, follow=True)
    assert "CN-00001 takes $11.11 off" in done.content.decode()
    assert standing_of(story["open"], TODAY).due == Decimal("50.00")


def test_voiding_needs_a_reason_and_an_unpaid_invoice(firm, story, owner):
    address = url(firm, "invoice_void", pk=story["open"].pk)
    assert owner.post(address, {"reason": ""}).status_code == 422
    assert owner.post(address, {"reason": "sent twice"}).status_code == 302
    assert Invoice.objects.get(pk=story["open"].pk).status == "void"
    paid = owner.post(url(firm, "invoice_void", pk=story["invoice"].pk), {"reason": "no"})
    assert (paid.status_code, "take that off first" in paid.content.decode()) == (422, True)


def test_money_recorded_by_hand(firm, story, owner):
    address = url(firm, "invoice_pay", pk=story["open"].pk)
    tomorrow = clock.today("Australia/Sydney") + timedelta(days=1)
    early = owner.post(address, {"amount": "61.11", "paid_on": str(tomorrow), "method": "bank"})
    assert early.status_code == 422
    owner.post(address, {"amount": "$61.11", "paid_on": "2026-11-21", "method": "bank", "reference": "BNK 77"})
    payment = Payment.objects.get(source="hand")
    assert (payment.amount, payment.reference, payment.state) == (Decimal("61.11"), "BNK 77", "succeeded")
    assert standing_of(story["open"], TODAY).state == "paid"


def test_pausing_keeps_an_invoice_from_being_charged(firm, story, owner):
    clock.advance(days=12)
    owner.post(url(firm, "invoice_pause", pk=story["open"].pk), {"until": "2027-01-15", "reason": "pays in January"})
    assert story["open"] not in collecting.candidates(firm.entity, clock.today("Australia/Sydney"))
    page = owner.get(url(firm, "collections")).content.decode()
    assert "Paused until 15 Jan" in page


def test_a_charge_is_held_skipped_and_released(firm, story, owner):
    charge = story["agreement"].charges.filter(state="planned", due_on__isnull=False).order_by("due_on").first()
    for name, state in (("charge_hold", "held"), ("charge_release", "planned"), ("charge_skip", "skipped")):
        answer = owner.post(url(firm, name, pk=charge.pk), {"back": "agreement"}, follow=True)
        assert answer.status_code == 200
        assert Charge.objects.get(pk=charge.pk).state == state


def test_finishing_work_and_the_ways_of_an_agreement(firm, story, owner):
    rule = story["agreement"].rules.get(kind="completion")
    owner.post(url(firm, "work_finish", pk=rule.pk))
    assert "marked finished" in owner.post(url(firm, "work_finish", pk=rule.pk), follow=True).content.decode()
    for what, state in (("pause", "paused"), ("resume", "active")):
        owner.post(url(firm, f"agreement_{what}", pk=story["agreement"].pk), {"reason": "asked for"})
        story["agreement"].refresh_from_db()
        assert story["agreement"].state == state
    owner.post(url(firm, "agreement_end", pk=story["agreement"].pk), {"on": "2026-12-31", "reason": "moved away"})
    story["agreement"].refresh_from_db()
    assert (story["agreement"].state, str(story["agreement"].ends_on)) == ("ended", "2026-12-31")
    under_notice = owner.get(url(firm, "agreement", pk=story["agreement"].pk)).content.decode()
    assert "Ends 31 December 2026" in under_notice
    assert "Ending</span>" in under_notice
    clock.advance(days=60)
    assert "Ended</span>" in owner.get(url(firm, "agreement", pk=story["agreement"].pk)).content.decode()


def test_a_refund_through_its_page(firm, story, owner):
    address = url(firm, "payment_refund", pk=story["payment"].pk)
    assert owner.get(address).status_code == 200
    facts = {"amount": "110", "why": "price", "invoice": story["invoice"].pk, "words": "fewer hours"}
    done = owner.post(address, facts, follow=True).content.decode()
    assert "$110.00 is on its way back" in done
    assert story["payment"].refunds.get().state == "succeeded"
    assert owner.post(address, {**facts, "why": "unapplied"}).status_code == 422


def test_asking_for_a_card(firm, larkspur, story, owner):
    address = url(firm, "ask_for_method", client_id=larkspur.pk, entity_id=firm.entity.pk)
    owner.post(address)
    mail = Mail.objects.get(kind="billing.new_method")
    tasks.send_mail(mail_id=mail.pk)
    assert "/card/" in outbox.outbox[-1].body


def test_an_owner_connects_stripe(firm, stripe, owner):
    keys = stripe.credentials("acct_harbour")
    address = url(firm, "payment_settings")
    facts = {"entity": firm.entity.pk, "publishable_key": keys["publishable_key"]}
    live = owner.post(address, {**facts, "secret_key": "sk_live_1", "publishable_key": "pk_live_1"})
    assert (live.status_code, "live key" in live.content.decode()) == (422, True)
    owner.post(address, {**facts, "secret_key": keys["restricted_key"]})
    assert StripeAccount.objects.get().account_ref == "acct_harbour"
    assert keys["restricted_key"] not in owner.get(address).content.decode()


def _many(firm, count):
    for n in range(count):
        client = firm.client(f"Client {Invoice.objects.count()} {n} Pty Ltd")
        firm.agreement(client, line("100", cadence="month"))
        firm.invoice(client)


@pytest.mark.parametrize("name", ["billing", "invoices", "collections", "clearing", "dashboard"])
def test_a_page_costs_the_same_for_ten_rows_and_for_two_hundred(firm, account, owner, name):
    _many(firm, 10)
    # Ten rows of every kind that two hundred will have: some overdue, some not.
    clock.advance(days=40)
    runs.run_billing(entity_id=firm.entity.pk, on=clock.today("Australia/Sydney"), now=clock.now())

    def cost():
        owner.get(url(firm, name))
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(url(firm, name)).status_code == 200
        return len(queries)

    few = cost()
    _many(firm, 190)
    clock.advance(days=20)
    many = cost()
    assert many <= min(few, 25), (few, many)


def test_a_run_that_is_going_on_asks_again_and_a_finished_one_does_not(firm, owner):
    run = BillingRun.objects.create(entity=firm.entity, on=TODAY, started_at=clock.now())
    assert 'hx-trigger="load delay:1s"' in owner.get(url(firm, "billing_run", pk=run.pk)).content.decode()
    run.finished_at = clock.now()
    run.save()
    assert "load delay" not in owner.get(url(firm, "billing_run", pk=run.pk)).content.decode()


def test_what_needs_somebody_is_on_the_first_page(firm, larkspur, payer, account, owner, auditor):
    payer.pay([firm.invoice(larkspur)], card="pm_card_createDispute")
    later(account, minutes=1)
    BillingRun.objects.create(
        entity=firm.entity, on=TODAY, started_at=clock.now(), problems=[{"agreement": "P-0001", "problem": "no"}]
    )
    Payout.objects.create(
        practice=firm.practice, entity=firm.entity, payout_ref="po_1", amount=Decimal("-5.00"), currency="AUD",
        reference="STRIPE", made_at=clock.now(), arrives_on=TODAY, failure="Its items add up to -4.00",
    )  # fmt: skip
    payer.save(larkspur, bank="111111113")
    firm.invoice(larkspur, "200")
    collecting.collect(firm.entity.pk)
    later(account, days=5, hours=1)
    text = owner.get(url(firm, "dashboard")).content.decode()
    for words in (
        "Larkspur Bakery Pty Ltd&#x27;s bank disputes a payment",
        "A billing run could not bill every agreement",
        "Its items add up to -4.00",
        "Larkspur Bakery Pty Ltd: the charge for CS-00002 was refused",
    ):
        assert words in text
    assert "could not be loaded" not in text
    assert "disputes a payment" not in auditor.get(url(firm, "dashboard")).content.decode()


@pytest.mark.parametrize("words", ["NaN", "sNaN", "Infinity", "-inf", "1e999999", "1e-999999", "9" * 400, "²"])
def test_a_search_for_what_is_no_amount_finds_nothing(firm, story, owner, words):
    answer = owner.get(url(firm, "invoices"), {"q": words, "page": "9" * 5000})
    assert (answer.status_code, answer.context["paged"].total) == (200, 0)


def test_a_stripe_account_is_connected_to_an_entity_of_the_practice_only(firm, owner):
    for entity in ("9" * 5000, "²", "", "-1"):
        assert owner.post(url(firm, "payment_settings"), {"entity": entity}).status_code == 404


def press(browser, address, **facts):
    """What the page at an address carries in its hidden fields, with what a person typed."""
    form = browser.get(address).context["form"]
    return {"seen": str(form["seen"].value()), **facts}


def test_a_second_press_records_no_second_payment(firm, story, owner):
    address = url(firm, "invoice_pay", pk=story["open"].pk)
    facts = press(owner, address, amount="20.00", paid_on=str(TODAY), method="bank")
    assert owner.post(address, facts).status_code == 302
    second = owner.post(address, facts, follow=True).content.decode()
    assert "Nothing more was done: what is open on" in second
    assert Payment.objects.filter(source="hand").count() == 1
    assert (
        owner.post(address, press(owner, address, amount="20.00", paid_on=str(TODAY), method="bank")).status_code == 302
    )
    assert Payment.objects.filter(source="hand").count() == 2


def test_a_second_press_makes_no_second_credit_note(firm, story, owner):
    address = url(firm, "invoice_credit", pk=story["open"].pk)
    facts = press(owner, address, amount="11.11", reason="price_cut", words="fewer hours")
    owner.post(address, facts)
    assert "Nothing more was done" in owner.post(address, facts, follow=True).content.decode()
    assert standing_of(story["open"], TODAY).due == Decimal("50.00")


def test_a_second_press_gives_no_money_back_twice(firm, story, owner):
    address = url(firm, "payment_refund", pk=story["payment"].pk)
    facts = press(owner, address, amount="110", why="price", invoice=story["invoice"].pk, words="fewer hours")
    owner.post(address, facts)
    assert "what is left of this payment changed" in owner.post(address, facts, follow=True).content.decode()
    assert story["payment"].refunds.count() == 1


def test_nothing_is_recorded_by_hand_on_a_void_invoice(firm, story, owner):
    invoicing.void_invoice(invoice_id=story["open"].pk, reason="sent twice")
    facts = {"amount": "61.11", "paid_on": str(TODAY), "method": "bank"}
    answer = owner.post(url(firm, "invoice_pay", pk=story["open"].pk), facts)
    assert (answer.status_code, "This invoice is void" in answer.content.decode()) == (422, True)
    assert not Payment.objects.filter(source="hand").exists()


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_slip_in_the_year_is_put_right_before_it_is_saved(firm, story, owner, day):
    end = owner.post(url(firm, "agreement_end", pk=story["agreement"].pk), {"on": day, "reason": "moved away"})
    pause = owner.post(url(firm, "invoice_pause", pk=story["open"].pk), {"until": day, "reason": "promised"})
    paid = owner.post(url(firm, "invoice_pay", pk=story["open"].pk), {"amount": "1", "paid_on": day, "method": "bank"})
    assert (end.status_code, pause.status_code, paid.status_code) == (422, 422, 422)


def test_releasing_a_charge_of_a_voided_invoice_plans_it_anew_and_stops_no_run(firm, larkspur, owner):
    engagement, [invoice] = firm.agreement(larkspur, line("100"))
    invoicing.void_invoice(invoice_id=invoice.pk, reason="sent twice")
    schedules.undo_billing(invoice_id=invoice.pk, reason="voided", again=False)
    charge = engagement.charges.get()
    for name in ("charge_hold", "charge_release", "charge_release"):
        owner.post(url(firm, name, pk=charge.pk))
    charge.refresh_from_db()
    assert (charge.state, engagement.charges.count()) == ("skipped", 2)
    run = runs.run_billing(entity_id=firm.entity.pk, on=clock.today("Australia/Sydney"), now=clock.now())
    assert (run.issued, run.problems) == (1, [])


def test_an_agreement_that_cannot_be_worked_out_is_named_and_the_others_are_billed(firm, larkspur, monkeypatch):
    first, _ = firm.agreement(larkspur, line("100", cadence="month"))
    second, _ = firm.agreement(larkspur, line("100", cadence="month"))
    bill = invoicing.bill_charges
    monkeypatch.setattr(
        invoicing, "bill_charges", lambda **facts: 1 / 0 if facts["engagement"] == first else bill(**facts)
    )
    clock.advance(days=31)
    run = runs.run_billing(entity_id=firm.entity.pk, on=clock.today("Australia/Sydney"), now=clock.now())
    assert (run.issued, [p["agreement"] for p in run.problems]) == (1, [first.reference])
    assert not Invoice.objects.filter(run=run, engagement=first).exists()
    assert Invoice.objects.filter(run=run, engagement=second).exists()
