"""Money as the ledger must show it: payments with what they are on, money back, fees and payouts.

Which entry each of these is, and why, says docs/accounting.md; the adapters write it their ledger's way.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db.models import Q

from billing.models import Allocation, BalanceTransaction, Dispute, FeeDay, Payment, Payout, Refund
from ledger_sync import linking
from ledger_sync.connection import mapping
from ledger_sync.connection.mapping import Purpose
from ledger_sync.kinds import BACK, EXCESS, RECEIVED, RETURNED, SHAPES, UNAPPLIED
from ledger_sync.models import Link, RefItem
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc
from ledger_sync.rendering import carrying, dating
from ledger_sync.rendering.intents import Intent
from ledger_sync.rendering.known import Known
from ledger_sync.rendering.sales_documents import credit_doc, is_paid_out
from practice.core.money import ZERO


def allocation(link: Link, known: Known) -> Intent | None:
    """Money or credit on one invoice, as ledgers have it that book each by itself."""
    row = link.allocation
    assert row is not None
    if row.credit is not None:
        return _credit_on_invoice(link, known, row)
    if link.role == EXCESS:
        return _excess_on_invoice(link, known, row)
    payment = row.payment
    assert payment is not None
    day, amount = str(payment.paid_on), carrying.carried(row)
    if link.exists_there:
        sent = (link.base_ours or {}).get("amount") or str(amount)
        stands = amount > ZERO and Decimal(sent) == amount
        return None if stands else Intent("delete", {"reference": _reference(row)}, dating.day_there(link, day))
    if amount <= ZERO:
        return None
    doc: Doc = {
        "invoice": known.remote_of(Kind.INVOICE, row.invoice_id),
        "account": _money_account(known, payment),
        "amount": str(amount),
        "date": day,
        "reference": _reference(row),
        "currency": payment.currency,
    }
    return Intent("create", doc, day)


def _credit_on_invoice(link: Link, known: Known, row: Allocation) -> Intent | None:
    credit = row.credit
    assert credit is not None
    day = str(credit.issued_on)
    stands = row.reversed_at is None and not is_paid_out(credit.pk)
    if stands == link.exists_there:
        return None
    facts = {
        "credit": known.remote_of(Kind.CREDIT, credit.pk),
        "invoice": known.remote_of(Kind.INVOICE, row.invoice_id),
    }
    if not stands:
        return Intent("delete", {**facts, "reference": credit.number}, dating.day_there(link, day))
    contact = known.remote_of(Kind.CLIENT, credit.client_id)
    doc = {**facts, "amount": str(row.amount), "date": day, "contact": contact, "reference": credit.number}
    return Intent("create", doc, day)


def _excess_on_invoice(link: Link, known: Known, row: Allocation) -> Intent | None:
    """The client's credit that the ledger has already, put on an invoice: no money moves."""
    payment = row.payment
    assert payment is not None
    # The ledger dates it by the later of the two documents, whatever it is told.
    day = str(max(filter(None, (payment.paid_on, row.invoice.issued_on))))
    amount, sent = carrying.carried(row), link.base_ours or {}
    if link.exists_there:
        stands = Decimal(sent.get("amount") or amount) == amount > ZERO
        facts = {name: sent.get(name, "") for name in ("overpayment", "invoice", "reference")}
        return None if stands else Intent("delete", facts, dating.day_there(link, day))
    if amount <= ZERO:
        return None
    doc: Doc = {
        "overpayment": _overpayment(known, payment),
        "invoice": known.remote_of(Kind.INVOICE, row.invoice_id),
        "amount": str(amount),
        "date": day,
        "reference": _reference(row),
    }
    return Intent("create", doc, day)


def _overpayment(known: Known, row: Payment) -> str:
    """The ledger's id of what it has of a payment as the client's credit. Raises MappingMissing."""
    over = linking.find_link(known.connection, Kind.PAYMENT, row.pk, EXCESS)
    key = str((over.base_theirs or {}).get("overpayment", "")) if over is not None else ""
    if not key:
        raise mapping.MappingMissing(f"The client's credit of “{row.reference}”")
    return key


def payment(link: Link, known: Known) -> Intent | None:
    """One of the documents of a payment: the whole of it, what is on no invoice, or what shows that it came back."""
    row = link.payment
    assert row is not None
    builders = {EXCESS: _excess, RECEIVED: _received, RETURNED: _returned}
    return builders.get(link.role, _whole_payment)(link, known, row)


def _whole_payment(link: Link, known: Known, row: Payment) -> Intent | None:
    """A payment with a line for each invoice it is on, and one for each time money of it went back."""
    day = str(row.paid_on)
    came_back = row.state in (Payment.State.FAILED, Payment.State.RETURNED)
    if came_back and row.source != Payment.Source.STRIPE:
        there = dating.day_there(link, day)
        return Intent("void", {"reference": row.reference}, there) if link.exists_there else None
    lines: list[Doc] = [
        {"invoice": known.remote_of(Kind.INVOICE, part.invoice_id), "amount": str(amount)}
        for part, amount in carrying.shares(row)
    ]
    doc: Doc = {
        "contact": known.remote_of(Kind.CLIENT, row.client_id),
        "account": _money_account(known, row),
        "date": day,
        "reference": row.reference,
        "currency": row.currency,
        "amount": str(row.amount),
        "lines": lines + _paid_back(link, row),
    }
    if link.exists_there:
        doc = dating.as_entered(link, doc)
        return None if doc == link.base_ours else Intent("update", doc, dating.day_there(link, day))
    return Intent("create", doc, day)


def _paid_back(link: Link, row: Payment) -> list[Doc]:
    """The purchases by which a payment's unapplied money went back, which use it up."""
    refunded = Q(kind=Kind.REFUND, role=UNAPPLIED, refund__payment=row, refund__state=Refund.State.SUCCEEDED)
    returned = Q(kind=Kind.PAYMENT, role=RETURNED, payment=row) if carrying.came_back(row) else Q(pk=None)
    there = Link.objects.filter(refunded | returned, connection=link.connection_id, gone_at__isnull=True)
    rows = there.filter(remote_id__isnull=False).order_by("pk")
    return [{"purchase": str(r.remote_id), "amount": (r.base_ours or {})["total"]} for r in rows]


def _excess(link: Link, known: Known, row: Payment) -> Intent | None:
    """What of a payment is on no invoice, where the ledger has that as a document of its own."""
    day, amount = str(row.paid_on), left_over(link, row)
    if link.exists_there:
        same = _stands_as(link, amount)
        return None if same else Intent("delete", {"reference": row.reference}, dating.day_there(link, day))
    if amount <= ZERO:
        return None
    doc: Doc = {
        "contact": known.remote_of(Kind.CLIENT, row.client_id),
        "account": _money_account(known, row),
        "date": day,
        "reference": row.reference,
        "currency": row.currency,
        "amount": str(amount),
    }
    return Intent("create", doc, day)


def left_over(link: Link, row: Payment) -> Decimal:
    """What of a payment is on no invoice; what was put on one out of the ledger's document is still part of that."""
    used = Link.objects.filter(connection=link.connection_id, kind=Kind.ALLOCATION, role=EXCESS, gone_at__isnull=True)
    since = [carrying.carried(r.allocation) for r in used.filter(allocation__payment=row) if r.allocation is not None]
    return carrying.excess(row) + sum(since, ZERO)


def _stands_as(link: Link, amount: Decimal) -> bool:
    return Decimal((link.base_ours or {}).get("amount") or amount) == amount


def _credit_is_remade(known: Known, row: Payment) -> bool:
    """Whether the document that a refund was paid out of has another amount by now, and is made anew."""
    over = linking.find_link(known.connection, Kind.PAYMENT, row.pk, EXCESS)
    return over is not None and over.exists_there and not _stands_as(over, left_over(over, row))


def _received(link: Link, known: Known, row: Payment) -> Intent | None:
    """Money that came back, shown as received on its day once its payments are off their invoices again."""
    amount = carrying.came_back(row)
    if amount <= ZERO and not link.exists_there:
        return None
    target = known.places.target(Purpose.RETURNED)
    words = "Received, and taken back later"
    return _remade(link, _movement(known, row, amount, row.paid_on, f"{row.reference} received", words, target))


def _returned(link: Link, known: Known, row: Payment) -> Intent | None:
    """Money leaving again on the day it was taken back.

    It opens the receivable where the ledger ties it to the payment; else it goes through the account of returns.
    """
    amount = carrying.came_back(row) or carrying.replaced(row)
    if amount <= ZERO and not link.exists_there:
        return None
    opens = not SHAPES[known.connection.provider].links_allocations and not carrying.is_replaced(row)
    target = receivables(known) if opens else known.places.target(Purpose.RETURNED)
    doc = _movement(known, row, amount, row.returned_on, f"{row.reference} returned", "Taken back by the bank", target)
    return _remade(link, doc)


def refund(link: Link, known: Known) -> Intent | None:
    """Money given back, once Stripe says it went: of a credit note, or of money that was on no invoice."""
    row = link.refund
    assert row is not None
    wanted = row.state == Refund.State.SUCCEEDED
    in_the_way = link.exists_there and link.role == UNAPPLIED and _credit_is_remade(known, row.payment)
    if wanted == link.exists_there and not in_the_way:
        return None
    reference = f"Refund R{row.pk} of {row.payment.reference}"
    day = str(row.refunded_on)
    if link.exists_there:
        return Intent("delete", {"reference": reference}, dating.day_there(link, day))
    source = known.places.target(Purpose.DISPUTED if row.dispute_id else Purpose.CLEARING)
    if link.role == UNAPPLIED:
        return _refund_of_credit(known, row, source, reference)
    assert row.credit is not None, "a reduced price has its credit note"
    doc: Doc = {
        **credit_doc(row.credit, known, link),
        "credit": known.remote_of(Kind.CREDIT, row.credit.pk),
        "account": source.remote_id,
        "amount": str(row.amount),
        "date": day,
        "reference": reference,
    }
    return Intent("create", doc, day)


def _refund_of_credit(known: Known, row: Refund, source: RefItem, reference: str) -> Intent:
    """Money that was on no invoice: paid out of what the ledger has as the client's credit."""
    if SHAPES[known.connection.provider].links_allocations:
        doc: Doc = {
            "overpayment": _overpayment(known, row.payment), "account": source.remote_id, "amount": str(row.amount),
            "date": str(row.refunded_on), "reference": reference, "currency": row.payment.currency,
        }  # fmt: skip
    else:
        target = receivables(known)
        doc = _movement(known, row.payment, row.amount, row.refunded_on, reference, "Given back", target)
        doc["account"] = source.remote_id
    return Intent("create", doc, str(row.refunded_on))


def dispute(link: Link, known: Known) -> Intent | None:
    """Money a client's bank took back while it looks into it, and its way back, as Stripe's balance has it."""
    row = link.dispute
    assert row is not None
    taken = _moved(row, "dispute")
    if taken is None:
        return None
    held = known.places.target(Purpose.DISPUTED)
    if link.role != BACK:
        words = "Disputed by the client's bank"
        return _remade(link, _movement(known, row.payment, *taken, f"Dispute {row.dispute_ref}", words, held))
    given = _moved(row, "dispute_reversal")
    if given is None and row.payment.state == Payment.State.RETURNED:
        given = taken[0], row.payment.returned_on or taken[1]
    amount, day = given or (ZERO, None)
    reference = f"Dispute {row.dispute_ref} closed"
    return _remade(link, _movement(known, row.payment, amount, day, reference, "No longer disputed", held))


def _moved(row: Dispute, category: str) -> tuple[Decimal, date] | None:
    """What a dispute moved on Stripe's balance, and the day; None before Stripe has booked it."""
    rows = list(BalanceTransaction.objects.filter(source_ref=row.dispute_ref, category=category).order_by("made_at"))
    return (abs(sum((r.amount for r in rows), ZERO)), rows[0].on) if rows else None


def receivables(known: Known) -> RefItem:
    """The account of what clients owe. Raises MappingMissing."""
    rows = RefItem.objects.filter(connection=known.connection, kind=RefItem.Kind.ACCOUNT, active=True)
    found = rows.filter(data__Type="Accounts Receivable").order_by("id").first()
    if found is None:
        raise mapping.MappingMissing("Accounts receivable")
    return found


def _movement(
    known: Known, row: Payment, amount: Decimal, on: date | None, reference: str, words: str, target: RefItem
) -> Doc:  # fmt: skip
    """Money between the clearing account and another one, without tax, in the client's name."""
    return {
        "contact": known.remote_of(Kind.CLIENT, row.client_id),
        "account": known.places.target(Purpose.CLEARING).remote_id,
        "date": str(on or ""),
        "reference": reference,
        "currency": row.currency,
        "total": str(amount),
        "lines": [
            {
                "key": "1",
                "description": words,
                "amount": str(amount),
                "account": target.code or target.remote_id,
                "tax": "",
            }
        ],
    }


def _remade(link: Link, doc: Doc) -> Intent | None:
    """Such a document is never edited: what has another amount, day or target by now is taken away and made anew."""
    wanted, sent, doc = Decimal(doc["total"]) > ZERO, link.base_ours or {}, dating.as_entered(link, doc)
    if not link.exists_there:
        return Intent("create", doc, doc["date"]) if wanted else None
    same = wanted and all(sent.get(name, doc[name]) == doc[name] for name in ("total", "date", "lines"))
    return None if same else Intent("delete", {"reference": doc["reference"]}, dating.day_there(link, doc["date"]))


def fee(link: Link, known: Known) -> Intent | None:
    """What Stripe kept of one day's money."""
    day: FeeDay | None = link.fee_day
    assert day is not None
    if link.exists_there:
        return None
    places = known.places
    rate, fees = places.target(Purpose.FEE_TAX), places.target(Purpose.FEES)
    lines = [
        {
            "key": row.movement_ref,
            "description": f"Stripe fee on {row.source_ref}",
            "amount": str(row.fee),
            "account": fees.code or fees.remote_id,
            "tax": rate.code or rate.remote_id,
        }
        for row in day.movements.exclude(fee=ZERO).order_by("made_at", "id")
    ]
    clearing = places.target(Purpose.CLEARING)
    reference = f"Stripe fees {day.on:%d %b %Y}"
    doc: Doc = {
        "account": clearing.remote_id,
        "payee": "Stripe",
        "date": str(day.on),
        "reference": reference,
        "currency": day.currency,
        "lines": lines,
        "total": str(day.amount),
    }
    return Intent("create", doc, str(day.on))


def payout(link: Link, known: Known) -> Intent | None:
    """Money that reached the bank, or the bank's account debited; and the way back of what the bank sent back."""
    row: Payout | None = link.payout
    assert row is not None
    comes_back = link.role == BACK
    on = row.came_back_on if comes_back else row.arrives_on
    if link.exists_there or on is None:
        return None
    places = known.places
    clearing, bank = places.target(Purpose.CLEARING).remote_id, places.target(Purpose.BANK).remote_id
    source, destination = (clearing, bank) if (row.amount >= 0) != comes_back else (bank, clearing)
    doc: Doc = {
        "from": source,
        "to": destination,
        "amount": str(abs(row.amount)),
        "date": str(on),
        "reference": f"{row.reference} sent back" if comes_back else row.reference,
        "currency": row.currency,
    }
    return Intent("create", doc, str(on))


def _money_account(known: Known, row: Payment) -> str:
    """Stripe's money goes to the clearing account; money typed in here to the bank."""
    purpose = Purpose.CLEARING if row.source == Payment.Source.STRIPE else Purpose.BANK
    return known.places.target(purpose).remote_id


def _reference(row: Allocation) -> str:
    """How an allocation is found again in the ledger: the payment's reference and the allocation's own number."""
    assert row.payment is not None
    return f"{row.payment.reference} A{row.pk}"
