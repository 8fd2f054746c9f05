"""What the firm writes down when something happened: links in its own mail."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from practice.core.events import recorder
from practice.firm.models import Mail


@recorder("firm.mail.rendering")
def link_invitation(mail: Mail, *, context: dict[str, Any]) -> None:
    """Give an invitation the address where its reader signs in."""
    if mail.kind == "firm.invited":
        context["link"] = f"{settings.SITE_URL}/accounts/login/code/"
