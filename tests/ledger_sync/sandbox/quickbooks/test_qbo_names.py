"""Customers, vendors, employees and the other lists: names, references, deactivation, merging."""

from __future__ import annotations

import pytest

from ledger_sync.sandbox.quickbooks import Invalid, QuickBooksSandbox
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App, head


def test_a_name_is_put_together_from_its_parts(app: App) -> None:
    row = app.post("Customer", {"GivenName": "Nora", "FamilyName": "Alder", "Suffix": "Jr"})
    assert (row["DisplayName"], row["Active"], row["Balance"]) == ("Nora Alder Jr", True, 0)
    assert app.post("Customer", {"CompanyName": "Only Company"})["DisplayName"] == "Only Company"
    assert app.code("Customer", {"Notes": "nameless"}) == "6080"


def test_one_name_for_customers_vendors_and_employees(app: App) -> None:
    assert (
        app.refusal("Customer", {"DisplayName": "alder creek dental llc "})["Message"] == "Duplicate Name Exists Error"
    )
    for kind in ("Customer", "Employee"):
        assert app.code(kind, {"DisplayName": "Prairie Power & Light"}) == "6240"
    assert app.code("Vendor", {"DisplayName": "Bluestem Landscaping"}) == "6240"
    row = app.get("Customer", "1")
    assert app.code("Customer", {**head(row), "sparse": True, "DisplayName": "Bluestem Landscaping"}) == "6240"
    assert app.change("Customer", row, DisplayName="ALDER CREEK Dental LLC")["DisplayName"] == "ALDER CREEK Dental LLC"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"DisplayName": "x", "PrimaryPhone": {"FreeFormNumber": "1" * 31}}, "2050"),
        ({"DisplayName": "x", "PrimaryEmailAddr": {"Address": "a" * 95 + "@b.example"}}, "2050"),
        ({"DisplayName": "A:B"}, "2040"),
        ({"DisplayName": "A\tB"}, "2040"),
        ({"DisplayName": "x" * 501}, "2050"),
        ({"DisplayName": "x", "Title": "y" * 17}, "2050"),
        ({"DisplayName": "x", "PrimaryEmailAddr": {"Address": "nowhere"}}, "2210"),
        ({"DisplayName": "x", "SalesTermRef": {"value": "99"}}, "2500"),
        ({"DisplayName": "x", "ParentRef": {"value": "99"}}, "2500"),
        ({"DisplayName": "x", "PreferredDeliveryMethod": "Pigeon"}, "2170"),
    ],
)
def test_what_a_customer_may_not_be(app: App, body: dict[str, object], code: str) -> None:
    assert app.code("Customer", body) == code


def test_a_tax_number_is_shown_masked(app: App) -> None:
    row = app.post("Customer", {"DisplayName": "Taxed", "PrimaryTaxIdentifier": "12345678901"})
    assert row["PrimaryTaxIdentifier"] == "XXXXXX78901"


def test_deactivating_marks_the_name_and_frees_it(app: App, sandbox: QuickBooksSandbox) -> None:
    gone = app.change("Customer", app.get("Customer", "2"), Active=False)
    assert gone["DisplayName"] == "Bluestem Landscaping (deleted)"
    fresh = app.post("Customer", {"DisplayName": "Bluestem Landscaping"})
    assert app.code("Customer", {**head(gone), "sparse": True, "Active": True}) == "6240"
    app.change("Customer", fresh, DisplayName="Bluestem Two")
    assert app.change("Customer", gone, Active=True)["DisplayName"] == "Bluestem Landscaping"
    sandbox.settings.mark_deactivated = False
    assert app.change("Customer", app.get("Customer", "2"), Active=False)["DisplayName"] == "Bluestem Landscaping"


def test_lists_are_never_deleted_and_debtors_stay(app: App) -> None:
    row = app.get("Customer", "1")
    assert app.code("Customer", head(row), "?operation=delete") == "500"
    app.invoice()
    refused = app.refusal("Customer", {**head(row), "sparse": True, "Active": False})
    assert refused["code"] == "6220"
    assert "non-zero balance" in refused["Detail"]


def test_balances_follow_invoices_payments_and_credits(app: App) -> None:
    invoice = app.invoice(100)
    assert app.get("Customer", "1")["Balance"] == 100
    app.payment(130, TotalAmt=130, Line=[app.on(100, invoice)])
    assert app.get("Customer", "1")["Balance"] == -30
    app.post("CreditMemo", {"CustomerRef": {"value": "1"}, "Line": [app.line(20)]})
    assert app.query("SELECT * FROM Customer WHERE Balance < '0'")["Customer"][0]["Balance"] == -50


def test_customers_of_customers_go_five_deep(app: App) -> None:
    parent = app.get("Customer", "1")
    for depth in range(1, 5):
        body = {"DisplayName": f"Level {depth}", "ParentRef": {"value": parent["Id"]}, "Job": True}
        parent = app.post("Customer", body)
        assert parent["Level"] == depth
    assert parent["FullyQualifiedName"].count(":") == 4
    assert app.code("Customer", {"DisplayName": "Too deep", "ParentRef": {"value": parent["Id"]}}) == "6180"


def test_only_a_person_merges_and_documents_follow(app: App, sandbox: QuickBooksSandbox) -> None:
    invoice = app.invoice(100)
    sandbox.bookkeeper.merge_customers("1", "2")
    assert app.again("Invoice", invoice)["CustomerRef"]["value"] == "2"
    assert app.get("Customer", "1")["Active"] is False
    assert (app.get("Customer", "1")["Balance"], app.get("Customer", "2")["Balance"]) == (0, 100)
    with pytest.raises(Invalid):
        sandbox.bookkeeper.merge_customers("2", "1")


def test_items_need_an_income_account_that_is_one(app: App) -> None:
    assert app.code("Item", {"Name": "Nothing"}) == "2020"
    assert app.code("Item", {"Name": "Wrong", "IncomeAccountRef": app.account("Checking")}) == "6000"
    assert app.code("Item", {"Name": "Hours", "IncomeAccountRef": app.account("Services")}) == "6240"
    assert app.code("Item", {"Name": "x" * 101, "IncomeAccountRef": app.account("Services")}) == "2050"
    deposits = app.post("Item", {"Name": "Deposit", "IncomeAccountRef": app.account("Client Deposits"), "Sku": "DEP"})
    assert (deposits["Type"], deposits["Sku"]) == ("Service", "DEP")
    assert (
        app.code("Item", {"Name": "Chair", "Type": "Inventory", "IncomeAccountRef": app.account("Services")}) == "2020"
    )


def test_accounts_terms_classes_and_the_rest(app: App) -> None:
    made = app.post("Account", {"Name": "Petty cash", "AccountType": "Bank"})
    assert (made["Classification"], made["AccountSubType"], made["CurrentBalance"]) == ("Asset", "CashOnHand", 0)
    assert app.post("Account", {"Name": "Sub type", "AccountSubType": "CreditCard"})["AccountType"] == "Credit Card"
    assert app.code("Account", {"Name": "No type"}) == "6010"
    assert app.code("Account", {"Name": "Odd", "AccountType": "Odd"}) == "2170"
    assert app.code("Account", {"Name": 'A"B', "AccountType": "Bank"}) == "2040"
    receivable = app.get("Account", app.account("Accounts Receivable")["value"])
    assert app.code("Account", {**head(receivable), "sparse": True, "Active": False}) == "6000"
    assert app.post("Term", {"Name": "Net 45", "DueDays": 45})["Type"] == "STANDARD"
    assert app.code("Term", {"Name": "No days"}) == "2020"
    parent = app.post("Class", {"Name": "Audit"})
    assert (
        app.post("Class", {"Name": "Field", "ParentRef": {"value": parent["Id"]}})["FullyQualifiedName"]
        == "Audit:Field"
    )
    assert app.post("Department", {"Name": "Springfield"})["Id"]
    assert app.post("PaymentMethod", {"Name": "Wire"})["Id"]
    assert app.post("TaxAgency", {"DisplayName": "State"})["Id"]
    assert app.code("TaxCode", {"Name": "X"}) == "500"


def test_company_and_settings(app: App) -> None:
    company = app.call("GET", f"/companyinfo/{app.realm}").json()["CompanyInfo"]
    assert (company["CompanyName"], company["Country"]) == ("Larkin CPA", "US")
    prefs = app.call("GET", "/preferences").json()["Preferences"]
    assert prefs["SalesFormsPrefs"]["CustomTxnNumbers"] is True
    changed = app.post("Preferences", {
        **head(prefs), "sparse": True, "SalesFormsPrefs": {"CustomTxnNumbers": False},
        "AccountingInfoPrefs": {"BookCloseDate": "2026-10-31"},
    })  # fmt: skip
    assert changed["SalesFormsPrefs"]["CustomTxnNumbers"] is False
    assert changed["SalesFormsPrefs"]["AllowDiscount"] is True
    assert "BookCloseDate" not in changed["AccountingInfoPrefs"]


def test_lists_lie_at_most_five_levels_deep_and_never_under_themselves(app: App) -> None:
    for kind in ("Class", "Department", "Account"):
        more = {"AccountType": "Bank"} if kind == "Account" else {}
        parent: dict[str, object] = {}
        for level in range(5):
            row = app.post(kind, {"Name": f"Level {level}", **more, **parent})
            parent = {"ParentRef": {"value": row["Id"]}}
        assert row["FullyQualifiedName"].count(":") == 4
        assert app.code(kind, {"Name": "Too deep", **more, **parent}) == "6180"
        assert app.code(kind, {**head(row), "sparse": True, **parent}) == "2500"
        assert app.code(kind, {"Name": "A:B", **more}) == "2040"
