"""Money that moves without a customer: deposits, purchases, transfers and journal entries."""

from __future__ import annotations

from decimal import Decimal

from ledger_sync.sandbox.quickbooks import currencies, errors, saving, taxes, wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.saving import Options
from ledger_sync.sandbox.quickbooks.wire import ZERO, Row

_DATED = "TxnDate PrivateNote CurrencyRef ExchangeRate".split()
DEPOSIT = frozenset(
    [*_DATED, *"DocNumber DepositToAccountRef Line DepartmentRef CashBack GlobalTaxCalculation".split()]
)
PURCHASE = frozenset(
    [*_DATED, *"DocNumber TotalAmt PaymentType AccountRef EntityRef Line Credit DepartmentRef PaymentMethodRef "
    "PrintStatus GlobalTaxCalculation TxnTaxDetail RemitToAddr".split()]
)  # fmt: skip
TRANSFER = frozenset([*_DATED, *"FromAccountRef ToAccountRef Amount".split()])
JOURNAL = frozenset([*_DATED, *"DocNumber Line Adjustment TxnTaxDetail".split()])
IGNORED = frozenset("TotalAmt HomeTotalAmt LinkedTxn TxnStatus TxnSource GlobalTaxCalculation HomeTotalAmt".split())
_BANKS = ("Bank", "Other Current Asset")
_PAID_FROM = {"Cash": _BANKS, "Check": ("Bank",), "CreditCard": ("Credit Card",)}


def _dated(books: Books, row: Row) -> None:
    row["TxnDate"] = wire.as_date(row.get("TxnDate")) or books.today()
    currencies.settle_document(books, row, None)
    saving.limit(row, PrivateNote=4_000, DocNumber=21)


def _lines(row: Row) -> list[Row]:
    lines = [line for line in row.get("Line", []) if line]
    if not lines:
        raise Invalid(errors.missing("Line"))
    for place, line in enumerate(lines, start=1):
        if "Amount" not in line and not line.get("LinkedTxn"):
            raise Invalid(errors.missing("Amount"))
        line["Id"], line["LineNum"] = str(place), place
    return lines


# Deposits


def deposit(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    """Complete and check a deposit: payments out of undeposited funds, and money straight to an account."""
    _dated(books, row)
    account = books.referred(row, "DepositToAccountRef")
    if account is not None and account["AccountType"] not in _BANKS:
        raise Invalid(errors.business("Choose a bank account to deposit to."))
    row["Line"] = [_deposit_line(books, row, line) for line in _lines(row)]
    keys = [link["TxnId"] for line in row["Line"] for link in line.get("LinkedTxn", [])]
    if len(keys) != len(set(keys)):
        raise Invalid(errors.deposited())
    total = sum((wire.money(line, "Amount") for line in row["Line"]), ZERO)
    if total < 0:
        raise Invalid(errors.business("The total of a deposit cannot be negative."))
    row["TotalAmt"] = wire.plain(total)
    return row


def _deposit_line(books: Books, row: Row, line: Row) -> Row:
    links = line.get("LinkedTxn") or []
    if links:
        link = links[0]
        payment = books.get("Payment", link.get("TxnId"))
        if link.get("TxnType") != "Payment" or payment is None:
            raise Invalid(errors.not_found())
        if payment.get("_deposit") not in (None, row["Id"]):
            raise Invalid(errors.deposited())
        if "TxnLineId" not in link:
            raise Invalid(errors.missing("TxnLineId"))
        account = books.get("Account", wire.ref(payment, "DepositToAccountRef"))
        if account is None or account["AccountSubType"] != "UndepositedFunds":
            raise Invalid(errors.business("Only payments in Undeposited Funds can be deposited."))
        return {**line, "Amount": wire.plain(currencies.in_home(payment)), "_from": account["Id"]}
    detail = line.get("DepositLineDetail") or {}
    account = books.referred(detail, "AccountRef")
    if wire.money(line, "Amount") < 0 and books.switches.refuse_negative_deposit_lines:
        raise Invalid(errors.negative("Amount"))
    return {**line, "DetailType": "DepositLineDetail", "_from": account["Id"] if account else ""}


def after_deposit(books: Books, before: Row | None, row: Row | None) -> None:
    """Mark the payments in a deposit, and free those that left it."""
    was = _deposited(before)
    now = _deposited(row)
    for key in was - now:
        payment = books.get("Payment", key)
        if payment is not None:
            books.touch("Payment", payment, _deposit=None)
    for key in now - was:
        payment = books.get("Payment", key)
        if payment is not None:
            books.touch("Payment", payment, _deposit=(row or {})["Id"])


def _deposited(row: Row | None) -> set[str]:
    return {link["TxnId"] for line in (row or {}).get("Line", []) for link in line.get("LinkedTxn", [])}


# Purchases


def purchase(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    """Complete and check money spent from a bank account or a credit card."""
    _dated(books, row)
    kind = row.get("PaymentType")
    if not kind:
        raise Invalid(errors.missing("PaymentType"))
    if kind not in _PAID_FROM:
        raise Invalid(errors.bad_choice("PaymentType", kind))
    account = books.referred(row, "AccountRef", active=before is None)
    if account is not None and account["AccountType"] not in _PAID_FROM[kind]:
        raise Invalid(errors.business("The account does not fit the type of payment."))
    if row.get("Credit") and kind != "CreditCard":
        raise Invalid(errors.business("Only credit card charges can be credits."))
    row["Line"] = [_expense_line(books, before, line) for line in _lines(row)]
    said = wire.money(row, "TotalAmt")
    total = sum((wire.money(line, "Amount") for line in row["Line"]), ZERO) + _tax_paid(books, row)
    if said not in (ZERO, wire.money(before, "TotalAmt"), total):
        raise Invalid(errors.business("The total must equal its lines."))
    if total < 0:
        raise Invalid(errors.business("The total of a transaction cannot be negative."))
    row["TotalAmt"] = wire.plain(total)
    row.setdefault("Credit", False)
    row.setdefault("PrintStatus", "NotSet")
    return row


def _expense_line(books: Books, before: Row | None, line: Row) -> Row:
    if line.get("DetailType") != "AccountBasedExpenseLineDetail":
        raise Invalid(errors.bad_choice("DetailType", line.get("DetailType")))
    detail = dict(line.get("AccountBasedExpenseLineDetail") or {})
    account = books.referred(detail, "AccountRef", active=before is None)
    customer = books.referred(detail, "CustomerRef", required=False)
    if account is not None and account["AccountType"] == "Accounts Receivable" and customer is None:
        raise Invalid(errors.business("When you use Accounts Receivable, you must choose a customer."))
    code = taxes.line_code(books, detail)
    detail.pop("TaxCodeRef", None)
    if code:
        detail["TaxCodeRef"] = code
    detail.setdefault("BillableStatus", "NotBillable")
    return {**line, "AccountBasedExpenseLineDetail": detail}


def _tax_paid(books: Books, row: Row) -> Decimal:
    """The tax on what was bought, outside the US. Raises Invalid."""
    details = [line["AccountBasedExpenseLineDetail"] for line in row["Line"]]
    codes = [wire.ref(detail, "TaxCodeRef") for detail in details]
    if not taxes.settle_mode(books, row, codes):
        row.pop("TxnTaxDetail", None)
        return ZERO
    if row["GlobalTaxCalculation"] == "TaxInclusive":
        for line, detail, code in zip(row["Line"], details, codes, strict=True):
            gross = wire.money(detail, "TaxInclusiveAmt")
            if gross:
                line["Amount"] = wire.plain(taxes.net_of(books, gross, code, taxes.PURCHASE))
    lines = [taxes.Taxed(wire.money(line, "Amount"), code) for line, code in zip(row["Line"], codes, strict=True)]
    return taxes.work_out(books, row, lines, taxes.PURCHASE)


# Transfers


def transfer(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    """Complete and check money moved between two accounts of the balance sheet."""
    _dated(books, row)
    for name in ("FromAccountRef", "ToAccountRef"):
        account = books.referred(row, name, active=before is None)
        if account is not None and account["Classification"] not in ("Asset", "Liability", "Equity"):
            raise Invalid(errors.business("Money can be transferred only between balance sheet accounts."))
    if wire.ref(row, "FromAccountRef") == wire.ref(row, "ToAccountRef"):
        raise Invalid(errors.business("Choose two different accounts."))
    if "Amount" not in row:
        raise Invalid(errors.missing("Amount"))
    if wire.money(row, "Amount") <= 0:
        raise Invalid(errors.business("You must set a transaction amount."))
    row["Amount"] = wire.plain(wire.cents(wire.money(row, "Amount")))
    return row


def _named_entity(books: Books, account: Row | None, detail: Row) -> None:
    """Receivables name their customer, payables their vendor (Intuit's reference). Raises Invalid."""
    entity = detail.get("Entity") or {}
    kind = {"Accounts Receivable": "Customer", "Accounts Payable": "Vendor"}.get((account or {}).get("AccountType", ""))
    if kind and entity.get("Type") != kind:
        place = "Receivable" if kind == "Customer" else "Payable"
        text = f"When you use Accounts {place}, you must choose a {kind.lower()} in the Name field."
        raise Invalid(errors.business(text))
    key = wire.ref(entity, "EntityRef")
    if key and books.get(str(entity.get("Type", "")), key) is None:
        raise Invalid(errors.bad_reference(str(entity.get("Type", "")), key))


def blank_transfer(books: Books, row: Row) -> Row:
    """What a void leaves of a transfer."""
    return {"Amount": "0.00"}


def blank_purchase(books: Books, row: Row) -> Row:
    """What a void leaves of a purchase."""
    return {"TotalAmt": "0.00", "Line": [{**line, "Amount": "0.00"} for line in row["Line"]]}


# Journal entries


def journal(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    """Complete and check a journal entry: it balances, and receivables name their customer."""
    _dated(books, row)
    sides = {"Debit": ZERO, "Credit": ZERO}
    for line in _lines(row):
        detail = line.get("JournalEntryLineDetail") or {}
        side = str(detail.get("PostingType") or "")
        if side not in sides:
            raise Invalid(errors.bad_choice("PostingType", side) if side else errors.missing("PostingType"))
        account = books.referred(detail, "AccountRef", active=before is None)
        _named_entity(books, account, detail)
        sides[side] += wire.money(line, "Amount")
        line["DetailType"] = "JournalEntryLineDetail"
    if sides["Debit"] != sides["Credit"]:
        raise Invalid(errors.unbalanced())
    row.setdefault("Adjustment", False)
    row["TotalAmt"] = wire.plain(Decimal(0))
    return row
