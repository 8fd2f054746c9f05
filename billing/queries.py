"""What billing's pages show: reads that cross tables, in a number of queries that does not grow with the rows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet, Value

from billing import dunning, schedules
from billing.dunning import Failure
from billing.models import (
    Attempt,
    AttemptShare,
    BillingRun,
    Charge,
    Dispute,
    Engagement,
    Invoice,
    PaymentMethod,
    Payout,
    ScheduleRule,
)
from billing.standing import Standing, standing_of, unsettled, with_standing
from practice.core import clock, dates, money
from practice.core.money import ZERO
from practice.firm.models import Client, Practice

#: The states an invoice list can be asked for, with their words.
STATES = {"open": "Open", "overdue": "Overdue", "held": "On hold", "paid": "Paid", "void": "Void"}

#: An amount as people look for it: no exponents, no more digits than an invoice has.
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{0,2})?")


@dataclass(frozen=True)
class InvoiceRow:
    """One invoice with how it stands."""

    invoice: Invoice
    standing: Standing


def invoice_rows(practice: Practice, *, words: str = "", state: str = "", today: date) -> QuerySet[Invoice]:
    """The invoices of a practice, newest first; ``words`` is a number, a client or an amount."""
    rows = Invoice.objects.filter(practice=practice)
    if words:
        rows = rows.filter(_matches(words))
    open_ones = unsettled(Invoice.objects.filter(practice=practice))
    if state == "open":
        rows = unsettled(rows)
    elif state == "overdue":
        rows = unsettled(rows).filter(due_on__lt=today)
    elif state == "held":
        rows = rows.exclude(hold_code="")
    elif state == "paid":
        rows = rows.filter(status=Invoice.Status.ISSUED).exclude(pk__in=open_ones.values("pk"))
    elif state == "void":
        rows = rows.filter(status=Invoice.Status.VOID)
    return with_standing(rows.select_related("client", "entity")).order_by("-issued_on", "-pk")


def standings(invoices: Iterable[Invoice], today: date) -> list[InvoiceRow]:
    """Invoices with how they stand on a day."""
    return [InvoiceRow(invoice, standing_of(invoice, today)) for invoice in invoices]


def _matches(words: str) -> Q:
    match = Q(number__icontains=words) | Q(client__name__icontains=words) | Q(reference__icontains=words)
    amount = words.replace(",", "").lstrip("$£€")
    return match | Q(total=Decimal(amount)) if _AMOUNT.fullmatch(amount) else match


@dataclass(frozen=True)
class Coming:
    """One planned charge with what it will cost, tax excluded."""

    charge: Charge
    amount: Decimal


def coming(practice: Practice, *, until: date) -> QuerySet[Charge]:
    """Charges planned until a day, soonest first."""
    rows = Charge.objects.filter(engagement__practice=practice, state=Charge.State.PLANNED, due_on__lte=until)
    return (
        schedules.in_force(rows)
        .select_related("engagement__client", "engagement__entity", "line")
        .order_by("due_on", "pk")
    )


def with_amounts(charges: Iterable[Charge]) -> list[Coming]:
    """Charges with their amounts."""
    return [Coming(c, money.to_cents(c.quantity * c.unit_price)) for c in charges]


def held_charges(practice: Practice) -> list[Coming]:
    """Charges somebody keeps out of the runs, with the reason."""
    rows = Charge.objects.filter(engagement__practice=practice, state=Charge.State.HELD)
    return with_amounts(rows.select_related("engagement__client", "engagement__entity").order_by("due_on", "pk")[:100])


@dataclass(frozen=True)
class Unfinished:
    """Work that is billed when somebody says it is finished."""

    rule: ScheduleRule
    words: str
    amount: Decimal


def unfinished_work(practice: Practice, client: Client | None = None) -> list[Unfinished]:
    """Work agreed and not yet said to be finished, oldest first; what a deposit has billed is left out."""
    waiting = Charge.objects.filter(
        engagement__practice=practice, engagement__state=Engagement.State.ACTIVE, state=Charge.State.PLANNED,
        due_on__isnull=True, kind=Charge.Kind.SERVICE,
    )  # fmt: skip
    if client is not None:
        waiting = waiting.filter(engagement__client=client)
    rows: dict[int, list[Charge]] = defaultdict(list)
    for charge in waiting.select_related("line__rule__engagement__client", "line__rule__engagement__entity"):
        rows[charge.line.rule_id].append(charge)
    found = [
        Unfinished(
            charges[0].line.rule,
            ", ".join(c.description for c in charges),
            sum((money.to_cents(c.quantity * c.unit_price) for c in charges), ZERO),
        )
        for charges in rows.values()
    ]
    return sorted(found, key=lambda u: (u.rule.engagement.starts_on, u.rule.pk))


@dataclass(frozen=True)
class Quiet:
    """Days in a row, newest first, on which a run found nothing due."""

    runs: list[BillingRun]

    @property
    def last(self) -> BillingRun:
        """The newest of them."""
        return self.runs[0]

    @property
    def first(self) -> BillingRun:
        """The oldest of them."""
        return self.runs[-1]


def runs_of(practice: Practice, limit: int = 60) -> list[BillingRun | Quiet]:
    """The last runs, newest first; those that found nothing due are folded between those that billed."""
    rows = BillingRun.objects.filter(entity__practice=practice).select_related("entity").order_by("-on", "-pk")[:limit]
    shown: list[BillingRun | Quiet] = []
    for run in rows:
        last = shown[-1] if shown else None
        if run.issued or run.problems or run.finished_at is None:
            shown.append(run)
        elif isinstance(last, Quiet):
            last.runs.append(run)
        else:
            shown.append(Quiet([run]))
    return shown[:12]


@dataclass(frozen=True)
class Today:
    """What was issued on a day: by a run, and otherwise; and what the day's runs could not bill."""

    by_run: int
    otherwise: int
    problems: int
    has_run: bool

    @property
    def issued(self) -> int:
        """All of them."""
        return self.by_run + self.otherwise


def issued_on(practice: Practice, today: date) -> Today:
    """What was issued on a day, however it came about."""
    rows = Invoice.objects.filter(practice=practice, issued_on=today).exclude(status=Invoice.Status.DRAFT)
    found = rows.aggregate(by_run=Count("pk", filter=Q(run__isnull=False)), all=Count("pk"))
    runs = list(BillingRun.objects.filter(entity__practice=practice, on=today).values_list("problems", flat=True))
    return Today(found["by_run"], found["all"] - found["by_run"], sum(len(p) for p in runs), bool(runs))


@dataclass(frozen=True)
class Debt:
    """One overdue invoice: how late, what was tried last, and what comes next by itself."""

    invoice: Invoice
    standing: Standing
    days: int
    tried: str
    following: str


def debts(practice: Practice, *, today: date, limit: int = 200) -> list[Debt]:
    """Overdue invoices, the oldest first."""
    rows = unsettled(Invoice.objects.filter(practice=practice, due_on__lt=today)).select_related("client", "entity")
    invoices = list(with_standing(rows).order_by("due_on", "pk")[:limit])
    methods = _methods([i.client_id for i in invoices])
    tries = _attempts(invoices)
    found = []
    for invoice in invoices:
        assert invoice.due_on is not None
        method = methods.get((invoice.entity_id, invoice.client_id))
        attempts_ = tries.get(invoice.pk, [])
        standing = standing_of(invoice, today)
        found.append(
            Debt(
                invoice,
                standing,
                (today - invoice.due_on).days,
                _tried(attempts_),
                _next(invoice, standing, method, attempts_),
            )
        )
    return found


def _methods(client_ids: Sequence[int]) -> dict[tuple[int, int], PaymentMethod]:
    rows = PaymentMethod.objects.filter(client__in=client_ids, removed_at__isnull=True)
    return {(m.entity_id, m.client_id): m for m in rows}


def _attempts(invoices: Sequence[Invoice]) -> dict[int, list[Attempt]]:
    found: dict[int, list[Attempt]] = defaultdict(list)
    shares = AttemptShare.objects.filter(invoice__in=invoices).select_related("attempt__method").order_by("pk")
    for share in shares:
        found[share.invoice_id].append(share.attempt)
    return found


def _tried(attempts: Sequence[Attempt]) -> str:
    if not attempts:
        return ""
    last = attempts[-1]
    return {
        Attempt.State.SKIPPED: f"Skipped: {last.failure}", Attempt.State.FAILED: f"Refused: {last.failure}",
        Attempt.State.CANCELLED: "", Attempt.State.SUCCEEDED: "Paid in part",
    }.get(Attempt.State(last.state), last.get_state_display())  # fmt: skip


def _next(invoice: Invoice, standing: Standing, method: PaymentMethod | None, attempts: Sequence[Attempt]) -> str:
    """What happens by itself, in words."""
    zone = ZoneInfo(invoice.entity.time_zone)
    if invoice.is_held:
        return f"On hold: {invoice.hold_reason}"
    if invoice.paused_until is not None and invoice.paused_until > clock.now():
        return f"Paused until {dates.short(invoice.paused_until.astimezone(zone).date())}"
    if standing.processing:
        return "A payment is on its way"
    if method is None:
        return "Nothing collects it: reminders only"
    failures = [
        Failure(a.closed_at.astimezone(zone).date(), a.failure_code)
        for a in attempts
        if a.state == Attempt.State.FAILED and a.method_id == method.pk and a.closed_at
    ]
    following = dunning.next_try(failures)
    if following is None:
        return "Not tried again: the client has a link"
    return "Charged at the next run" if following == date.min else f"Tried again on {dates.short(following)}"


def owed_by(client: Client, today: date) -> list[InvoiceRow]:
    """What a client owes, the oldest first."""
    rows = unsettled(Invoice.objects.filter(client=client)).select_related("client", "entity")
    return standings(with_standing(rows).order_by("due_on", "pk")[:100], today)


def last_invoices(client: Client, today: date, limit: int = 8) -> list[InvoiceRow]:
    """A client's last invoices, newest first."""
    rows = with_standing(Invoice.objects.filter(client=client).select_related("client", "entity"))
    return standings(rows.order_by("-issued_on", "-pk")[:limit], today)


def due_by_currency(rows: Iterable[InvoiceRow]) -> dict[str, Decimal]:
    """What invoices still ask for."""
    sums: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for row in rows:
        sums[row.invoice.currency] += row.standing.due
    return dict(sums)


@dataclass(frozen=True)
class Trouble:
    """Something of billing's that waits for a person. ``pk`` is of the page that shows it."""

    kind: str
    pk: int
    words: str
    amount: Decimal
    currency: str
    at: datetime


def troubles(practice: Practice, *, since: datetime) -> list[Trouble]:
    """Open disputes, and since a moment payouts that went wrong and runs that left agreements out; one question."""
    disputes = Dispute.objects.filter(payment__practice=practice, state=Dispute.State.OPEN)
    payouts = Payout.objects.filter(practice=practice, made_at__gte=since).exclude(failure="")
    runs = BillingRun.objects.filter(entity__practice=practice, started_at__gte=since).exclude(problems=[])
    rows = payouts.values_list(Value("payout"), "pk", "failure", "amount", "currency", "made_at").union(
        disputes.values_list(
            Value("dispute"), "payment_id", "payment__client__name", "amount", "payment__currency", "opened_at"
        ),
        runs.values_list(Value("run"), "pk", Value(""), Value(ZERO), Value(""), "started_at"),
    )
    return sorted((Trouble(*row) for row in rows[:30]), key=lambda t: t.at)


def still_open(shares: QuerySet[AttemptShare]) -> list[AttemptShare]:
    """Of refused charges, the newest of each invoice that is still owed and that nothing is on its way for."""
    open_ones = unsettled(Invoice.objects.filter(pk__in=shares.values("invoice"))).values("pk")
    found: dict[int, AttemptShare] = {}
    for share in shares.filter(invoice__in=open_ones):
        found.setdefault(share.invoice_id, share)
    return list(found.values())


def agreements_of(client: Client) -> list[Engagement]:
    """A client's agreements, those in force first, each with its next charge's day."""
    rows = Engagement.objects.filter(client=client).select_related("entity").annotate(line_count=Count("lines"))
    return list(rows.order_by("state", "-starts_on", "-pk"))
