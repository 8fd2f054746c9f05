"""Making, pausing and ending agreements: from what was signed to rules, lines, planned charges and first invoices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from billing import deposits, invoicing, schedules
from billing.models import Charge, Engagement, EngagementLine, Invoice, ScheduleRule
from practice.core import clock, events
from practice.firm.models import Client, Entity, Service


class AgreementRefused(ValueError):
    """The agreement cannot be made as it stands; the text says why."""


@dataclass(frozen=True)
class LineSpec:
    """One agreed service. ``unit_price`` is in the agreement's currency and price basis."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    cadence: str
    treatment: str
    service: Service | None = None
    every: int = 1


@dataclass(frozen=True)
class AgreementSpec:
    """Everything an agreement is made of, in billing's own words. ``deposit`` includes tax."""

    entity: Entity
    client: Client
    title: str
    reference: str
    currency: str
    price_basis: str
    lines: Sequence[LineSpec]
    starts_on: date
    signed_by: str
    signed_at: datetime
    document_digest: str
    deposit: Decimal = Decimal("0.00")
    expected_completion_on: date | None = None


@transaction.atomic
def make_agreement(*, spec: AgreementSpec, now: datetime) -> tuple[Engagement, list[Invoice]]:
    """Put an agreement in force: rows, planned charges a year ahead, and the invoices that are due at once.

    Returns the agreement and the invoices issued on acceptance, the deposit's first. Raises AgreementRefused when
    there is nothing to bill, or the deposit is more than the work it is taken off.
    """
    if not spec.lines:
        raise AgreementRefused("An agreement needs at least one service")
    engagement = Engagement.objects.create(
        practice_id=spec.entity.practice_id,
        entity=spec.entity,
        client=spec.client,
        title=spec.title,
        reference=spec.reference,
        currency=spec.currency,
        price_basis=spec.price_basis,
        starts_on=spec.starts_on,
        expected_completion_on=spec.expected_completion_on,
        signed_by=spec.signed_by,
        signed_at=spec.signed_at,
        document_digest=spec.document_digest,
    )
    for position, line in enumerate(spec.lines, start=1):
        _add_line(engagement, position, line)
    today = clock.today(spec.entity.time_zone)
    schedules.plan_charges(engagement=engagement, until=schedules.horizon(today))
    first: list[Invoice] = []
    if spec.deposit:
        try:
            first += deposits.bill_deposit(engagement=engagement, deposit=spec.deposit, on=today, now=now)
        except deposits.DepositTooLarge as error:
            raise AgreementRefused(str(error)) from error
    due = Charge.objects.filter(engagement=engagement, state=Charge.State.PLANNED, due_on__lte=today)
    if due.exists():
        # Due today: the client pays it in the visit in which they sign.
        first.append(invoicing.bill_charges(engagement=engagement, charges=list(due), on=today, now=now, due_on=today))
    events.record("billing.agreement.made", engagement)
    return engagement, first


@transaction.atomic
def pause_agreement(*, engagement_id: int, reason: str) -> Engagement:
    """Stop billing for now; planned charges wait. Raises AgreementRefused unless it is in force."""
    return _move(engagement_id, Engagement.State.ACTIVE, Engagement.State.PAUSED, reason)


@transaction.atomic
def resume_agreement(*, engagement_id: int, reason: str) -> Engagement:
    """Bill again; what fell due meanwhile is in the next run. Raises AgreementRefused unless it is paused."""
    return _move(engagement_id, Engagement.State.PAUSED, Engagement.State.ACTIVE, reason)


@transaction.atomic
def end_agreement(*, engagement_id: int, on: date, reason: str) -> Engagement:
    """End an agreement on a date: what falls due by then is still billed, what comes later is skipped."""
    engagement = Engagement.objects.select_for_update().get(pk=engagement_id)
    if engagement.state == Engagement.State.ENDED:
        raise AgreementRefused("This agreement has already ended")
    # The nightly run plans no further for an agreement that was ended.
    schedules.plan_charges(engagement=engagement, until=on)
    for charge in engagement.charges.filter(state=Charge.State.PLANNED, due_on__gt=on):
        charge.state, charge.reason = Charge.State.SKIPPED, f"agreement ended: {reason}"[:200]
        charge.save(update_fields=["state", "reason"])
    engagement.state, engagement.ends_on = Engagement.State.ENDED, max(on, engagement.starts_on)
    engagement._change_reason = reason  # type: ignore[attr-defined]
    engagement.save(update_fields=["state", "ends_on"])
    events.record("billing.agreement.ended", engagement)
    return engagement


def _move(engagement_id: int, before: str, after: str, reason: str) -> Engagement:
    engagement = Engagement.objects.select_for_update().get(pk=engagement_id)
    if engagement.state != before:
        raise AgreementRefused(f"This agreement is {engagement.get_state_display().lower()}")
    engagement.state = after
    engagement._change_reason = reason  # type: ignore[attr-defined]
    engagement.save(update_fields=["state"])
    events.record("billing.agreement.changed", engagement)
    return engagement


def _add_line(engagement: Engagement, position: int, line: LineSpec) -> EngagementLine:
    rule, _ = ScheduleRule.objects.get_or_create(
        engagement=engagement,
        kind=schedules.rule_kind(line.cadence),
        unit=schedules.rule_unit(line.cadence),
        every=line.every,
        defaults={"anchor_on": engagement.starts_on if schedules.rule_unit(line.cadence) else None},
    )
    return EngagementLine.objects.create(
        engagement=engagement,
        rule=rule,
        service=line.service,
        position=position,
        description=line.description,
        quantity=line.quantity,
        unit_price=line.unit_price,
        treatment=line.treatment,
    )
