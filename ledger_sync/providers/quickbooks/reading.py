"""QuickBooks' JSON as our canonical documents: amounts as text with two places, dates in ISO form, "" for absent.

Masked fields (tax identifiers) never enter a document: comparing them would write the mask over the number.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ledger_sync.kinds import BACK, RETURNED, UNAPPLIED
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Organisation, Ref, Remote
from practice.core import money

Row = dict[str, Any]

#: Where each kind of ours lives in QuickBooks.
ENTITIES: dict[str, str] = {
    Kind.CLIENT: "Customer",
    Kind.ITEM: "Item",
    Kind.INVOICE: "Invoice",
    Kind.CREDIT: "CreditMemo",
    Kind.ALLOCATION: "Payment",
    Kind.PAYMENT: "Payment",
    Kind.REFUND: "RefundReceipt",
    Kind.DISPUTE: "Purchase",
    Kind.FEE: "Purchase",
    Kind.PAYOUT: "Transfer",
    Kind.ATTACHMENT: "Attachable",
}
#: The documents besides a record's plain one that live elsewhere.
_ROLES: dict[tuple[str, str], str] = {
    (Kind.PAYMENT, RETURNED): "Purchase",
    (Kind.REFUND, UNAPPLIED): "Purchase",
    (Kind.DISPUTE, BACK): "Deposit",
}
#: Added to the name of what is made inactive (reported by users of the API).
DELETED = " (deleted)"
#: Our number of a client, as we leave it in the customer's notes: a customer has no number of its own.
_NUMBER = re.compile(r"\bCS-C\d+\b")
#: The longest PaymentRefNum (Intuit docs, Payment); the whole reference is in the note.
REFERENCE = 21


def entity_of(kind: str, role: str = "") -> str:
    """What QuickBooks calls the document of a kind and role."""
    return _ROLES.get((kind, role)) or ENTITIES[kind]


def remote(kind: str, row: Row, role: str = "") -> Remote:
    """One object of QuickBooks'; one that is deleted has nothing but its id."""
    if row.get("status") == "Deleted":
        return gone(kind, str(row["Id"]), changed_at(row))
    theirs = _ROLE_PROJECTIONS.get((kind, role), _PROJECTIONS[Kind(kind)])(row)
    return Remote(kind=kind, remote_id=str(row["Id"]), version=version(row), theirs=theirs, modified_at=changed_at(row))


def gone(kind: str, remote_id: str, at: datetime | None = None) -> Remote:
    """An object that is not there any more."""
    empty: Doc = {"status": "deleted", "lines": [], "reference": "", "amount": "0.00"}
    return Remote(kind=kind, remote_id=remote_id, version="", theirs=empty, modified_at=at, gone=True)


def version(row: Row) -> str:
    """SyncToken, which a change must name, and the moment of the last change, by which an echo is known."""
    at = changed_at(row)
    return f"{row.get('SyncToken', '')}@{at.isoformat() if at else ''}"


def changed_at(row: Row) -> datetime | None:
    """When an object was last changed, in UTC."""
    text = str(row.get("MetaData", {}).get("LastUpdatedTime", ""))
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
    except ValueError:
        return None


def amount(value: Any) -> str:
    """An amount with two places."""
    return str(Decimal(str(value or 0)).quantize(Decimal("0.01")))


def customer(row: Row) -> Doc:
    """A customer as both sides compare it."""
    address: Row = row.get("BillAddr", {})
    number = _NUMBER.search(str(row.get("Notes", "")))
    return {
        "number": number[0] if number else "",
        "name": str(row.get("DisplayName", "")).removesuffix(DELETED),
        "email": row.get("PrimaryEmailAddr", {}).get("Address", ""),
        "phone": row.get("PrimaryPhone", {}).get("FreeFormNumber", ""),
        "status": "active" if row.get("Active", True) else "archived",
        "address": {
            "line1": address.get("Line1", ""),
            "line2": address.get("Line2", ""),
            "city": address.get("City", ""),
            "region": address.get("CountrySubDivisionCode", ""),
            "postcode": address.get("PostalCode", ""),
            "country": address.get("Country", ""),
        },
    }


def item(row: Row) -> Doc:
    """A product or service."""
    return {
        "code": row.get("Sku", ""),
        "name": str(row.get("Name", "")).removesuffix(DELETED),
        "account": _ref(row, "IncomeAccountRef"),
        "description": row.get("Description", ""),
        "status": "active" if row.get("Active", True) else "archived",
    }


def document(row: Row) -> Doc:
    """An invoice or credit memo: what the client was given, its coding, and what is left of it."""
    sold = [line for line in row.get("Line", []) if line.get("DetailType") == "SalesItemLineDetail"]
    lines = [_line(position, line) for position, line in enumerate(sold, start=1)]
    tax = Decimal(str(row.get("TxnTaxDetail", {}).get("TotalTax", 0) or 0))
    total = Decimal(str(row.get("TotalAmt", 0) or 0))
    return {
        "number": row.get("DocNumber", ""),
        "contact": _ref(row, "CustomerRef"),
        "date": row.get("TxnDate", ""),
        "due_on": row.get("DueDate", ""),
        "reference": row.get("CustomerMemo", {}).get("value", ""),
        # Companies with one currency may leave it out.
        "currency": _ref(row, "CurrencyRef") or "USD",
        "basis": "inclusive" if row.get("GlobalTaxCalculation") == "TaxInclusive" else "exclusive",
        "status": _status(row),
        "lines": lines,
        "net": amount(total - tax),
        "tax": amount(tax),
        "total": amount(total),
        "due": amount(row.get("Balance")),
    }


def _line(position: int, line: Row) -> Doc:
    detail: Row = line.get("SalesItemLineDetail", {})
    return {
        "key": str(position),
        "remote_line": str(line.get("Id", "")),
        "description": line.get("Description", ""),
        "quantity": _plain(detail.get("Qty", 1)),
        "unit_price": _plain(detail.get("UnitPrice", line.get("Amount", 0))),
        "account": _ref(detail, "ItemAccountRef"),
        "item": _ref(detail, "ItemRef"),
        "tax": _ref(detail, "TaxCodeRef"),
        "tracking": str(detail.get("ClassRef", {}).get("name", "")),
        "tracked": [{"class": key}] if (key := _ref(detail, "ClassRef")) else [],
        "amount": amount(line.get("Amount")),
    }


def payment(row: Row) -> Doc:
    """A payment with the invoices it is on; ``credits`` are the credit memos it uses up."""
    return {
        "contact": _ref(row, "CustomerRef"),
        "account": _ref(row, "DepositToAccountRef"),
        "amount": amount(row.get("TotalAmt")),
        "unapplied": amount(row.get("UnappliedAmt")),
        "date": row.get("TxnDate", ""),
        "reference": _whole_reference(row),
        "status": _status(row),
        "lines": [{"invoice": key, "amount": value} for key, value in _linked(row, "Invoice")],
        "credits": [{"credit": key, "amount": value} for key, value in _linked(row, "CreditMemo")],
        "paid_back": [{"purchase": key, "amount": value} for key, value in _linked(row, "Expense")],
    }


def allocation(row: Row) -> Doc:
    """A credit memo put on an invoice, which QuickBooks books as a payment of nothing."""
    invoices, memos = _linked(row, "Invoice"), _linked(row, "CreditMemo")
    return {
        "invoice": invoices[0][0] if invoices else "",
        "credit": memos[0][0] if memos else "",
        "amount": invoices[0][1] if invoices else "0.00",
        "date": row.get("TxnDate", ""),
        "reference": _whole_reference(row),
        "status": _status(row),
    }


def purchase(row: Row) -> Doc:
    """Money spent."""
    return {
        "account": _ref(row, "AccountRef"),
        "date": row.get("TxnDate", ""),
        "reference": row.get("PrivateNote", ""),
        "total": amount(row.get("TotalAmt")),
        "status": _status(row),
    }


def attachment(row: Row) -> Doc:
    """A file and the invoices it hangs on. Files count by themselves: the id is told from a document's by a word."""
    refs = [ref.get("EntityRef", {}) for ref in row.get("AttachableRef", [])]
    on = [str(ref.get("value", "")) for ref in refs if str(ref.get("type", "")).casefold() == "invoice"]
    return {"number": row.get("FileName", ""), "invoice": on[0] if on else "", "size": str(row.get("Size", ""))}


def attached(row: Row) -> Remote:
    """A file that is there."""
    return Remote(Kind.ATTACHMENT, f"file {row['Id']}", version(row), attachment(row), changed_at(row))


def deposit(row: Row) -> Doc:
    """Money put on a bank account that no customer's payment brought."""
    return {
        "account": _ref(row, "DepositToAccountRef"),
        "date": row.get("TxnDate", ""),
        "reference": row.get("PrivateNote", ""),
        "total": amount(row.get("TotalAmt")),
        "status": _status(row),
    }


def receipt(row: Row) -> Doc:
    """Money given back for a price that was reduced."""
    return {**document(row), "account": _ref(row, "DepositToAccountRef"), "reference": row.get("PrivateNote", "")}


def transfer(row: Row) -> Doc:
    """Money moved between two accounts."""
    return {
        "from": _ref(row, "FromAccountRef"),
        "to": _ref(row, "ToAccountRef"),
        "amount": amount(row.get("Amount")),
        "date": row.get("TxnDate", ""),
        "reference": row.get("PrivateNote", ""),
        "status": _status(row),
    }


def _status(row: Row) -> str:
    """A void leaves the document, empty, with "Voided" before its note."""
    empty = not Decimal(str(row.get("TotalAmt", row.get("Amount", 0)) or 0))
    return "void" if empty and str(row.get("PrivateNote", "")).startswith("Voided") else "issued"


def _linked(row: Row, kind: str) -> list[tuple[str, str]]:
    return [
        (str(link.get("TxnId", "")), amount(line.get("Amount")))
        for line in row.get("Line", [])
        for link in line.get("LinkedTxn", [])
        if link.get("TxnType") == kind
    ]


def _whole_reference(row: Row) -> str:
    """The reference of a payment; a long one was cut to fit and is whole in the note."""
    short, note = str(row.get("PaymentRefNum", "")), str(row.get("PrivateNote", "")).removeprefix("Voided").strip()
    return note if len(short) == REFERENCE and note.startswith(short) else short


def _ref(row: Row, name: str) -> str:
    return str(row.get(name, {}).get("value", ""))


def _plain(value: Any) -> str:
    return money.plain(Decimal(str(value)))


def account(row: Row) -> Ref:
    """One account of the chart. It has no code: lines and payments name accounts by id."""
    keep = {"Type": "AccountType", "Class": "Classification", "Detail": "AccountSubType", "Number": "AcctNum"}
    data = {ours: row[theirs] for ours, theirs in keep.items() if row.get(theirs)}
    return Ref("account", str(row["Id"]), "", _name(row), bool(row.get("Active", True)), data)


def tax_code(row: Row) -> Ref:
    """One code of sales tax; US lines take TAX or NON."""
    key = str(row["Id"])
    return Ref("tax", key, key, _name(row), bool(row.get("Active", True)), {"taxable": bool(row.get("Taxable"))})


def listed(kind: str, row: Row) -> Ref:
    """A class, term or item."""
    data = {"Type": row.get("Type", ""), "IncomeAccount": _ref(row, "IncomeAccountRef")} if kind == "item" else {}
    return Ref(kind, str(row["Id"]), str(row.get("Sku", ""))[:80], _name(row), bool(row.get("Active", True)), data)


def _name(row: Row) -> str:
    return str(row.get("FullyQualifiedName") or row.get("Name") or row["Id"]).removesuffix(DELETED)[:200]


def organisation(company: Row, preferences: Row, realm: str) -> Organisation:
    """The company, its closing date, and the settings that our checks before connecting look at."""
    forms, tax = preferences.get("SalesFormsPrefs", {}), preferences.get("TaxPrefs", {})
    values = {pair.get("Name"): pair.get("Value") for pair in company.get("NameValue", [])}
    return Organisation(
        remote_org=realm,
        name=str(company.get("CompanyName", "")),
        currency=_ref(preferences.get("CurrencyPrefs", {}), "HomeCurrency") or "USD",
        country=str(company.get("Country", "")),
        locked_until=str(preferences.get("AccountingInfoPrefs", {}).get("BookCloseDate", "")),
        data={
            "LegalName": str(company.get("LegalName", "")),
            "Subscription": values.get("SubscriptionStatus", ""),
            "CustomTxnNumbers": bool(forms.get("CustomTxnNumbers")),
            "AutoApplyCredit": bool(forms.get("AutoApplyCredit")),
            "AutoApplyPayments": bool(forms.get("AutoApplyPayments")),
            "UsingSalesTax": bool(tax.get("UsingSalesTax")),
            "AutomatedSalesTax": bool(tax.get("PartnerTaxEnabled")),
        },
    )


_PROJECTIONS: dict[Kind, Callable[[Row], Doc]] = {
    Kind.CLIENT: customer,
    Kind.ITEM: item,
    Kind.INVOICE: document,
    Kind.CREDIT: document,
    Kind.PAYMENT: payment,
    Kind.ALLOCATION: allocation,
    Kind.REFUND: receipt,
    Kind.DISPUTE: purchase,
    Kind.FEE: purchase,
    Kind.PAYOUT: transfer,
}
_ROLE_PROJECTIONS: dict[tuple[str, str], Callable[[Row], Doc]] = {
    (Kind.PAYMENT, RETURNED): purchase,
    (Kind.REFUND, UNAPPLIED): purchase,
    (Kind.DISPUTE, BACK): deposit,
}
