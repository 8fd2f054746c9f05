"""Search over customers, intents and charges (docs.stripe.com/search)."""

from __future__ import annotations

import re
from typing import Any

from billing.sandbox.stripe.books import Books, page_size, public
from billing.sandbox.stripe.wire import Refused, Row

_CLAUSE = re.compile(r"""(-?)(\w+)(?:\[(["'])(.+?)\3\])?\s*(:|<=|>=|<|>|~)\s*(?:(["'])(.*?)\6|(\d+)|(null))""")


def search(kind: str, path: str) -> Any:
    """The handler that searches one kind."""

    def handler(books: Books, params: Row) -> Row:
        limit = page_size(params)
        wanted, any_of = _read(params["query"])
        rows = [
            row
            for row in reversed(list(books.rows(kind)))
            # "In less than a minute" (docs.stripe.com/search, "Data freshness"): not before, here.
            if row["created"] + books.settings["search_lag"] <= books.moment
            and not row.get("deleted")
            and (any if any_of else all)(_holds(row, clause) for clause in wanted)
        ]
        start = int(params["page"]) if str(params.get("page", "")).isdecimal() else 0
        page, more = rows[start : start + limit], len(rows) > start + limit
        return {
            "object": "search_result",
            "data": [public(row, books.moment) for row in page],
            "has_more": more,
            "next_page": str(start + limit) if more else None,
            "url": path,
        }

    return handler


def _read(query: str) -> tuple[list[re.Match[str]], bool]:
    """The clauses of a query, and whether any one of them is enough. Raises Refused."""
    rest, clauses, joins = query.strip(), [], set()
    while True:
        match = _CLAUSE.match(rest)
        if match is None:
            raise Refused(f"We were unable to parse your search query near: {rest[:60]}", param="query", early=True)
        clauses.append(match)
        rest = rest[match.end() :].strip()
        if not rest:
            break
        join = re.match(r"(AND|OR)\s+", rest, re.IGNORECASE)
        joins.add(join[1].upper() if join else "AND")
        rest = rest[join.end() :] if join else rest
    if len(joins) > 1:
        raise Refused("You cannot combine AND and OR in one search query.", param="query", early=True)
    return clauses, joins == {"OR"}


def _holds(row: Row, clause: re.Match[str]) -> bool:
    minus, field, _, key, sign, _, text, number, null = clause.groups()
    value = row.get(field)
    if field == "metadata":
        value = (row.get("metadata") or {}).get(key)
    if null:
        found = value is None
    elif number is not None and isinstance(value, int):
        wanted = int(number)
        found = {
            ":": value == wanted,
            "<": value < wanted,
            ">": value > wanted,
            "<=": value <= wanted,
            ">=": value >= wanted,
            "~": False,
        }[sign]
    elif sign == "~":
        found = (text or "").lower() in str(value or "").lower()
    else:
        found = value is not None and str(value).lower() == (text or number or "").lower()
    return found != bool(minus)
