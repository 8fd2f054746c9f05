"""Questions a lower action must ask before it acts, answered by higher packages: yes, no with a reason, not yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
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
GateForMany = Callable[..., list[Answer]]
_gates: dict[str, list[Gate]] = defaultdict(list)
_gates_for_many: dict[str, list[GateForMany]] = defaultdict(list)


def gate(question: str) -> Callable[[Gate], Gate]:
    """Register a function ``(subject, **facts) -> Answer`` for a question named ``package.may_verb_thing``."""

    def register(function: Gate) -> Gate:
        _gates[question].append(function)
        return function

    return register


def gate_for_many(question: str) -> Callable[[GateForMany], GateForMany]:
    """Register a function ``(subjects, **facts) -> [Answer, …]`` for a question that is asked of many at once."""

    def register(function: GateForMany) -> GateForMany:
        _gates_for_many[question].append(function)
        return function

    return register


def ask(question: str, subject: Any, **facts: Any) -> Answer:
    """Ask every gate of a question: a no beats a not yet, a not yet beats a yes; with no gate the answer is yes."""
    return _strongest([function(subject, **facts) for function in _gates[question]])


def _strongest(answers: list[Answer]) -> Answer:
    for verdict in (Verdict.NO, Verdict.NOT_YET):
        for answer in answers:
            if answer.verdict is verdict:
                return answer
    return YES


def ask_each(question: str, subjects: Sequence[Any], **facts: Any) -> list[Answer]:
    """Ask a question about many subjects at once, so that a gate can read once what it needs for all of them.

    Its gates take the whole list and give as many answers; the strongest answer of all gates counts for each.
    """
    rows = [function(subjects, **facts) for function in _gates_for_many[question]]
    return [_strongest([row[n] for row in rows]) for n in range(len(subjects))]
