"""One Xero organisation behind the ledger protocol."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ledger_sync.kinds import CREDIT, EXCESS
from ledger_sync.limits import budgets
from ledger_sync.models import Connection
from ledger_sync.models.links import Kind
from ledger_sync.ports import (
    Answer,
    Doc,
    Organisation,
    OutcomeUnknown,
    Outgoing,
    Page,
    Ref,
    Rejected,
    Remote,
    Result,
    Wire,
)
from ledger_sync.providers import tokens
from ledger_sync.providers.xero import oauth, reading, wire
from ledger_sync.providers.xero.client import Client
from ledger_sync.providers.xero.refusals import code_of

#: The most a page may hold (Xero docs, Paging).
PAGE = 1000
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class XeroLedger:
    """Reads and writes one organisation; pure network."""

    provider = "xero"

    def __init__(self, client: Client) -> None:
        self.client = client

    def wire(self, items: Sequence[Outgoing]) -> Wire:
        """Render documents as one call."""
        return wire.render(items)

    def prepare(self) -> None:
        """Have a token at hand."""
        self.client.token()

    def send(self, call: Wire, key: str) -> Answer:
        """Send a call under its Idempotency-Key, its body exactly as stored."""
        body = json.loads(call.body)
        if call.operation.startswith(f"xero.{Kind.ATTACHMENT}."):
            body = base64.b64decode(body["file"])
        return self.client.call(call.method, call.path, body=body, key=key)

    def results(self, items: Sequence[Outgoing], answer: Answer) -> list[Result]:
        """Read each element's own outcome. Raises OutcomeUnknown when the answer does not fit the call."""
        first = items[0]
        if first.kind == Kind.ALLOCATION and first.role in (CREDIT, EXCESS):
            return [_allocated(first, answer) if first.action == "create" else _taken_back(first, answer)]
        if first.kind in (Kind.NOTE, Kind.ATTACHMENT):
            return [_hung_on(first, answer)]
        rows = answer.payload.get(reading.plural(first.kind)) if isinstance(answer.payload, dict) else None
        if not isinstance(rows, list) or len(rows) != len(items):
            raise OutcomeUnknown("Xero's answer does not list what was sent", status=answer.status)
        return [_result(item, row) for item, row in zip(items, rows, strict=True)]

    def look(self, item: Outgoing) -> Remote | None:
        """Find a document by its number, its reference on an invoice, or its date, amount and reference."""
        if item.remote_id and item.action in ("update", "void", "delete"):
            if item.kind == Kind.ALLOCATION and item.role in (CREDIT, EXCESS):
                return self._look_allocation(item)
            found = self.fetch(item.kind, [item.remote_id], item.role)
            return found[0] if found else None
        return _LOOKERS[Kind(item.kind)](self, item)

    def fetch(self, kind: str, remote_ids: Sequence[str], role: str = "") -> list[Remote]:
        """Read objects by id: contacts and invoices in one call, others one by one.

        What a list leaves out is asked for by itself: only Xero's own "not found" says that it is gone.
        """
        name = reading.plural(kind)
        if kind in (Kind.CLIENT, Kind.INVOICE):
            rows: list[dict[str, Any]] = []
            for start in range(0, len(remote_ids), 40):
                ids = ",".join(remote_ids[start : start + 40])
                rows += self._list(f"/{name}", {"IDs": ids, "page": "1", "includeArchived": "true"}, name)
            listed = [reading.remote(kind, row) for row in rows]
            there = {one.remote_id.lower() for one in listed}
            return listed + self._one_by_one(kind, [key for key in remote_ids if key.lower() not in there])
        if kind == Kind.CREDIT and role == EXCESS:
            return [self._overpayment(key) for key in remote_ids]
        if kind == Kind.ALLOCATION and role in (CREDIT, EXCESS):
            return self._allocations("CreditNotes" if role == CREDIT else "Overpayments", remote_ids)
        return self._one_by_one(kind, remote_ids)

    def _one_by_one(self, kind: str, remote_ids: Sequence[str]) -> list[Remote]:
        name, found = reading.plural(kind), []
        for remote_id in remote_ids:
            try:
                found += [reading.remote(kind, row) for row in self._list(f"/{name}/{remote_id}", {}, name)]
            except Rejected as error:
                if error.status != 404:
                    raise
                found.append(_gone(kind, remote_id))
        return found

    def _overpayment(self, key: str) -> Remote:
        try:
            (row,) = self._list(f"/Overpayments/{key}", {}, "Overpayments")
        except Rejected as error:
            if error.status != 404:
                raise
            return _gone(Kind.CREDIT, key)
        return Remote(Kind.CREDIT, key, "", reading.credit(row))

    def _allocations(self, name: str, remote_ids: Sequence[str]) -> list[Remote]:
        """Credit put on invoices, which only credit notes or overpayments list; what none of them has is gone."""
        found: dict[str, Remote] = {}
        page = 1
        rows: list[dict[str, Any]] = [{}] * PAGE
        while len(rows) >= PAGE and not found.keys() >= set(remote_ids):
            rows = self._list(f"/{name}", {"page": str(page), "pageSize": str(PAGE)}, name)
            parts = [part for row in rows for part in row.get("Allocations", [])]
            for part in parts:
                # An allocation has no reference of its own: to compare one would find a difference everywhere.
                theirs = {name: value for name, value in reading.payment(part).items() if name != "reference"}
                key = str(part["AllocationID"])
                found[key] = Remote(Kind.ALLOCATION, key, "", theirs)
            page += 1
        return [found.get(key) or _gone(Kind.ALLOCATION, key) for key in remote_ids]

    def changed(self, kind: str, since: datetime, until: datetime, page: int, role: str = "") -> Page:
        """One page of objects modified since an instant; Xero knows no upper bound, so ``until`` is ignored.

        Transfers are not paged and do not say when they were changed (Xero docs, Bank Transfers): all are read.
        """
        name = reading.plural(kind)
        if kind == Kind.PAYOUT:
            rows = self._list(f"/{name}", {"includeDeleted": "true"}, name)
            return Page([reading.remote(kind, row) for row in rows], more=False)
        query = {"page": str(page), "pageSize": str(PAGE), "order": "UpdatedDateUTC ASC"}
        if kind == Kind.CLIENT:
            query["includeArchived"] = "true"
        stamp = since.strftime("%Y-%m-%dT%H:%M:%S")
        answer = self.client.call("GET", f"/{name}", query=query, modified_since=stamp)
        rows = answer.payload.get(name, [])
        return Page([reading.remote(kind, row) for row in rows], more=len(rows) >= PAGE)

    def references(self) -> list[Ref]:
        """Accounts, tax rates and tracking, archived ones included."""
        refs = [reading.account(row) for row in self._list("/Accounts", {}, "Accounts")]
        refs += [reading.tax_rate(row) for row in self._list("/TaxRates", {}, "TaxRates")]
        for row in self._list("/TrackingCategories", {"includeArchived": "true"}, "TrackingCategories"):
            refs += reading.options(row)
        return refs

    def organisation(self) -> Organisation:
        """The company with its lock dates."""
        row = self._list("/Organisation", {}, "Organisations")[0]
        return reading.organisation(row, self.client.tenant)

    def who_changed(self, kind: str, remote_id: str) -> str:
        """The last user in the document's history; webhooks and documents do not carry one."""
        name = reading.plural(kind)
        records = self._list(f"/{name}/{remote_id}/History", {}, "HistoryRecords")
        people = [r for r in records if r.get("User") and r["User"] != "System Generated"]
        latest = max(people, key=lambda r: reading.moment(r.get("DateUTC")) or _LONG_AGO, default=None)
        return str(latest["User"]) if latest else ""

    def _list(self, path: str, query: dict[str, str], name: str) -> list[dict[str, Any]]:
        payload = self.client.call("GET", path, query=query).payload
        rows = payload.get(name, [])
        return rows if isinstance(rows, list) else []

    def _look_contact(self, item: Outgoing) -> Remote | None:
        rows = self._list(
            "/Contacts",
            {"where": f'ContactNumber=="{item.doc["number"]}"', "page": "1", "includeArchived": "true"},
            "Contacts",
        )
        return reading.remote(Kind.CLIENT, rows[0]) if rows else None

    def _look_invoice(self, item: Outgoing) -> Remote | None:
        query = {"InvoiceNumbers": item.doc["number"], "page": "1"}
        rows = [r for r in self._list("/Invoices", query, "Invoices") if r.get("Type") == "ACCREC"]
        return reading.remote(Kind.INVOICE, rows[0]) if rows else None

    def _look_credit(self, item: Outgoing) -> Remote | None:
        rows = self._list(
            "/CreditNotes", {"where": f'CreditNoteNumber=="{item.doc["number"]}"', "page": "1"}, "CreditNotes"
        )
        return reading.remote(Kind.CREDIT, rows[0]) if rows else None

    def _look_payment(self, item: Outgoing) -> Remote | None:
        if item.role in (CREDIT, EXCESS):
            return self._look_allocation(item)
        where = f'Invoice.InvoiceID==guid("{item.doc["invoice"]}")'
        rows = [
            row
            for row in self._list("/Payments", {"where": where, "page": "1"}, "Payments")
            if row.get("Reference") == item.doc["reference"] and row.get("Status") != "DELETED"
        ]
        return reading.remote(Kind.ALLOCATION, rows[0]) if rows else None

    def _look_allocation(self, item: Outgoing) -> Remote | None:
        of_note = item.role == CREDIT
        name, key = ("CreditNotes", item.doc["credit"]) if of_note else ("Overpayments", item.doc["overpayment"])
        for row in self._list(f"/{name}/{key}", {}, name):
            for found in row.get("Allocations", []):
                if found.get("Invoice", {}).get("InvoiceID") == item.doc["invoice"]:
                    return Remote(Kind.ALLOCATION, str(found["AllocationID"]), "", reading.payment(found))
        return None

    def _look_file(self, item: Outgoing) -> Remote | None:
        rows = self._list(f"/Invoices/{item.doc['invoice']}/Attachments", {}, "Attachments")
        found = next((row for row in rows if row.get("FileName") == item.doc["name"]), None)
        return Remote(item.kind, str(found["AttachmentID"]), "", reading.attachment(found)) if found else None

    def _look_note(self, item: Outgoing) -> Remote | None:
        rows = self._list(f"/Invoices/{item.doc['invoice']}/History", {}, "HistoryRecords")
        there = any(item.doc["mark"] in str(row.get("Details", "")) for row in rows)
        return Remote(item.kind, _note_id(item), "", {"number": item.doc["mark"]}) if there else None

    def _look_refund(self, item: Outgoing) -> Remote | None:
        where = f'Reference=="{item.doc["reference"]}"'
        rows = self._list("/Payments", {"where": where, "page": "1"}, "Payments")
        standing = [row for row in rows if row.get("Status") != "DELETED"]
        return reading.remote(Kind.REFUND, standing[0]) if standing else None

    def _look_bank(self, item: Outgoing) -> Remote | None:
        rows = [
            row
            for row in self._list(
                "/BankTransactions", {"where": f'Reference=="{item.doc["reference"]}"', "page": "1"}, "BankTransactions"
            )
            if row.get("Status") != "DELETED" and reading.day(row.get("Date")) == item.doc["date"]
        ]
        return reading.remote(item.kind, rows[0]) if rows else None

    def _look_transfer(self, item: Outgoing) -> Remote | None:
        for row in self._list("/BankTransfers", {}, "BankTransfers"):
            theirs = reading.transfer(row)
            if all(theirs[k] == item.doc[k] for k in ("date", "amount", "reference")) and theirs["status"] == "issued":
                return reading.remote(Kind.PAYOUT, row)
        return None


_LOOKERS = {
    Kind.CLIENT: XeroLedger._look_contact,
    Kind.INVOICE: XeroLedger._look_invoice,
    Kind.CREDIT: XeroLedger._look_credit,
    Kind.ALLOCATION: XeroLedger._look_payment,
    Kind.PAYMENT: XeroLedger._look_bank,
    Kind.REFUND: XeroLedger._look_refund,
    Kind.DISPUTE: XeroLedger._look_bank,
    Kind.FEE: XeroLedger._look_bank,
    Kind.PAYOUT: XeroLedger._look_transfer,
    Kind.ATTACHMENT: XeroLedger._look_file,
    Kind.NOTE: XeroLedger._look_note,
}


def _gone(kind: str, remote_id: str) -> Remote:
    """An object that is not there, or not any more."""
    empty: Doc = {"status": "deleted", "lines": [], "reference": "", "amount": "0.00", "uses": []}
    return Remote(kind, remote_id, "", empty, gone=True)


def _result(item: Outgoing, row: dict[str, Any]) -> Result:
    errors = [str(e.get("Message", "")) for e in row.get("ValidationErrors", [])]
    if row.get("StatusAttributeString") == "ERROR" or row.get("HasErrors") or errors:
        text = "; ".join(errors) or "Xero refused it without words"
        code = code_of(text)
        # The document may be ours already, or taken away by somebody else.
        look = code in {"create": ("number_taken", "name_taken"), "void": ("not_editable",)}.get(item.action, ())
        return Result(item.position, ok=False, code=code, text=text, look=look)
    found = reading.remote(item.kind, row)
    return Result(item.position, ok=True, remote_id=found.remote_id, version=found.version, theirs=found.theirs)


def _allocated(item: Outgoing, answer: Answer) -> Result:
    """A credit put on an invoice; where the answer does not name the allocation, the credit note does."""
    rows = answer.payload.get("Allocations") if isinstance(answer.payload, dict) else None
    if not rows:
        raise OutcomeUnknown("Xero's answer does not list the allocation", status=answer.status)
    errors = [str(e.get("Message", "")) for e in rows[0].get("ValidationErrors", [])]
    if errors:
        return Result(item.position, ok=False, code=code_of("; ".join(errors)), text="; ".join(errors))
    key = str(rows[0].get("AllocationID", ""))
    if not key:
        return Result(item.position, ok=False, look=True)
    return Result(item.position, ok=True, remote_id=key, theirs=reading.payment(rows[0]))


def _hung_on(item: Outgoing, answer: Answer) -> Result:
    """A file or a note on an invoice. A note has no id in Xero: it is known by its mark."""
    name = "HistoryRecords" if item.kind == Kind.NOTE else "Attachments"
    rows = answer.payload.get(name) if isinstance(answer.payload, dict) else None
    if not rows:
        raise OutcomeUnknown(f"Xero's answer does not list what hangs on the invoice ({name})", status=answer.status)
    if item.kind == Kind.NOTE:
        return Result(item.position, ok=True, remote_id=_note_id(item), theirs={"number": item.doc["mark"]})
    key = str(rows[0]["AttachmentID"])
    return Result(item.position, ok=True, remote_id=key, theirs=reading.attachment(rows[0]))


def _note_id(item: Outgoing) -> str:
    return str(item.doc["mark"])


def _taken_back(item: Outgoing, answer: Answer) -> Result:
    """A credit taken off an invoice: the answer says so of the allocation itself, not in a list (SPEC)."""
    if not isinstance(answer.payload, dict) or not answer.payload.get("IsDeleted"):
        raise OutcomeUnknown("Xero's answer does not say that the allocation is gone", status=answer.status)
    return Result(item.position, ok=True, remote_id=item.remote_id, theirs={"status": "deleted"})


def ledger_for(connection: Connection) -> XeroLedger:
    """The organisation of a connection, with tokens that renew themselves."""
    bearer = tokens.Bearer(connection.tokens_id, oauth.refresh)
    client = Client(
        tenant=connection.remote_org,
        token=bearer.token,
        refused_token=bearer.refused,
        meter=budgets.Meter(connection),
    )
    return XeroLedger(client)
