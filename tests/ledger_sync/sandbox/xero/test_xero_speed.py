"""The sandbox must not be what a bulk test waits for."""

from __future__ import annotations

import time

from xero_app import App


def test_four_hundred_single_documents_a_second(app: App) -> None:
    line = {"Description": "Fee", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200"}
    body = {
        "Type": "ACCREC",
        "Contact": app.contact(),
        "DueDate": "2026-12-04",
        "Status": "AUTHORISED",
        "LineItems": [line],
    }
    best = 0.0
    for attempt in range(3):  # the best of three, as other work shares the machine
        started = time.perf_counter()
        for number in range(200):
            key = f"{attempt}-{number}"
            answer = app.call("PUT", "/Invoices", {"Invoices": [{**body, "InvoiceNumber": key}]}, Idempotency_Key=key)
            assert answer.status == 200
        best = max(best, 200 / (time.perf_counter() - started))
    assert best >= 400, f"{best:.0f} a second"


def test_two_thousand_documents_a_second_in_batches(app: App) -> None:
    line = {"Description": "Fee", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200"}
    body = {
        "Type": "ACCREC",
        "Contact": app.contact(),
        "DueDate": "2026-12-04",
        "Status": "AUTHORISED",
        "LineItems": [line],
    }
    best = 0.0
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(10):
            assert app.call("PUT", "/Invoices?summarizeErrors=false", {"Invoices": [body] * 50}).status == 200
        best = max(best, 500 / (time.perf_counter() - started))
    assert best >= 2_000, f"{best:.0f} a second"
