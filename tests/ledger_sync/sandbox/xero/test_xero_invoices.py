"""Invoices: what they add up to, which states they pass, and the words Xero refuses with."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ledger_sync.sandbox.xero.xero_app import App

UNIQUE = "Invoice # must be unique."
MODIFY = "Invoice not of valid status for modification"
ALLOCATED = "This document cannot be edited as it has a payment or credit note allocated to it."


def draft(app: App, **fields: Any) -> dict[str, Any]:
    line = {"Description": "Fee", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200"}
    body = {"Type": "ACCREC", "Contact": app.contact(), "LineItems": [line], "DueDate": "2026-12-04"}
    return {**body, **fields}


def line(**fields: Any) -> dict[str, Any]:
    return {"Description": "Fee", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200", **fields}


def test_the_answer_reads_as_xeros(app: App) -> None:
    answer = app.call("PUT", "/Invoices", {"Invoices": [draft(app, Status="AUTHORISED", InvoiceNumber="CS-00001")]})
    text = answer.body.decode()
    assert '"Total":110.00' in text
    assert '"Quantity":1.0000' in text
    assert '"Date":"\\/Date(1795132800000+0000)\\/"' in text
    assert "null" not in text
    assert answer.headers["Xero-Correlation-Id"] == answer.json()["Id"]
    assert set(answer.json()) == {"Id", "Status", "ProviderName", "DateTimeUTC", "Invoices"}
    row = answer.json()["Invoices"][0]
    assert (row["AmountDue"], row["AmountPaid"], row["AmountCredited"]) == (110.0, 0.0, 0.0)
    assert row["DueDateString"] == "2026-12-04T00:00:00"
    assert row["Contact"]["EmailAddress"] == "nina@calder.example"


def test_tax_is_rounded_on_each_line(app: App) -> None:
    """Xero's own worked example is at 15%; the sum of the lines' taxes is not the tax of the sum."""
    app.put("TaxRates", {"Name": "Fifteen", "TaxComponents": [{"Name": "Tax", "Rate": 15}]})
    lines = [line(UnitAmount=price, TaxType="TAX001") for price in (25.06, 25.61, 25.63)]
    row = app.invoice(LineItems=lines)
    assert [one["TaxAmount"] for one in row["LineItems"]] == [3.76, 3.84, 3.84]
    assert (row["SubTotal"], row["TotalTax"], row["Total"]) == (76.30, 11.44, 87.74)


def test_inclusive_no_tax_discounts_and_four_places(app: App) -> None:
    inclusive = app.invoice(LineAmountTypes="Inclusive", LineItems=[line(UnitAmount=99.99)])
    assert (inclusive["SubTotal"], inclusive["TotalTax"], inclusive["Total"]) == (90.90, 9.09, 99.99)
    free = app.invoice(LineAmountTypes="NoTax")
    assert (free["Total"], free["LineItems"][0]["TaxType"]) == (100.0, "NONE")
    cheaper = app.invoice(LineItems=[line(DiscountRate=10), line(DiscountAmount=5)])
    assert [one["LineAmount"] for one in cheaper["LineItems"]] == [90.0, 95.0]
    body = draft(app, LineItems=[line(Quantity=3, UnitAmount=0.1234)])
    assert app.put("Invoices", body)["Total"] == 0.40  # 3 × 0.12, then 10% of 0.36
    fine = app.put("Invoices", body, "/Invoices?unitdp=4")
    assert (fine["LineItems"][0]["UnitAmount"], fine["SubTotal"]) == (0.1234, 0.37)


def test_an_item_fills_the_line_in(app: App) -> None:
    row = app.invoice(LineItems=[{"ItemCode": "BOOKS", "Quantity": 2}])
    one = row["LineItems"][0]
    assert (one["Description"], one["UnitAmount"], one["AccountCode"], row["Total"]) == (
        "Bookkeeping",
        440.0,
        "200",
        968.0,
    )


def test_negative_lines_may_lower_a_total_but_not_below_zero(app: App) -> None:
    row = app.invoice(LineItems=[line(), line(UnitAmount=-30, AccountCode="850", TaxType="OUTPUT")])
    assert row["Total"] == 77.0
    assert app.refusal("Invoices", draft(app, LineItems=[line(UnitAmount=-1)]))


def test_the_date_is_today_where_the_organisation_is(app: App) -> None:
    assert app.put("Invoices", draft(app))["DateString"] == "2026-11-20T00:00:00"


def test_numbers_run_on_and_are_never_used_twice(app: App) -> None:
    assert [app.put("Invoices", draft(app))["InvoiceNumber"] for _ in range(2)] == ["INV-0001", "INV-0002"]
    void = app.invoice(InvoiceNumber="CS-1")
    app.put("Invoices", {"InvoiceID": void["InvoiceID"], "Status": "VOIDED"}, method="POST")
    assert app.refusal("Invoices", draft(app, InvoiceNumber="cs-1")) == [UNIQUE]
    for _ in range(2):  # a supplier's number is no number of ours
        app.put("Invoices", draft(app, Type="ACCPAY", InvoiceNumber="B-7", LineItems=[line(AccountCode="453")]))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"LineItems": [line(AccountCode="300")]}, "Account code '300' is not a valid code for this document."),
        ({"LineItems": [line(AccountCode="090")]}, "Account code '090' is not a valid code for this document."),
        ({"LineItems": [line(AccountCode="610")]}, "Account code '610' is not a valid code for this document."),
        ({"LineItems": [line(AccountCode=None)], "Status": "AUTHORISED"}, "Account code must be specified"),
        ({"LineItems": [line(Description="")]}, "The description field is mandatory for each line item."),
        (
            {"LineItems": [line(TaxType="INPUT")]},
            "The TaxType code 'INPUT' cannot be used with account code '200'.",
        ),
        (
            {"LineItems": [line(TaxType="OUTPUT2")]},
            "The TaxType code OUTPUT2 does not exist or cannot be used for this type of transaction.",
        ),
        ({"LineItems": [line(LineAmount=99)]}, "The line total 99.00 does not match the expected line total 100.00"),
        ({"LineItems": [], "Status": "AUTHORISED"}, "One or more line items must be specified"),
        (
            {"Contact": {}},
            (
                "The Contact must contain at least 1 of the following elements to identify the contact: "
                "Name, ContactID, ContactNumber"
            ),
        ),
        ({"Status": "PAID"}, "Invoice not of valid status for creation"),
        ({"CurrencyCode": "USD"}, "Organisation is not subscribed to currency USD"),
        ({"DueDate": None, "Status": "AUTHORISED"}, "The Due Date field is mandatory for approved documents."),
        (
            {"LineItems": [line(Tracking=[{"Name": "Office", "Option": "Mars"}])]},
            "The tracking option could not be found or is archived.",
        ),
    ],
)
def test_refusals_word_for_word(app: App, fields: dict[str, Any], message: str) -> None:
    assert app.refusal("Invoices", draft(app, **fields)) == [message]


def test_an_archived_account_or_contact_is_refused(app: App) -> None:
    app.sandbox.bookkeeper.archive_account("200")
    words = "Account code '200' has been archived, or has been deleted. Each line item must reference a valid account."
    assert app.refusal("Invoices", draft(app)) == [words]
    app.sandbox.bookkeeper.restore_account("200")
    app.sandbox.bookkeeper.archive_contact(app.contact()["ContactID"])
    who = {"ContactID": app.sandbox.books(app.tenant).holder("ContactNumbers", "C-1")}
    assert app.refusal("Invoices", draft(app, Contact=who)) == ["The contact is archived and cannot be used."]


def test_tracking_on_a_line_reads_back_with_ids(app: App) -> None:
    row = app.invoice(LineItems=[line(Tracking=[{"Name": "Office", "Option": "Port Vale"}])])
    shown = row["LineItems"][0]["Tracking"][0]
    assert (shown["Name"], shown["Option"], shown["Options"]) == ("Office", "Port Vale", [])
    app.sandbox.settings.drop_unknown_tracking = True
    dropped = app.invoice(LineItems=[line(Tracking=[{"Name": "Office", "Option": "Mars"}])])
    assert dropped["LineItems"][0]["Tracking"] == []
    assert (
        app.call("PUT", "/Invoices", {"Invoices": [draft(app, LineItems=[line(Tracking={"Name": "Office"})])]}).status
        == 500
    )


def move(app: App, invoice: dict[str, Any], status: str) -> dict[str, Any]:
    return app.put("Invoices", {"Status": status}, f"/Invoices/{invoice['InvoiceID']}", "POST")


def stuck(app: App, invoice: dict[str, Any], **fields: Any) -> list[str]:
    return app.refusal("Invoices", fields, f"/Invoices/{invoice['InvoiceID']}", "POST")


def test_the_states_an_invoice_passes(app: App) -> None:
    row = app.put("Invoices", draft(app))
    assert row["Status"] == "DRAFT"
    assert stuck(app, row, Status="VOIDED") == [MODIFY]
    assert move(app, row, "SUBMITTED")["Status"] == "SUBMITTED"
    assert move(app, row, "AUTHORISED")["AmountDue"] == 110.0
    for wrong in ("DRAFT", "SUBMITTED", "DELETED", "PAID"):
        assert stuck(app, row, Status=wrong) == [MODIFY]
    void = move(app, row, "VOIDED")
    assert (void["Status"], void["Total"], void["AmountDue"]) == ("VOIDED", 110.0, 0.0)
    assert stuck(app, row, Reference="late") == [MODIFY]
    gone = move(app, app.put("Invoices", draft(app)), "DELETED")
    assert stuck(app, gone, Status="AUTHORISED") == [MODIFY]


def test_an_approved_unpaid_invoice_may_change_whole(app: App) -> None:
    row = app.invoice()
    fields = {"LineItems": [line(UnitAmount=200)], "Reference": "new"}
    changed = app.put("Invoices", fields, f"/Invoices/{row['InvoiceID']}", "POST")
    assert (changed["Total"], changed["AmountDue"], changed["Reference"]) == (220.0, 220.0, "new")
    assert changed["LineItems"][0]["LineItemID"] != row["LineItems"][0]["LineItemID"]
    kept = {"LineItems": [{**line(UnitAmount=300), "LineItemID": changed["LineItems"][0]["LineItemID"]}]}
    again = app.put("Invoices", kept, f"/Invoices/{row['InvoiceID']}", "POST")
    assert again["LineItems"][0]["LineItemID"] == changed["LineItems"][0]["LineItemID"]


def test_approving_checks_the_lines_of_a_draft(app: App) -> None:
    row = app.put("Invoices", draft(app, LineItems=[{"Description": "Fee", "UnitAmount": 5}]))
    assert stuck(app, row, Status="AUTHORISED") == ["Account code must be specified"]


def test_money_on_an_invoice_freezes_it(app: App) -> None:
    row = app.invoice()
    app.payment(row, 10)
    assert stuck(app, row, Status="VOIDED") == [
        "The status VOIDED cannot be applied to the invoice because it has payments or credit notes allocated to it."
    ]
    assert stuck(app, row, LineItems=[line(UnitAmount=200)]) == [ALLOCATED]
    assert stuck(app, row, Date="2026-11-01") == [ALLOCATED]
    one = row["LineItems"][0]
    words = {"LineItems": [{**line(Description="Better"), "LineItemID": one["LineItemID"]}], "Reference": "PO 7"}
    changed = app.put("Invoices", words, f"/Invoices/{row['InvoiceID']}", "POST")
    assert (changed["LineItems"][0]["Description"], changed["Reference"]) == ("Better", "PO 7")
    app.sandbox.settings.paid_edits = "none"
    assert stuck(app, row, Reference="PO 8") == [ALLOCATED]


def test_post_edits_by_number_and_put_does_not(app: App) -> None:
    row = app.invoice(InvoiceNumber="CS-9")
    changed = app.put("Invoices", {"InvoiceNumber": "CS-9", "Reference": "x"}, method="POST")
    assert (changed["InvoiceID"], changed["Reference"]) == (row["InvoiceID"], "x")
    assert app.refusal("Invoices", draft(app, InvoiceNumber="CS-9")) == [UNIQUE]


def test_both_lock_dates_are_kept(app: App) -> None:
    row, keeper = app.invoice(), app.sandbox.bookkeeper
    keeper.set_lock_dates(year_end="2026-11-20")
    words = "The document date cannot be before the end of year lock date, currently set at 20-Nov-2026"
    assert app.refusal("Invoices", draft(app, Status="AUTHORISED")) == [words]
    assert stuck(app, row, Status="VOIDED") == [words]
    assert app.put("Invoices", draft(app))["Status"] == "DRAFT"
    keeper.set_lock_dates(period="2026-11-20")
    period = "The document date cannot be before the period lock date, currently set at 20-Nov-2026"
    assert stuck(app, row, Status="VOIDED") == [period]
    assert app.get("/Organisation", "Organisations")[0]["PeriodLockDate"].startswith("/Date(")
    app.sandbox.settings.app_is_adviser = True
    assert move(app, row, "VOIDED")["Status"] == "VOIDED"


def test_history_names_who_did_it(app: App) -> None:
    row = app.invoice()
    app.sandbox.bookkeeper.void_invoice(row["InvoiceID"])
    app.put("HistoryRecords", {"Details": "A note"}, f"/Invoices/{row['InvoiceID']}/History")
    records = app.get(f"/Invoices/{row['InvoiceID']}/History", "HistoryRecords")
    assert [(one["User"], one["Changes"]) for one in records] == [
        ("Countersign", "Note"),
        ("Rhona Blake", "Voided"),
        ("Countersign", "Approved"),
        ("Countersign", "Created"),
    ]
    unknown = app.call("GET", "/Invoices/11111111-1111-4111-8111-111111111111/History")
    assert unknown.json()["Elements"][0]["ValidationErrors"][0]["Message"] == (
        "The document with the supplied id was not found for this endpoint."
    )


def test_pdf_email_online_address_and_attachments(app: App) -> None:
    row = app.invoice()
    path = f"/Invoices/{row['InvoiceID']}"
    assert app.call("GET", path, Accept="application/pdf").body.startswith(b"%PDF-1.4")
    assert app.call("POST", path + "/Email", b"{}").status == 204
    assert app.again(row)["SentToContact"] is True
    assert app.get(path + "/OnlineInvoice", "OnlineInvoices")[0]["OnlineInvoiceUrl"].startswith("http://xero.test/in/")
    saved = app.call("PUT", path + "/Attachments/signed%20contract.pdf?IncludeOnline=True", b"%PDF-x").json()[
        "Attachments"
    ][0]
    assert (saved["FileName"], saved["MimeType"], saved["ContentLength"], saved["IncludeOnline"]) == (
        "signed contract.pdf",
        "application/pdf",
        6,
        True,
    )
    replaced = app.call("POST", path + "/Attachments/signed%20contract.pdf", b"%PDF-yy").json()["Attachments"][0]
    assert replaced["AttachmentID"] == saved["AttachmentID"]
    assert app.call("GET", path + "/Attachments/" + saved["AttachmentID"]).body == b"%PDF-yy"
    assert len(app.get(path + "/Attachments", "Attachments")) == 1
    assert app.again(row)["HasAttachments"] is True
    assert app.call("PUT", path + "/Attachments/a%2Bb.pdf", b"x").status == 400


def test_an_unknown_invoice_is_404(app: App) -> None:
    assert app.call("GET", "/Invoices/11111111-1111-4111-8111-111111111111").status == 404
    assert app.call("GET", "/Nonsense").status == 404
    row = app.invoice(InvoiceNumber="CS-5")
    assert app.get("/Invoices/CS-5", "Invoices")[0]["InvoiceID"] == row["InvoiceID"]
