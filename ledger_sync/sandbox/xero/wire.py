"""Xero's JSON: dates in milliseconds, money with two places, no nulls; and the way in, where Xero takes more forms.

Rows are kept with Xero's own field names, numbers as decimal text and dates as ISO text. :func:`encode` turns a row
into the wire form by the name of each field. Fields whose name begins with an underscore stay inside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import lru_cache
from json.encoder import encode_basestring as _quote
from typing import Any

Row = dict[str, Any]

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
#: Days that .NET, which Xero is written in, can hold; the last ones leave room for payment terms.
FIRST_DAY, LAST_DAY = "0001-01-01", "9990-12-31"
#: A number has less than so many digits before the point; limit ``number_digits`` may be lower.
WIDEST = 16
#: A decimal of .NET has at most so many digits.
DIGITS = 28
#: Wide enough for any product of two amounts that are let in.
_EXACT = Context(prec=120)
ZERO_ID = "00000000-0000-0000-0000-000000000000"

NUMBERS = frozenset(
    "Amount AmountCredited AmountDue AmountPaid AppliedAmount BankAmount CurrencyRate Discount DiscountAmount "
    "DiscountRate DisplayTaxRate EffectiveRate LineAmount Outstanding Overdue Quantity QuantityOnHand Rate "
    "RemainingCredit SubTotal TaxAmount Total TotalAmount TotalDiscount TotalTax UnitAmount UnitPrice".split()
)
DATES = frozenset(
    "Date DueDate EndDate EndOfYearLockDate ExpectedPaymentDate FullyPaidOnDate NextScheduledDate PeriodLockDate "
    "PlannedPaymentDate StartDate".split()
)
INSTANTS = frozenset("CreatedDateUTC DateTimeUTC DateUTC UpdatedDateUTC".split())
_DAY_ZERO = date(1970, 1, 1).toordinal()
_MS_DATE = re.compile(r"/Date\((-?\d+)([+-]\d{4})?\)/")
#: Characters that XML cannot hold.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def encode(row: Row) -> str:
    """Write a row as Xero's JSON."""
    return _object(row, {})


def _value(value: object, written: dict[int, str]) -> str:
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, dict):
        return _object(value, written)
    if isinstance(value, list | tuple):
        return "[" + ",".join([_value(item, written) for item in value]) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value)


def _shared(row: Row, written: dict[int, str]) -> str:
    """A stored row that many documents of one answer show, such as their contact: written once."""
    found = written.get(id(row))
    if found is None:
        found = written[id(row)] = _object(row, written)
    return found


def _object(row: Row, written: dict[int, str]) -> str:
    """A row, each text by the name of its field. Most values are texts, and a batch has thousands: each call counts."""
    parts = []
    for name, value in row.items():
        if value is None:
            continue
        quoted, write = _fields.get(name) or _learn(name)
        if not quoted:
            continue
        if value.__class__ is str:
            parts.append(quoted + write(value))
        elif value.__class__ is dict:
            parts.append(quoted + _shared(value, written))
        elif value is False:
            parts.append(quoted + "false")
        elif value.__class__ is list and not value:
            parts.append(quoted + "[]")
        else:
            parts.append(quoted + _value(value, written))
    return "{" + ",".join(parts) + "}"


def _learn(name: str) -> tuple[str, Callable[[str], str]]:
    """A field's name as JSON, empty for one that stays inside, and how its text is written."""
    write = _quote
    if name in NUMBERS:
        write = str
    elif name in DATES:
        write = _day
    elif name in INSTANTS:
        # The envelope's own moment comes without an offset (recorded).
        write = _moment if name == "DateTimeUTC" else _moment_of_zone
    return _fields.setdefault(name, ("" if name[0] == "_" else _quote(name) + ":", write))


_fields: dict[str, tuple[str, Callable[[str], str]]] = {}


@lru_cache(4_096)
def _day(text: str) -> str:
    days = date.fromisoformat(text[:10]).toordinal() - _DAY_ZERO
    return f'"\\/Date({days * 86_400_000}+0000)\\/"'


def _moment(text: str) -> str:
    return f'"\\/Date({milliseconds(text)})\\/"'


@lru_cache(4_096)
def _moment_of_zone(text: str) -> str:
    return f'"\\/Date({milliseconds(text)}+0000)\\/"'


def milliseconds(stamp: str) -> int:
    """Milliseconds since 1970 of a stored stamp."""
    return round(datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp() * 1000)


def stamp(instant: datetime) -> str:
    """A moment as it is stored: UTC, to the millisecond, without a zone; text order is time order."""
    there = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    return there.isoformat(timespec="milliseconds")[:-6]  # without "+00:00"


def decode(body: bytes) -> Any:
    """Read a JSON body with exact numbers. Raises ValueError or RecursionError.

    A number no decimal of .NET could hold is unreadable (unsure); half a character becomes the replacement character.
    """
    found = json.loads(body.decode("utf-8"), parse_float=_decimal, parse_constant=_no_number)
    return _whole(found) if b"\\u" in body else found


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if not -DIGITS <= number.adjusted() <= DIGITS:
        raise ValueError(text[:40])
    return number


def _no_number(name: str) -> Decimal:
    raise ValueError(name)


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def as_date(value: object) -> str | None:
    """An ISO date from "2026-01-31", "2026-01-31T00:00:00" or "/Date(1769817600000+0000)/"; None when it is neither."""
    if not isinstance(value, str):
        return None
    match = _MS_DATE.fullmatch(value)
    try:
        if match:
            day = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(match[1]))).date().isoformat()
        else:
            day = date.fromisoformat(value[:10]).isoformat()
    except (ValueError, OverflowError):
        return None
    return day if FIRST_DAY <= day <= LAST_DAY else None


def as_number(value: object) -> Decimal | None:
    """A decimal from a JSON number or its text; None when it is neither, or larger than any book would hold."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() and -DIGITS <= number.adjusted() < WIDEST else None


def cents(value: Decimal) -> Decimal:
    """Round to two places, halves away from zero (Xero community manager; ties are not proven on real data)."""
    return value.quantize(CENT, ROUND_HALF_UP, _EXACT)


def places(value: Decimal, count: int) -> str:
    """A decimal as text with this many places, halves away from zero."""
    return format(value.quantize(Decimal(1).scaleb(-count), ROUND_HALF_UP, _EXACT), "f")


def money(row: Row, name: str) -> Decimal:
    """A stored amount of a row; zero when it has none."""
    return Decimal(row.get(name, "0.00"))


def same_text(one: str, other: str) -> bool:
    """Whether two names are the same to Xero, which ignores case."""
    return one.strip().casefold() == other.strip().casefold()


def echo(data: Row) -> Row:
    """What a caller sent, made safe to send back: unreadable dates and numbers are left out, nulls too."""
    safe = {key: _safe(key, value) for key, value in data.items() if key not in INSTANTS}
    return {key: value for key, value in safe.items() if value is not None}


def _safe(key: str, value: object) -> object:
    if key in DATES and not isinstance(value, int):
        return as_date(value)
    if key in NUMBERS:
        number = as_number(value)
        return None if number is None else format(number, "f")
    if isinstance(value, dict):
        return echo(value)
    if isinstance(value, list):
        return [echo(item) if isinstance(item, dict) else item for item in value]
    return value


def to_xml(name: str, value: object) -> str:
    """The same content as XML, which is what Xero sends to a caller who did not ask for JSON."""
    if isinstance(value, dict):
        inner = "".join(to_xml(key, item) for key, item in value.items())
    elif isinstance(value, list):
        single = name[:-1] if name.endswith("s") else "Item"
        inner = "".join(to_xml(single, item) for item in value)
    else:
        inner = _CONTROL.sub("", str(value)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<{name}>{inner}</{name}>"


def days_after(day: str, count: int) -> str:
    """The ISO date some days after another."""
    return (date.fromisoformat(day) + timedelta(days=count)).isoformat()


def months_after(day: str, count: int) -> str:
    """The same day some months later, or the last day of that month."""
    start = date.fromisoformat(day)
    months = start.year * 12 + start.month - 1 + count
    first = date(months // 12, months % 12 + 1, 1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(start.day, last.day)).isoformat()
