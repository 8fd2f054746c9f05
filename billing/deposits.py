"""Deposits, by the kind the entity's tax regime asks for (docs/accounting.md).

*Part payment* (Australia and New Zealand on invoice basis): all tax falls due with the first invoice or payment, so
there is one invoice for the full price, in instalments. *Upfront fee* (United States, cash basis): the deposit is
earned when billed, on an ordinary invoice of its own; the final bill is less by it.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from billing import invoicing
from billing.models import Charge, Engagement, Instalment, Invoice, ScheduleRule
from practice.core import money
from practice.firm.models import Entity
from practice.firm.models.practices import rates_at


class DepositTooLarge(ValueError):
    """The deposit is more than the work it is taken off."""


def bill_deposit(*, engagement: Engagement, deposit: Decimal, on: date, now: datetime) -> list[Invoice]:
    """Bill the deposit of a new agreement. ``deposit`` includes tax, in the agreement's currency.

    Raises DepositTooLarge when it is not less than the work billed on completion.
    """
    charges = list(
        Charge.objects.filter(
            engagement=engagement, line__rule__kind=ScheduleRule.Kind.COMPLETION, kind=Charge.Kind.SERVICE
        ).select_related("line")
    )
    total = invoicing.gross_of(engagement, charges, on)
    if not charges or deposit >= total:
        work = money.in_words(total, engagement.currency, engagement.entity.locale)
        raise DepositTooLarge(f"The deposit must be less than the work it is taken off ({work})")
    if engagement.entity.deposit_kind == Entity.DepositKind.PART_PAYMENT:
        return [_full_invoice_in_instalments(engagement, charges, deposit, on, now)]
    return [_upfront_fee(engagement, charges, deposit, on, now)]


def _full_invoice_in_instalments(
    engagement: Engagement, charges: list[Charge], deposit: Decimal, on: date, now: datetime
) -> Invoice:
    last = max(engagement.expected_completion_on or on, on)
    for charge in charges:
        charge.due_on = on
        charge.save(update_fields=["due_on"])
    invoice = invoicing.bill_charges(engagement=engagement, charges=charges, on=on, now=now, due_on=last)
    Instalment.objects.create(invoice=invoice, position=1, what="Deposit", due_on=on, amount=deposit)
    Instalment.objects.create(invoice=invoice, position=2, what="Balance", due_on=last, amount=invoice.total - deposit)
    return invoice


def _upfront_fee(engagement: Engagement, charges: list[Charge], deposit: Decimal, on: date, now: datetime) -> Invoice:
    """Bill the fee now, and plan the line that takes it off the final bill, on the largest charge it belongs to."""
    main = max(charges, key=lambda c: c.quantity * c.unit_price)
    rate = rates_at(engagement.entity, on)[invoicing.treatment_for(engagement.client, main.line.treatment)]
    net = money.to_cents(deposit * 100 / (100 + rate))
    fee = _extra(main, Charge.Kind.UPFRONT, f"Upfront fee: {main.description}", net, on)
    less = _extra(main, Charge.Kind.LESS_UPFRONT, f"Less upfront fee billed on {on:%d %b %Y}", -net, None)
    fee.save()
    less.save()
    return invoicing.bill_charges(engagement=engagement, charges=[fee], on=on, now=now, due_on=on)


def _extra(main: Charge, kind: str, description: str, unit_price: Decimal, due: date | None) -> Charge:
    return Charge(
        engagement=main.engagement,
        line=main.line,
        kind=kind,
        nth=0,
        due_on=due,
        description=description[:300],
        quantity=Decimal(1),
        unit_price=unit_price,
    )
