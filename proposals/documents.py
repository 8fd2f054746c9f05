"""The document a client signs: rendered once per option, hashed, and kept word for word with the signature."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import strip_tags

from practice.core import clock
from proposals import merging, pricing
from proposals.models import Option, Proposal, Signature


@dataclass(frozen=True)
class Document:
    """Exactly what is shown to the client for one option, and its SHA-256."""

    html: str
    digest: str
    plan: pricing.Plan


def document_of(proposal: Proposal, option: Option, today: date) -> Document:
    """Render the agreement for one option: parties, services, what is paid when, and the full terms."""
    plan = pricing.plan_of(proposal, option, today)
    html = render_to_string(
        "proposals/document.html",
        {
            "proposal": proposal,
            "plan": plan,
            "message": merging.fill(proposal.message, proposal),
            "terms": proposal.terms,
            "terms_body": merging.fill(proposal.terms.body, proposal) if proposal.terms else "",
        },
    )
    return Document(html, hashlib.sha256(html.encode()).hexdigest(), plan)


def shown(proposal: Proposal, option: Option) -> dict[str, Any]:
    """What the client's page says about one option, the same live and in the preview."""
    today = clock.today(proposal.entity.time_zone)
    document = document_of(proposal, option, today)
    signatory = proposal.signatory
    return {
        "practice": proposal.practice,
        "proposal": proposal,
        "plans": pricing.plans_of(proposal, today),
        "plan": document.plan,
        "message": merging.fill(proposal.message, proposal),
        "terms_body": merging.fill(proposal.terms.body, proposal) if proposal.terms else "",
        "shown": document.digest,
        "consent": consent_text(proposal),
        "name": signatory.name if signatory else "",
        "role": signatory.role if signatory else "",
        "minutes": _minutes(document),
    }


def _minutes(document: Document) -> int:
    """How long reading it takes: 200 words a minute, and two minutes to sign."""
    return 2 + len(strip_tags(document.html).split()) // 200


def consent_text(proposal: Proposal) -> str:
    """The sentence the signer ticks."""
    terms = f" and its terms, version {proposal.terms.version}" if proposal.terms else ""
    return f"I may sign for {proposal.client.name}, and I agree to this proposal of {proposal.entity.name}{terms}."


def standing_alone(signature: Signature) -> str:
    """The signed document with its signature as one page that needs nothing else, for mails and the record."""
    return render_to_string("proposals/signed_document.html", {"signature": signature, "proposal": signature.proposal})
