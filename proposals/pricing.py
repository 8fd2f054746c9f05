"""What a proposal costs, as the client will pay it: per option, per rhythm, tax inside the big figure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Prefetch

from billing.invoicing import treatment_for
from billing.pricing import Totals, add_up, price_line
from practice.core import dates, money
from practice.core.money import ZERO
from practice.firm.models import Entity
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
    Cadence.ONCE: ("Today", "once"),
    Cadence.COMPLETION: ("When the work is finished", "when finished"),
}
#: The rhythms in the order they are read: what comes back, then what comes once.
_ORDER = (*_TIMES, Cadence.COMPLETION, Cadence.ONCE)


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

    @property
    def rhythm(self) -> str:
        """How often, without the first day: "each month"."""
        return self.inline.partition(" from ")[0]


@dataclass(frozen=True)
class ShownLine:
    """One service of an option as the client reads it; ``amount`` is in the proposal's price basis."""

    line: ProposalLine
    amount: Decimal
    rhythm: str


@dataclass(frozen=True)
class Price:
    """What an option asks for in one rhythm, in the proposal's price basis: 420.00 "a month"."""

    cadence: str
    amount: Decimal
    words: str


@dataclass(frozen=True)
class Plan:
    """One option worked out. ``prices`` has every rhythm, the most frequent first."""

    option: Option
    lines: Sequence[ShownLine]
    steps: Sequence[Step]
    prices: Sequence[Price]
    deposit: Decimal
    first_year: Decimal

    @property
    def due_on_signing(self) -> Sequence[Step]:
        """What is paid on the day of signing."""
        return [step for step in self.steps if step.is_today]

    @property
    def later(self) -> Sequence[Step]:
        """What is paid after that day."""
        return [step for step in self.steps if not step.is_today]

    @property
    def today(self) -> Decimal:
        """All that is paid on the day of signing."""
        return sum((step.amount for step in self.due_on_signing), ZERO)


def plan_of(proposal: Proposal, option: Option, today: date) -> Plan:
    """Work one option out: line by line, rounded as both ledgers round."""
    return _plan(proposal, option, list(option.lines.select_related("service").order_by("position")), today)


def _plan(proposal: Proposal, option: Option, lines: list[ProposalLine], today: date) -> Plan:
    rates = rates_at(proposal.entity, today)
    by_cadence = {c: _add_up(proposal, [x for x in lines if x.cadence == c], rates) for c in Cadence}
    deposit = deposit_of(proposal, by_cadence[Cadence.COMPLETION].gross)
    steps = _steps(proposal, lines, by_cadence, deposit, today)
    first_year = sum((by_cadence[c].gross * n for c, n in _TIMES.items()), ZERO)
    first_year += by_cadence[Cadence.ONCE].gross + by_cadence[Cadence.COMPLETION].gross
    inclusive = proposal.price_basis == "inclusive"
    prices = [
        Price(c, by_cadence[c].gross if inclusive else by_cadence[c].net, _WORDS[c][1])
        for c in _ORDER
        if by_cadence[c].gross
    ]
    shown_lines = [
        ShownLine(line, money.to_cents(line.quantity * line.unit_price), _WORDS[Cadence(line.cadence)][1])
        for line in lines
    ]
    return Plan(option, shown_lines, steps, prices, deposit, first_year)


def plans_of(proposal: Proposal, today: date) -> list[Plan]:
    """Every option worked out, in the order shown."""
    return [_plan(proposal, option, list(option.lines.all()), today) for option in options_of(proposal)]


def options_of(proposal: Proposal) -> list[Option]:
    """Every option in the order shown; the lines of each are read with it, in their order."""
    lines = ProposalLine.objects.select_related("service").order_by("position")
    return list(proposal.options.order_by("position").prefetch_related(Prefetch("lines", lines)))


def compared(plans: Sequence[Plan]) -> list[tuple[str, list[Decimal | None]]]:
    """The price of every option side by side, a row for each rhythm that one of them has."""
    rows = []
    for cadence in _ORDER:
        cells = [next((p.amount for p in plan.prices if p.cadence == cadence), None) for plan in plans]
        if any(cells):
            rows.append((_WORDS[cadence][1].capitalize(), cells))
    return rows


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


def deposit_in_words(proposal: Proposal) -> str:
    """The deposit as it was agreed: "30% on signing", "$500.00 on signing"."""
    if proposal.deposit == Proposal.Deposit.PERCENT:
        return f"{proposal.deposit_value.normalize():f}% on signing"
    if proposal.deposit == Proposal.Deposit.AMOUNT:
        return f"{money.in_words(proposal.deposit_value, proposal.currency, proposal.entity.locale)} on signing"
    return "None"


def _steps(
    proposal: Proposal,
    lines: Sequence[ProposalLine],
    by_cadence: dict[Cadence, Totals],
    deposit: Decimal,
    today: date,
) -> list[Step]:
    """Today's rows first, then what comes later, soonest first."""
    done, once = by_cadence[Cadence.COMPLETION], by_cadence[Cadence.ONCE]
    finished = _names(lines, Cadence.COMPLETION)
    deposit_tax = money.to_cents(deposit * done.tax / done.gross) if done.gross else ZERO
    steps: list[Step] = []
    if deposit:
        words = f"Deposit, taken off {finished}"
        steps.append(Step("Today", words, deposit, deposit - deposit_tax, deposit_tax, is_today=True))
    if once.gross:
        steps.append(Step("Today", _names(lines, Cadence.ONCE), once.gross, once.net, once.tax, is_today=True))
    for cadence in _TIMES:
        if by_cadence[cadence].gross:
            steps += _recurring(proposal, cadence, by_cadence[cadence], _names(lines, cadence), today)
    if done.gross:
        rest, tax = done.gross - deposit, done.tax - deposit_tax
        words = f"{finished}, less the deposit" if deposit else finished
        steps.append(Step(_when_finished(proposal, today), words, rest, rest - tax, tax))
    return sorted(steps, key=lambda step: not step.is_today)


def _recurring(proposal: Proposal, cadence: Cadence, part: Totals, names: str, today: date) -> Iterator[Step]:
    """What comes back; every period that has begun by the day of signing is due then, as the schedule bills it."""
    unit, begun = dates.Unit(cadence), 0
    while dates.nth(proposal.starts_on, unit, 1, begun) <= today:
        begun += 1
    if begun:
        words = f"{names}, the first {unit if begun == 1 else f'{begun} {unit}s'}"
        yield Step("Today", words, part.gross * begun, part.net * begun, part.tax * begun, is_today=True)
    following = dates.in_words(dates.nth(proposal.starts_on, unit, 1, begun))
    yield Step(f"{_WORDS[cadence][0]} from {following}", names, part.gross, part.net, part.tax)


def _when_finished(proposal: Proposal, today: date) -> str:
    """In instalments the balance has a day of its own; otherwise it is billed when the work is done."""
    in_parts = (
        proposal.deposit != Proposal.Deposit.NONE and proposal.entity.deposit_kind == Entity.DepositKind.PART_PAYMENT
    )
    if in_parts and proposal.expected_completion_on is not None:
        return f"On {dates.in_words(max(proposal.expected_completion_on, today))}"
    return _WORDS[Cadence.COMPLETION][0]


def _names(lines: Sequence[ProposalLine], cadence: Cadence) -> str:
    names = [line.name for line in lines if line.cadence == cadence]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
