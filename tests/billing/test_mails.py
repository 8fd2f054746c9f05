"""What clients are told about money: true, with a link that works, and the invoice itself."""

from datetime import date
from decimal import Decimal

import pytest
from django.core import mail as outbox

from billing import attempts, invoice_pdf, mails, paylinks, story
from billing.models import Instalment, PayLink
from practice.core import clock
from practice.firm import tasks
from practice.firm.models import Mail, Person
from tests.billing.conftest import HERE, TODAY, back, line


def send(mail):
    tasks.send_mail(mail_id=mail.pk)
    mail.refresh_from_db()
    assert mail.sent_at, mail.failure
    return outbox.outbox[-1]


@pytest.fixture
def invoice(firm, larkspur):
    return firm.invoice(larkspur, due_in=14)


def test_an_invoice_goes_out_with_its_pdf_and_a_link(invoice):
    message = send(Mail.objects.get())
    assert message.subject == "Harbour & Vale: invoice CS-00001, due 4 December 2026"
    assert message.to == ["Larkspur Bakery Pty Ltd <ap@larkspur.example>"]
    assert "Pay it online by 4 December 2026, or by bank transfer with CS-00001 as the reference." in message.body
    assert "$1,100.00" in message.body
    ((name, content, kind),) = message.attachments
    assert (name, kind, content[:4]) == ("CS-00001.pdf", "application/pdf", b"%PDF")
    token = message.body.split("/i/")[1].split("/")[0]
    assert paylinks.invoice_of(token) == invoice
    assert token not in str(Mail.objects.get().facts)
    assert PayLink.objects.get().token_digest != token


def test_a_client_with_a_card_learns_when_it_is_charged(invoice, larkspur, payer):
    payer.save(larkspur)
    message = send(mails.send_invoice(invoice))
    assert "it is taken from your card ending 4242 on 4 December 2026" in message.body


def test_the_person_marked_for_bills_gets_them(firm, larkspur):
    Person.objects.create(client=larkspur, name="Amélie Larkspur", email="amelie@larkspur.example", receives_bills=True)
    firm.invoice(larkspur)
    assert Mail.objects.get().to_email == "amelie@larkspur.example"


def test_nobody_to_send_to_is_no_mail(firm):
    firm.invoice(firm.client("No Mail Ltd", billing_email=""))
    assert Mail.objects.count() == 0


def test_every_kind_can_be_rendered(firm, larkspur, payer):
    invoice = firm.invoice(larkspur)
    attempt = payer.pay([invoice])
    other = firm.invoice(larkspur, due_in=14)
    Instalment.objects.create(invoice=other, position=1, what="Deposit", due_on=TODAY, amount=Decimal("330.00"))
    owed = [
        mails.send_invoice(other),
        mails.send_receipt(attempt.payment),
        mails.ask_to_pay(other, why="Not enough money", next_try=TODAY),
        mails.ask_to_pay(other, why="", next_try=None),
        mails.ask_for_step(other),
        mails.tell_returned(attempt.payment, why="debit not authorised"),
        mails.remind(other),
        mails.ask_for_method(larkspur, firm.entity),
    ]
    for mail in owed:
        message = send(mail)
        text, html = message.body, message.alternatives[0][0]
        for part in (message.subject, text, html):
            assert "{{" not in part
            assert "None" not in part
    receipt = next(m for m in outbox.outbox if m.subject.startswith("Receipt"))
    assert receipt.subject == "Receipt: $1,100.00 paid to Harbour & Vale"
    assert "/card/" in outbox.outbox[-1].body
    assert attempts.failures_of(invoice, None) == []


def test_a_link_ends(invoice):
    token = paylinks.mint(invoice_id=invoice.pk, now=clock.now())
    clock.advance(days=91)
    with pytest.raises(paylinks.LinkEnded):
        paylinks.invoice_of(token)
    assert paylinks.invoice_of("nobody-gave-this-out") is None


def test_the_pdf_says_what_each_country_asks_for(firm, us_firm, larkspur):
    firm.entity.tax_number = "51 824 753 556"
    invoice = firm.invoice(larkspur)
    invoice.entity = firm.entity
    facts = invoice_pdf.facts_of(invoice)
    assert facts["title"] == "Tax invoice CS-00001"
    assert facts["seller"]["lines"][0] == "ABN 51 824 753 556"
    assert facts["buyer"]["name"] == "Larkspur Bakery Pty Ltd"
    assert facts["totals"] == [
        ("Net", "$1,000.00", False),
        ("GST", "$100.00", False),
        ("Total AUD", "$1,100.00", True),
    ]
    american = us_firm.invoice(us_firm.client("Penrose Joinery LLC"))
    facts = invoice_pdf.facts_of(american)
    assert (facts["title"], facts["paper"]) == ("Invoice CS-00001", "us-letter")
    assert facts["totals"] == [("Net", "$1,000.00", False), ("Total USD", "$1,000.00", True)]


def test_strange_names_are_text_on_paper_not_markup(firm):
    client = firm.client('#panic("x") *Bold* Łódź & Søn "Æ" $x$ @ref')
    assert invoice_pdf.render(firm.invoice(client))[:4] == b"%PDF"


# Signing and paying in one visit


@pytest.fixture
def deposit(firm, larkspur, account):
    """The invoice of a signature: 3,300.00, of it 990.00 today and the balance on 1 February."""
    _, (invoice,) = firm.agreement(
        larkspur, line("3000", cadence="completion"), deposit=Decimal("990.00"), expected_completion_on=date(2027, 2, 1)
    )
    return invoice


def sweep():
    """What the worker sends now."""
    before = len(outbox.outbox)
    tasks.sweep_mail()
    return outbox.outbox[before:]


def pay_now(payer, invoice, amount, **how):
    started = attempts.start_on_session(
        entity=invoice.entity, client=invoice.client, shares=[(invoice, Decimal(amount))], presence=HERE
    )
    payer.confirm(started.client_secret, **how)
    return back(started.attempt)


def test_a_deposit_paid_in_the_visit_is_one_mail_that_carries_the_invoice(deposit, payer):
    assert sweep() == []
    pay_now(payer, deposit, "990.00")
    (message,) = sweep()
    assert message.subject == "Receipt: $990.00 paid to Harbour & Vale"
    assert [name for name, _, _ in message.attachments] == ["CS-00001.pdf"]
    text = " ".join(message.body.split())
    assert "The invoice is attached. CS-00001 asks for $2,310.00 more, due 1 February 2027." in text
    clock.advance(hours=1)
    assert sweep() == []
    assert any(told.words == "Receipt sent, with the invoice" for told in story.story_of(deposit))


def test_a_visit_that_ends_without_paying_gets_the_invoice_that_leads_with_the_deposit(deposit):
    clock.advance(minutes=14)
    assert sweep() == []
    clock.advance(minutes=2)
    (message,) = sweep()
    assert message.subject == "Harbour & Vale: invoice CS-00001, deposit due 20 November 2026"
    assert message.body.startswith("$990.00 is due now: the deposit of invoice CS-00001.")
    assert "Pay $990.00 online by 20 November 2026" in message.body
    assert "Balance, 1 February 2027: $2,310.00" in message.body


def test_a_debit_on_its_way_is_said_to_be_on_its_way(deposit, payer):
    pay_now(payer, deposit, "990.00", bank="000123456")
    clock.advance(minutes=16)
    (message,) = sweep()
    assert message.subject == "Harbour & Vale: invoice CS-00001, balance due 1 February 2027"
    assert "$2,310.00 is due on 1 February 2027: the balance of invoice CS-00001." in message.body
    assert "$990.00 is on its way" in message.body


def test_a_mail_that_went_out_is_not_taken_back(invoice, payer):
    (message,) = sweep()
    assert "CS-00001" in message.subject
    payer.pay([invoice])
    (receipt,) = sweep()
    assert receipt.attachments == []
    assert Mail.objects.count() == 2


def test_without_online_payments_the_invoice_goes_at_once(firm, larkspur):
    firm.agreement(larkspur)
    assert [m.subject for m in sweep()] == ["Harbour & Vale: invoice CS-00001, due 20 November 2026"]
