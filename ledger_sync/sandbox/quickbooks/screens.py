"""What the bookkeeper's pages show; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from ledger_sync.sandbox.quickbooks import errors, postings, wire
from ledger_sync.sandbox.quickbooks.books import Books, name_of
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.oauth import Identity
from ledger_sync.sandbox.quickbooks.saving import is_void
from ledger_sync.sandbox.quickbooks.wire import ZERO, Row
from practice.core import clock

Context = dict[str, Any]
#: The most rows a page lists; older ones are reached from their customer.
MOST = 200


def amount(value: Decimal | str) -> str:
    """Money as people read it."""
    return f"{Decimal(value):,.2f}"


def _row(books: Books, kind: str, key: str) -> Row:
    row = books.get(kind, key)
    if row is None:
        raise Invalid(errors.not_found())
    return row


def _name(books: Books, kind: str, key: str) -> str:
    return name_of(kind, books.get(kind, key) or {})


def home(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """Bank balances, what customers owe, and whether the app is connected."""
    open_rows = [row for row in books.table("Invoice").values() if wire.money(row, "Balance")]
    late = [row for row in open_rows if row["DueDate"] < books.today()]
    return {
        "banks": [account for account in _accounts(books) if account["bank"]],
        "owed": amount(sum((wire.money(row, "Balance") for row in open_rows), ZERO)),
        "overdue": amount(sum((wire.money(row, "Balance") for row in late), ZERO)),
        "connected": _connected(books, identity),
    }


def _connected(books: Books, identity: Identity) -> bool:
    return identity.store.get("_connections", books.realm) is not None


def _accounts(books: Books) -> list[Context]:
    balances = postings.trial_balance(books)
    out = []
    for row in books.table("Account").values():
        sign = 1 if row["Classification"] in ("Asset", "Expense") else -1
        out.append({
            "id": row["Id"], "name": row["Name"], "type": row["AccountType"], "detail": row["AccountSubType"],
            "bank": row["AccountType"] == "Bank", "active": row["Active"],
            "balance": amount(balances.get(row["Id"], ZERO) * sign),
        })  # fmt: skip
    return out


def account_list(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """The chart of accounts with balances."""
    return {"accounts": _accounts(books)}


def account(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """One account's register, newest first, with the balance after each line."""
    row = _row(books, "Account", key)
    sign = 1 if row["Classification"] in ("Asset", "Expense") else -1
    running = ZERO
    lines = []
    for posting in postings.register(books, key):
        running += posting.amount * sign
        lines.append({
            "date": posting.date, "kind": posting.kind, "note": posting.note,
            "customer": _name(books, "Customer", posting.customer), "balance": amount(running),
            "debit": amount(posting.amount) if posting.amount > 0 else "",
            "credit": amount(-posting.amount) if posting.amount < 0 else "",
        })  # fmt: skip
    lines.reverse()
    return {"account": row, "lines": lines[:MOST], "count": len(lines), "balance": amount(running)}


def customer_list(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """Customers with what they owe; inactive ones on request."""
    inactive = query.get("inactive") == "1"
    rows = [row for row in books.table("Customer").values() if row["Active"] != inactive]
    shown = [
        {"id": row["Id"], "name": row["DisplayName"], "email": _email(row), "balance": amount(books.owes(row["Id"]))}
        for row in sorted(rows, key=lambda row: row["DisplayName"].casefold())
    ]
    return {"customers": shown[:MOST], "inactive": inactive, "count": len(shown)}


def _email(row: Row) -> str:
    return str(row.get("PrimaryEmailAddr", {}).get("Address", ""))


def customer(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """One customer with its invoices."""
    row = _row(books, "Customer", key)
    rows = [one for one in books.table("Invoice").values() if wire.ref(one, "CustomerRef") == key]
    others = [
        {"id": one["Id"], "name": one["DisplayName"]}
        for one in books.table("Customer").values()
        if one["Active"] and one["Id"] != key
    ]
    return {
        "customer": row,
        "email": _email(row),
        "phone": row.get("PrimaryPhone", {}).get("FreeFormNumber", ""),
        "balance": amount(books.owes(key)),
        "active": row["Active"],
        "others": sorted(others, key=lambda one: one["name"].casefold()),
        "invoices": [_invoice_line(books, one) for one in reversed(rows)],
    }


def _state(books: Books, row: Row) -> str:
    if is_void(row):
        return "voided"
    if not wire.money(row, "Balance"):
        return "paid"
    if row["DueDate"] < books.today():
        return "overdue"
    return "part paid" if row["_applied"] else "open"


def _invoice_line(books: Books, row: Row) -> Context:
    return {
        "id": row["Id"], "number": row.get("DocNumber", ""), "date": row["TxnDate"], "due": row["DueDate"],
        "customer": _name(books, "Customer", wire.ref(row, "CustomerRef")),
        "customer_id": wire.ref(row, "CustomerRef"), "total": amount(row["TotalAmt"]),
        "balance": amount(row["Balance"]), "state": _state(books, row),
    }  # fmt: skip


def invoice_list(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """Invoices, newest first, all or of one state."""
    wanted = query.get("state", "")
    rows = sorted(books.table("Invoice").values(), key=lambda row: (row["TxnDate"], int(row["Id"])), reverse=True)
    shown = [_invoice_line(books, row) for row in rows]
    shown = [one for one in shown if not wanted or one["state"] == wanted]
    due = sum((wire.money(row, "Balance") for row in rows), ZERO)
    states = ("open", "part paid", "overdue", "paid", "voided")
    return {"invoices": shown[:MOST], "count": len(shown), "due": amount(due), "states": states, "state": wanted}


def invoice(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """One invoice with its lines and what was applied to it."""
    row = _row(books, "Invoice", key)
    applied = [
        {"id": payment, "amount": amount(value), "row": books.table("Payment")[payment]}
        for payment, value in row["_applied"].items()
    ]
    lines = [
        {
            "id": line["Id"], "description": line.get("Description", ""), "amount": line["Amount"],
            "shown": amount(line["Amount"]),
            "item": _name(books, "Item", wire.ref(line["SalesItemLineDetail"], "ItemRef")),
            "account": _name(books, "Account", wire.ref(line["SalesItemLineDetail"], "ItemAccountRef")),
            "tax": wire.ref(line["SalesItemLineDetail"], "TaxCodeRef"),
        }
        for line in row["Line"]
        if "SalesItemLineDetail" in line
    ]  # fmt: skip
    return {
        "invoice": _invoice_line(books, row),
        "memo": row.get("CustomerMemo", {}).get("value", ""),
        "note": row.get("PrivateNote", ""),
        "tax": amount(wire.money(row["TxnTaxDetail"], "TotalTax")),
        "lines": lines,
        "applied": applied,
        "can_edit": not is_void(row),
        "can_pay": wire.money(row, "Balance") > 0,
        "raw_due": row["Balance"],
        "today": books.today(),
        "banks": [one for one in _accounts(books) if one["bank"] and one["active"]],
    }


def payment_list(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """Payments, newest first, with what each is applied to."""
    rows = sorted(books.table("Payment").values(), key=lambda row: (row["TxnDate"], int(row["Id"])), reverse=True)
    shown = [
        {
            "id": row["Id"], "date": row["TxnDate"], "reference": row.get("PaymentRefNum", ""),
            "customer": _name(books, "Customer", wire.ref(row, "CustomerRef")),
            "account": _name(books, "Account", wire.ref(row, "DepositToAccountRef")),
            "amount": amount(row["TotalAmt"]), "unapplied": amount(row["UnappliedAmt"]),
            "applied": [_target(books, line) for line in row["Line"]],
            "state": "voided" if is_void(row) else "deposited" if row.get("_deposit") else "open",
        }
        for row in rows[:MOST]
    ]  # fmt: skip
    return {"payments": shown, "count": len(rows)}


def _target(books: Books, line: Row) -> Context:
    link = line["LinkedTxn"][0]
    row = books.get(link["TxnType"], link["TxnId"]) or {}
    return {"id": link["TxnId"], "kind": link["TxnType"], "number": row.get("DocNumber", link["TxnId"])}


#: Lists whose rows can be renamed here: kind, heading, field.
LISTED = (("Class", "Classes"), ("Department", "Locations"), ("Item", "Products and services"))


def lists(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """Classes, locations and what is sold, each with its name to change."""
    shown = []
    for kind, heading in LISTED:
        rows = [
            {"id": row["Id"], "name": row["Name"], "active": row.get("Active", True)}
            for row in books.table(kind).values()
        ]
        shown.append({"kind": kind, "heading": heading, "rows": rows[:MOST]})
    return {"lists": shown}


def settings(books: Books, identity: Identity, key: str, query: Mapping[str, str]) -> Context:
    """The closing date, how invoices are numbered, and connected apps."""
    return {
        "closed": books.preference("AccountingInfoPrefs", "BookCloseDate") or "",
        "custom_numbers": books.preference("SalesFormsPrefs", "CustomTxnNumbers"),
        "connected": _connected(books, identity),
        "app": identity.app.name,
        "read_only": books.read_only,
        "now": clock.now().strftime("%Y-%m-%d %H:%M UTC"),
    }


Screen = Callable[[Books, Identity, str, Mapping[str, str]], Context]
#: Path below the company (with or without a key) → template and what fills it.
SCREENS: dict[tuple[str, bool], tuple[str, Screen]] = {
    ("", False): ("home", home),
    ("customers", False): ("customers", customer_list),
    ("customers", True): ("customer", customer),
    ("invoices", False): ("invoices", invoice_list),
    ("invoices", True): ("invoice", invoice),
    ("payments", False): ("payments", payment_list),
    ("accounts", False): ("accounts", account_list),
    ("accounts", True): ("account", account),
    ("lists", False): ("lists", lists),
    ("settings", False): ("settings", settings),
}
