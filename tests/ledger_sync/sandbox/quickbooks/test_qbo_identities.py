"""What must always be true of the books, whatever is done to them in whatever order, legal or not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox, postings, taxes
from practice.core import clock
from tests.ledger_sync.sandbox.quickbooks.qbo_app import COMPANY, MORNING, App, head, unlimited

Row = dict[str, Any]
ZERO = Decimal(0)
CENTS = st.decimals("0.01", "400.00", places=2)
PICK = st.integers(0, 7)
CUSTOMER = st.sampled_from(["1", "2"])
FORMS = ("Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt")
APPLIED = {"Invoice": 1, "CreditMemo": -1}
UNDOABLE = st.sampled_from([*FORMS, "Payment", "Deposit", "Purchase", "Transfer", "JournalEntry"])
TILLS = st.sampled_from(["Undeposited Funds", "Stripe clearing", "Checking"])


def amount(row: Row, name: str) -> Decimal:
    return Decimal(str(row.get(name) or 0))


class Books(RuleBasedStateMachine):
    """A firm that charges sales tax, with two customers, spoken to over the API alone."""

    def __init__(self) -> None:
        super().__init__()
        self.moment = clock.at(MORNING)
        self.moment.__enter__()
        company = {**COMPANY, "preferences": {"TaxPrefs": {"UsingSalesTax": True}}}
        self.app = App(unlimited(QuickBooksSandbox(company=company)))
        self.gone: list[tuple[str, str]] = []

    def teardown(self) -> None:
        self.moment.__exit__(None, None, None)

    # Saying something to the books

    def tables(self) -> dict[str, dict[str, Row]]:
        return {kind: dict(rows) for kind, rows in self.app.sandbox.store._tables.items() if rows}

    def send(self, kind: str, body: Row, args: str = "") -> Row | None:
        """One call. It is taken, or refused and then nothing at all has changed, not even a counter."""
        before = self.tables()
        answer = self.app.call("POST", f"/{kind.lower()}{args}", body)
        assert answer.status in (200, 400), answer.body
        if answer.status == 400:
            assert self.tables() == before, "a refused request changed something"
            return None
        return answer.json()[kind]

    def rows(self, kind: str) -> list[Row]:
        return list(self.app.sandbox.dump()[f"{self.app.realm}:{kind}"].values())

    def pick(self, kind: str, place: int) -> Row | None:
        rows = self.rows(kind)
        return rows[place % len(rows)] if rows else None

    # What may happen

    @rule(
        kind=st.sampled_from(FORMS),
        customer=CUSTOMER,
        one=CENTS,
        other=CENTS,
        till=TILLS,
        off=st.sampled_from([0, 10, 100]),
    )
    def sell(self, kind: str, customer: str, one: Decimal, other: Decimal, till: str, off: int) -> None:
        lines = [self.app.line(str(one), TaxCodeRef={"value": "TAX"}), self.app.line(str(other))]
        if off:
            detail = {"PercentBased": True, "DiscountPercent": off}
            lines.append({"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail})
        body = {"CustomerRef": {"value": customer}, "Line": lines, "DepositToAccountRef": self.app.account(till)}
        self.send(kind, body if "Receipt" in kind else {k: v for k, v in body.items() if k != "DepositToAccountRef"})

    @rule(customer=CUSTOMER, total=CENTS, place=PICK, share=CENTS, till=TILLS)
    def pay(self, customer: str, total: Decimal, place: int, share: Decimal, till: str) -> None:
        target = self.pick("Invoice", place)
        lines = [self.app.on(str(share), target)] if target else []
        body = {"CustomerRef": {"value": customer}, "TotalAmt": str(total), "Line": lines}
        self.send("Payment", {**body, "DepositToAccountRef": self.app.account(till)})

    @rule(customer=CUSTOMER, place=PICK)
    def pay_all_that_is_due(self, customer: str, place: int) -> None:
        target = self.pick("Invoice", place)
        if target:
            line = self.app.on(target["Balance"], target)
            self.send("Payment", {"CustomerRef": {"value": customer}, "TotalAmt": target["Balance"], "Line": [line]})

    @rule(customer=CUSTOMER, invoice=PICK, memo=PICK, share=CENTS)
    def put_a_credit_on_an_invoice(self, customer: str, invoice: int, memo: int, share: Decimal) -> None:
        one, other = self.pick("Invoice", invoice), self.pick("CreditMemo", memo)
        if one and other:
            lines = [self.app.on(str(share), one), self.app.on(str(share), other, "CreditMemo")]
            self.send("Payment", {"CustomerRef": {"value": customer}, "TotalAmt": 0, "Line": lines})

    @rule(kind=UNDOABLE, place=PICK, how=st.sampled_from(["void", "update&include=void", "delete"]))
    def undo(self, kind: str, place: int, how: str) -> None:
        row = self.pick(kind, place)
        done = self.send(kind, head(row), f"?operation={how}") if row else None
        if row and done and done.get("status") == "Deleted":
            self.gone.append((kind, row["Id"]))

    @rule(kind=st.sampled_from(["Invoice", "CreditMemo"]), place=PICK, value=CENTS, late=st.booleans())
    def edit(self, kind: str, place: int, value: Decimal, late: bool) -> None:
        row = self.pick(kind, place)
        if row:
            token = "77" if late else row["SyncToken"]
            changed = self.send(
                kind, {"Id": row["Id"], "SyncToken": token, "sparse": True, "Line": [self.app.line(str(value))]}
            )
            assert not (late and changed), "a stale SyncToken was taken"

    @rule(place=PICK, wanted=PICK, share=CENTS)
    def move_a_payment(self, place: int, wanted: int, share: Decimal) -> None:
        row, invoice = self.pick("Payment", place), self.pick("Invoice", wanted)
        if row and invoice:
            self.send("Payment", {**head(row), "sparse": True, "Line": [self.app.on(str(share), invoice)]})

    @rule(places=st.lists(PICK, min_size=1, max_size=3), fee=st.sampled_from(["0", "-0.30", "25.00"]))
    def deposit(self, places: list[int], fee: str) -> None:
        rows = [row for place in places if (row := self.pick("Payment", place))]
        links: list[Row] = [
            {"LinkedTxn": [{"TxnId": row["Id"], "TxnType": "Payment", "TxnLineId": "0"}]} for row in rows
        ]
        if fee != "0":
            detail = {"AccountRef": self.app.account("Merchant fees")}
            links.append({"Amount": fee, "DetailType": "DepositLineDetail", "DepositLineDetail": detail})
        self.send("Deposit", {"DepositToAccountRef": self.app.account("Checking"), "Line": links})

    @rule(value=CENTS)
    def pay_a_fee_out_of_clearing(self, value: Decimal) -> None:
        detail = {"AccountRef": self.app.account("Merchant fees")}
        line = {
            "Amount": str(value),
            "DetailType": "AccountBasedExpenseLineDetail",
            "AccountBasedExpenseLineDetail": detail,
        }
        self.send(
            "Purchase", {"PaymentType": "Cash", "AccountRef": self.app.account("Stripe clearing"), "Line": [line]}
        )

    @rule(value=CENTS)
    def pay_out(self, value: Decimal) -> None:
        there = {"FromAccountRef": self.app.account("Stripe clearing"), "ToAccountRef": self.app.account("Checking")}
        self.send("Transfer", {**there, "Amount": str(value)})

    @rule(debit=CENTS, credit=CENTS, even=st.booleans())
    def journal(self, debit: Decimal, credit: Decimal, even: bool) -> None:
        lines = [
            {"Amount": str(value), "DetailType": "JournalEntryLineDetail",
             "JournalEntryLineDetail": {"PostingType": side, "AccountRef": self.app.account(name)}}
            for side, value, name in (("Debit", debit, "Rent"), ("Credit", debit if even else credit, "Stripe clearing"))
        ]  # fmt: skip
        self.send("JournalEntry", {"Line": lines})

    @rule(until=st.sampled_from([None, "2026-11-19", "2026-11-20"]))
    def close_or_open_the_books(self, until: str | None) -> None:
        self.app.sandbox.bookkeeper.close_books(until)

    @rule(customer=CUSTOMER)
    def deactivate(self, customer: str) -> None:
        self.send("Customer", {**head(self.app.get("Customer", customer)), "sparse": True, "Active": False})

    # What must be true after each

    @invariant()
    def every_entry_has_its_counterpart(self) -> None:
        books = self.app.sandbox.books(self.app.realm)
        assert sum(postings.trial_balance(books).values()) == 0

    @invariant()
    def totals_are_lines_plus_tax(self) -> None:
        for kind in FORMS:
            for row in self.rows(kind):
                sold = sum((amount(x, "Amount") for x in row["Line"] if x["DetailType"] == "SalesItemLineDetail"), ZERO)
                off = sum((amount(x, "Amount") for x in row["Line"] if x["DetailType"] == "DiscountLineDetail"), ZERO)
                tax = amount(row["TxnTaxDetail"], "TotalTax")
                assert amount(row, "TotalAmt") == sold - off + tax >= 0
                assert sum((amount(x, "Amount") for x in row["TxnTaxDetail"].get("TaxLine", [])), ZERO) == tax

    @invariant()
    def balances_are_totals_less_paid_and_credited(self) -> None:
        books = self.app.sandbox.books(self.app.realm)
        payments = books.table("Payment")
        for kind in APPLIED:
            for row in self.rows(kind):
                applied = sum((Decimal(a) for a in row["_applied"].values()), ZERO)
                assert amount(row, "TotalAmt") - applied == amount(row, "Balance") >= 0
                assert {link["TxnId"] for link in row["LinkedTxn"]} == set(row["_applied"])
                for payment, share in row["_applied"].items():
                    lines = [
                        x
                        for x in payments[payment]["Line"]
                        if x["LinkedTxn"][0] == {"TxnId": row["Id"], "TxnType": kind}
                    ]
                    assert sum((amount(x, "Amount") for x in lines), ZERO) == Decimal(share)
        for row in payments.values():
            used = sum((amount(x, "Amount") * APPLIED[x["LinkedTxn"][0]["TxnType"]] for x in row["Line"]), ZERO)
            assert amount(row, "TotalAmt") - used == amount(row, "UnappliedAmt") >= 0
            for line in row["Line"]:
                link = line["LinkedTxn"][0]
                assert row["Id"] in books.table(link["TxnType"])[link["TxnId"]]["_applied"]

    @invariant()
    def receivables_are_what_customers_owe(self) -> None:
        books = self.app.sandbox.books(self.app.realm)
        owed = dict.fromkeys(books.table("Customer"), ZERO)
        for kind, field, sign in (
            ("Invoice", "Balance", 1),
            ("CreditMemo", "Balance", -1),
            ("Payment", "UnappliedAmt", -1),
        ):
            for row in self.rows(kind):
                owed[row["CustomerRef"]["value"]] += amount(row, field) * sign
        assert postings.balance(books, books.account_of("AccountsReceivable")) == sum(owed.values(), ZERO)
        for key, value in owed.items():
            assert books.owes(key) == value
            shown = self.app.get("Customer", key)
            assert amount(shown, "Balance") == value
            assert shown["Active"] or not value, "a debtor was made inactive"

    @invariant()
    def accounts_are_their_entries(self) -> None:
        """Undeposited funds, clearing, and tax owed, added up from the documents without the ledger."""
        books = self.app.sandbox.books(self.app.realm)
        live = {"Payment": 1, "SalesReceipt": 1, "RefundReceipt": -1}
        for name in ("Undeposited Funds", "Stripe clearing"):
            key = self.app.account(name)["value"]
            total = ZERO
            for kind, sign in live.items():
                here = [row for row in self.rows(kind) if row["DepositToAccountRef"]["value"] == key]
                total += sum((amount(row, "TotalAmt") * sign for row in here if not row.get("_deposit")), ZERO)
            if name == "Stripe clearing":
                total -= sum((amount(row, "TotalAmt") for row in self.rows("Purchase")), ZERO)
                total -= sum((amount(row, "Amount") for row in self.rows("Transfer")), ZERO)
                total -= sum((amount(row["Line"][1], "Amount") for row in self.rows("JournalEntry")), ZERO)
            assert postings.balance(books, key) == total, name
        signs = {"Invoice": 1, "SalesReceipt": 1, "CreditMemo": -1, "RefundReceipt": -1}
        tax = sum(
            (amount(r["TxnTaxDetail"], "TotalTax") * sign for kind, sign in signs.items() for r in self.rows(kind)),
            ZERO,
        )
        assert postings.balance(books, taxes.payable(books)) == tax

    @invariant()
    def what_was_deleted_is_gone_and_told(self) -> None:
        for kind, key in self.gone:
            assert self.app.call("GET", f"/{kind.lower()}/{key}").json()["Fault"]["Error"][0]["code"] == "610"
            told = self.app.sandbox.books(self.app.realm).tombstones(kind)
            assert [row["status"] for row in told if row["Id"] == key] == ["Deleted"]


Books.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=16,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
TestBooks = Books.TestCase
