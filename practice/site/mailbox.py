"""The demo's post office: mail goes to a page of the demo instead of the world."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from practice.core import clock
from practice.site.models import DemoMail


class MailboxBackend(BaseEmailBackend):
    """Keeps each message as a row that ``/demo/mail/`` shows."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep the messages. Returns how many."""
        for message in email_messages:
            html = ""
            if isinstance(message, EmailMultiAlternatives) and message.alternatives:
                html = str(message.alternatives[0][0])
            DemoMail.objects.create(
                to=", ".join(message.to),
                sender=message.from_email,
                subject=str(message.subject),
                text=str(message.body),
                html=html,
                at=clock.now(),
            )
        return len(email_messages)
