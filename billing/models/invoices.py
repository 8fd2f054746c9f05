"""Invoices: the document a client was given, frozen once issued; and the runs that make them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.models.agreements import Charge, Engagement, PriceBasis
from practice.core.audit import Audited
from practice.core.money import adds_up
from practice.firm.models import Client, Entity, Practice, Service, TaxRate


class BillingRun(models.Model):
    """One day's billing of one entity; a run that was interrupted is continued, never repeated."""

    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    on = models.DateField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    issued = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "on"], name="billing_run_once_a_day")]

    def __str__(self) -> str:
        return f"billing of {self.on}"


class Invoice(Audited):
    """A bill. Its lines and totals never change once issued; corrections are new documents.

    Paid, part-paid and credited are computed from allocations (:mod:`billing.standing`), never stored.
    """

    WORDS: ClassVar[dict[str, str]] = {
        "engagement": "agreement",
        "issued_at": "",
        "hold_code": "",
        "hold_reason": "on hold because",
        "run": "",
    }

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ISSUED = "issued", "Issued"
        VOID = "void", "Void"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        Status.DRAFT: frozenset({Status.ISSUED}),
        Status.ISSUED: frozenset({Status.VOID}),
        Status.VOID: frozenset(),
    }
    PERSONAL: ClassVar[tuple[str, ...]] = ("recipient_name", "recipient_address")

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, models.PROTECT, related_name="+")
    engagement = models.ForeignKey(Engagement, models.PROTECT, related_name="invoices", null=True, blank=True)
    run = models.ForeignKey(BillingRun, models.PROTECT, related_name="invoices", null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    number = models.CharField(max_length=21, blank=True)
    reference = models.CharField(max_length=60, blank=True)
    issued_on = models.DateField(null=True, blank=True)
    issued_at = models.DateTimeField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    due_reason = models.CharField(max_length=20, blank=True)
    currency = models.CharField(max_length=3)
    price_basis = models.CharField(max_length=10, choices=PriceBasis.choices, default=PriceBasis.EXCLUSIVE)
    recipient_name = models.CharField(max_length=150)
    recipient_address = models.TextField(blank=True)
    recipient_tax_number = models.CharField(max_length=40, blank=True)
    net = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    tax = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    total = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    hold_code = models.CharField(max_length=40, blank=True)
    hold_reason = models.CharField(max_length=300, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=200, blank=True)
    replaces = models.ForeignKey(
        "Payment", models.PROTECT, related_name="replacements", null=True, blank=True,
        help_text="The payment that came back and is asked for again by this invoice",
    )  # fmt: skip

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "number"], condition=~Q(number=""), name="invoice_number_once"),
            models.CheckConstraint(
                condition=Q(status="draft", number="", issued_at__isnull=True)
                | (~Q(status="draft") & ~Q(number="") & Q(issued_at__isnull=False, issued_on__isnull=False)),
                name="invoice_issued_whole",
            ),
            models.CheckConstraint(
                condition=Q(due_on__isnull=True) | Q(issued_on__isnull=True) | Q(due_on__gte=F("issued_on")),
                name="invoice_due_after_issue",
            ),
            models.CheckConstraint(condition=adds_up("net", "tax", total="total"), name="invoice_total_adds_up"),
            models.CheckConstraint(condition=Q(total__gte=0), name="invoice_total_not_negative"),
            models.CheckConstraint(
                condition=Q(hold_code="", hold_reason="") | (~Q(hold_code="") & ~Q(hold_reason="")),
                name="invoice_held_with_reason",
            ),
        ]
        indexes = [models.Index(fields=["practice", "status", "due_on"], name="invoice_by_due")]

    def __str__(self) -> str:
        return self.number or f"draft {self.pk}"

    def can_move(self, status: str) -> bool:
        """Whether the invoice may become ``status``."""
        return status in self.MOVES[self.status]

    @property
    def is_held(self) -> bool:
        """Whether collecting it waits for a person."""
        return bool(self.hold_code)


class InvoiceLine(models.Model):
    """One line as the client was given it. The database refuses to change it once the invoice is issued."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    charge = models.OneToOneField(Charge, models.PROTECT, related_name="invoice_line", null=True, blank=True)
    service = models.ForeignKey(Service, models.PROTECT, related_name="+", null=True, blank=True)
    description = models.CharField(max_length=400)
    quantity = models.DecimalField(max_digits=16, decimal_places=4)
    unit_price = models.DecimalField(max_digits=16, decimal_places=4)
    treatment = models.CharField(max_length=20, choices=TaxRate.Treatment.choices)
    tax_rate = models.DecimalField(max_digits=7, decimal_places=4)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    tax = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["invoice", "position"], name="invoice_line_position_once")]

    def __str__(self) -> str:
        return f"{self.invoice} line {self.position}"


class Instalment(models.Model):
    """A part of one invoice with its own day: the deposit now, the balance later."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="instalments")
    position = models.PositiveSmallIntegerField()
    what = models.CharField(max_length=60)
    due_on = models.DateField()
    amount = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="instalment_position_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="instalment_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.invoice} {self.what}"


class PayLink(models.Model):
    """An unguessable way to one invoice's pay page; only its digest is kept, and it ends."""

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="pay_links")
    token_digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"link to {self.invoice}"
