"""What people do about online payments: clients at the pay page, and staff who give money back or decide disputes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from random import Random

from billing import agreements, attempts, disputes, gateway, invoicing, methods, payments, refunding, standing
from billing.credits import CreditRefused
from billing.models import Attempt, Dispute, Invoice, Payment, PaymentMethod
from billing.stripe_accounts import account_of
from billing.stripe_facts import StripeError
from ledger_sync.faultmachine.plans import Act
from ledger_sync.faultmachine.stripe_world import Till
from ledger_sync.faultmachine.world import Books, Stage
from practice.core import audit, clock
from practice.core.money import ZERO
from practice.firm import clients
from practice.firm.models import Client, Entity, Practice, Service

Doing = Callable[[Stage, Till, Act, Random], None]
HERE = methods.Presence("203.0.113.5", "A browser")
#: Cards by what becomes of a charge, and bank accounts by what becomes of a debit, each with its country.
CARDS = ("pm_card_visa",) * 6 + (
    "pm_card_chargeCustomerFail", "pm_card_pendingRefund", "pm_card_refundFail", "pm_card_bypassPending",
)  # fmt: skip
DEBITS = {
    "AU": ("pm_auBecsDebit_success",) * 3 + ("pm_auBecsDebit_referToCustomer", "pm_auBecsDebit_dispute"),
    "US": ("pm_usBankAccount_success",) * 3 + ("pm_usBankAccount_insufficientFunds", "pm_usBankAccount_dispute"),
}
#: What the firm's rules, or Stripe, refuse; it is then not done.
REFUSED = (
    StripeError, clients.ClientRefused, attempts.PaymentUnderWay, attempts.NothingDue, invoicing.InvoiceCannotMove,
    payments.PaymentRefused, refunding.RefundRefused, CreditRefused, disputes.DisputeDecided,
    standing.ChangedMeanwhile,
)  # fmt: skip


def do(stage: Stage, act: Act) -> None:
    """Do one thing."""
    assert stage.till is not None, "the firm takes payments"
    with audit.cause(system="web", actor="Helen Marsh"):
        try:
            DOINGS[act.name](stage, stage.till, act, Random(f"act {act.nth} {act.name}"))
        except REFUSED:
            return


def _card_client(stage: Stage, till: Till, act: Act, chance: Random) -> None:
    books = stage.some_books(chance)
    _join(stage, till, act, books, chance.choice(CARDS), chance)


def _debit_client(stage: Stage, till: Till, act: Act, chance: Random) -> None:
    books = stage.some_books(chance)
    _join(stage, till, act, books, chance.choice(DEBITS[books.firm.country]), chance)


def _join(stage: Stage, till: Till, act: Act, books: Books, method: str, chance: Random) -> None:
    """A new client saves a method, if Stripe lets them, and signs: billed at once, or by the run of tomorrow."""
    client = clients.create_client(
        practice=Practice.objects.get(pk=stage.practice_id), name=f"Payer {act.nth} Pty Ltd",
        billing_email=f"payer{act.nth}@client.example", phone=f"02 5551 {act.nth:04}",
        country=books.firm.country, currency=books.firm.currency, payment_days=0,
    )  # fmt: skip
    for _ in range(3):
        # Whoever sees an error presses again.
        with suppress(StripeError):
            _save_method(till, books.entity_id, client, method)
            break
        clock.sleep(5)
    line = agreements.LineSpec(
        description="Bookkeeping", quantity=Decimal(1), unit_price=Decimal(chance.choice(("480", "333.33", "87.65"))),
        cadence="once", treatment="standard", service=Service.objects.get(pk=stage.service_id),
    )  # fmt: skip
    today = clock.today(books.firm.zone)
    spec = agreements.AgreementSpec(
        entity=Entity.objects.get(pk=books.entity_id), client=client, title="Bookkeeping", reference=f"P-{act.nth:04}",
        currency=books.firm.currency, price_basis="exclusive", lines=[line],
        starts_on=today + timedelta(days=chance.choice((0, 0, 1))), signed_by="Amélie Larkspur",
        signed_at=clock.now(), document_digest="0" * 64,
    )  # fmt: skip
    agreements.make_agreement(spec=spec, now=clock.now())


def _save_method(till: Till, entity_id: int, client: Client, method: str) -> None:
    intent = methods.start_setup(entity=Entity.objects.get(pk=entity_id), client=client, presence=HERE)
    till.confirm(entity_id, intent.client_secret, method)
    methods.take_setup(entity_id=entity_id, intent_ref=intent.ref)


def _bill_saved(stage: Stage, till: Till, act: Act, chance: Random) -> None:
    """One more bill, due today, for a client whose method is on file."""
    rows = list(PaymentMethod.objects.filter(removed_at__isnull=True).select_related("client", "entity").order_by("id"))
    if rows:
        method = chance.choice(rows)
        draft = invoicing.Draft(
            "Extra work", Decimal(1), Decimal(chance.randint(50, 900)), "standard", stage.service_id
        )
        invoicing.bill_once(
            entity=method.entity, client=method.client, drafts=[draft], on=clock.today(method.entity.time_zone),
            now=clock.now(),
        )  # fmt: skip


def _pay_online(stage: Stage, till: Till, act: Act, chance: Random) -> None:
    """A client opens the pay page, pays one bill by card, and comes back."""
    rows = Invoice.objects.filter(status=Invoice.Status.ISSUED).select_related("entity", "client").order_by("id")
    due = [(row, amount) for row in rows if (amount := _left(row)) > ZERO]
    if not due:
        return
    invoice, amount = chance.choice(due)
    started = attempts.start_on_session(
        entity=invoice.entity, client=invoice.client, shares=[(invoice, amount)], presence=HERE
    )
    if chance.random() < 0.15:
        return  # Looks at it and leaves.
    till.confirm(
        invoice.entity_id, started.client_secret, chance.choice(("pm_card_visa", "pm_card_chargeCustomerFail"))
    )
    attempt = Attempt.objects.get(pk=started.attempt.pk)
    facts = gateway.gateway_of(account_of(invoice.entity_id)).payment(attempt.intent_ref)
    attempts.apply_intent(attempt_id=attempt.pk, intent=facts, moment=clock.now())


def _left(invoice: Invoice) -> Decimal:
    stands = standing.standing_of(invoice, clock.today(invoice.entity.time_zone))
    return stands.due - stands.processing


def _new_card(stage: Stage, till: Till, act: Act, chance: Random) -> None:
    rows = list(PaymentMethod.objects.filter(removed_at__isnull=True).select_related("client").order_by("id"))
    if rows:
        method = chance.choice(rows)
        _save_method(till, method.entity_id, method.client, chance.choice(CARDS))


def _refund_price(stage: Stage, till: Till, act: Act, chance: Random) -> None:
    found = _paid_invoice(chance)
    if found is not None:
        payment, invoice, amount = found
        refunding.refund_price(payment_id=payment.pk, invoice_id=invoice.pk, amount=amount, words="fewer hours")


def _refund_method(stage: Stage, till: Till, act: Act, chance: Random) -> None:
    found = _paid_invoice(chance)
    if found is not None:
        payment, invoice, amount = found
        refunding.refund_method(payment_id=payment.pk, invoice_id=invoice.pk, amount=amount, words="by transfer")


def _paid_invoice(chance: Random) -> tuple[Payment, Invoice, Decimal] | None:
    """Some invoice that Stripe's money is on, and all of that or a part."""
    rows = Payment.objects.filter(source=Payment.Source.STRIPE, state=Payment.State.SUCCEEDED).order_by("id")
    used = [
        allocation
        for payment in rows
        for allocation in payment.allocations.filter(reversed_at__isnull=True).select_related("invoice").order_by("id")
    ]
    if not used:
        return None
    allocation = chance.choice(used)
    assert allocation.payment is not None
    part = allocation.amount if chance.random() < 0.5 else (allocation.amount / 3).quantize(Decimal("0.01"))
    return allocation.payment, allocation.invoice, part


def _refund_unapplied(stage: Stage, till: Till, act: Act, chance: Random) -> None:
    rows = Payment.objects.filter(source=Payment.Source.STRIPE, state=Payment.State.SUCCEEDED).order_by("id")
    free = [(payment, amount) for payment in rows if (amount := standing.unallocated(payment)) > ZERO]
    if free:
        payment, amount = chance.choice(free)
        refunding.refund_unapplied(payment_id=payment.pk, amount=amount, words="paid twice")


def _concede(stage: Stage, till: Till, act: Act, chance: Random) -> None:
    dispute = _lost_dispute(chance)
    if dispute is not None:
        disputes.concede(dispute_id=dispute.pk, words="conceded")


def _reopen(stage: Stage, till: Till, act: Act, chance: Random) -> None:
    dispute = _lost_dispute(chance)
    if dispute is not None:
        disputes.reopen(dispute_id=dispute.pk, reason="lost, still owed")


def _lost_dispute(chance: Random) -> Dispute | None:
    rows = Dispute.objects.filter(state=Dispute.State.LOST).select_related("payment").order_by("id")
    undecided = [row for row in rows if disputes.awaits_decision(row)]
    return chance.choice(undecided) if undecided else None


DOINGS: dict[str, Doing] = {
    "card_client": _card_client,
    "debit_client": _debit_client,
    "bill_saved": _bill_saved,
    "pay_online": _pay_online,
    "new_card": _new_card,
    "refund_price": _refund_price,
    "refund_method": _refund_method,
    "refund_unapplied": _refund_unapplied,
    "concede": _concede,
    "reopen": _reopen,
}
