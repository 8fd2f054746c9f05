"""The ledger's notices on their way to our web process: late, lost, twice, out of order, and forged."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from django.test import RequestFactory

from ledger_sync.faultmachine.database import Killed
from ledger_sync.faultmachine.plans import NOTICE
from ledger_sync.pages import hooks

if TYPE_CHECKING:
    from ledger_sync.faultmachine.machine import Machine
    from ledger_sync.faultmachine.world import Books

#: The header that carries a vendor's signature, and the view that answers it.
_HOOKS = {"xero": ("x-xero-signature", hooks.xero), "quickbooks": ("intuit-signature", hooks.quickbooks)}


#: QuickBooks tells of a merge by its notice alone: what a lost one leads to, only people can put right.
_TELLS_A_MERGE = re.compile(rb"\.merged\.|\"Merge\"")


class Post:
    """Carries notices to the hook, through the very view that answers the ledger."""

    PLACE = NOTICE

    def __init__(self, machine: Machine, books: Books) -> None:
        self.machine = machine
        self.books = books
        self.url = f"http://localhost/hooks/{books.firm.provider}/"
        self._header, self._view = _HOOKS[books.firm.provider]
        books.sandbox.webhooks.outbox.send = self.send
        books.sandbox.webhooks.set_url(self.url)
        #: Bodies that nobody at the ledger signed, and those of them that were let in all the same.
        self.forged: list[bytes] = []
        self.let_in: list[bytes] = []
        self._held: list[tuple[str, bytes, str]] = []

    def send(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Deliver one notice, unless something happens to it on the way. Returns what the ledger is answered."""
        signature = headers[self._header]
        found = self.machine.notice_troubles(self.PLACE)
        kinds = {trouble.kind.removeprefix("stripe_"): trouble for trouble in found}
        if "notice_forged" in kinds:
            self._forge(url, body)
        if ("notice_lost" in kinds or self.cannot_tell) and not _TELLS_A_MERGE.search(body):
            # An outage takes its notices with it.
            return 200
        if "notice_late" in kinds:
            self.machine.later(kinds["notice_late"].seconds, lambda: self._later(url, body, signature))
            return 200
        if "notice_reordered" in kinds:
            self._held.append((url, body, signature))
            return 200
        status = self._deliver(url, body, signature)
        if "notice_doubled" in kinds:
            self._deliver(url, body, signature)
        self.flush()
        return status

    def flush(self) -> None:
        """Deliver what was held back."""
        while self._held:
            self._deliver(*self._held.pop())

    def pump(self) -> None:
        """Let the ledger send what is due, and deliver what was held back."""
        self.books.sandbox.tick()

    @property
    def cannot_tell(self) -> bool:
        """Whether the ledger is down, and tells nobody of it."""
        return self.machine.is_down

    @property
    def is_waiting(self) -> bool:
        """Whether the ledger has something new to tell."""
        store = self.books.sandbox.store
        return bool(store.table("_events"))

    def _later(self, url: str, body: bytes, signature: str) -> None:
        self.machine.start("web", "late notice", lambda: self._deliver(url, body, signature))

    def _deliver(self, url: str, body: bytes, signature: str) -> int:
        request = RequestFactory().post(url, body, content_type="application/json", headers={self._header: signature})
        try:
            return self._view(request).status_code
        except Killed:
            return 0

    def _forge(self, url: str, body: bytes) -> None:
        """A notice that somebody else made up, signed with a key of their own."""
        said = json.loads(body)
        one = isinstance(said, dict)
        forged = {**said, "entropy": "FORGED"} if one else [{**event, "id": "FORGED"} for event in said]
        made_up = json.dumps(forged).encode()
        self.forged.append(made_up)
        if self._deliver(url, made_up, "bm90IHRoZSBsZWRnZXIncyBrZXk=") != 401:
            self.let_in.append(made_up)
