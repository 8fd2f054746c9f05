"""Tables only the demo uses."""

from __future__ import annotations

from django.db import models


class DemoMark(models.Model):
    """Present only in a database made by ``make demo``; without it the demo's doors stay shut."""

    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"demo made {self.made_at:%d %b %Y}"


class DemoMail(models.Model):
    """A message the demo would have sent."""

    to = models.CharField(max_length=300)
    sender = models.CharField(max_length=300)
    subject = models.CharField(max_length=300)
    text = models.TextField()
    html = models.TextField(blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.subject} to {self.to}"
