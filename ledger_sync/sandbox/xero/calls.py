"""One call to the accounting API: what it carries, how its body is read and how its answer is wrapped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger_sync.sandbox.xero import lists, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.errors import JSON, Invalid, malformed
from ledger_sync.sandbox.xero.resources import Resource
from ledger_sync.sandbox.xero.settings import AppRegistration, Limits
from ledger_sync.sandbox.xero.wire import Row
from practice.core.sandbox.http import Request, Response

#: Fields that hold one object, a list of them, and text, where Xero also takes a number or a truth value for it.
_OBJECTS = frozenset(
    "Account BankAccount Bills Contact CreditNote FromBankAccount Invoice Overpayment PaymentTerms Prepayment "
    "PurchaseDetails Sales SalesDetails Schedule ToBankAccount".split()
)
_LISTS = frozenset(
    "Addresses Allocations ContactPersons LineItems Payments Phones PurchasesTrackingCategories "
    "SalesTrackingCategories TaxComponents".split()
)
_TEXTS = frozenset(
    """
    AccountCode AccountID AccountNumber AccountsPayableTaxType AccountsReceivableTaxType AddressLine1 AddressLine2
    AddressLine3 AddressLine4 AddressType AttentionTo BankAccountDetails BankAccountNumber BankAccountType
    BankTransactionID BankTransferID BatchPaymentID BrandingThemeID City Code CompanyNumber ContactGroupID ContactID
    ContactNumber ContactStatus Country CreditNoteID CreditNoteNumber CurrencyCode Date DefaultCurrency Description
    Details DueDateType EmailAddress EndDate ExpectedPaymentDate FirstName InvoiceID InvoiceNumber ItemCode ItemID
    LastName LineAmountTypes LineItemID Name NextScheduledDate Option OverpaymentID PaymentID PhoneAreaCode
    PhoneCountryCode PhoneNumber PhoneType PlannedPaymentDate PostalCode PrepaymentID PurchaseDescription
    PurchasesDefaultAccountCode PurchasesDefaultLineAmountType Reference Region RepeatingInvoiceID ReportTaxType
    SalesDefaultAccountCode SalesDefaultLineAmountType StartDate Status TaxNumber TaxType TrackingCategoryID
    TrackingOptionID Type Unit Url XeroNetworkKey
    """.split()
)


@dataclass(frozen=True)
class Call:
    """One call that has passed the gate."""

    request: Request
    books: Books
    limits: Limits
    app: AppRegistration

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.request.method


def summarizes(call: Call) -> bool:
    """Whether one bad element refuses the whole call: as ``summarizeErrors`` asks, else as the switch says."""
    asked = call.request.arg("summarizeErrors")
    return lists.is_true(asked) if asked else call.books.switches.summarize_default


def elements(call: Call, name: str) -> list[Row]:
    """The elements of a body: ``{"Invoices": [...]}``, a list, or one object. Raises Refused for anything else."""
    try:
        body = wire.decode(call.request.body)
    except (ValueError, RecursionError):
        raise malformed("the body is not valid JSON") from None
    inside = body.get(name, [body]) if isinstance(body, dict) else body
    inside = [inside] if isinstance(inside, dict) else inside
    if not isinstance(inside, list) or not inside or not all(isinstance(element, dict) for element in inside):
        raise malformed(f"{name} expected")
    return [_well_formed(call, element) for element in inside]


def _well_formed(call: Call, element: Row) -> Row:
    """An element without its nulls, every known field of its kind. Raises Refused for what Xero could not read."""
    fields = {key: _field(call, key, value) for key, value in element.items() if value is not None}
    return {key: value for key, value in fields.items() if value is not None}


def _field(call: Call, key: str, value: Any) -> Any:
    if key in wire.DATES and (wire.as_date(value) or wire.LAST_DAY) < call.limits.first_day:
        raise malformed(key)
    if key in _TEXTS:
        return _text(call, key, value)
    if key in wire.NUMBERS:
        return _number(call, key, value)
    if key in _OBJECTS:
        if isinstance(value, dict):
            return _well_formed(call, value)
        return _pass_over(call, key)
    if key in _LISTS:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            return _pass_over(call, key)
        return [_well_formed(call, item) for item in value]
    return value


def _pass_over(call: Call, key: str) -> str | None:
    """Nothing, for a value of the wrong kind. Raises Refused unless switch wrong_kinds_ignored is on (unsure)."""
    if call.books.switches.wrong_kinds_ignored:
        return None
    raise malformed(key)


def _text(call: Call, key: str, value: Any) -> str | None:
    if isinstance(value, dict | list) or not (isinstance(value, str) or call.books.switches.numbers_for_texts):
        return _pass_over(call, key)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(call: Call, key: str, value: Any) -> Any:
    """A number as it was sent, also one that is none: the field it stands in knows how to refuse it."""
    number = wire.as_number(value)
    if number is None:
        return None if call.books.switches.wrong_kinds_ignored else value
    if number.adjusted() >= call.limits.number_digits:
        raise malformed(key)
    return value


def in_error(resource: Resource, element: Row, invalid: Invalid) -> Row:
    """What was sent, with its errors; something new gets the zero id (SPEC)."""
    errors = [{"Message": message} for message in invalid.messages]
    return {resource.key: wire.ZERO_ID, **wire.echo(element), "ValidationErrors": errors}


def wrap(call: Call, content: Row) -> Response:
    """Xero's envelope; as XML for a caller who did not ask for JSON (Xero docs, Requests and responses)."""
    key = call.books.ids.new()
    body: Row = {
        "Id": key,
        "Status": "OK",
        "ProviderName": call.app.name,
        "DateTimeUTC": call.books.stamp(),
        **content,
    }
    headers = {"Xero-Correlation-Id": key}
    if "json" not in call.request.headers.get("accept", ""):
        text = wire.to_xml("Response", wire.echo(body))
        return Response(200, text.encode(), {**headers, "Content-Type": "text/xml; charset=utf-8"})
    return Response(200, wire.encode(body).encode(), {**headers, "Content-Type": JSON})
