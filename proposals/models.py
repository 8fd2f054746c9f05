"""Tables of proposals: drafts with options, what was sent, who looked, who signed what."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.models import Engagement, PriceBasis
from practice.core.audit import Audited
from practice.firm.models import Client, Entity, Person, Practice, Service, TaxRate, User
from practice.firm.models.services import Cadence


class Terms(Audited):
    """One version of the practice's legal text, with merge fields; a new wording is a new version."""

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    body = models.TextField()
    summary = models.JSONField(default=list, help_text="The terms in short: pairs of a heading and a sentence")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["practice", "name", "version"], name="terms_version_once")]

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"


class ProposalCounter(models.Model):
    """The next proposal number of a practice; locked while one is drawn."""

    practice = models.OneToOneField(Practice, models.PROTECT, related_name="+")
    next = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return f"next is {self.next}"


class Proposal(Audited):
    """What the practice offers one client: a draft until sent, evidence once signed."""

    WORDS: ClassVar[dict[str, str]] = {"changed_at": "", "engagement": "agreement"}

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        REVIEW = "review", "In review"
        SENT = "sent", "Sent"
        VIEWED = "viewed", "Viewed"
        ACCEPTED = "accepted", "Signed"
        DECLINED = "declined", "Declined"
        EXPIRED = "expired", "Ended unsigned"
        WITHDRAWN = "withdrawn", "Withdrawn"

    class Deposit(models.TextChoices):
        NONE = "none", "No deposit"
        AMOUNT = "amount", "An amount"
        PERCENT = "percent", "A percentage"

    MOVES: ClassVar[dict[str, frozenset[str]]] = {
        Status.DRAFT: frozenset({Status.REVIEW, Status.SENT, Status.WITHDRAWN}),
        Status.REVIEW: frozenset({Status.DRAFT, Status.SENT, Status.WITHDRAWN}),
        Status.SENT: frozenset({Status.VIEWED, Status.ACCEPTED, Status.DECLINED, Status.EXPIRED, Status.WITHDRAWN}),
        Status.VIEWED: frozenset({Status.ACCEPTED, Status.DECLINED, Status.EXPIRED, Status.WITHDRAWN}),
        Status.ACCEPTED: frozenset(),
        Status.DECLINED: frozenset(),
        Status.EXPIRED: frozenset(),
        Status.WITHDRAWN: frozenset(),
    }
    OPEN: ClassVar[tuple[str, ...]] = (Status.SENT, Status.VIEWED)

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    entity = models.ForeignKey(Entity, models.PROTECT, related_name="+")
    client = models.ForeignKey(Client, models.PROTECT, related_name="+")
    signatory = models.ForeignKey(Person, models.PROTECT, related_name="+", null=True, blank=True)
    partner = models.ForeignKey(User, models.PROTECT, related_name="+")
    reference = models.CharField(max_length=20)
    title = models.CharField(max_length=150)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    message = models.TextField(blank=True)
    note = models.TextField(blank=True)
    currency = models.CharField(max_length=3)
    price_basis = models.CharField(max_length=10, choices=PriceBasis.choices, default=PriceBasis.EXCLUSIVE)
    terms = models.ForeignKey(Terms, models.PROTECT, related_name="+", null=True, blank=True)
    starts_on = models.DateField()
    expires_on = models.DateField()
    expected_completion_on = models.DateField(null=True, blank=True)
    deposit = models.CharField(max_length=10, choices=Deposit.choices, default=Deposit.NONE)
    deposit_value = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    edition = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    viewed_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decline_reason = models.CharField(max_length=300, blank=True)
    engagement = models.OneToOneField(Engagement, models.PROTECT, related_name="+", null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["practice", "reference"], name="proposal_reference_once"),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "review", "withdrawn"]) | Q(sent_at__isnull=False),
                name="proposal_sent_has_moment",
            ),
            models.CheckConstraint(
                condition=(Q(status="accepted") & Q(engagement__isnull=False))
                | (~Q(status="accepted") & Q(engagement__isnull=True)),
                name="proposal_accepted_has_agreement",
            ),
            models.CheckConstraint(condition=Q(deposit_value__gte=0), name="proposal_deposit_not_negative"),
            models.CheckConstraint(
                condition=~Q(deposit="percent") | Q(deposit_value__gt=0, deposit_value__lte=100),
                name="proposal_deposit_percent_within_hundred",
            ),
        ]
        indexes = [models.Index(fields=["practice", "status", "changed_at"], name="proposal_by_status")]

    def __str__(self) -> str:
        return f"{self.reference} {self.title}"

    def can_move(self, status: str) -> bool:
        """Whether the proposal may become ``status``."""
        return status in self.MOVES[self.status]

    @property
    def is_draft(self) -> bool:
        """Whether it may still be written on."""
        return self.status in (self.Status.DRAFT, self.Status.REVIEW)

    @property
    def is_open(self) -> bool:
        """Whether the client may still sign or decline."""
        return self.status in self.OPEN


class Option(models.Model):
    """One of up to three plans the client chooses from."""

    proposal = models.ForeignKey(Proposal, models.CASCADE, related_name="options")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=60)
    summary = models.CharField(max_length=200, blank=True)
    recommended = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["proposal", "position"], name="option_position_once"),
            models.CheckConstraint(condition=Q(position__gte=1, position__lte=3), name="option_at_most_three"),
        ]

    def __str__(self) -> str:
        return self.name


class ProposalLine(models.Model):
    """One offered service, in some or all of the options."""

    proposal = models.ForeignKey(Proposal, models.CASCADE, related_name="lines")
    options: models.ManyToManyField[Option, models.Model] = models.ManyToManyField(Option, related_name="lines")
    position = models.PositiveSmallIntegerField()
    service = models.ForeignKey(Service, models.PROTECT, related_name="+", null=True, blank=True)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    quantity = models.DecimalField(max_digits=16, decimal_places=4, default=1)
    unit_name = models.CharField(max_length=30, blank=True)
    unit_price = models.DecimalField(max_digits=16, decimal_places=4)
    cadence = models.CharField(max_length=20, choices=Cadence.choices)
    treatment = models.CharField(max_length=20, choices=TaxRate.Treatment.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["proposal", "position"], name="proposal_line_position_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="proposal_line_quantity_positive"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="proposal_line_price_not_negative"),
        ]

    def __str__(self) -> str:
        return self.name


class ProposalLink(models.Model):
    """An unguessable way to one proposal: only its digest is kept; it ends, and it can be revoked."""

    proposal = models.ForeignKey(Proposal, models.PROTECT, related_name="links")
    token_digest = models.CharField(max_length=64, unique=True)
    to_email = models.EmailField()
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"link to {self.proposal} for {self.to_email}"


class ProposalView(models.Model):
    """One look a client took."""

    proposal = models.ForeignKey(Proposal, models.PROTECT, related_name="views")
    at = models.DateTimeField()
    address = models.CharField(max_length=60, blank=True)
    agent = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.proposal} seen {self.at:%d %b %H:%M}"


class Signature(Audited):
    """Who signed what, when and from where, with the exact document and its hash. Never changed."""

    PERSONAL: ClassVar[tuple[str, ...]] = ("name", "address", "agent")
    WORDS: ClassVar[dict[str, str]] = {"document": "", "address": "internet address", "agent": "browser"}

    proposal = models.OneToOneField(Proposal, models.PROTECT, related_name="signature")
    option_name = models.CharField(max_length=60)
    name = models.CharField(max_length=150)
    role = models.CharField(max_length=100, blank=True)
    consent = models.TextField()
    document = models.TextField()
    document_digest = models.CharField(max_length=64)
    signed_at = models.DateTimeField()
    address = models.CharField(max_length=60)
    agent = models.CharField(max_length=300)

    def __str__(self) -> str:
        return f"{self.name} on {self.proposal}"

    def audit_practice_id(self) -> int | None:
        """A signature belongs to the proposal's practice."""
        return self.proposal.practice_id
