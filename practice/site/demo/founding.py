"""Founding the demo's firms with the product's own actions: people, services, terms, clients, ledger, Stripe."""

from __future__ import annotations

import unicodedata
from typing import Any

from allauth.account.models import EmailAddress

from billing import stripe_accounts
from ledger_sync.connection import connecting
from ledger_sync.models import Connection
from practice.core import audit
from practice.firm import clients, practices, services
from practice.firm.models import Client, Entity, Membership, Practice, User
from practice.site.demo.cast import PLAYERS, SUMMARY, FirmCast
from proposals import drafting


def found_people() -> dict[str, User]:
    """Everybody who can sign in, by key. They have no password: the demo signs them in with one press."""
    people = {}
    for player in PLAYERS:
        user = User.objects.create_user(player.email, None, name=player.name)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        people[player.key] = user
    return people


def found_firm(cast: FirmCast, people: dict[str, User]) -> Entity:
    """One firm with its entity, roles, catalogue, terms and clients."""
    with audit.cause(system="command", actor="demo"):
        practice = practices.create_practice(
            slug=cast.slug, name=cast.name, entity_name=cast.entity, country=cast.country,
            owner=_first(cast, people, "owner"),
        )  # fmt: skip
        practice.initials, practice.phone = cast.initials, cast.phone
        practice.email = f"hello@{cast.slug.replace('-', '')}.example"
        practice.save(update_fields=["initials", "phone", "email"])
        entity = practice.entities.get()
        entity.currency, entity.time_zone, entity.tax_number = cast.currency, cast.zone, cast.tax_number
        entity.tax_basis, entity.deposit_kind, entity.address = cast.basis, cast.deposit_kind, cast.address
        entity.save(update_fields=["currency", "time_zone", "tax_number", "tax_basis", "deposit_kind", "address"])
        for player in PLAYERS:
            for role in player.roles.get(cast.slug, ()):
                Membership.objects.get_or_create(practice=practice, user=people[player.key], role=role)
        for offer in cast.offers:
            services.create_service(
                practice=practice, code=offer.code, name=offer.name, description=offer.description, price=offer.price,
                currency=cast.currency, unit_name=offer.unit, cadence=offer.cadence, treatment="standard",
            )  # fmt: skip
        drafting.write_terms(practice_id=practice.pk, name="Engagement terms", body=cast.terms, summary=SUMMARY)
        partner = _first(cast, people, "partner")
        for number, (name, person) in enumerate(cast.clients, start=1):
            found_client(practice, cast, partner, number, name, person)
    return entity


def found_client(practice: Practice, cast: FirmCast, partner: User, number: int, name: str, person: str) -> Client:
    """One client with somebody who signs and an address."""
    host = "".join(c for c in name.lower() if c.isalnum())
    suffix = {"AU": "Pty Ltd", "US": "LLC"}[cast.country]
    client = clients.create_client(
        practice=practice, name=f"{name} {suffix}", billing_email=f"accounts@{host}.example", payment_days=14,
        country=cast.country, currency=cast.currency, partner=partner, phone=f"555 01{number:02d}",
    )  # fmt: skip
    first = unicodedata.normalize("NFKD", person.split(maxsplit=1)[0].lower()).encode("ascii", "ignore").decode()
    clients.set_person(
        client_id=client.pk,
        name=person,
        email=f"{first}@{host}.example",
        role="Director",
        signs=True,
        receives_bills=True,
    )
    clients.set_address(
        client_id=client.pk, line1=f"{number} Station Street", city=cast.city, region=cast.region,
        postcode="2000" if cast.country == "AU" else "60601", country=cast.country,
    )  # fmt: skip
    return client


def connect_ledger(cast: FirmCast, entity: Entity, keys: dict[str, Any]) -> Connection:
    """Connect the entity's sandbox ledger and map it by the defaults."""
    with audit.cause(system="command", actor="demo"):
        return connecting.connect_sandbox(entity=entity, provider=cast.provider, keys=keys)


def connect_stripe(cast: FirmCast, entity: Entity, keys: dict[str, Any]) -> None:
    """Connect the entity's sandbox Stripe account."""
    with audit.cause(system="command", actor="demo"):
        stripe_accounts.connect_account(
            entity=entity, secret_key=keys["secret_key"], publishable_key=keys["publishable_key"]
        )


def _first(cast: FirmCast, people: dict[str, User], role: str) -> User:
    for player in PLAYERS:
        if role in player.roles.get(cast.slug, ()):
            return people[player.key]
    raise LookupError(f"nobody is {role} at {cast.name}")
