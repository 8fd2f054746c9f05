"""The vendor's demo company: a US accounting firm whose books have something of everything in them."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from ledger_sync.sandbox.quickbooks import chart, company, currencies, recurring, wire
from ledger_sync.sandbox.quickbooks.bookkeeper import Bookkeeper
from ledger_sync.sandbox.quickbooks.books import Books
from ledger_sync.sandbox.quickbooks.saving import Options
from ledger_sync.sandbox.quickbooks.wire import Row

if TYPE_CHECKING:
    from ledger_sync.sandbox.quickbooks.app import QuickBooksSandbox

_CUSTOMERS = (
    ("Alder Creek Dental LLC", "Nora", "Alder"),
    ("Bluestem Landscaping", "Pat", "Stem"),
    ("Cobalt Bicycle Works", "Omar", "Cobb"),
    ("Dovetail Cabinetry", "Ruth", "Dove"),
    ("Eastgate Veterinary", "Ivy", "East"),
    ("Fieldnote Publishing", "Sam", "Field"),
    ("Gable & Frost Architects", "Lena", "Frost"),
    ("Harrow Street Coffee", "Theo", "Harrow"),
    ("Inkwell Tutoring", "May", "Wells"),
    ("Juniper Yoga Studio", "Ada", "June"),
    ("Kite Hill Preschool", "Grace", "Hill"),
    ("Lantern Lake Rentals", "Hugh", "Lake"),
    ("Millrace Brewing Co.", "Bruno", "Mill"),
    ("Northfold Logistics", "Col", "Fold"),
    ("Oakhaven Care Homes", "Joan", "Oakes"),
    ("Pepper & Pine Catering", "Tilly", "Pine"),
    ("Quarry Road Gravel", "Abe", "Quarry"),
    ("Rookery Sound Design", "Yusuf", "Rook"),
    ("Sable Point Marina", "Dora", "Sable"),
    ("Thistle Down Quilts", "Ella", "Thistle"),
    ("Umber Pottery", "Kit", "Umber"),
    ("Vesper Film Co-op", "Ines", "Vesper"),
    ("Willowbend Farms", "Peter", "Willow"),
    ("Xylo Music School", "Aldo", "Lowe"),
    ("Yarrow Herbals", "Nina", "Yarrow"),
    ("Zephyr Kiteboarding", "Owen", "Zeph"),
)
_VENDORS = (
    "Canal Street Properties", "Prairie Power & Light", "Cloudberry Software", "Payments processor",
    "Fairmont Stationers", "Redbud Cleaning", "Tallgrass Telephone", "Union Couriers",
    "Walnut Insurance", "Meridian Travel",
)  # fmt: skip
_EMPLOYEES = (("June", "Larkin"), ("Marcus", "Teale"), ("Priya", "Anand"), ("Rosa", "Delgado"), ("Sven", "Aalto"))
_ITEMS = (
    ("Hours", "Work by the hour", 180, "Services"),
    ("Monthly close", "Closing the month", 650, "Services"),
    ("Form 1120-S", "S corporation return", 1400, "Tax Preparation"),
    ("Form 1040", "Individual return", 550, "Tax Preparation"),
    ("Planning meeting", "Planning meeting", 240, "Advisory"),
)
#: Kinds of item besides services: what is sold but not counted, what is counted, and a category.
_GOODS: tuple[Row, ...] = (
    {"Name": "Bound copy", "Type": "NonInventory", "UnitPrice": 25, "Taxable": True, "account": "Services"},
    {"Name": "Filing fee", "Type": "NonInventory", "UnitPrice": 75, "account": "Tax Preparation"},
    {"Name": "Goods", "Type": "Category", "account": "Services"},
)


def _words(subtype: str) -> str:
    """A subtype as a name: OtherCurrentAssets is "Other Current Assets"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", subtype)


def _every_subtype() -> list[Row]:
    """An account for each subtype that the plain chart has not, so that every type and subtype is there."""
    there = {subtype for _, _, subtype in company.CHART} | {"SalesTaxPayable"}
    names = {name for name, _, _ in company.CHART}
    return [
        {"Name": f"{_words(subtype)} (other)" if _words(subtype) in names else _words(subtype), "AccountType": kind,
         "AccountSubType": subtype}
        for kind, (_, _, subtypes) in chart.TYPES.items()
        for subtype in subtypes
        if subtype not in there
    ]  # fmt: skip


def _person(place: int, name: str, first: str, last: str) -> Row:
    domain = name.split(maxsplit=1)[0].lower()
    return {
        "DisplayName": name,
        "CompanyName": name,
        "GivenName": first,
        "FamilyName": last,
        "PrimaryEmailAddr": {"Address": f"{first}.{last}@{domain}.example".lower()},
        "PrimaryPhone": {"FreeFormNumber": f"(555) 010-{place:04}"},
        "BillAddr": {
            "Line1": f"{place + 11} Mill Street", "City": "Fairmont", "CountrySubDivisionCode": "IL",
            "PostalCode": "60999", "Country": "US",
        },
        "SalesTermRef": {"value": "4" if place % 3 else "3"},
    }  # fmt: skip


DESCRIPTION: Row = {
    "name": "Larkin CPA",
    "customers": [_person(place, *row) for place, row in enumerate(_CUSTOMERS)],
    "vendors": [{"DisplayName": name} for name in _VENDORS],
    "employees": [{"GivenName": first, "FamilyName": last, "HiredDate": "2021-02-01"} for first, last in _EMPLOYEES],
    "accounts": _every_subtype(),
    "items": [
        *({"Name": name, "Description": text, "UnitPrice": price, "account": account}
          for name, text, price, account in _ITEMS),
        *_GOODS,
    ],
    "preferences": {"TaxPrefs": {"UsingSalesTax": True, "PartnerTaxEnabled": True}},
}  # fmt: skip
#: A company of another country and of two currencies, beside the first.
ABROAD: Row = {
    "name": "Fernleigh Advisory Pty Ltd",
    "country": "AU",
    "currencies": ["NZD", "USD"],
    "customers": [
        {"DisplayName": "Wattle Grove Physio", "PrimaryEmailAddr": {"Address": "accounts@wattlegrove.example"}},
        {"DisplayName": "Aotea Outfitters", "CurrencyRef": {"value": "NZD"}},
    ],
    "vendors": [{"DisplayName": "Banksia Offices"}],
    "items": [{"Name": "Advice", "Description": "Advice by the hour", "UnitPrice": 220, "account": "Advisory"}],
}


def trade_abroad(sandbox: QuickBooksSandbox, books: Books) -> None:
    """A sale with GST and one in New Zealand's currency, and what was bought with GST."""
    keeper = Bookkeeper(books, sandbox.identity)
    today = books.today()
    gst = next(row["Id"] for row in books.table("TaxCode").values() if row["Name"] == "GST")
    with books.store.transaction():
        currencies.set_rate(
            books, {"SourceCurrencyCode": "NZD", "Rate": "0.91", "AsOfDate": wire.days_after(today, -60)}
        )
    for place, (customer, currency) in enumerate((("1", "AUD"), ("2", "NZD"))):
        line = {"Amount": "440.00", "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {
            "ItemRef": {"value": "1"}, "Qty": 2, "UnitPrice": "220", "TaxCodeRef": {"value": gst}}}  # fmt: skip
        keeper.add_invoice({
            "CustomerRef": {"value": customer}, "CurrencyRef": {"value": currency}, "Line": [line],
            "GlobalTaxCalculation": "TaxExcluded", "DocNumber": str(1001 + place),
            "TxnDate": wire.days_after(today, -30),
        })  # fmt: skip
    bought = {"AccountRef": {"value": books.holder("Account", "Rent")}, "TaxCodeRef": {"value": gst}}
    line = {"Amount": "900.00", "DetailType": "AccountBasedExpenseLineDetail", "AccountBasedExpenseLineDetail": bought}
    keeper._add("Purchase", {
        "PaymentType": "Cash", "AccountRef": {"value": books.holder("Account", "Checking")}, "TxnDate": today,
        "GlobalTaxCalculation": "TaxExcluded", "Line": [line],
    })  # fmt: skip


def trade(sandbox: QuickBooksSandbox, books: Books) -> None:
    """Fill the books: invoices in every state, payments, a deposit, credits, refunds, fees, a payout and a journal."""
    _Trading(sandbox, books).run()


class _Trading:
    def __init__(self, sandbox: QuickBooksSandbox, books: Books) -> None:
        self.books = books
        self.keeper = Bookkeeper(books, sandbox.identity)
        self.today = books.today()
        self.customers = list(books.table("Customer"))
        self.items = [row for row in books.table("Item").values() if row["Type"] == "Service"]

    def run(self) -> None:
        """Everything, oldest first."""
        paid = [self.invoice(i, 160 - 6 * i) for i in range(16)]
        for i, row in enumerate(paid):
            account = "Undeposited Funds" if i % 5 == 0 else "Stripe clearing" if i % 3 == 0 else "Checking"
            self.keeper.record_payment(row["Id"], account=account, date=self.day(150 - 6 * i), reference=f"R{701 + i}")
        waiting = [key for key, row in self.books.table("Payment").items() if self._is_undeposited(row)]
        self.keeper.deposit(waiting[:2])
        for i in range(16, 19):
            self.keeper.record_payment(self.invoice(i, 45 - i)["Id"], Decimal("100.00"), date=self.day(12))
        for i in range(19, 28):
            self.invoice(i, 70 - 2 * i)
        self.keeper.void_invoice(self.invoice(3, 20)["Id"])
        self.keeper.credit(self.invoice(4, 25)["Id"], Decimal("50.00"), reason="Goodwill")
        self.other_money()
        self.kept()

    def day(self, ago: int) -> str:
        return wire.days_after(self.today, -max(ago, 0))

    def kept(self) -> None:
        """What has no rules of its own, and what recurs; a sale that is taxed and one that is drafted to be mailed."""
        vendors = list(self.books.table("Vendor"))
        rent = {"Amount": "410.00", "DetailType": "AccountBasedExpenseLineDetail",
                "AccountBasedExpenseLineDetail": {"AccountRef": self.account("Rent")}}  # fmt: skip
        sale = {"Amount": "650.00", "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {"ItemRef": {"value": self.items[1]["Id"]}}}  # fmt: skip
        taxed = {"Amount": "25.00", "DetailType": "SalesItemLineDetail",
                 "SalesItemLineDetail": {"ItemRef": {"value": self.books.holder("Item", "Bound copy")},
                                         "TaxCodeRef": {"value": "TAX"}}}  # fmt: skip
        customer = {"CustomerRef": {"value": self.customers[9]}}
        self.keeper._add("Item", {
            "Name": "Ring binder", "Type": "Inventory", "UnitPrice": 12, "QtyOnHand": 40, "InvStartDate": self.day(100),
            "TrackQtyOnHand": True, "IncomeAccountRef": self.account("Sales Of Product Income"),
            "ExpenseAccountRef": self.account("Supplies Materials Cogs"), "AssetAccountRef": self.account("Inventory"),
        })  # fmt: skip
        self.keeper._add("Bill", {"VendorRef": {"value": vendors[0]}, "Line": [rent], "TxnDate": self.day(9)})
        self.keeper._add("VendorCredit", {"VendorRef": {"value": vendors[0]}, "Line": [rent], "TxnDate": self.day(3)})
        self.keeper._add("BillPayment", {"VendorRef": {"value": vendors[0]}, "PayType": "Check", "TotalAmt": "410.00",
                                         "CheckPayment": {"BankAccountRef": self.account("Checking")}})  # fmt: skip
        self.keeper._add("PurchaseOrder", {"VendorRef": {"value": vendors[4]}, "Line": [rent],
                                           "APAccountRef": self.account("Accounts Payable")})  # fmt: skip
        self.keeper._add("Estimate", {**customer, "Line": [sale], "TxnDate": self.day(4)})
        self.keeper._add("TimeActivity", {"NameOf": "Employee", "EmployeeRef": {"value": "1"}, "Hours": 3, **customer})
        self.keeper._add(
            "SalesReceipt", {**customer, "Line": [sale, taxed], "DocNumber": "SR-1", "TxnDate": self.day(2)}
        )
        self.keeper._add("Invoice", {**customer, "Line": [taxed], "DocNumber": "1050", "EmailStatus": "NeedToSend",
                                     "BillEmail": {"Address": "ada.june@juniper.example"}})  # fmt: skip
        schedule = {"IntervalType": "Monthly", "NumInterval": 1, "DayOfMonth": 1, "StartDate": self.today}
        info = {"Name": "Monthly close", "RecurType": "Automated", "ScheduleInfo": schedule}
        with self.books.store.transaction():
            recurring.change(
                self.books, "", {"Invoice": {**customer, "Line": [sale], "RecurringInfo": info}}, Options()
            )
            charge: Row = {**customer, "TxnDate": self.day(5), "Amount": "42.00", "HasBeenInvoiced": False, "Line": []}
            self.books.add("ReimburseCharge", {"Id": self.books.next_id("ReimburseCharge"), **charge})

    def _is_undeposited(self, row: Row) -> bool:
        return wire.ref(row, "DepositToAccountRef") == self.books.holder("Account", "Undeposited Funds")

    def account(self, name: str) -> Row:
        return {"value": self.books.holder("Account", name)}

    def invoice(self, number: int, ago: int) -> Row:
        item = self.items[number % len(self.items)]
        quantity = 1 + number % 3
        line = {
            "Amount": Decimal(item["UnitPrice"]) * quantity,
            "Description": item["Description"],
            "DetailType": "SalesItemLineDetail",
            "SalesItemLineDetail": {"ItemRef": {"value": item["Id"]}, "Qty": quantity, "UnitPrice": item["UnitPrice"]},
        }
        fields: Row = {
            "CustomerRef": {"value": self.customers[number % len(self.customers)]},
            "DocNumber": str(1001 + len(self.books.table("Invoice"))),
            "TxnDate": self.day(ago),
            "Line": [line],
        }
        return self.keeper.add_invoice(fields)

    def other_money(self) -> None:
        fee = {"AccountRef": self.account("Merchant fees")}
        self.keeper._add("Purchase", {
            "PaymentType": "Cash", "AccountRef": self.account("Stripe clearing"), "TxnDate": self.day(8),
            "PrivateNote": "Card fees", "Line": [
                {"Amount": "14.20", "DetailType": "AccountBasedExpenseLineDetail", "AccountBasedExpenseLineDetail": fee}
            ],
        })  # fmt: skip
        move = {"FromAccountRef": self.account("Stripe clearing"), "ToAccountRef": self.account("Checking")}
        self.keeper._add("Transfer", {**move, "Amount": "500.00", "TxnDate": self.day(6), "PrivateNote": "Payout"})
        for name, amount in (("Rent", "2400.00"), ("Software", "189.00")):
            line = {"Amount": amount, "DetailType": "AccountBasedExpenseLineDetail",
                    "AccountBasedExpenseLineDetail": {"AccountRef": self.account(name)}}  # fmt: skip
            self.keeper._add("Purchase", {
                "PaymentType": "Check", "AccountRef": self.account("Checking"), "TxnDate": self.day(20), "Line": [line],
            })  # fmt: skip
        sides = (("Debit", "Office Equipment"), ("Credit", "Owner's Equity"))
        lines = [
            {"Amount": "3000.00", "DetailType": "JournalEntryLineDetail",
             "JournalEntryLineDetail": {"PostingType": side, "AccountRef": self.account(name)}}
            for side, name in sides
        ]  # fmt: skip
        self.keeper._add("JournalEntry", {"TxnDate": self.day(90), "Line": lines, "PrivateNote": "Desks"})
        sale = {"Amount": "75.00", "DetailType": "SalesItemLineDetail",
                "SalesItemLineDetail": {"ItemRef": {"value": self.items[4]["Id"]}}}  # fmt: skip
        refund = {"CustomerRef": {"value": self.customers[6]}, "DepositToAccountRef": self.account("Checking")}
        self.keeper._add("RefundReceipt", {**refund, "Line": [sale], "DocNumber": "RF-1", "TxnDate": self.day(15)})
