"""Fragments billing lends to lower pages: what needs you, the month's money, a client's bills, search."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from billing import dunning, figures, queries
from billing.methods import method_of
from billing.models import Attempt, AttemptShare
from billing.queries import Trouble
from practice.core import clock
from practice.core.panels import panel
from practice.firm.models import Client
from practice.firm.needs import Need
from practice.firm.permissions import Member

Shown = tuple[str, dict[str, Any]] | None


@panel("firm.dashboard.needs", order=20)
def troubles(request: HttpRequest, member: Member) -> Shown:
    """Open disputes, payouts that went wrong, runs that could not bill everything; each for those who can help."""
    if not member.may("billing.run"):
        return None
    rows = queries.troubles(member.practice, since=clock.now() - timedelta(days=14))
    words = {"dispute": _dispute, "payout": _payout, "run": _run}
    wanted = [row for row in rows if row.kind != "dispute" or member.may("billing.correct")]
    return _needs([words[row.kind](member, row) for row in wanted])


def _dispute(member: Member, row: Trouble) -> Need:
    return Need(
        title=f"{row.words}'s bank disputes a payment",
        detail="Answer in Stripe's dashboard before its deadline. The invoice is not charged again.",
        verb="Look at it",
        href=_at("payment", member, row.pk),
        icon="bank",
        tone="bad",
        amount=row.amount,
        currency=row.currency,
        since=row.at,
    )


def _payout(member: Member, row: Trouble) -> Need:
    return Need(
        title="A payout needs a look",
        detail=row.words,
        verb="Look at it",
        href=_at("payout", member, row.pk),
        icon="bank",
        tone="bad",
        amount=row.amount,
        currency=row.currency,
        since=row.at,
    )


def _run(member: Member, row: Trouble) -> Need:
    return Need(
        title="A billing run could not bill every agreement",
        detail="The others were billed. What is missing is tried again at the next run.",
        verb="See the run",
        href=_at("billing_run", member, row.pk),
        since=row.at,
    )


@panel("firm.dashboard.needs", order=30)
def refused_charges(request: HttpRequest, member: Member) -> Shown:
    """Charges that were refused for good, and that the client has not paid by the link yet."""
    if not member.may("billing.collect"):
        return None
    recent = AttemptShare.objects.filter(
        attempt__practice=member.practice,
        attempt__state=Attempt.State.FAILED,
        attempt__failure_code__in=[*dunning.HARD, "authentication_required"],
        attempt__closed_at__gte=clock.now() - timedelta(days=45),
    )
    open_ones = queries.still_open(recent.select_related("attempt", "invoice__client").order_by("-pk"))
    return _needs(
        [
            Need(
                title=f"{row.invoice.client.name}: the charge for {row.invoice.number} was refused",
                detail=f"{row.attempt.failure or 'The bank said no'} The client has a link to pay.",
                verb="Look at it",
                href=_at("invoice", member, row.invoice_id),
                icon="card",
                amount=row.amount,
                currency=row.invoice.currency,
                since=row.attempt.closed_at,
            )
            for row in open_ones[:10]
        ]
    )


@panel("firm.dashboard.chain", order=10)
def month(request: HttpRequest, member: Member) -> Shown:
    """This month's money, from the signed line to what was collected."""
    if member.entity is None or not member.may("billing.read"):
        return None
    found = figures.month_of(member.entity, clock.today(member.entity.time_zone))
    return "billing/panels/month.html", {"month": found, "member": member, "subject": (member.entity, found)}


@panel("firm.dashboard.figures", order=10)
def monthly_recurring(request: HttpRequest, member: Member) -> Shown:
    """What the agreements in force bring in a month."""
    if member.entity is None:
        return None
    context = {"amount": figures.recurring(member.entity), "entity": member.entity, "member": member}
    return "billing/panels/recurring.html", context


@panel("firm.dashboard.figures", order=30)
def overdue_and_payout(request: HttpRequest, member: Member) -> Shown:
    """What is overdue, and the payout that comes next."""
    if member.entity is None:
        return None
    overdue = figures.overdue_totals(member.practice, clock.today(member.zone))
    context = {
        "entity": member.entity,
        "member": member,
        "overdue": overdue.get(member.entity.currency),
        "payout": figures.next_payout(member.practice),
    }
    return "billing/panels/overdue.html", context


@panel("firm.dashboard.forecast", order=10)
def forecast(request: HttpRequest, member: Member) -> Shown:
    """What is signed to be billed over a year."""
    if member.entity is None:
        return None
    bars = figures.forecast(member.entity, clock.today(member.entity.time_zone))
    if not any(bar.amount for bar in bars):
        return None
    few = [(8 + 54 * n, bar) for n, bar in enumerate(bars[:6])]
    context = {"bars": bars, "few": few, "entity": member.entity, "highest": max(bar.amount for bar in bars)}
    return "billing/panels/forecast.html", context


@panel("firm.client.main", order=10)
def client_agreements(request: HttpRequest, client: Client) -> Shown:
    """A client's agreements."""
    rows = queries.agreements_of(client)
    return ("billing/panels/agreements.html", {"rows": rows}) if rows else None


@panel("firm.client.main", order=20)
def client_invoices(request: HttpRequest, client: Client) -> Shown:
    """A client's last invoices."""
    rows = queries.last_invoices(client, clock.today(request.member.zone))  # type: ignore[attr-defined]
    return ("billing/panels/invoices.html", {"rows": rows, "client": client}) if rows else None


@panel("firm.client.side", order=10)
def client_owes(request: HttpRequest, client: Client) -> Shown:
    """What a client owes, and what pays it."""
    member: Member = request.member  # type: ignore[attr-defined]
    entity = member.entity
    if entity is None or not member.may("billing.read"):
        return None
    rows = queries.owed_by(client, clock.today(entity.time_zone))
    context = {
        "client": client,
        "entity": entity,
        "owed": queries.due_by_currency(rows),
        "late": sum(row.standing.state == "overdue" for row in rows),
        "method": method_of(entity_id=entity.pk, client_id=client.pk),
    }
    return "billing/panels/owes.html", context


@panel("firm.search", order=20)
def found_invoices(request: HttpRequest, subject: tuple[Member, str]) -> Shown:
    """Invoices by number, client, reference or amount."""
    member, words = subject
    today = clock.today(member.zone)
    rows = queries.standings(queries.invoice_rows(member.practice, words=words, today=today)[:10], today)
    return ("billing/panels/found.html", {"rows": rows, "q": words}) if rows else None


@panel("firm.settings.tabs", order=20)
def payments_tab(request: HttpRequest, tab: str) -> Shown:
    """The tab of the payment settings."""
    return "billing/panels/tab.html", {"tab": tab}


def _needs(rows: list[Need]) -> Shown:
    return ("firm/needs.html", {"needs": rows}) if rows else None


def _at(name: str, member: Member, pk: int) -> str:
    return reverse(name, kwargs={"practice": member.practice.slug, "pk": pk})
