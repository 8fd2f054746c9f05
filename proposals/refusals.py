"""What an action on a proposal says when it will not do what was asked."""

from __future__ import annotations


class ProposalRefused(ValueError):
    """The proposal cannot be changed, sent or signed like this; ``field`` is the one to put right ("" for none)."""

    def __init__(self, words: str, field: str = "", code: str = "") -> None:
        super().__init__(words)
        self.words, self.field, self.code = words, field, code
