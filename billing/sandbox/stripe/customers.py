"""Customers (docs.stripe.com/api/customers)."""

from __future__ import annotations

import re

from billing.sandbox.stripe import payment_methods
from billing.sandbox.stripe.books import Books, merge_metadata
from billing.sandbox.stripe.wire import Refused, Row

_PLAIN = (
    "address",
    "description",
    "email",
    "name",
    "phone",
    "preferred_locales",
    "shipping",
    "tax_exempt",
    "business_name",
    "individual_name",
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def create(books: Books, params: Row) -> Row:
    """Make a customer; a payment method given with it is attached. Raises Refused."""
    row = books.new(
        "customer",
        "cus_",
        {
            "address": None,
            "balance": 0,
            "currency": None,
            "customer_account": None,
            "default_source": None,
            "delinquent": False,
            "description": None,
            "discount": None,
            "email": None,
            "name": None,
            "phone": None,
            "invoice_prefix": books.token("", 8).upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "metadata": {},
            "next_invoice_sequence": 1,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        },
    )
    _change(books, row, params)
    books.save(row)
    books.emit("customer.created", row)
    if method := params.get("payment_method"):
        payment_methods.attach(books, {"customer": row["id"]}, method)
    return row


def update(books: Books, params: Row, key: str) -> Row:
    """Change a customer. Raises Refused."""
    row = find(books, key)
    before = {name: row.get(name) for name in params}
    _change(books, row, params)
    books.save(row)
    books.emit("customer.updated", row, before)
    return row


def retrieve(books: Books, params: Row, key: str) -> Row:
    """One customer; a deleted one is shown as three fields. Raises Refused."""
    return books.find("customer", key)


def delete(books: Books, params: Row, key: str) -> Row:
    """Delete a customer and detach what was attached. Raises Refused."""
    row = find(books, key)
    for method in books.rows("payment_method"):
        if method["customer"] == key:
            payment_methods.detach(books, {}, method["id"])
    books.emit("customer.deleted", row)
    return books.save({"id": key, "object": "customer", "deleted": True})


def listing(books: Books, params: Row) -> Row:
    """Customers, newest first; the e-mail filter is exact, as Stripe's is."""
    email = params.get("email")
    return books.listing(
        "customer", params, "/v1/customers", lambda row: not row.get("deleted") and email in (None, row["email"])
    )


def find(books: Books, key: str, param: str = "id") -> Row:
    """A customer who is still there. Raises Refused."""
    row = books.find("customer", key, param)
    if row.get("deleted"):
        # As for one that never was: 404 where it is asked for, 400 where something else names it.
        status = 404 if param == "id" else 400
        raise Refused(f"No such customer: '{key}'", status=status, code="resource_missing", param=param)
    return row


def require_email(address: str | None, param: str) -> None:
    """Refuse what is no email address. Raises Refused."""
    if address and not _EMAIL.fullmatch(address):
        raise Refused(f"Invalid email address: {address}", code="email_invalid", param=param, early=True)


def _change(books: Books, row: Row, params: Row) -> None:
    for name in _PLAIN:
        if name in params:
            row[name] = params[name] if params[name] != "" else None
    require_email(row["email"], "email")
    merge_metadata(row, params.get("metadata"))
    default = (params.get("invoice_settings") or {}).get("default_payment_method")
    if default is not None:
        if default and books.find("payment_method", default, "payment_method")["customer"] != row["id"]:
            raise Refused(
                "The customer does not have a payment method with the ID " + default,
                code="resource_missing",
                param="invoice_settings[default_payment_method]",
            )
        row["invoice_settings"]["default_payment_method"] = default or None
