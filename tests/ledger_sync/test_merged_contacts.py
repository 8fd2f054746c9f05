"""A contact that the bookkeeper merged into another: everything of the client's goes to the one that stayed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import invoicing
from billing.models import Invoice
from ledger_sync import linking
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.pull import pulling
from ledger_sync.push import pushing
from practice.core import audit, clock
from practice.core.sandbox.faults import Fault
from practice.firm import clients
from tests.ledger_sync.money_back import in_agreement
from tests.ledger_sync.xero_books import There

pytestmark = pytest.mark.django_db(transaction=True)


def contact(invoice: Invoice) -> str:
    return str(Link.objects.get(client=invoice.client_id, gone_at=None).remote_id)


def other(firm: Any, bell: Any, name: str = "Larkspur Holdings Pty Ltd") -> Invoice:
    _, (invoice,) = firm.agreement(firm.client(name=name, billing_email="ap@holdings.example"), "P-0002")
    bell.answer()
    return invoice


def read(connection: Connection, bell: Any) -> None:
    clock.advance(minutes=1)
    pulling.pull(connection.pk, sweep=True)
    bell.answer()
    clock.advance(minutes=1)
    pulling.pull(connection.pk)
    bell.answer()


def test_a_merged_clients_next_invoice_goes_to_the_contact_that_stayed(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    survivor, loser = contact(other(firm, bell)), contact(booked)
    xero.bookkeeper.merge_contacts(loser, survivor)
    read(connection, bell)
    _, (second,) = firm.agreement(booked.client, "P-0003")
    bell.answer()
    (row,) = there.standing("Invoices", InvoiceNumber=second.number)
    assert row["_contact"] == survivor
    assert len([r for r in there.rows("Contacts") if r.get("ContactNumber") == f"CS-C{booked.client_id}"]) == 1
    assert linking.merged_away(connection, booked.client_id).remote_id == survivor
    booked.refresh_from_db()
    assert booked.hold_code == ""
    in_agreement(connection, bell, booked, second)


def test_a_contact_of_the_bookkeepers_that_stays_is_read_for_what_it_says(
    firm: Any, connection: Connection, xero: Any, booked: Invoice, bell: Any
) -> None:
    known = xero.bookkeeper.add_contact({"Name": "Larkspur & Daughters", "EmailAddress": "books@larkspur.example"})
    xero.bookkeeper.merge_contacts(contact(booked), known["ContactID"])
    read(connection, bell)
    booked.client.refresh_from_db()
    assert (booked.client.name, booked.client.billing_email) == ("Larkspur & Daughters", "books@larkspur.example")
    assert contact(booked) == known["ContactID"]
    with audit.cause(system="web", actor="Helen Marsh"):
        clients.update_client(client_id=booked.client_id, phone="02 5550 0199")
    in_agreement(connection, bell, booked)
    shown = xero.books(xero.tenant_id).get("Contacts", known["ContactID"])
    assert [p["PhoneNumber"] for p in shown["Phones"] if p["PhoneType"] == "DEFAULT"] == ["02 5550 0199"]


def test_what_was_refused_because_its_contact_was_merged_away_goes_out_once_we_know(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    survivor = contact(other(firm, bell))
    xero.bookkeeper.merge_contacts(contact(booked), survivor)
    _, (second,) = firm.agreement(booked.client, "P-0003")
    bell.answer()
    assert Link.objects.get(invoice=second, kind="invoice").parked_code == "refused"
    read(connection, bell)
    (row,) = there.standing("Invoices", InvoiceNumber=second.number)
    assert row["_contact"] == survivor
    assert not Snag.objects.filter(closed_at__isnull=True).exists()


def test_a_contact_that_was_made_unanswered_and_merged_before_we_found_it_is_not_made_again(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    xero.faults.order(Fault("response_lost", match="/Contacts", method="PUT"))
    _, (second,) = firm.agreement(firm.client(name="Second Pty Ltd", billing_email="b@second.example"), "P-0002")
    bell.answer()
    (made,) = [r for r in there.rows("Contacts") if r["Name"] == "Second Pty Ltd"]
    xero.bookkeeper.merge_contacts(made["ContactID"], contact(booked))
    for _ in range(6):
        clock.advance(minutes=3)
        pushing.ring_all()
        read(connection, bell)
    (row,) = there.standing("Invoices", InvoiceNumber=second.number)
    assert row["_contact"] == contact(booked)
    assert Decimal(row["AmountDue"]) == Decimal("1100.00")
    assert not Snag.objects.filter(closed_at__isnull=True).exists()


@pytest.mark.parametrize("waited", [70, 600], ids=["and-its-answer-came-again", "and-it-was-looked-for"])
def test_a_contact_that_was_made_unanswered_and_that_another_of_ours_was_merged_into_serves_both_clients(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any, waited: int
) -> None:
    xero.faults.order(Fault("response_lost", match="/Contacts", method="PUT"))
    _, (second,) = firm.agreement(firm.client(name="Second Pty Ltd", billing_email="b@second.example"), "P-0002")
    bell.answer()
    (made,) = [r["ContactID"] for r in there.rows("Contacts") if r["Name"] == "Second Pty Ltd"]
    xero.bookkeeper.merge_contacts(contact(booked), made)
    clock.advance(seconds=waited)
    pulling.pull(connection.pk, sweep=True)
    assert contact(booked) == made
    pushing.push(connection.pk)
    read(connection, bell)
    assert contact(second) == made
    assert linking.merged_away(connection, booked.client_id) == Link.objects.get(client=second.client_id)
    following = [firm.agreement(of.client, f"P-1{of.pk}")[1][0] for of in (booked, second)]
    bell.answer()
    for invoice in (second, *following):
        (row,) = there.standing("Invoices", InvoiceNumber=invoice.number)
        assert row["_contact"] == made
    in_agreement(connection, bell, booked, second, *following)
    invoicing.void_invoice(invoice_id=booked.pk, reason="billed in error")
    bell.answer()
    assert there.of(Link.objects.get(invoice=booked, kind="invoice"))["Status"] == "VOIDED"


def test_an_invoice_made_unanswered_is_found_although_its_contact_was_merged_since(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    survivor = contact(other(firm, bell))
    xero.faults.order(Fault("response_lost", match="/Invoices", method="PUT"))
    _, (second,) = firm.agreement(booked.client, "P-0003")
    bell.answer()
    xero.bookkeeper.merge_contacts(contact(booked), survivor)
    clock.advance(minutes=10)
    for _ in range(4):
        read(connection, bell)
        pushing.ring_all()
        bell.answer()
    assert Link.objects.get(invoice=second, kind="invoice").exists_there
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    assert len(there.standing("Invoices", InvoiceNumber=second.number)) == 1


def test_an_invoice_found_before_its_contacts_merge_was_known_asks_nobody_once_it_is(
    firm: Any, connection: Connection, xero: Any, there: There, booked: Invoice, bell: Any
) -> None:
    survivor = contact(other(firm, bell))
    xero.faults.order(Fault("response_lost", match="/Invoices", method="PUT"))
    _, (second,) = firm.agreement(booked.client, "P-0003")
    bell.answer()
    xero.bookkeeper.merge_contacts(contact(booked), survivor)
    clock.advance(minutes=10)
    pushing.push(connection.pk)
    assert Snag.objects.get(closed_at__isnull=True).code == "number_taken"
    read(connection, bell)
    clock.advance(minutes=1)
    pushing.ring_all()
    bell.answer()
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    in_agreement(connection, bell, second)
