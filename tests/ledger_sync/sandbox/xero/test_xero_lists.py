"""Lists: pages, filters, order, changes since, and how much of each row is shown."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from ledger_sync.sandbox.xero import wire
from ledger_sync.sandbox.xero.fields import FIELDS
from practice.core import clock
from tests.ledger_sync.sandbox.xero.xero_app import App
from tests.ledger_sync.sandbox.xero.xero_spec import SPEC, needs_specs, raw_description

#: What the specification adds to an element of an answer; no row has it.
_OF_AN_ANSWER = {"HasErrors", "HasValidationErrors", "StatusAttributeString", "ValidationErrors", "Warnings"}


@pytest.fixture
def five(app: App) -> App:
    for number in range(5):
        clock.advance(seconds=10)
        app.invoice(
            InvoiceNumber=f"CS-{number}", Reference=f"R{number}", Status="DRAFT" if number == 4 else "AUTHORISED"
        )
    return app


def numbers(app: App, query: str, **headers: str) -> list[str]:
    return [row["InvoiceNumber"] for row in app.get("/Invoices" + query, "Invoices", **headers)]


def test_pages_and_their_count(five: App) -> None:
    body = five.call("GET", "/Invoices?page=2&pageSize=2").json()
    assert body["pagination"] == {"page": 2, "pageSize": 2, "pageCount": 3, "itemCount": 5}
    assert [row["InvoiceNumber"] for row in body["Invoices"]] == ["CS-2", "CS-3"]
    assert five.call("GET", "/Invoices?page=9").json()["Invoices"] == []
    assert "pagination" not in five.call("GET", "/Invoices").json()
    assert five.call("GET", "/Invoices?pageSize=1001").status == 400
    assert five.call("GET", "/Invoices?page=x").status == 400


def test_lines_only_with_a_page_or_by_id(five: App) -> None:
    assert five.get("/Invoices", "Invoices")[0]["LineItems"] == []
    paged = five.get("/Invoices?page=1", "Invoices")[0]
    assert len(paged["LineItems"]) == 1
    assert paged["Contact"].keys() == {
        "ContactID",
        "Name",
        "Addresses",
        "Phones",
        "ContactGroups",
        "ContactPersons",
        "HasValidationErrors",
    }
    summary = five.get("/Invoices?page=1&summaryOnly=True", "Invoices")[0]
    assert "LineItems" not in summary
    assert "Payments" not in summary


def test_filters(five: App) -> None:
    one = five.get("/Invoices", "Invoices")[0]
    assert numbers(five, "?IDs=" + one["InvoiceID"]) == ["CS-0"]
    assert numbers(five, "?InvoiceNumbers=CS-1,CS-3") == ["CS-1", "CS-3"]
    assert numbers(five, "?Statuses=DRAFT") == ["CS-4"]
    assert five.call("GET", "/Invoices?Statuses=DRAFT").json()["pagination"]["itemCount"] == 1
    assert numbers(five, "?ContactIDs=" + five.contact("Mossgrove Dental")["ContactID"]) == []
    assert numbers(five, "?searchTerm=r3") == ["CS-3"]
    line = {"Description": "x", "UnitAmount": 1, "AccountCode": "200"}
    five.sandbox.bookkeeper.add_invoice({"Type": "ACCREC", "Contact": five.contact(), "LineItems": [line]})
    assert len(numbers(five, "?createdByMyApp=true")) == 5
    assert len(numbers(five, "")) == 6
    bad = five.call("GET", "/Invoices?IDs=nonsense")
    assert (bad.status, bad.body) == (400, b"Supplied parameter 'IDs' cannot be parsed - must be of type UUID.")


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ('Status=="DRAFT"', ["CS-4"]),
        ('Status == "AUTHORISED" AND Reference=="R2"', ["CS-2"]),
        ('InvoiceNumber="CS-1" OR InvoiceNumber="CS-2"', ["CS-1", "CS-2"]),
        ('(Reference=="R0" || Reference=="R1") && Status!="DRAFT"', ["CS-0", "CS-1"]),
        ('InvoiceNumber.EndsWith("3")', ["CS-3"]),
        ('Contact.Name.StartsWith("calder") AND Reference.Contains("4")', ["CS-4"]),
        ("AmountDue>=110.00", ["CS-0", "CS-1", "CS-2", "CS-3", "CS-4"]),
        ("Date>=DateTime(2026,11,21)", []),
        ("Date==DateTime(2026, 11, 20) AND SentToContact==false", ["CS-0", "CS-1", "CS-2", "CS-3", "CS-4"]),
        ("UpdatedDateUTC>DateTime(2026,11,20,01,00,35)", ["CS-3", "CS-4"]),
        ("FullyPaidOnDate!=null", []),
    ],
)
def test_where(five: App, where: str, found: list[str]) -> None:
    assert numbers(five, "?page=1&where=" + quote(where)) == found


def test_where_by_guid_and_nonsense(five: App) -> None:
    where = f'Contact.ContactID==guid("{five.contact()["ContactID"]}")'
    assert len(numbers(five, "?where=" + quote(where))) == 5
    no_such = ("Date>=DateTime(2026,13,1)", "Date>=DateTime(2026,2,30)", 'InvoiceID==guid("x")', "InvoiceID==guid()")
    for wrong in ("Status==", "Status~1", "(Status==1", 'Status=="a" XOR Status=="b"', *no_such):
        refused = five.call("GET", "/Invoices?where=" + quote(wrong))
        assert refused.status == 400
        assert refused.json()["Type"] == "QueryParseException"


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("where=Foo==1", "No property or field 'Foo' exists in type 'Invoice'"),
        ("where=Contact.Foo==1", "No property or field 'Foo' exists in type 'Contact'"),
        ('where=Foo.StartsWith("a")', "No property or field 'Foo' exists in type 'Invoice'"),
        ("order=Foo", "No property or field 'Foo' exists in type 'Invoice'"),
        ("order=Status.Length", "No property or field 'Length' exists in type 'Object'"),
    ],
)
def test_a_field_its_type_lacks_is_refused_even_of_no_rows(app: App, query: str, told: str) -> None:
    name, _, text = query.partition("=")
    refused = app.call("GET", f"/Invoices?IDs={wire.ZERO_ID}&{name}={quote(text)}")
    assert (refused.status, refused.json()["ErrorNumber"]) == (400, 16)
    assert (refused.json()["Type"], refused.json()["Message"]) == ("QueryParseException", told)


def test_fields_are_named_without_case(five: App) -> None:
    assert numbers(five, "?where=" + quote('status=="DRAFT" AND invoicenumber=="CS-4"')) == ["CS-4"]
    assert numbers(five, "?order=invoicenumber%20DESC&page=1&pageSize=2") == ["CS-4", "CS-3"]


def test_a_field_of_what_a_payment_is_on(five: App) -> None:
    payment = five.payment(five.get("/Invoices/CS-0", "Invoices")[0], 10)
    for where, count in (('Invoice.Contact.Name=="Nobody"', 0), ('Invoice.InvoiceNumber=="CS-0"', 1)):
        found = five.get("/Payments?where=" + quote(f"{where} AND Amount==10"), "Payments")
        assert [row["PaymentID"] for row in found] == [payment["PaymentID"]] * count


@needs_specs
def test_the_fields_are_the_specifications() -> None:
    schemas = raw_description(SPEC)["components"]["schemas"]
    for kind, text in FIELDS.items():
        own = schemas[kind]
        parts = [own, *own.get("allOf", [])]
        told = {name for part in parts for name in part.get("properties", {})} - _OF_AN_ANSWER
        assert {field.partition(":")[0] for field in text.split()} == told, kind


def test_order(five: App) -> None:
    assert numbers(five, "?order=InvoiceNumber%20DESC&page=1&pageSize=2") == ["CS-4", "CS-3"]
    assert numbers(five, "?order=Status%20ASC,Reference%20DESC")[:2] == ["CS-3", "CS-2"]
    assert five.call("GET", "/Invoices?order=Status%20sideways").status == 400


def test_changes_since_a_moment(five: App) -> None:
    later = {"If_Modified_Since": "2026-11-20T01:00:30"}
    assert numbers(five, "?page=1", **later) == ["CS-3", "CS-4"]
    assert numbers(five, "?page=1", If_Modified_Since="2026-11-20T01:00:30+00:00") == ["CS-3", "CS-4"]
    five.sandbox.settings.modified_since_inclusive = True
    assert numbers(five, "?page=1", **later) == ["CS-2", "CS-3", "CS-4"]
    nothing = {"If_Modified_Since": "2027-01-01T00:00:00"}
    assert numbers(five, "?page=1", **nothing) == []
    five.sandbox.settings.not_modified_304 = True
    assert five.call("GET", "/Invoices?page=1", **nothing).status == 304


def test_some_changes_leave_no_new_date(five: App) -> None:
    row = five.get("/Invoices/CS-0", "Invoices")[0]
    five.payment(row, 10)
    row = five.again(row)
    clock.advance(seconds=5)
    five.put("Invoices", {"DueDate": "2026-12-24"}, f"/Invoices/{row['InvoiceID']}", "POST")
    after = five.again(row)
    assert after["UpdatedDateUTC"] == row["UpdatedDateUTC"]
    assert after["DueDateString"].startswith("2026-12-24")


def test_archived_contacts_and_balances(five: App) -> None:
    rows = five.get("/Contacts?page=1", "Contacts")
    owed = {row["Name"]: row.get("Balances") for row in rows}
    assert owed["Calder Physiotherapy"]["AccountsReceivable"] == {"Outstanding": 440.0, "Overdue": 0.0}
    assert owed["Mossgrove Dental"] is None
    moss = five.contact("Mossgrove Dental")["ContactID"]
    five.sandbox.bookkeeper.archive_contact(moss)
    assert len(five.get("/Contacts", "Contacts")) == 1
    assert len(five.get("/Contacts?includeArchived=True", "Contacts")) == 2
    assert five.get(f"/Contacts/{moss}", "Contacts")[0]["ContactStatus"] == "ARCHIVED"


def test_terms_of_the_contact_make_the_due_date(app: App) -> None:
    due = {
        "OFFOLLOWINGMONTH": "2026-12-20",
        "DAYSAFTERBILLDATE": "2026-12-10",
        "OFCURRENTMONTH": "2026-11-20",
        "DAYSAFTERBILLMONTH": "2026-12-20",
    }
    for kind, day in due.items():
        terms = {"Sales": {"Day": 20, "Type": kind}}
        app.put("Contacts", {**app.contact(), "PaymentTerms": terms}, method="POST")
        assert app.invoice(DueDate=None)["DueDateString"][:10] == day
