"""What an action of the firm says when it will not do what was asked."""

from __future__ import annotations


class Refused(Exception):
    """An action that was not done, in words a person can act on, and the field to put right ("" for none)."""

    def __init__(self, words: str, field: str = "") -> None:
        super().__init__(words)
        self.words = words
        self.field = field
