"""What a client has in force: the agreement, its lines, the rules that schedule them, and every planned charge."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from practice.core.audit import Audited
from practice.firm.models import Client, Entity, Practice, Service, TaxRate


class PriceBasis(models.TextChoices):
    """Whether signed prices include tax. It is recorded because rebuilding one from the other loses cents."""

    EXCLUSIVE = "exclusive", "Prices exclude tax"
    INCLUSIVE = "inclusive", "Prices include tax"


class Engagement(Audited):
    """An agreement in force with one client: "agreement" on every page."""

    NOUN = "agreement"

    class State(models.TextChoices):
        ACTIVE = "active", "In force"
        PAUSED = "paused", "Paused"
        ENDED = "ended", "Ended"

    PERSONAL: ClassVar[tuple[str, ...]] = ("signed_by",)

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, models.PROTECT, related_name="+")
    payer = models.ForeignKey(Client, models.PROTECT, related_name="+", null=True, blank=True)
    title = models.CharField(max_length=150)
    reference = models.CharField(max_length=60)
    currency = models.CharField(max_length=3)
    price_basis = models.CharField(max_length=10, choices=PriceBasis.choices, default=PriceBasis.EXCLUSIVE)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    expected_completion_on = models.DateField(null=True, blank=True)
    signed_by = models.CharField(max_length=150, blank=True)
    signed_at = models.DateTimeField()
    document_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["practice", "reference"], name="agreement_reference_once"),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")), name="agreement_ends_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"


class ScheduleRule(Audited):
    """When lines of an agreement are billed: on acceptance, in a rhythm counted from an anchor, or on completion."""

    NOUN = "schedule"
    CALLED_AFTER = "engagement"
    WORDS: ClassVar[dict[str, str]] = {"engagement": "agreement", "anchor_on": "counted from"}

    class Kind(models.TextChoices):
        ACCEPTANCE = "acceptance", "On signing"
        RECURRING = "recurring", "Recurring"
        COMPLETION = "completion", "When finished"

    engagement = models.ForeignKey(Engagement, models.PROTECT, related_name="rules")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    unit = models.CharField(max_length=10, blank=True)
    every = models.PositiveSmallIntegerField(default=1)
    anchor_on = models.DateField(null=True, blank=True)
    finished_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["engagement", "kind", "unit", "every"], name="schedule_rule_once"),
            models.CheckConstraint(
                condition=Q(kind="recurring", anchor_on__isnull=False, unit__in=["week", "month", "quarter", "year"])
                | (~Q(kind="recurring") & Q(unit="")),
                name="schedule_rule_rhythm_whole",
            ),
            models.CheckConstraint(condition=Q(every__gte=1), name="schedule_rule_every_at_least_one"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.unit}".strip()

    def audit_practice_id(self) -> int | None:
        """A rule belongs to the agreement's practice."""
        return self.engagement.practice_id


class EngagementLine(Audited):
    """One agreed service: how many, at which price, billed by which rule."""

    NOUN = "line of an agreement"
    WORDS: ClassVar[dict[str, str]] = {"engagement": "agreement", "rule": "schedule"}

    engagement = models.ForeignKey(Engagement, models.PROTECT, related_name="lines")
    rule = models.ForeignKey(ScheduleRule, models.PROTECT, related_name="lines")
    service = models.ForeignKey(Service, models.PROTECT, related_name="+", null=True, blank=True)
    position = models.PositiveSmallIntegerField()
    description = models.CharField(max_length=300)
    quantity = models.DecimalField(max_digits=16, decimal_places=4)
    unit_price = models.DecimalField(max_digits=16, decimal_places=4)
    treatment = models.CharField(max_length=20, choices=TaxRate.Treatment.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["engagement", "position"], name="agreement_line_position_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="agreement_line_quantity_positive"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="agreement_line_price_not_negative"),
        ]

    def __str__(self) -> str:
        return self.description

    def audit_practice_id(self) -> int | None:
        """A line belongs to the agreement's practice."""
        return self.engagement.practice_id


class Charge(Audited):
    """One planned line of a schedule: the nth time a line is billed. Rows, so that the forecast is a query."""

    WORDS: ClassVar[dict[str, str]] = {"engagement": "agreement", "nth": ""}

    class Kind(models.TextChoices):
        SERVICE = "service", "Service"
        UPFRONT = "upfront", "Upfront fee"
        LESS_UPFRONT = "less_upfront", "Less the upfront fee"
        AGAIN = "again", "Billed again"

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        HELD = "held", "On hold"
        SKIPPED = "skipped", "Skipped"
        BILLED = "billed", "Billed"

    engagement = models.ForeignKey(Engagement, models.PROTECT, related_name="charges")
    line = models.ForeignKey(EngagementLine, models.PROTECT, related_name="charges")
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.SERVICE)
    nth = models.PositiveIntegerField()
    due_on = models.DateField(null=True, blank=True)
    period_start = models.DateField(null=True, blank=True)
    period_end = models.DateField(null=True, blank=True)
    description = models.CharField(max_length=300)
    quantity = models.DecimalField(max_digits=16, decimal_places=4)
    unit_price = models.DecimalField(max_digits=16, decimal_places=4)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["line", "kind", "nth"], name="charge_nth_once"),
            models.CheckConstraint(
                condition=Q(unit_price__gte=0) | Q(kind__in=["less_upfront", "again"]),
                name="charge_only_upfront_comes_off",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["held", "skipped"]) | ~Q(reason=""), name="charge_held_with_reason"
            ),
            models.CheckConstraint(
                condition=~Q(state="billed") | Q(due_on__isnull=False), name="charge_billed_on_a_day"
            ),
        ]
        indexes = [
            # No condition on the state: a bound parameter does not match a partial index's predicate on SQLite.
            models.Index(fields=["state", "due_on"], name="charge_due"),
        ]

    def __str__(self) -> str:
        return f"{self.description} #{self.nth}"

    def audit_practice_id(self) -> int | None:
        """A charge belongs to the agreement's practice."""
        return self.engagement.practice_id
