"""Connections to ledgers: what people decide, tokens, the lease and cursor of each lane, calls left."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from practice.core.audit import Audited
from practice.core.encrypted import EncryptedTextField
from practice.firm.models import Entity, Practice, Service


class Provider(models.TextChoices):
    """The ledgers we speak to."""

    XERO = "xero", "Xero"
    QUICKBOOKS = "quickbooks", "QuickBooks"


class TokenSet(models.Model):
    """The tokens of one vendor user (Xero) or company (QuickBooks), shared by what that user connected."""

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    provider = models.CharField(max_length=12, choices=Provider.choices)
    subject = models.CharField(max_length=80)
    secret = EncryptedTextField(help_text="JSON: access_token, refresh_token, scope")
    previous = EncryptedTextField(blank=True, default="")
    expires_at = models.DateTimeField()
    refreshing_until = models.DateTimeField(null=True, blank=True)
    generation = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["practice", "provider", "subject"], name="token_set_once")]

    def __str__(self) -> str:
        return f"{self.provider} tokens of {self.subject}"


class Connection(Audited):
    """One ledger organisation of one entity, and what people decided about it."""

    NOUN = "connected ledger"
    WORDS: ClassVar[dict[str, str]] = {"tokens": "", "sending_allowed": "sending"}

    class State(models.TextChoices):
        CONNECTING = "connecting", "Connecting"
        MATCHING = "matching", "Matching"
        LIVE = "live", "Connected"
        PAUSED = "paused", "Paused"
        DISCONNECTED = "disconnected", "Disconnected"

    #: Policies people may switch on: our PDF on each invoice there, and who accepted it in its history.
    ATTACH, NOTE_ACCEPTANCE = "attach_pdf", "note_acceptance"
    #: Why a connection ended that we ended; any other reason is the ledger's.
    BY_US = "by us"

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    provider = models.CharField(max_length=12, choices=Provider.choices)
    remote_org = models.CharField(max_length=80)
    name = models.CharField(max_length=200)
    tokens = models.ForeignKey(TokenSet, models.PROTECT, related_name="connections")
    policies = models.JSONField(default=dict)
    sending_allowed = models.BooleanField(default=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.CONNECTING)
    pause_reason = models.CharField(max_length=200, blank=True)
    connected_at = models.DateTimeField()
    disconnected_at = models.DateTimeField(null=True, blank=True)
    disconnect_reason = models.CharField(max_length=200, blank=True)
    given_back_at = models.DateTimeField("access given back", null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "remote_org"],
                condition=Q(disconnected_at__isnull=True),
                name="connection_live_org_once",
            ),
            models.UniqueConstraint(fields=["entity", "provider", "remote_org"], name="connection_org_of_entity_once"),
            models.CheckConstraint(
                condition=Q(state="disconnected", disconnected_at__isnull=False)
                | (~Q(state="disconnected") & Q(disconnected_at__isnull=True)),
                name="connection_disconnected_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()}, {self.name}"

    @property
    def may_send(self) -> bool:
        """Whether anything may go out now."""
        return self.state == self.State.LIVE and self.sending_allowed


class Lane(models.Model):
    """One line of work on a connection (push, pull or verify): who holds it, until when, and how far it got."""

    class Name(models.TextChoices):
        PUSH = "push", "Push"
        PULL = "pull", "Pull"
        VERIFY = "verify", "Verify"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="lanes")
    name = models.CharField(max_length=10, choices=Name.choices)
    holder = models.CharField(max_length=40, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    epoch = models.BigIntegerField(default=0)
    cursor = models.JSONField(default=dict)
    bell_at = models.DateTimeField(null=True, blank=True)
    blocked_until = models.DateTimeField(null=True, blank=True)
    #: Until then what is left of the ledger's window is kept for people.
    people_until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    failures = models.PositiveIntegerField(default=0)
    silent_since = models.DateTimeField(null=True, blank=True)
    swept_at = models.DateTimeField(null=True, blank=True)
    sweep_asked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "name"], name="lane_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.connection_id}"


class Budget(models.Model):
    """Calls left in one fixed window of the vendor's, shared by every process."""

    key = models.CharField(max_length=120, primary_key=True)
    starts_at = models.DateTimeField()
    seconds = models.PositiveIntegerField()
    cap = models.PositiveIntegerField()
    spent = models.PositiveIntegerField(default=0)
    reserve = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.key}: {self.spent} of {self.cap}"


class Turn(models.Model):
    """The right of one drain to send bulk, until it runs out; there are as many rows as may at once."""

    place = models.PositiveSmallIntegerField(primary_key=True)
    holder = models.CharField(max_length=40, blank=True)
    until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"turn {self.place}"


class RefItem(models.Model):
    """One account, tax rate, tracking option … of the ledger as it was last seen; never deleted."""

    class Kind(models.TextChoices):
        ACCOUNT = "account", "Account"
        TAX = "tax", "Tax rate"
        TRACKING = "tracking", "Tracking category"
        OPTION = "option", "Tracking option"
        CLASS = "class", "Class"
        TERM = "term", "Term"
        ITEM = "item", "Item"
        THEME = "theme", "Branding theme"
        ORGANISATION = "organisation", "Organisation"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="ref_items")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    remote_id = models.CharField(max_length=80)
    code = models.CharField(max_length=80, blank=True)
    name = models.CharField(max_length=200)
    active = models.BooleanField(default=True)
    data = models.JSONField(default=dict)
    seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "remote_id"], name="ref_item_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}".strip()

    @property
    def label(self) -> str:
        """How causes name it: its code, and its name in quotes."""
        return f"{self.code} “{self.name}”".strip()


class Mapping(Audited):
    """Where something of ours goes in the ledger: a service's account, a tax rate, the account of a purpose."""

    NOUN = "place in the ledger"
    WORDS: ClassVar[dict[str, str]] = {"target": "place"}

    class Purpose(models.TextChoices):
        SALES = "sales", "Income, unless a service says otherwise"
        SERVICE = "service", "Income of one service"
        TAX = "tax", "Tax rate"
        CLEARING = "clearing", "Stripe clearing"
        FEES = "fees", "Stripe fees"
        FEE_TAX = "fee_tax", "Tax on Stripe fees"
        BANK = "bank", "Bank account payouts arrive in"
        RETURNED = "returned", "Returned payments"
        DISPUTED = "disputed", "Disputed payments"
        BAD_DEBTS = "bad_debts", "Bad debts"

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="mappings")
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    service = models.ForeignKey(Service, models.PROTECT, related_name="+", null=True, blank=True)
    treatment = models.CharField(max_length=20, blank=True)
    target = models.ForeignKey(RefItem, models.PROTECT, related_name="mappings")
    chosen_by = models.CharField(max_length=150, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "purpose", "treatment"], condition=Q(service__isnull=True), name="mapping_once"
            ),
            models.UniqueConstraint(
                fields=["connection", "purpose", "service"],
                condition=Q(service__isnull=False),
                name="mapping_of_service_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} → {self.target}"

    def audit_title(self) -> str:
        """What it gives a place to."""
        return self.get_purpose_display()

    def audit_practice_id(self) -> int | None:
        """A mapping belongs to the connection's practice."""
        return self.connection.practice_id
