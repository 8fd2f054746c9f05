"""The practice, its legal entities and the tax rates each entity charges."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from practice.core.audit import Audited

RESERVED_SLUGS = frozenset("accounts admin c card demo healthz hooks i me my static verify".split())
SLUG = RegexValidator(r"^[a-z0-9-]{3,40}$", "Use 3 to 40 small letters, digits and hyphens")


class Practice(Audited):
    """The tenant: one firm as its people and clients know it."""

    slug = models.CharField(max_length=40, unique=True, validators=[SLUG])
    name = models.CharField(max_length=150)
    initials = models.CharField(max_length=3)
    brand_colour = models.CharField(max_length=7, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    email = models.EmailField(blank=True)
    data_region = models.CharField(max_length=60, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(slug__in=sorted(RESERVED_SLUGS)),
                name="practice_slug_not_reserved",
                violation_error_message="This address is taken",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def audit_practice_id(self) -> int | None:
        """A practice is its own root."""
        return self.pk


class Entity(Audited):
    """A legal entity of the practice: who bills, in which country, currency and tax regime, with which numbers."""

    class Country(models.TextChoices):
        AUSTRALIA = "AU", "Australia"
        NEW_ZEALAND = "NZ", "New Zealand"
        UNITED_KINGDOM = "GB", "United Kingdom"
        UNITED_STATES = "US", "United States"

    class Basis(models.TextChoices):
        INVOICE = "invoice", "Invoice (accruals)"
        PAYMENTS = "payments", "Payments (cash)"
        NONE = "none", "Not registered"

    class DepositKind(models.TextChoices):
        """How a deposit is billed (the accountant's choice, by regime)."""

        PART_PAYMENT = "part_payment", "Part payment of one invoice for the full price"
        UPFRONT_FEE = "upfront_fee", "Upfront fee, earned when billed"

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="entities")
    name = models.CharField(max_length=150)
    country = models.CharField(max_length=2, choices=Country.choices)
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=60)
    tax_number = models.CharField(max_length=40, blank=True)
    tax_name = models.CharField(max_length=20, default="GST", help_text="What tax is called: GST, VAT, sales tax")
    tax_basis = models.CharField(max_length=10, choices=Basis.choices, default=Basis.INVOICE)
    deposit_kind = models.CharField(max_length=20, choices=DepositKind.choices, default=DepositKind.PART_PAYMENT)
    invoice_prefix = models.CharField(max_length=8, default="CS-")
    next_invoice = models.PositiveIntegerField(default=1)
    credit_prefix = models.CharField(max_length=8, default="CN-")
    next_credit = models.PositiveIntegerField(default=1)
    address = models.TextField(blank=True)
    billing_hour = models.PositiveSmallIntegerField(default=6, help_text="Local hour of the daily billing run")
    payment_days = models.PositiveSmallIntegerField(default=14)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["practice", "name"], name="entity_name_once"),
            models.CheckConstraint(condition=Q(billing_hour__lte=23), name="entity_billing_hour_of_a_day"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def locale(self) -> str:
        """The babel locale its amounts and dates are written in."""
        return f"en_{self.country}"


class TaxRate(Audited):
    """What one tax treatment costs in one entity from a date on; a new rate is a new row."""

    class Treatment(models.TextChoices):
        STANDARD = "standard", "Standard rate"
        ZERO = "zero", "Zero-rated"
        EXEMPT = "exempt", "Exempt"
        OUT_OF_SCOPE = "out_of_scope", "Out of scope"

    entity = models.ForeignKey(Entity, models.PROTECT, related_name="tax_rates")
    treatment = models.CharField(max_length=20, choices=Treatment.choices)
    rate = models.DecimalField(max_digits=7, decimal_places=4)
    valid_from = models.DateField(default=date(2000, 1, 1))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "treatment", "valid_from"], name="tax_rate_once"),
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lt=100), name="tax_rate_is_a_percentage"),
        ]

    def __str__(self) -> str:
        return f"{self.get_treatment_display()} {self.rate.normalize():f}%"

    def audit_title(self) -> str:
        """Which sales it is for."""
        return str(self.get_treatment_display())

    def audit_practice_id(self) -> int | None:
        """A rate belongs to the entity's practice."""
        return self.entity.practice_id


def rates_at(entity: Entity, on: date) -> dict[str, Decimal]:
    """The percentage of every treatment in an entity on a date, in one query; 0 where nothing is charged."""
    rates = dict.fromkeys(TaxRate.Treatment.values, Decimal("0.0000"))
    rates |= dict(entity.tax_rates.filter(valid_from__lte=on).order_by("valid_from").values_list("treatment", "rate"))
    return rates
