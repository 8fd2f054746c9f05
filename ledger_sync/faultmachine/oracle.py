"""The judge: business rows against the ledger's own store, field by field. It knows tables and deeds, never the engine.

A difference counts unless a deed of the bookkeeper explains it and a cause is open for people about it. An open cause
that no deed explains counts as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from billing.models import Allocation, Invoice, Payment
from ledger_sync.faultmachine.cases import OF_A_DAY, WENT_BACK, Case, Row, reference_of
from ledger_sync.faultmachine.findings import DIVERGED, DUPLICATED, LOST, STUCK, Finding, worst_first
from ledger_sync.faultmachine.oracle_credits import judge_credits
from ledger_sync.faultmachine.oracle_left_over import judge_left_over
from ledger_sync.models import Call, Connection, Delivery, Hint, Lane, Link, Mapping, Snag, Turn
from practice.firm.models import Client

#: Which deeds on an invoice explain which causes about it or about money on it.
_EXPLAINED: dict[str, tuple[str, ...]] = {
    "document_changed": ("edit",),
    "totals_differ": ("edit",),
    "voided_there": ("void",),
    "payment_removed": ("unpay",),
    "refused": ("edit", "void", "pay", "unpay", "credited", "moved", "uncredited"),
    "settled_there": ("pay", "unpay", "edit", "void", "credited", "moved"),
    "credit_taken_off": ("uncredited", "void"),
}


def judge(case: Case) -> list[Finding]:
    """Every finding, worst first."""
    found = [
        *_invoices(case), *_phantom_invoices(case), *_clients(case), *_our_payments(case), *_their_payments(case),
        *judge_credits(case), *judge_left_over(case), *_causes(case), *_machinery(case),
    ]  # fmt: skip
    return sorted(set(found), key=worst_first)


# Invoices


def _invoices(case: Case) -> Iterator[Finding]:
    for invoice in Invoice.objects.filter(entity=case.entity_id).exclude(number="").select_related("client"):
        rows = case.invoices(invoice.number)
        if len(rows) > 1:
            yield Finding(DUPLICATED, f"{invoice.number} is in the ledger {len(rows)} times")
        if not rows:
            if invoice.status == Invoice.Status.ISSUED:
                yield Finding(LOST, f"{invoice.number} never reached the ledger")
            continue
        row = rows[0]
        if invoice.status == Invoice.Status.VOID:
            yield from _void(case, invoice, row)
        elif row["Status"] in ("VOIDED", "DELETED"):
            if not _explained(case, invoice, row, "voided_there"):
                yield Finding(DIVERGED, f"{invoice.number} is {row['Status']} there, issued here")
        else:
            yield from _document(case, invoice, row)


def _void(case: Case, invoice: Invoice, row: Row) -> Iterator[Finding]:
    if row["Status"] in ("VOIDED", "DELETED"):
        return
    if not (case.deeds.touched(row["InvoiceID"], "pay", "credited", "moved") and _open(case, invoice, "refused")):
        yield Finding(DIVERGED, f"{invoice.number} is void here, {row['Status']} there")


def _document(case: Case, invoice: Invoice, row: Row) -> Iterator[Finding]:
    differing = [
        f"{name}: {ours} here, {theirs} there" for name, ours, theirs in _compared(case, invoice, row) if ours != theirs
    ]
    edited = case.deeds.touched(row["InvoiceID"], "edit")
    if differing and not (edited and _open(case, invoice, "document_changed", "totals_differ")):
        yield Finding(DIVERGED, f"{invoice.number} differs in {'; '.join(differing)}")
    yield from _due_date(case, invoice, row)
    if not case.deeds.touched(row["InvoiceID"], "edit", "pay", "unpay", "void", "credited", "moved", "uncredited"):
        live = _live(invoice)
        told = [a.amount for a in live if not (a.payment and case.waits(a.payment))]
        due = invoice.total - sum(told, Decimal(0))
        if due != Decimal(row["AmountDue"]):
            yield Finding(DIVERGED, f"{invoice.number}: {due} is due here, {row['AmountDue']} there")


def _compared(case: Case, invoice: Invoice, row: Row) -> Iterator[tuple[str, str, str]]:
    """(field, ours, theirs) of a document, all as text."""
    yield "client", case.contact_of(invoice.client_id), row["_contact"]
    yield "date", str(invoice.issued_on), row["Date"]
    yield "currency", invoice.currency, row["CurrencyCode"]
    yield "reference", invoice.reference, row.get("Reference", "")
    yield "net", str(invoice.net), row["SubTotal"]
    yield "tax", str(invoice.tax), row["TotalTax"]
    yield "total", str(invoice.total), row["Total"]
    ours = list(invoice.lines.order_by("position"))
    yield "lines", str(len(ours)), str(len(row["LineItems"]))
    moved = case.deeds.touched(row["InvoiceID"], "recode")
    for line, theirs in zip(ours, row["LineItems"], strict=False):
        yield "text", line.description, theirs["Description"]
        yield "quantity", f"{line.quantity:.4f}", f"{Decimal(theirs['Quantity']):.4f}"
        yield "price", f"{line.unit_price:.4f}", f"{Decimal(theirs['UnitAmount']):.4f}"
        yield "line tax", str(line.tax), theirs["TaxAmount"]
        if not moved:
            yield "account", case.account_of("sales"), theirs["AccountCode"]


def _due_date(case: Case, invoice: Invoice, row: Row) -> Iterator[Finding]:
    if row.get("DueDate") != str(invoice.due_on) and not case.deeds.touched(row["InvoiceID"], "edit"):
        yield Finding(DIVERGED, f"{invoice.number} is due on {invoice.due_on} here, {row.get('DueDate')} there")


def _phantom_invoices(case: Case) -> Iterator[Finding]:
    rows = Invoice.objects.filter(entity=case.entity_id).exclude(number="")
    ours = set(rows.values_list("number", flat=True))
    for row in case.ledger["Invoices"]:
        number = row.get("InvoiceNumber", "")
        if number.startswith("CS-") and number not in ours:
            yield Finding(DIVERGED, f"{number} is in the ledger and was never issued here")


def _live(invoice: Invoice) -> list[Allocation]:
    rows = invoice.allocations.filter(reversed_at__isnull=True).select_related("payment")
    return [a for a in rows if not a.payment or a.replaced_by_id or a.payment.state == Payment.State.SUCCEEDED]


# Clients


def _clients(case: Case) -> Iterator[Finding]:
    for client in Client.objects.all():
        rows = case.contacts(client.pk)
        if case.deeds.values("was", f"CS-C{client.pk}"):
            yield from _merged(case, client, rows)
            continue
        if len(rows) > 1:
            yield Finding(DUPLICATED, f"{client.name} is in the ledger {len(rows)} times")
        if not rows:
            if Invoice.objects.filter(client=client, entity=case.entity_id, status=Invoice.Status.ISSUED).exists():
                yield Finding(LOST, f"{client.name} never reached the ledger")
            continue
        yield from _contact(case, client, rows[0])


def _merged(case: Case, client: Client, rows: list[Row]) -> Iterator[Finding]:
    """A client's contact was merged away: it is not made anew, and where a stranger's stayed, that is the client's."""
    stays = case.contact_of(client.pk)
    if any(row["ContactID"] != stays and row["ContactID"] not in case.deeds.losers() for row in rows):
        yield Finding(DUPLICATED, f"{client.name} was merged into another contact and made anew")
    found = [row for row in case.ledger["Contacts"] if row["ContactID"] == stays]
    if found and not found[0].get("ContactNumber"):
        yield from _contact(case, client, found[0])


def _contact(case: Case, client: Client, row: Row) -> Iterator[Finding]:
    phone = next((p["PhoneNumber"] for p in row["Phones"] if p["PhoneType"] == "DEFAULT"), "")
    fields = (
        ("name", "name", row["Name"]),
        ("billing_email", "email", row.get("EmailAddress", "")),
        ("phone", "phone", phone),
    )
    for column, what, shown in fields:
        plain = _without_spaces if what == "phone" else str
        here, there = plain(getattr(client, column)), plain(shown)
        ours = [plain(value) for value in _written_here(case, client, column)]
        theirs = [plain(value) for value in case.deeds.values(what, row["ContactID"])]
        if here != there:
            asked = Snag.objects.filter(link__client=client, code="both_changed", closed_at__isnull=True)
            if not (theirs and len(ours) > 1 and any(s.facts.get("name") == what for s in asked)):
                yield Finding(DIVERGED, f"{what} of {client.name}: {here} here, {there} there")
        elif not theirs and here != ours[-1]:
            yield Finding(LOST, f"{what} of {client.name} was set to {ours[-1]} here; both say {here}")
        elif theirs and len(ours) == 1 and here != theirs[-1]:
            yield Finding(LOST, f"{what} of {client.name} was set to {theirs[-1]} in the ledger; both say {here}")
        elif theirs and here not in (ours[-1], theirs[-1]):
            yield Finding(LOST, f"{what} of {client.name} says {here}, the last words were {ours[-1]} and {theirs[-1]}")


def _without_spaces(number: str) -> str:
    """A ledger may write a phone number its own way."""
    return "".join(number.split())


def _written_here(case: Case, client: Client, column: str) -> list[str]:
    """The values people here gave a field, first to last, from the client's history."""
    written: list[str] = []
    before = None
    for past in client.history.order_by("history_id"):  # type: ignore[attr-defined]
        value = getattr(past, column)
        if value != before and past.system != case.provider:
            written.append(value)
        before = value
    return written


# Money


def _our_payments(case: Case) -> Iterator[Finding]:
    return _payments_with_lines(case) if case.provider == "quickbooks" else _payment_each(case)


def _payments_with_lines(case: Case) -> Iterator[Finding]:
    """Each live payment we took is one payment there, with a line for each invoice; one that came back pays nothing."""
    ours = Payment.objects.filter(entity=case.entity_id).exclude(source=Payment.Source.LEDGER)
    for payment in ours.exclude(WENT_BACK):
        rows = [row for row in case.ledger["Payments"] if reference_of(row) == payment.reference]
        used = payment.allocations.filter(reversed_at__isnull=True).select_related("invoice")
        live = {a.invoice.number: str(a.amount) for a in used} if payment.state == Payment.State.SUCCEEDED else {}
        there = {row["_number"]: row["Amount"] for row in rows if row["Status"] == "AUTHORISED"}
        if len({row["PaymentID"] for row in rows}) > 1:
            yield Finding(DUPLICATED, f"payment {payment.reference} is in the ledger more than once")
        elif live != there and not (case.waits(payment) or (used and all(case.missing_explained(a) for a in used))):
            kind = DIVERGED if there or not live else LOST
            yield Finding(kind, f"payment {payment.reference} pays {live} here, {there} there")
        elif rows and live and str(payment.paid_on) != (day := day_of(case, rows[0])):
            dates = f"{payment.paid_on} here, {day} there"
            yield Finding(DIVERGED, f"payment {payment.reference} is of {dates}")


def _payment_each(case: Case) -> Iterator[Finding]:
    """Each live allocation of money we took is one payment there, or credit put on later; each reversed one is none."""
    ours = Allocation.objects.filter(payment__entity=case.entity_id).exclude(payment__source=Payment.Source.LEDGER)
    went_back = Payment.objects.filter(WENT_BACK)
    for allocation in ours.exclude(payment__in=went_back).select_related("payment", "invoice"):
        payment = allocation.payment
        assert payment is not None
        reference = f"{payment.reference} A{allocation.pk}"
        rows = [r for r in case.ledger["Payments"] if reference_of(r) == reference and r["Status"] != "DELETED"]
        live = allocation.reversed_at is None and payment.state == Payment.State.SUCCEEDED
        if len(rows) > 1:
            yield Finding(DUPLICATED, f"payment {reference} is in the ledger {len(rows)} times")
        elif rows and not live:
            yield Finding(DIVERGED, f"payment {reference} was undone here and still stands there")
        elif not rows and live:
            if not (case.put_on(payment, allocation.invoice.number) or case.missing_explained(allocation)):
                yield Finding(LOST, f"payment {reference} of {allocation.amount} never reached the ledger")
        elif rows:
            yield from _payment(case, allocation, rows[0], reference)


def _payment(case: Case, allocation: Allocation, row: Row, reference: str) -> Iterator[Finding]:
    payment = allocation.payment
    assert payment is not None
    numbers = {r["InvoiceID"]: r.get("InvoiceNumber", "") for r in case.ledger["Invoices"]}
    purpose = "clearing" if payment.source == Payment.Source.STRIPE else "bank"
    wanted = (
        ("amount", str(allocation.amount), row["Amount"]),
        ("date", str(payment.paid_on), day_of(case, row)),
        ("invoice", allocation.invoice.number, numbers.get(row["_document"], "")),
        ("account", _account_of(case, purpose), row["_account"]),
    )
    for name, ours, theirs in wanted:
        if ours != theirs:
            yield Finding(DIVERGED, f"payment {reference}: {name} is {ours} here, {theirs} there")


def day_of(case: Case, row: Row) -> str:
    """The day the money is of: its own, if it was entered on the first day after a lock that covers that day."""
    said = OF_A_DAY.search(row["Reference"])
    if said is None:
        return str(row["Date"])
    true, entered = datetime.strptime(f"{said[1]} +0000", "%d %b %Y %z").date(), date.fromisoformat(row["Date"])
    locks = [date.fromisoformat(day) for day in case.deeds.values("lock", "books")]
    was_closed = any(true <= lock and entered == lock + timedelta(days=1) for lock in locks)
    return str(true if was_closed else entered)


def _account_of(case: Case, purpose: str) -> str:
    return Mapping.objects.get(connection=case.connection_id, purpose=purpose, treatment="").target.remote_id


def _their_payments(case: Case) -> Iterator[Finding]:
    """Each payment the bookkeeper recorded is one payment here, gone here when it is gone there; no others exist."""
    numbers = {r["InvoiceID"]: r.get("InvoiceNumber", "") for r in case.ledger["Invoices"]}
    allocated = Allocation.objects.filter(payment__entity=case.entity_id).select_related("payment")
    references = {f"{a.payment.reference} A{a.pk}" for a in allocated if a.payment}
    references |= {a.payment.reference for a in allocated if a.payment and a.payment.source != Payment.Source.LEDGER}
    for row in case.ledger["Payments"]:
        reference = reference_of(row)
        by_books = bool(case.deeds.values("paid", row["PaymentID"]))
        if not by_books:
            if reference not in references and numbers.get(row["_document"], "").startswith("CS-"):
                yield Finding(DUPLICATED, f"payment {reference!r} stands in the ledger and nobody made it")
            continue
        here = Payment.objects.filter(entity=case.entity_id, source=Payment.Source.LEDGER, reference=reference)
        standing = here.filter(state=Payment.State.SUCCEEDED).count()
        if here.count() > 1:
            yield Finding(DUPLICATED, f"the bookkeeper's payment {reference} is here {here.count()} times")
        elif row["Status"] == "DELETED" and standing:
            yield Finding(DIVERGED, f"the bookkeeper removed payment {reference}; it still stands here")
        elif row["Status"] != "DELETED" and not standing:
            yield Finding(LOST, f"the bookkeeper's payment {reference} never came here")
        elif row["Status"] != "DELETED" and here.get().amount != Decimal(row["Amount"]):
            yield Finding(DIVERGED, f"the bookkeeper's payment {reference} is {here.get().amount} here")
    yield from _payments_of_nobody(case)


def _payments_of_nobody(case: Case) -> Iterator[Finding]:
    """Each payment that is here as the bookkeeper's is there, or was deleted there and no longer stands here."""
    known = {row["Reference"] for row in case.ledger["Payments"]}
    for payment in Payment.objects.filter(entity=case.entity_id, source=Payment.Source.LEDGER):
        if payment.reference in known:
            continue
        records = Link.objects.filter(connection=case.connection_id, payment=payment).values_list(
            "remote_id", flat=True
        )
        if not any(case.deeds.touched(str(record), "delete") for record in records):
            yield Finding(DUPLICATED, f"payment {payment.reference} is said to come from the ledger, which has none")
        elif payment.state == Payment.State.SUCCEEDED:
            yield Finding(DIVERGED, f"the bookkeeper deleted payment {payment.reference}; it still stands here")


# Causes, and the engine's own rows


def _causes(case: Case) -> Iterator[Finding]:
    rows = Snag.objects.filter(connection=case.connection_id, closed_at__isnull=True)
    for snag in rows.select_related("link__invoice", "link__allocation__invoice"):
        if not cause_explained(case, snag):
            yield Finding(STUCK, f"a cause is open that nothing explains: {snag.code} {snag.facts}")


def cause_explained(case: Case, snag: Snag) -> bool:
    """Whether a deed of the bookkeeper is the reason for a cause."""
    link = snag.link
    if link is None:
        return False
    if link.client is not None:
        what, contact = str(snag.facts.get("name")), case.contact_of(link.client.pk)
        return snag.code == "both_changed" and bool(case.deeds.values(what, contact))
    money = link.payment or getattr(link.refund or link.dispute, "payment", None)
    paid = money.allocations.select_related("invoice") if money else ()
    invoices = [link.invoice, link.allocation.invoice if link.allocation else None, *(a.invoice for a in paid)]
    records = [row["InvoiceID"] for invoice in invoices if invoice for row in case.invoices(invoice.number)[:1]]
    return any(case.deeds.touched(record, *_EXPLAINED.get(snag.code, ())) for record in records)


def _explained(case: Case, invoice: Invoice, row: Row, code: str) -> bool:
    return case.deeds.touched(row["InvoiceID"], *_EXPLAINED[code]) and _open(case, invoice, code)


def _open(case: Case, invoice: Invoice, *codes: str) -> bool:
    return Snag.objects.filter(link__invoice=invoice, code__in=codes, closed_at__isnull=True).exists()


def _machinery(case: Case) -> Iterator[Finding]:
    for call in Call.objects.filter(connection=case.connection_id, closed_at__isnull=True):
        yield Finding(STUCK, f"call {call.pk} {call.operation} is still open")
    for lane in Lane.objects.filter(connection=case.connection_id, until__gte=case.now):
        yield Finding(STUCK, f"the {lane.name} lane is still held")
    for turn in Turn.objects.filter(until__gte=case.now):
        yield Finding(STUCK, f"{turn} is still held")
    for link in Link.objects.filter(connection=case.connection_id, owed_since__isnull=False):
        if not (link.parked_at and Snag.objects.filter(link=link, closed_at__isnull=True).exists()):
            yield Finding(
                STUCK, f"{link} still owes (ready {link.ready_at}, parked {link.parked_code!r}, {link.tries} tries)"
            )
    for hint in Hint.objects.filter(connection=case.connection_id, ready_at__isnull=False):
        yield Finding(STUCK, f"hint {hint} was never followed")
    for delivery in Delivery.objects.filter(worked_at__isnull=True):
        yield Finding(STUCK, f"notice {delivery.pk} was never worked")
    yield from _conduct(case)


def _conduct(case: Case) -> Iterator[Finding]:
    """How the engine behaved towards the ledger and its notices, and whether it stayed on its feet."""
    if not Connection.objects.filter(pk=case.connection_id, state=Connection.State.LIVE).exists():
        yield Finding(STUCK, "the connection is no longer live")
    calls = Call.objects.filter(connection=case.connection_id)
    epochs = list(calls.order_by("id").values_list("epoch", flat=True))
    if epochs != sorted(epochs):
        yield Finding(DIVERGED, "a worker that had lost the lane wrote another call")
    if case.over_limit:
        yield Finding(DIVERGED, f"the ledger's minute limit was exceeded {case.over_limit} times")
    if case.reused_keys:
        yield Finding(DIVERGED, f"{len(case.reused_keys)} idempotency keys were used with another body")
    if case.let_in:
        yield Finding(DIVERGED, f"{case.let_in} forged notices were let in")
    for crash in case.crashes:
        yield Finding(STUCK, crash.splitlines()[0])
