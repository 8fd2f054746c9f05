"""What must always be true of the books, whatever is done to them in whatever order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xero_app import COMPANY, NOON, App, unlimited

from ledger_sync.sandbox.xero import XeroSandbox
from practice.core import clock

CENTS = st.decimals("0.01", "400.00", places=2)
STEP = st.one_of(
    st.tuples(st.just("pay"), CENTS),
    st.tuples(st.just("unpay"), st.integers(0, 5)),
    st.tuples(st.just("credit"), CENTS),
    st.tuples(st.just("uncredit"), st.integers(0, 5)),
    st.tuples(st.just("status"), st.sampled_from(["DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED"])),
    st.tuples(st.just("lines"), st.lists(st.tuples(CENTS, st.integers(1, 9)), min_size=1, max_size=3)),
)


def act(app: App, invoice: str, step: tuple[str, Any]) -> None:
    """One step through the API, whatever the answer; a refusal must leave everything as it was."""
    kind, value = step
    before = app.sandbox.dump()
    row = app.sandbox.books(app.tenant).table("Invoices")[invoice]
    if kind == "pay":
        body = {"Invoice": {"InvoiceID": invoice}, "Account": {"Code": "091"}, "Amount": float(value)}
        response = app.call("PUT", "/Payments", {"Payments": [body]})
    elif kind == "unpay":
        if not row["_payments"]:
            return
        response = app.call(
            "POST", f"/Payments/{row['_payments'][value % len(row['_payments'])]}", {"Status": "DELETED"}
        )
    elif kind == "credit":
        line = {"Description": "x", "UnitAmount": float(value), "AccountCode": "200"}
        note = {"Type": "ACCRECCREDIT", "Contact": app.contact(), "Status": "AUTHORISED", "LineItems": [line]}
        made = app.put("CreditNotes", note)
        before = app.sandbox.dump()
        part = {"Invoice": {"InvoiceID": invoice}, "Amount": made["Total"]}
        response = app.call("PUT", f"/CreditNotes/{made['CreditNoteID']}/Allocations", {"Allocations": [part]})
    elif kind == "uncredit":
        if not row["_allocations"]:
            return
        key = row["_allocations"][value % len(row["_allocations"])]
        source = app.sandbox.books(app.tenant).table("Allocations")[key]["_source"]
        response = app.call("DELETE", f"/CreditNotes/{source}/Allocations/{key}")
    else:
        fields: dict[str, Any] = {"Status": value}
        if kind == "lines":
            fields = {
                "LineItems": [
                    {"Description": "y", "UnitAmount": float(a), "Quantity": q, "AccountCode": "200"} for a, q in value
                ]
            }
        response = app.call("POST", f"/Invoices/{invoice}", {"Invoices": [fields]})
    assert response.status in (200, 400), response.body
    if response.status == 400:
        assert app.sandbox.dump() == before


def check(app: App) -> None:
    books = app.sandbox.books(app.tenant)
    payments, allocations = books.table("Payments"), books.table("Allocations")
    for row in books.table("Invoices").values():
        total, due = Decimal(row["Total"]), Decimal(row["AmountDue"])
        paid, credited = Decimal(row["AmountPaid"]), Decimal(row["AmountCredited"])
        assert total == Decimal(row["SubTotal"]) + Decimal(row["TotalTax"])
        assert paid == sum(Decimal(payments[key]["Amount"]) for key in row["_payments"])
        assert credited == sum(Decimal(allocations[key]["Amount"]) for key in row["_allocations"])
        if row["Status"] in ("VOIDED", "DELETED"):
            assert (due, paid, credited) == (0, 0, 0)
        else:
            assert due == total - paid - credited >= 0
            assert (row["Status"] == "PAID") == (due == 0 and row["Status"] in ("AUTHORISED", "PAID"))
            assert ("FullyPaidOnDate" in row) == (row["Status"] == "PAID")
    for row in books.table("CreditNotes").values():
        used = sum(Decimal(allocations[key]["Amount"]) for key in row["_allocations"])
        assert Decimal(row["RemainingCredit"]) == Decimal(row["Total"]) - used >= 0
    live = {key for row in books.table("Invoices").values() for key in row["_payments"]}
    assert live == {key for key, row in payments.items() if row["Status"] == "AUTHORISED"}
    assert {key for row in books.table("Invoices").values() for key in row["_allocations"]} == set(allocations)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    st.lists(st.tuples(CENTS, st.integers(1, 9)), min_size=1, max_size=4),
    st.sampled_from(["Exclusive", "Inclusive", "NoTax"]),
    st.lists(STEP, max_size=12),
)
def test_totals_and_dues_always_add_up(
    first: list[tuple[Decimal, int]], kind: str, steps: list[tuple[str, Any]]
) -> None:
    with clock.at(NOON):
        app = App(unlimited(XeroSandbox(company=COMPANY)))
        lines = [{"Description": "x", "UnitAmount": float(a), "Quantity": q, "AccountCode": "200"} for a, q in first]
        invoice = app.invoice(LineItems=lines, LineAmountTypes=kind)["InvoiceID"]
        check(app)
        for step in steps:
            act(app, invoice, step)
            check(app)
