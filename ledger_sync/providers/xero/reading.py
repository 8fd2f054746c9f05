"""Xero's JSON as our canonical documents: amounts as text with two places, dates in ISO form, "" for absent."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ledger_sync.kinds import CREDIT, EXCESS
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Organisation, Ref, Remote
from practice.core import money

_MS = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
_STATUS = {"VOIDED": "void", "DELETED": "deleted", "AUTHORISED": "issued", "PAID": "issued"}
_KEYS = {
    Kind.CLIENT: ("Contacts", "ContactID"),
    Kind.INVOICE: ("Invoices", "InvoiceID"),
    Kind.CREDIT: ("CreditNotes", "CreditNoteID"),
    Kind.ALLOCATION: ("Payments", "PaymentID"),
    Kind.PAYMENT: ("BankTransactions", "BankTransactionID"),
    Kind.REFUND: ("Payments", "PaymentID"),
    Kind.DISPUTE: ("BankTransactions", "BankTransactionID"),
    Kind.FEE: ("BankTransactions", "BankTransactionID"),
    Kind.PAYOUT: ("BankTransfers", "BankTransferID"),
}


def plural(kind: str) -> str:
    """The name Xero's envelope gives a kind."""
    return _KEYS[Kind(kind)][0]


def remote(kind: str, row: dict[str, Any]) -> Remote:
    """One object of Xero's."""
    key = _KEYS[Kind(kind)][1]
    theirs = _PROJECTIONS[Kind(kind)](row)
    modified = moment(row.get("UpdatedDateUTC") or row.get("CreatedDateUTC"))
    return Remote(
        kind=kind,
        remote_id=str(row[key]),
        version=modified.isoformat() if modified else "",
        theirs=theirs,
        modified_at=modified,
        gone=theirs.get("status") == "deleted",
        merged_into=str(row.get("MergedToContactID", "")),
    )


def moment(value: Any) -> datetime | None:
    """An instant from Xero's ms-date, or None."""
    match = _MS.search(str(value or ""))
    return datetime.fromtimestamp(int(match.group(1)) / 1000, UTC) if match else None


def day(value: Any) -> str:
    """A date from Xero's ms-date (UTC midnight) in ISO form, or ""."""
    instant = moment(value)
    return instant.date().isoformat() if instant else ""


def amount(value: Any) -> str:
    """An amount with two places."""
    return "" if value is None else str(Decimal(str(value)).quantize(Decimal("0.01")))


def contact(row: dict[str, Any]) -> Doc:
    """A contact as both sides compare it."""
    phone: Doc = next((p for p in row.get("Phones", []) if p.get("PhoneType") == "DEFAULT"), {})
    street: Doc = next((a for a in row.get("Addresses", []) if a.get("AddressType") == "STREET"), {})
    return {
        "number": row.get("ContactNumber", ""),
        "name": row.get("Name", ""),
        "email": row.get("EmailAddress", ""),
        "phone": phone.get("PhoneNumber", ""),
        "tax_number": row.get("TaxNumber", ""),
        "status": "archived" if row.get("ContactStatus") == "ARCHIVED" else "active",
        "address": {
            "line1": street.get("AddressLine1", ""),
            "line2": street.get("AddressLine2", ""),
            "city": street.get("City", ""),
            "region": street.get("Region", ""),
            "postcode": street.get("PostalCode", ""),
            "country": street.get("Country", ""),
        },
    }


def document(row: dict[str, Any]) -> Doc:
    """An invoice or credit note: what the client was given, its coding, and what is left of it."""
    lines = [
        {
            "key": str(position),
            "remote_line": line.get("LineItemID", ""),
            "description": line.get("Description", ""),
            "quantity": _plain(line.get("Quantity", 1)),
            "unit_price": _plain(line.get("UnitAmount", 0)),
            "account": line.get("AccountCode", ""),
            "tax": line.get("TaxType", ""),
            "tracking": ", ".join(f"{t.get('Name')}: {t.get('Option')}" for t in line.get("Tracking", [])),
            "tracked": [{"name": t.get("Name", ""), "option": t.get("Option", "")} for t in line.get("Tracking", [])],
            "amount": amount(line.get("LineAmount")),
            "tax_amount": amount(line.get("TaxAmount")),
        }
        for position, line in enumerate(row.get("LineItems", []), start=1)
    ]
    on_it = _credits_on(row)
    return {
        **({"credits": on_it} if on_it else {}),
        "number": row.get("InvoiceNumber") or row.get("CreditNoteNumber", ""),
        "contact": row.get("Contact", {}).get("ContactID", ""),
        "date": day(row.get("Date")),
        "due_on": day(row.get("DueDate")),
        "reference": row.get("Reference", ""),
        "currency": row.get("CurrencyCode", ""),
        "basis": "inclusive" if row.get("LineAmountTypes") == "Inclusive" else "exclusive",
        "status": _STATUS.get(row.get("Status", ""), "draft"),
        "type": row.get("Type", ""),
        "lines": lines,
        "net": amount(row.get("SubTotal")),
        "tax": amount(row.get("TotalTax")),
        "total": amount(row.get("Total")),
        "due": amount(row.get("AmountDue", row.get("RemainingCredit"))),
        "paid": amount(row.get("AmountPaid", 0)),
        "credited": amount(row.get("AmountCredited", 0)),
        "online": row.get("Url", ""),
    }


def _credits_on(row: dict[str, Any]) -> list[Doc]:
    """The credit on an invoice, by what it comes from; which allocation of that it is, only the credit itself tells."""
    found = [(CREDIT, one["CreditNoteID"], one.get("AppliedAmount")) for one in row.get("CreditNotes", [])]
    found += [(EXCESS, one["OverpaymentID"], one.get("AppliedAmount")) for one in row.get("Overpayments", [])]
    return [{"role": role, "source": str(key), "amount": amount(value)} for role, key, value in sorted(found, key=str)]


def credit(row: dict[str, Any]) -> Doc:
    """A credit note or an overpayment with the invoices it is on."""
    uses = [
        {
            "key": str(one.get("AllocationID", "")),
            "invoice": str(one.get("Invoice", {}).get("InvoiceID", "")),
            "amount": amount(one.get("Amount")),
            "date": day(one.get("Date")),
        }
        for one in row.get("Allocations", [])
    ]
    return {**document(row), "uses": uses}


def payment(row: dict[str, Any]) -> Doc:
    """Money on one invoice; for the allocation of a credit note, the row has no PaymentID of its own."""
    return {
        "invoice": row.get("Invoice", {}).get("InvoiceID", ""),
        "invoice_number": row.get("Invoice", {}).get("InvoiceNumber", ""),
        "account": row.get("Account", {}).get("AccountID", ""),
        "amount": amount(row.get("Amount")),
        "date": day(row.get("Date")),
        "reference": row.get("Reference", ""),
        "status": "deleted" if row.get("Status") == "DELETED" else "issued",
        "type": row.get("PaymentType", ""),
        "reconciled": str(bool(row.get("IsReconciled"))).lower(),
    }


def bank_transaction(row: dict[str, Any]) -> Doc:
    """Money spent or received on a bank account."""
    return {
        "account": row.get("BankAccount", {}).get("AccountID", ""),
        "date": day(row.get("Date")),
        "reference": row.get("Reference", ""),
        "total": amount(row.get("Total")),
        "status": "deleted" if row.get("Status") == "DELETED" else "issued",
        "type": row.get("Type", ""),
        "overpayment": str(row.get("OverpaymentID", "")),
    }


def attachment(row: dict[str, Any]) -> Doc:
    """A file on a document. Its name is its number: a file of the same name takes its place."""
    return {"number": row.get("FileName", ""), "size": str(row.get("ContentLength", ""))}


def transfer(row: dict[str, Any]) -> Doc:
    """Money moved between two bank accounts."""
    return {
        "from": row.get("FromBankAccount", {}).get("AccountID", ""),
        "to": row.get("ToBankAccount", {}).get("AccountID", ""),
        "amount": amount(row.get("Amount")),
        "date": day(row.get("Date")),
        "reference": row.get("Reference", ""),
        "status": "deleted" if row.get("Status") == "DELETED" else "issued",
    }


def account(row: dict[str, Any]) -> Ref:
    """One account of the chart."""
    keep = ("Type", "Class", "TaxType", "EnablePaymentsToAccount", "SystemAccount", "CurrencyCode")
    data = {k: row[k] for k in keep if k in row}
    active = row.get("Status") == "ACTIVE"
    return Ref("account", str(row["AccountID"]), row.get("Code", ""), row.get("Name", ""), active, data)


def tax_rate(row: dict[str, Any]) -> Ref:
    """One tax rate; Xero knows it by its TaxType."""
    data = {"rate": str(row.get("EffectiveRate", "0")), "revenue": bool(row.get("CanApplyToRevenue")),
            "expenses": bool(row.get("CanApplyToExpenses"))}  # fmt: skip
    return Ref("tax", row["TaxType"], row["TaxType"], row.get("Name", ""), row.get("Status") == "ACTIVE", data)


def options(row: dict[str, Any]) -> list[Ref]:
    """A tracking category and its options."""
    refs = [
        Ref("tracking", str(row["TrackingCategoryID"]), "", row.get("Name", ""), row.get("Status") == "ACTIVE"),
    ]
    for option in row.get("Options", []):
        active = option.get("Status", "ACTIVE") == "ACTIVE"
        data = {"category": row.get("Name", "")}
        refs.append(Ref("option", str(option["TrackingOptionID"]), "", option.get("Name", ""), active, data))
    return refs


def organisation(row: dict[str, Any], tenant: str) -> Organisation:
    """The company; both of Xero's lock dates are honoured, whichever is later."""
    locks = [day(row.get("PeriodLockDate")), day(row.get("EndOfYearLockDate"))]
    keep = ("LegalName", "SalesTaxBasis", "Timezone", "ShortCode", "OrganisationID")
    return Organisation(
        remote_org=tenant,
        name=row.get("Name", ""),
        currency=row.get("BaseCurrency", ""),
        country=row.get("CountryCode", ""),
        locked_until=max(locks),
        data={k: row[k] for k in keep if k in row},
    )


def _plain(value: Any) -> str:
    return money.plain(Decimal(str(value)))


_PROJECTIONS = {
    Kind.CLIENT: contact,
    Kind.INVOICE: document,
    Kind.CREDIT: credit,
    Kind.ALLOCATION: payment,
    Kind.PAYMENT: bank_transaction,
    Kind.REFUND: payment,
    Kind.DISPUTE: bank_transaction,
    Kind.FEE: bank_transaction,
    Kind.PAYOUT: transfer,
}
