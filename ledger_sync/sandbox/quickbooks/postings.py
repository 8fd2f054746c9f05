"""The double entry behind every transaction: what the bank pages show, and what must always add up to zero."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from ledger_sync.sandbox.quickbooks import currencies, taxes, wire
from ledger_sync.sandbox.quickbooks.books import TRANSACTIONS, Books
from ledger_sync.sandbox.quickbooks.wire import ZERO, Row

Entry = tuple[str, Decimal]


@dataclass(frozen=True)
class Posting:
    """One side of an entry: debits are positive."""

    date: str
    kind: str
    key: str
    account: str
    amount: Decimal
    note: str
    customer: str


def everything(books: Books) -> Iterator[Posting]:
    """Every posting of every transaction, in no order."""
    for kind in TRANSACTIONS:
        for row in books.table(kind).values():
            note = str(row.get("DocNumber") or row.get("PaymentRefNum") or row.get("PrivateNote") or "")
            for account, amount in _in_home(books, row, _POSTED[kind](books, row)):
                if amount:
                    yield Posting(row["TxnDate"], kind, row["Id"], account, amount, note, wire.ref(row, "CustomerRef"))


def _in_home(books: Books, row: Row, entries: list[Entry]) -> list[Entry]:
    """Entries in the home currency; what rates and rounding leave over is a gain or loss on exchange."""
    rates = _applied_rates(books, row)
    if not rates and "ExchangeRate" not in row:
        return entries
    rate = currencies.rate_of(row)
    out = [(account, wire.cents(amount * rate)) for account, amount in entries]
    out += [(_special(books, "AccountsReceivable"), wire.cents(amount * (rate - theirs))) for amount, theirs in rates]
    left = sum((amount for _, amount in out), ZERO)
    return [*out, (_special(books, "ExchangeGainOrLoss"), -left)] if left else out


def _applied_rates(books: Books, row: Row) -> list[tuple[Decimal, Decimal]]:
    """What a payment applies to documents that were booked at another rate: the amount, and their rate."""
    out = []
    for line in row["Line"] if "UnappliedAmt" in row else []:
        link = line["LinkedTxn"][0]
        if link["TxnType"] == "Expense":
            continue
        document = books.get(link["TxnType"], link["TxnId"]) or {}
        if currencies.rate_of(document) != currencies.rate_of(row):
            sign = 1 if link["TxnType"] == "Invoice" else -1
            out.append((wire.money(line, "Amount") * sign, currencies.rate_of(document)))
    return out


def trial_balance(books: Books) -> dict[str, Decimal]:
    """Each account's debits less credits; together they are zero."""
    sums: dict[str, Decimal] = {}
    for posting in everything(books):
        sums[posting.account] = sums.get(posting.account, ZERO) + posting.amount
    return sums


def balance(books: Books, account: str) -> Decimal:
    """One account's balance, positive on its own side."""
    total = sum((p.amount for p in everything(books) if p.account == account), ZERO)
    row = books.table("Account")[account]
    return total if row["Classification"] in ("Asset", "Expense") else -total


def register(books: Books, account: str) -> list[Posting]:
    """The lines of one account, oldest first."""
    return sorted((p for p in everything(books) if p.account == account), key=lambda p: (p.date, int(p.key)))


def _special(books: Books, subtype: str) -> str:
    return books.account_of(subtype)


def _sold(books: Books, row: Row) -> list[Entry]:
    """Credits to income (and tax) of a sales form; their sum is minus its total."""
    entries: list[Entry] = []
    for line in row["Line"]:
        amount = wire.money(line, "Amount")
        if line["DetailType"] == "SalesItemLineDetail":
            entries.append((wire.ref(line["SalesItemLineDetail"], "ItemAccountRef"), -amount))
        elif line["DetailType"] == "DiscountLineDetail":
            given = wire.ref(line["DiscountLineDetail"], "DiscountAccountRef")
            entries.append((given or _special(books, "DiscountsRefundsGiven"), amount))
    tax = wire.money(row.get("TxnTaxDetail"), "TotalTax")
    return [*entries, (taxes.payable(books), -tax)] if tax else entries


def _invoice(books: Books, row: Row) -> list[Entry]:
    return [(_special(books, "AccountsReceivable"), wire.money(row, "TotalAmt")), *_sold(books, row)]


def _credit(books: Books, row: Row) -> list[Entry]:
    return [(account, -amount) for account, amount in _invoice(books, row)]


def _payment(books: Books, row: Row) -> list[Entry]:
    total = wire.money(row, "TotalAmt")
    return [(wire.ref(row, "DepositToAccountRef"), total), (_special(books, "AccountsReceivable"), -total)]


def _receipt(books: Books, row: Row) -> list[Entry]:
    return [(wire.ref(row, "DepositToAccountRef"), wire.money(row, "TotalAmt")), *_sold(books, row)]


def _refund(books: Books, row: Row) -> list[Entry]:
    return [(account, -amount) for account, amount in _receipt(books, row)]


def _deposit(books: Books, row: Row) -> list[Entry]:
    sources = [(line["_from"], -wire.money(line, "Amount")) for line in row["Line"]]
    return [(wire.ref(row, "DepositToAccountRef"), wire.money(row, "TotalAmt")), *sources]


def _purchase(books: Books, row: Row) -> list[Entry]:
    sign = -1 if row.get("Credit") else 1
    spent = [
        (wire.ref(line["AccountBasedExpenseLineDetail"], "AccountRef"), wire.money(line, "Amount") * sign)
        for line in row["Line"]
    ]
    tax = wire.money(row.get("TxnTaxDetail"), "TotalTax") * sign
    if tax:
        spent.append((taxes.payable(books), tax))
    return [(wire.ref(row, "AccountRef"), -wire.money(row, "TotalAmt") * sign), *spent]


def _transfer(books: Books, row: Row) -> list[Entry]:
    amount = wire.money(row, "Amount")
    return [(wire.ref(row, "ToAccountRef"), amount), (wire.ref(row, "FromAccountRef"), -amount)]


def _journal(books: Books, row: Row) -> list[Entry]:
    entries = []
    for line in row["Line"]:
        detail = line["JournalEntryLineDetail"]
        amount = wire.money(line, "Amount")
        entries.append((wire.ref(detail, "AccountRef"), amount if detail["PostingType"] == "Debit" else -amount))
    return entries


_POSTED: dict[str, Callable[[Books, Row], list[Entry]]] = {
    "Invoice": _invoice,
    "CreditMemo": _credit,
    "Payment": _payment,
    "SalesReceipt": _receipt,
    "RefundReceipt": _refund,
    "Deposit": _deposit,
    "Purchase": _purchase,
    "Transfer": _transfer,
    "JournalEntry": _journal,
}
