"""Every kind of object the API has, with its fields and rules."""

from __future__ import annotations

from datetime import datetime

from ledger_sync.sandbox.quickbooks import (
    attachments,
    banking,
    currencies,
    documented,
    errors,
    lists,
    names,
    receipts,
    recurring,
    sales,
    saving,
    taxes,
    wire,
)
from ledger_sync.sandbox.quickbooks.books import REFERENCES, Books, name_of
from ledger_sync.sandbox.quickbooks.errors import Invalid
from ledger_sync.sandbox.quickbooks.saving import LIST, PAPER, READ, TRANSACTION, Entity, Options
from ledger_sync.sandbox.quickbooks.wire import Row


def _as_given(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    return row


def _preferences(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    """Settings are merged group by group; the closing date can only be changed in the browser (Intuit docs)."""
    merged = dict(row)
    for group, given in row.items():
        had = (before or {}).get(group)
        if isinstance(given, dict) and isinstance(had, dict):
            merged[group] = {**had, **given}
    closing = (before or {}).get("AccountingInfoPrefs", {}).get("BookCloseDate")
    info = {k: v for k, v in merged.get("AccountingInfoPrefs", {}).items() if k != "BookCloseDate"}
    merged["AccountingInfoPrefs"] = {**info, "BookCloseDate": closing} if closing else info
    return merged


def _after_invoice(books: Books, before: Row | None, after: Row | None) -> None:
    _unlink_voided(books, "Invoice", before, after)


def _after_credit(books: Books, before: Row | None, after: Row | None) -> None:
    _unlink_voided(books, "CreditMemo", before, after)


def _unlink_voided(books: Books, kind: str, before: Row | None, after: Row | None) -> None:
    if before is not None and after is None:
        sales.give_back_number(books, kind, before)
    elif before is not None and after is not None and before.get("_applied") and not after.get("_applied"):
        receipts.unlink(books, kind, before)


def _after_receipt(books: Books, before: Row | None, after: Row | None) -> None:
    _unlink_voided(books, "SalesReceipt", before, after)


def _after_refund(books: Books, before: Row | None, after: Row | None) -> None:
    _unlink_voided(books, "RefundReceipt", before, after)


def _company(books: Books, before: Row | None, row: Row, options: Options) -> Row:
    """A company keeps its name, and its country for good."""
    if not row.get("CompanyName"):
        raise Invalid(errors.missing("CompanyName"))
    return {**row, "Country": (before or row)["Country"]}


COMPANY = frozenset(
    "CompanyName LegalName CompanyAddr CustomerCommunicationAddr LegalAddr PrimaryPhone Email WebAddr "
    "CustomerCommunicationEmailAddr FiscalYearStartMonth SupportedLanguages".split()
)
COMPANY_IGNORED = frozenset("Country CompanyStartDate NameValue EmployerId DefaultTimeZone".split())
PREFERENCES = frozenset(
    "AccountingInfoPrefs SalesFormsPrefs EmailMessagesPrefs ProductAndServicesPrefs VendorAndPurchasesPrefs "
    "TimeTrackingPrefs TaxPrefs CurrencyPrefs ReportPrefs OtherPrefs".split()
)
_PEOPLE_HIDDEN = frozenset({"Notes", "BillAddr", "ShipAddr", "PrimaryAddr", "PrimaryTaxIdentifier", "TaxIdentifier"})
_FORM_HIDDEN = frozenset({"Line", "PrivateNote", "CustomerMemo", "BillEmail", "BillAddr", "ShipAddr", "TxnTaxDetail"})

_FORM = TRANSACTION | PAPER | {"void"}

_ALL = (
    Entity("Customer", names.CUSTOMER, names.settle_customer, names.IGNORED, show=names.show_customer,
           unfilterable=_PEOPLE_HIDDEN),
    Entity("Vendor", names.VENDOR, names.settle_vendor, names.IGNORED, show=names.show_vendor,
           unfilterable=_PEOPLE_HIDDEN),
    Entity("Employee", names.EMPLOYEE, names.settle_employee, names.IGNORED, unfilterable=_PEOPLE_HIDDEN),
    Entity("Item", lists.ITEM, lists.item, lists.IGNORED),
    Entity("Account", lists.ACCOUNT, lists.account, lists.IGNORED, show=lists.show_account),
    Entity("Term", lists.TERM, lists.term, lists.IGNORED),
    Entity("Class", lists.CLASS, lists.tracking_class, lists.IGNORED),
    Entity("Department", lists.DEPARTMENT, lists.department, lists.IGNORED),
    Entity("PaymentMethod", lists.PAYMENT_METHOD, lists.payment_method, lists.IGNORED),
    Entity("TaxCode", taxes.TAX_CODE, _as_given, verbs=READ),
    Entity("TaxRate", taxes.TAX_RATE, _as_given, verbs=READ),
    Entity("TaxAgency", lists.TAX_AGENCY, lists.tax_agency, lists.IGNORED, verbs=LIST - {"update"}),
    Entity("Invoice", sales.SALE, sales.form("Invoice"), sales.IGNORED, after=_after_invoice, blank=sales.blank,
           before_delete=sales.refuse_linked, unfilterable=_FORM_HIDDEN, show=sales.show, verbs=_FORM),
    Entity("CreditMemo", sales.SALE, sales.form("CreditMemo"), sales.IGNORED, after=_after_credit, blank=sales.blank,
           before_delete=sales.refuse_linked, unfilterable=_FORM_HIDDEN, show=sales.show, verbs=_FORM),
    Entity("SalesReceipt", sales.SALE, sales.form("SalesReceipt"), sales.IGNORED, after=_after_receipt,
           blank=sales.blank, unfilterable=_FORM_HIDDEN, show=sales.show, verbs=_FORM),
    Entity("RefundReceipt", sales.SALE, sales.form("RefundReceipt"), sales.IGNORED, after=_after_refund,
           blank=sales.blank, unfilterable=_FORM_HIDDEN, show=sales.show, verbs=_FORM),
    Entity("Payment", receipts.PAYMENT, receipts.settle, receipts.IGNORED, after=receipts.after, blank=receipts.blank,
           before_delete=receipts.refuse_deposited, show=receipts.show, verbs=_FORM),
    Entity("Deposit", banking.DEPOSIT, banking.deposit, banking.IGNORED, after=banking.after_deposit,
           verbs=TRANSACTION),
    Entity("Purchase", banking.PURCHASE, banking.purchase, banking.IGNORED, blank=banking.blank_purchase,
           before_delete=sales.refuse_linked, unfilterable=saving.SPENT_HIDDEN, verbs=TRANSACTION | {"void"}),
    Entity("Transfer", banking.TRANSFER, banking.transfer, banking.IGNORED, blank=banking.blank_transfer,
           verbs=TRANSACTION | {"void"}),
    Entity("JournalEntry", banking.JOURNAL, banking.journal, banking.IGNORED, verbs=TRANSACTION),
    Entity("Attachable", attachments.ATTACHABLE, attachments.settle, attachments.IGNORED, show=attachments.show,
           verbs=TRANSACTION),
    Entity("CompanyCurrency", currencies.CURRENCY, currencies.settle_currency, currencies.CURRENCY_IGNORED),
    Entity("ExchangeRate", currencies.RATE, _as_given, show=currencies.show_rate, verbs=READ | {"update"}),
    Entity("RecurringTransaction", frozenset({"RecurringInfo", "Type"}), _as_given, show=recurring.show,
           verbs=TRANSACTION),
    Entity("CompanyInfo", COMPANY, _company, COMPANY_IGNORED, verbs=READ | {"update"}),
    Entity("Preferences", PREFERENCES, _preferences, frozenset({"OtherPrefs"}), verbs=READ | {"update"}),
    *documented.GENERIC,
)  # fmt: skip
ENTITIES: dict[str, Entity] = {entity.name.lower(): entity for entity in _ALL}


def shown(books: Books, entity: Entity, row: Row) -> Row:
    """A row as the API shows it: the names of what it refers to filled in, and nothing of ours."""
    return _with_names(books, entity.show(books, row))


def _with_names(books: Books, row: Row) -> Row:
    out: Row = {}
    for key, value in row.items():
        if key[0] == "_":
            continue
        if isinstance(value, dict):
            out[key] = _reference(books, key, value) if "value" in value else _with_names(books, value)
        elif isinstance(value, list):
            out[key] = [_with_names(books, item) if isinstance(item, dict) else item for item in value]
        else:
            out[key] = value
    return out


def _reference(books: Books, key: str, value: Row) -> Row:
    kind = REFERENCES.get(key)
    target = books.get(kind, value["value"]) if kind else None
    return {"value": value["value"], "name": name_of(kind or "", target)} if target else value


def changed_since(row: Row, moment: datetime) -> bool:
    """Whether a row was changed at or after a moment."""
    at = wire.as_instant(row["MetaData"]["LastUpdatedTime"])
    return at is not None and at >= moment
