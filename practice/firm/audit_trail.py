"""Reading the audit trail: history rows of every kind as one list, each with what changed from what to what."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from django.db.models import CharField, QuerySet, Value

from practice.core.audit import Audited, audited_models
from practice.core.models import AuditEntry
from practice.firm.models import User

SIZE = 40
_VERBS = {"+": "Added", "~": "Changed", "-": "Removed"}
#: Columns of our own book-keeping, not of the object.
_HIDDEN = {
    "id", "history_id", "history_date", "history_change_reason", "history_type", "history_user", "system", "actor",
    "authoriser", "run", "practice_ref", "salt",
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


def latest(practice_id: int, *, kind: str = "", page: int = 1) -> Latest:
    """The newest changes of a practice, of one kind or of all; pages count from 1 and end at 200."""
    models = [model for model in audited_models() if not kind or model._meta.label_lower == kind]
    page = min(max(1, page), 200)
    stretch = reduce(lambda a, b: a.union(b, all=True), [_index(m, practice_id, page * SIZE + 1) for m in models])
    ordered = stretch.order_by("-history_date", "audited", "-history_id")
    found = list(ordered[(page - 1) * SIZE : page * SIZE + 1])
    wanted: dict[str, list[int]] = defaultdict(list)
    for row in found[:SIZE]:
        wanted[row["audited"]].append(row["history_id"])
    names = _Names()
    made = {(label, pk): row for label, ids in wanted.items() for pk, row in _rows(_model(label), ids, names)}
    rows = [made[row["audited"], row["history_id"]] for row in found[:SIZE]]
    return Latest(rows, page - 1 or None, page + 1 if len(found) > SIZE else None)


def story(practice_id: int, *, kind: str, pk: int) -> list[Row]:
    """Everything that happened to one object, newest first (the newest 500)."""
    model = _model(kind)
    rows = _history(model).filter(practice_ref=practice_id, id=pk).order_by("-history_id")
    ids = list(rows.values_list("history_id", flat=True)[:500])
    return [row for _, row in _rows(model, ids, _Names(), initial=True)]


def _model(label: str) -> type[Audited]:
    return next(model for model in audited_models() if model._meta.label_lower == label)


def _history(model: type[Audited]) -> QuerySet[Any]:
    rows: QuerySet[Any] = model.history.model.objects.all()  # type: ignore[attr-defined]
    return rows


def _index(model: type[Audited], practice_id: int, limit: int) -> QuerySet[Any, dict[str, Any]]:
    newest = _history(model).filter(practice_ref=practice_id).order_by("-history_date", "-history_id")
    label = Value(model._meta.label_lower, output_field=CharField())
    rows = _history(model).filter(history_id__in=newest.values("history_id")[:limit])
    return rows.annotate(audited=label).values("history_id", "history_date", "audited").order_by()


def _rows(model: type[Audited], ids: list[int], names: _Names, *, initial: bool = False) -> list[tuple[int, Row]]:
    """The rows of one kind with what each changed, in three queries and one per table that changes point at."""
    if not ids:
        return []
    rows = list(_history(model).filter(history_id__in=ids).select_related("history_user").order_by("-history_id"))
    older = _history(model).filter(id__in={row.id for row in rows}, history_id__lte=max(ids)).order_by("history_id")
    before: dict[int, Any] = {}
    last: dict[int, Any] = {}
    for row in older:
        before[row.history_id] = last.get(row.id)
        last[row.id] = row
    names.load(model, [(row, before.get(row.history_id)) for row in rows])
    return [
        (row.history_id, _row(model, row, before.get(row.history_id), initial=initial, names=names)) for row in rows
    ]


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
        run=row.run,
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
    """The names of rows that changes point at, looked up together."""

    def __init__(self) -> None:
        self.known: dict[tuple[Any, int], str] = {}

    def load(self, model: type[Audited], pairs: list[tuple[Any, Any]]) -> None:
        """Look up what the foreign keys of these rows pointed at, where that changed, and whom roles belong to."""
        wanted: dict[Any, set[int]] = defaultdict(set)
        for field in model._meta.concrete_fields:
            if field.is_relation and field.name not in _HIDDEN and field.name != "practice":
                for new, old in pairs:
                    ids = {getattr(new, field.attname), getattr(old, field.attname, None)}
                    if len(ids) > 1 or field.name == "user":
                        wanted[field.related_model] |= {pk for pk in ids if pk is not None}
        for target, pks in wanted.items():
            for row in target._base_manager.filter(pk__in=pks):
                self.known[target, row.pk] = str(row)

    def of(self, model: Any, pk: int) -> str:
        """The name of one row."""
        return self.known.get((model, pk), "one that was removed")
