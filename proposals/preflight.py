"""What would fail if a proposal went out as it is: each finding says what, and whether it stops the sending."""

from __future__ import annotations

from dataclasses import dataclass

from practice.core import clock, gates
from practice.firm.models.services import Cadence
from proposals import merging, pricing
from proposals.models import Proposal


@dataclass(frozen=True)
class Finding:
    """One thing to put right. A blocking one would lose money or make no sense; others need a reason to go on."""

    words: str
    blocks: bool = True
    where: str = "services"


def findings(proposal: Proposal) -> list[Finding]:
    """Every finding, those that stop sending first."""
    found = [*_who(proposal), *_what(proposal), *_deposit(proposal), *_words(proposal), *_ledger(proposal)]
    return sorted(found, key=lambda f: not f.blocks)


def _who(proposal: Proposal) -> list[Finding]:
    if proposal.signatory is None:
        return [Finding("Choose who signs", where="signing")]
    if not proposal.client.billing_email:
        return [Finding(f"{proposal.client.name} has no email for invoices", blocks=False, where="signing")]
    return []


def _what(proposal: Proposal) -> list[Finding]:
    found = []
    for option in proposal.options.order_by("position"):
        lines = list(option.lines.all())
        if not lines:
            found.append(Finding(f"“{option.name}” includes no service"))
        elif all(line.unit_price == 0 for line in lines):
            found.append(Finding(f"“{option.name}” costs nothing", blocks=False))
    if proposal.expires_on < clock.today(proposal.entity.time_zone):
        found.append(Finding("The last day to sign has passed", where="signing"))
    if proposal.currency != proposal.entity.currency:
        ours = f"{proposal.entity.name} keeps its books in {proposal.entity.currency}"
        words = f"{proposal.client.name} is billed in {proposal.currency}, {ours}"
        found.append(Finding(words))
    return found


def _deposit(proposal: Proposal) -> list[Finding]:
    if proposal.deposit == Proposal.Deposit.NONE:
        return []
    found = []
    today = clock.today(proposal.entity.time_zone)
    for option in proposal.options.order_by("position"):
        work = [line for line in option.lines.all() if line.cadence == Cadence.COMPLETION]
        total = pricing.totals(proposal, work, today).gross
        deposit = pricing.deposit_of(proposal, total)
        if not work:
            found.append(Finding(f"“{option.name}” has no work billed when finished to take the deposit off"))
        elif deposit >= total:
            found.append(Finding(f"The deposit is not less than the work it is taken off in “{option.name}”"))
    if proposal.expected_completion_on is None:
        found.append(Finding("Say when the work is expected to be finished: the balance is due then", where="services"))
    return found


def _words(proposal: Proposal) -> list[Finding]:
    if proposal.terms is None:
        return [Finding("Choose the terms the client agrees to", where="terms")]
    names = [*merging.unfilled(proposal.message, proposal), *merging.unfilled(proposal.terms.body, proposal)]
    return [
        Finding(f"“{{{{{name}}}}}” has no value for {proposal.client.name}", where="terms")
        for name in dict.fromkeys(names)
    ]


def _ledger(proposal: Proposal) -> list[Finding]:
    found: list[Finding] = []
    for line in proposal.lines.select_related("service"):
        answer = gates.ask(
            "proposals.may_promise_service", line.service, entity=proposal.entity, treatment=line.treatment
        )
        if not answer.is_yes and answer.reason not in {f.words for f in found}:
            found.append(Finding(answer.reason, blocks=False))
    return found
