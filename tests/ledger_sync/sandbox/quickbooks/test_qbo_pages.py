"""The bookkeeper's pages: every one opens, a GET changes nothing, a form acts and leads back."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote, urlencode

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox
from practice.core import clock
from practice.core.sandbox.http import Request, Response
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App, unlimited


@pytest.fixture
def sandbox() -> QuickBooksSandbox:
    return unlimited(QuickBooksSandbox(company="vendor"))


class Browser:
    def __init__(self, sandbox: QuickBooksSandbox) -> None:
        self.sandbox = sandbox
        self.root = f"/books/{sandbox.realm_id}/"
        self.cookie = ""

    def get(self, path: str) -> Response:
        return self.sandbox.handle(Request.build("GET", path, {"Cookie": self.cookie}))

    def press(self, path: str, action: str, **form: str) -> str:
        """Send a form and follow it; returns the sentence shown."""
        answer = self.sandbox.handle(Request.build("POST", path, {}, urlencode({"action": action, **form})))
        assert answer.status == 303, answer.body
        self.cookie = answer.headers["Set-Cookie"].split(";")[0]
        page = self.get(answer.headers["Location"])
        assert page.status == 200
        self.cookie = ""
        notice = re.search(r'role="status">\s*([^<]+?)\s*</p>', page.body.decode())
        assert notice, page.body.decode()
        return notice[1]

    def rows(self, kind: str) -> list[dict[str, Any]]:
        return list(self.sandbox.books(self.sandbox.realm_id).table(kind).values())


@pytest.fixture
def browser(sandbox: QuickBooksSandbox) -> Browser:
    return Browser(sandbox)


def test_every_link_leads_to_a_page_and_changes_nothing(browser: Browser) -> None:
    before = browser.sandbox.dump()
    waiting, seen = ["/"], set()
    while waiting:
        path = waiting.pop()
        page = browser.get(path)
        assert page.status == 200, path
        seen.add(path)
        text = page.body.decode()
        assert "Sandbox ledger (QuickBooks)" in text
        for link in (found.replace("&amp;", "&") for found in re.findall(r'href="(/[^"]*)"', text)):
            if link not in seen and link not in waiting:
                waiting.append(link)
    assert len(seen) > 70
    assert browser.sandbox.dump() == before


def test_pages_that_do_not_exist(browser: Browser) -> None:
    for path in (
        "/books/nobody/",
        browser.root + "nonsense/",
        browser.root + "invoices/x/",
        browser.root + "accounts/999/",
    ):
        assert browser.get(path).status == 404, path
    assert browser.sandbox.handle(Request.build("POST", browser.root + "settings/", {}, "action=explode")).status == 404


def test_a_form_of_another_site_is_refused(browser: Browser) -> None:
    headers = {"Origin": "https://evil.example", "Host": "127.0.0.1:9000"}
    answer = browser.sandbox.handle(Request.build("POST", browser.root + "settings/", headers, "action=disconnect"))
    assert answer.status == 403


def test_an_invoice_is_edited_paid_taken_off_and_voided(browser: Browser) -> None:
    row = next(row for row in browser.rows("Invoice") if row["Balance"] == row["TotalAmt"] != "0.00")
    path = f"{browser.root}invoices/{row['Id']}/"
    assert (
        browser.press(path, "line", line="1", Amount="10", Description="Less") == "Line saved. The total is now 10.00."
    )
    assert browser.press(path, "save", DueDate="2027-01-31", PrivateNote="PO 7") == "Invoice saved."
    assert browser.press(path, "pay", amount="11") == (
        "Business Validation Error: You can&#x27;t apply more than the open balance of the transaction."
    )
    assert browser.press(path, "pay", amount="", account="Checking", reference="CHK 9") == "Payment of 10.00 recorded."
    payment = browser.rows("Payment")[-1]["Id"]
    pays = f"{browser.root}payments/{payment}/"
    back = {"back": path}
    assert browser.press(pays, "unapply", **back) == "Payment taken off its invoices; the money is unapplied."
    assert browser.press(pays, "void", **back) == "Payment voided. Its invoices are due again."
    assert browser.press(pays, "delete", back=browser.root + "payments/").startswith("Payment deleted.")
    assert browser.press(path, "credit", amount="5", reason="Goodwill") == "Credit memo of 5.00 applied."
    assert browser.press(path, "delete").startswith("Unlink the payments")
    assert browser.press(path, "void") == "Invoice voided."
    assert browser.press(path, "pay", amount="x") == "Enter an amount, such as 110.00."
    other = next(row for row in browser.rows("Invoice") if not row["_applied"] and row["Balance"] != "0.00")
    gone = browser.sandbox.handle(
        Request.build("POST", f"{browser.root}invoices/{other['Id']}/", {}, "action=delete&back=/books/")
    )
    assert gone.status == 303


def test_customers_are_edited_deactivated_and_merged(browser: Browser) -> None:
    first = next(
        row for row in browser.rows("Customer") if not browser.sandbox.books(browser.sandbox.realm_id).owes(row["Id"])
    )
    path = f"{browser.root}customers/{first['Id']}/"
    assert browser.press(path, "save", DisplayName="New name", email="new@new.example", phone="1") == "Customer saved."
    assert (
        browser.press(path, "save", email="wrong") == "Email Address does not conform to the syntax rules of RFC 822."
    )
    assert browser.press(path, "archive") == "Customer made inactive."
    assert browser.press(path, "restore") == "Customer made active."
    survivor = browser.rows("Customer")[-1]["Id"]
    assert browser.press(path, "merge", survivor=survivor) == "Customer merged and made inactive."


def test_accounts_and_settings(browser: Browser) -> None:
    key = browser.sandbox.books(browser.sandbox.realm_id).holder("Account", "Services")
    accounts = browser.root + "accounts/"
    assert browser.press(f"{accounts}{key}/", "archive", back=accounts) == "Account Services (deleted) made inactive."
    assert browser.press(f"{accounts}{key}/", "restore", back=accounts) == "Account Services made active."
    settings = browser.root + "settings/"
    assert browser.press(settings, "close", closed="2026-10-31") == "Closing date saved."
    assert browser.press(settings, "close", closed="") == "Closing date saved."


def test_a_class_is_renamed_and_documents_follow(browser: Browser) -> None:
    app = App(browser.sandbox)
    line = app.line(5, ClassRef={"value": "1"}, TaxCodeRef={"value": "NON"})
    row = app.post("Invoice", {"CustomerRef": {"value": "1"}, "Line": [line]})
    lists = browser.root + "lists/"
    assert browser.press(f"{lists}1/", "rename", kind="Class", name="Taxes", back=lists) == "Renamed to Taxes."
    detail = app.again("Invoice", row)["Line"][0]["SalesItemLineDetail"]
    assert detail["ClassRef"] == {"value": "1", "name": "Taxes"}
    taken = browser.press(f"{lists}2/", "rename", kind="Class", name="Taxes", back=lists)
    assert taken.startswith("The name supplied already exists.")
    assert browser.press(f"{lists}1/", "rename", kind="Robot", name="x", back=lists).startswith("Choose a class")
    assert browser.press(f"{lists}1/", "rename", kind="Department", name="Town", back=lists) == "Renamed to Town."


def test_numbers_subscription_and_clock(browser: Browser) -> None:
    app = App(browser.sandbox)
    settings = browser.root + "settings/"
    body = {"CustomerRef": {"value": "1"}, "Line": [app.line(5)]}
    assert browser.press(settings, "numbers", custom="0") == "Custom transaction numbers are off."
    assert app.post("Invoice", body)["DocNumber"]
    assert browser.press(settings, "subscription", subscription="end").startswith("The subscription has ended.")
    assert app.code("Invoice", body) == "6190"
    assert browser.press(settings, "subscription", subscription="renew") == "The subscription is renewed."
    before = clock.now()
    assert browser.press(settings, "clock", days="3").startswith("The sandbox&#x27;s clock stands at")
    assert (clock.now() - before).days == 3
    assert browser.press(settings, "clock", days="0") == "Move the clock on by 1 to 366 days."


def test_companies_have_pages_in_their_own_currency(browser: Browser) -> None:
    page = browser.get("/books/").body.decode()
    assert page.count('href="/books/') >= 3
    abroad = list(browser.sandbox.store.table("_tenants"))[2]
    assert "Balance, AUD" in browser.get(f"/books/{abroad}/").body.decode()


def test_disconnecting_locks_the_app_out(browser: Browser) -> None:
    app = App(browser.sandbox)
    assert app.call("GET", "/preferences").status == 200
    assert browser.press(browser.root + "settings/", "disconnect") == "Countersign is disconnected."
    assert app.call("GET", "/preferences").status == 401


def test_the_notice_is_only_in_the_cookie(browser: Browser) -> None:
    answer = browser.sandbox.handle(Request.build("POST", browser.root + "settings/", {}, "action=close"))
    cookie = answer.headers["Set-Cookie"]
    assert unquote(cookie).startswith("qbo_books=Closing date saved.")
    assert "HttpOnly" in cookie
    page = browser.sandbox.handle(Request.build("GET", browser.root, {"Cookie": cookie.split(";")[0]}))
    assert "Max-Age=0" in page.headers["Set-Cookie"]
