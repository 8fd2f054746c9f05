"""What the fault machine found, each as a short story without the machine."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import invoicing, payments
from billing.models import Invoice, Payment
from billing.payments import Receipt
from billing.standing import standing_of
from ledger_sync import remedies
from ledger_sync.limits import budgets
from ledger_sync.models import Budget, Hint, Link, Snag
from ledger_sync.providers.xero import XeroLedger
from ledger_sync.pull import pulling
from ledger_sync.push import pushing
from practice.core import audit, clock, owed
from practice.core.owed import Urgency
from practice.core.sandbox.faults import Fault
from practice.firm import clients

pytestmark = pytest.mark.django_db(transaction=True)


def pull(connection: Any, bell: Any) -> None:
    clock.advance(seconds=30)
    pulling.pull(connection.pk, sweep=True)
    bell.answer()


def contact(xero: Any, invoice: Invoice) -> dict[str, Any]:
    link = Link.objects.get(client=invoice.client)
    return dict(xero.books(xero.tenant_id).get("Contacts", link.remote_id))


def change(invoice: Invoice, **facts: Any) -> None:
    with audit.cause(system="web", actor="Helen Marsh"):
        clients.update_client(client_id=invoice.client_id, **facts)


def pay(invoice: Invoice, reference: str = "Paid 1", amount: str = "1100.00") -> Payment:
    receipt = Receipt(
        source=Payment.Source.HAND, method="bank", amount=Decimal(amount), currency="AUD", reference=reference,
        state=Payment.State.SUCCEEDED, initiated_at=clock.now(), paid_on=clock.today("Australia/Sydney"),
    )  # fmt: skip
    return payments.record_payment(
        entity=invoice.entity,
        client=invoice.client,
        receipt=receipt,
        on_invoices=[(invoice, receipt.amount)],
        now=clock.now(),
    )


def test_an_update_leaves_alone_what_the_bookkeeper_edited_meanwhile(
    booked: Any, connection: Any, xero: Any, bell: Any
) -> None:
    xero.bookkeeper.edit_contact(contact(xero, booked)["ContactID"], {"EmailAddress": "books@larkspur.example"})
    change(booked, phone="02 5550 0199")
    bell.answer()
    assert contact(xero, booked)["EmailAddress"] == "books@larkspur.example"
    booked.client.refresh_from_db()
    assert booked.client.billing_email == "books@larkspur.example"
    assert booked.client.phone == "02 5550 0199"


def while_contacts_are_read(monkeypatch: Any, happens: Any) -> None:
    """Let something happen once, between the ledger's answer with the changed contacts and its being taken in."""
    changed, left = XeroLedger.changed, [happens]

    def read(ledger: Any, kind: str, *window: Any) -> Any:
        page = changed(ledger, kind, *window)
        if kind == "client" and left:
            clock.advance(seconds=1)
            left.pop()()
        return page

    monkeypatch.setattr(XeroLedger, "changed", read)


def test_what_was_read_before_our_change_was_sent_does_not_undo_it(
    booked: Any, connection: Any, xero: Any, bell: Any, monkeypatch: Any
) -> None:
    def send_a_change() -> None:
        change(booked, billing_email="new@larkspur.example")
        pushing.push(connection.pk)

    xero.bookkeeper.edit_contact(contact(xero, booked)["ContactID"], {"FirstName": "Amelia"})
    while_contacts_are_read(monkeypatch, send_a_change)
    clock.advance(seconds=30)
    pulling.pull(connection.pk, sweep=True)
    booked.client.refresh_from_db()
    assert booked.client.billing_email == contact(xero, booked)["EmailAddress"] == "new@larkspur.example"


def test_a_reader_that_lost_its_lease_takes_nothing_in(
    booked: Any, connection: Any, xero: Any, bell: Any, monkeypatch: Any
) -> None:
    def sleep_while_another_reads() -> None:
        clock.advance(seconds=100)
        xero.bookkeeper.edit_contact(contact(xero, booked)["ContactID"], {"EmailAddress": "second@larkspur.example"})
        pulling.pull(connection.pk, sweep=True)

    xero.bookkeeper.edit_contact(contact(xero, booked)["ContactID"], {"EmailAddress": "first@larkspur.example"})
    while_contacts_are_read(monkeypatch, sleep_while_another_reads)
    taken = []
    monkeypatch.setattr(clients, "update_client", _noting(clients.update_client, taken))
    clock.advance(seconds=30)
    pulling.pull(connection.pk, sweep=True)
    assert taken == ["second@larkspur.example"]


def _noting(update: Any, taken: list[str]) -> Any:
    def noted(**facts: Any) -> Any:
        taken.append(facts["billing_email"])
        return update(**facts)

    return noted


def test_an_update_answered_with_an_error_is_sent_again_unless_its_fields_are_there(
    booked: Any, connection: Any, xero: Any, bell: Any
) -> None:
    xero.faults.order(Fault("server_error", method="POST", match="Contacts"))
    change(booked, billing_email="new@larkspur.example")
    bell.answer()
    for _ in range(6):
        clock.advance(minutes=2)
        pushing.push(connection.pk)
    assert contact(xero, booked)["EmailAddress"] == "new@larkspur.example"
    assert not Link.objects.filter(owed_since__isnull=False).exists()


def test_keep_ours_sends_our_value(booked: Any, connection: Any, xero: Any, bell: Any) -> None:
    link = Link.objects.get(client=booked.client)
    xero.bookkeeper.edit_contact(link.remote_id, {"EmailAddress": "theirs@larkspur.example"})
    xero.faults.order(Fault("rate_limited", method="POST", retry_after=20))
    change(booked, billing_email="ours@larkspur.example")
    bell.answer()
    clock.advance(seconds=5)
    pulling.pull(connection.pk, sweep=True)
    snag = Snag.objects.get(code="both_changed")
    clock.advance(seconds=60)
    bell.answer()
    assert contact(xero, booked)["EmailAddress"] == "theirs@larkspur.example"
    remedies.apply_remedy(snag_id=snag.pk, remedy="keep_ours")
    bell.answer()
    assert contact(xero, booked)["EmailAddress"] == "ours@larkspur.example"


def test_a_bank_payment_on_a_paid_invoice_is_recorded_once_and_the_sweep_goes_on(
    booked: Any, connection: Any, xero: Any, bell: Any
) -> None:
    there = str(Link.objects.get(invoice=booked).remote_id)
    xero.bookkeeper.record_payment(there, Decimal("1100.00"), reference="Bank 1")
    pay(booked)
    bell.answer()
    pull(connection, bell)
    pull(connection, bell)
    theirs = Payment.objects.get(source=Payment.Source.LEDGER)
    assert theirs.state == Payment.State.SUCCEEDED
    assert not theirs.allocations.exists()
    clock.advance(minutes=3)
    xero.bookkeeper.delete_payment(Link.objects.get(payment=theirs).remote_id)
    pull(connection, bell)
    theirs.refresh_from_db()
    assert theirs.state == Payment.State.RETURNED


def test_a_payment_undone_before_its_invoice_arrived_owes_nothing(
    firm: Any, connection: Any, xero: Any, bell: Any
) -> None:
    _, (invoice,) = firm.agreement(firm.client())
    payment = pay(invoice)
    payments.return_payment(payment_id=payment.pk, reason="bounced", now=clock.now())
    invoicing.void_invoice(invoice_id=invoice.pk, reason="billed in error")
    bell.answer()
    assert not Link.objects.filter(owed_since__isnull=False).exists()
    assert not ours(xero)


def test_a_due_date_moved_before_we_knew_of_our_invoice_is_taken(
    firm: Any, connection: Any, xero: Any, bell: Any
) -> None:
    xero.faults.order(Fault("truncated", method="PUT", match="Invoices"))
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    row = next(
        r for r in xero.books(xero.tenant_id).table("Invoices").values() if r.get("InvoiceNumber") == invoice.number
    )
    clock.advance(seconds=5)
    xero.bookkeeper.edit_invoice(row["InvoiceID"], {"DueDate": "2026-12-20"})
    clock.advance(seconds=30)
    pulling.pull(connection.pk, sweep=True)
    clock.advance(seconds=150)
    pulling.pull(connection.pk, sweep=True)
    pushing.push(connection.pk)
    clock.advance(seconds=60)
    pulling.pull(connection.pk, sweep=True)
    bell.answer()
    invoice.refresh_from_db()
    assert str(invoice.due_on) == "2026-12-20"


def test_every_read_is_counted_and_a_new_cap_takes_effect_with_the_next_window(
    booked: Any, connection: Any, xero: Any
) -> None:
    clock.advance(minutes=2)
    pulling.pull(connection.pk, sweep=True, references=True)
    used = {name: spent for name, spent, _ in budgets.used(connection)}
    assert used["minute"] == 7
    row = Budget.objects.get(pk__endswith=":minute")
    Budget.objects.filter(pk=row.pk).update(cap=1, reserve=0)
    assert budgets.spend(connection, Urgency.NORMAL) is not None
    clock.advance(minutes=2)
    assert budgets.spend(connection, Urgency.NORMAL) is None


def test_a_new_payment_and_a_void_wait_until_what_was_undone_is_gone_there(
    booked: Any, connection: Any, xero: Any, bell: Any
) -> None:
    first = pay(booked)
    bell.answer()
    xero.faults.order(Fault("rate_limited", method="POST", match="Payments", retry_after=20))
    payments.return_payment(payment_id=first.pk, reason="bounced", now=clock.now())
    second = pay(booked, "Paid 2")
    bell.answer()
    clock.advance(seconds=60)
    pushing.push(connection.pk)
    bell.answer()
    assert {p["Status"] for p in ours(xero)} == {"DELETED", "AUTHORISED"}
    payments.return_payment(payment_id=second.pk, reason="bounced", now=clock.now())
    invoicing.void_invoice(invoice_id=booked.pk, reason="billed in error")
    bell.answer()
    pushing.push(connection.pk)
    assert not Link.objects.filter(owed_since__isnull=False).exists()
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    there = xero.books(xero.tenant_id).get("Invoices", Link.objects.get(invoice=booked).remote_id)
    assert there["Status"] == "VOIDED"


def test_a_bank_payment_on_an_invoice_we_do_not_know_to_be_there_is_read_again(
    firm: Any, connection: Any, xero: Any, bell: Any
) -> None:
    xero.faults.order(Fault("truncated", method="PUT", match="Invoices"))
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    row = next(
        r for r in xero.books(xero.tenant_id).table("Invoices").values() if r.get("InvoiceNumber") == invoice.number
    )
    xero.bookkeeper.record_payment(row["InvoiceID"], Decimal("550.00"), reference="Bank 1")
    pull(connection, bell)
    assert not Payment.objects.exists()
    clock.advance(minutes=6)
    pushing.push(connection.pk)
    clock.advance(minutes=3)
    pulling.pull(connection.pk)
    assert Payment.objects.get().amount == Decimal("550.00")


def test_an_amount_changed_before_we_knew_of_our_invoice_is_asked_about_once_and_holds_up_no_payment(
    firm: Any, connection: Any, xero: Any, bell: Any
) -> None:
    xero.faults.order(Fault("truncated", method="PUT", match="Invoices"))
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    table = xero.books(xero.tenant_id).table("Invoices")
    row = next(r for r in table.values() if r.get("InvoiceNumber") == invoice.number)
    clock.advance(seconds=5)
    xero.bookkeeper.edit_line(row["InvoiceID"], row["LineItems"][0]["LineItemID"], {"UnitAmount": 900})
    payment = pay(invoice, amount="500.00")
    clock.advance(minutes=10)
    pushing.push(connection.pk)
    assert Snag.objects.get(closed_at__isnull=True).code == "totals_differ"
    bell.answer()
    pull(connection, bell)
    cause = Snag.objects.get(closed_at__isnull=True)
    assert cause.code == "document_changed"
    assert [p["Amount"] for p in ours(xero)] == ["500.00"]
    remedies.apply_remedy(snag_id=cause.pk, remedy="accept_credit")
    bell.answer()
    pull(connection, bell)
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
    assert not Link.objects.filter(owed_since__isnull=False).exists()
    there = table[row["InvoiceID"]]
    due = standing_of(Invoice.objects.get(pk=invoice.pk), clock.today("Australia/Sydney")).due
    assert Decimal(str(there["AmountDue"])) == due
    assert payment.allocations.get().reversed_at is None


def test_an_invoice_voided_there_before_we_knew_of_it_is_asked_about(
    firm: Any, connection: Any, xero: Any, bell: Any
) -> None:
    xero.faults.order(Fault("server_error", method="PUT", match="Payments"))
    xero.faults.order(Fault("truncated", method="PUT", match="Invoices"))
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    row = next(
        r for r in xero.books(xero.tenant_id).table("Invoices").values() if r.get("InvoiceNumber") == invoice.number
    )
    clock.advance(minutes=4)
    xero.bookkeeper.void_invoice(row["InvoiceID"])
    clock.advance(minutes=4)
    pushing.push(connection.pk)
    bell.answer()
    pull(connection, bell)
    assert Snag.objects.get(closed_at__isnull=True).code == "voided_there"


def ours(xero: Any) -> list[dict[str, Any]]:
    return [p for p in xero.dump()[f"{xero.tenant_id}:Payments"].values() if p["Reference"].startswith("Paid")]


def test_an_excess_that_was_booked_without_an_answer_is_found_and_never_pulled_as_a_payment(
    booked: Invoice, connection: Any, xero: Any, bell: Any
) -> None:
    xero.faults.order(Fault("truncated", method="PUT", match="BankTransactions"))
    receipt = Receipt(
        source=Payment.Source.HAND, method="bank", amount=Decimal("1200.00"), currency="AUD", reference="Paid 1",
        state=Payment.State.SUCCEEDED, initiated_at=clock.now(), paid_on=clock.today("Australia/Sydney"),
    )  # fmt: skip
    payments.record_payment(
        entity=booked.entity, client=booked.client, receipt=receipt, on_invoices=[(booked, Decimal("1100.00"))],
        now=clock.now(),
    )  # fmt: skip
    bell.answer()
    link = Link.objects.get(kind="payment", role="excess")
    assert link.remote_id is None
    clock.advance(minutes=8)
    pushing.push(connection.pk)
    pull(connection, bell)
    link.refresh_from_db()
    assert link.remote_id
    assert not link.owes
    assert not Hint.objects.exists()


def test_an_issued_invoice_that_still_owes_is_not_sent_again_for_its_clients_new_address(
    booked: Invoice, connection: Any, xero: Any, bell: Any
) -> None:
    """A worker that lost its lease keeps the id it was given and leaves the link owing; then the client moved."""
    link = Link.objects.get(invoice=booked)
    xero.bookkeeper.record_payment(link.remote_id, Decimal("100.00"), reference="Bank 1")
    change(booked, billing_email="new@larkspur.example")
    owed.owe(Link.objects.filter(pk=link.pk))
    bell.answer()
    pushing.push(connection.pk)
    link.refresh_from_db()
    assert (link.owes, link.parked_code) == (False, "")
