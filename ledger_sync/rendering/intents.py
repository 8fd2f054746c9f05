"""What the ledger must be told about a link."""

from __future__ import annotations

from dataclasses import dataclass

from ledger_sync.ports import Doc


@dataclass(frozen=True)
class Intent:
    """What is to be done for a link, the document it leads to, and the day it would be booked on ("" for none).

    ``fields`` names what an update changes, where the rest must stay as the bookkeeper left it; () is the whole.
    """

    action: str
    doc: Doc
    booked_on: str = ""
    fields: tuple[str, ...] = ()
