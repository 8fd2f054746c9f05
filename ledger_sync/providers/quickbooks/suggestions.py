"""Sensible places for things in a QuickBooks chart: what a bookkeeper would choose, shown and editable."""

from __future__ import annotations

from collections.abc import Iterable

from ledger_sync.models import Mapping as Place
from ledger_sync.ports import Ref

P = Place.Purpose
Suggestions = dict[tuple[str, str], tuple[str, str]]
_TREATMENTS = ("standard", "zero", "exempt", "out_of_scope")


def suggest(refs: Iterable[Ref], country: str) -> Suggestions:
    """(purpose, treatment) → (kind, remote id) for everything that can be told from the chart.

    US services are not taxable by default: every treatment is NON until a person chooses otherwise.
    """
    refs = list(refs)
    accounts = [ref for ref in refs if ref.kind == "account" and ref.active]
    banks = [ref for ref in accounts if "stripe" not in ref.name.lower()]
    places: tuple[tuple[str, Ref | None], ...] = (
        (P.SALES, _best(accounts, ("service", "sales", "fee"), {"Income"}, lenient=True)),
        (P.CLEARING, _best(accounts, ("stripe",), {"Bank"})),
        (P.FEES, _best(accounts, ("stripe", "merchant", "bank"), {"Expense", "Cost of Goods Sold"})),
        (P.BANK, _best(banks, ("checking", "business", "operating"), {"Bank"}, lenient=True)),
        (P.BAD_DEBTS, _best(accounts, ("bad debt",), {"Expense", "Other Expense"})),
        (P.RETURNED, _best(accounts, ("returned payment",), {"Other Current Asset"})),
        (P.DISPUTED, _best(accounts, ("disputed payment",), {"Other Current Asset"})),
    )
    found: Suggestions = {(purpose, ""): ("account", ref.remote_id) for purpose, ref in places if ref is not None}
    codes = {ref.remote_id for ref in refs if ref.kind == "tax" and ref.active}
    if "NON" in codes:
        found |= {(P.TAX, treatment): ("tax", "NON") for treatment in _TREATMENTS}
        found[P.FEE_TAX, ""] = ("tax", "NON")
    return found


def _best(accounts: Iterable[Ref], names: tuple[str, ...], types: set[str], *, lenient: bool = False) -> Ref | None:
    """The first account of a type with one of these words in its name; leniently, any of the type."""
    fitting = [account for account in accounts if account.data.get("Type") in types]
    for name in names:
        for account in fitting:
            if name in account.name.lower():
                return account
    return fitting[0] if fitting and lenient else None
