"""Reading the audit trail: history rows of every kind as one list, each with what changed from what to what."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import CharField, Value

from practice.core.audit import Audited, audited_models
from practice.core.models import AuditEntry
from practice.firm.models import User

SIZE = 40
_VERBS = {"+": "Added", "~": "Changed", "-": "Removed"}
#: Columns of our own book-keeping, not of the object.
_HIDDEN = {
    "id", "history_id", "history_date", "history_change_reason", "history_type", "history_user", "system", "actor",
    "authoriser", "run_ref", "practice_ref", "salt",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One column of one change."""

    field: str
    old: str
    new: str


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
    return {model._meta.label_lower: str(model._meta.verbose_name).capitalize() for model in audited_models()}


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


def latest(practice_id: int, *, kind: str = "", page: int = 1) -> Latest:
    """The newest changes of a practice, of one kind or of all; pages count from 1 and end at 200."""
    models = [model for model in audited_models() if not kind or model._meta.label_lower == kind]
    page = min(max(1, page), 200)
    first, *others = [_index(model, practice_id, page * SIZE + 1) for model in models]
    ordered = first.union(*others, all=True).order_by("-history_date", "audited", "-history_id")
    found = list(ordered[(page - 1) * SIZE : page * SIZE + 1])
    shown = [(row["audited"], row["id"], row["history_id"]) for row in found[:SIZE]]
    return Latest(_rows(shown), page - 1 or None, page + 1 if len(found) > SIZE else None)


def story(practice_id: int, *, kind: str, pk: int) -> list[Row]:
    """Everything that happened to one object, newest first (the newest 500)."""
    rows = _history(_model(kind)).filter(practice_ref=practice_id, id=pk).order_by("-history_id")
    ids = rows.values_list("history_id", flat=True)[:500]
    return _rows([(kind, pk, history_id) for history_id in ids], initial=True)


def _model(label: str) -> type[Audited]:
    return next(model for model in audited_models() if model._meta.label_lower == label)


def _history(model: type[Audited]) -> Any:
    return model.history.model.objects.all()  # type: ignore[attr-defined]


def _index(model: type[Audited], practice_id: int, limit: int) -> Any:
    newest = _history(model).filter(practice_ref=practice_id).order_by("-history_date", "-history_id")
    label = Value(model._meta.label_lower, output_field=CharField())
    rows = _history(model).filter(history_id__in=newest.values("history_id")[:limit])
    return rows.annotate(audited=label).values("history_id", "id", "history_date", "audited").order_by()


def _rows(shown: list[tuple[str, int, int]], *, initial: bool = False) -> list[Row]:
    """The rows for (kind, object, history row): one query per kind, and one per table that changes point at."""
    pairs = _pairs(shown)
    names = _Names(list(pairs.values()))
    return [_row(*pairs[label, history_id], initial=initial, names=names) for label, _, history_id in shown]


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


def _row(model: type[Audited], row: Any, old: Any, *, initial: bool, names: _Names) -> Row:
    shown = row.history_type == "~" or (initial and row.history_type == "+")
    return Row(
        at=row.history_date,
        verb=_VERBS[row.history_type],
        kind=model._meta.label_lower,
        noun=str(model._meta.verbose_name),
        pk=row.id,
        what=_what(model, row, names),
        who=str(row.history_user or row.actor or row.system),
        system=row.system,
        authoriser=row.authoriser,
        reason=row.history_change_reason or "",
        run=row.run_ref,
        changes=_changes(row, old, names) if shown else [],
    )


def _what(model: type[Audited], row: Any, names: _Names) -> str:
    for name in ("name", "number", "title", "line1"):
        if getattr(row, name, ""):
            return str(getattr(row, name))
    if hasattr(row, "user_id"):
        return names.of(User, row.user_id)
    return f"{model._meta.verbose_name} {row.id}"


def _changes(row: Any, old: Any, names: _Names) -> list[Change]:
    changes = []
    for field in row._meta.concrete_fields:
        if field.name in _HIDDEN or field.name == "practice":
            continue
        new, was = getattr(row, field.attname), getattr(old, field.attname) if old is not None else None
        if new != was and not (old is None and new in ("", None)):
            label = str(field.verbose_name)
            changes.append(Change(label, _value(field, was, names), _value(field, new, names)))
    return changes


def _value(field: Any, value: Any, names: _Names) -> str:
    if value in (None, ""):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field.is_relation:
        return names.of(field.related_model, value)
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(value, datetime):
        return f"{value:%-d %b %Y %H:%M}"
    return str(value)[:300]


class _Names:
    """The names of rows that changes point at, looked up together, and of whom a role belongs to."""

    def __init__(self, pairs: list[tuple[type[Audited], Any, Any]]) -> None:
        wanted: dict[Any, set[int]] = defaultdict(set)
        for model, new, old in pairs:
            for field in _pointers(model):
                ids = {getattr(new, field.attname), getattr(old, field.attname, None)}
                if len(ids) > 1 or field.name == "user":
                    wanted[field.related_model] |= {pk for pk in ids if pk is not None}
        self.known = {
            (model, row.pk): str(row) for model, pks in wanted.items() for row in model._base_manager.filter(pk__in=pks)
        }

    def of(self, model: Any, pk: int) -> str:
        """The name of one row."""
        return self.known.get((model, pk), "one that was removed")


def _pointers(model: type[Audited]) -> list[Any]:
    return [f for f in model._meta.concrete_fields if f.is_relation and f.name not in _HIDDEN and f.name != "practice"]
