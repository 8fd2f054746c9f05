"""Payments, refunds, batches, credits and the bank: what moves, what is due afterwards, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ledger_sync.sandbox.xero import Invalid, banking
from practice.core import clock
from tests.ledger_sync.sandbox.xero.xero_app import App

EXCEEDS = "Payment amount exceeds the amount outstanding on this document"


def pay(app: App, invoice: dict[str, Any], amount: float, **fields: Any) -> dict[str, Any]:
    body = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Account": {"Code": "091"}, "Amount": amount}
    return {**body, **fields}


def balance(app: App, code: str = "091") -> Decimal:
    books = app.sandbox.books(app.tenant)
    lines = banking.statement(books, books.holder("AccountCodes", code))
    return lines[-1].balance if lines else Decimal(0)


def note(app: App, amount: float = 50, **fields: Any) -> dict[str, Any]:
    line = {"Description": "Credit", "UnitAmount": amount, "AccountCode": "200"}
    body = {"Type": "ACCRECCREDIT", "Contact": app.contact(), "Status": "AUTHORISED", "LineItems": [line]}
    return app.put("CreditNotes", {**body, **fields})


def test_part_and_full_payment(app: App) -> None:
    invoice = app.invoice()
    first = app.payment(invoice, 10, Reference="pi_1", Date="2026-11-18")
    assert (first["PaymentType"], first["Status"], first["HasAccount"]) == ("ACCRECPAYMENT", "AUTHORISED", True)
    assert (first["Invoice"]["AmountDue"], first["BankAmount"], first["CurrencyRate"]) == (100.0, 10.0, 1.0)
    row = app.again(invoice)
    assert (row["Status"], row["AmountPaid"], row["AmountDue"]) == ("AUTHORISED", 10.0, 100.0)
    assert row["Payments"][0]["HasAccount"] is False
    app.payment(invoice, 100)
    row = app.again(invoice)
    assert (row["Status"], row["AmountDue"]) == ("PAID", 0.0)
    assert row["FullyPaidOnDate"] == "/Date(1795132800000+0000)/"
    assert balance(app) == Decimal("110.00")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Amount": 110.01}, EXCEEDS),
        ({"Amount": 0}, "The payment amount must be greater than zero."),
        ({"Amount": 1.001}, "The payment amount can have at most two decimal places."),
        ({"Account": {"Code": "999"}}, "Account could not be found."),
        (
            {"Account": {"Code": "200"}},
            (
                "The account type is invalid, the account type must be either a bank account or have enable payments "
                "to this account."
            ),
        ),
    ],
)
def test_payments_refused(app: App, fields: dict[str, Any], message: str) -> None:
    assert app.refusal("Payments", pay(app, app.invoice(), 10, **fields)) == [message]


def test_drafts_and_paid_invoices_take_no_payment(app: App) -> None:
    words = "Payments can only be made against authorised documents"
    assert app.refusal("Payments", pay(app, app.invoice(Status="DRAFT"), 10)) == [words]
    invoice = app.invoice()
    app.payment(invoice, 110)
    assert app.refusal("Payments", pay(app, invoice, 1)) == [EXCEEDS]


def test_an_account_may_be_enabled_for_payments(app: App) -> None:
    assert app.payment(app.invoice(), 5, Account={"Code": "640"})["Account"]["Code"] == "640"


def test_deleting_a_payment_opens_the_invoice_again(app: App) -> None:
    invoice = app.invoice()
    payment = app.payment(invoice, 110)
    path = f"/Payments/{payment['PaymentID']}"
    deleted = app.call("POST", path, {"Status": "DELETED"}).json()["Payments"][0]
    assert deleted["Status"] == "DELETED"
    row = app.again(invoice)
    assert (row["Status"], row["AmountDue"], row["Payments"]) == ("AUTHORISED", 110.0, [])
    assert "FullyPaidOnDate" not in row
    assert balance(app) == 0
    again = app.call("POST", path, {"Payments": [{"Status": "DELETED"}]})
    assert again.json()["Elements"][0]["ValidationErrors"] == [
        {"Message": "Payment not of valid status for modification"}
    ]
    assert app.refusal("Payments", {"Amount": 5}, path, "POST") == ["Payments cannot be edited."]


def test_a_reconciled_payment_stays_unless_the_switch_says_otherwise(app: App) -> None:
    payment = app.payment(app.invoice(), 110, IsReconciled=True)
    path, body = f"/Payments/{payment['PaymentID']}", {"Status": "DELETED"}
    assert app.refusal("Payments", body, path, "POST") == ["This payment has been reconciled and cannot be deleted"]
    app.sandbox.settings.delete_reconciled = True
    assert app.put("Payments", body, path, "POST")["Status"] == "DELETED"


def test_payments_keep_the_lock(app: App) -> None:
    invoice = app.invoice()
    payment = app.payment(invoice, 10, Date="2026-10-30")
    app.sandbox.bookkeeper.set_lock_dates(year_end="2026-10-31")
    words = ["The document date cannot be before the end of year lock date, currently set at 31-Oct-2026"]
    assert app.refusal("Payments", pay(app, invoice, 10, Date="2026-10-31")) == words
    assert app.refusal("Payments", {"Status": "DELETED"}, f"/Payments/{payment['PaymentID']}", "POST") == words
    app.payment(invoice, 10, Date="2026-11-01")


def test_a_batch_is_one_thing(app: App) -> None:
    first, second = app.invoice(), app.invoice()
    members = [{"Invoice": {"InvoiceID": row["InvoiceID"]}, "Amount": 110} for row in (first, second)]
    batch = app.put("BatchPayments", {"Account": {"Code": "090"}, "Date": "2026-11-20", "Payments": members})
    assert (batch["TotalAmount"], batch["Type"], len(batch["Payments"])) == (220.0, "RECBATCH", 2)
    path = f"/Payments/{batch['Payments'][0]['PaymentID']}"
    assert app.refusal("Payments", {"Status": "DELETED"}, path, "POST") == [
        "Payments within a batch cannot be deleted."
    ]
    app.put("BatchPayments", {"Status": "DELETED"}, f"/BatchPayments/{batch['BatchPaymentID']}", "POST")
    assert app.again(first)["Status"] == "AUTHORISED"
    assert app.refusal(
        "BatchPayments", {"Account": {"Code": "090"}, "Payments": [members[0], {**members[1], "Amount": 111}]}
    )


# Credits


def allocate(app: App, credit: dict[str, Any], invoice: dict[str, Any], amount: float) -> dict[str, Any]:
    element = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Amount": amount, "Date": "2026-11-20"}
    return app.put("Allocations", element, f"/CreditNotes/{credit['CreditNoteID']}/Allocations")


def test_a_credit_note_is_allocated_and_taken_back(app: App) -> None:
    invoice, credit = app.invoice(), note(app)
    assert (credit["RemainingCredit"], credit["CreditNoteNumber"], credit["Total"]) == (55.0, "CN-0001", 55.0)
    made = allocate(app, credit, invoice, 55)
    row = app.again(invoice)
    assert (row["AmountCredited"], row["AmountDue"], row["CreditNotes"][0]["AppliedAmount"]) == (55.0, 55.0, 55.0)
    used = app.get(f"/CreditNotes/{credit['CreditNoteID']}", "CreditNotes")[0]
    assert (used["Status"], used["RemainingCredit"], used["Allocations"][0]["Amount"]) == ("PAID", 0.0, 55.0)
    path = f"/CreditNotes/{credit['CreditNoteID']}/Allocations/{made['AllocationID']}"
    gone = app.call("DELETE", path).json()
    assert (gone["AllocationId"], gone["IsDeleted"]) == (made["AllocationID"], True)
    assert gone["Invoice"] == [{"InvoiceID": invoice["InvoiceID"]}]
    assert app.again(invoice)["AmountDue"] == 110.0
    assert app.call("DELETE", path).status == 404


def test_allocations_refused(app: App) -> None:
    invoice, credit = app.invoice(), note(app, 200)
    path = f"/CreditNotes/{credit['CreditNoteID']}/Allocations"

    def refused(row: dict[str, Any], amount: float) -> list[str]:
        return app.refusal("Allocations", {"Invoice": {"InvoiceID": row["InvoiceID"]}, "Amount": amount}, path)

    over = "Credit Note cannot be allocated as amount is greater than amount outstanding"
    assert refused(invoice, 110.01) == [over]
    app.payment(invoice, 110)
    assert refused(invoice, 1) == ["The invoice you are trying to allocate to has already been paid off"]
    line = {"Description": "x", "UnitAmount": 10, "AccountCode": "453"}
    bill = app.invoice(Type="ACCPAY", LineItems=[line])
    assert refused(bill, 1) == ["Credit Note cannot be allocated to an incorrect invoice type"]
    assert refused(app.invoice(Contact=app.contact("Mossgrove Dental")), 1)
    assert app.refusal("CreditNotes", {"CreditNoteID": bill["InvoiceID"]}, method="POST") == [
        "An existing Credit Note with the specified CreditNoteID could not be found"
    ]
    allocate(app, credit, app.invoice(), 1)
    assert app.refusal("CreditNotes", {"Status": "VOIDED"}, f"/CreditNotes/{credit['CreditNoteID']}", "POST")


def test_a_credit_note_is_refunded_in_cash(app: App) -> None:
    credit = note(app)
    body = {"CreditNote": {"CreditNoteID": credit["CreditNoteID"]}, "Account": {"Code": "091"}, "Amount": 55}
    refund = app.put("Payments", body)
    assert (refund["PaymentType"], refund["CreditNote"]["RemainingCredit"]) == ("ARCREDITPAYMENT", 0.0)
    assert balance(app) == Decimal("-55.00")
    assert app.refusal("Payments", body) == [EXCEEDS]


def receipt(app: App, **fields: Any) -> dict[str, Any]:
    line = {"Description": "Money", "Quantity": 1, "UnitAmount": 100}
    body = {
        "Type": "RECEIVE-OVERPAYMENT",
        "Contact": app.contact(),
        "BankAccount": {"Code": "091"},
        "LineItems": [line],
    }
    return {**body, **fields}


def test_an_overpayment_waits_and_is_used(app: App) -> None:
    row = app.put("BankTransactions", receipt(app))
    waiting = app.get("/Overpayments?page=1", "Overpayments")[0]
    assert waiting["OverpaymentID"] == row["OverpaymentID"]
    assert (waiting["RemainingCredit"], waiting["LineItems"][0]["AccountCode"], waiting["LineAmountTypes"]) == (
        100.0,
        "610",
        "NoTax",
    )
    assert balance(app) == Decimal("100.00")
    invoice = app.invoice()
    element = {"Invoice": {"InvoiceID": invoice["InvoiceID"]}, "Amount": 60, "Date": "2026-11-20"}
    app.put("Allocations", element, f"/Overpayments/{row['OverpaymentID']}/Allocations")
    assert app.again(invoice)["Overpayments"][0]["AppliedAmount"] == 60.0
    refund = {"Overpayment": {"OverpaymentID": row["OverpaymentID"]}, "Account": {"Code": "091"}, "Amount": 40}
    assert app.put("Payments", refund)["PaymentType"] == "AROVERPAYMENTPAYMENT"
    done = app.get(f"/Overpayments/{row['OverpaymentID']}", "Overpayments")[0]
    assert (done["Status"], done["RemainingCredit"]) == ("PAID", 0.0)
    assert balance(app) == Decimal("60.00")
    assert app.refusal(
        "BankTransactions", {"Status": "DELETED"}, f"/BankTransactions/{row['BankTransactionID']}", "POST"
    )


def test_a_prepayment_carries_tax(app: App) -> None:
    line = {"Description": "Deposit", "Quantity": 1, "UnitAmount": 100, "AccountCode": "850"}
    row = app.put("BankTransactions", receipt(app, Type="RECEIVE-PREPAYMENT", LineItems=[line]))
    waiting = app.get(f"/Prepayments/{row['PrepaymentID']}", "Prepayments")[0]
    assert (waiting["TotalTax"], waiting["RemainingCredit"]) == (10.0, 110.0)


# Bank


def test_fees_are_spent_and_deleted(app: App) -> None:
    fee = {"Description": "Fees", "Quantity": 1, "UnitAmount": 17.80, "AccountCode": "404"}
    body = receipt(app, Type="SPEND", LineItems=[fee], LineAmountTypes="Inclusive", Reference="2026-11-20")
    row = app.put("BankTransactions", body)
    assert (row["Total"], row["TotalTax"], row["BankAccount"]["Code"]) == (17.80, 1.62, "091")
    assert balance(app) == Decimal("-17.80")
    deleted = app.put(
        "BankTransactions", {"Status": "DELETED"}, f"/BankTransactions/{row['BankTransactionID']}", "POST"
    )
    assert deleted["Status"] == "DELETED"
    assert balance(app) == 0
    assert app.refusal("BankTransactions", receipt(app, Type="SPEND", BankAccount={"Code": "200"}))
    assert app.refusal("BankTransactions", receipt(app, Type="SPEND", LineItems=[fee], Contact=None))
    assert app.refusal("BankTransactions", receipt(app, Type="SPEND", LineItems=[]))


def test_a_payout_is_a_transfer_with_two_halves(app: App) -> None:
    body = {"FromBankAccount": {"Code": "091"}, "ToBankAccount": {"Code": "090"}, "Amount": 50, "Reference": "po_1"}
    row = app.put("BankTransfers", body)
    assert "UpdatedDateUTC" not in row
    assert (balance(app), balance(app, "090")) == (Decimal("-50.00"), Decimal("50.00"))
    half = app.get(f"/BankTransactions/{row['FromBankTransactionID']}", "BankTransactions")[0]
    assert (half["Type"], half["Total"]) == ("SPEND-TRANSFER", 50.0)
    gone = app.call("POST", f"/BankTransfers/{row['BankTransferID']}", {"Status": "DELETED"}).json()["BankTransfers"][0]
    assert gone["Status"] == "DELETED"
    assert balance(app) == 0
    assert app.get("/BankTransfers", "BankTransfers") == []
    assert len(app.get("/BankTransfers?includeDeleted=True", "BankTransfers")) == 1
    for wrong in ({"ToBankAccount": {"Code": "091"}}, {"ToBankAccount": {"Code": "200"}}, {"Amount": 0}):
        assert app.refusal("BankTransfers", {**body, **wrong})


# The bookkeeper's side of money


def test_the_bookkeeper_records_and_removes_a_bank_payment(app: App) -> None:
    invoice, keeper = app.invoice(), app.sandbox.bookkeeper
    clock.advance(seconds=1)
    payment = keeper.record_payment(invoice["InvoiceID"], reference="Direct deposit")
    row = app.again(invoice)
    assert row["Status"] == "PAID"
    assert row["UpdatedDateUTC"] != invoice["UpdatedDateUTC"]
    assert app.refusal("Payments", pay(app, invoice, 1)) == [EXCEEDS]
    keeper.reconcile(payment["PaymentID"])
    keeper.delete_payment(payment["PaymentID"])
    assert app.again(invoice)["AmountDue"] == 110.0
    with pytest.raises(Invalid):
        keeper.delete_payment(payment["PaymentID"])


def test_the_bookkeeper_writes_off_and_misbooks(app: App) -> None:
    invoice, keeper = app.invoice(), app.sandbox.bookkeeper
    keeper.credit(invoice["InvoiceID"], Decimal(110), account_code="480", reason="Bad debt")
    row = app.again(invoice)
    assert (row["Status"], row["AmountCredited"], row["CreditNotes"][0]["Total"]) == ("PAID", 110.0, 110.0)
    wrong = keeper.receive_money(app.contact()["ContactID"], Decimal(110), account_code="200", reference="Transfer")
    assert wrong["Type"] == "RECEIVE"
    assert balance(app, "090") == Decimal("110.00")
