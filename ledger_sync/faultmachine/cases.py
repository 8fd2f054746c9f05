"""What the judges look at: one ledger's own store, what is ours of it, and what its bookkeeper did."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Q

from billing.models import Allocation, Payment
from ledger_sync.faultmachine.deeds import Deeds
from ledger_sync.models import Connection, Mapping, Snag

Row = dict[str, Any]
#: A setting counts from this long after it was chosen: who issues an invoice meanwhile may have read the one before.
HEEDED_AFTER = timedelta(minutes=2)
OF_A_DAY = re.compile(r", of (\d{1,2} [A-Z][a-z]{2} \d{4})$")
#: Money that went back is judged by what stands on the clearing account.
WENT_BACK = Q(refunds__isnull=False) | Q(disputes__isnull=False)
_UNDONE = ("VOIDED", "DELETED")
_POLICIES = (Connection.ATTACH, Connection.NOTE_ACCEPTANCE)


@dataclass(frozen=True)
class Papers:
    """What is asked for beside an invoice."""

    file: bool
    note: bool


@dataclass
class Case:
    """Everything the judge looks at: one ledger, and what is ours of it."""

    provider: str
    entity_id: int
    connection_id: int
    ledger: dict[str, list[Row]]
    deeds: Deeds
    now: datetime
    over_limit: int = 0
    reused_keys: list[str] = field(default_factory=list)
    let_in: int = 0
    crashes: list[str] = field(default_factory=list)

    def invoices(self, number: str) -> list[Row]:
        """The ledger's sales invoices of a number."""
        return [r for r in self.ledger["Invoices"] if r.get("InvoiceNumber") == number and r["Type"] == "ACCREC"]

    def contacts(self, client_id: int) -> list[Row]:
        """The ledger's contacts of a client."""
        return [r for r in self.ledger["Contacts"] if r.get("ContactNumber") == f"CS-C{client_id}"]

    def contact_of(self, client_id: int) -> str:
        """The id of a client's contact there; where the bookkeeper merged it away, of the one that stayed."""
        rows = self.contacts(client_id)
        key = rows[0]["ContactID"] if rows else "".join(self.deeds.values("was", f"CS-C{client_id}")[-1:])
        while merged := self.deeds.values("merge", key):
            key = merged[-1]
        return key

    def uses(self, kind: str, key: str) -> dict[str, str]:
        """What a credit is on there: amounts by the number of the invoice."""
        numbers = {row["InvoiceID"]: row.get("InvoiceNumber", "") for row in self.ledger["Invoices"]}
        rows = [row for row in self.ledger["Uses"] if (row["_what"], row["_source"]) == (kind, key)]
        return {numbers.get(row["_invoice"], ""): row["Amount"] for row in rows}

    def left_over(self, payment: Payment) -> list[Row]:
        """What stands there as the client's credit from a payment of ours."""
        rows = [row for row in self.ledger["Overpayments"] if reference_of(row) == payment.reference]
        return [row for row in rows if row["Status"] not in _UNDONE]

    def put_on(self, payment: Payment, number: str) -> Decimal:
        """How much of what a payment left over was put on an invoice later (Xero; in QuickBooks its lines say it)."""
        return self.put_on_each(payment)[number]

    def put_on_each(self, payment: Payment) -> defaultdict[str, Decimal]:
        """What of a payment's left-over was put on invoices later, by their numbers."""
        numbers = {row["InvoiceID"]: row.get("InvoiceNumber", "") for row in self.ledger["Invoices"]}
        keys = {row["OverpaymentID"] for row in self.left_over(payment)} if self.provider == "xero" else set()
        amounts: defaultdict[str, Decimal] = defaultdict(Decimal)
        for row in self.ledger["Uses"]:
            if row["_what"] == "over" and row["_source"] in keys:
                amounts[numbers.get(row["_invoice"], "")] += Decimal(row["Amount"])
        return amounts

    def credited_once(self, note: str) -> list[str]:
        """The numbers of the invoices that the bookkeeper put a credit note on, whether it is there still or not."""
        numbers = {row["InvoiceID"]: row.get("InvoiceNumber", "") for row in self.ledger["Invoices"]}
        return [numbers[key] for key in self.deeds.values("credit", note) if key in numbers]

    def account_of(self, purpose: str) -> str:
        """Where something goes: Xero's lines name an account by its code, QuickBooks' by its id."""
        target = Mapping.objects.get(connection=self.connection_id, purpose=purpose, service__isnull=True).target
        return target.code if self.provider == "xero" else target.remote_id

    def missing_explained(self, allocation: Allocation) -> bool:
        """The bookkeeper removed it, or left no room for it on the invoice; and people are asked."""
        rows = self.invoices(allocation.invoice.number)
        if not rows:
            return False
        record = rows[0]["InvoiceID"]
        removed = self.deeds.touched(record, "unpay") and _open_about(allocation, "payment_removed")
        filling = self.deeds.touched(record, "pay", "edit", "void", "credited", "moved")
        return removed or (filling and _open_about(allocation, "refused"))

    def waits(self, payment: Payment) -> bool:
        """Whether people are asked about one part of a payment that goes into the ledger whole, and is not there."""
        if self.provider != "quickbooks" or any(
            reference_of(row) == payment.reference for row in self.ledger["Payments"]
        ):
            return False
        live = payment.allocations.filter(reversed_at__isnull=True).select_related("invoice")
        return any(self.missing_explained(allocation) for allocation in live)

    def wants_papers(self, issued_at: datetime) -> Papers:
        """What was asked for beside an invoice when it was issued, where that is beyond doubt."""
        connection = Connection.objects.get(pk=self.connection_id)
        chosen = [p for p in connection.history.order_by("history_id") if p.policies]  # type: ignore[attr-defined]
        if not chosen or chosen[0].history_date > issued_at - HEEDED_AFTER:
            return Papers(file=False, note=False)
        file, note = (all(past.policies.get(name) for past in chosen) for name in _POLICIES)
        return Papers(file=file, note=note and self.provider == "xero")


def _open_about(allocation: Allocation, *codes: str) -> bool:
    about = Q(link__allocation=allocation) | Q(link__payment=allocation.payment_id)
    return Snag.objects.filter(about, code__in=codes, closed_at__isnull=True).exists()


def reference_of(row: Row) -> str:
    """A payment's reference without the day it is said to be of, where it had to be entered on another."""
    return OF_A_DAY.sub("", row["Reference"])
