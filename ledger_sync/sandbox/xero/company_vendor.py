"""The vendor's demo company: an Australian accounting firm whose books have something of everything in them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from ledger_sync.sandbox.xero import banking, crediting, creditnotes, groups, invoices, payments, wire
from ledger_sync.sandbox.xero.books import Books
from ledger_sync.sandbox.xero.wire import Row

if TYPE_CHECKING:
    from ledger_sync.sandbox.xero.app import XeroSandbox

_CUSTOMERS = (
    ("Calder Physiotherapy Pty Ltd", "Nina", "Calder"),
    ("Mossgrove Dental", "Peter", "Moss"),
    ("Tern & Sons Boatbuilders", "Aldo", "Tern"),
    ("Bright Harbour Childcare", "Ines", "Bright"),
    ("Wattle Street Bakery", "Joan", "Fry"),
    ("Lowan Landscapes", "Kit", "Lowan"),
    ("Pelican Point Motel", "Dora", "Pell"),
    ("Redgum Joinery", "Theo", "Gumm"),
    ("Saltbush Organics", "May", "Salter"),
    ("Quayside Print Works", "Owen", "Quay"),
    ("Banksia Veterinary Clinic", "Ruth", "Banks"),
    ("Ironbark Fencing", "Col", "Irons"),
    ("Kestrel Surveying", "Lena", "Kess"),
    ("Northlight Studio", "Yusuf", "North"),
    ("Opal Road Pharmacy", "Grace", "Opal"),
    ("Jetty Cafe", "Sam", "Jettie"),
    ("Mallee Freight", "Bruno", "Mallee"),
    ("Rosella Early Learning", "Ada", "Rose"),
    ("Gannet Marine Supplies", "Hugh", "Gannet"),
    ("Cooper & Wren Architects", "Ella", "Wren"),
    ("Finch Lane Florist", "Tilly", "Finch"),
    ("Greywater Plumbing", "Abe", "Grey"),
    ("Heron Lane Yoga", "Mina", "Heron"),
    ("Inlet Brewing Co", "Jack", "Inlet"),
    ("Sandbar Surf School", "Kai", "Barr"),
    ("Teasel & Thorn Tailors", "Vera", "Thorn"),
)
_SUPPLIERS = ("Tidewater Office Supplies", "Southern Lights Energy", "Foreshore Property Trust", "Payments processor")
_ITEMS = (
    ("BOOKS-M", "Monthly bookkeeping", "Monthly bookkeeping and BAS", 440, "205"),
    ("TAX-CO", "Company tax return", "Company tax return", 1650, "205"),
    ("TAX-IN", "Individual tax return", "Individual tax return", 330, "205"),
    ("ADV-HR", "Advisory, per hour", "Advisory by the hour", 260, "210"),
    ("PAYROLL", "Payroll run", "Payroll run, up to ten people", 95, "205"),
)


#: One account of each type that the plain chart lacks (SPEC, AccountType).
_ACCOUNTS = (
    ("220", "Retail Sales", "SALES", "OUTPUT"),
    ("416", "Depreciation", "DEPRECIATN", "BASEXCLUDED"),
    ("445", "Light, Power, Heating", "OVERHEADS", "INPUT"),
    ("625", "Prepaid Insurance", "PREPAYMENT", "BASEXCLUDED"),
    ("630", "Inventory", "INVENTORY", "BASEXCLUDED"),
    ("720", "Long-term Deposits", "NONCURRENT", "BASEXCLUDED"),
    ("826", "Superannuation Payable", "PAYG", "BASEXCLUDED"),
    ("870", "Employee Leave Provision", "LIABILITY", "BASEXCLUDED"),
    ("900", "Loan", "TERMLIAB", "BASEXCLUDED"),
)


def _person(name: str, first: str, last: str) -> Row:
    street = {
        "AddressType": "STREET",
        "AddressLine1": f"{len(name)} Wharf Street",
        "City": "Port Vale",
        "Region": "NSW",
    }
    return {
        "Name": name,
        "FirstName": first,
        "LastName": last,
        "EmailAddress": f"{first}.{last}@{name.split(maxsplit=1)[0].lower()}.example".lower(),
        "Addresses": [{**street, "PostalCode": "2999", "Country": "Australia"}],
        "Phones": [
            {"PhoneType": "DEFAULT", "PhoneNumber": f"5550 {len(name):02}{len(last):02}", "PhoneAreaCode": "02"}
        ],
    }


def _service(code: str, name: str, text: str, price: int, account: str) -> Row:
    details = {"UnitPrice": price, "AccountCode": account, "TaxType": "OUTPUT"}
    return {"Code": code, "Name": name, "Description": text, "SalesDetails": details}


DESCRIPTION: Row = {
    "name": "Harbour & Vale Pty Ltd",
    "tracking": {"Office": ["Port Vale", "Harbourside", "Remote"], "Partner": ["Marion Vale", "Tom Harbour"]},
    "contacts": [*(_person(*row) for row in _CUSTOMERS), *({"Name": name} for name in _SUPPLIERS)],
    "accounts": [
        {"Code": code, "Name": name, "Type": kind, "TaxType": tax, "EnablePaymentsToAccount": False}
        for code, name, kind, tax in _ACCOUNTS
    ],
    "items": [
        *(_service(*row) for row in _ITEMS),
        {
            "Code": "PAPER",
            "Name": "Copy paper",
            "PurchaseDescription": "Copy paper, box",
            "IsSold": False,
            "IsPurchased": True,
            "PurchaseDetails": {"UnitPrice": 42, "AccountCode": "453", "TaxType": "INPUT"},
        },
    ],
}


def trade(sandbox: XeroSandbox, books: Books) -> None:
    """Fill the books: invoices and bills in every state, credits, payments, fees, a payout and repeating invoices."""
    _Trading(sandbox, books).run()


class _Trading:
    def __init__(self, sandbox: XeroSandbox, books: Books) -> None:
        self.sandbox = sandbox
        self.books = books
        self.today = books.today()
        self.people = [row["ContactID"] for row in books.table("Contacts").values()]

    def run(self) -> None:
        """Everything, oldest first."""
        paid = [self.invoice(i, 150 - 6 * i, "AUTHORISED") for i in range(14)]
        for row in paid:
            self.pay(row, Decimal(row["AmountDue"]), "090")
        part = [self.invoice(i, 40 - i, "AUTHORISED") for i in range(14, 17)]
        for row in part:
            self.pay(row, Decimal("100.00"), "091")
        for i in range(17, 25):
            self.invoice(i, 60 - 2 * i, "AUTHORISED")
        for i in range(3):
            self.invoice(i, 3, "DRAFT")
        for i in range(3, 5):
            self.invoice(i, 2, "SUBMITTED")
        for i in (5, 6):
            invoices.update(self.books, self.invoice(i, 20, "AUTHORISED"), {"Status": "VOIDED"})
        invoices.update(self.books, self.invoice(7, 20, "DRAFT"), {"Status": "DELETED"})
        self.bills()
        self.credit_note()
        self.overpayment()
        self.prepayment()
        self.batch()
        self.group()
        self.clearing()
        self.repeating()

    def day(self, ago: int) -> str:
        return wire.days_after(self.today, -ago)

    def invoice(self, number: int, ago: int, status: str) -> Row:
        code, _, _, _, _ = _ITEMS[number % len(_ITEMS)]
        office = ("Port Vale", "Harbourside", "Remote")[number % 3]
        line: Row = {"ItemCode": code, "Quantity": 1 + number % 3, "Tracking": [{"Name": "Office", "Option": office}]}
        data: Row = {
            "Type": "ACCREC",
            "Contact": {"ContactID": self.people[number % len(_CUSTOMERS)]},
            "Date": self.day(ago),
            "DueDate": self.day(ago - 14),
            "LineItems": [line],
            "Reference": f"Engagement {number + 1}",
            "Status": status,
        }
        return invoices.save(self.books, data, "PUT")

    def pay(self, invoice: Row, amount: Decimal, account: str) -> None:
        day = min(wire.days_after(invoice["Date"], 10), self.today)
        data = {
            "Invoice": {"InvoiceID": invoice["InvoiceID"]},
            "Account": {"Code": account},
            "Amount": amount,
            "Date": day,
        }
        payments.create(self.books, {**data, "IsReconciled": account == "090"})

    def bills(self) -> None:
        for i, (account, price) in enumerate((("453", 182), ("429", 341), ("469", 2200), ("485", 95))):
            line = {"Description": "As invoiced", "UnitAmount": price, "AccountCode": account}
            data: Row = {
                "Type": "ACCPAY",
                "Contact": {"ContactID": self.people[len(_CUSTOMERS) + i % 3]},
                "InvoiceNumber": f"B-{701 + i}",
                "Date": self.day(30 - i),
                "DueDate": self.day(-i),
                "LineItems": [line],
                "Status": "AUTHORISED",
            }
            bill = invoices.save(self.books, data, "PUT")
            if i % 2:
                self.pay(bill, Decimal(bill["AmountDue"]), "090")

    def credit_note(self) -> None:
        invoice = self.invoice(8, 25, "AUTHORISED")
        line = {"Description": "Goodwill", "UnitAmount": 50, "AccountCode": "205", "TaxType": "OUTPUT"}
        data = {
            "Type": "ACCRECCREDIT",
            "Contact": {"ContactID": invoice["_contact"]},
            "LineItems": [line],
            "Status": "AUTHORISED",
        }
        note = creditnotes.save(
            self.books, {**data, "Date": self.day(12), "Reference": invoice["InvoiceNumber"]}, "PUT"
        )
        allocation = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Amount": Decimal("30.00")}
        crediting.allocate(self.books, "CreditNotes", note["CreditNoteID"], allocation)

    def overpayment(self) -> None:
        line = {"Description": "Paid twice", "UnitAmount": 120}
        data = {
            "Type": "RECEIVE-OVERPAYMENT",
            "Contact": {"ContactID": self.people[2]},
            "BankAccount": {"Code": "090"},
            "LineItems": [line],
            "Date": self.day(9),
        }
        banking.save(self.books, data, "PUT")

    def prepayment(self) -> None:
        line = {"Description": "Paid ahead", "UnitAmount": 330, "AccountCode": "205"}
        data = {"Type": "RECEIVE-PREPAYMENT", "Contact": {"ContactID": self.people[3]}, "LineItems": [line]}
        banking.save(self.books, {**data, "BankAccount": {"Code": "090"}, "Date": self.day(8)}, "PUT")

    def batch(self) -> None:
        rows = [self.invoice(i, 30, "AUTHORISED") for i in (22, 23)]
        members = [{"Invoice": {"InvoiceID": row["InvoiceID"]}, "Amount": Decimal(row["AmountDue"])} for row in rows]
        data = {"Account": {"Code": "090"}, "Date": self.day(5), "Payments": members}
        payments.save_batch(self.books, data, "PUT")

    def group(self) -> None:
        members = [{"ContactID": key, "Name": self.books.table("Contacts")[key]["Name"]} for key in self.people[:3]]
        row = groups.save(self.books, {"Name": "Monthly bookkeeping"}, "PUT")
        self.books.put("ContactGroups", {**row, "Contacts": members})

    def clearing(self) -> None:
        fee = {"Description": "Card fees", "UnitAmount": Decimal("5.13"), "AccountCode": "405", "TaxType": "INPUT"}
        spend = {
            "Type": "SPEND",
            "Contact": {"ContactID": self.people[-1]},
            "BankAccount": {"Code": "091"},
            "LineAmountTypes": "Inclusive",
            "LineItems": [fee],
            "Date": self.day(8),
            "Reference": "Fees",
        }
        banking.save(self.books, spend, "PUT")
        move = {"FromBankAccount": {"Code": "091"}, "ToBankAccount": {"Code": "090"}, "Amount": Decimal("250.00")}
        banking.save_transfer(self.books, {**move, "Date": self.day(6), "Reference": "Payout"}, "PUT")

    def repeating(self) -> None:
        for i in (9, 10):
            line = {"ItemCode": "BOOKS-M", "Quantity": 1}
            fields = {
                "LineItems": [line],
                "Reference": "Monthly",
                "NextScheduledDate": wire.days_after(self.today, 5 + i),
            }
            self.sandbox.bookkeeper_of(self.books.tenant).add_repeating_invoice(self.people[i], fields)
