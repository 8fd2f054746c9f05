"""Our documents as Xero's JSON: one call per kind, role and action. Creates are PUT: a POST with a known invoice
number would edit that invoice instead of refusing it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from ledger_sync.kinds import BACK, CREDIT, EXCESS, FILE, RECEIVED, RETURNED, UNAPPLIED
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Outgoing, Wire

_SHOW_ERRORS = "?summarizeErrors=false&unitdp=4"
_BASIS = {"exclusive": "Exclusive", "inclusive": "Inclusive"}


def render(items: Sequence[Outgoing]) -> Wire:
    """One call for documents of one kind, role and action."""
    first = items[0]
    role = "" if first.kind == Kind.NOTE else first.role
    plural, method, path, build = _ROUTES[(first.kind, role, first.action)]
    operation = f"xero.{first.kind}.{first.role or 'main'}.{first.action}"
    path = path.format(remote_id=first.remote_id, **{k: quote(v) for k, v in first.doc.items() if k in _IN_PATHS})
    documents = [build(item) for item in items]
    body: Any = {plural: documents} if plural else documents[0]
    return Wire(operation, method, path, json.dumps(body, ensure_ascii=False))


#: What of a document a path may name.
_IN_PATHS = ("credit", "overpayment", "invoice", "name")

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
    tracked = [{"Name": one["name"], "Option": one["option"]} for one in line.get("tracked", ())]
    return {
        "Description": line["description"],
        "Quantity": float(line["quantity"]),
        "UnitAmount": float(line["unit_price"]),
        "AccountCode": line["account"],
        "TaxType": line["tax"],
        **({"Tracking": tracked} if tracked else {}),
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


def _refund(item: Outgoing) -> Doc:
    """Money back is a payment on what it is paid out of: a credit note, or an overpayment (Xero docs, Payments)."""
    doc = item.doc
    paid_out = (
        {"Overpayment": {"OverpaymentID": doc["overpayment"]}}
        if item.role == UNAPPLIED
        else {"CreditNote": {"CreditNoteID": doc["credit"]}}
    )
    return {
        **paid_out,
        "Account": {"AccountID": doc["account"]},
        "Date": doc["date"],
        "Amount": float(doc["amount"]),
        "Reference": doc["reference"],
    }


def _note(item: Outgoing) -> Doc:
    return {"Details": item.doc["text"]}


def _file(item: Outgoing) -> Doc:
    """A file goes out as its bytes (:meth:`XeroLedger.send`); so that it can be sent again they are kept as text."""
    return {"file": item.doc["content"]}


def _nothing(item: Outgoing) -> Doc:
    return {}


def _delete_transaction(item: Outgoing) -> Doc:
    return {"BankTransactionID": item.remote_id, "Status": "DELETED"}


def _void_credit(item: Outgoing) -> Doc:
    return {"CreditNoteID": item.remote_id, "Status": "VOIDED"}


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
    return _bank_transaction("SPEND", item.doc)


def _receive(item: Outgoing) -> Doc:
    return _bank_transaction("RECEIVE", item.doc)


def _bank_transaction(kind: str, doc: Doc) -> Doc:
    """Money on a bank account; without a tax rate on its lines it is outside the scope of tax."""
    taxed = any(line["tax"] for line in doc["lines"])
    return {
        "Type": kind,
        "Contact": {"ContactID": doc["contact"]} if doc.get("contact") else {"Name": doc["payee"]},
        "BankAccount": {"AccountID": doc["account"]},
        "Date": doc["date"],
        "Reference": doc["reference"],
        "LineAmountTypes": "Inclusive" if taxed else "NoTax",
        "LineItems": [
            {
                "Description": line["description"],
                "Quantity": 1,
                "UnitAmount": float(line["amount"]),
                "AccountCode": line["account"],
                **({"TaxType": line["tax"]} if taxed else {}),
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


#: A bank transaction is never edited by us: it is added, or ended.
_ADD_TRANSACTION = ("BankTransactions", "PUT", "/BankTransactions" + _SHOW_ERRORS)
_END_TRANSACTION = ("BankTransactions", "POST", "/BankTransactions" + _SHOW_ERRORS)
_Build = Callable[[Outgoing], Doc]
#: (kind, role, action) → the plural the documents go under ("" for a bare one), method, path and builder.
_ROUTES: dict[tuple[str, str, str], tuple[str, str, str, _Build]] = {
    (Kind.CLIENT, "", "create"): ("Contacts", "PUT", "/Contacts" + _SHOW_ERRORS, _contact),
    (Kind.CLIENT, "", "update"): ("Contacts", "POST", "/Contacts" + _SHOW_ERRORS, _contact),
    (Kind.INVOICE, "", "create"): ("Invoices", "PUT", "/Invoices" + _SHOW_ERRORS, _invoice),
    (Kind.INVOICE, "", "update"): ("Invoices", "POST", "/Invoices" + _SHOW_ERRORS, _invoice),
    (Kind.INVOICE, "", "void"): ("Invoices", "POST", "/Invoices" + _SHOW_ERRORS, _void_invoice),
    (Kind.CREDIT, "", "create"): ("CreditNotes", "PUT", "/CreditNotes" + _SHOW_ERRORS, _credit),
    (Kind.CREDIT, "", "void"): ("CreditNotes", "POST", "/CreditNotes" + _SHOW_ERRORS, _void_credit),
    (Kind.ALLOCATION, "", "create"): ("Payments", "PUT", "/Payments" + _SHOW_ERRORS, _payment),
    (Kind.ALLOCATION, "", "delete"): ("", "POST", "/Payments/{remote_id}", _delete_payment),
    (Kind.ALLOCATION, CREDIT, "create"): (
        "Allocations",
        "PUT",
        "/CreditNotes/{credit}/Allocations" + _SHOW_ERRORS,
        _credit_allocation,
    ),
    (Kind.ALLOCATION, CREDIT, "delete"): ("", "DELETE", "/CreditNotes/{credit}/Allocations/{remote_id}", _nothing),
    (Kind.ALLOCATION, EXCESS, "create"): (
        "Allocations",
        "PUT",
        "/Overpayments/{overpayment}/Allocations" + _SHOW_ERRORS,
        _credit_allocation,
    ),
    (Kind.ALLOCATION, EXCESS, "delete"): (
        "",
        "DELETE",
        "/Overpayments/{overpayment}/Allocations/{remote_id}",
        _nothing,
    ),
    (Kind.PAYMENT, EXCESS, "create"): (*_ADD_TRANSACTION, _overpayment),
    (Kind.PAYMENT, EXCESS, "delete"): (*_END_TRANSACTION, _delete_transaction),
    (Kind.PAYMENT, RECEIVED, "create"): (*_ADD_TRANSACTION, _receive),
    (Kind.PAYMENT, RECEIVED, "delete"): (*_END_TRANSACTION, _delete_transaction),
    (Kind.PAYMENT, RETURNED, "create"): (*_ADD_TRANSACTION, _spend),
    (Kind.PAYMENT, RETURNED, "delete"): (*_END_TRANSACTION, _delete_transaction),
    (Kind.REFUND, "", "create"): ("Payments", "PUT", "/Payments" + _SHOW_ERRORS, _refund),
    (Kind.REFUND, "", "delete"): ("", "POST", "/Payments/{remote_id}", _delete_payment),
    (Kind.REFUND, UNAPPLIED, "create"): ("Payments", "PUT", "/Payments" + _SHOW_ERRORS, _refund),
    (Kind.REFUND, UNAPPLIED, "delete"): ("", "POST", "/Payments/{remote_id}", _delete_payment),
    (Kind.DISPUTE, "", "create"): (*_ADD_TRANSACTION, _spend),
    (Kind.DISPUTE, "", "delete"): (*_END_TRANSACTION, _delete_transaction),
    (Kind.DISPUTE, BACK, "create"): (*_ADD_TRANSACTION, _receive),
    (Kind.DISPUTE, BACK, "delete"): (*_END_TRANSACTION, _delete_transaction),
    (Kind.FEE, "", "create"): (*_ADD_TRANSACTION, _spend),
    (Kind.PAYOUT, "", "create"): ("BankTransfers", "PUT", "/BankTransfers", _transfer),
    (Kind.NOTE, "", "create"): ("HistoryRecords", "PUT", "/Invoices/{invoice}/History", _note),
    (Kind.ATTACHMENT, FILE, "create"): ("", "PUT", "/Invoices/{invoice}/Attachments/{name}", _file),
    (Kind.PAYOUT, BACK, "create"): ("BankTransfers", "PUT", "/BankTransfers", _transfer),
}
