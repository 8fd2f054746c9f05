"""The bookkeeper's pages: every one opens, a GET changes nothing, a form acts and leads back."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlencode

import pytest

from ledger_sync.sandbox.xero import XeroSandbox
from practice.core import clock
from practice.core.sandbox.http import Request, Response
from tests.ledger_sync.sandbox.xero.xero_app import App, unlimited


@pytest.fixture
def sandbox() -> XeroSandbox:
    return unlimited(XeroSandbox(company="vendor"))


class Browser:
    def __init__(self, sandbox: XeroSandbox) -> None:
        self.sandbox = sandbox
        self.root = f"/books/{sandbox.tenant_id}/"
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


@pytest.fixture
def browser(sandbox: XeroSandbox) -> Browser:
    return Browser(sandbox)


def rows(sandbox: XeroSandbox, kind: str, **wanted: str) -> list[dict[str, str]]:
    table = sandbox.books(sandbox.tenant_id).table(kind).values()
    return [row for row in table if all(row.get(key) == value for key, value in wanted.items())]


def test_every_link_leads_to_a_page_and_changes_nothing(browser: Browser) -> None:
    before = browser.sandbox.dump()
    waiting, seen = ["/"], set()
    while waiting:
        path = waiting.pop()
        page = browser.get(path)
        assert page.status == 200, path
        seen.add(path)
        text = page.body.decode()
        assert "Sandbox ledger (Xero)" in text
        assert "<title>" in text
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
        browser.root + "accounts/200/",
    ):
        assert browser.get(path).status == 404, path
    assert browser.sandbox.handle(Request.build("POST", browser.root + "settings/", {}, "action=explode")).status == 404


def test_a_form_of_another_site_is_refused(browser: Browser) -> None:
    headers = {"Origin": "https://evil.example", "Host": "127.0.0.1:9000"}
    answer = browser.sandbox.handle(Request.build("POST", browser.root + "settings/", headers, "action=disconnect"))
    assert answer.status == 403


def test_an_invoice_is_edited_paid_and_its_payment_deleted(browser: Browser) -> None:
    row = next(
        row
        for row in rows(browser.sandbox, "Invoices", Status="AUTHORISED", Type="ACCREC")
        if not row["_payments"] and not row["_allocations"]
    )
    path = f"{browser.root}invoices/{row['InvoiceID']}/"
    line = row["LineItems"][0]["LineItemID"]  # type: ignore[index]
    saved = browser.press(path, "line", line=line, UnitAmount="10", AccountCode="210", Description="Less")
    assert saved.startswith("Line saved. The total is now ")
    assert browser.press(path, "save", DueDate="2027-01-31", Reference="PO 7") == "Invoice saved."
    due = rows(browser.sandbox, "Invoices", InvoiceID=row["InvoiceID"])[0]["AmountDue"]
    assert browser.press(path, "pay", amount="", account="090") == f"Payment of {due} recorded."
    paid = rows(browser.sandbox, "Invoices", InvoiceID=row["InvoiceID"])[0]
    assert paid["Status"] == "PAID"
    assert "because it has payments" in browser.press(path, "void")
    key = paid["_payments"][0]
    assert browser.press(f"{browser.root}payments/{key}/", "delete") == "Payment deleted. The invoice is due again."
    assert browser.press(path, "credit", amount="5", account="480", reason="Goodwill").startswith("Credit note CN-")
    text = browser.get(path).body.decode()
    assert "Rhona Blake" in text
    assert "Payment Deleted" in text


def test_states_by_buttons(browser: Browser) -> None:
    draft, other = (row["InvoiceID"] for row in rows(browser.sandbox, "Invoices", Status="DRAFT")[:2])
    path = f"{browser.root}invoices/{draft}/"
    assert browser.press(path, "approve") == "Invoice approved."
    assert browser.press(path, "void") == "Invoice voided."
    assert browser.press(f"{browser.root}invoices/{other}/", "delete") == "Invoice deleted."
    assert browser.press(path, "void") == "Invoice not of valid status for modification"


def test_contacts_are_edited_archived_and_merged(browser: Browser) -> None:
    first, second = (row["ContactID"] for row in rows(browser.sandbox, "Contacts")[:2])
    path = f"{browser.root}contacts/{first}/"
    assert browser.press(path, "save", Name="New name", EmailAddress="new@new.example") == "Contact saved."
    assert browser.press(path, "save", EmailAddress="wrong") == "Email address must be valid."
    assert browser.press(path, "receive", amount="50", account="200").startswith("Received 50.00")
    assert browser.press(path, "archive") == "Contact archived."
    assert browser.press(path, "restore") == "Contact restored."
    assert browser.press(path, "merge", survivor=second) == "Contact merged and archived."
    assert browser.press(path, "receive", amount="x") == "Enter an amount, such as 110.00."


def test_the_clock_moves_on(browser: Browser) -> None:
    before, settings = clock.now(), browser.root + "settings/"
    assert browser.press(settings, "clock", days="3").startswith("The sandbox&#x27;s clock stands at")
    assert (clock.now() - before).days == 3
    moved = clock.now()
    for wrong in ("0", "367", "soon"):
        assert browser.press(settings, "clock", days=wrong) == "Move the clock on by 1 to 366 days."
    assert (clock.now() - moved).days == 0


def test_settings_accounts_and_repeating_invoices(browser: Browser) -> None:
    settings = browser.root + "settings/"
    assert browser.press(settings, "lock", period="2026-10-31", year_end="") == "Lock dates saved."
    assert browser.sandbox.books(browser.sandbox.tenant_id).organisation["PeriodLockDate"] == "2026-10-31"
    assert (
        browser.press(settings, "rename", category="Office", option="Remote", name="Home") == "Tracking option renamed."
    )
    assert browser.press(settings, "archive_option", category="Office", option="Home") == "Tracking option archived."
    assert browser.press(settings, "restore_option", category="Office", option="Home") == "Tracking option restored."
    assert (
        browser.press(browser.root + "accounts/200/", "archive", back=browser.root + "accounts/")
        == "Account 200 Sales archived."
    )
    assert (
        browser.press(browser.root + "accounts/610/", "archive", back=settings) == "System accounts cannot be archived."
    )
    repeating = rows(browser.sandbox, "RepeatingInvoices")[0]["RepeatingInvoiceID"]
    assert browser.press(browser.root + "repeating/", "run", id=repeating).startswith("Invoice INV-")


def test_disconnecting_locks_the_app_out(browser: Browser) -> None:
    app = App(browser.sandbox)
    assert app.call("GET", "/Organisation").status == 200
    assert browser.press(browser.root + "settings/", "disconnect") == "Countersign is disconnected."
    assert app.call("GET", "/Organisation").status == 403


def test_the_plan_is_changed_by_a_button(browser: Browser) -> None:
    assert browser.press(browser.root + "settings/", "subscribe") == "The plan for Countersign has changed."
    assert browser.sandbox.store.table("_subscriptions")


def test_the_customers_page(browser: Browser) -> None:
    app = App(browser.sandbox)
    row = rows(browser.sandbox, "Invoices", Status="AUTHORISED", Type="ACCREC")[0]
    url = app.get(f"/Invoices/{row['InvoiceID']}/OnlineInvoice", "OnlineInvoices")[0]["OnlineInvoiceUrl"]
    assert row["InvoiceNumber"] in browser.get(url.removeprefix("http://xero.test")).body.decode()


def test_the_notice_is_only_in_the_cookie(browser: Browser) -> None:
    answer = browser.sandbox.handle(Request.build("POST", browser.root + "settings/", {}, "action=lock"))
    cookie = answer.headers["Set-Cookie"]
    assert unquote(cookie).startswith("xero_books=Lock dates saved.")
    assert "HttpOnly" in cookie
    page = browser.sandbox.handle(Request.build("GET", browser.root, {"Cookie": cookie.split(";")[0]}))
    assert "Max-Age=0" in page.headers["Set-Cookie"]
