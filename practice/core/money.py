"""Money: decimals to the cent, one rounding, one way to share a remainder, one way to write an amount."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from babel.numbers import format_currency
from django.db.models import F, QuerySet
from django.db.models.functions import Round
from django.db.models.lookups import Exact

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


def to_cents(amount: Decimal) -> Decimal:
    """Round to two places, half away from zero: the one rounding of the house, and Xero's."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def split(total: Decimal, parts: int) -> list[Decimal]:
    """Share a total out to the cent, so that the shares always add back up to it."""
    if parts < 1:
        raise ValueError("a total is shared among at least one part")
    cents = int(to_cents(total) / CENT)
    base, extra = divmod(cents, parts)
    return [CENT * (base + (i < extra)) for i in range(parts)]


def percent(amount: Decimal, rate: Decimal) -> Decimal:
    """A percentage of an amount, to the cent (``percent(200, 10)`` is 20.00)."""
    return to_cents(amount * rate / 100)


def tax_on(amount: Decimal, rate: Decimal, *, inclusive: bool) -> Decimal:
    """The tax on one line, to the cent: on top of a net amount, or inside a gross one.

    Both ledgers tax line by line and add up the rounded lines (Xero: 79 of 79 recorded invoices; QuickBooks: Intuit).
    """
    return to_cents(amount * rate / (100 + rate)) if inclusive else percent(amount, rate)


def adds_up(*parts: str, total: str) -> Exact:
    """A condition for a constraint: some money columns add up to another, in whole cents.

    SQLite keeps decimals as floating point, where 0.05 + 0.01 is not 0.06; rounded to whole cents it is.
    """
    whole = F(parts[0])
    for part in parts[1:]:
        whole = whole + F(part)  # type: ignore[assignment]
    return Exact(Round(F(total) * 100), Round(whole * 100))


def total(rows: QuerySet[Any], field: str) -> Decimal:
    """Add up a money column exactly. SQLite sums in floating point, so the adding is done here."""
    return sum((value for value in rows.values_list(field, flat=True) if value is not None), ZERO)


def in_words(amount: Decimal, currency: str, locale: str = "en_AU") -> str:
    """An amount as people of a locale write it, always with its cents and currency ("$1,450.00", "−$20.00")."""
    text = format_currency(abs(amount), currency, locale=locale)
    return f"−{text}" if amount < 0 else text


def plain(value: Decimal) -> str:
    """A number without needless zeros, as quantities are written: "6", "1.5", "1000"."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def minor_units(amount: Decimal) -> int:
    """An amount in cents, as Stripe counts money. Raises ValueError for fractions of a cent."""
    if amount != to_cents(amount):
        raise ValueError(f"{amount} has fractions of a cent")
    return int(to_cents(amount) / CENT)


def from_minor_units(cents: int) -> Decimal:
    """Cents as an amount."""
    return (Decimal(cents) / 100).quantize(CENT)
