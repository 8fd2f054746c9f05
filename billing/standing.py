"""How an invoice or a payment stands: computed from allocations, credits and refunds, never stored as an opinion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import BigIntegerField, F, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Cast, Coalesce, Round

from billing.models import Allocation, Instalment, Invoice, Payment
from practice.core.money import ZERO


@dataclass(frozen=True)
class Standing:
    """What became of one invoice's total, in its currency."""

    total: Decimal
    paid: Decimal
    credited: Decimal
    processing: Decimal
    state: str
    #: What came back after it was paid, and is asked for by another invoice.
    replaced: Decimal = ZERO

    @property
    def due(self) -> Decimal:
        """What is still owed. Zero once the invoice is void."""
        return ZERO if self.state == "void" else self.total - self.paid - self.credited - self.replaced


def with_standing(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Fetch what :func:`standing_of` needs, in two queries for any number of invoices."""
    live = Allocation.objects.filter(reversed_at__isnull=True).select_related("payment")
    return invoices.prefetch_related(Prefetch("allocations", queryset=live, to_attr="live_allocations"))


_COVERS = Q(credit__isnull=False) | Q(payment__state=Payment.State.SUCCEEDED) | Q(replaced_by__isnull=False)


def unsettled(invoices: QuerySet[Invoice]) -> QuerySet[Invoice]:
    """Issued invoices on which something is still owed, whatever is on its way.

    Compared in whole cents: SQLite keeps amounts as floating point, and whole numbers are exact there.
    """
    rows = invoices.filter(status=Invoice.Status.ISSUED).annotate(
        total_cents=_cents("total"), covered_cents=_allocated(_COVERS)
    )
    return rows.filter(total_cents__gt=F("covered_cents"))


def left_to_pay(invoices: QuerySet[Invoice]) -> list[tuple[Invoice, Decimal]]:
    """Unsettled invoices, each with what nobody has paid or is paying; one question for all of them."""
    taken = _allocated(_COVERS | Q(payment__state=Payment.State.PROCESSING))
    rows = unsettled(invoices).annotate(left=_cents("total") - taken).order_by("pk")
    return [(invoice, Decimal(invoice.left) / 100) for invoice in rows]


def _allocated(which: Q) -> Coalesce:
    """The cents that allocations of a kind put on an invoice."""
    live = Allocation.objects.filter(which, invoice=OuterRef("pk"), reversed_at__isnull=True)
    return Coalesce(Subquery(live.values("invoice").annotate(sum=Sum(_cents("amount"))).values("sum")), 0)


def _cents(column: str) -> Cast:
    return Cast(Round(F(column) * 100), BigIntegerField())


def standing_of(invoice: Invoice, today: date) -> Standing:
    """How an invoice stands on a date in its entity's zone."""
    rows = getattr(invoice, "live_allocations", None)
    if rows is None:
        rows = list(invoice.allocations.filter(reversed_at__isnull=True).select_related("payment"))
    paid = credited = processing = replaced = ZERO
    for row in rows:
        if row.credit_id is not None:
            credited += row.amount
        elif row.replaced_by_id is not None:
            replaced += row.amount
        elif row.payment.state == Payment.State.SUCCEEDED:
            paid += row.amount
        elif row.payment.state == Payment.State.PROCESSING:
            processing += row.amount
    left = invoice.total - paid - credited - replaced
    state = "replaced" if replaced and left <= ZERO else _state(invoice, left, paid, credited, processing, today)
    return Standing(invoice.total, paid, credited, processing, state, replaced)


def _state(invoice: Invoice, due: Decimal, paid: Decimal, credited: Decimal, processing: Decimal, today: date) -> str:
    if invoice.status != Invoice.Status.ISSUED:
        return invoice.status
    if due <= ZERO:
        return "credited" if credited >= invoice.total > ZERO else "paid"
    if invoice.is_held:
        return "held"
    if processing >= due:
        return "processing"
    if invoice.due_on is not None and invoice.due_on < today:
        return "overdue"
    return "part_paid" if paid or credited else "open"


@dataclass(frozen=True)
class Part:
    """A part of an invoice with its own day, and what is still open of it."""

    what: str
    due_on: date
    amount: Decimal
    open: Decimal


def parts_of(instalments: Iterable[Instalment], standing: Standing) -> list[Part]:
    """The parts of an invoice in their order. What was paid or credited covers the earliest part first."""
    covered, parts = standing.total - standing.due, []
    for row in instalments:
        share = min(covered, row.amount)
        covered -= share
        parts.append(Part(row.what, row.due_on, row.amount, row.amount - share))
    return parts


def unallocated(payment: Payment) -> Decimal:
    """Money of a payment that is on no invoice and was not given back: the client's credit."""
    on_invoices = sum((a.amount for a in payment.allocations.filter(reversed_at__isnull=True)), ZERO)
    return kept_of(payment) - on_invoices


def kept_of(payment: Payment) -> Decimal:
    """What is left of a payment once the money given back, or on its way back, is taken off."""
    return payment.amount - sum((r.amount for r in payment.refunds.exclude(state="failed")), ZERO)


class ChangedMeanwhile(ValueError):
    """Money moved since the person looked, so that nothing was done; the text says so."""


def hold_to(seen: Decimal | None, now: Decimal, what: str) -> None:
    """Stop a press that was decided on another figure than the one there is: a second press, another tab, an old page.

    Call it with the row locked. ``seen`` is None where nobody looked at a page. Raises ChangedMeanwhile.
    """
    if seen is not None and seen != now:
        raise ChangedMeanwhile(f"Nothing more was done: {what} changed since you opened the page. Look again")
