"""What people at the firm and its clients do, through the same actions that pages call."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from random import Random

from billing import agreements, invoicing, payments
from billing.models import Invoice, Payment
from billing.payments import Receipt
from ledger_sync.faultmachine import credit_people, picking
from ledger_sync.faultmachine.plans import Act
from ledger_sync.faultmachine.world import Stage
from practice.core import audit, clock
from practice.core.money import ZERO
from practice.firm import clients
from practice.firm.models import Entity, Practice, Service

#: How prices may be given, by country: sales tax is never included in one.
_BASES = {"AU": ("exclusive", "inclusive"), "US": ("exclusive",)}
Doing = Callable[[Stage, Act, Random], None]


def do(stage: Stage, act: Act) -> None:
    """Do one thing; what the firm's own rules refuse is not done."""
    with audit.cause(system="web", actor="Helen Marsh"):
        try:
            DOINGS[act.name](stage, act, Random(f"act {act.nth} {act.name}"))
        except (clients.ClientRefused, invoicing.InvoiceCannotMove, payments.PaymentRefused, *credit_people.REFUSALS):
            return


def _agree(stage: Stage, act: Act, chance: Random) -> None:
    """A new client; then their agreement is accepted, which issues its first invoice."""
    books = stage.some_books(chance)
    client = clients.create_client(
        practice=Practice.objects.get(pk=stage.practice_id), name=f"Client {act.nth:02} Pty Ltd",
        billing_email=f"ap{act.nth}@client.example", phone=f"02 5550 {act.nth:04}",
        country=books.firm.country, currency=books.firm.currency,
    )  # fmt: skip
    line = agreements.LineSpec(
        description="Bookkeeping", quantity=Decimal(chance.choice((1, 2, 3))),
        unit_price=Decimal(chance.choice(("1000", "333.33", "87.65"))), cadence="once", treatment="standard",
        service=Service.objects.get(pk=stage.service_id),
    )  # fmt: skip
    spec = agreements.AgreementSpec(
        entity=Entity.objects.get(pk=books.entity_id), client=client, title="Bookkeeping", reference=f"P-{act.nth:04}",
        currency=books.firm.currency, price_basis=chance.choice(_BASES[books.firm.country]), lines=[line],
        starts_on=clock.today(books.firm.zone), signed_by="Amélie Larkspur", signed_at=clock.now(),
        document_digest="0" * 64,
    )  # fmt: skip
    agreements.make_agreement(spec=spec, now=clock.now())


def _bill(stage: Stage, act: Act, chance: Random) -> None:
    client = picking.client(chance)
    if client is None:
        return
    drafts = [
        invoicing.Draft(f"Extra work {n}", Decimal(1), Decimal(chance.randint(50, 900)), "standard", stage.service_id)
        for n in range(chance.choice((1, 2)))
    ]
    books = stage.books_in(client.currency)
    entity, today = Entity.objects.get(pk=books.entity_id), clock.today(books.firm.zone)
    invoicing.bill_once(entity=entity, client=client, drafts=drafts, on=today, now=clock.now())


def _pay(stage: Stage, act: Act, chance: Random) -> None:
    invoice = picking.open_invoice(chance)
    if invoice is not None:
        due = picking.due_on(invoice)
        half = max((due / 2).quantize(Decimal("0.01")), Decimal("0.01"))
        _record(stage, act, chance, [(invoice, due if chance.random() < 0.4 else half)])


def _pay_two(stage: Stage, act: Act, chance: Random) -> None:
    """One payment on all open invoices of a client."""
    first = picking.open_invoice(chance)
    if first is not None:
        rows = Invoice.objects.filter(client=first.client, status=Invoice.Status.ISSUED).order_by("id")
        owed = [(invoice, picking.due_on(invoice)) for invoice in rows]
        _record(stage, act, chance, [(invoice, due) for invoice, due in owed if due > ZERO])


def _record(stage: Stage, act: Act, chance: Random, shares: list[tuple[Invoice, Decimal]]) -> None:
    source = chance.choice((Payment.Source.STRIPE, Payment.Source.HAND))
    invoice = shares[0][0]
    if stage.till is not None:
        # Where Stripe is played, its money comes from there.
        source = Payment.Source.HAND
    receipt = Receipt(
        source=source, method="card" if source == Payment.Source.STRIPE else "bank",
        amount=sum((amount for _, amount in shares), ZERO), currency=invoice.currency, reference=f"Paid {act.nth:02}",
        state=Payment.State.SUCCEEDED, initiated_at=clock.now(), paid_on=clock.today(invoice.entity.time_zone),
        charge_ref=f"ch_{act.nth}" if source == Payment.Source.STRIPE else "",
    )  # fmt: skip
    payments.record_payment(
        entity=invoice.entity, client=invoice.client, receipt=receipt, on_invoices=shares, now=clock.now()
    )


def _return_payment(stage: Stage, act: Act, chance: Random) -> None:
    rows = Payment.objects.filter(state=Payment.State.SUCCEEDED).exclude(source=Payment.Source.LEDGER).order_by("id")
    if stage.till is not None:
        rows = rows.exclude(source=Payment.Source.STRIPE)
    if rows:
        payments.return_payment(payment_id=chance.choice(list(rows)).pk, reason="bounced", now=clock.now())


def _void(stage: Stage, act: Act, chance: Random) -> None:
    rows = list(Invoice.objects.filter(status=Invoice.Status.ISSUED).order_by("id"))
    if rows:
        invoicing.void_invoice(invoice_id=chance.choice(rows).pk, reason="billed in error")


def _change_email(stage: Stage, act: Act, chance: Random) -> None:
    client = picking.client(chance)
    if client is not None:
        clients.update_client(client_id=client.pk, billing_email=f"new{act.nth}@client.example")


def _change_phone(stage: Stage, act: Act, chance: Random) -> None:
    client = picking.client(chance)
    if client is not None:
        clients.update_client(client_id=client.pk, phone=f"02 5551 {act.nth:04}")


DOINGS: dict[str, Doing] = {
    "agree": _agree,
    "bill": _bill,
    "pay": _pay,
    "pay_two": _pay_two,
    "return_payment": _return_payment,
    "void": _void,
    "change_email": _change_email,
    "change_phone": _change_phone,
    **credit_people.DOINGS,
}
