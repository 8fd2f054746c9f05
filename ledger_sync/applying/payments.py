"""Payments the bookkeeper recorded, changed or removed: money is taken as an object, never inferred from a balance."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from billing import payments
from billing.models import Invoice, Payment, Refund
from billing.payments import Receipt
from ledger_sync.applying import bases, entries
from ledger_sync.applying.bases import is_known, link_of
from ledger_sync.applying.freshness import read_later
from ledger_sync.applying.invoices import amount_in_words, hold
from ledger_sync.asking import snags
from ledger_sync.kinds import MAIN
from ledger_sync.models import Connection, Link
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Remote
from ledger_sync.rendering import carrying, dating
from practice.core import clock
from practice.core.money import ZERO

#: A deleted payment that a bookkeeper had recorded reopens the invoice; chasing waits a day.
GRACE = timedelta(days=1)


def take_payment_on_invoice(connection: Connection, remote: Remote, who: str) -> int:
    """One payment on one invoice, as Xero books them."""
    link = link_of(connection, remote) or link_of(connection, replace(remote, kind=Kind.PAYMENT))
    theirs = remote.theirs
    if link is None and not theirs["invoice"]:
        return _refund(connection, replace(remote, kind=Kind.REFUND), who)
    if link is None:
        return _their_payment(connection, remote)
    if is_known(link, remote):
        return 1
    if theirs["status"] == "deleted" and link.payment is not None:
        # It found no room on its invoice here, so it stands as the client's credit and is known by the payment alone.
        payments.return_payment(
            payment_id=link.payment.pk, reason=f"removed in {connection.get_provider_display()}", now=clock.now()
        )
    elif theirs["status"] == "deleted":
        _payment_removed(connection, link, theirs, who)
    bases.agree(link, remote, base_ours=link.base_ours)
    return 1


def _refund(connection: Connection, remote: Remote, who: str) -> int:
    """Money paid out of a credit: of ours its removal is asked about, because Stripe gave it back all the same."""
    link = link_of(connection, remote)
    if link is None or link.refund is None:
        return 0
    if is_known(link, remote):
        return 1
    if remote.theirs["status"] == "deleted" and link.gone_at is None and link.refund.state == Refund.State.SUCCEEDED:
        snags.open_snag(
            connection, "refund_removed", subject=f"refund:{link.pk}", link=link, money=link.refund.amount, who=who,
            what=link.refund.payment.client.name, amount=amount_in_words(connection, link.refund.amount),
        )  # fmt: skip
    bases.agree(link, remote, base_ours=link.base_ours)
    return 1


def _their_payment(connection: Connection, remote: Remote) -> int:
    """A payment the bookkeeper recorded: money and its allocation, as objects of ours."""
    theirs = remote.theirs
    invoice_link = Link.objects.filter(
        connection=connection, kind=Kind.INVOICE, remote_id=theirs["invoice"], gone_at__isnull=True
    ).first()
    if theirs["status"] == "deleted":
        return 0
    if invoice_link is None or invoice_link.invoice is None:
        if _is_on_its_way(connection, theirs.get("invoice_number", "")):
            read_later(connection, remote)
        return 0
    if _is_our_own(connection, theirs):
        return 0
    invoice = invoice_link.invoice
    amount = Decimal(theirs["amount"])
    now = clock.now()
    receipt = Receipt(
        source=Payment.Source.LEDGER,
        method="bank",
        amount=amount,
        currency=invoice.currency,
        reference=theirs["reference"][:60] or f"{connection.get_provider_display()} payment",
        state=Payment.State.SUCCEEDED,
        initiated_at=now,
        paid_on=date.fromisoformat(theirs["date"]),
    )
    payment = payments.record_payment(
        entity=connection.entity, client=invoice.client, receipt=receipt, on_invoices=[(invoice, amount)], now=now
    )
    allocation = payment.allocations.first()
    subject = {"allocation": allocation} if allocation else {"payment": payment}
    kind = Kind.ALLOCATION if allocation else Kind.PAYMENT
    Link.objects.create(
        connection=connection, kind=kind, role=MAIN, remote_id=remote.remote_id, remote_version=remote.version,
        base_ours={}, base_theirs=theirs, verified_at=now, **subject,
    )  # fmt: skip
    return 1


def _is_on_its_way(connection: Connection, number: str) -> bool:
    """Whether an invoice of ours of this number may be there without our knowing it yet."""
    waiting = Link.objects.filter(connection=connection, remote_id__isnull=True, owed_since__isnull=False)
    return bool(number) and waiting.filter(invoice__number=number, parked_at__isnull=True).exists()


def _is_our_own(connection: Connection, theirs: Doc) -> bool:
    """Whether a payment unknown by id is one that our own open call is making right now."""
    open_items = Link.objects.filter(
        connection=connection, kind=Kind.ALLOCATION, remote_id__isnull=True, owed_since__isnull=False
    )
    return any(
        str(item.ours["doc"].get("reference")) == theirs["reference"] and bool(theirs["reference"])
        for link in open_items
        for item in link.items.all()
    )


def _payment_removed(connection: Connection, link: Link, theirs: Doc, who: str) -> None:
    """A deleted payment: believed for money the bookkeeper recorded, asked about for money Stripe holds."""
    allocation = link.allocation
    if allocation is None or allocation.payment is None or not (amount := carrying.carried(allocation)):
        return
    now = clock.now()
    name = connection.get_provider_display()
    if allocation.payment.source == Payment.Source.LEDGER:
        payments.return_payment(payment_id=allocation.payment.pk, reason=f"removed in {name}", now=now)
        Invoice.objects.filter(pk=allocation.invoice_id).update(paused_until=now + GRACE)
        Link.objects.filter(pk=link.pk).update(gone_at=now)
        return
    snag = snags.open_snag(
        connection, "payment_removed", subject=f"allocation:{link.pk}", link=link, money=amount,
        what=allocation.invoice.number, who=who, amount=amount_in_words(connection, amount),
    )  # fmt: skip
    hold(allocation.invoice_id, snag)


def take_whole_payment(connection: Connection, remote: Remote, who: str) -> int:
    """One payment with its lines, as QuickBooks books them."""
    link = link_of(connection, remote)
    theirs = remote.theirs
    now = clock.now()
    if link is not None and link.role != MAIN:
        return entries.take_entry(connection, remote, who)
    if link is not None:
        if is_known(link, remote):
            return 1
        payment = link.payment
        if payment is not None and theirs["status"] in ("void", "deleted"):
            if payment.source == Payment.Source.LEDGER:
                payments.return_payment(payment_id=payment.pk, reason="removed in QuickBooks", now=now)
                Link.objects.filter(pk=link.pk).update(gone_at=now)
            else:
                _stripe_payment_removed(connection, link, payment)
        elif payment is not None:
            _changed_payment(connection, link, payment, theirs)
            if payment.source == Payment.Source.STRIPE:
                entries.check_facts(link, {k: v for k, v in theirs.items() if k != "amount"}, who)
        bases.agree(link, remote, base_ours=link.base_ours)
        return 1
    shares = _known_shares(connection, theirs)
    if not shares or theirs["status"] in ("void", "deleted") or _is_our_payment(connection, theirs):
        return 0
    if Decimal(theirs["amount"]) <= ZERO:
        return 0  # a credit put on an invoice: QuickBooks books that as a payment of nothing
    payment = _record_theirs(connection, theirs, shares)
    Link.objects.create(
        connection=connection, kind=Kind.PAYMENT, payment=payment, remote_id=remote.remote_id,
        remote_version=remote.version, base_ours={}, base_theirs=theirs, verified_at=now,
    )  # fmt: skip
    return 1


def _record_theirs(connection: Connection, theirs: Doc, shares: list[tuple[Invoice, Decimal]]) -> Payment:
    """A payment the bookkeeper recorded, with what it is on."""
    now = clock.now()
    first = shares[0][0]
    receipt = Receipt(
        source=Payment.Source.LEDGER,
        method="bank",
        amount=Decimal(theirs["amount"]),
        currency=first.currency,
        reference=theirs["reference"][:60] or "QuickBooks payment",
        state=Payment.State.SUCCEEDED,
        initiated_at=now,
        paid_on=date.fromisoformat(theirs["date"]),
    )
    return payments.record_payment(
        entity=connection.entity, client=first.client, receipt=receipt, on_invoices=shares, now=now
    )


def _changed_payment(connection: Connection, link: Link, payment: Payment, theirs: Doc) -> None:
    """A known payment was edited: what it is on follows the ledger; its amount only if the bookkeeper had recorded it.

    Stripe's money that lies on fewer invoices than here is not followed: its invoices would be charged again. What it
    was on before is no news, whatever has become of it here: that is ours to send. Money that came back pays nothing.
    """
    before = link.base_theirs or {}
    if (
        all(before.get(name) == theirs[name] for name in ("lines", "amount"))
        or payment.state != Payment.State.SUCCEEDED
    ):
        return
    shares = _known_shares(connection, theirs)
    wanted = {invoice.pk: amount for invoice, amount in shares}
    live = list(payment.allocations.filter(reversed_at__isnull=True))
    ours: dict[int, Decimal] = {}
    for allocation, amount in carrying.shares(payment):
        ours[allocation.invoice_id] = ours.get(allocation.invoice_id, ZERO) + amount
    amount_differs = Decimal(theirs["amount"]) != payment.amount
    if wanted == ours and not amount_differs:
        return
    now = clock.now()
    if payment.source != Payment.Source.LEDGER and (amount_differs or sum(wanted.values()) < sum(ours.values())):
        _stripe_payment_taken_off(connection, payment, wanted)
        return
    if amount_differs and shares:
        payments.return_payment(payment_id=payment.pk, reason="changed in QuickBooks", now=now)
        Link.objects.filter(pk=link.pk).update(payment=_record_theirs(connection, theirs, shares))
        return
    for allocation in live:
        if wanted.get(allocation.invoice_id) != allocation.amount:
            payments.reverse_allocation(allocation_id=allocation.pk, reason="moved in QuickBooks", now=now)
    for invoice, amount in shares:
        if ours.get(invoice.pk) != amount:
            payments.allocate(payment_id=payment.pk, invoice_id=invoice.pk, amount=amount, now=now)


def _stripe_payment_taken_off(connection: Connection, payment: Payment, wanted: dict[int, Decimal]) -> None:
    """Stripe holds the money and the ledger no longer shows it on the invoice: a person decides, nothing is charged."""
    for allocation in payment.allocations.filter(reversed_at__isnull=True).order_by("pk").select_related("invoice"):
        invoice, said = allocation.invoice, wanted.get(allocation.invoice_id, ZERO)
        if said == allocation.amount:
            continue
        snag = snags.open_snag(
            connection, "settled_there", subject=f"payment:{payment.pk}:{invoice.pk}",
            link=Link.objects.filter(connection=connection, kind=Kind.INVOICE, invoice=invoice).first(),
            money=allocation.amount - said, what=invoice.number,
            ours=amount_in_words(connection, invoice.total - allocation.amount),
            theirs=amount_in_words(connection, invoice.total - said),
        )  # fmt: skip
        hold(invoice.pk, snag)


def _known_shares(connection: Connection, theirs: Doc) -> list[tuple[Invoice, Decimal]]:
    shares = []
    for line in theirs.get("lines", []):
        link = Link.objects.filter(connection=connection, kind=Kind.INVOICE, remote_id=line["invoice"]).first()
        if link is not None and link.invoice is not None:
            shares.append((link.invoice, Decimal(line["amount"])))
    return shares


def _is_our_payment(connection: Connection, theirs: Doc) -> bool:
    rows = Payment.objects.filter(entity=connection.entity, reference=dating.true_reference(theirs["reference"]))
    return bool(theirs["reference"]) and rows.exclude(source=Payment.Source.LEDGER).exists()


def _stripe_payment_removed(connection: Connection, link: Link, payment: Payment) -> None:
    numbers = ", ".join(a.invoice.number for a in payment.allocations.select_related("invoice"))
    snag = snags.open_snag(
        connection, "payment_removed", subject=f"payment:{link.pk}", link=link, money=payment.amount,
        what=numbers or payment.reference, amount=amount_in_words(connection, payment.amount),
    )  # fmt: skip
    for allocation in payment.allocations.filter(reversed_at__isnull=True).order_by("pk"):
        hold(allocation.invoice_id, snag)
