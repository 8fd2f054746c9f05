"""What must always be true of the books, whatever is done to them in whatever order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qbo_app import COMPANY, MORNING, App, head, unlimited

from ledger_sync.sandbox.quickbooks import QuickBooksSandbox, postings
from practice.core import clock

CENTS = st.decimals("0.01", "400.00", places=2)
PICK = st.integers(0, 5)
STEP = st.one_of(
    st.tuples(st.just("invoice"), CENTS),
    st.tuples(st.just("memo"), CENTS),
    st.tuples(st.just("pay"), st.tuples(CENTS, PICK, CENTS)),
    st.tuples(st.just("apply"), st.tuples(PICK, PICK, CENTS)),
    st.tuples(st.just("void"), st.tuples(st.sampled_from(["Invoice", "CreditMemo", "Payment"]), PICK)),
    st.tuples(st.just("delete"), st.tuples(st.sampled_from(["Invoice", "CreditMemo", "Payment"]), PICK)),
    st.tuples(st.just("edit"), st.tuples(PICK, CENTS)),
    st.tuples(st.just("deposit"), PICK),
)


def pick(app: App, kind: str, place: int) -> dict[str, Any] | None:
    rows = list(app.sandbox.dump()[f"{app.realm}:{kind}"].values())
    return rows[place % len(rows)] if rows else None


def request(app: App, kind: str, value: Any) -> tuple[str, dict[str, Any], str] | None:
    """One step as a call: entity, body and arguments; None when there is nothing to do it to."""
    customer = {"CustomerRef": {"value": "1"}}
    if kind in ("invoice", "memo"):
        return ("Invoice" if kind == "invoice" else "CreditMemo"), {**customer, "Line": [app.line(str(value))]}, ""
    if kind == "pay":
        total, place, share = value
        target = pick(app, "Invoice", place)
        lines = [app.on(str(share), target)] if target else []  # type: ignore[arg-type]
        return "Payment", {**customer, "TotalAmt": str(total), "Line": lines}, ""
    if kind == "apply":
        invoice, memo = pick(app, "Invoice", value[0]), pick(app, "CreditMemo", value[1])
        if not invoice or not memo:
            return None
        amount: Any = str(value[2])
        lines = [app.on(amount, invoice), app.on(amount, memo, "CreditMemo")]
        return "Payment", {**customer, "TotalAmt": 0, "Line": lines}, ""
    if kind in ("void", "delete"):
        row = pick(app, *value)
        return (value[0], head(row), f"?operation={kind}") if row else None
    if kind == "edit":
        row = pick(app, "Invoice", value[0])
        return ("Invoice", {**head(row), "sparse": True, "Line": [app.line(str(value[1]))]}, "") if row else None
    row = pick(app, "Payment", value)
    if row is None:
        return None
    link = {"LinkedTxn": [{"TxnId": row["Id"], "TxnType": "Payment", "TxnLineId": "0"}]}
    return "Deposit", {"DepositToAccountRef": app.account("Checking"), "Line": [link]}, ""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEP, min_size=1, max_size=14))
def test_the_books_add_up_after_any_steps(steps: list[tuple[str, Any]]) -> None:
    with clock.at(MORNING):
        app = App(unlimited(QuickBooksSandbox(company=COMPANY)))
        for kind, value in steps:
            wanted = request(app, kind, value)
            if wanted is None:
                continue
            entity, body, args = wanted
            before = app.sandbox.dump()
            answer = app.call("POST", f"/{entity.lower()}{args}", body)
            assert answer.status in (200, 400), answer.body
            if answer.status == 400:
                assert app.sandbox.dump() == before
            check(app)


def check(app: App) -> None:
    books = app.sandbox.books(app.realm)
    assert sum(postings.trial_balance(books).values()) == 0
    assert postings.balance(books, app.account("Accounts Receivable")["value"]) == books.owes("1")
    open_money = Decimal(0)
    for kind, sign in (("Invoice", 1), ("CreditMemo", -1)):
        for row in books.table(kind).values():
            applied = sum((Decimal(a) for a in row["_applied"].values()), Decimal(0))
            assert Decimal(row["TotalAmt"]) - applied == Decimal(row["Balance"]) >= 0
            assert {link["TxnId"] for link in row["LinkedTxn"]} == set(row["_applied"])
            for payment, amount in row["_applied"].items():
                lines = [
                    one for one in books.table("Payment")[payment]["Line"] if one["LinkedTxn"][0]["TxnId"] == row["Id"]
                ]
                assert sum(Decimal(one["Amount"]) for one in lines) == Decimal(amount)
            open_money += sign * Decimal(row["Balance"])
    for row in books.table("Payment").values():
        signs = {"Invoice": 1, "CreditMemo": -1}
        used = sum((Decimal(x["Amount"]) * signs[x["LinkedTxn"][0]["TxnType"]] for x in row["Line"]), Decimal(0))
        assert Decimal(row["TotalAmt"]) - used == Decimal(row["UnappliedAmt"]) >= 0
        open_money -= Decimal(row["UnappliedAmt"])
    assert open_money == books.owes("1")
