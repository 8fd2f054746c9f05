"""Contacts, accounts, tracking and items: names that are unique, and what happens to them behind our back."""

from __future__ import annotations

import pytest

from ledger_sync.sandbox.xero import Invalid
from tests.ledger_sync.sandbox.xero.xero_app import App


def test_the_specifications_words_for_a_taken_name(app: App) -> None:
    words = (
        "The contact name calder physiotherapy is already assigned to another contact. "
        "The contact name must be unique across all active contacts."
    )
    assert app.refusal("Contacts", {"Name": "calder physiotherapy"}) == [words]
    number = "Another contact has this contact number. Please enter a different contact number."
    assert app.refusal("Contacts", {"Name": "New", "ContactNumber": "C-1"}) == [number]
    app.put("Contacts", {"Name": "Two", "AccountNumber": "A"})
    account = "The Account Number already exists. Please enter a different Account Number."
    assert app.refusal("Contacts", {"Name": "Three", "AccountNumber": "A"}) == [account]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Name": "New", "EmailAddress": "müller@x.example"}, "Email address must be valid."),
        ({"Name": "New", "EmailAddress": "nobody"}, "Email address must be valid."),
        ({"Name": "A <b>"}, "The contact name cannot contain angle brackets."),
        ({"Name": "x" * 256}, "The Name field cannot exceed 255 characters."),
        ({"EmailAddress": "a@b.example"}, None),
    ],
)
def test_fields_refused(app: App, fields: dict[str, str], message: str | None) -> None:
    found = app.refusal("Contacts", fields)
    assert found == [message] if message else found[0].startswith("The Contact must contain at least 1")


def test_a_name_of_spaces_is_none_and_no_update_takes_a_name_away(app: App) -> None:
    nameless = app.refusal("Contacts", {"Name": " \t "})
    assert nameless == app.refusal("Contacts", {})
    known = app.contact()["ContactID"]
    before = app.get(f"/Contacts/{known}", "Contacts")
    assert app.call("POST", "/Contacts", {"Contacts": [{"ContactID": known, "Name": " "}]}).status == 400
    assert app.get(f"/Contacts/{known}", "Contacts") == before


def test_post_updates_by_id_number_and_name(app: App) -> None:
    key = app.contact()["ContactID"]
    for who in ({"ContactID": key}, {"ContactNumber": "C-1"}, {"Name": "CALDER PHYSIOTHERAPY"}):
        assert app.put("Contacts", {**who, "FirstName": "N"}, method="POST")["ContactID"] == key
    assert app.put("Contacts", {"Name": "  Odd   spaces "})["Name"] == "Odd spaces"
    renamed = app.put("Contacts", {"Name": "Calder Physio"}, f"/Contacts/{key}", "POST")
    assert renamed["Name"] == "Calder Physio"
    app.put("Contacts", {"Name": "Calder Physiotherapy"})


def test_an_invoice_with_a_bare_name_makes_a_contact(app: App) -> None:
    made = app.invoice(Contact={"Name": "Out of nowhere"})["Contact"]
    assert app.invoice(Contact={"Name": "out of NOWHERE"})["Contact"]["ContactID"] == made["ContactID"]
    assert made["IsCustomer"] is True


def test_archiving_frees_the_name_and_the_api_does_not_bring_it_back(app: App) -> None:
    key = app.contact()["ContactID"]
    gone = app.put("Contacts", {"ContactStatus": "ARCHIVED"}, f"/Contacts/{key}", "POST")
    assert gone["ContactStatus"] == "ARCHIVED"
    assert app.refusal("Contacts", {"ContactStatus": "ACTIVE"}, f"/Contacts/{key}", "POST")
    app.put("Contacts", {"Name": "Calder Physiotherapy"})
    with pytest.raises(Invalid):
        app.sandbox.bookkeeper.restore_contact(key)


def test_a_merge_moves_documents_and_points_to_the_survivor(app: App) -> None:
    invoice = app.invoice()
    loser, survivor = app.contact()["ContactID"], app.contact("Mossgrove Dental")["ContactID"]
    app.sandbox.bookkeeper.merge_contacts(loser, survivor)
    row = app.get(f"/Contacts/{loser}", "Contacts")[0]
    assert (row["ContactStatus"], row["MergedToContactID"]) == ("ARCHIVED", survivor)
    assert app.again(invoice)["Contact"]["ContactID"] == survivor
    assert app.get(f"/Contacts/{survivor}", "Contacts")[0]["IsCustomer"] is True
    listed = app.get("/Contacts?includeArchived=true", "Contacts")
    assert all("MergedToContactID" not in row for row in listed)
    paged = app.get("/Contacts?includeArchived=true&page=1", "Contacts")
    assert any(row.get("MergedToContactID") == survivor for row in paged)


def test_accounts(app: App) -> None:
    made = app.put("Accounts", {"Code": "299", "Name": "Odd jobs", "Type": "REVENUE", "TaxType": "OUTPUT"})
    assert (made["Class"], made["Status"]) == ("REVENUE", "ACTIVE")
    assert app.refusal("Accounts", {"Code": "300", "Name": "odd jobs", "Type": "REVENUE"}) == [
        "Please enter a unique Name."
    ]
    assert app.refusal("Accounts", {"Code": "299", "Name": "Other", "Type": "REVENUE"}) == [
        "Please enter a unique Code."
    ]
    archived = app.put("Accounts", {"Status": "ARCHIVED"}, f"/Accounts/{made['AccountID']}", "POST")
    assert archived["Status"] == "ARCHIVED"
    roles = {row["SystemAccount"]: row["Code"] for row in app.get("/Accounts", "Accounts") if row.get("SystemAccount")}
    assert (roles["DEBTORS"], roles["ROUNDING"], roles["GST"]) == ("610", "860", "820")
    with pytest.raises(Invalid):
        app.sandbox.bookkeeper.archive_account("610")
    app.invoice()
    used = next(row for row in app.get("/Accounts", "Accounts") if row["Code"] == "200")
    assert app.call("DELETE", f"/Accounts/{used['AccountID']}").status == 400
    assert app.call("DELETE", f"/Accounts/{made['AccountID']}").status == 200


def test_tracking_has_limits_and_renames_show_on_old_lines(app: App) -> None:
    line = {
        "Description": "x",
        "UnitAmount": 1,
        "AccountCode": "200",
        "Tracking": [{"Name": "Office", "Option": "Port Vale"}],
    }
    invoice = app.invoice(LineItems=[line])
    app.sandbox.bookkeeper.rename_option("Office", "Port Vale", "Vale Quay")
    assert app.again(invoice)["LineItems"][0]["Tracking"][0]["Option"] == "Vale Quay"
    assert (
        app.call(
            "PUT",
            "/Invoices",
            {"Invoices": [{**invoice, "InvoiceID": None, "InvoiceNumber": None, "LineItems": [line]}]},
        ).status
        == 400
    )
    app.put("TrackingCategories", {"Name": "Partner"})
    assert app.refusal("TrackingCategories", {"Name": "Third"}) == [
        "A maximum of two active tracking categories is allowed."
    ]
    office = next(row for row in app.get("/TrackingCategories", "TrackingCategories") if row["Name"] == "Office")
    added = app.put("Options", {"Name": "Remote"}, f"/TrackingCategories/{office['TrackingCategoryID']}/Options")
    app.sandbox.bookkeeper.archive_option("Office", "Remote")
    now = app.get("/TrackingCategories", "TrackingCategories")
    assert added["Name"] not in [option["Name"] for row in now for option in row["Options"]]
    everything = app.get("/TrackingCategories?includeArchived=true", "TrackingCategories")
    assert "Remote" in [option["Name"] for row in everything for option in row["Options"]]


def test_items_currencies_and_groups(app: App) -> None:
    assert app.refusal("Items", {"Code": "BOOKS"}) == ["Price List Item with Code ''BOOKS'' already exists"]
    item = app.put(
        "Items", {"Code": "TAX", "Name": "Tax return", "SalesDetails": {"UnitPrice": 330.5, "AccountCode": "200"}}
    )
    assert item["SalesDetails"] == {"UnitPrice": 330.5, "AccountCode": "200"}
    assert app.call("DELETE", f"/Items/{item['ItemID']}").status == 204
    app.put("Currencies", {"Code": "USD", "Description": "US Dollar"})
    assert app.invoice(CurrencyCode="USD")["CurrencyRate"] == 0.65
    group = app.put("ContactGroups", {"Name": "VIP"})
    path = f"/ContactGroups/{group['ContactGroupID']}"
    app.put("Contacts", app.contact(), path + "/Contacts")
    assert len(app.get(path, "ContactGroups")[0]["Contacts"]) == 1
    assert app.get("/InvoiceReminders/Settings", "InvoiceReminders") == [{"Enabled": False}]


def test_repeating_invoices_make_invoices_we_did_not(app: App) -> None:
    keeper = app.sandbox.bookkeeper
    line = {"Description": "Retainer", "UnitAmount": 200, "AccountCode": "200"}
    made = keeper.add_repeating_invoice(
        app.contact()["ContactID"], {"LineItems": [line], "NextScheduledDate": "2026-11-30"}
    )
    shown = app.get("/RepeatingInvoices", "RepeatingInvoices")[0]
    assert (shown["Total"], shown["Schedule"]["Unit"]) == (220.0, "MONTHLY")
    row = keeper.run_repeating_invoice(made["RepeatingInvoiceID"])
    seen = app.get(f"/Invoices/{row['InvoiceID']}", "Invoices")[0]
    assert (seen["RepeatingInvoiceID"], seen["Status"], seen["Total"]) == (
        made["RepeatingInvoiceID"],
        "AUTHORISED",
        220.0,
    )
    assert (
        app.get("/RepeatingInvoices", "RepeatingInvoices")[0]["Schedule"]["NextScheduledDate"]
        == "/Date(1798588800000+0000)/"
    )
