"""Whatever anybody sends to any address, the sandbox answers as QuickBooks would: never with a 500 or an exception."""

from __future__ import annotations

import base64
import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from ledger_sync.sandbox import control
from ledger_sync.sandbox.quickbooks import api, oauth, pages, screens
from ledger_sync.sandbox.quickbooks.entities import ENTITIES
from practice.core.sandbox.http import Request, Response
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App, head
from tests.ledger_sync.sandbox.quickbooks.test_qbo_currencies import template
from tests.ledger_sync.sandbox.quickbooks.test_qbo_store import bodies

ODD: list[Any] = [
    None, "", " ", "x", "é", "\U0001f600", "\x00", "x" * 5_000, "'", "\\", "2026-13-45", "0000-00-00", "9999-12-31", "NaN",
    0, -1, 1, 10**30, -(10**15), 0.1, 1e-30, True, False, [], {}, [[]], [None], [{}], ["x"], {"value": None},
    {"value": "1"}, {"value": []}, {"value": {"value": "1"}}, {"Address": 5}, {"x": {"y": {"z": []}}}, {"": 1}, {"_x": 1}, "1" * 400, "true",
]  # fmt: skip
RAW = [
    b"", b"{", b"[]", b"null", b"5", b'"x"', b"\xff\xfe", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1e999}',
    b'{"Id": "\\ud800"}', b'{"Name": "\\ud800"}', b"[" * 100_000, b'{"a":' * 5_000, b"\x00" * 50, b'{"a": ' + b"9" * 5_000 + b"}",
    "é".encode("latin-1"), b"<xml/>", b"a=b&c=d",
]  # fmt: skip
TYPES = [
    "application/json",
    "application/text",
    "text/xml",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "é",
    "",
]
DAYS = [
    "",
    "soon",
    "2026-11-20",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-02-30",
    "2026-11-20T25:00:00Z",
]
QUERIES = [
    "", "select", "select * from", "select * from Invoice where", "select * from Invoice where Id in", "((((", "'", "\\",
    "select * from Invoice where Id in ()", "select * from Invoice where DocNumber like '%%%%'", "select ² from Invoice",
    "select * from Invoice maxresults ²", "select * from Invoice startposition 99999999999", "select * from Bill where ¿ = 1",
    "select * from Invoice orderby", "select * from Invoice orderby DocNumber, TxnDate, CustomerRef.name desc",
    "select * from Invoice where MetaData.LastUpdatedTime > 'soon'", "select * from Invoice where TotalAmt > 'NaN'",
    "select * from Invoice where TotalAmt < '1e9999'", "select * from Customer where Active = 5",
    "select * from Account orderby Id desc", "select * from Preferences where Id = '1'", "select * from taxcode orderby Id",
    "select count(*) from Invoice orderby Nothing", "select * from Invoice where TxnDate > '\x00'", "select * from \ud800",
    "select * from RecurringTransaction where Type = ''", "select * from Bill where Line = 'x' orderby Line",
    "select * from Invoice where MetaData.CreateTime < '0001-01-01T00:00:00+14:00'", "select * from Budget orderby Name",
]  # fmt: skip


def settled(app: App, request: Request) -> Response:
    """One request: its answer is QuickBooks' own, and a refusal has changed nothing."""
    before = app.sandbox.dump()
    answer = app.sandbox.handle(request)
    assert answer.status < 500, answer.body
    answer.body.decode() if b"%PDF" not in answer.body[:4] else None
    if answer.status >= 400:
        assert app.sandbox.dump() == before, "a refused request changed something"
    return answer


def asked(app: App, method: str, path: str, body: bytes = b"", **headers: str) -> Request:
    sent = {"Authorization": f"Bearer {app.token}", "Content-Type": "application/json", **headers}
    return Request.build(method, f"/v3/company/{app.realm}{path}", sent, body)


def good(app: App) -> dict[str, dict[str, Any]]:
    """A body of every kind that would be taken."""
    customer, checking = {"CustomerRef": {"value": "1"}}, app.account("Checking")
    sale = {**customer, "Line": [app.line()], "TxnDate": "2026-11-20", "TxnTaxDetail": {"TotalTax": 0}}
    expense = bodies(app)["Bill"]["Line"]
    sides = [
        {"Amount": 5, "DetailType": "JournalEntryLineDetail",
         "JournalEntryLineDetail": {"PostingType": side, "AccountRef": app.account(name)}}
        for side, name in (("Debit", "Rent"), ("Credit", "Checking"))
    ]  # fmt: skip
    paid = app.on(5, {"Id": "1"})
    return {
        **bodies(app),
        "Account": {"Name": "New", "AccountType": "Bank", "ParentRef": checking},
        "Attachable": {"Note": "x", "AttachableRef": [{"EntityRef": {"type": "Customer", "value": "1"}}]},
        "Class": {"Name": "New"}, "CompanyCurrency": {"Code": "EUR"}, "CreditMemo": sale,
        "CompanyInfo": {"Id": "1", "SyncToken": "0", "CompanyName": "x", "CompanyAddr": {"Line1": "x"}},
        "Customer": {"DisplayName": "New", "PrimaryEmailAddr": {"Address": "a@b.example"}, "SalesTermRef": {"value": "1"}},
        "Department": {"Name": "New"}, "Deposit": {"DepositToAccountRef": checking, "Line": [
            {"Amount": 5, "DetailType": "DepositLineDetail", "DepositLineDetail": {"AccountRef": app.account("Services")}}]},
        "Employee": {"DisplayName": "New", "HiredDate": "2026-01-01"},
        "ExchangeRate": {"SourceCurrencyCode": "EUR", "Rate": 1.1, "AsOfDate": "2026-11-20"},
        "Invoice": sale, "Item": {"Name": "New", "Type": "Service", "IncomeAccountRef": app.account("Services"), "UnitPrice": 5},
        "JournalEntry": {"Line": sides}, "Payment": {**customer, "TotalAmt": 5, "Line": [paid]},
        "PaymentMethod": {"Name": "New", "Type": "CREDIT_CARD"},
        "Preferences": {"Id": "1", "SyncToken": "0", "SalesFormsPrefs": {"CustomTxnNumbers": True},
                        "CurrencyPrefs": {"HomeCurrency": {"value": "USD"}}},
        "Purchase": {"PaymentType": "Cash", "AccountRef": checking, "Line": expense},
        "RecurringTransaction": template(app), "RefundReceipt": {**sale, "DepositToAccountRef": checking},
        "SalesReceipt": sale, "TaxAgency": {"DisplayName": "New"}, "Term": {"Name": "New", "DueDays": 5},
        "Transfer": {"FromAccountRef": checking, "ToAccountRef": app.account("Savings"), "Amount": 5},
        "Vendor": {"DisplayName": "New", "TermRef": {"value": "1"}},
    }  # fmt: skip


def spoiled(chance: random.Random, body: dict[str, Any]) -> dict[str, Any]:
    """A body with one place in it changed to something odd, taken away, or named otherwise."""
    out = copy.deepcopy(body)
    place: Any = out
    while True:
        key = chance.choice(list(place)) if isinstance(place, dict) and place else 0
        inner = place[key] if place else None
        if not isinstance(inner, dict | list) or not inner or chance.random() < 0.4:
            break
        place = inner
    if not place:
        return {"x": chance.choice(ODD)}
    act = chance.random()
    if act < 0.8:
        place[key] = copy.deepcopy(chance.choice(ODD))
    elif isinstance(place, dict) and act < 0.9:
        place[
            chance.choice(["", "_applied", "Colour", "Active", "TxnDate", "CurrencyRef", "Line", "Id", "SyncToken"])
        ] = place.pop(key)
    else:
        del place[key]
    return out


@pytest.mark.parametrize("kind", sorted({entity.name for entity in ENTITIES.values()}))
def test_no_body_of_any_kind_breaks_it(app: App, kind: str) -> None:
    chance = random.Random(f"fuzz {kind}")
    app.invoice(100)
    body = good(app).get(kind, {"Name": "x"})
    path = f"/{kind.lower()}"
    made = app.call("POST", path, body)
    assert made.status == 200 or "create" not in ENTITIES[kind.lower()].verbs or kind == "CompanyCurrency", made.body
    for _ in range(60):
        sent = json.dumps(spoiled(chance, body)).encode()
        settled(app, asked(app, "POST", f"{path}{chance.choice(['', '?operation=create', '?operation=update'])}", sent))
    row = (
        (made.json().get(kind) or {"Id": "1", "SyncToken": "0"})
        if made.status == 200
        else {"Id": "1", "SyncToken": "0"}
    )
    first = head(row) if "Id" in row else {"Id": "1", "SyncToken": "0"}
    for operation in (
        "?operation=update",
        "?operation=void",
        "?operation=update&include=void",
        "?operation=delete",
        "?include=x",
    ):
        for _ in range(4):
            settled(app, asked(app, "POST", path + operation, json.dumps(spoiled(chance, {**body, **first})).encode()))
    for raw in RAW:
        settled(app, asked(app, "POST", path, raw))


@pytest.mark.parametrize("kind", sorted({entity.name for entity in ENTITIES.values()}))
def test_no_id_path_or_method_of_any_kind_breaks_it(app: App, kind: str) -> None:
    low = kind.lower()
    app.invoice(100)
    made = app.call("POST", f"/{low}", good(app).get(kind, {})).json()
    there = next((str(row["Id"]) for row in made.values() if isinstance(row, dict) and "Id" in row), "1")
    for key in (there, "1", "0", "-1", "x", "%00", "%ff", "%ed%a0%80", "1%2F2", "é", "9" * 400, "..", "?", " "):
        for path in (f"/{low}/{key}", f"/{low}/{key}/pdf", f"/{low}/{key}/send?sendTo={key}", f"/{low}/{key}/x/y"):
            for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
                settled(app, asked(app, method, path))
    settled(app, asked(app, "GET", f"/{low}?minorversion=x&include=%00&sourcecurrencycode=%ff&asofdate=x"))


def services() -> Iterator[tuple[str, str]]:
    for name in (*api.SERVICES, "reports/TrialBalance", "download/1", "", "nothing", "entitlements"):
        for method in ("GET", "POST", "PUT"):
            yield name, method


@pytest.mark.parametrize(("name", "method"), list(services()))
def test_no_call_of_a_service_breaks_it(app: App, name: str, method: str) -> None:
    for raw in [*RAW, *(json.dumps({"BatchItemRequest": [item]}).encode() for item in items(app))]:
        for kind in TYPES:
            settled(app, asked(app, method, f"/{name}", raw, **{"Content-Type": kind}))
    for day in DAYS:
        settled(app, asked(app, method, f"/{name}?entities=Invoice,Customer,,x&changedSince={day.replace('+', '%2B')}"))
    for text in ("%00", "%ff", "%ed%a0%80", "x" * 400):
        settled(app, asked(app, method, f"/{name}?query={text}&requestid={text}&entities={text}&level={text}"))


def items(app: App) -> list[Any]:
    kinds: list[Any] = [
        {key: value} for key in ("Invoice", "Query", "CDCQuery", "bId", "operation", "optionsData") for value in ODD
    ]
    return [
        *ODD,
        *kinds,
        {"Invoice": app.line(), "operation": [], "bId": {}},
        {"CDCQuery": {"Entities": [], "ChangedSince": 5}},
    ]


def test_no_query_breaks_it(app: App) -> None:
    app.invoice(1, DocNumber="1001")
    app.invoice(1, DocNumber="A-1")
    for text in QUERIES:
        settled(app, asked(app, "POST", "/query", text.encode("utf-8", "surrogatepass")))
    chance = random.Random("queries")
    words = "select * count ( ) , from Invoice Customer where and or Id DocNumber TotalAmt = != < > in like '1' 'x%' orderby asc desc startposition maxresults 1 0 -1 ' \\ ;".split()
    for _ in range(1500):
        text = " ".join(chance.choices(words, k=chance.randint(1, 14)))
        settled(app, asked(app, "POST", "/query", text.encode()))


@pytest.mark.parametrize(
    "path",
    [*oauth.ROUTES, "/files/1/1", "/files/x", "/manage/entitlements/v3/x", "/", "/nothing", "//", "/v3", "/v3/company"],
)
def test_no_call_of_sign_in_breaks_it(app: App, path: str) -> None:
    keys = (
        "grant_type",
        "code",
        "refresh_token",
        "redirect_uri",
        "token",
        "client_id",
        "scope",
        "response_type",
        "state",
        "realm",
        "answer",
    )
    values = [
        "",
        "x",
        "%00",
        "%ff",
        "é",
        "authorization_code",
        "refresh_token",
        "http://localhost/%0d%0aX: y",
        "//[",
        "connect",
    ]
    known = base64.b64encode(f"{app.keys['client_id']}:{app.keys['client_secret']}".encode()).decode()
    heads = [
        f"Basic {known}",
        f"Basic {known}",
        "",
        "Basic",
        "Basic x",
        "Basic é",
        "Bearer",
        "Bearer \x00",
        f"Bearer {app.token}",
        "Basic eDp5",
    ]
    chance = random.Random(path)
    for _ in range(120):
        sent = {key: chance.choice(values) for key in chance.sample(keys, 4)}
        if chance.random() < 0.6:
            sent |= {"client_id": app.keys["client_id"], "scope": chance.choice(["openid", "x", ""])}
        form = "&".join(f"{key}={value}" for key, value in sent.items())
        header = {"Authorization": chance.choice(heads), "Content-Type": chance.choice(TYPES)}
        for method, url, body in (
            ("GET", f"{path}?{form}", b""),
            ("POST", path, form.encode()),
            ("POST", path, chance.choice(RAW)),
        ):
            settled(app, Request.build(method, url, header, body))


def test_no_page_or_form_of_the_bookkeeper_breaks_it(app: App) -> None:
    app.payment(10, app.invoice(100))
    chance = random.Random("pages")
    for name, _ in screens.SCREENS:
        for key in ("", "1/", "2/", "x/", "%00/", "1/2/3/"):
            settled(app, Request.build("GET", f"/books/{app.realm}/{name}/{key}?state=%00&inactive=x"))
    for name, action in pages.ACTIONS:
        for key in ("1/", "x/", "", "%00/"):
            for _ in range(6):
                fields = {field: chance.choice(["", "x", "-1", "1e400", "NaN", "é", "%00", "2026-13-01"]) for field in
                          ("amount", "date", "account", "reference", "survivor", "line", "Amount", "DisplayName", "email",
                           "closed", "DueDate", "TxnDate", "name", "reason", "at", "back")}  # fmt: skip
                form = "&".join(f"{field}={value}" for field, value in {**fields, "action": action}.items())
                settled(
                    app,
                    Request.build(
                        "POST", f"/books/{app.realm}/{name}/{key}", {"Origin": "http://x[", "Host": "x"}, form
                    ),
                )
                settled(app, Request.build("POST", f"/books/{app.realm}/{name}/{key}", {}, form))


def test_no_order_to_the_sandbox_breaks_it(app: App) -> None:
    for name in (*control._POST, "", "state", "books", "credentials", "x"):
        for raw in (*RAW, *(json.dumps(value).encode() for value in ODD), b'{"faults": 5}', b'{"trouble": 5}', b'{"advance_seconds": 1e400}',
                    b'{"at": 5}', b'{"minute": []}', b'{"kind": "reset", "times": "x"}', b'{"redirect_uris": 5}'):  # fmt: skip
            for method in ("GET", "POST", "PUT"):
                answer = app.sandbox.handle(Request.build(method, f"/_sandbox/{name}", {}, raw))
                assert answer.status < 500
        app.sandbox.faults.clear()
