"""Every kind of object of the accounting API: what can be done with it, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_sync.sandbox.quickbooks.documented import GENERIC
from ledger_sync.sandbox.quickbooks.entities import ENTITIES
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App, head

#: Intuit's reference, one page per kind: c(reate) r(ead) q(uery) u(pdate) d(elete) v(oid) p(df) s(end).
DOCUMENTED = {
    "Account": "crqu", "Attachable": "crqud", "Bill": "crqud", "BillPayment": "crqudv", "Budget": "crqud",
    "Class": "crqu", "CompanyCurrency": "crqu", "CompanyInfo": "rqu", "CreditCardPayment": "crqud",
    "CreditMemo": "crqudvps", "Customer": "crqu", "CustomerType": "rq", "Department": "crqu", "Deposit": "crqud",
    "Employee": "crqu", "Estimate": "crqudps", "ExchangeRate": "rqu", "Invoice": "crqudvps",
    "InventoryAdjustment": "crqud", "Item": "crqu", "JournalCode": "crqu", "JournalEntry": "crqud",
    "Payment": "crqudvps", "PaymentMethod": "crqu", "Preferences": "rqu", "Purchase": "crqudv",
    "PurchaseOrder": "crqudps", "RecurringTransaction": "crqud", "RefundReceipt": "crqudvps", "ReimburseCharge": "rq",
    "SalesReceipt": "crqudvps", "TaxAgency": "crq", "TaxCode": "rq", "TaxPayment": "rq", "TaxRate": "rq",
    "Term": "crqu", "TimeActivity": "crqud", "Transfer": "crqudv", "Vendor": "crqu", "VendorCredit": "crqud",
}  # fmt: skip
LETTERS = {"create": "c", "read": "r", "query": "q", "update": "u", "delete": "d", "void": "v", "pdf": "p", "send": "s"}


def test_each_kind_has_the_operations_of_its_page() -> None:
    has = {entity.name: sorted(LETTERS[verb] for verb in entity.verbs) for entity in ENTITIES.values()}
    assert has == {name: sorted(letters) for name, letters in DOCUMENTED.items()}


def bodies(app: App) -> dict[str, dict[str, Any]]:
    vendor, customer = {"VendorRef": {"value": "1"}}, {"CustomerRef": {"value": "1"}}
    expense = {
        "Amount": "12.50", "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": app.account("Rent")},
    }  # fmt: skip
    return {
        "Bill": {**vendor, "Line": [expense]},
        "BillPayment": {**vendor, "PayType": "Check", "TotalAmt": 5, "Line": [],
                        "CheckPayment": {"BankAccountRef": app.account("Checking")}},
        "Budget": {"Name": "Next year", "StartDate": "2027-01-01", "EndDate": "2027-12-31",
                   "BudgetDetail": [{"Amount": 5, "BudgetDate": "2027-01-01", "AccountRef": app.account("Rent")}]},
        "CreditCardPayment": {"BankAccountRef": app.account("Checking"), "Amount": 7,
                              "CreditCardAccountRef": app.account("Firm Card")},
        "Estimate": {**customer, "Line": [app.line(40)]},
        "InventoryAdjustment": {"AdjustAccountRef": app.account("Rent"), "Line": [
            {"DetailType": "ItemAdjustmentLineDetail", "ItemAdjustmentLineDetail": {"ItemRef": {"value": "1"}, "QtyDiff": 2}}]},
        "JournalCode": {"Name": "AB", "Type": "Sales"},
        "PurchaseOrder": {**vendor, "APAccountRef": app.account("Accounts Payable"), "Line": [expense]},
        "TimeActivity": {"NameOf": "Vendor", **vendor, "Hours": 2, "Minutes": 30, "HourlyRate": "90.25"},
        "VendorCredit": {**vendor, "Line": [expense]},
    }  # fmt: skip


@pytest.mark.parametrize("kind", [entity.name for entity in GENERIC if "create" in entity.verbs])
def test_a_kind_without_rules_is_made_read_found_changed_and_deleted(app: App, kind: str) -> None:
    body = bodies(app)[kind]
    made = app.post(kind, body)
    assert (made["SyncToken"], made["domain"], made["sparse"]) == ("0", "QBO", False)
    assert app.get(kind, made["Id"]) == made
    assert app.query(f"SELECT * FROM {kind}")[kind] == [made]
    assert app.query(f"SELECT COUNT(*) FROM {kind}") == {"totalCount": 1}
    changed = app.change(kind, made, PrivateNote="x", CustomerNote="y")
    assert (changed["PrivateNote"], changed["CustomerNote"], changed["SyncToken"]) == ("x", "y", "1")
    assert app.code(kind, {**head(made), "sparse": True, "PrivateNote": "late"}) == "5010"
    full = app.post(kind, {**body, **head(changed)})
    assert "PrivateNote" not in full, "a full update blanks what it leaves out"
    if "delete" in ENTITIES[kind.lower()].verbs:
        assert app.post(kind, head(full), "?operation=delete")["status"] == "Deleted"
        assert app.call("GET", f"/{kind.lower()}/{full['Id']}").json()["Fault"]["Error"][0]["code"] == "610"
    else:
        assert app.code(kind, head(full), "?operation=delete") == "500"


def test_what_kinds_without_rules_share_with_all(app: App) -> None:
    bill = bodies(app)["Bill"]
    row = app.post("Bill", bill)
    assert (row["TotalAmt"], row["Balance"], row["TxnDate"], row["Line"][0]["Id"]) == (12.5, 12.5, "2026-11-20", "1")
    assert row["VendorRef"]["name"] == "Prairie Power & Light"
    assert app.code("Bill", {**bill, "VendorRef": {"value": "99"}}) == "2500"
    assert app.code("Bill", {**bill, "VendorRef": None}) == "2020"
    assert app.code("Bill", {**bill, "Line": [{"Amount": 5}]}) == "2020"
    wrong = {
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": {"value": "999"}},
    }
    assert app.code("Bill", {**bill, "Line": [wrong]}) == "2500"
    app.sandbox.bookkeeper.close_books("2026-10-31")
    assert app.code("Bill", {**bill, "TxnDate": "2026-10-01"}) == "6210"
    assert app.query("SELECT * FROM Bill WHERE TotalAmt > '12' AND VendorRef = '1'")["Bill"] == [app.again("Bill", row)]
    assert app.code("BillPayment", {**bodies(app)["BillPayment"], "PayType": "Barter"}) == "2170"
    assert app.code("TimeActivity", {**bodies(app)["TimeActivity"], "NameOf": "Robot"}) == "2170"
    paid = app.post("BillPayment", bodies(app)["BillPayment"])
    voided = app.post("BillPayment", {**head(paid), "sparse": True}, "?operation=update&include=void")
    assert (voided["TotalAmt"], voided["PrivateNote"]) == (0, "Voided")


@pytest.mark.parametrize("kind", [name for name, letters in DOCUMENTED.items() if "c" not in letters])
def test_what_cannot_be_made_by_the_api(app: App, kind: str) -> None:
    body = {"Name": "x"} if kind not in ("Preferences", "CompanyInfo", "ExchangeRate") else {}
    assert app.code(kind, body, "?operation=create") in ("500", "2020", "5030"), kind


def test_services_and_lists_that_are_only_read(app: App) -> None:
    assert {row["Name"] for row in app.query("SELECT * FROM CustomerType")["CustomerType"]} == {
        "Business", "Individual", "Trust",
    }  # fmt: skip
    everything = app.call("GET", "/taxclassification").json()["QueryResponse"]["TaxClassification"]
    assert {row["level"] for row in everything} == {"1", "2"}
    (top,) = app.call("GET", "/taxclassification?level=1").json()["QueryResponse"]["TaxClassification"]
    children = app.call("GET", f"/taxclassification/{top['id']}/children").json()["QueryResponse"]["TaxClassification"]
    one = app.call("GET", f"/taxclassification/{children[0]['id']}").json()["TaxClassification"]
    assert one == children[0]
    assert app.call("GET", "/taxclassification/none").json()["Fault"]["Error"][0]["code"] == "610"
    assert app.call("POST", "/taxclassification", {}).json()["Fault"]["Error"][0]["code"] == "500"


def test_a_company_keeps_its_name_and_country(app: App) -> None:
    row = app.get("CompanyInfo", app.realm)
    changed = app.change("CompanyInfo", row, CompanyName="Larkin CPA LLC", Country="FR")
    assert (changed["CompanyName"], changed["Country"], changed["SyncToken"]) == ("Larkin CPA LLC", "US", "1")
    assert app.code("CompanyInfo", {**head(changed), "CompanyName": ""}) == "2020"


def test_the_features_of_a_company_are_told_in_xml(app: App) -> None:
    from practice.core.sandbox.http import Request

    path = f"/manage/entitlements/v3/{app.realm}"
    answer = app.sandbox.handle(Request.build("GET", path, {"Authorization": f"Bearer {app.token}"}))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/xml;charset=UTF-8")
    assert b"<QboCompany>true</QboCompany>" in answer.body
    assert app.sandbox.handle(Request.build("GET", path)).status == 401


@pytest.mark.parametrize("kind", [name for name, letters in DOCUMENTED.items() if "p" in letters])
def test_what_is_printed_can_also_be_mailed(app: App, kind: str) -> None:
    from tests.ledger_sync.sandbox.quickbooks.test_qbo_fuzz import good

    app.invoice()
    row = app.post(kind, good(app)[kind])
    paper = app.call("GET", f"/{kind.lower()}/{row['Id']}/pdf")
    assert (paper.status, paper.body[:5], paper.headers["Content-Type"]) == (200, b"%PDF-", "application/pdf")
    sent = app.call("POST", f"/{kind.lower()}/{row['Id']}/send?sendTo=a%40b.example").json()[kind]
    assert (sent["EmailStatus"], sent["BillEmail"]["Address"]) == ("EmailSent", "a@b.example")
