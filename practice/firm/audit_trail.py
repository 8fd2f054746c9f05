"""Reading the audit trail: history rows of every kind as one list, each with what changed from what to what."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import CharField, Value

from practice.core.audit import Audited, audited_models
from practice.core.models import AuditEntry
from practice.firm.audit_words import Change, Teller

SIZE = 40
_VERBS = {"+": "Added", "~": "Changed", "-": "Removed"}
#: Where a change came from, for those who do not know our words; who made it stands beside it.
_SYSTEMS = {
    "web": "here",
    "engine": "while sending",
    "client link": "on the client's page",
    "schedule": "by the clock",
    "command": "by a command",
}
#: What works by itself: the names of its parts say nothing to a person.
_OURSELVES = {"engine", "schedule"}


@dataclass(frozen=True)
class Row:
    """One change of one object: what, who, when, why."""

    at: datetime
    verb: str
    kind: str
    noun: str
    pk: int
    what: str
    who: str
    system: str
    #: The system itself, as the change names it: "web", "xero".
    origin: str
    authoriser: str
    reason: str
    run: str
    changes: list[Change]


@dataclass(frozen=True)
class Latest:
    """A page of the trail, and the numbers of the pages around it."""

    rows: list[Row]
    before: int | None
    after: int | None


def kinds() -> dict[str, str]:
    """Every kind of object that keeps its history: label → noun."""
    return {model._meta.label_lower: model.audit_noun().capitalize() for model in audited_models()}


def sealed(practice_id: int) -> int:
    """How many changes of the practice are in the chain."""
    return AuditEntry.objects.filter(practice_ref=practice_id).count()


def unsealed(practice_id: int) -> int:
    """How many changes of the practice wait to be put into the chain."""
    waiting = [
        _history(model)
        .filter(practice_ref=practice_id)
        .exclude(history_id__in=AuditEntry.objects.filter(model=model._meta.label_lower).values("history_id"))
        .values("history_id")
        .order_by()
        for model in audited_models()
    ]
    return int(waiting[0].union(*waiting[1:], all=True).count())


def latest(practice_id: int, *, zone: str, kind: str = "", page: int = 1) -> Latest:
    """The newest changes of a practice, of one kind or of all; pages count from 1 and end at 200."""
    models = [model for model in audited_models() if not kind or model._meta.label_lower == kind]
    page = min(max(1, page), 200)
    first, *others = [_index(model, practice_id, page * SIZE + 1) for model in models]
    ordered = first.union(*others, all=True).order_by("-history_date", "audited", "-history_id")
    found = list(ordered[(page - 1) * SIZE : page * SIZE + 1])
    shown = [(row["audited"], row["id"], row["history_id"]) for row in found[:SIZE]]
    return Latest(_rows(shown, zone), page - 1 or None, page + 1 if len(found) > SIZE else None)


def story(practice_id: int, *, zone: str, kind: str, pk: int) -> list[Row]:
    """Everything that happened to one object, newest first (the newest 500)."""
    rows = _history(_model(kind)).filter(practice_ref=practice_id, id=pk).order_by("-history_id")
    ids = rows.values_list("history_id", flat=True)[:500]
    return _rows([(kind, pk, history_id) for history_id in ids], zone, initial=True)


def moments(model: type[Audited], pk: int) -> Any:
    """When one object changed: its history rows, to be listed beside other things that happened."""
    return _history(model).filter(id=pk)


def tell(model: type[Audited], pk: int, history_ids: list[int], *, zone: str) -> dict[int, Row]:
    """Some of an object's changes in words, by their history row."""
    label = model._meta.label_lower
    rows = _rows([(label, pk, history_id) for history_id in history_ids], zone) if history_ids else []
    return dict(zip(history_ids, rows, strict=True))


def _model(label: str) -> type[Audited]:
    return next(model for model in audited_models() if model._meta.label_lower == label)


def _history(model: type[Audited]) -> Any:
    return model.history.model.objects.all()  # type: ignore[attr-defined]


def _index(model: type[Audited], practice_id: int, limit: int) -> Any:
    newest = _history(model).filter(practice_ref=practice_id).order_by("-history_date", "-history_id")
    label = Value(model._meta.label_lower, output_field=CharField())
    rows = _history(model).filter(history_id__in=newest.values("history_id")[:limit])
    return rows.annotate(audited=label).values("history_id", "id", "history_date", "audited").order_by()


def _rows(shown: list[tuple[str, int, int]], zone: str, *, initial: bool = False) -> list[Row]:
    """The rows for (kind, object, history row): one query per kind, and one per table that changes point at."""
    pairs = _pairs(shown)
    # Of what was only added nothing is told but its name: what it points at need not be looked up.
    worded = [(m, new, old if initial or new.history_type == "~" else new) for m, new, old in pairs.values()]
    teller = Teller(worded, zone)
    return [_row(*pairs[label, history_id], initial=initial, teller=teller) for label, _, history_id in shown]


def _pairs(shown: list[tuple[str, int, int]]) -> dict[tuple[str, int], tuple[type[Audited], Any, Any]]:
    """Each wanted history row with the one before it of the same object."""
    wanted: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for label, pk, history_id in shown:
        wanted[label].append((pk, history_id))
    pairs = {}
    for label, ids in wanted.items():
        model = _model(label)
        rows = _history(model).filter(id__in={pk for pk, _ in ids}, history_id__lte=max(h for _, h in ids))
        last: dict[int, Any] = {}
        for row in rows.select_related("history_user").order_by("history_id"):
            pairs[label, row.history_id] = (model, row, last.get(row.id))
            last[row.id] = row
    return pairs


def _row(model: type[Audited], row: Any, old: Any, *, initial: bool, teller: Teller) -> Row:
    shown = row.history_type == "~" or (initial and row.history_type == "+")
    return Row(
        at=row.history_date,
        verb=_VERBS[row.history_type],
        kind=model._meta.label_lower,
        noun=model.audit_noun(),
        pk=row.id,
        what=teller.title(model, row),
        who=str(row.history_user or ("Countersign" if row.system in _OURSELVES else row.actor or row.system)),
        system=_SYSTEMS.get(row.system, ""),
        origin=row.system,
        authoriser=row.authoriser,
        reason=row.history_change_reason or "",
        run=row.run_ref if row.system == "web" else "",
        changes=teller.changes(model, row, old) if shown else [],
    )
