"""Payments: money from a customer, and which invoices it and the customer's credits pay."""

from __future__ import annotations

from decimal import Decimal

from ledger_sync.sandbox.quickbooks import currencies, errors, sales, saving, wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.saving import Options
from ledger_sync.sandbox.quickbooks.wire import ZERO, Row

PAYMENT = frozenset(
    "CustomerRef TotalAmt Line TxnDate DepositToAccountRef PaymentMethodRef PaymentRefNum PrivateNote CurrencyRef "
    "ExchangeRate ProcessPayment ARAccountRef".split()
)
IGNORED = frozenset("UnappliedAmt LinkedTxn HomeTotalAmt CreditCardPayment TxnSource DocNumber TxnStatus".split())
#: What a line may be linked to, and the sign it counts with. Expense is a purchase by which unapplied money went back
#: (reference: Payment.Line.LinkedTxn; what such a line does is shown nowhere).
_SIGNS = {"Invoice": 1, "CreditMemo": -1, "Expense": 1}
_Shares = dict[tuple[str, str], Decimal]


def settle(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    """Complete and check a payment. Raises Invalid; a deposited one cannot be changed at all."""
    refuse_deposited(books, before, row)
    customer = books.referred(row, "CustomerRef", active=before is None)
    assert customer is not None, "a required reference leads somewhere or is refused"
    if "TotalAmt" not in row:
        raise Invalid(errors.missing("TotalAmt"))
    total = wire.cents(wire.money(row, "TotalAmt"))
    if total < 0:
        raise Invalid(errors.business("You must set a transaction amount."))
    row["TxnDate"] = wire.as_date(row.get("TxnDate")) or books.today()
    row.setdefault("CurrencyRef", customer["CurrencyRef"])
    currencies.settle_document(books, row, customer)
    saving.limit(row, PaymentRefNum=21, PrivateNote=4_000)
    if "DepositToAccountRef" not in row:
        row["DepositToAccountRef"] = {"value": books.account_of("UndepositedFunds")}
    account = books.referred(row, "DepositToAccountRef", active=before is None)
    if account is not None and account["AccountType"] not in ("Bank", "Other Current Asset"):
        raise Invalid(errors.business("Choose a bank or other current asset account to deposit to."))
    shares = _shares(books, before, row, customer["Id"])
    net = sum((amount * _SIGNS[kind] for (kind, _), amount in shares.items()), ZERO)
    if net > total:
        raise Invalid(errors.business("The amount applied is more than the payment and the credits together."))
    row["TotalAmt"], row["UnappliedAmt"] = wire.plain(total), wire.plain(total - net)
    row["Line"] = [_line(kind, key, amount) for (kind, key), amount in shares.items()]
    row.setdefault("ProcessPayment", False)
    return row


def _line(kind: str, key: str, amount: Decimal) -> Row:
    return {"Amount": wire.plain(amount), "LinkedTxn": [{"TxnId": key, "TxnType": kind}]}


def _shares(books: Books, before: Row | None, row: Row, customer: str) -> _Shares:
    """How much goes on each document. Raises Invalid for more than is open, or another customer's document."""
    shares: _Shares = {}
    for line in row.get("Line", []):
        links = line.get("LinkedTxn", [])
        amount = wire.cents(wire.money(line, "Amount"))
        if not links or not amount:
            continue
        kind, key = str(links[0].get("TxnType", "")), str(links[0].get("TxnId", ""))
        taken = {"CreditMemo": books.switches.credits_by_payment, "Expense": books.switches.payments_given_back}
        if kind not in _SIGNS or not taken.get(kind, True):
            raise Invalid(errors.bad_choice("TxnType", kind))
        document = books.get(_table(kind), key)
        if document is None:
            raise Invalid(errors.not_found())
        if customer not in (wire.ref(document, "CustomerRef"), *_charged(document)):
            raise Invalid(errors.business("The transaction you are linking belongs to another customer."))
        shares[kind, key] = shares.get((kind, key), ZERO) + amount
        mine = Decimal(document.get("_applied", {}).get((before or {}).get("Id", ""), "0.00"))
        if amount < 0 or shares[kind, key] > _open(books, document, customer) + mine:
            raise Invalid(errors.business("You can't apply more than the open balance of the transaction."))
    return shares


def _table(kind: str) -> str:
    return "Purchase" if kind == "Expense" else kind


def _charged(document: Row) -> dict[str, list[Row]]:
    """The lines of a purchase by the customer they name."""
    found: dict[str, list[Row]] = {}
    for line in document.get("Line", []):
        detail = line.get("AccountBasedExpenseLineDetail") or {}
        if key := wire.ref(detail, "CustomerRef"):
            found.setdefault(key, []).append({**detail, "Amount": line["Amount"]})
    return found


def _open(books: Books, document: Row, customer: str) -> Decimal:
    """What is open of a document; of a purchase, what it put on the customer's receivables and no payment uses up."""
    if "Balance" in document:
        return wire.money(document, "Balance")
    control = books.account_of("AccountsReceivable")
    lines = [line for line in _charged(document).get(customer, []) if wire.ref(line, "AccountRef") == control]
    used = sum((Decimal(amount) for amount in document.get("_applied", {}).values()), ZERO)
    return sum((wire.money(line, "Amount") for line in lines), ZERO) - used


def after(books: Books, before: Row | None, row: Row | None) -> None:
    """Bring the documents a payment is or was applied to up to date."""
    was, now = _targets(before), _targets(row)
    key = (row or before or {})["Id"]
    for kind, document in {**was, **now}:
        sales.apply(books, _table(kind), document, key, now.get((kind, document)))


def _targets(row: Row | None) -> _Shares:
    lines = (row or {}).get("Line", [])
    return {
        (line["LinkedTxn"][0]["TxnType"], line["LinkedTxn"][0]["TxnId"]): wire.money(line, "Amount") for line in lines
    }


def unlink(books: Books, kind: str, document: Row) -> None:
    """Take a voided document off every payment that was applied to it; the money becomes unapplied."""
    for key in list(document.get("_applied", {})):
        payment = books.get("Payment", key)
        if payment is None:
            continue
        lines = [line for line in payment["Line"] if line["LinkedTxn"][0]["TxnId"] != document["Id"]]
        net = sum((wire.money(line, "Amount") * _SIGNS[line["LinkedTxn"][0]["TxnType"]] for line in lines), ZERO)
        unapplied = wire.plain(wire.money(payment, "TotalAmt") - net)
        books.touch("Payment", payment, Line=lines, UnappliedAmt=unapplied)
        books.notify("Payment", key, "updated")


def refuse_deposited(books: Books, before: Row | None, after: Row | None) -> None:
    """Raise Invalid for a payment that lies in a deposit."""
    if before is not None and before.get("_deposit"):
        raise Invalid(errors.deposited())


def blank(books: Books, row: Row) -> Row:
    """What a void leaves of a payment."""
    refuse_deposited(books, row, None)
    return {"TotalAmt": "0.00", "UnappliedAmt": "0.00", "Line": []}


def show(books: Books, row: Row) -> Row:
    """A payment; one that lies in a deposit is linked to it."""
    row = currencies.show_home(row)
    return {**row, "LinkedTxn": [{"TxnId": row["_deposit"], "TxnType": "Deposit"}]} if row.get("_deposit") else row
