"""What happens at Stripe by itself or by its dashboard: debits, disputes, refunds and payouts, at a chosen moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from billing.sandbox.stripe import control, disputes, payouts, refunds
from billing.sandbox.stripe.books import Books as Account
from billing.sandbox.stripe.wire import Refused
from ledger_sync.faultmachine.plans import Act
from ledger_sync.faultmachine.world import Stage

Row = dict[str, Any]


def do(stage: Stage, act: Act) -> None:
    """Do one thing in one of the firm's accounts; what Stripe refuses is not done."""
    assert stage.till is not None, "the firm takes payments"
    chance = Random(f"act {act.nth} {act.name}")
    names = sorted(stage.till.names)
    stage.till.sandbox.run_due()
    # The account in which there is something to do is tried first.
    for entity_id in chance.sample(names, k=len(names)):
        try:
            with stage.till.change():
                if DOINGS[act.name](stage.till.account(entity_id), chance):
                    return
        except (Refused, ValueError):
            continue


def _some(chance: Random, rows: Iterable[Row]) -> Row | None:
    found = list(rows)
    return chance.choice(found) if found else None


def _debit(account: Account, chance: Random, failure: str) -> bool:
    charge = _some(chance, (row for row in account.rows("charge") if row["status"] == "pending"))
    if charge is not None:
        control.settle_debit(account, charge["id"], failure)
    return charge is not None


def _arrives(account: Account, chance: Random) -> bool:
    return _debit(account, chance, "")


def _bounces(account: Account, chance: Random) -> bool:
    return _debit(account, chance, chance.choice(("insufficient_funds", "account_closed")))


def _dispute(account: Account, chance: Random) -> bool:
    rows = (row for row in account.rows("charge") if row["balance_transaction"] and not row["disputed"])
    charge = _some(chance, rows)
    if charge is not None:
        disputes.open(account, charge["id"], "fraudulent", inquiry=chance.random() < 0.15)
    return charge is not None


def _dispute_ends(account: Account, chance: Random) -> bool:
    dispute = _some(chance, (row for row in account.rows("dispute") if row["status"] in disputes.LIVE))
    if dispute is not None:
        disputes.decide(account, dispute["id"], won=chance.random() < 0.35)
    return dispute is not None


def _refund(account: Account, chance: Random) -> bool:
    """Somebody gives money back in the dashboard."""
    rows = (row for row in account.rows("charge") if row["status"] == "succeeded" and not row["disputed"])
    charge = _some(chance, (row for row in rows if row["amount_refunded"] < row["amount"]))
    if charge is not None:
        left = charge["amount"] - charge["amount_refunded"]
        refunds.create(account, {"charge": charge["id"], "amount": chance.choice((left, max(1, left // 3)))})
    return charge is not None


def _refund_ends(account: Account, chance: Random) -> bool:
    # One whose charge is not booked yet waits for that.
    booked = (row for row in account.rows("refund") if row["balance_transaction"])
    refund = _some(chance, (row for row in booked if row["status"] in ("pending", "succeeded")))
    if refund is not None and (refund["status"] == "succeeded" or chance.random() < 0.5):
        refunds.fail(account, refund["id"])
    elif refund is not None:
        refunds.finish(account, refund["id"])
    return refund is not None


def _pay_out(account: Account, chance: Random) -> bool:
    control.pay_out_now(account)
    return True


def _payout_bounces(account: Account, chance: Random) -> bool:
    payout = _some(chance, (row for row in account.rows("payout") if row["status"] != "failed"))
    if payout is not None:
        payouts.fail(account, payout["id"])
    return payout is not None


DOINGS: dict[str, Callable[[Account, Random], bool]] = {
    "stripe_debit_arrives": _arrives,
    "stripe_debit_bounces": _bounces,
    "stripe_dispute": _dispute,
    "stripe_dispute_ends": _dispute_ends,
    "stripe_refund": _refund,
    "stripe_refund_ends": _refund_ends,
    "stripe_pay_out": _pay_out,
    "stripe_payout_bounces": _payout_bounces,
}
