"""The invoice as a PDF: the tax invoice its country asks for, set by typst from plain data.

Australia: "Tax invoice" with the seller's ABN and, from AUD 1,000, the buyer's identity (ATO, "Tax invoices"). New
Zealand: "Tax invoice" with the GST number. United Kingdom: "VAT invoice" with the VAT number and the tax point. United
States, and a seller who is not registered: "Invoice".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import typst

from billing.models import Invoice, InvoiceLine
from practice.core import dates
from practice.core.money import in_words
from practice.core.templatetags.words import price, quantity
from practice.firm import tax_numbers
from practice.firm.models import Entity

_TEMPLATE = Path(__file__).parent / "documents" / "invoice.typ"
_TITLES = {"AU": "Tax invoice", "NZ": "Tax invoice", "GB": "VAT invoice", "US": "Invoice"}


@dataclass(frozen=True)
class Where:
    """A currency and a locale, as the filters that write amounts take them."""

    currency: str
    locale: str


def filename(invoice: Invoice) -> str:
    """What the file is called: "CS-00012.pdf"."""
    return f"{invoice.number or 'draft'}.pdf"


def render(invoice: Invoice) -> bytes:
    """The PDF of an issued invoice: always the document the client was given, whatever was paid since."""
    compiled = typst.compile(str(_TEMPLATE), sys_inputs={"invoice": json.dumps(facts_of(invoice))})
    assert isinstance(compiled, bytes), "one input gives one document"
    return compiled


def title_of(entity: Entity) -> str:
    """What the law of the entity's country wants the document called."""
    return _TITLES[entity.country] if entity.tax_basis != Entity.Basis.NONE else "Invoice"


def facts_of(invoice: Invoice) -> dict[str, Any]:
    """Everything the page says, in words."""
    entity = invoice.entity
    lines = list(invoice.lines.order_by("position"))
    inclusive = invoice.price_basis == "inclusive"
    return {
        "title": f"{title_of(entity)} {invoice.number}",
        "state": "Void" if invoice.status == Invoice.Status.VOID else "",
        "paper": "us-letter" if entity.country == "US" else "a4",
        "footer": f"{entity.name}, {invoice.number}",
        "seller": {"name": entity.name, "lines": _seller_lines(entity)},
        "buyer": {"name": invoice.recipient_name, "lines": _buyer_lines(invoice)},
        "facts": _facts(invoice),
        "columns": ["Service", "Quantity", "Price", entity.tax_name, "Amount"],
        "lines": [_line(invoice, line) for line in lines],
        "totals": _totals(invoice),
        "notes": [f"Prices {'include' if inclusive else 'exclude'} {entity.tax_name}.", *_notes(invoice, lines)]
        if invoice.tax
        else _notes(invoice, lines),
    }


def _seller_lines(entity: Entity) -> list[str]:
    number = [f"{tax_numbers.name_of(entity.country)} {entity.tax_number}"] if entity.tax_number else []
    return [*number, *entity.address.splitlines(), entity.practice.phone, entity.practice.email]


def _buyer_lines(invoice: Invoice) -> list[str]:
    number = invoice.recipient_tax_number
    name = tax_numbers.name_of(invoice.client.country)
    return [*invoice.recipient_address.splitlines(), *([f"{name} {number}"] if number else [])]


def _facts(invoice: Invoice) -> list[tuple[str, str]]:
    assert invoice.issued_on is not None, "a PDF is of an issued invoice"
    found = [("Number", invoice.number), ("Date", dates.in_words(invoice.issued_on))]
    if invoice.entity.country == "GB":
        found.append(("Tax point", dates.in_words(invoice.issued_on)))
    if invoice.due_on is not None:
        found.append(("Due", dates.in_words(invoice.due_on)))
    return [*found, *([("Reference", invoice.reference)] if invoice.reference else [])]


def _line(invoice: Invoice, line: InvoiceLine) -> list[str]:
    return [
        line.description,
        quantity(line.quantity),
        price(line.unit_price, Where(invoice.currency, invoice.entity.locale)),
        f"{quantity(line.tax_rate)}%" if line.tax_rate else "–",
        in_words(line.amount, invoice.currency, invoice.entity.locale),
    ]


def _totals(invoice: Invoice) -> list[tuple[str, str, bool]]:
    def words(amount: Decimal) -> str:
        return in_words(amount, invoice.currency, invoice.entity.locale)

    rows = [("Net", words(invoice.net), False)]
    if invoice.tax or invoice.entity.tax_basis != Entity.Basis.NONE:
        rows.append((invoice.entity.tax_name, words(invoice.tax), False))
    return [*rows, (f"Total {invoice.currency}", words(invoice.total), True)]


def _notes(invoice: Invoice, lines: list[InvoiceLine]) -> list[str]:
    locale, currency = invoice.entity.locale, invoice.currency
    parts = [
        f"{part.what}: {in_words(part.amount, currency, locale)}, due {dates.in_words(part.due_on)}."
        for part in invoice.instalments.order_by("position")
    ]
    exempt = any(line.treatment == "exempt" for line in lines) and invoice.client.tax_exempt_reason
    return [*parts, *([f"Exempt: {invoice.client.tax_exempt_reason}."] if exempt else [])]
