"""What the bookkeeper's pages show; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ledger_sync.sandbox.xero import accounts, banking, contacts, invoices, tracking, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import not_found
from ledger_sync.sandbox.xero.oauth import Identity
from ledger_sync.sandbox.xero.wire import Row
from practice.core import clock

Context = dict[str, Any]
#: The most rows a page lists; older ones are reached by filter.
MOST = 200


def amount(value: Decimal | str) -> str:
    """Money as people read it."""
    return f"{Decimal(value):,.2f}"


def _history(books: Books, key: str) -> list[Row]:
    """A document's history with the time as people read it."""
    return [{**record, "when": record["DateUTCString"].replace("T", " ")[:16]} for record in books.history(key)]


def _price(value: str) -> str:
    """A unit price with two places, or four where they matter."""
    return value[:-2] if value.endswith("00") and value[-5:-4] == "." else value


def _row(books: Books, kind: str, key: str) -> Row:
    row = books.get(kind, key)
    if row is None:
        raise not_found()
    return row


def home(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """Bank balances, what is owed both ways, and whether the app is connected."""
    open_rows = [row for row in books.table("Invoices").values() if row["Status"] == "AUTHORISED"]
    owed = sum((Decimal(row["AmountDue"]) for row in open_rows if row["Type"] == "ACCREC"), wire.ZERO)
    owing = sum((Decimal(row["AmountDue"]) for row in open_rows if row["Type"] == "ACCPAY"), wire.ZERO)
    return {
        "banks": [account for account in _accounts(books) if account["bank"]],
        "owed": amount(owed),
        "owing": amount(owing),
        "drafts": sum(row["Status"] in ("DRAFT", "SUBMITTED") for row in books.table("Invoices").values()),
        "connected": _connected(books, identity),
    }


def _connected(books: Books, identity: Identity) -> bool:
    return any(row["tenantId"] == books.tenant for row in identity.store.table("_connections").values())


def _accounts(books: Books) -> list[Context]:
    out = []
    for row in books.table("Accounts").values():
        if row["Status"] != "DELETED":
            bank = row["Type"] == "BANK"
            lines = banking.statement(books, row["AccountID"]) if bank else []
            balance = amount(lines[-1].balance if lines else wire.ZERO) if bank else ""
            shown = {key: row.get(key, "") for key in ("Code", "Name", "Type", "TaxType", "Status", "SystemAccount")}
            out.append({**shown, "bank": bank, "balance": balance, "active": row["Status"] == "ACTIVE"})
    return sorted(out, key=lambda account: account["Code"])


def contact_list(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """Contacts with what they owe; archived ones on request."""
    owed = contacts.balances(books)
    archived = query.get("archived") == "1"
    wanted = "ARCHIVED" if archived else "ACTIVE"
    rows = [row for row in books.table("Contacts").values() if row["ContactStatus"] == wanted]
    shown = [
        {
            "id": row["ContactID"],
            "name": row["Name"],
            "email": row.get("EmailAddress", ""),
            "balance": amount(owed.get(row["ContactID"], {}).get("AccountsReceivable", {}).get("Outstanding", "0.00")),
        }
        for row in sorted(rows, key=lambda row: row["Name"].casefold())
    ]
    return {"contacts": shown[:MOST], "archived": archived, "count": len(shown)}


def contact(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """One contact, its invoices and its history."""
    row = _row(books, "Contacts", key)
    others = [
        {"id": other["ContactID"], "name": other["Name"]}
        for other in books.table("Contacts").values()
        if other["ContactStatus"] == "ACTIVE" and other["ContactID"] != row["ContactID"]
    ]
    owed = contacts.balances(books).get(row["ContactID"], {}).get("AccountsReceivable", {}).get("Outstanding", "0.00")
    survivor = row.get("MergedToContactID")
    return {
        "contact": {"id": row["ContactID"], **row},
        "active": row["ContactStatus"] == "ACTIVE",
        "survivor": contacts.short(books, survivor) if survivor else None,
        "others": sorted(others, key=lambda other: str(other["name"]).casefold()),
        "balance": amount(owed),
        "invoices": [
            _invoice_line(books, one) for one in books.table("Invoices").values() if one["_contact"] == row["ContactID"]
        ],
        "history": _history(books, row["ContactID"]),
        "income": _coding(books, "REVENUE"),
    }


def _coding(books: Books, kind: str = "") -> list[Row]:
    rows = [row for row in books.table("Accounts").values() if row["Status"] == "ACTIVE" and row["Type"] != "BANK"]
    return [row for row in rows if not row.get("SystemAccount") and kind in ("", row["Class"])]


def _invoice_line(books: Books, row: Row) -> Context:
    today = books.today()
    return {
        "id": row["InvoiceID"],
        "number": row["InvoiceNumber"] or "–",
        "contact": contacts.short(books, row["_contact"])["Name"],
        "contact_id": row["_contact"],
        "type": row["Type"],
        "date": row["Date"],
        "due": row.get("DueDate", ""),
        "total": amount(row["Total"]),
        "amount_due": amount(row["AmountDue"]),
        "status": row["Status"],
        "late": row["Status"] == "AUTHORISED" and row.get("DueDate", today) < today,
    }


STATES = ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED")


def invoice_list(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """Invoices and bills, newest first, by state."""
    wanted, kind = query.get("status", ""), query.get("type", "ACCREC")
    rows = [row for row in books.table("Invoices").values() if row["Type"] == kind and wanted in ("", row["Status"])]
    rows.sort(key=lambda row: (row["Date"], row["InvoiceNumber"]), reverse=True)
    due = sum((Decimal(row["AmountDue"]) for row in rows if row["Status"] == "AUTHORISED"), wire.ZERO)
    lines = [_invoice_line(books, row) for row in rows[:MOST]]
    return {"invoices": lines, "count": len(rows), "states": STATES, "status": wanted, "type": kind, "due": amount(due)}


def invoice(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """One invoice with its lines, the money on it, its history, and what may be done to it."""
    row = _row(books, "Invoices", key)
    lines = [
        {
            **line,
            "Quantity": _price(line["Quantity"]),
            "UnitAmount": _price(line["UnitAmount"]),
            "LineAmount": amount(line["LineAmount"]),
            "TaxAmount": amount(line["TaxAmount"]),
            "tracking": ", ".join(pair["Option"] for pair in tracking.shown_on_line(books, line["_tracking"])),
        }
        for line in row["LineItems"]
    ]
    approved = row["Status"] == "AUTHORISED"
    empty = not row["_payments"] and not row["_allocations"]
    shown = invoices.show(books, row, "one")
    return {
        "invoice": {**row, **_invoice_line(books, row)},
        "lines": lines,
        "sums": {
            key: amount(row[key])
            for key in ("SubTotal", "TotalTax", "Total", "AmountPaid", "AmountCredited", "AmountDue")
        },
        "raw_due": row["AmountDue"],
        "payments": [_payment_line(books, books.table("Payments")[key]) for key in row["_payments"]],
        "credits": [*shown["CreditNotes"], *shown["Overpayments"], *shown["Prepayments"]],
        "history": _history(books, row["InvoiceID"]),
        "coding": _coding(books),
        "banks": [one for one in books.table("Accounts").values() if accounts.takes_payments(one)],
        "today": books.today(),
        "can_edit": empty and row["Status"] in ("DRAFT", "SUBMITTED", "AUTHORISED"),
        "can_approve": row["Status"] in ("DRAFT", "SUBMITTED"),
        "can_pay": approved,
        "can_void": approved and empty,
    }


def _payment_line(books: Books, row: Row) -> Context:
    document = books.table(row["_kind"])[row["_document"]]
    return {
        "id": row["PaymentID"],
        "date": row["Date"],
        "amount": amount(row["Amount"]),
        "reference": row["Reference"],
        "account": books.table("Accounts")[row["_account"]]["Name"],
        "contact": contacts.short(books, row["_contact"])["Name"],
        "number": document.get("InvoiceNumber") or document.get("CreditNoteNumber") or row["_kind"][:-1],
        "invoice_id": row["_document"] if row["_kind"] == "Invoices" else "",
        "reconciled": row["IsReconciled"],
        "live": row["Status"] == "AUTHORISED",
        "kind": row["PaymentType"],
    }


def payment_list(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """Payments, newest first."""
    rows = sorted(books.table("Payments").values(), key=lambda row: row["Date"], reverse=True)
    live = sum((Decimal(row["Amount"]) for row in rows if row["Status"] == "AUTHORISED"), wire.ZERO)
    return {"payments": [_payment_line(books, row) for row in rows[:MOST]], "count": len(rows), "total": amount(live)}


def account_list(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """The chart of accounts, with the balance of each bank account."""
    return {"accounts": _accounts(books)}


def account(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """A bank account's lines with the balance after each, newest first."""
    row = accounts.by_code(books, key)
    if row is None or row["Type"] != "BANK":
        raise not_found()
    lines = banking.statement(books, row["AccountID"])
    shown = [
        {
            "date": line.date,
            "description": line.description,
            "reference": line.reference,
            "kind": line.kind,
            "received": amount(line.amount) if line.amount >= 0 else "",
            "spent": amount(-line.amount) if line.amount < 0 else "",
            "balance": amount(line.balance),
            "reconciled": line.reconciled,
        }
        for line in reversed(lines)
    ]
    balance = amount(lines[-1].balance if lines else wire.ZERO)
    return {"account": row, "lines": shown[:MOST], "count": len(shown), "balance": balance}


def settings(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """Lock dates, tracking options and connected apps."""
    shown = [row for row in books.table("TrackingCategories").values() if row["Status"] != "DELETED"]
    return {
        "period": books.organisation.get("PeriodLockDate", ""),
        "year_end": books.organisation.get("EndOfYearLockDate", ""),
        "categories": shown,
        "connected": _connected(books, identity),
        "app": identity.app.name,
        "now": clock.now().strftime("%Y-%m-%d %H:%M UTC"),
    }


def repeating_list(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """Repeating invoices and when each comes next."""
    shown = [
        {
            "id": row["RepeatingInvoiceID"],
            "contact": contacts.short(books, row["_contact"])["Name"],
            "contact_id": row["_contact"],
            "reference": row["Reference"],
            "total": amount(row["Total"]),
            "next": row["Schedule"]["NextScheduledDate"],
            "status": row["Status"],
        }
        for row in books.table("RepeatingInvoices").values()
    ]
    return {"repeating": shown, "count": len(shown)}


Screen = Callable[[Books, Identity, str, Mapping[str, str]], Context]
#: Path below the organisation (with or without a key) → template and what fills it.
SCREENS: dict[tuple[str, bool], tuple[str, Screen]] = {
    ("", False): ("home", home),
    ("contacts", False): ("contacts", contact_list),
    ("contacts", True): ("contact", contact),
    ("invoices", False): ("invoices", invoice_list),
    ("invoices", True): ("invoice", invoice),
    ("payments", False): ("payments", payment_list),
    ("accounts", False): ("accounts", account_list),
    ("accounts", True): ("account", account),
    ("repeating", False): ("repeating", repeating_list),
    ("settings", False): ("settings", settings),
}
