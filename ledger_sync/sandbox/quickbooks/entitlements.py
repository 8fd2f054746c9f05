"""What a company's plan includes, told in XML whatever is asked for (Intuit's reference, Entitlements)."""

from __future__ import annotations

from xml.sax.saxutils import escape

from ledger_sync.sandbox.quickbooks.books import Books
from practice.core.sandbox.http import Response

ROOT = "/manage/entitlements/v3/"
#: Id, name, and whether a firm on the Plus plan has it (a part of the sample's list).
_FEATURES = (
    ("1", "Class Tracking", True), ("5", "Budgets", True), ("8", "Merchant Service", False),
    ("10", "Managing Bills to Pay Later", True), ("19", "Recurring Transactions", True),
    ("20", "Closing the Books", True), ("21", "Location Tracking", True), ("35", "Estimates", True),
    ("42", "Purchase Order", True), ("43", "Inventory", True),
)  # fmt: skip


def answer(books: Books) -> Response:
    """The features of a company, two of which follow its settings."""
    features = [
        *_FEATURES,
        ("45", "Multi-Currency", bool(books.preference("CurrencyPrefs", "MultiCurrencyEnabled"))),
        ("49", "Global Tax Model", not books.is_us),
    ]
    rows = [
        f'<Entitlement id="{key}"><name>{escape(name)}</name><term>{"On" if on else "Off"}</term></Entitlement>'
        for key, name, on in features
    ]
    head = "<QboCompany>true</QboCompany><PlanName>QBWEBPLUS</PlanName><MaxUsers>5</MaxUsers>"
    tail = "<CurrentUsers>1</CurrentUsers><DaysRemainingTrial>0</DaysRemainingTrial>"
    body = f"<EntitlementsResponse>{head}{tail}{''.join(rows)}</EntitlementsResponse>"
    return Response(200, body.encode(), {"Content-Type": "application/xml;charset=UTF-8"})
