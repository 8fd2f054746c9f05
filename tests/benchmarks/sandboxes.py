"""How much the sandboxes take inside a test process, over the same doors as the SDKs and without a socket.

A bulk test must not wait for its sandbox: 400 single documents and 2,000 documents in batches a second are wanted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from billing.sandbox import stripe
from ledger_sync.sandbox import quickbooks, xero
from practice.core import network
from practice.core.sandbox.store import Store
from tests.benchmarks.telling import rate

RUNS = 5
SINGLE, BATCHED = 400, 2_000


def measure(_: Path) -> None:
    """One table row per vendor and way of writing."""
    print(f"sandboxes in this process, in memory, limits off; {RUNS} runs each", flush=True)
    for name, part in (("Xero", _xero), ("QuickBooks", _quickbooks), ("Stripe", _stripe)):
        part(name)


def _often(work: Callable[[int], int]) -> list[float]:
    """Documents a second in each run; ``work`` returns how many it wrote."""
    found = []
    for number in range(RUNS):
        started = time.perf_counter()
        written = work(number)
        found.append(written / (time.perf_counter() - started))
    return found


def _session() -> requests.Session:
    """A session without a look at the environment for proxies, which costs as much as the sandbox itself."""
    session = network.mount(requests.Session())
    session.trust_env = False
    return session


def _sent(answer: Any) -> dict[str, Any]:
    status = getattr(answer, "status", None) or answer.status_code
    body: dict[str, Any] = json.loads(answer.data if hasattr(answer, "data") else answer.content)
    if status != 200:
        raise RuntimeError(f"the sandbox answered {status}: {body}")
    return body


def _xero(name: str) -> None:
    sandbox = xero.XeroSandbox(base_url="http://xero.test", company="empty", limits=xero.Limits(10**9, 10**9, 10**9))
    keys = sandbox.credentials()
    pool = network.pool_manager()

    def call(method: str, path: str, body: object, **headers: str) -> dict[str, Any]:
        sent = {"Authorization": f"Bearer {token}", "xero-tenant-id": keys["tenant_id"], "Accept": "application/json"}
        return _sent(
            pool.request(method, f"http://xero.test/api.xro/2.0/{path}", json=body, headers={**sent, **headers})
        )

    with network.answer_in_process({"xero.test": sandbox}):
        form = {"grant_type": "refresh_token", **{k: keys[k] for k in ("refresh_token", "client_id", "client_secret")}}
        url = "http://xero.test/connect/token"
        token = _sent(pool.request("POST", url, fields=form, encode_multipart=False))["access_token"]
        contact = call("PUT", "Contacts", {"Contacts": [{"Name": "Calder Physiotherapy"}]})["Contacts"][0]
        line = {"Description": "Fee", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200"}
        body = {
            "Type": "ACCREC", "Contact": {"ContactID": contact["ContactID"]}, "DueDate": "2030-12-04",
            "Status": "AUTHORISED", "LineItems": [line],
        }  # fmt: skip

        def single(run: int) -> int:
            for number in range(400):
                call("PUT", "Invoices", {"Invoices": [body]}, **{"Idempotency-Key": f"{run}-{number}"})
            return 400

        def batches(run: int) -> int:
            for _ in range(20):
                call("PUT", "Invoices?summarizeErrors=false", {"Invoices": [body] * 50})
            return 1_000

        rate(f"{name} sandbox, one invoice a call", _often(single), SINGLE)
        rate(f"{name} sandbox, 50 invoices a call", _often(batches), BATCHED)


def _quickbooks(name: str) -> None:
    sandbox = quickbooks.build(store=Store(), base_url="http://qbo.test", send=None, company="empty")
    for limit in ("minute", "minute_app", "second", "batch_minute", "batch_minute_realm"):
        setattr(sandbox.limits, limit, 10**9)
    keys = sandbox.credentials()
    session = _session()

    def call(path: str, body: object) -> dict[str, Any]:
        url = f"http://qbo.test/v3/company/{keys['realm_id']}/{path}"
        return _sent(session.post(url, json=body, headers=headers, timeout=5))

    with network.answer_in_process({"qbo.test": sandbox}):
        url = "http://qbo.test/oauth2/v1/tokens/bearer"
        form = {"grant_type": "refresh_token", "refresh_token": keys["refresh_token"]}
        got = _sent(session.post(url, data=form, auth=(keys["client_id"], keys["client_secret"]), timeout=5))
        headers = {"Authorization": f"Bearer {got['access_token']}", "Accept": "application/json"}
        customer = call("customer", {"DisplayName": "Calder Physiotherapy"})["Customer"]["Id"]
        income = sandbox.books(keys["realm_id"]).holder("Account", "Services")
        item = call("item", {"Name": "Books", "Type": "Service", "IncomeAccountRef": {"value": income}})["Item"]["Id"]
        detail = {"ItemRef": {"value": item}, "Qty": 1, "UnitPrice": 100}
        line = {"Amount": 100, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}
        body = {"CustomerRef": {"value": customer}, "Line": [line]}

        def single(run: int) -> int:
            for number in range(400):
                call(f"invoice?requestid={run}-{number}&minorversion=75", body)
            return 400

        def batches(run: int) -> int:
            items = [{"bId": str(n), "operation": "create", "Invoice": body} for n in range(30)]
            for _ in range(20):
                call("batch?minorversion=75", {"BatchItemRequest": items})
            return 600

        rate(f"{name} sandbox, one invoice a call", _often(single), SINGLE)
        rate(f"{name} sandbox, 30 invoices a call", _often(batches), BATCHED)


def _stripe(name: str) -> None:
    sandbox = stripe.build(store=Store(), base_url="http://stripe.test", send=None)
    key = sandbox.credentials("acct_harbour")["secret_key"]
    session = _session()

    def call(path: str, **form: str) -> dict[str, Any]:
        return _sent(session.post(f"http://stripe.test/v1/{path}", data=form, auth=(key, ""), timeout=5))

    with network.answer_in_process({"stripe.test": sandbox}):
        customer = call("customers", name="Calder Physiotherapy")["id"]
        card = call("payment_methods/pm_card_visa/attach", customer=customer)["id"]
        wanted = {"amount": "12500", "currency": "aud", "customer": customer, "payment_method": card}
        wanted |= {"automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never"}

        def single(_: int) -> int:
            for _ in range(400):
                call("payment_intents", **wanted, confirm="true", off_session="true")
            return 400

        rate(f"{name} sandbox, one charge a call", _often(single), SINGLE)
