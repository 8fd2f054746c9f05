"""The judge of money that Stripe took: its own store against our rows. It knows tables, never billing's code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from billing.models import (
    Attempt,
    BalanceTransaction,
    Dispute,
    FeeDay,
    Payment,
    Payout,
    Refund,
    StripeAccount,
    StripeEvent,
)
from ledger_sync.faultmachine.cases import Case
from ledger_sync.faultmachine.findings import DIVERGED, DUPLICATED, LOST, STUCK, Finding
from practice.firm.models import Entity

Row = dict[str, Any]
#: How Stripe's words for a state are ours.
_REFUNDS = {"pending": "pending", "succeeded": "succeeded", "failed": "failed"}
_DISPUTES = {"won": "won", "warning_closed": "won", "lost": "lost"}
_PAYOUTS = {"in_transit": "in_transit", "paid": "arrived", "failed": "failed"}
_MONEY = ("charge", "refund", "refund_failure", "dispute", "dispute_reversal")
#: How long before a charge an invoice may have been covered without our knowing better in time.
_IN_A_CALL = timedelta(minutes=5)


class Till:
    """One account's tables at Stripe."""

    def __init__(self, case: Case, name: str, store: Any) -> None:
        self.case = case
        self.rows = {
            kind: list(store.table(f"{name}/{kind}").values())
            for kind in ("charge", "payment_intent", "refund", "dispute", "payout", "balance_transaction")
        }

    def money(self, cents: int) -> Decimal:
        """Stripe's cents as an amount."""
        return Decimal(cents).scaleb(-2)

    def moved(self) -> Decimal:
        """What its movements make of payments, refunds and disputes, as they are booked: once they are certain."""
        rows = self.rows["balance_transaction"]
        moved = sum(row["amount"] for row in rows if row["reporting_category"] in _MONEY)
        moved += sum(
            row["amount"]
            for row in self.rows["charge"]
            if row["status"] == "succeeded" and not row["balance_transaction"]
        )
        moved += sum(
            row["amount"] for row in self.rows["refund"] if row["status"] == "pending" and row["balance_transaction"]
        )
        return self.money(moved)


def judge(till: Till) -> list[Finding]:
    """Everything in which Stripe and our rows differ about one entity's money."""
    return [
        *_charges(till), *_attempts(till), *_refunds(till), *_disputes(till), *_payouts(till), *_movements(till),
        *_machinery(till),
    ]  # fmt: skip


def _one(kind: str, ref: str, found: list[Any]) -> Iterator[Finding]:
    if not found:
        yield Finding(LOST, f"{kind} {ref} at Stripe never came to be known here")
    elif len(found) > 1:
        yield Finding(DUPLICATED, f"{kind} {ref} at Stripe is here {len(found)} times")


def _same(till: Till, kind: str, row: Row, found: list[Any], state: str) -> Iterator[Finding]:
    """One row here, in the state and of the amount that it has at Stripe."""
    yield from _one(kind, row["id"], found)
    for ours in found[:1]:
        if ours.state != state:
            yield Finding(DIVERGED, f"{kind} {row['id']} is {ours.state} here, {row['status']} at Stripe")
        if ours.amount != till.money(row["amount"]):
            yield Finding(DIVERGED, f"{kind} {row['id']} is {ours.amount} here, {row['amount']} cents at Stripe")


# Charges, and what asked for them


def _charges(till: Till) -> Iterator[Finding]:
    ours = Payment.objects.filter(entity=till.case.entity_id, source=Payment.Source.STRIPE)
    for row in till.rows["charge"]:
        found = list(ours.filter(charge_ref=row["id"]))
        if row["status"] == "failed" and not found:
            continue
        yield from _one("charge", row["id"], found)
        for payment in found[:1]:
            yield from _payment(till, payment, row)
    known = {row["id"] for row in till.rows["charge"]}
    for payment in ours.exclude(charge_ref__in=known):
        yield Finding(DIVERGED, f"{payment.reference} was never charged at Stripe")


def _payment(till: Till, payment: Payment, row: Row) -> Iterator[Finding]:
    expected = {"succeeded": "succeeded", "pending": "processing", "failed": "failed"}[row["status"]]
    lost = any(d["charge"] == row["id"] and d["status"] == "lost" for d in till.rows["dispute"])
    if lost and (row["payment_method_details"]["type"] != "card" or payment.state == "returned"):
        expected = "returned"
    if payment.state != expected:
        yield Finding(DIVERGED, f"{payment.reference} is {payment.state} here, {row['status']} at Stripe")
    if payment.amount != till.money(row["amount"]):
        yield Finding(DIVERGED, f"{payment.reference} is {payment.amount} here, {row['amount']} cents at Stripe")


def _attempts(till: Till) -> Iterator[Finding]:
    taken = Counter(row["metadata"].get("attempt") for row in till.rows["charge"] if row["status"] != "failed")
    for key, times in taken.items():
        if times > 1:
            yield Finding(DUPLICATED, f"one attempt ({key}) took money {times} times")
    intents = Counter(row["metadata"].get("attempt") for row in till.rows["payment_intent"])
    for attempt in Attempt.objects.filter(entity=till.case.entity_id).prefetch_related("shares__invoice"):
        if intents[str(attempt.key)] > 1:
            yield Finding(DUPLICATED, f"one attempt ({attempt.key}) made {intents[str(attempt.key)]} intents")
        if attempt.state in (Attempt.State.NEW, Attempt.State.CALLING):
            yield Finding(STUCK, f"attempt {attempt.pk} is still {attempt.state}")
        if attempt.state == Attempt.State.SUCCEEDED and not attempt.on_session:
            yield from _was_due(till, attempt)


def _was_due(till: Till, attempt: Attempt) -> Iterator[Finding]:
    """Nobody is charged unasked for what was, minutes before, known to be paid, voided or held."""
    payment = attempt.payment
    charge = next((row for row in till.rows["charge"] if payment and row["id"] == payment.charge_ref), None)
    if payment is None or charge is None:
        return
    then = datetime.fromtimestamp(charge["created"], UTC)
    before = then - _IN_A_CALL
    for share in attempt.shares.all():
        invoice = share.invoice
        past = invoice.history.filter(history_date__lte=before).order_by("-history_id").first()  # type: ignore[attr-defined]
        if past is not None and (past.status == "void" or past.hold_code):
            yield Finding(DIVERGED, f"{invoice.number} was charged though {past.status} {past.hold_code}")
        rows = invoice.allocations.filter(made_at__lte=before).exclude(payment=payment).select_related("payment")
        covered = sum((row.amount for row in rows if _stood(row, then)), Decimal(0))
        if invoice.total - covered < share.amount:
            yield Finding(DIVERGED, f"{share.amount} of {invoice.number} was charged; {covered} was paid before")


def _stood(row: Any, then: datetime) -> bool:
    """Whether money or credit was on its invoice at a moment, as far as the rows tell."""
    if row.reversed_at is not None and row.reversed_at <= then:
        return False
    return row.payment is None or row.payment.state in ("succeeded", "returned")


# Money back


def _refunds(till: Till) -> Iterator[Finding]:
    ours = Refund.objects.filter(payment__entity=till.case.entity_id)
    for row in till.rows["refund"]:
        found = list(ours.filter(refund_ref=row["id"]))
        yield from _same(till, "refund", row, found, _REFUNDS[row["status"]])
    asked = Counter(row["metadata"].get("refund") for row in till.rows["refund"])
    for key, times in asked.items():
        if key and times > 1:
            yield Finding(DUPLICATED, f"refund {key} went out {times} times")
    known = {row["id"] for row in till.rows["refund"]}
    for refund in ours.filter(dispute__isnull=True).exclude(refund_ref__in=known):
        if refund.state != Refund.State.FAILED:
            yield Finding(STUCK, f"refund {refund.key} of {refund.amount} is {refund.state}; Stripe has none")


def _disputes(till: Till) -> Iterator[Finding]:
    ours = Dispute.objects.filter(payment__entity=till.case.entity_id)
    for row in till.rows["dispute"]:
        found = list(ours.filter(dispute_ref=row["id"]))
        yield from _same(till, "dispute", row, found, _DISPUTES.get(row["status"], "open"))


def _payouts(till: Till) -> Iterator[Finding]:
    zone = ZoneInfo(Entity.objects.get(pk=till.case.entity_id).time_zone)
    moved = {row["id"]: datetime.fromtimestamp(row["created"], zone).date() for row in till.rows["balance_transaction"]}
    for row in till.rows["payout"]:
        found = list(Payout.objects.filter(payout_ref=row["id"]))
        yield from _same(till, "payout", row, found, _PAYOUTS[row["status"]])
        back = moved.get(row["failure_balance_transaction"] or "")
        # What never arrived is not booked as having come back.
        for payout in found[:1]:
            if back is not None and payout.came_back_on not in (None, back):
                yield Finding(DIVERGED, f"payout {row['id']} came back on {payout.came_back_on} here, on {back} there")


def _movements(till: Till) -> Iterator[Finding]:
    ours = BalanceTransaction.objects.filter(entity=till.case.entity_id)
    account = StripeAccount.objects.select_related("entity").get(entity=till.case.entity_id)
    for row in till.rows["balance_transaction"]:
        found = list(ours.filter(movement_ref=row["id"]).select_related("fee_day"))
        yield from _one("movement", row["id"], found)
        for movement in found[:1]:
            if movement.net != till.money(row["net"]):
                yield Finding(DIVERGED, f"movement {row['id']} is {movement.net} here, {row['net']} cents at Stripe")
            over = datetime.fromtimestamp(row["created"], UTC) < till.case.now - timedelta(days=2)
            if movement.fee and movement.fee_day is None and over:
                yield Finding(STUCK, f"the fee of movement {row['id']} was never booked")
    for day in FeeDay.objects.filter(entity=account.entity):
        total = sum((row.fee for row in day.movements.all()), Decimal(0))
        if total != day.amount:
            yield Finding(DIVERGED, f"fees of {day.on} are {day.amount}, their movements {total}")


def _machinery(till: Till) -> Iterator[Finding]:
    for event in StripeEvent.objects.filter(account__entity=till.case.entity_id, worked_at__isnull=True):
        yield Finding(STUCK, f"Stripe's notice {event.type} {event.object_ref} was never worked: {event.failure}")
