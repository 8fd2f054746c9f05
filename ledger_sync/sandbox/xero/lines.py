"""Line items: what they take from items, accounts and contacts, how they are checked, and how they add up.

Tax is rounded on each line and then summed. This was compared with 79 recorded invoices: every line, every total.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ledger_sync.sandbox.xero import accounts, items, tracking, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Invalid, malformed
from ledger_sync.sandbox.xero.wire import Row


@dataclass(frozen=True)
class Terms:
    """What the lines of one document have in common."""

    selling: bool
    amount_types: str
    #: Approved or waiting for approval: account codes are needed.
    complete: bool
    default_tax: str = ""
    discounts: bool = False
    #: An overpayment's one line stands on the receivable or payable account itself.
    control: str = ""


@dataclass(frozen=True)
class Totals:
    """The sums of a document."""

    sub_total: Decimal
    tax: Decimal
    total: Decimal

    def fields(self) -> Row:
        """The sums under Xero's names."""
        return {"SubTotal": str(self.sub_total), "TotalTax": str(self.tax), "Total": str(self.total)}


def build(books: Books, terms: Terms, given: object, existing: list[Row]) -> list[Row]:
    """Check and complete the lines a caller sent. Raises Invalid with every text, or Refused for what is no list."""
    if not isinstance(given, list) or not all(isinstance(line, dict) for line in given):
        raise malformed("LineItems")
    kept = {line["LineItemID"] for line in existing}
    out, messages = [], []
    for data in given:
        try:
            line = _build_one(books, terms, data)
        except Invalid as invalid:
            messages += invalid.messages
            continue
        wanted = str(data.get("LineItemID") or "").lower()
        # A line sent without its id, or with a stranger's, is a new line (docs).
        out.append({"LineItemID": wanted if wanted in kept else books.ids.new(), **line})
    if messages:
        raise Invalid(*dict.fromkeys(messages))
    return out


def _build_one(books: Books, terms: Terms, data: Row) -> Row:
    item = _item(books, data)
    price = item.get("SalesDetails" if terms.selling else "PurchaseDetails", {})
    line: Row = {"Description": str(data.get("Description") or item.get("Description") or "")}
    if not line["Description"].strip():
        raise Invalid("The description field is mandatory for each line item.")
    if item:
        line["ItemCode"] = item["Code"]
    line.update(_amounts(books, terms, data, price))
    account = _account(books, terms, data, price)
    if account is not None:
        line["AccountCode"], line["AccountID"] = account.get("Code"), account["AccountID"]
    line.update(_tax(books, terms, data, price, account, Decimal(line["LineAmount"])))
    line["_tracking"] = tracking.on_line(books, data.get("Tracking"))
    return {key: value for key, value in line.items() if value is not None}


def _item(books: Books, data: Row) -> Row:
    code = str(data.get("ItemCode") or "")
    item = items.by_code(books, code)
    if code and item is None:
        raise Invalid(f"Item code '{code}' is not valid")
    return item or {}


def _number(data: Row, name: str) -> Decimal | None:
    value = data.get(name)
    number = wire.as_number(value)
    if number is None and value not in (None, ""):
        raise malformed(name)
    return number


def _amounts(books: Books, terms: Terms, data: Row, price: Row) -> Row:
    quantity, unit = _number(data, "Quantity"), _number(data, "UnitAmount")
    stated = _number(data, "LineAmount")
    if unit is None and price.get("UnitPrice") and stated is None:
        unit = Decimal(price["UnitPrice"])
    if quantity is None:
        quantity = Decimal(0 if unit is None and stated is None else 1)
    if unit is None:
        unit = stated / quantity if stated is not None and quantity else Decimal(0)
    unit = Decimal(wire.places(unit, books.unit_places))
    rate, amount = _number(data, "DiscountRate"), _number(data, "DiscountAmount")
    if (rate or amount) and not terms.discounts:
        raise Invalid("Discounts are only allowed on sales invoices.")
    gross = quantity * unit
    total = wire.cents(gross * (1 - rate / 100) if rate else gross - (amount or 0))
    if stated is not None and wire.cents(stated) != total:
        raise Invalid(f"The line total {wire.cents(stated)} does not match the expected line total {total}")
    return {
        "Quantity": wire.places(quantity, 4),
        "UnitAmount": format(unit, "f"),
        "DiscountRate": wire.places(rate, 2) if rate else None,
        "DiscountAmount": wire.places(amount, 2) if amount else None,
        "LineAmount": str(total),
    }


def _account(books: Books, terms: Terms, data: Row, price: Row) -> Row | None:
    if terms.control:
        return accounts.system(books, terms.control)
    code = str(data.get("AccountCode") or price.get("AccountCode") or "")
    if not code and not data.get("AccountID"):
        if terms.complete:
            raise Invalid("Account code must be specified")
        return None
    reference = {"AccountID": data["AccountID"]} if not code else {"Code": code}
    account = accounts.find(books, reference)
    if account is None or account["Type"] == "BANK" or account.get("SystemAccount") in ("DEBTORS", "CREDITORS"):
        raise Invalid(f"Account code '{code}' is not a valid code for this document.")
    if account["Status"] != "ACTIVE":
        raise Invalid(
            f"Account code '{code}' has been archived, or has been deleted. "
            "Each line item must reference a valid account."
        )
    return account


def _tax(books: Books, terms: Terms, data: Row, price: Row, account: Row | None, amount: Decimal) -> Row:
    if terms.amount_types == "NoTax":
        return {"TaxType": "NONE", "TaxAmount": "0.00"}
    wanted = str(
        data.get("TaxType") or price.get("TaxType") or terms.default_tax or (account or {}).get("TaxType") or "NONE"
    )
    rate = _rate(books, wanted, account)
    stated = _number(data, "TaxAmount")
    return {
        "TaxType": wanted,
        "TaxAmount": str(tax_of(amount, rate, terms.amount_types) if stated is None else wire.cents(stated)),
    }


def _rate(books: Books, wanted: str, account: Row | None) -> Decimal:
    if wanted == "NONE":
        return Decimal(0)
    rate = books.get("TaxRates", wanted)
    if rate is None or rate["Status"] != "ACTIVE":
        raise Invalid(f"The TaxType code {wanted} does not exist or cannot be used for this type of transaction.")
    if account is not None and not (accounts.tax_applies(rate, account) and _may_tax(books, rate, account)):
        raise Invalid(f"The TaxType code '{wanted}' cannot be used with account code '{account.get('Code', '')}'.")
    return Decimal(rate["EffectiveRate"])


def _may_tax(books: Books, rate: Row, account: Row) -> bool:
    """Whether tax may stand on a line to this account; on one to a current liability it is unsure (switch)."""
    return account["Type"] != "CURRLIAB" or books.switches.tax_on_liabilities or not Decimal(rate["EffectiveRate"])


def tax_of(amount: Decimal, rate: Decimal, amount_types: str) -> Decimal:
    """The tax of one line, to the cent: on top of an exclusive amount, inside an inclusive one."""
    if amount_types == "Inclusive":
        return wire.cents(amount * rate / (100 + rate))
    return wire.cents(amount * rate / 100)


def totals(lines: list[Row], amount_types: str) -> Totals:
    """Add up a document's lines."""
    amount = sum((Decimal(line["LineAmount"]) for line in lines), wire.ZERO)
    tax = sum((Decimal(line["TaxAmount"]) for line in lines), wire.ZERO)
    if amount_types == "Inclusive":
        return Totals(amount - tax, tax, amount)
    return Totals(amount, tax, amount + tax)


def resend(line: Row, *, keep_tax: bool) -> Row:
    """A stored line as its owner would send it again, for a document whose lines were not sent."""
    keys = "LineItemID Description Quantity UnitAmount DiscountRate DiscountAmount ItemCode AccountCode TaxType".split()
    if keep_tax:
        keys.append("TaxAmount")
    pairs = [
        {"TrackingCategoryID": pair["_category"], "TrackingOptionID": pair["_option"]} for pair in line["_tracking"]
    ]
    return {**{key: line[key] for key in keys if key in line}, "Tracking": pairs}


def show(books: Books, line: Row) -> Row:
    """A line on the wire."""
    shown = {**line, "Tracking": tracking.shown_on_line(books, line["_tracking"])}
    shown["UnitAmount"] = wire.places(Decimal(line["UnitAmount"]), books.unit_places)
    return shown
