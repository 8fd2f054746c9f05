"""Every remedy on the desk, pressed by a sync admin: it does what it says, and afterwards both books agree."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client as Browser
from django.urls import reverse

from billing import invoicing, payments
from billing.models import Charge, CreditNote, Invoice, Payment
from billing.standing import standing_of
from ledger_sync import remedies
from ledger_sync.asking import snags
from ledger_sync.limits import lanes
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.pull import gates, pulling
from practice.core import audit, clock
from practice.core.gates import Verdict
from practice.firm import clients
from practice.firm.models import Membership
from tests.firm import factories

pytestmark = pytest.mark.django_db(transaction=True)
FULL = Decimal("1100.00")


@pytest.fixture
def paid(firm: Any, booked: Invoice, bell: Any) -> Payment:
    """The invoice, paid by card, in both books."""
    receipt = payments.Receipt(
        source=Payment.Source.STRIPE, method="card", amount=FULL, currency="AUD", reference="Card payment ch_1",
        state=Payment.State.SUCCEEDED, initiated_at=clock.now(), paid_on=clock.today("Australia/Sydney"),
        charge_ref="ch_1",
    )  # fmt: skip
    with audit.cause(system="stripe", actor="Stripe"):
        payment = payments.record_payment(
            entity=firm.entity, client=booked.client, receipt=receipt, on_invoices=[(booked, FULL)], now=clock.now()
        )
    bell.answer()
    clock.advance(minutes=5)
    return payment


def press(browser: Browser, snag: Snag, remedy: str) -> str:
    """Press a remedy on the desk. Returns what the page says."""
    url = reverse(
        "ledger_remedy",
        kwargs={"practice": snag.practice.slug, "connection_id": snag.connection_id, "snag_id": snag.pk},
    )
    answer = browser.post(url, {"remedy": remedy, "reason": ""})
    assert answer.status_code == 302
    return " ".join(str(m) for m in get_messages(answer.wsgi_request))


def sweep(connection: Connection, bell: Any) -> None:
    """Read everything that changed in the ledger, and answer what that rings."""
    clock.advance(seconds=30)
    pulling.pull(connection.pk, sweep=True)
    bell.answer()


def there(xero: Any, invoice: Invoice) -> dict[str, Any]:
    rows = xero.dump()[f"{xero.tenant_id}:Invoices"].values()
    (row,) = [r for r in rows if r["InvoiceNumber"] == invoice.number and r["Type"] == "ACCREC"]
    return dict(row)


def payments_there(xero: Any, status: str = "AUTHORISED") -> list[dict[str, Any]]:
    known = set(Link.objects.filter(kind="allocation").values_list("remote_id", flat=True))
    rows = xero.dump()[f"{xero.tenant_id}:Payments"].values()
    return [r for r in rows if r["PaymentID"] in known and r["Status"] == status]


def due(invoice: Invoice) -> Decimal:
    return standing_of(Invoice.objects.get(pk=invoice.pk), clock.today("Australia/Sydney")).due


def one_cause(code: str) -> Snag:
    snag = Snag.objects.get(closed_at__isnull=True)
    assert snag.code == code
    return snag


def everything_agrees(connection: Connection, bell: Any, invoice: Invoice, xero: Any) -> None:
    """No cause, nothing owed, no hold, and the same amount due in both books, also after another sweep."""
    for _ in range(2):
        assert not Snag.objects.filter(closed_at__isnull=True).exists()
        assert not Link.objects.filter(owed_since__isnull=False).exists()
        fresh = Invoice.objects.get(pk=invoice.pk)
        assert not fresh.is_held, fresh.hold_reason
        if fresh.status == Invoice.Status.ISSUED:
            assert Decimal(str(there(xero, invoice)["AmountDue"])) == due(invoice)
            assert gates.may_collect_unattended(fresh).verdict is Verdict.YES
        sweep(connection, bell)


# A document that was edited


@pytest.fixture
def edited(booked: Invoice, connection: Connection, xero: Any, bell: Any) -> Snag:
    link = Link.objects.get(invoice=booked)
    line = link.base_theirs["lines"][0]["remote_line"]
    xero.bookkeeper.edit_line(link.remote_id, line, {"UnitAmount": 900})
    sweep(connection, bell)
    return one_cause("document_changed")


def test_put_back_sets_the_ledger_to_what_the_client_was_given(
    browser: Browser, connection: Connection, xero: Any, bell: Any, booked: Invoice, edited: Snag
) -> None:
    assert Decimal(there(xero, booked)["Total"]) == Decimal(990)
    press(browser, edited, "put_back")
    bell.answer()
    assert Decimal(there(xero, booked)["Total"]) == FULL
    assert due(booked) == FULL
    edited.refresh_from_db()
    assert edited.remedy == "put_back"
    assert edited.closed_by.startswith("sam")
    everything_agrees(connection, bell, booked, xero)


def test_accept_credit_keeps_the_edit_and_credits_the_difference_here_alone(
    browser: Browser, connection: Connection, xero: Any, bell: Any, booked: Invoice, edited: Snag
) -> None:
    press(browser, edited, "accept_credit")
    bell.answer()
    credit = CreditNote.objects.get()
    assert (credit.total, credit.tax, credit.origin) == (Decimal("110.00"), Decimal("10.00"), "ledger")
    assert due(booked) == Decimal("990.00")
    assert not [r for r in xero.dump()[f"{xero.tenant_id}:CreditNotes"].values() if "edit" in r["CreditNoteNumber"]]
    everything_agrees(connection, bell, booked, xero)


def test_a_higher_total_is_not_accepted_as_a_credit(
    browser: Browser, connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    link = Link.objects.get(invoice=booked)
    xero.bookkeeper.edit_line(link.remote_id, link.base_theirs["lines"][0]["remote_line"], {"UnitAmount": 1200})
    sweep(connection, bell)
    words = press(browser, one_cause("document_changed"), "accept_credit")
    assert words.startswith("Nothing was changed")
    assert one_cause("document_changed").closed_at is None
    assert not CreditNote.objects.exists()


# A document that was voided


@pytest.fixture
def voided(booked: Invoice, connection: Connection, xero: Any, bell: Any) -> Snag:
    xero.bookkeeper.void_invoice(Link.objects.get(invoice=booked).remote_id)
    sweep(connection, bell)
    return one_cause("voided_there")


@pytest.mark.parametrize(("remedy", "again"), [("void_rebill", 1), ("void_drop", 0)])
def test_a_void_there_is_a_void_here_and_its_charges_go_where_was_chosen(
    browser: Browser, connection: Connection, xero: Any, bell: Any, booked: Invoice, voided: Snag, remedy: str,
    again: int,
) -> None:  # fmt: skip
    press(browser, voided, remedy)
    bell.answer()
    assert Invoice.objects.get(pk=booked.pk).status == Invoice.Status.VOID
    assert there(xero, booked)["Status"] == "VOIDED"
    assert [line.charge.state for line in booked.lines.select_related("charge")] == [Charge.State.SKIPPED]
    assert Charge.objects.filter(kind=Charge.Kind.AGAIN, state=Charge.State.PLANNED).count() == again
    everything_agrees(connection, bell, booked, xero)


def test_after_void_and_bill_again_the_charge_is_billed_once_on_a_new_invoice(
    browser: Browser, firm: Any, connection: Connection, xero: Any, bell: Any, booked: Invoice, voided: Snag
) -> None:
    press(browser, voided, "void_rebill")
    bell.answer()
    charges = list(Charge.objects.filter(kind=Charge.Kind.AGAIN))
    fresh = invoicing.bill_charges(engagement=booked.engagement, charges=charges, on=booked.issued_on, now=clock.now())
    bell.answer()
    assert fresh.total == booked.total
    assert Decimal(there(xero, fresh)["AmountDue"]) == FULL
    everything_agrees(connection, bell, fresh, xero)


# Stripe's money that was removed


@pytest.fixture
def removed(paid: Payment, connection: Connection, xero: Any, bell: Any) -> Snag:
    xero.bookkeeper.delete_payment(Link.objects.get(kind="allocation").remote_id)
    sweep(connection, bell)
    return one_cause("payment_removed")


def test_post_again_records_the_money_once_more(
    browser: Browser, connection: Connection, xero: Any, bell: Any, booked: Invoice, removed: Snag
) -> None:
    assert Invoice.objects.get(pk=booked.pk).is_held
    press(browser, removed, "post_again")
    bell.answer()
    assert [Decimal(r["Amount"]) for r in payments_there(xero)] == [FULL]
    assert len(payments_there(xero, "DELETED")) == 1
    assert sorted(Link.objects.filter(kind="allocation").values_list("generation", flat=True)) == [1, 2]
    assert due(booked) == Decimal(there(xero, booked)["AmountDue"]) == 0
    sweep(connection, bell)
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    assert not Link.objects.filter(owed_since__isnull=False).exists()
    assert not Invoice.objects.get(pk=booked.pk).is_held


def test_was_duplicate_takes_the_money_off_here(
    browser: Browser, connection: Connection, xero: Any, bell: Any, booked: Invoice, removed: Snag
) -> None:
    press(browser, removed, "was_duplicate")
    bell.answer()
    assert payments_there(xero) == []
    assert due(booked) == FULL == Decimal(there(xero, booked)["AmountDue"])
    everything_agrees(connection, bell, booked, xero)


# A field both sides changed


@pytest.fixture
def both_changed(booked: Invoice, connection: Connection, xero: Any, bell: Any) -> Snag:
    contact = Link.objects.get(client=booked.client)
    xero.bookkeeper.edit_contact(contact.remote_id, {"EmailAddress": "theirs@larkspur.example"})
    with audit.cause(system="web", actor="Alice Vale"):
        clients.update_client(client_id=booked.client_id, billing_email="ours@larkspur.example")
    clock.advance(seconds=30)
    pulling.pull(connection.pk, sweep=True)
    bell.answer()
    return one_cause("both_changed")


@pytest.mark.parametrize(
    ("remedy", "email"), [("keep_ours", "ours@larkspur.example"), ("take_theirs", "theirs@larkspur.example")]
)
def test_the_value_that_was_chosen_is_in_both_books(
    browser: Browser, connection: Connection, xero: Any, bell: Any, booked: Invoice, both_changed: Snag, remedy: str,
    email: str,
) -> None:  # fmt: skip
    assert {both_changed.facts["ours"], both_changed.facts["theirs"]} > {email}
    press(browser, both_changed, remedy)
    bell.answer()
    sweep(connection, bell)
    booked.client.refresh_from_db()
    contact = xero.dump()[f"{xero.tenant_id}:Contacts"][Link.objects.get(client=booked.client).remote_id]
    assert booked.client.billing_email == contact["EmailAddress"] == email
    everything_agrees(connection, bell, booked, xero)


def test_a_value_of_the_ledgers_that_cannot_be_ours_is_refused_in_words(
    browser: Browser, connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    clients.set_address(client_id=booked.client_id, line1="1 Station Street")
    bell.answer()
    street = {"AddressType": "STREET", "AddressLine1": "", "City": "Sydney"}
    xero.bookkeeper.edit_contact(Link.objects.get(client=booked.client).remote_id, {"Addresses": [street]})
    with audit.cause(system="web", actor="Alice Vale"):
        clients.set_address(client_id=booked.client_id, line1="2 Station Street")
    clock.advance(seconds=30)
    pulling.pull(connection.pk, sweep=True)
    bell.answer()
    cause = one_cause("both_changed")
    assert press(browser, cause, "take_theirs") == "Nothing was changed: Enter the first line of the address"
    cause.refresh_from_db()
    assert cause.closed_at is None
    assert booked.client.addresses.get().line1 == "2 Station Street"


# Details that cannot be used here


@pytest.fixture
def not_taken(booked: Invoice, connection: Connection, xero: Any, bell: Any) -> Snag:
    """The bookkeeper empties the first line of an address, and gives the client another email besides."""
    clients.set_address(client_id=booked.client_id, line1="1 Station Street")
    bell.answer()
    street = {"AddressType": "STREET", "AddressLine1": "", "City": "Sydney"}
    facts = {"Addresses": [street], "EmailAddress": "theirs@larkspur.example"}
    xero.bookkeeper.edit_contact(Link.objects.get(client=booked.client).remote_id, facts)
    sweep(connection, bell)
    return one_cause("not_taken")


def test_details_that_cannot_be_used_leave_ours_whole_and_stay_a_cause(
    booked: Invoice, connection: Connection, bell: Any, not_taken: Snag
) -> None:
    booked.client.refresh_from_db()
    assert booked.client.billing_email == "ap@larkspur.example"
    assert booked.client.addresses.get().line1 == "1 Station Street"
    with audit.cause(system="web", actor="Alice Vale"):
        clients.update_client(client_id=booked.client_id, phone="02 5550 0199")
    bell.answer()
    sweep(connection, bell)
    assert one_cause("not_taken") == not_taken


@pytest.mark.parametrize("seen_by", ["the sweep", "a press"])
def test_details_put_right_there_are_taken_and_end_the_cause(
    browser: Browser, booked: Invoice, connection: Connection, xero: Any, bell: Any, not_taken: Snag, seen_by: str
) -> None:
    press(browser, not_taken, "read_again")
    bell.answer()
    again = one_cause("not_taken")
    street = {"AddressType": "STREET", "AddressLine1": "3 Station Street", "City": "Sydney"}
    xero.bookkeeper.edit_contact(Link.objects.get(client=booked.client).remote_id, {"Addresses": [street]})
    if seen_by == "a press":
        press(browser, again, "read_again")
        bell.answer()
    else:
        sweep(connection, bell)
    booked.client.refresh_from_db()
    assert booked.client.billing_email == "theirs@larkspur.example"
    assert booked.client.addresses.get().line1 == "3 Station Street"
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    everything_agrees(connection, bell, booked, xero)


# Settled in a way we cannot follow, and refusals


def test_release_ends_the_hold(
    browser: Browser, firm: Any, connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    remote = Link.objects.get(invoice=booked).remote_id
    contact = Link.objects.get(client=booked.client).remote_id
    ahead = xero.bookkeeper.receive_money(
        contact, Decimal("1100.00"), account_code="200", reference="Paid ahead", kind="RECEIVE-PREPAYMENT"
    )
    xero.bookkeeper.put_credit_on("Prepayments", ahead["PrepaymentID"], remote, Decimal("1100.00"))
    sweep(connection, bell)
    answer = gates.may_collect_unattended(Invoice.objects.get(pk=booked.pk))
    assert answer.verdict is Verdict.NO
    assert Invoice.objects.get(pk=booked.pk).hold_code == "settled_there"
    press(browser, one_cause("settled_there"), "release")
    assert not Invoice.objects.get(pk=booked.pk).is_held
    assert not Snag.objects.filter(closed_at__isnull=True).exists()


def test_what_was_settled_there_and_is_due_again_is_collected_again(
    connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    remote, contact = (
        Link.objects.get(**about).remote_id for about in ({"invoice": booked}, {"client": booked.client})
    )
    ahead = xero.bookkeeper.receive_money(
        contact, Decimal("1100.00"), account_code="200", reference="Paid ahead", kind="RECEIVE-PREPAYMENT"
    )
    used = xero.bookkeeper.put_credit_on("Prepayments", ahead["PrepaymentID"], remote, Decimal("1100.00"))
    sweep(connection, bell)
    gates.may_collect_unattended(Invoice.objects.get(pk=booked.pk))
    assert Snag.objects.get(closed_at__isnull=True).code == "settled_there"
    xero.bookkeeper.take_credit_off(used["AllocationID"])
    sweep(connection, bell)
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    assert gates.may_collect_unattended(Invoice.objects.get(pk=booked.pk)).verdict is Verdict.YES


def test_an_amount_that_nothing_explained_is_asked_about_no_longer_once_its_payment_is_taken_in(
    connection: Connection, xero: Any, bell: Any, booked: Invoice
) -> None:
    xero.bookkeeper.record_payment(Link.objects.get(invoice=booked).remote_id, Decimal("500.00"), reference="Bank 1")
    busy = lanes.take(connection.pk, "pull")
    gates.may_collect_unattended(Invoice.objects.get(pk=booked.pk))
    assert Snag.objects.get(closed_at__isnull=True).code == "settled_there"
    busy.give_back()
    sweep(connection, bell)
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    assert not Invoice.objects.get(pk=booked.pk).is_held


def test_retry_sends_again_after_the_name_was_changed(
    browser: Browser, firm: Any, connection: Connection, xero: Any, bell: Any
) -> None:
    xero.bookkeeper.add_contact({"Name": "Tern & Sons"})
    client = firm.client("Tern & Sons")
    _, (invoice,) = firm.agreement(client)
    bell.answer()
    snag = one_cause("name_taken")
    found = next(r for r in xero.dump()[f"{xero.tenant_id}:Contacts"].values() if r["Name"] == "Tern & Sons")
    xero.bookkeeper.edit_contact(found["ContactID"], {"Name": "Tern & Sons (old)"})
    press(browser, snag, "retry")
    bell.answer()
    assert Link.objects.get(invoice=invoice).exists_there
    everything_agrees(connection, bell, invoice, xero)


# What may not be pressed


@pytest.mark.parametrize("remedy", ["", "nonsense", "void_drop", "retry", "__class__"])
def test_a_remedy_the_cause_does_not_offer_changes_nothing(
    browser: Browser, booked: Invoice, edited: Snag, remedy: str
) -> None:
    words = press(browser, edited, remedy)
    assert words == "Nothing was changed: This cause does not offer that"
    edited.refresh_from_db()
    assert edited.closed_at is None


def test_a_remedy_pressed_twice_is_done_once(
    browser: Browser, connection: Connection, bell: Any, booked: Invoice, edited: Snag
) -> None:
    press(browser, edited, "accept_credit")
    press(browser, edited, "accept_credit")
    press(browser, edited, "put_back")
    assert CreditNote.objects.count() == 1
    edited.refresh_from_db()
    assert edited.remedy == "accept_credit"


def test_only_those_who_may_resolve_press_anything(firm: Any, booked: Invoice, edited: Snag) -> None:
    url = reverse(
        "ledger_remedy",
        kwargs={"practice": firm.practice.slug, "connection_id": edited.connection_id, "snag_id": edited.pk},
    )
    bob, charlie = Browser(), Browser()
    bob.force_login(factories.make_member(firm.practice, Membership.Role.PREPARER, name="Bob Reed"))
    charlie.force_login(factories.make_member(factories.make_practice(), Membership.Role.SYNC_ADMIN, name="Charlie"))
    assert bob.post(url, {"remedy": "put_back"}).status_code == 403
    assert charlie.post(url, {"remedy": "put_back"}).status_code == 404
    assert Snag.objects.get(pk=edited.pk).closed_at is None


def test_every_remedy_that_is_offered_can_be_done_and_every_one_that_can_be_done_is_offered() -> None:
    offered = {remedy.code for words in snags.WORDS.values() for remedy in words.remedies}
    assert offered - {"remap"} == set(remedies._DO)
