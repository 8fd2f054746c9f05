"""The service catalogue: what the practice sells, at what price, in which rhythm."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from practice.core.audit import Audited
from practice.firm.models.practices import Practice, TaxRate


class Cadence(models.TextChoices):
    """When a service is billed."""

    ONCE = "once", "Once, on signing"
    WEEK = "week", "Every week"
    MONTH = "month", "Every month"
    QUARTER = "quarter", "Every quarter"
    YEAR = "year", "Every year"
    COMPLETION = "completion", "When finished"


class Service(Audited):
    """One thing the practice sells, with the price and rhythm it usually has. Prices exclude tax."""

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="services")
    code = models.CharField(max_length=30)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    price = models.DecimalField(max_digits=16, decimal_places=4)
    currency = models.CharField(max_length=3)
    unit_name = models.CharField(max_length=30, blank=True, help_text="What is counted: person, return, hour")
    cadence = models.CharField(max_length=20, choices=Cadence.choices, default=Cadence.MONTH)
    treatment = models.CharField(max_length=20, choices=TaxRate.Treatment.choices, default=TaxRate.Treatment.STANDARD)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["practice", "code"], name="service_code_once"),
            models.CheckConstraint(condition=Q(price__gte=0), name="service_price_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name
