"""Tables of the ground: the sealed chain over the audit trail, the key that opens it, and signs of life."""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """One history row, sealed: its digest, chained to the entry before it in the same practice."""

    practice_ref = models.BigIntegerField()
    seq = models.BigIntegerField()
    model = models.CharField(max_length=100)
    history_id = models.BigIntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=200, blank=True)
    system = models.CharField(max_length=20)
    fields_version = models.CharField(max_length=64)
    personal = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    prev = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["practice_ref", "seq"], name="audit_entry_seq_once"),
            models.UniqueConstraint(fields=["model", "history_id"], name="audit_entry_row_once"),
        ]

    def __str__(self) -> str:
        return f"{self.practice_ref}#{self.seq}"


class AuditUnlock(models.Model):
    """Permission to change the append-only tables, good only inside the transaction that made it."""

    reason = models.CharField(max_length=200)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.reason


class Heartbeat(models.Model):
    """The last sign of life of something that must not fall silent."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%H:%M:%S}"


class Switch(models.Model):
    """The one switch that stops everything from being sent."""

    sending = models.BooleanField(default=True)
    by = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return "sending" if self.sending else f"stopped by {self.by}"
