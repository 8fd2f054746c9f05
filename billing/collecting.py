"""Collecting what is due from clients who saved a method: ask the ledger first, then charge, once a day at most.

Nothing is charged, and nobody is reminded, while the ledger says that the money came another way or cannot be asked.
Each time an invoice is left out for such a reason that is written down, so that its page can say why.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from billing import attempts, dunning, mails, methods
from billing.models import Attempt, AttemptShare, Invoice, Payment, PaymentMethod, StripeAccount
from billing.standing import Standing, standing_of, unsettled, with_standing
from practice.core import audit, clock, dates, events, gates
from practice.core.gates import Answer, Verdict
from practice.core.money import ZERO
from practice.firm.models import Entity, Mail

#: How soon a ledger that could not be asked is asked again about the same invoice.
ASK_AGAIN = timedelta(minutes=10)
#: Days after an invoice fell due on which a client whose bills nothing collects is reminded.
REMIND_AFTER = (3, 10, 21)


@dataclass(frozen=True)
class Tried:
    """What was tried for one invoice before: whether something is live, and when it was last tried or left out."""

    live: Attempt | None = None
    last: Attempt | None = None
    skipped: Attempt | None = None


def due_now(invoice: Invoice, standing: Standing, today: date) -> Decimal:
    """What may be taken for an invoice on a day: all that is open, or only the instalments due by then."""
    room = max(ZERO, standing.due - standing.processing)
    parts = list(invoice.instalments.all())
    if not parts:
        return room if invoice.due_on is not None and invoice.due_on <= today else ZERO
    asked = sum((part.amount for part in parts if part.due_on <= today), ZERO)
    return max(ZERO, min(asked - standing.paid - standing.processing, room))


def collect(entity_id: int) -> int:
    """Charge every invoice of an entity that is due and may be charged now. Returns how many were tried."""
    entity = Entity.objects.get(pk=entity_id)
    if not StripeAccount.objects.filter(entity=entity).exists():
        return 0
    today = clock.today(entity.time_zone)
    tried = 0
    with audit.cause(system="schedule", actor="collection", run=f"collection of {today}"):
        rows = list(candidates(entity, today))
        known = _tried(rows)
        for invoice in rows:
            tried += _collect_one(invoice, known.get(invoice.pk, Tried()), today)
    return tried


def remind(entity_id: int) -> int:
    """Remind clients whose overdue bills nothing collects by itself. Returns how many mails are owed for it."""
    entity = Entity.objects.get(pk=entity_id)
    today = clock.today(entity.time_zone)
    first = today - timedelta(days=REMIND_AFTER[0])
    rows = list(_open_and_free(entity).filter(due_on__lte=first).exclude(_has_method()).order_by("pk"))
    sent = _reminders(rows, today, entity.time_zone)
    reminded = 0
    with audit.cause(system="schedule", actor="reminders", run=f"reminders of {today}"):
        for invoice in rows:
            assert invoice.due_on is not None
            wanted = sum((today - invoice.due_on).days >= days for days in REMIND_AFTER)
            count, is_today = sent.get(invoice.pk, (0, False))
            if count < wanted and not is_today and standing_of(invoice, today).processing == ZERO:
                reminded += _remind_one(invoice, today)
    return reminded


def candidates(entity: Entity, today: date) -> QuerySet[Invoice]:
    """Invoices of an entity with something due by a day and a saved method to take it from."""
    due = Q(due_on__lte=today) | Q(instalments__due_on__lte=today)
    rows = _open_and_free(entity).filter(due).filter(_has_method()).distinct().order_by("due_on", "pk")
    return with_standing(rows.select_related("client", "entity")).prefetch_related("instalments")


@transaction.atomic
def pause(*, invoice_id: int, until: date, reason: str) -> Invoice:
    """Neither charge nor chase an invoice before a day the client promised; the reason stays in the audit trail."""
    invoice = Invoice.objects.select_for_update(of=("self",)).select_related("entity").get(pk=invoice_id)
    invoice.paused_until = datetime.combine(until, time(), ZoneInfo(invoice.entity.time_zone))
    invoice._change_reason = f"paused: {reason}"[:100]  # type: ignore[attr-defined]
    invoice.save(update_fields=["paused_until"])
    events.record("billing.invoice.paused", invoice)
    return invoice


def _open_and_free(entity: Entity) -> QuerySet[Invoice]:
    """Nobody holds it, and no promise to pay it later is running."""
    free = Q(paused_until__isnull=True) | Q(paused_until__lte=clock.now())
    return unsettled(Invoice.objects.filter(free, entity=entity, hold_code="")).select_related("client", "entity")


def _has_method() -> Exists:
    return Exists(
        PaymentMethod.objects.filter(entity=OuterRef("entity"), client=OuterRef("client"), removed_at__isnull=True)
    )


def _tried(rows: list[Invoice]) -> dict[int, Tried]:
    """The attempts of these invoices, in one query."""
    found: dict[int, dict[str, Attempt]] = {}
    shares = AttemptShare.objects.filter(invoice__in=rows).select_related("attempt__method").order_by("pk")
    for share in shares:
        attempt, about = share.attempt, found.setdefault(share.invoice_id, {})
        if share.live:
            about["live"] = attempt
        elif attempt.state == Attempt.State.SKIPPED:
            about["skipped"] = attempt
        elif not attempt.on_session:
            about["last"] = attempt
    return {pk: Tried(**about) for pk, about in found.items()}


def _collect_one(invoice: Invoice, tried: Tried, today: date) -> bool:
    """Charge one invoice if every condition holds. Returns whether it was tried."""
    method = methods.method_of(entity_id=invoice.entity_id, client_id=invoice.client_id)
    amount = due_now(invoice, standing_of(invoice, today), today)
    if method is None or amount <= ZERO or not _is_time(invoice, method, tried, today) or not _end_visit(tried):
        return False
    asked_at = clock.now()
    answer = gates.ask("billing.may_collect_unattended", invoice, purpose="charge")
    if not answer.is_yes:
        skip(invoice, method=method, amount=amount, answer=answer)
        return False
    # Asking may have brought news: the invoice is read again before anything is taken.
    fresh = with_standing(Invoice.objects.filter(pk=invoice.pk)).select_related("client", "entity").get()
    now_due = due_now(fresh, standing_of(fresh, today), today)
    if fresh.is_held or fresh.status != Invoice.Status.ISSUED:
        return False
    if now_due <= ZERO:
        skip(fresh, method=method, amount=amount, answer=Answer(Verdict.NO, paid_how(fresh)))
        return False
    try:
        attempts.charge_saved(invoice=fresh, amount=now_due, method=method, asked_at=asked_at)
    except (attempts.PaymentUnderWay, attempts.NothingDue):
        return False
    return True


def _is_time(invoice: Invoice, method: PaymentMethod, tried: Tried, today: date) -> bool:
    """Whether dunning and what was tried today let a charge be made now."""
    zone = ZoneInfo(invoice.entity.time_zone)
    if tried.last is not None and tried.last.made_at.astimezone(zone).date() == today:
        return False
    if tried.skipped is not None and tried.skipped.called_at is not None:
        asked_on = tried.skipped.called_at.astimezone(zone).date()
        final = tried.skipped.failure_code == Verdict.NO and asked_on == today
        if final or clock.now() - tried.skipped.called_at < ASK_AGAIN:
            return False
    following = dunning.next_try(attempts.failures_of(invoice, method))
    return following is not None and following <= today


def _end_visit(tried: Tried) -> bool:
    """End a visit to the pay page that was left. False while the client may still be paying."""
    if tried.live is not None:
        try:
            attempts.abandon_visit(tried.live)
        except attempts.PaymentUnderWay:
            return False
    return True


def paid_how(invoice: Invoice) -> str:
    """In words, how an invoice that asks for nothing more came to be paid: "paid at the bank on 2 January 2027"."""
    last = (
        invoice.allocations.filter(reversed_at__isnull=True, payment__state=Payment.State.SUCCEEDED)
        .select_related("payment")
        .order_by("-pk")
        .first()
    )
    if last is None or last.payment is None or last.payment.paid_on is None:
        return "nothing is due any more"
    where = "by card or debit" if last.payment.source == Payment.Source.STRIPE else "at the bank"
    return f"paid {where} on {dates.in_words(last.payment.paid_on)}"


@transaction.atomic
def skip(invoice: Invoice, *, method: PaymentMethod, amount: Decimal, answer: Answer) -> Attempt:
    """Write down that an invoice was left out and why; one row a day, however often it was asked."""
    now = clock.now()
    zone = ZoneInfo(invoice.entity.time_zone)
    row = Attempt.objects.filter(shares__invoice=invoice, state=Attempt.State.SKIPPED).order_by("-pk").first()
    if row is not None and row.made_at.astimezone(zone).date() == now.astimezone(zone).date():
        row.called_at = row.closed_at = now
        row.failure_code, row.failure = answer.verdict, answer.reason[:300]
        row.save(update_fields=["called_at", "closed_at", "failure_code", "failure"])
        return row
    row = Attempt.objects.create(
        practice_id=invoice.practice_id,
        entity_id=invoice.entity_id,
        client_id=invoice.client_id,
        on_session=False,
        method=method,
        key=uuid.uuid4(),
        amount=amount,
        currency=invoice.currency,
        state=Attempt.State.SKIPPED,
        made_at=now,
        called_at=now,
        closed_at=now,
        failure_code=answer.verdict,
        failure=answer.reason[:300],
    )
    AttemptShare.objects.create(attempt=row, invoice=invoice, amount=amount, live=False)
    return row


def _reminders(rows: list[Invoice], today: date, zone: str) -> dict[int, tuple[int, bool]]:
    """How many reminders each invoice had, and whether one of them was today."""
    found: dict[int, tuple[int, bool]] = {}
    mailed = Mail.objects.filter(kind="billing.reminder", facts__invoice__in=[i.pk for i in rows])
    for facts, at in mailed.values_list("facts", "created_at"):
        count, is_today = found.get(facts["invoice"], (0, False))
        found[facts["invoice"]] = count + 1, is_today or at.astimezone(ZoneInfo(zone)).date() == today
    return found


def _remind_one(invoice: Invoice, today: date) -> bool:
    """Ask the ledger, then owe the mail. The promise is the same as for a charge: nobody who paid is chased."""
    if not gates.ask("billing.may_collect_unattended", invoice, purpose="reminder").is_yes:
        return False
    fresh = with_standing(Invoice.objects.filter(pk=invoice.pk)).select_related("client", "entity").get()
    if fresh.is_held or standing_of(fresh, today).due <= ZERO:
        return False
    with transaction.atomic():
        return mails.remind(fresh) is not None
