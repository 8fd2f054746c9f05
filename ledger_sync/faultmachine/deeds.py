"""What the bookkeeper did in the ledger, as the oracle must know it. Facts only: nobody here knows the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random


@dataclass(frozen=True)
class Deed:
    """One change by the bookkeeper: what, to which record (by its id there), and the value it got."""

    what: str
    record: str
    value: str = ""


@dataclass
class Deeds:
    """Everything the bookkeeper did, in order."""

    done: list[Deed] = field(default_factory=list)

    def add(self, what: str, record: str, value: str = "") -> None:
        """Write one down."""
        self.done.append(Deed(what, record, value))

    def pay(self, invoice: str, payment: str) -> None:
        """A payment was recorded on an invoice."""
        self.add("pay", invoice, payment)
        self.add("paid", payment, invoice)

    def credit(self, invoice: str, note: str) -> None:
        """A credit note was made and put on an invoice."""
        self.add("credited", invoice, note)
        self.add("credit", note, invoice)

    def merge(self, loser: str, survivor: str, number: str, values: dict[str, str]) -> None:
        """A client's contact was merged into another; ``values`` are what that says, where it is none of ours."""
        self.add("was", number, loser)
        self.add("merge", loser, survivor)
        for what, value in values.items():
            self.add(what, survivor, value)

    def values(self, what: str, record: str) -> list[str]:
        """The values a record was given, first to last."""
        return [deed.value for deed in self.done if (deed.what, deed.record) == (what, record)]

    def losers(self) -> set[str]:
        """Contacts that were merged away."""
        return {deed.record for deed in self.done if deed.what == "merge"}

    def touched(self, record: str, *whats: str) -> bool:
        """Whether the bookkeeper did any of these to a record."""
        return any(deed.record == record and deed.what in whats for deed in self.done)


def share_of(due: Decimal, chance: Random) -> Decimal:
    """What is paid of an amount due: all of it, or half."""
    return due if chance.random() < 0.6 else (due / 2).quantize(Decimal("0.01"))
