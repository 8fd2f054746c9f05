"""Sensible places for things in a Xero chart: what a bookkeeper would choose, shown and editable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ledger_sync.models import Mapping as Place
from ledger_sync.ports import Ref

P = Place.Purpose
Suggestions = dict[tuple[str, str], tuple[str, str]]
_INCOME, _COSTS = frozenset({"REVENUE", "SALES", "OTHERINCOME"}), frozenset({"EXPENSE", "OVERHEADS", "DIRECTCOSTS"})
#: What types of account a purpose may go to (Xero docs, Types: Account Types).
_TYPES: Mapping[str, frozenset[str]] = {
    P.SALES: _INCOME, P.SERVICE: _INCOME, P.CLEARING: frozenset({"BANK"}), P.FEES: _COSTS, P.BANK: frozenset({"BANK"}),
    P.BAD_DEBTS: _COSTS, P.RETURNED: frozenset({"CURRENT"}), P.DISPUTED: frozenset({"CURRENT"}),
}  # fmt: skip


def fits(purpose: str, data: Mapping[str, Any]) -> bool:
    """Whether an account or tax rate, known by its data, may be chosen for a purpose."""
    if purpose == P.TAX:
        return bool(data.get("revenue"))
    if purpose == P.FEE_TAX:
        return bool(data.get("expenses"))
    # A credit note is paid out of the account of disputes: it must take payments (Xero docs, Payments).
    takes = purpose != P.DISPUTED or bool(data.get("EnablePaymentsToAccount"))
    return takes and data.get("Type") in _TYPES[purpose]


def suggest(refs: Iterable[Ref], country: str) -> Suggestions:
    """(purpose, treatment) → (kind, remote id) for everything that can be told from the chart."""
    accounts = [r for r in refs if r.kind == "account" and r.active]
    taxes = {r.code: r for r in refs if r.kind == "tax" and r.active}
    found: Suggestions = {}
    places: tuple[tuple[str, Ref | None], ...] = (
        (P.SALES, _best(P.SALES, accounts, ("200",), ("sales", "fees"))),
        (P.CLEARING, _best(P.CLEARING, accounts, (), ("stripe",))),
        (P.FEES, _best(P.FEES, accounts, ("404",), ("bank fee", "merchant fee"))),
        (P.BANK, _best(P.BANK, [a for a in accounts if "stripe" not in a.name.lower()], ("090",), ("business",))),
        (P.BAD_DEBTS, _best(P.BAD_DEBTS, accounts, (), ("bad debt",))),
        (P.RETURNED, _best(P.RETURNED, accounts, (), ("returned payment",))),
        (P.DISPUTED, _best(P.DISPUTED, accounts, (), ("disputed payment",))),
    )
    for purpose, ref in places:
        if ref is not None:
            found[(purpose, "")] = ("account", ref.remote_id)
    for (purpose, treatment), codes in _taxes(country).items():
        code = next((c for c in codes if c in taxes), None)
        if code:
            found[(purpose, treatment)] = ("tax", code)
    return found


def _taxes(country: str) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Xero's own TaxType codes by country (Xero docs, Types: TaxTypes)."""
    standard = {"AU": "OUTPUT", "NZ": "OUTPUT2", "GB": "OUTPUT2"}.get(country, "OUTPUT")
    exempt = {"AU": "EXEMPTOUTPUT", "GB": "EXEMPTOUTPUT"}.get(country, "NONE")
    fees = {"AU": "INPUT", "NZ": "NONE"}.get(country, "NONE")
    scope = {"AU": "BASEXCLUDED"}.get(country, "NONE")
    return {
        (P.TAX, "standard"): (standard, "OUTPUT2", "NONE"),
        (P.TAX, "zero"): ("ZERORATEDOUTPUT", exempt, "NONE"),
        (P.TAX, "exempt"): (exempt, "NONE"),
        (P.TAX, "out_of_scope"): (scope, "NONE"),
        (P.FEE_TAX, ""): (fees, "NONE"),
    }


def _best(purpose: str, accounts: Iterable[Ref], codes: tuple[str, ...], names: tuple[str, ...]) -> Ref | None:
    fitting = [a for a in accounts if fits(purpose, a.data)]
    for code in codes:
        for account in fitting:
            if account.code == code:
                return account
    for name in names:
        for account in fitting:
            if name in account.name.lower():
                return account
    return None
