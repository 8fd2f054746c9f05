"""Each switch both ways, each test named as the switch it turns; and the page that lists them lists no other."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from ledger_sync.sandbox.xero import Switches, XeroSandbox
from ledger_sync.sandbox.xero.settings import Limits
from practice.core import clock
from practice.core.sandbox.faults import Fault
from practice.core.sandbox.http import Request, Response
from tests.ledger_sync.sandbox.xero.test_xero_identity import BACK, ask, exchange, press
from tests.ledger_sync.sandbox.xero.test_xero_webhooks import URL, Receiver
from tests.ledger_sync.sandbox.xero.xero_app import COMPANY, NOON, App, unlimited

PAGE = Path(__file__).parents[4] / "docs/sandboxes/xero.md"
NAMES = {field.name for field in dataclasses.fields(Switches)}
NUMBERS = {field.name for field in dataclasses.fields(Limits)}

METHODS = "code_challenge_methods_supported"


def turn(app: App, **given: Any) -> None:
    """Over the wire, as the demo and an outside client do."""
    answer = app.sandbox.handle(Request.build("POST", "/_sandbox/settings", {}, json.dumps(given)))
    assert answer.status == 200, answer.body


def rules() -> list[list[str]]:
    lines = PAGE.read_text().split("## Rules")[1].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in cells if row[0] != "rule" and not set(row[0]) <= set("-")]


def test_the_page_lists_every_switch_and_no_other() -> None:
    listed = {name for row in rules() for name in re.findall(r"`(\w+)`", row[-1])}
    assert listed - NUMBERS == NAMES


def test_what_is_unsure_can_be_switched() -> None:
    assert [row[0] for row in rules() if "unsure" in " ".join(row) and row[-1] == "–"] == []


def test_every_rule_says_where_it_comes_from_and_whether_that_is_sure() -> None:
    for row in rules():
        assert len(row) == 5, row
        assert row[2], row
        assert re.match(r"confirmed|reported|unsure|ours", row[3]), row


def test_every_switch_has_a_test_of_its_name() -> None:
    listed = {name for row in rules() for name in re.findall(r"`(\w+)`", row[-1])}
    assert {name.removeprefix("test_") for name in globals()} >= listed


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


def test_the_words_of_a_refusal(sandbox: XeroSandbox, app: App) -> None:
    def told() -> str:
        sandbox.faults.order(Fault("unauthorised"))
        return str(app.call("GET", "/Organisation").json()["Detail"])

    assert told().startswith("TokenExpired: token expired at")
    words = json.dumps({"TokenExpired: token expired at": "Too old:"})
    assert sandbox.handle(Request.build("POST", "/_sandbox/words", {}, words)).status == 200
    assert told().startswith("Too old:")


def test_plain_pkce(sandbox: XeroSandbox, app: App) -> None:
    def methods() -> list[str]:
        return list(sandbox.handle(Request.build("GET", "/.well-known/openid-configuration")).json()[METHODS])

    proof = "y" * 43
    sent = {"code_challenge": proof, "code_challenge_method": "plain"}
    assert "error=invalid_request" in ask(sandbox, **sent).headers["Location"]
    assert methods() == ["S256"]
    turn(app, plain_pkce=True)
    assert methods() == ["plain", "S256"]
    assert exchange(app, press(sandbox, "approve", **sent)["code"], code_verifier="z" * 43).status == 400
    assert exchange(app, press(sandbox, "approve", **sent)["code"], code_verifier=proof).status == 200


def test_userinfo_bare(sandbox: XeroSandbox, app: App) -> None:
    def told() -> set[str]:
        return set(
            sandbox.handle(Request.build("GET", "/connect/userinfo", {"Authorization": f"Bearer {app.token}"})).json()
        )

    assert told() > {"sub", "email"}
    turn(app, userinfo_bare=True)
    assert told() == {"sub"}


def test_replaced_use_revokes(app: App) -> None:
    old = app.credentials["refresh_token"]

    def refresh(token: str) -> Response:
        return app.post_form("/connect/token", grant_type="refresh_token", refresh_token=token)

    newer = refresh(old).json()["refresh_token"]
    assert refresh(old).status == 200
    newest = refresh(newer).json()["refresh_token"]
    turn(app, replaced_use_revokes=True)
    assert refresh(old).status == 200
    assert refresh(newest).json() == {"error": "invalid_grant"}


def limited(app: App) -> Response:
    app.sandbox.faults.order(Fault("rate_limited", detail="concurrent"))
    return app.call("GET", "/Organisation")


def test_limit_body(app: App) -> None:
    assert limited(app).body == b""
    turn(app, limit_body="Too many calls")
    assert (limited(app).status, limited(app).body) == (429, b"Too many calls")


def test_limit_names(app: App) -> None:
    assert limited(app).headers["X-Rate-Limit-Problem"] == "concurrent"
    turn(app, limit_names={"concurrent": "Concurrency"})
    assert limited(app).headers["X-Rate-Limit-Problem"] == "Concurrency"


def test_idempotency_in_elements(app: App) -> None:
    def told() -> dict[str, Any]:
        return dict(app.call("PUT", "/Contacts", {"Contacts": [{"Name": "Two"}]}, Idempotency_Key="k").json())

    app.call("PUT", "/Contacts", {"Contacts": [{"Name": "One"}]}, Idempotency_Key="k")
    text = "Idempotency Key: k is used with a different request."
    assert (told()["Message"], "Elements" in told()) == (text, False)
    turn(app, idempotency_in_elements=True)
    assert told()["Elements"][0]["ValidationErrors"] == [{"Message": text}]


def test_wrong_method_404(app: App) -> None:
    assert app.call("DELETE", "/Organisation").status == 405
    turn(app, wrong_method_404=True)
    assert app.call("DELETE", "/Organisation").status == 404


def test_wrong_kinds_ignored(app: App) -> None:
    line = {**sale(app)["LineItems"][0], "Quantity": "many", "Tracking": "none"}
    odd = {"Invoices": [sale(app, LineItems=[line], BrandingThemeID={}, Payments="x")]}
    assert app.call("PUT", "/Invoices", odd).json()["ErrorNumber"] == 14
    turn(app, wrong_kinds_ignored=True)
    assert app.call("PUT", "/Invoices", {"Invoices": [sale(app, LineItems=[{**line, "Tracking": []}])]}).status == 200
    assert app.put("Invoices", sale(app, BrandingThemeID={}, Payments="x"))["Total"] == 110.0


def test_numbers_for_texts(app: App) -> None:
    assert app.put("Contacts", {"Name": 7})["Name"] == "7"
    turn(app, numbers_for_texts=False)
    assert app.call("PUT", "/Contacts", {"Contacts": [{"Name": 8}]}).json()["ErrorNumber"] == 14


def test_number_digits(app: App) -> None:
    line = {**sale(app)["LineItems"][0], "UnitAmount": 10**12}
    body = {"Invoices": [sale(app, LineItems=[line])]}
    assert app.call("PUT", "/Invoices", body).json()["ErrorNumber"] == 14
    turn(app, number_digits=13)
    assert app.put("Invoices", body["Invoices"][0])["SubTotal"] == 10.0**12


def test_first_day(app: App) -> None:
    body = sale(app, Date="1752-12-31")
    assert app.call("PUT", "/Invoices", {"Invoices": [body]}).json()["ErrorNumber"] == 14
    turn(app, first_day="1752-01-01")
    assert app.put("Invoices", body)["DateString"][:10] == "1752-12-31"


def test_where_brackets(app: App) -> None:
    path = "/Contacts?where=" + quote('((Name=="Mossgrove Dental"))')
    assert len(app.get(path, "Contacts")) == 1
    turn(app, where_brackets=1)
    assert app.call("GET", path).json()["ErrorNumber"] == 16


def test_archive_system_accounts(app: App) -> None:
    debtors = next(row for row in app.get("/Accounts", "Accounts") if row.get("SystemAccount") == "DEBTORS")
    path, change = f"/Accounts/{debtors['AccountID']}", {"Status": "ARCHIVED"}
    assert app.refusal("Accounts", change, path, "POST") == ["System accounts cannot be archived."]
    turn(app, archive_system_accounts=True)
    assert app.put("Accounts", change, path, "POST")["Status"] == "ARCHIVED"


def test_delete_used_accounts(app: App) -> None:
    path = f"/Accounts/{app.invoice()['LineItems'][0]['AccountID']}"
    assert app.call("DELETE", path).status == 400
    turn(app, delete_used_accounts=True)
    assert app.call("DELETE", path).json()["Accounts"][0]["Status"] == "DELETED"


def test_tax_on_liabilities(app: App) -> None:
    app.put("Accounts", {"Code": "899", "Name": "Held for others", "Type": "CURRLIAB", "TaxType": "BASEXCLUDED"})
    line = {**sale(app)["LineItems"][0], "AccountCode": "899"}
    taxed = sale(app, LineItems=[{**line, "TaxType": "OUTPUT"}])
    assert app.put("Invoices", taxed)["TotalTax"] == 10.0
    turn(app, tax_on_liabilities=False)
    assert app.refusal("Invoices", taxed)
    assert app.put("Invoices", sale(app, LineItems=[{**line, "TaxType": "BASEXCLUDED"}]))["TotalTax"] == 0.0


def test_note_chars(app: App) -> None:
    path = f"/Invoices/{app.invoice()['InvoiceID']}/History"
    note = {"Details": "x" * 2_501}
    assert app.refusal("HistoryRecords", note, path) == ["The history note needs details of at most 2500 characters."]
    turn(app, note_chars=4_000)
    assert app.put("HistoryRecords", note, path)["Details"] == note["Details"]


def test_scheme_elsewhere(app: App) -> None:
    path = f"/Contacts/{app.contact()['ContactID']}/CISSettings"
    assert app.get(path, "CISSettings") == []
    turn(app, scheme_elsewhere=True)
    assert app.get(path, "CISSettings") == [{"CISEnabled": False}]


def test_rates_to_base(app: App) -> None:
    app.put("Currencies", {"Code": "USD", "Description": "United States Dollar"})
    assert app.invoice(CurrencyCode="USD")["CurrencyRate"] == 0.65
    turn(app, rates_to_base=True)
    assert app.invoice(CurrencyCode="USD")["CurrencyRate"] == 1.538462


def test_payload_events(heard: tuple[App, Receiver]) -> None:
    app, receiver = heard

    def payloads() -> int:
        receiver.seen.clear()
        app.invoice()
        app.invoice()
        app.sandbox.tick()
        return len(receiver.seen)

    assert payloads() == 1
    turn(app, payload_events=1)
    assert payloads() == 2


def test_online_drafts(app: App) -> None:
    path = f"/Invoices/{app.invoice(Status='DRAFT')['InvoiceID']}/OnlineInvoice"
    assert app.call("GET", path).status == 400
    turn(app, online_drafts=True)
    assert len(app.get(path, "OnlineInvoices")) == 1


def test_payment_rate_required(app: App) -> None:
    app.put("Currencies", {"Code": "USD", "Description": "United States Dollar"})
    row = app.invoice(CurrencyCode="USD")
    body = {"Invoice": {"InvoiceID": row["InvoiceID"]}, "Account": {"Code": "091"}, "Amount": 10}
    assert app.refusal("Payments", body) == ["A payment in a foreign currency needs a CurrencyRate."]
    turn(app, payment_rate_required=False)
    assert app.payment(row, 10)["CurrencyRate"] == 0.65


def test_group_twice_refused(app: App) -> None:
    path = f"/ContactGroups/{app.put('ContactGroups', {'Name': 'Regulars'})['ContactGroupID']}/Contacts"
    for _ in range(2):
        assert app.put("Contacts", app.contact(), path)
    turn(app, group_twice_refused=True)
    assert app.refusal("Contacts", app.contact(), path) == ["The contact is in the group already."]
