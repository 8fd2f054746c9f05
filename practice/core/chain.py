"""The sealed chain: each history row's digest, linked to the one before, so that a removed or altered row shows.

Rows are sealed afterwards, by one sealer at a time: inline sealing would put every writer in one queue, and on
PostgreSQL ids are drawn before they commit. Personal columns enter the digest as salted hashes, so that redaction can
clear a value and its salt while the chain stays whole.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from practice.core.audit import Audited, audited_models
from practice.core.models import AuditEntry


@dataclass(frozen=True)
class Break:
    """One place where the chain and the rows disagree."""

    practice_ref: int
    seq: int
    model: str
    history_id: int
    what: str


def seal(limit: int = 500) -> int:
    """Append an entry for each history row that has none yet, oldest first. Returns how many were sealed."""
    sealed = 0
    for model in audited_models():
        with transaction.atomic():
            sealed += _seal_model(model, limit)
    return sealed


def unsealed() -> int:
    """How many history rows wait to be sealed."""
    return sum(_waiting(model).count() for model in audited_models())


def verify(practice_ref: int) -> list[Break]:
    """Walk one practice's chain and name every break, in order; an empty list means that it is whole."""
    return list(_breaks(practice_ref))


def _waiting(model: type[Audited]) -> Any:
    history = model.history.model  # type: ignore[attr-defined]
    done = AuditEntry.objects.filter(model=model._meta.label_lower).values("history_id")
    return history.objects.filter(practice_ref__isnull=False).exclude(history_id__in=done).order_by("history_id")


def _seal_model(model: type[Audited], limit: int) -> int:
    rows = list(_waiting(model)[:limit])
    heads: dict[int, AuditEntry | None] = {}
    for row in rows:
        ref = row.practice_ref
        if ref not in heads:
            last = AuditEntry.objects.select_for_update().filter(practice_ref=ref).order_by("-seq")
            heads[ref] = last.first()
        heads[ref] = _append(model, row, heads[ref])
    return len(rows)


def _append(model: type[Audited], row: Any, head: AuditEntry | None) -> AuditEntry:
    version, personal, digest = _digest(model, row, {})
    prev = head.hash if head else ""
    seq = head.seq + 1 if head else 1
    label = model._meta.label_lower
    return AuditEntry.objects.create(
        practice_ref=row.practice_ref,
        seq=seq,
        model=label,
        history_id=row.history_id,
        at=row.history_date,
        actor=row.actor,
        system=row.system,
        fields_version=version,
        personal=personal,
        digest=digest,
        prev=prev,
        hash=_hash(prev, str(seq), label, str(row.history_id), digest),
    )


def _digest(model: type[Audited], row: Any, known: dict[str, str]) -> tuple[str, dict[str, str], str]:
    """The field-list version, the salted personal hashes and the digest; a redacted row keeps the known hashes."""
    names = sorted(f.attname for f in row._meta.concrete_fields if f.attname not in ("salt",))
    version = _hash(*names)
    personal, plain = {}, {}
    for name in names:
        value = str(getattr(row, name))
        if name in model.PERSONAL:
            personal[name] = _hash(row.salt, value) if row.salt else known.get(name, "")
        else:
            plain[name] = value
    return version, personal, _hash(version, json.dumps(plain, sort_keys=True), json.dumps(personal, sort_keys=True))


def _breaks(practice_ref: int) -> Iterator[Break]:
    prev, expected = "", 1
    for entry, model, row in _with_rows(practice_ref):
        where = (practice_ref, entry.seq, entry.model, entry.history_id)
        if entry.seq != expected or entry.prev != prev:
            yield Break(*where, "an entry before this one is missing")
        if entry.hash != _hash(entry.prev, str(entry.seq), entry.model, str(entry.history_id), entry.digest):
            yield Break(*where, "this entry was altered")
        if model is None or row is None:
            yield Break(*where, "the history row is gone")
        elif _digest(model, row, entry.personal)[2] != entry.digest:
            yield Break(*where, "the history row was altered")
        prev, expected = entry.hash, entry.seq + 1


def _with_rows(practice_ref: int) -> Iterator[tuple[AuditEntry, type[Audited] | None, Any]]:
    """Each entry with its model and history row, read a thousand entries at a time."""
    models = {model._meta.label_lower: model for model in audited_models()}
    entries = AuditEntry.objects.filter(practice_ref=practice_ref).order_by("seq")
    after = 0
    while chunk := list(entries.filter(seq__gt=after)[:1000]):
        after = chunk[-1].seq
        wanted: dict[str, list[int]] = defaultdict(list)
        for entry in chunk:
            wanted[entry.model].append(entry.history_id)
        rows = {
            (label, row.history_id): row
            for label, ids in wanted.items()
            if label in models
            for row in models[label].history.model.objects.filter(history_id__in=ids)  # type: ignore[attr-defined]
        }
        for entry in chunk:
            yield entry, models.get(entry.model), rows.get((entry.model, entry.history_id))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
