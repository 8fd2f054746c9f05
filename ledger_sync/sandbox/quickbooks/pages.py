"""The bookkeeper's pages under ``/books/<company>/``: a GET shows, a POST acts and leads back with a 303."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from django.template.loader import render_to_string

from ledger_sync.sandbox.quickbooks import wire
from ledger_sync.sandbox.quickbooks.bookkeeper import BANK, Bookkeeper
from ledger_sync.sandbox.quickbooks.books import BOOKKEEPER
from ledger_sync.sandbox.quickbooks.errors import Invalid, Problem, Refused
from ledger_sync.sandbox.quickbooks.screens import LISTED, SCREENS, Context, amount
from ledger_sync.sandbox.quickbooks.wire import Row
from practice.core.sandbox import hand
from practice.core.sandbox.http import Request, Response

if TYPE_CHECKING:
    from ledger_sync.sandbox.quickbooks.app import QuickBooksSandbox

FOLDER = "ledger_sync/sandbox/quickbooks"
#: Holds nothing but the sentence to show after an action; nobody signs in here.
COOKIE = "qbo_books"
NAVIGATION = (
    ("", "Overview"),
    ("invoices/", "Invoices"),
    ("customers/", "Customers"),
    ("payments/", "Payments"),
    ("accounts/", "Chart of accounts"),
    ("lists/", "Lists"),
    ("settings/", "Settings"),
)


class Pages:
    """The screens of every company in the sandbox."""

    def __init__(self, sandbox: QuickBooksSandbox) -> None:
        self.sandbox = sandbox

    def answer(self, request: Request) -> Response:
        """Answer a browser."""
        parts = [part for part in request.path.split("/") if part][1:]
        try:
            with self.sandbox.store.lock:
                if not parts:
                    return self._companies()
                if parts[0] not in self.sandbox.store.table("_tenants"):
                    raise _nowhere()
                realm, name, key = [*parts, "", ""][:3]
                if request.method == "POST":
                    return self._act(request, realm, name, key)
                return self._show(request, realm, name, key)
        except (Refused, Invalid):
            context = {"title": "There is no such page", "text": "It may have been removed, or the address is wrong."}
            return Response.of_html(render_to_string(f"{FOLDER}/refused.html", context), 404)

    def _companies(self) -> Response:
        rows = [
            {"id": realm, "name": self.sandbox.books(realm).company["CompanyName"]}
            for realm in self.sandbox.store.table("_tenants")
        ]
        return Response.of_html(render_to_string(f"{FOLDER}/companies.html", {"companies": rows}))

    def _show(self, request: Request, realm: str, name: str, key: str) -> Response:
        screen = SCREENS.get((name, bool(key)))
        if screen is None:
            raise _nowhere()
        template, fill = screen
        books = self.sandbox.books(realm)
        notice = unquote(request.cookie(COOKIE))
        context: Context = {
            **fill(books, self.sandbox.identity, key, dict(request.query)),
            "company": books.company["CompanyName"],
            "person": BOOKKEEPER,
            "currency": books.home,
            "root": f"/books/{realm}/",
            "navigation": [{"path": path, "word": word, "here": path.strip("/") == name} for path, word in NAVIGATION],
            "notice": notice.removeprefix("!"),
            "notice_bad": notice.startswith("!"),
        }
        response = Response.of_html(render_to_string(f"{FOLDER}/{template}.html", context))
        if notice:
            response.headers["Set-Cookie"] = f"{COOKIE}=; Path=/books; Max-Age=0"
        return response

    def _act(self, request: Request, realm: str, name: str, key: str) -> Response:
        """Do what a form asks. A form of another site is refused, as browsers name where a POST comes from."""
        origin, host = request.headers.get("origin", ""), request.headers.get("host", "")
        if origin and host and origin.partition("://")[2] != host:
            return Response.of_html("<p>This form belongs to another site.</p>", 403)
        form = {field: value.strip() for field, value in request.form().items()}
        action = ACTIONS.get((name, form.get("action", "")))
        if action is None:
            raise _nowhere()
        try:
            notice = action(self.sandbox.bookkeeper_of(realm), key, form)
        except Invalid as invalid:
            notice = "!" + " ".join(problem.detail for problem in invalid.problems)
        back = f"/books/{realm}/{name}/" + (f"{quote(key)}/" if key and (name, True) in SCREENS else "")
        wanted = form.get("back", "")
        if wanted.startswith("/books/") and wanted.isascii() and wanted.isprintable():
            back = wanted
        cookie = f"{COOKIE}={quote(notice)}; Path=/books; HttpOnly; SameSite=Lax"
        return Response(303, b"", {"Location": back, "Set-Cookie": cookie})


def _nowhere() -> Refused:
    return Refused(Response(404))


# What each form does; each returns the sentence to show.

Form = dict[str, str]
Action = Callable[[Bookkeeper, str, Form], str]


def _number(form: Form, name: str) -> Decimal:
    value = wire.as_number(form.get(name, "").replace(",", ""))
    if value is None:
        raise Invalid(Problem("", "", "Enter an amount, such as 110.00."))
    return value


def _save_customer(keeper: Bookkeeper, key: str, form: Form) -> str:
    fields: Row = {name: form[name] for name in ("DisplayName", "GivenName", "FamilyName") if name in form}
    fields["PrimaryEmailAddr"] = {"Address": form.get("email", "")}
    fields["PrimaryPhone"] = {"FreeFormNumber": form.get("phone", "")}
    keeper.edit_customer(key, fields)
    return "Customer saved."


def _archive_customer(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.archive_customer(key)
    return "Customer made inactive."


def _restore_customer(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.restore_customer(key)
    return "Customer made active."


def _merge_customer(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.merge_customers(key, form.get("survivor", ""))
    return "Customer merged and made inactive."


def _save_invoice(keeper: Bookkeeper, key: str, form: Form) -> str:
    fields: Row = {name: form[name] for name in ("DueDate", "TxnDate") if form.get(name)}
    keeper.edit_invoice(key, {**fields, "PrivateNote": form.get("PrivateNote", "")})
    return "Invoice saved."


def _save_line(keeper: Bookkeeper, key: str, form: Form) -> str:
    fields = {"Amount": _number(form, "Amount"), "Description": form.get("Description", "")}
    row = keeper.edit_line(key, form.get("line", ""), fields)
    return f"Line saved. The total is now {amount(row['TotalAmt'])}."


def _void(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.void_invoice(key)
    return "Invoice voided."


def _delete_invoice(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.delete_invoice(key)
    return "Invoice deleted."


def _pay(keeper: Bookkeeper, key: str, form: Form) -> str:
    given = _number(form, "amount") if form.get("amount") else None
    row = keeper.record_payment(
        key, given, account=form.get("account") or BANK, date=form.get("date", ""), reference=form.get("reference", "")
    )
    return f"Payment of {amount(row['TotalAmt'])} recorded."


def _credit(keeper: Bookkeeper, key: str, form: Form) -> str:
    row = keeper.credit(key, _number(form, "amount"), reason=form.get("reason") or "Credit")
    return f"Credit memo of {amount(row['TotalAmt'])} applied."


def _void_payment(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.void_payment(key)
    return "Payment voided. Its invoices are due again."


def _delete_payment(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.delete_payment(key)
    return "Payment deleted. Its invoices are due again."


def _unapply(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.edit_payment(key, {"Line": []})
    return "Payment taken off its invoices; the money is unapplied."


def _archive_account(keeper: Bookkeeper, key: str, form: Form) -> str:
    row = keeper.archive_account(key)
    return f"Account {row['Name']} made inactive."


def _restore_account(keeper: Bookkeeper, key: str, form: Form) -> str:
    row = keeper.restore_account(key)
    return f"Account {row['Name']} made active."


def _close(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.close_books(wire.as_date(form.get("closed")))
    return "Closing date saved."


def _rename(keeper: Bookkeeper, key: str, form: Form) -> str:
    kind = form.get("kind", "")
    if kind not in dict(LISTED):
        raise Invalid(Problem("", "", "Choose a class, a location or an item."))
    row = keeper.rename(kind, key, form.get("name", ""))
    return f"Renamed to {row['Name']}."


def _numbers(keeper: Bookkeeper, key: str, form: Form) -> str:
    custom = form.get("custom") == "1"
    keeper.set_preference("SalesFormsPrefs", "CustomTxnNumbers", custom)
    return f"Custom transaction numbers are {'on' if custom else 'off'}."


def _subscription(keeper: Bookkeeper, key: str, form: Form) -> str:
    if form.get("subscription") == "end":
        keeper.end_subscription()
        return "The subscription has ended. Apps can read the books and change nothing."
    keeper.renew_subscription()
    return "The subscription is renewed."


def _clock(keeper: Bookkeeper, key: str, form: Form) -> str:
    days = _number(form, "days")
    if not 0 < days <= 366:
        raise Invalid(Problem("", "", "Move the clock on by 1 to 366 days."))
    now = hand.turn(keeper.books.store, {"advance_seconds": int(days * 86_400)})
    return f"The sandbox's clock stands at {str(now['now'])[:16].replace('T', ' ')} UTC."


def _disconnect(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.disconnect()
    return f"{keeper.identity.app.name} is disconnected."


ACTIONS: dict[tuple[str, str], Action] = {
    ("customers", "save"): _save_customer,
    ("customers", "archive"): _archive_customer,
    ("customers", "restore"): _restore_customer,
    ("customers", "merge"): _merge_customer,
    ("invoices", "save"): _save_invoice,
    ("invoices", "line"): _save_line,
    ("invoices", "void"): _void,
    ("invoices", "delete"): _delete_invoice,
    ("invoices", "pay"): _pay,
    ("invoices", "credit"): _credit,
    ("payments", "void"): _void_payment,
    ("payments", "delete"): _delete_payment,
    ("payments", "unapply"): _unapply,
    ("accounts", "archive"): _archive_account,
    ("accounts", "restore"): _restore_account,
    ("settings", "close"): _close,
    ("settings", "disconnect"): _disconnect,
    ("settings", "numbers"): _numbers,
    ("settings", "subscription"): _subscription,
    ("settings", "clock"): _clock,
    ("lists", "rename"): _rename,
}
