"""Each switch both ways, each test named as the switch it turns; and the page that lists them lists no other."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from test_xero_identity import BACK, exchange, press
from test_xero_webhooks import URL, Receiver
from xero_app import COMPANY, NOON, App, unlimited

from ledger_sync.sandbox.xero import Switches, XeroSandbox
from practice.core import clock
from practice.core.sandbox.faults import Fault
from practice.core.sandbox.http import Request

PAGE = Path(__file__).parents[4] / "docs/sandboxes/xero.md"
NAMES = {field.name for field in dataclasses.fields(Switches)}


def turn(app: App, **given: Any) -> None:
    """Over the wire, as the demo and an outside client do."""
    answer = app.sandbox.handle(Request.build("POST", "/_sandbox/settings", {}, json.dumps(given)))
    assert answer.status == 200, answer.body


def rules() -> list[list[str]]:
    lines = PAGE.read_text().split("## Rules")[1].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in cells if row[0] != "rule" and not set(row[0]) <= set("-")]


def test_the_page_lists_every_switch_and_no_other() -> None:
    assert {name for row in rules() for name in re.findall(r"`(\w+)`", row[-1])} == NAMES


def test_every_rule_says_where_it_comes_from_and_whether_that_is_sure() -> None:
    for row in rules():
        assert len(row) == 5, row
        assert row[2], row
        assert re.match(r"confirmed|reported|unsure|ours", row[3]), row


def test_every_switch_has_a_test_of_its_name() -> None:
    assert {name.removeprefix("test_") for name in globals()} >= NAMES


def sale(app: App, **fields: Any) -> dict[str, Any]:
    line = {"Description": "Fee", "UnitAmount": 100, "AccountCode": "200"}
    return {"Type": "ACCREC", "Contact": app.contact(), "DueDate": "2026-12-04", "LineItems": [line], **fields}


def both(app: App, **fields: Any) -> tuple[int, int]:
    """The status of one good and one bad invoice in one call, and how many invoices there are now."""
    elements = [sale(app, **fields), sale(app, Type="NONSENSE")]
    status = app.call("PUT", "/Invoices", {"Invoices": elements}).status
    return status, len(app.get("/Invoices", "Invoices"))


def test_summarize_default(app: App) -> None:
    assert both(app) == (400, 0)
    turn(app, summarize_default=False)
    assert both(app) == (200, 1)


def test_all_or_nothing(app: App) -> None:
    assert both(app) == (400, 0)
    turn(app, all_or_nothing=False)
    assert both(app) == (400, 1)


def test_number_edits(app: App) -> None:
    app.invoice(InvoiceNumber="N-1")
    changed = app.put("Invoices", {"InvoiceNumber": "N-1", "Reference": "x"}, method="POST")
    assert (changed["Reference"], len(app.get("/Invoices", "Invoices"))) == ("x", 1)
    turn(app, number_edits=False)
    assert app.refusal("Invoices", sale(app, InvoiceNumber="N-1"), method="POST") == ["Invoice # must be unique."]


def test_numbers_stay_taken(app: App) -> None:
    row = app.invoice(InvoiceNumber="N-1")
    app.sandbox.bookkeeper.void_invoice(row["InvoiceID"])
    assert app.refusal("Invoices", sale(app, InvoiceNumber="N-1")) == ["Invoice # must be unique."]
    turn(app, numbers_stay_taken=False)
    assert app.put("Invoices", sale(app, InvoiceNumber="N-1"))["InvoiceNumber"] == "N-1"
    assert app.refusal("Invoices", sale(app, InvoiceNumber="N-1")) == ["Invoice # must be unique."]


def test_submitted_to_draft(app: App) -> None:
    row = app.invoice(Status="SUBMITTED")
    path, change = f"/Invoices/{row['InvoiceID']}", {"Status": "DRAFT"}
    assert app.refusal("Invoices", change, path, "POST") == ["Invoice not of valid status for modification"]
    turn(app, submitted_to_draft=True)
    assert app.put("Invoices", change, path, "POST")["Status"] == "DRAFT"


def test_keeps_first_event(sandbox: XeroSandbox, app: App) -> None:
    def event() -> str:
        rows = sandbox.handle(Request.build("GET", "/connections", {"Authorization": f"Bearer {app.token}"})).json()
        return str(next(row["authEventId"] for row in rows if row["tenantId"] == app.tenant))

    first = event()
    exchange(app, press(sandbox, "approve")["code"])
    assert event() == first
    turn(app, keeps_first_event=False)
    exchange(app, press(sandbox, "approve")["code"])
    assert event() != first


def test_modified_since_inclusive(app: App) -> None:
    app.invoice()
    since = {"If_Modified_Since": NOON.strftime("%Y-%m-%dT%H:%M:%S")}
    assert app.get("/Invoices", "Invoices", **since) == []
    turn(app, modified_since_inclusive=True)
    assert len(app.get("/Invoices", "Invoices", **since)) == 1


def test_not_modified_304(app: App) -> None:
    later = {"If_Modified_Since": (NOON + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")}
    assert app.call("GET", "/Invoices", **later).status == 200
    turn(app, not_modified_304=True)
    assert app.call("GET", "/Invoices", **later).status == 304


def test_cache_errors(app: App) -> None:
    wrong, right = {"Contacts": [{"Name": "a<b"}]}, {"Contacts": [{"Name": "Good"}]}
    assert app.call("PUT", "/Contacts", wrong, Idempotency_Key="k").status == 400
    assert app.call("PUT", "/Contacts", right, Idempotency_Key="k").json()["Message"].startswith("Idempotency Key")
    turn(app, cache_errors=False)
    assert app.call("PUT", "/Contacts", wrong, Idempotency_Key="m").status == 400
    assert app.call("PUT", "/Contacts", right, Idempotency_Key="m").status == 200
    app.sandbox.faults.order(Fault("server_error", "/Contacts"))
    assert app.call("PUT", "/Contacts", {"Name": "More"}, Idempotency_Key="n").status == 500
    assert app.call("PUT", "/Contacts", {"Name": "More"}, Idempotency_Key="n").status == 200


@pytest.fixture
def heard() -> tuple[App, Receiver]:
    receiver = Receiver()
    app = App(unlimited(XeroSandbox(company=COMPANY, send=receiver, webhook_url=URL)))
    receiver.key = app.credentials["webhook_secret"]
    app.sandbox.tick()
    return app, receiver


def events(app: App, receiver: Receiver) -> list[tuple[str, str]]:
    receiver.seen.clear()
    app.sandbox.tick()
    return receiver.events()


def test_payment_events(heard: tuple[App, Receiver]) -> None:
    app, receiver = heard
    row = app.invoice()
    events(app, receiver)
    app.payment(row, 10)
    assert events(app, receiver) == [("INVOICE", "UPDATE")]
    turn(app, payment_events=False)
    app.payment(row, 10)
    assert events(app, receiver) == []


def test_credit_events(heard: tuple[App, Receiver]) -> None:
    app, receiver = heard
    line = {"Description": "x", "UnitAmount": 50, "AccountCode": "200"}

    def made(kind: str) -> dict[str, Any]:
        data = {"Type": f"RECEIVE-{kind}", "Contact": app.contact(), "BankAccount": {"Code": "090"}}
        return app.put("BankTransactions", {**data, "LineItems": [line]})

    made("OVERPAYMENT")
    made("PREPAYMENT")
    assert events(app, receiver) == [("OVERPAYMENT", "CREATE"), ("PREPAYMENT", "CREATE")]
    turn(app, credit_events=False)
    made("OVERPAYMENT")
    assert events(app, receiver) == []


def test_paid_edits(app: App) -> None:
    row = app.invoice()
    app.payment(row, 10)
    path = f"/Invoices/{row['InvoiceID']}"
    assert app.put("Invoices", {"Reference": "x"}, path, "POST")["Reference"] == "x"
    turn(app, paid_edits="none")
    assert app.refusal("Invoices", {"Reference": "y"}, path, "POST")


def test_quiet_updates(app: App) -> None:
    row = app.invoice()
    app.payment(row, 10)
    path, stamp = f"/Invoices/{row['InvoiceID']}", app.again(row)["UpdatedDateUTC"]
    clock.advance(minutes=1)
    app.put("Invoices", {"DueDate": "2026-12-11"}, path, "POST")
    assert app.again(row)["UpdatedDateUTC"] == stamp
    turn(app, quiet_updates=False)
    app.put("Invoices", {"DueDate": "2026-12-12"}, path, "POST")
    assert app.again(row)["UpdatedDateUTC"] > stamp


def test_due_date_required(app: App) -> None:
    body = sale(app, Status="AUTHORISED", DueDate=None)
    assert app.refusal("Invoices", body) == ["The Due Date field is mandatory for approved documents."]
    turn(app, due_date_required=False)
    assert app.put("Invoices", body)["DueDateString"][:10] == "2026-11-20"


def test_app_is_adviser(app: App) -> None:
    app.sandbox.bookkeeper.set_lock_dates(period="2026-11-20")
    assert app.refusal("Invoices", sale(app, Status="AUTHORISED"))
    turn(app, app_is_adviser=True)
    assert app.put("Invoices", sale(app, Status="AUTHORISED"))["Status"] == "AUTHORISED"
    app.sandbox.bookkeeper.set_lock_dates(year_end="2026-11-20")
    assert app.refusal("Invoices", sale(app, Status="AUTHORISED")), "the other lock stops advisers too"


def test_lock_allocations(app: App) -> None:
    row = app.invoice()
    note = app.put("CreditNotes", sale(app, Type="ACCRECCREDIT", Status="AUTHORISED"))
    part = {"Invoice": {"InvoiceID": row["InvoiceID"]}, "Amount": 5, "Date": "2026-11-20"}
    path = f"/CreditNotes/{note['CreditNoteID']}/Allocations"
    app.sandbox.bookkeeper.set_lock_dates(period="2026-11-20")
    assert app.refusal("Allocations", part, path)
    turn(app, lock_allocations=False)
    assert app.put("Allocations", part, path)["Amount"] == 5.0


def test_drop_unknown_tracking(app: App) -> None:
    line = {**sale(app)["LineItems"][0], "Tracking": [{"Name": "Office", "Option": "Moon"}]}
    assert app.refusal("Invoices", sale(app, LineItems=[line]))
    turn(app, drop_unknown_tracking=True)
    assert app.put("Invoices", sale(app, LineItems=[line]))["LineItems"][0]["Tracking"] == []


def test_api_unarchive(app: App) -> None:
    who = app.contact()
    app.sandbox.bookkeeper.archive_contact(who["ContactID"])
    assert app.refusal("Contacts", {**who, "ContactStatus": "ACTIVE"}, method="POST")
    turn(app, api_unarchive=True)
    assert app.put("Contacts", {**who, "ContactStatus": "ACTIVE"}, method="POST")["ContactStatus"] == "ACTIVE"


def test_delete_reconciled(app: App) -> None:
    path = f"/Payments/{app.payment(app.invoice(), 10, IsReconciled=True)['PaymentID']}"
    assert app.refusal("Payments", {"Status": "DELETED"}, path, "POST")
    turn(app, delete_reconciled=True)
    assert app.put("Payments", {"Status": "DELETED"}, path, "POST")["Status"] == "DELETED"


def test_loopback_redirects(sandbox: XeroSandbox, app: App) -> None:
    assert press(sandbox, "approve")["code"]
    turn(app, loopback_redirects=False)
    query = f"response_type=code&client_id={sandbox.app.client_id}&redirect_uri={BACK}&scope=openid"
    assert sandbox.handle(Request.build("GET", f"/identity/connect/authorize?{query}")).status == 400


def test_tidy_phones(app: App) -> None:
    def number(name: str) -> str:
        phones = [{"PhoneType": "MOBILE", "PhoneNumber": "0400 000 000"}]
        made = app.put("Contacts", {"Name": name, "Phones": phones})
        return next(str(one["PhoneNumber"]) for one in made["Phones"] if one["PhoneType"] == "MOBILE")

    assert number("One") == "0400 000 000"
    turn(app, tidy_phones=True)
    assert number("Two") == "0400000000"


def test_latency(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("practice.core.clock.sleep", slept.append)
    app.call("GET", "/Organisation")
    assert slept == []
    turn(app, latency=0.25)
    app.call("GET", "/Organisation")
    assert slept == [0.25]


def test_invoice_reminders(app: App) -> None:
    assert app.get("/InvoiceReminders/Settings", "InvoiceReminders") == [{"Enabled": False}]
    turn(app, invoice_reminders=True)
    assert app.get("/InvoiceReminders/Settings", "InvoiceReminders") == [{"Enabled": True}]
