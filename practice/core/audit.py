"""Who changed what, from where, on whose authority and why: the columns every history row carries.

django-simple-history writes a row for every save of an audited model. The database itself refuses to change or delete
those rows (:mod:`practice.core.triggers`), and a chain of digests shows a row that was removed or altered
(:mod:`practice.core.chain`).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, TypeVar

from django.db import models
from simple_history.models import HistoricalRecords
from simple_history.signals import pre_create_historical_record
from simple_history.utils import bulk_create_with_history

from practice.core import clock


@dataclass(frozen=True)
class Cause:
    """What started a change: the system, the actor in words, who authorised it, the request or run, and why."""

    system: str = "command"
    actor: str = ""
    authoriser: str = ""
    run: str = ""
    reason: str = ""
    user_id: int | None = None


_NOBODY = Cause()
_cause: ContextVar[Cause] = ContextVar("cause", default=_NOBODY)


def current() -> Cause:
    """The cause of what is being written now."""
    return _cause.get()


@contextmanager
def cause(**facts: Any) -> Iterator[Cause]:
    """Name the cause of everything written in this block; what is not named is taken from the block around it."""
    token = _cause.set(replace(_cause.get(), **facts))
    try:
        yield _cause.get()
    finally:
        _cause.reset(token)


class AuditFields(models.Model):
    """The columns every history row has beside the row itself."""

    system = models.CharField(max_length=20)
    actor = models.CharField(max_length=200, blank=True)
    authoriser = models.CharField(max_length=200, blank=True)
    run_ref = models.CharField(max_length=64, blank=True)
    practice_ref = models.BigIntegerField(null=True)
    salt = models.CharField(max_length=32, blank=True)

    class Meta:
        abstract = True


class Audited(models.Model):
    """A business row whose every save is kept, and what the audit trail calls it and its columns."""

    #: Columns about a person: in the sealed chain they are salted hashes, so that clearing them would not break it.
    PERSONAL: ClassVar[tuple[str, ...]] = ()
    #: What people call such a row, where the table's own name is not their word.
    NOUN: ClassVar[str] = ""
    #: What people call a column, where its own name is not their word; "" leaves a technical one out.
    WORDS: ClassVar[Mapping[str, str]] = {}
    #: The row it is called after, by the name of the foreign key, where it has no name of its own.
    CALLED_AFTER: ClassVar[str] = ""
    history = HistoricalRecords(bases=[AuditFields], inherit=True)

    class Meta:
        abstract = True

    @classmethod
    def audit_noun(cls) -> str:
        """What people call such a row."""
        return cls.NOUN or str(cls._meta.verbose_name)

    def audit_title(self) -> str:
        """What this row is called, from its own columns alone; "" where it is called after another row."""
        names = ("name", "number", "title", "description", "line1", "amount")
        return next((str(value) for name in names if (value := getattr(self, name, ""))), "")

    def audit_practice_id(self) -> int | None:
        """The practice this row belongs to. Rows below an aggregate root ask the root."""
        value = getattr(self, "practice_id", None)
        return int(value) if value is not None else None


def connect() -> None:
    """Fill the audit columns of every history row as simple-history makes it (the one signal of ours)."""
    pre_create_historical_record.connect(_fill, dispatch_uid="core.audit")


def _fill(sender: object, instance: Any, history_instance: Any, **_: Any) -> None:
    for name, value in _columns(instance).items():
        setattr(history_instance, name, value)
    history_instance.history_date = clock.now()
    now = _cause.get()
    if now.reason and not history_instance.history_change_reason:
        history_instance.history_change_reason = now.reason[:100]
    if now.user_id and not history_instance.history_user_id:
        history_instance.history_user_id = now.user_id


def _columns(instance: Audited) -> dict[str, Any]:
    facts = asdict(_cause.get())
    columns = {name: facts[name] for name in ("system", "actor", "authoriser")}
    return {
        **columns,
        "run_ref": facts["run"],
        "practice_ref": instance.audit_practice_id(),
        "salt": secrets.token_hex(16),
    }


M = TypeVar("M", bound=Audited)


def bulk_create(rows: Sequence[M], batch_size: int = 100) -> list[M]:
    """Create many audited rows with their history, under the present cause. All rows are of one practice."""
    if not rows:
        return []
    model: Any = type(rows[0])
    made: list[M] = bulk_create_with_history(
        list(rows),
        model,
        batch_size=batch_size,
        default_change_reason=_cause.get().reason[:100] or None,
        default_date=clock.now(),
        custom_historical_attrs=_columns(rows[0]),
    )
    return made


def audited_models() -> list[type[Audited]]:
    """Every model that keeps its history, in a stable order."""
    from django.apps import apps

    models_ = [m for m in apps.get_models() if issubclass(m, Audited)]
    return sorted(models_, key=lambda m: m._meta.label_lower)
