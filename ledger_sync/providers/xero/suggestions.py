"""Sensible places for things in a Xero chart: what a bookkeeper would choose, shown and editable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ledger_sync.models import Mapping as Place
from ledger_sync.ports import Ref

P = Place.Purpose
Suggestions = dict[tuple[str, str], tuple[str, str]]


def suggest(refs: Iterable[Ref], country: str) -> Suggestions:
    """(purpose, treatment) → (kind, remote id) for everything that can be told from the chart."""
    accounts = [r for r in refs if r.kind == "account" and r.active]
    taxes = {r.code: r for r in refs if r.kind == "tax" and r.active}
    found: Suggestions = {}
    places: tuple[tuple[str, Ref | None], ...] = (
        (P.SALES, _best(accounts, ("200",), ("sales", "fees"), {"REVENUE", "SALES"})),
        (P.CLEARING, _best(accounts, (), ("stripe",), {"BANK"})),
        (P.FEES, _best(accounts, ("404",), ("bank fee", "merchant fee"), {"EXPENSE", "OVERHEADS", "DIRECTCOSTS"})),
        (P.BANK, _best([a for a in accounts if "stripe" not in a.name.lower()], ("090",), ("business",), {"BANK"})),
        (P.BAD_DEBTS, _best(accounts, (), ("bad debt",), {"EXPENSE", "OVERHEADS"})),
        (P.RETURNED, _best(accounts, (), ("returned payment",), {"CURRENT"})),
        (P.DISPUTED, _best(accounts, (), ("disputed payment",), {"CURRENT"})),
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


def _best(accounts: Iterable[Ref], codes: tuple[str, ...], names: tuple[str, ...], types: set[str]) -> Ref | None:
    fitting = [a for a in accounts if a.data.get("Type") in types]
    for code in codes:
        for account in fitting:
            if account.code == code:
                return account
    for name in names:
        for account in fitting:
            if name in account.name.lower():
                return account
    return None
