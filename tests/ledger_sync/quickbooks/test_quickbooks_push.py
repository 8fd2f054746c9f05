"""What is agreed, paid, credited and paid out here is in QuickBooks seconds later, once, in order, to the cent."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing import credits as crediting
from billing import invoicing, payments
from billing.models import Allocation, BalanceTransaction, CreditNote, FeeDay, Payment, Payout
from ledger_sync.connection import mapping
from ledger_sync.models import Call, Connection, Link, Snag
from practice.core import audit, clock, events

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_defaults_leave_nothing_without_a_place(connection: Connection, there: Any) -> None:
    assert connection.state == Connection.State.LIVE
    assert mapping.missing(connection) == []
    chosen = {(m.purpose, m.treatment): m.target.name for m in connection.mappings.select_related("target")}
    assert chosen[("sales", "")] == "Services"
    assert chosen[("clearing", "")] == "Stripe clearing"
    assert chosen[("fees", "")] == "Merchant fees"
    assert chosen[("bank", "")] == "Checking"
    assert {chosen["tax", t] for t in ("standard", "zero", "exempt", "out_of_scope")} == {"NON"}
    assert chosen[("fee_tax", "")] == "NON"


def test_an_accepted_agreement_puts_customer_item_and_invoice_into_quickbooks(
    firm: Any, connection: Connection, there: Any, bell: Any
) -> None:
    client = firm.client(phone="+1 555 0100")
    _, (invoice,) = firm.agreement(client)
    bell.answer()
    link = Link.objects.get(invoice=invoice)
    assert (link.exists_there, link.owes) == (True, False)
    row = there.of(link)
    assert (row["DocNumber"], row["TotalAmt"], row["Balance"]) == (invoice.number, "1000.00", "1000.00")
    assert row["EmailStatus"] == "NotSet"
    assert row["DueDate"] == str(invoice.due_on)
    customer = there.of(Link.objects.get(client=client))
    assert (customer["DisplayName"], row["CustomerRef"]["value"]) == (client.name, customer["Id"])
    assert customer["PrimaryEmailAddr"]["Address"] == "ap@marigold.example"
    item = there.of(Link.objects.get(service=firm.service))
    assert (item["Name"], item["Sku"], item["IncomeAccountRef"]["value"]) == (
        "Bookkeeping",
        "BK",
        there.account("Services"),
    )
    assert row["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] == item["Id"]
    assert link.base_theirs["total"] == "1000.00" == str(invoice.total)
    assert not Call.objects.filter(closed_at__isnull=True).exists()
    assert Call.objects.count() == 3
    assert not Snag.objects.exists()


def test_a_second_agreement_of_the_same_client_makes_neither_customer_nor_item_again(
    firm: Any, booked: Any, there: Any, bell: Any
) -> None:
    before = (len(there.rows("Customer")), len(there.rows("Item")), len(there.rows("Invoice")))
    firm.agreement(booked.client, "P-0002")
    bell.answer()
    after = (len(there.rows("Customer")), len(there.rows("Item")), len(there.rows("Invoice")))
    assert after == (before[0], before[1], before[2] + 1)


def test_a_card_payment_lies_gross_in_stripe_clearing(firm: Any, booked: Any, there: Any, bell: Any) -> None:
    clearing = there.balance("Stripe clearing")
    payment = firm.paid_by_card(booked.client, "1000.00", (booked, "1000.00"))
    bell.answer()
    row = there.of(Link.objects.get(payment=payment))
    assert row["DepositToAccountRef"]["value"] == there.account("Stripe clearing")
    assert (row["TotalAmt"], row["UnappliedAmt"]) == ("1000.00", "0.00")
    assert row["PaymentRefNum"] == payment.reference[:21]
    assert there.of(Link.objects.get(invoice=booked))["Balance"] == "0.00"
    assert there.balance("Stripe clearing") - clearing == Decimal("1000.00")
    assert not Link.objects.filter(owed_since__isnull=False).exists()


def test_one_payment_on_three_invoices_with_money_left_over(
    firm: Any, connection: Connection, there: Any, bell: Any
) -> None:
    client = firm.client()
    invoices = [firm.agreement(client, f"P-000{n}")[1][0] for n in (1, 2)]
    payment = firm.paid_by_card(client, "2050.00", *[(invoice, "1000.00") for invoice in invoices])
    bell.answer()
    row = there.of(Link.objects.get(payment=payment))
    assert (row["TotalAmt"], row["UnappliedAmt"], len(row["Line"])) == ("2050.00", "50.00", 2)
    assert len([r for r in there.rows("Payment") if r["CustomerRef"] == row["CustomerRef"]]) == 1


def test_a_payment_moved_to_another_invoice_is_sent_with_all_its_lines(
    firm: Any, booked: Any, there: Any, bell: Any
) -> None:
    _, (other,) = firm.agreement(booked.client, "P-0002")
    payment = firm.paid_by_card(booked.client, "1000.00", (booked, "1000.00"))
    bell.answer()
    with audit.cause(system="web", actor="Dana"):
        payments.reverse_allocation(allocation_id=payment.allocations.get().pk, reason="wrong invoice", now=clock.now())
        payments.allocate(payment_id=payment.pk, invoice_id=other.pk, amount=Decimal("1000.00"), now=clock.now())
    clock.advance(seconds=10)
    bell.answer()
    assert there.of(Link.objects.get(invoice=booked))["Balance"] == "1000.00"
    assert there.of(Link.objects.get(invoice=other))["Balance"] == "0.00"


def test_a_voided_invoice_is_void_there_and_keeps_its_number(booked: Any, there: Any, bell: Any) -> None:
    with audit.cause(system="web", actor="Dana"):
        invoicing.void_invoice(invoice_id=booked.pk, reason="billed twice")
    bell.answer()
    row = there.one("Invoice", DocNumber=booked.number)
    assert (row["TotalAmt"], row["PrivateNote"]) == ("0.00", "Voided")
    assert not Link.objects.get(invoice=booked).owes


def test_two_voids_at_once_are_two_calls(firm: Any, booked: Any, there: Any, bell: Any) -> None:
    _, (other,) = firm.agreement(booked.client, "P-0002")
    bell.answer()
    with audit.cause(system="web", actor="Dana"):
        for invoice in (booked, other):
            invoicing.void_invoice(invoice_id=invoice.pk, reason="billed twice")
    bell.answer()
    assert [there.one("Invoice", DocNumber=i.number)["TotalAmt"] for i in (booked, other)] == ["0.00", "0.00"]


def test_a_credit_note_is_a_credit_memo_put_on_its_invoice_by_a_payment_of_nothing(
    firm: Any, booked: Any, there: Any, bell: Any
) -> None:
    line = crediting.CreditLine("Goodwill", Decimal(1), Decimal("200"), "standard", Decimal(0), firm.service.pk)
    with audit.cause(system="web", actor="Dana"):
        note = crediting.credit_invoice(
            invoice_id=booked.pk, lines=[line], reason=CreditNote.Reason.values[0], words="goodwill",
            on=date(2026, 11, 20), now=clock.now(),
        )  # fmt: skip
    bell.answer()
    memo = there.of(Link.objects.get(credit=note))
    assert (memo["DocNumber"], memo["TotalAmt"], memo["RemainingCredit"]) == (note.number, "200.00", "0.00")
    link = Link.objects.get(allocation=Allocation.objects.get(credit=note))
    applied = there.of(link)
    assert (applied["TotalAmt"], {x["LinkedTxn"][0]["TxnType"] for x in applied["Line"]}) == (
        "0.00",
        {"Invoice", "CreditMemo"},
    )
    assert there.of(Link.objects.get(invoice=booked))["Balance"] == "800.00"


def test_a_payout_is_a_transfer_and_a_days_fees_one_expense(firm: Any, booked: Any, there: Any, bell: Any) -> None:
    clearing, bank = there.balance("Stripe clearing"), there.balance("Checking")
    now = clock.now()
    firm.paid_by_card(booked.client, "1000.00", (booked, "1000.00"))
    day = FeeDay.objects.create(
        practice=firm.practice, entity=firm.entity, on=date(2026, 11, 20), currency="USD", amount=Decimal("29.30"),
        tax=Decimal(0), closed_at=now,
    )  # fmt: skip
    BalanceTransaction.objects.create(**movement(firm, day, now))
    payout = Payout.objects.create(
        practice=firm.practice, entity=firm.entity, payout_ref="po_1", state=Payout.State.ARRIVED,
        amount=Decimal("970.70"), currency="USD", reference="STRIPE PAYOUT 1", made_at=now, arrives_on=date(2026, 11, 20),
    )  # fmt: skip
    from django.db import transaction

    with audit.cause(system="stripe", actor="Stripe"), transaction.atomic():
        events.record("billing.fees.booked", day)
        events.record("billing.payout.arrived", payout)
    bell.answer()
    fee = there.of(Link.objects.get(fee_day=day))
    assert (fee["TotalAmt"], fee["AccountRef"]["value"]) == ("29.30", there.account("Stripe clearing"))
    move = there.of(Link.objects.get(payout=payout))
    assert (move["Amount"], move["TxnDate"], move["PrivateNote"]) == ("970.70", "2026-11-20", "STRIPE PAYOUT 1")
    assert there.balance("Stripe clearing") == clearing
    assert there.balance("Checking") - bank == Decimal("970.70")


def movement(firm: Any, day: FeeDay, now: Any) -> dict[str, Any]:
    known = {f.name for f in BalanceTransaction._meta.get_fields()}
    facts = {
        "practice": firm.practice, "entity": firm.entity, "movement_ref": "txn_1", "source_ref": "ch_1",
        "category": "charge", "amount": Decimal("1000.00"), "fee": Decimal("29.30"), "net": Decimal("970.70"),
        "currency": "USD", "made_at": now, "available_on": date(2026, 11, 20), "on": date(2026, 11, 20),
        "fee_day": day, "available_at": now,
    }  # fmt: skip
    return {name: value for name, value in facts.items() if name in known}


def test_changes_of_a_client_go_out_sparse_and_leave_the_bookkeepers_notes(
    firm: Any, booked: Any, qbo: Any, there: Any, bell: Any
) -> None:
    from practice.firm import clients

    link = Link.objects.get(client=booked.client)
    notes = f"Prefers checks. Countersign CS-C{booked.client.pk}"
    qbo.bookkeeper.edit_customer(link.remote_id, {"Notes": notes})
    with audit.cause(system="web", actor="Dana"):
        clients.update_client(client_id=booked.client.pk, phone="+1 555 0199")
    bell.answer()
    row = there.of(link)
    assert row["PrimaryPhone"]["FreeFormNumber"] == "+1 555 0199"
    assert row["Notes"] == notes


def test_books_closed_in_quickbooks_are_honoured_before_the_call(
    firm: Any, connection: Connection, qbo: Any, there: Any, bell: Any
) -> None:
    from ledger_sync.pull import pulling

    qbo.bookkeeper.close_books("2026-11-30")
    pulling.pull(connection.pk, references=True)
    calls = Call.objects.filter(operation__startswith="qbo.invoice").count()
    firm.agreement(firm.client())
    bell.answer()
    assert Snag.objects.get().code == "locked"
    assert Call.objects.filter(operation__startswith="qbo.invoice").count() == calls


def test_books_closed_since_we_last_read_refuse_and_park_only_that_document(
    firm: Any, connection: Connection, qbo: Any, bell: Any
) -> None:
    qbo.bookkeeper.close_books("2026-11-30")
    _, (invoice,) = firm.agreement(firm.client())
    bell.answer()
    link = Link.objects.get(invoice=invoice)
    assert (link.parked_code, link.exists_there) == ("locked", False)
    assert Link.objects.get(client=invoice.client).exists_there


def test_payments_of_ours_come_back_in_a_sweep_and_change_nothing(
    firm: Any, booked: Any, connection: Connection, bell: Any
) -> None:
    from ledger_sync.pull import pulling

    firm.paid_by_card(booked.client, "400.00", (booked, "400.00"))
    bell.answer()
    calls = Call.objects.count()
    clock.advance(minutes=3)
    pulling.pull(connection.pk, sweep=True)
    bell.answer()
    assert Payment.objects.count() == 1
    assert Call.objects.count() == calls
    assert not Snag.objects.filter(closed_at__isnull=True).exists()
