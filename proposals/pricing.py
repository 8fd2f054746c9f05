"""What a proposal costs, as the client will pay it: per option, per rhythm, tax inside the big figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing.invoicing import treatment_for
from billing.pricing import Totals, add_up, price_line
from practice.core import dates, money
from practice.core.money import ZERO
from practice.firm.models.practices import rates_at
from practice.firm.models.services import Cadence
from proposals.models import Option, Proposal, ProposalLine

#: How often each rhythm falls in a year, for "first year in all".
_TIMES = {Cadence.WEEK: 52, Cadence.MONTH: 12, Cadence.QUARTER: 4, Cadence.YEAR: 1}
_WORDS = {
    Cadence.WEEK: ("Each week", "a week"),
    Cadence.MONTH: ("Each month", "a month"),
    Cadence.QUARTER: ("Each quarter", "a quarter"),
    Cadence.YEAR: ("Each year", "a year"),
    Cadence.ONCE: ("On signing", "once"),
    Cadence.COMPLETION: ("When the work is finished", "when finished"),
}


@dataclass(frozen=True)
class Step:
    """One row of "what you pay, and when": amounts in the proposal's currency, tax included in ``amount``."""

    when: str
    what: str
    amount: Decimal
    net: Decimal
    tax: Decimal
    is_today: bool = False

    @property
    def inline(self) -> str:
        """``when`` inside a sentence."""
        return self.when[:1].lower() + self.when[1:]


@dataclass(frozen=True)
class ShownLine:
    """One service of an option as the client reads it; ``amount`` is in the proposal's price basis."""

    line: ProposalLine
    amount: Decimal
    rhythm: str


@dataclass(frozen=True)
class Plan:
    """One option worked out."""

    option: Option
    lines: Sequence[ShownLine]
    steps: Sequence[Step]
    headline: Decimal
    headline_words: str
    today: Decimal
    deposit: Decimal
    first_year: Decimal


def plan_of(proposal: Proposal, option: Option, today: date) -> Plan:
    """Work one option out: line by line, rounded as both ledgers round."""
    lines = list(option.lines.select_related("service").order_by("position"))
    rates = rates_at(proposal.entity, today)
    by_cadence = {c: _add_up(proposal, [x for x in lines if x.cadence == c], rates) for c in Cadence}
    deposit = deposit_of(proposal, by_cadence[Cadence.COMPLETION].gross)
    steps = _steps(proposal, lines, by_cadence, deposit, today)
    first_year = sum((by_cadence[c].gross * n for c, n in _TIMES.items()), ZERO)
    first_year += by_cadence[Cadence.ONCE].gross + by_cadence[Cadence.COMPLETION].gross
    cadence = next((c for c in _TIMES if by_cadence[c].net), Cadence.ONCE)
    if not by_cadence[cadence].net and by_cadence[Cadence.COMPLETION].net:
        cadence = Cadence.COMPLETION
    shown = by_cadence[cadence]
    headline = shown.gross if proposal.price_basis == "inclusive" else shown.net
    due_today = sum((s.amount for s in steps if s.is_today), ZERO)
    shown_lines = [
        ShownLine(line, money.to_cents(line.quantity * line.unit_price), _WORDS[Cadence(line.cadence)][1])
        for line in lines
    ]
    return Plan(option, shown_lines, steps, headline, _WORDS[cadence][1], due_today, deposit, first_year)


def plans_of(proposal: Proposal, today: date) -> list[Plan]:
    """Every option worked out, in the order shown."""
    return [plan_of(proposal, option, today) for option in proposal.options.order_by("position")]


def totals(proposal: Proposal, lines: Sequence[ProposalLine], on: date) -> Totals:
    """The totals of some lines on a date, taxed as the client is."""
    return _add_up(proposal, lines, rates_at(proposal.entity, on))


def _add_up(proposal: Proposal, lines: Sequence[ProposalLine], rates: Mapping[str, Decimal]) -> Totals:
    return add_up(
        price_line(
            line.quantity,
            line.unit_price,
            rates[treatment_for(proposal.client, line.treatment)],
            proposal.price_basis,
        )
        for line in lines
    )


def deposit_of(proposal: Proposal, finished_work: Decimal) -> Decimal:
    """The deposit, tax included: an amount, or a percentage of the work billed on completion."""
    if proposal.deposit == Proposal.Deposit.AMOUNT:
        return proposal.deposit_value
    if proposal.deposit == Proposal.Deposit.PERCENT:
        return money.percent(finished_work, proposal.deposit_value)
    return ZERO


def _steps(
    proposal: Proposal,
    lines: Sequence[ProposalLine],
    by_cadence: dict[Cadence, Totals],
    deposit: Decimal,
    today: date,
) -> list[Step]:
    steps: list[Step] = []
    if deposit:
        done = by_cadence[Cadence.COMPLETION]
        tax = money.to_cents(deposit * done.tax / done.gross) if done.gross else ZERO
        names = _names(lines, Cadence.COMPLETION)
        steps.append(Step("Today", f"Deposit, taken off {names}", deposit, deposit - tax, tax, is_today=True))
    once = by_cadence[Cadence.ONCE]
    if once.gross:
        steps.append(Step("Today", _names(lines, Cadence.ONCE), once.gross, once.net, once.tax, is_today=True))
    for cadence in _TIMES:
        part = by_cadence[cadence]
        if part.gross:
            steps.append(_recurring(proposal, cadence, part, _names(lines, cadence), today))
    done = by_cadence[Cadence.COMPLETION]
    if done.gross:
        rest = done.gross - deposit
        tax = done.tax - (steps[0].tax if deposit else ZERO)
        names = _names(lines, Cadence.COMPLETION)
        steps.append(Step(_WORDS[Cadence.COMPLETION][0], names, rest, rest - tax, tax))
    return steps


def _recurring(proposal: Proposal, cadence: Cadence, part: Totals, names: str, today: date) -> Step:
    """What comes back; the first of it is due on signing when the agreement starts at once."""
    words = _WORDS[cadence][0]
    if proposal.starts_on <= today:
        return Step(f"Today, then {words.lower()}", names, part.gross, part.net, part.tax, is_today=True)
    return Step(f"{words} from {dates.in_words(proposal.starts_on)}", names, part.gross, part.net, part.tax)


def _names(lines: Sequence[ProposalLine], cadence: Cadence) -> str:
    names = [line.name for line in lines if line.cadence == cadence]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
