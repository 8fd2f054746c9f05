"""What happened to a proposal, from the draft to the money, newest first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from billing import coming
from billing.models import Payment
from practice.core import money
from practice.firm.models import Entity
from proposals.models import Proposal, Signature


@dataclass(frozen=True)
class Happened:
    """One thing that happened; ``tone`` is "x" for a refusal, "w" for something unfinished."""

    at: datetime
    words: str
    more: str = ""
    tone: str = ""
    payment_id: int | None = None


def story_of(proposal: Proposal, signature: Signature | None) -> list[Happened]:
    """Sent, opened, signed or not, paid or not."""
    rows = [*_sending(proposal), *_looks(proposal), *_ending(proposal)]
    if signature is not None:
        more = f"{signature.role}, from {signature.address}" if signature.role else f"From {signature.address}"
        digest = signature.document_digest[:12]
        rows.append(
            Happened(
                signature.signed_at, f"{signature.name} signed {signature.option_name}", f"{more}; document {digest}"
            )
        )
    if proposal.engagement is not None:
        rows += [_paid(payment, proposal.entity) for payment in coming.payments_of(proposal.engagement)]
    return sorted(rows, key=lambda row: row.at, reverse=True)


def _sending(proposal: Proposal) -> Iterable[Happened]:
    if proposal.sent_at is not None and proposal.signatory is not None:
        yield Happened(proposal.sent_at, f"Sent to {proposal.signatory.name}", proposal.signatory.email)


def _looks(proposal: Proposal) -> Iterable[Happened]:
    """The client's looks, those of one day together."""
    zone = ZoneInfo(proposal.entity.time_zone)
    moments = proposal.views.order_by("-at").values_list("at", flat=True)[:200]
    for _, day in groupby(moments, key=lambda at: at.astimezone(zone).date()):
        looks = list(day)
        times = "" if len(looks) == 1 else f"{len(looks)} times that day"
        yield Happened(looks[0], "Opened by the client", times)


def _ending(proposal: Proposal) -> Iterable[Happened]:
    at = proposal.decided_at
    if at is None:
        return
    if proposal.status == Proposal.Status.DECLINED:
        yield Happened(at, "Declined", f"“{proposal.decline_reason}”" if proposal.decline_reason else "", "x")
    elif proposal.status == Proposal.Status.WITHDRAWN:
        yield Happened(at, "Withdrawn", tone="w")
    elif proposal.status == Proposal.Status.EXPIRED:
        yield Happened(at, "Ended unsigned", tone="x")


def _paid(payment: Payment, entity: Entity) -> Happened:
    amount = money.in_words(payment.amount, payment.currency, entity.locale)
    words, tone = {
        Payment.State.SUCCEEDED: (f"{amount} paid {payment.how}", ""),
        Payment.State.PROCESSING: (f"{amount} on its way {payment.how}", "w"),
        Payment.State.FAILED: (f"{amount} {payment.how} never arrived", "x"),
        Payment.State.RETURNED: (f"{amount} {payment.how} was taken back", "x"),
    }[Payment.State(payment.state)]
    return Happened(payment.initiated_at, words, payment.failure, tone, payment.pk)
