"""What a ``where`` or ``order`` may name: the fields of each type, as Xero's specification lists them (SPEC, schemas).

``Contact:Contact`` leads on to another type. Names are compared without case, as Xero's query library does
(XeroAPI/xero-php-oauth2#307 asks for ``status``).
"""

from __future__ import annotations

from functools import cache

from ledger_sync.sandbox.xero.errors import problem

FIELDS: dict[str, str] = {
    "Account": (
        "Code Name AccountID Type BankAccountNumber Status Description BankAccountType CurrencyCode TaxType "
        "EnablePaymentsToAccount ShowInExpenseClaims Class SystemAccount ReportingCode ReportingCodeName "
        "HasAttachments UpdatedDateUTC AddToWatchlist"
    ),
    "AccountsPayable": "Outstanding Overdue",
    "AccountsReceivable": "Outstanding Overdue",
    "Balances": "AccountsReceivable:AccountsReceivable AccountsPayable:AccountsPayable",
    "BankTransaction": (
        "Type Contact:Contact LineItems BankAccount:Account IsReconciled Date Reference CurrencyCode CurrencyRate "
        "Url Status LineAmountTypes SubTotal TotalTax Total BankTransactionID PrepaymentID OverpaymentID "
        "UpdatedDateUTC HasAttachments"
    ),
    "BankTransfer": (
        "FromBankAccount:Account ToBankAccount:Account Amount Date BankTransferID CurrencyRate "
        "FromBankTransactionID ToBankTransactionID FromIsReconciled ToIsReconciled Reference HasAttachments "
        "CreatedDateUTC Status FromTracking ToTracking"
    ),
    "BatchPayment": (
        "Account:Account Reference Particulars Code Details Narrative BatchPaymentID DateString Date Amount "
        "Payments Type Status TotalAmount UpdatedDateUTC IsReconciled"
    ),
    "BatchPaymentDetails": "BankAccountNumber BankAccountName Details Code Reference",
    "Bill": "Day Type",
    "BrandingTheme": "BrandingThemeID Name LogoUrl Type SortOrder CreatedDateUTC",
    "Contact": (
        "ContactID MergedToContactID ContactNumber AccountNumber ContactStatus Name FirstName LastName "
        "CompanyNumber EmailAddress ContactPersons BankAccountDetails TaxNumber TaxNumberType "
        "AccountsReceivableTaxType AccountsPayableTaxType Addresses Phones IsSupplier IsCustomer "
        "SalesDefaultLineAmountType PurchasesDefaultLineAmountType DefaultCurrency XeroNetworkKey "
        "SalesDefaultAccountCode PurchasesDefaultAccountCode SalesTrackingCategories PurchasesTrackingCategories "
        "TrackingCategoryName TrackingCategoryOption PaymentTerms:PaymentTerm UpdatedDateUTC ContactGroups "
        "Website BrandingTheme:BrandingTheme BatchPayments:BatchPaymentDetails Discount Balances:Balances "
        "Attachments HasAttachments"
    ),
    "ContactGroup": "Name Status ContactGroupID Contacts",
    "CreditNote": (
        "Type Contact:Contact Date DueDate Status LineAmountTypes LineItems SubTotal TotalTax Total CISDeduction "
        "CISRate UpdatedDateUTC UpdatedDateUTCString CurrencyCode FullyPaidOnDate CreditNoteID CreditNoteNumber "
        "Reference SentToContact CurrencyRate RemainingCredit Allocations AppliedAmount Payments BrandingThemeID "
        "HasAttachments InvoiceAddresses"
    ),
    "Currency": "Code Description",
    "Invoice": (
        "Type Contact:Contact LineItems Date DueDate LineAmountTypes InvoiceNumber Reference BrandingThemeID Url "
        "CurrencyCode CurrencyRate Status SentToContact ExpectedPaymentDate PlannedPaymentDate CISDeduction "
        "CISRate SubTotal TotalTax Total TotalDiscount InvoiceID RepeatingInvoiceID HasAttachments IsDiscounted "
        "Payments Prepayments Overpayments AmountDue AmountPaid FullyPaidOnDate AmountCredited UpdatedDateUTC "
        "UpdatedDateUTCString CreditNotes Attachments InvoiceAddresses"
    ),
    "Item": (
        "Code InventoryAssetAccountCode Name IsSold IsPurchased Description PurchaseDescription "
        "PurchaseDetails:Purchase SalesDetails:Purchase IsTrackedAsInventory TotalCostPool QuantityOnHand "
        "UpdatedDateUTC ItemID"
    ),
    "Organisation": (
        "OrganisationID APIKey Name LegalName PaysTax Version OrganisationType BaseCurrency CountryCode "
        "IsDemoCompany OrganisationStatus RegistrationNumber EmployerIdentificationNumber TaxNumber "
        "FinancialYearEndDay FinancialYearEndMonth SalesTaxBasis SalesTaxPeriod DefaultSalesTax "
        "DefaultPurchasesTax PeriodLockDate EndOfYearLockDate CreatedDateUTC Timezone OrganisationEntityType "
        "ShortCode Class Edition LineOfBusiness Addresses Phones ExternalLinks PaymentTerms:PaymentTerm"
    ),
    "Overpayment": (
        "Type Contact:Contact Date Status LineAmountTypes LineItems SubTotal TotalTax Total UpdatedDateUTC "
        "UpdatedDateUTCString CurrencyCode OverpaymentID CurrencyRate RemainingCredit Allocations AppliedAmount "
        "Payments HasAttachments Reference Attachments"
    ),
    "Payment": (
        "Invoice:Invoice CreditNote:CreditNote Prepayment:Prepayment Overpayment:Overpayment InvoiceNumber "
        "CreditNoteNumber BatchPayment:BatchPayment Account:Account Code Date CurrencyRate Amount BankAmount "
        "Reference IsReconciled Status PaymentType UpdatedDateUTC UpdatedDateUTCString PaymentID BatchPaymentID "
        "BankAccountNumber Particulars Details HasAccount"
    ),
    "PaymentTerm": "Bills:Bill Sales:Bill",
    "Prepayment": (
        "Type Contact:Contact Date Status LineAmountTypes LineItems SubTotal TotalTax Total Reference "
        "InvoiceNumber UpdatedDateUTC UpdatedDateUTCString CurrencyCode PrepaymentID BrandingThemeID CurrencyRate "
        "RemainingCredit Allocations Payments AppliedAmount HasAttachments Attachments"
    ),
    "Purchase": "UnitPrice AccountCode COGSAccountCode TaxType",
    "RepeatingInvoice": (
        "Type Contact:Contact Schedule:Schedule LineItems LineAmountTypes Reference BrandingThemeID CurrencyCode "
        "Status SubTotal TotalTax Total RepeatingInvoiceID ID HasAttachments Attachments ApprovedForSending "
        "SendCopy MarkAsSent IncludePDF"
    ),
    "Schedule": "Period Unit DueDate DueDateType StartDate NextScheduledDate EndDate",
    "TaxRate": (
        "Name TaxType TaxComponents Status ReportTaxType CanApplyToAssets CanApplyToEquity CanApplyToExpenses "
        "CanApplyToLiabilities CanApplyToRevenue DisplayTaxRate EffectiveRate"
    ),
    "TrackingCategory": "TrackingCategoryID TrackingOptionID Name Option Status Options",
    "User": "UserID EmailAddress FirstName LastName UpdatedDateUTC IsSubscriber OrganisationRole",
}


@cache
def _of(kind: str) -> dict[str, tuple[str, str]]:
    """The fields of a type by their names in lower case: the name as written, and the type it leads to."""
    parted = [field.partition(":") for field in FIELDS[kind].split()]
    return {name.lower(): (name, leads) for name, _, leads in parted}


def resolve(kind: str, path: str) -> str:
    """A path such as ``contact.name`` as the rows spell it. Raises Refused with 400 for a field its type lacks.

    Its words are those of System.Linq.Dynamic, which Xero passes on (``exists in type 'Invoice'``, XeroAPI.Net#14;
    ``Expression expected``, xeroizer#164).
    """
    names = []
    for part in path.split("."):
        name, leads = _of(kind).get(part.lower(), ("", "")) if kind else ("", "")
        if not name:
            where = kind or "Object"
            raise problem(16, "QueryParseException", f"No property or field '{part}' exists in type '{where}'")
        names.append(name)
        kind = leads
    return ".".join(names)


def type_of(plural: str) -> str:
    """The type of a resource's rows: Invoice for Invoices, Currency for Currencies."""
    return plural.removesuffix("ies") + "y" if plural.endswith("ies") else plural.removesuffix("s")
