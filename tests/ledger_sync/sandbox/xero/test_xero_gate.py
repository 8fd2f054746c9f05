"""What stands before the API: tokens, tenants, scopes, limits, idempotency keys and faults."""

from __future__ import annotations

import threading

import pytest

from ledger_sync.sandbox.xero import Limits, XeroSandbox
from practice.core import clock
from practice.core.sandbox.faults import Fault
from practice.core.sandbox.http import ConnectionLost, TimedOut
from tests.ledger_sync.sandbox.xero.xero_app import COMPANY, App


def bill(app: App, number: str = "N-1", amount: int = 100) -> dict[str, object]:
    line = {"Description": "Fee", "Quantity": 1, "UnitAmount": amount, "AccountCode": "200"}
    return {
        "Invoices": [
            {
                "Type": "ACCREC",
                "Contact": app.contact(),
                "InvoiceNumber": number,
                "DueDate": "2026-12-04",
                "Status": "AUTHORISED",
                "LineItems": [line],
            }
        ]
    }


def test_an_expired_token_is_401(app: App) -> None:
    assert app.call("GET", "/Organisation").status == 200
    clock.advance(seconds=1800)
    refused = app.call("GET", "/Organisation")
    assert refused.status == 401
    body = refused.json()
    assert set(body) == {"Type", "Title", "Status", "Detail", "Instance", "Extensions"}
    assert body["Detail"].startswith("TokenExpired: token expired at")


@pytest.mark.parametrize("tenant", ["", "11111111-1111-4111-8111-111111111111"])
def test_a_missing_or_strange_tenant_is_403(app: App, tenant: str) -> None:
    assert app.call("GET", "/Organisation", xero_tenant_id=tenant).status == 403


def test_a_missing_scope_is_401_and_reading_is_enough_to_read(app: App) -> None:
    user = app.sandbox.identity.user()["UserID"]
    with app.sandbox.store.transaction():
        app.token = app.sandbox.identity.mint_access(user, ["accounting.contacts.read"], "event")
    assert app.call("GET", "/Contacts").status == 200
    for method, path in (("PUT", "/Contacts"), ("GET", "/Invoices"), ("GET", "/Contacts/x/Attachments")):
        refused = app.call(method, path, {"Contacts": [{"Name": "New"}]} if method == "PUT" else None)
        assert refused.status == 401
        assert refused.json()["Detail"] == "AuthorizationUnsuccessful"
        assert "insufficient_scope" in refused.headers["WWW-Authenticate"]


def test_the_minute_is_a_fixed_window() -> None:
    app = App(XeroSandbox(company=COMPANY, limits=Limits(minute=3)))
    answers = [app.call("GET", "/Organisation") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["X-MinLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[3].headers["X-Rate-Limit-Problem"] == "minute"
    wait = int(answers[3].headers["Retry-After"])
    assert 0 < wait <= 61
    clock.advance(seconds=wait)
    assert app.call("GET", "/Organisation").status == 200


def test_the_day_limit_sends_a_long_retry_after() -> None:
    app = App(XeroSandbox(company=COMPANY, limits=Limits(day=1)))
    assert app.call("GET", "/Organisation").headers["X-DayLimit-Remaining"] == "0"
    refused = app.call("GET", "/Organisation")
    assert refused.headers["X-Rate-Limit-Problem"] == "day"
    assert int(refused.headers["Retry-After"]) > 60


def test_too_many_at_once_has_no_retry_after() -> None:
    app = App(XeroSandbox(company=COMPANY, limits=Limits(concurrent=0)))
    refused = app.call("GET", "/Organisation")
    assert refused.status == 429
    assert refused.headers == {"X-Rate-Limit-Problem": "concurrent"}


def test_calls_at_the_same_time_are_counted_while_they_last() -> None:
    clock.move(None)
    app = App(XeroSandbox(company=COMPANY, limits=Limits(concurrent=2)))
    app.sandbox.settings.latency = 0.3
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(app.call("GET", "/Organisation").status)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 200, 429]


def test_what_is_no_object_is_malformed(app: App) -> None:
    for fields in ({"Contact": "x"}, {"LineItems": {}}, {"LineItems": [1]}, {"Date": "soon"}):
        sent = {**bill(app)["Invoices"][0], **fields}  # type: ignore[index]
        answer = app.call("PUT", "/Invoices", {"Invoices": [sent]})
        assert (answer.status, answer.json()["ErrorNumber"]) == (400, 14)
    for fields in ({"Phones": [1]}, {"PaymentTerms": {"Sales": 14}}):
        assert app.call("PUT", "/Contacts", {"Contacts": [{"Name": "N", **fields}]}).status == 400


def test_a_repeated_key_is_answered_again_and_does_nothing(app: App) -> None:
    first = app.call("PUT", "/Invoices", bill(app), Idempotency_Key="k-1")
    books = app.sandbox.dump()
    again = app.call("PUT", "/Invoices", bill(app), Idempotency_Key="k-1")
    assert (again.status, again.body) == (first.status, first.body)
    assert app.sandbox.dump() == books


def test_a_key_with_another_request_is_refused(app: App) -> None:
    app.call("PUT", "/Invoices", bill(app), Idempotency_Key="k-1")
    other = app.call("PUT", "/Invoices", bill(app, "N-2"), Idempotency_Key="k-1")
    assert other.status == 400
    assert other.json()["Message"] == "Idempotency Key: k-1 is used with a different request."
    assert app.call("PUT", "/Invoices", bill(app, "N-2"), Idempotency_Key="x" * 129).status == 400


def test_a_key_lives_six_minutes(app: App) -> None:
    app.call("PUT", "/Invoices", bill(app), Idempotency_Key="k-1")
    clock.advance(minutes=6)
    again = app.call("PUT", "/Invoices", bill(app), Idempotency_Key="k-1")
    assert again.json()["Elements"][0]["ValidationErrors"] == [{"Message": "Invoice # must be unique."}]


def test_errors_are_kept_under_the_key(app: App) -> None:
    app.sandbox.faults.order(Fault("server_error", "/Invoices"))
    first = app.call("PUT", "/Invoices", bill(app), Idempotency_Key="k-1")
    again = app.call("PUT", "/Invoices", bill(app), Idempotency_Key="k-1")
    assert (first.status, again.status) == (500, 500)
    assert app.call("PUT", "/Invoices", bill(app), Idempotency_Key="k-2").status == 200


def test_a_lost_answer_was_booked_and_the_key_finds_it(app: App) -> None:
    app.sandbox.faults.order(Fault("response_lost", "/Invoices", "PUT"))
    with pytest.raises(ConnectionLost):
        app.call("PUT", "/Invoices", bill(app), Idempotency_Key="k-1")
    assert app.call("PUT", "/Invoices", bill(app), Idempotency_Key="k-1").status == 200
    assert len(app.get("/Invoices", "Invoices")) == 1


@pytest.mark.parametrize(
    ("kind", "status"), [("unauthorised", 401), ("rate_limited", 429), ("server_error", 500), ("unavailable_html", 503)]
)
def test_faults_before_the_work_leave_no_trace(app: App, kind: str, status: int) -> None:
    before = app.sandbox.dump()
    app.sandbox.faults.order(Fault(kind, retry_after=7))
    answer = app.call("PUT", "/Invoices", bill(app))
    assert answer.status == status
    assert answer.headers.get("Retry-After") == ("7" if status in (429, 503) else None)
    assert app.sandbox.dump() == before
    assert app.sandbox.faults.fired == {kind: 1}


def test_silence_and_spoiled_answers(app: App) -> None:
    app.sandbox.faults.order(Fault("timeout"))
    with pytest.raises(TimedOut):
        app.call("GET", "/Organisation")
    app.sandbox.faults.order(Fault("html_instead"))
    assert b"<html>" in app.call("GET", "/Organisation").body
    app.sandbox.faults.order(Fault("truncated"))
    assert app.call("GET", "/Organisation").truncate


def test_without_json_in_accept_xero_answers_xml(app: App) -> None:
    answer = app.call("GET", "/Organisation", Accept="*/*")
    assert answer.headers["Content-Type"].startswith("text/xml")
    assert b"<Name>Harbour &amp; Vale Pty Ltd</Name>" in answer.body


def test_bad_json_is_a_post_data_exception(app: App) -> None:
    for body in (b"{", b'"text"', b"{}", b'{"Invoices":[1]}'):
        answer = app.call("PUT", "/Invoices", body)
        assert answer.status == 400, body
    assert app.call("PUT", "/Invoices", b"{").json()["Type"] == "PostDataInvalidException"


def test_summarize_errors_both_ways(app: App) -> None:
    good, bad = bill(app, "N-1")["Invoices"][0], bill(app, "N-1")["Invoices"][0]  # type: ignore[index]
    both = {"Invoices": [good, bad]}
    for query in ("", "?summarizeErrors=True"):
        refused = app.call("PUT", "/Invoices" + query, both)
        assert refused.status == 400
        assert app.get("/Invoices", "Invoices") == []
        assert refused.json()["ErrorNumber"] == 10
        assert refused.json()["Elements"][0]["InvoiceID"] == "00000000-0000-0000-0000-000000000000"
    answer = app.call("PUT", "/Invoices?summarizeErrors=False", both)
    assert answer.status == 200
    ok, error = answer.json()["Invoices"]
    assert (ok["StatusAttributeString"], ok["HasErrors"]) == ("OK", False)
    assert (error["StatusAttributeString"], error["HasErrors"]) == ("ERROR", True)
    assert error["ValidationErrors"] == [{"Message": "Invoice # must be unique."}]
    assert len(app.get("/Invoices", "Invoices")) == 1
    app.sandbox.settings.summarize_default = False
    assert app.call("PUT", "/Invoices", both).status == 200


def test_the_same_seed_gives_the_same_ids() -> None:
    first, second = (App(XeroSandbox(company=COMPANY, seed=4)) for _ in range(2))
    assert first.sandbox.dump() == second.sandbox.dump()
    assert App(XeroSandbox(company=COMPANY, seed=5)).tenant != first.tenant


def test_an_organisation_can_be_gone_by_order(app: App) -> None:
    app.sandbox.faults.order(Fault("unauthorised", detail="gone"))
    gone = app.call("PUT", "/Invoices", bill(app))
    assert (gone.status, gone.json()["Detail"]) == (403, "AuthenticationUnsuccessful")
    assert app.get("/Invoices", "Invoices") == []


@pytest.mark.parametrize(
    ("kind", "waits"), [("minute", True), ("day", True), ("concurrent", False), ("appminute", False)]
)
def test_each_kind_of_429_comes_by_order(app: App, kind: str, waits: bool) -> None:
    app.sandbox.faults.order(Fault("rate_limited", detail=kind))
    limited = app.call("GET", "/Organisation")
    assert (limited.status, limited.headers["X-Rate-Limit-Problem"]) == (429, kind)
    assert ("Retry-After" in limited.headers) is waits


def test_the_app_has_a_limit_of_its_own_over_all_organisations() -> None:
    app = App(XeroSandbox(company=COMPANY, limits=Limits(app_minute=1)))
    assert app.call("GET", "/Organisation").headers["X-AppMinLimit-Remaining"] == "0"
    refused = app.call("GET", "/Organisation")
    assert refused.headers["X-Rate-Limit-Problem"] == "appminute"
    assert "Retry-After" not in refused.headers
