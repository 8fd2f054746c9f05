"""An app as the sandbox's tests see it: it holds a token and speaks raw JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from xero_python.accounting import AccountingApi
from xero_python.api_client import ApiClient
from xero_python.api_client.configuration import Configuration
from xero_python.api_client.oauth2 import OAuth2Token

from ledger_sync.sandbox.xero import XeroSandbox
from practice.core import network
from practice.core.sandbox.http import Request, Response

NOON = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
COMPANY = {
    "name": "Harbour & Vale Pty Ltd",
    "tracking": {"Office": ["Port Vale", "Harbourside"]},
    "contacts": [
        {"Name": "Calder Physiotherapy", "EmailAddress": "nina@calder.example", "ContactNumber": "C-1"},
        {"Name": "Mossgrove Dental", "EmailAddress": "peter@moss.example"},
    ],
    "items": [
        {
            "Code": "BOOKS",
            "Name": "Bookkeeping",
            "Description": "Bookkeeping",
            "SalesDetails": {"UnitPrice": 440, "AccountCode": "200"},
        }
    ],
}


class App:
    """An app that holds a token for the sandbox's first organisation."""

    def __init__(self, sandbox: XeroSandbox) -> None:
        self.sandbox = sandbox
        self.credentials = sandbox.credentials()
        self.tenant = self.credentials["tenant_id"]
        self.token = self.refresh()["access_token"]

    def refresh(self) -> dict[str, Any]:
        return self.post_form(
            "/connect/token", grant_type="refresh_token", refresh_token=self.credentials["refresh_token"]
        ).json()

    def post_form(self, path: str, **form: str) -> Response:
        keys = {"client_id": self.credentials["client_id"], "client_secret": self.credentials["client_secret"]}
        return self.sandbox.handle(Request.build("POST", path, {}, urlencode({**keys, **form})))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        sent = {"Authorization": f"Bearer {self.token}", "xero-tenant-id": self.tenant, "Accept": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else json.dumps(body) if body is not None else None
        return self.sandbox.handle(Request.build(method, "/api.xro/2.0" + path, sent, raw))

    def get(self, path: str, name: str, **headers: str) -> list[dict[str, Any]]:
        response = self.call("GET", path, **headers)
        assert response.status == 200, response.body
        return response.json()[name]

    def put(self, name: str, element: dict[str, Any], path: str = "", method: str = "PUT") -> dict[str, Any]:
        response = self.call(method, path or f"/{name}", {name: [element]})
        assert response.status == 200, response.body
        return response.json()[name][0]

    def refusal(self, name: str, element: dict[str, Any], path: str = "", method: str = "PUT") -> list[str]:
        before = self.sandbox.dump()
        response = self.call(method, path or f"/{name}", {name: [element]})
        assert response.status == 400, response.body
        assert self.sandbox.dump() == before, "a refused request changed something"
        return [error["Message"] for element in response.json()["Elements"] for error in element["ValidationErrors"]]

    def contact(self, name: str = "Calder Physiotherapy") -> dict[str, str]:
        books = self.sandbox.books(self.tenant)
        return {"ContactID": books.holder("ContactNames", name)}

    def invoice(self, amount: float | str = 100, **fields: Any) -> dict[str, Any]:
        """An approved invoice of 110.00 with GST, unless told otherwise."""
        line = {"Description": "Fee", "Quantity": 1, "UnitAmount": amount, "AccountCode": "200"}
        body = {
            "Type": "ACCREC",
            "Contact": self.contact(),
            "DueDate": "2026-12-04",
            "Status": "AUTHORISED",
            "LineItems": [line],
        }
        return self.put("Invoices", {**body, **fields})

    def payment(self, invoice: dict[str, Any], amount: float, **fields: Any) -> dict[str, Any]:
        body = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Account": {"Code": "091"}, "Amount": amount}
        return self.put("Payments", {**body, **fields})

    def again(self, invoice: dict[str, Any]) -> dict[str, Any]:
        return self.get(f"/Invoices/{invoice['InvoiceID']}", "Invoices")[0]


def unlimited(sandbox: XeroSandbox) -> XeroSandbox:
    sandbox.limits.minute = sandbox.limits.day = sandbox.limits.app_minute = 10**9
    return sandbox


@contextmanager
def sdk_over(app: App) -> Iterator[AccountingApi]:
    """Xero's SDK over the in-process transport, configured as a careful app would."""
    token = {"access_token": app.token, "scope": ["x"], "expires_in": 1800, "token_type": "Bearer"}
    client = ApiClient(
        Configuration(oauth2_token=OAuth2Token()),
        oauth2_token_getter=lambda: token,
        oauth2_token_saver=lambda new: None,
    )
    client.configuration.oauth2_token = OAuth2Token(client_id="x", client_secret="y")
    network.guard(client.rest_client.pool_manager)
    with network.answer_in_process({"xero.test": app.sandbox}):
        yield AccountingApi(client, base_url="http://xero.test/api.xro/2.0")
