"""Whether a record says the same in both books: one answer for every page, with what differs and what happens next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet

from billing.models import Invoice
from billing.standing import standing_of
from ledger_sync.asking import causes
from ledger_sync.asking.causes import Cause
from ledger_sync.connection.pulse import Pulse
from ledger_sync.models import CallItem, Connection, Link, Snag
from ledger_sync.models.links import Kind
from ledger_sync.ports import Doc
from ledger_sync.rendering import dating, documents
from practice.core import clock, dates, money
from practice.core.templatetags.words import ago, moment

#: Fields a page shows, in its order. The rest of a document is coding, which is the ledger's to decide.
SHOWN = ("number", "name", "email", "date", "due_on", "reference", "net", "tax", "total", "amount")
#: The bookkeeper may bring an invoice's due day forward and write a reference; neither changes what is owed. A client's
#: contact may be one that was merged with ours, and has no number or another.
THEIRS_TO_SET: dict[str, tuple[str, ...]] = {Kind.INVOICE: ("due_on", "reference"), Kind.CLIENT: ("number",)}
_AMOUNTS = ("net", "tax", "total", "amount")
#: A link that is ready this soon is as good as under way.
SOON = timedelta(seconds=5)


@dataclass(frozen=True)
class Record:
    """One link as a list shows it."""

    link: Link
    what: str
    state: str


@dataclass(frozen=True)
class Field:
    """One field in both books, as people read it."""

    name: str
    here: str
    there: str
    differs: bool = False


@dataclass(frozen=True)
class Agreement:
    """Whether one record agrees: its state, a sentence that is true now, each field, and the causes to decide."""

    link: Link
    state: str
    words: str
    fields: list[Field]
    causes: list[Cause]


def doubtful(connection: Connection | None = None) -> Q:
    """Links an open cause is about: their own, and of an invoice also its money's."""
    rows = Snag.objects.filter(closed_at__isnull=True, link__isnull=False)
    if connection is not None:
        rows = rows.filter(connection=connection)
    found = Q(pk__in=rows.values("link"))
    for column in ("link__allocation__invoice", "link__payment__allocations__invoice"):
        found |= Q(kind=Kind.INVOICE, invoice__in=rows.filter(**{f"{column}__isnull": False}).values(column))
    return found


def with_doubt(links: QuerySet[Link]) -> QuerySet[Link]:
    """Fetch what :func:`state_of` needs, in the same query."""
    return links.annotate(doubted=ExpressionWrapper(doubtful(), output_field=BooleanField()))


def known(connection: Connection) -> QuerySet[Link]:
    """Records that are in the ledger, or should be."""
    rows = Link.objects.filter(connection=connection, gone_at__isnull=True)
    return rows.filter(Q(remote_id__isnull=False) | Q(owed_since__isnull=False))


def invoice_states(connection: Connection, invoices: QuerySet[Invoice]) -> dict[int, str]:
    """Of each invoice that the ledger has or should have: "agrees", "undecided", or "waiting" while it is sent."""
    doubt = ExpressionWrapper(doubtful(connection), output_field=BooleanField())
    rows = Link.objects.filter(connection=connection, kind=Kind.INVOICE, gone_at__isnull=True, invoice__in=invoices)
    facts = rows.annotate(doubted=doubt).values_list("invoice_id", "doubted", "parked_at", "owed_since", "remote_id")
    return {
        pk: "undecided" if doubted or parked else "agrees" if remote and owed is None else "waiting"
        for pk, doubted, parked, owed, remote in facts
        if pk is not None
    }


def not_agreed(connection: Connection) -> QuerySet[Link]:
    """Known records that do not agree now, those a person must decide about first."""
    doubt = doubtful(connection)
    rows = known(connection).filter(Q(owed_since__isnull=False) | doubt)
    doubted = rows.annotate(doubted=ExpressionWrapper(doubt, output_field=BooleanField()))
    return doubted.order_by(F("parked_at").desc(nulls_last=True), "-doubted", "owed_since")


def record_of(link: Link, *, stuck: bool = False) -> Record:
    """A link with its record in words and its state."""
    return Record(link, documents.describe(link), state_of(link, stuck=stuck))


def state_of(link: Link, *, stuck: bool = False) -> str:
    """The state of one record, by the name of its look. ``stuck`` says that nothing goes out now.

    The link comes from :func:`with_doubt`. What a person must decide comes before what happens by itself.
    """
    if link.parked_at is not None:
        return "refused"
    if link.gone_at is not None:
        return "gone"
    if link.doubted:  # type: ignore[attr-defined]
        return "differs"
    if link.owed_since is not None:
        late = link.ready_at is None or link.ready_at > clock.now() + SOON
        return "waiting" if late or stuck else "sending"
    if not link.remote_id:
        return "off"
    return "differs" if _differing(link) else "agrees"


def agreement_of(link: Link, pulse: Pulse) -> Agreement:
    """Everything a page says about one record. The link comes from :func:`with_doubt`, its connection with it."""
    open_causes = causes.about(link)
    fields = fields_of(link)
    state = state_of(link, stuck=pulse.is_stuck or not link.connection.may_send)
    if state == "agrees" and any(f.differs for f in fields):
        state = _why_due_differs(link, pulse.checked_at)
    elif state in ("sending", "waiting") and _is_unanswered(link):
        state = "unknown"
    words = _words(link, state, pulse, told=bool(open_causes))
    return Agreement(link, state, words, fields, open_causes)


def fields_of(link: Link) -> list[Field]:
    """Each field of a record in both books, and of an invoice what is still due."""
    return [*_document(link), *_due(link)]


def _is_unanswered(link: Link) -> bool:
    """Whether a call about the record was sent and the ledger gave no answer."""
    return CallItem.objects.filter(link=link, open_call__isnull=False).exclude(call__words="").exists()


def _why_due_differs(link: Link, swept_at: datetime | None) -> str:
    """Only what is due differs: our money is on its way there, theirs was not read yet, or it is so."""
    money_there = Q(allocation__invoice=link.invoice_id) | Q(payment__allocations__invoice=link.invoice_id)
    rows = Link.objects.filter(money_there | Q(credit__invoice=link.invoice_id), connection=link.connection_id)
    if rows.filter(owed_since__isnull=False).exists():
        return "sending"
    latest = rows.order_by("-verified_at").values_list("verified_at", flat=True).first()
    read = swept_at is not None and (latest is None or latest < swept_at) and (link.verified_at or swept_at) <= swept_at
    return "differs" if read else "unknown"


def _words(link: Link, state: str, pulse: Pulse, *, told: bool) -> str:
    """What is true of a record now, in one or two sentences. ``told`` says that causes tell what differs."""
    name = link.connection.get_provider_display()
    if state == "sending":
        return f"It is being sent to {name} now. Until {name} has taken it, the books may differ."
    if state == "waiting":
        return f"It waits to be sent: {_why_waiting(link, name, pulse)}."
    read = f"{name} was last read {ago(link.verified_at)}."
    return {
        "agrees": f"Both books agreed {ago(link.verified_at)}. {dating.moved_in_words(link)}".strip(),
        "unknown": f"{name} has not confirmed it yet. It is looked up there by itself before anything is sent again.",
        "refused": f"{name} has taken nothing of this: it waits for a decision.",
        "differs": read if told else f"The books differ. {read} It is read again before anything is charged.",
        "gone": f"It is no longer in {name}.",
    }.get(state, f"It was never sent to {name}.")


def _why_waiting(link: Link, name: str, pulse: Pulse) -> str:
    connection = link.connection
    zone = connection.entity.time_zone
    if connection.state != Connection.State.LIVE:
        return f"{name} is {connection.get_state_display().lower()}"
    if not connection.sending_allowed:
        return "sending is switched off"
    if pulse.silent_since is not None:
        return f"{name} has not answered since {moment(pulse.silent_since, zone)}; it is tried again by itself"
    if pulse.blocked_until is not None:
        return f"{name} asked us to wait; it is tried again at {moment(pulse.blocked_until, zone)}"
    if link.ready_at is None:
        return "something it needs must get there first"
    return f"it is tried again at {moment(link.ready_at, zone)}"


def _differing(link: Link) -> list[str]:
    """The fields of a document that say something else there. Until it is there nothing differs."""
    theirs = link.base_theirs or {}
    own = THEIRS_TO_SET.get(link.kind, ())
    ours = _ours(link)
    return [n for n in SHOWN if n in ours and n in theirs and n not in own and not _same(n, ours[n], theirs[n])]


def _document(link: Link) -> list[Field]:
    """The document's fields. Before it was sent there is only what the client was given."""
    ours, theirs, differing = _ours(link), link.base_theirs or {}, _differing(link)
    return [
        Field(
            name.removesuffix("_on"),
            _as_read(link, name, ours[name]),
            _as_read(link, name, theirs.get(name)),
            name in differing,
        )
        for name in SHOWN
        if name in ours and (name in theirs or not theirs) and (ours[name] or theirs.get(name))
    ]


def _ours(link: Link) -> Doc:
    """Our side now. An invoice that was credited for an edit there keeps the totals both sides settled on."""
    agreed: Doc = link.base_ours or {}
    if link.kind == Kind.CLIENT and link.client is not None:
        return {**agreed, "name": link.client.name, "email": link.client.billing_email}
    invoice = link.invoice
    if invoice is None:
        return agreed
    given: Doc = {"number": invoice.number, "date": invoice.issued_on, "reference": invoice.reference}
    if invoice.status != Invoice.Status.VOID:
        given |= {"net": invoice.net, "tax": invoice.tax, "total": invoice.total, **agreed}
    return {**given, "due_on": invoice.due_on}


def _due(link: Link) -> list[Field]:
    """What is still due on an invoice, in both books."""
    theirs = link.base_theirs or {}
    if link.invoice is None or "due" not in theirs:
        return []
    due, there = standing_of(link.invoice, clock.today(link.connection.entity.time_zone)).due, theirs["due"] or "0"
    differs = not _same("total", due, there)
    return [Field("still due", _as_read(link, "total", due), _as_read(link, "total", there), differs)]


def _same(name: str, here: object, there: object) -> bool:
    """Whether two values are one: amounts by value, texts but for spaces and case."""
    if name in _AMOUNTS:
        return Decimal(str(here or 0)) == Decimal(str(there or 0))
    one, other = ("".join(str(value or "").split()).casefold() for value in (here, there))
    return one == other


def _as_read(link: Link, name: str, value: object) -> str:
    """A value as people read it: dates in words, amounts with their currency, "" for none."""
    if value in (None, ""):
        return ""
    if name in ("date", "due_on"):
        day = date.fromisoformat(str(value))
        return f"{dates.short(day)} {day.year}"
    if name in _AMOUNTS:
        entity = link.connection.entity
        currency = getattr(link.subject, "currency", "") or entity.currency
        return money.in_words(Decimal(str(value)), currency, entity.locale)
    return str(value)
