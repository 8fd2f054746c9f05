"""Sales forms: invoices, credit memos, sales and refund receipts; their lines, totals, numbers and what is open."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from ledger_sync.sandbox.quickbooks import currencies, errors, names, saving, taxes, wire
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.saving import Options
from ledger_sync.sandbox.quickbooks.wire import ZERO, Row

SALE = frozenset(
    "DocNumber TxnDate CustomerRef Line CustomerMemo PrivateNote BillEmail BillEmailCc BillEmailBcc BillAddr ShipAddr "
    "ClassRef DepartmentRef SalesTermRef DueDate ShipDate TrackingNum ShipMethodRef CustomField CurrencyRef "
    "ExchangeRate EmailStatus PrintStatus TxnTaxDetail GlobalTaxCalculation ApplyTaxAfterDiscount "
    "AllowOnlineCreditCardPayment AllowOnlineACHPayment DepositToAccountRef PaymentMethodRef PaymentRefNum "
    "ShipFromAddr".split()
)
IGNORED = frozenset(
    "TotalAmt Balance HomeTotalAmt HomeBalance LinkedTxn InvoiceLink AllowIPNPayment AllowOnlinePayment DeliveryInfo "
    "FreeFormAddress RemainingCredit TaxExemptionRef RecurDataRef TxnSource PaymentType CheckPayment Deposit "
    "CreditCardPayment EInvoiceStatus DocNum SalesRepRef Tag".split()
)
_EMAIL_STATES = ("NotSet", "NeedToSend", "EmailSent")


def form(kind: str) -> Callable[[Books, Row | None, Row, Options], Row]:
    """The rules of one kind of sales form."""

    def settle(books: Books, before: Row | None, row: Row, options: Options) -> Row:
        customer = books.referred(row, "CustomerRef", active=before is None)
        assert customer is not None, "a required reference leads somewhere or is refused"
        _dates(books, row, customer, kind)
        currencies.settle_document(books, row, customer)
        _number(books, kind, before, row, options)
        _mail(row)
        saving.limit(row, PrivateNote=4_000, PaymentRefNum=21)
        saving.limit({"CustomerMemo": (row.get("CustomerMemo") or {}).get("value")}, CustomerMemo=1_000)
        _tracking(books, row, active=before is None)
        if kind in ("SalesReceipt", "RefundReceipt"):
            _till(books, row, required=kind == "RefundReceipt")
        row["Line"] = _lines(books, before, row)
        row.setdefault("PrintStatus", "NotSet")
        for name in ("BillAddr", "ShipAddr"):
            if name not in row and name in customer:
                row[name] = customer[name]
        _totals(books, row)
        if kind in ("Invoice", "CreditMemo"):
            row.setdefault("LinkedTxn", [])
            row.setdefault("_applied", {})
            row.update(left(row, kind))
            if wire.money(row, "Balance") < 0:
                raise Invalid(errors.business("The total cannot be less than what has been applied to it."))
        else:
            row["Balance"] = "0.00"
        return row

    return settle


def _dates(books: Books, row: Row, customer: Row, kind: str) -> None:
    row["TxnDate"] = wire.as_date(row.get("TxnDate")) or books.today()
    if kind != "Invoice":
        row.pop("DueDate", None)
        return
    if "SalesTermRef" not in row and "SalesTermRef" in customer and "DueDate" not in row:
        row["SalesTermRef"] = customer["SalesTermRef"]
    term = books.referred(row, "SalesTermRef", required=False, active=False)
    days = int(term.get("DueDays", 0)) if term else 0
    row["DueDate"] = wire.as_date(row.get("DueDate")) or wire.days_after(row["TxnDate"], days)


def _number(books: Books, kind: str, before: Row | None, row: Row, options: Options) -> None:
    """Give the document its number. Raises Invalid for one that is too long or used before (6140).

    With custom numbers off QuickBooks counts on by itself; on, an absent number stays absent (Intuit docs).
    """
    saving.limit(row, DocNumber=21)
    custom = bool(books.preference("SalesFormsPrefs", "CustomTxnNumbers"))
    number = str(row.get("DocNumber", ""))
    if not custom and (before is not None and not number):
        number = str(before.get("DocNumber", ""))
    elif not custom and (not number or not books.switches.keep_sent_numbers) and before is None:
        number = str(books.store.next_id(f"{books.realm}:{kind}Number", start=1001))
    if number:
        row["DocNumber"] = number
    index = f"{kind}Numbers"
    if before is not None:
        books.release(index, str(before.get("DocNumber", "")), before["Id"])
    holder = books.holder(index, number) if number else ""
    if holder and custom and books.switches.warn_duplicate_numbers and not options.allows_duplicate_numbers:
        raise Invalid(errors.number_taken(number, kind, holder))
    if number and not holder:
        books.hold(index, number, row["Id"])


def _tracking(books: Books, row: Row, *, active: bool) -> None:
    """Check class and location; a class that the company does not track on whole documents is dropped (unsure)."""
    for name in ("ClassRef", "DepartmentRef"):
        books.referred(row, name, required=False, active=active)
    if books.switches.drop_untracked and not books.preference("AccountingInfoPrefs", "ClassTrackingPerTxn"):
        row.pop("ClassRef", None)
    if books.switches.drop_untracked and not books.preference("AccountingInfoPrefs", "TrackDepartments"):
        row.pop("DepartmentRef", None)


def _mail(row: Row) -> None:
    row.setdefault("EmailStatus", "NotSet")
    if row["EmailStatus"] not in _EMAIL_STATES:
        raise Invalid(errors.bad_choice("EmailStatus", row["EmailStatus"]))
    if row["EmailStatus"] == "NeedToSend" and not row.get("BillEmail", {}).get("Address"):
        raise Invalid(errors.missing("BillEmail"))


def _till(books: Books, row: Row, *, required: bool) -> None:
    if "DepositToAccountRef" not in row and not required:
        row["DepositToAccountRef"] = {"value": books.account_of("UndepositedFunds")}
    account = books.referred(row, "DepositToAccountRef")
    if account is not None and account["AccountType"] not in ("Bank", "Other Current Asset"):
        raise Invalid(errors.business("Choose a bank or other current asset account to deposit to."))


# Lines


def _lines(books: Books, before: Row | None, row: Row) -> list[Row]:
    """The lines as stored: items and texts, the subtotal QuickBooks adds, then a discount. Raises Invalid."""
    given = [line for line in row.get("Line", []) if line.get("DetailType") != "SubTotalLineDetail"]
    if not given:
        raise Invalid(errors.missing("Line"))
    if len(given) > books.limits.lines:
        raise Invalid(errors.business(f"A transaction can have at most {books.limits.lines} lines."))
    _refuse_wrong_amounts(given)
    known = {line["Id"] for line in (before or {}).get("Line", []) if "Id" in line}
    fresh = max((int(key) for key in known), default=0)
    out: list[Row] = []
    discounts: list[Row] = []
    for place, line in enumerate(given, start=1):
        key = str(line.get("Id", ""))
        if key not in known:
            fresh += 1
            key = str(fresh)
        built = {"Id": key, "LineNum": place, **_LINES.get(line.get("DetailType", ""), _unknown_line)(books, line)}
        (discounts if built["DetailType"] == "DiscountLineDetail" else out).append(built)
    subtotal = sum((wire.money(line, "Amount") for line in out), ZERO)
    total: Row = {"Amount": wire.plain(subtotal), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
    for line in discounts:
        percent = line["DiscountLineDetail"].get("DiscountPercent")
        if percent is not None:
            line["Amount"] = wire.plain(wire.cents(subtotal * Decimal(percent) / 100))
    return [*out, total, *discounts]


def _refuse_wrong_amounts(lines: list[Row]) -> None:
    """Raise Invalid with a problem for each line whose amount is not its quantity times its price."""
    problems = []
    for line in lines:
        detail = line.get("SalesItemLineDetail") or {}
        quantity, price, amount = wire.money(detail, "Qty"), wire.money(detail, "UnitPrice"), line.get("Amount", "0")
        told = "ItemRef" in detail and "Amount" in line and quantity and price
        if told and wire.cents(quantity * price) != wire.cents(Decimal(amount)):
            problems.append(errors.wrong_amount(format(Decimal(amount).normalize(), "f")))
    if problems:
        raise Invalid(*problems)


def _unknown_line(books: Books, line: Row) -> Row:
    kind = line.get("DetailType")
    raise Invalid(errors.bad_choice("DetailType", kind) if kind else errors.missing("DetailType"))


def _sale_line(books: Books, line: Row) -> Row:
    detail = dict(line.get("SalesItemLineDetail") or {})
    if "ItemRef" not in detail:
        # Intuit docs: a line without an item is documentation, its amount is ignored.
        return _text_line(books, line)
    if "Amount" not in line:
        raise Invalid(errors.missing("Amount"))
    amount = wire.money(line, "Amount")
    _sold_item(books, detail)
    for name in [name for name in detail if name in wire.NUMBERS and not wire.money(detail, name)]:
        del detail[name]  # what is nothing is not told
    built: Row = {"Amount": wire.plain(wire.cents(amount)), "DetailType": "SalesItemLineDetail"}
    if line.get("Description"):
        saving.limit(line, Description=4_000)
        built["Description"] = line["Description"]
    return {**built, "SalesItemLineDetail": detail}


def _sold_item(books: Books, detail: Row) -> None:
    """Fill in what the item of a line says: the account it sells to and the tax code. Raises Invalid."""
    item = books.referred(detail, "ItemRef")
    assert item is not None, "a required reference leads somewhere or is refused"
    if "IncomeAccountRef" not in item:
        # Captured: consolibyte/quickbooks-php#178.
        text = "Invalid Reference Id : Categories cannot be used in transactions."
        raise Invalid(errors.Problem("2500", "Invalid Reference Id", text))
    income = books.referred(item, "IncomeAccountRef")
    assert income is not None, "an item that is sold has an income account"
    code = taxes.line_code(books, detail)
    detail.pop("TaxCodeRef", None)
    if code:
        detail["TaxCodeRef"] = code
    books.referred(detail, "ClassRef", required=False)
    if books.switches.drop_untracked and not books.preference("AccountingInfoPrefs", "ClassTrackingPerTxnLine"):
        detail.pop("ClassRef", None)
    detail["ItemAccountRef"] = {"value": income["Id"]}


def _text_line(books: Books, line: Row) -> Row:
    built: Row = {"DetailType": "DescriptionOnly", "DescriptionLineDetail": {}}
    return {**built, "Description": line["Description"]} if line.get("Description") else built


def _discount_line(books: Books, line: Row) -> Row:
    detail = dict(line.get("DiscountLineDetail") or {})
    if "Amount" not in line and "DiscountPercent" not in detail:
        raise Invalid(errors.missing("Amount"))
    books.referred(detail, "DiscountAccountRef", required=False)
    amount = line.get("Amount", "0.00")
    return {"Amount": amount, "DetailType": "DiscountLineDetail", "DiscountLineDetail": detail}


_LINES: dict[str, Callable[[Books, Row], Row]] = {
    "SalesItemLineDetail": _sale_line,
    "DescriptionOnly": _text_line,
    "DiscountLineDetail": _discount_line,
}


# Totals


def _totals(books: Books, row: Row) -> None:
    """Add up the document: lines, less discounts, plus tax. Raises Invalid for less than nothing."""
    sold = [line for line in row["Line"] if line["DetailType"] == "SalesItemLineDetail"]
    codes = [wire.ref(line["SalesItemLineDetail"], "TaxCodeRef") for line in sold]
    mode = taxes.settle_mode(books, row, codes)
    inside = [_take_tax_out(books, line) for line in sold] if mode == "TaxInclusive" else []
    given = sum(
        (wire.money(line, "Amount") for line in row["Line"] if line["DetailType"] == "DiscountLineDetail"), ZERO
    )
    net = sum((wire.money(line, "Amount") for line in sold), ZERO)
    if inside:
        _subtotal(row, net)
    share = 1 - given / net if net and row.get("ApplyTaxAfterDiscount") else Decimal(1)
    lines = [
        taxes.Taxed(wire.cents(wire.money(line, "Amount") * share), code)
        for line, code in zip(sold, codes, strict=True)
    ]
    if inside and "TotalTax" not in (row.get("TxnTaxDetail") or {}) and share == 1:
        row["TxnTaxDetail"] = {"TotalTax": wire.plain(sum(inside, ZERO))}
    tax = taxes.work_out(books, row, lines)
    total = net - given + tax
    if total < 0:
        raise Invalid(errors.business("The total of a transaction cannot be negative."))
    row["TotalAmt"] = wire.plain(total)


def _take_tax_out(books: Books, line: Row) -> Decimal:
    """Turn a line whose price has tax in it into its net amount, and return the tax.

    ``TaxInclusiveAmt`` is the gross amount, ``Amount`` the net one (Intuit's reference); whether an ``Amount`` alone is
    net or gross is unsure.
    """
    detail = line["SalesItemLineDetail"]
    code = wire.ref(detail, "TaxCodeRef")
    amount = wire.money(line, "Amount")
    gross = wire.cents(wire.money(detail, "TaxInclusiveAmt"))
    if not gross and books.switches.inclusive_amount_is_gross:
        gross = amount
    if gross:
        net = taxes.net_of(books, gross, code)
        if net != amount:
            quantity = wire.money(detail, "Qty") or Decimal(1)
            detail["UnitPrice"] = wire.plain((net / quantity).quantize(Decimal("0.0000001")))
    else:
        net = amount
        percent = sum((Decimal(rate["RateValue"]) for rate in taxes.rates_of(books, code, taxes.SALES)), ZERO)
        gross = net + wire.cents(net * percent / 100)
    line["Amount"], detail["TaxInclusiveAmt"] = wire.plain(net), wire.plain(gross)
    return gross - net


def _subtotal(row: Row, net: Decimal) -> None:
    for line in row["Line"]:
        if line["DetailType"] == "SubTotalLineDetail":
            line["Amount"] = wire.plain(net)


def left(row: Row, kind: str) -> Row:
    """What is still open of an invoice or credit memo, from what payments applied to it; a purchase has none."""
    if kind == "Purchase":
        return {}
    applied = sum((Decimal(amount) for amount in row.get("_applied", {}).values()), ZERO)
    balance = wire.plain(wire.money(row, "TotalAmt") - applied)
    return {"Balance": balance, "RemainingCredit": balance} if kind == "CreditMemo" else {"Balance": balance}


def apply(books: Books, kind: str, key: str, payment: str, amount: Decimal | None) -> None:
    """Note on an invoice or credit memo how much a payment applies to it; None takes it off again.

    The document sends a notice, and gets a new SyncToken (unsure: switch ``applying_renews_token``).
    """
    row = books.get(kind, key)
    if row is None:
        return
    applied = {k: v for k, v in row.get("_applied", {}).items() if k != payment}
    links = [link for link in row.get("LinkedTxn", []) if link["TxnId"] != payment]
    if amount is not None:
        applied[payment] = wire.plain(amount)
        links.append({"TxnId": payment, "TxnType": "Payment"})
    if applied == row.get("_applied", {}):
        return
    changed = {**row, "_applied": applied, "LinkedTxn": links}
    renewed = books.touch(kind, row, _applied=applied, LinkedTxn=links, **left(changed, kind))
    if not books.switches.applying_renews_token:
        books.change(kind, renewed, SyncToken=row["SyncToken"])
    books.notify(kind, key, "updated")


def blank(books: Books, row: Row) -> Row:
    """What a void leaves of a sales form: its number, customer and texts, every amount zero."""
    lines = []
    for line in row["Line"]:
        empty = {**line, "Amount": "0.00"} if "Amount" in line else dict(line)
        if "SalesItemLineDetail" in empty:
            empty["SalesItemLineDetail"] = {**empty["SalesItemLineDetail"], "Qty": "0", "UnitPrice": "0"}
        lines.append(empty)
    changed = {"Line": lines, "TotalAmt": "0.00", "Balance": "0.00", "TxnTaxDetail": {"TotalTax": "0.00"}}
    return {**changed, "LinkedTxn": [], "_applied": {}}


def show(books: Books, row: Row) -> Row:
    """A sales form; one in a foreign currency also says what it is worth at home."""
    return currencies.show_home(row)


def refuse_linked(books: Books, before: Row | None, after: Row | None) -> None:
    """Raise Invalid for a document that money or credit is applied to: unlink first (Intuit docs)."""
    if before is not None and before.get("_applied"):
        raise Invalid(errors.has_dependants("Unlink the payments and credits of this transaction before deleting it."))


def give_back_number(books: Books, kind: str, row: Row) -> None:
    """Free the number of a deleted document."""
    books.release(f"{kind}Numbers", str(row.get("DocNumber", "")), row["Id"])


def add_link(books: Books, row: Row) -> None:
    """The address where a customer may pay; only with online payment and an email address (README of the library)."""
    online = row.get("AllowOnlineCreditCardPayment") or row.get("AllowOnlineACHPayment")
    if online and (row.get("BillEmail") or {}).get("Address"):
        row["InvoiceLink"] = f"{books.base_url}/portal/{books.realm}/{row['Id']}"


def send(books: Books, kind: str, key: str, address: str) -> Row:
    """Email a document and remember that. Raises Invalid without an address."""
    row = books.get(kind, key)
    if row is None:
        raise Invalid(errors.not_found())
    to = address or (row.get("BillEmail") or {}).get("Address", "")
    if not to:
        raise Invalid(errors.missing("BillEmail"))
    if not names.is_email(str(to)):
        raise Invalid(errors.bad_email("BillEmail"))
    delivery = {"DeliveryType": "Email", "DeliveryTime": row["MetaData"]["LastUpdatedTime"]}
    sent = books.touch(kind, row, EmailStatus="EmailSent", BillEmail={"Address": to}, DeliveryInfo=delivery)
    books.notify(kind, key, "emailed")
    return sent
