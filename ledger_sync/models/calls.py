"""Calls: every HTTP call that changes a ledger, written with its key and exact body before it is sent."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from ledger_sync.models.connections import Connection
from ledger_sync.models.links import Link


class Call(models.Model):
    """One HTTP call. While ``closed_at`` is empty nobody knows what became of it, and its links enter no other call."""

    class Outcome(models.TextChoices):
        OPEN = "", "Not known yet"
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"
        TRY_LATER = "try_later", "Try later"
        FOUND = "unknown_found", "Unknown, found on looking"
        ABSENT = "unknown_absent", "Unknown, absent on looking"

    connection = models.ForeignKey(Connection, models.PROTECT, related_name="calls")
    urgency = models.SmallIntegerField()
    operation = models.CharField(max_length=40)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=300)
    body = models.TextField()
    key = models.CharField(max_length=36, unique=True)
    epoch = models.BigIntegerField()
    made_at = models.DateTimeField()
    first_sent_at = models.DateTimeField(null=True, blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    sends = models.PositiveIntegerField(default=0)
    closed_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, choices=Outcome.choices, blank=True, default="")
    http_status = models.PositiveIntegerField(null=True, blank=True)
    words = models.CharField(max_length=500, blank=True)
    vendor_request_id = models.CharField(max_length=80, blank=True)
    cause = models.JSONField(default=dict)
    #: What was sent is removed after a while; its fingerprint stays (ledger_sync.purging).
    emptied_at = models.DateTimeField(null=True, blank=True)
    body_digest = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, outcome="") | (Q(closed_at__isnull=False) & ~Q(outcome="")),
                name="call_closed_with_outcome",
            ),
        ]
        indexes = [
            models.Index(fields=["connection", "id"], condition=Q(closed_at__isnull=True), name="call_open"),
            models.Index(fields=["closed_at"], condition=Q(emptied_at__isnull=True), name="call_to_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.key}"


class CallItem(models.Model):
    """One link's place in a call: which revision was sent, what it looked like, what came of it."""

    call = models.ForeignKey(Call, models.CASCADE, related_name="items")
    position = models.PositiveSmallIntegerField()
    link = models.ForeignKey(Link, models.PROTECT, related_name="items")
    sent_rev = models.BigIntegerField()
    generation = models.PositiveIntegerField()
    ours = models.JSONField()
    result = models.CharField(max_length=20, blank=True, default="")
    vendor_code = models.CharField(max_length=80, blank=True, default="")
    text = models.CharField(max_length=500, blank=True, default="")
    open_call = models.ForeignKey(Call, models.CASCADE, related_name="open_items", null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["call", "position"], name="call_item_position_once"),
            models.UniqueConstraint(fields=["call", "link"], name="call_item_link_once"),
            models.UniqueConstraint(
                fields=["link"], condition=Q(open_call__isnull=False), name="call_item_link_in_one_open_call"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.call_id} #{self.position}"
