"""What a bookkeeper does in QuickBooks' own screens about credit and customers, with each deed written down."""

from __future__ import annotations

import re
from decimal import Decimal
from random import Random

from ledger_sync.faultmachine import picking
from ledger_sync.faultmachine.deeds import share_of
from ledger_sync.faultmachine.plans import Act
from ledger_sync.faultmachine.quickbooks_bookkeeping import Doing, Row
from ledger_sync.faultmachine.world import Books
from ledger_sync.models import Link


def _rows(books: Books, kind: str) -> list[Row]:
    return list(books.sandbox.books(books.sandbox.realm_id).table(kind).values())


def _number(row: Row) -> str:
    found = re.search(r"CS-C\d+", str(row.get("Notes", "")))
    return found[0] if found else ""


def _merge(books: Books, act: Act, chance: Random) -> None:
    """A customer is merged into another client's, or into one that the bookkeeper had.

    Not one whose making we have not heard of yet: nothing in QuickBooks would lead from it to the one that stayed.
    """
    keeper = books.sandbox.bookkeeper
    known = set(Link.objects.filter(connection=books.connection_id, kind="client").values_list("remote_id", flat=True))
    ours = [row for row in _rows(books, "Customer") if row["Active"] and _number(row) and row["Id"] in known]
    found = picking.merged(
        ours,
        act.nth,
        chance,
        lambda name, email: keeper.add_customer({"DisplayName": name, "PrimaryEmailAddr": {"Address": email}}),
    )
    if found is not None:
        loser, survivor, says = found
        keeper.merge_customers(loser["Id"], survivor["Id"])
        books.deeds.merge(loser["Id"], survivor["Id"], _number(loser), says)


def _archive_account(books: Books, act: Act, chance: Random) -> None:
    """The account that our product sells to is made inactive."""
    sold = [row["IncomeAccountRef"]["value"] for row in _rows(books, "Item") if row.get("Sku") == "BK"]
    if sold:
        books.sandbox.bookkeeper.archive_account(sold[0])


def _credit(books: Books, act: Act, chance: Random) -> None:
    """A credit memo is made and applied to an invoice."""
    due = [row for row in _rows(books, "Invoice") if row.get("DocNumber", "").startswith("CS-")]
    row = picking.some([row for row in due if Decimal(row["Balance"]) > 0], chance)
    if row is not None:
        amount = share_of(Decimal(row["Balance"]), chance)
        memo = books.sandbox.bookkeeper.credit(row["Id"], amount, reason="Goodwill")
        books.deeds.credit(row["Id"], memo["Id"])


def _tied(row: Row, kind: str) -> list[str]:
    links = [line["LinkedTxn"][0] for line in row["Line"]]
    return [link["TxnId"] for link in links if link["TxnType"] == kind]


def _take_off(books: Books, act: Act, chance: Random) -> None:
    """A credit memo is taken off its invoice: the payment of nothing that ties them is deleted."""
    row = picking.some([row for row in _rows(books, "Payment") if _tied(row, "CreditMemo")], chance)
    if row is not None:
        books.sandbox.bookkeeper.delete_payment(row["Id"])
        for invoice in _tied(row, "Invoice"):
            books.deeds.add("uncredited", invoice, row["Id"])


def _void_credit(books: Books, act: Act, chance: Random) -> None:
    memo = picking.some([row for row in _rows(books, "CreditMemo") if Decimal(row["TotalAmt"])], chance)
    if memo is not None:
        tied = [row for row in _rows(books, "Payment") if memo["Id"] in _tied(row, "CreditMemo")]
        books.sandbox.bookkeeper.void_credit(memo["Id"])
        books.deeds.add("voided", memo["Id"])
        for row in tied:
            for invoice in _tied(row, "Invoice"):
                books.deeds.add("uncredited", invoice, memo["Id"])


DOINGS: dict[str, Doing] = {
    "books_credit": _credit,
    "books_take_off_credit": _take_off,
    "books_void_credit": _void_credit,
    "books_merge": _merge,
    "books_archive_account": _archive_account,
}
