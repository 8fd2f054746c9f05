"""Several currencies: which are in use, what they are worth, and what a document in one of them must say."""

from __future__ import annotations

import re
from decimal import Decimal

from ledger_sync.sandbox.quickbooks import errors, saving, wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.saving import Options
from ledger_sync.sandbox.quickbooks.wire import Row

CURRENCY = frozenset("Code Active CustomField".split())
CURRENCY_IGNORED = frozenset({"Name"})
RATE = frozenset("SourceCurrencyCode TargetCurrencyCode Rate AsOfDate CustomField".split())
#: Currencies by their code (ISO 4217), named as QuickBooks names them.
NAMES = {
    "AUD": "Australian Dollar", "CAD": "Canadian Dollar", "CHF": "Swiss Franc", "EUR": "Euro",
    "GBP": "British Pound Sterling", "INR": "Indian Rupee", "JPY": "Japanese Yen", "NZD": "New Zealand Dollar",
    "SGD": "Singapore Dollar", "USD": "United States Dollar", "ZAR": "South African Rand",
}  # fmt: skip


def reference(code: str) -> Row:
    """A currency as documents refer to it."""
    return {"value": code, "name": NAMES.get(code, code)}


def refuse_single(books: Books) -> None:
    """Raise Invalid where the company keeps its books in one currency."""
    if not books.preference("CurrencyPrefs", "MultiCurrencyEnabled"):
        raise Invalid(errors.not_in_plan("Multicurrency is not enabled for this company"))


def settle_currency(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    """Complete and check a currency of the company. Raises Invalid."""
    refuse_single(books)
    code = str(row.get("Code", "")).upper()
    if not code:
        raise Invalid(errors.missing("Code"))
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise Invalid(errors.bad_choice("Code", code))
    holder = books.holder("Currency", code)
    if code == books.home or (holder and holder != row["Id"]):
        raise Invalid(errors.name_taken())
    if before is not None and before["Code"] != code:
        raise Invalid(errors.business("The code of a currency cannot be changed."))
    books.hold("Currency", code, row["Id"])
    row.setdefault("Active", True)
    return {**row, "Code": code, "Name": NAMES.get(code, code)}


# What a currency is worth


def rate_on(books: Books, code: str, day: str) -> Row | None:
    """The latest rate of a currency set on or before a day, or None."""
    rows = [row for row in books.table("ExchangeRate").values() if row["SourceCurrencyCode"] == code]
    known = [row for row in rows if row["AsOfDate"] <= day]
    return max(known, key=lambda row: str(row["AsOfDate"]), default=None)


def asked_rate(books: Books, code: str, day: str) -> Row:
    """The rate a caller asks for by currency and day; what was never set is 1 (unsure). Raises Invalid."""
    refuse_single(books)
    code = code.upper()
    if not code:
        raise Invalid(errors.missing("sourcecurrencycode"))
    if code != books.home and not books.holder("Currency", code):
        raise Invalid(errors.bad_choice("sourcecurrencycode", code))
    found = rate_on(books, code, day)
    if found is not None:
        return show_rate(books, found)
    if code != books.home and not books.switches.unset_rate_is_one:
        raise Invalid(errors.not_found())
    return {"SyncToken": "0", "domain": "QBO", "AsOfDate": day, "SourceCurrencyCode": code, "Rate": "1",
            "sparse": False, "TargetCurrencyCode": books.home}  # fmt: skip


def set_rate(books: Books, body: Row) -> Row:
    """Set what a currency is worth from a day on. Raises Invalid; a rate of the home currency cannot be set."""
    refuse_single(books)
    fields = saving.fields_of(books, "ExchangeRate", RATE, body)
    for name in ("SourceCurrencyCode", "Rate", "AsOfDate"):
        if not fields.get(name):
            raise Invalid(errors.missing(name))
    code, day = str(fields["SourceCurrencyCode"]).upper(), str(wire.as_date(fields["AsOfDate"]))
    if code == books.home:
        raise Invalid(errors.business("You cannot set an exchange rate for the home currency."))
    if not books.holder("Currency", code):
        raise Invalid(errors.bad_choice("SourceCurrencyCode", code))
    if wire.money(fields, "Rate") <= 0:
        raise Invalid(errors.business("An exchange rate must be more than zero."))
    row = {**fields, "SourceCurrencyCode": code, "TargetCurrencyCode": books.home, "AsOfDate": day}
    existing = books.get("ExchangeRate", f"{code} {day}")
    if existing is None:
        return show_rate(books, books.add("ExchangeRate", {"Id": f"{code} {day}", **row}))
    if str(body.get("SyncToken", existing["SyncToken"])) != existing["SyncToken"]:
        raise Invalid(errors.stale())
    return show_rate(books, books.touch("ExchangeRate", existing, **row))


def show_rate(books: Books, row: Row) -> Row:
    """A rate, which has no id of its own."""
    return {key: value for key, value in row.items() if key != "Id"}


# What a document says


def settle_document(books: Books, row: Row, customer: Row | None) -> None:
    """Give a document its currency and rate. Raises Invalid for one that does not fit the company or the customer."""
    theirs = wire.ref(customer or row, "CurrencyRef") or books.home
    code = wire.ref(row, "CurrencyRef")
    if books.preference("CurrencyPrefs", "MultiCurrencyEnabled"):
        if not code and customer is not None and books.switches.currency_required:
            raise Invalid(errors.missing("CurrencyRef"))
        if code and code != books.home and not books.holder("Currency", code):
            raise Invalid(errors.bad_reference("Currency", code))
    elif code not in ("", books.home):
        raise Invalid(errors.business("Multicurrency is not enabled for this company."))
    if code and code != theirs:
        # The rule is known, its words are not (unsure).
        raise Invalid(errors.business("The currency of the transaction must be the currency of the customer."))
    row["CurrencyRef"] = reference(code or theirs)
    if row["CurrencyRef"]["value"] == books.home:
        row.pop("ExchangeRate", None)
    elif not wire.money(row, "ExchangeRate"):
        found = rate_on(books, row["CurrencyRef"]["value"], row["TxnDate"])
        if found is None and not books.switches.unset_rate_is_one:
            raise Invalid(errors.missing("ExchangeRate"))
        row["ExchangeRate"] = found["Rate"] if found else "1"


def rate_of(row: Row) -> Decimal:
    """How many units of the home currency one unit of a document's currency is worth."""
    return Decimal(row.get("ExchangeRate", "1"))


def in_home(row: Row, name: str = "TotalAmt") -> Decimal:
    """An amount of a document in the home currency."""
    return wire.cents(wire.money(row, name) * rate_of(row))


def show_home(row: Row) -> Row:
    """A document in a foreign currency also says what it is worth at home."""
    if "ExchangeRate" not in row:
        return row
    shown = {**row, "HomeTotalAmt": wire.plain(in_home(row))}
    return {**shown, "HomeBalance": wire.plain(in_home(row, "Balance"))} if "Balance" in row else shown
