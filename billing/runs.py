"""The daily billing run: every charge that is due becomes part of one invoice, exactly once."""

from __future__ import annotations

import logging
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from django.db import OperationalError, transaction
from django.db.models import Max, Q

from billing import invoicing, schedules
from billing.models import BillingRun, Charge, Engagement, EngagementLine
from practice.core import audit, clock, dates, events
from practice.firm.models import Entity

log = logging.getLogger(__name__)
#: Invoices per commit: long enough to be fast, short enough that nobody waits for the lock.
PER_COMMIT = 100


def run_billing(*, entity_id: int, on: date, now: datetime) -> BillingRun:
    """Bill everything due on or before a day. A run that was interrupted continues where it stopped.

    A charge is locked and marked in the commit that puts it on an invoice, so two runs at once, or a run killed
    between any two lines, never bill it twice. An agreement whose invoice cannot be made is named in ``problems``
    and does not stop the others.
    """
    run, _ = BillingRun.objects.get_or_create(entity_id=entity_id, on=on, defaults={"started_at": now})
    with audit.cause(system="schedule", actor="billing run", run=f"run {run.pk}"):
        _plan_ahead(entity_id, on)
        due = list(
            schedules.in_force(
                Charge.objects.filter(engagement__entity_id=entity_id, state=Charge.State.PLANNED, due_on__lte=on)
            )
            .select_related("engagement__entity", "engagement__client", "line")
            .order_by("engagement_id", "line__position", "nth")
        )
        groups = [(e, list(charges)) for e, charges in groupby(due, key=lambda c: c.engagement)]
        for start in range(0, len(groups), PER_COMMIT):
            _commit(run, groups[start : start + PER_COMMIT], on, now)
        _finish(run)
    return run


def due_entities(now: datetime) -> list[tuple[int, date]]:
    """Entities whose billing hour has come and whose run of that day is not finished, with the day."""
    waiting = []
    for entity in Entity.objects.all():
        today = clock.today(entity.time_zone)
        hour = now.astimezone(ZoneInfo(entity.time_zone)).hour
        done = BillingRun.objects.filter(entity=entity, on=today, finished_at__isnull=False).exists()
        if hour >= entity.billing_hour and not done:
            waiting.append((entity.pk, today))
    return waiting


def _plan_ahead(entity_id: int, on: date) -> None:
    """Keep a year of charges planned; only agreements with a line that runs out sooner are looked at."""
    enough = dates.nth(on, dates.Unit.MONTH, 1, schedules.MONTHS_AHEAD - 1)
    lines = EngagementLine.objects.filter(
        engagement__entity_id=entity_id, engagement__state=Engagement.State.ACTIVE, rule__kind="recurring"
    ).annotate(planned_to=Max("charges__due_on"))
    short = lines.filter(Q(planned_to__isnull=True) | Q(planned_to__lt=enough)).values("engagement_id")
    for engagement in Engagement.objects.filter(pk__in=short):
        schedules.plan_charges(engagement=engagement, until=schedules.horizon(on))


def _commit(run: BillingRun, groups: list[tuple[Engagement, list[Charge]]], on: date, now: datetime) -> None:
    """Bill some agreements in one commit. The run's row is locked first, so that two at once take turns."""
    with transaction.atomic():
        run.refresh_from_db(from_queryset=BillingRun.objects.select_for_update())
        ids = [charge.pk for _, charges in groups for charge in charges]
        rows = schedules.in_force(Charge.objects.filter(pk__in=ids, state=Charge.State.PLANNED))
        planned = set(rows.values_list("pk", flat=True))
        for engagement, charges in groups:
            left = [charge for charge in charges if charge.pk in planned]
            if not left:
                continue
            try:
                with transaction.atomic():
                    invoicing.bill_charges(engagement=engagement, charges=left, on=on, now=now, run=run)
                run.issued += 1
            except invoicing.InvoiceCannotMove as problem:
                log.warning("billing run %s: %s: %s", run.pk, engagement.reference, problem)
                run.problems.append({"agreement": engagement.reference, "problem": str(problem)})
            except OperationalError:
                raise
            except Exception:
                log.exception("billing run %s: %s", run.pk, engagement.reference)
                words = "It could not be worked out and waits for the next run. The log says why"
                run.problems.append({"agreement": engagement.reference, "problem": words})
        run.save(update_fields=["issued", "problems"])


def _finish(run: BillingRun) -> None:
    with transaction.atomic():
        run.finished_at = clock.now()
        run.save(update_fields=["finished_at"])
        events.record("billing.run.finished", run)
