"""A document as a small valid PDF: one page of text."""

from __future__ import annotations

from ledger_sync.sandbox.quickbooks import wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.wire import Row


def pdf(books: Books, row: Row) -> bytes:
    """A document on one page: its number, whom it is for, its lines and total."""
    other = books.get("Customer", wire.ref(row, "CustomerRef")) or books.get("Vendor", wire.ref(row, "VendorRef")) or {}
    items = [
        f"{line.get('Description', '')}   {line['Amount']}"
        for line in row.get("Line", [])
        if "Amount" in line and line.get("DetailType") not in ("SubTotalLineDetail", None)
    ]
    currency = wire.ref(row, "CurrencyRef") or books.home
    head = [
        str(books.company["CompanyName"]),
        f"{row.get('DocNumber', '')}   {row['TxnDate']}",
        str(other.get("DisplayName", "")),
    ]
    return _page([*head, "", *items, "", f"Total {currency} {row.get('TotalAmt', '')}"])


def _page(lines: list[str]) -> bytes:
    safe = [line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for line in lines]
    drawing = "BT /F1 11 Tf 50 740 Td 16 TL " + " ".join(f"({line}) Tj T*" for line in safe) + " ET"
    stream = drawing.encode("latin-1", "replace")
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources 5 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>",
    ]
    out = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(bodies, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(bodies) + 1
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, rows)
    return out + table + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(out))
