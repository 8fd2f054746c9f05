"""One company's books: its tables in the store, its clock, its closing date, its log of changes and its notices."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ledger_sync.sandbox.quickbooks import errors, wire
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.settings import Limits, Switches
from ledger_sync.sandbox.quickbooks.wire import Row
from practice.core import clock
from practice.core.sandbox.store import Store

#: Lists, whose rows are deactivated and never deleted, and transactions, which share one sequence of ids.
LISTS = (
    "Customer Vendor Employee Item Account Term Class Department PaymentMethod TaxCode TaxRate TaxAgency "
    "CompanyCurrency CustomerType JournalCode"
).split()
#: Those that post to the ledger here, and those that are only kept.
TRANSACTIONS = "Invoice CreditMemo Payment SalesReceipt RefundReceipt Deposit Purchase JournalEntry Transfer".split()
KEPT = (
    "Bill BillPayment CreditCardPayment Estimate InventoryAdjustment PurchaseOrder RecurringTransaction "
    "ReimburseCharge TaxPayment TimeActivity VendorCredit"
).split()
_ONE_SEQUENCE = frozenset([*TRANSACTIONS, *KEPT])
KINDS = (
    *LISTS, *TRANSACTIONS, *KEPT, "Attachable", "Budget", "CompanyInfo", "ExchangeRate", "Preferences",
    "TaxClassification",
)  # fmt: skip
#: Which list each reference points to; names are filled in from there.
REFERENCES = {
    "ARAccountRef": "Account", "AccountRef": "Account", "AssetAccountRef": "Account", "ClassRef": "Class",
    "CustomerRef": "Customer", "DepartmentRef": "Department", "DepositToAccountRef": "Account",
    "DiscountAccountRef": "Account", "ExpenseAccountRef": "Account", "FromAccountRef": "Account",
    "IncomeAccountRef": "Account", "ItemAccountRef": "Account", "ItemRef": "Item",
    "PaymentMethodRef": "PaymentMethod", "SalesTermRef": "Term", "TermRef": "Term", "ToAccountRef": "Account",
    "VendorRef": "Vendor", "APAccountRef": "Account", "AgencyRef": "TaxAgency", "BankAccountRef": "Account",
    "CCAccountRef": "Account", "CreditCardAccountRef": "Account", "CustomerTypeRef": "CustomerType",
    "EmployeeRef": "Employee", "TaxRateRef": "TaxRate",
}  # fmt: skip
#: Kinds that send notices, and what else than created, updated and deleted they tell (facts as gathered from Intuit).
NOTICES = frozenset(
    "Account Bill BillPayment Budget Class CreditMemo CreditCardPayment CompanyCurrency Customer Department Deposit "
    "Employee Estimate Invoice Item JournalEntry Payment PaymentMethod Preferences Purchase PurchaseOrder "
    "RefundReceipt SalesReceipt TaxAgency Term TimeActivity Transfer Vendor VendorCredit".split()
)
#: What is told of a kind beyond created, updated and deleted (columns of Intuit's table, "Supported API entities").
TOLD = {
    "merged": frozenset("Account Class Customer Employee Item Vendor".split()),
    "voided": frozenset("BillPayment CreditMemo Invoice Payment Purchase RefundReceipt SalesReceipt Transfer".split()),
    "emailed": frozenset("CreditMemo Estimate Invoice Payment PurchaseOrder RefundReceipt SalesReceipt".split()),
}
BOOKKEEPER = "Dana Whitfield"
VOIDED = "Voided"


class Ids:
    """Identifiers that come out the same on every replay: a seeded source, a fresh stretch per start."""

    def __init__(self, seed: int, start: int) -> None:
        self._random = random.Random(f"{seed}:{start}")

    def new(self) -> str:
        """The next uuid."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def text(self, length: int, alphabet: str = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789") -> str:
        """Random text, for codes and tokens."""
        return "".join(self._random.choices(alphabet, k=length))

    def tid(self) -> str:
        """The id of one answer."""
        return f"1-{self.text(8, '0123456789abcdef')}-{self.text(24, '0123456789abcdef')}"

    def realm(self) -> str:
        """A company id as Intuit gives them: sixteen digits."""
        return "934145" + self.text(10, "0123456789")


@dataclass(frozen=True)
class Books:
    """The books of one company as one actor sees them: the app through the API, or a person in the browser."""

    store: Store
    realm: str
    ids: Ids
    switches: Switches
    limits: Limits
    base_url: str
    by_app: bool = False

    # Rows

    def table(self, kind: str) -> dict[str, Row]:
        """The rows of a kind, by id, in the order they were made."""
        return self.store.table(f"{self.realm}:{kind}")

    def get(self, kind: str, key: object) -> Row | None:
        """One row, or None."""
        return self.table(kind).get(str(key)) if key else None

    def next_id(self, kind: str) -> str:
        """The next id of a kind; transactions count together."""
        return str(self.store.next_id(f"{self.realm}:{'Txn' if kind in _ONE_SEQUENCE else kind}"))

    def add(self, kind: str, row: Row) -> Row:
        """Store a new row under its ``Id``."""
        now = wire.instant(clock.now())
        head: Row = {"Id": row["Id"], "SyncToken": "0", "domain": "QBO", "sparse": False}
        return self._put(kind, {**head, "MetaData": {"CreateTime": now, "LastUpdatedTime": now}, **row})

    def touch(self, kind: str, row: Row, **fields: Any) -> Row:
        """Store a changed row with the next SyncToken and the present time; a field given as None is removed."""
        meta = {**row["MetaData"], "LastUpdatedTime": wire.instant(clock.now())}
        changed = {**row, **fields, "SyncToken": str(int(row["SyncToken"]) + 1), "MetaData": meta}
        return self._put(kind, {key: value for key, value in changed.items() if value is not None})

    def change(self, kind: str, row: Row, **fields: Any) -> Row:
        """Store a row with fields of ours replaced, as if nothing had happened to it."""
        return self._put(kind, {key: value for key, value in {**row, **fields}.items() if value is not None})

    def _put(self, kind: str, row: Row) -> Row:
        self._owing(kind, self.get(kind, row["Id"]), row)
        return self.store.put(f"{self.realm}:{kind}", row["Id"], row)

    def drop(self, kind: str, row: Row) -> None:
        """Delete a row for good; the log of changes keeps its tombstone."""
        self._owing(kind, row, None)
        self.store.drop(f"{self.realm}:{kind}", row["Id"])
        tomb: Row = {"domain": "QBO", "status": "Deleted", "Id": row["Id"]}
        tomb["MetaData"] = {"LastUpdatedTime": wire.instant(clock.now())}
        self.store.put(f"{self.realm}:_deleted", f"{kind} {row['Id']}", {"kind": kind, "row": tomb})

    def tombstones(self, kind: str) -> list[Row]:
        """What was deleted of a kind, as the log of changes shows it."""
        return [row["row"] for row in self.store.table(f"{self.realm}:_deleted").values() if row["kind"] == kind]

    # What each customer owes, kept as a row so that nobody has to add it up

    def owes(self, customer: str) -> Decimal:
        """What a customer owes: open invoices less unused credits and unapplied money."""
        return wire.money(self.store.get(f"{self.realm}:_owes", customer), "amount")

    def _owing(self, kind: str, before: Row | None, after: Row | None) -> None:
        field = {"Invoice": "Balance", "CreditMemo": "Balance", "Payment": "UnappliedAmt"}.get(kind)
        if field is None:
            return
        sign = 1 if kind == "Invoice" else -1
        for row, times in ((before, -1), (after, 1)):
            amount = wire.money(row, field) * sign * times
            if row is not None and amount:
                customer = wire.ref(row, "CustomerRef")
                total = self.owes(customer) + amount
                self.store.put(f"{self.realm}:_owes", customer, {"amount": str(total)})

    # Names and numbers that must stay unique are rows too, so that a refused request gives them back.

    def holder(self, index: str, name: str) -> str:
        """Who holds a name, or an empty string."""
        row = self.store.get(f"{self.realm}:_{index}", name.strip().casefold())
        return str(row["id"]) if row else ""

    def hold(self, index: str, name: str, who: str) -> None:
        """Take a name."""
        self.store.put(f"{self.realm}:_{index}", name.strip().casefold(), {"id": who})

    def release(self, index: str, name: str, who: str) -> None:
        """Give a name back, if it is held by whom we think."""
        if name and self.holder(index, name) == who:
            self.store.drop(f"{self.realm}:_{index}", name.strip().casefold())

    def account_of(self, subtype: str) -> str:
        """The id of the company's own account of a kind: receivables, undeposited funds, sales tax."""
        return self.holder("Subtype", subtype)

    # The company, its time and its closing date

    @property
    def company(self) -> Row:
        """The company's own row."""
        return self.table("CompanyInfo")["1"]

    @property
    def preferences(self) -> Row:
        """The company's settings."""
        return self.table("Preferences")["1"]

    def preference(self, group: str, name: str) -> Any:
        """One setting."""
        return self.preferences.get(group, {}).get(name)

    def today(self) -> str:
        """Today's date where the company is."""
        return clock.today(self.company["_zone"]).isoformat()

    def instant(self, text: str) -> datetime | None:
        """A moment that a caller names; whose time it is without an offset is unsure (switch ``naive_zone``)."""
        zones = {"pacific": wire.SHOWN_ZONE, "utc": UTC, "company": ZoneInfo(self.company["_zone"])}
        return wire.as_instant(text, zones[self.switches.naive_zone])

    def refuse_closed(self, *days: str | None) -> None:
        """Raise Invalid when one of the dates lies in closed books."""
        until = self.preference("AccountingInfoPrefs", "BookCloseDate")
        for day in days:
            if until and day and (day < until or (day == until and self.switches.closing_day_closed)):
                raise Invalid(errors.closed())

    @property
    def read_only(self) -> bool:
        """Whether the company's subscription has ended, so that its books can only be read."""
        return bool(self.company.get("_read_only"))

    @property
    def is_us(self) -> bool:
        """Whether the company is in the US, where sales tax works by place and not by code."""
        return bool(self.company["Country"] == "US")

    @property
    def home(self) -> str:
        """The currency the books are kept in."""
        return str(self.preferences["CurrencyPrefs"]["HomeCurrency"]["value"])

    # References

    def referred(self, row: Row, name: str, *, required: bool = True, active: bool = True) -> Row | None:
        """The row a reference points to. Raises Invalid for one that is missing, leads nowhere or is inactive."""
        key = wire.ref(row, name)
        if not key:
            if required:
                raise Invalid(errors.missing(name))
            return None
        kind = REFERENCES[name]
        found = self.get(kind, key)
        if found is None:
            raise Invalid(errors.bad_reference(kind, key))
        if active and not found.get("Active", True):
            raise Invalid(errors.inactive_reference() if self.switches.inactive_is_2500 else errors.inactive())
        return found

    # Notices

    def notify(self, kind: str, key: str, operation: str, **data: str) -> None:
        """Leave a notice for the app's webhook; the sandbox sends it later, if one is set."""
        if (
            kind not in NOTICES
            or kind not in TOLD.get(operation, NOTICES)
            or not (self.store.get("_webhook", "state") or {}).get("active")
        ):
            return
        if self.by_app and not self.switches.notify_own_changes:
            return
        if operation == "emailed" and not self.switches.notify_mailing:
            return
        event: Row = {
            "realm": self.realm, "kind": kind, "key": key, "operation": operation, "data": data,
            "at": wire.nanoseconds(clock.now()), "id": self.ids.new(),
        }  # fmt: skip
        self.store.put("_events", str(self.store.next_id("_event")), event)


def name_of(kind: str, row: Row) -> str:
    """What a list row is called where a reference shows its name."""
    return str(row.get("FullyQualifiedName") or row.get("DisplayName") or row.get("Name") or "")
