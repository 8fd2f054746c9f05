"""Credit notes: how an issued invoice is corrected."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from billing.models.agreements import PriceBasis
from billing.models.invoices import Invoice
from practice.core.audit import Audited
from practice.core.money import adds_up
from practice.firm.models import Client, Entity, Practice, Service, TaxRate


class CreditNote(Audited):
    """Less to pay on one invoice, with the reason. Made here, or taken from the ledger."""

    class Reason(models.TextChoices):
        PRICE_CUT = "price_cut", "Price reduced"
        CANCELLED = "cancelled", "Work cancelled"
        WRITE_OFF = "write_off", "Written off"
        LEDGER_EDIT = "ledger_edit", "Made in the ledger by edit"
        LEDGER = "ledger", "Made in the ledger"

    class Origin(models.TextChoices):
        HERE = "here", "Made here"
        LEDGER = "ledger", "Made in the ledger"

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="credits")
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.HERE)
    number = models.CharField(max_length=60)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    words = models.CharField(max_length=200, blank=True)
    issued_on = models.DateField()
    issued_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    price_basis = models.CharField(max_length=10, choices=PriceBasis.choices, default=PriceBasis.EXCLUSIVE)
    net = models.DecimalField(max_digits=14, decimal_places=2)
    tax = models.DecimalField(max_digits=14, decimal_places=2)
    total = models.DecimalField(max_digits=14, decimal_places=2)
    voided_at = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(voided_at__isnull=True, void_reason="") | (Q(voided_at__isnull=False) & ~Q(void_reason="")),
                name="credit_voided_with_reason",
            ),
            models.UniqueConstraint(fields=["entity", "origin", "number"], name="credit_number_once"),
            models.CheckConstraint(condition=adds_up("net", "tax", total="total"), name="credit_total_adds_up"),
            models.CheckConstraint(condition=Q(total__gt=0), name="credit_total_positive"),
        ]

    def __str__(self) -> str:
        return self.number


class CreditNoteLine(models.Model):
    """One credited line, coded as the invoice line is in the ledger now."""

    credit = models.ForeignKey(CreditNote, models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    service = models.ForeignKey(Service, models.PROTECT, related_name="+", null=True, blank=True)
    description = models.CharField(max_length=400)
    quantity = models.DecimalField(max_digits=16, decimal_places=4)
    unit_price = models.DecimalField(max_digits=16, decimal_places=4)
    treatment = models.CharField(max_length=20, choices=TaxRate.Treatment.choices)
    tax_rate = models.DecimalField(max_digits=7, decimal_places=4)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    tax = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["credit", "position"], name="credit_line_position_once")]

    def __str__(self) -> str:
        return f"{self.credit} line {self.position}"
