"""What the firm shows in slots: how many things need you, and mail that could not be delivered."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from practice.core.panels import panel
from practice.firm import needs
from practice.firm.models import Mail
from practice.firm.needs import Need
from practice.firm.permissions import Member


@panel("firm.bar", order=10)
def need_you(request: HttpRequest, member: Member) -> tuple[str, dict[str, Any]] | None:
    """The count of things that need the member, on every page."""
    found = needs.gather(request, member)
    return ("firm/need_you.html", {"count": len(found.rows), "practice": member.practice}) if found.rows else None


@panel("firm.dashboard.needs", order=90)
def undelivered_mail(request: HttpRequest, member: Member) -> tuple[str, dict[str, Any]] | None:
    """Mail set aside because its address does not work, for those who can correct it."""
    if not member.may("clients.edit"):
        return None
    parked = list(Mail.objects.filter(practice=member.practice, parked_at__isnull=False).order_by("parked_at")[:10])
    href = reverse("mails", kwargs={"practice": member.practice.slug})
    rows = [
        Need(
            title=f"A mail to {mail.to_email} was not delivered",
            detail="Nothing was sent. Correct the address, then send it again.",
            verb="Look at it",
            href=f"{href}#mail-{mail.pk}",
            icon="mail",
            since=mail.parked_at,
        )
        for mail in parked
    ]
    return ("firm/needs.html", {"needs": rows}) if rows else None
