"""One QuickBooks company behind the ledger protocol."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ledger_sync.limits import budgets
from ledger_sync.models import Connection, RefItem
from ledger_sync.models.links import Kind
from ledger_sync.ports import Answer, Organisation, OutcomeUnknown, Outgoing, Page, Ref, Rejected, Remote, Result, Wire
from ledger_sync.providers import tokens
from ledger_sync.providers.quickbooks import oauth, reading, wire
from ledger_sync.providers.quickbooks.client import PAGE, Client, quoted, statement
from ledger_sync.providers.quickbooks.reading import entity_of
from ledger_sync.providers.quickbooks.refusals import Fault, fault_of
from ledger_sync.providers.quickbooks.wire import Company
from practice.core import clock

#: The log of changes reaches back thirty days (Intuit docs, Change data capture); a day is left for clocks.
LOG_DAYS = timedelta(days=29)
#: Ids named in one query.
IDS = 40
#: How far our clock may be from QuickBooks'.
CLOCKS_DIFFER = timedelta(minutes=5)


class QuickBooksLedger:
    """Reads and writes one company; pure network."""

    provider = "quickbooks"

    def __init__(self, client: Client, company: Company | None = None) -> None:
        self.client = client
        self.company = company or Company()

    def wire(self, items: Sequence[Outgoing]) -> Wire:
        """Render documents as one call."""
        return wire.render(items, self.company)

    def prepare(self) -> None:
        """Have a token at hand."""
        self.client.token()

    def send(self, call: Wire, key: str) -> Answer:
        """Send a call under its requestid, its body exactly as stored.

        A refusal of a call about one document is that document's answer, to be looked into like one in a batch.
        """
        try:
            if call.path == wire.UPLOAD:
                form = f"multipart/form-data; boundary={key}"
                body = wire.as_form(call.body, key)
                return self.client.call(call.method, call.path, body=body, key=key, content_type=form)
            return self.client.call(call.method, call.path, body=call.body, key=key)
        except Rejected as refusal:
            if call.path == wire.BATCH:
                raise
            refused = {"code": refusal.code, "text": refusal.text}
            return Answer(status=refusal.status or 400, payload={"Refused": refused}, request_id=refusal.request_id)

    def results(self, items: Sequence[Outgoing], answer: Answer) -> list[Result]:
        """Read each document's own outcome. Raises OutcomeUnknown when the answer does not fit the call."""
        if items[0].kind == Kind.ATTACHMENT and isinstance(answer.payload, dict) and "Refused" not in answer.payload:
            return [_uploaded(items[0], answer)]
        rows = answer.payload.get("BatchItemResponse") if isinstance(answer.payload, dict) else None
        if rows is None and len(items) == 1:
            return [_result(items[0], answer.payload)]
        if not isinstance(rows, list):
            raise OutcomeUnknown("QuickBooks' answer does not list what was sent", status=answer.status)
        found = {str(row.get("bId", "")): row for row in rows}
        return [_result(item, found[str(item.position)]) for item in items if str(item.position) in found]

    def look(self, item: Outgoing) -> Remote | None:
        """Find a document by its number, its reference, or its date, amount and note. None when it is not there."""
        if item.remote_id:
            found = self.fetch(item.kind, [item.remote_id], item.role)
            return None if not found or found[0].gone else found[0]
        is_file = item.kind == Kind.ATTACHMENT
        rows = list(self._candidates(item))
        remotes = [reading.attached(row) if is_file else reading.remote(item.kind, row, item.role) for row in rows]
        for remote in remotes:
            if _is_ours(item, remote):
                return _taken_over(item, remote) if item.kind == Kind.ITEM else remote
        if item.kind == Kind.CLIENT:
            return self._renamed(item)
        moved = [remote for remote in remotes if _is_ours(_with_contact_of(item, remote), remote)]
        return moved[0] if moved and self._is_merged_away(item) else None

    def _renamed(self, item: Outgoing) -> Remote | None:
        """A customer that was given another name since it was sent; no query can ask for our number in its notes.

        By MetaData.CreateTime (Intuit docs, Data queries).
        """
        assert item.made_at is not None, "only what was sent is looked for"
        since = quoted((item.made_at - CLOCKS_DIFFER).isoformat())
        rows = self.client.everything("Customer", f"MetaData.CreateTime >= {since}")
        remotes = (reading.remote(item.kind, row, item.role) for row in rows)
        return next((remote for remote in remotes if _is_ours(item, remote)), None)

    def _is_merged_away(self, item: Outgoing) -> bool:
        """Whether a document's customer is active no more: merged into another, which has its documents now."""
        (customer,) = self.fetch(Kind.CLIENT, [item.doc["contact"]])
        return customer.gone or customer.theirs["status"] == "archived"

    def _candidates(self, item: Outgoing) -> Iterator[dict[str, Any]]:
        """The objects a document of ours could be, by what QuickBooks lets a query ask for."""
        doc, entity = item.doc, entity_of(item.kind, item.role)
        by_day = f"TxnDate = {quoted(doc.get('date', ''))}"
        by_reference = f"PaymentRefNum = {quoted(doc.get('reference', '')[: reading.REFERENCE])}"
        by_number = f"DocNumber = {quoted(doc.get('number', ''))}"
        where = {
            "Customer": lambda: f"DisplayName = {quoted(wire.safe_name(doc['name']))}",
            "Item": lambda: f"Name = {quoted(wire.safe_name(doc['name'])[:100])}",
            "Invoice": lambda: by_number,
            "CreditMemo": lambda: by_number,
            "RefundReceipt": lambda: by_number,
            "Payment": lambda: by_reference,
            "Attachable": lambda: f"FileName = {quoted(doc.get('name', ''))}",
        }.get(entity, lambda: by_day)()
        yield from self.client.everything(entity, where)

    def fetch(self, kind: str, remote_ids: Sequence[str], role: str = "") -> list[Remote]:
        """Read objects by id; those that are not there any more come back as gone."""
        entity = entity_of(kind, role)
        found: dict[str, Remote] = {}
        for start in range(0, len(remote_ids), IDS):
            ids = ", ".join(quoted(key) for key in remote_ids[start : start + IDS])
            rows = self.client.query(statement(entity, f"Id IN ({ids})", most=IDS), entity)
            found |= {str(row["Id"]): reading.remote(kind, row, role) for row in rows}
        return [found.get(key) or reading.gone(kind, key) for key in remote_ids]

    def changed(self, kind: str, since: datetime, until: datetime, page: int, role: str = "") -> Page:
        """One page of objects changed in a window.

        The log of changes tells deletions too, but holds a thousand objects at most and reaches back thirty days.
        What does not fit is read by the time of the last change, page by page.
        """
        entity = entity_of(kind, role)
        logged: list[Remote] = []
        if page == 1 and since > clock.now() - LOG_DAYS:
            rows = self._log(entity, since)
            if len(rows) < PAGE:
                return Page([reading.remote(kind, row, role) for row in rows], more=False)
            logged = [reading.remote(kind, row, role) for row in rows if row.get("status") == "Deleted"]
        field = "MetaData.LastUpdatedTime"
        window = (f"{field} >= {quoted(since.isoformat())}", f"{field} <= {quoted(until.isoformat())}")
        rows = self.client.query(statement(entity, *window, order=field, start=(page - 1) * PAGE + 1), entity)
        return Page(logged + [reading.remote(kind, row, role) for row in rows], more=len(rows) >= PAGE)

    def _log(self, entity: str, since: datetime) -> list[dict[str, Any]]:
        params = {"entities": entity, "changedSince": since.replace(microsecond=0).isoformat()}
        payload = self.client.call("GET", "/cdc", params=params).payload
        groups = [g for r in payload.get("CDCResponse", []) for g in r.get("QueryResponse", [])]
        return [row for group in groups for row in group.get(entity, [])]

    def references(self) -> list[Ref]:
        """Accounts, tax codes, classes, terms and items, inactive ones included."""
        refs = [reading.account(row) for row in self.client.everything("Account")]
        codes = {str(row["Id"]): reading.tax_code(row) for row in self.client.everything("TaxCode")}
        # US companies take these two on every line, also where the list does not show them.
        codes.setdefault("NON", reading.tax_code({"Id": "NON", "Name": "Not taxable"}))
        refs += codes.values()
        for kind, entity in (("class", "Class"), ("term", "Term"), ("item", "Item")):
            refs += [reading.listed(kind, row) for row in self.client.everything(entity)]
        return refs

    def organisation(self) -> Organisation:
        """The company with its closing date."""
        return oauth.organisation(self.client)

    def who_changed(self, kind: str, remote_id: str) -> str:
        """QuickBooks tells nobody who changed a document."""
        return ""


def _is_ours(item: Outgoing, remote: Remote) -> bool:
    """Whether an object found by a query can be the document we sent: the query alone asks for less than that."""
    doc, theirs = item.doc, remote.theirs
    if item.kind == Kind.CLIENT:
        return bool(theirs["number"] == doc["number"])
    if item.kind == Kind.ITEM:
        return theirs["code"] in ("", doc["code"])
    names = {
        "Payment": ("credit", "invoice") if item.kind == Kind.ALLOCATION else ("contact", "reference"),
        "Purchase": ("account", "reference", "total"),
        "Deposit": ("account", "reference", "total"),
        "Transfer": ("from", "to", "amount", "reference"),
        "Attachable": ("number", "invoice"),
    }.get(entity_of(item.kind, item.role), ("number",))
    return theirs.get("status") != "void" and all(str(theirs[name]) == str(doc[name]) for name in names)


def _with_contact_of(item: Outgoing, remote: Remote) -> Outgoing:
    """A document as it would be had it been made for the customer that one there is for."""
    named = {name: remote.theirs[name] for name in ("contact",) if name in item.doc and name in remote.theirs}
    return replace(item, doc={**item.doc, **named})


def _taken_over(item: Outgoing, remote: Remote) -> Remote:
    """An item of our name and account that has no code yet is taken as ours: coding is the ledger's to decide."""
    if remote.theirs["account"] != item.doc["account"]:
        return remote
    return replace(remote, theirs={**remote.theirs, "code": item.doc["code"]})


def _result(item: Outgoing, row: dict[str, Any]) -> Result:
    """What became of one document. Raises OutcomeUnknown when the answer does not show it."""
    if "Refused" in row:
        return _refusal(item, row["Refused"]["code"], row["Refused"]["text"], None)
    fault = fault_of(row)
    if fault is not None:
        return _refusal(item, fault.ours, fault.text, fault)
    body = row.get(entity_of(item.kind, item.role))
    if not isinstance(body, dict) or "Id" not in body:
        raise OutcomeUnknown("QuickBooks' answer does not show what was sent", status=200)
    found = reading.remote(item.kind, body, item.role)
    return Result(item.position, ok=True, remote_id=found.remote_id, version=found.version, theirs=found.theirs)


def _uploaded(item: Outgoing, answer: Answer) -> Result:
    """What became of a file. Raises OutcomeUnknown when the answer does not show it."""
    rows = answer.payload.get("AttachableResponse") or [{}]
    fault = fault_of(rows[0])
    if fault is not None:
        return _refusal(item, fault.ours, fault.text, fault)
    if "Attachable" not in rows[0]:
        raise OutcomeUnknown("QuickBooks' answer does not show the file", status=answer.status)
    found = reading.attached(rows[0]["Attachable"])
    return Result(item.position, ok=True, remote_id=found.remote_id, version=found.version, theirs=found.theirs)


def _refusal(item: Outgoing, code: str, text: str, fault: Fault | None) -> Result:
    """A document's own fault: throttled, to be looked into, or a person's to put right."""
    if fault is not None and (fault.throttled or fault.passing):
        return Result(item.position, ok=False, code=code, text=text, later=True)
    taken = item.action == "create" and code in ("number_taken", "name_taken")
    moved_on = item.action != "create" and code in ("stale", "not_found")
    unknown = fault is not None and fault.system
    return Result(item.position, ok=False, code=code, text=text, look=taken or moved_on or unknown)


def ledger_for(connection: Connection) -> QuickBooksLedger:
    """The company of a connection, with tokens that renew themselves."""
    bearer = tokens.Bearer(connection.tokens_id, oauth.refresh)
    client = Client(
        realm=connection.remote_org,
        token=bearer.token,
        refused_token=bearer.refused,
        meter=budgets.Meter(connection),
    )
    return QuickBooksLedger(client, _company(connection))


def _company(connection: Connection) -> Company:
    """What rendering must know, from what was last read of the company."""
    known = RefItem.objects.filter(connection=connection, kind=RefItem.Kind.ORGANISATION).first()
    return Company(country=str(known.data.get("country") or "US") if known else "US")
