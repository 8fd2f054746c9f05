"""What the judges found, by kind and in words."""

from __future__ import annotations

from dataclasses import dataclass

LOST, DUPLICATED, DIVERGED, STUCK = "lost", "duplicated", "diverged", "stuck"


@dataclass(frozen=True)
class Finding:
    """One way in which the two books, or the engine, are not as they must be."""

    kind: str
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


def worst_first(finding: Finding) -> tuple[int, str]:
    """The order of findings."""
    return (LOST, DUPLICATED, DIVERGED, STUCK).index(finding.kind), finding.words
