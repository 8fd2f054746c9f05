"""Watching what was broken come back: what has arrived so far, when, and the very place where it shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.core.cache import cache
from django.urls import reverse

from billing.models import Allocation, Attempt, Invoice, Payment
from ledger_sync.asking import snags
from ledger_sync.models import Call, Connection, Link, Snag
from practice.core import clock
from practice.site.demo import breaking
from practice.site.demo.breaking import Break, Done

_SALT = "demo.arriving"
#: After this long the page says that it takes longer than it should.
PATIENCE = timedelta(minutes=3)


@dataclass(frozen=True)
class Sight:
    """What there is to see now and where; ``at`` is when it had arrived, None while it is awaited."""

    words: str
    verb: str
    where: str
    at: datetime | None = None


@dataclass(frozen=True)
class Watch:
    """One thing that was broken, on its way to where it shows."""

    broken: Break
    connection: Connection
    invoice: Invoice
    words: str
    since: datetime

    def look(self) -> Sight:
        """What has become of it by now.

        A reading of the ledger that met another one is dropped, so it is asked for again until something has arrived.
        """
        sight = _SIGNS[self.broken.key](self)
        if sight.at is None and self.broken.in_ledger and cache.add(f"demo.asked.{self.connection.pk}", True, 3):
            breaking.read_soon(self.connection)
        return sight

    @property
    def ledger(self) -> str:
        """The ledger's name."""
        return str(self.connection.get_provider_display())

    def page(self, name: str, **where: Any) -> str:
        """The address of a page of the firm."""
        return reverse(name, kwargs={"practice": self.connection.practice.slug, **where})

    def invoice_sight(self, words: str, at: datetime | None = None) -> Sight:
        """Something that shows on the invoice."""
        return Sight(words, f"See {self.invoice.number}", self.page("invoice", pk=self.invoice.pk), at)

    def desk_sight(self, words: str, snag: Snag | None = None, at: datetime | None = None) -> Sight:
        """Something that shows at the desk, at its cause where there is one."""
        desk = self.page("ledger_desk", connection_id=self.connection.pk)
        return (
            Sight(words, "Decide it at the desk", f"{desk}#cause-{snag.pk}", at)
            if snag
            else Sight(words, "See the desk", desk, at)
        )

    def link(self) -> Link | None:
        """The invoice in the ledger."""
        return Link.objects.filter(connection=self.connection, invoice=self.invoice, gone_at__isnull=True).first()


def token_of(broken: Break, connection: Connection, done: Done, since: datetime) -> str:
    """All that a page needs to go on watching, signed so that nobody else's invoice can be watched."""
    facts = [broken.key, connection.pk, done.invoice.pk, done.words, since.isoformat()]
    return signing.dumps(facts, salt=_SALT, compress=True)


def watch_of(token: str) -> Watch | None:
    """What a token watches; None for a token that is not ours, or of a demo that was thrown away."""
    try:
        key, connection_id, invoice_id, words, since = signing.loads(token, salt=_SALT)
        broken = next(b for b in breaking.BREAKS if b.key == key)
        connection = Connection.objects.select_related("practice", "entity").get(pk=connection_id)
        invoice = Invoice.objects.select_related("client").get(pk=invoice_id, entity=connection.entity)
    except (signing.BadSignature, Connection.DoesNotExist, Invoice.DoesNotExist, StopIteration, ValueError):
        return None
    return Watch(broken, connection, invoice, words, datetime.fromisoformat(since))


def _paid(watch: Watch) -> Sight:
    row = Allocation.objects.filter(
        invoice=watch.invoice, made_at__gte=watch.since, reversed_at__isnull=True, payment__source=Payment.Source.LEDGER
    ).first()  # fmt: skip
    if row is None:
        return watch.invoice_sight(f"Waiting for the payment to come back from {watch.ledger}.")
    return watch.invoice_sight(
        f"{watch.invoice.number} is paid here too, and is not collected a second time.", row.made_at
    )


def _edited(watch: Watch) -> Sight:
    snag = Snag.objects.filter(link__invoice=watch.invoice, code="document_changed", opened_at__gte=watch.since).first()
    if snag is None:
        return watch.invoice_sight(f"Waiting for the change to come back from {watch.ledger}.")
    if snag.closed_at is not None:
        return watch.invoice_sight("It was noticed, and has been decided since.", snag.opened_at)
    words = f"The change was noticed: {watch.invoice.number} is on hold, and the desk asks which of the two is right."
    return watch.desk_sight(words, snag, snag.opened_at)


def _stopped(watch: Watch) -> Sight:
    link = watch.link()
    if link is not None and link.parked_at is not None:
        causes = Snag.objects.filter(connection=watch.connection, closed_at__isnull=True, code=link.parked_code)
        snag = causes.order_by("-opened_at").first()
        return watch.desk_sight(f"{watch.invoice.number} waits at the desk: {_why(snag)}.", snag, link.parked_at)
    if link is not None and link.remote_id is not None and not link.owes:
        return watch.invoice_sight(
            f"{watch.invoice.number} is in {watch.ledger}: its account can be posted to.", clock.now()
        )
    return watch.desk_sight(f"Waiting for {watch.ledger} to refuse it.")


def _why(snag: Snag | None) -> str:
    return snags.sentence(snag).rstrip(".") if snag else "its cause was cleared a moment ago"


def _bounced(watch: Watch) -> Sight:
    attempt = Attempt.objects.filter(shares__invoice=watch.invoice).order_by("-pk").first()
    if attempt is None or attempt.state != Attempt.State.FAILED:
        return watch.invoice_sight("The debit is on its way. Waiting for the bank to send it back.")
    words = f"The debit came back: not enough money. {watch.invoice.number} is open again."
    return watch.invoice_sight(words, attempt.closed_at)


def _outage(watch: Watch) -> Sight:
    link = watch.link()
    if link is not None and link.parked_at is not None:
        return _stopped(watch)
    if link is not None and link.remote_id is not None and not link.owes:
        done = Call.objects.filter(items__link=link, closed_at__isnull=False).order_by("-closed_at").first()
        words = f"{watch.ledger} answers again, and {watch.invoice.number} is there. Nobody had to press anything."
        return watch.invoice_sight(words, done.closed_at if done else link.verified_at)
    call = Call.objects.filter(items__link=link, closed_at__isnull=True).exclude(words="").first()
    if call is None:
        return watch.desk_sight(f"{watch.invoice.number} is about to be sent.")
    times = "once" if call.sends == 1 else f"{call.sends} times"
    return watch.desk_sight(
        f"Sent {times}, and {watch.ledger} did not answer. It is sent again in a minute or two, under the same key, so that "
        f"{watch.invoice.number} cannot be posted twice."
    )


_SIGNS: dict[str, Callable[[Watch], Sight]] = {
    "pay-at-bank": _paid,
    "edit-invoice": _edited,
    "archive-account": _stopped,
    "bounce-debit": _bounced,
    "ledger-down": _outage,
}
