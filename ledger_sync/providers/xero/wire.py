"""Our documents as Xero's JSON: one call per kind, role and action. Creates are PUT: a POST with a known invoice
number would edit that invoice instead of refusing it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from ledger_sync.kinds import EXCESS
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Outgoing, Wire

_SHOW_ERRORS = "?summarizeErrors=false&unitdp=4"
_BASIS = {"exclusive": "Exclusive", "inclusive": "Inclusive"}


def render(items: Sequence[Outgoing]) -> Wire:
    """One call for documents of one kind, role and action."""
    first = items[0]
    plural, method, path, build = _ROUTES[(first.kind, first.role, first.action)]
    operation = f"xero.{first.kind}.{first.role or 'main'}.{first.action}"
    path = path.format(remote_id=first.remote_id, **{k: v for k, v in first.doc.items() if isinstance(v, str)})
    documents = [build(item) for item in items]
    body: Any = {plural: documents} if plural else documents[0]
    return Wire(operation, method, path, json.dumps(body, ensure_ascii=False))


#: Our names of a contact's fields → Xero's.
_CONTACT_FIELDS = {
    "number": "ContactNumber", "name": "Name", "email": "EmailAddress", "tax_number": "TaxNumber", "phone": "Phones",
    "address": "Addresses",
}  # fmt: skip


def _contact(item: Outgoing) -> Doc:
    doc = item.doc
    address = doc["address"]
    body: Doc = {
        "ContactNumber": doc["number"],
        "Name": doc["name"],
        "EmailAddress": doc["email"],
        "TaxNumber": doc["tax_number"],
        "Phones": [{"PhoneType": "DEFAULT", "PhoneNumber": doc["phone"]}],
        "Addresses": [
            {
                "AddressType": "STREET",
                "AddressLine1": address["line1"],
                "AddressLine2": address["line2"],
                "City": address["city"],
                "Region": address["region"],
                "PostalCode": address["postcode"],
                "Country": address["country"],
            }
        ],
    }
    if not item.remote_id:
        return body
    # A contact's fields that are not sent stay as they are (Xero docs, Contacts, POST).
    kept = {_CONTACT_FIELDS[name] for name in item.fields or _CONTACT_FIELDS if name in _CONTACT_FIELDS}
    return {"ContactID": item.remote_id, **{key: value for key, value in body.items() if key in kept}}


def _invoice(item: Outgoing) -> Doc:
    doc = item.doc
    body: Doc = {
        "Type": "ACCREC",
        "InvoiceNumber": doc["number"],
        "Contact": {"ContactID": doc["contact"]},
        "Date": doc["date"],
        "DueDate": doc["due_on"],
        "Reference": doc["reference"],
        "CurrencyCode": doc["currency"],
        "LineAmountTypes": _BASIS[doc["basis"]],
        "Status": "AUTHORISED",
        "SentToContact": True,
        "LineItems": [_line(line) for line in doc["lines"]],
    }
    return {"InvoiceID": item.remote_id, **body} if item.remote_id else body


def _line(line: Doc) -> Doc:
    return {
        "Description": line["description"],
        "Quantity": float(line["quantity"]),
        "UnitAmount": float(line["unit_price"]),
        "AccountCode": line["account"],
        "TaxType": line["tax"],
    }


def _void_invoice(item: Outgoing) -> Doc:
    return {"InvoiceID": item.remote_id, "Status": "VOIDED"}


def _credit(item: Outgoing) -> Doc:
    doc = item.doc
    return {
        "Type": "ACCRECCREDIT",
        "CreditNoteNumber": doc["number"],
        "Contact": {"ContactID": doc["contact"]},
        "Date": doc["date"],
        "Reference": doc["reference"],
        "CurrencyCode": doc["currency"],
        "LineAmountTypes": _BASIS[doc["basis"]],
        "Status": "AUTHORISED",
        "LineItems": [_line(line) for line in doc["lines"]],
    }


def _payment(item: Outgoing) -> Doc:
    doc = item.doc
    return {
        "Invoice": {"InvoiceID": doc["invoice"]},
        "Account": {"AccountID": doc["account"]},
        "Date": doc["date"],
        "Amount": float(doc["amount"]),
        "Reference": doc["reference"],
    }


def _credit_allocation(item: Outgoing) -> Doc:
    doc = item.doc
    return {"Invoice": {"InvoiceID": doc["invoice"]}, "Amount": float(doc["amount"]), "Date": doc["date"]}


def _delete_payment(item: Outgoing) -> Doc:
    return {"Status": "DELETED"}


def _overpayment(item: Outgoing) -> Doc:
    doc = item.doc
    return {
        "Type": "RECEIVE-OVERPAYMENT",
        "Contact": {"ContactID": doc["contact"]},
        "BankAccount": {"AccountID": doc["account"]},
        "Date": doc["date"],
        "Reference": doc["reference"],
        "LineAmountTypes": "NoTax",
        "LineItems": [{"Description": "Paid beyond what was due", "Quantity": 1, "UnitAmount": float(doc["amount"])}],
        "IsReconciled": False,
    }


def _spend(item: Outgoing) -> Doc:
    doc = item.doc
    return {
        "Type": "SPEND",
        "Contact": {"Name": doc["payee"]},
        "BankAccount": {"AccountID": doc["account"]},
        "Date": doc["date"],
        "Reference": doc["reference"],
        "LineAmountTypes": "Inclusive",
        "LineItems": [
            {
                "Description": line["description"],
                "Quantity": 1,
                "UnitAmount": float(line["amount"]),
                "AccountCode": line["account"],
                "TaxType": line["tax"],
            }
            for line in doc["lines"]
        ],
        "IsReconciled": False,
    }


def _transfer(item: Outgoing) -> Doc:
    doc = item.doc
    return {
        "FromBankAccount": {"AccountID": doc["from"]},
        "ToBankAccount": {"AccountID": doc["to"]},
        "Amount": float(doc["amount"]),
        "Date": doc["date"],
        "Reference": doc["reference"],
    }


_Build = Callable[[Outgoing], Doc]
#: (kind, role, action) → the plural the documents go under ("" for a bare one), method, path and builder.
_ROUTES: dict[tuple[str, str, str], tuple[str, str, str, _Build]] = {
    (Kind.CLIENT, "", "create"): ("Contacts", "PUT", "/Contacts" + _SHOW_ERRORS, _contact),
    (Kind.CLIENT, "", "update"): ("Contacts", "POST", "/Contacts" + _SHOW_ERRORS, _contact),
    (Kind.INVOICE, "", "create"): ("Invoices", "PUT", "/Invoices" + _SHOW_ERRORS, _invoice),
    (Kind.INVOICE, "", "update"): ("Invoices", "POST", "/Invoices" + _SHOW_ERRORS, _invoice),
    (Kind.INVOICE, "", "void"): ("Invoices", "POST", "/Invoices" + _SHOW_ERRORS, _void_invoice),
    (Kind.CREDIT, "", "create"): ("CreditNotes", "PUT", "/CreditNotes" + _SHOW_ERRORS, _credit),
    (Kind.ALLOCATION, "", "create"): ("Payments", "PUT", "/Payments" + _SHOW_ERRORS, _payment),
    (Kind.ALLOCATION, "", "delete"): ("", "POST", "/Payments/{remote_id}", _delete_payment),
    (Kind.ALLOCATION, "credit", "create"): (
        "Allocations",
        "PUT",
        "/CreditNotes/{credit}/Allocations" + _SHOW_ERRORS,
        _credit_allocation,
    ),
    (Kind.PAYMENT, EXCESS, "create"): (
        "BankTransactions",
        "PUT",
        "/BankTransactions" + _SHOW_ERRORS,
        _overpayment,
    ),
    (Kind.FEE, "", "create"): ("BankTransactions", "PUT", "/BankTransactions" + _SHOW_ERRORS, _spend),
    (Kind.PAYOUT, "", "create"): ("BankTransfers", "PUT", "/BankTransfers", _transfer),
}
