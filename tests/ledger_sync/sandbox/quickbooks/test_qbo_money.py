"""Payments, credits, deposits, purchases, transfers and journals, and what they do to the documents they touch."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox, postings
from tests.ledger_sync.sandbox.quickbooks.qbo_app import App, head

CUSTOMER = {"CustomerRef": {"value": "1"}}


def balance(app: App, name: str) -> Decimal:
    return postings.balance(app.sandbox.books(app.realm), app.account(name)["value"])


def test_a_payment_on_two_invoices_leaves_the_rest_unapplied(app: App) -> None:
    first, second = app.invoice(800), app.invoice(1100)
    lines = [app.on(800, first), app.on(1100, second)]
    row = app.post("Payment", {**CUSTOMER, "TotalAmt": 2500, "Line": lines})
    assert (row["UnappliedAmt"], row["DepositToAccountRef"]["name"]) == (600, "Undeposited Funds")
    for invoice in (first, second):
        paid = app.again("Invoice", invoice)
        assert (paid["Balance"], paid["LinkedTxn"]) == (0, [{"TxnId": row["Id"], "TxnType": "Payment"}])
        assert paid["SyncToken"] == "1"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"TotalAmt": None}, "2020"),
        ({"TotalAmt": -5}, "6000"),
        ({"CustomerRef": None}, "2020"),
        ({"PaymentRefNum": "x" * 22}, "2050"),
        ({"DepositToAccountRef": {"value": "99"}}, "2500"),
    ],
)
def test_what_a_payment_may_not_be(app: App, change: dict[str, Any], code: str) -> None:
    assert app.code("Payment", {**CUSTOMER, "TotalAmt": 10, **change}) == code


def test_what_a_payment_may_not_be_applied_to(app: App) -> None:
    invoice = app.invoice(100)
    other = app.post("Invoice", {"CustomerRef": {"value": "2"}, "Line": [app.line(100)]})
    body = {**CUSTOMER, "TotalAmt": 200}
    assert app.code("Payment", {**body, "Line": [app.on(101, invoice)]}) == "6000"
    assert app.code("Payment", {**body, "Line": [app.on(60, invoice), app.on(60, invoice)]}) == "6000"
    assert app.code("Payment", {**body, "Line": [app.on(50, other)]}) == "6000"
    assert app.code("Payment", {**body, "TotalAmt": 40, "Line": [app.on(50, invoice)]}) == "6000"
    assert app.code("Payment", {**body, "Line": [app.on(50, {"Id": "999"})]}) == "610"
    assert app.code("Payment", {**body, "Line": [app.on(50, invoice, "Estimate")]}) == "2170"
    wrong = {**body, "DepositToAccountRef": app.account("Services")}
    assert app.code("Payment", wrong) == "6000"


def test_lines_are_all_or_nothing_and_left_alone_when_not_sent(app: App) -> None:
    first, second = app.invoice(100), app.invoice(100)
    row = app.payment(100, first)
    kept = app.change("Payment", row, PaymentRefNum="R-1")
    assert (kept["PaymentRefNum"], kept["UnappliedAmt"]) == ("R-1", 0)
    moved = app.change("Payment", kept, Line=[app.on(100, second)])
    assert (app.again("Invoice", first)["Balance"], app.again("Invoice", second)["Balance"]) == (100, 0)
    off = app.change("Payment", moved, Line=[])
    assert (off["UnappliedAmt"], app.again("Invoice", second)["Balance"]) == (100, 100)


def test_voiding_and_deleting_a_payment_reopens_its_invoices(app: App) -> None:
    for args in ("?operation=update&include=void", "?operation=delete"):
        invoice = app.invoice(100)
        row = app.payment(100, invoice)
        gone = app.post("Payment", {**head(row), "sparse": True}, args)
        reopened = app.again("Invoice", invoice)
        assert (reopened["Balance"], reopened["LinkedTxn"]) == (100, [])
        if "delete" in args:
            assert gone["status"] == "Deleted"
        else:
            assert (gone["TotalAmt"], gone["Line"], gone["PrivateNote"]) == (0, [], "Voided")


def test_each_kind_is_voided_in_its_own_way_only(app: App) -> None:
    payment, invoice = app.payment(50), app.invoice(100)
    assert app.code("Payment", head(payment), "?operation=void") == "500"
    assert app.code("Invoice", head(invoice), "?operation=update&include=void") == "2020"  # a plain update without data
    app.sandbox.settings.void_either_way = True
    assert app.post("Payment", head(payment), "?operation=void")["TotalAmt"] == 0
    assert app.post("Invoice", head(invoice), "?operation=update&include=void")["TotalAmt"] == 0
    assert app.code("JournalEntry", {"Id": "1", "SyncToken": "0"}, "?operation=void") == "500"


def test_a_credit_memo_is_applied_by_a_payment_of_nothing(app: App) -> None:
    invoice = app.invoice(100)
    memo = app.post("CreditMemo", {**CUSTOMER, "Line": [app.line(30)]})
    assert (memo["RemainingCredit"], memo["Balance"]) == (30, 30)
    too_much = {**CUSTOMER, "TotalAmt": 0, "Line": [app.on(40, invoice), app.on(40, memo, "CreditMemo")]}
    assert app.code("Payment", too_much) == "6000"
    lines = [app.on(30, invoice), app.on(30, memo, "CreditMemo")]
    row = app.post("Payment", {**CUSTOMER, "TotalAmt": 0, "Line": lines})
    assert (row["UnappliedAmt"], app.again("Invoice", invoice)["Balance"]) == (0, 70)
    assert app.again("CreditMemo", memo)["RemainingCredit"] == 0
    app.post("CreditMemo", head(app.again("CreditMemo", memo)), "?operation=void")
    assert app.again("Invoice", invoice)["Balance"] in (70, 100)


def test_a_deposited_payment_is_frozen_until_its_deposit_is_gone(app: App) -> None:
    invoice = app.invoice(100)
    row = app.payment(100, invoice)
    link = {"LinkedTxn": [{"TxnId": row["Id"], "TxnType": "Payment", "TxnLineId": "0"}]}
    fee = {
        "Amount": -3,
        "DetailType": "DepositLineDetail",
        "DepositLineDetail": {"AccountRef": app.account("Merchant fees")},
    }
    deposit = app.post("Deposit", {"DepositToAccountRef": app.account("Checking"), "Line": [link, fee]})
    assert (deposit["TotalAmt"], balance(app, "Checking"), balance(app, "Undeposited Funds")) == (97, 97, 0)
    row = app.again("Payment", row)
    assert row["LinkedTxn"] == [{"TxnId": deposit["Id"], "TxnType": "Deposit"}]
    for args in ("?operation=update&include=void", "?operation=delete"):
        assert app.code("Payment", head(row), args) == "6540"
    assert app.code("Payment", {**head(row), "sparse": True, "PaymentRefNum": "x"}) == "6540"
    again = {"DepositToAccountRef": app.account("Checking"), "Line": [link]}
    assert app.code("Deposit", again) == "6540"
    app.post("Deposit", head(deposit), "?operation=delete")
    row = app.again("Payment", row)
    assert app.post("Payment", head(row), "?operation=delete")["status"] == "Deleted"


def test_what_a_deposit_may_not_be(app: App, sandbox: QuickBooksSandbox) -> None:
    direct = app.payment(50, DepositToAccountRef=app.account("Checking"))
    to = {"DepositToAccountRef": app.account("Checking")}
    link = {"TxnId": direct["Id"], "TxnType": "Payment", "TxnLineId": "0"}
    assert app.code("Deposit", {**to, "Line": [{"LinkedTxn": [link]}]}) == "6000"
    assert app.code("Deposit", {**to, "Line": [{"LinkedTxn": [{**link, "TxnId": "999"}]}]}) == "610"
    assert app.code("Deposit", {**to, "Line": []}) == "2020"
    assert app.code("Deposit", {**to, "Line": [{"Description": "nothing"}]}) == "2020"
    line = {
        "Amount": -5,
        "DetailType": "DepositLineDetail",
        "DepositLineDetail": {"AccountRef": app.account("Services")},
    }
    assert app.code("Deposit", {**to, "Line": [line]}) == "6000"
    assert app.code("Deposit", {"DepositToAccountRef": app.account("Services"), "Line": [line]}) == "6000"
    funds = app.payment(50)
    no_line = {"LinkedTxn": [{"TxnId": funds["Id"], "TxnType": "Payment"}]}
    assert app.code("Deposit", {**to, "Line": [no_line]}) == "2020"
    sandbox.settings.refuse_negative_deposit_lines = True
    assert app.code("Deposit", {**to, "Line": [{**line, "Amount": 9}, line]}) == "2290"


def expense(app: App, amount: float, name: str, **detail: Any) -> dict[str, Any]:
    return {
        "Amount": amount, "DetailType": "AccountBasedExpenseLineDetail",
        "AccountBasedExpenseLineDetail": {"AccountRef": app.account(name), **detail},
    }  # fmt: skip


def test_purchases(app: App) -> None:
    body = {"PaymentType": "Cash", "AccountRef": app.account("Stripe clearing")}
    row = app.post("Purchase", {**body, "Line": [expense(app, 14.2, "Merchant fees")], "TotalAmt": 14.2})
    assert (row["TotalAmt"], balance(app, "Stripe clearing"), balance(app, "Merchant fees")) == (
        14.2,
        Decimal("-14.20"),
        Decimal("14.20"),
    )
    assert app.code("Purchase", {**body, "Line": [expense(app, 5, "Merchant fees")], "TotalAmt": 6}) == "6000"
    assert app.code("Purchase", {**body, "PaymentType": "Odd", "Line": [expense(app, 5, "Rent")]}) == "2170"
    assert app.code("Purchase", {**body, "PaymentType": "CreditCard", "Line": [expense(app, 5, "Rent")]}) == "6000"
    assert app.code("Purchase", {**body, "PaymentType": None, "Line": [expense(app, 5, "Rent")]}) == "2020"
    assert app.code("Purchase", {**body, "Line": [expense(app, 5, "Accounts Receivable")]}) == "6000"
    assert app.code("Purchase", {**body, "Line": [expense(app, 5, "Rent", TaxCodeRef={"value": "9"})]}) == "6100"
    assert app.code("Purchase", {**body, "Credit": True, "Line": [expense(app, 5, "Rent")]}) == "6000"
    assert app.code("Purchase", {**body, "Line": [expense(app, -5, "Rent")]}) == "6000"
    assert app.code("Purchase", {**body, "Line": [{"Amount": 5, "DetailType": "ItemBasedExpenseLineDetail"}]}) == "2170"
    refund = expense(app, 5, "Accounts Receivable", CustomerRef={"value": "1"})
    assert app.post("Purchase", {**body, "Line": [refund]})["TotalAmt"] == 5
    assert app.post("Purchase", head(row), "?operation=update&include=void")["TotalAmt"] == 0


def test_transfers(app: App) -> None:
    body = {"FromAccountRef": app.account("Stripe clearing"), "ToAccountRef": app.account("Checking")}
    row = app.post("Transfer", {**body, "Amount": "970.70", "PrivateNote": "Payout"})
    assert (row["Amount"], balance(app, "Checking")) == (970.7, Decimal("970.70"))
    assert app.code("Transfer", {**body, "Amount": 0}) == "6000"
    assert app.code("Transfer", body) == "2020"
    assert app.code("Transfer", {**body, "Amount": 5, "ToAccountRef": body["FromAccountRef"]}) == "6000"
    assert app.code("Transfer", {**body, "Amount": 5, "ToAccountRef": app.account("Rent")}) == "6000"
    app.post("Transfer", head(row), "?operation=update&include=void")
    assert balance(app, "Checking") == 0


def test_journals_balance(app: App) -> None:
    def side(kind: str, amount: float, name: str, **more: Any) -> dict[str, Any]:
        detail = {"PostingType": kind, "AccountRef": app.account(name), **more}
        return {"Amount": amount, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}

    lines = [side("Debit", 30, "Rent"), side("Credit", 30, "Checking")]
    assert app.post("JournalEntry", {"Line": lines})["TotalAmt"] == 0
    assert app.code("JournalEntry", {"Line": [side("Debit", 31, "Rent"), lines[1]]}) == "2300"
    assert app.code("JournalEntry", {"Line": [side("Up", 30, "Rent"), lines[1]]}) == "2170"
    receivable = [side("Debit", 30, "Accounts Receivable"), lines[1]]
    assert app.code("JournalEntry", {"Line": receivable}) == "6000"
    entity = {"Type": "Customer", "EntityRef": {"value": "1"}}
    receivable[0] = side("Debit", 30, "Accounts Receivable", Entity=entity)
    assert app.post("JournalEntry", {"Line": receivable})["Id"]
