"""Types and subtypes of accounts, as Intuit's reference lists them (Account, AccountType and AccountSubType)."""

from __future__ import annotations

#: AccountType → its class, the subtype an account gets when none is said, and the subtypes of every country.
TYPES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "Bank": ("Asset", "CashOnHand", (
        "CashOnHand", "Checking", "MoneyMarket", "RentsHeldInTrust", "Savings", "TrustAccounts",
    )),
    "Accounts Receivable": ("Asset", "AccountsReceivable", ("AccountsReceivable",)),
    "Other Current Asset": ("Asset", "EmployeeCashAdvances", (
        "AllowanceForBadDebts", "DevelopmentCosts", "EmployeeCashAdvances", "OtherCurrentAssets", "Inventory",
        "Investment_MortgageRealEstateLoans", "Investment_Other", "Investment_TaxExemptSecurities",
        "Investment_USGovernmentObligations", "LoansToOfficers", "LoansToOthers", "LoansToStockholders",
        "PrepaidExpenses", "Retainage", "UndepositedFunds",
    )),
    "Fixed Asset": ("Asset", "FurnitureAndFixtures", (
        "AccumulatedDepletion", "AccumulatedDepreciation", "DepletableAssets", "FixedAssetComputers",
        "FixedAssetCopiers", "FixedAssetFurniture", "FixedAssetPhone", "FixedAssetPhotoVideo", "FixedAssetSoftware",
        "FixedAssetOtherToolsEquipment", "FurnitureAndFixtures", "Land", "LeaseholdImprovements", "OtherFixedAssets",
        "AccumulatedAmortization", "Buildings", "IntangibleAssets", "MachineryAndEquipment", "Vehicles",
    )),
    "Other Asset": ("Asset", "Licenses", (
        "LeaseBuyout", "OtherLongTermAssets", "SecurityDeposits", "AccumulatedAmortizationOfOtherAssets", "Goodwill",
        "Licenses", "OrganizationalCosts",
    )),
    "Accounts Payable": ("Liability", "AccountsPayable", ("AccountsPayable",)),
    "Credit Card": ("Liability", "CreditCard", ("CreditCard",)),
    "Other Current Liability": ("Liability", "OtherCurrentLiabilities", (
        "DirectDepositPayable", "LineOfCredit", "LoanPayable", "GlobalTaxPayable", "GlobalTaxSuspense",
        "OtherCurrentLiabilities", "PayrollClearing", "PayrollTaxPayable", "PrepaidExpensesPayable",
        "RentsInTrustLiability", "TrustAccountsLiabilities", "FederalIncomeTaxPayable", "InsurancePayable",
        "SalesTaxPayable", "StateLocalIncomeTaxPayable",
    )),
    "Long Term Liability": ("Liability", "NotesPayable", (
        "NotesPayable", "OtherLongTermLiabilities", "ShareholderNotesPayable",
    )),
    "Equity": ("Equity", "OpeningBalanceEquity", (
        "OpeningBalanceEquity", "PartnersEquity", "RetainedEarnings", "AccumulatedAdjustment", "OwnersEquity",
        "PaidInCapitalOrSurplus", "PartnerContributions", "PartnerDistributions", "PreferredStock", "CommonStock",
        "TreasuryStock", "EstimatedTaxes", "Healthcare", "PersonalIncome", "PersonalExpense",
    )),
    "Income": ("Revenue", "OtherPrimaryIncome", (
        "NonProfitIncome", "OtherPrimaryIncome", "SalesOfProductIncome", "ServiceFeeIncome", "DiscountsRefundsGiven",
        "UnappliedCashPaymentIncome",
    )),
    "Other Income": ("Revenue", "OtherInvestmentIncome", (
        "DividendIncome", "InterestEarned", "OtherInvestmentIncome", "OtherMiscellaneousIncome", "TaxExemptInterest",
    )),
    "Cost of Goods Sold": ("Expense", "CostOfLaborCos", (
        "EquipmentRentalCos", "OtherCostsOfServiceCos", "ShippingFreightDeliveryCos", "SuppliesMaterialsCogs",
        "CostOfLaborCos",
    )),
    "Expense": ("Expense", "Travel", (
        "AdvertisingPromotional", "BadDebts", "BankCharges", "CharitableContributions", "CommissionsAndFees",
        "Entertainment", "EntertainmentMeals", "EquipmentRental", "FinanceCosts", "GlobalTaxExpense", "Insurance",
        "InterestPaid", "LegalProfessionalFees", "OfficeExpenses", "OfficeGeneralAdministrativeExpenses",
        "OtherBusinessExpenses", "OtherMiscellaneousServiceCost", "PromotionalMeals", "RentOrLeaseOfBuildings",
        "RepairMaintenance", "ShippingFreightDelivery", "SuppliesMaterials", "Travel", "TravelMeals", "Utilities",
        "Auto", "CostOfLabor", "DuesSubscriptions", "PayrollExpenses", "TaxesPaid", "UnappliedCashBillPaymentExpense",
    )),
    "Other Expense": ("Expense", "Depreciation", (
        "Depreciation", "ExchangeGainOrLoss", "OtherMiscellaneousExpense", "PenaltiesSettlements", "Amortization",
        "GasAndFuel", "HomeOffice", "HomeOwnerRentalInsurance", "OtherHomeOfficeExpenses", "MortgageInterest",
        "RentAndLease", "RepairsAndMaintenance", "ParkingAndTolls", "Vehicle", "VehicleInsurance", "VehicleLease",
        "VehicleLoanInterest", "VehicleLoan", "VehicleRegistration", "VehicleRepairs", "OtherVehicleExpenses",
        "WashAndRoadServices",
    )),
}  # fmt: skip
#: Subtypes that some countries have besides (the reference's "Available with minor version: 13").
ELSEWHERE = {
    "Bank": "CashAndCashEquivalents OtherEarMarkedBankAccounts",
    "Other Current Asset": "AssetsAvailableForSale BalWithGovtAuthorities CalledUpShareCapitalNotPaid "
    "ExpenditureAuthorisationsAndLettersOfCredit GlobalTaxDeferred GlobalTaxRefund InternalTransfers OtherConsumables "
    "ProvisionsCurrentAssets ShortTermInvestmentsInRelatedParties ShortTermLoansAndAdvancesToRelatedParties "
    "TradeAndOtherReceivables",
    "Fixed Asset": "AssetsInCourseOfConstruction CapitalWip CumulativeDepreciationOnIntangibleAssets "
    "IntangibleAssetsUnderDevelopment LandAsset NonCurrentAssets ParticipatingInterests ProvisionsFixedAssets",
    "Other Asset": "AssetsHeldForSale AvailableForSaleFinancialAssets DeferredTax Investments LongTermInvestments "
    "LongTermLoansAndAdvancesToRelatedParties OtherIntangibleAssets OtherLongTermInvestments "
    "OtherLongTermLoansAndAdvances PrepaymentsAndAccruedIncome ProvisionsNonCurrentAssets",
    "Accounts Payable": "OutstandingDuesMicroSmallEnterprise OutstandingDuesOtherThanMicroSmallEnterprise",
    "Other Current Liability": "AccruedLiabilities CurrentLiabilities CurrentPortionEmployeeBenefitsObligations "
    "CurrentPortionOfObligationsUnderFinanceLeases CurrentTaxLiability DividendsPayable DutiesAndTaxes "
    "InterestPayables "
    "ProvisionForWarrantyObligations ProvisionsCurrentLiabilities ShortTermBorrowings SocialSecurityAgencies "
    "StaffAndRelatedLiabilityAccounts SundryDebtorsAndCreditors TradeAndOtherPayables",
    "Long Term Liability": "AccrualsAndDeferredIncome AccruedLongLermLiabilities AccruedVacationPayable BankLoans "
    "DebtsRelatedToParticipatingInterests DeferredTaxLiabilities GovernmentAndOtherPublicAuthorities "
    "GroupAndAssociates "
    "LiabilitiesRelatedToAssetsHeldForSale LongTermBorrowings LongTermDebit LongTermEmployeeBenefitObligations "
    "ObligationsUnderFinanceLeases OtherLongTermProvisions ProvisionForLiabilities ProvisionsNonCurrentLiabilities "
    "StaffAndRelatedLongTermLiabilityAccounts",
    "Equity": "AccumulatedOtherComprehensiveIncome CalledUpShareCapital CapitalReserves DividendDisbursed "
    "EquityInEarningsOfSubsiduaries InvestmentGrants MoneyReceivedAgainstShareWarrants OtherFreeReserves "
    "ShareApplicationMoneyPendingAllotment ShareCapital Funds",
    "Income": "CashReceiptIncome OperatingGrants OtherCurrentOperatingIncome OwnWorkCapitalized RevenueGeneral "
    "SalesRetail SalesWholesale SavingsByTaxScheme",
    "Other Income": "GainLossOnSaleOfFixedAssets GainLossOnSaleOfInvestments LossOnDisposalOfAssets "
    "OtherOperatingIncome UnrealisedLossOnSecuritiesNetOfTax",
    "Cost of Goods Sold": "CostOfSales FreightAndDeliveryCost",
    "Expense": "AmortizationExpense AppropriationsToDepreciation BorrowingCost DistributionCosts ExternalServices "
    "ExtraordinaryCharges IncomeTaxExpense LossOnDiscontinuedOperationsNetOfTax ManagementCompensation "
    "OtherCurrentOperatingCharges OtherExternalServices OtherRentalCosts OtherSellingExpenses "
    "ProjectStudiesSurveysAssessments PurchasesRebates ShippingAndDeliveryExpense StaffCosts Sundry "
    "TravelExpensesGeneralAndAdminExpenses TravelExpensesSellingExpense",
    "Other Expense": "DeferredTaxExpense Depletion ExceptionalItems ExtraordinaryItems IncomeTaxOtherExpense MatCredit "
    "PriorPeriodItems TaxRoundoffGainOrLoss",
}


def subtypes(kind: str) -> frozenset[str]:
    """Every subtype an account of a type may have."""
    return frozenset([*TYPES[kind][2], *ELSEWHERE.get(kind, "").split()])


def type_of(subtype: str) -> str:
    """The type a subtype belongs to, or an empty text."""
    return next((kind for kind in TYPES if subtype in subtypes(kind)), "")
