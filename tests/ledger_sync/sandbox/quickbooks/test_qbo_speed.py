"""The sandbox must not be what a bulk test waits for."""

from __future__ import annotations

import time

from qbo_app import App


def test_four_hundred_single_documents_a_second(app: App) -> None:
    body = {"CustomerRef": {"value": "1"}, "Line": [app.line()]}
    best = 0.0
    for attempt in range(3):  # the best of three, as other work shares the machine
        started = time.perf_counter()
        for number in range(200):
            key = f"{attempt}-{number}"
            assert app.call("POST", f"/invoice?requestid={key}", {**body, "DocNumber": key}).status == 200
        best = max(best, 200 / (time.perf_counter() - started))
    assert best >= 400, f"{best:.0f} a second"


def test_two_thousand_documents_a_second_in_batches(app: App) -> None:
    body = {"CustomerRef": {"value": "1"}, "Line": [app.line()]}
    items = [{"bId": str(n), "operation": "create", "Invoice": body} for n in range(30)]
    best = 0.0
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(15):
            assert app.call("POST", "/batch", {"BatchItemRequest": items}).status == 200
        best = max(best, 450 / (time.perf_counter() - started))
    assert best >= 2_000, f"{best:.0f} a second"
