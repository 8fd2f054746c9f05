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


def elements(request: Request, name: str) -> list[Row]:
    """The elements of a body: ``{"Invoices": [...]}``, a list, or one object. Raises Refused for anything else."""
    try:
        body = wire.decode(request.body)
    except (ValueError, RecursionError):
        raise malformed("the body is not valid JSON") from None
    inside = body.get(name, [body]) if isinstance(body, dict) else body
    inside = [inside] if isinstance(inside, dict) else inside
    if not isinstance(inside, list) or not inside or not all(isinstance(element, dict) for element in inside):
        raise malformed(f"{name} expected")
    return [_well_formed(element) for element in inside]


def _well_formed(element: Row) -> Row:
    """An element without its nulls, every known field of its kind. Raises Refused for what Xero could not read."""
    return {key: _field(key, value) for key, value in element.items() if value is not None}


def _field(key: str, value: Any) -> Any:
    if key in _TEXTS:
        if isinstance(value, dict | list):
            raise malformed(key)
        return str(value).lower() if isinstance(value, bool) else str(value)
    if key in _OBJECTS:
        if not isinstance(value, dict):
            raise malformed(key)
        return _well_formed(value)
    if key in _LISTS:
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise malformed(key)
        return [_well_formed(item) for item in value]
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
