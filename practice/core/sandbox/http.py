"""Requests and responses of a sandbox: just enough HTTP to speak a vendor's wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit


class ConnectionLost(Exception):
    """The sandbox hung up: the caller sees a reset connection, whatever had been committed before."""


class TimedOut(Exception):
    """The sandbox never answered: the caller's read timeout expires."""


@dataclass(frozen=True)
class Request:
    """One HTTP request as it arrived; header names are lower case."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def build(
        cls, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | str | None = None
    ) -> Request:
        """Read a request from a method, a URL (path or absolute), headers and a body."""
        parts = urlsplit(url)
        raw = body.encode() if isinstance(body, str) else (body or b"")
        lowered = {str(k).lower(): _text(v) for k, v in (headers or {}).items()}
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method.upper(), unquote(parts.path) or "/", query, lowered, raw)

    def arg(self, name: str, default: str = "") -> str:
        """The last value of a query argument; names are compared without case, as Xero does."""
        wanted = name.lower()
        for key, value in reversed(self.query):
            if key.lower() == wanted:
                return value
        return default

    def args(self, name: str) -> list[str]:
        """Every value of a query argument, in order."""
        return [value for key, value in self.query if key == name]

    def form(self) -> dict[str, str]:
        """The body read as an HTML form (last value wins)."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def json(self) -> Any:
        """The body read as JSON. Raises ValueError when it is not, or nests deeper than any document does."""
        try:
            return json.loads(self.body.decode("utf-8"))
        except RecursionError as error:
            raise ValueError("the JSON nests too deep") from error

    def cookie(self, name: str) -> str:
        """The value of one cookie, or an empty string."""
        for part in self.headers.get("cookie", "").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return ""


@dataclass
class Response:
    """One HTTP response; ``truncate`` cuts the body short while the declared length stays."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    truncate: bool = False

    @classmethod
    def of_json(cls, value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """A JSON response, compact, in UTF-8."""
        # Half a character (a lone surrogate) that came in escaped goes out as a question mark.
        body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
        return cls(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})

    @classmethod
    def of_html(cls, text: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
        """An HTML page."""
        return cls(status, text.encode(), {"Content-Type": "text/html; charset=utf-8", **(headers or {})})

    @classmethod
    def redirect(cls, location: str, headers: dict[str, str] | None = None) -> Response:
        """A 302 to another address."""
        return cls(302, b"", {"Location": location, **(headers or {})})

    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)


class Application(Protocol):
    """What every sandbox is."""

    def handle(self, request: Request) -> Response:
        """Answer one request. Raises ConnectionLost or TimedOut where the vendor would not have answered."""

    def tick(self) -> None:
        """Do what time alone brings: settle debits, deliver webhooks, send payouts."""


def is_of_this_machine(url: str) -> bool:
    """Whether an address is one of this machine, and nothing but an address (RFC 6749, 3.1.2: no fragment)."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    local = parts.scheme in ("http", "https") and parts.hostname in ("localhost", "127.0.0.1", "testserver")
    return local and url.isascii() and url.isprintable() and not {" ", "#"} & set(url)


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
