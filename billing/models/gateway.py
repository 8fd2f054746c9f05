"""What billing keeps of Stripe: the account, customers, saved methods, every attempt to collect, every notice."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.models.invoices import Invoice
from billing.models.payments import FeeDay, Payment, Payout
from practice.core.audit import Audited
from practice.core.encrypted import EncryptedTextField
from practice.firm.models import Client, Entity, Practice


class StripeAccount(models.Model):
    """One entity's own Stripe account: a restricted key, the publishable key and the webhook secret."""

    entity = models.OneToOneField(Entity, models.PROTECT, related_name="+")
    account_ref = models.CharField(max_length=60, unique=True)
    country = models.CharField(max_length=2)
    currency = models.CharField(max_length=3)
    publishable_key = models.CharField(max_length=200)
    secret_key = EncryptedTextField()
    webhook_secret = EncryptedTextField(blank=True)
    webhook_ref = models.CharField(max_length=60, blank=True)
    connected_at = models.DateTimeField()
    events_seen_until = models.CharField(max_length=60, blank=True)

    def __str__(self) -> str:
        return self.account_ref


class StripeCustomer(models.Model):
    """A client as Stripe knows it, per entity."""

    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, models.PROTECT, related_name="+")
    customer_ref = models.CharField(max_length=60, unique=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "client"], name="stripe_customer_once")]

    def __str__(self) -> str:
        return self.customer_ref


class PaymentMethod(Audited):
    """A card or bank account a client allowed to be charged later, with the proof of that permission."""

    class Kind(models.TextChoices):
        CARD = "card", "Card"
        BECS = "au_becs_debit", "Bank debit"
        ACH = "us_bank_account", "Bank debit (ACH)"

    PERSONAL: ClassVar[tuple[str, ...]] = ("last4", "accepted_address")
    CALLED_AFTER = "client"
    WORDS: ClassVar[dict[str, str]] = {"accepted_agent": "browser", "accepted_address": "internet address"}

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, models.PROTECT, related_name="+")
    method_ref = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    brand = models.CharField(max_length=30, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    mandate_ref = models.CharField(max_length=60, blank=True)
    accepted_at = models.DateTimeField()
    accepted_address = models.CharField(max_length=60, blank=True)
    accepted_agent = models.CharField(max_length=300, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entity", "client"], condition=Q(removed_at__isnull=True), name="payment_method_one_in_use"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand or self.get_kind_display()} ending {self.last4}"

    @property
    def is_debit(self) -> bool:
        """Whether money taken from it takes days to be certain."""
        return self.kind != self.Kind.CARD


class MethodLink(models.Model):
    """An unguessable way to the page where a client gives a new card or account; only its digest is kept."""

    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, models.PROTECT, related_name="+")
    token_digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"link for a new payment method of {self.client}"


class Attempt(models.Model):
    """One try to collect: written, with its idempotency key, before Stripe hears of it."""

    class State(models.TextChoices):
        NEW = "new", "Not sent yet"
        CALLING = "calling", "Asked, not answered"
        NEEDS_ACTION = "needs_action", "The client must do a step"
        PROCESSING = "processing", "On its way"
        SUCCEEDED = "succeeded", "Paid"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        SKIPPED = "skipped", "Not tried"

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, models.PROTECT, related_name="+")
    on_session = models.BooleanField()
    method = models.ForeignKey(PaymentMethod, models.PROTECT, related_name="attempts", null=True, blank=True)
    payment = models.OneToOneField(Payment, models.PROTECT, related_name="attempt", null=True, blank=True)
    key = models.UUIDField(unique=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    state = models.CharField(max_length=12, choices=State.choices, default=State.NEW)
    intent_ref = models.CharField(max_length=60, blank=True)
    client_secret = EncryptedTextField(blank=True, default="")
    made_at = models.DateTimeField()
    called_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    failure_code = models.CharField(max_length=60, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    payer_address = models.CharField(max_length=60, blank=True)
    payer_agent = models.CharField(max_length=300, blank=True)
    save_method = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="attempt_positive"),
            models.UniqueConstraint(fields=["intent_ref"], condition=~Q(intent_ref=""), name="attempt_intent_once"),
        ]
        indexes = [models.Index(fields=["entity", "state"], condition=Q(closed_at__isnull=True), name="attempt_open")]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} from {self.client} ({self.state})"


class AttemptShare(models.Model):
    """How much of an attempt is meant for which invoice. ``live`` until the attempt is closed: one at a time."""

    attempt = models.ForeignKey(Attempt, models.PROTECT, related_name="shares")
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="attempt_shares")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    live = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["attempt", "invoice"], name="attempt_share_once"),
            models.UniqueConstraint(fields=["invoice"], condition=Q(live=True), name="attempt_share_one_live"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} for {self.invoice}"


class StripeEvent(models.Model):
    """A notice from Stripe, stored before it is answered; its id makes a second copy harmless."""

    account = models.ForeignKey(StripeAccount, models.PROTECT, related_name="events")
    event_ref = models.CharField(max_length=60)
    type = models.CharField(max_length=80)
    object_ref = models.CharField(max_length=80, blank=True)
    body = models.JSONField()
    received_at = models.DateTimeField()
    worked_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "event_ref"], name="stripe_event_once")]
        indexes = [
            models.Index(fields=["account", "id"], condition=Q(worked_at__isnull=True), name="stripe_event_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_ref}"


class BalanceTransaction(models.Model):
    """One movement of Stripe's balance: the evidence fees, payouts and the clearing proof are made of."""

    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    movement_ref = models.CharField(max_length=60, unique=True)
    category = models.CharField(max_length=60)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    fee = models.DecimalField(max_digits=14, decimal_places=2)
    net = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    fee_details = models.JSONField(default=list)
    made_at = models.DateTimeField()
    on = models.DateField()
    available_on = models.DateField()
    source_ref = models.CharField(max_length=60, blank=True)
    payment = models.ForeignKey(Payment, models.PROTECT, related_name="movements", null=True, blank=True)
    payout = models.ForeignKey(Payout, models.PROTECT, related_name="movements", null=True, blank=True)
    fee_day = models.ForeignKey(FeeDay, models.PROTECT, related_name="movements", null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["entity", "on"], name="movement_by_day")]

    def __str__(self) -> str:
        return f"{self.category} {self.net} {self.currency}"
