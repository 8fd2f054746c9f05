"""Three-way merge with two snapshots: pure, for clients and drafts only.

Each side is a pair (base, now) in its own projection, because ledgers trim, mask and round: with one base every sweep
would see a change that nobody made. A document is flat: text by field name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Flat = Mapping[str, str]


class Owner(StrEnum):
    """Who decides when both sides changed a field, and who may change it at all."""

    APP = "app"
    LEDGER = "ledger"
    BOTH = "both"
    PUSH_ONLY = "push_only"


@dataclass(frozen=True)
class Side:
    """What one side last agreed on, and what it says now."""

    base: Flat
    now: Flat

    def changed(self, name: str) -> bool:
        """Whether this side changed a field since both agreed."""
        return self.base.get(name, "") != self.now.get(name, "")


@dataclass(frozen=True)
class Conflict:
    """A field both sides changed differently and nobody owns: a person decides, only this field waits."""

    name: str
    base: str
    ours: str
    theirs: str


@dataclass(frozen=True)
class Merged:
    """What both sides should say, what is new for each, what was lost to whom, and what waits for a person."""

    values: dict[str, str] = field(default_factory=dict)
    to_ours: dict[str, str] = field(default_factory=dict)
    to_theirs: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()


def merge(ours: Side, theirs: Side, owners: Mapping[str, Owner]) -> Merged:
    """Merge the fields that have an owner.

    One side changed: take it if that side may. Both the same way: agree. Both differently: the owner wins and the
    other value is kept in ``lost``; without an owner it is a conflict, and the field keeps their value meanwhile,
    because full-document updates must say something.
    """
    values: dict[str, str] = {}
    to_ours: dict[str, str] = {}
    to_theirs: dict[str, str] = {}
    lost: dict[str, str] = {}
    conflicts: list[Conflict] = []
    for name, owner in owners.items():
        mine, yours = ours.now.get(name, ""), theirs.now.get(name, "")
        outcome = _field(owner, ours.changed(name), theirs.changed(name), mine == yours)
        if outcome == "conflict":
            conflicts.append(Conflict(name, ours.base.get(name, ""), mine, yours))
            values[name] = yours
        elif outcome == "ours":
            values[name] = mine
            if mine != yours:
                to_theirs[name] = mine
                if theirs.changed(name):
                    lost[name] = yours
        elif outcome == "theirs":
            values[name] = yours
            if mine != yours:
                to_ours[name] = yours
                if ours.changed(name):
                    lost[name] = mine
        else:
            values[name] = mine
    return Merged(values, to_ours, to_theirs, lost, tuple(conflicts))


def _field(owner: Owner, we_changed: bool, they_changed: bool, equal: bool) -> str:
    """How one field ends: "keep", "ours", "theirs" or "conflict"."""
    if owner is Owner.PUSH_ONLY:
        return "ours" if we_changed else "keep"
    if equal or not (we_changed or they_changed):
        return "keep"
    if we_changed and they_changed:
        return {Owner.APP: "ours", Owner.LEDGER: "theirs"}.get(owner, "conflict")
    if we_changed:
        return "theirs" if owner is Owner.LEDGER else "ours"
    return "ours" if owner is Owner.APP else "theirs"


def flatten(doc: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """A nested document as text by dotted name."""
    flat: dict[str, str] = {}
    for key, value in doc.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        elif not isinstance(value, list):
            flat[f"{prefix}{key}"] = str(value)
    return flat
