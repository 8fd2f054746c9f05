"""The sandbox's answers against Xero's published description of them: every 200 and 400 must be valid.

One answer is left out: deleting an allocation, where the description's own example lacks what its schema requires.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse
from xero_app import App, unlimited

from ledger_sync.sandbox.xero import XeroSandbox
from practice.core.sandbox.http import Request, Response

SPECS = Path(os.environ.get("SPECS") or Path(__file__).resolve().parents[5] / "shared" / "specs")
SPEC = SPECS / "xero_accounting.yaml"
pytestmark = pytest.mark.skipif(
    not SPEC.exists(), reason=f"NOT RUN: no {SPEC.name}; set SPECS= to the folder with the specifications"
)


def _lean(node: Any) -> Any:
    """The description without its examples, some of which are invalid."""
    if isinstance(node, dict):
        return {key: _lean(value) for key, value in node.items() if key not in ("example", "examples")}
    return [_lean(item) for item in node] if isinstance(node, list) else node


@pytest.fixture(scope="module")
def description() -> OpenAPI:
    with SPEC.open(encoding="utf-8") as file:
        raw = yaml.load(file, yaml.CSafeLoader)
    return OpenAPI.from_dict(_lean(raw), config=Config(spec_validator_cls=None))


class Checked(App):
    """An app whose every exchange with a JSON answer is held against the description."""

    def __init__(self, sandbox: XeroSandbox, description: OpenAPI) -> None:
        self.description = description
        self.checked = 0
        super().__init__(sandbox)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        response = super().call(method, path, body, **headers)
        if response.status in (200, 400) and response.body.startswith(b"{") and not isinstance(body, bytes):
            self._check(method, path, body, response)
        return response

    def _check(self, method: str, path: str, body: Any, response: Response) -> None:
        parts = Request.build(method, "/api.xro/2.0" + path)
        request = MockRequest(
            "https://api.xero.com",
            method.lower(),
            parts.path,
            args=dict(parts.query),
            headers={"xero-tenant-id": self.tenant},
            data=json.dumps(body).encode() if body is not None else None,
            content_type="application/json",
        )
        answer = MockResponse(response.body, response.status, content_type="application/json")
        try:
            self.description.validate_response(request, answer)
        except OpenAPIError as error:
            errors = getattr(getattr(error, "__cause__", None), "schema_errors", [])
            detail = [f"{'/'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in errors]
            pytest.fail(f"{method} {path} {response.status}: {error!r} {detail}")
        self.checked += 1


@pytest.fixture
def app(description: OpenAPI) -> Checked:
    return Checked(unlimited(XeroSandbox(company="vendor")), description)


LISTS = (
    "Accounts BankTransactions?page=1 BankTransfers BatchPayments BrandingThemes ContactGroups Contacts?page=1 "
    "Contacts CreditNotes?page=1 Currencies Invoices Invoices?page=1 Invoices?summaryOnly=true "
    "InvoiceReminders/Settings Items Organisation Overpayments?page=1 Payments?page=1 Prepayments?page=1 "
    "RepeatingInvoices TaxRates TrackingCategories Users"
).split()


@pytest.mark.parametrize("path", LISTS)
def test_lists(app: Checked, path: str) -> None:
    assert app.call("GET", "/" + path).status == 200
    assert app.checked == 1


def test_a_working_day(app: Checked) -> None:
    app.credentials["who"] = next(iter(app.get("/Contacts?page=1&pageSize=1", "Contacts")))["ContactID"]
    who = {"ContactID": app.credentials["who"]}
    line = {"Description": "Fee", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200"}
    invoice = app.invoice(Contact=who, LineItems=[{**line, "Tracking": [{"Name": "Office", "Option": "Remote"}]}])
    path = f"/Invoices/{invoice['InvoiceID']}"
    payment = app.payment(invoice, 10)
    app.get(path, "Invoices")
    app.get(f"/Payments/{payment['PaymentID']}", "Payments")
    app.put("HistoryRecords", {"Details": "x"}, path + "/History")
    app.get(path + "/History", "HistoryRecords")
    app.get(path + "/OnlineInvoice", "OnlineInvoices")
    note = app.put("CreditNotes", {"Type": "ACCRECCREDIT", "Contact": who, "Status": "AUTHORISED", "LineItems": [line]})
    element = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Amount": 5, "Date": "2026-11-20"}
    app.put("Allocations", element, f"/CreditNotes/{note['CreditNoteID']}/Allocations")
    app.get(f"/CreditNotes/{note['CreditNoteID']}", "CreditNotes")
    over = {"Type": "RECEIVE-OVERPAYMENT", "Contact": who, "BankAccount": {"Code": "091"}, "LineItems": [line]}
    made = app.put("BankTransactions", over)
    app.put("Allocations", element, f"/Overpayments/{made['OverpaymentID']}/Allocations")
    app.get(f"/Overpayments/{made['OverpaymentID']}", "Overpayments")
    app.get(f"/BankTransactions/{made['BankTransactionID']}", "BankTransactions")
    app.put("BankTransfers", {"FromBankAccount": {"Code": "091"}, "ToBankAccount": {"Code": "090"}, "Amount": 5})
    app.put("Contacts", {"Name": "New", "EmailAddress": "new@new.example"})
    app.put("Items", {"Code": "NEW"})
    app.put("TaxRates", {"Name": "T", "TaxComponents": [{"Name": "t", "Rate": 5}]})
    members = [{"Invoice": {"InvoiceID": app.invoice(Contact=who)["InvoiceID"]}, "Amount": 110}]
    app.put("BatchPayments", {"Account": {"Code": "090"}, "Date": "2026-11-20", "Payments": members})
    app.call("POST", f"/Payments/{payment['PaymentID']}", {"Status": "DELETED"})
    assert app.checked >= 20


def test_refusals_and_elements_in_error(app: Checked) -> None:
    bad = {"Type": "ACCREC", "Contact": {"Name": "X"}, "Status": "AUTHORISED", "LineItems": [{"Description": ""}]}
    assert app.call("PUT", "/Invoices", {"Invoices": [bad]}).status == 400
    assert app.call("PUT", "/Invoices?summarizeErrors=false", {"Invoices": [bad]}).status == 200
    assert app.call("PUT", "/Contacts", {"Contacts": [{"Name": "Mossgrove Dental"}]}).status == 400
    assert (
        app.call("PUT", "/Contacts?summarizeErrors=false", {"Contacts": [{"Name": "Mossgrove Dental"}]}).status == 200
    )
    payment = {"Invoice": {"InvoiceNumber": "INV-0001"}, "Account": {"Code": "091"}, "Amount": 10**6}
    assert app.call("PUT", "/Payments", {"Payments": [payment]}).status == 400
    assert app.checked == 5


def test_the_check_itself_sees_a_wrong_answer(app: Checked) -> None:
    row = app.sandbox.books(app.tenant).organisation
    with app.sandbox.store.transaction():
        app.sandbox.books(app.tenant).change("Organisations", row, SalesTaxBasis="WEEKLY")
    with pytest.raises(pytest.fail.Exception, match="SalesTaxBasis"):
        app.call("GET", "/Organisation")
