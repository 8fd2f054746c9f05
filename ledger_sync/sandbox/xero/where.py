"""The part of Xero's ``where`` and ``order`` language that its documents show: comparisons joined by AND and OR.

``Status=="AUTHORISED" AND Contact.ContactID==guid("…") AND Date>=DateTime(2026,1,1) AND Name.StartsWith("A")``
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger_sync.sandbox.xero import fields, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Refused, problem
from ledger_sync.sandbox.xero.wire import Row

Test = Callable[[Row], bool]
Value = str | Decimal | bool | None

_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w.]*)|(?P<mark>==|!=|>=|<=|&&|\|\||[()<>,=]))'
)
_COMPARE: dict[str, Callable[[object, object], bool]] = {
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    ">=": lambda a, b: _ordered(operator.ge, a, b),
    "<=": lambda a, b: _ordered(operator.le, a, b),
    ">": lambda a, b: _ordered(operator.gt, a, b),
    "<": lambda a, b: _ordered(operator.lt, a, b),
}
#: Most brackets in one expression that this reader can bear; limit ``where_brackets`` may be lower (unsure).
DEEPEST = 100
_METHODS: dict[str, Callable[[str, str], bool]] = {
    "startswith": lambda text, part: text.casefold().startswith(part.casefold()),
    "endswith": lambda text, part: text.casefold().endswith(part.casefold()),
    "contains": lambda text, part: part.casefold() in text.casefold(),
}


def _ordered(compare: Callable[[Any, Any], bool], one: object, other: object) -> bool:
    """Compare two values of one kind; an absent one is neither more nor less. Raises Refused for two kinds."""
    if one is None or other is None:
        return False
    if type(one) is not type(other):
        raise _refuse("The types of both sides of a comparison must be the same")
    return compare(one, other)


def _refuse(message: str) -> Refused:
    return problem(16, "QueryParseException", message)


def read(books: Books, row: Row, path: str) -> Value:
    """The value of a field by its path, such as ``Contact.ContactID`` or ``Invoice.Contact.Name``."""
    name, _, rest = path.partition(".")
    if rest:
        return read(books, _behind(books, row, name), rest)
    value = row.get(name)
    if isinstance(value, str) and name in wire.NUMBERS:
        return Decimal(value)
    return value if isinstance(value, str | bool | Decimal) else None


def _behind(books: Books, row: Row, name: str) -> Row:
    """The row that a field leads to; an empty one when it leads nowhere."""
    found: object
    if name == "Contact":
        found = books.get("Contacts", row.get("_contact"))
    elif name in ("Invoice", "CreditNote", "Prepayment", "Overpayment"):
        found = books.get(f"{name}s", row.get("_document"))
    elif name in ("Account", "BankAccount"):
        found = books.get("Accounts", row.get("_account") or row.get("_bank"))
    else:
        found = row.get(name)
    return found if isinstance(found, dict) else {}


class _Parser:
    """A small recursive-descent reader that turns the text into one test of a row of a kind."""

    def __init__(self, books: Books, kind: str, text: str, brackets: int) -> None:
        self.books, self.kind = books, kind
        self.tokens = list(self._split(text))
        if sum(token == ("mark", "(") for token in self.tokens) > min(brackets, DEEPEST):
            raise _refuse("Expression is too complex")  # unsure
        self.place = 0

    @staticmethod
    def _split(text: str) -> Iterator[tuple[str, str]]:
        place = 0
        while text[place:].strip():
            match = _TOKEN.match(text, place)
            if match is None:
                raise _refuse(f"Syntax error (at index {place})")
            kind = str(match.lastgroup)
            yield kind, match[kind]
            place = match.end()

    def _peek(self) -> str:
        return self.tokens[self.place][1] if self.place < len(self.tokens) else ""

    def _take(self, wanted: str = "") -> tuple[str, str]:
        if self.place >= len(self.tokens) or (wanted and self._peek() != wanted):
            raise _refuse(f"'{wanted or 'expression'}' expected")
        self.place += 1
        return self.tokens[self.place - 1]

    def whole(self) -> Test:
        test = self._any()
        if self.place != len(self.tokens):
            raise _refuse(f"Syntax error near '{self._peek()}'")
        return test

    def _any(self) -> Test:
        tests = [self._all()]
        while self._peek().upper() in ("OR", "||"):
            self._take()
            tests.append(self._all())
        return lambda row: any(test(row) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._peek().upper() in ("AND", "&&"):
            self._take()
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._peek() == "(":
            self._take()
            test = self._any()
            self._take(")")
            return test
        kind, path = self._take()
        if kind != "name":
            raise _refuse(f"Syntax error near '{path}'")
        base, _, method = path.rpartition(".")
        if method.lower() in _METHODS and self._peek() == "(":
            return self._call(fields.resolve(self.kind, base), _METHODS[method.lower()])
        path = fields.resolve(self.kind, path)
        mark = self._take()[1]
        if mark not in _COMPARE:
            raise _refuse(f"Syntax error near '{mark}'")
        compare, value, books = _COMPARE[mark], self._value(), self.books
        return lambda row: compare(_like(read(books, row, path), value), value)

    def _call(self, path: str, method: Callable[[str, str], bool]) -> Test:
        self._take("(")
        part = self._value()
        self._take(")")
        if not isinstance(part, str):
            raise _refuse("A text was expected")
        books = self.books
        return lambda row: method(str(read(books, row, path) or ""), part)

    def _value(self) -> Value:
        kind, word = self._take()
        if kind == "text":
            return word[1:-1].replace('\\"', '"')
        if kind == "number":
            return Decimal(word)
        lowered = word.lower()
        if lowered in ("true", "false", "null"):
            return {"true": True, "false": False, "null": None}[lowered]
        if lowered in ("guid", "datetime"):
            return self._built(lowered)
        raise _refuse(f"No property or field '{word}' exists")

    def _built(self, kind: str) -> Value:
        self._take("(")
        parts = []
        while self._peek() != ")":
            parts.append(self._take()[1])
            if self._peek() == ",":
                self._take()
        self._take(")")
        if kind == "guid":
            return _guid(parts)
        if not 3 <= len(parts) <= 7 or not all(part.isascii() and part.isdigit() and len(part) < 5 for part in parts):
            raise _refuse("No applicable constructor exists in type 'DateTime'")
        numbers = [int(part) for part in parts]
        try:
            datetime(*numbers)  # type: ignore[arg-type]  # noqa: DTZ001 (only whether there is such a moment)
        except ValueError as error:
            # .NET's words for it; that Xero passes them on is unsure.
            raise _refuse("Year, Month, and Day parameters describe an un-representable DateTime.") from error
        day = "{:04}-{:02}-{:02}".format(*numbers[:3])
        return day + "T{:02}:{:02}:{:02}.000".format(*numbers[3:6]) if len(numbers) >= 6 else day


def _guid(parts: list[str]) -> str:
    """The id in ``guid("…")``. Raises Refused for what is none, in .NET's words (that Xero passes them on: unsure)."""
    text = parts[0].strip('"').lower() if parts else ""
    if not re.fullmatch(r"\{?[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}\}?", text):
        raise _refuse("Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).")
    return str(UUID(text))


def _like(value: Value, other: Value) -> Value:
    """A stored date as long as the one it is compared with, so that a day compares with a moment."""
    if isinstance(value, str) and isinstance(other, str) and re.match(r"\d{4}-\d\d-\d\d", other):
        return value[: len(other)] if len(value) >= len(other) else value + "T00:00:00.000"
    return value


def where(books: Books, kind: str, text: str, brackets: int) -> Test:
    """The test that a ``where`` argument makes of rows of a kind. Raises Refused for what it cannot read."""
    return _Parser(books, kind, text, brackets).whole()


def order(books: Books, kind: str, text: str, rows: list[Row]) -> list[Row]:
    """Rows sorted as an ``order`` argument asks: ``UpdatedDateUTC ASC, InvoiceNumber DESC``. Raises Refused."""
    for part in reversed(text.split(",")):
        words = part.split()
        if not words or len(words) > 2 or (len(words) == 2 and words[1].upper() not in ("ASC", "DESC")):
            raise _refuse(f"Syntax error in order '{text}'")
        path = fields.resolve(kind, words[0])
        rows = sorted(rows, key=lambda row: _sortable(read(books, row, path)), reverse=words[-1].upper() == "DESC")
    return rows


def _sortable(value: Value) -> tuple[int, Decimal, str]:
    if value is None:
        return (0, Decimal(0), "")
    if isinstance(value, Decimal | bool):
        return (1, Decimal(value), "")
    return (1, Decimal(0), value.casefold())
