"""Tables of the firm."""

from practice.firm.models.clients import Address, Client, Group, Person
from practice.firm.models.mail import Mail
from practice.firm.models.people import Membership, User
from practice.firm.models.practices import Entity, Practice, TaxRate
from practice.firm.models.services import Service

__all__ = [
    "Address",
    "Client",
    "Entity",
    "Group",
    "Mail",
    "Membership",
    "Person",
    "Practice",
    "Service",
    "TaxRate",
    "User",
]
