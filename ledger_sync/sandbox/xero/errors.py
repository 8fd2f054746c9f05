"""The ways Xero refuses, and the bodies it refuses with."""

from __future__ import annotations

import json

from ledger_sync.sandbox.xero import wire
from ledger_sync.sandbox.xero.wire import Row
from practice.core.sandbox.http import Response

JSON = "application/json; charset=utf-8"


class Invalid(Exception):
    """One element of a request breaks a rule; the texts are Xero's ``ValidationErrors``."""

    def __init__(self, *messages: str) -> None:
        super().__init__("; ".join(messages))
        self.messages = list(messages)


class Refused(Exception):
    """The whole request is answered with an error."""

    def __init__(self, response: Response) -> None:
        super().__init__(str(response.status))
        self.response = response


def validation(elements: list[Row]) -> Refused:
    """400 for elements that break a rule (SPEC, schema Error)."""
    body = {
        "ErrorNumber": 10,
        "Type": "ValidationException",
        "Message": "A validation exception occurred",
        "Elements": elements,
    }
    return Refused(Response(400, wire.encode(body).encode(), {"Content-Type": JSON}))


def problem(number: int, kind: str, message: str) -> Refused:
    """400 that names no element: unreadable JSON (14), a query nobody understands (16), a key used twice."""
    body = {"ErrorNumber": number, "Type": kind, "Message": message}
    return Refused(Response(400, wire.encode(body).encode(), {"Content-Type": JSON}))


def malformed(message: str) -> Refused:
    """400 for a body that cannot be read; Xero's texts vary."""
    return problem(14, "PostDataInvalidException", f"JSON for post data was invalid, {message}")


def bad_query(text: str) -> Refused:
    """400 as plain text under an HTML content type, as Xero sends for a bad query argument (reported)."""
    return Refused(Response(400, text.encode(), {"Content-Type": "text/html; charset=utf-8"}))


def not_found() -> Refused:
    """404; the text is the SDK's, its content type is unsure (``/_sandbox/words`` reaches headers too)."""
    text = b"The resource you're looking for cannot be found"
    return Refused(Response(404, text, {"Content-Type": "text/html; charset=utf-8"}))


def titled(status: int, title: str, detail: str, instance: str, headers: dict[str, str] | None = None) -> Refused:
    """401, 403 and 500 as the platform in front of the API words them (shape as reported; it does carry a null)."""
    body: Row = {
        "Type": None,
        "Title": title,
        "Status": status,
        "Detail": detail,
        "Instance": instance,
        "Extensions": {},
    }
    return Refused(Response(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})}))


def internal(instance: str) -> Refused:
    """500 as reported by users of the API."""
    detail = (
        "An error occurred in Xero. Check the API Status page http://status.developer.xero.com for current service "
        "status."
    )
    return titled(500, "An error occurred", detail, instance)
