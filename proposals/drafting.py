"""Writing a proposal: everything about a draft may change, nothing about a sent one does."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import F, Max

from practice.core import clock, dates, events
from practice.firm.models import Client, Entity, Person, Service, User
from proposals.models import Option, Proposal, ProposalCounter, ProposalLine, Terms
from proposals.refusals import ProposalRefused

#: Fields of a draft that :func:`change_draft` may set.
EDITABLE = frozenset(
    "title message note starts_on expires_on expected_completion_on deposit deposit_value terms_id signatory_id "
    "price_basis".split()
)
#: What a proposal's days are called, and how many days before and after today they may lie. Every period that has begun
#: is billed on signing: a slip in the year would bill centuries.
_NEAR = {
    "starts_on": ("The day the work starts", 366, 732),
    "expires_on": ("The last day to sign", 366, 366),
    "expected_completion_on": ("The day the work should be finished", 366, 1830),
}
_EDITING = (Proposal.Status.DRAFT, Proposal.Status.REVIEW)
_GONE = "Somebody took this service off the proposal meanwhile"


@transaction.atomic
def start_draft(*, entity: Entity, client: Client, partner: User, title: str) -> Proposal:
    """Begin a proposal with one option, open for 28 days. Raises ProposalRefused without a title."""
    if not title.strip():
        raise ProposalRefused("Enter a title, as the client will read it", "title")
    today = clock.today(entity.time_zone)
    signatory = _likely_signatory(client)
    proposal = Proposal.objects.create(
        practice_id=entity.practice_id,
        entity=entity,
        client=client,
        signatory=signatory,
        partner=partner,
        reference=_draw_reference(entity),
        title=title.strip(),
        currency=client.currency,
        terms=Terms.objects.filter(practice_id=entity.practice_id).order_by("-version").first(),
        starts_on=today,
        expires_on=today + timedelta(days=28),
        changed_at=clock.now(),
    )
    Option.objects.create(proposal=proposal, position=1, name="Standard", recommended=True)
    events.record("proposals.proposal.drafted", proposal)
    return proposal


@transaction.atomic
def change_draft(*, proposal_id: int, edition: int | None = None, **changes: Any) -> Proposal:
    """Set fields of a draft.

    Raises ProposalRefused once it is sent, for bad values, or (code "stale") when somebody else changed it since
    ``edition``.
    """
    proposal = _draft(proposal_id, edition)
    unknown = set(changes) - EDITABLE
    if unknown:
        raise ProposalRefused(f"{', '.join(sorted(unknown))} cannot be set here")
    for name, value in changes.items():
        setattr(proposal, name, value)
    _check(proposal)
    today = clock.today(proposal.entity.time_zone)
    for name in sorted(set(changes) & set(_NEAR)):
        if words := slip_of(name, changes[name], today):
            raise ProposalRefused(words, name)
    _save(proposal, sorted(changes))
    return proposal


@transaction.atomic
def set_option(*, proposal_id: int, position: int, name: str, summary: str = "", recommended: bool = False) -> Option:
    """Add or change one of up to three options. A new option includes every service. Raises ProposalRefused."""
    proposal = _draft(proposal_id)
    if not 1 <= position <= 3:
        raise ProposalRefused("A proposal has one, two or three options")
    if not name.strip():
        raise ProposalRefused("Enter a name for the option", "name")
    if len(name.strip()) > 60 or len(summary.strip()) > 200:
        raise ProposalRefused("An option's name has at most 60 characters, and its line below at most 200", "name")
    option, made = Option.objects.update_or_create(
        proposal=proposal, position=position, defaults={"name": name.strip(), "summary": summary.strip()}
    )
    if made:
        option.lines.set(proposal.lines.all())
    if recommended:
        proposal.options.exclude(pk=option.pk).update(recommended=False)
        proposal.options.filter(pk=option.pk).update(recommended=True)
    _save(proposal, [])
    option.refresh_from_db()
    return option


@transaction.atomic
def remove_option(*, proposal_id: int, option_id: int) -> None:
    """Take an option away. Raises ProposalRefused for the last one."""
    proposal = _draft(proposal_id)
    option = proposal.options.filter(pk=option_id).first()
    if option is None:
        raise ProposalRefused("Somebody took this option off the proposal meanwhile")
    if proposal.options.count() == 1:
        raise ProposalRefused("A proposal needs at least one option")
    option.delete()
    for position, option in enumerate(proposal.options.order_by("position"), start=1):
        proposal.options.filter(pk=option.pk).update(position=position)
    if not proposal.options.filter(recommended=True).exists():
        proposal.options.filter(position=1).update(recommended=True)
    _save(proposal, [])


@transaction.atomic
def add_service(
    *, proposal_id: int, service: Service, quantity: Decimal = Decimal(1), unit_price: Decimal | None = None
) -> ProposalLine:
    """Offer a service in every option, at its usual price and rhythm unless told otherwise."""
    proposal = _draft(proposal_id)
    if service.practice_id != proposal.practice_id:
        raise ProposalRefused("This service belongs to another practice")
    last = proposal.lines.aggregate(last=Max("position"))["last"] or 0
    line = ProposalLine.objects.create(
        proposal=proposal,
        position=last + 1,
        service=service,
        name=service.name,
        description=service.description,
        quantity=_positive(quantity),
        unit_name=service.unit_name,
        unit_price=service.price if unit_price is None else unit_price,
        cadence=service.cadence,
        treatment=service.treatment,
    )
    line.options.set(proposal.options.all())
    _save(proposal, [])
    return line


@transaction.atomic
def change_line(*, proposal_id: int, line_id: int, edition: int | None = None, **changes: Any) -> ProposalLine:
    """Change a line's name, description, quantity, price, rhythm or options. Raises ProposalRefused."""
    proposal = _draft(proposal_id, edition)
    line = proposal.lines.filter(pk=line_id).first()
    if line is None:
        raise ProposalRefused(_GONE)
    options = changes.pop("option_ids", None)
    unknown = set(changes) - {"name", "description", "quantity", "unit_price", "cadence"}
    if unknown:
        raise ProposalRefused(f"{', '.join(sorted(unknown))} cannot be set on a line")
    if "quantity" in changes:
        _positive(changes["quantity"])
    if changes.get("unit_price", Decimal(0)) < 0:
        raise ProposalRefused("A price cannot be less than nothing", "unit_price")
    for name, value in changes.items():
        setattr(line, name, value)
    if changes:
        line.save(update_fields=sorted(changes))
    if options is not None:
        line.options.set(proposal.options.filter(pk__in=options))
    _save(proposal, [])
    return line


@transaction.atomic
def remove_line(*, proposal_id: int, line_id: int) -> None:
    """Take a service off the proposal; one that is gone already stays gone."""
    proposal = _draft(proposal_id)
    proposal.lines.filter(pk=line_id).delete()
    _save(proposal, [])


@transaction.atomic
def move_line(*, proposal_id: int, line_id: int, up: bool) -> None:
    """Move a service one place up or down."""
    proposal = _draft(proposal_id)
    lines = list(proposal.lines.order_by("position"))
    index = next((i for i, line in enumerate(lines) if line.pk == line_id), None)
    if index is None:
        raise ProposalRefused(_GONE)
    other = index - 1 if up else index + 1
    if 0 <= other < len(lines):
        here, there = lines[index].position, lines[other].position
        proposal.lines.filter(pk=lines[index].pk).update(position=0)
        proposal.lines.filter(pk=lines[other].pk).update(position=here)
        proposal.lines.filter(pk=lines[index].pk).update(position=there)
    _save(proposal, [])


@transaction.atomic
def ask_for_review(*, proposal_id: int) -> Proposal:
    """A preparer hands the draft to the partner."""
    proposal = _draft(proposal_id)
    if proposal.status == Proposal.Status.DRAFT:
        proposal.status = Proposal.Status.REVIEW
        _save(proposal, ["status"])
        events.record("proposals.proposal.review_asked", proposal)
    return proposal


@transaction.atomic
def write_terms(*, practice_id: int, name: str, body: str, summary: list[list[str]]) -> Terms:
    """Keep a new version of the practice's terms; earlier versions stay as they were signed."""
    last = Terms.objects.filter(practice_id=practice_id, name=name).aggregate(last=Max("version"))["last"] or 0
    return Terms.objects.create(practice_id=practice_id, name=name, version=last + 1, body=body, summary=summary)


@transaction.atomic
def adopt_signatory(*, client_id: int) -> int:
    """Let whoever signs for a client now sign the drafts that name nobody yet. Returns how many drafts that was."""
    drafts = Proposal.objects.select_for_update(of=("self",)).select_related("client")
    adopted = 0
    for proposal in drafts.filter(client_id=client_id, signatory__isnull=True, status__in=_EDITING).order_by("pk"):
        proposal.signatory = _likely_signatory(proposal.client)
        if proposal.signatory is not None:
            _save(proposal, ["signatory_id"])
            adopted += 1
    return adopted


def slip_of(field: str, day: date | None, today: date) -> str:
    """What is wrong with one of a proposal's days that is too far away to be meant; "" when nothing is."""
    called, back, ahead = _NEAR[field]
    if day is None or -back <= (day - today).days <= ahead:
        return ""
    return f"{called} is {dates.in_words(day)}: check the year"


def slips_of(proposal: Proposal, today: date) -> dict[str, str]:
    """What is wrong with each day of a proposal that is too far away, by field."""
    found = {name: slip_of(name, getattr(proposal, name), today) for name in _NEAR}
    return {name: words for name, words in found.items() if words}


def _likely_signatory(client: Client) -> Person | None:
    return client.people.filter(signs=True).order_by("pk").first() or client.people.order_by("pk").first()


def _draft(proposal_id: int, edition: int | None = None) -> Proposal:
    proposal = Proposal.objects.select_for_update().get(pk=proposal_id)
    if proposal.status not in _EDITING:
        words = f"This proposal is {proposal.get_status_display().lower()} and cannot be changed; withdraw it first"
        raise ProposalRefused(words)
    if edition is not None and edition != proposal.edition:
        raise ProposalRefused("Somebody else changed this proposal meanwhile", code="stale")
    return proposal


def _check(proposal: Proposal) -> None:
    if proposal.expires_on < clock.today(proposal.entity.time_zone):
        raise ProposalRefused("The last day to sign must be today or later", "expires_on")
    if proposal.deposit_value < 0:
        raise ProposalRefused("A deposit cannot be less than nothing", "deposit_value")
    if proposal.deposit == Proposal.Deposit.PERCENT and not 0 < proposal.deposit_value <= 100:
        raise ProposalRefused("A deposit in percent must be between 1 and 100", "deposit_value")
    if proposal.signatory_id is not None:
        person = Person.objects.filter(pk=proposal.signatory_id, client_id=proposal.client_id)
        if not person.exists():
            raise ProposalRefused("Choose somebody at this client to sign", "signatory_id")


def _positive(quantity: Decimal) -> Decimal:
    if quantity <= 0:
        raise ProposalRefused("A quantity must be more than nothing", "quantity")
    return quantity


def _save(proposal: Proposal, fields: list[str]) -> None:
    proposal.edition += 1
    proposal.changed_at = clock.now()
    names = [f.removesuffix("_id") for f in fields]
    proposal.save(update_fields=[*names, "edition", "changed_at"])


def _draw_reference(entity: Entity) -> str:
    ProposalCounter.objects.get_or_create(practice_id=entity.practice_id)
    row = ProposalCounter.objects.select_for_update().get(practice_id=entity.practice_id)
    ProposalCounter.objects.filter(pk=row.pk).update(next=F("next") + 1)
    return f"P-{row.next:04d}"
