"""Several currencies, and templates of what recurs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox, postings
from tests.ledger_sync.sandbox.quickbooks.qbo_app import COMPANY, App, head, unlimited


@pytest.fixture
def abroad() -> App:
    """A company that also sells in euro; its third customer pays in them."""
    euro = {"DisplayName": "Brücke GmbH", "CurrencyRef": {"value": "EUR"}}
    company = {**COMPANY, "currencies": ["EUR"], "customers": [*COMPANY["customers"], euro]}
    return App(unlimited(QuickBooksSandbox(company=company)))


def rate(app: App, code: str = "EUR", value: Any = "1.10", day: str = "2026-11-01", **more: Any) -> dict[str, Any]:
    body = {"SourceCurrencyCode": code, "Rate": value, "AsOfDate": day, **more}
    return app.call("POST", "/exchangerate", body).json()


def asked(app: App, query: str) -> dict[str, Any]:
    return app.call("GET", f"/exchangerate?{query}").json()


def test_a_rate_holds_from_its_day_on(abroad: App) -> None:
    made = rate(abroad)["ExchangeRate"]
    assert (made["Rate"], made["TargetCurrencyCode"], "Id" in made) == (1.1, "USD", False)
    rate(abroad, value="1.20", day="2026-11-10")
    assert asked(abroad, "sourcecurrencycode=eur&asofdate=2026-11-09")["ExchangeRate"]["Rate"] == 1.1
    assert asked(abroad, "sourcecurrencycode=EUR")["ExchangeRate"]["Rate"] == 1.2
    assert asked(abroad, "sourcecurrencycode=EUR&asofdate=2026-01-01")["ExchangeRate"]["Rate"] == 1
    found = abroad.query("select * from ExchangeRate where SourceCurrencyCode in ('EUR') and AsOfDate = '2026-11-10'")
    assert [row["Rate"] for row in found["ExchangeRate"]] == [1.2]


def test_what_a_rate_may_not_be(abroad: App) -> None:
    def code(**change: Any) -> str:
        return str(rate(abroad, **change)["Fault"]["Error"][0]["code"])

    assert code(code="USD") == "6000"
    assert code(code="JPY") == "2170"
    assert code(value=0) == "6000"
    assert code(value="much") == "2010"
    assert code(value=None) == "2020"
    assert code(day="soon") == "2010"
    rate(abroad)
    assert code(SyncToken="7") == "5010"
    assert asked(abroad, "asofdate=2026-11-01")["Fault"]["Error"][0]["code"] == "2020"
    assert asked(abroad, "sourcecurrencycode=EUR&asofdate=soon")["Fault"]["Error"][0]["code"] == "2010"


def test_currencies_are_added_once_named_and_switched_off(abroad: App) -> None:
    row = abroad.post("CompanyCurrency", {"Code": "gbp"})
    assert (row["Code"], row["Name"], row["Active"]) == ("GBP", "British Pound Sterling", True)
    assert abroad.code("CompanyCurrency", {"Code": "GBP"}) == "6240"
    assert abroad.code("CompanyCurrency", {"Code": "USD"}) == "6240"
    assert abroad.code("CompanyCurrency", {"Code": "POUND"}) == "2170"
    assert abroad.code("CompanyCurrency", {}) == "2020"
    assert abroad.code("CompanyCurrency", {**head(row), "Code": "CHF"}) == "6000"
    assert abroad.change("CompanyCurrency", row, Active=False)["Active"] is False


def test_a_company_of_one_currency_has_none_of_this(app: App) -> None:
    assert app.code("CompanyCurrency", {"Code": "EUR"}) == "5030"
    assert rate(app)["Fault"]["Error"][0]["code"] == "5030"
    assert app.code("Customer", {"DisplayName": "x", "CurrencyRef": {"value": "EUR"}}) == "2500"
    body = {"CustomerRef": {"value": "1"}, "Line": [app.line()], "CurrencyRef": {"value": "EUR"}}
    assert app.code("Invoice", body) == "6000"
    assert "ExchangeRate" not in app.invoice(ExchangeRate=1)


def test_a_document_is_in_its_customers_currency(abroad: App) -> None:
    rate(abroad)
    body = {"CustomerRef": {"value": "3"}, "Line": [abroad.line(100)]}
    assert abroad.code("Invoice", body) == "2020"
    assert abroad.code("Invoice", {**body, "CurrencyRef": {"value": "USD"}}) == "6000"
    assert abroad.code("Invoice", {**body, "CurrencyRef": {"value": "JPY"}}) == "2500"
    row = abroad.post("Invoice", {**body, "CurrencyRef": {"value": "EUR"}})
    assert (row["ExchangeRate"], row["TotalAmt"], row["HomeTotalAmt"], row["HomeBalance"]) == (1.1, 100, 110, 110)
    abroad.sandbox.settings.currency_required = False
    assert abroad.post("Invoice", body)["CurrencyRef"] == {"value": "EUR", "name": "Euro"}


def test_what_rates_leave_over_is_a_gain_on_exchange(abroad: App) -> None:
    rate(abroad)
    euro = {"CustomerRef": {"value": "3"}, "CurrencyRef": {"value": "EUR"}}
    invoice = abroad.post("Invoice", {**euro, "Line": [abroad.line(100)]})
    abroad.post("Payment", {**euro, "TotalAmt": 100, "ExchangeRate": "1.25", "Line": [abroad.on(100, invoice)]})
    books = abroad.sandbox.books(abroad.realm)
    assert postings.balance(books, books.account_of("UndepositedFunds")) == Decimal("125.00")
    assert postings.balance(books, books.account_of("AccountsReceivable")) == 0
    assert postings.balance(books, books.account_of("ExchangeGainOrLoss")) == Decimal("-15.00")
    assert sum(postings.trial_balance(books).values()) == 0


# What recurs


def template(app: App, **info: Any) -> dict[str, Any]:
    schedule = {"IntervalType": "Monthly", "NumInterval": 1, "DayOfMonth": 1, "StartDate": "2026-12-01"}
    told = {"Name": "Monthly close", "RecurType": "Automated", "ScheduleInfo": schedule, **info}
    return {"Invoice": {"CustomerRef": {"value": "1"}, "Line": [app.line(55)], "RecurringInfo": told}}


def test_a_template_is_wrapped_in_the_name_of_its_kind(app: App) -> None:
    made = app.post("RecurringTransaction", template(app))
    row = made["Invoice"]
    assert (row["TotalAmt"], row["RecurringInfo"]["Active"], row["RecurDataRef"]["value"]) == (55, True, row["Id"])
    assert app.get("RecurringTransaction", row["Id"]) == made
    assert app.query("SELECT * FROM RecurringTransaction WHERE Type = 'Invoice'")["RecurringTransaction"] == [made]
    assert app.query("SELECT * FROM RecurringTransaction WHERE Type = 'Bill'") == {}
    assert app.query("SELECT * FROM Invoice") == {}, "a template is no invoice"
    changed = app.post("RecurringTransaction", {"Invoice": {**head(row), "sparse": True, "PrivateNote": "x"}})[
        "Invoice"
    ]
    assert (changed["PrivateNote"], changed["SyncToken"]) == ("x", "1")
    gone = app.post("RecurringTransaction", {"Invoice": head(changed)}, "?operation=delete")
    assert gone["Invoice"]["status"] == "Deleted"


def test_templates_of_kinds_without_rules(app: App) -> None:
    bill = {"VendorRef": {"value": "1"}, "RecurringInfo": {"Name": "Phone", "RecurType": "UnScheduled"}, "Line": [
        {"Amount": 5, "DetailType": "AccountBasedExpenseLineDetail",
         "AccountBasedExpenseLineDetail": {"AccountRef": app.account("Rent")}},
    ]}  # fmt: skip
    assert app.post("RecurringTransaction", {"Bill": bill})["Bill"]["TotalAmt"] == 5


def test_what_a_template_may_not_be(app: App) -> None:
    good = template(app)
    assert app.code("RecurringTransaction", {}) == "2020"
    assert app.code("RecurringTransaction", {"Payment": good["Invoice"]}) == "2170"
    assert app.code("RecurringTransaction", {"Invoice": {**good["Invoice"], "RecurringInfo": None}}) == "2020"
    assert app.code("RecurringTransaction", {"Invoice": {**good["Invoice"], "CustomerRef": {"value": "99"}}}) == "2500"
    assert app.code("RecurringTransaction", template(app, RecurType="Sometimes")) == "2170"
    assert app.code("RecurringTransaction", template(app, ScheduleInfo={"IntervalType": "Hourly"})) == "2170"
    assert app.code("RecurringTransaction", template(app, Name="")) == "2020"
