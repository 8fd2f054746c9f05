"""What comes in: every webhook as it was received, the objects it hints at, and what a person must decide."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ledger_sync.models.connections import Connection, Provider
from ledger_sync.models.links import Link
from practice.core.audit import Audited
from practice.firm.models import Practice


class Delivery(models.Model):
    """One webhook as received, stored before it was answered."""

    provider = models.CharField(max_length=12, choices=Provider.choices)
    body = models.BinaryField()
    body_sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    worked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "body_sha256"], name="delivery_once")]
        indexes = [models.Index(fields=["id"], condition=Q(worked_at__isnull=True), name="delivery_waiting")]

    def __str__(self) -> str:
        return f"{self.provider} notice {self.pk}"


class LastNotice(models.Model):
    """When a ledger last told of one connection's books; a row of its own, so that a notice locks nothing else."""

    connection = models.OneToOneField(Connection, models.CASCADE, primary_key=True, related_name="last_notice")
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.connection_id} at {self.at}"


class Hint(models.Model):
    """An object of the ledger that something said has changed: to be fetched, once, however often it was said."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="hints")
    kind = models.CharField(max_length=20)
    remote_id = models.CharField(max_length=64)
    first_at = models.DateTimeField()
    last_event_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "kind", "remote_id"], name="hint_once")]
        indexes = [
            models.Index(fields=["connection", "ready_at"], condition=Q(ready_at__isnull=False), name="hint_ready")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.remote_id}"


class Snag(Audited):
    """Something a person must decide ("cause" on pages): what happened, how much waits on it, what may be pressed."""

    NOUN = "cause"
    WORDS: ClassVar[dict[str, str]] = {
        "facts": "",
        "code": "",
        "link": "",
        "closed_by": "",
        "remedy": "how it was cleared",
        "closed_at": "cleared",
        "money": "held up",
    }

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    connection = models.ForeignKey(Connection, models.PROTECT, related_name="snags")
    link = models.ForeignKey(Link, models.PROTECT, related_name="snags", null=True, blank=True)
    code = models.CharField(max_length=40)
    dedupe_key = models.CharField(max_length=200)
    facts = models.JSONField(default=dict)
    money = models.DecimalField(max_digits=14, decimal_places=2, default=0)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=200, blank=True)
    remedy = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dedupe_key"], condition=Q(closed_at__isnull=True), name="snag_open_once"),
        ]
        indexes = [
            models.Index(fields=["connection", "opened_at"], condition=Q(closed_at__isnull=True), name="snag_open")
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.dedupe_key}"

    def audit_title(self) -> str:
        """The record it is about, or the account."""
        return str(self.facts.get("what") or self.facts.get("name") or self.facts.get("account") or "")
