"""An app as the sandbox's tests see it: it holds a token and speaks raw JSON."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from practice.core.sandbox.http import Request, Response

MORNING = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
COMPANY = {
    "name": "Larkin CPA",
    "customers": [
        {"DisplayName": "Alder Creek Dental LLC", "PrimaryEmailAddr": {"Address": "nora@alder.example"}},
        {"DisplayName": "Bluestem Landscaping"},
    ],
    "vendors": [{"DisplayName": "Prairie Power & Light"}],
    "items": [{"Name": "Hours", "Description": "Work by the hour", "UnitPrice": 100, "account": "Services"}],
}
Row = dict[str, Any]
#: Called otherwise in answers than in addresses (python-quickbooks, CreditCardPayment.qbo_json_object_name).
WIRE = {"CreditCardPayment": "CreditCardPaymentTxn"}


class App:
    """An app that holds a token for the sandbox's first company."""

    def __init__(self, sandbox: QuickBooksSandbox) -> None:
        self.sandbox = sandbox
        self.keys = sandbox.credentials()
        self.realm = self.keys["realm_id"]
        self.refresh_token = self.keys["refresh_token"]
        self.token = self.refresh()["access_token"]

    def refresh(self) -> Row:
        answer = self.tokens(grant_type="refresh_token", refresh_token=self.refresh_token)
        assert answer.status == 200, answer.body
        body = answer.json()
        self.refresh_token = body["refresh_token"]
        return body

    def tokens(self, **form: str) -> Response:
        basic = base64.b64encode(f"{self.keys['client_id']}:{self.keys['client_secret']}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        return self.sandbox.handle(Request.build("POST", "/oauth2/v1/tokens/bearer", headers, urlencode(form)))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        sent = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", **headers}
        raw = body if isinstance(body, str | bytes) else json.dumps(body) if body is not None else None
        return self.sandbox.handle(Request.build(method, f"/v3/company/{self.realm}{path}", sent, raw))

    def post(self, kind: str, body: Row, args: str = "") -> Row:
        answer = self.call("POST", f"/{kind.lower()}{args}", body)
        assert answer.status == 200, answer.body
        return answer.json()[WIRE.get(kind, kind)]

    def get(self, kind: str, key: str) -> Row:
        answer = self.call("GET", f"/{kind.lower()}/{key}")
        assert answer.status == 200, answer.body
        return answer.json()[WIRE.get(kind, kind)]

    def again(self, kind: str, row: Row) -> Row:
        return self.get(kind, row["Id"])

    def query(self, text: str) -> Row:
        answer = self.call("GET", f"/query?query={quote(text)}")
        assert answer.status == 200, answer.body
        found = answer.json()["QueryResponse"]
        return {next((kind for kind, name in WIRE.items() if name == key), key): value for key, value in found.items()}

    def refusal(self, kind: str, body: Row, args: str = "") -> Row:
        """The first error of a refused change, which must have changed nothing."""
        before = self.sandbox.dump()
        answer = self.call("POST", f"/{kind.lower()}{args}", body)
        assert answer.status == 400, answer.body
        assert self.sandbox.dump() == before, "a refused request changed something"
        return answer.json()["Fault"]["Error"][0]

    def code(self, kind: str, body: Row, args: str = "") -> str:
        return str(self.refusal(kind, body, args)["code"])

    def account(self, name: str) -> Row:
        return {"value": self.sandbox.books(self.realm).holder("Account", name)}

    def line(self, amount: float | str = 100, **detail: Any) -> Row:
        return {
            "Amount": amount,
            "DetailType": "SalesItemLineDetail",
            "Description": "Fee",
            "SalesItemLineDetail": {"ItemRef": {"value": "1"}, **detail},
        }

    def invoice(self, amount: float | str = 100, **fields: Any) -> Row:
        return self.post("Invoice", {"CustomerRef": {"value": "1"}, "Line": [self.line(amount)], **fields})

    def payment(self, amount: float, *targets: Row, **fields: Any) -> Row:
        lines = [self.on(amount, target) for target in targets]
        return self.post("Payment", {"CustomerRef": {"value": "1"}, "TotalAmt": amount, "Line": lines, **fields})

    @staticmethod
    def on(amount: float, target: Row, kind: str = "Invoice") -> Row:
        return {"Amount": amount, "LinkedTxn": [{"TxnId": target["Id"], "TxnType": kind}]}

    def change(self, kind: str, row: Row, args: str = "", **fields: Any) -> Row:
        """A sparse update of what the app holds."""
        return self.post(kind, {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True, **fields}, args)


def head(row: Row) -> Row:
    return {"Id": row["Id"], "SyncToken": row["SyncToken"]}


def unlimited(sandbox: QuickBooksSandbox) -> QuickBooksSandbox:
    limits = sandbox.limits
    limits.minute = limits.minute_app = limits.second = limits.batch_minute = limits.batch_minute_realm = 10**9
    return sandbox
