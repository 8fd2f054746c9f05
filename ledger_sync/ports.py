"""What the engine and a ledger adapter say to each other: small frozen values, four ways to fail, one protocol.

A document is a nested dict of text, numbers as text ("115.00"), dates in ISO form, "" for absent. The engine never sees
an SDK type, an adapter never sees a database row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

Doc = dict[str, Any]


class LedgerError(Exception):
    """Something went wrong with a call; the class says what may be done about it."""

    def __init__(self, text: str, *, code: str = "", status: int | None = None, request_id: str = "") -> None:
        super().__init__(text)
        self.text, self.code, self.status, self.request_id = text, code, status, request_id

    @property
    def is_silence(self) -> bool:
        """Whether nobody was there: no answer at all, or only the word of a gateway that it found nobody either."""
        return self.status is None or self.status in (502, 503, 504)


class TryLater(LedgerError):
    """Rate limit, 5xx, maintenance: nothing was done, the same call may succeed later."""

    def __init__(self, text: str, *, retry_after: int | None = None, scope: str = "", **facts: Any) -> None:
        super().__init__(text, **facts)
        self.retry_after, self.scope = retry_after, scope


class Rejected(LedgerError):
    """The ledger understood and refused; someone must change the data."""


class Disconnected(LedgerError):
    """Token or permission gone; someone must reconnect."""


class OutcomeUnknown(LedgerError):
    """The call may or may not have landed; look before sending again."""


@dataclass(frozen=True)
class Outgoing:
    """One document's place in a call. ``fields`` names what an update changes; () is the whole document.

    ``made_at`` is when the call was written down, before it was first sent.
    """

    position: int
    kind: str
    role: str
    action: str
    doc: Doc
    remote_id: str = ""
    remote_version: str = ""
    fields: tuple[str, ...] = ()
    made_at: datetime | None = None


@dataclass(frozen=True)
class Wire:
    """One HTTP call, exactly as it will be sent, and sent again."""

    operation: str
    method: str
    path: str
    body: str


@dataclass(frozen=True)
class Answer:
    """What came back for a call that was answered and not thrown out as a whole."""

    status: int
    payload: Any
    request_id: str = ""
    left: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What became of one document of a call. ``later`` means throttled inside a batch, ``look`` means ask first."""

    position: int
    ok: bool
    remote_id: str = ""
    version: str = ""
    theirs: Doc = field(default_factory=dict)
    code: str = ""
    text: str = ""
    later: bool = False
    look: bool = False


@dataclass(frozen=True)
class Remote:
    """One object of the ledger as it is now, in the adapter's canonical projection."""

    kind: str
    remote_id: str
    version: str
    theirs: Doc
    modified_at: datetime | None = None
    gone: bool = False
    merged_into: str = ""


@dataclass(frozen=True)
class Page:
    """One page of changed objects, and whether there are more."""

    remotes: Sequence[Remote]
    more: bool


@dataclass(frozen=True)
class Ref:
    """One account, tax rate, tracking option … of the ledger."""

    kind: str
    remote_id: str
    code: str
    name: str
    active: bool
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Organisation:
    """The ledger's own company: what a connection is made to. ``locked_until`` is the last closed day, or ""."""

    remote_org: str
    name: str
    currency: str
    country: str
    locked_until: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Ledger(Protocol):
    """One connection's ledger, behind its SDK. Every method is pure network; none may run inside a transaction."""

    provider: str

    def wire(self, items: Sequence[Outgoing]) -> Wire:
        """Render documents of one kind, role and action as one call. No network."""

    def prepare(self) -> None:
        """Make sure that a call can go out at once, from any thread. Raises Disconnected or TryLater."""

    def send(self, wire: Wire, key: str) -> Answer:
        """Send a call under its key. Raises one of the four failures."""

    def results(self, items: Sequence[Outgoing], answer: Answer) -> list[Result]:
        """Read what became of each document. No network. Raises OutcomeUnknown when the answer cannot be read."""

    def look(self, item: Outgoing) -> Remote | None:
        """Find out whether a document that may have landed is there. None means it is not."""

    def fetch(self, kind: str, remote_ids: Sequence[str], role: str = "") -> list[Remote]:
        """Read objects by id, in as few calls as the vendor allows; those that are gone come back as gone."""

    def changed(self, kind: str, since: datetime, until: datetime, page: int, role: str = "") -> Page:
        """One page of objects of a kind changed in a window; ``role`` where that lives in a list of its own."""

    def references(self) -> list[Ref]:
        """The chart, tax rates, tracking and whatever else mapping chooses from."""

    def organisation(self) -> Organisation:
        """The company behind the connection, with its lock date."""

    def who_changed(self, kind: str, remote_id: str) -> str:
        """The name of the ledger user who last touched a document, or "" where the vendor does not say."""
