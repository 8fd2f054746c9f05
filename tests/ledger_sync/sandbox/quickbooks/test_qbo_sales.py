"""Invoices, credit memos and receipts: lines, totals, numbers, voids, deletions, mail and paper."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App, head

CUSTOMER = {"CustomerRef": {"value": "1"}}


def test_an_invoice_as_quickbooks_completes_it(app: App) -> None:
    row = app.invoice("200.50", DocNumber="CS-00001", CustomerMemo={"value": "P-0001"})
    assert (row["TotalAmt"], row["Balance"], row["TxnDate"], row["DueDate"]) == (
        200.5,
        200.5,
        "2026-11-20",
        "2026-11-20",
    )
    assert (row["EmailStatus"], row["LinkedTxn"], row["domain"], row["sparse"]) == ("NotSet", [], "QBO", False)
    item, subtotal = row["Line"]
    assert (item["Id"], item["LineNum"], item["SalesItemLineDetail"]["TaxCodeRef"]) == ("1", 1, {"value": "NON"})
    assert (subtotal["DetailType"], subtotal["Amount"]) == ("SubTotalLineDetail", 200.5)
    assert row["TxnTaxDetail"]["TotalTax"] == 0


def test_the_due_date_comes_from_the_terms(app: App) -> None:
    assert app.invoice(SalesTermRef={"value": "4"})["DueDate"] == "2026-12-20"
    assert app.invoice(SalesTermRef={"value": "4"}, DueDate="2027-01-05")["DueDate"] == "2027-01-05"
    app.change("Customer", app.get("Customer", "1"), SalesTermRef={"value": "3"})
    row = app.invoice()
    assert (row["DueDate"], row["SalesTermRef"]["name"]) == ("2026-12-05", "Net 15")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"CustomerRef": None}, "2020"),
        ({"CustomerRef": {"value": "99"}}, "2500"),
        ({"Line": []}, "2020"),
        ({"Line": [{"Amount": 5}]}, "2020"),
        ({"Line": [{"Amount": 5, "DetailType": "Odd"}]}, "2170"),
        ({"DocNumber": "x" * 22}, "2050"),
        ({"PrivateNote": "x" * 4001}, "2050"),
        ({"EmailStatus": "NeedToSend"}, "2020"),
        ({"EmailStatus": "Odd"}, "2170"),
    ],
)
def test_what_an_invoice_may_not_be(app: App, change: dict[str, Any], code: str) -> None:
    assert app.code("Invoice", {**CUSTOMER, "Line": [app.line()], **change}) == code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({"Qty": 2, "UnitPrice": 60}, "6070"),
        ({"TaxCodeRef": {"value": "7"}}, "6100"),
        ({"ItemRef": {"value": "99"}}, "2500"),
        ({"ClassRef": {"value": "99"}}, "2500"),
    ],
)
def test_what_a_line_may_not_be(app: App, line: dict[str, Any], code: str) -> None:
    assert app.code("Invoice", {**CUSTOMER, "Line": [app.line(100, **line)]}) == code
    assert app.code("Invoice", {**CUSTOMER, "Line": [{**app.line(), "Amount": None}]}) == "2020"
    assert app.code("Invoice", {**CUSTOMER, "Line": [{**app.line(), "Amount": "much"}]}) == "2010"


def test_a_line_without_an_item_is_text(app: App) -> None:
    line = {"Amount": 50, "DetailType": "SalesItemLineDetail", "Description": "note", "SalesItemLineDetail": {}}
    row = app.post("Invoice", {**CUSTOMER, "Line": [app.line(), line]})
    assert row["TotalAmt"] == 100
    assert row["Line"][1]["DetailType"] == "DescriptionOnly"


def test_discounts_come_after_the_subtotal(app: App) -> None:
    percent = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10}}
    row = app.post("Invoice", {**CUSTOMER, "Line": [app.line(99.99), percent]})
    assert [line["DetailType"] for line in row["Line"]][1:] == ["SubTotalLineDetail", "DiscountLineDetail"]
    assert (row["Line"][2]["Amount"], row["TotalAmt"]) == (10.0, 89.99)
    more = {"Amount": 200, "DetailType": "DiscountLineDetail", "DiscountLineDetail": {}}
    assert app.code("Invoice", {**CUSTOMER, "Line": [app.line(), more]}) == "6000"


def test_lines_keep_their_ids(app: App) -> None:
    row = app.post("Invoice", {**CUSTOMER, "Line": [app.line(1), app.line(2)]})
    lines = [{**app.line(5), "Id": "2"}, app.line(7), {**app.line(9), "Id": "88"}]
    changed = app.change("Invoice", row, Line=lines)
    assert [(line["Id"], line["Amount"]) for line in changed["Line"] if "Id" in line] == [("2", 5), ("3", 7), ("4", 9)]


def test_inactive_things_cannot_be_sold(app: App, sandbox: QuickBooksSandbox) -> None:
    sandbox.bookkeeper.archive_account("Services")
    refused = app.refusal("Invoice", {**CUSTOMER, "Line": [app.line()]})
    assert refused["code"] == "610"
    assert "made inactive" in refused["Detail"]
    sandbox.bookkeeper.restore_account("Services")
    app.change("Customer", app.get("Customer", "2"), Active=False)
    assert app.code("Invoice", {"CustomerRef": {"value": "2"}, "Line": [app.line()]}) == "610"


def test_own_numbers_are_kept_and_used_once(app: App, sandbox: QuickBooksSandbox) -> None:
    row = app.invoice(DocNumber="CS-1")
    refused = app.refusal("Invoice", {**CUSTOMER, "DocNumber": "cs-1", "Line": [app.line()]})
    assert refused["code"] == "6140"
    assert refused["Detail"].endswith(f"DocNumber=cs-1 is assigned to TxnType=Invoice with TxnId={row['Id']}")
    body = {**CUSTOMER, "DocNumber": "CS-1", "Line": [app.line()]}
    assert app.post("Invoice", body, "?include=allowduplicatedocnum")["DocNumber"] == "CS-1"
    assert "DocNumber" not in app.invoice()
    sandbox.settings.warn_duplicate_numbers = False
    assert app.post("Invoice", body)["DocNumber"] == "CS-1"


def test_quickbooks_counts_when_it_numbers(app: App, sandbox: QuickBooksSandbox) -> None:
    sandbox.bookkeeper.set_preference("SalesFormsPrefs", "CustomTxnNumbers", False)
    assert [app.invoice()["DocNumber"] for _ in range(2)] == ["1001", "1002"]
    assert app.invoice(DocNumber="CS-9")["DocNumber"] == "CS-9"
    sandbox.settings.keep_sent_numbers = False
    assert app.invoice(DocNumber="CS-10")["DocNumber"] == "1003"


def test_sales_tax_is_off_on_or_told(app: App, sandbox: QuickBooksSandbox) -> None:
    taxed = app.line(200, TaxCodeRef={"value": "TAX"})
    assert app.post("Invoice", {**CUSTOMER, "Line": [taxed]})["TotalAmt"] == 200
    sandbox.bookkeeper.set_preference("TaxPrefs", "UsingSalesTax", True)
    row = app.post("Invoice", {**CUSTOMER, "Line": [taxed, app.line(800)]})
    assert (row["TxnTaxDetail"]["TotalTax"], row["TotalAmt"]) == (16.5, 1016.5)
    told = app.post("Invoice", {**CUSTOMER, "Line": [taxed], "TxnTaxDetail": {"TotalTax": 17}})
    assert told["TotalAmt"] == 217


def test_a_void_keeps_the_number_and_frees_the_money(app: App) -> None:
    app.sandbox.settings.void_settled = True
    row = app.invoice(100, DocNumber="CS-1", PrivateNote="mine")
    payment = app.payment(100, row)
    row = app.again("Invoice", row)
    gone = app.post("Invoice", head(row), "?operation=void")
    assert (gone["TotalAmt"], gone["Balance"], gone["PrivateNote"], gone["DocNumber"]) == (0, 0, "Voided mine", "CS-1")
    assert gone["LinkedTxn"] == []
    assert app.again("Payment", payment)["UnappliedAmt"] == 100
    assert app.code("Invoice", {**CUSTOMER, "DocNumber": "CS-1", "Line": [app.line()]}) == "6140"


def test_a_deletion_needs_nothing_applied_and_frees_the_number(app: App) -> None:
    row = app.invoice(100, DocNumber="CS-1")
    payment = app.payment(100, row)
    row = app.again("Invoice", row)
    assert app.code("Invoice", head(row), "?operation=delete") == "800"
    app.post("Payment", head(payment), "?operation=delete")
    row = app.again("Invoice", row)
    gone = app.post("Invoice", head(row), "?operation=delete")
    assert gone == {"status": "Deleted", "domain": "QBO", "Id": row["Id"]}
    assert app.call("GET", f"/invoice/{row['Id']}").status == 400
    assert app.invoice(DocNumber="CS-1")["DocNumber"] == "CS-1"


def test_a_paid_invoice_cannot_shrink_below_what_was_paid(app: App) -> None:
    row = app.invoice(100)
    app.payment(80, row)
    row = app.again("Invoice", row)
    assert app.code("Invoice", {**head(row), "sparse": True, "Line": [app.line(70)]}) == "6000"
    assert app.change("Invoice", row, Line=[app.line(90)])["Balance"] == 10


def test_sending_needs_an_address_and_ends_at_forty_a_day(app: App, sandbox: QuickBooksSandbox) -> None:
    row = app.invoice()
    assert app.call("POST", f"/invoice/{row['Id']}/send").json()["Fault"]["Error"][0]["code"] == "2020"
    sent = app.call("POST", f"/invoice/{row['Id']}/send?sendTo=x%2By%40ex.com").json()["Invoice"]
    assert (sent["EmailStatus"], sent["BillEmail"]["Address"]) == ("EmailSent", "x+y@ex.com")
    sandbox.limits.emails_day = 1
    assert app.call("POST", f"/invoice/{row['Id']}/send").status == 429
    assert app.call("POST", "/customer/1/send").json()["Fault"]["Error"][0]["code"] == "500"


def test_paper(app: App) -> None:
    row = app.invoice(100, DocNumber="CS-1 (a)")
    answer = app.call("GET", f"/invoice/{row['Id']}/pdf")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.body.startswith(b"%PDF-1.4")
    assert b"CS-1" in answer.body


def test_closed_books_refuse_every_change(app: App, sandbox: QuickBooksSandbox) -> None:
    row = app.invoice(TxnDate="2026-10-15")
    sandbox.bookkeeper.close_books("2026-10-31")
    assert app.call("GET", "/preferences").json()["Preferences"]["AccountingInfoPrefs"]["BookCloseDate"] == "2026-10-31"
    assert app.code("Invoice", {**CUSTOMER, "TxnDate": "2026-10-31", "Line": [app.line()]}) == "6210"
    for args in ("?operation=void", "?operation=delete"):
        assert app.code("Invoice", head(row), args) == "6210"
    assert app.code("Invoice", {**head(row), "sparse": True, "TxnDate": "2026-11-05"}) == "6210"
    payment = {**CUSTOMER, "TotalAmt": 5, "TxnDate": "2026-10-20"}
    assert app.code("Payment", payment) == "6210"
    sandbox.settings.closing_day_closed = False
    assert app.invoice(TxnDate="2026-10-31")["Id"]
    sandbox.bookkeeper.close_books(None)
    assert app.post("Invoice", head(row), "?operation=void")["TotalAmt"] == 0


def test_receipts_of_both_kinds(app: App) -> None:
    receipt = app.post("SalesReceipt", {**CUSTOMER, "Line": [app.line(60)]})
    assert (receipt["Balance"], receipt["DepositToAccountRef"]["name"]) == (0, "Undeposited Funds")
    assert app.code("RefundReceipt", {**CUSTOMER, "Line": [app.line(60)]}) == "2020"
    refund = {**CUSTOMER, "Line": [app.line(60)], "DepositToAccountRef": app.account("Stripe clearing")}
    assert app.post("RefundReceipt", refund)["TotalAmt"] == 60
    wrong = {**refund, "DepositToAccountRef": app.account("Services")}
    assert app.code("RefundReceipt", wrong) == "6000"
    bad = {**refund, "PaymentRefNum": "x" * 22}
    assert app.code("RefundReceipt", bad) == "2050"


def test_the_link_to_pay_is_told_on_request_where_online_payment_is_on(app: App) -> None:
    online = {"AllowOnlineCreditCardPayment": True, "BillEmail": {"Address": "a@b.example"}}
    row, plain = app.invoice(**online), app.invoice()
    read = app.call("GET", f"/invoice/{row['Id']}?include=invoiceLink").json()["Invoice"]
    assert read["InvoiceLink"].startswith("http://qbo.test/")
    assert "InvoiceLink" not in app.get("Invoice", row["Id"])
    assert "InvoiceLink" not in app.call("GET", f"/invoice/{plain['Id']}?include=invoiceLink").json()["Invoice"]


def test_a_memo_of_a_thousand_characters_is_the_longest(app: App) -> None:
    assert app.invoice(CustomerMemo={"value": "x" * 1_000})["CustomerMemo"]["value"]
    assert app.code("Invoice", {**CUSTOMER, "Line": [app.line()], "CustomerMemo": {"value": "x" * 1_001}}) == "2050"
