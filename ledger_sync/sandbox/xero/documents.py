"""What invoices and credit notes have in common: numbers, contacts, lines, states, locks and what may be edited."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from ledger_sync.sandbox.xero import contacts, lines, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import Invalid, malformed
from ledger_sync.sandbox.xero.wire import Row

#: Rates of the day, invented; Xero takes those of XE.com. Which way round they go is unsure: switch rates_to_base.
DAY_RATES = {"EUR": "0.600000", "GBP": "0.510000", "NZD": "1.090000", "USD": "0.650000"}
POSTED = ("AUTHORISED", "PAID")
#: State → the states a caller may set. PAID is reached and left only through payments and crediting.
#: SUBMITTED back to DRAFT is unsure: switch submitted_to_draft.
MOVES = {
    "DRAFT": ("DRAFT", "SUBMITTED", "AUTHORISED", "DELETED"),
    "SUBMITTED": ("SUBMITTED", "AUTHORISED", "DELETED"),
    "AUTHORISED": ("AUTHORISED", "VOIDED"),
    "PAID": ("PAID",),
    "VOIDED": (),
    "DELETED": (),
}
#: What may change on a document with money on it (docs, Invoices).
_FREE_WHEN_PAID = {"Reference", "DueDate", "InvoiceNumber", "BrandingThemeID", "_contact", "Url", "SentToContact"}
_FREE_ON_LINES = {"Description", "AccountCode", "AccountID", "_tracking"}
_QUIET = {"DueDate", "SentToContact"}


@dataclass(frozen=True)
class Paper:
    """One kind of document."""

    kind: str
    word: str
    number: str
    prefix: str
    selling: str
    buying: str
    category: str
    taken: str


INVOICE = Paper(
    "Invoices", "Invoice", "InvoiceNumber", "INV", "ACCREC", "ACCPAY", "INVOICE", "Invoice # must be unique."
)
#: The text for a credit note's number is modelled on the invoice's; unsure.
CREDIT_NOTE = Paper(
    "CreditNotes",
    "Credit Note",
    "CreditNoteNumber",
    "CN",
    "ACCRECCREDIT",
    "ACCPAYCREDIT",
    "CREDITNOTE",
    "Credit Note # must be unique.",
)


def create(books: Books, paper: Paper, data: Row, key_name: str) -> Row:
    """Make a new document. Raises Invalid."""
    kind = data.get("Type")
    if kind not in (paper.selling, paper.buying):
        raise Invalid(f"The {paper.word.lower()} Type is not valid.")
    status = str(data.get("Status") or "DRAFT")
    if status not in ("DRAFT", "SUBMITTED", "AUTHORISED"):
        raise Invalid(f"{paper.word} not of valid status for creation")
    row: Row = {
        "Type": kind,
        key_name: books.ids.new(),
        "_payments": [],
        "_allocations": [],
        "SentToContact": False,
        "HasAttachments": False,
        "LineItems": [],
        "LineAmountTypes": "Exclusive",
        "Date": books.today(),
        "CurrencyCode": books.organisation["BaseCurrency"],
        "Status": status,
    }
    row["_contact"] = contacts.for_document(books, data.get("Contact"))["ContactID"]
    row.update(head(books, paper, data, row))
    row.update(body(books, paper, data, row, None))
    _check_whole(books, paper, row)
    row[paper.number] = _number(books, paper, data, row)
    contacts.used(books, row["_contact"], selling=kind == paper.selling)
    return row


def update(books: Books, paper: Paper, existing: Row, data: Row) -> Row:
    """The row a change would make, not stored yet. Raises Invalid."""
    wanted = str(data.get("Status") or existing["Status"])
    _refuse_move(books, paper, existing, wanted)
    row: Row = {**existing, "Status": wanted}
    if wanted not in ("VOIDED", "DELETED"):
        if data.get("Type") not in (None, existing["Type"]):
            raise Invalid(f"The {paper.word.lower()} Type cannot be changed.")
        if data.get("Contact"):
            row["_contact"] = contacts.for_document(books, data["Contact"])["ContactID"]
        row.update(head(books, paper, data, row))
        row.update(body(books, paper, data, row, existing))
        _check_whole(books, paper, row)
        row[paper.number] = _number(books, paper, data, row)
    if has_money(existing):
        _refuse_paid_edit(books, existing, row)
    if existing["Status"] in POSTED:
        books.refuse_locked(existing["Date"])
    return row


def has_money(row: Row) -> bool:
    """Whether payments or credits are on a document."""
    return bool(row["_payments"] or row["_allocations"])


def _refuse_move(books: Books, paper: Paper, existing: Row, wanted: str) -> None:
    """Raise Invalid for a state that cannot be reached; both texts were seen by users of the API."""
    if wanted != existing["Status"] and has_money(existing):
        raise Invalid(
            f"The status {wanted} cannot be applied to the {paper.word.lower()} because it has payments or credit "
            "notes allocated to it."
        )
    back = (existing["Status"], wanted) == ("SUBMITTED", "DRAFT") and books.switches.submitted_to_draft
    if not back and wanted not in MOVES[existing["Status"]]:
        raise Invalid(f"{paper.word} not of valid status for modification")


def _refuse_paid_edit(books: Books, existing: Row, row: Row) -> None:
    changed = {key for key in row if row[key] != existing.get(key)}
    free = _FREE_WHEN_PAID if books.switches.paid_edits == "docs" else set()
    if "LineItems" in changed and free and _only_words(existing["LineItems"], row["LineItems"]):
        changed.discard("LineItems")
    if changed - free:
        raise Invalid("This document cannot be edited as it has a payment or credit note allocated to it.")


def _only_words(before: list[Row], after: list[Row]) -> bool:
    if [line["LineItemID"] for line in before] != [line["LineItemID"] for line in after]:
        return False
    pairs = zip(before, after, strict=True)
    return all(all(one.get(key) == two.get(key) for key in {*one, *two} - _FREE_ON_LINES) for one, two in pairs)


def head(books: Books, paper: Paper, data: Row, row: Row) -> Row:
    """The checked head fields among what a caller sent."""
    fields: Row = {}
    for name in ("Date", "DueDate", "ExpectedPaymentDate", "PlannedPaymentDate"):
        if data.get(name):
            fields[name] = wire.as_date(data[name])
            if fields[name] is None:
                raise malformed(name)
    if data.get("Reference") is not None and (row["Type"] == paper.selling or paper is CREDIT_NOTE):
        fields["Reference"] = str(data["Reference"])[:255]
    if isinstance(data.get("SentToContact"), bool):
        fields["SentToContact"] = data["SentToContact"]
    if data.get("Url"):
        fields["Url"] = str(data["Url"])
    if data.get("BrandingThemeID"):
        if books.get("BrandingThemes", data["BrandingThemeID"]) is None:
            raise Invalid("The BrandingThemeID does not exist.")
        fields["BrandingThemeID"] = str(data["BrandingThemeID"]).lower()
    if data.get("LineAmountTypes"):
        fields["LineAmountTypes"] = amount_types(data)
    fields.update(currency(books, data, row))
    return fields


def amount_types(data: Row) -> str:
    """How a document's amounts include tax. Raises Refused for a word Xero does not have."""
    if data["LineAmountTypes"] not in ("Exclusive", "Inclusive", "NoTax"):
        raise malformed("LineAmountTypes")
    return str(data["LineAmountTypes"])


def currency(books: Books, data: Row, row: Row) -> Row:
    """A document's currency and rate. Raises Invalid for a currency the organisation has not added (text unsure)."""
    code = str(data.get("CurrencyCode") or row["CurrencyCode"])
    if books.get("Currencies", code) is None:
        raise Invalid(f"Organisation is not subscribed to currency {code}")
    if code == books.organisation["BaseCurrency"]:
        return {"CurrencyCode": code, "CurrencyRate": "1.000000"}
    rate = wire.as_number(data.get("CurrencyRate"))
    if data.get("CurrencyRate") is not None and (rate is None or rate <= 0):
        raise Invalid("The currency rate is not valid.")
    shown = wire.places(rate, 6) if rate else row.get("CurrencyRate") or _day_rate(books, code)
    return {"CurrencyCode": code, "CurrencyRate": shown}


def _day_rate(books: Books, code: str) -> str:
    """An invented rate of the day; which way Xero's go is unsure (switch rates_to_base)."""
    rate = Decimal(DAY_RATES.get(code, "1.000000"))
    return wire.places(1 / rate if books.switches.rates_to_base else rate, 6)


def body(books: Books, paper: Paper, data: Row, row: Row, existing: Row | None) -> Row:
    """The lines of a document and what follows from them. Raises Invalid."""
    contact = books.table("Contacts")[row["_contact"]]
    selling = row["Type"] == paper.selling
    terms = lines.Terms(
        selling=selling,
        amount_types=row["LineAmountTypes"],
        complete=row["Status"] != "DRAFT",
        default_tax=str(contact.get("AccountsReceivableTaxType" if selling else "AccountsPayableTaxType") or ""),
        discounts=paper is INVOICE and selling,
    )
    before = existing["LineItems"] if existing else []
    given = data.get("LineItems")
    if given is None and existing and (existing["Status"] not in POSTED or data.get("LineAmountTypes")):
        given = [lines.resend(line, keep_tax=not data.get("LineAmountTypes")) for line in before]
        books = replace(books, unit_places=4)
    built = before if given is None else lines.build(books, terms, given, before)
    fields: Row = {"LineItems": built, **lines.totals(built, row["LineAmountTypes"]).fields()}
    if paper is INVOICE:
        fields["IsDiscounted"] = any("DiscountRate" in line or "DiscountAmount" in line for line in built)
    return fields


def _check_whole(books: Books, paper: Paper, row: Row) -> None:
    if wire.money(row, "Total") < 0:
        raise Invalid(f"The total of the {paper.word.lower()} cannot be less than zero.")
    if row["Status"] not in POSTED and row["Status"] != "SUBMITTED":
        return
    if not row["LineItems"]:
        raise Invalid("One or more line items must be specified")
    if paper is INVOICE and not row.get("DueDate"):
        row["DueDate"] = _due(books, row)
    if row["Status"] in POSTED:
        books.refuse_locked(row["Date"])


def _due(books: Books, row: Row) -> str | None:
    """The due date by the contact's terms, else the organisation's. Raises Invalid when neither has any (unsure)."""
    side = "Sales" if row["Type"] == "ACCREC" else "Bills"
    for holder in (books.table("Contacts")[row["_contact"]], books.organisation):
        terms = (holder.get("PaymentTerms") or {}).get(side)
        if terms:
            return by_terms(date.fromisoformat(row["Date"]), int(terms["Day"]), str(terms["Type"]))
    if books.switches.due_date_required:
        raise Invalid("The Due Date field is mandatory for approved documents.")
    return str(row["Date"])


def by_terms(day: date, count: int, kind: str) -> str:
    """The ISO date on which a document of a day is due by payment terms."""
    first = day.replace(day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    if kind == "OFCURRENTMONTH":
        return _day_of(first, count).isoformat()
    if kind == "OFFOLLOWINGMONTH":
        return _day_of(following, count).isoformat()
    if kind == "DAYSAFTERBILLMONTH":
        return (following - timedelta(days=1) + timedelta(days=count)).isoformat()
    return (day + timedelta(days=count)).isoformat()


def _day_of(first: date, count: int) -> date:
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return min(first + timedelta(days=count - 1), last)


def _number(books: Books, paper: Paper, data: Row, row: Row) -> str:
    """Take a document's number: given, kept or the next automatic one. Raises Invalid when a sales number is taken.

    Numbers of void and deleted documents stay taken (reported by users of the API).
    """
    before = str(row.get(paper.number) or "")
    given = str(data.get(paper.number) or "").strip() or before
    if len(given) > 255:
        raise Invalid(f"The {paper.number} field cannot exceed 255 characters.")
    if row["Type"] != paper.selling:
        return given
    key = str(row[f"{paper.kind[:-1]}ID"])
    index = f"{paper.kind}Numbers"
    while not given:
        candidate = f"{paper.prefix}-{books.store.next_id(f'{books.tenant}:{paper.prefix}'):04}"
        given = "" if books.holder(index, candidate) else candidate
    holder = books.holder(index, given)
    if holder and holder != key and (books.switches.numbers_stay_taken or _is_live(books, paper, holder)):
        raise Invalid(paper.taken)
    if before and before != given:
        books.release(index, before)
    if holder != key:
        books.hold(index, given, key)
    return given


def _is_live(books: Books, paper: Paper, key: str) -> bool:
    row = books.get(paper.kind, key)
    return row is not None and row["Status"] not in ("VOIDED", "DELETED")


def by_number(books: Books, paper: Paper, number: str) -> Row | None:
    """The sales document with a number."""
    return books.get(paper.kind, books.holder(f"{paper.kind}Numbers", number)) if number else None


def store_update(books: Books, paper: Paper, existing: Row, row: Row) -> Row:
    """Store an updated document, with or without a new UpdatedDateUTC."""
    changed = {key for key in row if row[key] != existing.get(key)}
    quiet = books.switches.quiet_updates and has_money(existing) and changed <= _QUIET
    return books.put(paper.kind, row) if quiet else books.touch(paper.kind, row)


def difference(existing: Row, row: Row) -> str:
    """What a change did, in words for the history."""
    named: dict[str, Any] = {key: existing.get(key) for key in row if row[key] != existing.get(key) and key[0] != "_"}
    words = [
        f"{key} from {before} to {row[key]}" if not isinstance(row[key], list) else "line items"
        for key, before in named.items()
        if key not in ("UpdatedDateUTC", "SubTotal", "AmountDue", "RemainingCredit")
    ]
    return "Changed " + ", ".join(words) if words else "Saved without a change"
