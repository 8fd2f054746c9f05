"""What the ledger answers when billing asks before it acts."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from billing.models import Invoice, Payment
from ledger_sync import applying, linking
from ledger_sync.connection import connections, mapping
from ledger_sync.limits import budgets
from ledger_sync.models import Connection, Link, Mapping, Snag
from ledger_sync.models.links import Kind
from ledger_sync.ports import Disconnected, LedgerError
from ledger_sync.providers import ledger_for
from ledger_sync.pull import pulling
from ledger_sync.rendering import dating
from practice.core import audit, clock
from practice.core.gates import YES, Answer, Verdict, gate, gate_for_many
from practice.core.owed import Urgency
from practice.firm.models import Client, Entity, Service

COUNTED = ("document_changed", "voided_there", "payment_removed", "settled_there", "totals_differ", "credit_taken_off")


@gate("billing.may_collect_unattended")
def may_collect_unattended(invoice: Invoice, **_: object) -> Answer:
    """Whether an invoice is still unpaid in the ledger, and the same there as here.

    Reads the ledger now: an invoice paid at the bank is never charged and never chased. When the ledger cannot be
    asked the answer is "not yet". Runs outside any transaction.
    """
    connection = linking.connection_for(invoice.entity_id)
    if connection is None:
        return YES
    link = linking.find_link(connection, Kind.INVOICE, invoice.pk)
    waits = _cannot_be_asked(connection, link)
    if waits or link is None:
        return Answer(Verdict.NOT_YET, waits)
    try:
        return _asked(connection, link, invoice)
    except Disconnected as error:
        connections.lose(connection_id=connection.pk, reason=error.text)
        return Answer(Verdict.NOT_YET, f"{connection.get_provider_display()} no longer lets us in")
    except LedgerError as error:
        return Answer(Verdict.NOT_YET, f"{connection.get_provider_display()} could not be asked: {error.text}")


def _cannot_be_asked(connection: Connection, link: Link | None) -> str:
    """Why the ledger cannot be asked now, or an empty text."""
    name = connection.get_provider_display()
    if connection.state != Connection.State.LIVE:
        return f"{name} is {connection.get_state_display().lower()}, so it cannot be asked"
    if link is None or not link.exists_there or link.owes:
        return f"the invoice is not in {name} yet"
    if budgets.spend(connection, Urgency.NORMAL) is not None:
        return f"no call to {name} is left in this window"
    return ""


def _asked(connection: Connection, link: Link, invoice: Invoice) -> Answer:
    """Read the invoice in the ledger now, take in what changed, and answer. Raises the ledger's failures."""
    name = connection.get_provider_display()
    reading = applying.Reading(clock.now())
    remotes = ledger_for(connection).fetch(Kind.INVOICE, [str(link.remote_id)])
    with audit.cause(system=connection.provider, actor=name, run="asked before collecting"):
        applying.apply(connection, ledger_for(connection), remotes, reading)
        if remotes and not applying.agrees_on_due(connection, link, remotes[0].theirs):
            _take_payments(connection, invoice)
            remotes = ledger_for(connection).fetch(Kind.INVOICE, [str(link.remote_id)])
    if not remotes or remotes[0].gone:
        return Answer(Verdict.NO, f"the invoice was removed in {name}")
    agree = applying.agrees_on_due(connection, link, remotes[0].theirs)
    if not agree and applying.is_on_its_way(connection, invoice.pk):
        return Answer(Verdict.NOT_YET, f"{name} has yet to be told of what was paid or came back")
    if not applying.check_standing(connection, link, remotes[0].theirs):
        return Answer(Verdict.NO, f"{name} says another amount is due")
    if Snag.objects.filter(link=link, code__in=COUNTED, closed_at__isnull=True).exists():
        return Answer(Verdict.NO, f"the invoice differs in {name}")
    return YES


def _take_payments(connection: Connection, invoice: Invoice) -> None:
    """Payments the bookkeeper recorded since the last sweep: money is an object, never inferred from a balance."""
    pulling.pull(connection.pk, sweep=True)
    invoice.refresh_from_db()


@gate("billing.may_open_invoices")
def may_open_invoices(payment: Payment, **_: object) -> Answer:
    """Whether a payment can still be taken off its invoices in the ledger: its day is open, nothing is reconciled."""
    connection = linking.connection_for(payment.entity_id)
    if connection is None or payment.source != Payment.Source.STRIPE:
        return YES
    name, lock = connection.get_provider_display(), mapping.locked_until(connection.pk)
    links = Link.objects.filter(Q(allocation__payment=payment) | Q(payment=payment), connection=connection)
    there = list(links.filter(gone_at__isnull=True, remote_id__isnull=False))
    if lock and any(dating.day_there(link, payment.paid_on) <= lock for link in there):
        return Answer(Verdict.NO, f"{name} is locked to {lock}")
    if any((link.base_theirs or {}).get("reconciled") == "true" for link in there):
        return Answer(Verdict.NO, f"it is reconciled in {name}")
    return YES


@gate("firm.may_archive_client")
def may_archive_client(client: Client, **_: object) -> Answer:
    """A client with something still owed to the ledger stays until it is there."""
    for connection in Connection.objects.filter(practice_id=client.practice_id):
        link = linking.find_link(connection, Kind.CLIENT, client.pk)
        if link is not None and link.owes:
            return Answer(Verdict.NOT_YET, f"{client.name} is still being sent to {connection.get_provider_display()}")
    return YES


@gate_for_many("proposals.may_promise")
def may_promise(promises: Sequence[tuple[Service | None, str]], *, entity: Entity, **_: object) -> list[Answer]:
    """Each service with its tax: without an account or a rate in the ledger it would be billed and then refused."""
    connection = linking.connection_for(entity.pk)
    if connection is None:
        return [YES] * len(promises)
    places, name = mapping.Places(connection), connection.get_provider_display()
    return [_has_a_place(places, name, service, treatment) for service, treatment in promises]


def _has_a_place(places: mapping.Places, ledger: str, service: Service | None, treatment: str) -> Answer:
    what = f"“{service.name}”" if service else "A service"
    try:
        places.income_account(service.pk if service else None)
        places.target(Mapping.Purpose.TAX, treatment)
    except mapping.MappingMissing as missing:
        return Answer(Verdict.NO, f"{what} has no place in {ledger} yet: {missing}")
    except mapping.TargetArchived as gone:
        return Answer(Verdict.NO, f"{what} goes to {gone}, which is archived in {ledger}")
    return YES
