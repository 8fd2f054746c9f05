"""Money that goes back on QuickBooks' bad days: whatever answer is lost, each entry is there once, or gone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import payments, refunding
from billing.models import Invoice, Payment
from ledger_sync import remedies
from ledger_sync.asking import snags
from ledger_sync.connection import connections
from ledger_sync.models import Call, Connection, Link, Snag
from ledger_sync.pull import pulling
from ledger_sync.push import pushing
from practice.core import audit, clock
from practice.core.sandbox.faults import Fault
from tests.ledger_sync.money_back import disputed, in_agreement, paid, reduce, stripe_says

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("stripe_answers_later")]
FAULTS = ("response_lost", "reset")


@pytest.fixture
def charge(firm: Any, booked: Invoice, there: Any, bell: Any) -> Payment:
    """1,050.00 by card for the invoice, of which 50.00 is the client's credit."""
    payment = paid(firm, booked, "1050.00", (booked, "1000.00"))
    bell.answer()
    clock.advance(days=2)
    return payment


@pytest.fixture
def opening(there: Any, booked: Invoice) -> dict[str, Any]:
    """What was there before any money."""
    kinds = ("RefundReceipt", "Purchase", "Deposit", "Payment")
    rows = {kind: {row["Id"] for row in there.rows(kind)} for kind in kinds}
    return {**rows, "clearing": there.balance("Stripe clearing"), "disputed": there.balance("Disputed payments")}


def fresh(there: Any, opening: dict[str, Any], kind: str) -> list[str]:
    return sorted(row["TotalAmt"] for row in there.rows(kind) if row["Id"] not in opening[kind])


def sweeps(bell: Any, times: int = 8) -> None:
    for _ in range(times):
        clock.advance(minutes=3)
        pushing.ring_all()
        bell.answer()
    assert not Call.objects.filter(closed_at__isnull=True).exists()


@pytest.mark.parametrize("fault", FAULTS)
def test_refunds_are_paid_out_once(
    connection: Connection, qbo: Any, there: Any, booked: Invoice, opening: Any, charge: Payment, bell: Any, fault: str
) -> None:
    qbo.faults.order(Fault(kind=fault, match="/batch", method="POST", times=3))
    stripe_says(reduce(charge, booked, "300.00"), "succeeded")
    unapplied = refunding.refund_unapplied(payment_id=charge.pk, amount=Decimal("50.00"), words="too much")
    stripe_says(unapplied, "succeeded")
    bell.answer()
    sweeps(bell)
    in_agreement(connection, bell, booked)
    assert fresh(there, opening, "RefundReceipt") == ["300.00"]
    assert fresh(there, opening, "Purchase") == ["50.00"]
    assert fresh(there, opening, "Payment") == ["1050.00"]
    assert there.balance("Stripe clearing") - opening["clearing"] == Decimal("700.00")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_refund_that_failed_is_deleted_once(
    connection: Connection, qbo: Any, there: Any, booked: Invoice, opening: Any, charge: Payment, bell: Any, fault: str
) -> None:
    refund = reduce(charge, booked, "300.00")
    stripe_says(refund, "succeeded")
    bell.answer()
    clock.advance(days=1)
    qbo.faults.order(Fault(kind=fault, match="refundreceipt", method="POST", times=1))
    stripe_says(refund, "failed")
    bell.answer()
    sweeps(bell)
    in_agreement(connection, bell, booked)
    assert fresh(there, opening, "RefundReceipt") == []
    assert there.one("CreditMemo", DocNumber=refund.credit.number)["Balance"] == "0.00"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_returned_debit_is_undone_and_shown_once(
    connection: Connection, qbo: Any, there: Any, booked: Invoice, opening: Any, charge: Payment, bell: Any, fault: str
) -> None:
    qbo.faults.order(Fault(kind=fault, match="/batch", method="POST", times=2))
    with audit.cause(system="stripe", actor="Stripe"):
        payments.return_payment(payment_id=charge.pk, reason="insufficient funds", now=clock.now())
    bell.answer()
    sweeps(bell)
    in_agreement(connection, bell, booked)
    assert fresh(there, opening, "Purchase") == ["1050.00"]
    assert there.of(Link.objects.get(payment=charge, role=""))["UnappliedAmt"] == "0.00"
    assert there.of(Link.objects.get(invoice=booked))["Balance"] == "1000.00"
    assert there.balance("Stripe clearing") == opening["clearing"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_dispute_is_booked_and_closed_once(
    connection: Connection, qbo: Any, there: Any, booked: Invoice, opening: Any, charge: Payment, bell: Any, fault: str
) -> None:
    for status in ("needs_response", "won"):
        qbo.faults.order(Fault(kind=fault, match="/batch", method="POST", times=1))
        disputed(charge, status)
        bell.answer()
        sweeps(bell)
    in_agreement(connection, bell, booked)
    assert (fresh(there, opening, "Purchase"), fresh(there, opening, "Deposit")) == (["1050.00"], ["1050.00"])
    assert there.balance("Disputed payments") == opening["disputed"]


def test_a_payment_that_lies_in_a_deposit_is_asked_about_and_a_new_invoice_can_ask_for_it(
    firm: Any, connection: Connection, qbo: Any, there: Any, booked: Invoice, bell: Any
) -> None:
    """QuickBooks 6540: what is in a deposit may not be changed."""
    payment = firm.paid_by_card(booked.client, "1000.00", (booked, "1000.00"))
    bell.answer()
    key = str(Link.objects.get(payment=payment, role="").remote_id)
    qbo.bookkeeper.edit_payment(key, {"DepositToAccountRef": {"value": there.account("Undeposited Funds")}})
    qbo.bookkeeper.deposit([key])
    clock.advance(days=2)
    with audit.cause(system="stripe", actor="Stripe"):
        payments.return_payment(payment_id=payment.pk, reason="insufficient funds", now=clock.now())
    bell.answer()
    sweeps(bell)
    snag = Snag.objects.get(closed_at__isnull=True, code="deposited")
    assert snags.sentence(snag) == f"{payment} lies in a deposit in QuickBooks"
    assert "Take it out of the deposit and send again, or ask for the money by a new invoice" in snags.more(snag)
    assert [remedy.code for remedy in snags.remedies(snag)] == ["replace", "retry"]
    assert "has been deposited" in snag.facts["said"]
    assert [line["LinkedTxn"][0]["TxnId"] for line in there.one("Payment", Id=key)["Line"]] == [
        Link.objects.get(invoice=booked).remote_id
    ]
    remedies.apply_remedy(snag_id=snag.pk, remedy="replace")
    clock.advance(seconds=5)
    sweeps(bell)
    assert str(payment.replacements.get().total) == "1000.00"
    assert [row["TotalAmt"] for row in there.rows("Payment") if row["Id"] == key] == ["1000.00"]
    assert not Snag.objects.filter(closed_at__isnull=True, code="deposited").exists()


def test_what_we_still_have_to_undo_there_is_not_taken_for_the_bookkeepers_doing(
    connection: Connection, qbo: Any, charge: Payment, booked: Invoice, bell: Any
) -> None:
    """A returned payment was put on its invoice again by reading the ledger before our change could be sent."""
    connections.pause(connection_id=connection.pk, reason="a look around")
    with audit.cause(system="stripe", actor="Stripe"):
        payments.return_payment(payment_id=charge.pk, reason="insufficient funds", now=clock.now())
    qbo.bookkeeper.edit_payment(str(Link.objects.get(payment=charge, role="").remote_id), {"TxnDate": "2026-11-19"})
    connections.resume(connection_id=connection.pk)
    Link.objects.filter(owed_since__isnull=False).update(ready_at=None)
    clock.advance(minutes=5)
    pulling.pull(connection.pk, sweep=True)
    assert not charge.allocations.filter(reversed_at__isnull=True).exists()
