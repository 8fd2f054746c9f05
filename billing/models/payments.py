"""Money that came in, where it went, and what became of it: payments, allocations, refunds, disputes, payouts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.models.credits import CreditNote
from billing.models.invoices import Invoice
from practice.core.audit import Audited
from practice.firm.models import Client, Entity, Practice


class Payment(Audited):
    """Money from a client. Processing is not paid; paid can be reversed."""

    CALLED_AFTER = "client"

    class Source(models.TextChoices):
        STRIPE = "stripe", "Stripe"
        LEDGER = "ledger", "Recorded in the ledger"
        HAND = "hand", "Typed in here"

    class State(models.TextChoices):
        PROCESSING = "processing", "On its way"
        SUCCEEDED = "succeeded", "Paid"
        FAILED = "failed", "Failed"
        RETURNED = "returned", "Returned"

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, models.PROTECT, related_name="+")
    source = models.CharField(max_length=10, choices=Source.choices)
    method = models.CharField(max_length=30)
    state = models.CharField(max_length=12, choices=State.choices)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=60)
    initiated_at = models.DateTimeField()
    paid_on = models.DateField(null=True, blank=True)
    charge_ref = models.CharField(
        max_length=60, blank=True, help_text="Stripe's id of the charge, where Stripe took it"
    )
    failure = models.CharField(max_length=200, blank=True)
    returned_on = models.DateField(null=True, blank=True, help_text="The day money that had arrived was taken back")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_positive"),
            models.CheckConstraint(
                condition=Q(returned_on__isnull=True) | Q(state="returned"), name="payment_taken_back_is_returned"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["processing", "failed"]) | Q(paid_on__isnull=False), name="payment_paid_on_a_day"
            ),
            models.UniqueConstraint(
                fields=["entity", "charge_ref"], condition=~Q(charge_ref=""), name="payment_stripe_charge_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.amount} {self.currency}"

    @property
    def how(self) -> str:
        """How it came, in words: "by card", "by bank debit", "at the bank"."""
        if self.source != self.Source.STRIPE:
            return "at the bank"
        return "by card" if self.method == "card" else "by bank debit"


class Allocation(Audited):
    """Money, or credit, on one invoice. Undone by marking it reversed, never by deleting.

    ``refund`` took it off, so that the ledger keeps the payment and pays out the credit note that stands in its place;
    what a refund left of it is a row of its own, the ``rest_of`` it. ``replaced_by`` is the invoice that asks again for
    money that came back when nothing could be changed any more: this one counts as settled.
    """

    NOUN = "money on an invoice"
    CALLED_AFTER = "invoice"
    WORDS: ClassVar[dict[str, str]] = {
        "reversal_reason": "taken off because", "reversed_at": "taken off", "refund": "", "rest_of": "",
    }  # fmt: skip

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="allocations", null=True, blank=True)
    credit = models.ForeignKey(CreditNote, models.PROTECT, related_name="allocations", null=True, blank=True)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="allocations")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    made_at = models.DateTimeField()
    reversed_at = models.DateTimeField(null=True, blank=True)
    reversal_reason = models.CharField(max_length=200, blank=True)
    refund = models.ForeignKey("Refund", models.PROTECT, related_name="took", null=True, blank=True)
    rest_of = models.ForeignKey("self", models.PROTECT, related_name="rests", null=True, blank=True)
    replaced_by = models.ForeignKey(Invoice, models.PROTECT, related_name="replacing", null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="allocation_positive"),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, credit__isnull=True) | Q(payment__isnull=True, credit__isnull=False),
                name="allocation_of_payment_or_credit",
            ),
            models.CheckConstraint(
                condition=Q(reversed_at__isnull=True, reversal_reason="")
                | (Q(reversed_at__isnull=False) & ~Q(reversal_reason="")),
                name="allocation_reversed_with_reason",
            ),
            models.CheckConstraint(
                condition=Q(refund__isnull=True) | Q(reversed_at__isnull=False), name="allocation_refunded_is_reversed"
            ),
            models.CheckConstraint(
                condition=Q(replaced_by__isnull=True) | Q(payment__isnull=False, reversed_at__isnull=True),
                name="allocation_replaced_is_money",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} on {self.invoice}"

    def audit_practice_id(self) -> int | None:
        """An allocation belongs to the invoice's practice."""
        return self.invoice.practice_id


class Refund(Audited):
    """Money given back, for a stated reason: the reason decides the entry."""

    class Why(models.TextChoices):
        PRICE = "price", "Price reduced or work cancelled"
        UNAPPLIED = "unapplied", "Paid twice or too much"
        METHOD = "method", "Paid the wrong way, and still owed"

    class State(models.TextChoices):
        PENDING = "pending", "On its way"
        SUCCEEDED = "succeeded", "Refunded"
        FAILED = "failed", "Failed"

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds")
    credit = models.ForeignKey(CreditNote, models.PROTECT, related_name="refunds", null=True, blank=True)
    why = models.CharField(max_length=12, choices=Why.choices)
    state = models.CharField(max_length=12, choices=State.choices, default=State.PENDING)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    key = models.UUIDField(unique=True)
    refund_ref = models.CharField(max_length=60, blank=True)
    made_at = models.DateTimeField()
    refunded_on = models.DateField(null=True, blank=True)
    words = models.CharField(max_length=200, blank=True)
    dispute = models.ForeignKey(
        "Dispute", models.PROTECT, related_name="refunds", null=True, blank=True,
        help_text="The lost dispute by which the money went back: Stripe is asked for nothing",
    )  # fmt: skip
    failure = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="refund_positive"),
            models.CheckConstraint(condition=~Q(why="price") | Q(credit__isnull=False), name="refund_price_has_credit"),
            models.UniqueConstraint(fields=["refund_ref"], condition=~Q(refund_ref=""), name="refund_of_stripe_once"),
        ]

    def __str__(self) -> str:
        return f"refund {self.amount} of {self.payment}"

    def audit_practice_id(self) -> int | None:
        """A refund belongs to the payment's practice."""
        return self.payment.practice_id


class Dispute(Audited):
    """A client's bank asked for the money back; open until Stripe says won or lost."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        WON = "won", "Won"
        LOST = "lost", "Lost"

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="disputes")
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    reason = models.CharField(max_length=60, blank=True)
    dispute_ref = models.CharField(max_length=60, unique=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"dispute of {self.payment}"

    def audit_practice_id(self) -> int | None:
        """A dispute belongs to the payment's practice."""
        return self.payment.practice_id


class FeeDay(models.Model):
    """What Stripe kept of one day's money, booked as one entry per entity and day in the entity's zone."""

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    on = models.DateField()
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    tax = models.DecimalField(max_digits=14, decimal_places=2)
    closed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "on", "currency"], name="fee_day_once"),
            models.CheckConstraint(condition=Q(tax__lte=F("amount")), name="fee_day_tax_within"),
        ]

    def __str__(self) -> str:
        return f"fees of {self.on}"


class Payout(Audited):
    """Money on its way from Stripe to the bank. Negative when Stripe takes money back."""

    WORDS: ClassVar[dict[str, str]] = {"itemised_at": "", "reference": ""}

    class State(models.TextChoices):
        IN_TRANSIT = "in_transit", "In transit"
        ARRIVED = "arrived", "Arrived"
        FAILED = "failed", "Failed"

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    payout_ref = models.CharField(max_length=60, unique=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.IN_TRANSIT)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    reference = models.CharField(max_length=60)
    made_at = models.DateTimeField()
    arrives_on = models.DateField()
    itemised_at = models.DateTimeField(null=True, blank=True)
    came_back_on = models.DateField(
        null=True, blank=True, help_text="The day the bank sent back what had counted as arrived"
    )
    failure = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(came_back_on__isnull=True) | Q(state="failed"), name="payout_that_came_back_failed"
            )
        ]

    def __str__(self) -> str:
        return f"payout {self.reference}"
