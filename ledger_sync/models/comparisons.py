"""Comparisons of both books in full: when they were made, and every difference that was found, with its cause."""

from __future__ import annotations

from django.db import models

from ledger_sync.models.connections import Connection
from ledger_sync.models.links import Kind, Link


class Comparison(models.Model):
    """One reading of a whole ledger beside our books. While ``ended_at`` is empty it is going on, or was broken off."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="comparisons")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    compared = models.PositiveIntegerField(default=0)
    broken_off = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["connection", "started_at"], name="comparison_latest")]

    def __str__(self) -> str:
        return f"comparison {self.pk} of connection {self.connection_id}"


class Difference(models.Model):
    """One thing the books do not agree on, and why: on its way, waiting for a decision, or not explained."""

    class What(models.TextChoices):
        DIFFERS = "differs", "says something else there"
        MISSING_THERE = "missing_there", "is not there"
        NEVER_SENT = "never_sent", "was never sent"
        TWICE_THERE = "twice_there", "is there twice"

    class Cause(models.TextChoices):
        ON_ITS_WAY = "on_its_way", "on its way"
        DECISION = "decision", "waits for a decision"
        NOT_READ = "not_read", "changed there, not read yet"
        UNEXPLAINED = "unexplained", "not explained"

    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="differences")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    link = models.ForeignKey(Link, models.CASCADE, related_name="+", null=True, blank=True)
    record = models.CharField(max_length=200)
    what = models.CharField(max_length=15, choices=What.choices)
    cause = models.CharField(max_length=15, choices=Cause.choices)
    field = models.CharField(max_length=40, blank=True)
    here = models.CharField(max_length=200, blank=True)
    there = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.record} {self.get_what_display()}"
