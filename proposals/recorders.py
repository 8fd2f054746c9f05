"""What proposals write down when a lower package records an event: links, minted while their mail is rendered."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse

from practice.core.events import recorder
from practice.firm.models import Client, Mail
from proposals import documents, drafting, links
from proposals.models import Proposal, Signature

_WITH_LINK = ("proposals.sent", "proposals.signed")


@recorder("firm.client.changed")
def client_changed(client: Client, *, fields: list[str], **_: Any) -> None:
    """Somebody was added at a client: the drafts that waited for a signatory have one."""
    if "people" in fields:
        drafting.adopt_signatory(client_id=client.pk)


@recorder("firm.mail.rendering")
def mail_rendering(mail: Mail, *, context: dict[str, Any], **_: Any) -> None:
    """Give a mail about a proposal the proposal itself, and clients a fresh link."""
    if not mail.kind.startswith("proposals."):
        return
    proposal = Proposal.objects.select_related(
        "practice", "entity", "client", "partner", "signatory", "engagement"
    ).get(pk=mail.facts["proposal_id"])
    context["proposal"] = proposal
    context["staff_url"] = settings.SITE_URL + reverse(
        "proposal", kwargs={"practice": proposal.practice.slug, "proposal_id": proposal.pk}
    )
    if mail.kind in _WITH_LINK:
        token = links.mint(proposal, mail.to_email)
        context["link"] = settings.SITE_URL + reverse("client_proposal", kwargs={"token": token})
    if "signature_id" in mail.facts:
        signature = Signature.objects.get(pk=mail.facts["signature_id"])
        context["signature"] = signature
        if mail.kind == "proposals.signed":
            name = f"{proposal.reference} signed.html"
            context["attachments"] = [(name, documents.standing_alone(signature), "text/html")]
