"""Everything that changes the service catalogue. Prices are per unit, without tax, in the service's currency."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from django.db import IntegrityError, transaction

from practice.core import clock, events
from practice.firm.models import Practice, Service
from practice.firm.refusals import Refused


class ServiceRefused(Refused):
    """The service was not saved, and why."""


class ServiceFacts(TypedDict, total=False):
    """What is known of a service."""

    code: str
    name: str
    description: str
    price: Decimal
    currency: str
    unit_name: str
    cadence: str
    treatment: str


@transaction.atomic
def create_service(*, practice: Practice, **facts: Unpack[ServiceFacts]) -> Service:
    """Add a service; without a code it gets one from its name, without a currency that of the first entity.

    Records ``firm.service.changed`` with ``fields``. Raises ServiceRefused.
    """
    service = Service(practice=practice, **facts)
    if not service.currency:
        entity = practice.entities.order_by("pk").first()
        service.currency = entity.currency if entity else ""
    service.code = service.code.strip() or _code_for(practice, service.name)
    _check(service)
    _save(service)
    events.record("firm.service.changed", service, fields=sorted(facts))
    return service


@transaction.atomic
def update_service(*, service_id: int, **changes: Unpack[ServiceFacts]) -> Service:
    """Change a service; agreements signed before keep their own words and prices.

    Records ``firm.service.changed`` with ``fields``. Raises ServiceRefused.
    """
    service = Service.objects.select_for_update().get(pk=service_id)
    given: dict[str, Any] = dict(changes)
    fields = [name for name, value in given.items() if getattr(service, name) != value]
    if not fields:
        return service
    for name in fields:
        setattr(service, name, given[name])
    _check(service)
    _save(service, fields)
    events.record("firm.service.changed", service, fields=fields)
    return service


@transaction.atomic
def archive_service(*, service_id: int) -> Service:
    """Stop offering a service; nothing that was agreed changes."""
    service = Service.objects.select_for_update().get(pk=service_id)
    if service.archived_at is None:
        service.archived_at = clock.now()
        _save(service, ["archived_at"])
        events.record("firm.service.changed", service, fields=["archived_at"])
    return service


@transaction.atomic
def restore_service(*, service_id: int) -> Service:
    """Offer an archived service again."""
    service = Service.objects.select_for_update().get(pk=service_id)
    if service.archived_at is not None:
        service.archived_at = None
        _save(service, ["archived_at"])
        events.record("firm.service.changed", service, fields=["archived_at"])
    return service


def _check(service: Service) -> None:
    if not service.name.strip():
        raise ServiceRefused("Enter a name for the service", "name")
    if service.price is None or service.price < 0:
        raise ServiceRefused("Enter a price of zero or more", "price")


def _code_for(practice: Practice, name: str) -> str:
    stem = re.sub(r"[^A-Z0-9]+", "-", name.upper()).strip("-")[:26] or "SERVICE"
    taken = set(Service.objects.filter(practice=practice, code__startswith=stem).values_list("code", flat=True))
    code, n = stem, 1
    while code in taken:
        n += 1
        code = f"{stem}-{n}"
    return code


def _save(service: Service, fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            service.save(update_fields=fields)
    except IntegrityError as error:
        raise ServiceRefused(f"The code {service.code} is taken by another service", "code") from error
