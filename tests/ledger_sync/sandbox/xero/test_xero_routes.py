"""Every path that Xero's published description lists for the resources of this sandbox, with exactly its methods."""

from __future__ import annotations

import re

import pytest

from ledger_sync.sandbox.xero import api
from tests.ledger_sync.sandbox.xero.xero_app import App
from tests.ledger_sync.sandbox.xero.xero_spec import SPEC, needs_specs, raw_description

#: What the sandbox covers; everything the description has below these names is wanted.
RESOURCES = {
    "Accounts", "BankTransactions", "BankTransfers", "BatchPayments", "BrandingThemes", "ContactGroups", "Contacts",
    "CreditNotes", "Currencies", "InvoiceReminders", "Invoices", "Items", "Organisation", "Overpayments", "Payments",
    "Prepayments", "RepeatingInvoices", "TaxRates", "TrackingCategories", "Users",
}  # fmt: skip
#: One path under two names in the description, and one in the documents only (Xero takes the plural too).
ALIASES = {"Contacts/{}", "Organisations", "Organisations/{}/CISSettings"}


def shape(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path.strip("/"))


@needs_specs
def test_the_paths_and_methods_are_the_descriptions() -> None:
    published: dict[str, set[str]] = {}
    for path, operations in raw_description(SPEC)["paths"].items():
        if path.strip("/").split("/")[0] in RESOURCES:
            names = {name.upper() for name in operations if name in ("get", "put", "post", "delete")}
            published.setdefault(shape(path), set()).update(names)
    ours = {shape(route.path): set(route.methods) for route in api.ROUTES if shape(route.path) not in ALIASES}
    published.pop("Contacts/{}")
    assert ours == published


@pytest.mark.parametrize("route", api.ROUTES, ids=lambda route: route.path)
def test_a_method_that_a_path_lacks_is_405_and_names_those_it_has(app: App, route: api.Route) -> None:
    path = "/" + re.sub(r"\{\w+\}", "x", route.path)
    for method in {"GET", "PUT", "POST", "DELETE", "PATCH"} - set(route.methods):
        answer = app.call(method, path, {})
        assert (answer.status, answer.headers["Allow"]) == (405, ", ".join(route.methods))


def test_a_pdf_has_a_path_of_its_own(app: App) -> None:
    answer = app.call("GET", f"/Invoices/{app.invoice()['InvoiceID']}/pdf", Accept="application/pdf")
    assert (answer.status, answer.headers["Content-Type"], answer.body[:4]) == (200, "application/pdf", b"%PDF")


def test_actions_say_what_the_app_may_do(app: App) -> None:
    def actions() -> dict[str, str]:
        return {one["Name"]: one["Status"] for one in app.get("/Organisation/Actions", "Actions")}

    assert actions()["CreateApprovedInvoice"] == "ALLOWED"
    assert actions()["UseMulticurrency"] == actions()["CreateDraftQuote"] == "NOT-ALLOWED"
    app.put("Currencies", {"Code": "USD"})
    assert actions()["UseMulticurrency"] == "ALLOWED"


SCHEDULE = {
    "Period": 1,
    "Unit": "MONTHLY",
    "DueDate": 20,
    "DueDateType": "OFFOLLOWINGMONTH",
    "StartDate": "2027-01-31",
    "EndDate": "2027-03-31",
}


def test_a_repeating_invoice_is_made_by_api_runs_until_its_end_and_is_deleted(app: App) -> None:
    line = {"Description": "Bookkeeping", "UnitAmount": 100, "AccountCode": "200"}
    data = {"Type": "ACCREC", "Contact": app.contact(), "Status": "AUTHORISED", "LineItems": [line]}
    made = app.put("RepeatingInvoices", {**data, "Schedule": SCHEDULE})
    assert (made["Total"], made["Schedule"]["Unit"], made["Status"]) == (110.0, "MONTHLY", "AUTHORISED")
    keeper = app.sandbox.bookkeeper
    rows = [keeper.run_repeating_invoice(made["RepeatingInvoiceID"]) for _ in range(3)]
    assert [row["Date"] for row in rows] == ["2027-01-31", "2027-02-28", "2027-03-31"]
    assert [row["DueDate"] for row in rows] == ["2027-02-20", "2027-03-20", "2027-04-20"]
    path = f"/RepeatingInvoices/{made['RepeatingInvoiceID']}"
    assert app.refusal("RepeatingInvoices", {"Reference": "x"}, path, "POST") == [
        "Repeating invoices can only be created or deleted."
    ]
    assert app.put("RepeatingInvoices", {"Status": "DELETED"}, path, "POST")["Status"] == "DELETED"
    assert app.refusal("RepeatingInvoices", {"Status": "DELETED"}, path, "POST")
    for wrong in ({}, {**SCHEDULE, "Period": 0}, {**SCHEDULE, "DueDate": -1}):
        assert app.refusal("RepeatingInvoices", {**data, "Schedule": wrong} if wrong else data)
    assert app.call("PUT", "/RepeatingInvoices", {**data, "Schedule": {**SCHEDULE, "Unit": "DAILY"}}).status == 400


def test_a_contact_is_in_a_group_once_and_leaves_it(app: App) -> None:
    group = app.put("ContactGroups", {"Name": "Monthly"})
    path = f"/ContactGroups/{group['ContactGroupID']}"
    for _ in range(2):
        app.call("PUT", path + "/Contacts", {"Contacts": [app.contact()]})
    assert len(app.get(path, "ContactGroups")[0]["Contacts"]) == 1
    assert app.get("/ContactGroups", "ContactGroups")[0]["Contacts"] == []
    assert app.call("DELETE", f"{path}/Contacts/{app.contact('Mossgrove Dental')['ContactID']}").status == 404
    assert app.call("DELETE", f"{path}/Contacts/{app.contact()['ContactID']}").status == 204
    assert app.get(path, "ContactGroups")[0]["Contacts"] == []


def test_branding_themes_take_no_payment_service_that_is_not_there(app: App) -> None:
    theme = app.get("/BrandingThemes", "BrandingThemes")[0]["BrandingThemeID"]
    path = f"/BrandingThemes/{theme}/PaymentServices"
    assert app.get(path, "PaymentServices") == []
    assert app.refusal("PaymentServices", {"PaymentServiceID": theme}, path, "POST") == [
        "Payment service could not be found"
    ]


def test_the_construction_scheme_is_british(app: App) -> None:
    contact = f"/Contacts/{app.contact()['ContactID']}/CISSettings"
    assert app.get(contact, "CISSettings") == []
    with app.sandbox.store.transaction():
        books = app.sandbox.books(app.tenant)
        books.change("Organisations", books.organisation, CountryCode="GB")
    assert app.get(contact, "CISSettings") == [{"CISEnabled": False}]
    assert app.get(f"/Organisation/{app.tenant}/CISSettings", "CISSettings")[0]["CISContractorEnabled"] is False
