"""Questions a lower action must ask before it acts, answered by higher packages: yes, no with a reason, not yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How a gate may answer."""

    YES = "yes"
    NO = "no"
    NOT_YET = "not_yet"


@dataclass(frozen=True)
class Answer:
    """A verdict, and for "no" and "not yet" the reason in words a person can act on."""

    verdict: Verdict
    reason: str = ""

    @property
    def is_yes(self) -> bool:
        """Whether the action may go ahead."""
        return self.verdict is Verdict.YES


YES = Answer(Verdict.YES)
Gate = Callable[..., Answer]
_gates: dict[str, list[Gate]] = defaultdict(list)


def gate(question: str) -> Callable[[Gate], Gate]:
    """Register a function ``(subject, **facts) -> Answer`` for a question named ``package.may_verb_thing``."""

    def register(function: Gate) -> Gate:
        _gates[question].append(function)
        return function

    return register


def ask(question: str, subject: Any, **facts: Any) -> Answer:
    """Ask every gate of a question: a no beats a not yet, a not yet beats a yes; with no gate the answer is yes."""
    answers = [function(subject, **facts) for function in _gates[question]]
    for verdict in (Verdict.NO, Verdict.NOT_YET):
        for answer in answers:
            if answer.verdict is verdict:
                return answer
    return YES


def registered() -> dict[str, list[str]]:
    """Every question with the gates that answer it, by dotted name."""
    return {q: [f"{f.__module__}.{f.__qualname__}" for f in fs] for q, fs in sorted(_gates.items()) if fs}
