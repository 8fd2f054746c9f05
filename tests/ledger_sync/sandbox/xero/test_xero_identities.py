"""What must always be true of the books, whatever is done to them in whatever order, by the app or by a person."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ledger_sync.sandbox.xero import Invalid, XeroSandbox, banking, payments
from practice.core import clock
from practice.core.sandbox.http import Response
from tests.ledger_sync.sandbox.xero.xero_app import COMPANY, NOON, App, unlimited

CENTS = st.decimals("0.01", "400.00", places=2)
LINES = st.lists(
    st.fixed_dictionaries(
        {
            "UnitAmount": st.decimals("-20.00", "150.00", places=2).map(float),
            "Quantity": st.sampled_from([1, 2, 3, 0.5, 1.25]),
            "TaxType": st.sampled_from(["OUTPUT", "EXEMPTOUTPUT"]),
        }
    ),
    min_size=1,
    max_size=3,
)
KINDS = st.sampled_from(["Exclusive", "Inclusive", "NoTax"])
STATES = st.sampled_from(["DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED", "NONSENSE"])
BANKS = st.sampled_from(["090", "091"])
PICK = st.integers(0, 7)


@cache
def template() -> XeroSandbox:
    """A small company; built once, copied for each history."""
    return XeroSandbox(company=COMPANY)


def fresh() -> XeroSandbox:
    return unlimited(XeroSandbox(template().store.copy()))


class Books(RuleBasedStateMachine):
    """Legal and illegal steps through the API and the screens; the machine keeps its own count of the cash."""

    def __init__(self) -> None:
        super().__init__()
        self.at = clock.at(NOON)
        self.at.__enter__()

    def teardown(self) -> None:
        self.at.__exit__(None, None, None)

    @initialize()
    def found(self) -> None:
        self.app = App(fresh())
        self.cash = {"090": Decimal(0), "091": Decimal(0)}
        self.taken = self.refused = 0

    # How a step is made

    def books(self) -> Any:
        return self.app.sandbox.books(self.app.tenant)

    def pick(self, kind: str, number: int) -> Any:
        rows = list(self.books().table(kind).values())
        return rows[number % len(rows)] if rows else None

    def everything(self) -> dict[str, dict[str, Any]]:
        return {kind: dict(rows) for kind, rows in self.app.sandbox.store._tables.items() if rows}

    def send(self, method: str, path: str, body: Any = None) -> Response | None:
        """One call; what is refused must have changed nothing at all."""
        before = self.everything()
        response = self.app.call(method, path, body)
        assert response.status in (200, 400, 404), response.body
        if response.status != 200:
            assert self.everything() == before, f"refused, and yet changed: {method} {path}"
            self.refused += 1
            return None
        self.taken += 1
        return response

    def moved(self, code: str, amount: Any) -> None:
        self.cash[code] += Decimal(str(amount))

    def document(self, kind: str, lines: Any, amounts: str, contact: int, status: str) -> dict[str, Any]:
        names = ("Calder Physiotherapy", "Mossgrove Dental")
        coded = [{"Description": "x", "AccountCode": "200", **line} for line in lines]
        coded = [{k: v for k, v in line.items() if k != "TaxType" or amounts != "NoTax"} for line in coded]
        body = {"Type": kind, "Contact": self.app.contact(names[contact % 2]), "LineAmountTypes": amounts}
        return {**body, "LineItems": coded, "Status": status, "DueDate": "2026-12-01"}

    # Steps

    @rule(lines=LINES, amounts=KINDS, kind=st.sampled_from(["ACCREC", "ACCPAY"]), who=PICK, status=STATES)
    def invoice(self, lines: Any, amounts: str, kind: str, who: int, status: str) -> None:
        self.send("PUT", "/Invoices", {"Invoices": [self.document(kind, lines, amounts, who, status)]})

    @rule(lines=LINES, amounts=KINDS, who=PICK)
    def approved(self, lines: Any, amounts: str, who: int) -> None:
        self.send("PUT", "/Invoices", {"Invoices": [self.document("ACCREC", lines, amounts, who, "AUTHORISED")]})

    @rule(lines=LINES, amounts=KINDS, kind=st.sampled_from(["ACCRECCREDIT", "ACCPAYCREDIT"]), who=PICK, status=STATES)
    def note(self, lines: Any, amounts: str, kind: str, who: int, status: str) -> None:
        self.send("PUT", "/CreditNotes", {"CreditNotes": [self.document(kind, lines, amounts, who, status)]})

    @rule(kind=st.sampled_from(["Invoices", "CreditNotes"]), number=PICK, status=STATES)
    def state(self, kind: str, number: int, status: str) -> None:
        if row := self.pick(kind, number):
            self.send("POST", f"/{kind}/{row[f'{kind[:-1]}ID']}", {kind: [{"Status": status}]})

    @rule(kind=st.sampled_from(["Invoices", "CreditNotes"]), number=PICK, lines=LINES)
    def edit(self, kind: str, number: int, lines: Any) -> None:
        if row := self.pick(kind, number):
            sent = [{"Description": "y", "AccountCode": "200", **line} for line in lines]
            self.send("POST", f"/{kind}/{row[f'{kind[:-1]}ID']}", {kind: [{"LineItems": sent}]})

    @rule(number=PICK, amount=CENTS, bank=BANKS, whole=st.booleans())
    def pay(self, number: int, amount: Decimal, bank: str, whole: bool) -> None:
        if row := self.pick("Invoices", number):
            body = {"Invoice": {"InvoiceID": row["InvoiceID"]}, "Account": {"Code": bank}}
            sent = self.send("PUT", "/Payments", {**body, "Amount": float(row["AmountDue"] if whole else amount)})
            if sent:
                made = sent.json()["Payments"][0]
                self.moved(bank, made["Amount"] if row["Type"] == "ACCREC" else -made["Amount"])

    @rule(kind=st.sampled_from(["CreditNote", "Overpayment", "Prepayment"]), number=PICK, amount=CENTS, bank=BANKS)
    def refund(self, kind: str, number: int, amount: Decimal, bank: str) -> None:
        if row := self.pick(f"{kind}s", number):
            body = {kind: {f"{kind}ID": row[f"{kind}ID"]}, "Account": {"Code": bank}, "Amount": float(amount)}
            if sent := self.send("PUT", "/Payments", body):
                out = -1 if row["Type"].startswith(("ACCREC", "RECEIVE")) else 1
                self.moved(bank, out * sent.json()["Payments"][0]["Amount"])

    @rule(number=PICK)
    def unpay(self, number: int) -> None:
        row = self.pick("Payments", number)
        if row and self.send("POST", f"/Payments/{row['PaymentID']}", {"Status": "DELETED"}):
            self.moved(self.code(row["_account"]), -payments.signed(row))

    @rule(one=PICK, two=PICK, amount=CENTS, bank=BANKS)
    def batch(self, one: int, two: int, amount: Decimal, bank: str) -> None:
        chosen = {row["InvoiceID"]: row for row in (self.pick("Invoices", one), self.pick("Invoices", two)) if row}
        members = [{"Invoice": {"InvoiceID": key}, "Amount": float(amount)} for key in chosen]
        body = {"Account": {"Code": bank}, "Date": "2026-11-20", "Payments": members}
        if sent := self.send("PUT", "/BatchPayments", {"BatchPayments": [body]}):
            made = sent.json()["BatchPayments"][0]
            assert made["TotalAmount"] == pytest.approx(float(amount) * len(members))
            self.moved(bank, made["TotalAmount"] if made["Type"] == "RECBATCH" else -made["TotalAmount"])

    @rule(number=PICK)
    def unbatch(self, number: int) -> None:
        row = self.pick("BatchPayments", number)
        if row and self.send("POST", f"/BatchPayments/{row['BatchPaymentID']}", {"Status": "DELETED"}):
            amount = Decimal(row["TotalAmount"])
            self.moved(self.code(row["_account"]), -amount if row["Type"] == "RECBATCH" else amount)

    @rule(kind=st.sampled_from(["CreditNotes", "Overpayments", "Prepayments"]), number=PICK, onto=PICK, amount=CENTS)
    def allocate(self, kind: str, number: int, onto: int, amount: Decimal) -> None:
        source, invoice = self.pick(kind, number), self.pick("Invoices", onto)
        if source and invoice:
            part = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Amount": float(amount), "Date": "2026-11-20"}
            self.send("PUT", f"/{kind}/{source[f'{kind[:-1]}ID']}/Allocations", {"Allocations": [part]})

    @rule(number=PICK)
    def take_back(self, number: int) -> None:
        if row := self.pick("Allocations", number):
            self.send("DELETE", f"/{row['_kind']}/{row['_source']}/Allocations/{row['AllocationID']}")

    @rule(
        kind=st.sampled_from(["SPEND", "RECEIVE", "RECEIVE-OVERPAYMENT", "RECEIVE-PREPAYMENT", "SPEND-OVERPAYMENT"]),
        amount=CENTS,
        bank=BANKS,
        who=PICK,
    )
    def bank_line(self, kind: str, amount: Decimal, bank: str, who: int) -> None:
        line = {"UnitAmount": float(amount), "Quantity": 1}
        body = self.document(kind, [line], "NoTax", who, "AUTHORISED")
        sent = self.send("PUT", "/BankTransactions", {"BankTransactions": [{**body, "BankAccount": {"Code": bank}}]})
        if sent:
            total = sent.json()["BankTransactions"][0]["Total"]
            self.moved(bank, total if kind.startswith("RECEIVE") else -total)

    @rule(number=PICK)
    def delete_bank_line(self, number: int) -> None:
        row = self.pick("BankTransactions", number)
        if row and self.send("POST", f"/BankTransactions/{row['BankTransactionID']}", {"Status": "DELETED"}):
            total = Decimal(row["Total"])
            self.moved(self.code(row["_bank"]), -total if row["Type"].startswith("RECEIVE") else total)

    @rule(amount=CENTS, there=st.booleans())
    def transfer(self, amount: Decimal, there: bool) -> None:
        source, target = ("091", "090") if there else ("090", "091")
        body = {"FromBankAccount": {"Code": source}, "ToBankAccount": {"Code": target}, "Amount": float(amount)}
        if self.send("PUT", "/BankTransfers", {"BankTransfers": [body]}):
            self.moved(source, -amount)
            self.moved(target, amount)

    @rule(number=PICK)
    def delete_transfer(self, number: int) -> None:
        row = self.pick("BankTransfers", number)
        if row and self.send("POST", f"/BankTransfers/{row['BankTransferID']}", {"Status": "DELETED"}):
            self.moved(self.code(row["_from"]), Decimal(row["Amount"]))
            self.moved(self.code(row["_to"]), -Decimal(row["Amount"]))

    @rule(day=st.sampled_from([None, None, "2026-11-19", "2026-11-20"]))
    def lock(self, day: str | None) -> None:
        self.app.sandbox.bookkeeper.set_lock_dates(day)

    @rule(number=PICK, amount=CENTS)
    def write_off(self, number: int, amount: Decimal) -> None:
        row = self.pick("Invoices", number)
        if row and row["LineItems"]:
            before = self.everything()
            try:
                self.app.sandbox.bookkeeper.credit(row["InvoiceID"], amount, account_code="480", reason="x")
            except Invalid:
                assert self.everything() == before

    def code(self, account: str) -> str:
        return str(self.books().table("Accounts")[account]["Code"])

    # What is true after every step

    @invariant()
    def documents_add_up(self) -> None:
        if not hasattr(self, "app"):
            return
        books = self.books()
        for kind in ("Invoices", "CreditNotes", "Overpayments", "Prepayments", "BankTransactions"):
            for row in books.table(kind).values():
                total, tax, net = (Decimal(row[name]) for name in ("Total", "TotalTax", "SubTotal"))
                lines = sum((Decimal(line["LineAmount"]) for line in row["LineItems"]), Decimal(0))
                assert total == net + tax
                if row["LineItems"]:
                    assert total == (lines if row["LineAmountTypes"] == "Inclusive" else lines + tax)
                    assert tax == sum(Decimal(line["TaxAmount"]) for line in row["LineItems"])

    @invariant()
    def dues_and_credits_add_up(self) -> None:
        if not hasattr(self, "app"):
            return
        books = self.books()
        paid_by, used_by = books.table("Payments"), books.table("Allocations")
        for row in books.table("Invoices").values():
            total, due, paid, credited = (
                Decimal(row[name]) for name in ("Total", "AmountDue", "AmountPaid", "AmountCredited")
            )
            assert paid == sum(Decimal(paid_by[key]["Amount"]) for key in row["_payments"])
            assert credited == sum(Decimal(used_by[key]["Amount"]) for key in row["_allocations"])
            if row["Status"] in ("VOIDED", "DELETED"):
                assert (due, paid, credited) == (0, 0, 0)
            else:
                assert due == total - paid - credited >= 0
                assert (row["Status"] == "PAID") == (due == 0 and row["Status"] in ("AUTHORISED", "PAID"))
                assert ("FullyPaidOnDate" in row) == (row["Status"] == "PAID")
        for kind in ("CreditNotes", "Overpayments", "Prepayments"):
            for row in books.table(kind).values():
                used = sum(Decimal(used_by[key]["Amount"]) for key in row["_allocations"])
                back = sum(Decimal(paid_by[key]["Amount"]) for key in row["_payments"])
                left = Decimal(row["RemainingCredit"])
                assert left == (0 if row["Status"] in ("VOIDED", "DELETED") else Decimal(row["Total"]) - used - back)
                assert left >= 0
                assert not (row["Status"] in ("VOIDED", "DELETED") and (used or back))

    @invariant()
    def every_payment_and_allocation_stands_on_both_sides(self) -> None:
        if not hasattr(self, "app"):
            return
        books = self.books()
        kinds = ("Invoices", "CreditNotes", "Overpayments", "Prepayments")
        held = [key for kind in kinds for row in books.table(kind).values() for key in row["_payments"]]
        assert sorted(held) == sorted(k for k, row in books.table("Payments").items() if row["Status"] == "AUTHORISED")
        for group in (("Invoices",), kinds[1:]):
            used = [key for kind in group for row in books.table(kind).values() for key in row["_allocations"]]
            assert sorted(used) == sorted(books.table("Allocations"))

    @invariant()
    def the_bank_holds_what_went_in_and_out(self) -> None:
        if not hasattr(self, "app"):
            return
        books = self.books()
        for code, expected in self.cash.items():
            account = books.holder("AccountCodes", code)
            lines = banking.statement(books, account)
            assert (lines[-1].balance if lines else 0) == sum((line.amount for line in lines), Decimal(0)) == expected

    @invariant()
    def sales_numbers_are_unique(self) -> None:
        if hasattr(self, "app"):
            rows = self.books().table("Invoices").values()
            numbers = [row["InvoiceNumber"].casefold() for row in rows if row["Type"] == "ACCREC"]
            assert len(numbers) == len(set(numbers))


CALM = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    print_blob=False,
)


def test_the_books_add_up_after_every_step_and_a_refusal_leaves_no_trace() -> None:
    counts = {"taken": 0, "refused": 0}

    class Counted(Books):
        def teardown(self) -> None:
            counts["taken"] += getattr(self, "taken", 0)
            counts["refused"] += getattr(self, "refused", 0)
            super().teardown()

    run_state_machine_as_test(Counted, settings=CALM)
    assert min(counts.values()) > 200, f"a history that is all one kind proves little: {counts}"


@pytest.mark.parametrize("broken", ["payment counted twice", "void with money", "refusal leaves a trace"])
def test_the_machine_sees_books_that_are_wrong(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ledger_sync.sandbox.xero import documents, invoices

    if broken == "payment counted twice":
        right = invoices.due_of
        monkeypatch.setattr(
            invoices, "due_of", lambda books, row: right(books, {**row, "_payments": row["_payments"] * 2})
        )
    elif broken == "void with money":
        monkeypatch.setattr(documents, "has_money", lambda row: False)
        monkeypatch.setitem(documents.MOVES, "PAID", ("PAID", "VOIDED"))
    else:
        store = type(fresh().store)
        monkeypatch.setattr(store, "_roll_back", lambda self, mark: None)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(Books, settings=settings(CALM, max_examples=600, phases=[Phase.generate]))
