"""Try breaking it: what bookkeepers, banks and ledgers do on bad days, each with one press and a place where it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from urllib.parse import unquote, urlencode, urlsplit

from django.conf import settings
from django.urls import reverse

from billing import attempts, invoicing
from billing.attempts import NothingDue, PaymentUnderWay
from billing.models import Invoice, PaymentMethod
from billing.standing import standing_of
from ledger_sync.models import Connection, Link, Mapping, RefItem
from ledger_sync.sandbox.xero.pages import COOKIE as NOTICE
from practice.core import clock, wake
from practice.firm.models import Entity, Service
from practice.site.demo import wiring


class CannotBreak(Exception):
    """There is nothing to break that way now; the text says why."""


@dataclass(frozen=True)
class Done:
    """What was broken, in words, and where it shows."""

    words: str
    where: str


@dataclass(frozen=True)
class Break:
    """One thing to break."""

    key: str
    words: str
    more: str
    act: Callable[[], Done]


def _harbour() -> Connection:
    return Connection.objects.select_related("entity", "practice").get(
        entity__practice__slug="harbour-vale", provider="xero"
    )


def _books(connection: Connection, path: str, **form: str) -> None:
    """Press a button in the sandbox ledger, as the bookkeeper does. Raises CannotBreak with the ledger's own words."""
    door = HTTPConnection(urlsplit(settings.XERO_BASE).netloc, timeout=10)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        door.request("POST", f"/books/{connection.remote_org}/{path}", urlencode(form), kind)
        answer = door.getresponse()
        answer.read()
    except OSError as error:
        raise CannotBreak(f"The sandbox ledger did not answer: {error}") from error
    finally:
        door.close()
    said = unquote(SimpleCookie(answer.headers.get("Set-Cookie", ""))[NOTICE].value) if answer.status == 303 else "!"
    if said.startswith("!"):
        raise CannotBreak(f"The sandbox ledger refused it. {said[1:]}".strip())


def _soon(connection: Connection) -> None:
    """Let the worker read the ledger now instead of at the next sweep."""
    wake.ring("ledger_sync.tasks.sweep_connection", connection_id=connection.pk)


def _unpaid(connection: Connection) -> tuple[Invoice, Link]:
    rows = Invoice.objects.filter(entity=connection.entity, status="issued", hold_code="").order_by("-issued_on", "pk")
    today = clock.today(connection.entity.time_zone)
    for invoice in rows[:200]:
        link = Link.objects.filter(invoice=invoice, remote_id__isnull=False, owed_since__isnull=True).first()
        if link is not None and standing_of(invoice, today).state in ("open", "overdue", "part_paid"):
            return invoice, link
    raise CannotBreak("Every invoice is paid; sign a proposal first")


def _invoice_page(connection: Connection, invoice: Invoice) -> str:
    return reverse("invoice", kwargs={"practice": connection.practice.slug, "pk": invoice.pk})


def _desk(connection: Connection) -> str:
    return reverse("ledger_desk", kwargs={"practice": connection.practice.slug, "connection_id": connection.pk})


def pay_at_bank() -> Done:
    """The client pays by bank transfer; the bookkeeper records it in Xero."""
    connection = _harbour()
    invoice, link = _unpaid(connection)
    due = standing_of(invoice, clock.today(connection.entity.time_zone)).due
    _books(connection, f"invoices/{link.remote_id}/", action="pay", amount=str(due))
    _soon(connection)
    words = (
        f"{invoice.number} was paid at the bank and recorded in Xero. It arrives here in seconds, and is never charged."
    )
    return Done(words, _invoice_page(connection, invoice))


def archive_account() -> Done:
    """The bookkeeper archives the income account; the next invoice cannot be posted."""
    connection = _harbour()
    place = Mapping.objects.get(connection=connection, purpose="sales")
    _books(connection, f"accounts/{place.target.code}/", action="archive")
    _soon(connection)
    client = Invoice.objects.filter(entity=connection.entity).order_by("pk")[0].client
    service = Service.objects.filter(practice=connection.practice).order_by("pk")[0]
    now = clock.now()
    draft = invoicing.Draft("Extra work", Decimal(1), Decimal(180), "standard", service.pk)
    invoicing.bill_once(
        entity=connection.entity, client=client, drafts=[draft], on=clock.today(connection.entity.time_zone), now=now
    )
    words = f"Account {place.target.code} is archived in Xero, and an invoice of $198.00 waits for it. Choose another account."
    return Done(words, _desk(connection))


def _usable(connection: Connection, code: str) -> str:
    """The line's account, or the first income account that can still be posted to, as a bookkeeper would choose."""
    income = RefItem.objects.filter(
        connection=connection, kind="account", active=True, data__Type__in=["REVENUE", "SALES"]
    )
    codes = list(income.order_by("code").values_list("code", flat=True))
    return code if code in codes or not codes else codes[0]


def edit_invoice() -> Done:
    """The bookkeeper changes an invoice the client already has."""
    connection = _harbour()
    invoice, link = _unpaid(connection)
    line = (link.base_theirs or {})["lines"][0]
    _books(
        connection, f"invoices/{link.remote_id}/", action="line", line=line["remote_line"],
        UnitAmount=str(Decimal(line["unit_price"]) - 40), AccountCode=_usable(connection, line["account"]),
        Description=line["description"],
    )  # fmt: skip
    _soon(connection)
    words = f"{invoice.number} was changed in Xero. Collecting it stops, and the desk asks what to do."
    return Done(words, _desk(connection))


def bounce_debit() -> Done:
    """A bank debit comes back."""
    connection = _harbour()
    entity: Entity = connection.entity
    method = PaymentMethod.objects.filter(entity=entity, kind="au_becs_debit", removed_at__isnull=True).first()
    if method is None:
        raise CannotBreak("Nobody pays by bank debit")
    today, now = clock.today(entity.time_zone), clock.now()
    draft = invoicing.Draft("Extra work", Decimal(1), Decimal(150), "standard")
    invoice = invoicing.bill_once(entity=entity, client=method.client, drafts=[draft], on=today, now=now)
    try:
        attempt = attempts.charge_saved(invoice=invoice, amount=invoice.total, method=method)
    except (NothingDue, PaymentUnderWay) as error:
        raise CannotBreak(str(error)) from error
    if attempt.payment is None:
        raise CannotBreak(f"The debit did not start: {attempt.failure or attempt.get_state_display()}")
    wiring.post(
        f"{settings.STRIPE_API_BASE}/_sandbox/debits/settle",
        {"account": "acct_harbour", "charge": attempt.payment.charge_ref, "failure": "insufficient_funds"},
    )
    words = f"The debit of $165.00 from {method.client.name} came back: not enough money. The invoice is open again."
    return Done(words, _invoice_page(connection, invoice))


def ledger_down() -> Done:
    """Xero stops answering for a while; everything queues and drains by itself."""
    connection = _harbour()
    wiring.post(f"{settings.XERO_BASE}/_sandbox/faults", {"kind": "down", "match": "/api.xro/", "times": 12})
    client = Invoice.objects.filter(entity=connection.entity).order_by("pk")[1].client
    draft = invoicing.Draft("Extra work", Decimal(1), Decimal(120), "standard")
    today, now = clock.today(connection.entity.time_zone), clock.now()
    invoicing.bill_once(entity=connection.entity, client=client, drafts=[draft], on=today, now=now)
    words = "Xero does not answer its next 12 calls. An invoice waits; none is lost, nothing to press."
    return Done(words, _desk(connection))


BREAKS = (
    Break(
        "pay-at-bank",
        "Pay at the bank",
        "A client pays by transfer and the bookkeeper records it in Xero.",
        pay_at_bank,
    ),
    Break("archive-account", "Archive an account", "The bookkeeper archives the income account.", archive_account),
    Break("edit-invoice", "Edit an invoice", "The bookkeeper changes an invoice the client already has.", edit_invoice),
    Break("bounce-debit", "Bounce a debit", "A bank debit comes back for lack of money.", bounce_debit),
    Break("ledger-down", "Take the ledger down", "Xero stops answering for a while.", ledger_down),
)
