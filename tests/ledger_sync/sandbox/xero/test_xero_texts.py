"""Golden texts: what Xero says when it refuses, word for word, with the place where each was read.

Each is reached by a request of its own, which changes nothing. Later comparison with a live demo company begins here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

import pytest

from ledger_sync.sandbox.xero import XeroSandbox
from tests.ledger_sync.sandbox.xero.xero_app import App
from tests.ledger_sync.sandbox.xero.xero_spec import SPEC as SPEC_FILE
from tests.ledger_sync.sandbox.xero.xero_spec import needs_specs

LINE = {"Description": "Fee", "Quantity": 1, "UnitAmount": 100, "AccountCode": "200"}
NOBODY = "11111111-1111-4111-8111-111111111111"


def sale(app: App, *, line: dict[str, Any] | None = None, **fields: Any) -> list[str]:
    body = {"Type": "ACCREC", "Contact": app.contact(), "DueDate": "2026-12-04", "Status": "AUTHORISED"}
    return app.refusal("Invoices", {**body, "LineItems": [{**LINE, **(line or {})}], **fields})


def change(app: App, row: dict[str, Any], **fields: Any) -> list[str]:
    return app.refusal("Invoices", fields, f"/Invoices/{row['InvoiceID']}", "POST")


def pay(app: App, row: dict[str, Any], amount: float, code: str = "091") -> list[str]:
    data = {"Invoice": {"InvoiceID": row["InvoiceID"]}, "Account": {"Code": code}, "Amount": amount}
    return app.refusal("Payments", data)


def paid(app: App) -> dict[str, Any]:
    row = app.invoice()
    app.payment(row, 110)
    return row


def allocation(app: App, row: dict[str, Any], amount: float, total: float = 50) -> list[str]:
    data = {"Type": "ACCRECCREDIT", "Contact": app.contact(), "Status": "AUTHORISED"}
    note = app.put("CreditNotes", {**data, "LineItems": [{**LINE, "UnitAmount": total}]})
    part = {"Invoice": {"InvoiceID": row["InvoiceID"]}, "Amount": amount, "Date": "2026-11-20"}
    return app.refusal("Allocations", part, f"/CreditNotes/{note['CreditNoteID']}/Allocations")


def archived(app: App) -> list[str]:
    app.sandbox.bookkeeper.archive_account("200")
    return sale(app)


def locked(app: App) -> list[str]:
    app.sandbox.bookkeeper.set_lock_dates(year_end="2026-11-20")
    return sale(app)


def same_number(app: App) -> list[str]:
    app.put("Contacts", {"Name": "One", "AccountNumber": "A-1"})
    return app.refusal("Contacts", {"Name": "Two", "AccountNumber": "A-1"})


def deleted_payment(app: App) -> list[str]:
    row = app.payment(app.invoice(), 10)
    path = f"/Payments/{row['PaymentID']}"
    app.put("Payments", {"Status": "DELETED"}, path, "POST")
    return app.refusal("Payments", {"Status": "DELETED"}, path, "POST")


def full_of_groups(app: App) -> list[str]:
    for number in range(100):
        app.put("ContactGroups", {"Name": f"Group {number}"})
    return app.refusal("ContactGroups", {"Name": "One more"})


def no_service(app: App) -> list[str]:
    theme = app.get("/BrandingThemes", "BrandingThemes")[0]["BrandingThemeID"]
    path = f"/BrandingThemes/{theme}/PaymentServices"
    return app.refusal("PaymentServices", {"PaymentServiceID": NOBODY}, path, "POST")


SPEC = "XeroAPI/Xero-OpenAPI, xero_accounting.yaml, example of a 400"
GOLDEN: list[tuple[str, str, Callable[[App], list[str]]]] = [
    (
        (
            "The contact name Calder Physiotherapy is already assigned to another contact. "
            "The contact name must be unique across all active contacts."
        ),
        SPEC + ": Contacts",
        lambda app: app.refusal("Contacts", {"Name": "Calder Physiotherapy"}),
    ),
    (
        (
            "The Contact must contain at least 1 of the following elements to identify the contact: "
            "Name, ContactID, ContactNumber"
        ),
        SPEC + ": Invoices",
        lambda app: sale(app, Contact={"FirstName": "x"}),
    ),
    ("Invoice # must be unique.", SPEC + ": Invoices", lambda app: sale(app, InvoiceNumber=app.invoice()["InvoiceNumber"])),
    ("Please enter a unique Name.", SPEC + ": Accounts", lambda app: app.refusal("Accounts", {"Code": "998", "Name": "Sales", "Type": "REVENUE"})),
    ("Price List Item with Code ''BOOKS'' already exists", SPEC + ": Items", lambda app: app.refusal("Items", {"Code": "BOOKS"})),
    (
        "An existing Credit Note with the specified CreditNoteID could not be found",
        SPEC + ": CreditNotes",
        lambda app: app.refusal("CreditNotes", {"CreditNoteID": NOBODY}, method="POST"),
    ),
    ("You’ve reached the limit of 100 contact groups.", SPEC + ": ContactGroups", full_of_groups),
    ("Payment service could not be found", SPEC + ": BrandingThemes", no_service),
    (
        "The document with the supplied id was not found for this endpoint.",
        SPEC + ": History",
        lambda app: app.refusal("HistoryRecords", {"Details": "x"}, f"/Invoices/{NOBODY}/History"),
    ),
    ("Payment amount exceeds the amount outstanding on this document", SPEC + ": Payments", lambda app: pay(app, app.invoice(), 111)),
    ("Payments can only be made against authorised documents", "issue garagehive docs; Xero community", lambda app: pay(app, app.invoice(Status="DRAFT"), 1)),
    ("Account could not be found.", "reported by users of Payments", lambda app: pay(app, app.invoice(), 1, "999")),
    ("Payment not of valid status for modification", "reported by users of Payments", deleted_payment),
    (
        "Another contact has this contact number. Please enter a different contact number.",
        "garagehive documentation of its Xero merge",
        lambda app: app.refusal("Contacts", {"Name": "New", "ContactNumber": "C-1"}),
    ),
    (
        "The Account Number already exists. Please enter a different Account Number.",
        "calcinai/xero-php#880",
        same_number,
    ),
    ("Email address must be valid.", "Xero docs, HTTP response codes", lambda app: app.refusal("Contacts", {"Name": "N", "EmailAddress": "x"})),
    ("Account code '999' is not a valid code for this document.", "Xero-NetStandard#364", lambda app: sale(app, line={"AccountCode": "999"})),
    (
        "Account code '200' has been archived, or has been deleted. Each line item must reference a valid account.",
        "a production log published by a client of the API",
        archived,
    ),
    ("Account code must be specified", "calcinai/xero-php#230", lambda app: sale(app, line={"AccountCode": ""})),
    (
        "The TaxType code NOPE does not exist or cannot be used for this type of transaction.",
        "Xero-Java#336",
        lambda app: sale(app, line={"TaxType": "NOPE"}),
    ),
    (
        "The TaxType code 'INPUT' cannot be used with account code '200'.",
        "Xero-Java#336",
        lambda app: sale(app, line={"TaxType": "INPUT"}),
    ),
    ("The description field is mandatory for each line item.", "Xero-Net#198 and others", lambda app: sale(app, line={"Description": ""})),
    (
        "The line total 99.00 does not match the expected line total 100.00",
        "Xero-Net#198",
        lambda app: sale(app, line={"LineAmount": 99}),
    ),
    ("One or more line items must be specified", "reported by users of Invoices", lambda app: sale(app, LineItems=[])),
    ("Invoice not of valid status for modification", "Xero-NetStandard#79, by Xero's staff", lambda app: change(app, app.invoice(), Status="DRAFT")),
    (
        "This document cannot be edited as it has a payment or credit note allocated to it.",
        "Xero-NetStandard#84, xeroizer#211",
        lambda app: change(app, paid(app), LineItems=[{**LINE, "UnitAmount": 1}]),
    ),
    (
        "The status VOIDED cannot be applied to the invoice because it has payments or credit notes allocated to it.",
        "civixero and two others",
        lambda app: change(app, paid(app), Status="VOIDED"),
    ),
    (
        "The document date cannot be before the end of year lock date, currently set at 20-Nov-2026",
        "xeroizer#92",
        locked,
    ),
    (
        "The invoice you are trying to allocate to has already been paid off",
        "xeroizer#320",
        lambda app: allocation(app, paid(app), 5),
    ),
    (
        "Credit Note cannot be allocated as amount is greater than amount outstanding",
        "xeroizer#320",
        lambda app: allocation(app, app.invoice(), 56),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "source", "reached"), GOLDEN, ids=[text[:48] for text, _, _ in GOLDEN])
def test_golden_text(app: App, text: str, source: str, reached: Callable[[App], list[str]]) -> None:
    assert source
    assert text in reached(app)


#: Texts of resources this sandbox has not: journals, purchase orders, linked transactions, expense claims.
ELSEWHERE = ("The total debits", "Order number", "Only AUTHORISED and BILLED", "Account code ''476''", "The SourceLineItemID",
             "The ContactID and the TargetTransaction", "A valid user", "A validation exception occurred")  # fmt: skip


@needs_specs
def test_the_table_has_every_text_that_the_published_description_shows() -> None:
    found = re.findall(r"^\s*(?:- )?Message: \"?(.+?)\"?$", SPEC_FILE.read_text(encoding="utf-8"), re.MULTILINE)
    texts = {text.replace("Buzz Lightyear", "Calder Physiotherapy").replace("''abc''", "''BOOKS''") for text in found}
    wanted = {text for text in texts if not text.startswith(ELSEWHERE)}
    assert len(wanted) >= 9
    assert wanted <= {text for text, _, _ in GOLDEN}


#: HMAC-SHA256 of the body under the key, in Base64, worked out by hand with OpenSSL:
#: ``printf %s BODY | openssl dgst -sha256 -hmac KEY -binary | openssl base64``
KEY = "sandbox-vector-key"
BODY = b'{"events":[],"firstEventSequence":0,"lastEventSequence":0,"entropy":"S0m3r4Nd0mt3xt"}'
SIGNATURE = "tgYF95BgKR/JVGCwC1ASAhcPnjphTJhz6/uEt6YCFas="


def test_the_signature_vector() -> None:
    sandbox = XeroSandbox(company="empty")
    sandbox.app.webhook_key = KEY
    assert sandbox.webhooks.sign(BODY) == SIGNATURE
    assert sandbox.webhooks.sign(BODY + b" ") != SIGNATURE
    assert base64.b64encode(hmac.new(KEY.encode(), BODY, hashlib.sha256).digest()).decode() == SIGNATURE
