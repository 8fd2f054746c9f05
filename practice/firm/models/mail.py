"""Mail that is owed to somebody: written in the commit that caused it, rendered and sent by the worker."""

from __future__ import annotations

from django.db import models

from practice.core.owed import Single
from practice.firm.models.practices import Practice


class Mail(Single):
    """One message. Links in it are minted while it is rendered, so that no token is ever stored."""

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="mails")
    kind = models.CharField(max_length=60)
    to_email = models.EmailField()
    to_name = models.CharField(max_length=150, blank=True)
    from_name = models.CharField(max_length=200, blank=True)
    reply_to = models.EmailField(blank=True)
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    failure = models.CharField(max_length=300, blank=True)

    class Meta(Single.Meta):
        constraints = [*Single.Meta.constraints]
        indexes = [
            models.Index(fields=["ready_at"], condition=models.Q(ready_at__isnull=False), name="mail_ready"),
        ]

    @property
    def about(self) -> str:
        """What it is about, in words: "Invited"."""
        return self.kind.partition(".")[2].replace("_", " ").capitalize()

    def __str__(self) -> str:
        return f"{self.kind} to {self.to_email}"
