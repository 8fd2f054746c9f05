"""A client's credit is put on another invoice out of what the ledger has of it: no money moves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from billing import payments, refunding
from billing.models import Invoice, Payment
from billing.standing import ChangedMeanwhile, unallocated
from ledger_sync.asking import snags
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.proof import proving
from ledger_sync.push import pushing
from practice.core import audit, clock
from practice.core.sandbox.faults import Fault
from tests.ledger_sync.money_back import in_agreement, paid, reduce, stripe_says
from tests.ledger_sync.xero_books import There

pytestmark = pytest.mark.django_db(transaction=True)
ZERO = Decimal("0.00")


@pytest.fixture
def both(firm: Any, connection: Connection, there: There, bell: Any) -> tuple[Invoice, Invoice]:
    """Two invoices of 1,100.00 to one client."""
    client = firm.client()
    invoices = [firm.agreement(client, reference=f"P-000{n}")[1][0] for n in (1, 2)]
    bell.answer()
    clock.advance(minutes=5)
    return invoices[0], invoices[1]


@pytest.fixture
def charge(firm: Any, both: tuple[Invoice, Invoice], bell: Any) -> Payment:
    """1,500.00 by card, of which 400.00 is the client's credit."""
    payment = paid(firm, both[0], "1500.00", (both[0], "1100.00"))
    bell.answer()
    clock.advance(days=2)
    return payment


def use(payment: Payment, invoice: Invoice, amount: str) -> None:
    with audit.cause(system="web", actor="Dana"):
        payments.use_credit(
            payment_id=payment.pk, invoice_id=invoice.pk, amount=Decimal(amount), seen=unallocated(payment)
        )
    clock.advance(seconds=5)


def due(there: There, invoice: Invoice) -> str:
    (row,) = there.standing("Invoices", InvoiceNumber=invoice.number)
    return str(row["AmountDue"])


def test_credit_that_is_there_is_allocated_and_no_day_of_the_bank_changes(
    connection: Connection, there: There, both: tuple[Invoice, Invoice], charge: Payment, bell: Any
) -> None:
    before = there.standing("BankTransactions")
    use(charge, both[1], "300.00")
    in_agreement(connection, bell, *both)
    assert due(there, both[1]) == "800.00"
    (over,) = there.standing("Overpayments")
    assert (over["Total"], over["RemainingCredit"]) == ("400.00", "100.00")
    assert there.standing("BankTransactions") == before
    assert len(there.standing("Payments", PaymentType="ACCRECPAYMENT")) == 1
    today = clock.today("Australia/Sydney")
    assert proving.posted_by(connection, today) == {("payment", charge.pk): Decimal("1500.00")}


def test_credit_that_is_not_there_yet_is_simply_a_payment(
    firm: Any, connection: Connection, there: There, both: tuple[Invoice, Invoice], bell: Any
) -> None:
    payment = paid(firm, both[0], "1500.00", (both[0], "1100.00"))
    use(payment, both[1], "400.00")
    in_agreement(connection, bell, *both)
    amounts = sorted(row["Amount"] for row in there.standing("Payments", PaymentType="ACCRECPAYMENT"))
    assert (amounts, there.standing("Overpayments")) == (["1100.00", "400.00"], [])


def test_a_payment_that_comes_back_frees_the_invoice_before_its_credit_ends(
    connection: Connection, there: There, both: tuple[Invoice, Invoice], charge: Payment, bell: Any
) -> None:
    use(charge, both[1], "300.00")
    bell.answer()
    with audit.cause(system="stripe", actor="Stripe"):
        payments.return_payment(payment_id=charge.pk, reason="insufficient funds", now=clock.now())
    clock.advance(seconds=5)
    in_agreement(connection, bell, *both)
    assert (due(there, both[0]), due(there, both[1])) == ("1100.00", "1100.00")
    assert (there.standing("Overpayments"), there.balance("Stripe clearing")) == ([], ZERO)


def test_an_allocation_nobody_answered_is_made_once(
    connection: Connection, xero: Any, there: There, both: tuple[Invoice, Invoice], charge: Payment, bell: Any
) -> None:
    xero.faults.order(Fault(kind="response_lost", match="Allocations", method="PUT", times=1))
    use(charge, both[1], "300.00")
    bell.answer()
    clock.advance(minutes=15)
    for _ in range(3):
        clock.advance(minutes=3)
        pushing.ring_all()
        bell.answer()
    in_agreement(connection, bell, *both)
    assert due(there, both[1]) == "800.00"


def test_what_is_left_of_used_credit_can_be_given_back_and_a_price_reduced(
    connection: Connection, there: There, both: tuple[Invoice, Invoice], charge: Payment, bell: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(refunding, "send_refund", lambda refund: refund)
    use(charge, both[1], "300.00")
    bell.answer()
    unapplied = refunding.refund_unapplied(payment_id=charge.pk, amount=Decimal("100.00"), words="too much")
    stripe_says(unapplied, "succeeded")
    stripe_says(reduce(charge, both[1], "110.00"), "succeeded")
    in_agreement(connection, bell, *both)
    assert [row["RemainingCredit"] for row in there.standing("Overpayments")] == ["0.00"]
    assert there.balance("Stripe clearing") == Decimal("1290.00")


def test_more_than_is_free_or_open_and_another_clients_invoice_are_refused(
    firm: Any, connection: Connection, both: tuple[Invoice, Invoice], charge: Payment
) -> None:
    _, (strange,) = firm.agreement(firm.client("Marigold Pty Ltd"), reference="P-0009")
    for invoice, amount in ((both[1], "400.01"), (both[0], "1.00"), (strange, "1.00"), (both[1], "0.00")):
        with pytest.raises(payments.PaymentRefused):
            use(charge, invoice, amount)
    with pytest.raises(ChangedMeanwhile):
        payments.use_credit(payment_id=charge.pk, invoice_id=both[1].pk, amount=Decimal(1), seen=Decimal("999.00"))
    assert charge.allocations.count() == 1
    assert not Link.objects.filter(kind="allocation", role="excess").exists()


def test_a_used_credit_whose_amount_changes_is_asked_about_and_says_what_to_press(
    connection: Connection, there: There, both: tuple[Invoice, Invoice], charge: Payment, bell: Any
) -> None:
    use(charge, both[1], "300.00")
    bell.answer()
    payments.reverse_allocation(
        allocation_id=charge.allocations.get(invoice=both[0]).pk, reason="another invoice", now=clock.now()
    )
    bell.answer()
    snag = Snag.objects.get(closed_at__isnull=True)
    assert snags.sentence(snag) == (
        f"The client's credit from {charge.reference} is used in Xero, so that its amount cannot change there"
    )
    assert "In Xero, take it off the invoice or refund it is used for; then press Send again" in snags.more(snag)
    assert [remedy.words for remedy in snags.remedies(snag)] == ["Send again"]
    assert [row["Total"] for row in there.standing("BankTransactions", Type="RECEIVE-OVERPAYMENT")] == ["400.00"]
