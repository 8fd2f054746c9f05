"""What an action on a proposal says when it will not do what was asked."""

from __future__ import annotations

from practice.firm.refusals import Refused


class ProposalRefused(Refused):
    """The proposal cannot be changed, sent or signed like this; pages tell some refusals apart by ``code``."""

    def __init__(self, words: str, field: str = "", code: str = "") -> None:
        super().__init__(words, field)
        self.code = code
