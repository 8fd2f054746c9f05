"""The client's way in: a token of 32 bytes in the address, only its digest here; it ends and can be revoked."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from practice.core import clock, tokens
from proposals.models import Proposal, ProposalLink

#: How long after the last day to sign the link still opens, to show that it has ended and whom to ask.
SHOWN_AFTER_END = timedelta(days=90)


class LinkEnded(Exception):
    """The link no longer opens the proposal; ``proposal`` is None when nobody knows it."""

    def __init__(self, proposal: Proposal | None) -> None:
        super().__init__("this link has ended")
        self.proposal = proposal


def mint(proposal: Proposal, to_email: str) -> str:
    """Make one more link and return its token, which is stored nowhere."""
    token, digest = tokens.mint()
    last = datetime.combine(proposal.expires_on, time(23, 59, 59), ZoneInfo(proposal.entity.time_zone))
    ProposalLink.objects.create(
        proposal=proposal,
        token_digest=digest,
        to_email=to_email,
        made_at=clock.now(),
        expires_at=last + SHOWN_AFTER_END,
    )
    return token


def follow(token: str) -> Proposal:
    """The proposal behind a token. Raises LinkEnded for unknown, revoked and expired ones."""
    link = (
        ProposalLink.objects.filter(token_digest=tokens.digest(token))
        .select_related(
            "proposal__practice",
            "proposal__entity",
            "proposal__client",
            "proposal__partner",
            "proposal__signatory",
            "proposal__terms",
            "proposal__engagement",
        )
        .first()
    )
    if link is None:
        raise LinkEnded(None)
    if link.revoked_at is not None or link.expires_at <= clock.now():
        raise LinkEnded(link.proposal)
    return link.proposal
