"""Whatever is sent to whichever route, the sandbox answers as a service would: no exception, no 500 of its own."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ledger_sync.sandbox.xero import XeroSandbox, api, pages, screens
from practice.core import clock
from practice.core.sandbox.http import Request, Response
from tests.ledger_sync.sandbox.xero.xero_app import NOON, App, unlimited

ODD_TEXTS = (
    "",
    " ",
    "\x00",
    "\ud800",
    "x" * 3_000,
    "ﷺ\u202e𝕏",
    "<b>&\"'",
    "2026-02-30",
    "2026-13-45T99:99:99",
    "0000-00-00",
    "99999-01-01",
    "/Date(99999999999999999999)/",
    "/Date(-99999999999999)/",
    "/Date(1e5)/",
    "NaN",
    "1e999999",
    "-1",
    "00000000-0000-0000-0000-000000000000",
    "{guid}",
    "../../etc/passwd",
)
ODD = (
    *ODD_TEXTS,
    None,
    True,
    False,
    0,
    -1,
    10**400,
    1e308,
    -0.0,
    float("nan"),
    float("inf"),
    0.005,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [{"ContactID": []}],
    [{"LineItemID": {}}],
    {"Type": "x", "Day": 10**9},
)
FIELDS = """
    Type Contact ContactID ContactNumber Name Code AccountID AccountNumber Date DueDate LineItems LineAmountTypes
    Status Reference Url BrandingThemeID CurrencyCode CurrencyRate InvoiceNumber InvoiceID CreditNoteNumber Invoice
    CreditNote Overpayment Prepayment Account Amount IsReconciled BankAccount Payments FromBankAccount ToBankAccount
    TaxType TaxComponents Description SalesDetails PurchaseDetails Phones Addresses PaymentTerms ContactPersons
    ContactStatus EmailAddress Options Details Schedule Class SentToContact Tracking ItemCode ItemID Quantity
    UnitAmount DiscountRate DiscountAmount LineAmount TaxAmount AccountCode EnablePaymentsToAccount BankAccountType
    TrackingCategoryID TrackingOptionID BatchPaymentID PaymentID BankTransactionID BankTransferID RepeatingInvoiceID
    ContactGroupID FromIsReconciled DefaultCurrency AccountsReceivableTaxType SalesTrackingCategories
""".split()
RAW = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"[[]]",
    b'"x"',
    b"1",
    b"\xff\xfe{\x00}",
    b"\x80abc",
    b'{"Invoices":',
    b"[" * 100_000,
    b'{"a":' * 5_000,
    b'{"Amount":1e999999999}',
    b'{"Amount":' + b"9" * 5_000 + b"}",
    b"<Invoices/>",
    b'{"\xc3\x28":1}',
    b'{"Invoices":[{"Date":"\\ud800"}]}',
)
HEADERS: tuple[dict[str, str], ...] = (
    {"If-Modified-Since": "yesterday"},
    {"If-Modified-Since": "0001-01-01T00:00:00+14:00"},
    {"If-Modified-Since": "9999-12-31T23:59:59-14:00"},
    {"If-Modified-Since": "Fri, 99 Foo 2026 00:00:00 GMT"},
    {"If-Modified-Since": "20261120T010101"},
    {"Accept": "application/xml"},
    {"Accept": "application/pdf"},
    {"Accept": ""},
    {"Content-Type": "text/plain; charset=utf-16"},
    {"Idempotency-Key": "\x00\xff" * 64},
    {"Idempotency-Key": "same"},
)
QUERIES = (
    "page=0",
    "page=-1",
    "page=x",
    "page=" + "9" * 5_000,
    "page=1&pageSize=0",
    "page=1&pageSize=1e3",
    "where=",
    "where=((((",
    "where=" + "(" * 3_000,
    "where=Status%3D%3D",
    "where=Date%3E%3DDateTime(2026)",
    "where=Date%3E%3DDateTime(x,y,z)",
    "where=Date%3E%3DDateTime(99999,99,99)",
    "where=Contact.ContactID%3D%3Dguid()",
    "where=Total%3C%22x%22",
    "where=Name.StartsWith(1)",
    "where=Contact.Name.Contains(%22a%22)",
    "where=Invoice.InvoiceID%3D%3Dnull",
    "where=Schedule.Unit%3D%3D%22MONTHLY%22",
    "where=%00%FF",
    "order=Contact",
    "order=LineItems%20DESC",
    "order=%2C%2C",
    "order=Total%20SIDEWAYS",
    "IDs=x",
    "IDs=%00",
    "ContactIDs=1,2",
    "Statuses=,,",
    "searchTerm=%5B%28",
    "unitdp=99",
    "summarizeErrors=maybe",
    "summaryOnly=true",
    "includeArchived=1",
    "includeDeleted=true",
    "%ED%A0%80=%ED%A0%80",
)


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with clock.at(NOON):
        yield App(unlimited(XeroSandbox(company="vendor")))


def fuzzed(seed: int, depth: int = 0) -> Any:
    """A body that looks like one of Xero's and is wrong somewhere."""
    chance = random.Random(seed)
    return _element(chance, depth)


def _element(chance: random.Random, depth: int) -> Any:
    element: dict[str, Any] = {}
    for name in chance.sample(FIELDS, chance.randint(1, 14)):
        roll = chance.random()
        if roll < 0.25 and depth < 2:
            inner = _element(chance, depth + 1)
            element[name] = [inner] if chance.random() < 0.5 else inner
        elif roll < 0.75:
            element[name] = chance.choice(ODD)
        else:
            element[name] = chance.choice(GOOD)
    return element


GOOD = (
    "ACCREC",
    "ACCRECCREDIT",
    "SPEND",
    "RECEIVE-OVERPAYMENT",
    "AUTHORISED",
    "DELETED",
    "DRAFT",
    "200",
    "090",
    "OUTPUT",
    "2026-11-20",
    "Exclusive",
    {"Code": "090"},
    {"Code": "091"},
    {"Name": "New"},
    {"InvoiceNumber": "INV-0020"},
    [{"Description": "x", "UnitAmount": 5, "AccountCode": "200"}],
    [{"Description": "x", "Quantity": "1e40", "UnitAmount": "9e40", "AccountCode": "200"}],
    [{"Name": "Office", "Option": "Remote"}],
    100,
    1,
)


def named(app: App, path: str, number: int) -> list[str]:
    """A route's path with real ids of its kind, and with odd ones."""
    books = app.sandbox.books(app.tenant)
    kind = path.partition("/")[0].replace("Organisation", "Organisations").replace("Organisationss", "Organisations")
    rows = list(books.table(kind))
    real = rows[number % len(rows)] if rows else "none"
    first = re.sub(r"\{\w+\}", real, path, count=1)
    return [
        first.replace("{FileName}", "a.pdf"),
        re.sub(r"\{\w+\}", "%00%ED%A0%80", path),
        re.sub(r"\{\w+\}", "x", path),
    ]


def sound(response: Response, what: object) -> None:
    """A 500 is Xero's own only where it was reported: tracking that is no list."""
    ours = response.status == 500 and b"An error occurred in Xero" not in response.body
    assert response.status < 600, what
    assert not ours, (what, response.body[:300])
    if response.headers.get("Content-Type", "").startswith("application/json") and response.body:
        json.loads(response.body, parse_constant=lambda name: pytest.fail(f"{name} in the answer to {what}"))


def send(app: App, method: str, path: str, body: bytes | None = None, **headers: str) -> Response:
    sent = {"Authorization": f"Bearer {app.token}", "xero-tenant-id": app.tenant, "Accept": "application/json"}
    response = app.sandbox.handle(Request.build(method, path, {**sent, **headers}, body))
    sound(response, (method, path[:200], (body or b"")[:600], headers))
    return response


ROUTES = [pytest.param(route, id=route.path) for route in api.ROUTES]


@pytest.mark.parametrize("route", ROUTES)
def test_no_route_breaks_on_odd_requests(app: App, route: api.Route) -> None:
    for path in named(app, route.path, 0):
        url = api.ROOT + path
        for method in ("GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW"):
            for raw in RAW if method in ("PUT", "POST") else (b"",):
                send(app, method, url, raw)
        for query in QUERIES:
            send(app, route.methods[0], f"{url}?{query}", b"{}")
        for headers in HEADERS:
            send(app, route.methods[-1], url, b"{}", **headers)


@pytest.mark.parametrize("route", [route for route in ROUTES if {"PUT", "POST"} & set(route.values[0].methods)])
def test_no_route_breaks_on_odd_elements(app: App, route: api.Route) -> None:
    name = route.path.split("/")[-1] if "{" in route.path and not route.path.endswith("}") else route.path.split("/")[0]
    for number in range(60):
        url = api.ROOT + named(app, route.path, number)[0]
        body = {name.replace("History", "HistoryRecords"): [fuzzed(number), fuzzed(number + 1_000)]}
        raw = json.dumps(body if number % 3 else fuzzed(number)).encode("utf-8", "surrogatepass")
        for method in {"PUT", "POST"} & set(route.methods):
            send(app, method, url + ("?summarizeErrors=false" if number % 2 else ""), raw)


def test_no_right_document_breaks_when_one_field_is_odd(app: App) -> None:
    line = {
        "Description": "x",
        "Quantity": 1,
        "UnitAmount": 5,
        "AccountCode": "200",
        "TaxType": "OUTPUT",
        "Tracking": [],
    }
    who = {"ContactID": next(iter(app.sandbox.books(app.tenant).table("Contacts")))}
    schedule = {
        "Period": 1,
        "Unit": "MONTHLY",
        "DueDate": 1,
        "DueDateType": "OFCURRENTMONTH",
        "StartDate": "2026-12-01",
    }
    whole: dict[str, dict[str, Any]] = {
        "Invoices": {"Type": "ACCREC", "Contact": who, "Date": "2026-11-20", "DueDate": "2026-12-20", "LineItems": [line]},
        "CreditNotes": {"Type": "ACCRECCREDIT", "Contact": who, "Status": "AUTHORISED", "LineItems": [line]},
        "BankTransactions": {"Type": "SPEND", "Contact": who, "BankAccount": {"Code": "090"}, "LineItems": [line]},
        "Payments": {"Invoice": {"InvoiceNumber": "INV-0020"}, "Account": {"Code": "090"}, "Amount": 1, "Date": "2026-11-20"},
        "RepeatingInvoices": {"Type": "ACCREC", "Contact": who, "Schedule": schedule, "LineItems": [line]},
        "BankTransfers": {"FromBankAccount": {"Code": "090"}, "ToBankAccount": {"Code": "091"}, "Amount": 1},
        "Contacts": {"Name": "Odd", "Phones": [{"PhoneType": "DDI"}], "Addresses": [{"AddressType": "POBOX"}]},
        "Items": {"Code": "ODD", "SalesDetails": {"UnitPrice": 1, "AccountCode": "200", "TaxType": "OUTPUT"}},
        "Accounts": {"Code": "999", "Name": "Odd", "Type": "EXPENSE", "TaxType": "INPUT"},
        "TaxRates": {"Name": "Odd", "TaxComponents": [{"Name": "a", "Rate": 1}]},
    }  # fmt: skip
    for name, good in whole.items():
        for path in _places(good):
            for odd in ODD:
                raw = json.dumps({name: [_with(good, path, odd)]}).encode("utf-8", "surrogatepass")
                send(app, "PUT", f"{api.ROOT}{name}?summarizeErrors=false", raw)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield from _places(part, (*path, key))


def _with(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(copy[path[0]], path[1:], odd)
    return copy


def test_no_odd_credential_breaks_the_gate(app: App) -> None:
    for token in ("", "Bearer", "Bearer ", "Basic xxx", "Bearer a.b.c", "\x00", "Bearer " + "x" * 9_000, "Bearer é"):
        for tenant in ("", "x", "\x00", app.tenant):
            for path in ("/api.xro/2.0/Invoices", "/connections", "/Connections/x", "/connections/%00"):
                for method in ("GET", "DELETE", "PUT"):
                    response = send(app, method, path, b"{}", **{"Authorization": token, "xero-tenant-id": tenant})
                    assert 400 <= response.status < 500


def test_no_odd_form_breaks_the_identity_service(app: App) -> None:
    forms = (
        b"",
        b"\xff\xfe",
        b"grant_type=authorization_code&code=%00",
        b"grant_type=refresh_token&refresh_token=" + b"x" * 5_000,
        b"grant_type=x&client_id=&client_secret=",
        b"client_id=" + app.credentials["client_id"].encode() + b"&answer=approve&tenant=x&redirect_uri=%00",
        b"{}",
        b"=&&=",
    )
    for path in (*app.sandbox.identity.PATHS, "/in/x", "/in/", "/nowhere", "//", "/%00"):
        for method in ("GET", "POST", "PUT", "DELETE", "HEAD"):
            for form in forms:
                for header in ("", "Basic !!!", "Basic eDp5", "Basic /w=="):
                    query = "?" + form.decode("latin-1") if method == "GET" else ""
                    response = send(app, method, path + query, form, Authorization=header)
                    assert response.status < 500


def test_no_odd_control_breaks_the_sandbox(app: App) -> None:
    for name in ("faults", "webhooks", "clock", "app", "settings", "tick", "x", ""):
        for body in (b"", b"{", b"[]", b"1", b'"x"', b"\xff", b'{"kind":1}', b'{"trouble":1}', b'{"at":"x"}',
                     b'{"advance_seconds":"x"}', b'{"redirect_uris":1}', b'{"minute":"x"}', b'{"weather":1}',
                     b'{"faults":[1]}', b'{"faults":{}}', b'{"advance_seconds":1e300}', b'{"minute":null}'):  # fmt: skip
            assert send(app, "POST", f"/_sandbox/{name}", body).status in (200, 400, 404)
    app.sandbox.faults.clear()
    clock.move(NOON)


def test_no_odd_form_breaks_the_bookkeepers_pages(app: App) -> None:
    values = ("", "x", "\x00", "-1", "1e999999", "2026-02-30", "é" * 300, app.tenant)
    books = app.sandbox.books(app.tenant)
    for name, action in pages.ACTIONS:
        kind = {"accounts": "Accounts", "repeating": "RepeatingInvoices"}.get(name, name.capitalize())
        for key in ("", "x", "%00", next(iter(books.table(kind)), "none")):
            for value in values:
                fields = "amount account date reference period year_end category option name Name id line survivor UnitAmount"
                form = "&".join(f"{field}={value}" for field in fields.split()) + f"&action={action}"
                path = f"/books/{app.tenant}/{name}/{key}/"
                assert send(app, "POST", path, form.encode("utf-8", "surrogatepass")).status in (303, 400, 403, 404)
    for name, keyed in screens.SCREENS:
        for key in ("x/", "%00/") if keyed else ("", "?status=x&type=y&archived=z"):
            path = f"/books/{app.tenant}/{name}/{key}" if name else f"/books/{app.tenant}/{key}"
            assert send(app, "GET", path).status in (200, 404)
