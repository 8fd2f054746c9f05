"""Everything that changes a client, the people at it, its addresses and its group.

A change of a person or an address is a change of the client: to a ledger they are one contact.
"""

from __future__ import annotations

from typing import Any, TypedDict, TypeVar, Unpack

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from practice.core import clock, events, gates
from practice.core.audit import Audited
from practice.firm import tax_numbers
from practice.firm.models import Address, Client, Group, Person, Practice, User
from practice.firm.refusals import Refused

R = TypeVar("R", bound=Audited)


class ClientRefused(Refused):
    """The client, person or address was not saved, and why."""


class ClientFacts(TypedDict, total=False):
    """What is known of a client."""

    kind: str
    name: str
    billing_email: str
    phone: str
    country: str
    company_number: str
    tax_number: str
    tax_treatment: str
    tax_exempt_reason: str
    currency: str
    payment_days: int
    group: Group | None
    partner: User | None


class PersonFacts(TypedDict, total=False):
    """What is known of somebody at a client."""

    name: str
    email: str
    phone: str
    role: str
    signs: bool
    receives_bills: bool


class AddressFacts(TypedDict, total=False):
    """The lines of an address."""

    line1: str
    line2: str
    city: str
    region: str
    postcode: str
    country: str


@transaction.atomic
def create_client(*, practice: Practice, **facts: Unpack[ClientFacts]) -> Client:
    """Add a client; country and currency default to those of the practice's first entity.

    Records ``firm.client.created``. Raises ClientRefused.
    """
    entity = practice.entities.order_by("pk").first()
    client = Client(practice=practice)
    if entity is not None:
        client.country, client.currency, client.payment_days = entity.country, entity.currency, entity.payment_days
    _apply(client, dict(facts))
    _check(client)
    _save(client)
    events.record("firm.client.created", client)
    return client


@transaction.atomic
def update_client(*, client_id: int, **changes: Unpack[ClientFacts]) -> Client:
    """Change what is known of a client; nothing is written when nothing differs.

    Records ``firm.client.changed`` with ``fields``. Raises ClientRefused, also when the gate ``firm.may_change_client``
    says no.
    """
    client = Client.objects.select_for_update().get(pk=client_id)
    fields = _apply(client, dict(changes))
    if not fields:
        return client
    _check(client)
    _ask("firm.may_change_client", client, fields=fields)
    _save(client, fields)
    events.record("firm.client.changed", client, fields=fields)
    return client


@transaction.atomic
def archive_client(*, client_id: int) -> Client:
    """Take a client off the lists. Raises ClientRefused where ``firm.may_archive_client`` says no."""
    client = Client.objects.select_for_update().get(pk=client_id)
    if client.archived_at is None:
        _ask("firm.may_archive_client", client)
        client.archived_at = clock.now()
        _save(client, ["archived_at"])
        events.record("firm.client.changed", client, fields=["archived_at"])
    return client


@transaction.atomic
def restore_client(*, client_id: int) -> Client:
    """Put an archived client back. Raises ClientRefused when its name has been given to another meanwhile."""
    client = Client.objects.select_for_update().get(pk=client_id)
    if client.archived_at is not None:
        client.archived_at = None
        _save(client, ["archived_at"])
        events.record("firm.client.changed", client, fields=["archived_at"])
    return client


@transaction.atomic
def set_person(*, client_id: int, person_id: int | None = None, **facts: Unpack[PersonFacts]) -> Person:
    """Add somebody at a client, or change the one with this id.

    Records ``firm.client.changed``. Raises ClientRefused.
    """
    client = Client.objects.select_for_update().get(pk=client_id)
    person = client.people.get(pk=person_id) if person_id else Person(client=client)
    fields = _apply(person, dict(facts))
    if not person.name or not person.email:
        raise ClientRefused("Enter a name and an email", "email" if person.name else "name")
    if fields:
        _save(person, fields if person_id else None)
        events.record("firm.client.changed", client, fields=["people"])
    return person


@transaction.atomic
def remove_person(*, client_id: int, person_id: int) -> None:
    """Take somebody off a client. Raises ClientRefused when a proposal or a signature names them."""
    client = Client.objects.select_for_update().get(pk=client_id)
    person = client.people.get(pk=person_id)
    try:
        with transaction.atomic():
            person.delete()
    except ProtectedError as error:
        raise ClientRefused(f"{person.name} is named in a proposal or a signature and stays in the record") from error
    events.record("firm.client.changed", client, fields=["people"])


@transaction.atomic
def set_address(*, client_id: int, kind: str = Address.Kind.BILLING, **facts: Unpack[AddressFacts]) -> Address:
    """Set the billing or postal address of a client. Records ``firm.client.changed``. Raises ClientRefused."""
    client = Client.objects.select_for_update().get(pk=client_id)
    address = client.addresses.filter(kind=kind).first() or Address(client=client, kind=kind, country=client.country)
    fields = _apply(address, dict(facts))
    if not address.line1:
        raise ClientRefused("Enter the first line of the address", "line1")
    if fields:
        _save(address, fields if address.pk else None)
        events.record("firm.client.changed", client, fields=["addresses"])
    return address


@transaction.atomic
def create_group(*, practice: Practice, name: str) -> Group:
    """Start a group of clients that are one relationship. Raises ClientRefused when the name is taken."""
    group = Group(practice=practice, name=name.strip())
    if not group.name:
        raise ClientRefused("Enter a name for the group", "name")
    _save(group)
    return group


@transaction.atomic
def rename_group(*, group_id: int, name: str) -> Group:
    """Give a group another name. Raises ClientRefused when it is taken."""
    group = Group.objects.select_for_update().get(pk=group_id)
    group.name = name.strip()
    if not group.name:
        raise ClientRefused("Enter a name for the group", "name")
    _save(group, ["name"])
    return group


def _apply(row: Any, facts: dict[str, Any]) -> list[str]:
    """Set what differs, tidied. Returns the names of the fields that now differ."""
    changed = []
    for name, given in facts.items():
        value = " ".join(given.split()) if isinstance(given, str) else given
        if name in ("email", "billing_email"):
            value = value.lower()
        if getattr(row, name) != value:
            setattr(row, name, value)
            changed.append(name)
    return changed


def _check(client: Client) -> None:
    if not client.name:
        raise ClientRefused("Enter the client's name", "name")
    if client.tax_treatment == Client.Tax.EXEMPT and not client.tax_exempt_reason:
        raise ClientRefused("Say why this client is exempt", "tax_exempt_reason")
    try:
        client.tax_number = tax_numbers.normalise(client.tax_number, client.country)
    except ValueError as error:
        raise ClientRefused(str(error), "tax_number") from error


def _ask(question: str, client: Client, **facts: Any) -> None:
    answer = gates.ask(question, client, **facts)
    if not answer.is_yes:
        raise ClientRefused(answer.reason)


_TAKEN = {
    "client": ("There is already a client of this name", "name"),
    "person": ("Somebody with this email is already at this client", "email"),
    "group": ("There is already a group of this name", "name"),
}


def _save(row: Audited, fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            row.save(update_fields=fields)
    except IntegrityError as error:
        words, field = _TAKEN.get(row._meta.model_name or "", ("This could not be saved", ""))
        raise ClientRefused(words, field) from error
