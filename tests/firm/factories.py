"""The firm's rows for tests, made through the firm's own actions; all names are fictional."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import Any

from allauth.mfa.models import Authenticator

from practice.firm import clients, people, practices, services
from practice.firm.models import Client, Membership, Person, Practice, Service, User

_n = count(1)
PASSWORD = "correct horse battery staple"


def make_practice(country: str = "AU", **facts: Any) -> Practice:
    """A practice with one entity: Harbour & Vale, unless told otherwise."""
    facts.setdefault("name", "Harbour & Vale")
    facts.setdefault("slug", f"harbour-{next(_n)}")
    return practices.create_practice(country=country, **facts)


def make_user(name: str = "Alice Vale", **facts: Any) -> User:
    """Somebody who can sign in with ``PASSWORD``."""
    email = facts.pop("email", f"{name.split(maxsplit=1)[0].lower()}{next(_n)}@harbour.example")
    return User.objects.create_user(email, PASSWORD, name=name, **facts)


def make_member(practice: Practice, *roles: str, name: str = "Alice Vale", second_factor: bool = True) -> User:
    """A member with roles; owners and sync admins get the second factor they need, unless told otherwise."""
    user = make_user(name)
    for role in roles:
        people.grant_role(practice=practice, user=user, role=role)
    if second_factor and {Membership.Role.OWNER, Membership.Role.SYNC_ADMIN} & set(roles):
        Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "encrypted"})
    return user


def make_client(practice: Practice, **facts: Any) -> Client:
    """A client of the practice."""
    facts.setdefault("name", f"Larkspur Bakery {next(_n)}")
    facts.setdefault("billing_email", "accounts@larkspur.example")
    return clients.create_client(practice=practice, **facts)


def make_person(client: Client, **facts: Any) -> Person:
    """Somebody who signs for a client."""
    facts.setdefault("name", "Amélie Larkspur")
    facts.setdefault("email", f"amelie{next(_n)}@larkspur.example")
    facts.setdefault("signs", True)
    return clients.set_person(client_id=client.pk, **facts)


def make_service(practice: Practice, **facts: Any) -> Service:
    """A service the practice sells."""
    facts.setdefault("name", f"Bookkeeping {next(_n)}")
    facts.setdefault("price", Decimal("320.0000"))
    return services.create_service(practice=practice, **facts)
