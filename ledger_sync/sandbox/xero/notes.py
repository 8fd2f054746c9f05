"""What hangs on a document: its history with notes, its attachments, its PDF, its web page and its email."""

from __future__ import annotations

import base64
import mimetypes
import zlib

from ledger_sync.sandbox.xero import contacts
from ledger_sync.sandbox.xero.books import KEYS, Books
from ledger_sync.sandbox.xero.errors import Refused, not_found, validation
from ledger_sync.sandbox.xero.settings import Limits
from ledger_sync.sandbox.xero.wire import Row
from practice.core.sandbox.http import Response

_FORBIDDEN = set('<>:"/\\|?*\0+')
_ONLINE = ("Invoices", "CreditNotes")


def refuse(message: str, **echo: object) -> Refused:
    """A validation 400 for one text."""
    return validation([{**echo, "ValidationErrors": [{"Message": message}]}])


def add_notes(books: Books, kind: str, key: str, records: list[Row], limits: Limits) -> list[Row]:
    """Add notes to a document's history. Raises Refused for one that is too long (unsure: limit note_chars)."""
    for record in records:
        details = str(record.get("Details") or "")
        if not details or len(details) > limits.note_chars:
            raise refuse(f"The history note needs details of at most {limits.note_chars} characters.")
        books.note(kind, key, "Note", details)
    return books.history(key)[: len(records)]


# Attachments


def attachments(books: Books, key: str) -> list[Row]:
    """The attachments of a document."""
    return [row for row in books.table("Attachments").values() if row["_document"] == key]


def attach(
    books: Books, limits: Limits, kind: str, row: Row, name: str, content: bytes, *, online: bool = False
) -> Row:
    """Attach a file, or replace the one with the same name. Raises Refused; limits as documented, texts unsure."""
    key = row[KEYS[kind]]
    if not name or set(name) & _FORBIDDEN:
        raise refuse("The file name contains characters that are not allowed.")
    if not content or len(content) > limits.attachment_bytes:
        raise refuse("The attachment is empty or larger than 10 MB.")
    present = attachments(books, key)
    same = next((item for item in present if item["FileName"] == name), None)
    if same is None and len(present) >= limits.attachments:
        raise refuse(f"A document can have at most {limits.attachments} attachments.")
    saved = books.put(
        "Attachments",
        {
            "AttachmentID": same["AttachmentID"] if same else books.ids.new(),
            "FileName": name,
            "Url": f"{books.base_url}/api.xro/2.0/{kind}/{key}/Attachments/{name}",
            # The SDK always says octet-stream, so the type can only come from the name.
            "MimeType": mimetypes.guess_type(name)[0] or "application/octet-stream",
            "ContentLength": len(content),
            "IncludeOnline": online and kind in _ONLINE,
            "_document": key,
            "_content": base64.b64encode(content).decode(),
        },
    )
    books.change(kind, row, HasAttachments=True)
    books.note(kind, key, "Attached a file", name)
    return saved


def download(row: Row) -> Response:
    """The bytes of an attachment, under their own type (recorded)."""
    return Response(200, base64.b64decode(row["_content"]), {"Content-Type": row["MimeType"]})


def attachment(books: Books, key: str, name: str) -> Row:
    """One attachment of a document by id or file name. Raises Refused with 404."""
    for row in attachments(books, key):
        if row["AttachmentID"] == name.lower() or row["FileName"] == name:
            return row
    raise not_found()


# Sending and showing


def email(books: Books, row: Row) -> None:
    """Send an invoice to its contact and mark it as sent. Raises Refused; the texts are unsure."""
    contact = books.table("Contacts")[row["_contact"]]
    if row["Type"] != "ACCREC" or row["Status"] not in ("AUTHORISED", "PAID", "SUBMITTED"):
        raise refuse("Only approved sales invoices can be emailed.", InvoiceID=row["InvoiceID"])
    if not contact.get("EmailAddress"):
        raise refuse("The contact does not have an email address.", InvoiceID=row["InvoiceID"])
    books.touch("Invoices", row, SentToContact=True)
    books.note(
        "Invoices", row["InvoiceID"], "Invoice sent", f"This invoice has been sent to {contact['EmailAddress']}."
    )


def online_url(books: Books, row: Row) -> str:
    """The address of an invoice for its customer. Raises Refused for bills (SPEC) and drafts (switch online_drafts)."""
    hidden = ("DELETED",) if books.switches.online_drafts else ("DRAFT", "SUBMITTED", "DELETED")
    if row["Type"] != "ACCREC" or row["Status"] in hidden:
        raise refuse("An online invoice is only available for approved sales invoices.", InvoiceID=row["InvoiceID"])
    return f"{books.base_url}/in/{row['InvoiceID'].replace('-', '')}"


def pdf(books: Books, row: Row) -> bytes:
    """A document as a small valid PDF: one page with its number, contact, lines and total."""
    number = row.get("InvoiceNumber") or row.get("CreditNoteNumber") or ""
    text = [
        books.organisation["Name"],
        f"{number}   {row['Date']}   {row['Status']}",
        contacts.short(books, row["_contact"])["Name"],
        "",
        *[
            f"{line['Description']}   {line['Quantity']} x {line['UnitAmount']}   {line['LineAmount']}"
            for line in row["LineItems"]
        ],
        "",
        f"Total {row['CurrencyCode']} {row['Total']}",
    ]
    shown = [line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for line in text]
    drawing = "BT /F1 11 Tf 50 780 Td 16 TL " + " ".join(f"({line}) Tj T*" for line in shown) + " ET"
    stream = zlib.compress(drawing.encode("latin-1", "replace"))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 5 0 R >>",
        b"<< /Filter /FlateDecode /Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream",
        b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for place, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % place + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return (
        out
        + b"xref\n0 %d\n0000000000 65535 f \n" % size
        + table
        + (b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out)))
    )
