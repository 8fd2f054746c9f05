"""QuickBooks' JSON: bare numbers for money, text ids, times in the company's zone, and no empty values.

Rows are kept with QuickBooks' own field names and numbers as decimal text; :func:`encode` writes a number bare by the
name of its field. Fields whose name begins with an underscore stay inside.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from json.encoder import encode_basestring as _quote
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
#: Intuit's servers show times of the Pacific coast (every published sample).
SHOWN_ZONE = ZoneInfo("America/Los_Angeles")

NUMBERS = frozenset(
    "Amount Balance BalanceWithJobs BillRate CostRate CurrentBalance CurrentBalanceWithSubAccounts Deposit "
    "DiscountPercent DiscountRate ExchangeRate HomeBalance HomeTotalAmt MarkupInfo NetAmountTaxable OpenBalance Qty "
    "QtyOnHand RateValue RemainingCredit TaxAmount TaxInclusiveAmt TaxPercent TotalAmt TotalTax UnappliedAmt UnitPrice "
    "PurchaseCost Rate HourlyRate PaymentAmount QtyDiff HomeAmount Percent TaxRate ReorderPoint".split()
)
_keys: dict[str, str] = {}


def encode(value: object, name: str = "") -> str:
    """Write a value as QuickBooks' JSON; ``name`` is the field it stands in."""
    if isinstance(value, str):
        return _bare(value) if name in NUMBERS else _quote(value)
    if isinstance(value, dict):
        return _object(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join([encode(item) for item in value]) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return _bare(format(value, "f"))
    return json.dumps(value)


def _bare(text: str) -> str:
    """A number as QuickBooks shows it: 100.00 is 100.0, 12.50 is 12.50 (samples differ; any JSON number will do)."""
    return text if "." in text else text + ".0"


def _object(row: dict[str, Any]) -> str:
    parts = []
    for key, value in row.items():
        if value is None or key[0] == "_":
            continue
        quoted = _keys.get(key)
        if quoted is None:
            quoted = _keys.setdefault(key, _quote(key) + ":")
        if type(value) is str:  # most values are; each call that is spared counts in a batch
            parts.append(quoted + (_bare(value) if key in NUMBERS else _quote(value)))
        else:
            parts.append(quoted + encode(value, key))
    return "{" + ",".join(parts) + "}"


def decode(body: bytes) -> Any:
    """Read a JSON body with exact numbers. Raises ValueError, also for text that no answer could carry back."""
    text = body.decode("utf-8")
    try:
        found = json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if "\\u" in text:
        json.dumps(found, ensure_ascii=False, default=str).encode()  # half of a surrogate pair cannot be written
    return found


def _no_number(word: str) -> None:
    """NaN and Infinity are no JSON. Raises ValueError."""
    raise ValueError(word)


def instant(moment: datetime) -> str:
    """A moment as QuickBooks stores it in MetaData: to the second, with an offset."""
    return moment.astimezone(SHOWN_ZONE).replace(microsecond=0).isoformat()


def answered(moment: datetime) -> str:
    """The moment of an answer, to the millisecond."""
    return moment.astimezone(SHOWN_ZONE).isoformat(timespec="milliseconds")


def nanoseconds(moment: datetime) -> str:
    """A moment as notices carry it: UTC, to the nanosecond."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "000Z"


def as_instant(value: object, zone: tzinfo = SHOWN_ZONE) -> datetime | None:
    """A moment from ISO text, in ``zone`` where it has no offset; None when it is neither."""
    try:
        found = datetime.fromisoformat(str(value).strip().replace("Z", "+00:00").replace(" ", "+"))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def as_date(value: object) -> str | None:
    """An ISO date from the beginning of a text; None when there is none. What a caller sends was checked before."""
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        return None


def as_number(value: object) -> Decimal | None:
    """A decimal from a JSON number or its text (the Python library quotes decimals); None when it is neither."""
    if type(value) is int:
        return Decimal(value)
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def cents(value: Decimal) -> Decimal:
    """Round to two places, halves away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


def plain(value: Decimal) -> str:
    """A decimal as text, money with two places, prices with what they have."""
    rounded = cents(value)
    return format(rounded if rounded == value else value, "f")


def money(row: Row | None, name: str) -> Decimal:
    """A stored amount of a row; zero when it has none."""
    return Decimal((row or {}).get(name, "0.00"))


def ref(row: Row, name: str) -> str:
    """The id a reference of a row points to, or an empty string."""
    return str((row.get(name) or {}).get("value") or "")


def days_after(day: str, count: int) -> str:
    """The ISO date some days after another."""
    return (date.fromisoformat(day) + timedelta(days=count)).isoformat()
