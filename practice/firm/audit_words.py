"""How the audit trail words a change: columns and values as people know them, in the practice's time zone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from practice.core import dates
from practice.core.audit import Audited

#: Columns of our own book-keeping, not of the object.
_HIDDEN = {
    "id", "history_id", "history_date", "history_change_reason", "history_type", "history_user", "system", "actor",
    "authoriser", "run_ref", "practice_ref", "salt", "practice",
}  # fmt: skip
#: Names and proofs that only machines compare.
_TECHNICAL = re.compile(r"_ref$|_digest$|^key$|_key$|^remote_")
#: A code that stands for words of its own: "put_back".
_CODE = re.compile(r"[a-z]+(_[a-z]+)+")

Pair = tuple[type[Audited], Any, Any]


@dataclass(frozen=True)
class Change:
    """One column of one change."""

    field: str
    old: str
    new: str


class Teller:
    """Words history rows; the rows they point at are looked up together, one query per table."""

    def __init__(self, pairs: Iterable[Pair], zone: str) -> None:
        self.zone = ZoneInfo(zone)
        wanted: dict[Any, set[int]] = defaultdict(set)
        for model, new, old in pairs:
            for field in (f for f in model._meta.concrete_fields if f.is_relation and _column(model, f)):
                ids = {getattr(new, field.attname), getattr(old, field.attname, None)}
                if len(ids) > 1 or field.name == model.CALLED_AFTER:
                    wanted[field.related_model] |= {pk for pk in ids if pk is not None}
        self.known = {
            (model, row.pk): str(row) for model, pks in wanted.items() for row in model._base_manager.filter(pk__in=pks)
        }

    def title(self, model: type[Audited], row: Any) -> str:
        """What a row is called: by its own columns, or after the row it belongs to."""
        if model.CALLED_AFTER:
            field: Any = model._meta.get_field(model.CALLED_AFTER)
            return self._name(field, getattr(row, field.attname))
        return row.instance.audit_title() or model.audit_noun().capitalize()

    def changes(self, model: type[Audited], row: Any, old: Any) -> list[Change]:
        """What one history row changed, or gave at first when there is none before it."""
        changes = []
        for field in row._meta.concrete_fields:
            words = _column(model, field)
            new, was = getattr(row, field.attname), getattr(old, field.attname) if old is not None else None
            if words and new != was and not (old is None and new in ("", None)):
                changes.append(Change(words, self._value(field, was), self._value(field, new)))
        return [change for change in changes if change.old != change.new]

    def _value(self, field: Any, value: Any) -> str:
        if value in (None, "", {}, []):
            return "nothing"
        if isinstance(value, bool):
            return "yes" if value else "no"
        if field.is_relation:
            return self._name(field, value)
        if field.choices:
            return str(dict(field.flatchoices).get(value, value))
        if isinstance(value, datetime):
            local = value.astimezone(self.zone)
            return f"{dates.in_words(local.date())} {local:%H:%M}"
        if isinstance(value, date):
            return dates.in_words(value)
        return _text(value)

    def _name(self, field: Any, pk: int) -> str:
        return self.known.get((field.related_model, pk), "one that was removed")


def _column(model: type[Audited], field: Any) -> str:
    """What people call a column; "" for one that is none of theirs."""
    if field.name in _HIDDEN or _TECHNICAL.search(field.name):
        return ""
    return str(model.WORDS.get(field.name, field.verbose_name))


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_text(name)}: {_text(one)}" for name, one in value.items())[:300]
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)[:300]
    text = str(value)[:300]
    return text.replace("_", " ") if _CODE.fullmatch(text) else text
