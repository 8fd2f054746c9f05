"""Credit on our invoices in the ledger: the bookkeeper's is taken as an object, of ours we ask what is taken off.

Xero tells on an invoice how much of which credit lies on it, and the credit tells the rest; QuickBooks books the use
of a credit memo as a payment of nothing. What was overpaid may be moved between a client's invoices on either side:
that is followed. A credit note the client holds is not: a person decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q, QuerySet

from billing import ledger_credits, payments
from billing.credits import CreditRefused
from billing.ledger_credits import Given
from billing.models import CreditNote, Payment
from billing.payments import Receipt
from ledger_sync import linking
from ledger_sync.applying.freshness import read_later
from ledger_sync.applying.invoices import amount_in_words, hold
from ledger_sync.asking import snags
from ledger_sync.connection.mapping import Purpose
from ledger_sync.kinds import CREDIT, EXCESS
from ledger_sync.models import Connection, Link, Mapping
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc, Ledger, Remote
from ledger_sync.rendering import documents
from practice.core import clock, money
from practice.core.money import ZERO

ROLES = (CREDIT, EXCESS)


@dataclass(frozen=True)
class Use:
    """So much of one credit on one invoice: of a credit note, or of money paid beyond what was due, says ``role``."""

    role: str
    source: str
    key: str
    invoice: str
    amount: Decimal
    on: str
    note: Doc


@dataclass(frozen=True)
class Beside:
    """What lies on an invoice, or on the invoices of one entry, of the credits that seemed to have changed."""

    uses: Sequence[Use]
    sources: frozenset[str]


def beside(connection: Connection, ledger: Ledger, remote: Remote) -> Beside | None:
    """Read the credits by which an object differs from what we know. None where none does. Calls the ledger."""
    if remote.kind == Kind.INVOICE and linking.wants_allocations(connection):
        return _of_invoice(connection, ledger, remote)
    return _of_payment(connection, ledger, remote) if remote.kind == Kind.PAYMENT else None


def _of_invoice(connection: Connection, ledger: Ledger, remote: Remote) -> Beside | None:
    """Xero: the credits whose part on an invoice is another than we know."""
    links = list(_links(connection).filter(allocation__invoice__in=_ours(connection, [remote.remote_id])))
    said: dict[tuple[str, str], Decimal] = {}
    for one in remote.theirs.get("credits", []):
        name = one["role"], one["source"]
        said[name] = said.get(name, ZERO) + Decimal(one["amount"])
    known: dict[tuple[str, str], Decimal] = {}
    for link in links:
        assert link.allocation is not None, "credit on an invoice is an allocation"
        name = link.role, _source(link)
        known[name] = known.get(name, ZERO) + link.allocation.amount
    differing = sorted(name for name in said.keys() | known.keys() if said.get(name) != known.get(name))
    if not differing or not _ours(connection, [remote.remote_id]):
        return None
    uses: list[Use] = []
    for role, source in differing:
        found = ledger.fetch(Kind.CREDIT, [source], EXCESS if role == EXCESS else "")
        uses += [use for one in found for use in _uses(role, source, one.theirs) if use.invoice == remote.remote_id]
    return Beside(uses, frozenset(source for _, source in differing))


def _uses(role: str, source: str, note: Doc) -> list[Use]:
    rows = note.get("uses", []) if note.get("status") == "issued" else []
    return [
        Use(role, source, one["key"] or f"{source[:18]}:{one['invoice'][:18]}", one["invoice"], Decimal(one["amount"]),
            one["date"], note)
        for one in rows
    ]  # fmt: skip


def say_otherwise(connection: Connection, remotes: Sequence[Remote]) -> set[str]:
    """Invoices on which other credit lies than we know, by their ids there: also where they say what they said before.

    A credit of ours that was put on and taken off again between two looks leaves an invoice as it was.
    """
    if not linking.wants_allocations(connection) or any(remote.kind != Kind.INVOICE for remote in remotes):
        return set()
    there = [remote.remote_id for remote in remotes]
    ids = dict(
        Link.objects.filter(connection=connection, kind=Kind.INVOICE, remote_id__in=there).values_list(
            "invoice", "remote_id"
        )
    )
    known: dict[str, Decimal] = {}
    rows = _links(connection).filter(allocation__invoice__in=ids)
    for invoice, amount in rows.values_list("allocation__invoice", "allocation__amount"):
        known[str(ids[invoice])] = known.get(str(ids[invoice]), ZERO) + amount
    said = {r.remote_id: sum((Decimal(one["amount"]) for one in _credits(r)), ZERO) for r in remotes}
    return {remote_id for remote_id in there if said[remote_id] != known.get(remote_id, ZERO)}


def _credits(remote: Remote) -> list[Doc]:
    said = remote.theirs.get("credits", [])
    return said if isinstance(said, list) else []


def _of_payment(connection: Connection, ledger: Ledger, remote: Remote) -> Beside | None:
    """QuickBooks: a payment of nothing that puts one credit memo on one invoice."""
    theirs = remote.theirs
    lines, memos = theirs.get("lines", []), theirs.get("credits", [])
    stands = theirs.get("status") == "issued" and len(lines) == len(memos) == 1 and Decimal(theirs["amount"]) == ZERO
    known = _links(connection).filter(remote_id=remote.remote_id)
    if not stands:
        return Beside([], frozenset()) if known.exists() else None
    if known.filter(base_theirs__amount=lines[0]["amount"], base_theirs__invoice=lines[0]["invoice"]).exists():
        return None
    if not known.exists() and not _ours(connection, [lines[0]["invoice"]]):
        return None
    source = memos[0]["credit"]
    (note,) = ledger.fetch(Kind.CREDIT, [source])
    amount, invoice = Decimal(lines[0]["amount"]), lines[0]["invoice"]
    use = Use(CREDIT, source, remote.remote_id, invoice, amount, theirs["date"], note.theirs)
    return Beside([use], frozenset({source}))


def take(connection: Connection, remote: Remote, found: Beside | None, who: str) -> None:
    """Bring our rows to what the ledger has, in the caller's commit; while a change of ours is under way, later."""
    if found is None:
        return
    about = ("connection", "allocation__payment", "allocation__credit")
    links = _links(connection).select_for_update(of=("self",)).select_related(*about)
    if remote.kind == Kind.INVOICE:
        known = [
            link
            for link in links.filter(allocation__invoice__in=_ours(connection, [remote.remote_id])).order_by("pk")
            if _source(link) in found.sources
        ]
    else:
        known = list(links.filter(remote_id=remote.remote_id))
    if _is_under_way(connection, remote, found):
        _look_again(connection, remote)
        return
    here = {str(link.remote_id): link for link in known}
    fresh = [use for use in found.uses if use.key not in here]
    for key in here.keys() - {use.key for use in found.uses}:
        again = next((use for use in fresh if _is_same(here[key], use)), None)
        if again is None:
            _taken_off(connection, here[key], who)
        else:
            Link.objects.filter(pk=here[key].pk).update(remote_id=again.key)
            fresh.remove(again)
    for use in fresh:
        _put_on(connection, use)


def _is_same(link: Link, use: Use) -> bool:
    """Whether a credit that was taken off an invoice was put on it again, whole."""
    allocation = link.allocation
    assert allocation is not None, "credit on an invoice is an allocation"
    on = Link.objects.filter(connection=link.connection, kind=Kind.INVOICE, remote_id=use.invoice)
    same = (link.role, _source(link), allocation.amount) == (use.role, use.source, use.amount)
    return same and allocation.reversed_at is None and on.filter(invoice=allocation.invoice_id).exists()


def _is_under_way(connection: Connection, remote: Remote, found: Beside) -> bool:
    """Whether our own credit on such an invoice is being sent or taken off just now."""
    invoices = {use.invoice for use in found.uses} | ({remote.remote_id} if remote.kind == Kind.INVOICE else set())
    ours = _ours(connection, invoices)
    moving = Link.objects.filter(connection=connection, owed_since__isnull=False, parked_at__isnull=True)
    on = Q(kind=Kind.ALLOCATION, role__in=ROLES, allocation__invoice__in=ours)
    of = Q(kind=Kind.CREDIT, credit__invoice__in=ours) | Q(kind=Kind.INVOICE, invoice__in=ours)
    mine = Q(kind=Kind.ALLOCATION, role__in=ROLES, remote_id=remote.remote_id)
    return moving.filter(on | of | mine).exists()


def _look_again(connection: Connection, remote: Remote) -> None:
    """Read it again, and do not take it for known until then."""
    read_later(connection, remote)
    for link in Link.objects.filter(connection=connection, kind=remote.kind, remote_id=remote.remote_id):
        link.base_theirs = {**(link.base_theirs or {}), "credits": "unread"}
        link.save(update_fields=["base_theirs"])


def _links(connection: Connection) -> QuerySet[Link]:
    """Credit that we know to lie on invoices there."""
    return Link.objects.filter(
        connection=connection, kind=Kind.ALLOCATION, role__in=ROLES, gone_at__isnull=True, remote_id__isnull=False
    )


def _ours(connection: Connection, remote_ids: Iterable[str]) -> list[int]:
    """Our invoices of these ids there."""
    rows = Link.objects.filter(connection=connection, kind=Kind.INVOICE, remote_id__in=remote_ids)
    return [pk for pk in rows.values_list("invoice", flat=True) if pk is not None]


def _source(link: Link) -> str:
    """The ledger's id of what a credit on an invoice comes from."""
    told = str((link.base_theirs or {}).get("source", ""))
    allocation = link.allocation
    assert allocation is not None, "credit on an invoice is an allocation"
    if told:
        return told
    if link.role == CREDIT:
        return linking.remote_of(link.connection, Kind.CREDIT, allocation.credit_id or 0)
    over = linking.find_link(link.connection, Kind.PAYMENT, allocation.payment_id or 0, EXCESS)
    return str((over.base_theirs or {}).get("overpayment", "")) if over else ""


# What appeared


def _put_on(connection: Connection, use: Use) -> None:
    invoice_link = Link.objects.filter(connection=connection, kind=Kind.INVOICE, remote_id=use.invoice).first()
    if invoice_link is None or invoice_link.invoice is None:
        return
    number = str(use.note.get("number", ""))
    if use.role == CREDIT and _is_of_ours(connection, number):
        _cannot_follow(connection, invoice_link, use)
        return
    took = _take_overpaid if use.role == EXCESS else _take_note
    allocation_id = took(connection, invoice_link, use)
    if allocation_id is None:
        _cannot_follow(connection, invoice_link, use)
        return
    base = {
        "invoice": use.invoice, "amount": str(use.amount), "date": use.on, "source": use.source, "status": "issued",
    }  # fmt: skip
    Link.objects.create(
        connection=connection, kind=Kind.ALLOCATION, role=use.role, allocation_id=allocation_id, remote_id=use.key,
        base_ours={}, base_theirs=base, verified_at=clock.now(),
    )  # fmt: skip


def _is_of_ours(connection: Connection, number: str) -> bool:
    """Whether a credit note is one we made: where it lies is for people to decide, who hold it."""
    notes = CreditNote.objects.filter(entity=connection.entity_id, origin=CreditNote.Origin.HERE)
    return bool(number) and notes.filter(number=number).exists()


def _take_note(connection: Connection, invoice_link: Link, use: Use) -> int | None:
    note, name = use.note, connection.get_provider_display()
    total, tax = Decimal(note.get("total") or "0"), Decimal(note.get("tax") or "0")
    lines = note.get("lines", [])
    said = next((line["description"] for line in lines if line.get("description")), "")
    given = Given(
        number=str(note.get("number") or f"{name} {use.source[:8]}"),
        words=said or f"Credited in {name}",
        amount=use.amount,
        tax=money.to_cents(tax * use.amount / total) if total else ZERO,
        is_write_off=_is_write_off(connection, [str(line.get("account", "")) for line in lines]),
        on=date.fromisoformat(use.on or note["date"]),
    )
    try:
        taken = ledger_credits.take_credit(invoice_id=invoice_link.subject_id, given=given, now=clock.now())
    except CreditRefused:
        return None
    return taken.pk


def _is_write_off(connection: Connection, accounts: Sequence[str]) -> bool:
    """A credit wholly to the account of bad debts writes the invoice off; to any other it is a credit."""
    chosen = Mapping.objects.filter(connection=connection, purpose=Purpose.BAD_DEBTS).select_related("target").first()
    if chosen is None or not accounts:
        return False
    return set(accounts) <= {chosen.target.code or chosen.target.remote_id, chosen.target.remote_id}


def _take_overpaid(connection: Connection, invoice_link: Link, use: Use) -> int | None:
    """Our client's credit moves; of the bookkeeper's own, so much is money on this invoice."""
    now = clock.now()
    over = Link.objects.filter(
        connection=connection, kind=Kind.PAYMENT, role=EXCESS, gone_at__isnull=True, base_theirs__overpayment=use.source
    ).first()
    payment = over.payment if over is not None else _their_money(connection, invoice_link, use)
    assert payment is not None, "an excess is of a payment"
    made = payments.allocate(
        payment_id=payment.pk, invoice_id=invoice_link.subject_id, amount=use.amount, now=now
    )  # fmt: skip
    return made.pk if made is not None and made.amount == use.amount else None


def _their_money(connection: Connection, invoice_link: Link, use: Use) -> Payment:
    invoice = invoice_link.invoice
    assert invoice is not None
    name = connection.get_provider_display()
    receipt = Receipt(
        source=Payment.Source.LEDGER, method="bank", amount=use.amount, currency=invoice.currency,
        reference=str(use.note.get("reference") or f"{name} overpayment")[:60], state=Payment.State.SUCCEEDED,
        initiated_at=clock.now(), paid_on=date.fromisoformat(use.on or use.note["date"]),
    )  # fmt: skip
    return payments.record_payment(
        entity=connection.entity, client=invoice.client, receipt=receipt, on_invoices=[], now=clock.now()
    )


def _cannot_follow(connection: Connection, invoice_link: Link, use: Use) -> None:
    """There is no room for it here, or it is a credit note of ours that was put elsewhere: people decide."""
    invoice = invoice_link.invoice
    assert invoice is not None
    left = documents.value_of(invoice_link)
    snag = snags.open_snag(
        connection, "settled_there", subject=f"invoice:{invoice_link.pk}", link=invoice_link, money=use.amount,
        what=documents.describe(invoice_link), ours=amount_in_words(connection, left),
        theirs=amount_in_words(connection, left - use.amount),
    )  # fmt: skip
    hold(invoice.pk, snag)


# What is no longer there


def _taken_off(connection: Connection, link: Link, who: str) -> None:
    allocation, now = link.allocation, clock.now()
    assert allocation is not None, "credit on an invoice is an allocation"
    reason = f"taken off in {connection.get_provider_display()}"
    if allocation.credit is not None and allocation.credit.origin == CreditNote.Origin.HERE:
        if allocation.reversed_at is None:
            _ask(connection, link, allocation.credit, who)
        return
    if allocation.credit is not None:
        ledger_credits.take_credit_off(allocation_id=allocation.pk, reason=reason, now=now)
    elif allocation.payment is not None and allocation.payment.source == Payment.Source.LEDGER:
        payments.return_payment(payment_id=allocation.payment.pk, reason=reason, now=now)
    else:
        payments.reverse_allocation(allocation_id=allocation.pk, reason=reason, now=now)
    Link.objects.filter(pk=link.pk).update(gone_at=now)


def _ask(connection: Connection, link: Link, note: CreditNote, who: str) -> None:
    snag = snags.open_snag(
        connection, "credit_taken_off", subject=f"allocation:{link.pk}", link=link, money=note.total, who=who,
        note=note.number, what=note.invoice.number, amount=amount_in_words(connection, note.total),
    )  # fmt: skip
    hold(note.invoice_id, snag)
