"""One organisation's books: its tables in the store, its clock, its lock dates, its history and its notices."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date
from typing import Any

from ledger_sync.sandbox.xero import wire
from ledger_sync.sandbox.xero.errors import Invalid
from ledger_sync.sandbox.xero.settings import Switches
from ledger_sync.sandbox.xero.wire import Row
from practice.core import clock
from practice.core.sandbox.store import Store

#: The key of each kind of row.
KEYS = {
    "Accounts": "AccountID",
    "Allocations": "AllocationID",
    "Attachments": "AttachmentID",
    "BankTransactions": "BankTransactionID",
    "BankTransfers": "BankTransferID",
    "BatchPayments": "BatchPaymentID",
    "BrandingThemes": "BrandingThemeID",
    "ContactGroups": "ContactGroupID",
    "Contacts": "ContactID",
    "CreditNotes": "CreditNoteID",
    "Currencies": "Code",
    "Invoices": "InvoiceID",
    "Items": "ItemID",
    "Organisations": "OrganisationID",
    "Overpayments": "OverpaymentID",
    "Payments": "PaymentID",
    "Prepayments": "PrepaymentID",
    "RepeatingInvoices": "RepeatingInvoiceID",
    "TaxRates": "TaxType",
    "TrackingCategories": "TrackingCategoryID",
    "Users": "UserID",
}
#: Xero names zones as Windows does (SPEC, TimeZone).
ZONES = {
    "AUSEASTERNSTANDARDTIME": "Australia/Sydney",
    "EAUSTRALIASTANDARDTIME": "Australia/Brisbane",
    "GMTSTANDARDTIME": "Europe/London",
    "NEWZEALANDSTANDARDTIME": "Pacific/Auckland",
    "UTC": "UTC",
}
#: The bits of a uuid that tell its version and variant, and how they stand in one of version 4 (RFC 9562, 5.4).
_FIXED, _VERSION_4 = 0xF << 76 | 0x3 << 62, 0x4 << 76 | 0x2 << 62
BOOKKEEPER = "Rhona Blake"


class Ids:
    """Identifiers that come out the same on every replay: uuid4 from a seeded source, a fresh stretch per start."""

    def __init__(self, seed: int, start: int) -> None:
        self._random = random.Random(f"{seed}:{start}")

    def new(self) -> str:
        """The next identifier: a uuid of version 4, written without the class that would check it."""
        bits = self._random.getrandbits(128) & ~_FIXED | _VERSION_4
        digits = f"{bits:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"

    def text(self, length: int, alphabet: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ") -> str:
        """Random text, for codes and entropy."""
        return "".join(self._random.choices(alphabet, k=length))


@dataclass(frozen=True)
class Books:
    """The books of one organisation as one actor sees them: the app through the API, or a person in the browser."""

    store: Store
    tenant: str
    ids: Ids
    switches: Switches
    base_url: str
    actor: str = BOOKKEEPER
    by_app: bool = False
    #: Places of a unit amount in this request: 2, or 4 with ``unitdp=4``.
    unit_places: int = 2

    # Rows

    def table(self, kind: str) -> dict[str, Row]:
        """The rows of a kind, by key, in the order they were made."""
        return self.store.table(f"{self.tenant}:{kind}")

    def get(self, kind: str, key: object) -> Row | None:
        """One row, or None; ids are compared without case."""
        return self.table(kind).get(str(key).lower()) if key else None

    def put(self, kind: str, row: Row) -> Row:
        """Store one row under its id."""
        key = str(row[KEYS[kind]]).lower()
        return self.store.put(f"{self.tenant}:{kind}", key, row)

    def drop(self, kind: str, key: str) -> None:
        """Remove one row."""
        self.store.drop(f"{self.tenant}:{kind}", key.lower())

    def change(self, kind: str, row: Row, **fields: Any) -> Row:
        """Store a copy of a row with some fields replaced; a field given as None is removed. No new UpdatedDateUTC."""
        changed = {**row, **fields}
        return self.put(kind, {key: value for key, value in changed.items() if value is not None})

    def touch(self, kind: str, row: Row, **fields: Any) -> Row:
        """:meth:`change`, with a new UpdatedDateUTC."""
        return self.change(kind, row, **fields, UpdatedDateUTC=self.stamp())

    # Names that must stay unique are rows too, so that a refused request gives them back.

    def holder(self, index: str, name: str) -> str:
        """The id of whoever holds a name, or an empty string."""
        row = self.store.get(f"{self.tenant}:_{index}", name.strip().casefold())
        return str(row["id"]) if row else ""

    def hold(self, index: str, name: str, key: str) -> None:
        """Take a name."""
        self.store.put(f"{self.tenant}:_{index}", name.strip().casefold(), {"id": key})

    def release(self, index: str, name: str) -> None:
        """Give a name back."""
        self.store.drop(f"{self.tenant}:_{index}", name.strip().casefold())

    # Organisation, time and locks

    @property
    def organisation(self) -> Row:
        """The organisation's own row."""
        return self.table("Organisations")[self.tenant]

    def stamp(self) -> str:
        """The present moment as stored."""
        return wire.stamp(clock.now())

    def today(self) -> str:
        """Today's date where the organisation is."""
        return clock.today(ZONES[self.organisation["Timezone"]]).isoformat()

    def refuse_locked(self, *days: str | None) -> None:
        """Raise Invalid when one of the dates lies in a locked period.

        Xero's text for the year-end lock is recorded; the one for the period lock is modelled on it, its suffix unsure.
        """
        locks = [("EndOfYearLockDate", "end of year lock date")]
        if not (self.by_app and self.switches.app_is_adviser):
            locks.append(("PeriodLockDate", "period lock date"))
        for field, words in locks:
            lock = self.organisation.get(field)
            if lock and any(day is not None and day <= lock for day in days):
                shown = date.fromisoformat(lock).strftime("%d-%b-%Y")
                raise Invalid(f"The document date cannot be before the {words}, currently set at {shown}")

    # History and notices

    def note(self, kind: str, key: str, changes: str, details: str = "") -> None:
        """Add a line to a document's history, under the actor's name."""
        now = self.stamp()
        record = {"Changes": changes, "DateUTCString": now[:19], "DateUTC": now, "User": self.actor, "Details": details}
        row = self.store.get(f"{self.tenant}:_history", key) or {"kind": kind, "records": []}
        self.store.put(f"{self.tenant}:_history", key, {**row, "records": [*row["records"], record]})

    def history(self, key: str) -> list[Row]:
        """A document's history, newest first."""
        row = self.store.get(f"{self.tenant}:_history", key.lower())
        return list(reversed(row["records"])) if row else []

    def notify(self, category: str, kind: str, row: Row, created: bool) -> None:
        """Leave a notice for the app's webhook; the sandbox sends it later, if one is set."""
        if not (self.store.get("_webhook", "state") or {}).get("active"):
            return
        key = row[KEYS[kind]]
        event: Row = {
            "resourceUrl": f"{self.base_url}/api.xro/2.0/{kind}/{key}",
            "resourceId": key,
            "tenantId": self.tenant,
            "tenantType": "ORGANISATION",
            "eventCategory": category,
            "eventType": "CREATE" if created else "UPDATE",
            "eventDateUtc": self.stamp(),
        }
        if category == "CREDITNOTE":
            event["data"] = {"Type": row["Type"], "Status": row["Status"]}
        self.leave(event)

    def leave(self, event: Row) -> None:
        """Leave one event for the webhook under the app's next sequence number."""
        self.store.put("_events", str(self.store.next_id("_event")), event)
