"""Sending a proposal, and taking it back. Links in mails are minted while the mail is rendered."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from practice.core import clock, events
from practice.firm import mail
from practice.firm.models import Person
from proposals import preflight
from proposals.models import Proposal, ProposalLink
from proposals.refusals import ProposalRefused


@transaction.atomic
def send_proposal(*, proposal_id: int, anyway: str = "") -> Proposal:
    """Send a draft to its signatory. ``anyway`` is the reason for going on in spite of findings that do not block.

    Raises ProposalRefused with the first blocking finding, or when it was sent already.
    """
    proposal = Proposal.objects.select_for_update().get(pk=proposal_id)
    if not proposal.can_move(Proposal.Status.SENT):
        raise ProposalRefused(f"This proposal is {proposal.get_status_display().lower()} already")
    for finding in preflight.findings(proposal):
        if finding.blocks or not anyway:
            raise ProposalRefused(finding.words, code="finding" if finding.blocks else "anyway")
    proposal.status, proposal.sent_at, proposal.changed_at = Proposal.Status.SENT, clock.now(), clock.now()
    if anyway:
        proposal._change_reason = anyway[:100]  # type: ignore[attr-defined]
    proposal.save(update_fields=["status", "sent_at", "changed_at"])
    _mail_link(proposal)
    events.record("proposals.proposal.sent", proposal)
    return proposal


@transaction.atomic
def send_again(*, proposal_id: int, email: str = "") -> Proposal:
    """Mail a fresh link; with ``email`` to a corrected address, and every earlier link ends.

    Raises ProposalRefused unless the proposal is open.
    """
    proposal = Proposal.objects.select_for_update().get(pk=proposal_id)
    if not proposal.is_open:
        raise ProposalRefused(f"This proposal is {proposal.get_status_display().lower()}")
    if email and proposal.signatory is not None:
        address = _address(email)
        others = Person.objects.filter(client=proposal.client_id).exclude(pk=proposal.signatory.pk)
        other = others.filter(email=address).first()
        if other is not None:
            raise ProposalRefused(f"{other.name} of {proposal.client.name} has that address already", "email")
        revoke_links(proposal)
        person = Person.objects.select_for_update().get(pk=proposal.signatory.pk)
        person.email = address
        person.save(update_fields=["email"])
        proposal.signatory = person
    _mail_link(proposal)
    events.record("proposals.proposal.sent_again", proposal)
    return proposal


@transaction.atomic
def hand_on(*, proposal_id: int, name: str, email: str) -> Proposal:
    """Somebody else signs: they get a link, the earlier ones end, and both are named in the record.

    Raises ProposalRefused unless the proposal is open, and for a name or an address that no mail can go to.
    """
    proposal = Proposal.objects.select_for_update().get(pk=proposal_id)
    if not proposal.is_open:
        raise ProposalRefused(f"This proposal is {proposal.get_status_display().lower()}")
    called = " ".join(name.split())[:150]
    if not called or not email.strip():
        raise ProposalRefused("Enter the name and email of the person who signs", "email")
    person, _ = Person.objects.get_or_create(
        client_id=proposal.client_id, email=_address(email), defaults={"name": called, "signs": True}
    )
    proposal.signatory = person
    proposal.save(update_fields=["signatory"])
    revoke_links(proposal)
    _mail_link(proposal)
    events.record("proposals.proposal.handed_on", proposal)
    return proposal


@transaction.atomic
def withdraw_proposal(*, proposal_id: int, reason: str = "") -> Proposal:
    """Take a proposal back: its links end at once. Raises ProposalRefused once it is signed, declined or ended."""
    proposal = Proposal.objects.select_for_update().get(pk=proposal_id)
    if not proposal.can_move(Proposal.Status.WITHDRAWN):
        raise ProposalRefused(f"This proposal is {proposal.get_status_display().lower()}")
    proposal.status, proposal.decided_at, proposal.changed_at = Proposal.Status.WITHDRAWN, clock.now(), clock.now()
    proposal._change_reason = reason[:100] or None  # type: ignore[attr-defined]
    proposal.save(update_fields=["status", "decided_at", "changed_at"])
    revoke_links(proposal)
    events.record("proposals.proposal.withdrawn", proposal)
    return proposal


def end_expired(now: datetime) -> int:
    """End every open proposal whose last day has passed in its entity's zone. Returns how many."""
    ended = 0
    for row in Proposal.objects.filter(status__in=Proposal.OPEN).select_related("entity"):
        if row.expires_on < clock.today(row.entity.time_zone):
            with transaction.atomic():
                proposal = Proposal.objects.select_for_update().get(pk=row.pk)
                if proposal.is_open:
                    proposal.status, proposal.decided_at = Proposal.Status.EXPIRED, now
                    proposal.save(update_fields=["status", "decided_at"])
                    events.record("proposals.proposal.expired", proposal)
                    ended += 1
    return ended


def revoke_links(proposal: Proposal) -> None:
    """End every link to a proposal."""
    ProposalLink.objects.filter(proposal=proposal, revoked_at__isnull=True).update(revoked_at=clock.now())


def _address(email: str) -> str:
    """An address as it was typed, tidied. Raises ProposalRefused for one that no mail can go to."""
    tidy = email.strip().lower()
    try:
        Person._meta.get_field("email").run_validators(tidy)
    except ValidationError as error:
        raise ProposalRefused("Enter an email like amelie@larkspur.example", "email") from error
    return tidy


def _mail_link(proposal: Proposal) -> None:
    person = proposal.signatory
    if person is None:
        raise ProposalRefused("Choose who signs", "signatory_id")
    mail.owe_mail(
        practice=proposal.practice,
        kind="proposals.sent",
        to_email=person.email,
        to_name=person.name,
        from_name=f"{proposal.partner.name}, {proposal.practice.name}",
        reply_to=proposal.partner.email,
        facts={"proposal_id": proposal.pk},
    )
