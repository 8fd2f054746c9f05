"""The bookkeeper's pages under ``/books/<organisation>/``: a GET shows, a POST acts and leads back with a 303."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from django.template.loader import render_to_string

from ledger_sync.sandbox.xero import invoices, wire
from ledger_sync.sandbox.xero.bookkeeper import Bookkeeper
from ledger_sync.sandbox.xero.books import BOOKKEEPER
from ledger_sync.sandbox.xero.errors import Invalid, Refused, not_found
from ledger_sync.sandbox.xero.screens import SCREENS, Context, amount
from ledger_sync.sandbox.xero.settings import Limits
from ledger_sync.sandbox.xero.wire import Row
from practice.core.sandbox import hand
from practice.core.sandbox.http import Request, Response

if TYPE_CHECKING:
    from ledger_sync.sandbox.xero.app import XeroSandbox

FOLDER = "ledger_sync/sandbox/xero"
#: Holds nothing but the sentence to show after an action; nobody signs in here.
COOKIE = "xero_books"
NAVIGATION = (
    ("", "Overview"),
    ("invoices/", "Invoices"),
    ("contacts/", "Contacts"),
    ("payments/", "Payments"),
    ("accounts/", "Accounts"),
    ("repeating/", "Repeating invoices"),
    ("settings/", "Settings"),
)


class Pages:
    """The screens of every organisation in the sandbox."""

    def __init__(self, sandbox: XeroSandbox) -> None:
        self.sandbox = sandbox

    def answer(self, request: Request) -> Response:
        """Answer a browser."""
        parts = [part for part in request.path.split("/") if part][1:]
        try:
            with self.sandbox.store.lock:
                if not parts:
                    return self._organisations()
                if parts[0].lower() not in self.sandbox.store.table("_tenants"):
                    raise not_found()
                tenant, name, key = [*parts, "", ""][:3]
                tenant = tenant.lower()
                if request.method == "POST":
                    return self._act(request, tenant, name, key)
                return self._show(request, tenant, name, key)
        except Refused:
            context = {"title": "There is no such page", "text": "It may have been removed, or the address is wrong."}
            return Response.of_html(render_to_string(f"{FOLDER}/refused.html", context), 404)

    def _organisations(self) -> Response:
        rows = [{"id": row["OrganisationID"], "name": row["Name"]} for row in self.sandbox.identity.organisations()]
        return Response.of_html(render_to_string(f"{FOLDER}/organisations.html", {"organisations": rows}))

    def _show(self, request: Request, tenant: str, name: str, key: str) -> Response:
        screen = SCREENS.get((name, bool(key)))
        if screen is None:
            raise not_found()
        template, fill = screen
        books = self.sandbox.books(tenant)
        notice = unquote(request.cookie(COOKIE))
        context: Context = {
            **fill(books, self.sandbox.identity, key, dict(request.query)),
            "company": books.organisation["Name"],
            "person": BOOKKEEPER,
            "root": f"/books/{tenant}/",
            "here": name,
            "navigation": [{"path": path, "word": word, "here": path.strip("/") == name} for path, word in NAVIGATION],
            "notice": notice.removeprefix("!"),
            "notice_bad": notice.startswith("!"),
            "currency": books.organisation["BaseCurrency"],
        }
        response = Response.of_html(render_to_string(f"{FOLDER}/{template}.html", context))
        if notice:
            response.headers["Set-Cookie"] = f"{COOKIE}=; Path=/books; Max-Age=0"
        return response

    def _act(self, request: Request, tenant: str, name: str, key: str) -> Response:
        """Do what a form asks. A form of another site is refused, as browsers name where a POST comes from."""
        origin, host = request.headers.get("origin", ""), request.headers.get("host", "")
        if origin and host and urlsplit(origin).netloc != host:
            return Response.of_html("<p>This form belongs to another site.</p>", 403)
        form = {field: value.strip() for field, value in request.form().items()}
        action = ACTIONS.get((name, form.get("action", "")))
        if action is None:
            raise not_found()
        try:
            notice = action(self.sandbox.bookkeeper_of(tenant), key, form)
        except Invalid as invalid:
            notice = "!" + " ".join(invalid.messages)
        back = f"/books/{tenant}/{name}/" + (f"{quote(key)}/" if key and (name, True) in SCREENS else "")
        if form.get("back", "").startswith("/books/"):
            back = form["back"]
        cookie = f"{COOKIE}={quote(notice)}; Path=/books; HttpOnly; SameSite=Lax"
        return Response(303, b"", {"Location": back, "Set-Cookie": cookie})

    def online_invoice(self, key: str) -> Response:
        """The page a customer sees. Raises Refused with 404."""
        for tenant in self.sandbox.store.table("_tenants"):
            books = self.sandbox.books(tenant)
            for row in books.table("Invoices").values():
                if row["InvoiceID"].replace("-", "") == key and row["Status"] in ("AUTHORISED", "PAID"):
                    shown = invoices.show(books, row, "one")
                    sums = {name: amount(row[name]) for name in ("SubTotal", "TotalTax", "Total", "AmountDue")}
                    context = {"company": books.organisation["Name"], "invoice": shown, "sums": sums}
                    return Response.of_html(render_to_string(f"{FOLDER}/online.html", context))
        raise not_found()


# What each form does; each returns the sentence to show.

Form = dict[str, str]
Action = Callable[[Bookkeeper, str, Form], str]


def _number(form: Form, name: str) -> Decimal:
    value = wire.as_number(form.get(name, "").replace(",", ""))
    if value is None or value.adjusted() >= Limits.number_digits:
        raise Invalid("Enter an amount, such as 110.00.")
    return value


def _save_contact(keeper: Bookkeeper, key: str, form: Form) -> str:
    fields: Row = {name: form[name] for name in ("Name", "EmailAddress", "FirstName", "LastName") if name in form}
    keeper.edit_contact(key, fields)
    return "Contact saved."


def _archive_contact(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.archive_contact(key)
    return "Contact archived."


def _restore_contact(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.restore_contact(key)
    return "Contact restored."


def _merge_contact(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.merge_contacts(key, form.get("survivor", ""))
    return "Contact merged and archived."


def _receive(keeper: Bookkeeper, key: str, form: Form) -> str:
    row = keeper.receive_money(
        key, _number(form, "amount"), account_code=form.get("account", ""), reference=form.get("reference", "")
    )
    return f"Received {amount(row['Total'])} straight to account {form.get('account', '')}."


def _save_invoice(keeper: Bookkeeper, key: str, form: Form) -> str:
    fields: Row = {name: form[name] for name in ("DueDate", "Date", "Reference") if form.get(name)}
    keeper.edit_invoice(key, fields)
    return "Invoice saved."


def _save_line(keeper: Bookkeeper, key: str, form: Form) -> str:
    fields = {"UnitAmount": _number(form, "UnitAmount"), "AccountCode": form.get("AccountCode", "")}
    row = keeper.edit_line(key, form.get("line", ""), {**fields, "Description": form.get("Description", "")})
    return f"Line saved. The total is now {amount(row['Total'])}."


def _approve(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.approve_invoice(key)
    return "Invoice approved."


def _void(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.void_invoice(key)
    return "Invoice voided."


def _delete(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.delete_invoice(key)
    return "Invoice deleted."


def _pay(keeper: Bookkeeper, key: str, form: Form) -> str:
    given = _number(form, "amount") if form.get("amount") else None
    row = keeper.record_payment(
        key,
        given,
        account_code=form.get("account") or "090",
        date=form.get("date", ""),
        reference=form.get("reference", ""),
    )
    return f"Payment of {amount(row['Amount'])} recorded."


def _credit(keeper: Bookkeeper, key: str, form: Form) -> str:
    reason = form.get("reason") or "Write-off"
    row = keeper.credit(key, _number(form, "amount"), account_code=form.get("account", ""), reason=reason)
    return f"Credit note {row['CreditNoteNumber']} of {amount(row['Total'])} applied."


def _delete_payment(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.delete_payment(key)
    return "Payment deleted. The invoice is due again."


def _reconcile(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.reconcile(key)
    return "Payment reconciled."


def _archive_account(keeper: Bookkeeper, key: str, form: Form) -> str:
    row = keeper.archive_account(key)
    return f"Account {row['Code']} {row['Name']} archived."


def _restore_account(keeper: Bookkeeper, key: str, form: Form) -> str:
    row = keeper.restore_account(key)
    return f"Account {row['Code']} {row['Name']} restored."


def _lock(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.set_lock_dates(wire.as_date(form.get("period")), wire.as_date(form.get("year_end")))
    return "Lock dates saved."


def _rename(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.rename_option(form.get("category", ""), form.get("option", ""), form.get("name", ""))
    return "Tracking option renamed."


def _archive_option(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.archive_option(form.get("category", ""), form.get("option", ""))
    return "Tracking option archived."


def _restore_option(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.restore_option(form.get("category", ""), form.get("option", ""))
    return "Tracking option restored."


def _disconnect(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.disconnect()
    return f"{keeper.identity.app.name} is disconnected."


def _subscribe(keeper: Bookkeeper, key: str, form: Form) -> str:
    keeper.change_subscription()
    return f"The plan for {keeper.identity.app.name} has changed."


def _clock(keeper: Bookkeeper, key: str, form: Form) -> str:
    days = wire.as_number(form.get("days"))
    if days is None or not 0 < days <= 366:
        raise Invalid("Move the clock on by 1 to 366 days.")
    now = hand.turn(keeper.books.store, {"advance_seconds": int(days * 86_400)})
    return f"The sandbox's clock stands at {str(now['now'])[:16].replace('T', ' ')} UTC."


def _run(keeper: Bookkeeper, key: str, form: Form) -> str:
    row = keeper.run_repeating_invoice(form.get("id", ""))
    return f"Invoice {row['InvoiceNumber']} made."


ACTIONS: dict[tuple[str, str], Action] = {
    ("contacts", "save"): _save_contact,
    ("contacts", "archive"): _archive_contact,
    ("contacts", "restore"): _restore_contact,
    ("contacts", "merge"): _merge_contact,
    ("contacts", "receive"): _receive,
    ("invoices", "save"): _save_invoice,
    ("invoices", "line"): _save_line,
    ("invoices", "approve"): _approve,
    ("invoices", "void"): _void,
    ("invoices", "delete"): _delete,
    ("invoices", "pay"): _pay,
    ("invoices", "credit"): _credit,
    ("payments", "delete"): _delete_payment,
    ("payments", "reconcile"): _reconcile,
    ("accounts", "archive"): _archive_account,
    ("accounts", "restore"): _restore_account,
    ("settings", "lock"): _lock,
    ("settings", "rename"): _rename,
    ("settings", "archive_option"): _archive_option,
    ("settings", "restore_option"): _restore_option,
    ("settings", "clock"): _clock,
    ("settings", "disconnect"): _disconnect,
    ("settings", "subscribe"): _subscribe,
    ("repeating", "run"): _run,
}
