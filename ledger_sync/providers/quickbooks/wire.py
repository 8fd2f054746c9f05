"""Our documents as QuickBooks' JSON. Creates and updates go in batches, which tell each document's own fault; a void or
a deletion is a call of its own. The batch's requestid is the call's key, so an item's id in it is its position."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger_sync.kinds import BACK, CREDIT, RETURNED, UNAPPLIED
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Outgoing, Wire
from ledger_sync.providers.quickbooks.reading import REFERENCE, entity_of

BATCH, UPLOAD = "/batch", "/upload"
PDF = "application/pdf"
#: Countries whose customers have a tax identifier to write (Intuit docs, Customer); elsewhere the field is refused.
TAX_NUMBERS = ("AU", "CA", "GB", "IN")


@dataclass(frozen=True)
class Company:
    """What rendering must know of the company."""

    country: str = "US"


def render(items: Sequence[Outgoing], company: Company) -> Wire:
    """One call for documents of one kind, role and action."""
    first = items[0]
    entity = entity_of(first.kind, first.role)
    operation = f"qbo.{first.kind}.{first.role or 'main'}.{first.action}"
    if first.kind == Kind.ATTACHMENT:
        return Wire(operation, "POST", UPLOAD, _json(_file(first)))
    alone = _ALONE.get((first.kind, first.role, first.action))
    if alone is not None:
        return Wire(operation, "POST", f"/{entity.lower()}?operation={alone}", _json(_head(first)))
    build = _BUILDERS[first.kind, first.role]
    requests = [
        {"bId": str(one.position), "operation": one.action, entity: {**_head(one), **build(one, company)}}
        for one in items
    ]
    return Wire(operation, "POST", BATCH, _json({"BatchItemRequest": requests}))


def _json(body: Doc) -> str:
    return json.dumps(body, ensure_ascii=False)


def _head(item: Outgoing) -> Doc:
    """What a change must name. Updates are sparse: what we do not send stays as the bookkeeper left it."""
    if not item.remote_id:
        return {}
    return {"Id": item.remote_id, "SyncToken": item.remote_version.partition("@")[0] or "0", "sparse": True}


def _number(text: str) -> float:
    """An amount as a JSON number. Its shortest decimal form is the text it came from, up to fifteen digits."""
    return float(text)


def safe_name(name: str) -> str:
    """A name without the colon that would make it a part of another (Intuit docs, Customer)."""
    return name.replace(":", " –")


def _ref(key: str) -> Doc:
    return {"value": key}


#: Our names of a customer's fields → QuickBooks'.
_CUSTOMER_FIELDS: dict[str, tuple[str, ...]] = {
    "name": ("DisplayName", "CompanyName"),
    "email": ("PrimaryEmailAddr",),
    "phone": ("PrimaryPhone",),
    "tax_number": ("PrimaryTaxIdentifier",),
    "address": ("BillAddr",),
}


def _customer(item: Outgoing, company: Company) -> Doc:
    doc = item.doc
    address = doc["address"]
    name = safe_name(doc["name"])
    body: Doc = {
        "DisplayName": name,
        "CompanyName": name[:100],
        "PrimaryEmailAddr": {"Address": doc["email"]},
        "PrimaryPhone": {"FreeFormNumber": doc["phone"][:30]},
        "BillAddr": {
            "Line1": address["line1"],
            "Line2": address["line2"],
            "City": address["city"],
            "CountrySubDivisionCode": address["region"],
            "PostalCode": address["postcode"],
            "Country": address["country"],
        },
    }
    if doc["tax_number"] and company.country in TAX_NUMBERS:
        body["PrimaryTaxIdentifier"] = doc["tax_number"]
    if item.action == "create":
        return {**body, "Notes": f"Countersign {doc['number']}"}
    sent = {theirs for name in item.fields or _CUSTOMER_FIELDS for theirs in _CUSTOMER_FIELDS.get(name, ())}
    return {key: value for key, value in body.items() if key in sent}


def _item(item: Outgoing, company: Company) -> Doc:
    doc = item.doc
    return {
        "Name": safe_name(doc["name"])[:100],
        "Type": "Service",
        "Sku": doc["code"],
        "Description": doc["description"][:4000],
        "IncomeAccountRef": _ref(doc["account"]),
    }


def _sale(item: Outgoing, company: Company) -> Doc:
    """An invoice or a credit memo."""
    doc = item.doc
    body: Doc = {
        "DocNumber": doc["number"],
        "CustomerRef": _ref(doc["contact"]),
        "TxnDate": doc["date"],
        "CustomerMemo": {"value": doc["reference"]},
        "Line": [_line(line) for line in doc["lines"]],
    }
    if item.kind == Kind.INVOICE:
        # Countersign sends and chases; QuickBooks must not.
        body |= {"DueDate": doc["due_on"], "BillEmail": {"Address": doc["email"]}, "EmailStatus": "NotSet"}
        body |= {"AllowOnlineCreditCardPayment": False, "AllowOnlineACHPayment": False}
    if company.country != "US":
        body["GlobalTaxCalculation"] = "TaxInclusive" if doc["basis"] == "inclusive" else "TaxExcluded"
    if _number(doc["tax"]):
        body["TxnTaxDetail"] = {"TotalTax": _number(doc["tax"])}
    return body


def _line(line: Doc) -> Doc:
    # Intuit docs, Invoice: a line without an item is documentation, its amount is ignored.
    assert line["item"], "the engine sends no line without an item to QuickBooks"
    detail: Doc = {
        "ItemRef": _ref(line["item"]),
        "Qty": _number(line["quantity"]),
        "UnitPrice": _number(line["unit_price"]),
        "TaxCodeRef": _ref(line["tax"]),
    }
    for one in line.get("tracked", ()):
        detail["ClassRef"] = _ref(one["class"])
    return {
        "Amount": _number(line["amount"]),
        "Description": line["description"][:4000],
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
    }


def _payment(item: Outgoing, company: Company) -> Doc:
    """The whole payment; its lines are all or nothing, also in a sparse update (Intuit docs, Payment)."""
    doc = item.doc
    return {
        "CustomerRef": _ref(doc["contact"]),
        "TotalAmt": _number(doc["amount"]),
        "TxnDate": doc["date"],
        "DepositToAccountRef": _ref(doc["account"]),
        "PaymentRefNum": doc["reference"][:REFERENCE],
        "PrivateNote": doc["reference"],
        "Line": [_used_for(line) for line in doc["lines"]],
    }


def _used_for(line: Doc) -> Doc:
    """An invoice it pays, or a purchase by which it went back (Intuit docs, Payment: LinkedTxn of type Expense)."""
    if "purchase" in line:
        return _linked(line["amount"], line["purchase"], "Expense")
    return _linked(line["amount"], line["invoice"], "Invoice")


def _receipt(item: Outgoing, company: Company) -> Doc:
    """A reduced price and the money given back for it, in one (Intuit docs, RefundReceipt)."""
    doc = item.doc
    body = _sale(item, company)
    del body["CustomerMemo"]
    return {**body, "DepositToAccountRef": _ref(doc["account"]), "PrivateNote": doc["reference"]}


def _credit_on_invoice(item: Outgoing, company: Company) -> Doc:
    doc = item.doc
    return {
        "CustomerRef": _ref(doc["contact"]),
        "TotalAmt": 0,
        "TxnDate": doc["date"],
        "PaymentRefNum": doc["reference"][:REFERENCE],
        "Line": [
            _linked(doc["amount"], doc["invoice"], "Invoice"),
            _linked(doc["amount"], doc["credit"], "CreditMemo"),
        ],
    }


def _linked(amount: str, key: str, kind: str) -> Doc:
    return {"Amount": _number(amount), "LinkedTxn": [{"TxnId": key, "TxnType": kind}]}


def _purchase(item: Outgoing, company: Company) -> Doc:
    doc = item.doc
    body = {
        "PaymentType": "Cash",
        "AccountRef": _ref(doc["account"]),
        "TxnDate": doc["date"],
        "PrivateNote": doc["reference"],
        "Line": [_spent(line, doc.get("contact", "")) for line in doc["lines"]],
    }
    return {**body, **_untaxed(doc, company)}


def _spent(line: Doc, contact: str) -> Doc:
    """A line of a purchase; one that is a client's names them, as receivables must."""
    detail: Doc = {"AccountRef": _ref(line["account"])}
    if line["tax"]:
        detail["TaxCodeRef"] = _ref(line["tax"])
    if contact:
        detail |= {"CustomerRef": _ref(contact), "BillableStatus": "NotBillable"}
    return {
        "Amount": _number(line["amount"]),
        "Description": line["description"],
        "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": detail,
    }


def _untaxed(doc: Doc, company: Company) -> Doc:
    """Outside the US a document says that it has nothing to do with tax."""
    taxed = company.country == "US" or any(line["tax"] for line in doc["lines"])
    return {} if taxed else {"GlobalTaxCalculation": "NotApplicable"}


def _deposit(item: Outgoing, company: Company) -> Doc:
    doc = item.doc
    return {
        "DepositToAccountRef": _ref(doc["account"]),
        "TxnDate": doc["date"],
        "PrivateNote": doc["reference"],
        "Line": [
            {
                "Amount": _number(line["amount"]),
                "Description": line["description"],
                "DetailType": "DepositLineDetail",
                "DepositLineDetail": {
                    "AccountRef": _ref(line["account"]),
                    "Entity": {"value": doc["contact"], "type": "CUSTOMER"},
                },
            }
            for line in doc["lines"]
        ],
        **_untaxed(doc, company),
    }


def _file(item: Outgoing) -> Doc:
    """A file with its record (Intuit docs, Attachable: upload); :func:`as_form` makes a form of it."""
    doc = item.doc
    link = {"EntityRef": {"type": "Invoice", "value": doc["invoice"]}, "IncludeOnSend": False}
    return {"record": {"FileName": doc["name"], "ContentType": PDF, "AttachableRef": [link]}, "file": doc["content"]}


def as_form(body: str, boundary: str) -> bytes:
    """The parts of an upload: what is said of the file, and the file."""
    parts = json.loads(body)
    name = parts["record"]["FileName"]
    head = 'Content-Disposition: form-data; name="file_{what}_01"; filename="{name}"\r\nContent-Type: {kind}\r\n'
    said = head.format(what="metadata", name="attachment.json", kind="application/json")
    sent = head.format(what="content", name=name, kind=PDF) + "Content-Transfer-Encoding: base64\r\n"
    lines = [
        f"--{boundary}", f"{said}\r\n{json.dumps(parts['record'])}",
        f"--{boundary}", f"{sent}\r\n{parts['file']}",
        f"--{boundary}--", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def _transfer(item: Outgoing, company: Company) -> Doc:
    doc = item.doc
    return {
        "FromAccountRef": _ref(doc["from"]),
        "ToAccountRef": _ref(doc["to"]),
        "Amount": _number(doc["amount"]),
        "TxnDate": doc["date"],
        "PrivateNote": doc["reference"],
    }


_Build = Callable[[Outgoing, Company], Doc]
_BUILDERS: dict[tuple[str, str], _Build] = {
    (Kind.CLIENT, ""): _customer,
    (Kind.ITEM, ""): _item,
    (Kind.INVOICE, ""): _sale,
    (Kind.CREDIT, ""): _sale,
    (Kind.PAYMENT, ""): _payment,
    (Kind.PAYMENT, RETURNED): _purchase,
    (Kind.ALLOCATION, CREDIT): _credit_on_invoice,
    (Kind.REFUND, ""): _receipt,
    (Kind.REFUND, UNAPPLIED): _purchase,
    (Kind.DISPUTE, ""): _purchase,
    (Kind.DISPUTE, BACK): _deposit,
    (Kind.FEE, ""): _purchase,
    (Kind.PAYOUT, ""): _transfer,
    (Kind.PAYOUT, BACK): _transfer,
}
#: What is a call of its own, and its operation. An invoice's void differs from a payment's (the library's mixins).
_ALONE: dict[tuple[str, str, str], str] = {
    (Kind.INVOICE, "", "void"): "void",
    (Kind.PAYMENT, "", "void"): "update&include=void",
    (Kind.PAYMENT, RETURNED, "delete"): "delete",
    (Kind.CREDIT, "", "void"): "void",
    (Kind.ALLOCATION, CREDIT, "delete"): "delete",
    (Kind.REFUND, "", "delete"): "delete",
    (Kind.REFUND, UNAPPLIED, "delete"): "delete",
    (Kind.DISPUTE, "", "delete"): "delete",
    (Kind.DISPUTE, BACK, "delete"): "delete",
}
