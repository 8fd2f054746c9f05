"""The query language: ``SELECT * FROM Invoice WHERE DocNumber IN ('1', '2') ORDERBY TxnDate MAXRESULTS 10``.

No OR, no joins; keywords, names and values are compared without case; ``\\'`` and ``\\\\`` are the escapes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from ledger_sync.sandbox.quickbooks import errors, shapes, wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.entities import ENTITIES, shown
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.saving import COMMON, Entity
from ledger_sync.sandbox.quickbooks.wire import Row

_TOKEN = re.compile(r"\s*(?:('(?:\\.|[^'\\])*')|(<=|>=|!=|=|<|>)|([(),*])|([\w.+\-]+))", re.DOTALL | re.ASCII)
_WORD = re.compile(r"[A-Za-z_]")
_OPERATORS = ("=", "!=", "<", ">", "<=", ">=", "IN", "LIKE")
_INSTANTS = ("metadata.createtime", "metadata.lastupdatedtime")
#: No column is called so.
_COUNT = "count(*)"
#: ``WHERE Type = 'Bill'`` asks templates for their kind.
_TEMPLATE_KIND = "_type"
Value = str | bool | Decimal | datetime


@dataclass(frozen=True)
class Condition:
    """One comparison of a WHERE."""

    field: str
    operator: str
    values: list[str]


@dataclass(frozen=True)
class Query:
    """A query as read."""

    entity: Entity
    columns: frozenset[str]
    conditions: list[Condition]
    order: list[tuple[str, bool]]
    start: int
    most: int


class _Words:
    """The words of a query, taken one by one."""

    def __init__(self, text: str) -> None:
        self.text = text.strip().rstrip(";")
        self.words: list[str] = []
        self.columns: list[int] = []
        #: What stands after the last word, if that is no word; it is only met when the parser comes there.
        self.broken: Invalid | None = None
        end = 0
        while self.text[end:].strip():
            match = _TOKEN.match(self.text, end)
            if match is None:
                self.broken = self._unlettered(end)
                break
            self.words.append(match[0].strip())
            self.columns.append(match.start(match.lastindex or 0) + 1)
            end = match.end()
        self.place = 0

    def _unlettered(self, end: int) -> Invalid:
        """The complaint about a sign no query has (captured: quickbooks-node-promise#1)."""
        column = end + len(self.text[end:]) - len(self.text[end:].lstrip())
        sign = self.text[column]
        detail = (
            f"QueryParserError: Invalid content. Lexical error at line 1, column {column + 1}.  "
            f'Encountered: "{sign}" ({ord(sign)}), after : ""'
        )
        return Invalid(errors.query("4000", detail))

    def trouble(self, back: int = 0) -> Invalid:
        """The parser's complaint about the next word, or one taken before (captured: node-quickbooks#56)."""
        place = self.place - back
        if place >= len(self.words) and self.broken:
            return self.broken
        if place >= len(self.words):
            found, column = '"<EOF>"', len(self.text)
        else:
            word = self.words[place]
            kind = "<IDENTIFIER>" if _WORD.match(word) else f'"{word}"'
            found, column = f'" {kind} "{word} ""', self.columns[place]
        return Invalid(errors.query("4000", f"QueryParserError: Encountered {found} at line 1, column {column}."))

    def peek(self, *keywords: str) -> bool:
        """Whether these words come next."""
        following = [word.upper() for word in self.words[self.place : self.place + len(keywords)]]
        return following == list(keywords)

    def skip(self, *keywords: str) -> bool:
        """Take these words if they come next."""
        if self.peek(*keywords):
            self.place += len(keywords)
            return True
        return False

    def need(self, keyword: str) -> None:
        """Take this word. Raises Invalid when another comes."""
        if not self.skip(keyword):
            raise self.trouble()

    def take(self) -> str:
        """Take any word. Raises Invalid at the end."""
        if self.place >= len(self.words):
            raise self.trouble()
        self.place += 1
        return self.words[self.place - 1]

    @property
    def done(self) -> bool:
        """Whether everything was taken. Raises Invalid where something stands there that is no word."""
        if self.place >= len(self.words) and self.broken:
            raise self.broken
        return self.place >= len(self.words)


def parse(books: Books, text: str) -> Query:
    """Read a query. Raises Invalid with 4000 for one that cannot be read and 4001 for one that means nothing."""
    words = _Words(text)
    words.need("SELECT")
    columns = _columns(words)
    name = words.take()
    entity = ENTITIES.get(name.lower())
    if entity is None or "query" not in entity.verbs:
        raise Invalid(errors.query("4001", f"QueryValidationError: Invalid entity {name}"))
    _refuse_unknown(columns, entity)
    conditions: list[Condition] = []
    if words.skip("WHERE"):
        conditions.append(_condition(words, entity))
        while words.skip("AND"):
            conditions.append(_condition(words, entity))
    order = _order(words, entity)
    start, most = 1, books.limits.page_default
    while not words.done:
        if words.skip("STARTPOSITION"):
            start = _count(words)
        elif words.skip("MAXRESULTS"):
            most = _count(words)
        else:
            raise words.trouble()
    if most > books.limits.page:
        detail = f"QueryValidationError: value {most} is too large. Max allowed value is {books.limits.page}."
        raise Invalid(errors.query("4001", detail))
    return Query(entity, frozenset(map(str.lower, columns)), conditions, order, max(start, 1), most)


def _columns(words: _Words) -> list[str]:
    """The columns up to FROM, or that of a count. Whatever they are, whole objects are shown."""
    if words.skip("COUNT", "(", "*", ")"):
        words.need("FROM")
        return [_COUNT]
    columns: list[str] = []
    while True:
        columns.append(words.take())
        if not re.fullmatch(r"\*|[A-Za-z][A-Za-z0-9_.]*", columns[-1]):
            raise words.trouble(1)
        if words.peek("*") and columns[-1].endswith("."):
            words.take()
        if not words.skip(","):
            break
    words.need("FROM")
    return columns


def _refuse_unknown(columns: list[str], entity: Entity) -> None:
    """Raises Invalid for a column that no such object has, in the words a condition on it gets."""
    known = {name.lower() for name in (*entity.writable, *entity.ignored, *COMMON)} | {"*", _COUNT.lower()}
    for name in () if entity.generic else columns:
        if name.split(".", maxsplit=1)[0].lower() not in known:
            detail = f"QueryValidationError: Property {name} not found for Entity {entity.name}"
            raise Invalid(errors.query("4001", detail))


def _condition(words: _Words, entity: Entity) -> Condition:
    field = _field(words.take(), entity)
    operator = words.take().upper()
    if operator not in _OPERATORS:
        raise words.trouble(1)
    if field.lower() == "id" and operator not in ("=", "IN"):
        raise Invalid(errors.query("4001", "QueryValidationError: Id supports only = and IN"))
    if operator != "IN":
        return Condition(field, operator, [_value(words.take(), words)])
    words.need("(")
    values = [_value(words.take(), words)]
    while words.skip(","):
        values.append(_value(words.take(), words))
    words.need(")")
    return Condition(field, operator, values)


def _field(name: str, entity: Entity) -> str:
    """A property a query may name. Raises Invalid for one that does not exist or cannot be filtered by."""
    head = name.split(".", maxsplit=1)[0]
    if entity.generic and head not in entity.unfilterable and re.fullmatch(r"[A-Za-z][A-Za-z0-9_.]*", name):
        return name
    known = {known.lower(): known for known in (*entity.writable, *entity.ignored, *COMMON)}
    right = known.get(head.lower())
    if right is None or right in entity.unfilterable:
        detail = f"QueryValidationError: Property {name} not found for Entity {entity.name}"
        raise Invalid(errors.query("4001", detail))
    return _TEMPLATE_KIND if entity.name == "RecurringTransaction" and right == "Type" else name.replace(head, right, 1)


def _value(word: str, words: _Words) -> str:
    """A value: text in single quotes with its escapes undone, a number, true or false."""
    if word.startswith("'"):
        return re.sub(r"\\(.)", r"\1", word[1:-1])
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?|true|false|null", word, re.IGNORECASE):
        return word
    raise words.trouble(1)


def _count(words: _Words) -> int:
    word = words.take()
    if not re.fullmatch(r"[0-9]{1,9}", word):
        raise words.trouble(1)
    return int(word)


def _order(words: _Words, entity: Entity) -> list[tuple[str, bool]]:
    if not (words.skip("ORDERBY") or words.skip("ORDER", "BY")):
        return []
    order = []
    while True:
        field = _field(words.take(), entity)
        order.append((field, words.skip("DESC")))
        words.skip("ASC")
        if not words.skip(","):
            return order


# Working it


def run(books: Books, text: str) -> Row:
    """The ``QueryResponse`` of a query. Raises Invalid."""
    query = parse(books, text)
    rows = _found(books, query)
    if _COUNT in query.columns:
        return {"totalCount": len(rows)}
    for field, down in reversed(query.order):
        rows.sort(key=partial(_sort_key, field), reverse=down)
    page = rows[query.start - 1 : query.start - 1 + query.most]
    if not page:
        return {}
    out = [shown(books, query.entity, row) for row in page]
    if query.entity.name == "Item" and "sku" not in query.columns:
        out = [{key: value for key, value in row.items() if key != "Sku"} for row in out]
    return {query.entity.title: out, "startPosition": query.start, "maxResults": len(out)}


def _found(books: Books, query: Query) -> list[Row]:
    rows = list(books.table(query.entity.name).values())
    if query.entity.is_list and not any(c.field.lower() == "active" for c in query.conditions):
        rows = [row for row in rows if row.get("Active", True)]
    asked = [*(c.field for c in query.conditions), *(field for field, _ in query.order)]
    if any(field.startswith(("Balance", "CurrentBalance", "Home")) for field in asked):
        rows = [query.entity.show(books, row) for row in rows]
    for condition in query.conditions:
        test = _test(books, condition)
        rows = [row for row in rows if test(_read(row, condition.field))]
    return rows


def _read(row: Row, path: str) -> Any:
    """A property by its dotted path; a reference reads as its id, an email as its address."""
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part, next((v for k, v in value.items() if k.lower() == part.lower()), None))
    if isinstance(value, dict):
        return value.get("value", value.get("Address", value.get("FreeFormNumber")))
    return value


def _comparable(field: str, value: Any) -> Value | None:
    if value is None:
        return None
    if isinstance(value, dict | list):
        return ""
    if field.lower() in _INSTANTS:
        return wire.as_instant(value)
    if field.rsplit(".", maxsplit=1)[-1] in wire.NUMBERS:
        return wire.as_number(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).casefold()


def _sort_key(field: str, row: Row) -> tuple[bool, Any]:
    """Where a row stands: ids and amounts by their number, moments by their time, the rest by their text."""
    value = _read(row, field)
    if field.lower() in _INSTANTS:
        moment = wire.as_instant(value)
        return (moment is not None, moment.timestamp() if moment else 0.0)
    if field.lower() == "id":
        digits = str(value) if str(value).isdecimal() else "0"
        return (True, (int(digits), str(value)))
    if field.rsplit(".", maxsplit=1)[-1] in wire.NUMBERS:
        return (value is not None, wire.as_number(value) or Decimal(0))
    return (value is not None, str(value).casefold())


def _test(books: Books, condition: Condition) -> Callable[[Any], bool]:
    """The comparison of one condition, as a function of a property's value."""
    field, operator = condition.field, condition.operator
    if operator == "LIKE":
        pattern = re.compile(
            ".*".join(re.escape(part) for part in condition.values[0].casefold().split("%")), re.DOTALL
        )
        return lambda value: value is not None and pattern.fullmatch(str(value).casefold()) is not None
    wanted = [_wanted(books, field, value) for value in condition.values]
    if operator == "IN":
        return lambda value: _comparable(field, value) in wanted
    compare = _COMPARE[operator]
    return lambda value: compare(_comparable(field, value), wanted[0])


def _wanted(books: Books, field: str, text: str) -> Value:
    """What a property is compared with. Raises Invalid for a value its kind of property cannot have (unsure)."""
    value = books.instant(text) if field.lower() in _INSTANTS else _comparable(field, text)
    dated = field.endswith("Date") and wire.as_date(text[:10]) is None
    undecided = field in shapes.YES_OR_NO and text.lower() not in ("true", "false")
    if value is None or dated or undecided:
        raise Invalid(errors.query("4001", f"QueryValidationError: Invalid value {text} for {field}"))
    return value


def _ordered(one: Any, other: Any, sign: Callable[[Any, Any], bool]) -> bool:
    return one is not None and other is not None and sign(one, other)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    "<": lambda one, other: _ordered(one, other, lambda a, b: a < b),
    ">": lambda one, other: _ordered(one, other, lambda a, b: a > b),
    "<=": lambda one, other: _ordered(one, other, lambda a, b: a <= b),
    ">=": lambda one, other: _ordered(one, other, lambda a, b: a >= b),
}
