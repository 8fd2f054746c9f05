"""Merge fields in messages and terms: ``{{client.name}}`` becomes the client's name; an empty one is a finding."""

from __future__ import annotations

import re
from collections.abc import Callable

from practice.core import dates
from proposals.models import Proposal

_FIELD = re.compile(r"\{\{\s*([a-z_.]+)\s*\}\}")

FIELDS: dict[str, Callable[[Proposal], str]] = {
    "client.name": lambda p: p.client.name,
    "client.company_number": lambda p: p.client.company_number,
    "client.tax_number": lambda p: p.client.tax_number,
    "signatory.name": lambda p: p.signatory.name if p.signatory else "",
    "signatory.first_name": lambda p: p.signatory.name.split()[0] if p.signatory else "",
    "firm.name": lambda p: p.entity.name,
    "firm.tax_number": lambda p: p.entity.tax_number,
    "partner.name": lambda p: p.partner.name,
    "proposal.title": lambda p: p.title,
    "proposal.reference": lambda p: p.reference,
    "start_date": lambda p: dates.in_words(p.starts_on),
    "expiry_date": lambda p: dates.in_words(p.expires_on),
}


def fill(text: str, proposal: Proposal) -> str:
    """A text with its merge fields filled; unknown and empty ones stay visible as they were written."""
    return _FIELD.sub(lambda m: _value(m.group(1), proposal) or m.group(0), text)


def unfilled(text: str, proposal: Proposal) -> list[str]:
    """The merge fields of a text that nobody can fill for this client, each once."""
    names = dict.fromkeys(_FIELD.findall(text))
    return [name for name in names if not _value(name, proposal)]


def _value(name: str, proposal: Proposal) -> str:
    return FIELDS[name](proposal) if name in FIELDS else ""
