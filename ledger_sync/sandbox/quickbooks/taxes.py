"""Sales tax: rates, codes and agencies, and what a document owes of it, in the US by place and elsewhere by code."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from ledger_sync.sandbox.quickbooks import errors, saving, wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.errors import Invalid, Problem
from ledger_sync.sandbox.quickbooks.wire import ZERO, Row

TAX_CODE = frozenset("Name Description Active Taxable TaxGroup Hidden".split())
TAX_RATE = frozenset("Name Description Active RateValue AgencyRef SpecialTaxType DisplayType".split())
SERVICE = frozenset("TaxCode TaxRateDetails".split())
PSEUDO = ("TAX", "NON")
SALES, PURCHASE = "SalesTaxRateList", "PurchaseTaxRateList"
_MODES = ("TaxExcluded", "TaxInclusive", "NotApplicable")
#: What the tax is called where it matters to the words of a refusal.
_WORDS = {"AU": "GST", "NZ": "GST", "SG": "GST", "CA": "sales tax", "GB": "VAT", "ZA": "VAT"}


@dataclass(frozen=True)
class Taxed:
    """One line that may be taxed: its amount before tax and the code on it."""

    net: Decimal
    code: str


# Making codes and rates


def add_rate(books: Books, name: str, percent: str, agency: str, special: str = "NONE") -> Row:
    """Add a tax rate of an agency."""
    row: Row = {
        "Id": books.next_id("TaxRate"), "Name": name, "Description": "Sales Tax", "Active": True, "RateValue": percent,
        "AgencyRef": {"value": agency}, "SpecialTaxType": special, "DisplayType": "ReadOnly",
    }  # fmt: skip
    return books.add("TaxRate", row)


def add_code(books: Books, name: str, sales: list[str], purchase: list[str], *, made: str = "USER_DEFINED") -> Row:
    """Add a tax code with its rates for sales and for purchases."""
    books.hold("TaxCode", name, name)
    row: Row = {
        "Id": books.next_id("TaxCode"), "Name": name, "Description": name, "Active": True, "Hidden": False,
        "Taxable": True, "TaxGroup": True, SALES: _list(sales), PURCHASE: _list(purchase), "TaxCodeConfigType": made,
    }  # fmt: skip
    return books.add("TaxCode", row)


def _list(rates: list[str]) -> Row:
    details = [{"TaxTypeApplicable": "TaxOnAmount", "TaxRateRef": {"value": key}, "TaxOrder": 0} for key in rates]
    return {"TaxRateDetail": details}


def serve(books: Books, body: Row) -> Row:
    """Make a tax code of new and existing rates, as ``/taxservice/taxcode`` does. Raises Invalid."""
    fields = saving.fields_of(books, "TaxService", SERVICE, body)
    name = str(fields.get("TaxCode") or "")
    details = fields.get("TaxRateDetails") or []
    for needed, value in (("TaxCode", name), ("TaxRateDetails", details)):
        if not value:
            raise Invalid(errors.missing(needed))
    saving.limit({"TaxCode": name}, TaxCode=100)
    if books.holder("TaxCode", name):
        raise Invalid(errors.name_taken())
    used: dict[str, list[str]] = {"Sales": [], "Purchase": []}
    answers = []
    for detail in details:
        rate = _rate(books, detail)
        side = str(detail.get("TaxApplicableOn", "Sales"))
        if side not in used:
            raise Invalid(errors.bad_choice("TaxApplicableOn", side))
        if rate["Id"] in used[side]:
            raise Invalid(errors.business("A tax rate may not be listed twice in a tax code."))
        used[side].append(rate["Id"])
        answers.append({
            "RateValue": rate["RateValue"], "TaxRateId": rate["Id"], "TaxApplicableOn": side,
            "TaxAgencyId": wire.ref(rate, "AgencyRef"), "TaxRateName": rate["Name"],
        })  # fmt: skip
    row = add_code(books, name, used["Sales"], used["Purchase"])
    return {"TaxCode": name, "TaxCodeId": row["Id"], "TaxRateDetails": answers}


def _rate(books: Books, detail: Row) -> Row:
    """The rate a detail names, or a new one. Raises Invalid."""
    if detail.get("TaxRateId"):
        found = books.get("TaxRate", detail["TaxRateId"])
        if found is None:
            raise Invalid(errors.bad_reference("TaxRate", str(detail["TaxRateId"])))
        return found
    for needed in ("TaxRateName", "RateValue", "TaxAgencyId"):
        if detail.get(needed) in (None, ""):
            raise Invalid(errors.missing(needed))
    percent = wire.money(detail, "RateValue")
    if not 0 <= percent <= 100:
        raise Invalid(errors.business("The rate of a tax is between 0 and 100 percent."))
    agency = str(detail["TaxAgencyId"])
    if books.get("TaxAgency", agency) is None:
        raise Invalid(errors.bad_reference("TaxAgency", agency))
    if any(row["Name"] == detail["TaxRateName"] for row in books.table("TaxRate").values()):
        raise Invalid(errors.name_taken())
    return add_rate(books, str(detail["TaxRateName"]), wire.plain(percent), agency)


# Codes on lines


def line_code(books: Books, detail: Row) -> Row:
    """The tax code of a line. Raises Invalid: US lines take TAX or NON (6100), others one of the company's codes."""
    code = wire.ref(detail, "TaxCodeRef")
    if books.is_us:
        if code and code not in PSEUDO:
            raise Invalid(errors.bad_tax_code(code))
        return {"value": code or "NON"}
    if not code:
        return {}
    found = books.get("TaxCode", code)
    if found is None:
        raise Invalid(errors.bad_reference("TaxCode", code))
    if not found["Active"]:
        raise Invalid(errors.inactive())
    return {"value": code}


def settle_mode(books: Books, row: Row, codes: list[str]) -> str:
    """How the amounts of a document outside the US relate to tax; empty in the US. Raises Invalid."""
    if books.is_us or not books.preference("TaxPrefs", "UsingSalesTax"):
        row.pop("GlobalTaxCalculation", None)
        return ""
    mode = row.get("GlobalTaxCalculation", "")
    if not mode and books.switches.tax_mode_required:
        raise Invalid(errors.missing("GlobalTaxCalculation"))
    row["GlobalTaxCalculation"] = mode = mode or "TaxExcluded"
    if mode not in _MODES:
        raise Invalid(errors.bad_choice("GlobalTaxCalculation", mode))
    if mode == "NotApplicable":
        if any(codes):
            raise Invalid(Problem("6160", "TaxCode not allowed", "TaxCodeRef is not allowed when tax is NotApplicable"))
        if wire.money(row.get("TxnTaxDetail"), "TotalTax"):
            raise Invalid(
                Problem("6170", "TxnTaxDetail not allowed", "TxnTaxDetail is not allowed when tax is NotApplicable")
            )
    elif not all(codes):
        word = _WORDS.get(books.company["Country"], "tax")
        # Reported by many callers of AU and GB companies.
        raise Invalid(errors.business(f"Make sure all your transactions have a {word} rate before you save."))
    return str(mode)


def rates_of(books: Books, code: str, side: str) -> list[Row]:
    """The rates of a code, for sales or for purchases."""
    details = (books.get("TaxCode", code) or {}).get(side, {}).get("TaxRateDetail", [])
    return [books.table("TaxRate")[wire.ref(detail, "TaxRateRef")] for detail in details]


def net_of(books: Books, gross: Decimal, code: str, side: str = SALES) -> Decimal:
    """What is left of an amount when the tax inside it is taken off."""
    percent = sum((Decimal(rate["RateValue"]) for rate in rates_of(books, code, side)), ZERO)
    return gross - wire.cents(gross * percent / (100 + percent))


# What a document owes


def work_out(books: Books, row: Row, lines: list[Taxed], side: str = SALES) -> Decimal:
    """Write the tax of a document into it and return it.

    Each rate is worked out once, on all it applies to (outside the US unsure). An amount the caller told is honoured
    and shared among the rates (Intuit docs, Manage sales tax for US locales).
    """
    told = (row.get("TxnTaxDetail") or {}).get("TotalTax")
    chosen = wire.ref(row.get("TxnTaxDetail") or {}, "TxnTaxCodeRef")
    if not books.preference("TaxPrefs", "UsingSalesTax") or row.get("GlobalTaxCalculation") == "NotApplicable":
        row["TxnTaxDetail"] = {"TotalTax": "0.00"}
        return ZERO
    groups = _us_groups(books, row, lines, chosen) if books.is_us else _groups(books, lines, side)
    parts = [(rate, sum(nets, ZERO), _tax_on(books, rate, nets)) for rate, nets in groups]
    total = sum((amount for _, _, amount in parts), ZERO)
    if told is not None:
        parts, total = _told(parts, total, wire.cents(Decimal(told))), wire.cents(Decimal(told))
    detail: Row = {"TotalTax": wire.plain(total)}
    if parts:
        detail["TaxLine"] = [_tax_line(rate, net, amount) for rate, net, amount in parts]
    code = us_code(books, row, chosen) if books.is_us and parts else ""
    row["TxnTaxDetail"] = {"TxnTaxCodeRef": {"value": code}, **detail} if code else detail
    return total


def _told(
    parts: list[tuple[Row, Decimal, Decimal]], total: Decimal, told: Decimal
) -> list[tuple[Row, Decimal, Decimal]]:
    """The shares of the rates in an amount the caller told; the last takes what rounding leaves."""
    out = []
    left = told
    for place, (rate, net, amount) in enumerate(parts, start=1):
        share = left if place == len(parts) else wire.cents(told * amount / total) if total else ZERO
        left -= share
        out.append((rate, net, share))
    return out


def _tax_line(rate: Row, net: Decimal, amount: Decimal) -> Row:
    detail = {
        "TaxRateRef": {"value": rate["Id"]}, "PercentBased": True, "TaxPercent": rate["RateValue"],
        "NetAmountTaxable": wire.plain(net),
    }  # fmt: skip
    return {"Amount": wire.plain(amount), "DetailType": "TaxLineDetail", "TaxLineDetail": detail}


def _tax_on(books: Books, rate: Row, nets: list[Decimal]) -> Decimal:
    """The tax of one rate on the lines it applies to: on their sum, or on each."""
    bases = [sum(nets, ZERO)] if books.switches.tax_rounded_once else nets
    return sum((wire.cents(base * Decimal(rate["RateValue"]) / 100) for base in bases), ZERO)


def _groups(books: Books, lines: list[Taxed], side: str) -> list[tuple[Row, list[Decimal]]]:
    nets: dict[str, list[Decimal]] = {}
    for line in lines:
        for rate in rates_of(books, line.code, side):
            nets.setdefault(rate["Id"], []).append(line.net)
    return [(books.table("TaxRate")[key], found) for key, found in nets.items()]


def _us_groups(books: Books, row: Row, lines: list[Taxed], chosen: str) -> list[tuple[Row, list[Decimal]]]:
    taxable = sum((line.net for line in lines if line.code == "TAX"), ZERO)
    code = us_code(books, row, chosen)
    return [(rate, [taxable]) for rate in rates_of(books, code, SALES)] if taxable and code else []


def us_code(books: Books, row: Row, chosen: str) -> str:
    """The code a US document is taxed with.

    Automated sales tax goes by where the goods or services are received, and overrides what the caller chose; elsewhere
    than in the company's own state nothing is owed here. Without it, the caller's choice or the company's own code.
    """
    own = wire.ref(books.preferences.get("TaxPrefs", {}), "TaxGroupCodeRef")
    if not books.preference("TaxPrefs", "PartnerTaxEnabled"):
        return chosen if books.get("TaxCode", chosen) is not None else own
    if (books.get("Customer", wire.ref(row, "CustomerRef")) or {}).get("TaxExemptionReasonId"):
        return ""  # a customer with a reason owes none (Intuit's reference, Customer.TaxExemptionReasonId)
    home = (books.company.get("CompanyAddr") or {}).get("CountrySubDivisionCode")
    there = (row.get("ShipAddr") or {}).get("CountrySubDivisionCode") or home
    return own if there == home else ""


def payable(books: Books) -> str:
    """The account that sales tax is owed in."""
    return books.account_of("SalesTaxPayable" if books.is_us else "GlobalTaxPayable")
