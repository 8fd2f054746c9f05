"""Each switch both ways, each named as the switch it turns; and the page that lists them lists no other."""

from __future__ import annotations

import dataclasses
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox, Switches
from ledger_sync.sandbox.quickbooks.documented import GENERIC
from practice.core import clock
from practice.core.sandbox.http import Request
from tests.ledger_sync.sandbox.quickbooks.qbo_app import COMPANY, App, head, unlimited
from tests.ledger_sync.sandbox.quickbooks.test_qbo_webhooks import Listener

PAGE = Path(__file__).parents[4] / "docs/sandboxes/quickbooks.md"
NAMES = {field.name for field in dataclasses.fields(Switches)}
CUSTOMER = {"CustomerRef": {"value": "1"}}


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
        assert re.match(r"confirmed|unsure|ours", row[3]), row


def test_what_is_unsure_can_be_switched() -> None:
    assert [row[0] for row in rules() if "unsure" in row[3] and row[4] == "–"] == []


def test_the_page_marks_every_kind_without_rules() -> None:
    marked = PAGE.read_text().split("## Kinds without rules of their own")[1].split("##")[0]
    assert set(re.findall(r"`(\w+)`", marked)) >= {entity.name for entity in GENERIC} | {
        "TaxClassification",
        "Entitlements",
    }


def test_every_switch_has_a_test_of_its_name() -> None:
    assert {name.removeprefix("test_") for name in globals()} >= NAMES


def test_a_switch_nobody_has_is_refused(app: App) -> None:
    assert app.sandbox.handle(Request.build("POST", "/_sandbox/settings", {}, '{"luck": true}')).status == 400


# Each switch, both ways


def test_mark_deactivated(app: App) -> None:
    assert app.change("Customer", app.get("Customer", "2"), Active=False)["DisplayName"].endswith(" (deleted)")
    turn(app, mark_deactivated=False)
    assert app.change("Customer", app.get("Customer", "1"), Active=False)["DisplayName"] == "Alder Creek Dental LLC"


def test_keep_sent_numbers(app: App) -> None:
    app.sandbox.bookkeeper.set_preference("SalesFormsPrefs", "CustomTxnNumbers", False)
    assert app.invoice(DocNumber="X-1")["DocNumber"] == "X-1"
    turn(app, keep_sent_numbers=False)
    assert app.invoice(DocNumber="X-2")["DocNumber"] == "1001"


def test_warn_duplicate_numbers(app: App) -> None:
    body = {**CUSTOMER, "DocNumber": "X-1", "Line": [app.line()]}
    app.post("Invoice", body)
    assert app.code("Invoice", body) == "6140"
    turn(app, warn_duplicate_numbers=False)
    assert app.post("Invoice", body)["DocNumber"] == "X-1"


def test_refuse_negative_deposit_lines(app: App) -> None:
    def line(amount: int) -> dict[str, Any]:
        return {
            "Amount": amount,
            "DetailType": "DepositLineDetail",
            "DepositLineDetail": {"AccountRef": app.account("Services")},
        }

    body = {"DepositToAccountRef": app.account("Checking"), "Line": [line(9), line(-5)]}
    assert app.post("Deposit", body)["TotalAmt"] == 4
    turn(app, refuse_negative_deposit_lines=True)
    assert app.code("Deposit", body) == "2290"


def test_request_id_strict(app: App) -> None:
    body = {**CUSTOMER, "Line": [app.line()]}
    first = app.call("POST", "/invoice?requestid=r", body)
    assert app.call("POST", "/invoice?requestid=r", {**body, "PrivateNote": "x"}).body == first.body
    turn(app, request_id_strict=True)
    assert app.code("Invoice", {**body, "PrivateNote": "x"}, "?requestid=r") == "600"


def test_request_id_seconds(app: App) -> None:
    body = {**CUSTOMER, "Line": [app.line()]}
    for seconds, same in ((600, True), (5, False)):
        turn(app, request_id_seconds=seconds)
        first = app.post("Invoice", body, f"?requestid={seconds}")
        clock.advance(seconds=6)
        assert (app.post("Invoice", body, f"?requestid={seconds}")["Id"] == first["Id"]) is same


def test_rotate_always(app: App) -> None:
    old = app.refresh_token
    app.refresh()
    assert app.refresh_token != old
    turn(app, rotate_always=False)
    old = app.refresh_token
    app.refresh()
    assert app.refresh_token == old


def test_refresh_overlap(app: App) -> None:
    for seconds, status in ((120, 200), (0, 400)):
        turn(app, refresh_overlap=seconds)
        old = app.refresh_token
        app.refresh()
        clock.advance(seconds=1)
        assert app.tokens(grant_type="refresh_token", refresh_token=old).status == status


def test_closing_day_closed(app: App) -> None:
    app.sandbox.bookkeeper.close_books("2026-10-31")
    body = {**CUSTOMER, "TxnDate": "2026-10-31", "Line": [app.line()]}
    assert app.code("Invoice", body) == "6210"
    turn(app, closing_day_closed=False)
    assert app.post("Invoice", body)["Id"]


def test_retry_after(app: App) -> None:
    app.sandbox.limits.minute = 0
    assert "Retry-After" not in app.call("GET", "/preferences").headers
    turn(app, retry_after=True)
    assert app.call("GET", "/preferences").headers["Retry-After"] == "60"


def test_throttle_form(app: App) -> None:
    app.sandbox.limits.minute = 0
    for form, words in (("lower", b'"fault":'), ("upper", b'"Fault":'), ("xml", b"<Fault")):
        turn(app, throttle_form=form)
        assert words in app.call("GET", "/preferences").body


def test_void_either_way(app: App) -> None:
    payment = app.payment(5)
    assert app.code("Payment", head(payment), "?operation=void") == "500"
    turn(app, void_either_way=True)
    assert app.post("Payment", head(payment), "?operation=void")["TotalAmt"] == 0


def test_void_again(app: App) -> None:
    for kind, how, made in (
        ("Invoice", "?operation=void", app.invoice()),
        ("Payment", "?operation=update&include=void", app.payment(5)),
    ):
        gone = app.post(kind, head(made), how)
        assert app.code(kind, head(gone), how) == "6000"
        turn(app, void_again=True)
        assert app.post(kind, head(gone), how)["PrivateNote"] == "Voided"
        turn(app, void_again=False)


def test_void_settled(app: App) -> None:
    row = app.invoice(100)
    payment = app.payment(100, row)
    row = app.again("Invoice", row)
    assert app.code("Invoice", head(row), "?operation=void") == "6000"
    assert (app.again("Invoice", row)["TotalAmt"], app.again("Payment", payment)["UnappliedAmt"]) == (100, 0)
    turn(app, void_settled=True)
    assert app.post("Invoice", head(row), "?operation=void")["TotalAmt"] == 0
    assert app.again("Payment", payment)["UnappliedAmt"] == 100


def test_batch_ids_unique(app: App) -> None:
    asked = {"Query": "select * from Term"}
    for items, code in (([{"bId": "1", **asked}, {"bId": "1", **asked}], "2130"), ([asked], "2020")):
        body = {"BatchItemRequest": items}
        turn(app, batch_ids_unique=True)
        assert app.code("batch", body) == code
        turn(app, batch_ids_unique=False)
        told = app.call("POST", "/batch", body).json()["BatchItemResponse"]
        assert [answer["bId"] for answer in told] == [item.get("bId", "") for item in items]


def test_naive_zone(app: App) -> None:
    clock.move(datetime(2026, 11, 20, 16, 30, tzinfo=UTC))  # 08:30 on the Pacific coast, 11:30 in New York
    books = app.sandbox.books(app.realm)
    with books.store.transaction():
        books.change("CompanyInfo", books.company, _zone="America/New_York")
    made = app.change("Term", app.get("Term", "1"), Name="Net 31")["Id"]

    def found(moment: str) -> tuple[bool, bool]:
        asked = app.call("GET", f"/cdc?entities=Term&changedSince={moment}").json()["CDCResponse"][0]
        rows = asked["QueryResponse"][0].get("Term", [])
        where = f"select * from Term where MetaData.LastUpdatedTime >= '{moment}' and Id = '{made}'"
        return [row["Id"] for row in rows] == [made], bool(app.query(where))

    for zone, last in (("pacific", "08:30:00"), ("company", "11:30:00"), ("utc", "16:30:00")):
        turn(app, naive_zone=zone)
        assert found(f"2026-11-20T{last}") == (True, True)
        assert found(f"2026-11-20T{last[:5]}:01") == (False, False)
    assert found("2026-11-20T08:30:00-08:00") == (True, True)


def test_a_switch_of_words_takes_no_others(app: App) -> None:
    for name in ("naive_zone", "throttle_form"):
        refused = app.sandbox.handle(Request.build("POST", "/_sandbox/settings", {}, json.dumps({name: "loud"})))
        assert refused.status == 400
        assert getattr(app.sandbox.settings, name) != "loud"


@pytest.fixture
def listener(app: App) -> Listener:
    found = Listener(app.keys["webhook_secret"])
    app.sandbox.outbox.send = found
    app.sandbox.webhooks.set_url("http://web.test/")
    return found


def test_legacy_notices(app: App, listener: Listener) -> None:
    for legacy in (False, True):
        turn(app, legacy_notices=legacy)
        app.invoice()
        app.sandbox.tick()
    assert [isinstance(notice, list) for notice in listener.heard] == [True, False]


def test_withhold_notices(app: App, listener: Listener) -> None:
    listener.status = 500
    for _ in range(2):
        app.invoice()
        app.sandbox.tick()
    assert len(listener.heard) == 1
    turn(app, withhold_notices=False)
    app.sandbox.tick()
    assert len(listener.heard) == 2


def test_notify_own_changes(app: App, listener: Listener) -> None:
    for told in (True, False):
        turn(app, notify_own_changes=told)
        app.invoice()
        app.sandbox.tick()
    assert len(listener.heard) == 1


def test_refuse_unknown_properties(app: App) -> None:
    body = {**CUSTOMER, "Line": [app.line()], "Colour": "red"}
    assert app.code("Invoice", body) == "2010"
    turn(app, refuse_unknown_properties=False)
    assert "Colour" not in app.post("Invoice", body)


def elsewhere(**company: Any) -> App:
    return App(unlimited(QuickBooksSandbox(company={**COMPANY, **company})))


def abroad() -> tuple[App, dict[str, Any]]:
    app = elsewhere(country="AU")
    code = app.query("SELECT * FROM TaxCode WHERE Name = 'GST'")["TaxCode"][0]["Id"]
    return app, {**CUSTOMER, "Line": [app.line(110, TaxCodeRef={"value": code})]}


def test_tax_mode_required() -> None:
    app, body = abroad()
    assert app.code("Invoice", body) == "2020"
    turn(app, tax_mode_required=False)
    assert app.post("Invoice", body)["TotalAmt"] == 121


def test_inclusive_amount_is_gross() -> None:
    app, body = abroad()
    body["GlobalTaxCalculation"] = "TaxInclusive"
    assert app.post("Invoice", body)["TotalAmt"] == 121
    turn(app, inclusive_amount_is_gross=True)
    assert app.post("Invoice", body)["TotalAmt"] == 110


def test_currency_required() -> None:
    app = elsewhere(currencies=["EUR"])
    body = {**CUSTOMER, "Line": [app.line()]}
    assert app.code("Invoice", body) == "2020"
    turn(app, currency_required=False)
    assert app.post("Invoice", body)["CurrencyRef"]["value"] == "USD"


def test_drop_untracked(app: App) -> None:
    tracked = {"ClassRef": {"value": "1"}}
    assert "ClassRef" not in app.invoice(**tracked)
    turn(app, drop_untracked=False)
    assert app.invoice(**tracked)["ClassRef"]["name"] == "Tax"


def test_inactive_is_2500(app: App) -> None:
    app.sandbox.bookkeeper.archive_account("Services")
    body = {**CUSTOMER, "Line": [app.line()]}
    for on, code in ((False, "610"), (True, "2500")):
        turn(app, inactive_is_2500=on)
        refused = app.refusal("Invoice", body)
        assert (refused["code"], "has been made inactive" in refused["Detail"]) == (code, True)


def test_merged_kept(app: App) -> None:
    third = app.post("Customer", {"DisplayName": "Third"})["Id"]
    app.sandbox.bookkeeper.merge_customers("1", "2")
    assert app.get("Customer", "1")["Active"] is False
    turn(app, merged_kept=False)
    app.sandbox.bookkeeper.merge_customers(third, "2")
    assert app.call("GET", f"/customer/{third}").json()["Fault"]["Error"][0]["code"] == "610"


def test_too_far_back(app: App) -> None:
    for code in ("2090", "4002"):
        turn(app, too_far_back=code)
        answer = app.call("GET", "/cdc?entities=Invoice&changedSince=2026-01-01T00:00:00Z")
        assert answer.json()["Fault"]["Error"][0]["code"] == code


def test_loopback_redirects(app: App) -> None:
    asked = f"/connect/oauth2?client_id={app.keys['client_id']}&response_type=code&scope=openid&redirect_uri=http://localhost/x"
    assert app.sandbox.handle(Request.build("GET", asked)).status == 200
    turn(app, loopback_redirects=False)
    assert app.sandbox.handle(Request.build("GET", asked)).status == 400


def test_fixed_windows(app: App) -> None:
    app.sandbox.limits.minute = 3
    clock.advance(seconds=59)
    for fixed, status in ((True, 200), (False, 429)):
        turn(app, fixed_windows=fixed)
        clock.advance(minutes=5)
        for _ in range(3):
            assert app.call("GET", "/preferences").status == 200
        assert app.call("GET", "/preferences").status == 429
        clock.advance(seconds=1)
        assert app.call("GET", "/preferences").status == status
        clock.advance(seconds=58)


def test_request_id_faults(app: App) -> None:
    good = {**CUSTOMER, "Line": [app.line()]}
    for kept, status in ((False, 200), (True, 400)):
        turn(app, request_id_faults=kept)
        assert app.call("POST", f"/invoice?requestid={kept}", CUSTOMER).status == 400
        assert app.call("POST", f"/invoice?requestid={kept}", good).status == status


def test_changes_each_kind(app: App) -> None:
    app.sandbox.limits.changes = 2
    for each, counts in ((False, [2, 0]), (True, [2, 2])):
        turn(app, changes_each_kind=each)
        since = "2026-11-19T00:00:00Z"
        answer = app.call("GET", f"/cdc?entities=Customer,Account&changedSince={since}").json()
        groups = answer["CDCResponse"][0]["QueryResponse"]
        assert [group.get("maxResults", 0) for group in groups] == counts


def test_sell_to_liability(app: App) -> None:
    made = app.post("Account", {"Name": "Retainers", "AccountType": "Other Current Liability"})
    item = {"Name": "Retainer", "IncomeAccountRef": {"value": made["Id"]}}
    assert app.post("Item", item)["Id"]
    turn(app, sell_to_liability=False)
    assert app.code("Item", {**item, "Name": "Deposit"}) == "6000"


def test_sell_to_expense(app: App) -> None:
    made = app.post("Account", {"Name": "Given up", "AccountType": "Expense"})
    item = {"Name": "Debts given up", "Type": "NonInventory", "IncomeAccountRef": {"value": made["Id"]}}
    assert app.post("Item", item)["Id"]
    turn(app, sell_to_expense=False)
    assert app.code("Item", {**item, "Name": "Written off"}) == "6000"


def test_credits_by_payment(app: App) -> None:
    def applied() -> dict[str, Any]:
        memo = app.post("CreditMemo", {**CUSTOMER, "Line": [app.line(30)]})
        lines = [app.on(30, app.invoice(30)), app.on(30, memo, "CreditMemo")]
        return {**CUSTOMER, "TotalAmt": 0, "Line": lines}

    assert app.post("Payment", applied())["TotalAmt"] == 0
    turn(app, credits_by_payment=False)
    assert app.code("Payment", applied()) == "2170"


def test_payments_given_back(app: App) -> None:
    (control,) = app.query("SELECT * FROM Account WHERE AccountType = 'Accounts Receivable'")["Account"]
    bank = app.account("Checking")["value"]
    detail = {"AccountRef": {"value": control["Id"]}, **CUSTOMER}
    line = {"Amount": 30, "DetailType": "AccountBasedExpenseLineDetail", "AccountBasedExpenseLineDetail": detail}
    spent = app.post("Purchase", {"PaymentType": "Cash", "AccountRef": {"value": bank}, "Line": [line]})
    taken = {**CUSTOMER, "TotalAmt": 50, "Line": [app.on(30, spent, "Expense")]}
    payment = app.post("Payment", taken)
    assert payment["UnappliedAmt"] == 20
    assert app.code("Payment", taken) == "6000"
    assert app.code("Purchase", app.again("Purchase", spent), "?operation=delete") == "800"
    turn(app, payments_given_back=False)
    assert app.code("Payment", taken) == "2170"


def test_us_taxed_anew(app: App) -> None:
    app.sandbox.bookkeeper.set_preference("TaxPrefs", "UsingSalesTax", True)
    taxable = {"TaxCodeRef": {"value": "TAX"}}
    for anew, same in ((True, False), (False, True)):
        turn(app, us_taxed_anew=anew)
        row = app.post("Invoice", {**CUSTOMER, "Line": [app.line(200, **taxable)]})
        fewer = app.change("Invoice", row, Line=[app.line(100, **taxable)])
        told = row["TxnTaxDetail"]["TotalTax"]
        assert told > 0
        assert (fewer["TxnTaxDetail"]["TotalTax"] == told) is same


def test_tax_rounded_once() -> None:
    app, body = abroad()
    body = {**body, "Line": [{**body["Line"][0], "Amount": "0.33"}] * 3, "GlobalTaxCalculation": "TaxExcluded"}
    assert app.post("Invoice", body)["TxnTaxDetail"]["TotalTax"] == 0.1
    turn(app, tax_rounded_once=False)
    assert app.post("Invoice", body)["TxnTaxDetail"]["TotalTax"] == 0.09


def test_unset_rate_is_one() -> None:
    app = elsewhere(currencies=["EUR"], customers=[{"DisplayName": "Brook", "CurrencyRef": {"value": "EUR"}}])
    asked = "/exchangerate?sourcecurrencycode=EUR"
    body = {**CUSTOMER, "Line": [app.line()], "CurrencyRef": {"value": "EUR"}}
    assert app.call("GET", asked).json()["ExchangeRate"]["Rate"] == 1
    assert app.post("Invoice", body)["ExchangeRate"] == 1
    turn(app, unset_rate_is_one=False)
    assert app.call("GET", asked).json()["Fault"]["Error"][0]["code"] == "610"
    assert app.code("Invoice", body) == "2020"
    assert app.post("Invoice", {**body, "ExchangeRate": 2})["HomeTotalAmt"] == 200


def test_any_recur_spelling(app: App) -> None:
    def template(spelt: str) -> dict[str, Any]:
        return {"Invoice": {**CUSTOMER, "Line": [app.line()], "RecurringInfo": {"Name": spelt, "RecurType": spelt}}}

    assert app.post("RecurringTransaction", template("UnScheduled"))
    turn(app, any_recur_spelling=False)
    assert app.code("RecurringTransaction", template("UnScheduled")) == "2170"
    assert app.post("RecurringTransaction", template("Unscheduled"))


def test_notify_mailing(app: App, listener: Listener) -> None:
    row = app.invoice()
    for told in (True, False):
        turn(app, notify_mailing=told)
        assert app.call("POST", f"/invoice/{row['Id']}/send?sendTo=a@b.example").status == 200
    app.sandbox.tick()
    assert [event["type"] for event in listener.heard[0]] == ["qbo.invoice.created.v1", "qbo.invoice.emailed.v1"]


def test_notice_days(app: App, listener: Listener) -> None:
    listener.status = 500
    for days, tries in ((7, 36), (1, 12)):
        turn(app, notice_days=days)
        listener.heard.clear()
        app.token = app.refresh()["access_token"]
        app.invoice()
        for _ in range(50):
            app.sandbox.tick()
            clock.advance(hours=7)
        assert len(listener.heard) == tries
        assert app.sandbox.summary()["waiting"] == 0


def test_notice_events(app: App, listener: Listener) -> None:
    for most, notices in ((50, 1), (2, 2)):
        turn(app, notice_events=most)
        listener.heard.clear()
        for _ in range(3):
            app.invoice()
        app.sandbox.tick()
        assert len(listener.heard) == notices


def test_applying_renews_token(app: App) -> None:
    for renews, token in ((True, "1"), (False, "0")):
        turn(app, applying_renews_token=renews)
        row = app.invoice(100)
        app.payment(100, row)
        paid = app.get("Invoice", row["Id"])
        assert (paid["SyncToken"], paid["Balance"]) == (token, 0)


def test_other_method_status(app: App) -> None:
    for status in (400, 405):
        turn(app, other_method_status=status)
        answer = app.call("DELETE", "/invoice/1")
        assert (answer.status, answer.json()["Fault"]["Error"][0]["code"]) == (status, "500")
