"""The query language, its escapes, pages and refusals."""

from __future__ import annotations

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App


@pytest.fixture
def stocked(app: App) -> App:
    for number, amount in (("A-1", 100), ("A-2", 250), ("A-10", 75)):
        app.invoice(amount, DocNumber=number, TxnDate=f"2026-11-{10 + len(number)}")
    for name in ("Amy's Bird Sanctuary", "Back\\slash", "Zed % Co"):
        app.post("Customer", {"DisplayName": name})
    return app


def numbers(app: App, text: str) -> list[str]:
    return [row["DocNumber"] for row in app.query(text).get("Invoice", [])]


def names(app: App, text: str) -> list[str]:
    return [row["DisplayName"] for row in app.query(text).get("Customer", [])]


def test_everything_with_its_place(stocked: App) -> None:
    found = stocked.query("SELECT * FROM Invoice")
    assert (len(found["Invoice"]), found["startPosition"], found["maxResults"]) == (3, 1, 3)
    assert stocked.query("SELECT * FROM Deposit") == {}
    assert stocked.query("select count(*) from invoice") == {"totalCount": 3}


def test_by_post_as_plain_text(stocked: App) -> None:
    headers = {"Content-Type": "application/text"}
    answer = stocked.call("POST", "/query", "SELECT *, Sku FROM Item MAXRESULTS 1", **headers)
    assert answer.json()["QueryResponse"]["Item"][0]["Name"] == "Hours"


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("DocNumber = 'A-1'", ["A-1"]),
        ("docnumber = 'a-1'", ["A-1"]),
        ("DocNumber IN ('A-1', 'A-10')", ["A-1", "A-10"]),
        ("DocNumber LIKE 'A-1%'", ["A-1", "A-10"]),
        ("DocNumber != 'A-1'", ["A-2", "A-10"]),
        ("TotalAmt > '80' AND TotalAmt <= 250", ["A-1", "A-2"]),
        ("TotalAmt < 100", ["A-10"]),
        ("TxnDate >= '2026-11-14'", ["A-10"]),
        ("Balance > '0' AND CustomerRef = '1' AND DocNumber = 'A-2'", ["A-2"]),
        ("MetaData.LastUpdatedTime >= '2026-11-20T10:00:00-06:00'", ["A-1", "A-2", "A-10"]),
        ("MetaData.LastUpdatedTime > '2026-11-20T16:00:00Z'", []),
    ],
)
def test_conditions(stocked: App, where: str, wanted: list[str]) -> None:
    assert numbers(stocked, f"SELECT * FROM Invoice WHERE {where}") == wanted


def test_escapes(stocked: App) -> None:
    assert names(stocked, r"SELECT * FROM Customer WHERE DisplayName = 'Amy\'s Bird Sanctuary'") == [
        "Amy's Bird Sanctuary"
    ]
    assert names(stocked, r"SELECT * FROM Customer WHERE DisplayName IN ('Back\\slash')") == ["Back\\slash"]
    broken = stocked.call("POST", "/query", r"SELECT * FROM Customer WHERE DisplayName = 'Back\'")
    assert broken.json()["Fault"]["Error"][0]["code"] == "4000"


def test_columns_that_exist_may_be_named(stocked: App) -> None:
    columns = "Id, DocNumber, TotalAmt, Balance, PrivateNote, MetaData.CreateTime, CustomerRef, Line.*"
    assert len(stocked.query(f"SELECT {columns} FROM Invoice")["Invoice"]) == 3
    assert len(stocked.query("SELECT DisplayName, SyncToken, sparse, domain FROM Customer")["Customer"]) == 5


def test_an_items_sku_is_only_told_when_it_is_asked_for(app: App) -> None:
    """The Python library's Item.all names it for that reason."""
    row = app.change("Item", app.get("Item", "1"), Sku="HRS")
    assert row["Sku"] == "HRS"
    assert "Sku" not in app.query("SELECT * FROM Item")["Item"][0]
    assert app.query("SELECT *, Sku FROM Item WHERE Sku = 'HRS'")["Item"][0]["Sku"] == "HRS"


def test_order_and_pages(stocked: App) -> None:
    assert numbers(stocked, "SELECT * FROM Invoice ORDERBY TotalAmt DESC") == ["A-2", "A-1", "A-10"]
    assert numbers(stocked, "SELECT * FROM Invoice ORDER BY TxnDate, DocNumber DESC") == ["A-2", "A-1", "A-10"]
    assert numbers(stocked, "SELECT * FROM Invoice ORDERBY Id STARTPOSITION 2 MAXRESULTS 1") == ["A-2"]
    assert stocked.query("SELECT * FROM Invoice STARTPOSITION 4") == {}


def test_a_page_is_a_hundred_unless_said_and_a_thousand_at_most(app: App, sandbox: QuickBooksSandbox) -> None:
    sandbox.limits.page_default, sandbox.limits.page = 1, 2
    assert len(app.query("SELECT * FROM Customer")["Customer"]) == 1
    assert len(app.query("SELECT * FROM Customer MAXRESULTS 2")["Customer"]) == 2
    answer = app.call("POST", "/query", "SELECT * FROM Customer MAXRESULTS 3")
    assert answer.json()["Fault"]["Error"][0]["code"] == "4001"


def test_inactive_rows_of_lists_are_left_out_unless_asked_for(stocked: App) -> None:
    row = stocked.query("SELECT * FROM Customer WHERE DisplayName = 'Zed % Co'")["Customer"][0]
    stocked.change("Customer", row, Active=False)
    assert "Zed % Co (deleted)" not in names(stocked, "SELECT * FROM Customer")
    assert names(stocked, "SELECT * FROM Customer WHERE Active = false") == ["Zed % Co (deleted)"]
    assert len(names(stocked, "SELECT * FROM Customer WHERE Active IN (true, false)")) == 5
    assert stocked.get("Customer", row["Id"])["Active"] is False


def test_references_carry_names_and_emails_can_be_asked_for(stocked: App) -> None:
    row = stocked.query("SELECT * FROM Invoice WHERE DocNumber = 'A-1'")["Invoice"][0]
    assert row["CustomerRef"] == {"value": "1", "name": "Alder Creek Dental LLC"}
    detail = row["Line"][0]["SalesItemLineDetail"]
    assert (detail["ItemRef"]["name"], detail["ItemAccountRef"]["name"]) == ("Hours", "Services")
    assert len(names(stocked, "SELECT * FROM Customer WHERE PrimaryEmailAddr = 'nora@alder.example'")) == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELEKT * FROM Invoice", "4000"),
        ("SELECT * FROM", "4000"),
        ("SELECT * FROM Invoice WHERE DocNumber = 'A' OR DocNumber = 'B'", "4000"),
        ("SELECT * FROM Invoice WHERE DocNumber ~ 'A'", "4000"),
        ("SELECT * FROM Invoice MAXRESULTS many", "4000"),
        ("SELECT * FROM Nonsense", "4001"),
        ("SELECT * FROM Invoice WHERE Colour = 'red'", "4001"),
        ("SELECT * FROM Invoice WHERE PrivateNote = 'x'", "4001"),
        ("SELECT * FROM Invoice WHERE Id > '1'", "4001"),
        ("SELECT * FROM Purchase WHERE AccountRef = '1'", "4001"),
        ("SELECT * FROM Bill WHERE DepartmentRef = '1'", "4001"),
        ("SELECT * FROM Bill ORDERBY Line", "4001"),
        ("SELECT * FROM Invoice WHERE TotalAmt > 'much'", "4001"),
        ("SELECT * FROM Invoice WHERE TxnDate > '2026-99-01'", "4001"),
        ("SELECT Id, Colour FROM Invoice", "4001"),
    ],
)
def test_queries_nobody_understands(app: App, text: str, code: str) -> None:
    answer = app.call("POST", "/query", text)
    assert (answer.status, answer.json()["Fault"]["Error"][0]["code"]) == (400, code)
