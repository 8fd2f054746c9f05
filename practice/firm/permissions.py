"""Who may do what: one table, asked by views, templates and actions alike."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from practice.firm.models import Entity, Membership, Practice, User

Role = Membership.Role
_EVERYONE = frozenset(Role.values)

#: Permission → roles that hold it. The owner may do everything and is not repeated.
TABLE: dict[str, frozenset[str]] = {
    "practice.read": _EVERYONE,
    "proposals.read": _EVERYONE,
    "proposals.draft": frozenset({Role.PARTNER, Role.PREPARER}),
    "proposals.send": frozenset({Role.PARTNER}),
    "clients.read": _EVERYONE,
    "clients.edit": frozenset({Role.PARTNER, Role.PREPARER, Role.BILLING}),
    "services.edit": frozenset({Role.PARTNER}),
    "billing.read": _EVERYONE,
    "billing.run": frozenset({Role.BILLING, Role.PARTNER}),
    "billing.collect": frozenset({Role.BILLING, Role.PARTNER}),
    "billing.correct": frozenset({Role.BILLING}),
    "billing.finish_work": frozenset({Role.PARTNER, Role.PREPARER, Role.BILLING}),
    "ledger.read": _EVERYONE,
    "ledger.resolve": frozenset({Role.SYNC_ADMIN}),
    "ledger.connect": frozenset({Role.SYNC_ADMIN}),
    "payments.connect": frozenset(),
    "audit.read": frozenset({Role.AUDITOR}),
    "people.edit": frozenset(),
    "settings.edit": frozenset(),
}

_MANY = {
    Role.OWNER: "owners",
    Role.PARTNER: "partners",
    Role.PREPARER: "preparers",
    Role.BILLING: "billing staff",
    Role.SYNC_ADMIN: "sync admins",
    Role.AUDITOR: "auditors",
}
NEEDS_SECOND_FACTOR = frozenset({Role.OWNER, Role.SYNC_ADMIN})


@dataclass
class Member:
    """A user inside one practice: what every view and template asks for permission."""

    user: User
    practice: Practice
    roles: frozenset[str]
    entity: Entity | None = None
    elsewhere: frozenset[int] = frozenset()

    def may(self, what: str) -> bool:
        """Whether one of the roles holds a permission. Raises KeyError for one that is not in the table."""
        return bool(self.roles & TABLE[what]) or Role.OWNER in self.roles

    @cached_property
    def title(self) -> str:
        """The roles in words: "Partner", "Owner and sync admin"."""
        names = [role.label for role in Role if role.value in self.roles]
        return " and ".join([names[0], *(n.lower() for n in names[1:])]) if names else ""

    @property
    def zone(self) -> str:
        """The time zone pages are written in: that of the practice's first entity."""
        return self.entity.time_zone if self.entity else "UTC"

    @property
    def may_services(self) -> bool:
        """Whether service names are links to their form."""
        return self.may("services.edit")

    @property
    def may_clients(self) -> bool:
        """Whether names of clients' people are links to their form."""
        return self.may("clients.edit")

    @property
    def may_settings(self) -> bool:
        """Whether settings are forms; for others they are facts."""
        return self.may("settings.edit")

    @property
    def may_people(self) -> bool:
        """Whether colleagues can be added and their roles changed."""
        return self.may("people.edit")

    @property
    def must_ask(self) -> bool:
        """Whether this member drafts proposals but cannot send them, so asks somebody for review."""
        return self.may("proposals.draft") and not self.may("proposals.send")

    @property
    def only_reads(self) -> bool:
        """Whether this is an auditor and nothing else."""
        return self.roles == {Role.AUDITOR}


def member_of(user: User, practice: Practice) -> Member | None:
    """The user as a member of a practice, or None for an outsider."""
    held = list(Membership.objects.filter(user=user).values_list("practice_id", "role"))
    roles = frozenset(role for practice_id, role in held if practice_id == practice.pk)
    elsewhere = frozenset(practice_id for practice_id, _ in held) - {practice.pk}
    return Member(user, practice, roles, practice.entities.order_by("pk").first(), elsewhere) if roles else None


def other_practices(member: Member) -> list[Practice]:
    """The other practices the same user is part of, by name."""
    return list(Practice.objects.filter(pk__in=member.elsewhere).order_by("name")) if member.elsewhere else []


def needs_second_factor(user: User) -> bool:
    """Whether any role of the user, anywhere, demands a second factor."""
    return Membership.objects.filter(user=user, role__in=NEEDS_SECOND_FACTOR).exists()


def who_may(what: str) -> str:
    """The roles that hold a permission, in words: "Owners, partners and preparers"."""
    if TABLE[what] == _EVERYONE:
        return "Everyone"
    names = [_MANY[role] for role in Role if role.value in TABLE[what] or role == Role.OWNER]
    words = " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
    return words.capitalize()
