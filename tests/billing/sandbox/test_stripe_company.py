"""The accounts a sandbox starts with: a past the size of a demo, or nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from billing.sandbox.stripe import StripeSandbox, build
from practice.core import clock
from practice.core.sandbox.store import Store
from tests.billing.sandbox.conftest import BASE, MONDAY


@pytest.fixture(scope="module")
def lived() -> Any:
    clock.move(MONDAY)
    yield build(store=Store(), base_url=BASE, send=None, company="vendor")
    clock.move(None)


DEBITS = {"acct_harbour": "au_becs_debit", "acct_larkin": "us_bank_account", "acct_rhein": "sepa_debit"}
EVERY = {
    "payment_intent": "requires_payment_method requires_confirmation requires_action requires_capture processing "
    "succeeded canceled",
    "charge": "succeeded pending failed",
    "refund": "succeeded pending failed",
    "dispute": "needs_response under_review won lost warning_needs_response warning_closed",
    "payout": "paid in_transit failed",
}


@pytest.mark.parametrize("account", DEBITS)
def test_something_of_every_kind_in_every_state(lived: StripeSandbox, account: str) -> None:
    books = lived.books(account, MONDAY)
    assert len(list(books.rows("customer"))) == 28
    methods = Counter(row["type"] for row in books.rows("payment_method") if row["customer"])
    assert methods["card"] >= 18
    assert methods[DEBITS[account]] >= 9
    for kind, states in EVERY.items():
        found = {row["status"] for row in books.rows(kind)}
        assert found >= set(states.split()), kind


@pytest.mark.parametrize("account", DEBITS)
def test_every_payout_of_the_past_adds_up(lived: StripeSandbox, account: str) -> None:
    books = lived.books(account, MONDAY)
    moves = list(books.rows("balance_transaction"))
    for payout in books.rows("payout"):
        items = [row["net"] for row in moves if row["_payout"] == payout["id"] and row["type"] != "payout"]
        assert sum(items) == payout["amount"]
    assert all(row["created"] <= MONDAY.timestamp() for row in moves)


def test_nobody_is_given_a_past_twice(tmp_path: Path) -> None:
    clock.move(MONDAY)
    for _ in range(2):
        store = Store(tmp_path / "stripe.sqlite")
        again = build(store=store, base_url=BASE, send=None, company="vendor")
        assert len(list(again.books("acct_rhein").rows("customer"))) == 28
        store.close()


def test_an_empty_company_has_accounts_and_nothing_in_them() -> None:
    fresh = build(store=Store(), base_url=BASE, send=None, company="empty")
    assert list(fresh.store.table("_account")) == ["acct_harbour", "acct_larkin"]
    assert list(fresh.books("acct_harbour").rows("customer")) == []
