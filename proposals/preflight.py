"""What would fail if a proposal went out as it is: what, where it is put right, and whether it stops the sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote

from django.urls import reverse

from billing.invoicing import treatment_for
from practice.core import clock, gates
from practice.firm.models.services import Cadence
from proposals import drafting, merging, pricing
from proposals.models import Option, Proposal

#: What an option may cost in one go. An invoice holds a thousand times as much, for all the periods that have begun.
MOST = Decimal(1_000_000_000)


@dataclass(frozen=True)
class Finding:
    """One thing to put right, with the way to its field.

    A blocking one would lose money or make no sense; others need a reason to go on.
    """

    words: str
    href: str
    blocks: bool = True


def findings(proposal: Proposal, plans: Sequence[pricing.Plan] = ()) -> list[Finding]:
    """Every finding, those that stop sending first. ``plans`` spares reading what was worked out already."""
    options = [plan.option for plan in plans] or pricing.options_of(proposal)
    found = [*_who(proposal), *_what(proposal, options), *_when(proposal), *_deposit(proposal, options)]
    found += [*_words(proposal), *_ledger(proposal)]
    return sorted(found, key=lambda f: not f.blocks)


def place(proposal: Proposal, tab: str, field: str = "") -> str:
    """The address of a field in the editor; the browser goes there and puts the cursor in."""
    where = {"practice": proposal.practice.slug, "proposal_id": proposal.pk}
    if tab == "services":
        return reverse("proposal_edit", kwargs=where) + field
    return reverse("proposal_edit_tab", kwargs={**where, "tab": tab}) + field


def _at_client(proposal: Proposal, name: str, field: str, back: str) -> str:
    """The address of a field of the client's own forms, from where the way leads back to the draft."""
    url = reverse(name, kwargs={"practice": proposal.practice.slug, "pk": proposal.client_id})
    return f"{url}?next={quote(back)}{field}"


def _who(proposal: Proposal) -> list[Finding]:
    client, signing = proposal.client, place(proposal, "signing")
    if proposal.signatory is None and not client.people.exists():
        words = f"{client.name} has nobody who signs: add them"
        return [Finding(words, _at_client(proposal, "person_new", "#id_name", signing))]
    if proposal.signatory is None:
        return [Finding("Choose who signs", place(proposal, "signing", "#id_signatory_id"))]
    if not client.billing_email and not client.people.filter(receives_bills=True).exists():
        href = _at_client(proposal, "client_edit", "#id_billing_email", place(proposal, "services"))
        return [Finding(f"{client.name} has no email for invoices", href, blocks=False)]
    return []


def _what(proposal: Proposal, options: list[Option]) -> list[Finding]:
    found = []
    for option in options:
        lines = list(option.lines.all())
        if not lines:
            found.append(Finding(f"“{option.name}” includes no service", place(proposal, "services", "#id_service")))
        elif pricing.totals(proposal, lines, clock.today(proposal.entity.time_zone)).gross > MOST:
            words = f"“{option.name}” costs more than an invoice can say: check its quantities and prices"
            found.append(Finding(words, place(proposal, "services", f"#price-{lines[0].pk}")))
        elif all(line.unit_price == 0 for line in lines):
            at = place(proposal, "services", f"#price-{lines[0].pk}")
            found.append(Finding(f"“{option.name}” costs nothing", at, blocks=False))
    if proposal.expires_on < clock.today(proposal.entity.time_zone):
        found.append(Finding("The last day to sign has passed", place(proposal, "signing", "#id_expires_on")))
    if proposal.currency != proposal.entity.currency:
        ours = f"{proposal.entity.name} keeps its books in {proposal.entity.currency}"
        words = f"{proposal.client.name} is billed in {proposal.currency}, {ours}"
        found.append(Finding(words, _at_client(proposal, "client_edit", "#id_currency", place(proposal, "services"))))
    return found


def _when(proposal: Proposal) -> list[Finding]:
    slips = drafting.slips_of(proposal, clock.today(proposal.entity.time_zone))
    tabs = {"expected_completion_on": "services"}
    return [Finding(words, place(proposal, tabs.get(n, "signing"), f"#id_{n}")) for n, words in slips.items()]


def _deposit(proposal: Proposal, options: list[Option]) -> list[Finding]:
    if proposal.deposit == Proposal.Deposit.NONE:
        return []
    found = []
    today = clock.today(proposal.entity.time_zone)
    for option in options:
        work = [line for line in option.lines.all() if line.cadence == Cadence.COMPLETION]
        total = pricing.totals(proposal, work, today).gross
        deposit = pricing.deposit_of(proposal, total)
        if not work:
            words = f"“{option.name}” has no work billed when finished to take the deposit off"
            found.append(Finding(words, place(proposal, "services", "#id_service")))
        elif deposit >= total:
            words = f"The deposit is not less than the work it is taken off in “{option.name}”"
            found.append(Finding(words, place(proposal, "services", "#id_deposit_value")))
    if proposal.expected_completion_on is None:
        words = "Say when the work is expected to be finished: the balance is due then"
        found.append(Finding(words, place(proposal, "services", "#id_expected_completion_on")))
    return found


def _words(proposal: Proposal) -> list[Finding]:
    if proposal.terms is None:
        return [Finding("Choose the terms the client agrees to", place(proposal, "terms", "#id_terms_id"))]
    names = [*merging.unfilled(proposal.message, proposal), *merging.unfilled(proposal.terms.body, proposal)]
    return [
        Finding(f"“{{{{{name}}}}}” has no value for {proposal.client.name}", _where_filled(proposal, name))
        for name in dict.fromkeys(names)
    ]


def _where_filled(proposal: Proposal, name: str) -> str:
    """Where a merge field that stays empty gets its value, or is taken out."""
    kind, _, what = name.partition(".")
    if kind == "client" and name in merging.FIELDS:
        return _at_client(proposal, "client_edit", f"#id_{what}", place(proposal, "services"))
    if kind == "signatory" and name in merging.FIELDS:
        return place(proposal, "signing", "#id_signatory_id")
    is_ours = name in merging.unfilled(proposal.message, proposal)
    return place(proposal, "message", "#id_message") if is_ours else place(proposal, "terms", "#id_terms_id")


def _ledger(proposal: Proposal) -> list[Finding]:
    found: list[Finding] = []
    lines = list(proposal.lines.select_related("service").order_by("position"))
    promises = [(line.service, treatment_for(proposal.client, line.treatment)) for line in lines]
    answers = gates.ask_each("proposals.may_promise", promises, entity=proposal.entity)
    for line, answer in zip(lines, answers, strict=True):
        if not answer.is_yes and answer.reason not in {f.words for f in found}:
            found.append(Finding(answer.reason, place(proposal, "services", f"#name-{line.pk}"), blocks=False))
    return found
