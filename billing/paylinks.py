"""Links to one invoice's pay page: unguessable, ending, and never stored as they are."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from billing.models import Invoice, MethodLink, PayLink
from practice.core import clock, tokens

LINK_DAYS = 90


class LinkEnded(LookupError):
    """The link was good once; it has run out or was taken back. ``link`` leads to whom to ask for a new one."""

    def __init__(self, link: PayLink | MethodLink) -> None:
        super().__init__("this link has ended")
        self.link = link


@transaction.atomic
def mint(*, invoice_id: int, now: datetime) -> str:
    """A fresh token for an invoice's pay page; earlier ones stay good until they end."""
    token, digest = tokens.mint()
    PayLink.objects.create(
        invoice_id=invoice_id, token_digest=digest, made_at=now, expires_at=now + timedelta(days=LINK_DAYS)
    )
    return token


def invoice_of(token: str) -> Invoice | None:
    """The invoice a token opens. None for one we never gave out; raises LinkEnded for one that ran out."""
    link = (
        PayLink.objects.filter(token_digest=tokens.digest(token))
        .select_related("invoice__client", "invoice__entity", "invoice__practice")
        .first()
    )
    if link is None:
        return None
    if link.revoked_at is not None or link.expires_at <= clock.now():
        raise LinkEnded(link)
    return link.invoice


def method_link_of(token: str) -> MethodLink | None:
    """The link for a new payment method a token opens. None when unknown; raises LinkEnded for one that ran out."""
    rows = MethodLink.objects.select_related("client", "entity__practice")
    link = rows.filter(token_digest=tokens.digest(token)).first()
    if link is not None and link.expires_at <= clock.now():
        raise LinkEnded(link)
    return link
