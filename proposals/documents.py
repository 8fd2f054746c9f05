"""The document a client signs: rendered once per option, hashed, and kept word for word with the signature."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

from django.template.loader import render_to_string

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


def consent_text(proposal: Proposal) -> str:
    """The sentence the signer ticks."""
    terms = f" and its terms, version {proposal.terms.version}" if proposal.terms else ""
    return f"I may sign for {proposal.client.name}, and I agree to this proposal{terms}."


def standing_alone(signature: Signature) -> str:
    """The signed document with its signature as one page that needs nothing else, for mails and the record."""
    return render_to_string("proposals/signed_document.html", {"signature": signature, "proposal": signature.proposal})
