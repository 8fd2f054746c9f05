"""The desk's remedies on QuickBooks: pressed by a sync admin, and both books agree afterwards."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from billing.models import CreditNote, Invoice
from billing.standing import standing_of
from ledger_sync.asking import snags
from ledger_sync.connection import mapping
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.pull import pulling
from practice.core import clock

pytestmark = pytest.mark.django_db(transaction=True)


def sweep(connection: Connection, bell: Any) -> None:
    clock.advance(seconds=30)
    pulling.pull(connection.pk, sweep=True)
    bell.answer()


def cause(code: str) -> Snag:
    snag = Snag.objects.get(closed_at__isnull=True)
    assert snag.code == code
    return snag


def press(browser: Browser, snag: Snag, remedy: str, bell: Any) -> None:
    url = reverse(
        "ledger_remedy",
        kwargs={"practice": snag.practice.slug, "connection_id": snag.connection_id, "snag_id": snag.pk},
    )
    assert browser.post(url, {"remedy": remedy}).status_code == 302
    bell.answer()


def agrees(invoice: Invoice, there: Any, due: str) -> None:
    fresh = Invoice.objects.get(pk=invoice.pk)
    assert not fresh.is_held
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    assert not Link.objects.filter(owed_since__isnull=False).exists()
    assert Decimal(str(there.of(Link.objects.get(invoice=invoice))["Balance"])) == Decimal(due)
    if fresh.status == Invoice.Status.ISSUED:
        assert standing_of(fresh, clock.today("America/Chicago")).due == Decimal(due)


@pytest.fixture
def edited(booked: Invoice, connection: Connection, qbo: Any, there: Any, bell: Any) -> Snag:
    """The bookkeeper wrote 900 where the client was given 1,000."""
    row = there.of(Link.objects.get(invoice=booked))
    lines = [
        {**line, "Amount": 900, "SalesItemLineDetail": {**line["SalesItemLineDetail"], "UnitPrice": 900, "Qty": 1}}
        for line in row["Line"]
        if line["DetailType"] == "SalesItemLineDetail"
    ]
    qbo.bookkeeper.edit_invoice(row["Id"], {"Line": lines})
    sweep(connection, bell)
    return cause("document_changed")


@pytest.mark.parametrize(("remedy", "due"), [("put_back", "1000.00"), ("accept_credit", "900.00")])
def test_an_edited_invoice_ends_as_was_chosen(
    browser: Browser, connection: Connection, there: Any, bell: Any, booked: Invoice, edited: Snag, remedy: str,
    due: str,
) -> None:  # fmt: skip
    press(browser, edited, remedy, bell)
    agrees(booked, there, due)
    sweep(connection, bell)
    agrees(booked, there, due)


@pytest.mark.parametrize("remedy", ["void_rebill", "void_drop"])
def test_a_voided_invoice_is_voided_here_too(
    browser: Browser, connection: Connection, qbo: Any, there: Any, bell: Any, booked: Invoice, remedy: str
) -> None:
    qbo.bookkeeper.void_invoice(there.of(Link.objects.get(invoice=booked))["Id"])
    sweep(connection, bell)
    press(browser, cause("voided_there"), remedy, bell)
    assert Invoice.objects.get(pk=booked.pk).status == Invoice.Status.VOID
    sweep(connection, bell)
    agrees(booked, there, "0")


@pytest.mark.parametrize("ending", [("post_again", "0", 1), ("was_duplicate", "1000.00", 0)])
def test_stripes_money_that_was_removed_ends_as_was_chosen(
    browser: Browser, firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any, booked: Invoice,
    ending: tuple[str, str, int],
) -> None:  # fmt: skip
    remedy, due, payments = ending
    firm.paid_by_card(booked.client, "1000.00", (booked, "1000.00"))
    bell.answer()
    clock.advance(minutes=5)
    qbo.bookkeeper.delete_payment(Link.objects.get(kind="payment").remote_id)
    sweep(connection, bell)
    press(browser, cause("payment_removed"), remedy, bell)
    sweep(connection, bell)
    agrees(booked, there, due)
    live = [link for link in Link.objects.filter(kind="payment", gone_at__isnull=True) if link.remote_id]
    assert len(live) == payments


def test_an_account_brought_back_is_used_again_when_sent_again(
    browser: Browser, firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    qbo.bookkeeper.archive_account("Services")
    pulling.pull(connection.pk, references=True)
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    qbo.bookkeeper.restore_account("Services")
    clock.advance(seconds=20)
    press(browser, cause("account_archived"), "retry", bell)
    agrees(invoice, there, "1000.00")


def test_an_edit_in_quickbooks_that_was_accepted_is_told_in_peoples_words(
    browser: Browser, firm: Any, connection: Connection, bell: Any, booked: Invoice, edited: Snag
) -> None:
    assert snags.sentence(edited).endswith("was changed in QuickBooks")
    assert "QuickBooks does not say by whom." in snags.more(edited)
    press(browser, edited, "accept_credit", bell)
    note = CreditNote.objects.get()
    assert (note.number, note.words) == (f"{booked.number}-1", "Changed in QuickBooks")
    url = reverse("invoice", kwargs={"practice": firm.practice.slug, "pk": booked.pk})
    shown = browser.get(url).content.decode()
    assert "$100.00 credited: Changed in QuickBooks" in shown
    assert "edit" not in note.number
    assert "omebody" not in shown + snags.sentence(edited) + snags.more(edited)


@pytest.mark.parametrize(
    ("purpose", "suits", "does_not"),
    [
        ("sales", {"Services", "Interest Earned"}, {"Merchant fees", "Checking", "Accounts Receivable"}),
        ("clearing", {"Stripe clearing", "Checking"}, {"Services", "Undeposited Funds"}),
        ("fees", {"Merchant fees", "Subcontractors"}, {"Services", "Checking"}),
    ],
)
def test_only_accounts_that_suit_a_purpose_may_be_chosen(
    connection: Connection, purpose: str, suits: set[str], does_not: set[str]
) -> None:
    found = next(c for c in mapping.choices(connection) if c.place.purpose == purpose)
    names = {ref.name for ref in found.refs}
    assert suits <= names
    assert not names & does_not
    assert found.problem == ""
