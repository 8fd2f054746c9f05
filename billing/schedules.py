"""Planned charges: which line is billed when. The nth date is counted from the anchor, never from the one before."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet

from billing.models import Charge, Engagement, EngagementLine, Invoice, InvoiceLine, ScheduleRule
from practice.core import audit, dates, events
from practice.firm.models.services import Cadence

#: How far ahead charges are planned; the daily run keeps it filled.
MONTHS_AHEAD = 13


class ChargeCannotChange(ValueError):
    """The charge was billed or skipped already; the text says which."""


def horizon(today: date) -> date:
    """The day up to which charges are planned."""
    return dates.nth(today, dates.Unit.MONTH, 1, MONTHS_AHEAD)


def rule_kind(cadence: str) -> str:
    """The kind of rule a service's cadence asks for."""
    simple = {Cadence.ONCE: ScheduleRule.Kind.ACCEPTANCE, Cadence.COMPLETION: ScheduleRule.Kind.COMPLETION}
    return simple.get(Cadence(cadence), ScheduleRule.Kind.RECURRING)


def rule_unit(cadence: str) -> str:
    """The rhythm of a recurring cadence, or an empty text."""
    return cadence if rule_kind(cadence) == ScheduleRule.Kind.RECURRING else ""


def in_force(charges: QuerySet[Charge]) -> QuerySet[Charge]:
    """Charges of agreements in force; of one that was ended, those that fall due by its last day."""
    until_the_end = Q(engagement__state=Engagement.State.ENDED, due_on__lte=F("engagement__ends_on"))
    return charges.filter(Q(engagement__state=Engagement.State.ACTIVE) | until_the_end)


@transaction.atomic
def plan_charges(*, engagement: Engagement, until: date) -> int:
    """Plan every charge up to a day that is not planned yet. Returns how many were new."""
    rows: list[Charge] = []
    for line in engagement.lines.select_related("rule").order_by("position"):
        planned = line.charges.filter(kind=Charge.Kind.SERVICE).aggregate(last=Max("nth"))["last"]
        rows += _missing(engagement, line, until, 0 if planned is None else planned + 1)
    with audit.cause(system=audit.current().system or "schedule"):
        audit.bulk_create(rows)
    return len(rows)


@transaction.atomic
def finish_work(*, rule_id: int, on: date) -> list[Charge]:
    """Say that the work of a completion rule is done: its charges fall due on that day."""
    rule = ScheduleRule.objects.select_for_update().get(pk=rule_id, kind=ScheduleRule.Kind.COMPLETION)
    if rule.finished_on is not None:
        raise ChargeCannotChange(f"This work was marked finished on {dates.in_words(rule.finished_on)}")
    rule.finished_on = on
    rule.save(update_fields=["finished_on"])
    charges = list(Charge.objects.select_for_update().filter(line__rule=rule, state=Charge.State.PLANNED))
    for charge in charges:
        charge.due_on = on
        charge.save(update_fields=["due_on"])
    events.record("billing.work.finished", rule)
    return charges


@transaction.atomic
def skip_charge(*, charge_id: int, reason: str) -> Charge:
    """Leave one charge out for good, with the reason. Raises ChargeCannotChange once it is billed."""
    return _set(charge_id, Charge.State.SKIPPED, reason)


@transaction.atomic
def hold_charge(*, charge_id: int, reason: str) -> Charge:
    """Keep one charge out of the runs until it is released. Raises ChargeCannotChange once it is billed."""
    return _set(charge_id, Charge.State.HELD, reason)


@transaction.atomic
def release_charge(*, charge_id: int) -> Charge:
    """Put a held or skipped charge back into the plan; one that is on a voided invoice is planned anew, once.

    Raises ChargeCannotChange when it is billed, or planned anew already.
    """
    charge = Charge.objects.select_for_update().get(pk=charge_id)
    if charge.state == Charge.State.BILLED or not _is_on_invoice(charge):
        return _set(charge_id, Charge.State.PLANNED, "")
    if Charge.objects.filter(line=charge.line_id, kind=Charge.Kind.AGAIN, nth=charge.pk).exists():
        raise ChargeCannotChange("This charge was on a voided invoice, and is planned again as a charge of its own")
    fresh = _again(charge)
    events.record("billing.charge.changed", fresh)
    return fresh


@transaction.atomic
def undo_billing(*, invoice_id: int, reason: str, again: bool) -> list[Charge]:
    """Skip the charges of a voided invoice; with ``again`` plan each once more. Returns what was planned.

    The voided invoice keeps its charges, so that one charge is never on two invoices: billing again is a new charge,
    counted by the one it replaces. Raises ChargeCannotChange unless the invoice is void.
    """
    if not Invoice.objects.filter(pk=invoice_id, status=Invoice.Status.VOID).exists():
        raise ChargeCannotChange("Only the charges of a voided invoice can be taken back")
    planned = []
    for charge in Charge.objects.select_for_update().filter(invoice_line__invoice=invoice_id).order_by("pk"):
        charge.state, charge.reason = Charge.State.SKIPPED, reason[:200]
        charge.save(update_fields=["state", "reason"])
        events.record("billing.charge.changed", charge)
        if again:
            planned.append(_again(charge))
    return planned


def _again(charge: Charge) -> Charge:
    return Charge.objects.create(
        engagement_id=charge.engagement_id, line_id=charge.line_id, kind=Charge.Kind.AGAIN, nth=charge.pk,
        due_on=charge.due_on, period_start=charge.period_start, period_end=charge.period_end,
        description=charge.description, quantity=charge.quantity, unit_price=charge.unit_price,
    )  # fmt: skip


def _is_on_invoice(charge: Charge) -> bool:
    return InvoiceLine.objects.filter(charge=charge).exists()


def _set(charge_id: int, state: str, reason: str) -> Charge:
    charge = Charge.objects.select_for_update().get(pk=charge_id)
    if charge.state == Charge.State.BILLED:
        raise ChargeCannotChange("This charge is billed already; correct it with a credit note")
    if _is_on_invoice(charge):
        raise ChargeCannotChange("This charge was on a voided invoice: release it to bill it again")
    charge.state, charge.reason = state, reason[:200]
    charge.save(update_fields=["state", "reason"])
    events.record("billing.charge.changed", charge)
    return charge


def _missing(engagement: Engagement, line: EngagementLine, until: date, first: int) -> list[Charge]:
    if line.rule.kind != ScheduleRule.Kind.RECURRING:
        if first > 0:
            return []
        due = line.rule.finished_on
        if line.rule.kind == ScheduleRule.Kind.ACCEPTANCE:
            signed_on = engagement.signed_at.astimezone(ZoneInfo(engagement.entity.time_zone)).date()
            due = min(engagement.starts_on, signed_on)
        return [_charge(engagement, line, 0, due, None, None)]
    unit, anchor = dates.Unit(line.rule.unit), line.rule.anchor_on
    assert anchor is not None, "a recurring rule has an anchor (constraint schedule_rule_rhythm_whole)"
    rows, n = [], first
    while (due_on := dates.nth(anchor, unit, line.rule.every, n)) <= until:
        end = dates.nth(anchor, unit, line.rule.every, n + 1) - timedelta(days=1)
        rows.append(_charge(engagement, line, n, due_on, due_on, end))
        n += 1
    return rows


def _charge(
    engagement: Engagement, line: EngagementLine, nth: int, due: date | None, start: date | None, end: date | None
) -> Charge:
    return Charge(
        engagement=engagement,
        line=line,
        nth=nth,
        due_on=due,
        period_start=start,
        period_end=end,
        description=line.description,
        quantity=line.quantity,
        unit_price=line.unit_price,
    )
