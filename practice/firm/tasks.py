"""What the worker runs for the firm: each task is safe to run twice, late or never."""

from __future__ import annotations

from practice.firm import mail


def send_mail(*, mail_id: int) -> None:
    """Send one mail, if it is still owed."""
    mail.deliver(mail_id)


def sweep_mail() -> int:
    """Send every mail that is due and was not rung for. Returns how many were sent."""
    return sum(mail.deliver(mail_id) for mail_id in mail.due())
