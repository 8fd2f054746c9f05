"""What lines cost: amounts and tax per line, totals as the sum of lines. Pure arithmetic on decimals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from billing.models.agreements import PriceBasis
from practice.core.money import ZERO, tax_on, to_cents


@dataclass(frozen=True)
class Priced:
    """One line worked out: its amount in its own price basis, its tax, its net and its gross, all to the cent."""

    amount: Decimal
    tax: Decimal
    net: Decimal
    gross: Decimal


@dataclass(frozen=True)
class Totals:
    """The sum of lines that were each rounded: net + tax = gross, always."""

    net: Decimal
    tax: Decimal
    gross: Decimal


def price_line(quantity: Decimal, unit_price: Decimal, rate: Decimal, basis: str) -> Priced:
    """Work out one line: quantity × price to the cent, then tax on that, as both ledgers do."""
    inclusive = basis == PriceBasis.INCLUSIVE
    amount = to_cents(quantity * unit_price)
    tax = tax_on(amount, rate, inclusive=inclusive)
    net = amount - tax if inclusive else amount
    return Priced(amount=amount, tax=tax, net=net, gross=net + tax)


def add_up(lines: Iterable[Priced]) -> Totals:
    """The totals of a document."""
    net = tax = ZERO
    for line in lines:
        net += line.net
        tax += line.tax
    return Totals(net=net, tax=tax, gross=net + tax)
