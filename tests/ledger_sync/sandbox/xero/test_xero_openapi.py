"""The sandbox's answers against Xero's published description and the models of its SDK: every 200 and 400 of every path.

What does not pass stands in ``openapi_exceptions.json`` with its reason; one that passes must leave that file.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse
from xero_python import accounting
from xero_python.api_client import ModelFinder
from xero_python.api_client.deserializer import deserialize

from ledger_sync.sandbox.xero import XeroSandbox, api
from practice.core.sandbox.http import Request, Response
from tests.ledger_sync.sandbox.xero.xero_app import App, unlimited
from tests.ledger_sync.sandbox.xero.xero_spec import SPEC, needs_specs, raw_description

pytestmark = needs_specs
EXCEPTIONS = json.loads((Path(__file__).parent / "openapi_exceptions.json").read_text(encoding="utf-8"))
#: It may only shrink: lower this with it.
MOST_EXCEPTIONS = 3
MODELS = ModelFinder(accounting.models)
#: Answers without JSON, and ways of refusing a call that Xero answers without a list of errors.
NO_JSON = {("Invoices/{InvoiceID}/pdf", "GET"), ("CreditNotes/{CreditNoteID}/pdf", "GET")}
NO_CONTENT = {
    ("BrandingThemes/{BrandingThemeID}/PaymentServices", "POST"),  # never taken: there is no payment service
    ("ContactGroups/{ContactGroupID}/Contacts", "DELETE"),
    ("ContactGroups/{ContactGroupID}/Contacts/{ContactID}", "DELETE"),
    ("Invoices/{InvoiceID}/Email", "POST"),
    ("Items/{ItemID}", "DELETE"),
}
#: Nothing to refuse: whatever is well formed is taken, or the document is not there (404).
NEVER_REFUSED = {
    ("ContactGroups/{ContactGroupID}/Contacts", "DELETE"),
    ("ContactGroups/{ContactGroupID}/Contacts/{ContactID}", "DELETE"),
    ("Items/{ItemID}", "DELETE"),
    ("TrackingCategories/{TrackingCategoryID}", "DELETE"),
}


@pytest.fixture(scope="module")
def description() -> OpenAPI:
    return OpenAPI.from_dict(raw_description(SPEC), config=Config(spec_validator_cls=None))


class Checked(App):
    """An app whose every exchange with a JSON answer is held against the description and the SDK's models."""

    def __init__(self, sandbox: XeroSandbox, description: OpenAPI) -> None:
        self.description = description
        self.seen: dict[tuple[str, str, int], list[str]] = {}
        super().__init__(sandbox)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        response = super().call(method, path, body, **headers)
        route = api.route_of(Request.build(method, "/api.xro/2.0" + path).path)[0]
        wrong = self.seen.setdefault((route.path, method, response.status), [])
        if response.status in (200, 400) and response.body.startswith(b"{"):
            wrong += self._against_description(method, path, body, response)
            wrong += against_models(operation(route.path, method), response)
        return response

    def _against_description(self, method: str, path: str, body: Any, response: Response) -> list[str]:
        parts = Request.build(method, "/api.xro/2.0" + path)
        raw = isinstance(body, bytes)
        request = MockRequest(
            "https://api.xero.com",
            method.lower(),
            parts.path,
            args=dict(parts.query),
            headers={"xero-tenant-id": self.tenant},
            data=body if raw else json.dumps(body).encode() if body is not None else None,
            content_type="application/octet-stream" if raw else "application/json",
        )
        answer = MockResponse(response.body, response.status, content_type="application/json")
        if response.status == 400 and "400" not in operation(api.route_of(parts.path)[0].path, method)["responses"]:
            return []  # the description is silent; the models still speak
        try:
            self.description.validate_response(request, answer)
        except OpenAPIError as error:
            errors = getattr(getattr(error, "__cause__", None), "schema_errors", [])
            return [repr(error), *(f"{'/'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in errors)]
        return []

    def sound(self) -> None:
        """Fail for what is wrong and has no exception."""
        excused = {(one["path"], one["method"], one["status"]) for one in EXCEPTIONS}
        wrong = {key: texts for key, texts in self.seen.items() if texts and key not in excused}
        assert not wrong, wrong


def operation(path: str, method: str) -> dict[str, Any]:
    paths = raw_description(SPEC)["paths"]
    wanted = re.sub(r"\{\w+\}", "{}", "/" + path)
    fitting = [item for name, item in paths.items() if re.sub(r"\{\w+\}", "{}", name) == wanted]
    return next(item[method.lower()] for item in fitting if method.lower() in item)


def against_models(described: dict[str, Any], response: Response) -> list[str]:
    """What the SDK says on reading an answer into the model that the description names."""
    name = "Error"
    if response.status == 200:
        answer = described["responses"]["200"]
        if "$ref" in answer:
            answer = raw_description(SPEC)["components"]["responses"][answer["$ref"].rpartition("/")[2]]
        name = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    try:
        deserialize(name, json.loads(response.body, parse_float=Decimal), MODELS)
    except (ValueError, TypeError, AttributeError) as error:
        return [f"{name}: {error!r}"]
    return []


@pytest.fixture
def app(description: OpenAPI) -> Checked:
    return Checked(unlimited(XeroSandbox(company="vendor")), description)


LISTS = (
    "Accounts BankTransactions?page=1 BankTransactions BankTransfers BankTransfers?includeDeleted=true BatchPayments "
    "BrandingThemes ContactGroups Contacts?page=1 Contacts Contacts?summaryOnly=true&page=1 Contacts?includeArchived=true "
    "CreditNotes?page=1 CreditNotes Currencies Invoices Invoices?page=1 Invoices?summaryOnly=true Invoices?Statuses=PAID "
    "InvoiceReminders/Settings Items Organisation Overpayments?page=1 Overpayments Payments?page=1 Payments "
    "Prepayments?page=1 RepeatingInvoices TaxRates TrackingCategories TrackingCategories?includeArchived=true Users"
).split()


@pytest.mark.parametrize("path", LISTS)
def test_lists(app: Checked, path: str) -> None:
    assert app.call("GET", "/" + path).status == 200
    app.sound()
    assert len(app.seen) == 1


def test_every_route_answers_as_described(app: Checked) -> None:
    tour = Tour(app)
    tour.take()
    for route in api.ROUTES:
        if route.path.startswith("Organisations"):
            continue  # the same path under its other name
        for method in route.methods:
            if (route.path, method) not in NO_JSON | NO_CONTENT:
                assert (route.path, method, 200) in app.seen, f"never answered: {method} {route.path}"
            if method != "GET" and (route.path, method) not in NEVER_REFUSED:
                assert (route.path, method, 400) in app.seen, f"never refused: {method} {route.path}"
    app.sound()


def test_the_exceptions_are_still_needed_and_no_more(app: Checked) -> None:
    assert len(EXCEPTIONS) <= MOST_EXCEPTIONS
    Tour(app).take()
    for one in EXCEPTIONS:
        assert one["reason"]
        assert app.seen[one["path"], one["method"], one["status"]], f"no longer an exception: {one}"


def test_elements_in_error_among_others(app: Checked) -> None:
    bad = {"Type": "ACCREC", "Contact": {"Name": "X"}, "Status": "AUTHORISED", "LineItems": [{"Description": ""}]}
    for name, element in (
        ("Invoices", bad),
        ("Contacts", {"Name": "Mossgrove Dental"}),
        ("Payments", {"Invoice": {"InvoiceNumber": "INV-0001"}, "Account": {"Code": "091"}, "Amount": 10**6}),
        ("CreditNotes", {**bad, "Type": "ACCRECCREDIT"}),
        ("BankTransactions", {"Type": "SPEND", "BankAccount": {"Code": "1"}, "LineItems": []}),
        ("Items", {"Code": "TAX-CO"}),
        ("RepeatingInvoices", {"Type": "ACCREC"}),
    ):
        assert app.call("PUT", f"/{name}?summarizeErrors=false", {name: [element]}).status == 200
    app.sound()


def test_the_check_itself_sees_a_wrong_answer(app: Checked) -> None:
    row = app.sandbox.books(app.tenant).organisation
    with app.sandbox.store.transaction():
        app.sandbox.books(app.tenant).change("Organisations", row, SalesTaxBasis="WEEKLY")
    app.call("GET", "/Organisation")
    (texts,) = app.seen.values()
    assert any("SalesTaxBasis" in text or "WEEKLY" in text for text in texts)
    assert len(texts) >= 2, "the description and the model both see it"


class Tour:
    """Every method of every path: once so that it is taken, once so that it is refused."""

    def __init__(self, app: Checked) -> None:
        self.app = app
        self.books = app.sandbox.books(app.tenant)
        self.who = {"ContactID": next(iter(self.books.table("Contacts")))}
        self.line = {"Description": "Fee", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200"}

    def put(self, path: str, element: dict[str, Any], method: str = "PUT") -> dict[str, Any]:
        parts = path.split("/")
        name = {"History": "HistoryRecords"}.get(parts[2], parts[2]) if len(parts) > 2 else parts[0]
        answer = self.app.call(method, "/" + path, {name: [element]})
        assert answer.status == 200, (path, answer.body)
        return answer.json()[name][0]

    def refuse(self, path: str, element: Any, method: str = "PUT") -> None:
        parts = path.split("/")
        name = {"History": "HistoryRecords"}.get(parts[2], parts[2]) if len(parts) > 2 else parts[0]
        body = element if isinstance(element, bytes) else {name: [element]}
        answer = self.app.call(method, "/" + path, body)
        assert answer.status == 400, (path, answer.status, answer.body)

    def get(self, path: str) -> None:
        assert self.app.call("GET", "/" + path).status == 200, path

    def take(self) -> None:
        self.lists()
        self.documents()
        self.money()
        self.deletions()
        self.reads()

    def both(self, name: str, good: dict[str, Any], bad: dict[str, Any], change: dict[str, Any]) -> str:
        """PUT and POST of the list and POST of one, each taken and refused; gives the path of one."""
        key = api.RESOURCES[name.lower()].key
        made = self.put(name, good)
        one = f"{name}/{made[key]}"
        self.put(one, change, "POST")
        self.refuse(name, bad)
        self.refuse(one, bad, "POST")
        if "POST" in api.route_of("/api.xro/2.0/" + name)[0].methods:
            self.put(name, {key: made[key], **change}, "POST")
            self.refuse(name, {key: made[key], **bad}, "POST")
        self.get(one)
        return one

    def lists(self) -> None:
        account = self.both(
            "Accounts", {"Code": "999", "Name": "Tour", "Type": "EXPENSE"}, {"Type": "X"}, {"Name": "T"}
        )
        assert self.app.call("DELETE", "/" + account).status == 200
        used = self.app.get("/Accounts?where=Code==%22205%22", "Accounts")[0]["AccountID"]
        assert self.app.call("DELETE", f"/Accounts/{used}").status == 400
        self.both("Items", {"Code": "TOUR"}, {"Name": "x" * 51}, {"Name": "Tour"})
        self.put("Items", {"Code": "TOUR-2"}, "POST")
        self.put("Currencies", {"Code": "USD"})
        self.refuse("Currencies", {"Code": "U"})
        self.put("TaxRates", {"Name": "T", "TaxComponents": [{"Name": "t", "Rate": 5}]})
        self.refuse("TaxRates", {"Name": "T"})
        self.put("TaxRates", {"Name": "T", "TaxType": "TAX001", "TaxComponents": [{"Name": "t", "Rate": 6}]}, "POST")
        self.refuse("TaxRates", {"Name": "T2"}, "POST")
        for category in self.app.get("/TrackingCategories", "TrackingCategories")[:1]:
            one = f"TrackingCategories/{category['TrackingCategoryID']}"
            self.refuse("TrackingCategories", {"Name": "Third"})
            self.put(one, {"Name": "Place"}, "POST")
            self.refuse(one, {"Name": "x" * 101}, "POST")
            option = self.put(f"{one}/Options", {"Name": "New"})["TrackingOptionID"]
            self.refuse(f"{one}/Options", {"Name": "New"})
            self.put(f"{one}/Options/{option}", {"Name": "Newer"}, "POST")
            self.refuse(f"{one}/Options/{option}", {"Name": "x" * 101}, "POST")
            assert self.app.call("DELETE", f"/{one}/Options/{option}").status == 200
            assert self.app.call("DELETE", f"/{one}/Options/{self.who['ContactID']}").status == 400
            self.get(one)
            assert self.app.call("DELETE", "/" + one).status == 200
        self.put("TrackingCategories", {"Name": "Region"})
        group = self.both("ContactGroups", {"Name": "Tour"}, {"Name": "x" * 300}, {"Name": "Tour 2"})
        self.put(f"{group}/Contacts", self.who)
        self.refuse(f"{group}/Contacts", {"ContactID": "x"})
        assert self.app.call("DELETE", f"/{group}/Contacts/{self.who['ContactID']}").status == 204
        assert self.app.call("DELETE", f"/{group}/Contacts").status == 204
        theme = self.app.get("/BrandingThemes", "BrandingThemes")[0]["BrandingThemeID"]
        self.refuse(f"BrandingThemes/{theme}/PaymentServices", {"PaymentServiceID": theme}, "POST")

    def documents(self) -> None:
        contact = {"Name": "Tour", "EmailAddress": "tour@tour.example"}
        self.both("Contacts", contact, {"EmailAddress": "x", "Name": "Y"}, {"FirstName": "T"})
        bill: dict[str, Any] = {"Contact": self.who, "DueDate": "2026-12-04", "LineItems": [self.line]}
        lineless = {"Status": "AUTHORISED", "LineItems": []}
        invoice = self.both("Invoices", {**bill, "Type": "ACCREC"}, lineless, {"Reference": "Tour"})
        note = self.both("CreditNotes", {**bill, "Type": "ACCRECCREDIT"}, lineless, {"Reference": "Tour"})
        self.refuse(f"{note}/Allocations", {"Amount": 1})
        self.put(note, {"Status": "AUTHORISED"}, "POST")
        assert self.app.call("POST", f"/{invoice}/Email", {}).status == 400
        assert self.app.call("GET", f"/{invoice}/OnlineInvoice").status == 400
        self.put(invoice, {"Status": "AUTHORISED"}, "POST")
        assert self.app.call("POST", f"/{invoice}/Email", {}).status == 204
        self.get(f"{invoice}/OnlineInvoice")
        part = {"Invoice": {"InvoiceID": invoice.split("/")[1]}, "Amount": 5, "Date": "2026-11-20"}
        self.allocate(note, part)
        schedule = {
            "Period": 1,
            "Unit": "WEEKLY",
            "DueDate": 1,
            "DueDateType": "DAYSAFTERBILLDATE",
            "StartDate": "2027-01-01",
        }
        template = {**bill, "Type": "ACCREC", "Status": "AUTHORISED", "Schedule": schedule}
        made = [self.put("RepeatingInvoices", template)["RepeatingInvoiceID"] for _ in range(2)]
        self.put("RepeatingInvoices", template, "POST")
        self.refuse("RepeatingInvoices", {**template, "Status": "X"})
        self.refuse("RepeatingInvoices", {**template, "Status": "X"}, "POST")
        self.put(f"RepeatingInvoices/{made[0]}", {"Status": "DELETED"}, "POST")
        self.refuse(f"RepeatingInvoices/{made[0]}", {"Status": "DELETED"}, "POST")
        for kind in ("OVERPAYMENT", "PREPAYMENT"):
            data = {
                "Type": f"RECEIVE-{kind}",
                "Contact": self.who,
                "BankAccount": {"Code": "091"},
                "LineItems": [self.line],
            }
            money = self.put("BankTransactions", data)
            self.allocate(f"{kind.capitalize()}s/{money[f'{kind.capitalize()}ID']}", part)
        spend = {"Type": "SPEND", "Contact": self.who, "BankAccount": {"Code": "091"}, "LineItems": [self.line]}
        self.both("BankTransactions", spend, {"LineItems": []}, {"Reference": "Tour"})

    def allocate(self, credit: str, part: dict[str, Any]) -> None:
        made = self.put(f"{credit}/Allocations", part)
        self.refuse(f"{credit}/Allocations", {**part, "Amount": 10**6})
        self.get(credit)
        path = f"/{credit}/Allocations/{made['AllocationID']}"
        keeper = self.app.sandbox.bookkeeper
        keeper.set_lock_dates("2030-01-01")
        assert self.app.call("DELETE", path).status == 400
        keeper.set_lock_dates()
        assert self.app.call("DELETE", path).status == 200
        self.put(f"{credit}/Allocations", part)

    def money(self) -> None:
        def sale() -> dict[str, Any]:
            data = {"Type": "ACCREC", "Contact": self.who, "DueDate": "2026-12-04", "Status": "AUTHORISED"}
            return {"InvoiceID": self.put("Invoices", {**data, "LineItems": [self.line]})["InvoiceID"]}

        pay = {"Invoice": sale(), "Account": {"Code": "091"}, "Amount": 10, "Date": "2026-11-20"}
        first = self.put("Payments", pay)["PaymentID"]
        self.put("Payments", pay, "POST")
        for method in ("PUT", "POST"):
            self.refuse("Payments", {**pay, "Amount": 10**6}, method)
        self.put(f"Payments/{first}", {"Status": "DELETED"}, "POST")
        self.refuse(f"Payments/{first}", {"Status": "DELETED"}, "POST")

        def batch() -> dict[str, Any]:
            members = [{"Invoice": sale(), "Amount": 110}, {"Invoice": sale(), "Amount": 50}]
            return {"Account": {"Code": "090"}, "Date": "2026-11-20", "Payments": members}

        made = [self.put("BatchPayments", batch())["BatchPaymentID"] for _ in range(2)]
        self.refuse("BatchPayments", {"Account": {"Code": "x"}, "Payments": []})
        self.put("BatchPayments", {"BatchPaymentID": made[0], "Status": "DELETED"}, "POST")
        self.refuse("BatchPayments", {"BatchPaymentID": made[0], "Status": "DELETED"}, "POST")
        self.put(f"BatchPayments/{made[1]}", {"Status": "DELETED"}, "POST")
        self.refuse(f"BatchPayments/{made[1]}", {"Status": "DELETED"}, "POST")
        move = {"FromBankAccount": {"Code": "091"}, "ToBankAccount": {"Code": "090"}, "Amount": 5}
        moved = [self.put("BankTransfers", move)["BankTransferID"] for _ in range(3)]
        self.refuse("BankTransfers", {**move, "Amount": 0})
        self.put("BankTransfers", {"BankTransferID": moved[0], "Status": "DELETED"}, "POST")
        self.refuse("BankTransfers", {"BankTransferID": moved[0], "Status": "DELETED"}, "POST")
        self.put(f"BankTransfers/{moved[1]}", {"Status": "DELETED"}, "POST")
        self.refuse(f"BankTransfers/{moved[1]}", {"Status": "DELETED"}, "POST")

    def deletions(self) -> None:
        item = self.put("Items", {"Code": "GONE"})["ItemID"]
        self.put(f"Items/{item}/History", {"Details": "x"})
        assert self.app.call("DELETE", f"/Items/{item}").status == 204

    def reads(self) -> None:
        """GET of every path, and history and attachments of everything that has them."""
        for route in api.ROUTES:
            if route.path.startswith("Organisations"):
                continue  # the same path under its other name
            parts = route.path.split("/")
            resource = api.RESOURCES.get(parts[0].lower())
            if resource is None or "{" not in route.path:
                if "GET" in route.methods:
                    self.get(route.path)
                continue
            one = f"{parts[0]}/{next(reversed(self.books.table(resource.table)))}"
            if parts[-1] == "History":
                self.put(f"{one}/History", {"Details": "from the tour"})
                self.refuse(f"{one}/History", {"Details": ""})
            if parts[-1] == "{FileName}":
                for method in ("PUT", "POST"):
                    assert self.app.call(method, f"/{one}/Attachments/tour.pdf", b"%PDF-1").status == 200
                    self.refuse(f"{one}/Attachments/tour.pdf", b"", method)
            if "GET" in route.methods and (route.path, "GET") not in NO_JSON and parts[-1] != "OnlineInvoice":
                self.get(one + "".join(f"/{part}" for part in parts[2:]).replace("{FileName}", "tour.pdf"))
