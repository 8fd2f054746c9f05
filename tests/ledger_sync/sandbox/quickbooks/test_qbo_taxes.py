"""Sales tax: by place in the US, by code elsewhere; codes made through the tax service."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox, postings
from tests.ledger_sync.sandbox.quickbooks.qbo_app import COMPANY, App, unlimited

CUSTOMER = {"CustomerRef": {"value": "1"}}
TAXABLE = {"TaxCodeRef": {"value": "TAX"}}


def serve(app: App, body: dict[str, Any]) -> dict[str, Any]:
    return app.call("POST", "/taxservice/taxcode", body).json()


def refused(app: App, body: dict[str, Any]) -> str:
    return str(serve(app, body)["Fault"]["Error"][0]["code"])


# Codes, rates, agencies


def test_a_code_is_made_of_a_new_rate_and_an_old_one(app: App) -> None:
    agency = app.post("TaxAgency", {"DisplayName": "County"})
    new = {"TaxRateName": "County", "RateValue": "1.5", "TaxAgencyId": agency["Id"], "TaxApplicableOn": "Sales"}
    made = serve(app, {"TaxCode": "County and state", "TaxRateDetails": [new, {"TaxRateId": "1"}]})
    assert made["TaxCode"] == "County and state"
    assert isinstance(made["TaxCodeId"], str)
    assert [detail["TaxRateId"] for detail in made["TaxRateDetails"]] == ["3", "1"]
    code = app.get("TaxCode", made["TaxCodeId"])
    refs = [detail["TaxRateRef"] for detail in code["SalesTaxRateList"]["TaxRateDetail"]]
    assert refs == [{"value": "3", "name": "County"}, {"value": "1", "name": "Illinois State"}]
    rate = app.get("TaxRate", "3")
    assert (rate["RateValue"], rate["AgencyRef"]) == (1.5, {"value": agency["Id"], "name": "County"})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"TaxCode": ""}, "2020"),
        ({"TaxCode": "x" * 101}, "2050"),
        ({"TaxCode": "Fairmont"}, "6240"),
        ({"TaxRateDetails": []}, "2020"),
        ({"TaxRateDetails": [{"TaxRateId": "99"}]}, "2500"),
        ({"TaxRateDetails": [{"TaxRateId": "1"}, {"TaxRateId": "1"}]}, "6000"),
        ({"TaxRateDetails": [{"TaxRateId": "1", "TaxApplicableOn": "Gifts"}]}, "2170"),
        ({"TaxRateDetails": [{"TaxRateName": "n", "RateValue": 101, "TaxAgencyId": "1"}]}, "6000"),
        ({"TaxRateDetails": [{"TaxRateName": "n", "RateValue": 5, "TaxAgencyId": "99"}]}, "2500"),
        ({"TaxRateDetails": [{"TaxRateName": "n", "TaxAgencyId": "1"}]}, "2020"),
        ({"TaxRateDetails": [{"TaxRateName": "Illinois State", "RateValue": 5, "TaxAgencyId": "1"}]}, "6240"),
    ],
)
def test_what_the_tax_service_refuses_changes_nothing(app: App, change: dict[str, Any], code: str) -> None:
    before = app.sandbox.dump()
    detail = {"TaxRateName": "City", "RateValue": "2", "TaxAgencyId": "1"}
    assert refused(app, {"TaxCode": "City", "TaxRateDetails": [detail], **change}) == code
    assert app.sandbox.dump() == before
    assert app.call("POST", "/taxservice/other", {}).json()["Fault"]["Error"][0]["code"] == "500"


def test_an_agency_has_one_name_and_is_never_changed(app: App) -> None:
    row = app.post("TaxAgency", {"DisplayName": "County"})
    assert row["TaxTrackedOnSales"] is True
    assert app.code("TaxAgency", {"DisplayName": "county"}) == "6240"
    assert app.code("TaxAgency", {"Id": row["Id"], "SyncToken": "0", "DisplayName": "Other"}) == "500"


# The US


def taxed(app: App, **fields: Any) -> dict[str, Any]:
    body = {**CUSTOMER, "Line": [app.line(200, **TAXABLE), app.line(800)], **fields}
    return app.post("Invoice", body)


def test_without_automated_tax_the_caller_or_the_company_chooses_the_code(app: App) -> None:
    keeper = app.sandbox.bookkeeper
    keeper.set_preference("TaxPrefs", "UsingSalesTax", True)
    row = taxed(app)
    detail = row["TxnTaxDetail"]
    assert (detail["TotalTax"], row["TotalAmt"]) == (16.5, 1016.5)
    assert detail["TxnTaxCodeRef"]["value"] == "2"
    assert [(line["Amount"], line["TaxLineDetail"]["TaxPercent"]) for line in detail["TaxLine"]] == [
        (12.5, 6.25),
        (4, 2),
    ]
    new = {"TaxRateName": "County", "RateValue": "10", "TaxAgencyId": "1"}
    code = serve(app, {"TaxCode": "County", "TaxRateDetails": [new]})["TaxCodeId"]
    chosen = taxed(app, TxnTaxDetail={"TxnTaxCodeRef": {"value": code}})
    assert (chosen["TxnTaxDetail"]["TotalTax"], chosen["TxnTaxDetail"]["TxnTaxCodeRef"]["value"]) == (20, code)


def test_automated_sales_tax_goes_by_place_and_overrides_the_caller(app: App) -> None:
    keeper = app.sandbox.bookkeeper
    keeper.set_preference("TaxPrefs", "UsingSalesTax", True)
    keeper.set_preference("TaxPrefs", "PartnerTaxEnabled", True)
    new = {"TaxRateName": "County", "RateValue": "10", "TaxAgencyId": "1"}
    code = serve(app, {"TaxCode": "County", "TaxRateDetails": [new]})["TaxCodeId"]
    here = taxed(app, TxnTaxDetail={"TxnTaxCodeRef": {"value": code}})
    assert (here["TxnTaxDetail"]["TotalTax"], here["TxnTaxDetail"]["TxnTaxCodeRef"]["value"]) == (16.5, "2")
    away = taxed(app, ShipAddr={"Line1": "1 Far Street", "CountrySubDivisionCode": "OR"})
    assert (away["TxnTaxDetail"], away["TotalAmt"]) == ({"TotalTax": 0}, 1000)
    app.change("Customer", app.get("Customer", "1"), TaxExemptionReasonId="9")
    assert taxed(app)["TotalAmt"] == 1000


def test_a_tax_the_caller_tells_is_honoured_and_shared_among_the_rates(app: App) -> None:
    app.sandbox.bookkeeper.set_preference("TaxPrefs", "UsingSalesTax", True)
    row = taxed(app, TxnTaxDetail={"TotalTax": 17})
    shares = [line["Amount"] for line in row["TxnTaxDetail"]["TaxLine"]]
    assert (sum(shares), row["TotalAmt"]) == (17, 1017)
    assert shares == [12.88, 4.12]


def test_other_lines_bring_other_tax_unless_the_old_one_is_sent_back(app: App) -> None:
    app.sandbox.bookkeeper.set_preference("TaxPrefs", "UsingSalesTax", True)
    row = taxed(app)
    kept = app.change("Invoice", row, PrivateNote="x")
    assert kept["TxnTaxDetail"]["TotalTax"] == 16.5
    fewer = app.change("Invoice", kept, Line=[app.line(100, **TAXABLE)])
    assert (fewer["TxnTaxDetail"]["TotalTax"], fewer["TotalAmt"]) == (8.25, 108.25)
    old = {"TotalTax": 16.5}
    assert app.change("Invoice", fewer, Line=[app.line(100, **TAXABLE)], TxnTaxDetail=old)["TotalAmt"] == 116.5


def test_a_discount_before_tax_lowers_the_tax(app: App) -> None:
    app.sandbox.bookkeeper.set_preference("TaxPrefs", "UsingSalesTax", True)
    tenth = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10}}
    line = app.line(200, **TAXABLE)
    after = app.post("Invoice", {**CUSTOMER, "Line": [line, tenth], "ApplyTaxAfterDiscount": True})
    before = app.post("Invoice", {**CUSTOMER, "Line": [line, tenth]})
    assert (after["TotalAmt"], before["TotalAmt"]) == (194.85, 196.5)


# Elsewhere


@pytest.fixture
def abroad() -> App:
    company = {**COMPANY, "country": "AU", "preferences": {}}
    return App(unlimited(QuickBooksSandbox(company=company)))


def code_of(app: App, name: str) -> dict[str, str]:
    return {"value": app.query(f"SELECT * FROM TaxCode WHERE Name = '{name}'")["TaxCode"][0]["Id"]}


def test_books_elsewhere_have_their_own_currency_codes_and_addresses(abroad: App) -> None:
    info = abroad.get("CompanyInfo", abroad.realm)
    assert (info["Country"], info["CompanyAddr"]["Country"]) == ("AU", "AU")
    prefs = abroad.call("GET", "/preferences").json()["Preferences"]
    assert (prefs["CurrencyPrefs"]["HomeCurrency"]["value"], prefs["TaxPrefs"]["UsingSalesTax"]) == ("AUD", True)
    names = [row["Name"] for row in abroad.query("SELECT * FROM TaxCode")["TaxCode"]]
    assert names == ["GST", "GST free", "Input tax", "Out of scope"]
    vat = App(unlimited(QuickBooksSandbox(company={"country": "GB"})))
    assert "20.0% S" in [row["Name"] for row in vat.query("SELECT * FROM TaxCode")["TaxCode"]]


def test_tax_is_added_to_amounts_without_it(abroad: App) -> None:
    gst, free = code_of(abroad, "GST"), code_of(abroad, "GST free")
    lines = [abroad.line("99.99", TaxCodeRef=gst), abroad.line("50.00", TaxCodeRef=free)]
    row = abroad.post("Invoice", {**CUSTOMER, "GlobalTaxCalculation": "TaxExcluded", "Line": lines})
    assert (row["TxnTaxDetail"]["TotalTax"], row["TotalAmt"], row["CurrencyRef"]["value"]) == (10, 159.99, "AUD")
    books = abroad.sandbox.books(abroad.realm)
    assert postings.balance(books, books.account_of("GlobalTaxPayable")) == Decimal("10.00")
    assert sum(postings.trial_balance(books).values()) == 0


def test_tax_is_taken_out_of_amounts_that_have_it(abroad: App) -> None:
    gst = code_of(abroad, "GST")
    line = abroad.line(100, TaxCodeRef=gst, TaxInclusiveAmt=110)
    row = abroad.post("Invoice", {**CUSTOMER, "GlobalTaxCalculation": "TaxInclusive", "Line": [line]})
    assert (row["TotalAmt"], row["TxnTaxDetail"]["TotalTax"], row["Line"][0]["Amount"]) == (110, 10, 100)
    again = abroad.change("Invoice", row, PrivateNote="x")
    assert (again["TotalAmt"], again["Line"][0]["SalesItemLineDetail"]["TaxInclusiveAmt"]) == (110, 110)
    net = {**CUSTOMER, "GlobalTaxCalculation": "TaxInclusive", "Line": [abroad.line(100, TaxCodeRef=gst)]}
    assert abroad.post("Invoice", net)["TotalAmt"] == 110
    abroad.sandbox.settings.inclusive_amount_is_gross = True
    gross = abroad.post("Invoice", net)
    assert (gross["TotalAmt"], gross["Line"][0]["Amount"]) == (100, 90.91)


def test_what_documents_elsewhere_must_say(abroad: App) -> None:
    gst = code_of(abroad, "GST")
    body = {**CUSTOMER, "Line": [abroad.line(100, TaxCodeRef=gst)]}
    assert abroad.code("Invoice", body) == "2020"
    abroad.sandbox.settings.tax_mode_required = False
    assert abroad.post("Invoice", body)["GlobalTaxCalculation"] == "TaxExcluded"
    assert abroad.code("Invoice", {**body, "GlobalTaxCalculation": "Sometimes"}) == "2170"
    bare = {**body, "GlobalTaxCalculation": "TaxExcluded", "Line": [abroad.line(100)]}
    assert "GST rate" in abroad.refusal("Invoice", bare)["Detail"]
    assert abroad.code("Invoice", {**body, "GlobalTaxCalculation": "NotApplicable"}) == "6160"
    none = {**bare, "GlobalTaxCalculation": "NotApplicable"}
    assert abroad.code("Invoice", {**none, "TxnTaxDetail": {"TotalTax": 5}}) == "6170"
    assert abroad.post("Invoice", none)["TotalAmt"] == 100
    unknown = {**bare, "Line": [abroad.line(100, TaxCodeRef={"value": "TAX"})]}
    assert abroad.code("Invoice", unknown) == "2500"


def test_tax_on_what_is_bought(abroad: App) -> None:
    detail = {"AccountRef": abroad.account("Rent"), "TaxCodeRef": code_of(abroad, "GST")}
    line = {"Amount": 200, "DetailType": "AccountBasedExpenseLineDetail", "AccountBasedExpenseLineDetail": detail}
    body = {"PaymentType": "Cash", "AccountRef": abroad.account("Checking"), "Line": [line]}
    row = abroad.post("Purchase", {**body, "GlobalTaxCalculation": "TaxExcluded"})
    assert (row["TotalAmt"], row["TxnTaxDetail"]["TotalTax"]) == (220, 20)
    detail["TaxInclusiveAmt"] = 220
    inside = abroad.post("Purchase", {**body, "GlobalTaxCalculation": "TaxInclusive"})
    assert (inside["TotalAmt"], inside["Line"][0]["Amount"]) == (220, 200)
    books = abroad.sandbox.books(abroad.realm)
    assert postings.balance(books, books.account_of("GlobalTaxPayable")) == Decimal("-40.00")
    assert sum(postings.trial_balance(books).values()) == 0
