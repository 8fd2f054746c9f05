"""Where things go in the ledger: people's choices, sensible defaults, and the check against the live chart and lock."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from ledger_sync.models import Connection, Mapping, RefItem
from ledger_sync.ports import Ref
from ledger_sync.providers import fits
from practice.core import audit, clock, events
from practice.firm.models import Service, TaxRate

Purpose = Mapping.Purpose


class MappingMissing(ValueError):
    """Something has no place in the ledger yet; the text names it."""


class TargetArchived(ValueError):
    """The mapped account or rate is no longer usable in the ledger; the text names it."""


@dataclass(frozen=True)
class Wanted:
    """One thing that must have a place: its purpose, what it is called, and what may be chosen for it."""

    purpose: str
    words: str
    ref_kind: str
    treatment: str = ""
    service_id: int | None = None

    @property
    def field(self) -> str:
        """Its name in the form on the mapping page."""
        return f"{self.purpose}:{self.service_id or self.treatment}"


@dataclass(frozen=True)
class Choice:
    """One place as the mapping page asks for it: what may be chosen, what is, and what is wrong with that."""

    place: Wanted
    refs: list[RefItem]
    chosen: RefItem | None
    problem: str


#: What a purpose must go to, in words that hold for both ledgers.
_MUST_BE = {
    Purpose.SALES: "an income account", Purpose.SERVICE: "an income account", Purpose.CLEARING: "a bank account",
    Purpose.BANK: "a bank account", Purpose.FEES: "an expense account", Purpose.TAX: "a tax rate for income",
    Purpose.FEE_TAX: "a tax rate for expenses", Purpose.RETURNED: "a current asset account",
    Purpose.DISPUTED: "a current asset account that takes payments", Purpose.BAD_DEBTS: "an expense account",
}  # fmt: skip


class Places:
    """Where everything goes in one ledger, read once."""

    def __init__(self, connection: Connection) -> None:
        rows = Mapping.objects.filter(connection=connection).select_related("target")
        self._chosen = {(row.purpose, row.service_id, row.treatment): row.target for row in rows}

    def target(self, purpose: str, treatment: str = "") -> RefItem:
        """The chosen account or rate. Raises MappingMissing or TargetArchived."""
        chosen = self._chosen.get((purpose, None, treatment))
        if chosen is None:
            words = Purpose(purpose).label + (f" ({TaxRate.Treatment(treatment).label.lower()})" if treatment else "")
            raise MappingMissing(words)
        return _usable(chosen)

    def income_account(self, service_id: int | None) -> RefItem:
        """The account a service's income goes to: its own, else the default one. Raises like target()."""
        own = self._chosen.get((Purpose.SERVICE, service_id, "")) if service_id is not None else None
        return _usable(own) if own is not None else self.target(Purpose.SALES)


@transaction.atomic
def choose(
    *, connection: Connection, purpose: str, target_id: int, treatment: str = "", service: Service | None = None
) -> Mapping:
    """Choose where something goes; whatever was parked for it is sent again at once."""
    ref = RefItem.objects.get(pk=target_id, connection=connection)
    row, _ = Mapping.objects.get_or_create(
        connection=connection,
        purpose=purpose,
        service=service,
        treatment=treatment,
        defaults={"target": ref, "chosen_by": audit.current().actor},
    )
    if row.target_id != ref.pk:
        row.target, row.chosen_by = ref, audit.current().actor
        row.save(update_fields=["target", "chosen_by"])
    events.record("ledger_sync.mapping.chosen", row)
    return row


@transaction.atomic
def refresh_references(connection: Connection, refs: list[Ref]) -> list[RefItem]:
    """Take in the chart as it is now. Returns the mapped items that became unusable with this reading."""
    now = clock.now()
    before = {(r.kind, r.remote_id): r for r in RefItem.objects.filter(connection=connection)}
    fresh: list[RefItem] = []
    seen: list[int] = []
    broken: list[RefItem] = []
    for ref in refs:
        row = before.pop((ref.kind, ref.remote_id), None)
        says = {"code": ref.code, "name": ref.name, "active": ref.active, "data": dict(ref.data), "gone_at": None}
        if row is None:
            item = RefItem(connection=connection, kind=ref.kind, remote_id=ref.remote_id, seen_at=now, **says)
            fresh.append(item)
            continue
        if row.active and not ref.active and row.mappings.exists():
            broken.append(row)
        seen.append(row.pk)
        changed = [name for name, value in says.items() if getattr(row, name) != value]
        if changed:
            for name in changed:
                setattr(row, name, says[name])
            row.save(update_fields=changed)
    for row in before.values():
        if row.gone_at is None:
            if row.active and row.mappings.exists():
                broken.append(row)
            row.active, row.gone_at = False, now
            row.save(update_fields=["active", "gone_at"])
    RefItem.objects.bulk_create(fresh)
    RefItem.objects.filter(pk__in=seen).update(seen_at=now)
    return broken


def wanted(connection: Connection) -> list[Wanted]:
    """Everything that must have a place before money can flow through this connection."""
    fixed = [Purpose.SALES, Purpose.CLEARING, Purpose.FEES, Purpose.BANK]
    rows = [Wanted(p, Purpose(p).label, RefItem.Kind.ACCOUNT) for p in fixed]
    rows += [Wanted(Purpose.FEE_TAX, Purpose.FEE_TAX.label, RefItem.Kind.TAX)]
    rows += [
        Wanted(Purpose.TAX, f"Tax rate: {t.label.lower()}", RefItem.Kind.TAX, treatment=t.value)
        for t in TaxRate.Treatment
    ]
    return rows


def later() -> list[Wanted]:
    """What needs a place only once a payment comes back, is disputed, or is written off; until then nothing waits."""
    purposes = (Purpose.RETURNED, Purpose.DISPUTED, Purpose.BAD_DEBTS)
    return [Wanted(p, Purpose(p).label, RefItem.Kind.ACCOUNT) for p in purposes]


def places(connection: Connection) -> list[Wanted]:
    """Everything that may be given a place: what must have one, and the services that may have their own."""
    services = Service.objects.filter(practice_id=connection.practice_id, archived_at__isnull=True).order_by("name")
    own = [Wanted(Purpose.SERVICE, s.name, RefItem.Kind.ACCOUNT, service_id=s.pk) for s in services]
    return wanted(connection) + later() + own


def choices(connection: Connection) -> list[Choice]:
    """Every place with what fits it in the chart as last read; what is chosen now stays, with what is wrong with it."""
    chosen = {
        (m.purpose, m.treatment, m.service_id): m.target
        for m in Mapping.objects.filter(connection=connection).select_related("target")
    }
    refs = list(RefItem.objects.filter(connection=connection, kind__in=("account", "tax")).order_by("code", "name"))
    return [
        _choice(connection, p, refs, chosen.get((p.purpose, p.treatment, p.service_id))) for p in places(connection)
    ]


def _choice(connection: Connection, place: Wanted, refs: list[RefItem], now: RefItem | None) -> Choice:
    kept = [
        ref
        for ref in refs
        if ref == now
        or (ref.kind == place.ref_kind and ref.active and fits(connection.provider, place.purpose, ref.data))
    ]
    problem = ""
    if now is not None and not now.active:
        problem = f"{now} is archived in {connection.get_provider_display()}. Nothing is posted there: choose another."
    elif now is not None and not fits(connection.provider, place.purpose, now.data):
        problem = f"{now} does not suit: this must be {_MUST_BE[Purpose(place.purpose)]}. Choose another."
    return Choice(place, kept, now, problem)


def missing(connection: Connection) -> list[Wanted]:
    """What must have a place and has none."""
    return _without(connection, wanted(connection))


def _without(connection: Connection, rows: list[Wanted]) -> list[Wanted]:
    chosen = set(
        Mapping.objects.filter(connection=connection, service__isnull=True).values_list("purpose", "treatment")
    )
    return [w for w in rows if (w.purpose, w.treatment) not in chosen]


@transaction.atomic
def choose_defaults(connection: Connection, suggestions: dict[tuple[str, str], tuple[str, str]]) -> int:
    """Fill what nobody chose from an adapter's suggestions: (purpose, treatment) → (kind, remote id)."""
    made = 0
    for want in _without(connection, wanted(connection) + later()):
        suggestion = suggestions.get((want.purpose, want.treatment))
        if suggestion is None:
            continue
        kind, remote_id = suggestion
        ref = RefItem.objects.filter(connection=connection, kind=kind, remote_id=remote_id, active=True).first()
        if ref is not None:
            choose(connection=connection, purpose=want.purpose, target_id=ref.pk, treatment=want.treatment)
            made += 1
    return made


def locked_until(connection_id: int) -> str:
    """The last closed day of the ledger's books as last read, in ISO form; "" where none is closed."""
    company = RefItem.objects.filter(connection=connection_id, kind=RefItem.Kind.ORGANISATION).first()
    return str(company.data.get("locked_until", "")) if company else ""


def _usable(ref: RefItem) -> RefItem:
    if not ref.active:
        raise TargetArchived(ref.label)
    return ref
