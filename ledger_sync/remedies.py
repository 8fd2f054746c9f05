"""What pressing a remedy does: one decision of a person, audited, and the cause is closed or sent on its way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from django.db import transaction

from billing import credits as crediting
from billing import invoicing, payments, schedules
from billing.models import CreditNote
from ledger_sync import linking
from ledger_sync.asking import snags
from ledger_sync.connection import connections, mapping
from ledger_sync.limits import lanes
from ledger_sync.models import Link, RefItem, Snag
from ledger_sync.pull import inbound, pulling
from ledger_sync.rendering import coding
from practice.core import clock, dates, money, owed, wake
from practice.core.owed import Urgency
from practice.firm import clients


class RemedyRefused(ValueError):
    """The remedy cannot be applied as things stand; the text says why."""


#: How the actions that remedies call say no.
_REFUSALS = (
    clients.ClientRefused,
    crediting.CreditRefused,
    invoicing.InvoiceCannotMove,
    payments.PaymentRefused,
    schedules.ChargeCannotChange,
)


@transaction.atomic
def apply_remedy(*, snag_id: int, remedy: str, reason: str = "") -> Snag:
    """Do what a person chose. Raises RemedyRefused for a remedy this cause does not offer, or that cannot be done here.

    The cause stays open where pressing cannot help yet: what is closed in the ledger is looked at again first.
    """
    snag = Snag.objects.select_for_update(of=("self",)).select_related("link", "connection").get(pk=snag_id)
    if snag.closed_at is not None:
        return snag
    if remedy not in {r.code for r in snags.remedies(snag)} or remedy not in _DO:
        raise RemedyRefused("This cause does not offer that")
    if remedy == "retry" and snag.code in pulling.CLOSED:
        # Somebody may just have opened it there: the sweep that finds it open sends what waits, which ends the cause.
        wake.wake("ledger_sync.tasks.sweep_connection", connection_id=snag.connection_id)
        if still_closed(snag):
            return snag
    try:
        _DO[remedy](snag, reason)
    except _REFUSALS as refusal:
        raise RemedyRefused(str(refusal)) from refusal
    snags.close(snag, remedy)
    return snag


def still_closed(snag: Snag) -> str:
    """What the ledger keeps closed for a cause, as it was last read: "account 200 “Sales” is archived"; else ""."""
    if snag.code == "account_archived":
        refs = RefItem.objects.filter(connection=snag.connection_id)
        archived = refs.filter(active=False, mappings__isnull=False).distinct()
        named = [ref.label for ref in archived if ref.label in snag.facts.get("account", "")]
        return f"account {' and '.join(named)} is archived" if named else ""
    if snag.code == "coded_archived":
        refs = RefItem.objects.filter(connection=snag.connection_id, active=False)
        archived_there = [ref.label for ref in refs if ref.label == snag.facts.get("account")]
        return f"{archived_there[0]} is archived" if archived_there else ""
    if snag.code == "locked":
        lock = mapping.locked_until(snag.connection_id)
        return f"it is locked to {dates.in_words(date.fromisoformat(lock))}" if _is_in(snag, lock) else ""
    return ""


def _is_in(snag: Snag, lock: str) -> bool:
    """Whether the day a cause is about lies in the locked time."""
    return bool(lock) and bool(snag.facts.get("date")) and str(snag.facts["date"]) <= lock


def _retry(snag: Snag, reason: str) -> None:
    """Send everything again that this cause set aside."""
    if snag.code == "totals_differ":
        _send_whole(snag)
        return
    rows = Link.objects.filter(connection=snag.connection, parked_code=snag.code)
    if snag.code not in ("mapping_missing", "account_archived") and snag.link_id:
        rows = rows.filter(pk=snag.link_id)
    connections.try_again(connection_id=snag.connection_id, link_ids=list(rows.values_list("pk", flat=True)))


def _read_again(snag: Snag, reason: str) -> None:
    """Read one record again; what it shows by then opens the cause anew, or not."""
    link = _link(snag)
    inbound.hint(snag.connection, link.kind, str(link.remote_id), clock.now())
    lanes.ring(snag.connection, "pull")


def _keep_ours(snag: Snag, reason: str) -> None:
    """The ledger gets our value with the next push of the client."""
    link = _link(snag)
    linking.owe_now(Link.objects.filter(pk=link.pk))
    lanes.ring(snag.connection, "push")


def _take_theirs(snag: Snag, reason: str) -> None:
    """Our client gets the ledger's value."""
    link = _link(snag)
    name, value = snag.facts["name"], snag.facts["theirs"]
    assert link.client is not None
    if name.startswith("address."):
        line: dict[str, str] = {name.removeprefix("address."): value}
        clients.set_address(client_id=link.client.pk, **line)  # type: ignore[arg-type]
        return
    column = {"email": "billing_email"}.get(name, name)
    clients.update_client(client_id=link.client.pk, **{column: value})  # type: ignore[arg-type]


def _put_back(snag: Snag, reason: str) -> None:
    """Send the invoice as the client was given it over what the ledger has now.

    The hold ends at once: an invoice that is still owed to the ledger is not collected anyway.
    """
    link = _link(snag)
    if link.invoice is not None:
        invoicing.release_invoice(invoice_id=link.invoice.pk, code="document_changed")
    _send_whole(snag)


def _send_whole(snag: Snag) -> None:
    """Send a document once more, whatever the ledger has of it: nothing counts as agreed before that."""
    rows = Link.objects.filter(pk=_link(snag).pk)
    rows.update(base_ours={})
    linking.owe_now(rows)
    lanes.ring(snag.connection, "push")


def _accept_credit(snag: Snag, reason: str) -> None:
    """The ledger's invoice stays as edited; the difference becomes a credit note of ours, never pushed."""
    link = _link(snag)
    invoice = link.invoice
    assert invoice is not None
    difference = invoice.total - Decimal(str(snag.facts.get("their_total") or invoice.total))
    if difference <= money.ZERO:
        raise RemedyRefused("The ledger's total is higher: that needs the client's approval, or put the ledger back")
    main = max(invoice.lines.all(), key=lambda line: line.amount)
    gross = invoice.price_basis == "inclusive"
    price = difference if gross else money.to_cents(difference * 100 / (100 + main.tax_rate))
    line = crediting.CreditLine(
        f"Changed in {snag.connection.get_provider_display()}", Decimal(1), price, main.treatment, main.tax_rate,
        main.service_id,
    )  # fmt: skip
    now = clock.now()
    words = snags.edited(snag)
    crediting.credit_invoice(
        invoice_id=invoice.pk, lines=[line], reason=CreditNote.Reason.LEDGER_EDIT,
        words=f"{words}: {reason}" if reason else words,
        on=clock.today(snag.connection.entity.time_zone), now=now,
        number=f"{invoice.number}-{invoice.credits.count() + 1}",
    )  # fmt: skip
    theirs = link.base_theirs or {}
    kept = {k: theirs.get(k) for k in ("number", "date", "contact", "currency", "net", "tax", "total", "lines")}
    Link.objects.filter(pk=link.pk).update(base_ours={**(link.base_ours or {}), **kept})
    invoicing.release_invoice(invoice_id=invoice.pk, code="document_changed")


def _void_here(snag: Snag, reason: str, *, rebill: bool) -> None:
    link = _link(snag)
    invoice = link.invoice
    assert invoice is not None
    invoicing.void_invoice(invoice_id=invoice.pk, reason=reason or f"voided in {snag.facts['ledger']}")
    schedules.undo_billing(
        invoice_id=invoice.pk, reason=f"invoice {invoice.number} was voided in {snag.facts['ledger']}", again=rebill
    )


def _void_rebill(snag: Snag, reason: str) -> None:
    """Void here; the charges go back into the plan."""
    _void_here(snag, reason, rebill=True)


def _void_drop(snag: Snag, reason: str) -> None:
    """Void here; the charges are dropped."""
    _void_here(snag, reason, rebill=False)


def _post_again(snag: Snag, reason: str) -> None:
    """A new document for money Stripe moved: the old link ends, the next generation is owed."""
    link = _link(snag)
    Link.objects.filter(pk=link.pk).update(gone_at=clock.now())
    linking.renew(link, urgency=Urgency.PERSON)
    for invoice_id in _invoices(link):
        invoicing.release_invoice(invoice_id=invoice_id, code=snag.code)


def _take_back(snag: Snag, reason: str) -> None:
    """The credit note is void here as well; the ledger, which has it on no invoice, is owed its void."""
    link = _link(snag)
    Link.objects.filter(pk=link.pk).update(gone_at=clock.now())
    assert link.allocation is not None, "a credit on an invoice is an allocation"
    assert link.allocation.credit_id is not None, "and one of a credit note"
    reason = reason or f"taken off in {snag.facts['ledger']}"
    crediting.void_credit(credit_id=link.allocation.credit_id, reason=reason, now=clock.now())
    invoicing.release_invoice(invoice_id=link.allocation.invoice_id, code=snag.code)


def _left_out(snag: Snag, reason: str) -> None:
    """An entry that was removed there stays out."""
    Link.objects.filter(pk=_link(snag).pk).update(gone_at=clock.now(), **owed.CLEAR)


def _leave_there(snag: Snag, reason: str) -> None:
    """What was read there is what we know of it: nobody is asked until it changes again."""


def _was_duplicate(snag: Snag, reason: str) -> None:
    """Take the money off the invoice here as well; it stays the client's credit."""
    link = _link(snag)
    now = clock.now()
    Link.objects.filter(pk=link.pk).update(gone_at=now)
    rows = [link.allocation] if link.allocation else list(link.payment.allocations.all() if link.payment else [])
    for allocation in rows:
        payments.reverse_allocation(allocation_id=allocation.pk, reason=reason or "a duplicate", now=now)
    for invoice_id in _invoices(link):
        invoicing.release_invoice(invoice_id=invoice_id, code="payment_removed")


def _replace(snag: Snag, reason: str) -> None:
    """New invoices ask for money that came back; what it had paid stays paid in the ledger."""
    link = _link(snag)
    payment = link.payment or (link.allocation.payment if link.allocation else None)
    if payment is None:
        raise RemedyRefused("This cause is not about a payment")
    payments.replace_returned(payment_id=payment.pk, now=clock.now())


def _use_mapping(snag: Snag, reason: str) -> None:
    """Book a credit where the mapping says, because what its invoice lies on is archived."""
    link = _link(snag)
    Link.objects.filter(pk=link.pk).update(coding=coding.BY_MAPPING)
    connections.try_again(connection_id=snag.connection_id, link_ids=[link.pk])


def _release(snag: Snag, reason: str) -> None:
    """End the hold on the invoice."""
    link = _link(snag)
    assert link.invoice is not None
    invoicing.release_invoice(invoice_id=link.invoice.pk, code=snag.code)


def _invoices(link: Link) -> list[int]:
    if link.allocation is not None:
        return [link.allocation.invoice_id]
    return list(link.payment.allocations.values_list("invoice_id", flat=True)) if link.payment else []


def _link(snag: Snag) -> Link:
    if snag.link is None:
        raise RemedyRefused("This cause is not about one record")
    return snag.link


_DO: dict[str, Callable[[Snag, str], None]] = {
    "retry": _retry,
    "read_again": _read_again,
    "keep_ours": _keep_ours,
    "take_theirs": _take_theirs,
    "put_back": _put_back,
    "accept_credit": _accept_credit,
    "void_rebill": _void_rebill,
    "void_drop": _void_drop,
    "post_again": _post_again,
    "was_duplicate": _was_duplicate,
    "take_back": _take_back,
    "left_out": _left_out,
    "leave_there": _leave_there,
    "replace": _replace,
    "release": _release,
    "use_mapping": _use_mapping,
}
