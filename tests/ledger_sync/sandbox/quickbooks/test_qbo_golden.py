"""Refusals word for word as somebody recorded them, each with the place where it is published."""

from __future__ import annotations

from typing import Any

import pytest

from practice.core.sandbox.faults import Fault
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App, head

CUSTOMER = {"CustomerRef": {"value": "1"}}
INACTIVE = "Something you're trying to use has been made inactive. Check the fields with accounts, customers, items, vendors or employees."
UNSUPPORTED = "Request has invalid or unsupported property"
PLUS = "You can't add data to QuickBooks Online Plus because your trial or subscription period ended, you canceled your subscription, or there was a billing problem. To update your subscription, click the gear icon and view your account information."


def sale(app: App, **change: Any) -> dict[str, Any]:
    return {**CUSTOMER, "Line": [app.line()], **change}


def item(value: str) -> dict[str, Any]:
    return {"Amount": 5, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"ItemRef": {"value": value}}}


def said(app: App, kind: str, body: Any, args: str = "") -> tuple[str, str, str, str]:
    answer = app.call("POST", f"/{kind}{args}", body)
    assert answer.status == 400
    fault = answer.json()["Fault"]
    assert fault["type"] == "ValidationFault"
    error = fault["Error"][0]
    return error["code"], error["Message"], error["Detail"], error["element"]


#: What is sent, and the fault as published; the last word is the source.
GOLDEN: list[tuple[str, Any, str, tuple[str, str, str, str], str]] = [
    (
        "invoice", b"not json", "",
        ("2010", UNSUPPORTED, "Property Name:failed to parse json object; a property specified is unsupported or invalid", ""),
        "github.com/intuit/QuickBooks-V3-DotNET-SDK/issues/376",
    ),
    (
        "invoice", lambda app: sale(app, CustomerRef="61"), "",
        ("2010", UNSUPPORTED, "Property Name:Can not instanti specified is unsupported or invalid", ""),
        "github.com/routablehq/python-quickbooks/issues/24",
    ),
    (
        "item", lambda app: {"Name": "FOO", "Type": "Inventory", "QtyOnHand": "Sku", "IncomeAccountRef": app.account("Services")}, "",
        ("2010", UNSUPPORTED, "Property Name:Can not construct instance of java.m specified is unsupported or invalid", ""),
        "github.com/mcohen01/node-quickbooks/issues/39",
    ),
    (
        "invoice", b'{"PrivateNote": "\xff"}', "",
        ("500", "Unsupported Operation", "Operation com.sun.org.apache.xerces.internal.impl.io.MalformedByteSequenceException: Invalid byte 1 of 1-byte UTF-8 sequence is not supported.", ""),
        "developer.intuit.com, Handling common errors",
    ),
    (
        "invoice", lambda app: {**CUSTOMER}, "",
        ("2020", "Required param missing, need to supply the required value for the API", "Required parameter Line is missing in the request", "Line"),
        "developer.intuit.com, Batch sample and error codes",
    ),
    (
        "invoice", lambda app: {**CUSTOMER, "Line": [item("999")]}, "",
        ("2500", "Invalid Reference Id", "Invalid Reference Id : Line.SalesItemLineDetail.ItemRef", "Line.SalesItemLineDetail.ItemRef"),
        "github.com/intuit/QuickBooks-V3-PHP-SDK/issues/102",
    ),
    (
        "invoice", lambda app: {**CUSTOMER, "Line": [item(app.post("Item", {"Name": "Group", "Type": "Category"})["Id"])]}, "",
        ("2500", "Invalid Reference Id", "Invalid Reference Id : Categories cannot be used in transactions.", ""),
        "github.com/consolibyte/quickbooks-php/issues/178",
    ),
    (
        "account", lambda app: {"Name": "x", "AccountType": "Odd"}, "",
        ("2170", "Invalid Enumeration", "Invalid Enumeration : Odd", "AccountType"),
        "github.com/routablehq/python-quickbooks/issues/350",
    ),
    (
        "invoice", "inactive", "",
        ("610", "Object Not Found", f"Object Not Found : {INACTIVE}", ""),
        "developer.intuit.com, Handling common errors",
    ),
    (
        "invoice", lambda app: {"Id": "999", "SyncToken": "0"}, "?operation=delete",
        ("610", "Object Not Found", "Object Not Found : Another user has deleted this transaction.", ""),
        "developer.intuit.com, Handling common errors",
    ),
    (
        "invoice", lambda app: {**head(app.invoice()), "SyncToken": "9", "sparse": True}, "",
        ("5010", "Stale Object Error", "Stale Object Error : You and root were working on this at the same time. root finished before you did, so your work was not saved.", ""),
        "developer.intuit.com, Batch sample",
    ),
    (
        "invoice", lambda app: sale(app, DocNumber=app.invoice(DocNumber="A-1")["DocNumber"]), "",
        ("6140", "Duplicate Document Number Error", "Duplicate Document Number Error : You must specify a different number. This number has already been used. DocNumber=A-1 is assigned to TxnType=Invoice with TxnId=1", ""),
        "captured by users of the API, twice",
    ),
    (
        "customer", {"DisplayName": "Bluestem Landscaping"}, "",
        ("6240", "Duplicate Name Exists Error", "The name supplied already exists. : Another customer, vendor or employee is already using this name. Please use a different name.", ""),
        "developer.intuit.com, Batch sample",
    ),
    (
        "customer", lambda app: {**head(debtor(app)), "sparse": True, "Active": False}, "",
        ("6220", "Delete List Has Balance Error", "The entity you are trying to delete has an open balance. : This customer cannot be deleted because it has a non-zero balance", ""),
        "github.com/ruckus/quickbooks-ruby/issues/390",
    ),
    (
        "invoice", "closed", "",
        ("6210", "Account Period Closed", "The account period has closed and the account books cannot be updated through the QBO Services API. Please use the QBO website to make these changes.", ""),
        "developer.intuit.com, Handling common errors",
    ),
    (
        "invoice", "ended", "",
        ("6190", "Invalid Company Status", f"Subscription period has ended or canceled or there was a billing problem : {PLUS}", ""),
        "github.com/intuit/QuickBooks-V3-PHP-SDK/issues/211",
    ),
]  # fmt: skip


def inactive(app: App) -> dict[str, Any]:
    app.change("Customer", app.get("Customer", "1"), Active=False)
    return sale(app)


def debtor(app: App) -> dict[str, Any]:
    app.invoice()
    return app.get("Customer", "1")


def closed(app: App) -> dict[str, Any]:
    app.sandbox.bookkeeper.close_books("2026-10-31")
    return sale(app, TxnDate="2026-10-01")


def ended(app: App) -> dict[str, Any]:
    app.sandbox.bookkeeper.end_subscription()
    return sale(app)


def made(app: App, body: Any) -> Any:
    if isinstance(body, str):
        return {"inactive": inactive, "closed": closed, "ended": ended}[body](app)
    return body(app) if callable(body) else body


@pytest.mark.parametrize(
    ("kind", "body", "args", "fault", "source"), GOLDEN, ids=[row[3][0] + " " + row[4][:60] for row in GOLDEN]
)
def test_a_refusal_word_for_word(
    app: App, kind: str, body: Any, args: str, fault: tuple[str, ...], source: str
) -> None:
    assert source
    assert said(app, kind, made(app, body), args) == fault


@pytest.mark.parametrize(
    ("query", "detail", "source"),
    [
        (
            "SELECT * FROM Vendor WHERE DisplayName = 'Cutlery 'R Us'",
            'QueryParserError: Encountered " <IDENTIFIER> "R "" at line 1, column 52.',
            "github.com/mcohen01/node-quickbooks/issues/56 (without the list of what was expected)",
        ),
        (
            "SELECT * FROM Account WHERE AccountSubType %3D 1",
            'QueryParserError: Invalid content. Lexical error at line 1, column 44.  Encountered: "%" (37), after : ""',
            "github.com/pbrink231/quickbooks-node-promise/issues/1",
        ),
        ("", "QueryParserError: The query provided was empty", "github.com/intuit/QuickBooks-V3-PHP-SDK/issues/8"),
    ],
)
def test_a_query_that_cannot_be_read_word_for_word(app: App, query: str, detail: str, source: str) -> None:
    assert said(app, "query", query) == ("4000", "Error parsing query", detail, ""), source


def test_several_wrong_lines_are_told_at_once(app: App) -> None:
    """github.com/intuit/QuickBooks-V3-PHP-SDK/issues/445"""
    lines = [app.line(290, Qty=2, UnitPrice=50), app.line(5), app.line("58.50", Qty=1, UnitPrice=50)]
    answer = app.call("POST", "/invoice", {**CUSTOMER, "Line": lines}).json()["Fault"]["Error"]
    assert [(one["code"], one["Message"], one["Detail"], one["element"]) for one in answer] == [
        (
            "6070",
            "Amount calculation incorrect in the request.",
            f"Amount is not equal to UnitPrice * Qty. Supplied value:{value}",
            "Line.Amount",
        )
        for value in ("290", "58.5")
    ]


def test_answers_of_the_gateway_word_for_word(app: App) -> None:
    """401: python-quickbooks#118; 403: several captures; 429 in XML: quickbooks-ruby#348; a locked-out person: docs."""
    app.sandbox.faults.order(Fault("unauthorised"))
    assert app.call("GET", "/preferences").body.startswith(
        b'{"warnings":null,"intuitObject":null,"fault":{"error":[{"message":"message=AuthenticationFailed; errorCode=003200; '
        b'statusCode=401","detail":null,"code":"3200","element":null}],"type":"AUTHENTICATION"},"report":null,"queryResponse":null,'
        b'"batchItemResponse":[],"attachableResponse":[],"syncErrorResponse":null,"requestId":null,"time":'
    )
    app.sandbox.faults.order(Fault("rate_limited", detail="xml"))
    assert app.call("GET", "/preferences").body.decode().split("\n")[2:6] == [
        '    <Fault type="SERVICE">',
        '        <Error code="3001">',
        "            <Message>message=ThrottleExceeded; errorCode=003001; statusCode=429</Message>",
        "            <Detail>The request limit was reached.  Try again later</Detail>",
    ]
    app.sandbox.faults.order(Fault("server_error"))
    error = app.call("GET", "/preferences").json()["Fault"]
    assert (error["type"], error["Error"][0]["code"], error["Error"][0]["Message"]) == (
        "SystemFault", "10000", "An application error has occurred while processing your request",
    )  # fmt: skip
