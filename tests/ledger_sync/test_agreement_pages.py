"""No page says that the books agree while they do not: the invoice, the home page, the desk and the lists say one thing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection as database
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import payments
from billing.credits import CreditLine, credit_invoice
from billing.models import CreditNote, Invoice, Payment
from ledger_sync.connection import connections
from ledger_sync.connection.pulse import pulse_of
from ledger_sync.models import Connection, Lane, Link, Snag
from ledger_sync.pages import queries
from ledger_sync.proof import agreeing
from ledger_sync.pull import pulling
from practice.core import audit, clock
from practice.core.templatetags.words import ago
from practice.firm.models import Membership
from tests.firm import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def booked(firm: Any, connection: Connection, bell: Any) -> Invoice:
    """An invoice of 1,100.00 that both books agree on."""
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    clock.advance(minutes=5)
    sweep(connection, bell)
    return invoice


@pytest.fixture
def owner(firm: Any) -> Browser:
    """The browser of somebody who sees everything, and of whom every panel is asked."""
    browser = Browser()
    browser.force_login(factories.make_member(firm.practice, Membership.Role.OWNER, name="Olive Vale"))
    return browser


def sweep(connection: Connection, bell: Any) -> None:
    clock.advance(seconds=30)
    pulling.pull(connection.pk, sweep=True, references=True)
    bell.answer()


def edit(connection: Connection, xero: Any, bell: Any, invoice: Invoice) -> Snag:
    """The bookkeeper writes 900 where the client was given 1,000."""
    link = Link.objects.get(invoice=invoice)
    xero.bookkeeper.edit_line(link.remote_id, link.base_theirs["lines"][0]["remote_line"], {"UnitAmount": 900})
    sweep(connection, bell)
    return Snag.objects.get(closed_at__isnull=True)


def page(browser: Browser, firm: Any, name: str, query: str = "", **arguments: Any) -> str:
    answer = browser.get(reverse(name, kwargs={"practice": firm.practice.slug, **arguments}) + query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().replace("\N{NO-BREAK SPACE}", " ").split())


def invoice_page(browser: Browser, firm: Any, invoice: Invoice) -> str:
    return page(browser, firm, "invoice", pk=invoice.pk)


def press(browser: Browser, snag: Snag, remedy: str) -> str:
    where = {"practice": snag.practice.slug, "connection_id": snag.connection_id, "snag_id": snag.pk}
    answer = browser.post(reverse("ledger_remedy", kwargs=where), {"remedy": remedy})
    return " ".join(str(m) for m in get_messages(answer.wsgi_request))


def of(invoice: Invoice) -> agreeing.Agreement:
    rows = agreeing.with_doubt(Link.objects.filter(invoice=invoice)).select_related("connection__entity", "invoice")
    link = rows.get()
    return agreeing.agreement_of(link, pulse_of(link.connection))


def test_an_invoice_both_books_agree_on_says_so_everywhere(
    browser: Browser, firm: Any, connection: Connection, booked: Invoice
) -> None:
    shown = invoice_page(browser, firm, booked)
    assert "Both books agreed" in shown
    assert "Differs" not in shown
    home = page(browser, firm, "dashboard")
    assert "All of it, in Xero" in home
    assert "Agrees on <b>2 of 2</b> records" in home


def test_an_edited_invoice_says_what_differs_since_when_and_what_to_press(
    browser: Browser, firm: Any, connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    cause = edit(connection, xero, bell, booked)
    found = of(booked)
    assert found.state == "differs"
    assert {f.name for f in found.fields if f.differs} == {"net", "tax", "total", "still due"}
    shown = invoice_page(browser, firm, booked)
    assert "Agrees" not in shown
    assert "agreed" not in shown
    assert "was changed in Xero by Rhona Blake" in shown
    assert "Since 20 Nov" in shown
    assert "Put the ledger back or accept as a credit" in shown
    assert f"#cause-{cause.pk}" in shown


def test_the_home_page_links_the_one_invoice_that_does_not_agree(
    browser: Browser, firm: Any, connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    edit(connection, xero, bell, booked)
    home = page(browser, firm, "dashboard")
    assert "All of it, in Xero" not in home
    assert f'billing/invoices/{booked.pk}/">{booked.number}</a>, $1,100.00, needs a decision' in home
    assert "Agrees on <b>1 of 2</b> records" in home
    link = Link.objects.get(invoice=booked)
    assert f'records/{link.pk}/">{booked.number} to Larkspur Bakery Pty Ltd</a>' in home
    for state, there in (("undecided", True), ("differs", True), ("agrees", False), ("waiting", False)):
        found = page(browser, firm, "ledger_records", f"?state={state}", connection_id=connection.pk)
        assert (f"{booked.number} to" in found) is there, state


def test_an_invoice_being_put_back_is_being_sent_and_agreed_only_when_xero_has_it(
    browser: Browser, firm: Any, connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    words = press(browser, edit(connection, xero, bell, booked), "put_back")
    assert words == f"{booked.number} to Larkspur Bakery Pty Ltd is being set back in Xero to what the client was given"
    assert of(booked).state == "sending"
    shown = invoice_page(browser, firm, booked)
    assert "It is being sent to Xero now" in shown
    assert "Agrees" not in shown
    assert "$990.00" in shown
    assert "All of it, in Xero" not in page(browser, firm, "dashboard")
    bell.answer()
    sweep(connection, bell)
    assert of(booked).state == "agrees"


def test_what_cannot_go_out_is_not_said_to_be_on_its_way(
    browser: Browser, firm: Any, connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    cause = edit(connection, xero, bell, booked)
    connections.pause(connection_id=connection.pk, reason="month end")
    assert "Nothing goes out while Xero is paused" in press(browser, cause, "put_back")
    assert of(booked).state == "waiting"
    assert "It waits to be sent: Xero is paused." in invoice_page(browser, firm, booked)


def test_an_accepted_edit_agrees_and_its_credit_says_where_it_was_changed_and_by_whom(
    browser: Browser, firm: Any, connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    press(browser, edit(connection, xero, bell, booked), "accept_credit")
    bell.answer()
    assert of(booked).state == "agrees"
    note = CreditNote.objects.get()
    assert (note.number, note.words) == (f"{booked.number}-1", "Changed in Xero by Rhona Blake")
    assert "$110.00 credited: Changed in Xero by Rhona Blake" in invoice_page(browser, firm, booked)
    assert "All of it, in Xero" in page(browser, firm, "dashboard")


def test_a_credited_invoice_is_booked_whole_not_less_than_nothing(
    browser: Browser, firm: Any, connection: Connection, bell: Any, booked: Invoice
) -> None:
    line = CreditLine("Goodwill", Decimal(1), Decimal(100), "standard", Decimal(10), firm.service.pk)
    credit_invoice(
        invoice_id=booked.pk, lines=[line], reason="price_cut", words="", on=clock.today("Australia/Sydney"),
        now=clock.now(),
    )  # fmt: skip
    bell.answer()
    sweep(connection, bell)
    assert "All of it, in Xero" in page(browser, firm, "dashboard")


def test_a_payment_removed_there_shows_on_its_invoice(
    browser: Browser, firm: Any, connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    receipt = payments.Receipt(
        source=Payment.Source.STRIPE, method="card", amount=booked.total, currency="AUD", reference="Card ch_1",
        state=Payment.State.SUCCEEDED, initiated_at=clock.now(), paid_on=clock.today("Australia/Sydney"),
        charge_ref="ch_1",
    )  # fmt: skip
    with audit.cause(system="stripe", actor="Stripe"):
        payments.record_payment(
            entity=firm.entity, client=booked.client, receipt=receipt, on_invoices=[(booked, booked.total)],
            now=clock.now(),
        )  # fmt: skip
    assert of(booked).state == "sending", "the payment is on its way there"
    bell.answer()
    sweep(connection, bell)
    assert of(booked).state == "agrees"
    xero.bookkeeper.delete_payment(Link.objects.get(kind="allocation").remote_id)
    sweep(connection, bell)
    found = of(booked)
    assert found.state == "differs"
    assert "A Stripe payment on" in found.causes[0].sentence
    assert queries.health_of(connection, pulse_of(connection)).undecided == 2, "the payment, and the invoice it lies on"


def test_the_bar_and_the_home_card_name_the_same_moment(
    browser: Browser, firm: Any, connection: Connection, booked: Invoice, bell: Any
) -> None:
    Link.objects.update(verified_at=clock.now())
    Lane.objects.filter(connection=connection, name="pull").update(swept_at=clock.now())
    clock.advance(minutes=7)
    Link.objects.filter(invoice=booked).update(verified_at=clock.now())
    assert ago(pulse_of(connection).checked_at) == "7 minutes ago"
    home = page(browser, firm, "dashboard")
    assert "Xero checked 7 minutes ago" in home
    assert "records, checked 7 minutes ago" in home


def test_lately_cleared_names_the_colleague_not_the_email(
    browser: Browser, firm: Any, connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    cause = edit(connection, xero, bell, booked)
    press(browser, cause, "put_back")
    cause.refresh_from_db()
    desk = page(browser, firm, "ledger_desk", connection_id=connection.pk)
    assert "Sam Lock, " in desk
    assert cause.closed_by not in desk


def test_pages_that_show_the_ledger_stay_within_25_questions_also_when_something_differs(
    owner: Browser, firm: Any, connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    edit(connection, xero, bell, booked)
    link, of_firm = Link.objects.get(invoice=booked), {"practice": firm.practice.slug}
    there = {**of_firm, "connection_id": connection.pk}
    pages = [
        reverse("dashboard", kwargs=of_firm), reverse("invoice", kwargs={**of_firm, "pk": booked.pk}),
        reverse("client", kwargs={**of_firm, "pk": booked.client_id}), reverse("ledger", kwargs=of_firm),
        reverse("ledger_desk", kwargs=there), reverse("ledger_records", kwargs=there),
        reverse("ledger_record", kwargs={**there, "link_id": link.pk}), reverse("ledger_mapping", kwargs=there),
        reverse("ledger_activity", kwargs=there), reverse("billing", kwargs=of_firm),
    ]  # fmt: skip
    asked = {}
    for address in pages:
        owner.get(address)
        with CaptureQueriesContext(database) as questions:
            assert owner.get(address).status_code == 200
        asked[address] = len(questions)
    assert {address: n for address, n in asked.items() if n > 25} == {}


# What is closed in the ledger


@pytest.fixture
def archived(firm: Any, connection: Connection, xero: Any, bell: Any) -> Snag:
    xero.bookkeeper.archive_account("200")
    sweep(connection, bell)
    firm.agreement(firm.client())
    bell.answer()
    return Snag.objects.get(closed_at__isnull=True)


def test_asking_again_while_the_account_is_still_archived_says_so_and_keeps_the_cause(
    browser: Browser, firm: Any, connection: Connection, bell: Any, archived: Snag
) -> None:
    clock.advance(seconds=20)
    words = press(browser, archived, "retry")
    assert words.startswith("Nothing was sent: as Xero was last read, account 200 “Sales” is archived.")
    assert reverse("ledger_mapping", kwargs={"practice": firm.practice.slug, "connection_id": connection.pk}) in words
    bell.answer()
    assert Snag.objects.get().pk == archived.pk
    assert Snag.objects.get().closed_at is None
    invoice = Invoice.objects.get()
    assert "Refused" in invoice_page(browser, firm, invoice)
    assert "Account 200 “Sales” is archived in Xero" in invoice_page(browser, firm, invoice)


def test_an_account_brought_back_there_sends_what_waited_and_ends_the_cause(
    browser: Browser, connection: Connection, xero: Any, bell: Any, archived: Snag
) -> None:
    xero.bookkeeper.restore_account("200")
    clock.advance(seconds=20)
    press(browser, archived, "retry")
    bell.answer()
    archived.refresh_from_db()
    assert archived.closed_at is not None
    assert of(Invoice.objects.get()).state == "agrees"
