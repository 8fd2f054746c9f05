"""Before the books: tokens, companies, throttles, request ids, and the two envelopes of a refusal."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from practice.core import clock
from practice.core.sandbox.faults import Fault, Weather
from practice.core.sandbox.http import ConnectionLost, Request, TimedOut
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App, head


def invoice(app: App, number: str = "A-1") -> dict[str, Any]:
    return {"CustomerRef": {"value": "1"}, "DocNumber": number, "Line": [app.line()]}


def test_a_bad_token_is_401_in_the_gateways_lower_case_with_nulls(app: App) -> None:
    app.token = "nonsense"
    answer = app.call("GET", "/preferences")
    body = answer.json()
    assert answer.status == 401
    assert body["fault"]["type"] == "AUTHENTICATION"
    assert body["fault"]["error"][0]["code"] == "3200"
    assert body["fault"]["error"][0]["message"] == "message=AuthenticationFailed; errorCode=003200; statusCode=401"
    assert body["queryResponse"] is None


def test_another_company_is_403(app: App, sandbox: QuickBooksSandbox) -> None:
    app.realm = "9341000000000000"
    answer = app.call("GET", "/preferences")
    assert (answer.status, answer.json()["fault"]["error"][0]["code"]) == (403, "3100")


def test_headers_and_envelope_of_a_good_answer(app: App) -> None:
    answer = app.call("GET", "/preferences")
    assert answer.headers["intuit_tid"].startswith("1-")
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.json()["time"] == "2026-11-20T08:00:00.000-08:00"


def test_refusals_carry_the_id_that_support_asks_for_too(app: App) -> None:
    seen = {app.call("GET", path).headers["intuit_tid"] for path in ("/invoice/999", "/preferences", "/nothing")}
    app.token = "wrong"
    seen.add(app.call("GET", "/preferences").headers["intuit_tid"])
    assert len(seen) == 4


@pytest.mark.parametrize(("limit", "allowed", "wait"), [("minute", 7, 60), ("second", 5, 1)])
def test_calls_are_throttled_in_fixed_windows(
    app: App, sandbox: QuickBooksSandbox, limit: str, allowed: int, wait: int
) -> None:
    setattr(sandbox.limits, limit, allowed)
    statuses = [app.call("GET", "/preferences").status for _ in range(allowed + 2)]
    assert statuses == [200] * allowed + [429, 429]
    clock.advance(seconds=wait)
    assert app.call("GET", "/preferences").status == 200


def test_batches_have_windows_of_their_own(app: App, sandbox: QuickBooksSandbox) -> None:
    sandbox.limits.batch_minute = 2
    body = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Term"}]}
    assert [app.call("POST", "/batch", body).status for _ in range(3)] == [200, 200, 429]
    assert app.call("GET", "/preferences").status == 200


def test_a_minute_is_shared_with_what_an_app_asks_elsewhere(app: App, sandbox: QuickBooksSandbox) -> None:
    sandbox.limits.minute_app = 2
    assert [app.call("GET", "/preferences").status for _ in range(3)] == [200, 200, 429]


def test_reports_and_a_companys_batches_have_limits_of_their_own(app: App, sandbox: QuickBooksSandbox) -> None:
    sandbox.limits.reports_minute, sandbox.limits.batch_minute_realm = 1, 1
    assert [app.call("GET", "/reports/TrialBalance").status for _ in range(2)] == [400, 429]
    body = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Term"}]}
    assert [app.call("POST", "/batch", body).status for _ in range(2)] == [200, 429]


def test_a_429_in_all_three_forms(app: App, sandbox: QuickBooksSandbox) -> None:
    sandbox.limits.minute = 0
    lower = app.call("GET", "/preferences")
    assert lower.json()["fault"]["error"][0]["message"] == "message=ThrottleExceeded; errorCode=003001; statusCode=429"
    assert "Retry-After" not in lower.headers
    sandbox.settings.throttle_form, sandbox.settings.retry_after = "upper", True
    upper = app.call("GET", "/preferences")
    assert upper.json()["Fault"]["Error"][0]["code"] == "3001"
    assert upper.json()["Fault"]["type"] == "SERVICE"
    assert upper.headers["Retry-After"] == "60"
    sandbox.settings.throttle_form = "xml"
    xml = app.call("GET", "/preferences")
    assert b"<Detail>The request limit was reached.  Try again later</Detail>" in xml.body
    assert xml.headers["Content-Type"].startswith("application/xml")


def test_a_requestid_gives_the_first_answer_again(app: App) -> None:
    first = app.call("POST", "/invoice?requestid=r-1", invoice(app))
    again = app.call("POST", "/invoice?requestid=r-1", invoice(app))
    assert (first.status, again.body) == (200, first.body)
    assert len(app.sandbox.dump()[f"{app.realm}:Invoice"]) == 1
    clock.advance(minutes=11)
    assert app.call("POST", "/invoice?requestid=r-1", invoice(app, "A-2")).json()["Invoice"]["DocNumber"] == "A-2"


def test_a_requestid_used_for_something_else(app: App, sandbox: QuickBooksSandbox) -> None:
    first = app.call("POST", "/invoice?requestid=r-1", invoice(app))
    assert app.call("POST", "/invoice?requestid=r-1", invoice(app, "A-2")).body == first.body
    sandbox.settings.request_id_strict = True
    answer = app.call("POST", "/invoice?requestid=r-1", invoice(app, "A-2"))
    assert answer.json()["Fault"]["Error"][0]["code"] == "600"


def test_a_fault_is_not_kept_under_its_requestid(app: App) -> None:
    wrong = {**invoice(app), "CustomerRef": {"value": "999"}}
    assert app.call("POST", "/invoice?requestid=r-1", wrong).status == 400
    assert app.call("POST", "/invoice?requestid=r-1", invoice(app)).status == 200


def test_a_requestid_is_at_most_fifty_characters_and_thirty_six_for_a_batch(app: App) -> None:
    assert (
        app.call("POST", f"/invoice?requestid={'r' * 51}", invoice(app)).json()["Fault"]["Error"][0]["code"] == "2130"
    )
    body = {"BatchItemRequest": [{"bId": "1", "Query": "select * from Term"}]}
    assert app.call("POST", f"/batch?requestid={'r' * 37}", body).status == 400
    long = {"BatchItemRequest": [{"bId": "x" * 11, "Query": "select * from Term"}]}
    assert app.call("POST", "/batch?requestid=r", long).status == 400
    assert app.call("POST", "/batch", long).status == 200


def test_a_lost_answer_was_booked_and_its_requestid_finds_it(app: App) -> None:
    app.sandbox.faults.order(Fault("response_lost", match="/invoice"))
    with pytest.raises(ConnectionLost):
        app.call("POST", "/invoice?requestid=r-1", invoice(app))
    again = app.call("POST", "/invoice?requestid=r-1", invoice(app)).json()["Invoice"]
    assert list(app.sandbox.dump()[f"{app.realm}:Invoice"]) == [again["Id"]]


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (Fault("unauthorised"), 401, b"003200"),
        (Fault("unauthorised", detail="3100"), 403, b"003100"),
        (Fault("unauthorised", detail="120"), 401, b"11014"),
        (Fault("rate_limited"), 429, b'"fault"'),
        (Fault("rate_limited", detail="xml"), 429, b'<Error code="3001">'),
        (Fault("rate_limited", detail="upper"), 429, b'"Fault"'),
        (Fault("server_error"), 500, b'"10000"'),
        (Fault("server_error", detail="503"), 503, b"SystemFault"),
        (Fault("server_error", detail="200"), 200, b"SystemFault"),
        (Fault("server_error", detail="6000"), 400, b"Please wait a few minutes"),
        (Fault("server_error", detail="6190"), 400, b"trial or subscription period ended"),
        (Fault("unavailable_html"), 503, b"<h1>"),
        (Fault("unavailable_html", retry_after=5), 503, b"<h1>"),
        (Fault("html_instead"), 200, b"<html>"),
    ],
)
def test_faults_to_order(app: App, fault: Fault, status: int, words: bytes) -> None:
    app.sandbox.faults.order(fault)
    answer = app.call("GET", "/preferences")
    assert answer.status == status
    assert words in answer.body
    assert answer.headers.get("Retry-After") == (str(fault.retry_after) if fault.retry_after else None)
    assert app.call("GET", "/preferences").status == 200


def test_a_token_that_expires_in_the_middle_of_a_run(app: App) -> None:
    assert app.call("POST", "/invoice", invoice(app)).status == 200
    clock.advance(minutes=61)
    late = app.call("POST", "/invoice", invoice(app, "A-2"))
    assert (late.status, late.json()["fault"]["error"][0]["code"]) == (401, "3200")
    app.token = app.refresh()["access_token"]
    assert app.call("POST", "/invoice", invoice(app, "A-2")).status == 200


def test_faults_by_seed_are_the_same_again(app: App) -> None:
    def run() -> list[int]:
        app.sandbox.faults.weather = Weather(
            seed=5, rate=0.5, kinds=("unauthorised", "rate_limited:xml", "server_error")
        )
        statuses = [app.call("GET", "/preferences").status for _ in range(40)]
        app.sandbox.faults.clear()
        return statuses

    first = run()
    assert {200, 401, 429, 500} == set(first)
    assert run() == first


def test_a_cut_answer_says_how_long_it_was_meant_to_be(app: App) -> None:
    app.sandbox.faults.order(Fault("truncated"))
    assert app.call("POST", "/invoice", invoice(app)).truncate is True
    assert len(app.sandbox.dump()[f"{app.realm}:Invoice"]) == 1


def test_a_company_whose_subscription_ended_is_only_read(app: App, sandbox: QuickBooksSandbox) -> None:
    row = app.invoice()
    sandbox.bookkeeper.end_subscription()
    assert app.call("GET", f"/invoice/{row['Id']}").status == 200
    assert app.query("SELECT * FROM Invoice")["Invoice"]
    assert app.code("Invoice", invoice(app)) == "6190"
    assert app.code("Invoice", head(row), "?operation=void") == "6190"
    assert (
        app.call("POST", f"/invoice/{row['Id']}/send?sendTo=a@b.example").json()["Fault"]["Error"][0]["code"] == "6190"
    )
    info = {pair["Name"]: pair["Value"] for pair in app.get("CompanyInfo", "1")["NameValue"]}
    assert info["SubscriptionStatus"] == "EXPIRED"
    sandbox.bookkeeper.renew_subscription()
    assert app.call("POST", "/invoice", invoice(app)).status == 200


def test_faults_without_an_answer(app: App) -> None:
    for kind, error in (("reset", ConnectionLost), ("timeout", TimedOut)):
        app.sandbox.faults.order(Fault(kind))
        with pytest.raises(error):
            app.call("POST", "/invoice", invoice(app))
    assert app.sandbox.dump()[f"{app.realm}:Invoice"] == {}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nonsense/1"), ("POST", "/nonsense"), ("GET", "/batch"), ("POST", "/invoice/1/explode"), ("GET", "")],
)
def test_operations_nobody_has(app: App, method: str, path: str) -> None:
    answer = app.call(method, path, {} if method == "POST" else None)
    assert (answer.status, answer.json()["Fault"]["Error"][0]["code"]) == (400, "500")


def test_what_is_not_json_and_what_is_not_known(app: App) -> None:
    assert app.call("POST", "/invoice", "not json").json()["Fault"]["Error"][0]["code"] == "2010"
    assert app.code("Invoice", {**invoice(app), "Colour": "red"}) == "2010"
    assert app.call("GET", "/invoice/999").json()["Fault"]["Error"][0]["code"] == "610"
    assert app.call("GET", "/query?query=").json()["Fault"]["type"] == "SystemFault"


def test_synctokens_full_and_sparse_updates(app: App) -> None:
    row = app.post("Invoice", {**invoice(app), "PrivateNote": "kept"})
    assert row["SyncToken"] == "0"
    sparse = app.change("Invoice", row, CustomerMemo={"value": "Thanks"})
    assert (sparse["SyncToken"], sparse["PrivateNote"], sparse["CustomerMemo"]["value"]) == ("1", "kept", "Thanks")
    assert app.code("Invoice", {**head(row), "sparse": True, "PrivateNote": "late"}) == "5010"
    full = app.post("Invoice", {**invoice(app), "Id": row["Id"], "SyncToken": 1})
    assert full["SyncToken"] == "2"
    assert "PrivateNote" not in full
    assert "CustomerMemo" not in full
    cleared = app.change("Invoice", app.change("Invoice", full, PrivateNote="x"), PrivateNote="")
    assert "PrivateNote" not in cleared
    assert app.code("Invoice", {**invoice(app), "Id": row["Id"]}) == "2020"
    assert app.code("Invoice", {**invoice(app), "Id": "999", "SyncToken": "0"}) == "610"


def test_times_of_making_and_changing(app: App) -> None:
    row = app.post("Invoice", invoice(app))
    clock.advance(seconds=90)
    changed = app.change("Invoice", row, PrivateNote="x")
    assert changed["MetaData"]["CreateTime"] == "2026-11-20T08:00:00-08:00"
    assert changed["MetaData"]["LastUpdatedTime"] == "2026-11-20T08:01:30-08:00"


def test_a_page_that_is_nobodys(app: App) -> None:
    assert app.sandbox.handle(Request.build("GET", "/v3/company/")).status == 401
