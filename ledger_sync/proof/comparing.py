"""What both books do not agree on about one document: it is not there, or a field says something else.

Beside what pages show of every record (:func:`ledger_sync.proof.agreeing.fields_of`): the account that money lies on,
what of it is on which invoice, what of it is on none, and what is left of a credit note.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from django.db.models import Prefetch, QuerySet

from billing.models import Allocation, CreditNote, Invoice, Payment, Refund
from ledger_sync.kinds import EXCESS, MAIN
from ledger_sync.models import Difference, Link, RefItem
from ledger_sync.ports import Doc, Remote
from ledger_sync.proof import agreeing
from ledger_sync.proof.agreeing import Field
from ledger_sync.rendering import carrying, money_documents
from ledger_sync.rendering.sales_documents import is_paid_out
from practice.core import money
from practice.core.money import ZERO

What = Difference.What
GONE = ("void", "deleted")
#: Where money lies: coding of a sale is the ledger's to decide, the account that proves where money went is not.
_PLACES = ("account", "from", "to")


def with_records(links: QuerySet[Link]) -> list[Link]:
    """Links with everything that is compared, in a few questions."""
    live = Allocation.objects.filter(reversed_at__isnull=True).select_related("payment")
    covered = Prefetch("invoice__allocations", queryset=live, to_attr="live_allocations")
    rows = links.select_related(
        "connection__entity", "client", "service", "invoice__client", "allocation__invoice", "allocation__payment",
        "payment__client", "credit__client", "refund__payment", "dispute__payment", "fee_day", "payout",
    )  # fmt: skip
    return list(rows.prefetch_related(covered).order_by("pk"))


def differences(link: Link, remote: Remote) -> list[Difference]:
    """What the books do not agree on about one document."""
    here, there = _stands(link), not remote.gone and remote.theirs.get("status") not in GONE
    if not there:
        return [Difference(what=What.MISSING_THERE)] if here else []
    if not here:
        return [Difference(what=What.DIFFERS, field="status", here="taken back", there="stands")]
    link.base_theirs = remote.theirs
    fields = [*agreeing.fields_of(link), *_money(link, remote.theirs)]
    return [
        Difference(what=What.DIFFERS, field=field.name, here=field.here[:200], there=field.there[:200])
        for field in fields
        if field.differs
    ]


def _stands(link: Link) -> bool:
    """Whether our record is in force, so that the ledger should have it."""
    if link.invoice is not None:
        return link.invoice.status == Invoice.Status.ISSUED
    if link.credit is not None:
        return link.credit.voided_at is None
    if link.allocation is not None and link.allocation.credit_id is None:
        return carrying.carried(link.allocation) > ZERO
    if link.refund is not None:
        return link.refund.state == Refund.State.SUCCEEDED
    if link.payment is not None and link.role == EXCESS:
        return money_documents.left_over(link, link.payment) > ZERO
    if link.payment is not None and link.role == MAIN:
        # What Stripe took back stays in the ledger, and beside it what shows that it went.
        is_ours = link.payment.source == Payment.Source.STRIPE
        return is_ours or link.payment.state not in (Payment.State.FAILED, Payment.State.RETURNED)
    return True


def _money(link: Link, theirs: Doc) -> Iterator[Field]:
    """Fields that only money and credit have. What was sent is what we have of them: nothing else is owed."""
    ours: Doc = link.base_ours or {}
    if "amount" in ours and "amount" not in theirs and "total" in theirs:
        yield _amounts(link, "amount", _wanted(link, ours["amount"]), theirs["total"])
    if link.invoice_id is None and link.credit_id is None and link.client_id is None and link.service_id is None:
        yield from (
            _place(link, name, ours[name], theirs[name]) for name in _PLACES if ours.get(name) and theirs.get(name)
        )
    if link.payment_id and "unapplied" in theirs and "lines" in ours:
        applied, there = _applied(ours["lines"]), _applied([*theirs["lines"], *theirs.get("paid_back", [])])
        yield _amounts(
            link, "on no invoice", Decimal(ours["amount"]) - sum(applied.values(), ZERO), theirs["unapplied"]
        )
        words = [", ".join(_in_words(link, amount) for amount in sorted(side.values())) for side in (applied, there)]
        yield Field("on invoices", words[0], words[1], differs=applied != there)
    if link.credit is not None and "due" in theirs and not is_paid_out(link.credit.pk):
        yield _amounts(link, "left of it", _left(link.credit), theirs["due"])


def _wanted(link: Link, sent: str) -> Decimal:
    """The amount a document should have: as it was sent, but of what a payment leaves over, what that is by now."""
    if link.payment is not None and link.role == EXCESS:
        return money_documents.left_over(link, link.payment)
    return Decimal(sent)


def _applied(lines: Iterable[Doc]) -> dict[str, Decimal]:
    """How much of a payment is on each document of the ledger."""
    found: dict[str, Decimal] = {}
    for line in lines:
        key = str(line.get("invoice") or line.get("purchase"))
        found[key] = found.get(key, ZERO) + Decimal(line["amount"])
    return found


def _left(credit: CreditNote) -> Decimal:
    used = credit.allocations.filter(reversed_at__isnull=True).values_list("amount", flat=True)
    return credit.total - sum(used, ZERO)


def _amounts(link: Link, name: str, here: object, there: object) -> Field:
    one, other = Decimal(str(here or 0)), Decimal(str(there or 0))
    return Field(name, _in_words(link, one), _in_words(link, other), differs=one != other)


def _place(link: Link, name: str, here: str, there: str) -> Field:
    if here == there:
        return Field(name, here, there)
    rows = RefItem.objects.filter(connection=link.connection_id, remote_id__in=(here, there))
    labels = {row.remote_id: row.label for row in rows}
    words = {"from": "from account", "to": "to account"}.get(name, name)
    return Field(words, labels.get(here, here), labels.get(there, there), differs=True)


def _in_words(link: Link, amount: Decimal) -> str:
    entity = link.connection.entity
    return money.in_words(amount, getattr(link.subject, "currency", "") or entity.currency, entity.locale)
