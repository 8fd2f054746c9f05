"""Random lives of an account: whatever is asked and in whatever order, the money adds up after every step.

Legal and illegal requests are mixed; one that was refused must have changed nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from billing.sandbox.stripe import StripeSandbox, build, cards
from billing.sandbox.stripe.books import copied
from practice.core import clock
from practice.core.sandbox.http import Request
from practice.core.sandbox.store import Store
from tests.billing.sandbox.conftest import MONDAY

NAME = "acct_harbour"
#: What a bank's refusal leaves behind: an attempt on the books, and no money.
ATTEMPTS = {"card_error", "charge_exceeds_transaction_limit", "charge_exceeds_source_limit"}
CARDS = [
    "pm_card_visa",
    "pm_card_bypassPending",
    "pm_card_createDispute",
    "pm_card_createDisputeInquiry",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
    "pm_card_chargeDeclined",
    "pm_card_authenticationRequired",
]
EVIDENCE = ["winning_evidence", "losing_evidence", "escalate_inquiry_evidence", "other"]
ACCOUNTS = [name for name, (kind, _) in cards.MAGIC_ACCOUNTS.items() if kind == "au_becs_debit"]
plain = st.integers(50, 30_000)
odd = st.sampled_from([-1, 0, 1, 49, 2_000_000, 99_999_999, 100_000_000])
amounts = st.one_of(plain, plain, plain, plain, odd)
parts = st.one_of(st.none(), st.integers(1, 400), st.integers(1, 20_000), odd)


class Lives(RuleBasedStateMachine):
    intents = Bundle("intents")

    @initialize(target=intents, paid=st.lists(plain, min_size=2, max_size=4), held=plain)
    def open_the_books(self, paid: list[int], held: int) -> Any:
        clock.move(MONDAY)
        self.sandbox: StripeSandbox = build(store=Store(), base_url="http://stripe.test", send=None, seed=11)
        self.key = self.sandbox.credentials(NAME)["secret_key"]
        self.client = self.ask("POST", "customers", name="Wattle Bakery")["id"]
        made = [self._card(amount, CARDS[n], manual=False, save=True) for n, amount in enumerate(paid)]
        made.append(self._card(held, CARDS[0], manual=True, save=True))
        self.time_passes(3 * 86_400)
        return multiple(*made)

    def ask(self, method: str, path: str, **form: Any) -> Any:
        """One request; the answer, or the error where it was refused."""
        self.sandbox.run_due()
        before = self.rows()
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/x-www-form-urlencoded"}
        body = urlencode({name: str(value) for name, value in form.items() if value is not None})
        answer = self.sandbox.handle(Request.build(method, f"/v1/{path}", headers, body)).json()
        error = answer.get("error")
        if error is None:
            return answer
        after = self.rows()
        if {error["type"], error.get("code")} & ATTEMPTS:
            moved = f"{NAME}/balance_transaction"
            assert before.get(moved) == after.get(moved)
        else:
            assert before == after, error
        return answer

    def rows(self) -> dict[str, Any]:
        """Every row there is, but the counters, which may count what came to nothing."""
        tables = self.sandbox.store._tables
        return copied({kind: rows for kind, rows in tables.items() if rows and kind != "_counter"})

    def all(self, kind: str) -> list[dict[str, Any]]:
        return list(self.sandbox.books(NAME).rows(kind))

    @rule(target=intents, amount=amounts, method=st.sampled_from(CARDS), manual=st.booleans(), save=st.booleans())
    def pay_by_card(self, amount: int, method: str, manual: bool, save: bool) -> Any:
        return self._card(amount, method, manual=manual, save=save)

    def _card(self, amount: int, method: str, *, manual: bool, save: bool) -> Any:
        made = self.ask(
            "POST",
            "payment_intents",
            amount=amount,
            currency="aud",
            customer=self.client,
            payment_method=method,
            confirm="true",
            capture_method="manual" if manual else None,
            setup_future_usage="off_session" if save else None,
            return_url="https://pay.test/",
        )
        return self._id(made)

    @rule(target=intents, amount=amounts, method=st.sampled_from(ACCOUNTS))
    def debit(self, amount: int, method: str) -> Any:
        made = self.ask(
            "POST",
            "payment_intents",
            amount=amount,
            currency="aud",
            customer=self.client,
            payment_method=method,
            confirm="true",
            return_url="https://pay.test/",
            **{"mandate_data[customer_acceptance][type]": "offline"},
        )
        return self._id(made)

    def _id(self, made: Any) -> Any:
        found = made.get("id") or (made["error"].get("payment_intent") or {}).get("id")
        return found or multiple()

    @rule(intent=intents, amount=parts)
    def capture(self, intent: str, amount: int | None) -> None:
        self.ask("POST", f"payment_intents/{intent}/capture", amount_to_capture=amount)

    @rule(intent=intents)
    def cancel(self, intent: str) -> None:
        self.ask("POST", f"payment_intents/{intent}/cancel")

    @rule(intent=intents, method=st.sampled_from(CARDS))
    def confirm_again(self, intent: str, method: str) -> None:
        self.ask("POST", f"payment_intents/{intent}/confirm", payment_method=method, return_url="https://pay.test/")

    @rule(intent=intents, amount=amounts)
    def change_the_amount(self, intent: str, amount: int) -> None:
        self.ask("POST", f"payment_intents/{intent}", amount=amount)

    @rule(intent=intents, amount=parts)
    def refund(self, intent: str, amount: int | None) -> None:
        self.ask("POST", "refunds", payment_intent=intent, amount=amount)

    @rule(number=st.integers(0, 1), percents=st.lists(st.sampled_from([1, 40, 60, 100, 101]), min_size=2, max_size=3))
    def refund_what_was_paid(self, number: int, percents: list[int]) -> None:
        paid = [row for row in self.all("charge") if row["amount_captured"]]
        for row in paid[number : number + 1]:
            for percent in percents:
                self.ask("POST", "refunds", charge=row["id"], amount=max(1, row["amount_captured"] * percent // 100))

    @rule(intent=intents, inquiry=st.booleans())
    def dispute(self, intent: str, inquiry: bool) -> None:
        charge = self.sandbox.books(NAME).find("payment_intent", intent)["latest_charge"]
        if charge:
            self.control("disputes/open", charge=charge, reason="fraudulent", inquiry=inquiry)

    @rule(number=st.integers(0, 5), text=st.sampled_from(EVIDENCE))
    def contest(self, number: int, text: str) -> None:
        for row in self.all("dispute")[number : number + 1]:
            self.ask("POST", f"disputes/{row['id']}", **{"evidence[uncategorized_text]": text, "submit": "true"})

    @rule(number=st.integers(0, 5))
    def give_in(self, number: int) -> None:
        for row in self.all("dispute")[number : number + 1]:
            self.ask("POST", f"disputes/{row['id']}/close")

    @rule(number=st.integers(0, 5), reason=st.sampled_from(["unknown", "declined"]))
    def refund_comes_back(self, number: int, reason: str) -> None:
        for row in self.all("refund")[number : number + 1]:
            self.control("refunds/fail", refund=row["id"], reason=reason)

    @rule(amount=amounts)
    def pay_out_by_hand(self, amount: int) -> None:
        self.ask("POST", "payouts", amount=amount, currency="aud")

    @rule()
    def pay_out_now(self) -> None:
        self.control("payouts/run")

    @rule(number=st.integers(0, 5))
    def payout_comes_back(self, number: int) -> None:
        for row in self.all("payout")[number : number + 1]:
            self.control("payouts/fail", payout=row["id"])

    @rule(intent=consumes(intents))
    def authenticate(self, intent: str) -> None:
        row = self.sandbox.books(NAME).find("payment_intent", intent)
        request = Request.build(
            "POST",
            f"/_sandbox/authenticate/{intent}",
            {},
            b'{"passed": true, "client_secret": "%s"}' % row["client_secret"].encode(),
        )
        self.sandbox.handle(request)

    @rule()
    def a_moment_passes(self) -> None:
        self.time_passes(5)

    @rule(seconds=st.sampled_from([1, 3_600, 86_400, 3 * 86_400, 10 * 86_400]))
    def time_passes(self, seconds: int) -> None:
        clock.advance(seconds=seconds)
        self.sandbox.run_due()

    def control(self, name: str, **body: Any) -> None:
        import json

        said = json.dumps({"account": NAME, **body})
        self.sandbox.handle(Request.build("POST", f"/_sandbox/{name}", {}, said))

    def moves(self) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in self.all("balance_transaction")}

    @invariant()
    def each_movement_adds_up(self) -> None:
        for row in self.all("balance_transaction"):
            assert row["net"] == row["amount"] - row["fee"]
            assert row["fee"] == sum(part["amount"] for part in row["fee_details"])

    @invariant()
    def the_balance_is_the_sum_of_its_movements(self) -> None:
        shown = self.ask("GET", "balance")
        total = shown["available"][0]["amount"] + shown["pending"][0]["amount"]
        assert total == sum(row["net"] for row in self.all("balance_transaction"))

    @invariant()
    def a_charge_holds_what_was_taken_and_given_back(self) -> None:
        moves = self.moves()
        for row in self.all("charge"):
            given_back = [r for r in self.all("refund") if r["charge"] == row["id"] and r["status"] != "failed"]
            assert 0 <= row["amount_refunded"] <= row["amount_captured"] <= row["amount"]
            assert row["amount_refunded"] == sum(r["amount"] for r in given_back)
            assert row["refunded"] == (0 < row["amount_captured"] == row["amount_refunded"])
            move = moves.get(row["balance_transaction"])
            assert move is None or move["amount"] == row["amount_captured"]
            assert not (row["status"] == "failed" and move)

    @invariant()
    def an_intent_says_what_its_charge_says(self) -> None:
        charges = {row["id"]: row for row in self.all("charge")}
        for row in self.all("payment_intent"):
            taken = charges[row["latest_charge"]]["amount_captured"] if row["latest_charge"] else 0
            if row["status"] == "succeeded":
                assert row["amount_received"] == taken > 0
            else:
                assert row["amount_received"] == 0
            assert row["amount_capturable"] == (row["amount"] if row["status"] == "requires_capture" else 0)

    @invariant()
    def a_refund_moves_its_amount_once(self) -> None:
        moves = self.moves()
        for row in self.all("refund"):
            out = moves.get(row["balance_transaction"])
            back = moves.get(row.get("failure_balance_transaction"))
            assert out is None or (out["amount"], out["fee"]) == (-row["amount"], 0)
            if row["status"] == "succeeded":
                assert out is not None
            if row["status"] == "failed":
                assert (back is None) == (out is None)
                assert back is None or back["amount"] == row["amount"]

    @invariant()
    def a_dispute_takes_its_amount_and_a_win_returns_it(self) -> None:
        fee = self.sandbox.books(NAME).tariff.dispute
        charges = {row["id"]: row for row in self.all("charge")}
        for row in self.all("dispute"):
            nets = [move["net"] for move in row["balance_transactions"]]
            wanted = {"won": [-row["amount"] - fee, row["amount"]]}
            charge = charges[row["charge"]]
            if row["status"].startswith("warning_"):
                wanted[row["status"]] = []
            else:
                assert row["amount"] + charge["amount_refunded"] <= charge["amount_captured"]
            assert nets == wanted.get(row["status"], [-row["amount"] - fee])

    @invariant()
    def a_payout_is_the_sum_of_its_items(self) -> None:
        moves = self.moves()
        for row in self.all("payout"):
            assert moves[row["balance_transaction"]]["amount"] == -row["amount"]
            if row["automatic"]:
                items = [move for move in moves.values() if move["_payout"] == row["id"] and move["type"] != "payout"]
                assert sum(move["net"] for move in items) == row["amount"]
            back = moves.get(row["failure_balance_transaction"])
            assert (row["status"] == "failed") == (back is not None)
            assert back is None or back["amount"] == row["amount"]

    @invariant()
    def every_movement_has_a_cause(self) -> None:
        """Each movement belongs to one object, and each object's movements are all there are."""
        owned = sorted(self._causes())
        assert owned == sorted(row["id"] for row in self.all("balance_transaction"))

    def _causes(self) -> Iterator[str]:
        fees = {row["id"] for row in self.all("balance_transaction") if row["type"] == "stripe_fee"}
        disputes = {row["id"] for row in self.all("dispute")}
        assert {self.moves()[each]["source"] for each in fees} <= disputes
        yield from fees
        for row in self.all("dispute"):
            yield from (move["id"] for move in row["balance_transactions"])
        for kind in ("charge", "refund", "payout"):
            for row in self.all(kind):
                names = ("balance_transaction", "failure_balance_transaction")
                yield from (row[name] for name in names if row.get(name))

    def teardown(self) -> None:
        clock.move(None)


Lives.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
TestLives = Lives.TestCase
