"""Sensible places for things in a QuickBooks chart: what a bookkeeper would choose, shown and editable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ledger_sync.models import Mapping as Place
from ledger_sync.ports import Ref

P = Place.Purpose
Suggestions = dict[tuple[str, str], tuple[str, str]]
_INCOME = frozenset({"Income", "Other Income"})
_COSTS = frozenset({"Expense", "Other Expense", "Cost of Goods Sold"})
#: What types of account a purpose may go to (Intuit docs, Account: AccountType).
_TYPES: Mapping[str, frozenset[str]] = {
    P.SALES: _INCOME, P.SERVICE: _INCOME, P.CLEARING: frozenset({"Bank"}), P.FEES: _COSTS, P.BANK: frozenset({"Bank"}),
    P.BAD_DEBTS: _COSTS, P.RETURNED: frozenset({"Other Current Asset"}), P.DISPUTED: frozenset({"Other Current Asset"}),
}  # fmt: skip
_TREATMENTS = ("standard", "zero", "exempt", "out_of_scope")


def fits(purpose: str, data: Mapping[str, Any]) -> bool:
    """Whether an account, known by its data, may be chosen for a purpose. A tax code is for income and costs alike."""
    return purpose in (P.TAX, P.FEE_TAX) or data.get("Type") in _TYPES[purpose]


def suggest(refs: Iterable[Ref], country: str) -> Suggestions:
    """(purpose, treatment) → (kind, remote id) for everything that can be told from the chart.

    US services are not taxable by default: every treatment is NON until a person chooses otherwise.
    """
    refs = list(refs)
    accounts = [ref for ref in refs if ref.kind == "account" and ref.active]
    banks = [ref for ref in accounts if "stripe" not in ref.name.lower()]
    places: tuple[tuple[str, Ref | None], ...] = (
        (P.SALES, _best(P.SALES, accounts, ("service", "sales", "fee"), lenient=True)),
        (P.CLEARING, _best(P.CLEARING, accounts, ("stripe",))),
        (P.FEES, _best(P.FEES, accounts, ("stripe", "merchant", "bank"))),
        (P.BANK, _best(P.BANK, banks, ("checking", "business", "operating"), lenient=True)),
        (P.BAD_DEBTS, _best(P.BAD_DEBTS, accounts, ("bad debt",))),
        (P.RETURNED, _best(P.RETURNED, accounts, ("returned payment",))),
        (P.DISPUTED, _best(P.DISPUTED, accounts, ("disputed payment",))),
    )
    found: Suggestions = {(purpose, ""): ("account", ref.remote_id) for purpose, ref in places if ref is not None}
    codes = {ref.remote_id for ref in refs if ref.kind == "tax" and ref.active}
    if "NON" in codes:
        found |= {(P.TAX, treatment): ("tax", "NON") for treatment in _TREATMENTS}
        found[P.FEE_TAX, ""] = ("tax", "NON")
    return found


def _best(purpose: str, accounts: Iterable[Ref], names: tuple[str, ...], *, lenient: bool = False) -> Ref | None:
    """The first account of a type with one of these words in its name; leniently, any of the type."""
    fitting = [account for account in accounts if fits(purpose, account.data)]
    for name in names:
        for account in fitting:
            if name in account.name.lower():
                return account
    return fitting[0] if fitting and lenient else None
