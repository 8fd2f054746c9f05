"""Applying what the ledger says: clients are merged, invoices are read in three layers, money is taken as objects.

*Document* (number, date, recipient, lines, tax, total) is what the client was given: a change there is a cause for a
person, with collection of that invoice on hold. *Coding* (account, tracking, item) is the ledger's and taken silently.
*Standing* (payments, credits, due date) is events. See docs/accounting.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from billing import invoicing, payments
from billing.models import Allocation, Invoice, Payment
from billing.payments import Receipt
from billing.standing import standing_of
from ledger_sync import documents, snags
from ledger_sync.kinds import MAIN
from ledger_sync.lanes import LEASE, Fenced, Lease
from ledger_sync.merge import Owner, Side, flatten, merge
from ledger_sync.models import CallItem, Connection, Hint, Link, Snag
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Ledger, Remote
from practice.core import clock
from practice.core.money import ZERO, in_words
from practice.firm import clients

#: Fields of a client that both books hold, and who decides. Where to sign is not among them, and never will be.
CLIENT_OWNERS: dict[str, dict[str, Owner]] = {
    "xero": {
        "name": Owner.LEDGER, "email": Owner.BOTH, "phone": Owner.BOTH, "tax_number": Owner.LEDGER,
        "address.line1": Owner.BOTH, "address.line2": Owner.BOTH, "address.city": Owner.BOTH,
        "address.region": Owner.BOTH, "address.postcode": Owner.BOTH,
    },
    "quickbooks": {
        "name": Owner.LEDGER, "email": Owner.BOTH, "phone": Owner.BOTH, "tax_number": Owner.PUSH_ONLY,
        "address.line1": Owner.BOTH, "address.line2": Owner.BOTH, "address.city": Owner.BOTH,
        "address.region": Owner.BOTH, "address.postcode": Owner.BOTH,
    },
}  # fmt: skip
#: A deleted payment that a bookkeeper had recorded reopens the invoice; chasing waits a day.
GRACE = timedelta(days=1)
#: An object of a call nobody has answered yet is read again after this long.
UNANSWERED_WAITS = timedelta(seconds=30)


@dataclass(frozen=True)
class Reading:
    """A look into the ledger: when it was begun, and under which lease; what is asked for one charge has none."""

    begun_at: datetime
    lease: Lease | None = None

    def check(self) -> None:
        """Raises Fenced once somebody else reads: they may have seen, and taken in, what came after."""
        if self.lease is not None and not self.lease.is_held():
            raise Fenced("the reader lost its lease before it could take in what it read")


def apply(connection: Connection, ledger: Ledger, remotes: Sequence[Remote], reading: Reading) -> int:
    """Apply objects as a look into the ledger showed them, each in its own short transaction.

    Returns how many were ours. Raises Fenced when the reader's lease is gone.
    """
    ours = 0
    for remote in remotes:
        who = _who(connection, ledger, remote)
        with transaction.atomic():
            reading.check()
            if _is_being_sent(connection, remote) or _is_outdated(connection, remote, reading):
                _read_later(connection, remote)
                continue
            ours += _APPLIERS.get(remote.kind, _ignore)(connection, remote, who)
    return ours


def _is_being_sent(connection: Connection, remote: Remote) -> bool:
    """Whether a call about this object is unanswered: what it shows may be our own change, not the bookkeeper's."""
    return CallItem.objects.filter(
        open_call__isnull=False, link__connection=connection, link__kind=remote.kind, link__remote_id=remote.remote_id
    ).exists()


def _is_outdated(connection: Connection, remote: Remote, reading: Reading) -> bool:
    """Whether both books have agreed since the look was begun, or it was too long ago to be news: what it shows may be
    what our own change has replaced, and would be taken for the bookkeeper's.
    """
    if clock.now() - reading.begun_at > LEASE:
        return True
    return Link.objects.filter(
        connection=connection, kind=remote.kind, remote_id=remote.remote_id, verified_at__gt=reading.begun_at
    ).exists()


def _read_later(connection: Connection, remote: Remote) -> None:
    """Leave a hint to read an object again, newer than the one that may have led here."""
    now = clock.now()
    row, made = Hint.objects.get_or_create(
        connection=connection, kind=remote.kind, remote_id=remote.remote_id,
        defaults={"first_at": now, "last_event_at": now, "ready_at": now + UNANSWERED_WAITS},
    )  # fmt: skip
    if not made:
        row.last_event_at = max(now, row.last_event_at + timedelta(microseconds=1))
        row.ready_at = now + UNANSWERED_WAITS
        row.save(update_fields=["last_event_at", "ready_at"])


def _who(connection: Connection, ledger: Ledger, remote: Remote) -> str:
    """The ledger user's name, read once and only where money moved by a person's hand."""
    if remote.kind not in (Kind.INVOICE, Kind.ALLOCATION):
        return ""
    link = Link.objects.filter(connection=connection, kind=remote.kind, remote_id=remote.remote_id).first()
    if link is None or link.base_theirs is None:
        return ""
    if _money_facts(link.base_theirs) == _money_facts(remote.theirs):
        return ""
    return ledger.who_changed(remote.kind, remote.remote_id)


def _money_facts(theirs: Doc) -> tuple[str, ...]:
    return tuple(str(theirs.get(k, "")) for k in ("total", "tax", "status", "contact", "date", "number", "amount"))


def _ignore(connection: Connection, remote: Remote, who: str) -> int:
    return 0


def _client(connection: Connection, remote: Remote, who: str) -> int:
    link = _link(connection, remote)
    if link is None or link.client is None or (remote.gone and not remote.merged_into):
        return 0
    if remote.merged_into:
        return _follow_merge(connection, link, remote.merged_into)
    if _is_known(link, remote):
        return 1
    owners = CLIENT_OWNERS[connection.provider]
    ours = Side(flatten(link.base_ours or {}), flatten(documents.client_doc(link.client)))
    theirs = Side(flatten(link.base_theirs or {}), flatten(remote.theirs))
    result = merge(ours, theirs, owners)
    _save_client(link, result.to_ours)
    for conflict in result.conflicts:
        snags.open_snag(
            connection, "both_changed", subject=f"client:{link.pk}:{conflict.name}", link=link,
            what=link.client.name, field=conflict.name.replace("address.", "").replace("_", " ").capitalize(),
            name=conflict.name, ours=conflict.ours, theirs=conflict.theirs, base=conflict.base,
        )  # fmt: skip
    link.client.refresh_from_db()
    waiting = {
        name.partition(".")[0] for name in (*result.to_theirs, *(conflict.name for conflict in result.conflicts))
    }
    before = link.base_ours or {}
    # A field that is still to be sent, or waits for a person, keeps its base: else our change would be forgotten.
    base = {k: before.get(k, v) if k in waiting else v for k, v in documents.client_doc(link.client).items()}
    _agree(link, remote, base_ours=base)
    return 1


def _save_client(link: Link, changes: dict[str, str]) -> None:
    client = link.client
    assert client is not None
    columns = {"name": "name", "email": "billing_email", "phone": "phone", "tax_number": "tax_number"}
    facts: dict[str, Any] = {columns[k]: v for k, v in changes.items() if k in columns}
    address: dict[str, Any] = {k.removeprefix("address."): v for k, v in changes.items() if k.startswith("address.")}
    try:
        with transaction.atomic():
            if facts:
                clients.update_client(client_id=client.pk, **facts)
            if address:
                clients.set_address(client_id=client.pk, **address)
    except clients.ClientRefused as refusal:
        snags.open_snag(
            link.connection, "not_taken", subject=f"client:{link.pk}", link=link, what=client.name, why=refusal.words
        )


def follow_merge(connection: Connection, kind: str, loser: str, survivor: str) -> None:
    """A ledger that does not show a merge on the object itself has told of one."""
    link = Link.objects.filter(connection=connection, kind=kind, remote_id=loser, gone_at__isnull=True).first()
    if link is not None and kind == Kind.CLIENT:
        _follow_merge(connection, link, survivor)


def _follow_merge(connection: Connection, link: Link, merged_into: str) -> int:
    """The contact was merged away: its link stays as a tombstone and points to the survivor's."""
    survivor = Link.objects.filter(connection=connection, kind=Kind.CLIENT, remote_id=merged_into).first()
    if survivor is None:
        Link.objects.filter(pk=link.pk).update(remote_id=merged_into, remote_version="")
    elif link.merged_into_id is None:
        Link.objects.filter(pk=link.pk).update(merged_into=survivor, gone_at=clock.now())
    return 1


def _invoice(connection: Connection, remote: Remote, who: str) -> int:
    link = _link(connection, remote)
    if link is None or link.invoice is None:
        return 0
    if _is_known(link, remote):
        return 1
    invoice, theirs = link.invoice, remote.theirs
    if invoice.status == Invoice.Status.ISSUED:
        if theirs["status"] in ("void", "deleted"):
            _voided_there(connection, link, remote, who)
        else:
            _document(connection, link, theirs, who)
            _due_date(link, theirs)
    coding = {line["key"]: {k: line.get(k, "") for k in ("account", "tax", "tracking")} for line in theirs["lines"]}
    Link.objects.filter(pk=link.pk).update(coding=coding)
    _agree(link, remote, base_ours=link.base_ours)
    return 1


def _document(connection: Connection, link: Link, theirs: Doc, who: str) -> None:
    """Compare what the client was given with what the ledger says now."""
    invoice = link.invoice
    assert invoice is not None
    ours: Doc = link.base_ours or {}
    changed = [
        k for k in ("number", "date", "contact", "currency", "net", "tax", "total") if ours.get(k) != theirs.get(k)
    ]
    if len(ours.get("lines", [])) != len(theirs["lines"]) and "lines" not in changed:
        changed.append("lines")
    code = f"invoice:{link.pk}"
    if changed:
        snag = snags.open_snag(
            connection, "document_changed", subject=code, link=link, money=invoice.total,
            what=documents.describe(link), who=who, fields=", ".join(changed),
            ours=_money(connection, ours.get("total", invoice.total)), theirs=_money(connection, theirs.get("total")),
            their_total=theirs.get("total"),
        )  # fmt: skip
        _hold(invoice.pk, snag)
        return
    invoicing.release_invoice(invoice_id=invoice.pk, code="document_changed")
    for snag in Snag.objects.filter(
        dedupe_key__in=[f"{connection.pk}:document_changed:{code}", f"{connection.pk}:totals_differ:{code}"],
        closed_at__isnull=True,
    ):
        snags.close(snag, "agrees again")


def _hold(invoice_id: int, snag: Snag) -> None:
    """Stop collecting an invoice for a cause, which is told in the same words wherever it shows."""
    invoicing.hold_invoice(invoice_id=invoice_id, code=snag.code, reason=snags.sentence(snag))


def _money(connection: Connection, amount: object) -> str:
    """An amount in the connection's currency, as people write it."""
    return in_words(Decimal(str(amount or "0")), connection.entity.currency, connection.entity.locale)


def _due_date(link: Link, theirs: Doc) -> None:
    """A due date the bookkeeper moved later is taken; an earlier one stays theirs."""
    invoice = link.invoice
    assert invoice is not None
    if not theirs.get("due_on") or theirs["due_on"] == (link.base_theirs or {}).get("due_on"):
        return
    due = date.fromisoformat(theirs["due_on"])
    if invoice.due_on is None or due > invoice.due_on:
        invoicing.change_due_date(invoice_id=invoice.pk, due_on=due, reason="ledger")


def _voided_there(connection: Connection, link: Link, remote: Remote, who: str) -> None:
    invoice = link.invoice
    assert invoice is not None
    snag = snags.open_snag(
        connection, "voided_there", subject=f"invoice:{link.pk}", link=link, money=invoice.total,
        what=documents.describe(link), who=who,
    )  # fmt: skip
    _hold(invoice.pk, snag)


def _payment_on_invoice(connection: Connection, remote: Remote, who: str) -> int:
    """One payment on one invoice, as Xero books them."""
    link = _link(connection, remote) or _link(connection, replace(remote, kind=Kind.PAYMENT))
    theirs = remote.theirs
    if link is None:
        return _their_payment(connection, remote)
    if _is_known(link, remote):
        return 1
    if theirs["status"] == "deleted" and link.payment is not None:
        # It found no room on its invoice here, so it stands as the client's credit and is known by the payment alone.
        payments.return_payment(
            payment_id=link.payment.pk, reason=f"removed in {connection.get_provider_display()}", now=clock.now()
        )
    elif theirs["status"] == "deleted":
        _payment_removed(connection, link, theirs, who)
    _agree(link, remote, base_ours=link.base_ours)
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
            _read_later(connection, remote)
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
    if allocation is None or allocation.reversed_at is not None or allocation.payment is None:
        return
    now = clock.now()
    name = connection.get_provider_display()
    if allocation.payment.source == Payment.Source.LEDGER:
        payments.return_payment(payment_id=allocation.payment.pk, reason=f"removed in {name}", now=now)
        Invoice.objects.filter(pk=allocation.invoice_id).update(paused_until=now + GRACE)
        Link.objects.filter(pk=link.pk).update(gone_at=now)
        return
    snag = snags.open_snag(
        connection, "payment_removed", subject=f"allocation:{link.pk}", link=link, money=allocation.amount,
        what=allocation.invoice.number, who=who, amount=_money(connection, allocation.amount),
    )  # fmt: skip
    _hold(allocation.invoice_id, snag)


def _whole_payment(connection: Connection, remote: Remote, who: str) -> int:
    """One payment with its lines, as QuickBooks books them."""
    link = _link(connection, remote)
    theirs = remote.theirs
    now = clock.now()
    if link is not None:
        if _is_known(link, remote):
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
        _agree(link, remote, base_ours=link.base_ours)
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

    Stripe's money that lies on fewer invoices than here is not followed: its invoices would be charged again.
    """
    shares = _known_shares(connection, theirs)
    wanted = {invoice.pk: amount for invoice, amount in shares}
    live = list(payment.allocations.filter(reversed_at__isnull=True))
    ours = {allocation.invoice_id: allocation.amount for allocation in live}
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
            ours=_money(connection, invoice.total - allocation.amount), theirs=_money(connection, invoice.total - said),
        )  # fmt: skip
        _hold(invoice.pk, snag)


def _known_shares(connection: Connection, theirs: Doc) -> list[tuple[Invoice, Decimal]]:
    shares = []
    for line in theirs.get("lines", []):
        link = Link.objects.filter(connection=connection, kind=Kind.INVOICE, remote_id=line["invoice"]).first()
        if link is not None and link.invoice is not None:
            shares.append((link.invoice, Decimal(line["amount"])))
    return shares


def _is_our_payment(connection: Connection, theirs: Doc) -> bool:
    return (
        bool(theirs["reference"])
        and Payment.objects.filter(entity=connection.entity, reference=theirs["reference"])
        .exclude(source=Payment.Source.LEDGER)
        .exists()
    )


def _stripe_payment_removed(connection: Connection, link: Link, payment: Payment) -> None:
    numbers = ", ".join(a.invoice.number for a in payment.allocations.select_related("invoice"))
    snag = snags.open_snag(
        connection, "payment_removed", subject=f"payment:{link.pk}", link=link, money=payment.amount,
        what=numbers or payment.reference, amount=_money(connection, payment.amount),
    )  # fmt: skip
    for allocation in payment.allocations.filter(reversed_at__isnull=True).order_by("pk"):
        _hold(allocation.invoice_id, snag)


def agrees_on_due(connection: Connection, link: Link, theirs: Doc) -> bool:
    """Whether what is due on an invoice is the same in both books."""
    invoice = Invoice.objects.get(pk=link.subject_id)
    ours = standing_of(invoice, clock.today(connection.entity.time_zone)).due
    return Decimal(theirs.get("due") or "0") == ours


@transaction.atomic
def check_standing(connection: Connection, link: Link, theirs: Doc) -> bool:
    """Whether what is due on an invoice is the same in both books; a difference we cannot follow holds collection."""
    invoice = link.invoice
    assert invoice is not None
    invoice.refresh_from_db()
    vars(invoice).pop("live_allocations", None)
    ours = standing_of(invoice, clock.today(connection.entity.time_zone)).due
    said = Decimal(theirs.get("due") or "0")
    pending = Allocation.objects.filter(invoice=invoice, reversed_at__isnull=True)
    ids = pending.values_list("pk", flat=True)
    on_the_way = Link.objects.filter(connection=connection, allocation_id__in=ids, owed_since__isnull=False).exists()
    if said == ours or on_the_way:
        return True
    snag = snags.open_snag(
        connection, "settled_there", subject=f"invoice:{link.pk}", link=link, money=abs(said - ours) or ZERO,
        what=documents.describe(link), ours=_money(connection, ours), theirs=_money(connection, said),
    )  # fmt: skip
    _hold(invoice.pk, snag)
    return False


_SUBJECT: dict[str, tuple[str, ...]] = {
    Kind.CLIENT: ("client", "connection"),
    Kind.INVOICE: ("invoice__client", "connection"),
    Kind.ALLOCATION: ("allocation__payment", "allocation__invoice"),
    Kind.PAYMENT: ("payment",),
}


def _link(connection: Connection, remote: Remote) -> Link | None:
    return (
        Link.objects.select_for_update(of=("self",))
        .filter(connection=connection, kind=remote.kind, remote_id=remote.remote_id)
        .select_related(*_SUBJECT.get(remote.kind, ()))
        .first()
    )


def _is_known(link: Link, remote: Remote) -> bool:
    """Whether this very content was taken in before: an echo of our own, or a second notice."""
    if link.base_theirs != remote.theirs:
        return False
    Link.objects.filter(pk=link.pk).update(verified_at=clock.now(), remote_version=remote.version)
    return True


def _agree(link: Link, remote: Remote, *, base_ours: Doc | None) -> None:
    Link.objects.filter(pk=link.pk).update(
        base_theirs=remote.theirs, base_ours=base_ours, remote_version=remote.version, verified_at=clock.now()
    )


_APPLIERS: dict[str, Callable[[Connection, Remote, str], int]] = {
    Kind.CLIENT: _client,
    Kind.INVOICE: _invoice,
    Kind.ALLOCATION: _payment_on_invoice,
    Kind.PAYMENT: _whole_payment,
}
