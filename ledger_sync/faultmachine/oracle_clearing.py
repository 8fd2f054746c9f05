"""The judge of the clearing account: what the ledger has there, against our rows and Stripe's own movements.

Each thing that moves Stripe's balance is there once, on its day and to the cent; and nothing else is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal

from django.db.models import Q

from billing.models import BalanceTransaction, Dispute, FeeDay, Payment, Payout, Refund
from ledger_sync.faultmachine.cases import Case, reference_of
from ledger_sync.faultmachine.findings import DIVERGED, DUPLICATED, LOST, Finding
from ledger_sync.faultmachine.oracle import cause_explained, day_of
from ledger_sync.faultmachine.oracle_postings import Posting
from ledger_sync.models import Mapping, Snag

ZERO = Decimal(0)


@dataclass
class Ledger:
    """What one ledger has on the accounts that Stripe's money goes through."""

    case: Case
    clearing: list[Posting]
    disputed: list[Posting]
    #: What must stand on the clearing account for all that was looked at, and what of it people are asked about.
    expected: Decimal = ZERO
    excused: list[str] = field(default_factory=list)

    def of(self, reference: str) -> list[Posting]:
        """The postings of one document."""
        return [each for each in self.clearing if each.reference == reference]


def judge(case: Case, postings: list[Posting], moved: Decimal) -> list[Finding]:
    """Everything in which the ledger and our rows differ about Stripe's money.

    ``moved`` is what Stripe's own movements make of payments, refunds and disputes.
    """
    ledger = Ledger(case, _on(case, postings, "clearing"), _on(case, postings, "disputed"))
    found = [*_payments(ledger), *_refunds(ledger), *_disputes(ledger)]
    if ledger.expected != moved:
        found.append(Finding(DIVERGED, f"payments, refunds and disputes make {ledger.expected}; Stripe moved {moved}"))
    found += [*_fees(ledger), *_payouts(ledger)]
    there = sum((each.amount for each in ledger.clearing), ZERO)
    if there != ledger.expected and not ledger.excused:
        found.append(Finding(DIVERGED, f"the clearing account holds {there}, Stripe's money makes {ledger.expected}"))
    return [*found, *_held(ledger)]


def _on(case: Case, postings: list[Posting], purpose: str) -> list[Posting]:
    target = Mapping.objects.get(connection=case.connection_id, purpose=purpose, treatment="").target.remote_id
    return [_entered(case, each) for each in postings if each.account == target]


def _entered(case: Case, posting: Posting) -> Posting:
    """A posting with the day and reference of its money, where a lock had it entered on another day."""
    row = {"Reference": posting.reference, "Date": posting.on}
    return replace(posting, reference=reference_of(row), on=day_of(case, row))


def _payments(ledger: Ledger) -> Iterator[Finding]:
    """A payment's own postings come to what it brought and, once it came back, to what of it is left."""
    for payment in Payment.objects.filter(entity=ledger.case.entity_id, source=Payment.Source.STRIPE):
        given = sum((r.amount for r in payment.refunds.exclude(state=Refund.State.FAILED)), ZERO)
        wanted = {"succeeded": payment.amount, "returned": given}.get(payment.state, ZERO)
        ledger.expected += wanted
        rows = [each for each in ledger.clearing if each.reference.startswith(payment.reference)]
        there = sum((each.amount for each in rows), ZERO)
        if there != wanted and not _asked(ledger, Q(link__payment=payment) | Q(link__allocation__payment=payment)):
            kind = DUPLICATED if there > wanted else LOST
            yield Finding(
                kind, f"{payment.reference} ({payment.state}) is {wanted} here, {there} on the clearing account"
            )


def _refunds(ledger: Ledger) -> Iterator[Finding]:
    for refund in Refund.objects.filter(payment__entity=ledger.case.entity_id).select_related("payment"):
        wanted = refund.amount if refund.state == Refund.State.SUCCEEDED else ZERO
        reference = f"Refund R{refund.pk} of {refund.payment.reference}"
        about = Q(link__refund=refund) | Q(link__payment=refund.payment) | Q(link__allocation__payment=refund.payment)
        if refund.dispute_id is None:
            yield from _once(ledger, reference, -wanted, str(refund.refunded_on), about)


def _disputes(ledger: Ledger) -> Iterator[Finding]:
    for dispute in Dispute.objects.filter(payment__entity=ledger.case.entity_id).select_related("payment"):
        if dispute.payment.method != "card":
            continue
        about = Q(link__dispute=dispute)
        taken, back = (_moved(dispute, category) for category in ("dispute", "dispute_reversal"))
        amount, on = taken
        yield from _once(ledger, f"Dispute {dispute.dispute_ref}", amount, on, about)
        if dispute.payment.state == Payment.State.RETURNED and not back[0]:
            back = -amount, str(dispute.payment.returned_on)
        yield from _once(ledger, f"Dispute {dispute.dispute_ref} closed", *back, about)


def _moved(dispute: Dispute, category: str) -> tuple[Decimal, str]:
    rows = list(BalanceTransaction.objects.filter(source_ref=dispute.dispute_ref, category=category))
    return sum((row.amount for row in rows), ZERO), str(rows[0].on) if rows else ""


def _fees(ledger: Ledger) -> Iterator[Finding]:
    for day in FeeDay.objects.filter(entity=ledger.case.entity_id):
        yield from _once(ledger, f"Stripe fees {day.on:%d %b %Y}", -day.amount, str(day.on), Q(link__fee_day=day))


def _payouts(ledger: Ledger) -> Iterator[Finding]:
    for payout in Payout.objects.filter(entity=ledger.case.entity_id):
        arrived = payout.state == Payout.State.ARRIVED or payout.came_back_on is not None
        amount, about = payout.amount if arrived else ZERO, Q(link__payout=payout)
        yield from _once(ledger, payout.reference, -amount, str(payout.arrives_on), about)
        back = amount if payout.came_back_on is not None else ZERO
        yield from _once(ledger, f"{payout.reference} sent back", back, str(payout.came_back_on), about)


def _once(ledger: Ledger, reference: str, wanted: Decimal, on: str, about: Q) -> Iterator[Finding]:
    """A document is there once, with its amount and day, or not at all where it is of nothing."""
    ledger.expected += wanted
    rows = ledger.of(reference)
    if [(each.amount, each.on) for each in rows] == ([(wanted, on)] if wanted else []) or _asked(ledger, about):
        return
    kind = DUPLICATED if len(rows) > 1 else DIVERGED if rows else LOST
    shown = ", ".join(f"{each.amount} on {each.on}" for each in rows) or "nothing"
    yield Finding(kind, f"{reference}: {wanted} on {on} here, {shown} in the ledger")


def _asked(ledger: Ledger, about: Q) -> bool:
    """Whether people are being asked about it, for a reason that the bookkeeper gave."""
    rows = Snag.objects.filter(about, connection=ledger.case.connection_id, closed_at__isnull=True)
    asked = any(cause_explained(ledger.case, snag) for snag in rows)
    if asked:
        ledger.excused.append(str(about))
    return asked


def _held(ledger: Ledger) -> Iterator[Finding]:
    """On the account of disputes lies what is disputed, or lost and not decided about; nothing else."""
    wanted = ZERO
    for dispute in Dispute.objects.filter(payment__entity=ledger.case.entity_id).select_related("payment"):
        given = sum((row.amount for row in dispute.refunds.all()), ZERO)
        taken, back = (_moved(dispute, category)[0] for category in ("dispute", "dispute_reversal"))
        if dispute.payment.method == "card" and dispute.payment.state != Payment.State.RETURNED:
            wanted -= taken + back + given
    there = sum((each.amount for each in ledger.disputed), ZERO)
    if there != wanted and not ledger.excused:
        yield Finding(DIVERGED, f"the account of disputes holds {there}; {wanted} is disputed")
