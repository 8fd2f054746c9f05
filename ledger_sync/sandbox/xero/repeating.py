"""Repeating invoices: templates that make an invoice on each scheduled date. By API only made and deleted (SPEC)."""

from __future__ import annotations

from datetime import date, timedelta

from ledger_sync.sandbox.xero import contacts, documents, invoices, lines, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.documents import INVOICE
from ledger_sync.sandbox.xero.errors import Invalid, malformed
from ledger_sync.sandbox.xero.wire import Row

UNITS = ("WEEKLY", "MONTHLY")
#: SPEC, Schedule.DueDateType.
DUE_TYPES = (
    "DAYSAFTERBILLDATE",
    "DAYSAFTERBILLMONTH",
    "DAYSAFTERINVOICEDATE",
    "DAYSAFTERINVOICEMONTH",
    "OFCURRENTMONTH",
    "OFFOLLOWINGMONTH",
)
_FLAGS = ("ApprovedForSending", "SendCopy", "MarkAsSent", "IncludePDF")


def save(books: Books, data: Row, method: str) -> Row:
    """Make a template, or delete the one that the id names. Raises Invalid; texts unsure."""
    existing = books.get("RepeatingInvoices", data.get("RepeatingInvoiceID"))
    if data.get("RepeatingInvoiceID") and existing is None:
        raise Invalid("The repeating invoice could not be found.")
    if existing is None:
        return create(books, data)
    if data.get("Status") != "DELETED" or method == "PUT":
        raise Invalid("Repeating invoices can only be created or deleted.")
    if existing["Status"] == "DELETED":
        raise Invalid("Repeating invoice not of valid status for modification")
    books.note("RepeatingInvoices", existing["RepeatingInvoiceID"], "Deleted")
    return books.put("RepeatingInvoices", {**existing, "Status": "DELETED"})


def create(books: Books, data: Row) -> Row:
    """Make a template. Raises Invalid."""
    kind = data.get("Type")
    if kind not in ("ACCREC", "ACCPAY"):
        raise Invalid("The repeating invoice Type is not valid.")
    status = str(data.get("Status") or "DRAFT")
    if status not in ("DRAFT", "AUTHORISED"):
        raise Invalid("Repeating invoice not of valid status for creation")
    row: Row = {
        "RepeatingInvoiceID": books.ids.new(),
        "Type": kind,
        "Status": status,
        "LineAmountTypes": "Exclusive",
        "CurrencyCode": books.organisation["BaseCurrency"],
        "LineItems": [],
        "Reference": "",
        "HasAttachments": False,
        **{flag: data.get(flag) is True for flag in _FLAGS},
        "Schedule": _schedule(data.get("Schedule")),
    }
    row["_contact"] = contacts.for_document(books, data.get("Contact"))["ContactID"]
    kept = ("Reference", "BrandingThemeID", "LineAmountTypes", "CurrencyCode")
    row.update({name: value for name, value in documents.head(books, INVOICE, data, row).items() if name in kept})
    body = documents.body(books, INVOICE, data, row, None)
    row.update({name: body[name] for name in ("LineItems", "SubTotal", "TotalTax", "Total")})
    if not row["LineItems"]:
        raise Invalid("One or more line items must be specified")
    if wire.money(row, "Total") < 0:
        raise Invalid("The total of the invoice cannot be less than zero.")
    books.note("RepeatingInvoices", row["RepeatingInvoiceID"], "Created")
    return books.put("RepeatingInvoices", row)


def _schedule(given: object) -> Row:
    if not isinstance(given, dict):
        raise Invalid("A schedule must be specified.")
    period, due = given.get("Period"), given.get("DueDate")
    start, end = wire.as_date(given.get("StartDate")), wire.as_date(given.get("EndDate"))
    if given.get("Unit") not in UNITS or given.get("DueDateType") not in DUE_TYPES:
        raise malformed("Schedule")
    if not isinstance(period, int) or isinstance(period, bool) or not 1 <= period <= 99:
        raise Invalid("The schedule's Period must be a whole number of weeks or months.")
    if not isinstance(due, int) or isinstance(due, bool) or not 0 <= due <= 999:
        raise Invalid("The schedule's DueDate must be a number of days or a day of the month.")
    if start is None or (given.get("EndDate") and end is None):
        raise malformed("StartDate" if start is None else "EndDate")
    following = wire.as_date(given.get("NextScheduledDate")) or start
    schedule: Row = {"Period": period, "Unit": given["Unit"], "DueDate": due, "DueDateType": given["DueDateType"]}
    schedule |= {"StartDate": start, "NextScheduledDate": following}
    return {**schedule, "EndDate": end} if end else schedule


def run(books: Books, template: Row) -> Row:
    """Make the next invoice of a template, as Xero does overnight. Raises Invalid for one that is deleted or over."""
    schedule = template["Schedule"]
    day = str(schedule["NextScheduledDate"])
    if template["Status"] == "DELETED" or day > schedule.get("EndDate", day):
        raise Invalid("This repeating invoice makes no more invoices.")
    fields: Row = {
        "Type": template["Type"],
        "Contact": {"ContactID": template["_contact"]},
        "Date": day,
        "DueDate": _due(date.fromisoformat(day), int(schedule["DueDate"]), str(schedule["DueDateType"])),
        "LineAmountTypes": template["LineAmountTypes"],
        "LineItems": [lines.resend(line, keep_tax=True) for line in template["LineItems"]],
        "Reference": template["Reference"],
        "Status": template["Status"],
        "CurrencyCode": template["CurrencyCode"],
    }
    row = invoices.save(books, fields, "PUT")
    row = books.change("Invoices", row, RepeatingInvoiceID=template["RepeatingInvoiceID"])
    books.put("RepeatingInvoices", {**template, "Schedule": {**schedule, "NextScheduledDate": _next(schedule, day)}})
    return row


def _due(day: date, count: int, kind: str) -> str:
    return documents.by_terms(day, count, kind.replace("INVOICE", "BILL"))


def _next(schedule: Row, day: str) -> str:
    period = int(schedule["Period"])
    if schedule["Unit"] == "WEEKLY":
        return (date.fromisoformat(day) + timedelta(weeks=period)).isoformat()
    # Counted from the first date, so that the 31st survives February.
    start = date.fromisoformat(schedule["StartDate"])
    months = (date.fromisoformat(day).year - start.year) * 12 + date.fromisoformat(day).month - start.month + period
    return wire.months_after(start.isoformat(), months)


def show(books: Books, row: Row, form: str) -> Row:
    """A repeating invoice on the wire."""
    return {
        **row,
        "ID": row["RepeatingInvoiceID"],
        "Contact": contacts.short(books, row["_contact"]),
        "LineItems": [lines.show(books, line) for line in row["LineItems"]],
    }
