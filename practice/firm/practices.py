"""Starting a practice, its legal entities and the tax they charge."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from django.core.exceptions import ValidationError
from django.db import transaction

from practice.core import clock, dates, events
from practice.firm import people, tax_numbers
from practice.firm.models import Entity, Membership, Practice, TaxRate, User
from practice.firm.refusals import Refused

#: What a number may begin with: it becomes a file's name, a header and a ledger's key.
_PREFIX = re.compile(r"[A-Za-z0-9./_-]+")
_MOST_DAYS = 365


class PracticeRefused(Refused):
    """The practice, entity or rate was not saved, and why."""


@dataclass(frozen=True)
class Regime:
    """What a country starts with: currency, time zone, what its tax is called, its standard rate in per cent."""

    currency: str
    time_zone: str
    tax_name: str
    standard: Decimal
    basis: str = Entity.Basis.INVOICE


REGIMES = {
    "AU": Regime("AUD", "Australia/Sydney", "GST", Decimal(10)),
    "NZ": Regime("NZD", "Pacific/Auckland", "GST", Decimal(15)),
    "GB": Regime("GBP", "Europe/London", "VAT", Decimal(20)),
    "US": Regime("USD", "America/New_York", "Sales tax", Decimal(0), Entity.Basis.NONE),
}


class EntityFacts(TypedDict, total=False):
    """What is known of a legal entity."""

    name: str
    time_zone: str
    tax_number: str
    tax_name: str
    tax_basis: str
    deposit_kind: str
    invoice_prefix: str
    credit_prefix: str
    address: str
    billing_hour: int
    payment_days: int


class PracticeFacts(TypedDict, total=False):
    """What is known of a practice."""

    name: str
    initials: str
    brand_colour: str
    phone: str
    email: str
    data_region: str


@transaction.atomic
def create_practice(
    *, name: str, slug: str, country: str, owner: User | None = None, entity_name: str = ""
) -> Practice:
    """Start a practice with its first entity, that country's tax rates, and its owner. Raises PracticeRefused."""
    practice = Practice(name=name, slug=slug, initials=initials_of(name))
    _check(practice)
    practice.save()
    add_entity(practice=practice, country=country, name=entity_name or name)
    if owner is not None:
        people.grant_role(practice=practice, user=owner, role=Membership.Role.OWNER)
    return practice


@transaction.atomic
def add_entity(*, practice: Practice, country: str, **facts: Unpack[EntityFacts]) -> Entity:
    """Add a legal entity with the currency, time zone and tax rates of its country. Raises PracticeRefused."""
    regime = REGIMES[country]
    entity = Entity(
        practice=practice,
        country=country,
        currency=regime.currency,
        time_zone=regime.time_zone,
        tax_name=regime.tax_name,
        tax_basis=regime.basis,
    )
    _set(entity, dict(facts))
    _check_tax_number(entity)
    _check_billing(entity)
    _check(entity)
    entity.save()
    for treatment in TaxRate.Treatment.values:
        rate = regime.standard if treatment == TaxRate.Treatment.STANDARD else Decimal(0)
        TaxRate.objects.create(entity=entity, treatment=treatment, rate=rate)
    return entity


@transaction.atomic
def update_practice(*, practice_id: int, **changes: Unpack[PracticeFacts]) -> Practice:
    """Change how the practice is known. Records ``firm.practice.changed`` with ``fields``. Raises PracticeRefused."""
    practice = Practice.objects.select_for_update().get(pk=practice_id)
    fields = _set(practice, dict(changes))
    if fields:
        _check(practice)
        practice.save(update_fields=fields)
        events.record("firm.practice.changed", practice, fields=fields)
    return practice


@transaction.atomic
def update_entity(*, entity_id: int, **changes: Unpack[EntityFacts]) -> Entity:
    """Change an entity; country and currency stay. Records ``firm.entity.changed``. Raises PracticeRefused."""
    entity = Entity.objects.select_for_update().get(pk=entity_id)
    fields = _set(entity, dict(changes))
    if fields:
        _check_tax_number(entity)
        _check_billing(entity)
        _check(entity)
        entity.save(update_fields=fields)
        events.record("firm.entity.changed", entity, fields=fields)
    return entity


@transaction.atomic
def set_tax_rate(*, entity_id: int, treatment: str, rate: Decimal, valid_from: date) -> TaxRate:
    """Charge a new rate, in per cent, from a day on; rates of the past stay. Raises PracticeRefused.

    Records ``firm.tax_rate.changed``.
    """
    entity = Entity.objects.select_for_update().get(pk=entity_id)
    last = entity.tax_rates.filter(treatment=treatment).order_by("-valid_from").first()
    if last is not None and valid_from <= last.valid_from:
        raise PracticeRefused(
            f"The new rate must start after {dates.in_words(last.valid_from)}, when the present one did", "valid_from"
        )
    if (valid_from - clock.today(entity.time_zone)).days > 5 * _MOST_DAYS:
        # No rate can begin before the last one: a slip in the year could never be put right.
        raise PracticeRefused(f"The rate would start on {dates.in_words(valid_from)}: check the year", "valid_from")
    row = TaxRate(entity=entity, treatment=treatment, rate=rate, valid_from=valid_from)
    _check(row)
    row.save()
    events.record("firm.tax_rate.changed", row)
    return row


def initials_of(name: str) -> str:
    """Two letters for the seal: "Harbour & Vale Pty Ltd" is HV."""
    forms = {"ltd", "limited", "pty", "llp", "llc", "inc", "plc"}
    words = [word for word in name.split() if word[0].isalnum() and word.lower().strip(".,") not in forms]
    return "".join(word[0] for word in words[:2]).upper() or "?"


def _set(row: Any, facts: dict[str, Any]) -> list[str]:
    """Set what differs. Returns the names of the fields that now differ; only an address has lines of its own."""
    tidy = {n: " ".join(v.split()) if isinstance(v, str) and n != "address" else v for n, v in facts.items()}
    changed = [name for name, value in tidy.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, tidy[name])
    return changed


def _check_billing(entity: Entity) -> None:
    if not _PREFIX.fullmatch(entity.invoice_prefix):
        raise PracticeRefused("Use letters, digits and - / . _ before the number, like CS-", "invoice_prefix")
    if entity.payment_days > _MOST_DAYS:
        raise PracticeRefused("Enter a year at most, in days", "payment_days")


def _check_tax_number(entity: Entity) -> None:
    try:
        entity.tax_number = tax_numbers.normalise(entity.tax_number, entity.country)
    except ValueError as error:
        raise PracticeRefused(str(error), "tax_number") from error


def _check(row: Practice | Entity | TaxRate) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise PracticeRefused(messages[0], "" if field == "__all__" else field) from error
