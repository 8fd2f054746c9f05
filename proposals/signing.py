"""What a client does with a proposal: look, sign, decline, ask. Signing is one transaction."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from billing import agreements
from billing.agreements import AgreementSpec, LineSpec
from billing.models import Engagement, Invoice
from practice.core import audit, clock, events
from practice.firm import mail
from proposals import documents, sending
from proposals.models import Option, Proposal, ProposalView, Signature
from proposals.refusals import ProposalRefused


@dataclass(frozen=True)
class Signer:
    """Who signs, from where."""

    name: str
    role: str
    address: str
    agent: str


@transaction.atomic
def note_view(*, proposal_id: int, address: str, agent: str) -> None:
    """Note that the client looked; the first look makes a sent proposal "viewed"."""
    proposal = Proposal.objects.select_for_update().get(pk=proposal_id)
    now = clock.now()
    ProposalView.objects.create(proposal=proposal, at=now, address=address[:60], agent=agent[:300])
    if proposal.status == Proposal.Status.SENT:
        proposal.status, proposal.viewed_at = Proposal.Status.VIEWED, now
        proposal.save(update_fields=["status", "viewed_at"])
        events.record("proposals.proposal.viewed", proposal)


@transaction.atomic
def sign_proposal(*, proposal_id: int, option_id: int, signer: Signer, shown_digest: str) -> Signature:
    """Sign: the signature with exactly what was shown, the agreement, its schedule and first invoices, all or nothing.

    Raises ProposalRefused with code "signed" when it was signed before, "changed" when the document is no longer the
    one that was shown, "ended" when it can no longer be signed, or for a missing name.
    """
    proposal = Proposal.objects.select_for_update().get(pk=proposal_id)
    if proposal.status == Proposal.Status.ACCEPTED:
        raise ProposalRefused("This proposal is signed already", code="signed")
    today = clock.today(proposal.entity.time_zone)
    if not proposal.is_open or proposal.expires_on < today:
        raise ProposalRefused("This proposal can no longer be signed", code="ended")
    name = " ".join(signer.name.split())
    if not any(c.isalpha() for c in name):
        raise ProposalRefused("Enter your full name", "name")
    if len(name) > 150:
        raise ProposalRefused("Enter your name in at most 150 characters", "name")
    option = Option.objects.get(pk=option_id, proposal=proposal)
    document = documents.document_of(proposal, option, today)
    if document.digest != shown_digest:
        raise ProposalRefused("Something changed while you were reading", code="changed")
    now = clock.now()
    with audit.cause(system="client link", actor=name, authoriser=name):
        signature = Signature.objects.create(
            proposal=proposal,
            option_name=option.name,
            name=name,
            role=" ".join(signer.role.split())[:100],
            consent=documents.consent_text(proposal),
            document=document.html,
            document_digest=document.digest,
            signed_at=now,
            address=signer.address[:60],
            agent=signer.agent[:300],
        )
        engagement, _ = agreements.make_agreement(spec=_spec(proposal, option, document, signature), now=now)
        proposal.engagement, proposal.status, proposal.decided_at = engagement, Proposal.Status.ACCEPTED, now
        proposal.changed_at = now
        proposal.save(update_fields=["engagement", "status", "decided_at", "changed_at"])
        _tell(proposal, signature)
        events.record("proposals.proposal.accepted", proposal)
    return signature


@transaction.atomic
def decline_proposal(*, proposal_id: int, reason: str) -> Proposal:
    """Say no, with or without a reason. Raises ProposalRefused unless the proposal is open."""
    proposal = Proposal.objects.select_for_update().get(pk=proposal_id)
    if not proposal.is_open:
        raise ProposalRefused(f"This proposal is {proposal.get_status_display().lower()}", code="ended")
    with audit.cause(system="client link", actor=proposal.client.name):
        proposal.status, proposal.decided_at = Proposal.Status.DECLINED, clock.now()
        proposal.decline_reason, proposal.changed_at = reason.strip()[:300], clock.now()
        proposal.save(update_fields=["status", "decided_at", "decline_reason", "changed_at"])
        _to_partner(proposal, "proposals.declined", {"reason": proposal.decline_reason})
        events.record("proposals.proposal.declined", proposal)
    return proposal


@transaction.atomic
def ask_question(*, proposal_id: int, question: str) -> None:
    """Pass the client's question to the partner by mail. Raises ProposalRefused without one."""
    proposal = Proposal.objects.get(pk=proposal_id)
    if not question.strip():
        raise ProposalRefused("Enter your question", "question")
    _to_partner(proposal, "proposals.question", {"question": question.strip()[:2000]})
    events.record("proposals.proposal.asked", proposal, question=question.strip()[:2000])


@transaction.atomic
def ask_for_new_link(*, proposal_id: int) -> None:
    """Tell the partner that the client wants in again; an open proposal's client gets a fresh link at once."""
    proposal = Proposal.objects.get(pk=proposal_id)
    if proposal.is_open and proposal.expires_on >= clock.today(proposal.entity.time_zone):
        sending.send_again(proposal_id=proposal.pk)
        return
    _to_partner(proposal, "proposals.new_link_wanted", {})


def first_invoices(engagement: Engagement) -> list[Invoice]:
    """The invoices acceptance issued, in order: those of the very moment of the signature."""
    rows = Invoice.objects.filter(engagement=engagement, status=Invoice.Status.ISSUED, issued_at=engagement.signed_at)
    return list(rows.order_by("number"))


def _spec(proposal: Proposal, option: Option, document: documents.Document, signature: Signature) -> AgreementSpec:
    return AgreementSpec(
        entity=proposal.entity,
        client=proposal.client,
        title=f"{proposal.title}: {option.name}" if proposal.options.count() > 1 else proposal.title,
        reference=proposal.reference,
        currency=proposal.currency,
        price_basis=proposal.price_basis,
        lines=[
            LineSpec(
                description=line.name,
                quantity=line.quantity,
                unit_price=line.unit_price,
                cadence=line.cadence,
                treatment=line.treatment,
                service=line.service,
            )
            for line in (shown.line for shown in document.plan.lines)
        ],
        starts_on=proposal.starts_on,
        signed_by=signature.name,
        signed_at=signature.signed_at,
        document_digest=signature.document_digest,
        deposit=document.plan.deposit,
        expected_completion_on=proposal.expected_completion_on,
    )


def _tell(proposal: Proposal, signature: Signature) -> None:
    person = proposal.signatory
    if person is not None:
        mail.owe_mail(
            practice=proposal.practice, kind="proposals.signed", to_email=person.email, to_name=person.name,
            from_name=f"{proposal.partner.name}, {proposal.practice.name}", reply_to=proposal.partner.email,
            facts={"proposal_id": proposal.pk, "signature_id": signature.pk},
        )  # fmt: skip
    _to_partner(proposal, "proposals.accepted", {"signature_id": signature.pk})


def _to_partner(proposal: Proposal, kind: str, facts: dict[str, object]) -> None:
    mail.owe_mail(
        practice=proposal.practice, kind=kind, to_email=proposal.partner.email, to_name=proposal.partner.name,
        facts={"proposal_id": proposal.pk, **facts},
    )  # fmt: skip
