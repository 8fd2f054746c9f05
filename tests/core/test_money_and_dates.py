"""Money shared to the cent and dates counted from their anchor."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.core import clock, dates, fields, money

cents = st.integers(-10_000_000, 10_000_000).map(lambda n: Decimal(n) / 100)


@given(cents, st.integers(1, 60))
def test_shares_add_up_to_the_cent_and_differ_by_one_cent_at_most(total: Decimal, parts: int) -> None:
    shares = money.split(total, parts)
    assert len(shares) == parts
    assert sum(shares) == total
    assert max(shares) - min(shares) <= money.CENT
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("parts", [0, -1])
def test_a_total_is_not_shared_among_nobody(parts: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        money.split(Decimal(10), parts)


@pytest.mark.parametrize(
    ("amount", "rounded"), [("0.005", "0.01"), ("-0.005", "-0.01"), ("1.0049", "1.00"), ("2.675", "2.68")]
)
def test_halves_go_away_from_zero(amount: str, rounded: str) -> None:
    assert money.to_cents(Decimal(amount)) == Decimal(rounded)


def test_tax_inside_and_on_top() -> None:
    assert money.tax_on(Decimal("99.99"), Decimal(20), inclusive=True) == Decimal("16.67")
    assert money.tax_on(Decimal("83.32"), Decimal(20), inclusive=False) == Decimal("16.66")


@given(cents)
def test_minor_units_go_there_and_back(amount: Decimal) -> None:
    assert money.from_minor_units(money.minor_units(amount)) == amount


def test_fractions_of_a_cent_are_not_sent_to_anybody() -> None:
    with pytest.raises(ValueError, match="fractions"):
        money.minor_units(Decimal("1.005"))


# Dates


def test_the_thirty_first_survives_february() -> None:
    days = [dates.nth(date(2027, 1, 31), dates.Unit.MONTH, 1, n) for n in range(5)]
    assert days == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31)]


@pytest.mark.parametrize(
    ("anchor", "unit", "every", "n", "expected"),
    [
        (date(2028, 2, 29), dates.Unit.YEAR, 1, 1, date(2029, 2, 28)),
        (date(2028, 2, 29), dates.Unit.YEAR, 1, 4, date(2032, 2, 29)),
        (date(2026, 11, 30), dates.Unit.QUARTER, 1, 1, date(2027, 2, 28)),
        (date(2026, 12, 31), dates.Unit.MONTH, 2, 1, date(2027, 2, 28)),
        (date(2026, 12, 28), dates.Unit.WEEK, 2, 1, date(2027, 1, 11)),
        (date(2026, 5, 5), dates.Unit.MONTH, 1, 0, date(2026, 5, 5)),
    ],
)
def test_the_nth_date(anchor: date, unit: dates.Unit, every: int, n: int, expected: date) -> None:
    assert dates.nth(anchor, unit, every, n) == expected


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(list(dates.Unit)), st.integers(1, 6))
def test_dates_of_a_rhythm_only_go_forward(anchor: date, unit: dates.Unit, every: int) -> None:
    days = [dates.nth(anchor, unit, every, n) for n in range(6)]
    assert days == sorted(set(days))


@pytest.mark.parametrize(("every", "n"), [(0, 1), (-1, 1), (1, -1)])
def test_a_rhythm_never_goes_back(every: int, n: int) -> None:
    with pytest.raises(ValueError, match="forward"):
        dates.nth(date(2026, 1, 1), dates.Unit.MONTH, every, n)


# The clock


def test_today_is_the_zones_own_day() -> None:
    with clock.at(datetime(2026, 11, 20, 14, 0, tzinfo=UTC)):
        assert clock.today("Australia/Sydney") == date(2026, 11, 21)
        assert clock.today("America/Chicago") == date(2026, 11, 20)


def test_a_fixed_clock_moves_on_while_it_waits_and_is_put_back() -> None:
    before = clock.now()
    with clock.at(datetime(2026, 11, 20, tzinfo=UTC)):
        clock.sleep(90)
        assert clock.now() == datetime(2026, 11, 20, 0, 1, 30, tzinfo=UTC)
    assert clock.now() >= before


def test_the_clock_takes_no_instant_without_a_zone() -> None:
    with pytest.raises(ValueError, match="aware"):
        clock.move(datetime(2026, 11, 20))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12),
        ("0", 0),
        ("", None),
        (None, None),
        ("-1", None),
        ("²", None),
        ("٣", None),
        ("1e3", None),
        ("9" * 99, None),
    ],
)
def test_a_number_in_an_address_is_plain_digits_and_not_endless(text: str | None, number: int | None) -> None:
    assert fields.whole_number(text) == number
