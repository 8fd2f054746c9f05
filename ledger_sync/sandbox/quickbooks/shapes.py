"""What each property of a request must be: an object, a list of objects, a yes or no, a date, a number or a text.

QuickBooks reads a body into typed objects before any rule of the books, and answers 2010 where that fails: "Can not
instanti" for a reference that is no object (python-quickbooks#24), "Can not construct instance of java.m" for a number
that is none (node-quickbooks#39), "failed to parse json object" for the body as a whole (QuickBooks-V3-DotNET-SDK#376).
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ledger_sync.sandbox.quickbooks import errors, wire
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.wire import Row

#: Lists of objects (Finance.xsd of Intuit's Java SDK: maxOccurs="unbounded").
LISTS = frozenset(
    "Line LinkedTxn CustomField AttachableRef TaxLine NameValue TaxRateDetail TaxRateDetails BudgetDetail "
    "OtherContactInfo Tag EffectiveTaxRate".split()
)
#: Objects, besides everything that ends like one of _ENDINGS.
OBJECTS = frozenset(
    "CustomerMemo BillEmail BillEmailCc BillEmailBcc Email PrimaryPhone AlternatePhone Mobile Fax MetaData Entity "
    "RecurringInfo ScheduleInfo MarkupInfo DeliveryInfo CashBack CheckPayment CreditCardPayment HomeCurrency".split()
)
_ENDINGS = ("Ref", "Addr", "LineDetail", "TaxDetail", "Prefs", "RateList")
YES_OR_NO = frozenset(
    "Active Taxable Job BillWithParent SubItem SubAccount SubClass SubDepartment Credit Adjustment ProcessPayment "
    "PercentBased TaxGroup TrackQtyOnHand SalesTaxIncluded PurchaseTaxIncluded Vendor1099 BillableTime Organization "
    "IsProject IncludeOnSend ApplyTaxAfterDiscount AllowOnlineCreditCardPayment AllowOnlineACHPayment AllowIPNPayment "
    "AllowOnlinePayment FreeFormAddress sparse HasBeenInvoiced TaxTrackedOnSales TaxTrackedOnPurchases Refund".split()
)
DATES = frozenset(
    "TxnDate DueDate ShipDate HiredDate ReleasedDate BirthDate InvStartDate OpenBalanceDate ServiceDate AsOfDate "
    "StartDate EndDate NextDate PreviousDate ExpirationDate AcceptedDate PaymentDate BudgetDate".split()
)
WHOLE = frozenset(
    "DueDays DiscountDays DayOfMonthDue DueNextMonthDays NumInterval DayOfMonth MaxOccurrences DaysBefore Hours "
    "Minutes BreakHours BreakMinutes LineNum TaxOrder".split()
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?", re.ASCII)
_WHOLE = re.compile(r"-?\d{1,9}", re.ASCII)
#: Amounts have at most 15 digits, five of them decimals (Intuit's reference, Line.Amount).
MOST = Decimal("1e15")
#: More decimals than any price or quantity of the reference has.
_DECIMALS = 30
#: Deeper than any object of the API; a body beyond it is not read at all.
_DEEPEST = 20


def check(body: Row) -> None:
    """Raise Invalid for the first property that has another shape than QuickBooks reads."""
    _object(body, 0, loose=False)


def _object(row: Row, depth: int, *, loose: bool) -> None:
    if depth > _DEEPEST:
        raise Invalid(errors.unreadable())
    for name, value in row.items():
        if not name or name[0] == "_":
            raise Invalid(errors.unknown_property(name))
        if value is not None and value != "":
            _value(name, value, depth, loose=loose or name.endswith("Prefs"))


def _value(name: str, value: Any, depth: int, *, loose: bool) -> None:
    shape = _shape(name)
    if shape == "list":
        if not isinstance(value, list) or not all(isinstance(item, dict) or item is None for item in value):
            raise Invalid(errors.wrong_shape())
        for item in value:
            _object(item or {}, depth + 1, loose=loose)
    elif isinstance(value, dict):
        if not (loose or shape == "object"):
            raise Invalid(errors.wrong_shape())
        if isinstance(value.get("value"), dict | list):
            raise Invalid(errors.wrong_shape())
        _object(value, depth + 1, loose=loose)
    elif isinstance(value, list):
        _loose_list(value, depth, loose=loose)
    elif shape == "object":
        raise Invalid(errors.wrong_shape())
    elif shape != "plain":
        _plain(shape, value)


def _loose_list(items: list[Any], depth: int, *, loose: bool) -> None:
    if not loose:
        raise Invalid(errors.wrong_shape())
    for item in items:
        if isinstance(item, dict):
            _object(item, depth + 1, loose=True)
        elif isinstance(item, list):
            raise Invalid(errors.wrong_shape())


@lru_cache(maxsize=4_096)
def _shape(name: str) -> str:
    """What a property holds."""
    for names, shape in (
        (LISTS, "list"),
        (OBJECTS, "object"),
        (YES_OR_NO, "yes or no"),
        (DATES, "date"),
        (WHOLE, "whole"),
    ):
        if name in names:
            return shape
    if name in wire.NUMBERS:
        return "number"
    return "object" if name.endswith(_ENDINGS) else "plain"


def _plain(shape: str, value: Any) -> None:
    """Raise Invalid for a yes or no, a date or a number that is none."""
    if shape == "number" and type(value) is int:
        if not -MOST < value < MOST:
            raise Invalid(errors.bad_number())
    elif shape == "number":
        number = wire.as_number(value)
        if number is None or not fits(number):
            raise Invalid(errors.bad_number())
    elif shape == "yes or no":
        if str(value).lower() not in ("true", "false"):
            raise Invalid(errors.wrong_shape())
    elif shape == "date":
        if not is_date(str(value)):
            raise Invalid(errors.bad_date())
    elif not _WHOLE.fullmatch(str(value)):
        raise Invalid(errors.bad_number())


def fits(number: Decimal) -> bool:
    """Whether a number has no more digits than QuickBooks keeps."""
    if not -MOST < number < MOST:
        return False
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_DECIMALS


def is_date(text: str) -> bool:
    """Whether a text is a day QuickBooks knows; it may carry a time."""
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True
