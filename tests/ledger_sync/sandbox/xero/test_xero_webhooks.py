"""Notices: the handshake, signatures, what fires, retries and giving up."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from ledger_sync.sandbox.xero import XeroSandbox
from practice.core import clock
from tests.ledger_sync.sandbox.xero.xero_app import COMPANY, App, unlimited
from tests.ledger_sync.sandbox.xero.xero_spec import WEBHOOKS, needs_specs, raw_description

URL = "http://web.test/hooks/xero/"


class Receiver:
    """A receiver that does as Xero asks, unless it is told to be down."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.refused = 0
        self.key = ""
        self.status = 200

    def __call__(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        assert url == URL
        right = base64.b64encode(hmac.new(self.key.encode(), body, hashlib.sha256).digest()).decode()
        if headers["x-xero-signature"] != right:
            self.refused += 1
            return 401
        if self.status == 200:
            self.seen.append(json.loads(body))
        return self.status

    def events(self) -> list[tuple[str, str]]:
        return [(event["eventCategory"], event["eventType"]) for body in self.seen for event in body["events"]]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def listening(receiver: Receiver) -> App:
    sandbox = unlimited(XeroSandbox(company=COMPANY, send=receiver, webhook_url=URL))
    app = App(sandbox)
    receiver.key = app.credentials["webhook_secret"]
    sandbox.tick()
    return app


def test_intent_to_receive(listening: App, receiver: Receiver) -> None:
    assert listening.sandbox.webhooks.state["active"] is True
    assert (len(receiver.seen), receiver.refused) == (2, 2)
    assert all(body["events"] == [] and body["firstEventSequence"] == 0 for body in receiver.seen)


@pytest.mark.parametrize("answer", [lambda right: 200, lambda right: 401, lambda right: 500])
def test_a_receiver_that_cannot_tell_signatures_apart_gets_nothing(answer: Callable[[bool], int]) -> None:
    sandbox = XeroSandbox(company=COMPANY, send=lambda url, body, headers: answer(True), webhook_url=URL)
    sandbox.tick()
    state = sandbox.webhooks.state
    assert state["active"] is False
    assert state["detail"].startswith("Intent to receive failed")
    App(sandbox).invoice()
    assert not sandbox.store.table("_events")


def test_our_own_changes_and_the_bookkeepers_come_in_one_payload(listening: App, receiver: Receiver) -> None:
    receiver.seen.clear()
    invoice = listening.invoice()
    listening.put("Contacts", {"Name": "New"})
    line = {"Description": "x", "UnitAmount": 1, "AccountCode": "200"}
    note = {"Type": "ACCRECCREDIT", "Contact": listening.contact(), "LineItems": [line]}
    listening.put("CreditNotes", note)
    listening.sandbox.bookkeeper.record_payment(invoice["InvoiceID"])
    listening.sandbox.tick()
    assert receiver.events() == [
        ("INVOICE", "CREATE"),
        ("CONTACT", "CREATE"),
        ("CREDITNOTE", "CREATE"),
        ("INVOICE", "UPDATE"),
    ]
    (body,) = receiver.seen
    assert (body["firstEventSequence"], body["lastEventSequence"]) == (1, 4)
    event = body["events"][0]
    assert event["resourceUrl"] == f"http://xero.test/api.xro/2.0/Invoices/{invoice['InvoiceID']}"
    assert event["tenantId"] == listening.tenant
    assert event["eventDateUtc"] == "2026-11-20T01:00:00.000"
    assert body["events"][2]["data"] == {"Type": "ACCRECCREDIT", "Status": "DRAFT"}


def test_payments_stay_silent_by_switch_and_refusals_always(listening: App, receiver: Receiver) -> None:
    invoice = listening.invoice()
    listening.sandbox.tick()
    receiver.seen.clear()
    listening.sandbox.settings.payment_events = False
    listening.payment(invoice, 10)
    listening.refusal("Contacts", {"Name": "Calder Physiotherapy"})
    listening.sandbox.tick()
    assert receiver.seen == []


def test_a_failing_receiver_is_tried_again_and_in_the_end_given_up(listening: App, receiver: Receiver) -> None:
    receiver.seen.clear()
    receiver.status = 500
    listening.invoice()
    listening.sandbox.tick()
    listening.sandbox.tick()
    receiver.status = 200
    listening.sandbox.tick()
    assert receiver.seen == []
    clock.advance(minutes=15)
    listening.sandbox.tick()
    assert receiver.events() == [("INVOICE", "CREATE")]
    receiver.status = 500
    listening.invoice()
    for _ in range(100):
        listening.sandbox.tick()
        clock.advance(minutes=15)
    assert listening.sandbox.webhooks.state["active"] is False
    assert not listening.sandbox.store.table("_delivery")


def test_trouble_on_the_way(listening: App, receiver: Receiver) -> None:
    trouble = listening.sandbox.outbox.trouble
    trouble.double = 1.0
    receiver.seen.clear()
    listening.invoice()
    listening.sandbox.tick()
    assert len(receiver.seen) == 2
    trouble.double, trouble.wrong_signature = 0.0, 1.0
    before = receiver.refused
    listening.invoice()
    listening.sandbox.tick()
    listening.sandbox.tick()
    assert receiver.refused == before + 1
    assert len(receiver.seen) == 3
    trouble.wrong_signature, trouble.drop = 0.0, 1.0
    listening.invoice()
    listening.sandbox.tick()
    assert len(receiver.seen) == 3


def test_a_subscription_is_the_applications_and_not_the_books(listening: App, receiver: Receiver) -> None:
    receiver.seen.clear()
    listening.sandbox.bookkeeper.change_subscription()
    listening.sandbox.bookkeeper.change_subscription()
    listening.sandbox.tick()
    assert receiver.events() == [("SUBSCRIPTION", "CREATE"), ("SUBSCRIPTION", "UPDATE")]
    first, second = receiver.seen[0]["events"]
    assert first["tenantType"] == "APPLICATION"
    assert first["tenantId"] != listening.tenant
    assert first["resourceId"] == second["resourceId"]


@needs_specs
def test_every_payload_is_as_the_published_description_has_it(listening: App, receiver: Receiver) -> None:
    invoice = listening.invoice()
    listening.put("Contacts", {"Name": "New"})
    line = {"Description": "x", "UnitAmount": 1, "AccountCode": "200"}
    listening.put("CreditNotes", {"Type": "ACCRECCREDIT", "Contact": listening.contact(), "LineItems": [line]})
    listening.sandbox.bookkeeper.change_subscription()
    listening.sandbox.bookkeeper.void_invoice(invoice["InvoiceID"])
    listening.sandbox.tick()
    described = raw_description(WEBHOOKS)["components"]["schemas"]["WebhookEvent"]
    for body in receiver.seen[2:]:
        OAS31Validator(described).validate(body)
    assert {category for category, _ in receiver.events()} == {"INVOICE", "CONTACT", "CREDITNOTE", "SUBSCRIPTION"}


def test_notices_come_late_and_out_of_order_when_told_to(listening: App, receiver: Receiver) -> None:
    trouble = listening.sandbox.outbox.trouble
    receiver.seen.clear()
    trouble.delay = 30.0
    listening.invoice()
    listening.sandbox.tick()
    assert receiver.seen == []
    clock.advance(seconds=30)
    listening.sandbox.tick()
    assert len(receiver.seen) == 1
    trouble.delay, trouble.reorder = 0.0, 1.0
    receiver.seen.clear()
    for _ in range(8):
        listening.invoice()
        listening.sandbox.tick()
    for _ in range(60):
        clock.advance(seconds=0.1)
        listening.sandbox.tick()
    order = [body["firstEventSequence"] for body in receiver.seen]
    assert len(order) == 8
    assert order != sorted(order)
