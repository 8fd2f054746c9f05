"""Documents for a ledger as the engine hands them to its adapter, and every kind, role and action an adapter knows."""

from __future__ import annotations

import base64
import copy
import itertools
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ledger_sync.connection.mapping import Places, Purpose
from ledger_sync.kinds import BACK, CREDIT, EXCESS, FILE, RECEIVED, RETURNED, SHAPES, UNAPPLIED
from ledger_sync.models import Connection, RefItem
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Outgoing, Result
from ledger_sync.providers import ledger_for
from ledger_sync.providers.quickbooks import client as quickbooks_client
from ledger_sync.providers.quickbooks import ledger as quickbooks_ledger
from ledger_sync.providers.quickbooks import wire as quickbooks_wire
from ledger_sync.providers.xero import ledger as xero_ledger
from ledger_sync.providers.xero import wire as xero_wire
from practice.core import clock

NOON = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)
DAY, DUE, LATER = "2026-11-20", "2026-12-04", "2026-12-11"
#: Where the firm is, its currency and time zone, and how much tax is on its sales, in percent.
COUNTRIES = {
    "xero": ("AU", "AUD", "Australia/Sydney", Decimal(10)),
    "quickbooks": ("US", "USD", "America/Chicago", Decimal(0)),
}
NOBODY = {"xero": "00000000-0000-4000-8000-000000000000", "quickbooks": "999999"}

Case = tuple[str, str, str]
#: QuickBooks' table names no actions beside those that are a call of their own: these documents are also edited.
EDITED = ((Kind.CLIENT, ""), (Kind.ITEM, ""), (Kind.INVOICE, ""), (Kind.PAYMENT, ""))
KNOWN: dict[str, frozenset[Case]] = {
    "xero": frozenset(xero_wire._ROUTES),
    "quickbooks": frozenset(
        {
            *((kind, role, "create") for kind, role in quickbooks_wire._BUILDERS),
            *((kind, role, "update") for kind, role in quickbooks_wire._BUILDERS if (kind, role) in EDITED),
            *quickbooks_wire._ALONE,
            (Kind.ATTACHMENT, FILE, "create"),
        }
    ),
}
#: What hangs on a document is not read back by id and has no version: the engine looks for it by its name or mark.
PAPERS = (Kind.NOTE, Kind.ATTACHMENT)
#: What names a document that is to be taken away (documents.py hands no more than this).
_NAMES = ("number", "reference", "credit", "overpayment", "invoice")


def ids() -> list[Any]:
    return sorted((provider, *case) for provider, cases in KNOWN.items() for case in cases)


def is_alone(provider: str, *case: str) -> bool:
    """Whether a call takes only one of these documents."""
    return case in SHAPES[provider].alone or case[0] in SHAPES[provider].single


class Books:
    """One connection with its ledger, and documents for it."""

    def __init__(self, connection: Connection, sandbox: Any) -> None:
        self.connection, self.sandbox, self.provider = connection, sandbox, connection.provider
        self.ledger = ledger_for(connection)
        self.places = Places(connection)
        self.shape = SHAPES[connection.provider]
        self.currency, self.rate = COUNTRIES[connection.provider][1], COUNTRIES[connection.provider][3]
        self._count = itertools.count(1)
        self._contact = self._item = ""

    # Sending

    def push(self, *items: Outgoing) -> list[Result]:
        """Send one call under a key of its own; what became of each document."""
        clock.advance(seconds=2)
        return self.ledger.results(items, self.ledger.send(self.ledger.wire(items), str(uuid.uuid4())))

    def booked(self, kind: str, role: str = "") -> tuple[Outgoing, Result]:
        """A new document that the ledger took."""
        item = self.item((kind, role, "create"))
        (result,) = self.push(item)
        assert result.ok, (item, result)
        return item, result

    def rows(self) -> dict[str, Any]:
        """Everything in the company's books, trusting nobody."""
        company = self.connection.remote_org
        books = {name: rows for name, rows in self.sandbox.dump().items() if company in name}
        return copy.deepcopy({**books, "history": self.sandbox.store.table(f"{company}:_history")})

    def page_by(self, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have the adapter ask for smaller pages."""
        room = xero_ledger if self.provider == "xero" else quickbooks_ledger
        monkeypatch.setattr(room, "PAGE", size)
        monkeypatch.setitem(quickbooks_client.statement.__kwdefaults__, "most", size)

    def close(self, day: str) -> None:
        """A person closes the books until a day."""
        if self.provider == "xero":
            self.sandbox.bookkeeper.set_lock_dates(day)
        else:
            self.sandbox.bookkeeper.close_books(day)

    # Documents

    def item(self, case: Case, position: int = 0) -> Outgoing:
        """A document ready to go, with all that it needs already in the ledger."""
        kind, role, action = case
        if action == "create":
            doc = _DOCS[kind, role](self, next(self._count))
            return Outgoing(position, kind, self._role(kind, role), action, doc, made_at=clock.now())
        made, result = self.booked(kind, role)
        if action == "update":
            doc = {**made.doc, **_CHANGES[kind]}
        else:
            doc = {name: made.doc[name] for name in _NAMES if name in made.doc}
        head = {"remote_id": result.remote_id, "remote_version": result.version}
        return Outgoing(position, kind, role, action, doc, **head)

    def spoiled(self, item: Outgoing) -> Outgoing:
        """The same document with something the ledger does not have."""
        nobody = NOBODY[self.provider]
        if item.action != "create":
            return replace(item, remote_id=nobody, doc={**item.doc, **dict.fromkeys(("credit", "overpayment"), nobody)})
        names = {"credit", "overpayment", "invoice", "contact", "account", "from"} & item.doc.keys()
        return replace(item, doc={**item.doc, **dict.fromkeys(names, nobody), **({} if names else {"name": ""})})

    @staticmethod
    def _role(kind: str, role: str) -> str:
        return "accepted" if kind == Kind.NOTE else role

    def place(self, purpose: str, treatment: str = "") -> str:
        """The code or id a line names."""
        target = self.places.target(purpose, treatment)
        return str(target.code or target.remote_id)

    def account(self, purpose: str) -> str:
        return str(self.places.target(purpose).remote_id)

    @property
    def contact(self) -> str:
        if not self._contact:
            self._contact = self.booked(Kind.CLIENT)[1].remote_id
        return self._contact

    @property
    def sold(self) -> str:
        if self.shape.needs_items and not self._item:
            self._item = self.booked(Kind.ITEM)[1].remote_id
        return self._item

    def receivables(self) -> str:
        rows = RefItem.objects.filter(connection=self.connection, data__Type="Accounts Receivable", active=True)
        return str(rows.earliest("id").remote_id)

    def taxed(self, net: str) -> tuple[str, str]:
        """Tax and total of an amount."""
        tax = (Decimal(net) * self.rate / 100).quantize(Decimal("0.01"))
        return str(tax), str(Decimal(net) + tax)


def _client(books: Books, n: int) -> Doc:
    address = {"line1": f"{n} Wharf Street", "line2": "", "city": "Sydney", "region": "NSW", "postcode": "2000",
               "country": "AU"}  # fmt: skip
    return {
        "number": f"CS-C{n}", "name": f"Larkspur Bakery {n}", "email": f"ap{n}@larkspur.example", "phone": "02 5550 0100",
        "tax_number": "", "currency": books.currency, "address": address,
    }  # fmt: skip


def _item(books: Books, n: int) -> Doc:
    name = f"Bookkeeping {n}"
    return {"code": f"BK{n}", "name": name, "account": books.account(Purpose.SALES), "description": "A month of it"}


def _sale(books: Books, n: int, net: str = "100.00") -> Doc:
    tax, total = books.taxed(net)
    line = {
        "key": "1", "description": "Bookkeeping, November", "quantity": "1", "unit_price": net, "amount": net,
        "account": books.place(Purpose.SALES), "tax": books.place(Purpose.TAX, "standard"), "item": books.sold,
        "tax_amount": tax,
    }  # fmt: skip
    return {
        "number": f"CS-{n:05}", "contact": books.contact, "date": DAY, "due_on": DUE, "reference": f"P-{n:04}",
        "currency": books.currency, "basis": "exclusive", "status": "issued", "email": "ap@larkspur.example",
        "lines": [line], "net": net, "tax": tax, "total": total,
    }  # fmt: skip


def _credit(books: Books, n: int) -> Doc:
    return {name: value for name, value in _sale(books, n, "40.00").items() if name not in ("due_on", "email")}


def _money(books: Books, n: int, amount: str, purpose: str = Purpose.CLEARING) -> Doc:
    return {
        "account": books.account(purpose), "date": DAY, "reference": f"Card payment ch_{n:04}", "amount": amount,
        "currency": books.currency,
    }  # fmt: skip


def _whole_payment(books: Books, n: int) -> Doc:
    invoice = books.booked(Kind.INVOICE)[1].remote_id
    return {**_money(books, n, "70.00"), "contact": books.contact, "lines": [{"invoice": invoice, "amount": "60.00"}]}


def _excess(books: Books, n: int) -> Doc:
    return {**_money(books, n, "30.00"), "contact": books.contact}


def _money_on_invoice(books: Books, n: int) -> Doc:
    return {**_money(books, n, "60.00"), "invoice": books.booked(Kind.INVOICE)[1].remote_id}


def _credit_on_invoice(books: Books, n: int) -> Doc:
    made, credit = books.booked(Kind.CREDIT)
    return {
        "credit": credit.remote_id, "invoice": books.booked(Kind.INVOICE)[1].remote_id, "amount": made.doc["total"],
        "date": DAY, "contact": books.contact, "reference": made.doc["number"],
    }  # fmt: skip


def _overpaid(books: Books) -> str:
    return str(books.booked(Kind.PAYMENT, EXCESS)[1].theirs["overpayment"])


def _excess_on_invoice(books: Books, n: int) -> Doc:
    invoice = books.booked(Kind.INVOICE)[1].remote_id
    return {"overpayment": _overpaid(books), "invoice": invoice, "amount": "20.00", "date": DAY, "reference": f"A{n}"}


def _movement(books: Books, n: int, words: str, target: str) -> Doc:
    line = {"key": "1", "description": words, "amount": "35.00", "account": target, "tax": ""}
    return {
        "contact": books.contact, "account": books.account(Purpose.CLEARING), "date": DAY, "reference": f"{words} {n}",
        "currency": books.currency, "total": "35.00", "lines": [line],
    }  # fmt: skip


def _returned(books: Books, n: int) -> Doc:
    target = books.place(Purpose.RETURNED) if books.shape.links_allocations else books.receivables()
    return _movement(books, n, "Taken back", target)


def _refund(books: Books, n: int) -> Doc:
    doc = _credit(books, n)
    credit = "" if books.shape.refunds_by_receipt else books.booked(Kind.CREDIT)[1].remote_id
    money = {**_money(books, n, doc["total"]), "reference": f"Refund R{n}"}
    return {**doc, **money, **({"credit": credit} if credit else {})}


def _refund_of_excess(books: Books, n: int) -> Doc:
    if books.shape.links_allocations:
        return {**_money(books, n, "10.00"), "overpayment": _overpaid(books), "reference": f"Refund R{n}"}
    return _movement(books, n, "Given back", books.receivables())


def _disputed(books: Books, n: int) -> Doc:
    return _movement(books, n, "Disputed", books.place(Purpose.DISPUTED))


def _fee(books: Books, n: int) -> Doc:
    fees, tax = books.place(Purpose.FEES), books.place(Purpose.FEE_TAX)
    line = {"key": "1", "description": f"Stripe fee on ch_{n}", "amount": "2.20", "account": fees, "tax": tax}
    doc = _movement(books, n, "Stripe fees", fees)
    del doc["contact"]
    return {**doc, "payee": "Stripe", "lines": [line], "total": "2.20"}


def _payout(books: Books, n: int) -> Doc:
    bank = books.account(Purpose.BANK)
    doc = {**_money(books, n, f"{n}.50"), "from": books.account(Purpose.CLEARING), "to": bank, "reference": f"po_{n}"}
    return {name: value for name, value in doc.items() if name != "account"}


def _note(books: Books, n: int) -> Doc:
    mark = f"Countersign {n}"
    invoice = books.booked(Kind.INVOICE)[1].remote_id
    return {"invoice": invoice, "text": f"Accepted by Amélie Larkspur ({mark})", "mark": mark, "number": mark}


def _file(books: Books, n: int) -> Doc:
    content, name = f"%PDF-1.4 the file of {n}\n".encode(), f"Invoice {n}.pdf"
    invoice = books.booked(Kind.INVOICE)[1].remote_id
    sent = base64.b64encode(content).decode()
    return {"invoice": invoice, "name": name, "number": name, "size": str(len(content)), "content": sent}


#: A new document of each kind and role.
_DOCS: dict[tuple[str, str], Callable[[Books, int], Doc]] = {
    (Kind.CLIENT, ""): _client,
    (Kind.ITEM, ""): _item,
    (Kind.INVOICE, ""): _sale,
    (Kind.CREDIT, ""): _credit,
    (Kind.PAYMENT, ""): _whole_payment,
    (Kind.PAYMENT, EXCESS): _excess,
    (Kind.PAYMENT, RECEIVED): _returned,
    (Kind.PAYMENT, RETURNED): _returned,
    (Kind.ALLOCATION, ""): _money_on_invoice,
    (Kind.ALLOCATION, CREDIT): _credit_on_invoice,
    (Kind.ALLOCATION, EXCESS): _excess_on_invoice,
    (Kind.REFUND, ""): _refund,
    (Kind.REFUND, UNAPPLIED): _refund_of_excess,
    (Kind.DISPUTE, ""): _disputed,
    (Kind.DISPUTE, BACK): _disputed,
    (Kind.FEE, ""): _fee,
    (Kind.PAYOUT, ""): _payout,
    (Kind.PAYOUT, BACK): _payout,
    (Kind.NOTE, ""): _note,
    (Kind.ATTACHMENT, FILE): _file,
}
#: What an edit changes of a kind.
_CHANGES: dict[str, Doc] = {
    Kind.CLIENT: {"email": "accounts@larkspur.example", "phone": "02 5550 0199"},
    Kind.ITEM: {"description": "A quarter of it"},
    Kind.INVOICE: {"due_on": LATER},
    Kind.PAYMENT: {"amount": "80.00"},
}
#: What both sides of a kind must say alike; a name the document does not have is passed over.
SAYS: dict[str, tuple[str, ...]] = {
    Kind.CLIENT: ("number", "name", "email", "phone", "address"),
    Kind.ITEM: ("code", "name", "account", "description"),
    Kind.INVOICE: ("number", "contact", "date", "due_on", "reference", "currency", "net", "tax", "total"),
    Kind.CREDIT: ("number", "contact", "date", "reference", "currency", "net", "tax", "total"),
    Kind.PAYMENT: ("account", "date", "reference", "amount"),
    Kind.ALLOCATION: ("invoice", "date", "amount"),
    Kind.REFUND: ("account", "date", "reference", "amount"),
    Kind.DISPUTE: ("account", "date", "reference", "amount"),
    Kind.FEE: ("account", "date", "reference", "amount"),
    Kind.PAYOUT: ("from", "to", "date", "reference", "amount"),
    Kind.NOTE: ("number",),
    Kind.ATTACHMENT: ("number", "size"),
}


def said(kind: str, doc: Doc) -> Doc:
    """What a document says that both sides compare; a bank transaction's amount is its total."""
    shown = {**doc, "amount": doc.get("amount") or doc.get("total", "")}
    return {name: shown[name] for name in SAYS[kind] if name in shown}
