"""Fragments the ledgers lend to lower pages."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from billing.models import Invoice
from ledger_sync import linking
from ledger_sync.asking import snags
from ledger_sync.connection.pulse import Pulse, pulses_of
from ledger_sync.models import Connection, Link, Snag
from ledger_sync.models.links import Kind
from ledger_sync.pages import queries
from ledger_sync.proof import agreeing, proving
from practice.core import clock, money
from practice.core.panels import panel
from practice.core.templatetags.words import ago
from practice.firm.models import Client, Entity
from practice.firm.needs import Need
from practice.firm.permissions import Member

Shown = tuple[str, dict[str, Any]] | None
Found = tuple[Connection, Pulse]


@panel("firm.bar", order=20)
def freshness(request: HttpRequest, member: Member) -> Shown:
    """Whether the books agree and when that was checked, on every page."""
    found = _first(request)
    if found is None:
        return None
    words, tone, icon = _in_a_word(*found)
    return "ledger_sync/bar.html", {"practice": member.practice, "words": words, "tone": tone, "icon": icon}


def _in_a_word(connection: Connection, pulse: Pulse) -> tuple[str, str, str]:
    name = connection.get_provider_display()
    if connection.state != Connection.State.LIVE:
        return f"{name} is {connection.get_state_display().lower()}", "bad", "alert"
    if pulse.silent_since:
        return f"{name} does not answer", "wait", "clock"
    at = pulse.checked_at
    return (f"{name} checked {ago(at)}" if at else f"{name} is connected"), "ok", "check"


@panel("firm.dashboard.needs", order=10)
def causes(request: HttpRequest, member: Member) -> Shown:
    """Open causes, for those who can clear them."""
    if not member.may("ledger.resolve"):
        return None
    rows = Snag.objects.filter(practice=member.practice, closed_at__isnull=True).select_related("connection__entity")
    needs = [_need(member, snag) for snag in rows.order_by("-money", "opened_at")[:20]]
    gone = Connection.State.DISCONNECTED
    lost = [c for c, _ in connections_of(request) if c.state == gone and c.disconnect_reason != Connection.BY_US]
    needs += [
        Need(
            title=f"{c.get_provider_display()} is disconnected",
            detail="What is due queues, and nobody is charged unattended.",
            verb=f"Reconnect {c.get_provider_display()}",
            href=reverse("ledger_desk", kwargs={"practice": member.practice.slug, "connection_id": c.pk}),
            icon="alert",
            tone="bad",
            since=c.disconnected_at,
        )
        for c in lost
    ]
    return ("firm/needs.html", {"needs": needs}) if needs else None


@panel("firm.dashboard.side", order=10)
def ledger_card(request: HttpRequest, member: Member) -> Shown:
    """The ledger at a glance."""
    found = _first(request)
    if found is None:
        return None
    return "ledger_sync/dashboard_side.html", {"connection": found[0], "health": queries.health_of(*found)}


@panel("billing.invoice.side", order=10)
def invoice_agreement(request: HttpRequest, invoice: Invoice) -> Shown:
    """Whether both books say the same about an invoice."""
    found = _agreement(request, invoice)
    return ("ledger_sync/invoice_side.html", found) if found else None


@panel("firm.client.side", order=40)
def client_in_ledger(request: HttpRequest, client: Client) -> Shown:
    """Whether the ledger has a client, and when both agreed."""
    rows = agreeing.with_doubt(Link.objects.filter(client=client, gone_at__isnull=True))
    link = rows.select_related("client").first()
    if link is None:
        return None
    link.connection, pulse = next(found for found in connections_of(request) if found[0].pk == link.connection_id)
    agreement = agreeing.agreement_of(link, pulse)
    return "ledger_sync/client_side.html", {"connection": link.connection, "agreement": agreement}


def connections_of(request: HttpRequest) -> list[Found]:
    """The practice's connections and how each does; asked once per request, shown in several places of a page."""
    known: list[Found] | None = request.__dict__.get("connections")
    if known is None:
        member: Member = request.member  # type: ignore[attr-defined]
        known = request.__dict__["connections"] = pulses_of(member.practice)
    return known


def _first(request: HttpRequest) -> Found | None:
    return next(iter(connections_of(request)), None)


def _of_entity(request: HttpRequest, entity_id: int) -> Found | None:
    rows = [(c, pulse) for c, pulse in connections_of(request) if c.entity_id == entity_id]
    wanted = linking.chosen(c for c, _ in rows)
    return next(((c, pulse) for c, pulse in rows if c is wanted), None)


def _agreement(request: HttpRequest, invoice: Invoice) -> dict[str, Any] | None:
    """How an invoice agrees with its ledger; asked once per request, shown in two places of the page."""
    known: dict[int, dict[str, Any] | None] = request.__dict__.setdefault("agreements", {})
    if invoice.pk not in known:
        known[invoice.pk] = _ask_agreement(request, invoice)
    return known[invoice.pk]


def _ask_agreement(request: HttpRequest, invoice: Invoice) -> dict[str, Any] | None:
    found = _of_entity(request, invoice.entity_id)
    if found is None:
        return None
    connection, pulse = found
    rows = agreeing.with_doubt(_invoice_links(connection).filter(invoice=invoice))
    link = rows.first()
    if link is None:
        return None
    link.connection, link.invoice = connection, invoice  # with what the page has fetched of them
    return {"connection": connection, "agreement": agreeing.agreement_of(link, pulse)}


def _invoice_links(connection: Connection) -> QuerySet[Link]:
    return Link.objects.filter(connection=connection, kind=Kind.INVOICE, gone_at__isnull=True)


def _need(member: Member, snag: Snag) -> Need:
    desk = reverse("ledger_desk", kwargs={"practice": member.practice.slug, "connection_id": snag.connection_id})
    return Need(
        title=snags.sentence(snag),
        detail=snags.more(snag),
        verb=snags.remedies(snag)[0].words,
        href=f"{desk}#cause-{snag.pk}",
        icon="bank",
        tone="bad",
        amount=snag.money or None,
        currency=snag.connection.entity.currency,
        since=snag.opened_at,
    )


@panel("billing.clearing.ledger", order=10)
def clearing(request: HttpRequest, subject: tuple[Entity, date]) -> Shown:
    """What the ledger's clearing account holds, what is not posted yet, and what nobody can explain."""
    entity, on = subject
    connection = linking.connection_for(entity.pk)
    if connection is None:
        return None
    return "ledger_sync/clearing_ledger.html", {"connection": connection, "proof": proving.proof_of(connection, on)}


@panel("ledger_sync.desk.side", order=20)
def clearing_at_a_glance(request: HttpRequest, connection: Connection) -> Shown:
    """Stripe, our books and the ledger in three figures."""
    today = clock.today(connection.entity.time_zone)
    return "ledger_sync/clearing_side.html", {"connection": connection, "proof": proving.proof_of(connection, today)}


@panel("billing.invoice.chain", order=10)
def invoice_booked(request: HttpRequest, invoice: Invoice) -> Shown:
    """The last node of an invoice's chain: what the ledger has of it."""
    found = _agreement(request, invoice)
    if found is None:
        return None
    theirs = found["agreement"].link.base_theirs or {}
    return "ledger_sync/chain_node.html", {**found, "total": theirs.get("total"), "invoice": invoice}


@panel("billing.month.chain", order=10)
def month_booked(request: HttpRequest, subject: tuple[Entity, Any]) -> Shown:
    """The last node of the month's chain: what both books agree on, of what was billed, and what they do not."""
    entity, month = subject
    found = _of_entity(request, entity.pk)
    if found is None:
        return None
    connection, _ = found
    booked = queries.booked(connection, month)
    share = booked.agreed * 100 / month.billed if month.billed else money.ZERO
    return "ledger_sync/month_node.html", {"connection": connection, "booked": booked, "share": share}
